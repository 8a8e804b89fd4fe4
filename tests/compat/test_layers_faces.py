"""What scripts ask a layer: its shapes with the batch axis, and its weights under the names of Keras 2.1."""

from __future__ import annotations

import copy
import importlib
import pickle

import numpy as np
import pytest

from minidl import layers as today
from minidl import models as today_models
from minidl.compat.keras import layers as old
from minidl.compat.keras.layers.faces import face_of, faced
from minidl.compat.keras.models import Model, Sequential, clone_model, load_model, model_from_json
from minidl.errors import StateError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")


def small():
    return Sequential(
        [
            old.Conv2D(4, (3, 3), padding="same", input_shape=(6, 6, 1)),
            old.MaxPooling2D(),
            old.Flatten(),
            old.Dense(3, activation="softmax"),
        ]
    )


def test_shapes_have_the_batch_axis():
    shapes = [(layer.input_shape, layer.output_shape) for layer in small().layers]
    assert shapes == [
        ((None, 6, 6, 1), (None, 6, 6, 4)),
        ((None, 6, 6, 4), (None, 3, 3, 4)),
        ((None, 3, 3, 4), (None, 36)),
        ((None, 36), (None, 3)),
    ]
    assert all(isinstance(layer.output_shape, tuple) for layer in small().layers)


def test_shapes_of_several():
    x, z = old.Input((4,)), old.Input((4,))
    both = old.Add()
    both([x, z])
    assert (both.input_shape, both.output_shape) == ([(None, 4), (None, 4)], (None, 4))
    lstm = old.LSTM(3, return_state=True, batch_input_shape=(7, 5, 2))
    Sequential([lstm])
    assert lstm.output_shape == [(7, 3), (7, 3), (7, 3)]
    assert lstm.input_shape == (7, 5, 2)


def test_a_layer_in_no_model_has_no_shapes():
    layer = old.Dense(3)
    assert not layer.built
    for name in ("input_shape", "output_shape"):
        with pytest.raises(StateError, match="in no model yet"):
            getattr(layer, name)
    with pytest.raises(AttributeError, match="batch_input_shape"):
        _ = layer.batch_input_shape


def test_shapes_worked_out():
    layer = old.Conv2D(4, (3, 3))
    assert layer.compute_output_shape((None, 8, 8, 1)) == (None, 6, 6, 4)
    assert layer.get_output_shape_for((32, 8, 8, 1)) == (32, 6, 6, 4)
    assert old.Add().compute_output_shape([(2, 4), (2, 4)]) == (2, 4)


def test_uses_of_a_layer():
    shared, x, z = old.Dense(3), old.Input((4,)), old.Input((4,))
    first, second = shared(x), shared(z)
    assert (shared.get_input_at(0), shared.get_input_at(1)) == (x, z)
    assert (shared.get_output_at(0), shared.get_output_at(1)) == (first, second)
    assert (shared.get_input_shape_at(1), shared.get_output_shape_at(1)) == ((None, 4), (None, 3))
    both = old.Add()
    total = both([first, second])
    assert both.output is total
    assert both.get_input_at(0) == [first, second]
    assert both.get_input_shape_at(0) == [(None, 3), (None, 3)]


def test_weights_as_scripts_call_them():
    dense, normal = old.Dense(3, input_shape=(4,)), old.BatchNormalization()
    Sequential([dense, normal])
    assert dense.built
    assert dense.kernel is dense.W
    assert [p.name for p in dense.trainable_weights] == ["W", "b"]
    assert [p.name for p in normal.trainable_weights] == ["gamma", "beta"]
    assert [p.name for p in normal.non_trainable_weights] == ["moving_mean", "moving_variance"]
    dense.trainable = False
    assert (dense.trainable_weights, len(dense.non_trainable_weights)) == ([], 2)
    lstm, table = old.LSTM(3), old.Embedding(9, 3)
    Sequential([table, lstm])
    assert lstm.recurrent_kernel is lstm.W_recurrent
    assert table.embeddings is table.W
    assert old.LeakyReLU(0.1).alpha == 0.1
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'kernels'"):
        _ = dense.kernels
    assert dense.count_params() == 15
    assert [w.shape for w in dense.get_weights()] == [(4, 3), (3,)]
    dense.set_weights([np.ones((4, 3)), np.ones(3)])
    np.testing.assert_array_equal(dense.kernel.value, 1)


def test_it_is_a_layer_of_minidl():
    layer = old.Dense(3)
    assert isinstance(layer, today.Dense)
    assert isinstance(layer, old.Dense)
    assert isinstance(today.Dense(3), old.Dense)
    assert not isinstance(layer, old.Conv2D)
    assert type(layer).__name__ == "Dense"
    assert layer.label == f"{layer.name} (Dense)"
    assert faced(layer) is layer
    assert type(layer) is face_of(today.Dense)
    assert type(faced(today.Dense(3))) is type(layer)
    assert faced(3) == 3


