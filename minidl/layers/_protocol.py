"""What a class of a layer must define, checked when the class is made: each mistake is one error that says what to write.

A class that defines ``call`` or ``forward``, as other libraries have it, would otherwise be accepted and never be run.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from minidl.errors import ArgumentTypeError, ShapeError, StateError, described

_APPLY = "apply(self, x, context), which returns y and what gradient needs"
_SIGNATURES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {  # name: as text, positional, by keyword
    "build": ("build(self, input_shape)", ("input_shape",), ()),
    "output_shape": ("output_shape(self, input_shape)", ("input_shape",), ()),
    "apply": (_APPLY, ("x", "context"), ()),
    "gradient": ("gradient(self, dy, saved, need_dx=True), which returns dx", ("dy", "saved"), ("need_dx",)),
}
_WRITTEN_ONCE = ("forward", "backward", "__call__")
_NO_LONGER = {  # methods of an earlier protocol, which nothing calls
    "pending": "context.update(state, value) in apply, for state from new_state",
    "commit": "context.update(state, value) in apply, for state from new_state",
    "begin_step": "context.random(self) for random numbers of this use",
}


def check_class(cls: type, base: type) -> None:
    """Raise ArgumentTypeError where ``cls``, a subclass of the layer ``base``, defines what no model would call."""
    own, name = dict(vars(cls)), cls.__name__
    for mixin in cls.__mro__[1:]:  # what is no layer itself was never looked at
        if not issubclass(mixin, base) and mixin is not object:
            own = {**vars(mixin), **own}
    if "call" in own and "apply" not in own:
        fix = "rename call to apply, take (self, x, context), return (y, saved), write gradient(self, dy, saved, need_dx=True)"
        raise ArgumentTypeError(name, "a class with Keras's method call", _APPLY, fix)
    for method, instead in _NO_LONGER.items():
        if method in own:
            raise ArgumentTypeError(name, f"a class with a {method} of its own", "what apply announces to its context", instead)
    for method in _WRITTEN_ONCE:
        if method in own:
            expected = "apply and gradient, of which forward, backward and calls are made"
            fix = f"rename {method} to {'gradient' if method == 'backward' else 'apply'}; fit would not use {method}"
            raise ArgumentTypeError(name, f"a class with a {method} of its own", expected, fix)
    if "compute_output_shape" in own and cls.output_shape is base.output_shape:  # type: ignore[attr-defined]
        fix = "rename it to output_shape; shapes have no batch axis here"
        raise ArgumentTypeError(name, "a class with Keras's compute_output_shape", "output_shape(self, input_shape)", fix)
    for method, (text, positional, keywords) in _SIGNATURES.items():
        if inspect.isfunction(own.get(method)):
            signature = inspect.signature(own[method])
            if method == "apply" and "training" in signature.parameters:
                fix = "apply(self, x, context), with context.training and context.keep"
                raise ArgumentTypeError(name, f"a class with apply{signature}", text, fix)
            try:
                signature.bind("self", *positional, **dict.fromkeys(keywords))
            except TypeError:
                raise ArgumentTypeError(name, f"a class with {method}{signature}", text) from None


def initialised(init: Callable[..., None]) -> Callable[..., None]:
    """``__init__`` of a class, and an error where it does not call that of Layer; what a frozen layer holds is frozen, too."""

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if "_made" not in vars(self):
            name = type(self).__name__
            received, expected = "an __init__ that does not call Layer's", "a layer with a name and a dtype"
            raise StateError(name, received, expected, f"super().__init__() as the first line of {name}.__init__")
        if type(self).__init__ is checked and not self.trainable:  # not that of a class above, which goes on
            self.trainable = False

    return checked


def in_pairs(apply: Callable[..., Any], inference: Any) -> Callable[..., tuple[Any, Any]]:
    """``apply`` of a class, in ``inference`` without a context, and an error where it returns y alone or in another shape.

    Two samples would be taken for y and saved; and the layer behind was built for what ``output_shape`` says.
    """

    @functools.wraps(apply)
    def checked(self: Any, x: Any, context: Any = inference) -> Any:
        result = apply(self, x, context)
        if isinstance(result, tuple) and len(result) == 2:
            if type(self).apply is checked:  # and not that of a subclass, which goes on with the result
                _check_shape_of_y(self, x, result[0])
            return result
        kind = f"a tuple of {len(result)}" if isinstance(result, tuple) else described(result)
        fix = "return y, (x if context.keep else None): y and whatever gradient needs, None where that is nothing"
        raise ArgumentTypeError(f"{self.label}: apply", f"{kind} as its result", "a pair (y, saved)", fix)

    return checked


def _check_shape_of_y(layer: Any, x: Any, y: Any) -> None:
    """Raise ShapeError where y, a single array for a single x, has not the shape that was promised."""
    if hasattr(x, "shape") and hasattr(y, "shape"):
        promised = (*x.shape[:1], *layer.output_shape(tuple(x.shape[1:])))
        if tuple(y.shape) != promised:
            received = f"y of shape {tuple(y.shape)} for x of shape {tuple(x.shape)}"
            fix = f"def output_shape(self, input_shape): return {tuple(y.shape[1:])}, with the sizes worked out of input_shape"
            fix = fix if y.shape[:1] == x.shape[:1] else "y with as many samples as x"
            raise ShapeError(f"{layer.label}: apply", received, f"{promised}, as its output_shape says", fix)


def is_unchanged(layer: Any) -> bool:
    """Whether the layer computes as minidl's class does: what a subclass overrides the plan cannot know."""
    return _computes_as_minidl(type(layer))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=1024)  # asked in every pass
def _computes_as_minidl(cls: Any) -> bool:
    return all(method.__module__.startswith("minidl.") for method in (cls.apply, cls.gradient, cls.output_mask))


def explain_keras_weights(layer: Any, error: AttributeError) -> None:
    """Raise ArgumentTypeError with minidl's name for it where a ``build`` calls Keras's ``add_weight``."""
    if error.name == "add_weight" and id(error.obj) == id(layer):
        fix = "self.W = self.new_parameter('W', shape, 'glorot_uniform')"
        raise ArgumentTypeError(f"{layer.label}: build", "a call of Keras's add_weight", "new_parameter", fix) from None
