"""Metrics against scikit-learn, weighted and not, and against Keras where Keras is the definition.

scikit-learn's numbers are met at 1e-12. Keras computes metrics in float32 and adds 1e-7 to what it divides by, so that its
numbers are met at 1e-5; scores are chosen without ties, of which it counts all or none.
"""

import numpy as np
import pytest

from minidl import metrics
from tests.cases.metrics import CLASSES, METRICS, computed

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True, params=["once"])
def numerics():
    """Metrics have no kernels: once is enough."""


def scores_of(f):
    return lambda sk, t, p, w: f(sk, t.ravel(), p.ravel(), w)


def by_label(name, average, threshold=None, **options):
    """A score of classes: of labels, or of several outputs above a threshold."""

    def score(sk, t, p, w):
        options_here = {"average": average, "sample_weight": w, "zero_division": 0, **options}
        if threshold is not None:
            return getattr(sk, name)(t, p > threshold, **options_here)
        return getattr(sk, name)(as_labels(t), p.argmax(-1).ravel(), labels=range(CLASSES), **options_here)

    return score


def as_labels(t):
    return (t.argmax(-1) if t.ndim > 1 and t.shape[-1] == CLASSES else t).ravel()


def classes(name, **options):
    def score(sk, t, p, w):
        if p.shape[-1] == 1:
            return getattr(sk, name)(t.ravel(), p.ravel() > 0.5, sample_weight=w, **options)
        if w is not None:
            w = np.broadcast_to(w.reshape(len(w), *(1,) * (p.ndim - 2)), p.shape[:-1]).ravel()
        return getattr(sk, name)(as_labels(t), p.argmax(-1).ravel(), sample_weight=w, **options)

    return score


def jaccard(ids, ignore=None):
    def score(sk, t, p, w):
        w = np.broadcast_to(np.ones(len(t)) if w is None else w, t.shape[::-1]).T if t.ndim > 1 else w
        places = p.argmax(-1) if p.shape[-1] == CLASSES else p.reshape(t.shape)
        t, places, w = t.ravel(), places.ravel(), None if w is None else w.ravel()
        counts = t != ignore
        return np.mean(
            [
                sk.jaccard_score(t[counts] == i, places[counts] == i, sample_weight=None if w is None else w[counts])
                for i in ids
                if ((t == i) | (places == i))[counts].any()
            ]
        )

    return score


def each_output(name):
    """The mean over outputs of a score of one output."""

    def score(sk, t, p, w):
        return np.mean([getattr(sk, name)(t[:, i], p[:, i], sample_weight=w) for i in range(t.shape[1])])

    return score


def many_outputs(name):
    """All outputs as one."""

    def score(sk, t, p, w):
        t = np.eye(p.shape[-1])[t] if t.ndim < p.ndim else t
        return getattr(sk, name)(t.ravel(), p.ravel(), sample_weight=None if w is None else np.repeat(w, p.shape[-1]))

    return score


def adjusted(sk, t, p, w):
    n = len(t) if w is None else np.count_nonzero(w)  # what weighs nothing is no sample
    return 1 - (1 - sk.r2_score(t, p, sample_weight=w)) * (n - 1) / (n - 3)


