"""Pooling on the GPU, for one to three spatial axes."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.geometry import Window
from minidl.kernels.cuda._module import Module, blocks, width
from minidl.kernels.cuda._windows import MOST, axes, suit

_module = Module("pooling.cu")


def max_pool(x: Any, window: Window) -> Any:
    """Kernel of ``ops.pooling.max_pool``; declines windows of more than 256 taps."""
    if not suit(window, x) or window.taps > 256:
        return NotImplemented
    backend = backend_of(x)
    shape = (x.shape[0], *window.output_shape(x.shape[1:-1]), x.shape[-1])
    y, winners = backend.empty(shape, x.dtype), backend.empty(shape, "uint8")
    _launch("max_pool", (x, y, winners), y, axes(window, x.shape[1:-1]))
    return y, winners


def max_pool_grad(dy: Any, winners: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Kernel of ``ops.pooling.max_pool_grad``."""
    if not _fits(dy, spatial, window) or winners.dtype != "uint8" or winners.shape != dy.shape:
        return NotImplemented
    dx = backend_of(dy).empty((dy.shape[0], *spatial, dy.shape[-1]), dy.dtype)
    if window.size != window.strides or max(window.dilation) > 1:
        _launch("max_pool_grad", (dy, winners, dx), dx, axes(window, spatial))
        return dx
    numbers = axes(window, spatial)
    windows = [-(-(size + before) // stride) for size, stride, before in zip(numbers[::6], numbers[3::6], numbers[5::6])]
    together = width((dy.shape[-1],), dy, winners, dx)
    wide = dy.shape[-1] // together
    groups = len(dy) * prod(windows) * wide
    arrays = dy, winners, dx
    _module("max_pool_grad_side_by_side", dx, blocks(groups), *arrays, groups, wide, *windows, *numbers, WIDTH=together)
    return dx


def average_pool(x: Any, window: Window) -> Any:
    """Kernel of ``ops.pooling.average_pool``."""
    if not suit(window, x):
        return NotImplemented
    y = backend_of(x).empty((x.shape[0], *window.output_shape(x.shape[1:-1]), x.shape[-1]), x.dtype)
    _launch("average_pool", (x, y), y, axes(window, x.shape[1:-1]))
    return y


def average_pool_grad(dy: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Kernel of ``ops.pooling.average_pool_grad``."""
    if not _fits(dy, spatial, window):
        return NotImplemented
    dx = backend_of(dy).empty((dy.shape[0], *spatial, dy.shape[-1]), dy.dtype)
    _launch("average_pool_grad", (dy, dx), dx, axes(window, spatial))
    return dx


def _launch(kernel: str, arrays: tuple[Any, ...], result: Any, axes: list[int]) -> None:
    """The kernel on as many neighbouring channels at once as can be."""
    c = result.shape[-1]
    together = width((c,), *arrays)
    groups = result.size // together
    _module(kernel, result, blocks(groups), *arrays, groups, c // together, *axes, WIDTH=together)


def _fits(dy: Any, spatial: tuple[int, ...], window: Window) -> bool:
    return (
        suit(window, dy)
        and tuple(dy.shape[1:-1]) == window.output_shape(spatial)
        and dy.shape[0] * prod(spatial) * dy.shape[-1] <= MOST
    )
