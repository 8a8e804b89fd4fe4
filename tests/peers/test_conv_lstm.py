"""ConvLSTM against a loop over time for PyTorch, gate by gate, at 1e-9; then against Keras, whose loop rounds to 1e-6."""

import importlib.util

import numpy as np
import pytest

import minidl.layers
from minidl.layers import Bidirectional, Context, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from tests.peers.judge import agree, built, convolution, gradient, judge, leaf, tensor, torch

pytestmark = pytest.mark.peer
RNG = np.random.default_rng(5)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def conv_lstm(
    x, W, W_recurrent, b=None, h=None, c=None, *, strides, padding, dilation, mask=None, drop_x=None, drop_h=None, a=torch.tanh
):
    """Outputs of all times, h and c; channels last. ``drop_x`` and ``drop_h`` hold a mask for each gate."""
    filters, gates = W_recurrent.shape[-2], range(4)
    W_of, U_of = W.split(filters, dim=-1), W_recurrent.split(filters, dim=-1)
    b_of = [None] * 4 if b is None else b.split(filters)
    of_x = {"strides": strides, "padding": padding, "dilation": dilation, "groups": 1}
    ones = (1,) * len(strides)
    of_h = {"strides": ones, "padding": "same", "dilation": ones, "groups": 1}
    outputs, y = [], None
    for t in range(x.shape[1]):
        z = [convolution(x[:, t] if drop_x is None else x[:, t] * drop_x[k], W_of[k], b_of[k], **of_x) for k in gates]
        if h is None:
            h, c = torch.zeros_like(z[0]), torch.zeros_like(z[0])
        y = torch.zeros_like(z[0]) if y is None else y
        z = [z[k] + convolution(h if drop_h is None else h * drop_h[k], U_of[k], **of_h) for k in gates]
        i, f, o = (torch.sigmoid(z[k]) for k in (0, 1, 3))
        c_new = f * c + i * a(z[2])
        h_new = o * a(c_new)
        if mask is None:
            y, h, c = h_new, h_new, c_new
        else:
            counts = tensor(mask[:, t]).reshape(-1, *(1,) * (h.ndim - 1))
            y, h, c = (torch.where(counts, new, old) for new, old in ((h_new, y), (h_new, h), (c_new, c)))
        outputs.append(y)
    return torch.stack(outputs, dim=1), h, c


def options_of(layer):
    return {"strides": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}


OPTIONS = [
    (ConvLSTM2D, {"filters": 3, "kernel_size": 3}, (4, 5, 4, 2)),
    (ConvLSTM2D, {"filters": 2, "kernel_size": (3, 2), "padding": "same"}, (3, 4, 5, 1)),
    (ConvLSTM2D, {"filters": 2, "kernel_size": 2, "strides": (2, 1), "padding": "same"}, (3, 5, 4, 2)),
    (ConvLSTM2D, {"filters": 2, "kernel_size": 2, "dilation_rate": (2, 1)}, (3, 5, 4, 2)),
    (ConvLSTM2D, {"filters": 1, "kernel_size": (1, 3), "use_bias": False}, (3, 2, 4, 3)),
    (ConvLSTM2D, {"filters": 20, "kernel_size": 5, "padding": "same"}, (2, 6, 7, 3)),
    (ConvLSTM2D, {"filters": 3, "kernel_size": 4, "padding": "same"}, (1, 2, 3, 2)),  # windows that are larger than the image
    (ConvLSTM1D, {"filters": 3, "kernel_size": 3, "strides": 2}, (5, 7, 2)),
    (ConvLSTM3D, {"filters": 2, "kernel_size": (2, 1, 3), "padding": "same"}, (2, 3, 2, 4, 2)),
]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind, options, shape", OPTIONS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_all_times(kind, options, shape, batch):
    layer = built(kind(**options, return_sequences=True), shape)
    judge(layer, RNG.normal(size=(batch, *shape)), lambda x, **p: conv_lstm(x, **p, **options_of(layer))[0])


def test_channels_first_and_backwards():
    layer = built(
        ConvLSTM2D(3, 2, data_format="channels_first", go_backwards=True, return_sequences=True, activation="relu"),
        (4, 2, 3, 5),
    )

    def formula(x, **p):
        turned = x.flip(1).movedim(2, -1)
        return conv_lstm(turned, **p, **options_of(layer), a=torch.relu)[0].movedim(-1, 2)

    judge(layer, RNG.normal(size=(3, 4, 2, 3, 5)), formula)


