"""The networks people know by name: their layers and parameters row by row, their arguments, a step of training.

Counting needs no numbers: ``weightless`` makes all weights zeros, which take no memory before somebody writes to them.
"""

import numpy as np
import pytest

import minidl
from minidl import applications, config
from minidl.applications import (
    CNN,
    MLP,
    VGG16,
    LeNet5,
    ResNet20,
    ResNet50,
    ResNet56,
    ResNetCifar,
    SoftmaxPerceptron,
    SpectralCNN,
)
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import BatchNormalization, Conv2D, Dense
from minidl.layers._weights import made_for_a_file
from minidl.models import model_from_json
from minidl.optimizers import SGD
from minidl.schedules import InverseTimeDecay
from minidl.utils import to_categorical

SMALL = {"input_shape": (8, 8, 3)}


@pytest.fixture
def weightless():
    with made_for_a_file(1 << 40):
        yield


def rows(model):
    """(output shape, parameters) of every layer, as summary prints them."""
    return [(layer.output.shape, layer.count_params()) for layer in model.layers]


def with_weights(model):
    return [layer for layer in model.layers if isinstance(layer, (Conv2D, Dense))]


def activations(layers):
    """The names of what stands behind them, or of what they are."""
    return [layer.activation if isinstance(layer.activation, str) else layer.activation.activation for layer in layers]


def trained_parameters(model):
    return sum(p.size for p in model.parameters)


# -- layers and parameters, row by row ---------------------------------------------------------------------------------


def test_softmax_perceptron():
    assert rows(SoftmaxPerceptron()) == [((10,), 7850), ((10,), 0)]
    assert rows(SoftmaxPerceptron((28, 28, 1), classes=3)) == [((784,), 0), ((3,), 2355), ((3,), 0)]


def test_mlp():
    assert rows(MLP()) == [((128,), 100480), ((128,), 0), ((128,), 16512), ((128,), 0), ((10,), 1290), ((10,), 0)]
    assert MLP((28, 28)).count_params() == 118282
    assert activations(MLP().layers[1::2]) == ["relu", "relu", "softmax"]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_cnn(weightless, data_format):
    with config.use_data_format(data_format):
        model = CNN()
    expected = [((28, 28, 20), 520), ((28, 28, 20), 0), ((14, 14, 20), 0)]
    expected += [((14, 14, 50), 25050), ((14, 14, 50), 0), ((7, 7, 50), 0)]
    if data_format == "channels_first":
        expected = [((shape[2], *shape[:2]), count) for shape, count in expected]
    expected += [((2450,), 0), ((500,), 1225500), ((500,), 0), ((10,), 5010), ((10,), 0)]
    assert rows(model) == expected
    assert model.count_params() == 1256080
    assert activations(model.layers[i] for i in (1, 4, 8, 10)) == ["relu", "relu", "relu", "softmax"]


def test_lenet5():
    expected = [((28, 28, 6), 156), ((14, 14, 6), 0), ((10, 10, 16), 2416), ((5, 5, 16), 0)]
    expected += [((400,), 0), ((120,), 48120), ((84,), 10164), ((10,), 850)]
    assert rows(LeNet5()) == rows(LeNet5((32, 32, 1))) == expected
    assert rows(LeNet5((31, 40, 1)))[0][0] == (31, 40, 6)  # padded where one side is small
    assert activations(with_weights(LeNet5())) == ["tanh"] * 4 + ["softmax"]
    with config.use_data_format("channels_first"):
        assert rows(LeNet5((1, 32, 32)))[0][0] == (6, 28, 28)


@pytest.mark.parametrize("make, depth, trained, running", [(ResNet20, 20, 272474, 1568), (ResNet56, 56, 855770, 4256)])
def test_resnets_for_cifar(weightless, make, depth, trained, running):
    model = make()
    projections = [layer.name for layer in model.layers if layer.name.endswith("_0_conv")]
    assert projections == ["conv3_block1_0_conv", "conv4_block1_0_conv"]
    assert len(with_weights(model)) == depth + len(projections)
    assert trained_parameters(model) == trained
    assert model.count_params() == trained + running
    assert model.get_layer("conv2_block1_out").output.shape == (32, 32, 16)
    assert model.get_layer("conv3_block1_out").output.shape == (16, 16, 32)
    assert model.get_layer(f"conv4_block{(depth - 2) // 6}_out").output.shape == (8, 8, 64)
    assert model.output_shape == (10,)
    assert model.name == f"resnet{depth}"


