"""How training went: loss and metrics over the epochs, of one history or of several side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl.callbacks import History
from minidl.callbacks.direction import direction
from minidl.callbacks.history import is_measure
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, closest, described
from minidl.visual.figures import COLOURS, GREY, MARKERS, new_figure, number_text, plain, rest_empty

_WHERE = "visual.curves"
_MARKED = 30  # epochs up to which every one gets a marker
_COLUMNS = 3


class Series(NamedTuple):
    """The values of one metric; NaN where they were not finite."""

    epochs: np.ndarray  # counted from 1
    values: np.ndarray
    not_finite: np.ndarray  # the epochs without a finite value


def curves(history: Any, metrics: Any = None, *, mode: Any = "auto") -> Any:
    """Loss and metrics over the epochs, training and validation in one plot for each metric; a star marks the best epoch.

    The best epoch is that of the validation values, or of the training values where there was no validation. A cross on the
    lower edge marks an epoch whose value was NaN or infinite.

    Args:
        history: what ``fit`` returned, its dictionary ``history.history``, or a dictionary of several of either by name,
            ``{"Adam": first, "SGD": second}``, which are drawn side by side.
        metrics: the names to draw, such as ``["loss", "accuracy"]``; None draws all.
        mode: whether small values (``"min"``) or large ones (``"max"``) are the best, for all metrics or as a dictionary by
            name; ``"auto"`` goes by the names: max for accuracies, areas, precision, recall and the like, else min.

    Returns a matplotlib Figure. Raises ArgumentTypeError for anything but histories, ArgumentError for an unknown metric or
    mode, DataError for an empty history or lists of different lengths, MissingPackageError without matplotlib.

    >>> figure = curves({"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.6, 0.7]})  # doctest: +SKIP
    >>> figure.savefig("curves.png")  # doctest: +SKIP
    """
    runs = _runs(history)
    several = "" not in runs
    names = _chosen(metrics, runs)
    modes = {name: _mode(mode, name, names) for name in names}
    columns = min(len(names), _COLUMNS)
    rows = -(-len(names) // columns)
    figure = new_figure(4.8 * columns, (3.3 + 0.19 * (len(runs) + 2 if several else 1)) * rows)
    all_axes = figure.subplots(rows, columns, squeeze=False).flat
    for axes, name in zip(all_axes, names):
        (_draw_several if several else _draw_one)(axes, name, runs, modes[name])
        _finish(axes, name, runs)
    rest_empty(all_axes.base.flat, len(names))
    return figure


def _draw_one(axes: Any, name: str, runs: dict[str, dict[str, Series]], mode: str) -> None:
    """Training and validation in two colours."""
    labels = []
    found = [(series, colour, label) for series, colour, label in (
        (runs[""].get(name), COLOURS[0], "training"), (runs[""].get(f"val_{name}"), COLOURS[1], "validation"),
    ) if series is not None]  # fmt: skip
    for series, colour, label in found:
        labels.append((_line(axes, series, colour, MARKERS[0], "-"), label))
    for series, colour, _ in found[::-1][:1]:
        best = _best(series, mode)
        if best is not None:
            text = f"best: {number_text(series.values[best])} in epoch {series.epochs[best]}"
            labels.append((_star(axes, series, best, colour), text))
    labels += _crosses(axes, [(series, colour) for series, colour, _ in found])
    _legend(axes, labels, columns=3)


def _draw_several(axes: Any, name: str, runs: dict[str, dict[str, Series]], mode: str) -> None:
    """A colour for each history; validation is a full line and training, where there is validation, a dashed one."""
    labels, drawn, styles = [], [], {}
    dashed = "--" if any(f"val_{name}" in of_run for of_run in runs.values()) else "-"
    for index, (run, of_run) in enumerate(runs.items()):
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index // len(COLOURS) % len(MARKERS)]
        last = None
        for key, style, label in ((name, dashed, "training"), (f"val_{name}", "-", "validation")):
            if key in of_run:
                last = of_run[key]
                line = _line(axes, last, colour, marker, style)
                drawn.append((last, colour))
                styles[label] = style
        if last is None:
            continue
        best, text = _best(last, mode), plain(run)
        if best is not None:
            _star(axes, last, best, colour)
            text += f": best {number_text(last.values[best])} in epoch {last.epochs[best]}"
        labels.append((line, text))
    for label, style in styles.items() if len(styles) > 1 else ():
        labels.append((axes.plot([], [], style, color=GREY)[0], label))
    _legend(axes, labels + _crosses(axes, drawn), columns=1)


def _line(axes: Any, series: Series, colour: str, marker: str, style: str) -> Any:
    marker = marker if len(series.epochs) <= _MARKED else ""
    width = 1.6 if len(series.epochs) <= 1000 else 0.8
    return axes.plot(series.epochs, series.values, style, color=colour, marker=marker, markersize=4, linewidth=width)[0]


def _star(axes: Any, series: Series, best: int, colour: str) -> Any:
    point = series.epochs[best : best + 1], series.values[best : best + 1]
    return axes.plot(*point, "*", color=colour, markersize=13, markeredgecolor="white", markeredgewidth=0.8, zorder=3)[0]


def _crosses(axes: Any, drawn: list[tuple[Series, str]]) -> list[tuple[Any, str]]:
    """Marks on the lower edge for values that cannot be drawn; one entry of the legend for all of them."""
    labels = []
    for series, colour in drawn:
        if len(series.not_finite):
            place = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 3}
            heights = np.zeros(len(series.not_finite))
            (mark,) = axes.plot(series.not_finite, heights, "x", color=colour, markersize=7, markeredgewidth=2, **place)
            labels.append((mark, "NaN or infinite"))
    return labels[:1]


def _legend(axes: Any, labels: list[tuple[Any, str]], columns: int) -> None:
    """Above the plot, where no curve can be behind it."""
    lines, texts = zip(*labels)
    place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.1, "frameon": False}
    axes.legend(lines, texts, ncols=columns, fontsize="small", handlelength=1.8, columnspacing=1.2, **place)


def _finish(axes: Any, name: str, runs: dict[str, dict[str, Series]]) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(plain(name), fontsize="medium" if len(name) <= 24 else "x-small")
    axes.yaxis.set_major_formatter(_tick)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    epochs = np.concatenate([of_run[key].epochs for of_run in runs.values() for key in (name, f"val_{name}") if key in of_run])
    if epochs.min() == epochs.max():
        axes.set(xticks=[epochs[0]], xlim=(epochs[0] - 1, epochs[0] + 1))
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)


def _tick(value: float, place: int | None = None) -> str:
    """A number of the axis in full: a factor common to all would stand above the axis, where the legend is."""
    return f"{value:.10g}"


# -- what is drawn -----------------------------------------------------------------------------------------------------


def _runs(history: Any) -> dict[str, dict[str, Series]]:
    """Name -> metric -> values; a single history has the name ""."""
    if isinstance(history, Mapping) and history and all(isinstance(v, (History, Mapping)) for v in history.values()):
        return {str(name) or "(no name)": _series(run, f"{_WHERE}: history {name!r}") for name, run in history.items()}
    if isinstance(history, Mapping) and any(isinstance(v, (History, Mapping)) for v in history.values()):
        raise ArgumentTypeError(_WHERE, "histories and lists in one dictionary", "only histories, or only lists of numbers")
    return {"": _series(history, _WHERE)}


def _series(history: Any, where: str) -> dict[str, Series]:
    """The lists of one history, with their epochs."""
    if not isinstance(history, (History, Mapping)):
        expected = "what fit returned, a dictionary of lists, or a dictionary of histories by name"
        raise ArgumentTypeError(where, described(history), expected, "visual.curves(model.fit(...))")
    table = history.history if isinstance(history, History) else history
    columns = {str(name): _numbers(values, f"{where}: {name}") for name, values in table.items()}
    if not any(len(values) for values in columns.values()):
        raise DataError(where, "a history without an epoch", "at least one epoch")
    known = history.epochs if isinstance(history, History) else {}
    lengths = {len(values) for name, values in columns.items() if len(known.get(name, ())) != len(values)}
    if len(lengths | ({len(history.epoch)} if isinstance(history, History) and lengths else set())) > 1:
        received = ", ".join(f"{len(values)} values of {name}" for name, values in columns.items())
        fix = "pass what fit returned: it knows in which epochs each value was computed"
        raise DataError(where, received, "one value for each epoch", fix)
    found = {}
    for name, values in columns.items():
        if not len(values):
            continue
        counted = known[name] if len(known.get(name, ())) == len(values) else getattr(history, "epoch", range(len(values)))
        epochs, finite = np.asarray(counted, np.int64) + 1, np.isfinite(values)
        found[name] = Series(epochs, np.where(finite, values, np.nan), epochs[~finite])
    return found


def _numbers(values: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.ndim != 1 or isinstance(values, (str, bytes)):
        raise ArgumentTypeError(where, described(values), "a list of numbers, one for each epoch")
    return array


def _chosen(metrics: Any, runs: dict[str, dict[str, Series]]) -> list[str]:
    """The names of the plots: each metric once, without ``val_``."""
    keys = [key for of_run in runs.values() for key in of_run]
    present = list(dict.fromkeys(key.removeprefix("val_") for key in keys))
    if metrics is None:
        return present
    wanted = [metrics] if isinstance(metrics, str) else list(metrics) if isinstance(metrics, (list, tuple)) else None
    if not wanted or not all(isinstance(name, str) for name in wanted):
        raise ArgumentTypeError(_WHERE, f"metrics={metrics!r}", "names such as ['loss', 'accuracy'], or None for all")
    for name in wanted:
        if name.removeprefix("val_") not in present:
            meant = closest(name, present, {"acc": "accuracy"})
            raise ArgumentError(_WHERE, f"the metric {name!r}", f"one of {', '.join(present)}", meant=meant)
    return list(dict.fromkeys(name.removeprefix("val_") for name in wanted))


def _mode(mode: Any, name: str, names: list[str]) -> str:
    """``"min"``, ``"max"``, or "" for numbers that are neither good nor bad, such as the learning rate."""
    if isinstance(mode, Mapping):
        for key in mode:
            if key not in names:
                expected = f"of one of {', '.join(names)}"
                raise ArgumentError(_WHERE, f"mode of the metric {key!r}", expected, meant=closest(key, names))
        mode = mode.get(name, "auto")
    if mode not in ("auto", "min", "max"):
        raise ArgumentError(_WHERE, f"mode={mode!r}", "'auto', 'min', 'max', or a dictionary of them by metric")
    if mode != "auto":
        return str(mode)
    return ("max" if direction(name) > 0 else "min") if is_measure(name) else ""


def _best(series: Series, mode: str) -> int | None:
    """Index of the first best value."""
    if not mode or np.isnan(series.values).all():
        return None
    return int(np.nanargmax(series.values) if mode == "max" else np.nanargmin(series.values))
