"""Whole models in files: layers, weights and settings come back; what is damaged or hostile is refused."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, CheckpointError, NotBuiltError
from minidl.layers import Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, Layer, MaxPooling2D
from minidl.losses import CategoricalCrossentropy
from minidl.models import Model, Sequential, load_model
from minidl.models.weights import classes_of, encode, named_weights
from minidl.optimizers import SGD
from minidl.regularizers import L1L2

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
Y = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]
KEPT = Path(__file__).parent / "files"  # written by earlier versions, and read for ever


def trained():
    minidl.set_seed(4)
    model = Sequential([Dense(5, activation="relu", input_shape=(4,)), BatchNormalization(), Dropout(0.2)], name="mine")
    model.add(Dense(3, activation="softmax", kernel_regularizer=L1L2(0.0, 0.01)))
    model.compile(SGD(0.05, momentum=0.9), CategoricalCrossentropy(), ["accuracy"])
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
    return model


def test_a_model_comes_back_as_it_was(tmp_path):
    model, path = trained(), tmp_path / "model.safetensors"
    model.save(path)
    again = load_model(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.name == "mine"
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert repr(again.optimizer) == repr(model.optimizer) == "SGD(learning_rate=0.05, momentum=0.9)"
    assert type(again.loss) is CategoricalCrossentropy
    assert [type(p).__name__ for p in again.network.state] == ["State", "State"]
    again.fit(X, Y, verbose=0)
    assert load_model(path, compile=False).optimizer is None


def test_graphs_nested_models_and_frozen_layers(tmp_path):
    x = Input((6, 6, 1))
    block = Sequential([Conv2D(2, 3, padding="same", input_shape=(6, 6, 1)), MaxPooling2D(2), Flatten()], name="block")
    h = block(x)
    model = Model(x, Dense(2)(Add()([Dense(4, trainable=False)(h), Dense(4)(h)])))
    model.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    images = np.random.default_rng(1).random((3, 6, 6, 1), dtype=np.float32)
    np.testing.assert_array_equal(again.predict(images), model.predict(images))
    assert [p.trainable for p in again.parameters] == [p.trainable for p in model.parameters]
    assert again.get_layer("block").layers[0].kernel_size == (3, 3)


def test_load_weights_reads_whole_models_and_load_model_says_what_weights_are(tmp_path):
    model = trained()
    model.save(tmp_path / "whole")
    model.save_weights(tmp_path / "weights")
    other = trained()
    other.set_weights([np.zeros_like(w) for w in other.get_weights()])
    assert other.load_weights(tmp_path / "whole") == []
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    with pytest.raises(CheckpointError, match=r"holds weights and no model.*load_weights"):
        load_model(tmp_path / "weights")


class Doubled(Layer):
    """A layer of one's own, with an integer state."""

    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape):
        self.seen = self.new_state("seen", (2,), dtype="int64")

    def apply(self, x, context):
        if context.training:
            context.update(self.seen, context.value(self.seen) + len(x))
        return x * self.factor, None

    def gradient(self, dy, saved, need_dx=True):
        return dy * self.factor


def largest(y_true, y_pred):
    """A metric of one's own."""
    return y_pred.max(axis=-1)


def test_own_classes_and_functions_come_from_the_caller(tmp_path):
    path = tmp_path / "m"
    model = Sequential([Doubled(3.0, input_shape=(4,)), Dense(3)])
    model.compile("adam", "mse", [largest])
    model.fit(X, Y, verbose=0)
    model.save(path)
    with pytest.raises(ArgumentError, match=r"layer Doubled.*custom_objects=\{'Doubled': Doubled\}"):
        load_model(path)
    with pytest.raises(ArgumentError, match=r"function largest.*custom_objects"):
        load_model(path, {"Doubled": Doubled})
    again = load_model(path, {"Doubled": Doubled, "largest": largest})
    assert again.layers[0].seen.value.tolist() == [6, 6]
    assert again.layers[0].seen.dtype == np.int64
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: Sequential([Dense(2)]), NotBuiltError, ["save"]),
        (lambda: Sequential([Doubled(lambda: 3, input_shape=(4,))]), ArgumentTypeError, ["Doubled: factor", "function"]),
        (lambda: Sequential([Doubled(float("nan"), input_shape=(4,))]), ArgumentTypeError, ["JSON", "finite"]),
        (lambda: Sequential([Doubled(np.zeros(3), input_shape=(4,))]), ArgumentTypeError, ["ndarray"]),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path, make, kind, words):
    path = tmp_path / "m"
    path.write_bytes(b"old")
    with pytest.raises(kind) as raised:
        make().save(path)
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m"]


