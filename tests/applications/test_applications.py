"""The networks people know by name: their layers and parameters row by row, their arguments, a step of training.

Counting needs no numbers: ``weightless`` makes all weights zeros, which take no memory before somebody writes to them.
"""

import numpy as np
import pytest

import minidl
from minidl import applications, config
from minidl.applications import CNN, MLP, VGG16, LeNet5, ResNet20, ResNet56, ResNetCifar, SoftmaxPerceptron
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import BatchNormalization, Conv2D, Dense
from minidl.layers._weights import made_for_a_file
from minidl.models import model_from_json

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
    assert (bn.axis, bn.epsilon) == (-1, 1e-5)


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


# -- arguments ---------------------------------------------------------------------------------------------------------

WITH_TOP = {"ResNet20": ResNet20, "ResNet56": ResNet56, "VGG16": VGG16}
ALL = {**WITH_TOP, "CNN": CNN, "LeNet5": LeNet5, "MLP": MLP, "SoftmaxPerceptron": SoftmaxPerceptron}


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
        assert spatial == ((2, 1) if make is VGG16 else (16, 8))
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


@pytest.mark.parametrize("make", [lambda: ResNetCifar(8, **SMALL), lambda: LeNet5((12, 12, 1), classes=2)], ids=["8", "lenet"])
def test_a_few_steps_of_training(make):
    minidl.set_seed(0)
    model = make()
    random = np.random.default_rng(0)
    x = random.normal(size=(16, *model.input_shape)).astype("float32")
    y = np.arange(16) % 2
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(x, y, batch_size=8, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.75 * losses[0]


def test_configuration_and_names_come_back(weightless):
    model = ResNetCifar(8, include_top=False, pooling="max", **SMALL)
    copy = model_from_json(model.to_json())
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert rows(copy) == rows(model)


def test_in_float64():
    with config.use_dtype("float64"):
        model = LeNet5()
    assert {p.dtype.name for p in model.parameters} == {"float64"}
