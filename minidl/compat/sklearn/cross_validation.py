"""``sklearn.cross_validation``: splits that knew the data when they were made, and the functions as they are today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import model_selection as today
from sklearn.model_selection import cross_val_predict as cross_val_predict
from sklearn.model_selection import cross_val_score as cross_val_score
from sklearn.model_selection import train_test_split as train_test_split


class _Folds:
    """Pairs of indices, for training and for the test."""

    def __init__(self, splitter: Any, y: Any) -> None:
        self.splitter, self.y = splitter, np.asarray(y)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.splitter.split(self.y, self.y))

    def __len__(self) -> int:
        return int(self.splitter.get_n_splits(self.y))


class KFold(_Folds):
    """``KFold(n, n_folds)``: the numbers 0 to n - 1 in folds.

    >>> [test.tolist() for train, test in KFold(4, n_folds=2)]
    [[0, 1], [2, 3]]
    """

    def __init__(self, n: int, n_folds: int = 3, shuffle: bool = False, random_state: Any = None) -> None:
        super().__init__(today.KFold(n_folds, shuffle=shuffle, random_state=random_state if shuffle else None), np.arange(n))


class StratifiedKFold(_Folds):
    """``StratifiedKFold(y, n_folds)``: each fold has the classes of y in the same shares."""

    def __init__(self, y: Any, n_folds: int = 3, shuffle: bool = False, random_state: Any = None) -> None:
        super().__init__(today.StratifiedKFold(n_folds, shuffle=shuffle, random_state=random_state if shuffle else None), y)


class ShuffleSplit(_Folds):
    """``ShuffleSplit(n, n_iter)``: ``n_iter`` random splits of the numbers 0 to n - 1."""

    def __init__(
        self, n: int, n_iter: int = 10, test_size: Any = 0.1, train_size: Any = None, random_state: Any = None
    ) -> None:
        splitter = today.ShuffleSplit(n_iter, test_size=test_size, train_size=train_size, random_state=random_state)
        super().__init__(splitter, np.arange(n))
