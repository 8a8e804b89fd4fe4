"""What became faster or slower between two results of one machine.

    python -m benchmarks.compare old.json new.json [--percent 10]

The times are minidl's medians; a change counts when it is larger than ``--percent`` and than the noise, the distance from
the fastest round to the median in both files together. The peer's column is for the machine itself: where PyTorch changed
as much, it was not minidl. Ends with 1 when something became slower or failed, else with 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import store, tables
from benchmarks.harness import MINIDL


def noise(times: dict[str, Any]) -> float:
    """How far the median is above the fastest round.

    >>> noise({"median": 1.1, "min": 1.0})
    0.1
    """
    return round(times["median"] / times["min"] - 1, 6)


def verdict(old: dict[str, Any] | None, new: dict[str, Any] | None, percent: float) -> str:
    """``"slower"``, ``"faster"``, ``"same"``, ``"failed"``, ``"new"`` or ``"gone"``.

    >>> verdict({"median": 1.0, "min": 1.0}, {"median": 1.2, "min": 1.19}, 10)
    'slower'
    >>> verdict({"median": 1.0, "min": 0.7}, {"median": 1.2, "min": 1.19}, 10)
    'same'
    """
    if old is None or new is None:
        return "new" if new is not None else "failed"
    allowed = 1 + max(percent / 100, noise(old) + noise(new))
    change = new["median"] / old["median"]
    return "slower" if change > allowed else "faster" if change < 1 / allowed else "same"


def rows_of(old: dict[str, Any], new: dict[str, Any], percent: float) -> list[list[str]]:
    """Head and a row for every piece of work; the verdict stands last."""
    before, after = ({w["name"]: w for w in document["works"]} for document in (old, new))
    rows = [["ms, median of the rounds", "old", "new", "old / new", "noise", "PyTorch's old / new", ""]]
    for name in dict.fromkeys([*before, *after]):
        a, b = (works.get(name, {}).get("contenders", {}).get(MINIDL) for works in (before, after))
        judged = verdict(a, b, percent) if name in after else "gone"
        cells = [tables.milliseconds(t["median"]) if t else "" for t in (a, b)]
        both = [f"{a['median'] / b['median']:.2f}", f"{100 * (noise(a) + noise(b)):.0f} %"] if a and b else ["", ""]
        rows.append([name, *cells, *both, _peer(before.get(name), after.get(name)), judged])
    return rows


def _peer(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    bests = []
    for w in (before, after):
        best = w["ratios"].get(tables.PROMISED_TO, {}).get("best") if w else None
        bests.append(w["contenders"][best]["median"] if w and best else None)
    old, new = bests
    return f"{old / new:.2f}" if old and new else ""


def doubts(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why the two may not be comparable."""
    lines = []
    for what, key in (("CPU", "cpu"), ("number of cores", "cores")):
        if old["machine"][key] != new["machine"][key]:
            lines.append(f"another {what}: {old['machine'][key]} and {new['machine'][key]}")
    if old.get("card") != new.get("card"):
        lines.append(f"another GPU: {old.get('card')} and {new.get('card')}")
    if old["quick"] or new["quick"]:
        lines.append("a quick run's figures mean nothing")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--percent", type=float, default=10, help="smaller changes do not count; default: %(default)s")
    args = parser.parse_args(argv)
    try:
        old, new = store.read(args.old), store.read(args.new)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows = rows_of(old, new, args.percent)
    print(tables.as_text(rows))
    for line in doubts(old, new):
        print(f"Careful: {line}")
    worse = [row[0] for row in rows[1:] if row[-1] in ("slower", "failed")]
    print(f"Slower: {', '.join(worse)}" if worse else "Nothing became slower.")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
