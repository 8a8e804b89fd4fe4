"""What people look at while a model trains: metrics by class, by name, or as a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from minidl import config, losses
from minidl.declared import all_names, arguments_of, find, find_class, names
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described, object_of
from minidl.losses import Loss
from minidl.metrics.accuracy import Accuracy as Accuracy
from minidl.metrics.accuracy import BinaryAccuracy as BinaryAccuracy
from minidl.metrics.accuracy import CategoricalAccuracy as CategoricalAccuracy
from minidl.metrics.accuracy import ErrorRate as ErrorRate
from minidl.metrics.accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from minidl.metrics.accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from minidl.metrics.accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from minidl.metrics.accuracy import accuracy_score as accuracy_score
from minidl.metrics.base import Metric as Metric
from minidl.metrics.of import OfFunction as OfFunction
from minidl.metrics.of import OfLoss as OfLoss
from minidl.on_demand import on_demand

_ELSEWHERE = {  # what other libraries and people call them
    "sparse_accuracy": "sparse_categorical_accuracy",
    "top_k_accuracy": "top_k_categorical_accuracy",
    "top_5_accuracy": "top_k_categorical_accuracy",
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "average_accuracy",
    "f_score": "f1_score",
    "fscore": "f1_score",
    "jaccard": "mean_iou",
    "miou": "mean_iou",
    "cohen_kappa_score": "cohen_kappa",
}


def get(identifier: Any, loss: Loss | None) -> Metric:
    """The metric that an entry of ``compile(metrics=[...])`` means.

    Args:
        identifier: a name (``"accuracy"`` and ``"error_rate"`` are those that fit the loss; also names of losses), which
            becomes the key in logs as it is written; a Loss; a function of (y_true, y_pred) that gives one number per
            sample; or a Metric.
        loss: what the model is trained with; None for an output that is not.

    Raises ArgumentError for an unknown name, ArgumentTypeError for anything else and for a Metric that lacks a method.

    >>> get("acc", losses.get("sparse_categorical_crossentropy"))
    Accuracy(kind='sparse', name='acc')
    """
    if isinstance(identifier, Metric):
        return _complete(identifier)
    if isinstance(identifier, Loss):
        return OfLoss(identifier)
    if isinstance(identifier, str):
        return _by_name(identifier, loss)
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        return _complete(find("metric", identifier, "compile", "metrics"))
    if callable(identifier) and not isinstance(identifier, type):  # a class would be called, and its object be the result
        return OfFunction(identifier)
    fix = f"metrics=[{object_of(identifier, Metric, repr('accuracy'))}]"
    raise ArgumentTypeError("compile", f"{described(identifier)} as metric", "a name, a Metric object or a function", fix)


def _by_name(identifier: str, loss: Loss | None) -> Metric:
    found = find_class("metric", identifier)
    if found in (Accuracy, ErrorRate):
        old = found is Accuracy and config.profile().accuracy_name != "accuracy"  # one name, however it was spelt
        return found(loss and loss.default_accuracy, name=config.profile().accuracy_name if old else identifier)
    if found is not None:
        needed = [name for name, argument in arguments_of(found).items() if argument.default is argument.empty]
        if needed:
            fix = f"metrics=[{found.__name__}({', '.join(f'{name}=...' for name in needed)})]"
            raise ArgumentError(
                "compile", f"metric {identifier!r}, which needs arguments", f"an object of {found.__name__}", fix
            )
        return found(name=identifier)
    if find_class("loss", identifier) is not None:
        return OfLoss(losses.get(identifier), identifier)
    expected = f"a Metric, a function of (y_true, y_pred), the name of a loss, or one of {', '.join(names('metric'))}"
    known = sorted({*all_names("loss"), *all_names("metric")}, key=lambda name: ("_" in name, name))  # the last is proposed
    meant = closest(identifier, known, _ELSEWHERE)
    raise ArgumentError("compile", f"metric {identifier!r}", expected, meant=meant)


def _complete(metric: Metric) -> Metric:
    """The metric, unless a class of somebody's own lacks what it would be used with. Raises ArgumentTypeError."""
    cls = type(metric)
    own = {name for name in ("per_sample", "update", "result", "reset") if getattr(cls, name) is not getattr(Metric, name)}
    where, expected, fix = cls.__name__, "", ""
    if "name" not in vars(metric):
        received, expected = "a constructor that does not call that of Metric", "super().__init__(name) in it"
    elif "update_state" in _names_of_own(cls) and "update" not in own:
        received, expected = "update_state without update", "update(y_true, y_pred, sample_weight), which training calls"
        fix = "update_state renamed to update, reset_state to reset; Metric has both, which check arguments and call yours"
    elif not own & {"per_sample", "update"}:
        received = "a Metric without per_sample"
        expected = "per_sample(y_true, y_pred), a number per sample; or reset, update and result"
    elif "update" in own and "reset" not in own and "super" not in cls.update.__code__.co_names:
        received, expected = "update without reset", "reset(), or the sums of one pass would go on in the next"
        fix = "def reset(self), which makes the sums anew"
    else:
        return metric
    raise ArgumentTypeError(where, received, expected, fix)


def _names_of_own(cls: type) -> set[str]:
    """What classes below Metric define."""
    above = set(Metric.__mro__)
    return {name for base in cls.__mro__ if base not in above for name in vars(base)}


_FILES = {
    "agreement": "AverageAccuracy CohenKappa ConfusionMatrix OverallAccuracy",
    "auc": "AUC",
    "confusion": "confusion_matrix",
    "counts": "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives",
    "f_score": "F1Score FBetaScore",
    "iou": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
    "regression": "CosineSimilarity MeanAbsoluteError MeanSquaredError R2Score RootMeanSquaredError",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.metrics.agreement import AverageAccuracy as AverageAccuracy
    from minidl.metrics.agreement import CohenKappa as CohenKappa
    from minidl.metrics.agreement import ConfusionMatrix as ConfusionMatrix
    from minidl.metrics.agreement import OverallAccuracy as OverallAccuracy
    from minidl.metrics.auc import AUC as AUC
    from minidl.metrics.confusion import confusion_matrix as confusion_matrix
    from minidl.metrics.counts import FalseNegatives as FalseNegatives
    from minidl.metrics.counts import FalsePositives as FalsePositives
    from minidl.metrics.counts import Precision as Precision
    from minidl.metrics.counts import Recall as Recall
    from minidl.metrics.counts import TrueNegatives as TrueNegatives
    from minidl.metrics.counts import TruePositives as TruePositives
    from minidl.metrics.f_score import F1Score as F1Score
    from minidl.metrics.f_score import FBetaScore as FBetaScore
    from minidl.metrics.iou import BinaryIoU as BinaryIoU
    from minidl.metrics.iou import IoU as IoU
    from minidl.metrics.iou import MeanIoU as MeanIoU
    from minidl.metrics.iou import OneHotIoU as OneHotIoU
    from minidl.metrics.iou import OneHotMeanIoU as OneHotMeanIoU
    from minidl.metrics.regression import CosineSimilarity as CosineSimilarity
    from minidl.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
    from minidl.metrics.regression import MeanSquaredError as MeanSquaredError
    from minidl.metrics.regression import R2Score as R2Score
    from minidl.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES, "metric")
