"""Losses against Keras 3 itself, on its PyTorch backend: names, defaults, values, gradients, reductions, weights and masks.

That backend takes its means in single precision whatever it is given, so the two agree to 1e-6 here; to 1e-9 PyTorch is the
judge, in ``test_losses.py``. Keras takes several seconds to load, therefore these tests are slow ones.
"""

import importlib
import importlib.util
import inspect

import numpy as np
import pytest

import minidl.losses
from minidl import declared
from minidl.losses import MeanAbsoluteError
from tests.cases.losses import LOSSES

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("keras", "torch")),
        reason="Keras 3 with PyTorch, the judge of these tests, is not installed",
    ),
]

NOT_IN_KERAS = {"SumSquaredError"}  # the lectures' loss
NOT_HERE = {"Loss", "LossFunctionWrapper", "CTC", "Circle", "Dice", "Tversky", "ctc", "circle", "dice", "tversky"}
LEFT_OUT = {"axis", "dtype"}  # classes stand on the last axis; a loss computes in its predictions' dtype
RELATIVE = 2e-6


def agree(keras, loss, y_pred, y_true, weight=None, mask=None):
    """The loss of the batch and its gradient are Keras's."""
    import torch

    options = {name: value for name, value in loss.get_config().items() if name != "name"}
    options = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    leaf = torch.tensor(y_pred, requires_grad=True)
    if mask is not None:
        leaf._keras_mask = torch.tensor(mask)
    of_places = None
    if weight is not None:  # Keras wants weights of samples spelled out for every place
        places = loss.shape_of_values(y_pred.shape)
        of_places = np.broadcast_to(weight.reshape(weight.shape + (1,) * (len(places) - weight.ndim)), places).copy()
    expected = getattr(keras.losses, type(loss).__name__)(**options)(y_true.astype(np.float64), leaf, of_places)
    expected.backward()
    value, saved = loss.compute(y_pred, y_true, weight, mask)
    assert float(value) == pytest.approx(float(expected.detach()), rel=RELATIVE)
    largest = np.abs(leaf.grad.numpy()).max(initial=0)
    np.testing.assert_allclose(loss.gradient(saved), leaf.grad.numpy(), rtol=RELATIVE, atol=RELATIVE * largest)


IN_KERAS = [case for case in LOSSES.values() if type(case.make()).__name__ not in NOT_IN_KERAS]


@pytest.mark.parametrize("case", IN_KERAS, ids=lambda case: case.name)
def test_value_and_gradient(keras, case):
    agree(keras, case.make(), case.y_pred(), case.y_true(), case.sample_weight())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"])
def test_reductions_with_weights_and_masks(keras, reduction, weighted):
    rng = np.random.default_rng(0)
    loss, y_pred, y_true = MeanAbsoluteError(reduction), rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    weight = rng.uniform(0.5, 2, (3, 4)) if weighted else None
    for mask in (None, rng.random((3, 4)) < 0.6, np.zeros((3, 4), bool)):
        agree(keras, loss, y_pred, y_true, weight, mask)


@pytest.mark.parametrize("name", [name for name in declared.classes("loss") if name not in NOT_IN_KERAS])
def test_arguments_and_their_defaults(keras, name):
    of_keras = inspect.signature(getattr(keras.losses, name)).parameters
    ours = inspect.signature(declared.classes("loss")[name]).parameters
    left_out = LEFT_OUT - {"axis"} if name == "CosineSimilarity" else LEFT_OUT
    assert list(ours) == [argument for argument in of_keras if argument not in left_out]  # in Keras's order
    for argument, parameter in ours.items():
        if argument != "name":
            assert parameter.default == of_keras[argument].default, argument


def test_every_name_of_keras_is_known(keras):
    names = set(importlib.import_module("keras.src.losses").ALL_OBJECTS_DICT)
    assert names >= NOT_HERE
    for name in names - NOT_HERE:
        expected = getattr(keras.losses, name, None)
        found = type(minidl.losses.get(name)).__name__
        if inspect.isclass(expected):
            assert found == name
        elif expected is not None:
            assert found.lower() == expected.__name__.replace("_", "")
    for name in NOT_HERE - {"Loss", "LossFunctionWrapper"}:
        with pytest.raises(ValueError, match=f"loss='{name}'"):
            minidl.losses.get(name)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "log_cosh", "hinge", "squared_hinge", "poisson", "msle"])
def test_extremes(keras, name):
    case, rng = LOSSES[name], np.random.default_rng(1)
    ends = [0.0, 1e-9, 1.0, 300.0, 1e6] if case.predictions == "scores" else [0.0, 1e-3, 300.0, -1e6]
    agree(keras, case.make(), rng.choice(ends, case.shape), case.y_true())
