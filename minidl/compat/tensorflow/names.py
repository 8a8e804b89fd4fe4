"""Names of other libraries that are refused, each in one sentence with what to write in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl.errors import ArgumentTypeError

_KERAS = {  # functions of TensorFlow that keras.backend has under another name
    "reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min", "reduce_prod": "prod",
    "reduce_any": "any", "reduce_all": "all", "matmul": "dot", "concat": "concatenate", "multiply": "x * y", "add": "x + y",
    "subtract": "x - y", "div": "x / y", "divide": "x / y", "clip_by_value": "clip", "transpose": "permute_dimensions",
    "tensordot": "dot", "where": "switch", "cond": "switch", "Variable": "variable", "gradients": "gradients",
}  # fmt: skip
_SAME = [
    "abs",
    "square",
    "sqrt",
    "exp",
    "log",
    "round",
    "sign",
    "sin",
    "cos",
    "sigmoid",
    "tanh",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "maximum",
    "minimum",
    "pow",
    "gather",
    "cast",
    "zeros_like",
    "ones_like",
    "reshape",
    "expand_dims",
    "squeeze",
    "stack",
    "reverse",
    "tile",
    "one_hot",
    "argmax",
    "argmin",
    "cumsum",
    "stop_gradient",
    "zeros",
    "ones",
    "eye",
    "constant",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "identity",
    "shape",
]


def instead(name: str) -> str:
    """What to write in place of a name of TensorFlow's.

    >>> instead("reduce_mean"), instead("placeholder")
    ('K.mean, of keras.backend', 'Input(shape), of keras.layers')
    """
    if name == "placeholder":
        return "Input(shape), of keras.layers"
    if name in _SAME:
        return f"K.{name}, of keras.backend"
    found = _KERAS.get(name)
    if found is not None:
        return f"K.{found}, of keras.backend" if found.isidentifier() else f"{found}, on values of keras.backend"
    return "layers, losses and optimizers of keras"


def refusing(library: str, instead: Callable[[str], str] | Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that refuses all names; those that Python itself looks for are just not there."""

    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        fix = instead(name) if callable(instead) else instead.get(name, "NumPy, or a layer of keras")
        raise Refused(f"{library}.{name}", f"{library}.{name} of a script", "what a training with Keras needs", fix)

    return missing


class Refused(ArgumentTypeError, AttributeError):
    """A name that the stand-in does not have."""
