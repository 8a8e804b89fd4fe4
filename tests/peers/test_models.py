"""Whole models: the three of the lectures, shared layers with skip connections, batch normalisation with dropout."""

import numpy as np
import pytest

from minidl.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
)
from minidl.layers.context import Context
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam
from tests.peers.judge import AdaptiveMoments, Descent, F, agree, convolution, gradient, leaf, max_pooling, tensor

pytestmark = pytest.mark.peer

OPTIMIZERS = {
    "sgd": (lambda: SGD(0.01), lambda leaves: Descent(leaves, 0.01)),
    "adam": (lambda: Adam(0.001), lambda leaves: AdaptiveMoments(leaves, 0.001)),
}
STEPS = 5


# -- the models, in minidl and in PyTorch; the latter give logits ------------------------------------------------------


def softmax_regression():
    return Sequential([Dense(10, input_shape=(784,)), Activation("softmax")])


def softmax_regression_logits(x, W, b):
    return F.linear(x, W.T, b)


def mlp():
    hidden = [Dense(128, activation="relu", input_shape=(784,)), Dense(128), Activation("relu")]
    return Sequential([*hidden, Dense(10), Activation("softmax")])


def mlp_logits(x, W1, b1, W2, b2, W3, b3):
    return F.linear(F.relu(F.linear(F.relu(F.linear(x, W1.T, b1)), W2.T, b2)), W3.T, b3)


def cnn(data_format):
    shape = (28, 28, 1) if data_format == "channels_last" else (1, 28, 28)
    options = {"padding": "same", "data_format": data_format}
    return Sequential(
        [
            Conv2D(20, 5, input_shape=shape, **options),
            Activation("relu"),
            MaxPooling2D(2, 2, data_format=data_format),
            Conv2D(50, 5, **options),
            Activation("relu"),
            MaxPooling2D(2, 2, data_format=data_format),
            Flatten(),
            Dense(500),
            Activation("relu"),
            Dense(10),
            Activation("softmax"),
        ]
    )


def cnn_logits(data_format):
    def logits(x, W1, b1, W2, b2, W3, b3, W4, b4):
        h = x if data_format == "channels_last" else x.movedim(1, -1)
        for W, b in ((W1, b1), (W2, b2)):
            h = convolution(h, W, b, strides=(1, 1), padding="same", dilation=(1, 1), groups=1)
            h = max_pooling(F.relu(h), size=(2, 2), strides=(2, 2), padding="valid")
        h = (h if data_format == "channels_last" else h.movedim(-1, 1)).flatten(1)
        return F.linear(F.relu(F.linear(h, W3.T, b3)), W4.T, b4)

    return logits


def shared():
    """A residual network in which one convolution and one dense layer are each used twice."""
    x = Input((8, 8, 3))
    convolve, dense = Conv2D(3, 3, padding="same"), Dense(12, activation="tanh")
    h = Add()([x, Activation("relu")(convolve(x))])
    h = Add()([h, Activation("relu")(convolve(h)), x])
    h = Dense(12)(Flatten()(MaxPooling2D(2)(h)))
    h = Add()([h, dense(h)])
    h = Add()([h, dense(h)])
    return Model(x, Dense(10, activation="softmax")(h))


def shared_logits(x, W, b, W1, b1, W2, b2, W3, b3):
    def convolve(x):
        return F.relu(convolution(x, W, b, strides=(1, 1), padding="same", dilation=(1, 1), groups=1))

    h = x + convolve(x)
    h = h + convolve(h) + x
    h = max_pooling(h, size=(2, 2), strides=(2, 2), padding="valid").flatten(1) @ W1 + b1
    h = h + (h @ W2 + b2).tanh()
    h = h + (h @ W2 + b2).tanh()
    return h @ W3 + b3


MODELS = {  # model, logits in PyTorch, shape of a sample, batch
    "softmax regression": (softmax_regression, softmax_regression_logits, (784,), 32),
    "multi-layer perceptron": (mlp, mlp_logits, (784,), 32),
    "CNN, channels last": (lambda: cnn("channels_last"), cnn_logits("channels_last"), (28, 28, 1), 4),
    "CNN, channels first": (lambda: cnn("channels_first"), cnn_logits("channels_first"), (1, 28, 28), 4),
    "shared layers": (shared, shared_logits, (8, 8, 3), 16),
}


CROSS_ENTROPY = {  # fused: of the logits; else of probabilities, which Keras cuts
    True: F.cross_entropy,
    False: lambda z, t: -(t * F.softmax(z, dim=-1).clamp(1e-7, 1 - 1e-7).log()).sum(dim=-1).mean(),
}