PEERS = {
    "accuracy_one_output": classes("accuracy_score"),
    "accuracy_one_hot": classes("accuracy_score"),
    "accuracy_labels": classes("accuracy_score"),
    "accuracy_sequences": classes("accuracy_score"),
    "sparse_categorical_accuracy": classes("accuracy_score"),
    "categorical_accuracy": classes("accuracy_score"),
    "overall_accuracy": classes("accuracy_score"),
    "error_rate": classes("zero_one_loss"),
    "binary_accuracy": classes("accuracy_score"),
    "average_accuracy": classes("balanced_accuracy_score"),
    "average_accuracy_one_output": classes("balanced_accuracy_score"),
    "kappa": classes("cohen_kappa_score"),
    "kappa_linear": classes("cohen_kappa_score", weights="linear"),
    "kappa_quadratic": classes("cohen_kappa_score", weights="quadratic"),
    "confusion_matrix": classes("confusion_matrix"),
    "confusion_matrix_true": classes("confusion_matrix", normalize="true"),
    "confusion_matrix_pred": classes("confusion_matrix", normalize="pred"),
    "confusion_matrix_all": classes("confusion_matrix", normalize="all"),
    "precision": classes("precision_score"),
    "recall": classes("recall_score"),
    "f1_one_output": classes("f1_score"),
    "f1": by_label("f1_score", None),
    "f1_micro": by_label("f1_score", "micro"),
    "f1_macro": by_label("f1_score", "macro"),
    "f1_weighted": by_label("f1_score", "weighted"),
    "f1_threshold": by_label("f1_score", None, 0.3),
    "f_beta": by_label("fbeta_score", None, beta=2.0),
    "f_beta_macro": by_label("fbeta_score", "macro", 0.4, beta=0.5),
    "auc": many_outputs("roc_auc_score"),
    "auc_labels": many_outputs("roc_auc_score"),
    "auc_logits": many_outputs("roc_auc_score"),
    "auc_average_precision": many_outputs("average_precision_score"),
    "auc_multi_label": each_output("roc_auc_score"),
    "iou": jaccard([0, 2]),
    "iou_ignore": jaccard([0, 2], ignore=1),
    "iou_scores": jaccard([1, 3]),
    "mean_iou": jaccard(range(CLASSES)),
    "mean_iou_scores": jaccard(range(CLASSES), ignore=0),
    "mse": lambda sk, t, p, w: sk.mean_squared_error(t, p, sample_weight=w),
    "rmse": lambda sk, t, p, w: sk.mean_squared_error(t, p, sample_weight=w) ** 0.5,
    "mae": lambda sk, t, p, w: sk.mean_absolute_error(t, p, sample_weight=w),
    "r2": lambda sk, t, p, w: sk.r2_score(t, p, sample_weight=w),
    "r2_one_output": lambda sk, t, p, w: sk.r2_score(t, p, sample_weight=w),
    "r2_each": lambda sk, t, p, w: sk.r2_score(t, p, sample_weight=w, multioutput="raw_values"),
    "r2_variance": lambda sk, t, p, w: sk.r2_score(t, p, sample_weight=w, multioutput="variance_weighted"),
    "r2_adjusted": adjusted,
}


@pytest.mark.parametrize("name", PEERS)
def test_scikit_learn(name):
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn, the judge of this test, is not installed (minidl[peers])")
    case = METRICS[name]
    for seed in range(3):
        y_true, y_pred, weight = case.data(60, seed)
        for w in (None, weight):
            found = computed(case, y_true, y_pred, w, 7)
            np.testing.assert_allclose(found, PEERS[name](sk, y_true, y_pred, w), rtol=1e-12, atol=1e-12)


def test_top_k_of_scikit_learn():
    """Which prefers the last of equal scores, minidl the first: without ties."""
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn, the judge of this test, is not installed (minidl[peers])")
    rng = np.random.default_rng(0)
    t, p, w = rng.integers(0, 6, 80), rng.random((80, 6)), rng.random(80)
    for k in (1, 2, 5):
        for weight in (None, w):
            expected = sk.top_k_accuracy_score(t, p, k=k, sample_weight=weight)
            for metric, y in (
                (metrics.SparseTopKCategoricalAccuracy(k), t),
                (metrics.TopKCategoricalAccuracy(k), np.eye(6)[t]),
            ):
                metric.update(y, p, weight)
                assert metric.result() == pytest.approx(expected, rel=1e-12)


# -- Keras -------------------------------------------------------------------------------------------------------------


