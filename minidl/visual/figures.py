"""Figures without pyplot: no window opens, no figure is kept after its last reference, and no global setting changes.

Colours are those of Okabe and Ito, "Color Universal Design" (2008): colour-blind people can tell them apart, and each can
be seen on a light and on a dark background. Text, ticks and backgrounds follow the matplotlib style that is active.
"""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np

from minidl.errors import MissingPackageError, printable

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
GREY = "#808080"  # seen on white and on black
DIVERGING = "RdBu_r"  # for numbers of both signs: white is 0
SEQUENTIAL = "viridis"  # for numbers from 0 upwards


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib Figure of this size in inches; ``savefig`` writes it, and a notebook shows it.

    Raises MissingPackageError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # here: matplotlib is optional and slow to import
    except ImportError as error:
        received = f"no matplotlib ({error})"
        raise MissingPackageError("minidl.visual", received, "matplotlib", 'pip install "minidl[plot]"') from None
    figure: Any = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # inches to the edge
    figure._repr_png_ = partial(_png, figure)  # notebooks know by themselves only the figures of pyplot
    return figure


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def plain(text: Any, longest: int = 40) -> str:
    """``text`` as matplotlib draws it letter by letter: not as a formula, on one line, and cut where it is too long.

    >>> print(plain("costs $5"), plain("a" * 50, 10), plain("_hidden"))
    costs \\$5 aaaaaaaaa…  _hidden
    """
    text = printable(str(text))
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text  # a legend ignores labels that begin with an underscore


def number_text(value: float) -> str:
    """Four significant digits.

    >>> number_text(0.81720001), number_text(1234567.0), number_text(3.0)
    ('0.8172', '1.235e+06', '3')
    """
    return f"{value:.4g}"


def largest_magnitude(values: Any) -> float:
    """The limit of a colour scale around 0: the largest finite absolute value, or 1 where all numbers are 0."""
    values = np.asarray(values)
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0)) or 1.0


def rest_empty(all_axes: Any, used: int) -> None:
    """Hide the axes of a grid that have no picture."""
    for axes in list(all_axes)[used:]:
        axes.set_axis_off()