def with_weights(model):
    """Kernels of a usual size and biases that are not zero."""
    rng = np.random.default_rng(0)
    for p in model.parameters:
        p.value[...] = rng.normal(size=p.shape) / max(np.prod(p.shape[:-1]), 9) ** 0.5
    return model


def batches(shape, samples):
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        yield rng.random((samples, *shape)), np.eye(10)[rng.integers(0, 10, samples)]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODELS)
def test_training(name, optimizer, fuse):
    make, logits, shape, samples = MODELS[name]
    model = with_weights(make())
    leaves = [leaf(p.value) for p in model.parameters]
    model.compile(OPTIMIZERS[optimizer][0](), "categorical_crossentropy", fuse=fuse)
    of_pytorch = OPTIMIZERS[optimizer][1](leaves)
    for x, y in batches(shape, samples):
        loss = model.train_on_batch(x, y)
        expected = CROSS_ENTROPY[fuse](logits(tensor(x), *leaves), tensor(y))
        of_pytorch.zero_grad()
        expected.backward()
        agree(np.float64(loss), expected, f"{name}, {optimizer}: loss")
        for p, w in zip(model.parameters, leaves):
            agree(p.grad, gradient(w), f"{name}, {optimizer}: gradient")
        of_pytorch.step()
        for p, w in zip(model.parameters, leaves):
            agree(p.value, w, f"{name}, {optimizer}: weights")


@pytest.mark.parametrize("name", MODELS)
def test_by_hand(name):
    make, logits, shape, samples = MODELS[name]
    model = with_weights(make())
    x, _ = next(batches(shape, samples))
    y = model.forward(x)
    dy = np.random.default_rng(2).normal(size=y.shape)
    dx = model.backward(dy)
    x_leaf, leaves = leaf(x), [leaf(p.value) for p in model.parameters]
    expected = F.softmax(logits(x_leaf, *leaves), dim=-1)
    expected.backward(tensor(dy))
    agree(y, expected, f"{name}: y")
    agree(model.predict(x), expected, f"{name}: predict")
    agree(dx, gradient(x_leaf), f"{name}: dx")
    for p, w in zip(model.parameters, leaves):
        agree(p.grad, gradient(w), f"{name}: gradient by hand")


def test_batch_normalization_and_dropout():
    """minidl draws the masks, PyTorch multiplies by the same ones.

    No bias before the normalisation: its gradient is 0 but for rounding, and Adam would enlarge that rounding.
    """
    normalize, drop = BatchNormalization(momentum=0.9), Dropout(0.4, seed=3)
    model = with_weights(
        Sequential(
            [Dense(20, use_bias=False, input_shape=(12,)), normalize, Activation("relu"), drop, Dense(10, activation="softmax")]
        )
    )
    leaves = [leaf(p.value) for p in model.parameters]
    W1, gamma, beta, W2, b2 = leaves
    mean, variance = tensor(normalize.moving_mean.value.copy()), tensor(normalize.moving_variance.value.copy())
    model.compile(Adam(0.01), "categorical_crossentropy")
    of_pytorch = AdaptiveMoments(leaves, 0.01)
    masks = []
    for x, y in batches((12,), 16):
        coming = Context(training=True, step=model.network.steps_done)
        _, mask = drop.apply(np.ones((16, 20)), coming)  # the mask that the coming step will draw
        masks.append(mask)
        loss = model.train_on_batch(x, y)

        z = F.linear(tensor(x), W1.T)
        h = F.relu(F.batch_norm(z, None, None, gamma, beta, True, eps=normalize.epsilon))
        expected = F.cross_entropy(F.linear(h * tensor(mask) / 0.6, W2.T, b2), tensor(y))
        of_pytorch.zero_grad()
        expected.backward()
        agree(np.float64(loss), expected, "normalisation and dropout: loss")
        for p, w in zip(model.parameters, leaves):
            agree(p.grad, gradient(w), "normalisation and dropout: gradient")
        of_pytorch.step()
        mean = 0.9 * mean + 0.1 * z.detach().mean(dim=0)
        variance = 0.9 * variance + 0.1 * z.detach().var(dim=0, correction=0)
        for p, w in zip(normalize.state, (mean, variance)):
            agree(p.value, w, "normalisation and dropout: running statistics")
    assert len({mask.tobytes() for mask in masks}) == STEPS
    assert 0.5 < np.mean(masks) < 0.7

    x, _ = next(batches((12,), 16))
    h = F.relu(F.batch_norm(F.linear(tensor(x), W1.T), mean, variance, gamma, beta, False, eps=normalize.epsilon))
    agree(model.predict(x), F.softmax(F.linear(h, W2.T, b2), dim=-1), "normalisation and dropout: predict")
