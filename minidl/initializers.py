"""Initial values of parameters, drawn on the host in float64 from the layer's own random stream, then cast.

fan_in and fan_out count the connections of one output and of one input: for W (*window, in, out) they are
prod(window) in and prod(window) out.

    glorot_uniform   U(-a, a),  a = sqrt(6 / (fan_in + fan_out))      glorot_normal   N(0, 2 / (fan_in + fan_out))
    he_uniform       U(-a, a),  a = sqrt(6 / fan_in)                  he_normal       N(0, 2 / fan_in)
    lecun_uniform    U(-a, a),  a = sqrt(3 / fan_in)                  lecun_normal    N(0, 1 / fan_in)
    variance_scaling variance scale / n with n = fan_in, fan_out or their mean; all of the above are special cases
    truncated_normal N(mean, stddev^2), numbers beyond two standard deviations drawn again
    orthogonal       Q of the QR decomposition of a normal matrix, signs made unique, times gain
    identity         1 on the diagonal, times gain

The normal variants that scale a variance are cut at two standard deviations and widened to keep it; truncated_normal is cut
and not widened, so that its standard deviation is 0.88 stddev. Both as in Keras.
Sources: LeCun et al. 1998; Glorot and Bengio 2010; He et al. 2015; Saxe et al. 2014;
Lecture 2018, Practical 2020, Ghent 1, Ghent 6.
"""

from __future__ import annotations

from math import prod, sqrt

import numpy as np

from minidl.backend.random import INITIALISE, Stream, check_seed
from minidl.checks import check_number
from minidl.declared import Declared, find
from minidl.errors import ArgumentError, closest

_CUT_STANDARD_DEVIATION = 0.87962566103423978  # of a standard normal cut at +-2


class Initializer(Declared):
    """Base: subclasses write ``draw``.

    Args:
        seed: None takes the layer's stream; a number makes this initializer draw the same values in every layer of one shape.
    """

    table = "initializer"
    to_write = ("draw(self, shape, random), which returns an array; random is a numpy.random.Generator",)

    seed: int | None = None  # for subclasses whose constructor does not call this one

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else check_seed(seed, type(self).__name__)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """The values, float64."""
        raise NotImplementedError

    def __call__(self, shape: tuple[int, ...], stream: Stream, index: int) -> np.ndarray:
        """Values of parameter number ``index`` of the layer that owns ``stream``."""
        if self.seed is not None:
            stream, index = Stream(self.seed, 0), 0
        return self.draw(tuple(shape), stream.generator(INITIALISE, call=index))


class Zeros(Initializer):
    """All zeros."""

    aliases = ("zero",)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Zeros."""
        return np.zeros(shape)


class Ones(Initializer):
    """All ones."""

    aliases = ("one",)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Ones."""
        return np.ones(shape)


class Constant(Initializer):
    """All equal to ``value``."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = check_number("Constant", "value", value)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """The constant."""
        return np.full(shape, self.value)


class RandomNormal(Initializer):
    """N(mean, stddev^2)."""

    aliases = ("normal",)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = check_number("RandomNormal", "mean", mean)
        self.stddev = check_number("RandomNormal", "stddev", stddev, 0)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Normal numbers."""
        return random.normal(self.mean, self.stddev, shape)


class RandomUniform(Initializer):
    """U(minval, maxval)."""

    aliases = ("uniform",)

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = (
            check_number("RandomUniform", "minval", minval),
            check_number("RandomUniform", "maxval", maxval),
        )
        if self.maxval < self.minval:
            raise ArgumentError("RandomUniform", f"minval={minval}, maxval={maxval}", "minval <= maxval")

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Uniform numbers."""
        return random.uniform(self.minval, self.maxval, shape)


class TruncatedNormal(Initializer):
    """N(mean, stddev^2) without its tails: a number further than 2 stddev from the mean is drawn again."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = check_number("TruncatedNormal", "mean", mean)
        self.stddev = check_number("TruncatedNormal", "stddev", stddev, 0)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Normal numbers without tails."""
        return self.mean + self.stddev * _without_tails(shape, random)


class _ScaledVariance(Initializer):
    """Variance ``scale`` / n; subclasses say of what ``distribution``, and which fan n is by ``mode``."""

    scale, mode, distribution = 1.0, "fan_avg", "uniform"

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Numbers of that variance."""
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(n, 1.0)
        if self.distribution == "uniform":
            return random.uniform(-sqrt(3 * variance), sqrt(3 * variance), shape)
        if self.distribution == "untruncated_normal":
            return random.normal(0.0, sqrt(variance), shape)
        return _without_tails(shape, random) * (sqrt(variance) / _CUT_STANDARD_DEVIATION)


