"""GRU, SimpleRNN and states against PyTorch, whose gates stand in another order; masks, directions and dropout against Keras.

Keras's own loop over time rounds to single precision on that backend, so the two agree to 1e-6.
"""

import importlib.util

import numpy as np
import pytest

import minidl.layers
from minidl.layers import GRU, LSTM, RNN, GRUCell, SimpleRNN, SimpleRNNCell
from tests.peers.judge import agree, gradient, judge, leaf, tensor, torch

pytestmark = pytest.mark.peer
RNG = np.random.default_rng(5)


def built(layer, input_shape):
    """The layer with weights that hide nothing."""
    layer.build(input_shape)
    for index, p in enumerate(layer.weights):
        p.value = np.random.default_rng([3, index]).normal(0, 0.5, p.shape)
    return layer


def in_pytorchs_order(W):
    """Update and reset change places: (..., 3 units)."""
    z, r, g = W.chunk(3, dim=-1)
    return torch.cat((r, z, g), dim=-1)


def gru(x, h, W, W_recurrent, b):
    """torch.nn.GRU's function."""
    flat = [in_pytorchs_order(W).T.contiguous(), in_pytorchs_order(W_recurrent).T.contiguous()]
    flat += [in_pytorchs_order(b[0]), in_pytorchs_order(b[1])]
    return torch.gru(x, h[None], flat, True, 1, 0.0, False, False, True)


def simple_rnn(x, h, W, W_recurrent, b, relu=False):
    """torch.nn.RNN's function; the second of its biases is zero here."""
    flat = [W.T.contiguous(), W_recurrent.T.contiguous(), b, torch.zeros_like(b)]
    return (torch.rnn_relu if relu else torch.rnn_tanh)(x, h[None], flat, True, 1, 0.0, False, False, True)


