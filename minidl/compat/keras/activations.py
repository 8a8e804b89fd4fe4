"""``keras.activations`` of Keras 2.1: functions, which layers take in place of their names."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras import backend as K
from minidl.compat.keras.traced import FunctionActivation, LayerActivation
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.layers import Layer
from minidl.layers.activation import ALIASES, FORMULAS, Activation
from minidl.ops.activation import SELU_ALPHA, SELU_SCALE


def softmax(x: Any, axis: int = -1) -> Any:
    """exp x / sum exp x along an axis."""
    if K.ndim(x) < 2:
        raise ArgumentError("softmax", f"{K.ndim(x)} axes", "two at least")
    if axis in (-1, K.ndim(x) - 1):
        return K.softmax(x)
    e = K.exp(x - K.max(x, axis=axis, keepdims=True))
    return e / K.sum(e, axis=axis, keepdims=True)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha (exp x - 1) where x < 0."""
    return K.elu(x, alpha)


def selu(x: Any) -> Any:
    """elu of such a scale that mean 0 and variance 1 stay."""
    return SELU_SCALE * K.elu(x, SELU_ALPHA)


def softplus(x: Any) -> Any:
    """log(1 + exp x)."""
    return K.softplus(x)


def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return K.softsign(x)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None) -> Any:
    """x, or alpha x where x < 0; ``max_value`` at most."""
    return K.relu(x, alpha, max_value)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return K.tanh(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return K.sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, cut to 0 and 1."""
    return K.hard_sigmoid(x)


def linear(x: Any) -> Any:
    """x."""
    return x


_FUNCTIONS = (softmax, elu, selu, softplus, softsign, relu, tanh, sigmoid, hard_sigmoid, linear)
NAMES: dict[Any, str] = {function: function.__name__ for function in _FUNCTIONS} | {
    getattr(K, name): name for name in ("softmax", "elu", "softplus", "softsign", "relu", "tanh", "sigmoid", "hard_sigmoid")
}
_BY_NAME = {function.__name__: function for function in _FUNCTIONS}


def for_layer(value: Any) -> Any:
    """What ``activation=`` of a layer means, as minidl takes it: a name, a function, a layer without weights.

    >>> for_layer(relu), for_layer("ReLU"), for_layer(None)
    ('relu', 'relu', None)
    """
    if value is None or isinstance(value, Activation):
        return value
    if isinstance(value, str):
        known = value in FORMULAS or value in ALIASES
        return value if known or value.lower() not in FORMULAS else value.lower()
    if isinstance(value, Layer):
        if isinstance(value.for_plan, Activation):
            return value.for_plan
        if value.weights or type(value).__name__ == "PReLU":
            fix = "the layer itself, behind a layer without activation"
            raise ArgumentTypeError("activation", f"the layer {type(value).__name__}, which has weights", "a function", fix)
        return LayerActivation(value)
    if hasattr(value, "__mro_entries__") or isinstance(value, type):
        name = getattr(value, "__name__", "it")
        raise ArgumentTypeError("activation", f"the class {name}", "a name or a function", f"{name}() as a layer of its own")
    if callable(value):
        name = NAMES.get(value) if getattr(value, "__hash__", None) else None
        return name or FunctionActivation(value)
    return value


def serialize(activation: Any) -> str:
    """The name of a function."""
    return str(activation.__name__)


def deserialize(name: str, custom_objects: Any = None) -> Any:
    """The function of this name. Raises ArgumentError where there is none."""
    found = (custom_objects or {}).get(name) or _BY_NAME.get(name) or _BY_NAME.get(str(name).lower())
    if found is None:
        meant = closest(name, _BY_NAME)
        raise ArgumentError("keras.activations", repr(name), f"one of {', '.join(_BY_NAME)}", meant=meant)
    return found


def get(identifier: Any) -> Any:
    """The function that a name means; None is ``linear``.

    >>> get("tanh") is tanh, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ArgumentTypeError("keras.activations.get", described(identifier), "a name or a function")
