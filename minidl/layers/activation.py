"""Activation functions as layers; their formulas stand in ``minidl/ops/activation.py`` and ``ops/softmax.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

from minidl import config
from minidl.checks import check_flag
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.layers._protocol import is_unchanged
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.ops import activation as elementwise
from minidl.ops import softmax as normalized


class Formula(NamedTuple):
    """An activation function: y = f(x) and dx = gradient(dy, y), or gradient(dy, x) where ``of_x``.

    ``options`` are the arguments of both that a user may set.
    """

    f: Callable[..., Any]
    gradient: Callable[..., Any]
    options: tuple[str, ...] = ()
    of_x: bool = False


FORMULAS = {
    "linear": Formula(elementwise.linear, elementwise.linear_grad),
    "sign": Formula(elementwise.sign, elementwise.sign_grad),
    "sigmoid": Formula(elementwise.sigmoid, elementwise.sigmoid_grad),
    "tanh": Formula(elementwise.tanh, elementwise.tanh_grad),
    "relu": Formula(elementwise.relu, elementwise.relu_grad),
    "softplus": Formula(elementwise.softplus, elementwise.softplus_grad),
    "leaky_relu": Formula(elementwise.leaky_relu, elementwise.leaky_relu_grad, ("negative_slope",)),
    "elu": Formula(elementwise.elu, elementwise.elu_grad, ("alpha",)),
    "selu": Formula(elementwise.selu, elementwise.selu_grad),
    "hard_sigmoid": Formula(elementwise.hard_sigmoid, elementwise.hard_sigmoid_grad, ("slope",)),
    "softsign": Formula(elementwise.softsign, elementwise.softsign_grad),
    "exponential": Formula(elementwise.exponential, elementwise.exponential_grad),
    "swish": Formula(elementwise.swish, elementwise.swish_grad, of_x=True),
    "gelu": Formula(elementwise.gelu, elementwise.gelu_grad, ("approximate",), of_x=True),
    "mish": Formula(elementwise.mish, elementwise.mish_grad, of_x=True),
    "softmax": Formula(normalized.softmax, normalized.softmax_grad),
    "log_softmax": Formula(normalized.log_softmax, normalized.log_softmax_grad),
}
ALIASES = {"silu": "swish"}
_SLOPE = 1 / 6  # of hard_sigmoid, where nothing else is said


class Activation(Layer):
    """y = f(x), element by element (softmax and log_softmax: over the last axis); no parameters.

    Args:
        activation: linear, sign, sigmoid, tanh, relu, softplus, leaky_relu, elu, selu, hard_sigmoid, softsign, exponential,
            swish (or silu), gelu, mish, softmax or log_softmax.
        negative_slope: of leaky_relu, at least 0; None is 0.2.
        alpha: of elu, at least 0; None is 1.0.
        approximate: of gelu; True computes it with a tanh, None or False with the normal distribution.
        slope: of hard_sigmoid; None is that of the profile, 1/6 in today's Keras.

    Raises ArgumentError for an unknown name or a negative option, TypeError for an option the function does not have.
    Formulas and sources: ``minidl/ops/activation.py``.

    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]]))
    array([[0., 2.]], dtype=float32)
    >>> Activation("leaky_relu", negative_slope=0.5)(np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    replays = True

    def __init__(
        self,
        activation: str,
        negative_slope: float | None = None,
        alpha: float | None = None,
        approximate: bool | None = None,
        slope: float | None = None,
        **layer_options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**layer_options)
        if not isinstance(activation, str):
            raise ArgumentTypeError("Activation", described(activation), f"a name: {', '.join(FORMULAS)}")
        if (known := ALIASES.get(activation, activation)) not in FORMULAS:
            meant = closest(activation, FORMULAS, ALIASES)
            raise ArgumentError("Activation", repr(activation), f"one of {', '.join(FORMULAS)}", meant=meant)
        self.activation, self.formula = known, FORMULAS[known]
        # The part of f that dense and convolution kernels compute while they write their sums.
        self.in_sums = "relu" if known == "relu" and is_unchanged(self) else "linear"
        if known == "hard_sigmoid" and slope is None and config.profile().hard_sigmoid_slope != _SLOPE:
            slope = config.profile().hard_sigmoid_slope
        self.negative_slope, self.alpha, self.approximate, self.slope = negative_slope, alpha, approximate, slope
        given = {"negative_slope": negative_slope, "alpha": alpha, "approximate": approximate, "slope": slope}
        self.options = {option: value for option, value in given.items() if value is not None}
        self._check_options(f"Activation({activation!r})")

    def _check_options(self, where: str) -> None:
        allowed = self.formula.options
        for option, value in self.options.items():
            if option not in allowed:
                meant = closest(option, allowed, {"alpha": allowed[0]} if allowed else {})
                expected = f"the options {', '.join(allowed)}" if allowed else "no options"
                raise ArgumentTypeError(where, f"the option {option!r}", expected, meant=meant)
            if option == "approximate":
                check_flag(where, option, value)
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ArgumentTypeError(where, f"{option}={value!r}", "a number")
            elif option == "slope" and not 0 < value < float("inf"):
                raise ArgumentError(where, f"{option}={value!r}", "a finite number > 0")
            elif not 0 <= value < float("inf"):
                raise ArgumentError(where, f"{option}={value!r}", "a finite number >= 0")

    @property
    def is_linear(self) -> bool:
        """Whether y = x."""
        return self.activation == "linear"

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x); keeps what the gradient is a function of: y, or x where two x may have the same y."""
        if self.is_linear:
            return x, None
        y = self.formula.f(x, **self.options)
        return y, ((x if self.formula.of_x else y) if context.keep else None)

    @property
    def final_activation(self) -> Activation | None:
        """Itself."""
        return self if is_unchanged(self) else None

    def behind_sums(self, z: Any, context: Context) -> tuple[Any, Any]:
        """``apply`` for z from such a kernel, which has computed the part ``in_sums`` already."""
        return (z, (z if context.keep else None)) if self.in_sums == "relu" else self.apply(z, context)

    def _plain(self) -> Any:
        """The name alone, where it says everything."""
        return self.activation if not self.options and self.given_name is None else super()._plain()

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy f'(x)."""
        if self.is_linear:
            return dy
        return self.formula.gradient(dy, saved, **self.options) if need_dx else None


def get(identifier: str | Activation | None, where: str) -> Activation:
    """The ``activation=`` argument of a layer: None, a name, or an Activation with its options."""
    if isinstance(identifier, Activation):
        return identifier
    if identifier is None:
        return Activation("linear")
    expected = f"None, an Activation, or one of {', '.join(FORMULAS)}"
    if not isinstance(identifier, str):
        fix = "activation='relu', or Activation('relu') for one with options"
        raise ArgumentTypeError(where, f"{described(identifier)} as activation", expected, fix)
    if identifier not in FORMULAS and identifier not in ALIASES:
        raise ArgumentError(where, f"activation={identifier!r}", expected, meant=closest(identifier, FORMULAS, ALIASES))
    return Activation(identifier)
