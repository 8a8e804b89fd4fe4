"""Ten training steps through everything a model may be: several inputs and outputs, ids and masks, models within models,
recomputation, penalties and constraints, clipping, weight decay, rates of single layers.
"""

import numpy as np
import pytest

from minidl.callbacks import LambdaCallback
from minidl.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    Recompute,
)
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam, AdamW
from minidl.regularizers import L1L2, L2
from tests.peers.judge import AdaptiveMoments, Descent, F, agree, gradient, leaf, tensor, torch

pytestmark = pytest.mark.peer

STEPS, BATCH = 10, 8


def with_weights(model, seed=0):
    """Biases that are not zero; the leaves that start where the model does."""
    rng = np.random.default_rng(seed)
    for p in model.parameters:
        p.value = rng.normal(size=p.shape) / max(np.prod(p.shape[:-1]), 4) ** 0.5
    return model, [leaf(p.value) for p in model.parameters]


def follow(model, leaves, of_pytorch, draw, loss_of, what, before_step=None, after_step=None):
    """Ten steps side by side: loss, gradients and weights after each. ``loss_of(x, y, *leaves)`` is PyTorch's loss."""
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        x, y = draw(rng)
        found = model.train_on_batch(x, y)
        expected = loss_of(x, y, *leaves)
        of_pytorch.zero_grad()
        expected.backward()
        agree(np.float64(found[0] if isinstance(found, list) else found), expected, f"{what}: loss")
        if before_step is None:
            for p, w in zip(model.parameters, leaves, strict=True):
                agree(p.grad, gradient(w), f"{what}: gradient of {p.name}")
        else:
            before_step()
        of_pytorch.step()
        if after_step is not None:
            after_step()
        for p, w in zip(model.parameters, leaves, strict=True):
            agree(p.value, w, f"{what}: {p.name}")


def linear(x, W, b):
    return F.linear(x, W.T, b)


# -- several outputs and inputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", [True, False])
def test_two_outputs_with_weighted_losses(fuse):
    """Classes and a number from one trunk, with Adam; the number's loss counts a quarter."""
    x = Input((5,))
    h = Dense(7, activation="tanh")(x)
    model = Model(x, {"digit": Dense(3, activation="softmax", name="a")(h), "width": Dense(1, name="b")(h)})
    model, leaves = with_weights(model)
    losses = {"digit": "sparse_categorical_crossentropy", "width": "mse"}
    model.compile(Adam(0.01), losses, loss_weights={"digit": 1.5, "width": 0.25}, fuse=fuse)

    def draw(rng):
        return rng.normal(size=(BATCH, 5)), {"digit": rng.integers(0, 3, BATCH), "width": rng.normal(size=(BATCH, 1))}

    def loss_of(x, y, W, b, W1, b1, W2, b2):
        h = linear(tensor(x), W, b).tanh()
        of_digit = F.cross_entropy(linear(h, W1, b1), tensor(y["digit"]))
        of_width = F.mse_loss(linear(h, W2, b2), tensor(y["width"]))
        return 1.5 * of_digit + 0.25 * of_width

    follow(model, leaves, AdaptiveMoments(leaves, 0.01), draw, loss_of, "two outputs")


def test_an_output_that_is_not_trained():
    """Its loss is None: nothing of the gradient comes from it, though it is predicted."""
    x = Input((4,))
    h = Dense(3, activation="tanh")(x)
    model, leaves = with_weights(Model(x, [h, Dense(2)(h)]))
    model.compile(SGD(0.1), [None, "mae"])

    def draw(rng):
        return rng.normal(size=(BATCH, 4)), [None, rng.normal(size=(BATCH, 2))]

    def loss_of(x, y, W, b, W1, b1):
        return F.l1_loss(linear(linear(tensor(x), W, b).tanh(), W1, b1), tensor(y[1]))

    follow(model, leaves, Descent(leaves, 0.1), draw, loss_of, "an output without a loss")


