"""A restricted Boltzmann machine, trained by contrastive divergence; the mathematics stands in ``minidl/ops/boltzmann.py``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.backend.base import host_array
from minidl.backend.random import INITIALISE, SAMPLE, SHUFFLE, Stream, check_seed, new_stream
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError, closest
from minidl.interrupts import WholeSteps
from minidl.ops import boltzmann as ops
from minidl.optimizers import SGD
from minidl.parameters import Parameter

SPREAD = 0.01  # of the initial weights (Hinton 2012)
MOST_TO_ENUMERATE = 20  # hidden units: a million states
_ROWS = 4096  # samples that are looked at together


class RBM:
    """p(v, h) = exp(-E(v, h)) / Z over visible and hidden units; hidden units find out what goes together in v.

    Args:
        hidden: number of hidden units; each is 0 or 1.
        visible: ``"bernoulli"`` for numbers from 0 to 1, which are probabilities, or ``"gaussian"`` for data with mean 0 and
            variance 1.
        k: Gibbs steps from the data to what stands for the model (CD-k).
        persistent: whether the chains go on from where the last step left them (Tieleman 2008), instead of from the data.
        learning_rate: a number or a schedule; None: 0.1, for Gaussian units 0.01.
        momentum: of the steps, 0 <= momentum < 1.
        weight_decay: each step takes this part of W, times the rate, away; b and c are spared.
        seed: None takes the next streams of ``minidl.set_seed``.

    Attributes: ``W`` (visible, hidden), ``b`` (visible,), ``c`` (hidden,), all Parameters; ``steps``, those made so far.
    Raises ArgumentError and ArgumentTypeError for arguments out of range.
    Source: Lecture 2020; Hinton 2002, Hinton 2012 (a practical guide).

    >>> import numpy as np
    >>> v = np.repeat([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]], 50, axis=0)
    >>> rbm = RBM(2, learning_rate=0.5, seed=1)
    >>> errors = rbm.fit(v, batch_size=10, epochs=30, verbose=0)["reconstruction_error"]
    >>> errors[-1] < errors[0]
    True
    >>> bool(rbm.log_likelihood(v).mean() > np.log(1 / 16))  # better than all states alike
    True
    """

    W: Parameter
    b: Parameter
    c: Parameter

    def __init__(
        self,
        hidden: int,
        visible: str = "bernoulli",
        *,
        k: int = 1,
        persistent: bool = False,
        learning_rate: Any = None,
        momentum: float = 0.5,
        weight_decay: float = 0.0002,
        seed: int | None = None,
    ) -> None:
        self.hidden = check_integer("RBM", "hidden", hidden)
        if visible not in ops.KINDS:
            meant = closest(visible, ops.KINDS) if isinstance(visible, str) else ""
            raise ArgumentError("RBM", f"visible={visible!r}", "'bernoulli' or 'gaussian'", meant=meant)
        self.visible = visible
        self.k = check_integer("RBM", "k", k)
        self.persistent = check_flag("RBM", "persistent", persistent)
        if learning_rate is None:
            learning_rate = 0.1 if visible == "bernoulli" else 0.01
        self.optimizer = SGD(learning_rate, momentum, weight_decay=weight_decay)
        self.seed = None if seed is None else check_seed(seed, "RBM")
        self.dtype = config.dtype()
        self.input_shape: tuple[int, ...] | None = None
        self.chains: Array | None = None  # visible states of the persistent chains
        self.steps, self._dreams, self._epochs = 0, 0, 0

    # -- its parameters ------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make W, b and c for samples of this shape (no batch axis). Raises ShapeError unless it is (visible,)."""
        shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else (input_shape,)
        if len(shape) != 1:
            raise ShapeError("RBM", f"samples of shape {shape}", "(visible,)", "x.reshape(len(x), -1)")
        visible = check_integer("RBM", "input_shape", shape[0])
        if self.input_shape is not None:
            return self._check_shape(visible)
        streams = (new_stream(), new_stream()) if self.seed is None else (Stream(self.seed, 0), Stream(self.seed, 1))
        self._training, self._dreaming = streams
        xp = backends.current()
        W = self._training.generator(INITIALISE).normal(scale=SPREAD, size=(visible, self.hidden))
        self.W = Parameter(xp.asarray(W.astype(self.dtype)), "W")
        self.b = Parameter(xp.asarray(np.zeros(visible, self.dtype)), "b")
        self.c = Parameter(xp.asarray(np.zeros(self.hidden, self.dtype)), "c")
        self.b.weight_decay = self.c.weight_decay = False
        self.input_shape = shape
        return None

    @property
    def parameters(self) -> list[Parameter]:
        """W, b and c."""
        self._check_built()
        return [self.W, self.b, self.c]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of W, b and c as NumPy arrays."""
        return [backends.backend_of(p.value).to_numpy(p.value).copy() for p in self.parameters]

    def set_weights(self, weights: Any) -> None:
        """Overwrite W, b and c. Raises ShapeError, with nothing changed, unless number and shapes fit."""
        own = self.parameters
        arrays = [np.asarray(array, self.dtype) for array in weights]
        if [array.shape for array in arrays] != [p.shape for p in own]:
            received = f"arrays of shapes {[array.shape for array in arrays]}"
            raise ShapeError("RBM.set_weights", received, f"those of W, b and c: {[p.shape for p in own]}")
        for p, array in zip(own, arrays):
            p.value = array

    # -- probabilities -------------------------------------------------------------------------------------------------

    def hidden_probabilities(self, v: Any) -> np.ndarray:
        """p(h_j = 1 | v), the features of v: (n, hidden)."""
        return self._by_rows("hidden_probabilities", v, lambda v: ops.hidden_probabilities(v, self.W.value, self.c.value))

    def visible_means(self, h: Any) -> np.ndarray:
        """E[v | h]: (n, visible), for h (n, hidden) from 0 to 1."""
        self._check_built()
        h = _numbers("RBM.visible_means", "h", h, self.hidden, self.dtype, from_0_to_1=True)
        h = backends.current().asarray(h)
        return self._to_numpy(ops.visible_means(h, self.W.value, self.b.value, self.visible))

    def free_energy(self, v: Any) -> np.ndarray:
        """F(v), which is - log p(v) - log Z: (n,)."""
        weights = self._values()
        return self._by_rows("free_energy", v, lambda v: ops.free_energy(v, *weights, self.visible))

    def reconstruction_error(self, v: Any) -> float:
        """Mean of |v - E[v | p(h | v)]|^2 over samples and units: how much of v the hidden units tell."""
        W, b, c = self._values()

        def error(v: Array) -> Array:
            back = ops.visible_means(ops.hidden_probabilities(v, W, c), W, b, self.visible)
            return ((v - back) ** 2).mean(axis=-1)

        return float(self._by_rows("reconstruction_error", v, error).mean(dtype=np.float64))

    def log_partition(self) -> float:
        """log Z, by adding up all 2^hidden states. Raises ArgumentError where there are more than 20 hidden units."""
        W, b, c = self._values()
        if self.hidden > MOST_TO_ENUMERATE:
            expected = f"at most {MOST_TO_ENUMERATE}, as all 2^hidden states are added up"
            raise ArgumentError("RBM.log_partition", f"{self.hidden} hidden units", expected, "free_energy(v), to compare")
        backend, parts = backends.backend_of(W), []
        for first in range(0, 1 << self.hidden, _ROWS):
            states = np.arange(first, min(first + _ROWS, 1 << self.hidden))
            h = (states[:, None] >> np.arange(self.hidden)) & 1
            of_h = ops.log_sum_of_hidden(backend.asarray(h.astype(self.dtype)), W, b, c, self.visible)
            parts.append(backend.to_numpy(of_h).astype(np.float64))
        return float(ops.log_sum(np.concatenate(parts)))

    def log_likelihood(self, v: Any) -> np.ndarray:
        """log p(v): (n,), where ``log_partition`` can be had."""
        return -self.free_energy(v) - self.log_partition()

    # -- chains --------------------------------------------------------------------------------------------------------

    def sample(self, n: int = 1, steps: int = 1000, start: Any = None) -> np.ndarray:
        """What the machine dreams of: E[v | h] (n, visible) after ``steps`` Gibbs steps; each call draws other numbers.

        Args:
            n: number of chains; with ``start`` as many as it has samples.
            steps: Gibbs steps: hidden units are drawn given the visible ones, then the visible ones.
            start: visible states (n, visible) to begin with; None: drawn with every unit at 0 or 1 alike, or normal.

        >>> RBM(3, seed=0).sample(2)
        Traceback (most recent call last):
            ...
        minidl.errors.NotBuiltError: RBM: received a machine that does not know its visible units; expected fit or build first.
        """
        self._check_built()
        n, steps = check_integer("RBM.sample", "n", n), check_integer("RBM.sample", "steps", steps)
        backend = backends.current()
        draws = _Draws(self._dreaming, self._dreams)
        if start is None:
            mean = np.full((n, self.W.shape[0]), 0.5 if self.visible == "bernoulli" else 0.0, self.dtype)
            v = draws.visible(backend.asarray(mean), self.visible)
        else:
            v = backend.asarray(self._numbers("sample", start))
        self._dreams += 1
        with np.errstate(all="ignore"):
            for _ in range(steps):
                mean, v, _ = self._gibbs(v, draws)
        return self._to_numpy(mean)

    def _gibbs(self, v: Array, draws: _Draws) -> tuple[Array, Array, Array]:
        """E[v' | h], v' and p(h' | v'), for h drawn given v."""
        W, b, c = self._values()
        h = draws.hidden(ops.hidden_probabilities(v, W, c))
        mean = ops.visible_means(h, W, b, self.visible)
        v = draws.visible(mean, self.visible)
        return mean, v, ops.hidden_probabilities(v, W, c)

    # -- training ------------------------------------------------------------------------------------------------------

    def fit(
        self,
        v: Any,
        batch_size: int = 100,
        epochs: int = 10,
        verbose: int = 1,
        shuffle: bool = True,
        validation_data: Any = None,
        name: str = "RBM",
    ) -> dict[str, list[float]]:
        """Make v likely: steps of contrastive divergence.

        Args:
            v: data (n, visible).
            batch_size: samples of a step, and the number of persistent chains.
            epochs: times that all samples are taken.
            verbose: 1 prints a line for each epoch, 0 nothing.
            shuffle: whether each epoch takes the samples in another order.
            validation_data: samples that are not trained on. The mean free energy of v minus theirs is kept too: where it falls
                from epoch to epoch, the machine learns its data by heart (Hinton 2012).
            name: for the lines that are printed.

        Returns, for each epoch, the ``reconstruction_error`` during it, and with ``validation_data`` the ``free_energy_gap``.
        Raises DataError for numbers that cannot be data, and where training has left the finite numbers.
        """
        batch_size, epochs = check_integer("RBM.fit", "batch_size", batch_size), check_integer("RBM.fit", "epochs", epochs)
        shuffle = check_flag("RBM.fit", "shuffle", shuffle)
        if isinstance(verbose, bool) or verbose not in (0, 1):
            raise ArgumentError("RBM.fit", f"verbose={verbose!r}", "0 or 1")
        data = self._numbers("fit", v, build=True)
        if not len(data):
            raise DataError("RBM.fit", "no samples", "at least one")
        held_back = None if validation_data is None else self._numbers("fit", validation_data, "validation_data")
        history: dict[str, list[float]] = {"reconstruction_error": []}
        if held_back is not None:
            history["free_energy_gap"] = []
        guard = WholeSteps()
        with guard.installed(), np.errstate(all="ignore"):
            for epoch in range(epochs):
                start, order = time.perf_counter(), np.arange(len(data))
                if shuffle:
                    order = self._training.generator(SHUFFLE, step=self._epochs).permutation(len(data))
                errors = []
                for first in range(0, len(data), batch_size):
                    batch = backends.current().asarray(data[order[first : first + batch_size]])
                    with guard.step():
                        errors.append(self._step(batch, batch_size))
                self._epochs += 1
                total = float(backends.current().to_numpy(sum(errors)))  # the only wait for the device
                values = [total / data.size]
                if held_back is not None:
                    gap = self.free_energy(data[: len(held_back)]).mean() - self.free_energy(held_back).mean()
                    values.append(float(gap))
                if not np.isfinite(values).all():
                    raise DataError(
                        "RBM.fit", f"a reconstruction error of {values[0]}", "a finite one", "a smaller learning rate"
                    )
                text = ""
                for (what, past), value in zip(history.items(), values):
                    past.append(value)
                    text += f" - {what}: {value:.4f}"
                if verbose:
                    print(f"{name}: epoch {epoch + 1}/{epochs} - {time.perf_counter() - start:.1f} s{text}", flush=True)
        return history

    def _step(self, v: Array, batch_size: int) -> Array:
        """One step on a batch; the sum of its squared reconstruction errors, on the device."""
        for p in self.parameters:
            p.zero_grad()
        W, b, c = self._values()
        draws = _Draws(self._training, self.steps)
        p = ops.hidden_probabilities(v, W, c)
        back = ops.visible_means(p, W, b, self.visible)
        v_model = v
        if self.persistent:
            if self.chains is None or len(self.chains) != batch_size:
                self.chains = v[backends.current().asarray(np.arange(batch_size) % len(v))]
            v_model = self.chains
        for _ in range(self.k):
            _, v_model, p_model = self._gibbs(v_model, draws)
        for parameter, gradient in zip(self.parameters, ops.contrast_grads(v, p, v_model, p_model)):
            parameter.add_grad(gradient)
        self.optimizer.step(self.parameters)
        if self.persistent:
            self.chains = v_model
        self.steps += 1
        return ((v - back) ** 2).sum(dtype="float64")

    # -- data ----------------------------------------------------------------------------------------------------------

    def _values(self) -> tuple[Array, Array, Array]:
        self._check_built()
        return self.W.value, self.b.value, self.c.value

    def _check_built(self) -> None:
        if self.input_shape is None:
            raise NotBuiltError("RBM", "a machine that does not know its visible units", "fit or build first")

    def _check_shape(self, visible: int) -> None:
        if visible != self.W.shape[0]:
            raise ShapeError("RBM", f"samples of {visible} numbers", f"{self.W.shape[0]}, as it was built for")

    def _numbers(self, where: str, v: Any, what: str = "v", build: bool = False) -> np.ndarray:
        """Samples as a host array (n, visible) of the machine's dtype, their values checked."""
        if not build:
            self._check_built()
        visible = None if self.input_shape is None else self.input_shape[0]
        v = _numbers(f"RBM.{where}", what, v, visible, self.dtype, from_0_to_1=self.visible == "bernoulli")
        if build:
            self.build(v.shape[1:])
        return v

    def _by_rows(self, where: str, v: Any, function: Callable[[Array], Array]) -> np.ndarray:
        v = self._numbers(where, v)
        with np.errstate(all="ignore"):
            starts = range(0, max(len(v), 1), _ROWS)
            return np.concatenate([self._to_numpy(function(backends.current().asarray(v[i : i + _ROWS]))) for i in starts])

    @staticmethod
    def _to_numpy(array: Array) -> np.ndarray:
        return backends.backend_of(array).to_numpy(array).copy()

    def __repr__(self) -> str:
        shape = "not built" if self.input_shape is None else f"{self.input_shape[0]} visible"
        return f"<RBM: {shape} ({self.visible}), {self.hidden} hidden>"


class _Draws:
    """Random numbers of one step: draw after draw at the addresses (step, 0), (step, 1) ..."""

    def __init__(self, stream: Stream, step: int) -> None:
        self.stream, self.step, self.call = stream, step, 0

    def hidden(self, p: Array) -> Array:
        """1 with probability p."""
        self.call += 1
        return ops.sample_bernoulli(p, self.stream.key, self.step, self.call - 1, SAMPLE)

    def visible(self, mean: Array, kind: str) -> Array:
        """Units with these means: 0 or 1, or with normal noise of variance 1."""
        if kind == "bernoulli":
            return self.hidden(mean)
        noise = self.stream.generator(SAMPLE, self.step, self.call).standard_normal(mean.shape)
        self.call += 1
        return mean + backends.backend_of(mean).asarray(noise.astype(mean.dtype))


def _numbers(where: str, what: str, v: Any, size: int | None, dtype: Any, from_0_to_1: bool) -> np.ndarray:
    v = host_array(v)
    if v.dtype.kind not in "fiub":
        raise ArgumentTypeError(where, f"{what} of type {v.dtype}", "numbers")
    if v.ndim != 2 or (size is not None and v.shape[1] != size) or not v.shape[1]:
        received = f"{what} of shape {v.shape}"
        raise ShapeError(where, received, f"(n, {size or 'visible'})", "x.reshape(len(x), -1)" if v.ndim > 2 else "")
    low, high = (0.0, 1.0) if from_0_to_1 else (-np.inf, np.inf)
    for first in range(0, len(v), _ROWS):
        rows = v[first : first + _ROWS]
        bad = ~((rows >= low) & (rows <= high) & np.isfinite(rows))
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            expected = "numbers from 0 to 1" if from_0_to_1 else "finite numbers"
            fix = "x / 255 for images of bytes" if from_0_to_1 and rows[row, column] > 1 else ""
            raise DataError(where, f"{what}[{first + row}, {column}] = {rows[row, column]}", expected, fix)
    return v.astype(dtype, copy=False)
