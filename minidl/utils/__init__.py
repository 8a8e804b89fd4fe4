"""Small helpers for preparing data."""

from minidl.utils.categorical import to_categorical

__all__ = ["to_categorical"]
