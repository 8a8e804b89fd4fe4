"""Cells: one step of a recurrent layer, as a layer that takes x_t and the states before it.

    apply((x_t, *states))  ->  (y_t, *new states), saved          gradient((dy, *dstates), saved)  ->  (dx_t, *dstates)

``RNN(cell)`` runs any such layer over time. What is the same at all times of a pass, such as a dropout mask, a cell makes by
``context.once``. The kinds of minidl's own (``simple_rnn.py``, ``lstm.py``, ``gru.py``) are each written once, for the cell and
for the layer that runs all times in one call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from minidl import backend as backends
from minidl import config, constraints, initializers, regularizers
from minidl.backend.random import Stream, check_seed
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ShapeError
from minidl.layers import activation as activations
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import FORMULAS, Activation
from minidl.layers.base import Layer
from minidl.layers.context import INFERENCE, Context
from minidl.ops.dropout import dropout
from minidl.ops.linear import dense, dense_grad_W, dense_grad_x
from minidl.ops.recurrent import Curve
from minidl.parameters import Parameter

IN_KERNELS = ("tanh", "sigmoid", "hard_sigmoid", "relu", "softplus", "linear")  # activations that all times in one call take
_OLD_GATE = {"slope": 0.2}  # of hard_sigmoid in Keras 2, which they take too


class Kind(Layer, abstract=True):
    """What a cell of a kind and the layer of it share: arguments, weights, and the step.

    Attributes:
        gates: products that stand side by side in W, U and b.
        states: arrays of ``units`` numbers that go from step to step; the first is the output too.
        kernel_size: of the products with W and U, where they are convolutions.
        W, W_recurrent, b: of x, of the state, and the bias (None without).
    """

    gates = 1
    states = 1
    kernel_size: tuple[int, ...] = ()
    units: int
    activation: Any
    recurrent_activation: Any
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    seed: int | None
    W: Parameter
    W_recurrent: Parameter
    b: Parameter | None

    def _take(self, arguments: dict[str, Any]) -> None:
        """The arguments of the constructor as attributes, each checked by its name."""
        where = self._class_name
        for name, value in arguments.items():
            if name == "units":
                self.units = check_integer(where, name, value)
            elif name in ("activation", "recurrent_activation"):
                if value is None and name == "recurrent_activation":
                    value = config.profile().recurrent_activation
                setattr(self, name, _named(value, where if name == "activation" else f"{where}: {name}"))
            elif name in ("use_bias", "unit_forget_bias", "reset_after"):
                setattr(self, name, check_flag(where, name, value))
            elif name in ("dropout", "recurrent_dropout"):
                setattr(self, name, check_number(where, name, value, 0, 1))
            elif name == "seed":
                self.seed = None if value is None else check_seed(value, where)
            elif name.endswith("_initializer"):
                setattr(self, name, initializers.get(value, f"{where}: {name}"))
            elif name.endswith("_regularizer"):
                setattr(self, name, regularizers.get(value, f"{where}: {name}"))
            elif name.endswith("_constraint"):
                setattr(self, name, constraints.get(value, f"{where}: {name}"))

    def _shown_arguments(self) -> dict[str, Any]:
        """The profile's gate is what None means."""
        shown = super()._shown_arguments()
        usual = getattr(self, "recurrent_activation", None) == config.profile().recurrent_activation
        return shown | ({"recurrent_activation": None} if usual else {})

    @property
    def state_size(self) -> tuple[Any, ...]:
        """Numbers in each state of a sample."""
        return (self.units,) * self.states

    @property
    def output_size(self) -> int:
        """Numbers in the output of a sample."""
        return self.units

    def _make_weights(self, features: int) -> None:
        width, rows = self.gates * self.units, self._rows_of_b()
        W: Any = self.kernel_initializer  # type: ignore[attr-defined]
        U: Any = self.recurrent_initializer  # type: ignore[attr-defined]
        b: Any = self.bias_initializer  # type: ignore[attr-defined]
        self.W = self.new_parameter("W", (*self.kernel_size, features, width), W, **self.terms("kernel"))
        shape = (*self.kernel_size, self.units, width)
        self.W_recurrent = self.new_parameter("W_recurrent", shape, U, **self.terms("recurrent"))
        self.b = self.new_parameter("b", (*rows, width), b, **self.terms("bias")) if self.use_bias else None

    def _rows_of_b(self) -> tuple[int, ...]:
        return ()

    @property
    def bias(self) -> Any:
        """The values of b, or None."""
        return None if self.b is None else self.b.value

    def _curves(self) -> tuple[Curve, Curve]:
        """The activation, and that of the gates."""
        return curve_of(self.activation), curve_of(getattr(self, "recurrent_activation", "linear"))

    def names_in_kernels(self) -> tuple[Any, Any]:
        """The activation and that of the gates as ops of all times call them; None for one that they do not take."""
        return name_in_kernels(self.activation), name_in_kernels(getattr(self, "recurrent_activation", "linear"))

    # -- dropout -------------------------------------------------------------------------------------------------------

    def _input_masks(self, x: Any, context: Context) -> Any:
        """Of x (n, in), the same at all times: (k, n, in), one for each gate where the states are dropped too; or None."""
        if not context.training or not self.dropout:
            return None
        return context.once((self, "x", x.shape), lambda: self._draw(x, self.dropout, context))

    def _state_masks(self, h: Any, context: Context) -> Any:
        """Of h (n, units), one for each gate, the same at all times; or None."""
        if not context.training or not self.recurrent_dropout:
            return None
        return context.once((self, "h", h.shape), lambda: self._draw(h, self.recurrent_dropout, context))

    def _masks_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Of the masks for an array of this shape: in front, one for each gate where states are dropped."""
        return (self.gates if self.recurrent_dropout else 1, *shape)

    def _draw(self, x: Any, rate: float, context: Context) -> Any:
        shape = self._masks_shape(x.shape)
        address = context.random(self)
        if self.seed is not None:
            address = address._replace(key=Stream(self.seed, 0).key)
        return dropout(backends.array_namespace(x).ones(shape, x.dtype), rate, *address, shape)[0]

    # -- the step, defined by a kind -----------------------------------------------------------------------------------

    def _step(self, x: Any, context: Context) -> tuple[Any, Any]:
        """(y, *states) of (x_t, *states), and what ``_step_gradient`` will need."""
        raise NotImplementedError

    def _step_gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """(dx_t, *dstates) of (dy, *dstates)."""
        raise NotImplementedError


class Cell(Kind, abstract=True):
    """One step of a kind as a layer: (x_t, *states) to (y_t, *states)."""

    takes_many = True

    def build(self, input_shape: Any) -> None:
        """Make the weights, for x of this shape (and states, which are known)."""
        self._make_weights(_first(input_shape)[-1])

    def output_shape(self, input_shape: Any) -> Any:
        """That of y, and those of the states."""
        x, *states = input_shape if isinstance(input_shape[0], tuple) else (input_shape,)
        expected = tuple((size,) for size in self.state_size)
        if len(x) != 1 or (states and tuple(states) != expected):
            received = f"inputs of shapes {(x, *states)}"
            raise ShapeError(self.label, received, f"x (features,), and states of shapes {expected}")
        if self.input_shape is not None and x != _first(self.input_shape):
            raise ShapeError(self.label, f"x of shape {x}", f"{_first(self.input_shape)}, as it was built for")
        return ((self.output_size,), *expected)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """(y, *states)."""
        return self._step(x, context)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """(dx, *dstates)."""
        return self._step_gradient(dy, saved, need_dx)


# -- activations -------------------------------------------------------------------------------------------------------


def _named(identifier: Any, where: str) -> Any:
    """An activation as its name, where that says everything; else the ``Activation``."""
    found = activations.get(identifier, where)
    says_all = not found.options and found.given_name is None and is_unchanged(found)
    return found.activation if says_all else found


def name_in_kernels(activation: Any) -> str | None:
    """How the ops of all times call an activation; None where they do not take it.

    >>> name_in_kernels("tanh"), name_in_kernels("gelu"), name_in_kernels(Activation("hard_sigmoid", slope=0.2))
    ('tanh', None, 'hard_sigmoid/5')
    """
    if isinstance(activation, Activation):
        is_old = activation.activation == "hard_sigmoid" and activation.options == _OLD_GATE and is_unchanged(activation)
        return "hard_sigmoid/5" if is_old else None
    return activation if activation in IN_KERNELS else None


def curve_of(activation: Any) -> Curve:
    """An activation in a step."""
    return Curve(activation.apply, activation.gradient) if isinstance(activation, Activation) else _curve(activation)


@lru_cache
def _curve(name: str) -> Curve:
    formula = FORMULAS[name]

    def f(z: Any) -> tuple[Any, Any]:
        y = formula.f(z)
        return y, (z if formula.of_x else y)

    return Curve(f, formula.gradient)


# -- products ----------------------------------------------------------------------------------------------------------


def through(x: Any, W: Any, masks: Any = None) -> Any:
    """x W; with a mask (1, n, in) of (x m) W, with one for each gate of the gates' products side by side."""
    if masks is None or len(masks) == 1:
        return dense(x if masks is None else x * masks[0], W)
    blocks = [dense(x * masks[k], block) for k, block in enumerate(_blocks(W, len(masks)))]
    return backends.array_namespace(x).concatenate(blocks, axis=1)


def through_grad(dz: Any, x: Any, W: Any, masks: Any = None) -> tuple[Any, Any]:
    """dx and dW."""
    if masks is None:
        return dense_grad_x(dz, W), dense_grad_W(x, dz)
    if len(masks) == 1:
        return dense_grad_x(dz, W) * masks[0], dense_grad_W(x * masks[0], dz)
    dx, dW = 0.0, []
    for k, (block, d) in enumerate(zip(_blocks(W, len(masks)), _blocks(dz, len(masks)))):
        dx = dx + dense_grad_x(d, block) * masks[k]
        dW.append(dense_grad_W(x * masks[k], d))
    return dx, backends.array_namespace(dz).concatenate(dW, axis=1)


def _blocks(array: Any, count: int) -> list[Any]:
    width = array.shape[1] // count
    return [array[:, k * width : (k + 1) * width] for k in range(count)]


def _first(shape: Any) -> Any:
    return shape[0] if isinstance(shape[0], tuple) else shape
