"""``sklearn.grid_search``: the searches of today, with ``grid_scores_``."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn import model_selection as today
from sklearn.model_selection import ParameterGrid as ParameterGrid
from sklearn.model_selection import ParameterSampler as ParameterSampler


class Score(NamedTuple):
    """What a search found for one choice of parameters."""

    parameters: dict[str, Any]
    mean_validation_score: float
    cv_validation_scores: Any


class _Scores:
    @property
    def grid_scores_(self) -> list[Score]:
        """What was found, in the order of the choices."""
        found: dict[str, Any] = self.cv_results_  # type: ignore[attr-defined]
        folds = [found[f"split{fold}_test_score"] for fold in range(self.n_splits_)]  # type: ignore[attr-defined]
        rows = zip(found["params"], found["mean_test_score"], zip(*folds))
        return [Score(parameters, mean, list(scores)) for parameters, mean, scores in rows]


class GridSearchCV(_Scores, today.GridSearchCV):
    """Every combination."""


class RandomizedSearchCV(_Scores, today.RandomizedSearchCV):
    """Combinations drawn at random."""