AS_IN_KERAS = {  # rows of the table -> Keras's metric, where its arguments differ or ours have more
    "accuracy_one_output": lambda k: k.BinaryAccuracy(),
    "accuracy_one_hot": lambda k: k.CategoricalAccuracy(),
    "accuracy_labels": lambda k: k.SparseCategoricalAccuracy(),
    "accuracy_sequences": lambda k: k.SparseCategoricalAccuracy(),
    "auc_200": lambda k: k.AUC(),
    "auc_pr": lambda k: k.AUC(4001, curve="PR"),  # in the limit of many thresholds, Keras's area is the exact one
    "auc_minoring": lambda k: k.AUC(4001, summation_method="minoring"),
    "auc_majoring": lambda k: k.AUC(4001, summation_method="majoring"),
    "auc_pr_majoring": lambda k: k.AUC(4001, curve="PR", summation_method="majoring"),
    "auc_multi_label_weights": lambda k: k.AUC(4001, multi_label=True, label_weights=[1, 2, 0.5]),
    "auc_label_weights": lambda k: k.AUC(4001, label_weights=[1, 2, 0.5]),
    "cosine_axis": lambda k: k.CosineSimilarity(axis=1),
}
AS_WRITTEN = (
    "binary_accuracy_threshold", "top_k", "sparse_top_k", "sparse_top_k_sequences",
    "precision_thresholds", "precision_logits", "precision_top_k", "precision_top_k_threshold", "recall_thresholds",
    "recall_top_k", "recall_class", "true_positives", "true_positives_threshold", "false_positives", "false_negatives",
    "true_negatives", "f1", "f1_micro", "f1_macro", "f1_weighted", "f1_threshold", "f_beta", "f_beta_macro", "auc_logits_50",
    "auc_thresholds", "auc_thresholds_multi_label", "iou", "iou_ignore", "mean_iou", "mean_iou_scores", "mean_iou_one_hot",
    "iou_scores", "binary_iou", "binary_iou_threshold", "one_hot_iou", "one_hot_mean_iou", "one_hot_mean_iou_ignore", "mse",
    "rmse", "mae", "cosine", "r2", "r2_each", "r2_variance",
)  # fmt: skip
UNWEIGHTED = ("iou", "mean_iou", "binary_iou", "one_hot")  # Keras counts them in whole numbers, weights included


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("name", [*AS_IN_KERAS, *AS_WRITTEN])
def test_keras(name, keras):
    case = METRICS[name]
    metric = case.metric()
    if name in AS_IN_KERAS:
        judge = AS_IN_KERAS[name](keras.metrics)
    else:
        judge = getattr(keras.metrics, type(metric).__name__)(**metric.get_config())
        assert judge.name == metric.name
        assert getattr(keras.metrics, type(metric).__name__)(**required(metric)).name.rstrip("_0123456789") == default(metric)
    y_true, y_pred, weight = case.data(60)
    if name.startswith("r2"):
        y_true, y_pred = y_true - [0, 1000], y_pred - [0, 1000]  # float32 keeps too little of their differences
    elif (name in AS_IN_KERAS and name.startswith("auc")) or (not case.labels and "logits" not in name):
        y_pred = (y_pred + np.random.default_rng(1).uniform(0.001, 0.009, y_pred.shape)) / 1.02  # no ties
    if name.startswith("auc") and name in AS_IN_KERAS:
        y_pred = np.round(y_pred, 3) + 0.0004  # between thresholds
    if "binary_iou" in name:
        y_true = y_true.astype("int64")
    target = np.eye(CLASSES)[y_true] if name in ("f1", "f1_weighted", "f_beta") else y_true  # ours takes labels, too
    places = {"sequences": 3, "cosine_axis": 2}.get(name if name == "cosine_axis" else name.rpartition("_")[2])
    for w in (None,) if name.startswith(UNWEIGHTED) else (None, weight):
        judge.reset_state()
        spread = w if w is None or places is None else np.broadcast_to(w[:, None], (60, places))
        for part in (slice(0, 25), slice(25, 60)):
            judge.update_state(target[part], y_pred[part], None if w is None else spread[part])
        expected = keras.ops.convert_to_numpy(judge.result())
        np.testing.assert_allclose(computed(case, y_true, y_pred, w, 7), expected, rtol=2e-5, atol=1e-6)


def required(metric):
    return {key: value for key, value in metric.get_config().items() if key in ("num_classes", "target_class_ids")}


def default(metric):
    return type(metric)(**required(metric)).name


@pytest.mark.parametrize("name", ["acc", "accuracy", "ACC", "mse", "MSE", "mae", "Precision", "precision", "AUC", "auc"])
def test_the_keys_in_logs_are_those_of_keras(name, keras):
    from keras.src.trainers.compile_utils import get_metric

    from minidl import losses

    y = np.zeros((2, 1))
    mine = metrics.get(name, losses.get("binary_crossentropy"))
    try:
        theirs = get_metric(name, y, y).name
    except ValueError:  # which spellings are known to Keras is its own affair
        return
    assert mine.name == theirs
