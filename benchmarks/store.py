"""Results in files: JSON, written whole or not at all.

An object with ``schema``, ``name``, ``quick``, ``date``, ``commit``, ``machine``, ``sides`` (versions and threads of each
library, or why it is missing), ``settings`` and ``works``, a list of what ``harness.measure`` gives; other programs add
keys of their own. Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT
from benchmarks.machine import cpu_name, describe, moment, slug

SCHEMA = 1
RESULTS = ROOT / "benchmarks" / "results"


def file_name(text: str) -> Path:
    """The path of ``--out``; a folder is refused before hours of measurements, not when they are to be written."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(
            f"{text} is a folder; expected is the name of a file, such as {Path(text, 'results.json')}"
        )
    return Path(text)


def document(name: str, quick: bool, **content: Any) -> dict[str, Any]:
    """``content`` with where and when it was measured."""
    return {"schema": SCHEMA, "name": name, "quick": quick, **moment(), "machine": describe(), **content}


def default_path(name: str, quick: bool, device: str = "") -> Path:
    """``benchmarks/results/<name>-<device or CPU>.json``; a quick run never takes the place of a real one."""
    return RESULTS / f"{name}-{slug(device or cpu_name())}{'-quick' if quick else ''}.json"


def write(path: Path, content: dict[str, Any]) -> None:
    """Write ``content``; a file that is there stays whole until the new one is."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """The same for text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        with contextlib.suppress(OSError):
            Path(temporary).chmod(0o644)  # mkstemp's files are for their owner only
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> dict[str, Any]:
    """What ``write`` wrote. Raises ValueError for a file of another kind."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"{path}: not a result of schema {SCHEMA}")
    return content
