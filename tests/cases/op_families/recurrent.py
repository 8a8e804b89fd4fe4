"""Cases of the recurrent ops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.cases.op_case import Arguments, add, normal, op_function


class Row(NamedTuple):
    """Sizes and options of one case; ``masked`` leaves about a third of the steps out, whose x is NaN where ``unread``."""

    size: str
    n: int
    T: int
    c: int
    u: int
    activation: str = "tanh"
    recurrent: str = "sigmoid"
    bias: bool = True
    masked: bool = False
    after: bool = True
    unread: bool = False

    def __str__(self) -> str:
        notes = "" if self.bias else ", no bias"
        notes += (", masked" if self.masked else "") + (" and unread" if self.unread else "")
        notes += "" if self.after else ", reset before"
        return f"n {self.n}, T {self.T}, {self.c} to {self.u}, {self.activation} and {self.recurrent}{notes}"


_ROWS = [
    Row("tiny", 1, 1, 1, 1, "tanh", "hard_sigmoid"),
    Row("tiny", 2, 3, 2, 3),
    Row("tiny", 0, 2, 2, 3),
    Row("tiny", 2, 0, 2, 3),
    Row("tiny", 67, 2, 1, 2),
    Row("tiny", 9, 2, 3, 5, "tanh", "hard_sigmoid"),
    Row("tiny", 3, 2, 2, 17, "relu", "linear", bias=False),
    Row("tiny", 5, 4, 2, 3, masked=True),
    Row("small", 2, 4, 3, 2, bias=False),
    Row("small", 2, 3, 3, 4, "relu", "hard_sigmoid"),
    Row("small", 2, 3, 3, 4, "linear", "sigmoid"),
    *[Row("small", 2, 3, 3, n) for n in (1, 7, 13, 17)],
    Row("small", 1, 2, 5, 33, "tanh", "hard_sigmoid"),
    *[Row("small", 2, 3, 3, 4, a) for a in ("softplus", "sigmoid", "hard_sigmoid")],
    *[Row("small", 2, 3, 3, 4, "tanh", s) for s in ("tanh", "relu", "linear", "softplus")],
    Row("small", 7, 5, 3, 17, masked=True),
    Row("small", 1, 5, 3, 4, masked=True, bias=False),
    Row("small", 4, 6, 3, 5, masked=True, unread=True),
    Row("tiny", 5, 4, 2, 3, "tanh", "hard_sigmoid/5"),
    Row("small", 2, 3, 3, 17, "hard_sigmoid/5", "hard_sigmoid/5", masked=True),
    Row("medium", 17, 11, 28, 33, "tanh", "hard_sigmoid"),
    Row("medium", 32, 28, 28, 50),
    Row("medium", 33, 1, 20, 50),
    Row("medium", 1, 12, 20, 64, bias=False),
    Row("medium", 16, 5, 13, 128),
    Row("medium", 70, 3, 13, 170, "tanh", "hard_sigmoid"),
    Row("medium", 35, 9, 13, 65, masked=True),
]
_BEFORE = [
    Row("tiny", 2, 3, 2, 3, after=False),
    Row("tiny", 2, 0, 2, 3, after=False),
    Row("tiny", 0, 2, 2, 3, after=False),
    Row("tiny", 1, 1, 1, 1, "tanh", "hard_sigmoid/5", after=False),
    Row("small", 3, 4, 2, 5, "relu", "hard_sigmoid", bias=False, masked=True, after=False),
    Row("small", 4, 6, 3, 5, masked=True, unread=True, after=False),
    Row("medium", 33, 6, 13, 65, masked=True, after=False),
]


def _cases(row: Row) -> None:
    n, T, c, u = row.n, row.T, row.c, row.u

    def given(rng: np.random.Generator, dtype: Any, gates: int, rows_of_b: int = 1) -> tuple[Any, ...]:
        """x, W, U, b, h0 and the mask."""
        x, h0 = normal(rng, dtype, n, T, c), normal(rng, dtype, n, u)
        W, U = (normal(rng, dtype, rows, gates * u) / dtype(rows**0.5) for rows in (c, u))
        b = normal(rng, dtype, *(rows_of_b, gates * u)[rows_of_b == 1 :]) if row.bias else None
        mask = rng.random((n, T)) < 0.7 if row.masked else None
        if row.unread:
            x[~mask] = np.nan
        return x, W, U, b, h0, mask

    def reference(name: str, *args: Any) -> Any:
        with np.errstate(all="ignore"):
            return op_function(f"recurrent.{name}").reference(*args)

    def states_before(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, u), normal(rng, dtype, n, T, u)), {}

    def simple_rnn(rng: np.random.Generator, dtype: Any) -> Arguments:
        x, W, U, b, h0, mask = given(rng, dtype, 1)
        return (x, W, U, b, h0, row.activation, mask), {}

    def simple_rnn_grad(rng: np.random.Generator, dtype: Any) -> Arguments:
        args, _ = simple_rnn(rng, dtype)
        return (normal(rng, dtype, n, T, u), args[2], reference("simple_rnn", *args), row.activation, args[-1]), {}

    def lstm(rng: np.random.Generator, dtype: Any) -> Arguments:
        x, W, U, b, h0, mask = given(rng, dtype, 4)
        return (x, W, U, b, h0, normal(rng, dtype, n, u), row.activation, row.recurrent, mask), {}

    def lstm_grad(rng: np.random.Generator, dtype: Any) -> Arguments:
        args, _ = lstm(rng, dtype)
        _, cells, gates = reference("lstm", *args)
        dc = normal(rng, dtype, n, u) if row.masked or row.T == 3 else None
        names = row.activation, row.recurrent
        return (normal(rng, dtype, n, T, u), args[2], args[5], cells, gates, *names, dc, args[-1]), {}

    def gru(rng: np.random.Generator, dtype: Any) -> Arguments:
        x, W, U, b, h0, mask = given(rng, dtype, 3, 2 if row.after else 1)
        return (x, W, U, b, h0, row.activation, row.recurrent, row.after, mask), {}

    def gru_grad(rng: np.random.Generator, dtype: Any) -> Arguments:
        args, _ = gru(rng, dtype)
        found = reference("gru", *args)
        return (normal(rng, dtype, n, T, u), args[2], args[4], *found, *args[5:]), {}

    made = [gru, gru_grad] if not row.after else [states_before, simple_rnn, simple_rnn_grad, lstm, lstm_grad, gru, gru_grad]
    for make in made:
        add(f"recurrent.{make.__name__}", str(row), make, row.size)


for _row in [*_ROWS, *_BEFORE]:
    _cases(_row)