def test_a_residual_block_row_by_row(weightless):
    model = ResNet20()
    layers = [layer for layer in model.layers if layer.name.startswith("conv3_block1")]
    found = {layer.name.removeprefix("conv3_block1_"): (layer.output.shape, layer.count_params()) for layer in layers}
    shape = (16, 16, 32)
    assert found == {
        "1_conv": (shape, 16 * 9 * 32),
        "1_bn": (shape, 128),
        "1_relu": (shape, 0),
        "2_conv": (shape, 32 * 9 * 32),
        "2_bn": (shape, 128),
        "0_conv": (shape, 16 * 32),
        "0_bn": (shape, 128),
        "add": (shape, 0),
        "out": (shape, 0),
    }
    bn = next(layer for layer in layers if isinstance(layer, BatchNormalization))
    assert (bn.axis, bn.epsilon, bn.momentum) == (-1, 1e-5, 0.9)


VGG_ROWS = [  # of Keras's summary
    ("block1_conv1", (224, 224, 64), 1792), ("block1_conv2", (224, 224, 64), 36928), ("block1_pool", (112, 112, 64), 0),
    ("block2_conv1", (112, 112, 128), 73856), ("block2_conv2", (112, 112, 128), 147584), ("block2_pool", (56, 56, 128), 0),
    ("block3_conv1", (56, 56, 256), 295168), ("block3_conv2", (56, 56, 256), 590080), ("block3_conv3", (56, 56, 256), 590080),
    ("block3_pool", (28, 28, 256), 0), ("block4_conv1", (28, 28, 512), 1180160), ("block4_conv2", (28, 28, 512), 2359808),
    ("block4_conv3", (28, 28, 512), 2359808), ("block4_pool", (14, 14, 512), 0), ("block5_conv1", (14, 14, 512), 2359808),
    ("block5_conv2", (14, 14, 512), 2359808), ("block5_conv3", (14, 14, 512), 2359808), ("block5_pool", (7, 7, 512), 0),
    ("flatten", (25088,), 0), ("fc1", (4096,), 102764544), ("fc2", (4096,), 16781312), ("predictions", (1000,), 4097000),
]  # fmt: skip


def test_vgg16(weightless):
    model = VGG16()
    assert [(layer.name, layer.output.shape, layer.count_params()) for layer in model.layers] == VGG_ROWS
    assert model.count_params() == 138357544
    without = VGG16(include_top=False)
    assert [(layer.name, layer.output.shape, layer.count_params()) for layer in without.layers] == VGG_ROWS[:18]
    assert activations(with_weights(model)) == ["relu"] * 15 + ["softmax"]


RESNET_ROWS = [  # of Keras's summary, from its beginning and its end
    ("conv1_pad", (230, 230, 3), 0), ("conv1_conv", (112, 112, 64), 9472), ("conv1_bn", (112, 112, 64), 256),
    ("conv1_relu", (112, 112, 64), 0), ("pool1_pad", (114, 114, 64), 0), ("pool1_pool", (56, 56, 64), 0),
    ("conv2_block1_1_conv", (56, 56, 64), 4160), ("conv2_block1_1_bn", (56, 56, 64), 256),
    ("conv5_block3_3_conv", (7, 7, 2048), 1050624), ("conv5_block3_3_bn", (7, 7, 2048), 8192),
    ("conv5_block3_add", (7, 7, 2048), 0), ("conv5_block3_out", (7, 7, 2048), 0),
    ("avg_pool", (2048,), 0), ("predictions", (1000,), 2049000),
]  # fmt: skip


