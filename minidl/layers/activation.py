"""Activation functions as layers; their formulas stand in ``minidl/ops/activation.py`` and ``ops/softmax.py``."""

from __future__ import annotations

import inspect
from typing import Any, Unpack

from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.ops import activation as elementwise
from minidl.ops import softmax as normalized

_FORMULAS = {
    name: (getattr(elementwise, name), getattr(elementwise, f"{name}_grad"))
    for name in ("linear", "sign", "sigmoid", "tanh", "relu", "softplus", "leaky_relu", "elu", "hard_sigmoid")
} | {"softmax": (normalized.softmax, normalized.softmax_grad)}


class Activation(Layer):
    """y = f(x), element by element (softmax: over the last axis); no parameters.

    Args:
        activation: linear, sign, sigmoid, tanh, relu, softplus, leaky_relu, elu, hard_sigmoid or softmax.
        options: ``negative_slope`` of leaky_relu (0.2), ``alpha`` of elu (1.0); both at least 0.

    Raises ArgumentError for an unknown name or a negative option, TypeError for an option the function does not have.
    Source: decks 000 to 004.

    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    """

    def __init__(
        self,
        activation: str,
        negative_slope: float | None = None,
        alpha: float | None = None,
        **layer_options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**layer_options)
        self.negative_slope, self.alpha = negative_slope, alpha
        given = {"negative_slope": negative_slope, "alpha": alpha}
        options = {option: value for option, value in given.items() if value is not None}
        if not isinstance(activation, str):
            raise ArgumentTypeError("Activation", described(activation), f"a name: {', '.join(_FORMULAS)}")
        if activation not in _FORMULAS:
            meant = closest(activation, _FORMULAS)
            raise ArgumentError("Activation", repr(activation), f"one of {', '.join(_FORMULAS)}", meant=meant)
        self.activation, self.options = activation, options
        self._f, self._f_grad = _FORMULAS[activation]
        allowed = list(inspect.signature(self._f).parameters)[1:]
        for option, value in options.items():
            if option not in allowed:
                meant = closest(option, allowed, {"alpha": allowed[0], "slope": allowed[0]} if allowed else {})
                expected = f"the options {', '.join(allowed)}" if allowed else "no options"
                raise ArgumentTypeError(f"Activation({activation!r})", f"the option {option!r}", expected, meant=meant)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ArgumentTypeError(f"Activation({activation!r})", f"{option}={value!r}", "a number")
            if not 0 <= value < float("inf"):
                raise ArgumentError(f"Activation({activation!r})", f"{option}={value!r}", "a finite number >= 0")

    @property
    def is_linear(self) -> bool:
        """Whether y = x."""
        return self.activation == "linear"

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x); keeps y, from which every activation's derivative can be had."""
        if self.is_linear:
            return x, None
        y = self._f(x, **self.options)
        return y, (y if context.keep else None)

    @property
    def final_activation(self) -> Activation:
        """Itself."""
        return self

    @property
    def in_sums(self) -> str:
        """The part of f that dense and convolution kernels compute while they write their sums."""
        return "relu" if self.activation == "relu" else "linear"

    def behind_sums(self, z: Any, context: Context) -> tuple[Any, Any]:
        """``apply`` for z from such a kernel, which has computed the part ``in_sums`` already."""
        return (z, (z if context.keep else None)) if self.activation == "relu" else self.apply(z, context)

    def _plain(self) -> Any:
        """The name alone, where it says everything."""
        return self.activation if not self.options and self.given_name is None else super()._plain()

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy f'(x)."""
        if self.is_linear:
            return dy
        return self._f_grad(dy, saved, **self.options) if need_dx else None


def get(identifier: str | Activation | None, where: str) -> Activation:
    """The ``activation=`` argument of a layer: None, a name, or an Activation with its options."""
    if isinstance(identifier, Activation):
        return identifier
    if identifier is None:
        return Activation("linear")
    expected = f"None, an Activation, or one of {', '.join(_FORMULAS)}"
    if not isinstance(identifier, str):
        fix = "activation='relu', or Activation('relu') for one with options"
        raise ArgumentTypeError(where, f"{described(identifier)} as activation", expected, fix)
    if identifier not in _FORMULAS:
        raise ArgumentError(where, f"activation={identifier!r}", expected, meant=closest(identifier, _FORMULAS))
    return Activation(identifier)
