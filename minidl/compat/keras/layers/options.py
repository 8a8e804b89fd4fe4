"""How layers are made in an old script: what every layer of Keras 2.1 takes beside its own arguments."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras import values
from minidl.compat.keras.names import next_name
from minidl.compat.keras.seeding import draw_seed
from minidl.compat.translation import Given, OldName
from minidl.errors import ArgumentError, ArgumentTypeError

WEIGHTS_1 = {  # what Keras 1 called the settings of weights
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}


class OldLayer(OldName):
    """An ``OldName`` for a layer. In a ``sequence`` layer, ``input_dim`` is that of a step and ``input_length`` how many."""

    def __init__(self, name: str, make: Any, signature: str, *, sequence: bool = False, **how: Any) -> None:
        super().__init__(name, make, signature, **how)
        self.sequence = sequence
        self.values = values.for_arguments(self.signature.parameters) | self.values

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The layer."""
        draw_seed()
        return super().__call__(*positional, **keywords)

    def options(self, given: Given) -> tuple[Given, Given]:
        """``name``, ``trainable``, ``dtype`` and the shape of the input, in all the ways it may be said; ``weights``."""
        own = self.signature.parameters
        found: Given = {"name": given.pop("name", None) or next_name(self.spelled)}
        for flag in ("trainable",):
            if flag in given:
                found[flag] = given.pop(flag)
        dtype = given.pop("dtype", given.pop("input_dtype", None))
        if dtype in ("float32", "float64"):  # of ids it is the type of the data, which minidl takes as it comes
            found["dtype"] = dtype
        shape, batch_size = given.pop("input_shape", None), given.pop("batch_size", None)
        if "batch_input_shape" in given:
            batch_size, *rest = given.pop("batch_input_shape")
            shape = tuple(rest)
        if "input_dim" in given and "input_dim" not in own:
            dim = given.pop("input_dim")
            length = given.pop("input_length", None) if "input_length" not in own else None
            shape = (length, dim) if self.sequence else (dim,)
        if shape is not None:
            if not isinstance(shape, (tuple, list)):
                raise ArgumentTypeError(self.__name__, f"input_shape={shape!r}", "a tuple", f"input_shape=({shape!r},)")
            found["input_shape"] = tuple(shape)
        if batch_size is not None and (isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1):
            raise ArgumentError(self.__name__, f"a batch of {batch_size!r}", "a positive number of samples, or None")
        return found, {"weights": given.pop("weights", None), "batch_size": batch_size}

    def finish(self, thing: Any, aside: Given) -> Any:
        """Keep what is used when the layer is built."""
        thing.starts_with = aside["weights"]
        thing.batch_size_2_1 = aside["batch_size"]  # summaries show it
        return thing