def test_resnet50(weightless):
    model = ResNet50()
    found = [(layer.name, layer.output.shape, layer.count_params()) for layer in model.layers]
    assert found[:8] + found[-6:] == RESNET_ROWS
    assert len(with_weights(model)) == 50 + 4  # and the projections
    assert (model.count_params(), trained_parameters(model)) == (25636712, 25583592)
    projections = [layer for layer in model.layers if layer.name.endswith("_0_conv")]
    assert [(layer.filters, layer.strides, layer.input.shape) for layer in projections] == [
        (256, (1, 1), (56, 56, 64)),
        (512, (2, 2), (56, 56, 256)),
        (1024, (2, 2), (28, 28, 512)),
        (2048, (2, 2), (14, 14, 1024)),
    ]
    norms = {(layer.epsilon, layer.momentum) for layer in model.layers if isinstance(layer, BatchNormalization)}
    assert norms == {(1.001e-5, 0.99)}
    assert activations([layer for layer in model.layers if layer.name.endswith(("relu", "out"))]) == ["relu"] * 49
    without = ResNet50(use_bias=False)
    assert (without.count_params(), trained_parameters(without)) == (25610152, 25557032)
    assert ResNet50(include_top=False).count_params() == 23587712
    with pytest.raises(ArgumentTypeError, match="use_bias=None"):
        ResNet50(use_bias=None)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_spectral_cnn(weightless, data_format):
    with config.use_data_format(data_format):
        model = SpectralCNN()
    expected = [((7, 7, 216, 48), 2208), ((7, 7, 216, 48), 0), ((7, 7, 72, 48), 0), ((7, 7, 76, 48), 0)]
    expected += [((5, 5, 72, 32), 69152), ((5, 5, 72, 32), 0), ((5, 5, 24, 32), 0), ((5, 5, 28, 32), 0)]
    expected += [((3, 3, 24, 32), 46112), ((3, 3, 24, 32), 0), ((3, 3, 12, 32), 0)]
    if data_format == "channels_first":
        expected = [((shape[3], *shape[:3]), count) for shape, count in expected]
    expected += [((3456,), 0), ((128,), 442496), ((128,), 0), ((128,), 16512), ((128,), 0), ((16,), 2064), ((16,), 0)]
    assert rows(model) == expected
    assert model.count_params() == 578544
    assert activations(layer for layer in model.layers if hasattr(layer, "formula")) == ["relu"] * 5 + ["softmax"]


def test_windows_of_the_smallest_size(weightless):
    assert SpectralCNN((7, 7, 22, 1), classes=3).output_shape == (3,)
    assert SpectralCNN((9, 8, 30, 2)).layers[0].W.shape == (3, 3, 5, 2, 48)
    for shape in ((7, 7, 21, 1), (6, 7, 22, 1), (9, 9, 220)):
        with pytest.raises(ShapeError, match=r"\(height, width, bands, channels\) of at least 7 x 7 pixels and 22"):
            SpectralCNN(shape)
    with config.use_data_format("channels_first"), pytest.raises(ShapeError, match="channels, height"):
        SpectralCNN((9, 9, 220, 1))


# -- arguments ---------------------------------------------------------------------------------------------------------

WITH_TOP = {"ResNet20": ResNet20, "ResNet50": ResNet50, "ResNet56": ResNet56, "VGG16": VGG16}
ALL = {**WITH_TOP, "CNN": CNN, "LeNet5": LeNet5, "MLP": MLP, "SoftmaxPerceptron": SoftmaxPerceptron, "SpectralCNN": SpectralCNN}


def test_every_function_is_tested_here():
    public = {name for name, value in vars(applications).items() if callable(value)}
    assert public == {*ALL, "ResNetCifar"}


@pytest.mark.parametrize("make", WITH_TOP.values(), ids=WITH_TOP)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_features(weightless, make, data_format):
    with config.use_data_format(data_format):
        shape = (64, 32, 3) if data_format == "channels_last" else (3, 64, 32)
        maps = make(include_top=False, input_shape=shape).output_shape
        channels = maps[-1] if data_format == "channels_last" else maps[0]
        spatial = maps[:-1] if data_format == "channels_last" else maps[1:]
        assert spatial == ((2, 1) if make in (VGG16, ResNet50) else (16, 8))
        for pooling in ("avg", "max"):
            model = make(include_top=False, input_shape=shape, pooling=pooling)
            assert model.output_shape == (channels,)
            assert model.layers[-1].name == f"{pooling}_pool"
            assert type(model.layers[-1]).__name__ == {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[pooling]


@pytest.mark.parametrize("make", WITH_TOP.values(), ids=WITH_TOP)
def test_classes_activation_and_name(weightless, make):
    model = make(classes=7, classifier_activation=None, input_shape=(32, 32, 3), name="mine")
    assert (model.name, model.output_shape) == ("mine", (7,))
    assert model.layers[-1].name == "predictions"
    assert activations([model.layers[-1], make().layers[-1]]) == ["linear", "softmax"]


@pytest.mark.parametrize("name", ALL)
def test_weights_are_not_promised(weightless, name):
    with pytest.raises(ArgumentError, match=rf"{name}: received weights='imagenet'.*no trained weights.*by_name=True"):
        ALL[name](weights="imagenet")
    with pytest.raises((ArgumentTypeError, ArgumentError), match="classes=0"):
        ALL[name](classes=0)
    with pytest.raises(ArgumentTypeError, match="name=3"):
        ALL[name](name=3)


@pytest.mark.parametrize("make", WITH_TOP.values(), ids=WITH_TOP)
@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"pooling": "avg"}, "pooling='avg' beside include_top=True"),
        ({"include_top": False, "pooling": "max_"}, "pooling='max_'.*'avg', 'max' or None.*Did you mean 'max'"),
        ({"include_top": False, "pooling": 2}, "pooling=2"),
        ({"include_top": False, "classes": 3}, "classes=3.*beside include_top=False"),
        ({"include_top": False, "classifier_activation": None}, "classifier_activation=None beside include_top=False"),
        ({"classifier_activation": "sotfmax"}, "Did you mean 'softmax'"),
        ({"include_top": "yes"}, "include_top='yes'"),
        ({"input_shape": (3, 3, 3)}, "images of 3 x 3 .channels_last.; expected at least"),
        ({"input_shape": (224, 224)}, r"input_shape=\(224, 224\).*\(height, width, channels\)"),
    ],
)
def test_arguments_that_make_no_sense(make, arguments, words):
    with pytest.raises((ArgumentError, ArgumentTypeError, ShapeError), match=words):
        make(**arguments)


