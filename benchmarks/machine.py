"""Where and when something was measured."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.environment import ROOT, limited, set_aside

WIDTHS = {"avx512f": 512, "avx2": 256, "avx": 256, "asimd": 128, "sse2": 128}  # instructions -> bits of a vector


def describe() -> dict[str, Any]:
    """CPU, cores, width of its vectors, memory, system."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu": cpu_name(),
        "cores": usable,
        "vector_bits": _vector_bits(),
        "memory_gib": _memory_gib(),
        "system": platform.platform(),
        "set_aside": set_aside(),
    }


def moment() -> dict[str, Any]:
    """Date and state of the source."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": _commit()}


def cpu_name() -> str:
    """The processor's name as it calls itself, and what LLVM calls its kind: hosts sell several kinds as one ``"AMD EPYC"``."""
    name = _from_proc("model name")
    if not name and sys.platform == "darwin":
        name = _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    name = name or platform.processor() or platform.machine() or "unknown"
    return f"{name} ({_kind()})" if _kind() else name


def _kind() -> str:
    """The processor's kind in LLVM's words, "" where that is not installed."""
    with contextlib.suppress(ImportError):
        from llvmlite.binding import get_host_cpu_name

        return str(get_host_cpu_name())
    return ""


def slug(text: str) -> str:
    """A name for files.

    >>> slug("AMD EPYC 9R14 (Zen 4)")
    'amd-epyc-9r14-zen-4'
    """
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", text.lower())).strip("-")


def _vector_bits() -> int | None:
    flags = (_from_proc("flags") or _from_proc("Features")).split()
    if not flags and sys.platform == "darwin":
        return 128 if platform.machine() == "arm64" else 256
    widest = max((bits for name, bits in WIDTHS.items() if name in flags), default=None)
    return min(widest, WIDTHS["avx2"]) if widest and limited() else widest


def _memory_gib() -> float | None:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def _from_proc(key: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.partition(":")[0].strip() == key:
                return line.partition(":")[2].strip()
    return ""


def _commit() -> str | None:
    commit = _output(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    changed = commit and _output(["git", "-C", str(ROOT), "status", "--porcelain", "--", "minidl", "benchmarks"])
    return f"{commit} with changes" if changed else commit or None


def _output(command: list[str]) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    return ""
