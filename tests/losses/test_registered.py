"""What every loss of minidl has to do, by the table of cases: a loss that has no row there fails here.

Whether gradients are derivatives is checked over the same table in ``tests/layers/test_gradients.py``.
"""

import copy
import inspect
import json
import pickle

import numpy as np
import pytest

import minidl.losses
from minidl import config, declared
from minidl.losses import Loss
from minidl.testing import check_gradients
from tests.cases.losses import FORMULAS, LOSSES
from tests.cases.sample import each_handed

pytestmark = pytest.mark.one_in(5)  # tables over every class

REGISTERED = declared.classes("loss")
COMMON = {"reduction": "sum_over_batch_size", "name": None}
DEFAULTS = {  # those of Keras 3; SumSquaredError is the lectures'
    "MeanSquaredError": {},
    "SumSquaredError": {},
    "MeanAbsoluteError": {},
    "MeanAbsolutePercentageError": {},
    "MeanSquaredLogarithmicError": {},
    "Huber": {"delta": 1.0},
    "LogCosh": {},
    "KLDivergence": {},
    "Poisson": {},
    "Hinge": {},
    "SquaredHinge": {},
    "CategoricalHinge": {},
    "CosineSimilarity": {"axis": -1},
    "CategoricalCrossentropy": {"from_logits": False, "label_smoothing": 0.0},
    "SparseCategoricalCrossentropy": {"from_logits": False, "ignore_class": None},
    "BinaryCrossentropy": {"from_logits": False, "label_smoothing": 0.0},
    "CategoricalFocalCrossentropy": {"alpha": 0.25, "gamma": 2.0, "from_logits": False, "label_smoothing": 0.0},
    "BinaryFocalCrossentropy": {
        "apply_class_balancing": False,
        "alpha": 0.25,
        "gamma": 2.0,
        "from_logits": False,
        "label_smoothing": 0.0,
    },
}

every_case = pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
one_case_each = pytest.mark.parametrize(
    "case", {type(case.make()).__name__: case for case in reversed(LOSSES.values())}.values(), ids=lambda case: case.name
)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def data_of(case, dtype=np.float64):
    return case.y_pred().astype(dtype), case.y_true(), case.sample_weight()


def value_and_gradient(loss, y_pred, y_true, weight=None):
    value, saved = loss.apply(y_pred, y_true, weight)
    return np.asarray(value), loss.gradient(saved)


PUBLIC = {name: getattr(minidl.losses, name) for name in minidl.losses.__all__}


def bits(results):
    return [np.asarray(array).tobytes() for array in results]


def test_every_loss_has_a_row_everywhere():
    rows = {type(case.make()).__name__ for case in LOSSES.values()}
    assert rows == set(REGISTERED) == set(FORMULAS) == set(DEFAULTS)
    public = {name for name, thing in PUBLIC.items() if isinstance(thing, type) and issubclass(thing, Loss)}
    assert public == {*REGISTERED, "Loss"}


@every_case
def test_the_value_is_that_of_the_formula(case):
    loss = case.make()
    y_pred, y_true, weight = data_of(case)
    values = FORMULAS[type(loss).__name__](loss, y_pred, y_true)
    weights = np.ones_like(values) if weight is None else weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
    weights = np.broadcast_to(weights, values.shape)
    counted = np.ones_like(values)
    if getattr(loss, "ignore_class", None) is not None:
        counted = (y_true.reshape(values.shape) != loss.ignore_class).astype(float)
    number = {"sum": 1, "mean_with_sample_weight": (weights * counted).sum()}.get(loss.reduction, counted.sum())
    value, _ = loss.apply(y_pred, y_true, weight)
    assert float(value) == pytest.approx((values * weights * counted).sum() / number, rel=1e-9)
    assert float(loss(y_true, y_pred, weight)) == float(value)  # Keras's order


