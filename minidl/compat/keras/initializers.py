"""``keras.initializers`` of Keras 2.1.

glorot_normal, he_normal, lecun_normal and ``VarianceScaling(distribution="normal")`` draw normal numbers of variance scale / n
and cut them at two standard deviations; today they are widened afterwards, so that the variance is scale / n again. An object
is called with a shape: it then draws from ``np.random``, which the script seeds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl import initializers as today
from minidl.backend.random import Stream
from minidl.compat.keras.backend.variables import get_value
from minidl.compat.translation import OldName
from minidl.declared import from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described

_CUT = 0.87962566103423978  # the standard deviation of a standard normal number cut at 2 and -2


def _with_shape(cls: Any, **attributes: Any) -> Any:
    """minidl's class, whose objects may be called with a shape alone."""

    def __call__(self: Any, shape: Any, stream: Any = None, index: int = 0, dtype: Any = None, name: Any = None) -> Any:
        if isinstance(stream, Stream):
            return cls.__call__(self, shape, stream, index)
        return np.asarray(cls.__call__(self, tuple(shape), Stream(int(np.random.randint(2**31 - 1)), 0), 0))  # noqa: NPY002

    attributes |= {"__call__": __call__, "written_as": cls, "__doc__": cls.__doc__, "__module__": __name__}
    return type(cls)(cls.__name__, (cls,), attributes, abstract=True)


class _Cut:
    """Normal numbers of variance scale / n that were cut and not widened; ``scale`` is that of Keras 2.1."""

    usual: str | None = None

    def __repr__(self) -> str:
        return repr(self.usual) if self.usual else super().__repr__()


_VarianceScaling = _with_shape(today.VarianceScaling)


class _CutVarianceScaling(_Cut, _VarianceScaling, abstract=True):  # type: ignore[misc, valid-type, call-arg]
    written_as = today.VarianceScaling


_CutVarianceScaling.__name__ = "VarianceScaling"


def _variance_scaling(
    scale: float = 1.0, mode: str = "fan_in", distribution: str = "normal", seed: int | None = None, usual: str | None = None
) -> Any:
    mode, distribution = str(mode).lower(), str(distribution).lower()
    if distribution not in ("normal", "uniform"):
        raise ArgumentError("VarianceScaling", f"distribution={distribution!r}", "'normal' or 'uniform'")
    if distribution == "uniform":
        return _VarianceScaling(scale, mode, distribution, seed)
    made = _CutVarianceScaling(scale * _CUT**2, mode, distribution, seed)
    made.usual = usual if seed is None else None
    return made


class Initializer(today.Initializer, abstract=True):
    """A base for classes of a script that define ``__call__(self, shape, dtype=None)``."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:  # type: ignore[override]
        """The initial values."""
        raise NotImplementedError

    def draw(self, shape: tuple[int, ...], random: Any) -> Any:
        """As minidl calls it."""
        return get_value(self(shape))


class OfFunction(today.Initializer, abstract=True):
    """Initial values that a script gives as a function of the shape."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def draw(self, shape: tuple[int, ...], random: Any) -> Any:
        """What the function gives for the shape, and for name and dtype where it asks for them."""
        return np.asarray(get_value(self.function(shape, **self._beside())))

    def _beside(self) -> dict[str, Any]:
        try:
            parameters = inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return {}
        return {name: None for name in ("name", "dtype") if name in parameters and parameters[name].default is inspect._empty}

    def _plain(self) -> Any:
        """Weights come from the file, not from here."""
        return "zeros"


Zeros = OldName("Zeros", _with_shape(today.Zeros), "")
Ones = OldName("Ones", _with_shape(today.Ones), "")
Constant = OldName("Constant", _with_shape(today.Constant), "value=0")
RandomNormal = OldName("RandomNormal", _with_shape(today.RandomNormal), "mean=0.0, stddev=0.05, seed=None")
RandomUniform = OldName("RandomUniform", _with_shape(today.RandomUniform), "minval=-0.05, maxval=0.05, seed=None")
TruncatedNormal = OldName("TruncatedNormal", _with_shape(today.TruncatedNormal), "mean=0.0, stddev=0.05, seed=None")
Orthogonal = OldName("Orthogonal", _with_shape(today.Orthogonal), "gain=1.0, seed=None")
Identity = OldName("Identity", _with_shape(today.Identity), "gain=1.0")
VarianceScaling = OldName(
    "VarianceScaling",
    _variance_scaling,
    "scale=1.0, mode='fan_in', distribution='normal', seed=None",
    spelled="VarianceScaling",
)

