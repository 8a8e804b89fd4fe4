"""Small helpers for preparing data, and for what models give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.utils.categorical import to_categorical

__all__ = ["sample_ids", "to_categorical"]

if TYPE_CHECKING:
    from minidl.utils.sampling import sample_ids as sample_ids
else:

    def __getattr__(name: str) -> Any:
        """Loaded on first use: the doctor beside it runs where settings stop everything else."""
        if name == "sample_ids":
            from minidl.utils.sampling import sample_ids

            return sample_ids
        raise AttributeError(f"module 'minidl.utils' has no attribute {name!r}", name=name)
