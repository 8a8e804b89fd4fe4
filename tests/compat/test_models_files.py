"""Files of any name, configurations, and the parts of a model that scripts look at."""

# ruff: noqa: NPY002  (the state that scripts seed)

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from minidl import layers as today
from minidl import models
from minidl.compat.keras import losses, metrics
from minidl.compat.keras.engine.topology import Container, InputLayer, Layer, get_source_inputs
from minidl.compat.keras.engine.training import Verbs
from minidl.compat.keras.layers import Activation, Dense, Dropout
from minidl.compat.keras.models import (
    Model,
    Sequential,
    clone_model,
    load_model,
    model_from_config,
    model_from_json,
    model_from_yaml,
    save_model,
)
from minidl.compat.keras.names import forget
from minidl.compat.keras.optimizers import RMSprop
from minidl.errors import ArgumentError, ArgumentTypeError, CheckpointError, StateError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")  # not what is tested here
RNG = np.random.RandomState(0)
X, Y = RNG.rand(12, 3).astype("f"), RNG.randint(0, 2, 12)


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()
    np.random.seed(0)


def mlp(units: int = 1) -> Sequential:
    return Sequential([Dense(4, input_shape=(3,), activation="relu"), Dropout(0.5), Dense(units)])


def nested() -> Model:
    x = today.Input((3,), name="x")
    return Model(x, Dense(2)(Sequential([Dense(4, input_shape=(3,))])(x)))


# -- files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model", "weights.{epoch}.txt", "model.safetensors"])
def test_any_name(tmp_path: Any, name: str) -> None:
    model = mlp()
    model.compile("adam", "mse", metrics=["mae", "accuracy"])
    path = str(tmp_path / name)
    model.save(path)
    other = load_model(path)
    assert isinstance(other, Sequential)
    assert np.array_equal(other.predict(X), model.predict(X))
    assert other.metrics_names == model.metrics_names == ["loss", "mean_absolute_error", "acc"]
    other.fit(X, Y, verbose=0)
    model.save_weights(path)
    fresh = mlp()
    fresh.load_weights(path)
    assert np.array_equal(fresh.predict(X), model.predict(X))


def test_the_optimizer_is_as_it_was(tmp_path: Any) -> None:
    model = mlp()
    model.compile(RMSprop(lr=0.25, rho=0.5), losses.kullback_leibler_divergence, metrics=[metrics.cosine_proximity, "kld"])
    save_model(model, tmp_path / "m.h5")
    other = load_model(tmp_path / "m.h5")
    assert (type(other.optimizer), other.optimizer.lr) == (type(model.optimizer), 0.25)
    assert other.metrics_names == model.metrics_names
    assert type(other.loss) is type(model.loss)
    uncompiled = load_model(tmp_path / "m.h5", compile=False)
    assert uncompiled.optimizer is None
    save_model(model, tmp_path / "n.h5", include_optimizer=False)
    assert load_model(tmp_path / "n.h5").optimizer is None
    assert model.optimizer is not None


def test_minidl_reads_what_old_scripts_wrote(tmp_path: Any) -> None:
    model = nested()
    model.compile("adam", "mse", metrics=["mae"])
    model.save(tmp_path / "m.h5")
    other = models.load_model(tmp_path / "m.h5")
    assert type(other) is models.Model
    assert type(other.layers[0]) is models.Sequential
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_models_within_models_come_back_with_their_face(tmp_path: Any) -> None:
    model = nested()
    model.save(tmp_path / "m.h5")
    for other in (
        load_model(tmp_path / "m.h5"),
        model_from_json(model.to_json()),
        clone_model(model),
        model_from_yaml(model.to_yaml()),
    ):
        assert isinstance(other, Model)
        inner = other.layers[1]
        assert isinstance(inner, Sequential)
        assert inner.output_shape == (None, 4)
        assert [layer.name for layer in other.layers] == ["x", "sequential_1", "dense_1"]
    assert isinstance(models.load_model(tmp_path / "m.h5"), models.Model)


