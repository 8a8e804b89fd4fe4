"""A window's arithmetic as the integers that ``windows.cuh`` takes: three axes, those that are missing in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.geometry import Window
from minidl.kernels.cuda._module import alike

MOST = 2**31 - 2**14  # elements are counted in 32 bits, and now and then, in tiles and shares, a little beyond the last one


def axes(window: Window, spatial: Sequence[int]) -> list[int]:
    """Size, output, window, stride, dilation and padding in front, for each of three axes.

    >>> axes(Window((3,), padding="same"), (7,))
    [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 7, 7, 3, 1, 1, 1]
    """
    out, pads = window.output_shape(spatial), window.pads(spatial)
    numbers = [1, 1, 1, 1, 1, 0] * (3 - window.rank)
    for axis in zip(spatial, out, window.size, window.strides, window.dilation, pads):
        numbers += [*axis[:-1], axis[-1][0]]
    return numbers


def suit(window: Window, image: Any, *others: Any) -> bool:
    """Whether the kernels can do this window over these arrays: one to three axes, one floating type, not too large."""
    fitting = 1 <= window.rank <= 3 and image.ndim == window.rank + 2
    return fitting and alike(image, *others) and all(a is None or a.size <= MOST for a in (image, *others))
