"""The tables of docs/keras2.md that are made of the old names themselves.

python -m tests.cases.keras2_page
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import minidl.compat.keras
from minidl.compat.translation import OldName

PAGE = Path(__file__).parents[2] / "docs" / "keras2.md"
START, END = "<!-- written by python -m tests.cases.keras2_page -->", "<!-- to here -->"


def old_names() -> dict[str, OldName]:
    """Every old name that makes an object of minidl, by its name; of several the first."""
    found: dict[str, OldName] = {}
    for info in pkgutil.walk_packages(minidl.compat.keras.__path__, "minidl.compat.keras."):
        for name, thing in vars(importlib.import_module(info.name)).items():
            if isinstance(thing, OldName) and not name.startswith("_"):
                found.setdefault(name, thing)
    return found


def renamed() -> dict[str, set[str]]:
    """``old=`` -> ``new=``: {keyword: keywords of today}, over all names."""
    found: dict[str, set[str]] = {}
    for old in old_names().values():
        for keyword, in_2 in old.keras_1.items():
            found.setdefault(keyword, set()).add(old.today.get(in_2, in_2))
        for keyword, today in old.today.items():
            found.setdefault(keyword, set()).add(today)
    return {keyword: today - {keyword} for keyword, today in found.items() if today - {keyword}}


def tables() -> str:
    """What stands between the two marks."""
    names = old_names()
    old_of: dict[str, list[str]] = {}
    for name, old in sorted(names.items(), key=lambda item: item[0].lower()):
        today = getattr(getattr(old.make, "written_as", None) or old.make, "__name__", "")
        if inspect.isclass(old.make) and not today.startswith("_") and today != name and name != "Merge":
            old_of.setdefault(today, []).append(f"`{name}`")
    lines = ["| minidl | old names that make it |", "|---|---|"]
    lines += [f"| `{today}` | {', '.join(olds)} |" for today, olds in sorted(old_of.items())]
    lines += ["", "| old keyword | today | in |", "|---|---|---|", "| `lr` | `learning_rate` | all optimizers |"]
    for keyword, today in sorted(renamed().items(), key=lambda item: item[0].lower()):
        if keyword == "learning_rate":  # old scripts may say it too
            continue
        where = sorted({name for name, old in names.items() if keyword in old.keras_1 or keyword in old.today})
        shown = ", ".join(where[:4]) + (f" and {len(where) - 4} more" if len(where) > 4 else "")
        lines.append(f"| `{keyword}` | {', '.join(f'`{new}`' for new in sorted(today))} | {shown} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """The text of docs/keras2.md with these tables."""
    return re.sub(f"(?s)({re.escape(START)}\n).*?({re.escape(END)})", lambda m: f"{m[1]}\n{tables()}\n\n{m[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
