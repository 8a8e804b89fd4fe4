"""Convolution on the GPU, for one to three spatial axes and any number of groups.

The matrix of patches is never written down (see ``convolution.cu``), also where tensor cores are allowed to multiply
(``precision="tf32"`` or ``"bf16"``).
"""

from __future__ import annotations

from math import prod
from typing import Any

from minidl import config
from minidl.backend.dispatch import backend_of
from minidl.geometry import Window
from minidl.kernels.cuda._module import Module, blocks, fits, width
from minidl.kernels.cuda._windows import MOST, axes, suit

_module = Module("convolution.cu")
ROWS = {"float32": 128, "float64": 64}  # of a tile of results, see tile.cuh
BITS = {"tf32": 11, "bf16": 8}  # that tensor cores keep of a factor
_MOST_GROUPS = 65535  # the third axis of a grid
_BLOCKS, _POSITIONS_OF_A_SHARE, _MOST_SUMS = 264, 256, 1 << 24  # of dW: blocks to be busy with, and numbers in all partial sums


def unfold(x: Any, window: Window) -> Any:
    """Kernel of ``ops.convolution.unfold``."""
    if not suit(window, x):
        return NotImplemented
    out = window.output_shape(x.shape[1:-1])
    numbers = x.shape[0] * prod(out) * window.taps * x.shape[-1]
    if numbers > MOST:
        return NotImplemented
    patches = backend_of(x).empty((x.shape[0], *out, window.taps, x.shape[-1]), x.dtype)
    _module("unfold", x, blocks(numbers), x, patches, numbers, x.shape[-1], *axes(window, x.shape[1:-1]))
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
    _module("fold", patches, blocks(numbers), patches, x, numbers, c, *axes(window, spatial))
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
    grid, macros = _tiles(positions, f // groups, (c // groups, f // groups), x, W)
    arguments = x, W, b, y, relu, positions, c, f, groups, *axes(window, x.shape[1:-1])
    _module("convolve", x, (*grid, groups), *arguments, **macros)
    return y


def convolve_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_x``."""
    c, f = W.shape[-2] * groups, dy.shape[-1]
    if not _takes(window, groups, c, f, W.shape, dy, W) or tuple(dy.shape[1:-1]) != window.output_shape(spatial):
        return NotImplemented
    places = dy.shape[0] * prod(spatial)
    if places * c > MOST:
        return NotImplemented
    dx = backend_of(dy).empty((dy.shape[0], *spatial, c), dy.dtype)
    grid, macros = _tiles(places, c // groups, (f // groups, f // groups), dy, W)
    _module("convolve_grad_x", dy, (*grid, groups), dy, W, dx, places, c, f, groups, *axes(window, spatial), **macros)
    return dx


def convolve_grad_W(x: Any, dy: Any, window: Window, groups: int = 1, out: Any = None) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_W``."""
    c, f = x.shape[-1], dy.shape[-1]
    shape = (*window.size, c // groups, f)
    if not _takes(window, groups, c, f, shape, x, dy, out) or not fits(out, shape):
        return NotImplemented
    if tuple(dy.shape[:-1]) != (x.shape[0], *window.output_shape(x.shape[1:-1])):
        return NotImplemented
    backend = backend_of(x)
    dW = backend.empty(shape, x.dtype) if out is None else out
    positions = prod(dy.shape[:-1])
    grid, macros = _tiles(window.taps * (c // groups), f // groups, (c // groups, f // groups), x, dy)
    shares = max(1, min(_BLOCKS // (prod(grid) * groups), positions // _POSITIONS_OF_A_SHARE, _MOST_SUMS // dW.size))
    partial = backend.empty((shares, *shape), x.dtype) if shares > 1 else dW
    arguments = x, dy, partial, positions, c, f, groups, shares, *axes(window, x.shape[1:-1])
    _module("convolve_grad_W", x, (*grid, groups * shares), *arguments, **macros)
    if shares > 1:
        _module("add_partial", x, blocks(dW.size), partial, dW, shares, dW.size)
    return dW


def _tiles(rows: int, columns: int, neighbours: tuple[int, int], *arrays: Any) -> tuple[tuple[int, int], dict[str, int]]:
    """The grid of tiles for a matrix of results, and what the kernel is compiled for.

    That is how wide tiles are, how many ``neighbours`` in the rows of the arrays are read at once, how factors are rounded.

    Tiles are wide, where the matrix is and enough of them are left for all multiprocessors.
    """
    like = arrays[0]
    down = -(-rows // ROWS[like.dtype.name])
    wide = columns > 64 and like.dtype == "float32" and down * -(-columns // 128) >= _BLOCKS // 2
    columns_of_a_tile = 128 if wide else 64 if columns > 32 else 32
    macros = {"COLUMNS": columns_of_a_tile, "WIDTH": width(neighbours, *arrays)}
    if like.dtype == "float32" and config.precision() != "float32" and _has_tensor_cores(like):
        macros["FACTORS"] = BITS[config.precision()]
    return (down, -(-columns // columns_of_a_tile)), macros


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
        and groups <= _MOST_GROUPS
    )
