"""Images copied into scratch with zeros around them, so that windows and tiles need not look where the image ends."""

from __future__ import annotations

from typing import Any, NamedTuple

from minidl.geometry import Window
from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._runs import clear_run, copy_run


class Shape(NamedTuple):
    """All sizes of a convolution that its kernels need."""

    images: int
    x: Any  # rows, columns and channels of an image of x
    y: Any  # rows, columns and filters of an image of y
    window: Any  # rows and columns
    strides: Any  # in rows and columns of x
    row_dilation: int  # rows of x from one row of the window to the next
    pads: Any  # rows of zeros (above, below), columns of zeros (before, behind)


def window_shape(x: Any, window: Window, y: Any) -> tuple[Any, ...]:
    """The fields of a Shape; a plain tuple, as Numba finds the type of a named one more slowly."""
    pads = window.pads(x.shape[1:3])
    return len(x), x.shape[1:], y.shape[1:], window.size, window.strides, window.dilation[0], pads


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
