"""Handwritten-like digits drawn on the spot: 28 x 28 grey images of 0 to 9 in MNIST's format, with no file to read.

A digit is a skeleton of control points. Each image jitters them, bends, slants, turns, scales and shifts the smooth
curve through them, and draws it with a pen of random width and darkness. The strengths below were chosen so that
models rank as on MNIST: with 10,000 training images, softmax regression reaches about 87 %, two hidden layers of 128
about 95 %, a small convolutional network about 99 %.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.datasets.digit_skeletons import SKELETONS
from minidl.errors import ArgumentError, ArgumentTypeError

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[Any]
Ints = npt.NDArray[np.intp]

SIZE = 28  # pixels per side
BLOCK = 250  # images drawn at once; a multiple of ten, so that every full block holds each class equally often
SAMPLES = 84  # points along the whole curve of a digit

# Lengths are in pixels, angles in radians; the "spread" of a quantity is its standard deviation over the images.
JITTER = 0.72  # spread of each control point
WAVES, WAVE_NUMBER, ELASTIC = 3, 0.22, 0.55  # elastic distortion: sine waves, spread of 2 pi / wavelength and of height
TAPER, SLANT, TURN = 0.012, 0.18, 0.11  # spreads: wider per pixel downwards, sideways per pixel upwards, rotation
WIDTH, HEIGHT = (0.75, 1.1), (0.78, 1.02)  # scales of the 20 x 20 box
SHIFT = 0.9  # spread of the centre
NIB, SWELLING = (0.75, 1.3), 0.2  # half-width of the pen, and by which part of it the stroke swells and thins
INK, GRAIN = (0.8, 1.0), (0.85, 1.05)  # darkness of an image, and of a pixel within it
CUT, CONTRAST = 0.18, (1.4, 2.6)  # blots paler than CUT stay white; the contrast sets how soft the edges are
SKIPS, PALE = 0.2, (0.3, 0.9)  # the part of the images in which the pen skipped, and how pale it left the spot


def _curve(stroke: list[int], samples: int, controls: int) -> Floats:
    """Weights (samples, controls) that turn control points into points of the Catmull-Rom curve through a stroke."""
    closed = stroke[0] == stroke[-1]
    corners = np.zeros((len(stroke) + 2, controls))  # the stroke's points with one more neighbour at either end
    corners[np.arange(1, len(stroke) + 1), stroke] = 1
    corners[0] = corners[-3] if closed else 2 * corners[1] - corners[2]
    corners[-1] = corners[2] if closed else 2 * corners[-2] - corners[-3]
    position = np.linspace(0, len(stroke) - 1, samples)
    piece = np.minimum(position.astype(int), len(stroke) - 2)
    t = (position - piece)[:, np.newaxis]
    before, start, end, after = (corners[piece + offset] for offset in range(4))
    return 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )


def _compile() -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Turn SKELETONS into arrays of one shape, so that a block of different digits is drawn by the same few products.

    Returns (first, count, control, curve, pen): for each class its first variant and their number; for each variant
    the control points (variants, controls, 2) about the centre, the weights (variants, SAMPLES, controls) and 1 where
    the pen is down between two neighbouring samples, 0 where it is lifted (variants, SAMPLES - 1).
    """
    variants = [variant for label in range(10) for variant in SKELETONS[label]]
    count = np.array([len(SKELETONS[label]) for label in range(10)])
    controls = max(len(points) for points, _ in variants)
    control = np.zeros((len(variants), controls, 2), np.float32)
    curve = np.zeros((len(variants), SAMPLES, controls), np.float32)
    pen = np.ones((len(variants), SAMPLES - 1), np.float32)
    for row, (points, strokes) in enumerate(variants):
        control[row, : len(points)] = np.array(points) - 10
        lengths = [np.linalg.norm(np.diff(np.array(points)[stroke], axis=0), axis=1).sum() for stroke in strokes]
        ends = np.round(np.cumsum(lengths) / np.sum(lengths) * SAMPLES).astype(int)
        for stroke, begin, end in zip(strokes, [0, *ends[:-1]], ends):
            curve[row, begin:end] = _curve(stroke, end - begin, controls)
        pen[row, ends[:-1] - 1] = 0
    return np.cumsum(count) - count, count, control, curve, pen