class VarianceScaling(_ScaledVariance):
    """Mean 0 and variance scale / n: signals keep their size from layer to layer, whatever the layers' widths.

    Args:
        scale: a positive number.
        mode: what n is: ``"fan_in"``, ``"fan_out"``, or ``"fan_avg"`` for the mean of the two.
        distribution: ``"truncated_normal"`` (or ``"normal"``), ``"untruncated_normal"`` or ``"uniform"``.
        seed: as for every initializer.

    Raises ArgumentError for anything else.

    >>> from minidl.backend.random import Stream
    >>> values = VarianceScaling(2.0, "fan_in", "uniform")((50, 40), Stream(0, 0), 0)
    >>> bool(abs(values).max() < (3 * 2.0 / 50) ** 0.5)
    True
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.scale = check_number("VarianceScaling", "scale", scale, 0)
        if not self.scale:
            raise ArgumentError("VarianceScaling", f"scale={scale!r}", "a positive number", "Zeros(), if that is what is meant")
        for argument, value, known in (("mode", mode, _MODES), ("distribution", distribution, _DISTRIBUTIONS)):
            if value not in tuple(known):
                expected = f"one of {', '.join(map(repr, known))}"
                raise ArgumentError("VarianceScaling", f"{argument}={value!r}", expected, meant=closest(value, known))
        self.mode, self.distribution = mode, _DISTRIBUTIONS[distribution]


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = {name: name for name in ("truncated_normal", "untruncated_normal", "uniform")} | {"normal": "truncated_normal"}


class GlorotUniform(_ScaledVariance):
    """Keeps the variance of signals and gradients on average; the default of every kernel."""


class GlorotNormal(_ScaledVariance):
    """The same variance, normal."""

    distribution = "truncated_normal"


class HeUniform(_ScaledVariance):
    """For ReLU, which halves the variance."""

    scale, mode = 2.0, "fan_in"


class HeNormal(_ScaledVariance):
    """The same variance, normal."""

    scale, mode, distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(_ScaledVariance):
    """Keeps the variance of signals."""

    mode = "fan_in"


class LecunNormal(_ScaledVariance):
    """The same variance, normal; for SELU."""

    mode, distribution = "fan_in", "truncated_normal"


class Orthogonal(Initializer):
    """A matrix with orthonormal columns (or rows, where there are fewer): it keeps a signal's length; for recurrent weights.

    Shapes of more than two axes are flattened to (rest, last).
    """

    aliases = ("orthogonal_initializer", "OrthogonalInitializer")

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = check_number("Orthogonal", "gain", gain)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Q, times the gain."""
        if len(shape) < 2:
            raise ArgumentError("Orthogonal", f"shape {shape}", "at least two axes")
        rows, columns = prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(random.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # the decomposition is unique up to these signs
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, else 0: a layer that begins by handing on what it is given."""

    aliases = ("identity_initializer", "IdentityInitializer")

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = check_number("Identity", "gain", gain)

    def draw(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """The matrix."""
        if len(shape) != 2:
            raise ArgumentError("Identity", f"shape {shape}", "two axes")
        return self.gain * np.eye(*shape)


def _without_tails(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Standard normal numbers, those beyond 2 and -2 drawn again."""
    values = random.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = random.standard_normal(int(outside.sum()))
    return values


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """fan_in and fan_out of a parameter (*window, in, out).

    >>> fans((5, 5, 20, 50))
    (500, 1250)
    """
    if len(shape) < 2:
        n = prod(shape)
        return n, n
    window = prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


_ELSEWHERE = {
    "glorot": "glorot_uniform",
    "xavier": "glorot_uniform",
    "he": "he_normal",
    "kaiming": "he_normal",
    "lecun": "lecun_normal",
    "eye": "identity",
}


def get(identifier: str | Initializer, where: str = "initializer") -> Initializer:
    """The initializer of this name, or the object itself.

    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    argument = where.rpartition(": ")[2].replace(" ", "_")
    return find("initializer", identifier, where, argument, elsewhere=_ELSEWHERE, example="'glorot_uniform'")