@pytest.mark.parametrize("depth", [2, 7, 18, 34, 20.0, True])
def test_depths_of_other_networks(depth):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"ResNetCifar: received depth={depth}"):
        ResNetCifar(depth)


def test_images_of_the_smallest_size(weightless):
    assert CNN((4, 5, 2), classes=2).output_shape == (2,)
    assert LeNet5((12, 12, 1)).output_shape == (10,)
    assert VGG16(input_shape=(32, 32, 3)).output_shape == (1000,)
    for make, shape in ((CNN, (3, 4, 1)), (LeNet5, (11, 12, 1))):
        with pytest.raises(ShapeError, match="expected at least"):
            make(shape)


# -- what they compute -------------------------------------------------------------------------------------------------


def test_they_begin_uncompiled_and_by_the_seed():
    minidl.set_seed(3)
    first, other = ResNetCifar(8, **SMALL), ResNetCifar(8, **SMALL)
    minidl.set_seed(3)
    again = ResNetCifar(8, **SMALL)
    assert first.optimizer is None
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])
    assert first.get_weights()[0].std() == pytest.approx((2 / 27) ** 0.5, rel=0.15)  # He et al.: before a ReLU


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: ResNetCifar(8, **SMALL), marks=pytest.mark.slow, id="8"),
        pytest.param(lambda: LeNet5((12, 12, 1), classes=2), marks=pytest.mark.slow, id="lenet"),
    ],
)
def test_a_few_steps_of_training(make):
    minidl.set_seed(0)
    model = make()
    random = np.random.default_rng(0)
    x = random.normal(size=(16, *model.input_shape)).astype("float32")
    y = np.arange(16) % 2
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(x, y, batch_size=8, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.slow
def test_the_lecture_trains_the_spectral_network_on_squared_errors():
    minidl.set_seed(0)
    model = SpectralCNN((7, 7, 22, 1), classes=2)
    random, y = np.random.default_rng(0), np.arange(20) % 2
    x = random.normal(size=(20, 7, 7, 22, 1)).astype("float32") + np.where(y, 0.5, -0.5)[:, None, None, None, None]
    model.compile(SGD(InverseTimeDecay(1.0, decay_steps=1, decay_rate=5e-6)), "mse", metrics=["accuracy"])
    history = model.fit(x, to_categorical(y), batch_size=10, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.mark.slow
def test_a_training_step_of_resnet50():
    minidl.set_seed(0)
    model = ResNet50(input_shape=(64, 64, 3), classes=10)
    x = np.random.default_rng(0).normal(size=(4, 64, 64, 3)).astype("float32")
    assert model.predict(x).shape == (4, 10)
    before = model.get_weights()
    model.compile(SGD(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(x, np.arange(4), batch_size=4, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    names = [p.name for p in model.network.weights]
    assert all(moved or name == "b" for moved, name in zip(changed, names))  # a bias before a normalisation moves by rounding


def test_configuration_and_names_come_back(weightless):
    model = ResNetCifar(8, include_top=False, pooling="max", **SMALL)
    copy = model_from_json(model.to_json())
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert rows(copy) == rows(model)


def test_in_float64():
    with config.use_dtype("float64"):
        model = LeNet5()
    assert {p.dtype.name for p in model.parameters} == {"float64"}