def test_several_inputs_with_integer_ids():
    """A user, an item and two numbers: two tables beside a dense branch, and whether the item was liked."""
    user, item, numbers = Input((), dtype="int64"), Input((3,), dtype="int64"), Input((2,))
    of_user, of_items = Embedding(6, 4)(user), GlobalAveragePooling1D()(Embedding(9, 3)(item))
    h = Concatenate()([of_user, of_items, Dense(2, activation="tanh")(numbers)])
    model, leaves = with_weights(Model([user, item, numbers], Dense(1, activation="sigmoid")(h)))
    model.compile(Adam(0.02), "binary_crossentropy")

    def draw(rng):
        ids = [rng.integers(0, 6, BATCH).astype("int32"), rng.integers(0, 9, (BATCH, 3)).astype("uint8")]
        return [*ids, rng.normal(size=(BATCH, 2))], rng.integers(0, 2, (BATCH, 1))

    shapes = [p.shape for p in model.parameters]
    assert shapes == [(9, 3), (6, 4), (2, 2), (2,), (9, 1), (1,)]

    def loss_of(x, y, items, users, W, b, W1, b1):
        parts = [users[x[0].astype("int64")], items[x[1].astype("int64")].mean(dim=1), linear(tensor(x[2]), W, b).tanh()]
        return F.binary_cross_entropy_with_logits(linear(torch.cat(parts, dim=1), W1, b1), tensor(y).double())

    follow(model, leaves, AdaptiveMoments(leaves, 0.02), draw, loss_of, "ids and numbers")


@pytest.mark.parametrize("weighted", [False, True])
def test_padded_sequences(weighted):
    """The loss is the mean over the steps that count; the row of padding is never trained, as with padding_idx."""
    model = Sequential([Embedding(7, 4, mask_zero=True, input_shape=(6,)), Dense(5, activation="tanh"), Dense(3)])
    model, leaves = with_weights(model)
    model.compile(Adam(0.01), "mse")
    padding, weights = model.layers[0].W.value[0].copy(), np.linspace(0.5, 2, BATCH)
    of_pytorch, rng = AdaptiveMoments(leaves, 0.01), np.random.default_rng(1)
    table, W, b, W1, b1 = leaves
    for _ in range(STEPS):
        ids = rng.integers(1, 7, (BATCH, 6)) * (np.arange(6) < rng.integers(0, 7, (BATCH, 1)))
        y = rng.normal(size=(BATCH, 6, 3))
        loss = model.train_on_batch(ids, y, weights if weighted else None)
        h = F.embedding(tensor(ids), table, padding_idx=0)
        errors = ((linear(linear(h, W, b).tanh(), W1, b1) - tensor(y)) ** 2).mean(dim=-1)
        counts = tensor(ids != 0)
        of_steps = errors * tensor(weights)[:, None] if weighted else errors
        expected = of_steps[counts].sum() / counts.sum()
        of_pytorch.zero_grad()
        expected.backward()
        of_pytorch.step()
        agree(np.float64(loss), expected, "padded sequences: loss")
        for p, w in zip(model.parameters, leaves):
            agree(p.value, w, f"padded sequences: {p.name}")
    np.testing.assert_array_equal(model.layers[0].W.value[0], padding)


# -- models within models ---------------------------------------------------------------------------------------------------


def test_a_nested_model_used_twice_and_one_within_it():
    """A shared encoder for two inputs, which holds a model of its own."""
    head = Sequential([Dense(4, activation="relu", input_shape=(6,)), Activation("tanh")])
    encoder = Sequential([Dense(6, activation="sigmoid", input_shape=(5,)), head])
    a, b = Input((5,)), Input((5,))
    model = Model([a, b], Dense(2)(Add()([encoder(a), encoder(b), encoder(a)])))
    model, leaves = with_weights(model)
    assert len(leaves) == 6
    model.compile(Adam(0.01), "mse")

    def draw(rng):
        return [rng.normal(size=(BATCH, 5)) for _ in range(2)], rng.normal(size=(BATCH, 2))

    def loss_of(x, y, W, b, W1, b1, W2, b2):
        def encode(x):
            return F.relu(linear(linear(x, W, b).sigmoid(), W1, b1)).tanh()

        first, second = (encode(tensor(part)) for part in x)
        return F.mse_loss(linear(first + second + first, W2, b2), tensor(y))

    follow(model, leaves, AdaptiveMoments(leaves, 0.01), draw, loss_of, "nested models")


