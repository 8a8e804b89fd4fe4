"""Images copied into scratch with zeros around them, so that windows and tiles need not look where the image ends."""

from __future__ import annotations

from typing import Any

from minidl.geometry import Window
from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._runs import clear_run, copy_run


def window_shape(x: Any, window: Window) -> tuple[int, ...]:
    """All sizes a kernel needs, as one tuple: n, h, w, c, window rows and columns, strides, row dilation, padding."""
    (top, bottom), (left, right) = window.pads(x.shape[1:3])
    return (*x.shape, *window.size, *window.strides, window.dilation[0], top, bottom, left, right)


@inner
def copy_pixels(x, padded, image, h, w, c, first, rows, left, columns):  # type: ignore[no-untyped-def]
    """Rows first .. first + rows of an image (h, w, c) into (rows, columns, c), ``left`` pixels of zeros before each."""
    line, before, used = columns * c, left * c, min(w, columns - left) * c
    for r in range(rows):
        row, to = first + r, r * line
        if row < 0 or row >= h:
            clear_run(padded, to, line)
            continue
        clear_run(padded, to, before)
        copy_run(x, (image * h + row) * w * c, padded, to + before, used)
        clear_run(padded, to + before + used, line - before - used)