_FIRST, _COUNT, _CONTROL, _CURVE, _PEN = _compile()


class _Dice:
    """Uniform numbers, one row per image, handed out column by column.

    Only plain uniforms are drawn: NumPy promises no fixed stream for its other distributions.
    """

    def __init__(self, seed: int, split: int, block: int) -> None:
        # A counter-based generator: key and counter say everything, so any block can be drawn without those before it.
        key, counter = np.array([seed, split], np.uint64), np.array([0, 0, 0, block], np.uint64)
        self.generator = np.random.Generator(np.random.Philox(key=key, counter=counter))

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        """Numbers (BLOCK, *shape) spread evenly between low and high."""
        return self.generator.random((BLOCK, *shape), dtype=np.float32) * np.float32(high - low) + np.float32(low)

    def bell(self, spread: float, *shape: int) -> Floats:
        """Numbers (BLOCK, *shape) about 0 with standard deviation ``spread``, never beyond three of them."""
        return (self.uniform(-0.5, 0.5, 3, *shape).sum(axis=1)) * np.float32(2 * spread)


def _pen_path(dice: _Dice, labels: Ints) -> tuple[Floats, Floats]:
    """Write the digits ``labels`` (BLOCK,): the path (BLOCK, SAMPLES, 2) in pixels about the centre, and pen down."""
    variant = _FIRST[labels] + (dice.uniform(0, 1) * _COUNT[labels]).astype(int)
    control = _CONTROL[variant] + dice.bell(JITTER, _CONTROL.shape[1], 2)
    path = _CURVE[variant] @ control
    # Elastic distortion: a few long sine waves push the points about.
    wave = dice.bell(WAVE_NUMBER, 2, WAVES)
    phase, push = dice.uniform(0, 2 * np.pi, 1, WAVES), dice.bell(ELASTIC, WAVES, 2)
    path += np.sin(path @ wave + phase) @ push
    # One affine map per image: size, slant, turn, and a taper that makes the top wider than the bottom or the reverse.
    x, y = path[..., 0], path[..., 1]
    taper, slant, turn = dice.bell(TAPER, 1), dice.bell(SLANT, 1), dice.bell(TURN, 1)
    x = x * (1 + taper * y) * dice.uniform(*WIDTH, 1) - slant * y
    y = y * dice.uniform(*HEIGHT, 1)
    path[..., 0] = np.cos(turn) * x - np.sin(turn) * y + dice.bell(SHIFT, 1)
    path[..., 1] = np.sin(turn) * x + np.cos(turn) * y + dice.bell(SHIFT, 1)
    return path, _PEN[variant]


def _ink(dice: _Dice, path: Floats, pen: Floats) -> Floats:
    """Draw a path with a soft round pen: darkness (BLOCK, SIZE, SIZE) from 0 to 1.

    A Gaussian blot is the product of one curve along the rows and one along the columns, so the sum of all blots
    of an image is one matrix product.
    """
    nib = dice.uniform(*NIB, 1)
    along = np.linspace(0, 2 * np.pi, SAMPLES - 1, dtype=np.float32)
    nib = nib * (1 + dice.uniform(0, SWELLING, 1) * np.sin(along * dice.uniform(0.5, 2, 1) + dice.uniform(0, 2 * np.pi, 1)))
    step = np.diff(path, axis=1)
    middle = (path[:, 1:] + path[:, :-1]) / 2 + np.float32((SIZE - 1) / 2)
    amount = pen * np.hypot(step[..., 0], step[..., 1]) / (nib * np.float32(np.sqrt(2 * np.pi)))
    pixel = np.arange(SIZE, dtype=np.float32)
    spread = (-0.5 / nib**2)[..., np.newaxis]
    columns = np.exp((pixel - middle[..., :1]) ** 2 * spread)
    rows = np.exp((pixel - middle[..., 1:]) ** 2 * spread) * amount[..., np.newaxis]
    density = rows.transpose(0, 2, 1) @ columns  # 1 in the middle of a straight line
    return np.clip((density - np.float32(CUT)) * dice.uniform(*CONTRAST, 1, 1), 0, 1)


