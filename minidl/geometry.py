"""The integer arithmetic of every convolution and pooling, for any number of spatial axes.

One axis of length n, a window of k taps, stride s, dilation d:

    span     e = (k - 1) d + 1                                 positions covered by one window
    "valid"  out = floor((n - e) / s) + 1                       only windows that lie inside
    "same"   out = ceil(n / s), total padding p = max((out - 1) s + e - n, 0), floor(p / 2) of it in front
    "causal" out = ceil(n / s), e - 1 zeros in front            the last tap meets the input at i s: no output sees what follows
    (a, b)   out = floor((a + n + b - e) / s) + 1               a zeros in front and b behind, whatever n

The rule for "same" is TensorFlow's: on odd totals the extra zero comes behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest

_MOST = 1024  # shapes a window remembers


def positive_integers(where: str, name: str, value: Any, length: int) -> tuple[int, ...]:
    """``value`` (one integer, or one per axis) as a tuple of ``length`` positive integers.

    Raises ArgumentTypeError for anything but integers and ArgumentError for a wrong count or values below 1.

    >>> positive_integers("Conv2D", "kernel_size", 5, 2)
    (5, 5)
    """
    items = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,) * length
    for item in items:
        if isinstance(item, bool) or not hasattr(item, "__index__"):
            kind = f"{name}={value!r} of type {type(value).__name__}"
            raise ArgumentTypeError(where, kind, f"a positive integer or {length} of them")
    if len(items) != length or any(int(item) < 1 for item in items):
        raise ArgumentError(where, f"{name}={value!r}", f"a positive integer or {length} of them")
    return tuple(int(item) for item in items)


def check_padding(where: str, padding: Any, known: tuple[str, ...] = ("valid", "same")) -> None:
    """Raise ArgumentError unless ``padding`` is one of the names ``known``."""
    if padding not in known:
        expected = " or ".join(filter(None, (", ".join(map(repr, known[:-1])), repr(known[-1]))))
        raise ArgumentError(where, f"padding={padding!r}", expected, meant=closest(padding, known))


def check_shape(shape: Any, where: str) -> Any:
    """A sample's shape as a tuple of positive integers (or a tuple of such); one integer n means (n,).

    None stands for an axis whose length comes with the data, such as time. Raises ArgumentTypeError for other types and
    ShapeError for a size below 1.
    """
    if hasattr(shape, "__index__") and not isinstance(shape, bool):
        shape = (shape,)
    if not isinstance(shape, (tuple, list)):
        raise ArgumentTypeError(where, f"input shape {shape!r}", "a tuple of integers without the batch axis")
    if any(isinstance(item, (tuple, list)) for item in shape):
        return tuple(check_shape(item, where) for item in shape)
    for size in shape:
        if size is not None and (isinstance(size, bool) or not hasattr(size, "__index__")):
            expected = "integers, or None for an axis of any length; without the batch axis"
            raise ArgumentTypeError(where, f"input shape {tuple(shape)!r}", expected, "(28, 28, 1)")
        if size is not None and int(size) < 1:
            raise ShapeError(where, f"input shape {tuple(shape)}", "at least 1 along every axis")
    return tuple(None if size is None else int(size) for size in shape)


def is_known(shape: Any) -> bool:
    """Whether every length of a shape, or of several, is known before data comes.

    >>> is_known((28, 28, 1)), is_known((None, 65)), is_known(((3,), (None, 2)))
    (True, False, False)
    """
    return all(is_known(part) for part in shape) if is_several(shape) else None not in shape


def size_of(shape: Any) -> int | None:
    """How many numbers a sample has; None where a length is not known.

    >>> size_of((3, 4)), size_of((None, 4))
    (12, None)
    """
    return prod(shape) if None not in shape else None


def agree(shapes: Sequence[Any]) -> Any:
    """The shape that all of these can be, lengths that are not known taken from the others; None where they differ.

    >>> agree([(None, 4), (7, 4)]), agree([(3,), (4,)])
    ((7, 4), None)
    """
    if len({len(shape) for shape in shapes}) != 1:
        return None
    lengths = [set(of_axis) - {None} for of_axis in zip(*shapes)]
    if any(len(known) > 1 for known in lengths):
        return None
    return tuple(known.pop() if known else None for known in lengths)


def is_several(shape: Any) -> bool:
    """Whether a shape is a tuple of shapes: that of several inputs or outputs.

    >>> is_several(((8,), (8,))), is_several((8, 8)), is_several(())
    (True, False, False)
    """
    return bool(shape) and isinstance(shape[0], tuple)


@dataclass(frozen=True)
class Window:
    """A window that slides over the spatial axes: its size, strides, padding and dilation.

    Args:
        size: one positive integer for each spatial axis.
        strides: positions from one window to the next, for each axis (one integer: the same for all); () means 1.
        padding: ``"valid"``, ``"same"`` or ``"causal"``; or, for each axis, the numbers of zeros in front and behind, each of
            them below the window's span.
        dilation: positions from one tap to the next, like ``strides``.

    Raises ArgumentTypeError and ArgumentError for anything else, and ShapeError for an input that does not fit.

    >>> Window((5, 5), padding="same").output_shape((28, 28))
    (28, 28)
    >>> Window((2, 2), strides=(2, 2)).output_shape((7, 9))
    (3, 4)
    >>> Window((3,), strides=(2,), padding="same").pads((6,))
    ((0, 1),)
    >>> Window((3,), padding="causal").pads((6,)), Window((3,), padding=((2, 1),)).output_shape((6,))
    (((2, 0),), (7,))
    """

    size: tuple[int, ...]
    strides: tuple[int, ...] = ()
    padding: Any = "valid"
    dilation: tuple[int, ...] = ()
    _outputs: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pads: dict[tuple[int, ...], tuple[tuple[int, int], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.size, Sequence) or isinstance(self.size, str):
            received = f"size={self.size!r} of type {type(self.size).__name__}"
            raise ArgumentTypeError("Window", received, "a tuple of positive integers, one for each spatial axis", "(3, 3)")
        if not self.size:
            raise ArgumentError("Window", "size=()", "at least one spatial axis")
        for name in ("size", "strides", "dilation"):
            given = getattr(self, name)
            default = isinstance(given, tuple) and not given
            object.__setattr__(self, name, positive_integers("Window", name, 1 if default else given, self.rank))
        if isinstance(self.padding, Sequence) and not isinstance(self.padding, str):
            object.__setattr__(self, "padding", _pairs(self.padding, self.spans))
        else:
            check_padding("Window", self.padding, ("valid", "same", "causal"))

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.size)

    @property
    def taps(self) -> int:
        """Number of positions in the window."""
        return prod(self.size)

    @property
    def spans(self) -> tuple[int, ...]:
        """Positions covered by the window along each axis, gaps included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation))

    def output_shape(self, spatial: Sequence[int], where: str = "Window") -> tuple[int, ...]:
        """Spatial shape of the result, None where that of the input is. Raises ShapeError when no window fits inside."""
        spatial = tuple(spatial)
        if spatial in self._outputs:  # asked at every step, for the same few shapes
            return self._outputs[spatial]
        self._check_sizes(spatial, where)
        out: Any
        if self.padding == "same":
            out = tuple(None if n is None else -(-n // s) for n, s in zip(spatial, self.strides))
        else:
            sizes = zip(spatial, self._fixed_pads(), self.spans, self.strides)
            out = tuple(None if n is None else (n + sum(pair) - e) // s + 1 for n, pair, e, s in sizes)
        if any(n is not None and n < 1 for n in out):
            least = tuple(max(e - sum(pair), 1) for e, pair in zip(self.spans, self._fixed_pads()))
            raise ShapeError(
                where,
                f"an input of spatial shape {spatial}, which gives an output of {tuple(n and max(n, 0) for n in out)}",
                f"at least {least} for a window of size {self.size} and dilation {self.dilation}",
                "use padding='same', a smaller window or fewer pooling layers before this one",
            )
        return _remembered(self._outputs, spatial, out)

    def pads(self, spatial: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Zeros in front of and behind each spatial axis."""
        spatial = tuple(spatial)
        if spatial in self._pads:
            return self._pads[spatial]
        self._check_sizes(spatial, "Window", known=True)
        if self.padding != "same":
            return _remembered(self._pads, spatial, self._fixed_pads())
        sizes = zip(spatial, self.spans, self.strides)
        totals = [max((-(-n // s) - 1) * s + e - n, 0) for n, e, s in sizes]
        return _remembered(self._pads, spatial, tuple((total // 2, total - total // 2) for total in totals))

    def _fixed_pads(self) -> tuple[tuple[int, int], ...]:
        """``pads`` where they do not depend on the input: for every padding but ``"same"``."""
        if self.padding == "causal":
            return tuple((e - 1, 0) for e in self.spans)
        return ((0, 0),) * self.rank if self.padding == "valid" else tuple(self.padding)

    def tap_slices(self, output: Sequence[int]) -> Iterator[tuple[slice, ...]]:
        """For each tap, in row-major order, the slices of the padded input that this tap meets at every output position.

        >>> list(Window((2,), strides=(2,)).tap_slices((3,)))
        [(slice(0, 5, 2),), (slice(1, 6, 2),)]
        """
        self._check_rank(output, "Window")
        for tap in product(*map(range, self.size)):
            starts = [t * d for t, d in zip(tap, self.dilation)]
            yield tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, output, self.strides))

    def _check_sizes(self, spatial: tuple[int, ...], where: str, known: bool = False) -> None:
        self._check_rank(spatial, where)
        lengths = [size for size in spatial if known or size is not None]
        if any(isinstance(size, bool) or not hasattr(size, "__index__") for size in lengths):
            raise ArgumentTypeError(where, f"an input of spatial shape {spatial!r}", "integers")

    def _check_rank(self, spatial: Sequence[int], where: str) -> None:
        if len(spatial) != self.rank:
            raise ShapeError(where, f"{len(spatial)} spatial axes {tuple(spatial)}", f"{self.rank}")


def transposed_window(
    size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...],
    output_padding: tuple[int, ...] | None = None,
) -> tuple[Window, tuple[int, ...]]:
    """The window whose transpose makes images larger, and the rest r: n positions become (n - 1) s + r.

    With the span e of the window, and o zeros of ``output_padding`` along an axis,

        "valid"  r = max(e, s), or e + o                    everything the taps reach
        "same"   r = s, or o, and 1 more where e is odd     n s positions

    The rules are Keras's. Of the e - r positions that the taps reach beyond the result, floor((e - r) / 2) lie in front of it.

    >>> window, rest = transposed_window((5,), (2,), "same", (1,))
    >>> rest, window.pads((8,)), window.output_shape((8,))
    ((2,), ((1, 2),), (4,))
    """
    spans = Window(size, strides, "valid", dilation).spans
    if output_padding is None:
        rests = [max(e, s) if padding == "valid" else s for e, s in zip(spans, strides)]
    else:
        rests = [(e if padding == "valid" else e % 2) + o for e, o in zip(spans, output_padding)]
    beyond = [max(e - r, 0) for e, r in zip(spans, rests)]
    return Window(size, strides, tuple((p // 2, p - p // 2) for p in beyond), dilation), tuple(rests)


def _pairs(padding: Any, spans: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Zeros in front of and behind each axis as tuples of integers; raises ArgumentError for anything else."""
    pairs = [tuple(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else () for pair in padding]
    whole = all(hasattr(p, "__index__") and not isinstance(p, bool) for pair in pairs for p in pair)
    fits = whole and len(pairs) == len(spans) and all(len(pair) == 2 for pair in pairs)
    if not fits or any(not 0 <= int(p) < e for pair, e in zip(pairs, spans) for p in pair):
        expected = f"'valid', 'same', 'causal', or a pair of zeros in front and behind, 0 to the span - 1, for spans {spans}"
        raise ArgumentError("Window", f"padding={padding!r}", expected)
    return tuple((int(before), int(behind)) for before, behind in pairs)


def _remembered(memory: dict[tuple[int, ...], Any], key: tuple[int, ...], value: Any) -> Any:
    if len(memory) >= _MOST:
        memory.clear()
    memory[key] = value
    return value
