"""``trainable=False`` from the start freezes a layer and all within it, and files keep which of them was thawed."""

import copy

import pytest

from minidl.layers import (
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    Recompute,
    StackedRNNCells,
    TimeDistributed,
)
from minidl.layers.containers import Chain
from minidl.layers.context import INFERENCE
from minidl.layers.graph import Graph
from minidl.models import Sequential, clone_model, load_model
from tests.cases.layers import LAYERS
from tests.cases.sample import only

BUILT = {name: case.layer() for name, case in LAYERS.items()}
ALONE = [name for name, layer in BUILT.items() if layer.parameters and not isinstance(layer, (Chain, Graph))]
WITHIN = ["recompute", "time_distributed", "bidirectional", "rnn", "stacked"]


def wrapped(kind, trainable=False):
    """A layer around others, two parameters at least."""
    if kind == "recompute":
        return Recompute(Sequential([Dense(3), Dense(2)]), trainable=trainable)
    if kind == "time_distributed":
        return TimeDistributed(Dense(2), trainable=trainable)
    if kind == "bidirectional":
        return Bidirectional(LSTM(2), trainable=trainable)
    if kind == "rnn":
        return RNN(LSTMCell(2), trainable=trainable)
    return RNN(StackedRNNCells([LSTMCell(2), GRUCell(3)], trainable=trainable))


def trainable(layer):
    return [p.trainable for p in layer.parameters]


@pytest.mark.parametrize("name", only(ALONE, always=["dense_relu"]))
def test_every_layer_takes_the_argument(name):
    layer = BUILT[name]
    made = type(layer)(**copy.deepcopy({**layer._arguments(), "trainable": False}))
    made.build(layer.input_shape)
    assert len(made.parameters) == len(layer.parameters)
    assert not any(trainable(made))


@pytest.mark.parametrize("kind", WITHIN)
def test_what_is_within_is_frozen_too(kind):
    model = Sequential([Input((4, 3)), wrapped(kind)])
    layer = model.layers[-1]
    assert not any(trainable(model))
    assert len(trainable(model)) > 1
    layer.trainable = True
    assert all(trainable(model))
    assert all(trainable(Sequential([Input((4, 3)), wrapped(kind, True)])))


@pytest.mark.parametrize("thaw", ["nothing", "all", "within"])
@pytest.mark.parametrize("kind", WITHIN)
def test_files_and_clones_keep_what_was_thawed(kind, thaw, tmp_path):
    model = Sequential([Input((4, 3)), wrapped(kind)])
    layer = model.layers[-1]
    if thaw == "all":
        layer.trainable = True
    elif thaw == "within":
        first = next(iter(layer.sublayers()))
        (next(iter(first.sublayers())) if kind == "stacked" else first).trainable = True
    model.save(tmp_path / "model.safetensors")
    for again in (load_model(tmp_path / "model.safetensors"), clone_model(model)):
        assert trainable(again) == trainable(model)
        assert again.layers[-1].trainable == layer.trainable
    assert any(trainable(model)) == (thaw != "nothing")


class Twice(Layer):
    """A layer of one's own around layers that it makes: one at once, one when it is built."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.first = Dense(units)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second = Dense(self.units)
        self.second.build((self.units,))

    def output_shape(self, input_shape):
        return (self.units,)

    def apply(self, x, context=INFERENCE):
        y, first = self.first.apply(x, context)
        y, second = self.second.apply(y, context)
        return y, (first, second)

    def gradient(self, dy, saved, need_dx=True):
        return self.first.gradient(self.second.gradient(dy, saved[1]), saved[0], need_dx)


class Within(Twice):
    """A subclass whose constructor goes on after that of the class above."""

    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.third = [Dense(units)]

    def build(self, input_shape):
        super().build(input_shape)
        self.third[0].build((self.units,))


@pytest.mark.parametrize("cls", [Twice, Within])
def test_a_frozen_layer_of_ones_own_freezes_what_it_makes(cls, tmp_path):
    layer = cls(2, trainable=False)
    model = Sequential([Input((3,)), layer])
    assert not any(trainable(model))
    assert len(trainable(model)) >= 4
    assert all(trainable(Sequential([Input((3,)), cls(2)])))
    again = clone_model(model)
    model.save(tmp_path / "own.safetensors")
    loaded = load_model(tmp_path / "own.safetensors", custom_objects={cls.__name__: cls})
    for other in (again, loaded):
        assert not other.layers[-1].trainable
        assert not any(trainable(other))
