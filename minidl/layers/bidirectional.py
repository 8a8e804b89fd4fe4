"""A sequence read in both directions."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest, described
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.layers.recurrent import Recurrent, TakesStates

_MERGES = ("concat", "sum", "mul", "ave")


class Bidirectional(TakesStates):
    """y = forward(x) and backward(x), merged: at each time what came before it, and what comes after.

    Args:
        layer: a recurrent layer; a new one of its arguments reads forwards.
        merge_mode: ``"concat"`` (side by side), ``"sum"``, ``"mul"``, ``"ave"`` (the mean), or None for a tuple of both.
        backward_layer: reads backwards, with ``go_backwards=True``; None: one of the same arguments.

    With ``return_sequences`` the backward outputs are turned round, so that both belong to the same step, and both are 0 where
    a mask leaves a step out. With ``return_state`` the states of the forward layer follow, then those of the other; initial
    states are given in the same order.

    Source: Schuster and Paliwal 1997.

    >>> from minidl.layers import LSTM
    >>> layer = Bidirectional(LSTM(4, return_sequences=True))
    >>> layer.build((7, 3)); layer.output_shape((7, 3)), layer.count_params()
    ((7, 8), 256)
    """

    def __init__(
        self, layer: Any, merge_mode: str | None = "concat", *, backward_layer: Any = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        for given in (layer, *([] if backward_layer is None else [backward_layer])):
            if not isinstance(given, Recurrent):
                raise ArgumentTypeError("Bidirectional", described(given), "a recurrent layer", "Bidirectional(LSTM(32))")
        if merge_mode is not None and merge_mode not in _MERGES:
            expected, meant = f"None or one of {', '.join(_MERGES)}", closest(merge_mode, _MERGES)
            raise ArgumentError("Bidirectional", f"merge_mode={merge_mode!r}", expected, meant=meant)
        if layer.go_backwards or (backward_layer is not None and not backward_layer.go_backwards):
            received = f"a {'layer' if layer.go_backwards else 'backward_layer'} that reads in the other direction"
            raise ArgumentError("Bidirectional", received, "go_backwards=True for the backward_layer only")
        other = layer if backward_layer is None else backward_layer
        for name in ("return_sequences", "return_state", "stateful"):
            if getattr(layer, name) != getattr(other, name):
                received = f"{name}={getattr(layer, name)} and {getattr(other, name)}"
                raise ArgumentError("Bidirectional", received, "the same in both directions")
        zeros = {"zero_output_for_mask": layer.return_sequences}
        self.layer: Recurrent = _again(layer, "forward", **zeros)
        self.merge_mode = merge_mode
        self.backward_layer: Recurrent = _again(other, "backward", go_backwards=True, **zeros)
        self._axes = layer._axes

    @property
    def forward_layer(self) -> Any:
        """The one that reads forwards."""
        return self.layer

    def build(self, input_shape: Any) -> None:
        """Build both directions."""
        self.layer.ensure_built(input_shape)
        self.backward_layer.ensure_built(input_shape)

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return self.layer._state_shapes + self.backward_layer._state_shapes

    def output_shape(self, input_shape: Any) -> Any:
        """The merged shape, or both; with ``return_state`` those of the states behind."""
        x, *states = input_shape if input_shape and isinstance(input_shape[0], tuple) else (input_shape,)
        shapes = [layer.output_shape(x) for layer in (self.layer, self.backward_layer)]
        expected = self.layer._states_behind(x) + self.backward_layer._states_behind(x)
        if states and tuple(states) != expected:
            received = f"initial states of shapes {tuple(states)}"
            raise ShapeError(self.label, received, f"{expected}, without the batch axis")
        one, two = (shape[0] for shape in shapes) if self.layer.return_state else shapes
        if self.merge_mode == "concat":
            results: tuple[Any, ...] = ((*one[:-1], one[-1] + two[-1]),)
        elif self.merge_mode is None:
            results = one, two
        elif one != two:
            raise ShapeError(self.label, f"outputs of shapes {one} and {two}", f"equal ones for merge_mode={self.merge_mode!r}")
        else:
            results = (one,)
        results = (*results, *expected) if self.layer.return_state else results
        return results if len(results) > 1 else results[0]

    def output_mask(self, x: Any, mask: Any) -> Any:
        """That of x with ``return_sequences``, else none."""
        mask = mask[0] if isinstance(mask, tuple) else mask
        masks = [mask if self.layer.return_sequences else None] * (2 if self.merge_mode is None else 1)
        masks += [None] * (len(self._state_shapes) if self.layer.return_state else 0)
        return tuple(masks) if len(masks) > 1 else masks[0]

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """The merged result; keeps what both directions do."""
        context = context.own()
        x, *given = x if isinstance(x, tuple) else (x,)
        half = len(self.layer._state_shapes)
        inputs = ((x, *given[:half]), (x, *given[half:])) if given else (x, x)
        one, of_one = self.layer.apply(inputs[0], context)
        two, of_two = self.backward_layer.apply(inputs[1], context)
        states: tuple[Any, ...] = ()
        if self.layer.return_state:
            (one, *first), (two, *second) = one, two
            states = (*first, *second)
        two = self._turned(two)
        results = (*self._merged(one, two), *states)
        saved = (of_one, of_two, one, two, bool(given)) if context.keep else None
        return (results if len(results) > 1 else results[0]), saved

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, the sum of both directions'; (dx, *dstates) where states were given."""
        of_one, of_two, one, two, given = saved
        outputs, half = 2 if self.merge_mode is None else 1, len(self.layer._state_shapes)
        dy = dy if isinstance(dy, tuple) else (dy,)
        done, dtwo = self._merged_grad(dy[:outputs], one, two)
        dtwo, states = self._turned(dtwo), dy[outputs:]
        if self.layer.return_state:
            done, dtwo = (done, *states[:half]), (dtwo, *states[half:])
        dx_one = self.layer.gradient(done, of_one, need_dx)
        dx_two = self.backward_layer.gradient(dtwo, of_two, need_dx)
        if not need_dx:
            return None
        if given:
            return (dx_one[0] + dx_two[0], *dx_one[1:], *dx_two[1:])
        return dx_one + dx_two

    def _turned(self, y: Any) -> Any:
        """What the backward layer gives, in the order of time."""
        return backends.array_namespace(y).flip(y, 1) if self.layer.return_sequences else y

    def _merged(self, one: Any, two: Any) -> tuple[Any, ...]:
        if self.merge_mode == "concat":
            return (backends.array_namespace(one).concatenate((one, two), axis=-1),)
        if self.merge_mode is None:
            return one, two
        return (one * two if self.merge_mode == "mul" else (one + two) * (0.5 if self.merge_mode == "ave" else 1),)

    def _merged_grad(self, dy: tuple[Any, ...], one: Any, two: Any) -> tuple[Any, Any]:
        """The gradients of both outputs."""
        if self.merge_mode is None:
            return dy[0], dy[1]
        (d,) = dy
        if self.merge_mode == "concat":
            width = one.shape[-1]
            return d[..., :width], d[..., width:]
        if self.merge_mode == "mul":
            return d * two, d * one
        return (d, d) if self.merge_mode == "sum" else (0.5 * d, 0.5 * d)


def _again(layer: Any, prefix: str = "", **changes: Any) -> Any:
    """A new layer of the same arguments, with weights of its own, and so for all layers among the arguments."""
    arguments = {name: _fresh(value) for name, value in layer._arguments().items()} | changes
    if prefix:
        arguments["name"] = f"{prefix}_{layer.name.removeprefix('forward_').removeprefix('backward_')}"
    return type(layer)(**arguments)


def _fresh(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_fresh(item) for item in value)
    return _again(value) if isinstance(value, Layer) else value
