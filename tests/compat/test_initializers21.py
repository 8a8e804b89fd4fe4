"""Initial values, penalties, constraints and the values of layers' arguments, as Keras 2.1 and Keras 1 had them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl import Sequential
from minidl import constraints as constraints_of_today
from minidl import initializers as today
from minidl import regularizers as regularizers_of_today
from minidl.backend.random import Stream
from minidl.compat.keras import backend as K
from minidl.compat.keras import constraints, initializations, initializers, regularizers, values
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import Activation, Dense

SHAPE = (300, 200)


def drawn(initializer, shape=SHAPE):
    """As a layer draws."""
    return initializer(shape, Stream(1, 0), 0)


def silent(function, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        return function(*arguments, **keywords)


@pytest.mark.parametrize("name, spread", [("lecun_normal", 1 / 300), ("glorot_normal", 2 / 500), ("he_normal", 2 / 300)])
def test_normal_numbers_are_cut_and_not_widened(name, spread):
    for initializer in (
        values.initializer(name),
        getattr(initializers, name)(),
        initializers.get(name),
        values.initializer(name.upper()),
    ):
        w = drawn(initializer)
        stddev = np.sqrt(spread)
        assert np.abs(w).max() <= 2 * stddev < 1.05 * np.abs(w).max()
        assert w.std() == pytest.approx(0.8796 * stddev, rel=0.02)
        assert repr(initializer) == repr(name), "as a call of today writes it"
    plain = initializer._plain()
    assert plain["class_name"] == "VarianceScaling"
    assert not plain.get("custom")
    again = today.get(plain)
    np.testing.assert_array_equal(drawn(again), w), "minidl reads the very numbers"


@pytest.mark.parametrize("name, limit", [("lecun_uniform", 3 / 300), ("glorot_uniform", 6 / 500), ("he_uniform", 6 / 300)])
def test_uniform_numbers(name, limit):
    for initializer in (getattr(initializers, name)(), initializers.get(name)):
        w = drawn(initializer)
        assert np.sqrt(limit) * 0.99 < np.abs(w).max() <= np.sqrt(limit)
    assert values.initializer(name) == name


def test_classes_names_and_seeds():
    assert drawn(initializers.RandomNormal(1.0, 0.1)).mean() == pytest.approx(1.0, abs=0.01)
    assert drawn(initializers.RandomUniform(2.0, 3.0)).min() >= 2
    assert np.abs(drawn(initializers.TruncatedNormal(0.0, 0.1))).max() <= 0.2
    assert drawn(initializers.Constant(2.5), (3,)).tolist() == [2.5] * 3
    assert drawn(initializers.VarianceScaling(2.0, "fan_out", "uniform")).max() <= np.sqrt(3 * 2 / 200)
    assert drawn(initializers.VarianceScaling(2.0, "FAN_OUT")).std() == pytest.approx(0.8796 * np.sqrt(2 / 200), rel=0.02)
    q = drawn(initializers.Orthogonal(2.0), (4, 3))
    np.testing.assert_allclose(q.T @ q, 4 * np.eye(3), atol=1e-12)
    assert drawn(initializers.Identity(3.0), (2, 2)).tolist() == [[3, 0], [0, 3]]
    for seeded in (initializers.RandomNormal(seed=5), initializers.he_normal(seed=5)):
        np.testing.assert_array_equal(drawn(seeded), seeded(SHAPE, Stream(9, 9), 3))
    for name in (
        "zeros",
        "zero",
        "ones",
        "one",
        "normal",
        "uniform",
        "identity",
        "orthogonal",
        "Zeros",
        "RandomNormal",
        "constant",
    ):
        Dense(2, kernel_initializer=values.initializer(name)).build((2,))
        assert drawn(initializers.get(name), (2, 2)).shape == (2, 2)
    assert isinstance(initializers.RandomNormal(), initializers.RandomNormal)
    with pytest.raises(ArgumentError, match="Did you mean 'he_normal'"):
        initializers.get("he_norm")
    with pytest.raises(ArgumentError, match="distribution='gauss'"):
        initializers.VarianceScaling(distribution="gauss")
    with pytest.raises(TypeError, match="Did you mean 'stddev'"):
        initializers.RandomNormal(std=0.1)
    with pytest.raises(ArgumentTypeError, match=r"keras.initializers.get"):
        initializers.get(3)


def test_objects_are_called_with_a_shape_and_draw_what_the_script_seeded():
    for initializer in (initializers.RandomNormal(stddev=0.1), initializers.he_normal(), initializers.glorot_uniform()):
        np.random.seed(3)  # noqa: NPY002
        one = initializer((2, 3))
        np.random.seed(3)  # noqa: NPY002
        np.testing.assert_array_equal(one, initializer(shape=(2, 3), dtype="float32"))
        assert one.shape == (2, 3)
        assert (one != initializer((2, 3))).any()


def test_configurations():
    for initializer in (initializers.RandomNormal(0.5, 0.1, 3), initializers.Constant(2.0)):
        again = initializers.deserialize(initializers.serialize(initializer))
        np.testing.assert_array_equal(drawn(again), drawn(initializer))
    for initializer in (initializers.VarianceScaling(2.0), initializers.VarianceScaling(2.0, distribution="uniform")):
        again = initializers.deserialize(initializer._plain())
        np.testing.assert_array_equal(drawn(again), drawn(initializer))


def test_functions_of_a_script_give_initial_values():
    calls = []

    def own(shape, name=None, dtype=None):
        calls.append((tuple(shape), name))
        return K.random_normal(shape, stddev=0.01)

    for given, expected in (
        (own, None),
        (lambda shape, name: initializations.normal(shape, scale=0.001, name=name), None),
        (lambda shape: np.full(shape, 2.0), 2.0),
        (lambda shape, dtype: K.ones(shape), 1.0),
        (lambda shape, name: initializations.identity(shape, scale=3.0, name=name), 3.0 * np.eye(2)),
        (initializations.one, 1.0),
    ):
        layer = Dense(2, kernel_initializer=values.initializer(given))
        layer.build((2,))
        if expected is not None:
            np.testing.assert_array_equal(layer.get_weights()[0], expected * np.ones((2, 2)))
    assert calls == [((2, 2), None)]

    class Own(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return K.constant(4.0, shape=shape)

    layer = Dense(2, kernel_initializer=values.initializer(Own()))
    layer.build((2,))
    assert (layer.get_weights()[0] == 4).all()
    layer = Dense(2, kernel_initializer=values.initializer(initializers.Zeros))
    layer.build((2,))
    assert not layer.get_weights()[0].any()
    with pytest.raises(ShapeError, match="initializer of W"):
        Dense(2, kernel_initializer=values.initializer(lambda shape: np.ones(3))).build((2,))


@pytest.mark.parametrize(
    "name, spread",
    [("uniform", 0.05), ("normal", 0.05), ("lecun_uniform", np.sqrt(3 / 300)), ("glorot_normal", np.sqrt(2 / 500)),
     ("glorot_uniform", np.sqrt(6 / 500)), ("he_normal", np.sqrt(2 / 300)), ("he_uniform", np.sqrt(6 / 300))],
)  # fmt: skip
def test_functions_of_keras_1(name, spread):
    np.random.seed(2)  # noqa: NPY002
    w = initializations.get(name)(SHAPE).get_value()
    if "normal" in name:
        assert w.std() == pytest.approx(spread, rel=0.02)
        assert np.abs(w).max() > 3 * spread, "not cut"
    else:
        assert 0.99 * spread < np.abs(w).max() <= spread
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(initializations.get(name)(SHAPE, name="w").get_value(), w)


def test_the_others_of_keras_1():
    q = initializations.orthogonal((4, 3), scale=2.0).get_value()
    np.testing.assert_allclose(q.T @ q, 4 * np.eye(3), atol=1e-5)
    assert initializations.orthogonal((3, 4)).shape == (3, 4)
    assert initializations.zero((2,)).get_value().tolist() == [0, 0]
    assert initializations.one((2,)).get_value().tolist() == [
        1,
        1,
    ]
    assert initializations.get_fans((8, 3, 5, 5), "th") == (75, 200)
    assert initializations.get_fans((5, 5, 3, 8), "tf") == (
        75,
        200,
    )
    with pytest.raises(ShapeError, match="a square matrix"):
        initializations.identity((2, 3))
    with pytest.raises(ArgumentError, match="Did you mean 'uniform'"):
        initializations.get("unifor")


# -- penalties and constraints -----------------------------------------------------------------------------------------

W = np.random.default_rng(4).normal(size=(3, 2))


def test_penalties_of_both_generations():
    def both(l1, l2):
        return l1 * np.abs(W).sum() + l2 * (W**2).sum()

    r = regularizers
    for penalty, expected in (
        (r.l1(0.1), both(0.1, 0)), (r.l2(0.1), both(0, 0.1)), (r.l2(), both(0, 0.01)), (r.l1_l2(0.1, 0.2), both(0.1, 0.2)),
        (r.l1_l2(l1=0.1), both(0.1, 0.01)), (r.L1L2(l1=0.1), both(0.1, 0)), (r.L1L2(), 0), (r.get("l2"), both(0, 0.01)),
        (silent(r.l2, l=0.3), both(0, 0.3)), (silent(r.WeightRegularizer, l1=0.1), both(0.1, 0)),
        (silent(r.ActivityRegularizer, l2=0.1), both(0, 0.1)), (silent(r.l1l2), both(0.01, 0.01)),
        (silent(r.activity_l1, 0.3), both(0.3, 0)), (silent(r.activity_l2, 0.3), both(0, 0.3)),
        (silent(r.activity_l1l2, 0.3, 0.1), both(0.3, 0.1)), (values.regularizer("l1"), both(0.01, 0)),
        (values.regularizer("l1_l2"), both(0.01, 0.01)), (values.regularizer(r.l2), both(0, 0.01)),
        (values.regularizer({"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}}), both(0.5, 0)),
        (r.deserialize(r.serialize(r.l1_l2(0.1, 0.2))), both(0.1, 0.2)),
        (values.regularizer(lambda w: 0.5 * K.sum(K.square(w))), both(0, 0.5)),
    ):  # fmt: skip
        np.testing.assert_allclose(penalty.value(W), expected, rtol=1e-6)
    assert values.regularizer(None) is None
    assert r.get(None) is None
    assert type(r.l2(0.1)) is regularizers_of_today.L2
    with pytest.warns(OldSpellingWarning, match=r"l2\(l=0.1\) is written l2\(l2=0.1\)"):
        r.l2(l=0.1)
    with pytest.raises(ArgumentTypeError, match="EigenvalueRegularizer"):
        r.EigenvalueRegularizer(0.1)
    with pytest.raises(ArgumentError, match="Did you mean 'activity_l"):
        r.get("activity_l3")
    with pytest.raises(ArgumentTypeError, match=r"keras.regularizers.get"):
        r.get(3)


def test_constraints_of_both_generations():
    norms = np.sqrt((W**2).sum(0, keepdims=True))
    c = constraints
    bounded = W * np.minimum(norms, 0.5) / (norms + 1e-7)
    middle = W * (0.5 * np.clip(norms, 0.2, 0.6) + 0.5 * norms) / (norms + 1e-7)
    for constraint, expected in (
        (c.max_norm(0.5), bounded), (c.MaxNorm(max_value=0.5), bounded), (silent(c.maxnorm, 0.5), bounded),
        (silent(c.maxnorm, m=0.5), bounded), (c.max_norm(0.5, 0), bounded), (c.non_neg(), np.maximum(W, 0)),
        (silent(c.nonneg), np.maximum(W, 0)), (c.unit_norm(), W / (norms + 1e-7)), (silent(c.unitnorm), W / (norms + 1e-7)),
        (c.min_max_norm(0.2, 0.6, 0.5), middle), (c.get("nonneg"), np.maximum(W, 0)), (c.get("UnitNorm"), W / (norms + 1e-7)),
        (values.constraint("maxnorm"), W * np.minimum(norms, 2) / (norms + 1e-7)), (values.constraint(c.NonNeg), np.maximum(W, 0)),  # noqa: E501
        (c.deserialize(c.serialize(c.MaxNorm(0.5))), bounded), (values.constraint(lambda w: K.clip(w, -0.1, 0.1)), np.clip(W, -0.1, 0.1)),  # noqa: E501
    ):  # fmt: skip
        np.testing.assert_allclose(constraint.apply(W), expected, rtol=1e-12)
    assert type(c.max_norm(3)) is constraints_of_today.MaxNorm
    assert values.constraint(None) is None
    with pytest.warns(OldSpellingWarning, match=r"maxnorm\(3\) is written MaxNorm\(max_value=3\)"):
        c.maxnorm(3)
    with pytest.raises(ArgumentError, match="constraint"):
        c.get("max_norms_")
    with pytest.raises(ArgumentTypeError, match=r"keras.constraints.get"):
        c.get(3)


def test_values_by_the_names_of_arguments():
    found = values.for_arguments(
        ["kernel_initializer", "bias_constraint", "activity_regularizer", "recurrent_activation", "units"]
    )
    assert set(found) == {"kernel_initializer", "bias_constraint", "activity_regularizer", "recurrent_activation"}
    assert (values.data_format("th"), values.data_format("tf"), values.data_format("default")) == (
        "channels_first", "channels_last", None)  # fmt: skip
    assert values.data_format("channels_last") == "channels_last"
    assert values.activation("ReLU") == "relu"
    assert values.activation("relu") == "relu"
    assert values.activation(None) is None
    assert isinstance(values.activation(Activation("elu", alpha=0.5)), Activation)


def test_a_model_with_functions_of_a_script_in_every_place_trains():
    layer = Dense(
        3,
        activation=values.activation(lambda x: x * K.sigmoid(x)),
        kernel_initializer=values.initializer(lambda shape: K.random_normal(shape, stddev=0.1)),
        kernel_regularizer=values.regularizer(lambda w: 0.01 * K.sum(K.abs(w))),
        kernel_constraint=values.constraint(lambda w: K.clip(w, -0.5, 0.5)),
        input_shape=(4,),
    )
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), epochs=3, verbose=0)
    assert np.abs(model.get_weights()[0]).max() <= 0.5
