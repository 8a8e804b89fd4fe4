"""What holds for every metric of the table in tests/cases/metrics.py, and that every metric is in the table."""

import copy
import json
import pickle

import numpy as np
import pytest

from minidl import declared, losses, metrics
from minidl.declared import from_plain, to_plain
from minidl.errors import DataError
from tests.cases.metrics import METRICS, computed

pytestmark = pytest.mark.one_in(3)  # tables over every class

EVERY = pytest.mark.parametrize("name", METRICS)
NAMES = {  # the key in logs that each gives by default: Keras 3's, where it has the class
    "AUC": "auc",
    "Accuracy": "accuracy",
    "AverageAccuracy": "average_accuracy",
    "BinaryAccuracy": "binary_accuracy",
    "BinaryIoU": "binary_io_u",
    "CategoricalAccuracy": "categorical_accuracy",
    "CohenKappa": "cohen_kappa",
    "ConfusionMatrix": "confusion_matrix",
    "CosineSimilarity": "cosine_similarity",
    "ErrorRate": "error_rate",
    "F1Score": "f1_score",
    "FBetaScore": "fbeta_score",
    "FalseNegatives": "false_negatives",
    "FalsePositives": "false_positives",
    "IoU": "io_u",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanIoU": "mean_io_u",
    "MeanSquaredError": "mean_squared_error",
    "OfLoss": None,
    "OneHotIoU": "one_hot_io_u",
    "OneHotMeanIoU": "one_hot_mean_io_u",
    "OverallAccuracy": "overall_accuracy",
    "Precision": "precision",
    "R2Score": "r2_score",
    "Recall": "recall",
    "RootMeanSquaredError": "root_mean_squared_error",
    "SparseCategoricalAccuracy": "sparse_categorical_accuracy",
    "SparseTopKCategoricalAccuracy": "sparse_top_k_categorical_accuracy",
    "TopKCategoricalAccuracy": "top_k_categorical_accuracy",
    "TrueNegatives": "true_negatives",
    "TruePositives": "true_positives",
}
IOU = {"ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True}
DEFAULTS = {  # Keras 3's, where it has the argument, but for AUC, which is exact
    "AUC": {
        "num_thresholds": None, "curve": "ROC", "summation_method": "interpolation", "thresholds": None, "multi_label": False,
        "num_labels": None, "label_weights": None, "from_logits": False,
    },
    "Accuracy": {"kind": None},
    "BinaryAccuracy": {"threshold": 0.5},
    "BinaryIoU": {"target_class_ids": (0, 1), "threshold": 0.5},
    "CohenKappa": {"weights": None},
    "ConfusionMatrix": {"normalize": None},
    "CosineSimilarity": {"axis": -1},
    "ErrorRate": {"kind": None},
    "F1Score": {"average": None, "threshold": None},
    "FBetaScore": {"average": None, "beta": 1.0, "threshold": None},
    "FalseNegatives": {"thresholds": None},
    "FalsePositives": {"thresholds": None},
    "IoU": IOU,
    "MeanIoU": IOU,
    "OneHotIoU": {"ignore_class": None, "sparse_y_pred": False},
    "OneHotMeanIoU": {"ignore_class": None, "sparse_y_pred": False},
    "Precision": {"thresholds": None, "top_k": None, "class_id": None},
    "R2Score": {"class_aggregation": "uniform_average", "num_regressors": 0},
    "Recall": {"thresholds": None, "top_k": None, "class_id": None},
    "SparseTopKCategoricalAccuracy": {"k": 5},
    "TopKCategoricalAccuracy": {"k": 5},
    "TrueNegatives": {"thresholds": None},
    "TruePositives": {"thresholds": None},
}  # fmt: skip
OPTIONS = {"kind", "thresholds", "threshold", "top_k", "class_id", "average", "beta", "k", "normalize", "weights", "axis"} | {
    "num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "label_weights", "from_logits", "name",
    "num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "class_aggregation", "num_regressors",
    "loss",
}  # fmt: skip


def same(found, expected, rounding=1e-12):
    assert type(found) is type(expected)
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=rounding)


