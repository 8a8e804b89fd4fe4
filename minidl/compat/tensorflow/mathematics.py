"""Functions of TensorFlow that losses, metrics and layers of old scripts are made of: those of ``keras.backend``.

TensorFlow's names and arguments, as of 1.4; what they give, and the gradients, is ``K``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.compat.keras import backend as K
from minidl.compat.keras.backend.tracing import call

_SAME = (  # with the same arguments; ``name`` is left out
    *("abs", "square", "sqrt", "exp", "log", "round", "sign", "sin", "cos", "sigmoid", "tanh", "pow", "maximum", "minimum"),
    *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "zeros_like", "ones_like", "reshape", "gather"),
    *("stop_gradient", "shape", "identity", "cumsum", "cast", "tile", "zeros", "ones", "eye"),
)
_OPERATORS = {"add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide", "div": "divide"}
_REDUCTIONS = ("mean", "sum", "max", "min", "prod", "any", "all", "logsumexp")


def _without_name(function: Callable[..., Any]) -> Callable[..., Any]:
    def same(*arguments: Any, name: Any = None, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    same.__name__, same.__doc__ = function.__name__, function.__doc__
    return same


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(
        input_tensor: Any,
        axis: Any = None,
        keepdims: Any = None,
        name: Any = None,
        reduction_indices: Any = None,
        keep_dims: Any = None,
    ) -> Any:
        return function(input_tensor, reduction_indices if axis is None else axis, bool(keepdims or keep_dims))

    reduced.__name__, reduced.__doc__ = f"reduce_{function.__name__}", function.__doc__
    return reduced


def _binary(op: str) -> Callable[..., Any]:
    def function(x: Any, y: Any, name: Any = None) -> Any:
        return call(op, x, y)

    function.__name__, function.__doc__ = op, "Number by number."
    return function


def _where(condition: Any, x: Any, y: Any, name: Any = None) -> Any:
    """One of two, number by number."""
    return K.switch(condition, x, y)


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: Any = None) -> Any:
    """The product of matrices, or of each of a batch of them."""
    first, second = (_turned(m) if turn else m for m, turn in ((a, transpose_a), (b, transpose_b)))
    return K.batch_dot(first, second) if K.ndim(b) > 2 else K.dot(first, second)


def _turned(m: Any) -> Any:
    axes = list(range(K.ndim(m)))
    return K.permute_dimensions(m, [*axes[:-2], axes[-1], axes[-2]])


def _transpose(a: Any, perm: Any = None, name: Any = None) -> Any:
    """The axes in another order."""
    return K.transpose(a) if perm is None else K.permute_dimensions(a, perm)


def _argument(function: Callable[..., Any]) -> Callable[..., Any]:
    def first(input: Any, axis: Any = None, name: Any = None, dimension: Any = None) -> Any:  # noqa: A002  (TensorFlow's name)
        axis = dimension if axis is None else axis
        return function(input, 0 if axis is None else axis)

    first.__name__, first.__doc__ = function.__name__, function.__doc__
    return first


def _random(function: Callable[..., Any], *order: str) -> Callable[..., Any]:
    def drawn(shape: Any, *arguments: Any, dtype: Any = None, seed: Any = None, name: Any = None, **keywords: Any) -> Any:
        return function(shape, **dict(zip(order, arguments)), **keywords, seed=seed)

    drawn.__name__, drawn.__doc__ = function.__name__, function.__doc__
    return drawn


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _without_name(getattr(K, name)) for name in _SAME},
    **{f"reduce_{name}": _reduction(getattr(K, name)) for name in _REDUCTIONS},
    **{name: _binary(op) for name, op in _OPERATORS.items()},
    "where": _where,
    "matmul": _matmul,
    "transpose": _transpose,
    "argmax": _argument(K.argmax),
    "argmin": _argument(K.argmin),
    "concat": lambda values, axis, name=None: K.concatenate(list(values), axis),
    "stack": lambda values, axis=0, name=None: K.stack(list(values), axis),
    "expand_dims": lambda input, axis, name=None: K.expand_dims(input, axis),  # noqa: A006
    "squeeze": lambda input, axis, name=None: K.squeeze(input, axis),  # noqa: A006
    "clip_by_value": lambda t, clip_value_min, clip_value_max, name=None: K.clip(t, clip_value_min, clip_value_max),
    "one_hot": lambda indices, depth, name=None: K.one_hot(indices, depth),
    "constant": lambda value, dtype=None, shape=None, name=None: K.constant(value, dtype, shape),
    "random_normal": _random(K.random_normal, "mean", "stddev"),
    "random_uniform": _random(K.random_uniform, "minval", "maxval"),
    "truncated_normal": _random(K.truncated_normal, "mean", "stddev"),
}
"""By the names of TensorFlow."""
