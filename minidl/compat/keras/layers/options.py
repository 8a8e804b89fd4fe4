"""How layers are made in an old script: what every layer of Keras 2.1 takes beside its own arguments.

An ``OldLayer`` is a call in four vocabularies: the positional order of Keras 1 (``order_1``), its keywords, those of Keras 2.1
and those of minidl. Values are translated by the names of their arguments, in ``values.py`` and here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import config
from minidl import layers as today
from minidl.compat.keras import values
from minidl.compat.keras.layers.faces import faced
from minidl.compat.keras.names import next_name
from minidl.compat.keras.seeding import draw_seed
from minidl.compat.keywords import Refused
from minidl.compat.translation import Given, OldName
from minidl.declared import find_class
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.initializers import Initializer

WEIGHTS_1 = {  # what Keras 1 called the settings of weights
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
OPTIONS = (
    *("name", "trainable", "dtype", "input_dtype", "input_shape", "batch_input_shape", "batch_size"),
    *("input_dim", "input_length", "weights"),
)


class OldLayer(OldName):
    """An ``OldName`` for a layer.

    Args:
        sequence: whether ``input_dim`` is that of a step, and ``input_length`` how many steps there are.
        order_1: the positional arguments of Keras 1, by the names they had, where another order is 2.1's. It is meant where
            the first argument in another place has a value that 2.1 does not take there.
        steps: whether the layer knew no data format in 2.1, and takes (batch, steps, channels) always.
        fixed: arguments of minidl that 2.1 does not have, with the values that make the layer of then.
        class_name: that of the class in 2.1, which names are made of; None: as notices spell it.
    """

    beside = OPTIONS

    def __init__(
        self,
        name: str,
        make: Any,
        signature: str,
        *,
        sequence: bool = False,
        order_1: str = "",
        steps: bool = False,
        fixed: Mapping[str, Any] | None = None,
        class_name: str | None = None,
        **how: Any,
    ) -> None:
        super().__init__(name, make, signature, **how)
        self.sequence, self.steps, self.fixed = sequence, steps, dict(fixed or {})
        self.order_1, self.given_form = tuple(order_1.replace(",", " ").split()), self.form
        self.form = self._formed
        self.class_name = class_name or self.spelled
        by_name = values.for_arguments(self.signature.parameters)
        for argument in self.signature.parameters:
            if argument in _OWN_VALUES:
                by_name[argument] = _first_then(_OWN_VALUES[argument], by_name.get(argument))
        self.values = by_name | self.values

    def called(self, name: str, **changes: Any) -> OldLayer:
        """The same under another name."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other.__name__ = other.__qualname__ = name
        for attribute, value in changes.items():
            setattr(other, attribute, value)
        other.form = other._formed
        return other

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The layer."""
        draw_seed()
        return super().__call__(*positional, **keywords)

    # -- the forms -----------------------------------------------------------------------------------------------------

    def _formed(self, args: tuple[Any, ...], given: Given) -> tuple[tuple[Any, ...], Given]:
        """Positional arguments in the order of 2.1; those of Keras 1 by name."""
        known = tuple(self.signature.parameters)
        for place, value in enumerate(args[: len(self.order_1)]):
            name_1 = self.order_1[place]
            if place < len(known) and self.keras_1.get(name_1, name_1) == known[place]:
                continue
            if _is_of_keras_1(name_1, value):
                args, given = args[:place], given | by_name(self.__name__, self.order_1[place:], args[place:], given)
            break
        return self.given_form(args, given) if self.given_form is not None else (args, given)

    def adjusted(self, arguments: Given) -> Given:
        """What 2.1 meant without saying it."""
        if self.steps and config.data_format() != "channels_last":
            arguments.setdefault("data_format", "channels_last")
            arguments["data_format"] = arguments["data_format"] or "channels_last"
        return arguments | self.fixed

    # -- what all layers take ------------------------------------------------------------------------------------------

    def options(self, given: Given) -> tuple[Given, Given]:
        """``name``, ``trainable``, ``dtype`` and the shape of the input, in all the ways it may be said; ``weights``."""
        own = self.signature.parameters
        found: Given = {"name": given.pop("name", None) or next_name(self.class_name)}
        if "trainable" in given:
            found["trainable"] = bool(given.pop("trainable"))
        dtypes = [given.pop(name) for name in ("dtype", "input_dtype") if name in given]
        for dtype in dtypes:
            if dtype in ("float32", "float64"):  # of ids it is the type of the data, which minidl takes as it comes
                found["dtype"] = dtype
        shape, batch_size = given.pop("input_shape", None), given.pop("batch_size", None)
        if given.get("batch_input_shape") is not None:
            batch_size, *rest = given["batch_input_shape"]
            shape = tuple(rest)
        given.pop("batch_input_shape", None)
        if "input_dim" in given and "input_dim" not in own:
            dim = given.pop("input_dim")
            length = given.pop("input_length", None) if "input_length" not in own else None
            if dim is not None:
                shape = (length, dim) if self.sequence else (dim,)
        if shape is not None:
            if not isinstance(shape, (tuple, list)):
                raise ArgumentTypeError(self.__name__, f"input_shape={shape!r}", "a tuple", f"input_shape=({shape!r},)")
            found["input_shape"] = tuple(shape)
        if batch_size is not None and (isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1):
            raise ArgumentError(self.__name__, f"a batch of {batch_size!r}", "a positive number of samples, or None")
        return found, {"weights": given.pop("weights", None), "batch_size": batch_size}

    def afterwards(self, aside: Given) -> str:
        """Weights to start with are set by hand today."""
        return "" if aside["weights"] is None else ", and set_weights(weights) once it is built,"

    def finish(self, thing: Any, aside: Given) -> Any:
        """Keep what is used when the layer is built."""
        thing.starts_with = aside["weights"]
        thing.batch_size_2_1 = aside["batch_size"]  # summaries show it
        return faced(thing)


def by_name(where: str, names: tuple[str, ...], values: tuple[Any, ...], given: Given) -> Given:
    """Arguments without names as keywords. Raises ArgumentTypeError for too many, and for one that ``given`` has too."""
    if len(names) < len(values):
        received = f"{len(values)} more arguments without their names"
        raise ArgumentTypeError(where, received, f"no more than {', '.join(names)}")
    for name in names[: len(values)]:
        if name in given:
            raise ArgumentTypeError(where, f"{name} twice", "each argument once")
    return dict(zip(names, values))


class RefusedClass(Refused):
    """A class of Keras that minidl has no part for: using it is an error of one sentence, importing it is none."""

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """Raises ArgumentTypeError for a class derived from it."""
        return (self(),)

    def __instancecheck__(self, thing: object) -> bool:
        """Nothing is one."""
        return False


# -- values ------------------------------------------------------------------------------------------------------------


def activation(value: Any) -> Any:
    """An activation by its name; ``hard_sigmoid`` with the slope of then, so that notices say it.

    >>> activation("hard_sigmoid"), activation("relu")
    (Activation('hard_sigmoid', slope=0.16666666666666666), 'relu')
    """
    return today.Activation(value, slope=config.profile().hard_sigmoid_slope) if value == "hard_sigmoid" else value


def padding(value: Any) -> Any:
    """``"SAME"`` and ``"Valid"``, in any case of letters."""
    return value.lower() if isinstance(value, str) else value


def rate(value: Any) -> Any:
    """A rate of dropout: 2.1 cuts it to 0 ... 1, and drops nothing where it is 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or 0 < value < 1:
        return value
    return 0.0


_OWN_VALUES: dict[str, Callable[[Any], Any]] = {
    "activation": activation,
    "recurrent_activation": activation,
    "padding": padding,
    "rate": rate,
    "dropout": rate,
    "recurrent_dropout": rate,
}


def _first_then(own: Callable[[Any], Any], of_kind: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return own if of_kind is None else lambda value: own(of_kind(value))


def _is_of_keras_1(name_1: str, value: Any) -> bool:
    """Whether a value without a name is that of this argument of Keras 1, and cannot be what 2.1 has in its place."""
    if name_1.endswith("init"):
        return isinstance(value, Initializer) or find_class("initializer", value) is not None or value in ("zero", "one")
    if name_1 == "epsilon":
        return isinstance(value, float)
    return name_1 == "input_length" and type(value) is int


def old_names(of_module: Mapping[str, Any]) -> list[str]:
    """What ``from keras.layers.core import *`` gives: the names of Keras among all of a module."""
    return [name for name, thing in of_module.items() if not name.startswith("_") and isinstance(thing, (OldName, Refused))]
