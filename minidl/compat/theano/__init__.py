"""A stand-in for Theano, for scripts that set how it computes; ``theano.config.floatX`` is the element type of weights.

Every name but ``config`` and ``sandbox`` is refused with what to write in its place.
"""

from __future__ import annotations

from typing import Any

from minidl import config as _settings
from minidl.compat.tensorflow.names import refusing
from minidl.compat.theano import sandbox as sandbox
from minidl.compat.theano import tensor as tensor

__version__ = "0.9.0"


class _Config:
    """Settings of Theano. Only floatX changes results: it is what ``K.floatx`` gives."""

    device, mode, optimizer, exception_verbosity, openmp = "cpu", "FAST_RUN", "fast_run", "low", True

    def __init__(self) -> None:
        vars(self)["dnn"] = _Section()
        vars(self)["lib"] = vars(self)["gcc"] = vars(self)["nvcc"] = vars(self)["gpuarray"] = _Section()

    @property
    def floatX(self) -> str:
        """``"float32"`` or ``"float64"``."""
        return _settings.dtype()

    @floatX.setter
    def floatX(self, value: str) -> None:
        _settings.set_dtype(value)


class _Section:
    """Settings of a part of Theano, which change no result."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


config = _Config()
__getattr__ = refusing(
    "theano", {"function": "K.function([model.input], [layer.output])", "shared": "K.variable(value)", "scan": "RNN(cell)"}
)
