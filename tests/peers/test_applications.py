"""Residual networks with PyTorch's convolutions and batch normalisation, and the same weights; names as Keras has them."""

import numpy as np
import pytest

from minidl.applications import VGG16, ResNet50, ResNetCifar
from minidl.applications.resnet50 import bottleneck
from minidl.applications.resnet_cifar import residual_block
from minidl.layers import Input
from minidl.layers._weights import made_for_a_file
from minidl.models import Model
from tests.peers.judge import F, agree, convolution, gradient, leaf, tensor

pytestmark = pytest.mark.peer


class Twin:
    """PyTorch's arithmetic on a model's weights, which it finds by the layers' names."""

    def __init__(self, model, strides):
        self.model, self.strides = model, strides
        self.leaves = {p: leaf(p.value) for p in model.parameters}

    def convolve(self, x, name):
        layer = self.model.get_layer(f"{name}_conv")
        b = None if layer.b is None else self.leaves[layer.b]
        options = {"padding": "same", "dilation": (1, 1), "groups": 1}
        y = convolution(x, self.leaves[layer.W], b, strides=self.strides.get(name, (1, 1)), **options)
        bn = self.model.get_layer(f"{name}_bn")
        gamma, beta = self.leaves[bn.gamma], self.leaves[bn.beta]
        y = F.batch_norm(y.movedim(-1, 1), None, None, gamma, beta, training=True, eps=bn.epsilon)
        return y.movedim(1, -1)

    def basic_block(self, x, name):
        h = self.convolve(F.relu(self.convolve(x, f"{name}_1")), f"{name}_2")
        return F.relu(h + (self.convolve(x, f"{name}_0") if f"{name}_0" in self.strides else x))

    def agrees(self, x, formula, what):
        """y in training, dx and all parameters' gradients."""
        y = self.model.forward(x)
        dy = np.random.default_rng(1).normal(size=y.shape)
        for p in self.model.parameters:
            p.zero_grad()
        dx, x_leaf = self.model.backward(dy), leaf(x)
        expected = formula(x_leaf)
        expected.backward(tensor(dy))
        agree(y, expected, f"{what}: y")
        agree(dx, gradient(x_leaf), f"{what}: dx")
        for p, of in self.leaves.items():
            agree(p.grad, gradient(of), f"{what}: d{p.name}")


def randomized(model, seed=0):
    random = np.random.default_rng(seed)
    for p in model.parameters:
        p.value = random.normal(size=p.shape)
    return model


@pytest.mark.parametrize("strides, filters", [(1, 5), (2, 7)])
def test_residual_block(strides, filters):
    x = Input((6, 7, 5))
    twin = Twin(randomized(Model(x, residual_block(x, filters, strides, "b"))), {"b_1": (strides,) * 2})
    if strides > 1:
        twin.strides["b_0"] = (strides,) * 2
    images = np.random.default_rng(2).normal(size=(3, 6, 7, 5))
    twin.agrees(images, lambda x: twin.basic_block(x, "b"), f"residual block, strides {strides}")


@pytest.mark.parametrize("strides, projection, use_bias", [(1, False, True), (1, True, False), (2, True, True)])
def test_bottleneck(strides, projection, use_bias):
    x = Input((6, 7, 8))
    model = randomized(Model(x, bottleneck(x, 2, strides, projection, use_bias, "b")))
    twin = Twin(model, {"b_1": (strides,) * 2, "b_0": (strides,) * 2})

    def formula(x):
        h = F.relu(twin.convolve(F.relu(twin.convolve(x, "b_1")), "b_2"))
        return F.relu(twin.convolve(h, "b_3") + (twin.convolve(x, "b_0") if projection else x))

    twin.agrees(np.random.default_rng(2).normal(size=(3, 6, 7, 8)), formula, "bottleneck")


def test_a_whole_residual_network():
    model = randomized(ResNetCifar(8, input_shape=(8, 9, 3), classifier_activation=None))
    twin = Twin(model, {f"conv{stage}_block1_{part}": (2, 2) for stage in (3, 4) for part in (0, 1)})
    dense = model.get_layer("predictions")

    def formula(x):
        x = F.relu(twin.convolve(x, "conv1"))
        for stage in (2, 3, 4):
            x = twin.basic_block(x, f"conv{stage}_block1")
        return F.linear(x.mean((1, 2)), twin.leaves[dense.W].T, twin.leaves[dense.b])

    twin.agrees(np.random.default_rng(2).normal(size=(4, 8, 9, 3)), formula, "ResNet-8")


@pytest.mark.slow
@pytest.mark.parametrize("make", [VGG16, ResNet50])
def test_layers_are_called_as_in_keras(keras, numerics, make):
    theirs = getattr(keras.applications, make.__name__)(weights=None, include_top=False, input_shape=(32, 32, 3))
    with made_for_a_file(1 << 40):
        ours = make(include_top=False, input_shape=(32, 32, 3))
    expected = [(layer.name, [tuple(w.shape) for w in layer.weights]) for layer in theirs.layers[1:]]  # after the input
    assert [(layer.name, [p.shape for p in layer.weights]) for layer in ours.layers] == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries beneath Keras
def test_resnet50_computes_what_it_does_in_keras(keras, numerics):
    theirs = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(33, 35, 3), pooling="avg")
    ours = ResNet50(include_top=False, input_shape=(33, 35, 3), pooling="avg")
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 33, 35, 3))
    expected = theirs(tensor(x), training=False).detach().numpy()
    # not the tolerance of this folder: in a model of float64 Keras 3 computes its batch normalisation in float32
    np.testing.assert_allclose(ours(x), expected, rtol=0, atol=1e-6 * np.abs(expected).max())
