"""Names that layers get where a script gives none: class and number, counted through the whole program, as Keras 2.1 does."""

from __future__ import annotations

import re
from collections import Counter

_counts: Counter[str] = Counter()


def next_name(class_name: str) -> str:
    """``conv2d_1``, ``conv2d_2`` ...

    >>> from minidl.compat.keras.names import forget
    >>> forget(); next_name("MaxPooling2D"), next_name("Dense"), next_name("Dense"), next_name("ConvLSTM2D")
    ('max_pooling2d_1', 'dense_1', 'dense_2', 'conv_lst_m2d_1')
    """
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", class_name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    _counts[name] += 1
    return f"{name}_{_counts[name]}"


def forget() -> None:
    """Count from 1 again: ``K.clear_session``."""
    _counts.clear()