SHAPES = [(4, 5, 3), (1, 1, 2), (2, 9, 1), (1, 3, 6), (3, 7, 20)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gru(shape):
    layer = built(GRU(4, return_sequences=True), shape[1:])
    start = torch.zeros(shape[0], 4, dtype=torch.float64)
    judge(layer, RNG.normal(size=shape), lambda x, **p: gru(x, start, **p)[0])


@pytest.mark.parametrize("relu", [False, True], ids=["tanh", "relu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_simple_rnn(shape, relu):
    layer = built(SimpleRNN(4, "relu" if relu else "tanh", return_sequences=True), shape[1:])
    start = torch.zeros(shape[0], 4, dtype=torch.float64)
    judge(layer, RNG.normal(size=shape), lambda x, **p: simple_rnn(x, start, relu=relu, **p)[0])


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind, formula", [(GRU, gru), (SimpleRNN, simple_rnn)], ids=["gru", "simple_rnn"])
def test_states_that_are_given_and_given_back(kind, formula, return_sequences):
    layer = built(kind(3, return_state=True, return_sequences=return_sequences), (4, 2))
    x, h = RNG.normal(size=(5, 4, 2)), RNG.normal(size=(5, 3))
    y, last = layer.forward([x, h])
    dy, dlast = RNG.normal(size=y.shape), RNG.normal(size=last.shape)
    dx, dh = layer.backward((dy, dlast))
    leaves, x_leaf, h_leaf = {p.name: leaf(p.value) for p in layer.parameters}, leaf(x), leaf(h)
    outputs, expected_last = formula(x_leaf, h_leaf, **leaves)
    expected = outputs if return_sequences else outputs[:, -1]
    ((expected * tensor(dy)).sum() + (expected_last[0] * tensor(dlast)).sum()).backward()
    name = kind.__name__
    agree(y, expected, f"{name}: y")
    agree(last, expected_last[0], f"{name}: h")
    agree(dx, gradient(x_leaf), f"{name}: dx")
    agree(dh, gradient(h_leaf), f"{name}: dh")
    for p in layer.parameters:
        agree(p.grad, gradient(leaves[p.name]), f"{name}: d{p.name}")


def test_lstm_from_states_to_states():
    layer = built(LSTM(3, return_state=True, return_sequences=True), (4, 2))
    x, h, c = RNG.normal(size=(5, 4, 2)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
    found = layer.forward([x, h, c])
    d = [RNG.normal(size=part.shape) for part in found]
    received = layer.backward(tuple(d))
    leaves = {p.name: leaf(p.value) for p in layer.parameters}
    inputs = [leaf(x), leaf(h), leaf(c)]
    b = leaves["b"]
    flat = [leaves["W"].T.contiguous(), leaves["W_recurrent"].T.contiguous(), b, torch.zeros_like(b)]
    y, h_last, c_last = torch.lstm(inputs[0], (inputs[1][None], inputs[2][None]), flat, True, 1, 0.0, False, False, True)
    expected = (y, h_last[0], c_last[0])
    sum((part * tensor(of_part)).sum() for part, of_part in zip(expected, d)).backward()
    for name, one, other in zip(("y", "h", "c"), found, expected):
        agree(one, other, f"LSTM: {name}")
    for name, one, other in zip(("dx", "dh", "dc"), received, inputs):
        agree(one, gradient(other), f"LSTM: {name}")
    for p in layer.parameters:
        agree(p.grad, gradient(leaves[p.name]), f"LSTM: d{p.name}")


def test_cells_one_on_top_of_the_other():
    layer = built(RNN([GRUCell(3), SimpleRNNCell(4)], return_sequences=True), (5, 2))

    def formula(x, **p):
        first, second = (start(x, 3), start(x, 4))
        W, U, b, W_2, U_2, b_2 = p.values()
        return simple_rnn(gru(x, first, W, U, b)[0], second, W_2, U_2, b_2)[0]

    x, leaves = RNG.normal(size=(3, 5, 2)), [leaf(p.value) for p in layer.parameters]
    y = layer.forward(x)
    dy, x_leaf = RNG.normal(size=y.shape), leaf(x)
    dx = layer.backward(dy)
    expected = formula(x_leaf, **dict(zip("abcdef", leaves)))
    expected.backward(tensor(dy))
    agree(y, expected, "stacked cells: y")
    agree(dx, gradient(x_leaf), "stacked cells: dx")
    for p, q in zip(layer.parameters, leaves, strict=True):
        agree(p.grad, gradient(q), f"stacked cells: d{p.name}")


def start(x, units):
    return torch.zeros(len(x), units, dtype=x.dtype)


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
    np.testing.assert_allclose(received, expected, rtol=2e-6, atol=2e-6, err_msg=what)


OPTIONS = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "states": {"return_state": True},
    "all": {"return_sequences": True, "return_state": True, "go_backwards": True},
    "zero output": {"return_sequences": True, "zero_output_for_mask": True},
    "hard sigmoid": {"recurrent_activation": "hard_sigmoid"},
    "swish": {"activation": "swish", "return_sequences": True},
    "no bias": {"use_bias": False},
}
KINDS = {
    "LSTM": {},
    "GRU": {},
    "GRU before": {"reset_after": False},
    "SimpleRNN": {},
}


@pytest.mark.parametrize("masked", [False, True], ids=["all steps", "masked"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
class TestKeras:
    pytestmark = of_keras

    def test_outputs_states_and_gradients(self, keras, kind, options, masked):
        name, arguments = kind.split()[0], {**KINDS[kind], **OPTIONS[options]}
        if name == "SimpleRNN" and "recurrent_activation" in arguments:
            return
        layer = built(getattr(minidl.layers, name)(3, **arguments), (5, 2))
        other = getattr(keras.layers, name)(3, **arguments)
        x = RNG.normal(size=(4, 5, 2))
        mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]], bool) if masked else None
        other.build(x.shape)
        other.set_weights([p.value for p in layer.parameters])
        y = layer.forward(x, mask=mask)
        y = y if isinstance(y, tuple) else (y,)
        dy = tuple(RNG.normal(size=part.shape) for part in y)
        dx = layer.backward(dy if len(dy) > 1 else dy[0])
        x_leaf = leaf(x)
        expected = other(x_leaf, mask=None if mask is None else tensor(mask))
        expected = tuple(expected) if isinstance(expected, (tuple, list)) else (expected,)
        sum((part * tensor(d)).sum() for part, d in zip(expected, dy)).backward()
        for one, two in zip(y, expected, strict=True):
            close(one, two, f"{kind} beside Keras: y")
        close(dx, gradient(x_leaf), f"{kind} beside Keras: dx")
        for p, q in zip(layer.parameters, other.trainable_weights, strict=True):
            close(p.grad, gradient(q.value), f"{kind} beside Keras: d{p.name}")


@pytest.mark.parametrize("kind", KINDS)
class TestKerasStateful:
    pytestmark = of_keras

    def test_stateful(self, keras, kind):
        name = kind.split()[0]
        layer = built(getattr(minidl.layers, name)(3, stateful=True, **KINDS[kind]), (5, 2))
        other = getattr(keras.layers, name)(3, stateful=True, **KINDS[kind])
        other.build((4, 5, 2))
        other.set_weights([p.value for p in layer.parameters])
        for _ in range(3):
            x = RNG.normal(size=(4, 5, 2))
            close(layer(x), other(tensor(x)), f"{kind}, stateful")
        layer.reset_states()
        other.reset_state()
        close(layer(x), other(tensor(x)), f"{kind}, after a reset")


@pytest.mark.parametrize("kind", KINDS)
class TestKerasDropout:
    pytestmark = of_keras

    def test_which_products_a_mask_belongs_to(self, keras, kind, monkeypatch):
        """Keras with the masks that minidl drew."""
        from minidl.layers import Context

        name, drops = kind.split()[0], {"dropout": 0.4, "recurrent_dropout": 0.3}
        layer = built(getattr(minidl.layers, name)(3, seed=2, **drops, **KINDS[kind]), (5, 2))
        other = getattr(keras.layers, name)(3, **drops, **KINDS[kind])
        x, h = RNG.normal(size=(4, 5, 2)), np.zeros((4, 3))
        other.build(x.shape)
        other.set_weights([p.value for p in layer.parameters])
        context = Context(training=True)
        of_x, of_h = layer._input_masks(x[:, 0], context), layer._state_masks(h, context)
        single = name == "SimpleRNN"
        masks = [tensor(of_x[0]) if single else list(map(tensor, of_x)), tensor(of_h[0]) if single else list(map(tensor, of_h))]
        monkeypatch.setattr(type(other.cell), "get_dropout_mask", lambda self, _: masks[0])
        monkeypatch.setattr(type(other.cell), "get_recurrent_dropout_mask", lambda self, _: masks[1])
        y, _ = layer.apply(x, Context(training=True))
        close(y, other(tensor(x), training=True), f"{kind}: dropout")


@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
class TestKerasBidirectional:
    pytestmark = of_keras

    def test_both_directions(self, keras, kind, mode, sequences):
        options = {"return_sequences": sequences, "return_state": True}
        layer = built(minidl.layers.Bidirectional(getattr(minidl.layers, kind)(3, **options), mode), (5, 2))
        other = keras.layers.Bidirectional(getattr(keras.layers, kind)(3, **options), mode)
        x, mask = RNG.normal(size=(3, 5, 2)), np.arange(5) < np.array([[5], [3], [1]])
        other.build(x.shape)
        other.set_weights([p.value for p in layer.parameters])
        for given in (None, mask):
            found = layer.forward(x, mask=given)
            dy = tuple(RNG.normal(size=part.shape) for part in found)
            dx, x_leaf = layer.backward(dy), leaf(x)
            expected = other(x_leaf, mask=None if given is None else tensor(given))
            sum((part * tensor(d)).sum() for part, d in zip(expected, dy)).backward()
            for one, two in zip(found, expected, strict=True):
                close(one, two, "Bidirectional beside Keras: y")
            close(dx, gradient(x_leaf), "Bidirectional beside Keras: dx")
