"""Convolution on the GPU, for one to three spatial axes and any number of groups.

The matrix of patches is not written down (see ``convolution.cu``), also where tensor cores are allowed to multiply
(``precision="tf32"`` or ``"bf16"``). Two cases are left to cuBLAS, where it is installed: windows of one tap, whose patches are
x itself, and those with many channels, whose patches take little time beside the products.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minidl import config
from minidl.backend.dispatch import backend_of
from minidl.geometry import Window
from minidl.kernels.cuda._cublas import library_of
from minidl.kernels.cuda._module import Module, blocks, fits, width
from minidl.kernels.cuda._product import product
from minidl.kernels.cuda._windows import MOST, axes, suit

_module = Module("convolution.cu", one_by_one=True)
ROWS = {"float32": (256, 128, 64, 32), "float64": (64,)}  # of a tile of results, see tile.cuh
MOST_COLUMNS = {"float32": 128, "float64": 16}
ON_TENSOR_CORES = 128, (32, 64, 128)  # rows, columns: see tensor_cores.cuh
BITS = {"tf32": 11, "bf16": 8}  # that tensor cores keep of a factor
_FEW_WORDS, _MOST_WORDS = 2, 8  # of 32 taps each, of all axes together
_MOST_LAYERS = 65535  # of a grid, along its third axis: groups, and shares of a sum
_MULTIPROCESSORS = 132  # of a large GPU
_ENOUGH = 0.8  # of all blocks that it takes at once
_NARROW, _ENOUGH_NARROW = 32, 0.7  # the same for tiles of so few columns, which are slow where they are low, too
_SHORTEST_SUM = 256  # products in a share
_MOST_SUMS = 1 << 24  # numbers in all shares of a result
_MANY_CHANNELS, _MOST_OF_PATCHES = 256, 1 << 26  # from how many, and up to how large a matrix, cuBLAS multiplies patches


def unfold(x: Any, window: Window) -> Any:
    """Kernel of ``ops.convolution.unfold``."""
    if not suit(window, x):
        return NotImplemented
    out = window.output_shape(x.shape[1:-1])
    numbers = x.shape[0] * prod(out) * window.taps * x.shape[-1]
    if numbers > MOST:
        return NotImplemented
    patches = backend_of(x).empty((x.shape[0], *out, window.taps, x.shape[-1]), x.dtype)
    together = width((x.shape[-1],), x, patches)
    groups, wide = numbers // window.taps // together, x.shape[-1] // together
    _module("unfold", x, blocks(groups), x, patches, groups, wide, *axes(window, x.shape[1:-1]), WIDTH=together)
    return patches


def fold(patches: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Kernel of ``ops.convolution.fold``."""
    n, *out, taps, c = patches.shape
    numbers = n * prod(spatial) * c
    if not suit(window, patches[..., 0, :]) or tuple(out) != window.output_shape(spatial) or taps != window.taps:
        return NotImplemented
    if max(patches.size, numbers) > MOST:
        return NotImplemented
    x = backend_of(patches).empty((n, *spatial, c), patches.dtype)
    together = width((c,), patches, x)
    groups, wide = numbers // together, c // together
    _module("fold", patches, blocks(groups), patches, x, groups, wide, *axes(window, spatial), WIDTH=together)
    return x


def convolve(x: Any, W: Any, b: Any, window: Window, groups: int = 1, activation: str = "linear") -> Any:
    """Kernel of ``ops.convolution.convolve``."""
    return _convolve(x, W, b, window, groups, relu=activation == "relu")


def _convolve(x: Any, W: Any, b: Any, window: Window, groups: int, relu: bool) -> Any:
    c, f = x.shape[-1], W.shape[-1]
    if not _takes(window, groups, c, f, W.shape, x, W, b) or (b is not None and b.shape != (f,)):
        return NotImplemented
    out = window.output_shape(x.shape[1:-1])
    positions = x.shape[0] * prod(out)
    if positions * f > MOST:
        return NotImplemented
    y = backend_of(x).empty((x.shape[0], *out, f), x.dtype)
    if _by_library(x, positions, window, groups, c, f):
        product(_patches(x, window), W.reshape(-1, f), y.reshape(positions, f), bias=b, relu=relu)
        return y
    length, neighbours = window.taps * c // groups, (c // groups, f // groups, f // groups)
    numbers = positions, c, f, groups
    _sum_up("convolve", (x, W), y, (positions, f, length), numbers, neighbours, axes(window, x.shape[1:-1]), (b, relu))
    return y


