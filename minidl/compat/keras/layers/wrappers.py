"""``keras.layers.wrappers`` of Keras 2.1."""

from __future__ import annotations

from typing import Any

from minidl import layers as today
from minidl.compat.keras.layers.faces import faced
from minidl.compat.keras.layers.options import OldLayer, RefusedClass, old_names
from minidl.compat.translation import Given


class _OldBidirectional(OldLayer):
    """``Bidirectional``, whose two directions may be given the weights they start with."""

    def finish(self, thing: Any, aside: Given) -> Any:
        """Half of the weights for each direction; those of the layer within are the forward layer's, as in 2.1."""
        weights, aside = aside["weights"], aside | {"weights": None}
        if weights is not None:
            half = len(weights) // 2
            thing.layer.starts_with, thing.backward_layer.starts_with = weights[:half], weights[half:]
        else:
            thing.layer.starts_with = aside.get("of_layer")
        for layer in (thing.layer, thing.backward_layer):
            faced(layer)
        return super().finish(thing, aside)

    def translated(self, positional: tuple[Any, ...], keywords: Given) -> tuple[Given, Given]:
        """As of all layers; and the weights of the layer within, as minidl reads its arguments only."""
        arguments, aside = super().translated(positional, keywords)
        return arguments, aside | {"of_layer": getattr(arguments.get("layer"), "starts_with", None)}


TimeDistributed = OldLayer("TimeDistributed", today.TimeDistributed, "layer", sequence=True)
Bidirectional = _OldBidirectional("Bidirectional", today.Bidirectional, "layer, merge_mode='concat'", sequence=True)
Wrapper = RefusedClass(
    "Wrapper",
    "symbolic calls of a backend",
    "a layer of your own with the inner one as an attribute, apply and gradient (docs/custom_layer.md)",
)

__all__ = old_names(globals())