def read_only(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def test_every_metric_has_a_row_and_a_name():
    """A metric added later comes here first: give it rows, one for each option."""
    assert {type(case.metric()).__name__ for case in METRICS.values()} == set(declared.classes("metric")) == set(NAMES)


def test_every_option_is_used_by_some_row():
    used = set()
    for case in METRICS.values():
        metric = case.metric()
        for name, argument in declared.arguments_of(type(metric)).items():
            if getattr(metric, name) != argument.default:
                used.add(name)
    assert used == OPTIONS


def test_defaults():
    for name, cls in declared.classes("metric").items():
        arguments = declared.arguments_of(cls).items()
        found = {key: argument.default for key, argument in arguments if argument.default is not argument.empty}
        assert found == {"name": NAMES[name], **DEFAULTS.get(name, {})}, name


def test_directions():
    """What callbacks wait for: the largest number, but of errors the smallest; a matrix has no best."""
    smallest = {"ErrorRate", "FalseNegatives", "FalsePositives", "OfLoss"} | {name for name in NAMES if name.endswith("Error")}
    for name, cls in declared.classes("metric").items():
        assert cls.direction == (None if name == "ConfusionMatrix" else "min" if name in smallest else "max"), name


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"OfLoss"}))
def test_names(name):
    cls = declared.classes("metric")[name]
    required = {"num_classes": 2, "target_class_ids": [0]}
    arguments = {key: value for key, value in required.items() if key in declared.arguments_of(cls)}
    assert cls(**arguments).name == cls(**arguments, name=None).name == NAMES[name]
    assert cls(**arguments, name="mine").name == "mine"
    with pytest.raises(TypeError, match=r"name=3.*a string"):
        cls(**arguments, name=3)
    if not arguments:  # by name: the key is what was written
        for written in (name, NAMES[name], NAMES[name].upper(), *cls.__dict__.get("aliases", ())):
            metric = metrics.get(written, losses.get("mse"))
            assert type(metric) is cls
            assert metric.name == written


@EVERY
def test_configuration_goes_through_json(name):
    case = METRICS[name]
    metric = case.metric()
    plain = json.loads(json.dumps(to_plain(metric)))
    made = from_plain(plain)
    assert type(made) is type(metric)
    assert (made.name, made.get_config(), repr(made)) == (metric.name, metric.get_config(), repr(metric))
    assert repr(eval(repr(metric), vars(metrics) | {"losses": losses})) == repr(metric)
    y_true, y_pred, weight = case.data(30)
    for each in (made, type(metric).from_config(metric.get_config())):
        each.update(y_true, y_pred, weight)
        same(each.result(), computed(case, y_true, y_pred, weight))


@EVERY
def test_batches_are_the_whole(name):
    case = METRICS[name]
    y_true, y_pred, weight = read_only(*case.data(40))
    for weights in (None, weight):
        whole = computed(case, y_true, y_pred, weights)
        assert np.isfinite(whole).all()
        same(computed(case, y_true, y_pred, weights, 1), whole)
        same(computed(case, y_true, y_pred, weights, 7), whole)
    assert not np.array_equal(whole, computed(case, y_true, y_pred)), "weights make no difference"


@EVERY
def test_weights(name):
    """Of 1: none. Of 0: as if the sample were not there, whatever it holds. As a sample twice: of 2."""
    case = METRICS[name]
    y_true, y_pred, weight = case.data(40)
    plain, ones = computed(case, y_true, y_pred), computed(case, y_true, y_pred, np.ones(40))
    np.testing.assert_allclose(ones, plain, rtol=1e-12)
    twice = np.repeat(np.arange(40), 1 + (np.arange(40) % 3 == 0))
    np.testing.assert_allclose(
        computed(case, y_true, y_pred, 1.0 + (np.arange(40) % 3 == 0)), computed(case, y_true[twice], y_pred[twice]),
        rtol=1e-12,
        atol=0 if "adjusted" not in name else 1,  # which counts samples
    )  # fmt: skip
    counts = weight > 0
    expected = computed(case, y_true[counts], y_pred[counts], weight[counts])
    y_true, y_pred = y_true.copy(), y_pred.copy()
    y_true[~counts], y_pred[~counts] = -7, np.nan
    for size in (1, 7, 40):
        same(computed(case, y_true, y_pred, weight, size), expected)
    y_pred[~counts] = np.inf
    same(computed(case, y_true, y_pred, weight), expected)
    assert np.isnan(computed(case, y_true, y_pred, np.zeros(40))).all()


