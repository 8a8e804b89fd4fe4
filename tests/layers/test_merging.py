"""Layers that join branches: ties, masks of branches of other lengths, lengths that are not known, and what is refused."""

import numpy as np
import pytest

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import Add, Average, Concatenate, Context, Dense, Dot, Input, Maximum, Minimum, Multiply, Subtract
from minidl.layers.base import run
from minidl.models import Model

JOINING = (Add, Average, Maximum, Minimum, Multiply, Subtract)


@pytest.mark.parametrize("cls", [Maximum, Minimum])
def test_of_equal_inputs_the_first_takes_the_gradient(cls):
    layer, x = cls(), np.array([[1.0, 2.0, np.nan]])
    other = np.array([[1.0, 5.0 if cls is Minimum else -5.0, 0.0]])
    y = layer.forward([x, other, x])
    np.testing.assert_array_equal(y, x)
    dxs = layer.backward(np.array([[3.0, 4.0, 5.0]]))
    np.testing.assert_array_equal(dxs[0], [[3, 4, 5]])
    assert not dxs[1].any()
    assert not dxs[2].any()


def test_a_gradient_through_zeros_has_no_division():
    layer = Multiply()
    layer.forward([np.array([[0.0, 0.0]]), np.array([[2.0, 0.0]]), np.array([[3.0, 7.0]])])
    dxs = layer.backward(np.ones((1, 2)))
    np.testing.assert_array_equal(dxs, [[[6, 0]], [[0, 0]], [[0, 0]]])


@pytest.mark.parametrize("cls", JOINING)
def test_masks_of_all_branches_are_joined(cls):
    counts, one = np.array([[True, False, True]]), np.array([[True]])
    long, short = np.ones((1, 3, 2)), np.ones((1, 1, 2))
    for xs, masks, expected in (
        ((long, long), (counts, ~counts), counts & False),
        ((long, long), (counts, None), counts),
        ((long, short), (counts, one), counts),
        ((short, long), (~one, None), counts & False),
        ((long, np.ones((1, 2))), (counts, None), counts),
        ((long, long), (None, None), None),
    ):
        context = Context(mask=masks)
        run(cls(), xs, context)
        np.testing.assert_array_equal(context.mask, expected)
    with pytest.raises(ShapeError, match=r"fewer axes has a mask"):
        run(cls(), (long, np.ones((1, 2))), Context(mask=(None, np.ones((1, 2), bool))))


def test_a_product_of_steps_has_no_mask():
    context = Context(mask=(np.ones((2, 3), bool), None))
    run(Dot(-1), (np.ones((2, 3, 4)), np.ones((2, 5, 4))), context)
    assert context.mask is None


@pytest.mark.parametrize("cls", JOINING)
def test_lengths_that_are_not_known(cls):
    shape = cls().output_shape
    assert shape(((None, 3), (None, 3))) == (None, 3)
    assert shape(((None, 3), (5, 3))) == (5, 3)
    assert shape(((None, 3), (1, 3))) == (None, 3)
    assert shape(((1, 3), (1, 1))) == (1, 3)
    assert shape(((3,), (None, 1))) == (None, 3)
    assert Dot((2, 2)).output_shape(((None, 3), (None, 3))) == (None, None)
    assert Dot((1, 1)).output_shape(((None, 3), (5, 2))) == (3, 2)
    assert Concatenate(1).output_shape(((None, 3), (5, 3))) == (None, 3)
    assert Concatenate(-1).output_shape(((None, 3), (5, 3))) == (5, 6)
    x, y = Input((None, 3)), Input((None, 3))
    model = Model([x, y], cls()([x, y]))
    for steps in (2, 5):
        assert model.predict([np.ones((4, steps, 3))] * 2, verbose=0).shape == (4, steps, 3)
    with pytest.raises(ShapeError, match=rf"{cls.__name__}.*\(\(2, 3\), \(5, 3\)\)"):
        model.predict([np.ones((4, 2, 3)), np.ones((4, 5, 3))], verbose=0)


def test_concatenated_lengths_that_are_not_known():
    x, y = Input((None, 3)), Input((None, 3))
    model = Model([x, y], Concatenate(1)([x, y]))
    assert model.predict([np.ones((4, 2, 3)), np.ones((4, 5, 3))], verbose=0).shape == (4, 7, 3)
    model = Model([x, y], Concatenate(-1)([x, y]))
    assert model.predict([np.ones((4, 2, 3)), np.ones((4, 2, 3))], verbose=0).shape == (4, 2, 6)
    with pytest.raises(ShapeError, match=r"Concatenate.*\(\(2, 3\), \(5, 3\)\)"):
        model.predict([np.ones((4, 2, 3)), np.ones((4, 5, 3))], verbose=0)


def test_a_gate_for_every_step_trains():
    x = Input((5, 3))
    gate = Input((3,))
    model = Model([x, gate], Dense(1)(Multiply()([x, Dense(3, "sigmoid")(gate)])))
    model.compile("sgd", "mse")
    data = [np.ones((4, 5, 3)), np.ones((4, 3))]
    first = model.train_on_batch(data, np.ones((4, 5, 1)))
    assert model.train_on_batch(data, np.ones((4, 5, 1))) < first


@pytest.mark.parametrize("cls", JOINING)
def test_shapes_that_do_not_fit(cls):
    for shapes in (((3,), (4,)), ((2, 3), (5, 3)), ((3,),), (3,)):
        with pytest.raises(ShapeError, match=r"inputs of shapes.*inputs of one shape"):
            cls().output_shape(shapes)
    if cls is Subtract:
        with pytest.raises(ShapeError, match="two inputs"):
            cls().output_shape(((3,), (3,), (3,)))


@pytest.mark.parametrize(
    "axes, kind, words",
    [
        (0, ArgumentError, r"axes=0.*0 is the batch"),
        ((1, 0), ArgumentError, r"axes=0"),
        ((1, 2, 3), ArgumentError, r"an integer or two of them"),
        (1.5, ArgumentTypeError, r"axes=1\.5"),
        (None, ArgumentTypeError, r"axes=None"),
        (((1,), 2), ArgumentTypeError, r"an integer or two of them"),
    ],
)
def test_axes_of_a_product(axes, kind, words):
    with pytest.raises(kind, match=words):
        Dot(axes)


def test_what_a_product_cannot_take():
    with pytest.raises(ShapeError, match=r"4 and 5 numbers along axes=1"):
        Dot(1).output_shape(((4,), (5,)))
    with pytest.raises(ShapeError, match=r"two inputs"):
        Dot(1).output_shape(((4,), (4,), (4,)))
    with pytest.raises(ShapeError, match=r"axes=3 for samples with 2 axes"):
        Dot((1, 3)).output_shape(((4, 2), (5, 4)))
    with pytest.raises(ArgumentTypeError, match="normalize=1"):
        Dot(1, normalize=1)


def test_a_vector_of_zeros_has_no_direction():
    layer = Dot(1, normalize=True)
    y = layer.forward([np.zeros((1, 3)), np.array([[0.0, 3.0, 4.0]])])
    assert y.item() == 0
    assert all(np.isfinite(dx).all() for dx in layer.backward(np.ones((1, 1))))