def test_minidl_reads_its_own_shapes():
    model = small()
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1))
    assert model.predict(x).shape == (5, 3)
    plain = today_models.Sequential(
        [today.Conv2D(4, (3, 3), padding="same", input_shape=(6, 6, 1)), today.MaxPooling2D(), today.Flatten()]
    )
    plain.add(today.Dense(3, activation="softmax"))
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(plain.predict(x), model.predict(x))
    model.compile("sgd", "categorical_crossentropy")
    model.fit(x, np.eye(3)[[0, 1, 2, 0, 1]], verbose=0)


def test_copies_and_files_are_those_of_minidl(tmp_path):
    model = small()
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1))
    other = copy.deepcopy(model)
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    assert [layer.output_shape for layer in other.layers] == [layer.output_shape for layer in model.layers]
    plain = pickle.loads(pickle.dumps(model.layers[0]))
    assert type(plain) is today.Conv2D
    np.testing.assert_array_equal(plain(x), model.layers[0](x))
    assert "faces" not in model.to_json()
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.h5")
    for read in (load_model(tmp_path / "model.h5"), model_from_json(model.to_json()), clone_model(model)):
        assert [layer.output_shape for layer in read.layers] == [layer.output_shape for layer in model.layers]
    config = model.layers[0].get_config()
    again = old.Conv2D.from_config(config)
    assert again.get_config() == config


def test_layers_as_dictionaries():
    for layer in (old.Conv2D(3, (2, 2), name="seen"), old.MaxoutDense(3), old.LSTM(2)):
        written = old.serialize(layer)
        assert written["class_name"] == type(layer).__name__
        assert type(layer) in (old.Conv2D, old.MaxoutDense, old.LSTM)
        again = old.deserialize(written)
        assert type(again) is type(layer)
        assert again.get_config() == layer.get_config()


def test_what_a_star_gives():
    given: dict[str, object] = {}
    exec("from minidl.compat.keras.layers import *", given)
    assert {"Dense", "merge", "Merge", "add", "Lambda", "Input", "K", "np", "initializers", "core"} <= set(given)
    assert given["merge"] is old.merge
    assert not {"OldLayer", "today", "Any", "faces", "options"} & set(given)
    exec("from minidl.compat.keras.layers.convolutional import *", given := {})
    assert {"Convolution2D", "MaxPooling2D", "AtrousConvolution1D", "ZeroPadding3D"} <= set(given)
    assert not {"OldLayer", "today"} & set(given)


@pytest.mark.parametrize(
    "module, names",
    [
        ("core", "Dense Activation Flatten Dropout Reshape RepeatVector Permute Masking Lambda SpatialDropout1D MaxoutDense"),
        (
            "convolutional",
            "Convolution1D Convolution2D Convolution3D Conv2D MaxPooling2D MaxPooling1D AveragePooling3D UpSampling2D",
        ),
        ("pooling", "MaxPooling2D GlobalAveragePooling2D GlobalMaxPool1D AvgPool3D"),
        ("recurrent", "LSTM GRU SimpleRNN RNN LSTMCell StackedRNNCells Recurrent"),
        ("embeddings", "Embedding"),
        ("normalization", "BatchNormalization"),
        ("noise", "GaussianNoise GaussianDropout AlphaDropout"),
        ("advanced_activations", "LeakyReLU PReLU ELU ThresholdedReLU"),
        ("wrappers", "TimeDistributed Bidirectional Wrapper"),
        ("merge", "Add Dot add concatenate dot Concatenate"),
        ("local", "LocallyConnected1D LocallyConnected2D"),
        ("convolutional_recurrent", "ConvLSTM2D ConvRecurrent2D"),
        ("cudnn_recurrent", "CuDNNGRU CuDNNLSTM"),
        ("topology", "Input InputLayer Layer InputSpec"),
    ],
)
def test_modules(module, names):
    found = importlib.import_module(f"minidl.compat.keras.layers.{module}")
    for name in names.split():
        assert getattr(found, name) is getattr(old, name)
        assert name in found.__all__
    legacy = importlib.import_module("minidl.compat.keras.legacy.layers")
    assert legacy.Merge is old.Merge


def test_classes_of_a_script():
    class Mine(old.Dense):
        def output_shape(self, input_shape):
            return super().output_shape(input_shape)

    model = Model(*_through(Mine(3)))
    assert model.predict(np.zeros((2, 4))).shape == (2, 3)
    assert isinstance(Mine(3), old.Dense)


def _through(layer):
    x = old.Input((4,))
    return x, layer(x)


def test_wrappers_show_the_face_of_what_is_within():
    layer = old.TimeDistributed(old.Dense(3), input_shape=(5, 4))
    Sequential([layer])
    assert (layer.output_shape, layer.layer.output_shape) == ((None, 5, 3), (None, 3))
    both = old.Bidirectional(old.LSTM(3), input_shape=(5, 4))
    Sequential([both])
    assert both.forward_layer.output_shape == both.backward_layer.output_shape == (None, 3)
    model = old.TimeDistributed(small(), input_shape=(2, 6, 6, 1))
    Sequential([model])
    assert model.output_shape == (None, 2, 3)
