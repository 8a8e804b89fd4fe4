"""Where minidl keeps what can be made or fetched again: compiled kernels and downloaded data sets."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path | None:
    """The folder MINIDL_HOME, or else ``minidl`` in XDG_CACHE_HOME or in ``~/.cache``; None where there is no home folder."""
    home, cache = os.environ.get("MINIDL_HOME", ""), os.environ.get("XDG_CACHE_HOME", "")
    try:
        if home:
            return Path(home).expanduser()
        if os.path.isabs(cache):  # the XDG specification says to ignore a relative path
            return Path(cache) / "minidl"
        return Path.home() / ".cache" / "minidl"
    except RuntimeError:
        return None


def kernel_folder() -> Path | None:
    """The folder of compiled kernels; it need not exist yet."""
    home = cache_home()
    return None if home is None else home / "kernels"
