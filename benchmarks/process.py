"""What the operating system says about this process."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def memory() -> dict[str, Any]:
    """Largest resident size so far in bytes and minor page faults so far; None where the system does not tell.

    On Linux the size is VmHWM: ``ru_maxrss`` survives exec there, so that a small program started by a large one looks large.
    """
    if resource is None:
        return {"peak": None, "faults": None}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) * 1024
    return {"peak": peak, "faults": usage.ru_minflt}
