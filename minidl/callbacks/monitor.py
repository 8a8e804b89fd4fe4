"""What the callbacks that watch one number share: whether its name is known, which direction is better, and what is better.

mode "min"    better: value + min_delta < best
mode "max"    better: value - min_delta > best
mode "auto"   the direction of the metric object of that name, else that of a word in the name, else an error
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Real

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.direction import direction as direction
from minidl.callbacks.progress import write
from minidl.checks import check_number
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described

_MODES = ("auto", "min", "max")
_ALIASES = {"acc": "accuracy", "val_acc": "val_accuracy"}


class Monitor(Callback, abstract=True):
    """Base of the callbacks that watch ``monitor`` in the logs. NaN, or an infinity that nothing could be worse than, is never
    the best.

    Args:
        monitor: a name in the logs, such as ``"val_loss"`` or ``"val_accuracy"``.
        mode: ``"min"``, ``"max"``, or ``"auto"``: the direction follows from the name.
        min_delta: improvements up to this size do not count.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        where = type(self).__name__
        if not isinstance(monitor, str):
            raise ArgumentTypeError(where, f"monitor={described(monitor)}", "a name in the logs", "monitor='val_loss'")
        if mode not in _MODES:
            raise ArgumentError(where, f"mode={mode!r}", "'auto', 'min' or 'max'", meant=closest(mode, _MODES))
        self.monitor, self.mode = monitor, mode
        self.min_delta = check_number(where, "min_delta", min_delta, 0)
        self._sign = 0.0  # 1: larger is better, -1: smaller is better, 0: unknown

    def _check_monitor(self, names: Sequence[str], fix: str = "") -> None:
        """Find the direction. Raises ArgumentError for a name that the logs will not hold, or without a direction."""
        where, name = type(self).__name__, self.monitor
        if name not in names:
            validated = any(known.startswith("val_") for known in names)
            if name.startswith("val_") and not validated:
                meant, fix = "", fix or "validation_split=0.2 or validation_data in fit"
            else:
                meant = closest(name, names, _ALIASES)
            expected = f"one of {', '.join(names)}"
            raise ArgumentError(where, f"monitor={name!r}", expected, fix, meant if meant in names else "")
        self._sign = direction(name, self.mode, getattr(self.model, "metrics", None) or ())
        if not self._sign:
            received = f"monitor={name!r}, of which minidl does not know whether larger or smaller is better"
            raise ArgumentError(where, received, "a direction", "mode='max' or mode='min'")

    def _value(self, logs: Logs) -> float | None:
        """The number that is watched; None in an epoch without it."""
        value = logs.get(self.monitor)
        if value is not None and not isinstance(value, Real):
            raise ArgumentTypeError(type(self).__name__, f"{described(value)} as {self.monitor!r}", "a number in the logs")
        return None if value is None else float(value)

    def _is_better(self, value: float, best: float | None) -> bool:
        if best is None:
            return self._sign * value > -math.inf  # false for NaN
        return self._sign * (value - self._sign * self.min_delta) > self._sign * best

    def _say(self, text: str) -> None:
        write(sys.stdout, f"{type(self).__name__}: {text}.\n")
