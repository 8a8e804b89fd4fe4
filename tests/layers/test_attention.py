"""Attention layers: what the tables of cases do not say about masks, dropout, weights and errors."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.constraints import NonNeg
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.layers import (
    AdditiveAttention,
    Attention,
    Context,
    Dense,
    Embedding,
    Input,
    MultiHeadAttention,
)
from minidl.models import Model
from minidl.regularizers import L2

RNG = np.random.default_rng(0)
Q, V = RNG.normal(size=(3, 4, 6)).astype("float32"), RNG.normal(size=(3, 5, 6)).astype("float32")
LAYERS = {
    "dot": Attention,
    "concat": lambda **options: Attention(score_mode="concat", **options),
    "additive": AdditiveAttention,
    "heads": lambda **options: MultiHeadAttention(2, 3, **options),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def weights_of(layer, xs, mask=None, training=False):
    """The weights, with an axis for the heads."""
    p = layer.forward(xs, training=training, mask=mask)[1]
    return p if p.ndim == 4 else p[:, None]


# -- who sees whom -----------------------------------------------------------------------------------------------------


@every_layer
def test_a_causal_layer_does_not_see_what_comes_later(make):
    layer = make(use_causal_mask=True)
    later = Q.copy()
    later[:, 2:] += 1
    y, changed = layer([Q, Q]), layer([later, later])
    np.testing.assert_array_equal(y[:, :2], changed[:, :2])
    assert (y[:, 2:] != changed[:, 2:]).any()
    sees_all = make()
    assert (sees_all([Q, Q])[:, :2] != sees_all([later, later])[:, :2]).all()  # by default


@every_layer
def test_padding_is_not_seen_and_a_query_without_keys_has_no_weights(make):
    of_value = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    p = weights_of(make(return_attention_scores=True), [Q, V], (None, of_value))
    np.testing.assert_array_equal(p > 0, np.broadcast_to(of_value[:, None, None], p.shape))
    np.testing.assert_allclose(p.sum(axis=-1)[[0, 2]], 1, rtol=1e-6)
    assert not p[1].any()


def test_what_masked_queries_give():
    of_query = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    for make in (Attention, AdditiveAttention):
        y = make()([Q, V], mask=(of_query, None))
        np.testing.assert_array_equal(y.any(axis=-1), of_query)
    layer = MultiHeadAttention(2, 3, bias_initializer="ones")
    y = layer([Q, V], mask=(of_query, None))
    np.testing.assert_array_equal((y == 1).all(axis=-1), ~of_query)  # the last projection's bias


@every_layer
def test_masks_of_numbers_are_masks(make):
    mask, layer = np.array([[2, 1, 0, 1, 0]] * 3), make(use_causal_mask=True)
    np.testing.assert_array_equal(layer([Q, V], mask=(None, mask)), layer([Q, V], mask=(None, mask != 0)))


def test_the_key_has_a_mask_of_its_own_for_several_heads():
    of_key = np.array([[1, 0, 1, 1, 1]] * 3, bool)
    layer = MultiHeadAttention(2, 3, return_attention_scores=True)
    p = weights_of(layer, [Q, V, V + 1], (None, None, of_key))
    assert not p[..., 1].any()
    assert p[..., [0, 2, 3, 4]].all()


@pytest.mark.parametrize("window, causal, expected", [(1, False, 1), (2, False, 3), (2, True, 2), (9, False, 5)])
def test_a_sliding_window(window, causal, expected):
    layer = MultiHeadAttention(1, 2, sliding_window=window, use_causal_mask=causal, return_attention_scores=True)
    p = weights_of(layer, [V, V])
    assert (p[0, 0] > 0).sum(axis=-1)[2] == expected


@every_layer
@pytest.mark.parametrize("scores", [False, True])
def test_the_mask_of_the_result_is_the_querys(make, scores):
    layer = make(return_attention_scores=scores)
    layer.ensure_built((Q.shape[1:], V.shape[1:]))
    of_query, of_value = np.ones((3, 4), bool), np.ones((3, 5), bool)
    found = layer.output_mask((Q, V), (of_query, of_value))
    of_y = found[0] if scores else found
    np.testing.assert_array_equal(of_y, of_query)
    assert not scores or found[1] is None
    assert layer.output_mask((Q, V), (None, of_value)) is None
    assert layer.output_mask((Q, V), None) is None


def test_padding_reaches_the_loss_through_two_attention_layers():
    x = Input((4,))
    h = Embedding(5, 6, mask_zero=True)(x)
    h, _ = MultiHeadAttention(2, 3, return_attention_scores=True)([h, h])
    model = Model(x, Dense(2)(Attention()([h, h])))
    model.compile("sgd", "mse")
    ids, y = np.array([[1, 2, 0, 0], [3, 1, 4, 0]]), RNG.normal(size=(2, 4, 2)).astype("float32")
    other = np.where((ids != 0)[..., None], y, 1e6)
    assert model.evaluate(ids, y, verbose=0) == model.evaluate(ids, other, verbose=0) < 100


# -- dropout -----------------------------------------------------------------------------------------------------------


@every_layer
def test_dropout_drops_weights_in_training_only(make):
    plain, layer, again, other = make(), make(dropout=0.5, seed=3), make(dropout=0.5, seed=3), make(dropout=0.5, seed=4)
    for each in (plain, layer, again, other):
        each.ensure_built((Q.shape[1:], V.shape[1:]))
        each.set_weights(plain.get_weights())
    y = layer.forward([Q, V])
    np.testing.assert_array_equal(again.forward([Q, V]), y)
    for different in (plain, other):
        assert (different.forward([Q, V]) != y).any()
    np.testing.assert_array_equal(layer([Q, V]), plain([Q, V]))


def test_the_weights_that_are_returned():
    """As in Keras: those after dropout from ``Attention``, those before it from several heads."""
    p = weights_of(Attention(dropout=0.5, seed=3, return_attention_scores=True), [Q, V], training=True)
    assert 0.2 < (p == 0).mean() < 0.8
    p = weights_of(MultiHeadAttention(2, 3, dropout=0.5, seed=3, return_attention_scores=True), [Q, V], training=True)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-5)


def test_all_may_be_dropped():
    assert not Attention(dropout=1).forward([Q, V], training=True).any()


# -- parameters --------------------------------------------------------------------------------------------------------


def test_the_parameters_of_several_heads():
    layer = MultiHeadAttention(2, 3, 4, output_shape=7)
    layer.build(((4, 6), (5, 8), (5, 9)))
    shapes = {p.name: p.shape for p in layer.parameters}
    assert shapes == {
        "W_query": (6, 2, 3), "b_query": (2, 3), "W_key": (9, 2, 3), "b_key": (2, 3), "W_value": (8, 2, 4),
        "b_value": (2, 4), "W_output": (2, 4, 7), "b_output": (7,),
    }  # fmt: skip
    assert not any(p.value.any() for p in layer.parameters if p.name.startswith("b"))
    assert layer.get_config()["output_shape"] == [7]
    assert layer.get_config()["value_dim"] == 4
    assert repr(MultiHeadAttention(2, 3, output_shape=7)) == "MultiHeadAttention(2, 3, output_shape=(7,))"


def test_scales_begin_with_one():
    layer = Attention(use_scale=True, score_mode="concat")
    layer.build(((4, 6), (5, 6)))
    assert [(p.name, p.shape, float(p.value)) for p in layer.parameters] == [
        ("scale", (), 1.0),
        ("concat_score_weight", (), 1.0),
    ]
    assert not Attention().parameters


def test_penalties_are_those_of_the_kernels():
    layer = MultiHeadAttention(2, 3, kernel_regularizer=L2(0.1))
    layer.build(((4, 6), (5, 6)))
    assert [p.name for p in layer.parameters if p.regularizer is not None] == ["W_query", "W_key", "W_value", "W_output"]


def test_the_penalty_on_what_the_four_projections_give():
    layer = MultiHeadAttention(2, 3, activity_regularizer=L2(0.5))
    layer.build((Q.shape[1:], V.shape[1:]))
    context = Context(training=True)
    y, _ = layer.apply((Q, V), context)
    flat = [W.value.reshape(6, -1) for W in (layer.W_query, layer.W_key, layer.W_value)]
    parts = [Q @ flat[0], V @ flat[1], V @ flat[2], y]
    np.testing.assert_allclose(context.penalty, 0.5 * sum((part**2).sum() for part in parts) / 3, rtol=1e-5)


# -- errors ------------------------------------------------------------------------------------------------------------


@every_layer
def test_wrong_inputs(make):
    layer = make()
    with pytest.raises(ArgumentTypeError, match=r"expected a list of arrays"):
        layer(Q)
    with pytest.raises(ArgumentTypeError, match=r"a list of symbols"):
        make()(Input((4, 6)))
    with pytest.raises(ShapeError, match=r"\[query, value, key\].*layer\(\[x, x\]\)"):
        layer([Q])
    with pytest.raises(ShapeError, match=r"\[query, value, key\]"):
        layer([Q, V, V, V])
    with pytest.raises(ShapeError, match=r"a key for each value"):
        layer([Q, V, Q])
    layer([Q, V])
    with pytest.raises(ShapeError, match=r"at least one step"):
        layer([Q, V[:, :0]])
    assert layer([Q[:, :0], V]).shape == (3, 0, 6)
    with pytest.raises(ShapeError):
        layer([Q[..., :3], V])
    with pytest.raises(ShapeError):
        layer([Q, V[:, None]])


@every_layer
def test_wrong_masks(make):
    layer, mask = make(), np.ones((3, 4), bool)
    with pytest.raises(ArgumentTypeError, match=r"a mask or None for each of the 2 inputs.*mask=\(query_mask, value_mask\)"):
        layer([Q, V], mask=mask)
    with pytest.raises(ArgumentTypeError, match=r"1 masks"):
        layer([Q, V], mask=[mask])
    with pytest.raises(ShapeError, match=r"mask of shape \(3, 4\) for an input of shape \(3, 5, 6\)"):
        layer([Q, V], mask=(mask, mask))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Attention(score_mode="dots"), "Did you mean 'dot'"),
        (lambda: Attention(dropout=1.5), "0 <= dropout <= 1"),
        (lambda: Attention(dropout=-0.1), "0 <= dropout"),
        (lambda: Attention(dropout=True), "a number"),
        (lambda: Attention(use_scale=1), "True or False"),
        (lambda: Attention(use_causal_mask=None), "True or False"),
        (lambda: AdditiveAttention(use_scale=None), "True or False"),
        (lambda: MultiHeadAttention(0, 3), "num_heads=0"),
        (lambda: MultiHeadAttention(2, 2.5), "key_dim=2.5"),
        (lambda: MultiHeadAttention(2, 3, 0), "value_dim=0"),
        (lambda: MultiHeadAttention(2, 3, output_shape=(3, 0)), r"output_shape=\(3, 0\)"),
        (lambda: MultiHeadAttention(2, 3, output_shape="3"), "output_shape='3'"),
        (lambda: MultiHeadAttention(2, 3, attention_axes=()), "attention_axes"),
        (lambda: MultiHeadAttention(2, 3, sliding_window=0), "sliding_window=0"),
    ],
)
def test_wrong_arguments(make, words):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=words):
        make()


@pytest.mark.parametrize("axes", [0, 3, -1, (1, 1), 7])
def test_axes_that_do_not_exist(axes):
    with pytest.raises(ShapeError, match="attention_axes"):
        MultiHeadAttention(2, 3, attention_axes=axes).build(((2, 3, 4), (2, 5, 4)))


def test_places_in_a_plane_have_no_order():
    for options in ({"use_causal_mask": True}, {"sliding_window": 2}):
        with pytest.raises(ShapeError, match=r"a single axis.*attention_axes=-2"):
            MultiHeadAttention(2, 3, **options).build(((2, 3, 4), (2, 5, 4)))


def test_axes_that_are_taken_apart_must_agree():
    with pytest.raises(ShapeError, match="differ along the axes of attention"):
        MultiHeadAttention(2, 3, attention_axes=2).build(((2, 3, 4), (3, 3, 4)))


def test_a_plane_has_no_mask():
    x = RNG.normal(size=(3, 2, 4, 6))
    with pytest.raises(StateError, match="masks for inputs with 4 axes"):
        MultiHeadAttention(2, 3)([x, x], mask=(np.ones((3, 2), bool), None))


# -- lengths that come with the data ------------------------------------------------------------------------------------------


@every_layer
def test_sequences_of_any_length(make):
    a, b = Input((None, 6)), Input((None, 6))
    layer = make(use_causal_mask=True)
    symbol = layer([a, b])
    assert symbol.shape == (None, 6)
    model = Model([a, b], symbol)
    for queries, keys in ((2, 3), (4, 1)):
        xs = [Q[:, :queries], V[:, :keys]]
        np.testing.assert_array_equal(model.predict(xs), layer(xs))
    with pytest.raises(ShapeError, match="at least one step"):
        model.predict([Q, V[:, :0]])
    with pytest.raises(ShapeError, match="whose number is known"):
        make()([Input((4, None)), b])


@every_layer
def test_lengths_that_do_not_fit_are_seen_when_they_come(make):
    inputs = [Input((None, 6)) for _ in range(3)]
    model = Model(inputs, make()(inputs))
    assert model.predict([Q, V, V]).shape == (3, 4, 6)
    with pytest.raises(ShapeError, match="a key for each value"):
        model.predict([Q, V, Q])


def test_weights_of_any_length():
    a, b = Input((None, 6)), Input((5, 6))
    _, p = MultiHeadAttention(2, 3, return_attention_scores=True)([a, b])
    assert p.shape == (2, None, 5)


@pytest.mark.parametrize("of", ["kernel", "bias"])
def test_penalties_and_constraints_reach_all_kernels_or_all_biases(of):
    penalty, constraint = L2(0.3), NonNeg()
    layer = MultiHeadAttention(2, 3, **{f"{of}_regularizer": penalty, f"{of}_constraint": constraint})
    layer.build(((4, 5), (4, 5)))
    for p in layer.parameters:
        mine = p.name.startswith("W" if of == "kernel" else "b")
        assert (p.regularizer is penalty, p.constraint is constraint) == (mine, mine), p.name