def test_hdf5_is_recognised_and_refused(tmp_path: Any) -> None:
    path = tmp_path / "of_keras.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for read in (lambda: load_model(path), lambda: mlp().load_weights(path), lambda: mlp().load_weights(path, by_name=True)):
        with pytest.raises(CheckpointError, match=r"an HDF5 file, which Keras wrote.*set_weights"):
            read()
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nowhere.h5")


def test_weights_go_by_their_order(tmp_path: Any) -> None:
    model = mlp()
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([Dense(4, input_shape=(3,), name="a"), Activation("relu"), Activation("linear"), Dense(1, name="b")])
    other.load_weights(tmp_path / "w.h5")  # other layers without weights between them, other names
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    before = mlp(2).get_weights()
    wrong = mlp(2)
    wrong.set_weights(before)
    with pytest.raises(CheckpointError, match="misfits"):
        wrong.load_weights(tmp_path / "w.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, wrong.get_weights()))
    with pytest.raises(CheckpointError):
        Sequential([Dense(4, input_shape=(3,))]).load_weights(tmp_path / "w.h5")


def test_weights_by_name(tmp_path: Any) -> None:
    model = Sequential([Dense(4, input_shape=(3,), name="below"), Dense(1, name="head")])
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([Dense(4, input_shape=(3,), name="below"), Dense(7, name="new")])
    other.load_weights(tmp_path / "w.h5", by_name=True)
    assert np.array_equal(other.layers[0].get_weights()[0], model.layers[0].get_weights()[0])


def test_overwriting_asks(tmp_path: Any, monkeypatch: Any) -> None:
    model, path = mlp(), tmp_path / "m.h5"
    model.save_weights(path, overwrite=False)
    before, answers = path.read_bytes(), iter(["what", "n", "Y"])
    monkeypatch.setattr("builtins.input", lambda text: next(answers))
    model.set_weights([2 * w for w in model.get_weights()])
    model.save(path, overwrite=False)
    assert path.read_bytes() == before
    model.save_weights(path, overwrite=False)
    assert path.read_bytes() != before


def test_functions_of_the_script_are_given_again(tmp_path: Any) -> None:
    def size(y_true: Any, y_pred: Any) -> Any:
        return abs(y_pred[:, 0])

    model = mlp()
    model.compile("sgd", "mse", metrics=[size])
    model.save(tmp_path / "m.h5")
    with pytest.raises(ArgumentError, match="custom_objects"):
        load_model(tmp_path / "m.h5")
    assert load_model(tmp_path / "m.h5", custom_objects={"size": size}).metrics_names == ["loss", "size"]


# -- configurations --------------------------------------------------------------------------------------------------------


def test_configurations() -> None:
    model = mlp()
    text = model.to_json()
    assert json.loads(text)["class_name"] == "Sequential"
    for other in (model_from_json(text), Sequential.from_config(model.get_config()), model_from_yaml(model.to_yaml()),
                  model_from_config(json.loads(text)), clone_model(model)):  # fmt: skip
        assert isinstance(other, Sequential)
        assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
        other.set_weights(model.get_weights())
        assert np.array_equal(other.predict(X), model.predict(X))
    with pytest.raises(CheckpointError, match="to_json"):
        model_from_yaml("backend: tensorflow\nclass_name: Sequential\n")
    with pytest.raises(ArgumentTypeError, match="class_name"):
        model_from_config([])
    with pytest.raises(ArgumentTypeError, match="input_tensors"):
        clone_model(model, input_tensors=X)


# -- parts -----------------------------------------------------------------------------------------------------------------


def test_layers_by_name_and_number() -> None:
    model = mlp()
    assert [layer.name for layer in model.layers] == ["dense_1", "dropout_1", "dense_2"]
    assert model.get_layer("dense_2") is model.get_layer(index=2) is model.layers[-1]
    assert isinstance(model.layers[0], Dense)
    graph = nested()
    assert [layer.name for layer in graph.layers] == ["x", "sequential_2", "dense_3"]
    assert graph.layers[0].get_weights() == []
    assert graph.layers[0].output_shape == (None, 3)
    assert graph.get_layer(index=1).input_shape == (None, 3)
    assert graph.layers[0] is graph.layers[0]
    with pytest.raises(ValueError, match="Did you mean 'dense_3'"):
        graph.get_layer("dense3")


def test_names_of_models_and_layers_count_up() -> None:
    assert [mlp().name, mlp().name, nested().name, nested().name] == ["sequential_1", "sequential_2", "model_1", "model_2"]
    assert mlp().layers[0].name == "dense_9"


def test_pop_and_add() -> None:
    model = mlp()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    first = model.layers[0]
    model.pop()
    model.pop()
    assert model.layers == [first]
    assert model.output_shape == (None, 4)
    assert model.optimizer is None
    model.add(Dense(2, activation="softmax"))
    assert model.output_shape == (None, 2)
    assert model.layers[0] is first
    model.compile("sgd", "categorical_crossentropy")
    model.fit(X, np.eye(2)[(Y > 0.5).astype(int)], verbose=0)
    assert model.predict(X).shape == (12, 2)
    model.pop()
    model.pop()
    assert model.layers == []
    with pytest.raises(StateError, match="without layers"):
        model.pop()
    model.add(Dense(5, input_shape=(7,)))
    assert model.input_shape == (None, 7)


def test_a_layer_of_another_model_is_not_changed() -> None:
    x = today.Input((3,))
    inner = mlp()
    Outer = Model(x, Dense(1)(inner(x)))
    with pytest.raises(StateError, match="layer of another"):
        inner.pop()
    with pytest.raises(StateError, match="layer of another"):
        inner.add(Dense(1))
    assert Outer.predict(X).shape == (12, 1)


def test_inner_results_are_outputs_of_new_models() -> None:
    model = mlp()
    features = Model(model.input, model.layers[0].output)
    assert features.predict(X).shape == (12, 4)
    assert Model(inputs=model.inputs, outputs=model.outputs).predict(X).shape == (12, 1)
    x = today.Input((3,), name="x")
    cut = Model(x, Dense(2)(Dense(4)(x)))
    cut.layers.pop()  # off the list, which stays as it is left; the model computes what it did
    assert [layer.name for layer in cut.layers] == ["x", cut.layers[-1].name]
    assert cut.predict(X).shape == (12, 2)
    assert Model(cut.input, cut.layers[-1].output).predict(X).shape == (12, 4)


def test_flags_and_attributes() -> None:
    model = mlp()
    assert (model.built, model.uses_learning_phase, model.stateful) == (True, True, False)
    assert nested().uses_learning_phase is False
    assert model.model is model
    assert Sequential([Dense(1)]).built is False
    assert Sequential([Dense(1)]).input_shape is None
    regularized = Sequential([Dense(1, input_shape=(3,), kernel_regularizer="l2", kernel_initializer="ones")])
    assert regularized.losses == [pytest.approx(0.03)]
    rnn = Sequential([today.LSTM(2, input_shape=(4, 1), stateful=True)])
    assert rnn.stateful
    x = RNG.rand(2, 4, 1)
    first = rnn.predict(x, batch_size=2)
    assert not np.array_equal(first, rnn.predict(x, batch_size=2))
    rnn.reset_states()
    assert np.array_equal(first, rnn.predict(x, batch_size=2))


def test_the_base_of_all_models_is_minidl() -> None:
    assert issubclass(Sequential, models.Sequential)
    assert issubclass(Model, models.Model)
    assert isinstance(mlp(), (models.Model, Verbs))
    assert Container is Model
    assert issubclass(type(Dense(1)), Layer)
    x = today.Input((3,))
    y = today.Input((3,))
    assert get_source_inputs(Dense(1)(today.Add()([Dense(3)(x), y]))) == [x, y]
    assert InputLayer is not None


def test_an_input_layer_is_the_first_layer() -> None:
    model = Sequential()
    model.add(InputLayer(input_shape=(3,)))
    model.add(Dense(2))
    assert [layer.name for layer in model.layers] == ["input_1", "dense_1"]
    assert model.input_names == ["input_1"]
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert lines[3].startswith("input_1 (InputLayer)         (None, 3)")


def test_nothing_without_inputs_or_outputs() -> None:
    for given in ({}, {"inputs": today.Input((3,))}):
        with pytest.raises(ArgumentTypeError, match="Model: received no"):
            Model(**given)
    with pytest.raises(TypeError, match="Did you mean 'outputs'"):
        Model(today.Input((3,)), outptus=1)