@EVERY
def test_no_samples_and_nan(name):
    case = METRICS[name]
    y_true, y_pred, weight = case.data(20)
    metric = case.metric()
    assert np.isnan(metric.result()).all()
    metric.update(y_true[:0], y_pred[:0])
    metric.update(y_true[:0], y_pred[:0], weight[:0])
    assert np.isnan(metric.result()).all()
    metric.update(y_true, y_pred)
    same(metric.result(), computed(case, y_true, y_pred))
    good, y_pred = y_pred, y_pred.copy()
    y_pred[3, ..., -1] = np.nan
    for weights in (None, np.ones(20)):
        if case.labels:
            with pytest.raises(DataError, match=r"y_pred: received predictions that are no classes.*from 0 to 3"):
                computed(case, y_true, y_pred, weights)
        else:
            assert np.isnan(computed(case, y_true, y_pred, weights)).any()
            assert np.isnan(computed(case, y_true, y_pred, weights, 3)).any()
    metric.update(y_true, y_pred)
    metric.reset()
    metric.update(y_true, good)
    same(metric.result(), computed(case, y_true, good))


@EVERY
def test_copies_are_independent(name):
    """As training uses metrics: copied, begun anew, and the user's own left as it is; the batch's memory is used again."""
    case = METRICS[name]
    (y_true, y_pred, weight), (t, p, w) = case.data(20), case.data(30)
    metric, expected, other = case.metric(), computed(case, y_true, y_pred, weight), computed(case, t, p, w)
    metric.update(y_true, y_pred, weight)
    y_true[:], y_pred[:], weight[:] = y_true[::-1].copy(), y_pred[::-1] / 2, weight[::-1].copy()
    shallow = copy.copy(metric)
    shallow.reset()
    for made in (shallow, copy.deepcopy(case.metric()), pickle.loads(pickle.dumps(case.metric()))):
        made.update(t[:10], p[:10], w[:10])
        made.update(t[10:], p[10:], w[10:])
        same(made.result(), other)
        same(metric.result(), expected)
    same(copy.deepcopy(metric).result(), expected)
    metric.reset()
    assert np.isnan(metric.result()).all()
    metric.update(t, p, w)
    same(metric.result(), other)
    same(shallow.result(), other)


@EVERY
def test_the_pleasant_way_takes_lists_and_checks(name):
    case = METRICS[name]
    y_true, y_pred, weight = case.data(20)
    for weights in (None, weight):
        metric = case.metric()
        metric.update_state(y_true.tolist(), y_pred.tolist(), weights if weights is None else weights.tolist())
        same(metric.result(), computed(case, y_true, y_pred, weights))
        metric.reset_state()
        assert np.isnan(metric.result()).all()
    metric.update_state(y_true, y_pred, 2)
    same(metric.result(), computed(case, y_true, y_pred, np.full(20, 2.0)))
    for wrong, words in {
        "targets": (lambda: metric.update_state(y_true[:3], y_pred), "3 targets and 20 predictions"),
        "weights": (lambda: metric.update_state(y_true, y_pred, weight[:3]), r"sample_weight: received shape \(3,\)"),
        "negative": (lambda: metric.update_state(y_true, y_pred, -weight), "a weight of -"),
        "shape": (lambda: metric.update_state(y_true[..., None, None], y_pred), "targets of shape"),
        "number": (lambda: metric.update_state(1, 1), r"y_true of shape \(\)"),
    }.values():
        with pytest.raises(ValueError, match=words):
            wrong()


@EVERY
def test_forms_of_the_data(name):
    """Targets of any type, a column for a list, float32 predictions."""
    case = METRICS[name]
    y_true, y_pred, weight = case.data(30)
    expected = computed(case, y_true, y_pred, weight)
    if (y_true == np.floor(y_true)).all():
        for dtype in ("int8", "uint8", "int64", "float32"):
            same(computed(case, y_true.astype(dtype), y_pred, weight), expected)
    column = y_true.reshape(y_pred.shape) if y_true.size == y_pred.size else y_true[..., None]
    forms = [column] if y_true.size == y_pred.size or y_true.ndim < y_pred.ndim else []
    if y_pred.shape[-1] == 1 and y_true.size == y_pred.size:
        forms.append(y_true.reshape(len(y_true)))
    for form in forms:
        case.metric().check(form, y_pred.shape, "here")
        same(computed(case, form, y_pred, weight), expected)
    if not name.startswith(("of_loss", "mse", "rmse", "mae", "r2")):
        exact = np.round(y_pred * 16) / 16 if y_pred.dtype.kind == "f" and not case.labels else y_pred
        same(
            computed(case, y_true, exact.astype("float32"), weight.astype("float32")),
            computed(case, y_true, exact, weight.astype("float32").astype("float64")),
        )
