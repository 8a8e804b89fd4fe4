"""Images copied into scratch with zeros around them, so that windows and tiles need not look where the image ends."""

from __future__ import annotations

from typing import Any

from minidl.geometry import Window
from minidl.kernels.numba._jit import inner


def window_shape(x: Any, window: Window) -> tuple[int, ...]:
    """All sizes a kernel needs, as one tuple: n, h, w, c, window rows and columns, strides, row dilation, padding."""
    (top, bottom), (left, right) = window.pads(x.shape[1:3])
    return (*x.shape, *window.size, *window.strides, window.dilation[0], top, bottom, left, right)


@inner
def copy_pixels(x, padded, image, h, w, c, first, rows, left, columns):  # type: ignore[no-untyped-def]
    """Rows first .. first + rows of an image (h, w, c) into (rows, columns, c), ``left`` pixels of zeros before each."""
    used = min(w, columns - left) * c
    for r in range(rows):
        target = padded[r * columns * c : (r + 1) * columns * c]
        row = first + r
        if row < 0 or row >= h:
            for k in range(len(target)):
                target[k] = 0
            continue
        source = x[(image * h + row) * w * c : (image * h + row) * w * c + used]
        before, middle, behind = target[: left * c], target[left * c :], target[left * c + used :]
        for k in range(len(before)):
            before[k] = 0
        for k in range(len(source)):
            middle[k] = source[k]
        for k in range(len(behind)):
            behind[k] = 0