@pytest.mark.parametrize("masked", [False, True], ids=["all steps", "masked"])
@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize("sequences", [False, True], ids=["one", "sequences"])
def test_from_states_to_states(sequences, first, masked):
    data_format = "channels_first" if first else "channels_last"
    layer = ConvLSTM2D(3, 2, data_format=data_format, return_state=True, return_sequences=sequences)
    layer = built(layer, (4, 2, 3, 5) if first else (4, 3, 5, 2))
    x = RNG.normal(size=(4, *layer.input_shape))
    h, c = (RNG.normal(size=(4, *shape)) for shape in layer.state_size)
    mask = MASK if masked else None
    found = layer.forward([x, h, c], mask=mask)
    d = [RNG.normal(size=part.shape) for part in found]
    received = layer.backward(tuple(d))
    inputs, leaves = [leaf(x), leaf(h), leaf(c)], {p.name: leaf(p.value) for p in layer.parameters}

    def turned(a, time=0):
        return a.movedim(1 + time, -1) if first else a

    def back(a, time=0):
        return a.movedim(-1, 1 + time) if first else a

    y, h_last, c_last = conv_lstm(
        turned(inputs[0], 1), **leaves, h=turned(inputs[1]), c=turned(inputs[2]), **options_of(layer), mask=mask
    )
    expected = back(y, 1) if sequences else back(y[:, -1]), back(h_last), back(c_last)
    sum((part * tensor(of_part)).sum() for part, of_part in zip(expected, d)).backward()
    for name, one, other in zip(("y", "h", "c"), found, expected, strict=True):
        agree(one, other, f"ConvLSTM2D: {name}")
    for name, one, other in zip(("dx", "dh", "dc"), received, inputs, strict=True):
        agree(one, gradient(other), f"ConvLSTM2D: {name}")
    for p in layer.parameters:
        agree(p.grad, gradient(leaves[p.name]), f"ConvLSTM2D: d{p.name}")


@pytest.mark.parametrize("rates", [(0.4, 0.3), (0.4, 0.0), (0.0, 0.3)], ids=str)
def test_dropout_with_the_masks_that_were_drawn(rates):
    layer = built(ConvLSTM2D(2, 2, dropout=rates[0], recurrent_dropout=rates[1], seed=2), (3, 4, 3, 2))
    x, context = RNG.normal(size=(3, *layer.input_shape)), Context(training=True)
    h = np.zeros((3, *layer.state_size[0]))
    drawn = {"drop_x": layer._input_masks(x[:, 0], context), "drop_h": layer._state_masks(h, context)}
    masks = {name: tensor(a).split(2, dim=-1) for name, a in drawn.items() if a is not None}  # 2 channels, and 2 filters
    judge(layer, x, lambda x, **p: conv_lstm(x, **p, **options_of(layer), **masks)[0][:, -1])


# -- against Keras -----------------------------------------------------------------------------------------------------

of_keras = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras 3 is not installed"),
]


def close(received, expected, what):
    """As ``agree``, to single precision."""
    expected = expected.detach().numpy()
    assert received.shape == expected.shape, what
    np.testing.assert_allclose(received, expected, rtol=3e-6, atol=3e-6, err_msg=what)


def as_tuple(y):
    return tuple(y) if isinstance(y, (tuple, list)) else (y,)


def compare(layer, other, x, mask=None, states=None):
    """Outputs, states and gradients beside Keras's."""
    other.build((len(x), *x.shape[1:]))
    other.set_weights([p.value for p in layer.parameters])
    y = as_tuple(layer.forward(x if states is None else [x, *states], mask=mask))
    dy = tuple(RNG.normal(size=part.shape) for part in y)
    dx = as_tuple(layer.backward(dy if len(dy) > 1 else dy[0]))
    leaves = [leaf(x), *map(leaf, states or ())]
    given = {} if states is None else {"initial_state": leaves[1:]}
    expected = as_tuple(other(leaves[0], mask=None if mask is None else tensor(mask), **given))
    sum((part * tensor(d)).sum() for part, d in zip(expected, dy)).backward()
    for one, two in zip(y, expected, strict=True):
        close(one, two, "y")
    for one, two in zip(dx, leaves, strict=True):
        close(one, gradient(two), "dx")
    for p, q in zip(layer.parameters, other.trainable_weights, strict=True):
        close(p.grad, gradient(q.value), f"d{p.name}")