@every_case
def test_a_loss_from_its_configuration_is_the_same_loss(case):
    loss, data = case.make(), data_of(case)
    expected = bits(value_and_gradient(loss, *data))
    plain = json.loads(json.dumps(declared.to_plain(loss)))
    evaluated = eval(repr(loss), dict(PUBLIC))  # repr is the call that makes it
    for other in (declared.from_plain(plain), evaluated, copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert type(other) is type(loss)
        assert other.get_config() == loss.get_config()
        assert bits(value_and_gradient(other, *data)) == expected


@pytest.mark.parametrize("name", REGISTERED)
def test_defaults(name):
    parameters = inspect.signature(REGISTERED[name]).parameters
    assert {key: p.default for key, p in parameters.items()} == {**DEFAULTS[name], **COMMON}
    loss = REGISTERED[name]()
    assert loss.get_config() == {**DEFAULTS[name], **COMMON}
    assert repr(loss) == f"{name}()"
    assert loss.name is None


@pytest.mark.parametrize("name", REGISTERED)
def test_reduction_and_name_are_kept(name):
    loss = REGISTERED[name](reduction="sum", name="mine")
    assert (loss.reduction, loss.name) == ("sum", "mine")
    assert declared.from_plain(declared.to_plain(loss)).get_config() == {**DEFAULTS[name], "reduction": "sum", "name": "mine"}


@every_case
@each_handed
def test_a_loss_is_a_pure_function(case, handed):
    with config.use_kernels("auto" if handed.endswith("kernels") else "reference"):
        check_that_it_is_pure(case, handed.startswith("writable"))


def check_that_it_is_pure(case, writable):
    """Twice the same bits, another batch in between or not, and nothing that was given is changed."""
    loss = case.make()
    y_pred, y_true, weight = data = data_of(case)
    expected = bits(value_and_gradient(loss, *data))
    for array in data:
        if array is not None:
            array.flags.writeable = writable
    before = [None if array is None else array.tobytes() for array in data]
    value, saved = loss.apply(*data)
    first = bits([value, loss.gradient(saved)])
    assert first == expected, "read-only arrays are as good as others"
    loss.apply(y_pred * (63 / 64), y_true, weight)
    assert bits([value, loss.gradient(saved)]) == first
    assert bits(value_and_gradient(loss, *data)) == first
    assert [None if array is None else array.tobytes() for array in data] == before
    assert vars(loss) == vars(case.make())


@every_case
@both_dtypes
def test_value_and_gradient_have_the_predictions_dtype_and_shape(case, dtype):
    y_pred, y_true, weight = data_of(case, dtype)
    value, gradient = value_and_gradient(case.make(), y_pred, y_true, weight)
    assert (value.dtype, value.shape) == (dtype, ())
    assert (gradient.dtype, gradient.shape) == (dtype, y_pred.shape)
    with_floats = value_and_gradient(case.make(), y_pred, y_true.astype(np.float64), weight)  # whatever dtype targets have
    assert bits(with_floats) == bits((value, gradient))


@every_case
def test_the_place_in_memory_does_not_count(case):
    y_pred, y_true, weight = data_of(case)
    expected = bits(value_and_gradient(case.make(), y_pred, y_true, weight))
    turned = np.asfortranarray(y_pred), np.asfortranarray(y_true), weight
    assert bits(np.ascontiguousarray(a) for a in value_and_gradient(case.make(), *turned)) == expected


@one_case_each
def test_one_sample(case):
    y_pred, y_true, _ = data_of(case)
    report = check_gradients(case.make(), y_pred[:1], y_true[:1], tolerance=1e-6)
    report.raise_if_failed()


@one_case_each
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_a_batch_in_which_nothing_weighs_anything(case, reduction):
    loss = type(case.make())(reduction=reduction)
    y_pred, y_true, _ = data_of(case)
    value, gradient = value_and_gradient(loss, y_pred, y_true, np.zeros(len(y_pred)))
    assert value == 0
    assert (gradient == 0).all()


@one_case_each
def test_a_weight_counts_a_sample_so_many_times(case):
    """A sample of weight 2 is two samples, and one of weight 0 is none."""
    loss = type(case.make())(reduction="sum")
    y_pred, y_true, _ = data_of(case)
    weights = np.array([0.0, 2.0, 1.0, 3.0])[: len(y_pred)]
    often = np.repeat(np.arange(len(y_pred)), weights.astype(int))
    value, gradient = value_and_gradient(loss, y_pred, y_true, weights)
    expected, of_each = value_and_gradient(loss, y_pred[often], y_true[often])
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    summed = np.zeros_like(y_pred)
    np.add.at(summed, often, of_each)
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-15)


