"""What every layer promises, whatever it computes: held for each row of the table."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from minidl import config
from minidl.errors import NumericWarning, ShapeError, StateError
from minidl.layers import LSTM, Dense, Dropout
from minidl.layers.containers import Chain
from minidl.layers.context import Context
from tests.cases.case import layers_of
from tests.cases.layers import LAYERS, Case, sampled
from tests.cases.sample import each_handed

pytestmark = pytest.mark.one_in(5)  # tables over every class

CASES = list(LAYERS.values())

every_case = pytest.mark.parametrize("case", **sampled(CASES))


def arrays_of(x):
    """x as a tuple of arrays, whether the layer takes one or several."""
    return x if isinstance(x, tuple) else (x,)


def each(function, x):
    """The function applied to every array of x."""
    return tuple(map(function, x)) if isinstance(x, tuple) else function(x)


def draws(layer):
    """Whether another step has other random numbers."""
    rates = ("dropout", "recurrent_dropout")
    return any(isinstance(part, Dropout) or any(getattr(part, rate, 0) for rate in rates) for part in layers_of(layer))


def gradients_of(layer):
    return [p.grad.copy() for p in layer.parameters if p.trainable]


def run(layer, x, case, dy=None):
    """Everything one forward and one backward pass give, as a list of arrays."""
    y = layer.forward(x, training=case.training)
    dy = np.random.default_rng(5).normal(size=y.shape).astype(y.dtype) if dy is None else dy
    dx = [d.copy() for d in arrays_of(layer.backward(dy)) if d is not None]  # ids have no gradient
    return [y.copy(), *dx, *gradients_of(layer), *(p.value.copy() for p in layer.state)]


def assert_same_bits(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b, strict=True)


# -- the caller's arrays -----------------------------------------------------------------------------------------------


@every_case
@each_handed
def test_read_only_inputs_are_accepted_and_nothing_is_modified(case: Case, handed: str):
    with config.use_kernels("auto" if handed.endswith("kernels") else "reference"):
        check_what_is_given(case, handed.startswith("writable"))


def check_what_is_given(case: Case, writable: bool):
    layer, x = case.layer(), each(in_single_precision, case.inputs())  # the layer's, so that its input is the very array
    before = each(np.copy, x)
    dy = np.random.default_rng(5).normal(size=case.layer().forward(x, training=case.training).shape).astype("float32")
    dy_before = dy.copy()
    for array in (*arrays_of(x), dy):
        array.flags.writeable = writable
    run(layer, x, case, dy)
    assert_same_bits([*arrays_of(x), dy], [*arrays_of(before), dy_before])


def in_single_precision(x):
    return x.astype("float32") if x.dtype == "float64" else x


def with_gaps(x):
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def backwards(x):
    return x[..., ::-1].copy()[..., ::-1]


def samples_backwards(x):
    return x[::-1].copy()[::-1]


def channels_moved(x):
    return np.moveaxis(np.moveaxis(x, -1, 1).copy(), 1, -1)


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def big_endian(x):
    return x.astype(x.dtype.newbyteorder(">"))


LAYOUTS = [with_gaps, backwards, samples_backwards, channels_moved, unaligned, big_endian, np.asfortranarray]


@pytest.mark.one_in(8)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
@every_case
def test_any_layout_gives_the_bits_of_the_contiguous_copy(case: Case, layout):
    x = each(lambda a: a.astype("float32"), case.inputs())
    expected = run(case.layer(), x, case)
    dy = np.random.default_rng(5).normal(size=expected[0].shape).astype("float32")
    assert_same_bits(run(case.layer(), each(layout, x), case, layout(dy)), expected)


@pytest.mark.one_in(8)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "bool"])
@every_case
def test_any_dtype_gives_the_bits_of_the_cast_array(case: Case, dtype):
    x = each(lambda a: (a if case.ids else np.abs(20 * a)).astype(dtype), case.inputs())
    layer, same = case.layer(), case.layer()
    y = layer.forward(x, training=case.training)
    expected = same.forward(each(lambda a: a.astype("float32"), x), training=case.training)
    np.testing.assert_array_equal(y, expected, strict=True)
    assert y.dtype == np.float32


# -- the same again ----------------------------------------------------------------------------------------------------


@every_case
def test_twice_the_same_bits(case: Case):
    assert_same_bits(run(case.layer(), case.inputs(), case), run(case.layer(), case.inputs(), case))


@every_case
def test_apply_without_keep_gives_the_same_y_and_saves_nothing(case: Case):
    layer = case.layer()
    x = layer.validated(case.inputs())
    kept, _ = layer.apply(x, Context(case.training))
    y, saved = layer.apply(x, Context(case.training, keep=False))
    np.testing.assert_array_equal(y, kept, strict=True)
    if not any(isinstance(part, Dropout) for part in (layer, *layer.sublayers())):
        assert saved is None  # Dropout alone draws a mask it may keep


@every_case
def test_inference_is_a_call(case: Case):
    layer = case.layer()
    y = layer.forward(case.inputs(), training=False)
    x = case.inputs()
    np.testing.assert_array_equal(layer(x), y, strict=True)


@every_case
def test_apply_leaves_the_layer_alone(case: Case):
    layer = case.layer()
    before = [p.value.copy() for p in layer.weights]
    x = layer.validated(case.inputs())
    layer.apply(x, Context(training=True))
    assert_same_bits([p.value for p in layer.weights], before)


@every_case
def test_gradients_add_until_zero_grad(case: Case):
    layer, x = case.layer(), case.inputs()
    run(layer, x, case)
    for p in layer.parameters:
        p.zero_grad()
    assert all(not g.any() for g in gradients_of(layer))
    if draws(layer):  # whose second step has another mask
        return
    fresh = copy.deepcopy(layer)
    once = run(copy.deepcopy(fresh), x, case)
    run(fresh, x, case)
    run(fresh, x, case)
    number = len(gradients_of(fresh))
    start = 1 if case.ids else 1 + len(arrays_of(x))  # ids have no gradient
    for total, single in zip(gradients_of(fresh), once[start : start + number]):
        np.testing.assert_allclose(total, 2 * single, rtol=1e-5, atol=1e-6)


# -- batch sizes -------------------------------------------------------------------------------------------------------


@every_case
def test_output_shape_is_what_comes_out(case: Case):
    layer, x = case.layer(), case.inputs()
    y = layer.forward(x, training=case.training)
    assert y.shape == (case.batch, *layer.output_shape(case.input_shape))
    fresh = case.make()
    fresh.build(case.input_shape)
    assert fresh.output_shape(case.input_shape) == y.shape[1:]


@every_case
def test_a_batch_of_none_gives_none_back(case: Case):
    layer, x = case.layer(), case.inputs(batch=0)
    y = layer.forward(x, training=case.training)
    assert y.shape == (0, *layer.output_shape(case.input_shape))
    assert y.dtype == np.float32
    dx = layer.backward(np.zeros_like(y))
    for d, a in zip(arrays_of(dx) if not case.ids else (), arrays_of(x)):
        assert (d.shape, d.dtype) == (a.shape, np.float32)
    assert all(not g.any() for g in gradients_of(layer))
    assert layer(x).shape == y.shape
    for p, q in zip(layer.state, case.layer().state, strict=True):
        np.testing.assert_array_equal(p.value, q.value)  # nothing was seen, nothing is learned


@every_case
def test_a_batch_of_one(case: Case):
    layer, x = case.layer(), case.inputs(batch=1)
    with warnings.catch_warnings():
        if not case.single:
            warnings.simplefilter("ignore", NumericWarning)
        found = run(layer, x, case)
    assert found[0].shape == (1, *layer.output_shape(case.input_shape))
    assert all(np.isfinite(a).all() for a in found)


@every_case
def test_the_batch_size_may_change_from_call_to_call(case: Case):
    layer = case.layer()
    for batch in (case.batch, 2 * case.batch, 2, case.batch):
        x = case.inputs(batch=batch)
        before = copy.deepcopy(layer)
        for p in layer.parameters:
            p.zero_grad()
        assert_same_bits(run(layer, x, case), run(before, x, case))


# -- the order of calls ------------------------------------------------------------------------------------------------


@every_case
def test_backward_needs_a_forward_of_its_own(case: Case):
    layer, x = case.layer(), case.inputs()
    dy = np.zeros((case.batch, *layer.output_shape(case.input_shape)), "float32")
    with pytest.raises(StateError, match="no forward pass") as caught:
        layer.backward(dy)
    assert isinstance(caught.value, RuntimeError)
    assert layer.label in str(caught.value)
    layer.forward(x, training=case.training)
    layer.backward(dy)
    with pytest.raises(StateError, match="no forward pass"):
        layer.backward(dy)


@every_case
def test_a_failed_forward_leaves_nothing_to_go_back_through(case: Case):
    layer = case.layer()
    layer.forward(case.inputs(), training=case.training)
    with pytest.raises((TypeError, ValueError)):
        layer.forward(each(lambda a: a.astype(complex), case.inputs()))
    with pytest.raises(StateError):
        layer.backward(np.zeros((case.batch, *layer.output_shape(case.input_shape))))


@every_case
def test_dy_of_another_shape_is_refused_by_name(case: Case):
    layer = case.layer()
    y = layer.forward(case.inputs(), training=case.training)
    for wrong in (y[:-1], y[..., None], y.reshape(-1)):
        if wrong.shape == y.shape:
            continue
        with pytest.raises(ShapeError) as caught:
            layer.backward(np.zeros(wrong.shape))
        assert layer.label in str(caught.value)
        assert str(wrong.shape) in str(caught.value)
        assert str(y.shape) in str(caught.value)
    layer.backward(np.zeros_like(y))  # a refused dy does not use up the forward pass


# -- copies ------------------------------------------------------------------------------------------------------------


def pickled(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
@every_case
def test_a_copy_computes_the_same_and_is_independent(case: Case, duplicate):
    layer, x = case.layer(), case.inputs()
    layer.forward(x, training=case.training)
    twin = duplicate(layer)
    assert (twin.name, twin.dtype, twin.input_shape) == (layer.name, layer.dtype, layer.input_shape)
    with pytest.raises(StateError):  # what a forward pass remembers is not part of the layer
        twin.backward(np.zeros(1))
    before = [p.value.copy() for p in layer.weights]
    assert_same_bits([p.value for p in twin.weights], before)
    expected = run(duplicate(layer), x, case)
    assert_same_bits(run(twin, x, case), expected)
    for p in twin.weights:
        p.value[...] = 9
    assert_same_bits([p.value for p in layer.weights], before)
    assert_same_bits(run(layer, x, case), expected)  # including the random numbers of the next step


def test_a_copy_of_a_layer_without_shape():
    twin = pickled(Dense(3))
    assert twin.forward(np.ones((2, 4))).shape == (2, 3)


# -- what only one layer has -------------------------------------------------------------------------------------------


def test_every_use_of_dropout_draws_a_mask_of_its_own():
    layer, x = Dropout(0.5, seed=1), np.ones((2, 32))
    masks = [layer.forward(x).tobytes() for _ in range(3)]
    context = Context(training=True, step=layer.steps_done)
    uses = [layer.apply(layer.validated(x), context)[0].tobytes() for _ in range(2)]
    context = Context(training=True, step=layer.steps_done)
    assert layer.apply(layer.validated(x), context)[0].tobytes() == uses[0], "a step that failed is drawn again"
    assert len({*masks, *uses}) == 5


def test_the_forget_gate_starts_open():
    for arguments, expected in (({}, [0, 0, 1, 1, 0, 0, 0, 0]), ({"unit_forget_bias": False}, [0] * 8)):
        layer = LSTM(2, **arguments)
        layer.build((3, 4))
        assert layer.b.value.tolist() == expected  # input, forget, cell, output


def test_thawing_a_layer_does_not_train_its_constants():
    class Positions(Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.table = self.new_parameter("table", (3,), trainable=False)

    inner = Positions(2)
    chain = Chain([Dense(3), inner])
    chain.build((4,))
    for trainable in (False, True):
        chain.trainable = trainable
        assert [p.trainable for p in inner.parameters] == [trainable, trainable, False]
    assert [p.trainable for p in chain.parameters] == [True, True, True, True, False]