BOTH = {
    "plain": {},
    "same": {"padding": "same", "kernel_size": 2},
    "strides": {"padding": "same", "kernel_size": (3, 2), "strides": 2},
    "valid strides": {"strides": (2, 1)},
    "dilation": {"dilation_rate": 2},
    "first": {"data_format": "channels_first", "return_sequences": True},
    "states": {"return_state": True, "return_sequences": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "zero output": {"return_sequences": True, "zero_output_for_mask": True},
    "activations": {"activation": "swish", "recurrent_activation": "hard_sigmoid"},
    "no bias": {"use_bias": False, "unroll": True},
}


@pytest.mark.parametrize("masked", [False, True], ids=["all steps", "masked"])
@pytest.mark.parametrize("options", BOTH)
class TestKeras:
    pytestmark = of_keras

    def test_outputs_states_and_gradients(self, keras, options, masked):
        arguments = {"filters": 3, "kernel_size": 2, **BOTH[options]}
        shape = (4, 2, 4, 5) if "data_format" in arguments else (4, 4, 5, 2)
        layer = built(ConvLSTM2D(**arguments), shape)
        assert layer.output_shape(shape) == tuple(as_shapes(keras.layers.ConvLSTM2D(**arguments), (4, *shape)))
        compare(layer, keras.layers.ConvLSTM2D(**arguments), RNG.normal(size=(4, *shape)), MASK if masked else None)


def as_shapes(other, shape):
    """Keras's output shape without the batch axis."""
    found = other.compute_output_shape(shape)
    return tuple(part[1:] for part in found) if isinstance(found[0], tuple) else found[1:]


class TestKerasMore:
    pytestmark = of_keras

    @pytest.mark.parametrize("name, shape", [("ConvLSTM1D", (3, 5, 2)), ("ConvLSTM3D", (3, 2, 3, 4, 2))])
    def test_other_ranks(self, keras, name, shape):
        arguments = {"filters": 2, "kernel_size": 2, "padding": "same", "return_state": True}
        layer = built(getattr(minidl.layers, name)(**arguments), shape)
        compare(layer, getattr(keras.layers, name)(**arguments), RNG.normal(size=(3, *shape)))

    def test_states_that_are_given(self, keras):
        layer = built(ConvLSTM2D(2, 2, return_state=True), (4, 3, 4, 2))
        states = [RNG.normal(size=(4, *shape)) for shape in layer.state_size]
        other = keras.layers.ConvLSTM2D(2, 2, return_state=True)
        compare(layer, other, RNG.normal(size=(4, 4, 3, 4, 2)), MASK, states)

    def test_stateful(self, keras):
        layer = built(ConvLSTM2D(3, 2, stateful=True), (4, 3, 4, 2))
        other = keras.layers.ConvLSTM2D(3, 2, stateful=True)
        other.build((4, 4, 3, 4, 2))
        other.set_weights([p.value for p in layer.parameters])
        for _ in range(3):
            x = RNG.normal(size=(4, 4, 3, 4, 2))
            close(layer(x), other(tensor(x)), "stateful")
        layer.reset_states()
        other.reset_state()
        close(layer(x), other(tensor(x)), "after a reset")

    def test_which_products_a_mask_belongs_to(self, keras, monkeypatch):
        drops = {"dropout": 0.4, "recurrent_dropout": 0.3}
        layer = built(ConvLSTM2D(3, 2, seed=2, **drops), (4, 3, 4, 2))
        other = keras.layers.ConvLSTM2D(3, 2, **drops)
        x = RNG.normal(size=(4, 4, 3, 4, 2))
        other.build(x.shape)
        other.set_weights([p.value for p in layer.parameters])
        context = Context(training=True)
        of_x, of_h = layer._input_masks(x[:, 0], context), layer._state_masks(np.zeros((4, *layer.state_size[0])), context)
        masks = [list(tensor(of_x).split(2, dim=-1)), list(tensor(of_h).split(3, dim=-1))]
        monkeypatch.setattr(type(other.cell), "get_dropout_mask", lambda self, _: masks[0])
        monkeypatch.setattr(type(other.cell), "get_recurrent_dropout_mask", lambda self, _: masks[1])
        y, _ = layer.apply(x, Context(training=True))
        close(y, other(tensor(x), training=True), "dropout")

    @pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
    def test_both_directions(self, keras, sequences):
        options = {"filters": 2, "kernel_size": 2, "return_sequences": sequences, "return_state": True}
        layer = built(Bidirectional(ConvLSTM2D(**options)), (4, 3, 4, 2))
        other = keras.layers.Bidirectional(keras.layers.ConvLSTM2D(**options))
        compare(layer, other, RNG.normal(size=(4, 4, 3, 4, 2)))
        compare(layer, other, RNG.normal(size=(4, 4, 3, 4, 2)), MASK)

    def test_weights_at_the_start(self, keras):
        layer, other = ConvLSTM2D(3, 2), keras.layers.ConvLSTM2D(3, 2)
        layer.build((4, 3, 4, 2))
        other.build((4, 4, 3, 4, 2))
        for p, q in zip(layer.parameters, other.trainable_weights, strict=True):
            assert p.shape == tuple(q.shape)
        np.testing.assert_array_equal(layer.b.value, keras.ops.convert_to_numpy(other.trainable_weights[2]))
        for p, q in zip(layer.parameters[:2], other.trainable_weights):
            q = keras.ops.convert_to_numpy(q).reshape(-1, 12)
            assert np.std(p.value) == pytest.approx(np.std(q), rel=0.25)
        U = layer.W_recurrent.value.reshape(-1, 12)
        np.testing.assert_allclose(U.T @ U, np.eye(12), atol=1e-6)