def test_recomputation():
    """A block with batch normalisation, of which only the input is kept; running statistics move once a step."""
    normalize = BatchNormalization(momentum=0.9)
    block = Sequential([Dense(6, activation="tanh", use_bias=False), normalize, Dense(4, activation="softplus")])
    model, leaves = with_weights(Sequential([Dense(5, activation="tanh", input_shape=(3,)), Recompute(block), Dense(2)]))
    model.compile(Adam(0.01), "mse")
    mean = torch.zeros(6, dtype=torch.float64)
    variance = torch.ones(6, dtype=torch.float64)

    def draw(rng):
        return rng.normal(size=(BATCH, 3)), rng.normal(size=(BATCH, 2))

    def loss_of(x, y, W, b, W1, gamma, beta, W2, b2, W3, b3):
        z = F.linear(linear(tensor(x), W, b).tanh(), W1.T).tanh()
        mean.mul_(0.9).add_(0.1 * z.detach().mean(dim=0))
        variance.mul_(0.9).add_(0.1 * z.detach().var(dim=0, correction=0))
        h = F.softplus(linear(F.batch_norm(z, None, None, gamma, beta, True, eps=normalize.epsilon), W2, b2))
        return F.mse_loss(linear(h, W3, b3), tensor(y))

    follow(model, leaves, AdaptiveMoments(leaves, 0.01), draw, loss_of, "recomputation")
    agree(normalize.moving_mean.value, mean, "recomputation: mean")
    agree(normalize.moving_variance.value, variance, "recomputation: variance")


# -- penalties, constraints, clipping, decay, rates ----------------------------------------------------------------------------


def perceptron(**of_kernels):
    return Sequential([Dense(6, activation="tanh", input_shape=(4,), **of_kernels), Dense(2, **of_kernels)])


def draw_numbers(rng):
    return rng.normal(size=(BATCH, 4)), rng.normal(size=(BATCH, 2))


def loss_of_perceptron(x, y, W, b, W1, b1):
    return F.mse_loss(linear(linear(tensor(x), W, b).tanh(), W1, b1), tensor(y))


@pytest.mark.parametrize("penalty", [L2(0.05), L1L2(0.02, 0.03)], ids=repr)
def test_penalties_on_kernels_and_max_norm(penalty):
    """The penalty is a part of the loss; after each step no unit's weights are longer than 0.7."""
    model, leaves = with_weights(perceptron(kernel_regularizer=penalty, kernel_constraint="max_norm"))
    for layer in model.layers:
        layer.W.constraint.max_value = 0.7
    model.compile(SGD(0.05, 0.9), "mse")

    def loss_of(x, y, W, b, W1, b1):
        of_weights = sum(getattr(penalty, "l1", 0) * w.abs().sum() + penalty.l2 * (w**2).sum() for w in (W, W1))
        return loss_of_perceptron(x, y, W, b, W1, b1) + of_weights

    @torch.no_grad()
    def shorten():
        for w in leaves[::2]:
            length = w.norm(dim=0, keepdim=True)
            w.mul_(length.clamp(max=0.7) / (length + 1e-7))

    of_pytorch = torch.optim.SGD(leaves, 0.05, momentum=0.9)
    follow(model, leaves, of_pytorch, draw_numbers, loss_of, "penalties and max_norm", lambda: None, shorten)