def convolve_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_x``."""
    c, f = W.shape[-2] * groups, dy.shape[-1]
    if not _takes(window, groups, c, f, W.shape, dy, W) or tuple(dy.shape[1:-1]) != window.output_shape(spatial):
        return NotImplemented
    places = dy.shape[0] * prod(spatial)
    if places * c > MOST:
        return NotImplemented
    positions = prod(dy.shape[:-1])
    if _by_library(dy, positions, window, groups, c, f):
        patches = backend_of(dy).empty((*dy.shape[:-1], window.taps, c), dy.dtype)
        product(dy.reshape(positions, f), W.reshape(-1, f).T, patches.reshape(positions, -1))
        return patches.reshape(-1, *spatial, c) if _is_pointwise(window) else fold(patches, tuple(spatial), window)
    dx = backend_of(dy).empty((dy.shape[0], *spatial, c), dy.dtype)
    length, neighbours = window.taps * f // groups, (f // groups, f // groups, c // groups)
    numbers = places, c, f, groups
    _sum_up("convolve_grad_x", (dy, W), dx, (places, c, length), numbers, neighbours, axes(window, spatial))
    return dx


def convolve_grad_W(x: Any, dy: Any, window: Window, groups: int = 1, out: Any = None) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_W``."""
    c, f = x.shape[-1], dy.shape[-1]
    shape = (*window.size, c // groups, f)
    if not _takes(window, groups, c, f, shape, x, dy, out) or not fits(out, shape):
        return NotImplemented
    if tuple(dy.shape[:-1]) != (x.shape[0], *window.output_shape(x.shape[1:-1])):
        return NotImplemented
    dW = backend_of(x).empty(shape, x.dtype) if out is None else out
    positions, neighbours = prod(dy.shape[:-1]), (c // groups, f // groups, f // groups)
    if _by_library(x, positions, window, groups, c, f):
        product(_patches(x, window).T, dy.reshape(positions, f), dW.reshape(-1, f))
        return dW
    sums = window.taps * (c // groups), f, positions
    _sum_up("convolve_grad_W", (x, dy), dW, sums, (positions, c, f, groups), neighbours, axes(window, x.shape[1:-1]))
    return dW


def _sum_up(
    kernel: str,
    factors: tuple[Any, Any],
    result: Any,
    matrix: tuple[int, int, int],
    numbers: tuple[int, int, int, int],
    neighbours: tuple[int, int, int],
    axes: list[int],
    finish: tuple[Any, bool] | None = None,
) -> None:
    """``result`` by ``kernel``: rows and columns of ``matrix``, and how long the sums are; long ones in shares.

    ``numbers`` and ``axes`` are the kernel's, ``finish`` bias and ReLU of ``convolve``, ``neighbours`` how many numbers stand
    side by side in memory in the two factors and in the result.
    """
    rows, columns, length = matrix
    groups = numbers[-1]
    words = _words(axes)
    grid, shares, macros = _tiles(rows, columns // groups, length, groups, factors[0], words)
    shares = max(1, min(shares, _MOST_SUMS // max(1, result.size), _MOST_LAYERS // groups))
    into = result if shares == 1 else backend_of(result).empty((shares, *result.shape), result.dtype)
    for name, count, array in zip(("WIDTH", "RIGHT", "RESULT"), neighbours, (*factors, into), strict=True):
        macros[name] = width((count,), array)
    macros["WORDS"] = words
    bias, relu = finish or (None, False)
    details = [into] if finish is None else [bias, into, relu] if shares == 1 else [None, into, False]
    _module(kernel, result, (*grid, groups * shares), *factors, *details, *numbers, shares, *axes, **macros)
    if shares > 1:
        arguments = into, bias, result, relu, shares, result.size, columns
        _module("add_up", result, blocks(result.size), *arguments)


def _tiles(
    rows: int, columns: int, length: int, groups: int, factor: Any, words: int
) -> tuple[tuple[int, int], int, dict[str, int]]:
    """The grid of tiles for a matrix of sums, in how many shares a sum is made, and what the kernel is compiled for.

    Tiles are as wide as the matrix, or a part of it, and as high as leaves enough of them, or of shares, for all
    multiprocessors and computes little for nothing. Where taps take many ``words``, shared memory has no room for the largest.
    """
    dtype, most = factor.dtype.name, max(1, length // _SHORTEST_SUM)

    def grid_of(high: int, wide: int) -> tuple[tuple[int, int], int]:
        grid, at_once = (-(-rows // high), -(-columns // wide)), _MULTIPROCESSORS * _blocks(high, wide)
        return grid, max(1, min(at_once // max(1, grid[0] * grid[1] * groups), most))

    def is_busy(high: int, wide: int) -> bool:
        grid, shares = grid_of(high, wide)
        enough = _ENOUGH if wide > _NARROW else _ENOUGH_NARROW
        return grid[0] * grid[1] * groups * shares >= enough * _MULTIPROCESSORS * _blocks(high, wide)

    if dtype == "float32" and config.precision() != "float32" and _has_tensor_cores(factor):
        high, widths = ON_TENSOR_CORES if words <= _FEW_WORDS else (ON_TENSOR_CORES[0], ON_TENSOR_CORES[1][:-1])
        fitting = next((w for w in widths if columns <= w), widths[-1])
        wide = fitting if is_busy(high, fitting) else min(fitting, 64)
        return *grid_of(high, wide), {"ROWS": high, "COLUMNS": wide, "FACTORS": BITS[config.precision()]}
    wide = _part_of(columns, MOST_COLUMNS[dtype])
    if not is_busy(ROWS[dtype][-1], wide):
        wide = _part_of(columns, min(64, MOST_COLUMNS[dtype]))
    heights = [high for high in ROWS[dtype] if high <= 128 or (wide <= 64 and words <= _FEW_WORDS)]
    least = min(-(-rows // high) * high for high in heights)
    fitting_rows = [high for high in heights if -(-rows // high) * high <= 1.1 * least]
    high = next((high for high in fitting_rows if is_busy(high, wide)), fitting_rows[-1])
    return *grid_of(high, wide), {"ROWS": high, "COLUMNS": wide, "BLOCKS": _blocks(high, wide)}


def _blocks(high: int, wide: int) -> int:
    """How many blocks with such a tile find room on a multiprocessor: more where each thread has few sums."""
    return 4 if high == 32 and wide <= 32 else 2


def _part_of(columns: int, most: int) -> int:
    """The width of equal tiles for so many columns, at most ``most``: whole fours, eights beyond 32, sixteens beyond 64.

    >>> [_part_of(columns, 128) for columns in (10, 50, 64, 100, 130)]
    [12, 56, 64, 112, 80]
    """
    part = -(-columns // max(1, -(-columns // most)))
    whole = 4 if part <= 32 else 8 if part <= 64 else 16
    return max(4, -(-part // whole) * whole)


def _words(axes: list[int]) -> int:
    """Of 32 bits, for the taps of all axes and one more."""
    return sum(axes[2::6]) // 32 + 1


def _is_pointwise(window: Window) -> bool:
    """Whether there is one tap, at each position of the input."""
    return window.taps == 1 and max(window.strides) == 1 and not any(sum(pad) for pad in window.pads([1] * window.rank))


def _by_library(like: Any, positions: int, window: Window, groups: int, c: int, f: int) -> bool:
    """Whether cuBLAS convolves."""
    many = min(c, f) >= _MANY_CHANNELS and positions * window.taps * c <= _MOST_OF_PATCHES
    return groups == 1 and positions > 0 and (_is_pointwise(window) or many) and library_of(like) is not None


def _patches(x: Any, window: Window) -> Any:
    """The matrix of patches (positions, taps c)."""
    return x.reshape(-1, x.shape[-1]) if _is_pointwise(window) else unfold(x, window).reshape(-1, window.taps * x.shape[-1])


def _has_tensor_cores(like: Any) -> bool:
    """Whether this GPU multiplies float32 on them; older ones compute in full, as cuBLAS does there."""
    return int(backend_of(like).xp.cuda.Device().compute_capability) >= 80


def _takes(window: Window, groups: int, c: int, f: int, W_shape: tuple[int, ...], image: Any, *others: Any) -> bool:
    """Whether types and shapes are those of a convolution the kernels can do."""
    return (
        suit(window, image, *others)
        and not c % groups
        and not f % groups
        and tuple(W_shape) == (*window.size, c // groups, f)
        and window.taps * max(c, f) <= MOST
        and groups <= _MOST_LAYERS
        and sum(window.size) + 3 - window.rank < 32 * _MOST_WORDS
    )