zero = zeros = Zeros
one = ones = Ones
constant = Constant
uniform = random_uniform = RandomUniform
normal = random_normal = RandomNormal
truncated_normal = TruncatedNormal
identity = Identity
orthogonal = Orthogonal


def lecun_uniform(seed: int | None = None) -> Any:
    """U(-a, a), a = sqrt(3 / fan_in)."""
    return _variance_scaling(1.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> Any:
    """N(0, 1 / fan_in), cut at two standard deviations."""
    return _variance_scaling(1.0, "fan_in", "normal", seed, "lecun_normal")


def glorot_uniform(seed: int | None = None) -> Any:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out))."""
    return _variance_scaling(1.0, "fan_avg", "uniform", seed)


def glorot_normal(seed: int | None = None) -> Any:
    """N(0, 2 / (fan_in + fan_out)), cut at two standard deviations."""
    return _variance_scaling(1.0, "fan_avg", "normal", seed, "glorot_normal")


def he_uniform(seed: int | None = None) -> Any:
    """U(-a, a), a = sqrt(6 / fan_in)."""
    return _variance_scaling(2.0, "fan_in", "uniform", seed)


def he_normal(seed: int | None = None) -> Any:
    """N(0, 2 / fan_in), cut at two standard deviations."""
    return _variance_scaling(2.0, "fan_in", "normal", seed, "he_normal")


_CUT_NAMES = {"lecun_normal": lecun_normal, "glorot_normal": glorot_normal, "he_normal": he_normal}
_NAMES: dict[str, Any] = {
    "zero": Zeros, "zeros": Zeros, "one": Ones, "ones": Ones, "constant": Constant, "uniform": RandomUniform,
    "random_uniform": RandomUniform, "randomuniform": RandomUniform, "normal": RandomNormal, "random_normal": RandomNormal,
    "randomnormal": RandomNormal, "truncated_normal": TruncatedNormal, "truncatednormal": TruncatedNormal,
    "identity": Identity, "orthogonal": Orthogonal, "variance_scaling": VarianceScaling, "variancescaling": VarianceScaling,
    "lecun_uniform": lecun_uniform, "glorot_uniform": glorot_uniform, "he_uniform": he_uniform, **_CUT_NAMES,
}  # fmt: skip


def for_layer(value: Any) -> Any:
    """What ``kernel_initializer=`` or ``init=`` of a layer means, as minidl takes it.

    >>> for_layer("glorot_uniform"), for_layer("he_normal")
    ('glorot_uniform', 'he_normal')
    """
    if isinstance(value, str):
        name = value.lower()
        if name in _CUT_NAMES:
            return _CUT_NAMES[name]()
        return value
    if isinstance(value, Mapping):
        return deserialize(value)
    if isinstance(value, OldName) or value in _FUNCTIONS:
        return value()
    if isinstance(value, today.Initializer) and not _of_a_script(value):
        return value
    return OfFunction(value) if callable(value) else value


_FUNCTIONS = (lecun_uniform, lecun_normal, glorot_uniform, glorot_normal, he_uniform, he_normal)


def _of_a_script(value: Any) -> bool:
    return isinstance(value, Initializer) or not type(value).__call__.__module__.startswith("minidl")


def serialize(initializer: Any) -> Any:
    """Class and arguments."""
    return {"class_name": type(initializer).__name__.strip("_"), "config": initializer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer that ``serialize`` wrote. Raises ArgumentError for an unknown name."""
    if "kind" in config:
        return from_plain(config, custom_objects)
    name = str(config["class_name"])
    found = (custom_objects or {}).get(name) or _NAMES.get(name.lower())
    if found is None:
        raise ArgumentError("initializer", repr(name), f"one of {', '.join(_NAMES)}", meant=closest(name, _NAMES))
    return found(**config.get("config", {}))


def get(identifier: Any) -> Any:
    """The initializer that a name, a configuration or a function means.

    >>> get("zeros")((2,)).tolist()
    [0.0, 0.0]
    """
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ArgumentTypeError("keras.initializers.get", described(identifier), "a name, a configuration or a function")