def _block(seed: int, split: int, block: int) -> tuple[Bytes, Bytes]:
    """Images (BLOCK, SIZE, SIZE) and labels (BLOCK,) number ``block`` of a split."""
    dice = _Dice(seed, split, block)
    labels = np.argsort(dice.uniform(0, 1), kind="stable") % 10
    ink = _ink(dice, *_pen_path(dice, labels))
    # Some images have a pale spot, as if the pen had skipped.
    pixel = np.arange(SIZE, dtype=np.float32)
    spot = dice.uniform(7, 21, 2, 1)
    near = np.exp(-((pixel - spot) ** 2) / 4)
    skip = np.where(dice.uniform(0, 1) < SKIPS, dice.uniform(*PALE), 0).astype(np.float32)
    ink *= 1 - skip[:, np.newaxis, np.newaxis] * near[:, 0, :, np.newaxis] * near[:, 1, np.newaxis, :]
    # The paper is clean, as in MNIST; grain shows only where there is ink.
    ink *= dice.uniform(*INK, 1, 1) * dice.uniform(*GRAIN, SIZE, SIZE)
    return np.round(np.clip(ink, 0, 1) * 255).astype(np.uint8), labels.astype(np.uint8)


@np.errstate(all="ignore")  # far from the pen the ink vanishes: no error, whatever the program set with np.seterr
def _split(count: int, seed: int, split: int) -> tuple[Bytes, Bytes]:
    """The first ``count`` images and labels of split 0 (training) or 1 (test)."""
    images, labels = np.empty((count, SIZE, SIZE), np.uint8), np.empty(count, np.uint8)
    for block, begin in enumerate(range(0, count, BLOCK)):
        drawn_images, drawn_labels = _block(seed, split, block)
        images[begin : begin + BLOCK] = drawn_images[: count - begin]
        labels[begin : begin + BLOCK] = drawn_labels[: count - begin]
    return images, labels


def _count(name: str, value: Any, limit: int) -> int:
    """The argument ``name`` as an int, or an error unless it is an integer from 0 to below ``limit``."""
    expected = f"an integer from 0 to {limit - 1}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"digits.load_data({name})", repr(value), expected) from None
    if not 0 <= number < limit:
        raise ArgumentError(f"digits.load_data({name})", repr(value), expected)
    return number


def load_data(n_train: int = 10000, n_test: int = 2000, seed: int = 0) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """Draw a data set of handwritten-like digits; it takes about a second for 40,000 images.

    Image i of a split depends on ``seed`` and i only: a smaller data set is the beginning of a larger one, and training
    and test images never share a random number. On another processor a pixel may differ by one grey level. Labels are
    shuffled; each 250 images hold every class 25 times.

    Args:
        n_train: number of training images.
        n_test: number of test images.
        seed: which data set; any integer from 0 to 2**64 - 1.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images ``(n, 28, 28)`` from 0 (white) to 255 (black) and labels
        ``(n,)`` from 0 to 9, all of type uint8.

    Raises:
        ArgumentError, ArgumentTypeError: a count or the seed is negative, too large or not an integer.

    >>> (x_train, y_train), (x_test, y_test) = load_data(n_train=500, n_test=20)
    >>> x_train.shape, x_train.dtype, y_train[:5].tolist()
    ((500, 28, 28), dtype('uint8'), [3, 1, 4, 9, 4])
    """
    n_train, n_test = _count("n_train", n_train, 2**31), _count("n_test", n_test, 2**31)
    seed = _count("seed", seed, 2**64)
    return _split(n_train, seed, 0), _split(n_test, seed, 1)


def show(image: npt.ArrayLike) -> str:
    """The image (rows, columns) as text: one line a row, each number filled up to four characters.

    >>> print(show([[0, 84, 255], [7, 0, 0]]))
    0   84  255
    7   0   0
    """
    rows = np.asarray(image)
    if rows.ndim != 2:
        raise ArgumentError("digits.show", f"shape {rows.shape}", "one image of two axes", "show(x_train[0])")
    return "\n".join("".join(f"{number: <4}" for number in row).rstrip() for row in rows.tolist())