# -- hostile and damaged files -----------------------------------------------------------------------------------------


def hostile(tmp_path, change, model=None, text=None):
    """A file whose digests are right and whose description of the model was changed."""
    model = model or trained()
    arrays = {name: p.value for name, p in named_weights(model.network).items()}
    from minidl.models import whole

    table = {"version": 1, "model": minidl.declared.Declared._plain(model), "compile": whole._settings(model)}
    table = json.loads(json.dumps(table))
    change(table)
    path = tmp_path / "hostile"
    path.write_bytes(encode(arrays, classes_of(model.network), json.dumps(table) if text is None else text))
    return path


def layer(text, index=0):
    return text["model"]["config"]["layers"][index]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.update(version=2), ["version '2'", "newer minidl"]),
        (lambda t: layer(t).update(class_name="os.system"), ["os.system"]),
        (lambda t: layer(t).update(kind="optimizer", class_name="Adam", config={}), ["among the layers"]),
        (lambda t: layer(t)["config"].update(units=10**15), ["shape (4, 1000000000000000)", "file holds"]),
        (lambda t: layer(t)["config"].update(units=6), ["shape"]),
        (lambda t: layer(t)["config"].update(units=10**5), ["shape (4, 100000)", "no more numbers than the file holds"]),
        (lambda t: layer(t)["config"].update(activation="exec"), ["exec"]),
        (lambda t: layer(t)["config"]["kernel_initializer"].update(class_name="Pickle"), ["Pickle"]),
        (lambda t: t.update(compile={"optimizer": "adam", "loss": "mse", "callbacks": []}), ["compile"]),
        (lambda t: t["compile"].update(loss={"kind": "loss", "class_name": "Own", "config": {}}), ["loss", "Own"]),
        (lambda t: t["compile"].update(optimizer={"kind": "optimizer", "class_name": "SGD", "config": 3}), ["SGD"]),
        (lambda t: t.update(model=[]), ["in the place of the model"]),
        (lambda t: t["model"]["config"].pop("layers"), ["'layers'"]),
    ],
)
def test_a_hostile_description_is_refused(tmp_path, change, words):
    path = hostile(tmp_path, change)
    tracemalloc.start()
    with pytest.raises((CheckpointError, ArgumentError, ArgumentTypeError, ValueError)) as raised:
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)
    assert peak < 20e6


@pytest.mark.parametrize(
    "text, words",
    [
        ("[1]", "a description of the model that is no table"),
        ('{"version": 1e999}', "the number 1e999"),
        ('{"version": Infinity}', "Infinity"),
        (f'{{"version": {"9" * 40}}}', "an integer of 40 digits"),
        ('{"version": 1, "version": 2}', "twice"),
    ],
)
def test_a_description_that_is_none(tmp_path, text, words):
    path = hostile(tmp_path, lambda t: None, text=text)
    with pytest.raises(CheckpointError, match=words):
        load_model(path)


def test_every_bit_of_the_description_counts(tmp_path):
    model, path = trained(), tmp_path / "m"
    model.save(path)
    content = path.read_bytes()
    begin = content.index(b"class_name")
    for at in range(begin, begin + 2000, 97):
        damaged = bytearray(content)
        damaged[at] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(CheckpointError):
            load_model(path)


def test_the_file_that_was_kept(tmp_path):
    """Version 1 of the format, written once: every later minidl reads it, and computes what it computed."""
    model = load_model(KEPT / "model_v1.safetensors")
    expected = np.load(KEPT / "model_v1_predictions.npy")
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-6)
    assert repr(model.optimizer) == "SGD(learning_rate=0.05, momentum=0.9)"
