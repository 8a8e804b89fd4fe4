"""Small helpers for preparing data, and for what models give."""

from minidl.utils.categorical import to_categorical
from minidl.utils.sampling import sample_ids

__all__ = ["sample_ids", "to_categorical"]
