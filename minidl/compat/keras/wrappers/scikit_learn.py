"""``keras.wrappers.scikit_learn`` of Keras 2.1: a function that makes a compiled model as an estimator of scikit-learn.

    model = KerasClassifier(build_fn=create_model, epochs=150, batch_size=10)
    cross_val_score(model, X, y, cv=StratifiedKFold(n_splits=10))

Arguments beside ``build_fn`` are those of that function and of ``fit``, ``predict`` and ``evaluate``: each call takes its own
ones from them. scikit-learn itself is not needed, and imported only where scikit-learn asks for its tags.
"""

from __future__ import annotations

import inspect
import multiprocessing
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.compat.keras.models import Sequential
from minidl.compat.keras.utils.generic_utils import has_arg
from minidl.compat.keras.utils.np_utils import to_categorical
from minidl.compat.spelling import OldSpellingWarning, call_text, told
from minidl.errors import ArgumentError, NotBuiltError, ShapeError, closest
from minidl.losses import CategoricalCrossentropy

_VERBS = ("fit", "predict", "predict_classes", "evaluate")


class BaseWrapper:
    """What both estimators have in common.

    Args:
        build_fn: a function, a method, or an object that can be called, which makes a compiled model. None: the class itself
            can be called.
        sk_params: arguments of ``build_fn``, and of the model's ``fit``, ``predict`` and ``evaluate``.

    Attributes:
        model: after ``fit``.
    """

    model: Any

    def __init__(self, build_fn: Any = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = self._of_keras_2(sk_params)
        self.check_params(self.sk_params)

    # -- arguments -----------------------------------------------------------------------------------------------------

    def check_params(self, params: Any) -> None:
        """Raise ArgumentError for an argument that no call would take."""
        legal = [*(getattr(Sequential, name) for name in _VERBS), self._makes()]
        for name in params:
            if not any(has_arg(function, name) for function in legal):
                known = [n for function in legal for n in inspect.signature(function).parameters if n not in ("self", "old")]
                received = f"the argument {name!r}"
                expected = "one of build_fn, or of the model's fit, predict or evaluate"
                raise ArgumentError(type(self).__name__, received, expected, meant=closest(name, known))

    def get_params(self, **params: Any) -> dict[str, Any]:
        """The arguments by their names, the very objects; what is passed changes nothing."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> BaseWrapper:
        """Change arguments; returns itself."""
        given = self._of_keras_2(params)
        if "build_fn" in given:
            self.build_fn = given.pop("build_fn")
        self.check_params(given)
        self.sk_params.update(given)
        return self

    def filter_sk_params(self, fn: Callable[..., Any], override: dict[str, Any] | None = None) -> dict[str, Any]:
        """The arguments that ``fn`` takes, and those of ``override``."""
        return {name: value for name, value in self.sk_params.items() if has_arg(fn, name)} | (override or {})

    def _of_keras_2(self, given: dict[str, Any]) -> dict[str, Any]:
        """``nb_epoch`` of Keras 1 as ``epochs``, unless ``build_fn`` has an argument of that name."""
        if "nb_epoch" not in given or has_arg(self._makes(), "nb_epoch"):
            return given
        new = {"epochs" if name == "nb_epoch" else name: value for name, value in given.items()}
        told(call_text(type(self).__name__, (), given), call_text(type(self).__name__, (), new))
        return new

    def _makes(self) -> Callable[..., Any]:
        """What is called for a model."""
        make = self if self.build_fn is None else self.build_fn
        if not callable(make):
            received = "no build_fn" if self.build_fn is None else f"build_fn={self.build_fn!r}"
            raise ArgumentError(type(self).__name__, received, "a function that makes a compiled model")
        return make

    # -- the model -----------------------------------------------------------------------------------------------------

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make a model and train it; returns its history.

        Args:
            x: samples (n, ...).
            y: targets (n,) or (n, outputs).
            kwargs: arguments of the model's ``fit``, which come before those of the constructor.
        """
        make = self._makes()
        with warnings.catch_warnings():
            if multiprocessing.current_process().name != "MainProcess":  # a worker of scikit-learn: once is enough
                warnings.simplefilter("ignore", OldSpellingWarning)
            self.model = make(**self.filter_sk_params(make))
        y = self._targets(np.asarray(y))
        return self.model.fit(_rows(x), y, **self.filter_sk_params(Sequential.fit, self._of_keras_2(kwargs)))

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """One-hot rows where the loss asks for them."""
        if (y.ndim != 2 or y.shape[1] == 1) and isinstance(self.model.loss, CategoricalCrossentropy):
            return to_categorical(y)
        return y

    def _fitted(self, what: str) -> Any:
        if not hasattr(self, "model"):
            raise NotBuiltError(f"{type(self).__name__}.{what}", "a call before fit", "a trained model", "fit(x, y)")
        return self.model

    # -- what scikit-learn asks for ------------------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def __repr__(self) -> str:
        return call_text(type(self).__name__, (), self.get_params())


class KerasClassifier(BaseWrapper):
    """An estimator of classes.

    Attributes:
        classes_: the labels in ascending order.
        n_classes_: how many there are.
    """

    _estimator_type = "classifier"
    classes_: np.ndarray
    n_classes_: int

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make a model and train it; returns its history.

        ``y`` are labels (n,) or (n, 1) of any kind, or one-hot rows (n, classes).
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim in (1, 2):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ShapeError("KerasClassifier.fit", f"labels of shape {y.shape}", "(n,) or (n, classes)")
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The label of each sample: (n,), or (n, 1) for a model of one output."""
        model = self._fitted("predict")
        return self.classes_[model.predict_classes(_rows(x), **self.filter_sk_params(Sequential.predict_classes, kwargs))]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The probability of each class (n, classes); of one output p, the rows (1 - p, p)."""
        model = self._fitted("predict_proba")
        found = model.predict_proba(_rows(x), **self.filter_sk_params(Sequential.predict_proba, kwargs))
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The accuracy on samples and their labels, which the model has to be compiled with."""
        model = self._fitted("score")
        y = np.asarray(y)
        y = y if y.ndim == 2 and y.shape[1] > 1 else np.searchsorted(self.classes_, y)
        found = model.evaluate(_rows(x), self._targets(y), **self.filter_sk_params(Sequential.evaluate, kwargs))
        by_name = dict(zip(model.metrics_names, found if isinstance(found, (list, tuple)) else [found]))
        if "acc" not in by_name:
            received = f"a model compiled with {', '.join(by_name)} alone"
            raise ArgumentError("KerasClassifier.score", received, "accuracy", "compile(..., metrics=['accuracy'])")
        return float(by_name["acc"])

    def __sklearn_tags__(self) -> Any:
        return _tags("classifier")


class KerasRegressor(BaseWrapper):
    """An estimator of numbers."""

    _estimator_type = "regressor"

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """The model's result for each sample, without axes of length 1."""
        model = self._fitted("predict")
        return np.squeeze(model.predict(_rows(x), **self.filter_sk_params(Sequential.predict, kwargs)))

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The loss on samples and their targets, as a negative number: the larger, the better."""
        model = self._fitted("score")
        found = model.evaluate(_rows(x), np.asarray(y), **self.filter_sk_params(Sequential.evaluate, kwargs))
        return -float(found[0] if isinstance(found, (list, tuple)) else found)

    def __sklearn_tags__(self) -> Any:
        return _tags("regressor")


def _rows(x: Any) -> Any:
    """Samples, those of pandas as an array."""
    return np.asarray(x) if hasattr(x, "__array__") else x


def _tags(kind: str) -> Any:
    """What scikit-learn from 1.6 on asks an estimator for."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags  # it is there: it asks

    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=True, multi_output=True, single_output=True),
        classifier_tags=ClassifierTags() if kind == "classifier" else None,
        regressor_tags=RegressorTags() if kind == "regressor" else None,
        input_tags=InputTags(three_d_array=True),
    )
