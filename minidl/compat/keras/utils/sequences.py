"""Batches by number, the base of classes of scripts and of the iterators of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Sequence:
    """Batches by number, for ``fit_generator``: a subclass has ``__getitem__(index)`` and ``__len__``.

    ``on_epoch_end`` is called after each epoch.
    """

    def __getitem__(self, index: int) -> Any:
        """The batch of this number."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many batches there are."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def on_epoch_end(self) -> None:
        """Does nothing; a subclass may change the order of its samples here."""
