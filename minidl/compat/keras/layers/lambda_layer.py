"""The layer ``Lambda``: a function of known ops, which has a gradient because each of them has one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Unpack

from minidl.compat.keras.backend.functions import reshape
from minidl.compat.keras.backend.tracing import Tape
from minidl.compat.keras.backend.variables import get_value
from minidl.compat.keras.traced import (
    FunctionActivation,
    FunctionConstraint,
    FunctionRegularizer,
    LayerActivation,
    TracedLayer,
    by_name,
)
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.geometry import is_several
from minidl.layers.base import LayerOptions
from minidl.layers.symbol import Symbol


class OfFunction(TracedLayer, abstract=True):
    """What ``Lambda`` and layers with Keras's ``call`` share: a function that may ask for the mask of its input.

    Attributes:
        function: f, of a value with the batch axis, or of a list of them where the layer is called on a list.
        arguments: further arguments of f.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    _tapes: dict[Any, Tape]
    samples_2_1: int | None = None  # that have to be in a batch, where f says a number
    announces_2_1 = False  # whether f announces a part of the loss

    def joined(self, x: Any) -> Any:
        """The symbols, and behind them what f reads beside."""
        symbols = x if isinstance(x, (tuple, list)) else (x,)
        if not all(isinstance(symbol, Symbol) for symbol in symbols) or type(self).apply is not OfFunction.apply:
            return x
        return self.with_reads(x)

    def tape(self, input_shape: Any) -> Tape:
        """What f does with samples of this shape; where it cannot do without a mask, with one of the steps."""
        try:
            return self._traced(input_shape, ())
        except (TypeError, ValueError, AttributeError):
            if not self._takes_mask:
                raise
            shapes = input_shape if is_several(input_shape) else (input_shape,)
            return self._traced(input_shape, tuple(tuple(shape[:1]) for shape in shapes))

    def _traced(self, shape: Any, of_masks: tuple[Any, ...]) -> Tape:
        built = self.input_shape
        if built is not None and shape != built and _fits(shape, built):
            shape = built
        key = shape, of_masks
        if key not in self._tapes:
            several = is_several(shape)
            shapes = list(shape) if several else [shape]
            kinds = ["float"] * len(shapes) + ["bool"] * len(of_masks)
            function = self._function(several, len(shapes))
            self._tapes[key] = Tape(function, [*shapes, *of_masks], kinds=kinds, announced=self._announcements)
            self.samples_2_1 = self._tapes[key].samples
            self.announces_2_1 = bool(self._tapes[key].announced)
        return self._tapes[key]

    def _function(self, several: bool, count: int) -> Callable[..., Any]:
        """f of what the tape hands over: the inputs, then their masks."""

        def function(*values: Any) -> Any:
            x, masks = (list(values[:count]) if several else values[0]), list(values[count:])
            call = partial(self.function, **self.arguments)
            if self._takes_mask:
                call = partial(call, mask=(masks if several else masks[0]) if masks else None)
            return self._result(call(x), x)

        return function

    @property
    def _takes_mask(self) -> bool:
        """Whether f has an argument ``mask`` that nobody has given."""
        try:
            return "mask" in inspect.signature(self.function).parameters and "mask" not in self.arguments
        except (TypeError, ValueError):
            return False

    def _result(self, y: Any, x: Any) -> Any:
        """What f gave, as the tape is to give it."""
        return y

    def _announcements(self) -> list[Any]:
        """What f has announced for the loss since it was asked last."""
        return []

    def tape_of_pass(self, shape: Any, mask: Any) -> tuple[Tape, list[Any]]:
        """The tape, and the masks where f asks for them."""
        if mask is None or not self._takes_mask:
            return self._traced(shape, ()), []
        masks = mask if isinstance(mask, tuple) else (mask,)
        return self._traced(shape, tuple(tuple(m.shape[1:]) for m in masks)), list(masks)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_tapes": {}}


class Lambda(OfFunction, abstract=True):
    """y = f(x): operators and functions of ``keras.backend``, which are noted once and differentiated one by one.

    Args:
        function: f, of a value with the batch axis, or of a list of them where the layer is called on a list.
        result_shape: of y: a tuple without the batch axis, or a function of the input's shape with it; None: what f gives.
            Where f gives as many numbers in another shape, they are put into this one.
        mask: of y: None, or a function of (x, mask).
        arguments: further arguments of f, in a dictionary.

    Raises ArgumentTypeError or ShapeError, naming the function of ``K``, where f does what minidl cannot differentiate.

    >>> import numpy as np
    >>> Lambda(lambda x: x ** 2)(np.array([[1.0, -3.0]])).tolist()
    [[1.0, 9.0]]
    """

    def __init__(
        self,
        function: Callable[..., Any],
        result_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if not callable(function):
            raise ArgumentTypeError("Lambda", described(function), "a function", "Lambda(lambda x: x ** 2)")
        if not (result_shape is None or callable(result_shape) or isinstance(result_shape, (tuple, list))):
            raise ArgumentTypeError("Lambda", f"output_shape={result_shape!r}", "a tuple, or a function of the input's shape")
        self.function, self.result_shape, self.mask = function, result_shape, mask
        self.arguments = dict(arguments or {})
        self.makes_mask = mask is not None
        self._tapes = {}

    def _result(self, y: Any, x: Any) -> Any:
        return y if self.result_shape is None or isinstance(y, (list, tuple)) else self._reshaped(y, x)

    def _reshaped(self, y: Any, x: Any) -> Any:
        """y in the shape that the script says."""
        wanted = self.result_shape
        if callable(wanted):
            of_x = [part.int_shape for part in x] if isinstance(x, list) else x.int_shape
            said = wanted(of_x)
            if not isinstance(said, (tuple, list)) or (said and isinstance(said[0], (tuple, list))):
                return y
            said = tuple(said)[1:]
        else:
            said = tuple(wanted)
        found = getattr(y, "int_shape", None)
        if found is None or _fits(found[1:], said) or any(n is None for n in (*said, *found[1:])):
            return y
        try:
            return reshape(y, (-1, *said))
        except ShapeError:
            raise ShapeError(self.label, f"output_shape={said}", f"{found[1:]}, which the function gives") from None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None, or what the script says."""
        x, mask = self.own_of_pass(x, mask)
        return get_value(self.mask(x, mask)) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The arguments; of functions their names, as nothing is ever run out of a file."""
        named = {name: getattr(self, name) for name in ("function", "result_shape", "mask") if callable(getattr(self, name))}
        plain = dict.fromkeys(named)
        kept = {name: vars(self).get(name) for name in named}
        vars(self).update(plain)
        try:
            found = super().get_config()
        finally:
            vars(self).update(kept)
        return found | {name: by_name(value) for name, value in named.items()}


def _fits(shape: Any, built: Any) -> bool:
    """Whether a shape is that of which a None may be any length."""
    if isinstance(built, tuple) and isinstance(shape, tuple) and len(built) == len(shape):
        return all(b is None or s == b or (isinstance(b, tuple) and _fits(s, b)) for s, b in zip(shape, built))
    return bool(shape == built)


CLASSES: dict[str, Any] = {  # what files of old scripts may hold of this room, for ``custom_objects``
    cls.__name__: cls for cls in (Lambda, FunctionActivation, LayerActivation, FunctionRegularizer, FunctionConstraint)
}