@one_case_each
def test_integers_and_lists_will_do(case):
    y_pred, y_true, _ = data_of(case)
    expected = value_and_gradient(case.make(), y_pred, y_true)
    found = value_and_gradient(case.make(), y_pred.tolist(), y_true.tolist())
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in REGISTERED if not name.startswith(("Sparse", "Categorical", "KL"))])
def test_one_output_a_list_of_targets_is_a_column(name):
    loss = REGISTERED[name]()
    y_pred, y_true = np.array([[0.3], [0.6], [0.9]]), np.array([1, 0, 1])
    expected = value_and_gradient(loss, y_pred, y_true[:, None])
    assert bits(value_and_gradient(loss, y_pred, y_true)) == bits(expected)


# -- the ends of the number line -----------------------------------------------------------------------------------------

NUMBERS = [0.0, -0.0, 1e-40, -1e-40, 1e-7, -1e-7, 20.0, -20.0, 1e4, -1e4, 1e15, -1e15]
ENDS = {
    "numbers": NUMBERS,
    "scores": [0.0, 1e-40, 1e-7, 1.0, 1e4, 1e15, 1e30],
    "probabilities": [0.0, 1e-40, 1e-7, 0.5, 1 - 1e-7, 1.0],
    "distributions": [0.0, 1e-40, 1e-7, 0.5, 1.0],
}


@every_case
@both_dtypes
def test_finite_predictions_have_a_finite_loss_and_gradient(case, dtype):
    rng = np.random.default_rng(7)
    for _ in range(10):
        y_pred = rng.choice(ENDS[case.predictions], case.shape).astype(dtype)
        if case.predictions in ("distributions", "scores"):
            y_pred[..., 0] += 0.5  # a row of zeros is no distribution
        value, gradient = value_and_gradient(case.make(), y_pred, case.y_true(), case.sample_weight())
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@one_case_each
def test_nan_is_not_hidden(case):
    y_pred, y_true, _ = data_of(case)
    y_pred[(1,) * y_pred.ndim] = np.nan
    assert np.isnan(case.make().apply(y_pred, y_true)[0])


# -- names ---------------------------------------------------------------------------------------------------------------

NAMES = {  # beside the classes' own, in snake case or not
    "mse": "MeanSquaredError",
    "MSE": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "MAE": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "sse": "SumSquaredError",
    "sum_of_squared_errors": "SumSquaredError",
    "bce": "BinaryCrossentropy",
    "kld": "KLDivergence",
    "KLD": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence",
    "logcosh": "LogCosh",
    "huber_loss": "Huber",
    "binary_focal_loss": "BinaryFocalCrossentropy",
    "categorical_focal_loss": "CategoricalFocalCrossentropy",
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "sum_squared_error": "SumSquaredError",
    "log_cosh": "LogCosh",
    "kl_divergence": "KLDivergence",
    "cosine_similarity": "CosineSimilarity",
    "categorical_hinge": "CategoricalHinge",
    "squared_hinge": "SquaredHinge",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
}


@pytest.mark.parametrize("name", [*NAMES, *REGISTERED])
def test_names(name):
    assert type(minidl.losses.get(name)).__name__ == NAMES.get(name, name)


@pytest.mark.parametrize(
    "name, meant",
    [("l1", "mae"), ("L1Loss", "mae"), ("l2", "mse"), ("SmoothL1Loss", "huber"), ("kl_div", "kl_divergence"),
     ("CrossEntropyLoss", "sparse_categorical_crossentropy"), ("cosine", "cosine_similarity"), ("hubber", "huber")],
)  # fmt: skip
def test_names_of_other_libraries_are_understood(name, meant):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        minidl.losses.get(name)
