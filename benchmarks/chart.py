"""Results as pictures; needs matplotlib, which nothing else here does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WIDEST = 4
MISSING = 'a chart needs matplotlib: pip install "minidl[plot]"'


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise SystemExit(MISSING) from error
    matplotlib.use("Agg")  # into a file, with or without a screen
    from matplotlib import pyplot

    return pyplot


def check() -> None:
    """Say it now, not after the measurements."""
    _pyplot()


def ratios(path: Path, works: Sequence[dict[str, Any]], title: str, peer: str = "PyTorch") -> bool:
    """Bars of the ratio against ``peer``, its lines at 1, at what must be and at what comes after; False: nothing to draw."""
    works = [w for w in works if peer in w["ratios"]]
    if not works:
        return False
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.36 * len(works)), layout="constrained")
    for place, w in enumerate(works):
        ratio = w["ratios"][peer]["median"]
        axes.barh(place, ratio, color="#4878a8", height=0.6)
        axes.text(min(ratio, WIDEST) + 0.03, place, f"{ratio:.2f}", va="center", fontsize=8)
        promised = w["target"] if w["target"] and w["target"].get("of", "ratio") == "ratio" else {}
        for name, colour in (("must", "#c04040"), ("after", "#409050")):
            if promised.get(name) is not None:
                axes.plot([promised[name]] * 2, [place - 0.4, place + 0.4], color=colour, linewidth=2)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(works)), [w["name"] for w in works])
    axes.invert_yaxis()
    axes.set_xlim(0, WIDEST + 0.4)  # one ratio far out must not press the others flat
    axes.set(xlabel=f"time of the best {peer} / time of minidl", title=title)
    handles = [plt.Line2D([], [], color=c, label=n) for n, c in (("1x", "black"), ("must", "#c04040"), ("after", "#409050"))]
    axes.legend(handles=handles, loc="best", fontsize=8)
    _save(figure, path, plt)
    return True


def lines(path: Path, curves: Mapping[str, Sequence[tuple[float, float]]], title: str, x: str, y: str) -> bool:
    """Curves over a logarithmic axis; False: nothing to draw."""
    curves = {name: points for name, points in curves.items() if points}
    if not curves:
        return False
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, points in curves.items():
        axes.plot(*zip(*points), "o-", markersize=4, label=name)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path, plt)
    return True


def _save(figure: Any, path: Path, plt: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"Chart: {path}")