def fitted(model, leaves, loss_of, step_of_pytorch, what):
    """Two epochs of ``fit`` over five batches, beside PyTorch, compared after every batch."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5 * BATCH, 4)), rng.normal(size=(5 * BATCH, 2))
    losses = []

    def compare(batch, logs):
        part = slice(batch * BATCH, (batch + 1) * BATCH)
        for w in leaves:
            w.grad = None
        loss = loss_of(x[part], y[part], *leaves)
        loss.backward()
        step_of_pytorch()
        losses.append(loss.item())
        for p, w in zip(model.parameters, leaves, strict=True):
            agree(p.value, w, f"{what}: {p.name}")

    callbacks = [LambdaCallback(on_train_batch_end=compare)]
    history = model.fit(x, y, BATCH, epochs=2, verbose=0, shuffle=False, callbacks=callbacks).history
    assert len(losses) == STEPS
    np.testing.assert_allclose(history["loss"], np.reshape(losses, (2, 5)).mean(axis=1), rtol=1e-9)


@pytest.mark.parametrize("limit", [0.3, 100.0])
def test_clipping_by_the_global_norm_within_fit(limit):
    model, leaves = with_weights(perceptron())
    model.compile(SGD(0.1, global_clipnorm=limit), "mse")
    of_pytorch, norms = torch.optim.SGD(leaves, 0.1), []

    def step():
        norm = torch.cat([gradient(w).flatten() for w in leaves]).norm()
        norms.append(norm.item())
        for w in leaves:
            w.grad *= (limit / norm).clamp(max=1)  # clip_grad_norm_ adds 1e-6 to the norm
        of_pytorch.step()

    fitted(model, leaves, loss_of_perceptron, step, f"global norm {limit}")
    assert (max(norms) > limit) == (limit < 1)


@pytest.mark.parametrize("limit", [0.05, 100.0])
def test_clipping_by_value_and_by_the_norm_of_each_within_fit(limit):
    for option in ("clipvalue", "clipnorm"):
        model, leaves = with_weights(perceptron())
        model.compile(Adam(0.01, **{option: limit}), "mse")
        of_pytorch = AdaptiveMoments(leaves, 0.01)

        def step(option=option, leaves=leaves, of_pytorch=of_pytorch):
            for w in leaves:
                w.grad = w.grad.clamp(-limit, limit) if option == "clipvalue" else w.grad * (limit / w.grad.norm()).clamp(max=1)
            of_pytorch.step()

        fitted(model, leaves, loss_of_perceptron, step, f"{option} {limit}")


def test_adamw_within_fit():
    model, leaves = with_weights(perceptron())
    model.compile(AdamW(0.02, weight_decay=0.1, epsilon=0.0), "mse")
    of_pytorch = torch.optim.AdamW(leaves, 0.02, eps=0.0, weight_decay=0.1)
    fitted(model, leaves, loss_of_perceptron, of_pytorch.step, "AdamW")


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_rate_for_each_layer_is_a_parameter_group(momentum):
    model, leaves = with_weights(perceptron())
    model.layers[0].learning_rate_multiplier = 0.25
    model.layers[1].learning_rate_multiplier = 3.0
    model.compile(SGD(0.05, momentum), "mse")
    groups = [{"params": leaves[:2], "lr": 0.05 * 0.25}, {"params": leaves[2:], "lr": 0.05 * 3.0}]
    of_pytorch = torch.optim.SGD(groups, momentum=momentum)
    fitted(model, leaves, loss_of_perceptron, of_pytorch.step, f"rates of layers, momentum {momentum}")


def test_a_rate_of_zero_and_a_frozen_layer():
    model, leaves = with_weights(perceptron())
    model.layers[0].trainable = False
    model.layers[1].learning_rate_multiplier = 0.0
    model.compile(Adam(0.05), "mse")
    fitted(model, leaves, loss_of_perceptron, lambda: None, "nothing moves")
