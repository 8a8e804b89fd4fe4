"""scikit-learn's MLPClassifier: it has the lectures' dense models, and plain descent without momentum or penalty."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.inputs import batches, weights_of
from benchmarks.lecture_models import MODELS, RATE
from benchmarks.prepared import Prepared, Results


def versions() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


def threads() -> int:
    """Those of NumPy's matrix products: one for every core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def variants(work: dict[str, Any]) -> list[str]:
    if work["kind"] not in PREPARED:
        return []
    blueprint = MODELS[work["model"]]
    return ["MLPClassifier"] if not blueprint.paddings and blueprint.classes > 2 else []  # of two it makes one output


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    warnings.simplefilter("ignore")  # one step does not converge, it says
    return PREPARED[work["kind"]](work, arrays)


def _classifier(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    """With the given weights; a first step, which is then undone, makes its arrays."""
    settings = {"momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0, "shuffle": False}
    blueprint = MODELS[work["model"]]
    classifier = MLPClassifier(
        [units for _, units in blueprint.kernels[:-1]],
        blueprint.hidden,
        solver="sgd",
        batch_size=work["batch"],
        learning_rate_init=RATE["sgd"],
        **settings,
    )
    x, labels = (arrays[name][: work["batch"]] for name in ("x", "labels"))
    classifier.partial_fit(x, labels, classes=np.arange(blueprint.classes))
    weights = weights_of(arrays)
    for mine, given in zip([*classifier.coefs_, *classifier.intercepts_], [*weights[::2], *weights[1::2]], strict=True):
        mine[...] = given
    return classifier


def _train_step(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    classifier = _classifier(work, arrays)
    data = list(zip(np.split(arrays["x"], batches(work)), np.split(arrays["labels"], batches(work))))
    endless = itertools.cycle(data)

    def results() -> Results:
        fresh, losses = _classifier(work, arrays), []
        for i in range(5):
            fresh.partial_fit(*data[i % len(data)])
            losses.append(fresh.loss_)
        return {"losses": np.array(losses), "predictions afterwards": fresh.predict_proba(arrays["x"][:16])}

    return Prepared(lambda: classifier.partial_fit(*next(endless)), results)


def _predict(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    classifier = _classifier(work, arrays)
    return Prepared(
        lambda: classifier.predict_proba(arrays["x"]), lambda: {"y": np.asarray(classifier.predict_proba(arrays["x"]))}
    )


PREPARED: dict[str, Callable[..., Prepared]] = {"train_step": _train_step, "predict": _predict}
