"""``keras.backend`` of Keras 2.1: settings, variables, and mathematics on arrays and in functions of layers and losses."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from minidl.compat.keras.backend.functions import *  # noqa: F403  (all of them are Keras's names)
from minidl.compat.keras.backend.graph import Function as Function
from minidl.compat.keras.backend.graph import function as function
from minidl.compat.keras.backend.graph import gradients as gradients
from minidl.compat.keras.backend.session import get_session as get_session
from minidl.compat.keras.backend.session import set_session as set_session
from minidl.compat.keras.backend.settings import *  # noqa: F403
from minidl.compat.keras.backend.variables import *  # noqa: F403
from minidl.compat.keras.backend.variables import known_only as _known_only
from minidl.compat.modules import load
from minidl.errors import closest

_LAYERS = {  # functions that are layers here: their gradients are those layers'
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "conv2d_transpose": "Conv2DTranspose",
    "separable_conv1d": "SeparableConv1D",
    "separable_conv2d": "SeparableConv2D",
    "depthwise_conv2d": "DepthwiseConv2D",
    "conv3d": "Conv3D",
    "conv3d_transpose": "Conv3DTranspose",
    "pool2d": "MaxPooling2D",
    "pool3d": "MaxPooling3D",
    "local_conv1d": "LocallyConnected1D",
    "local_conv2d": "LocallyConnected2D",
}
_INSTEAD = {  # functions that are refused, and what to write
    "placeholder": "Input(shape)",
    "rnn": "RNN(cell), or a recurrent layer",
    "map_fn": "TimeDistributed(layer), or ops on the whole array",
    "foldl": "K.sum, K.prod, or a recurrent layer",
    "foldr": "K.sum, K.prod, or a recurrent layer",
    "ctc_batch_cost": "a loss class with per_sample and gradient_of, see docs/own_parts.md",
    "ctc_decode": "NumPy on what model.predict gives",
    "ctc_label_dense_to_sparse": "the dense labels as they are",
}
globals().update(
    {name: _known_only(name, f"the layer {layer}, in the model itself") for name, layer in _LAYERS.items()}
    | {name: _known_only(name, instead) for name, instead in _INSTEAD.items()}
)


def name_scope(name: str) -> Any:
    """A block without effect: names are those of layers."""
    return nullcontext(name)


def __getattr__(name: str) -> Any:
    if name in ("tensorflow_backend", "theano_backend", "common"):
        return load(f"{__name__}.{name}")
    meant = closest(name, __all__) if not name.startswith("__") else ""
    advice = f". Did you mean {meant!r}?" if meant else ""
    raise AttributeError(f"keras.backend of Keras 2.1 has no attribute {name!r}{advice}", name=name)


_NOT_KERAS = (
    *("annotations", "nullcontext", "Any", "load", "closest", "settings", "operations", "tracing", "variables", "functions"),
    *("graph", "session", "Variable", "generator", "known_only", "check_phase", "fixed_phase", "on_gpu"),
)
__all__ = [name for name in globals() if not name.startswith("_") and name not in _NOT_KERAS]
