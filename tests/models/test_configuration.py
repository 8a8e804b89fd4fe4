"""Object -> configuration -> JSON -> object gives the same behaviour, for every layer and for models of all kinds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minidl import declared
from minidl.errors import ArgumentError, ArgumentTypeError, CheckpointError
from minidl.layers import Activation, Add, Conv2D, Dense, Dropout, Flatten, Input, Layer, Recompute
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.models import Model, Sequential, clone_model, load_model, model_from_json
from minidl.regularizers import L1L2
from tests.cases.case import layers_of
from tests.cases.layers import LAYERS, Case, sampled

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
SINGLE = [case for case in LAYERS.values() if type(case.make()) not in (Chain, Graph)]


def through_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("case", **sampled(SINGLE))
def test_a_layer_made_of_its_configuration_computes_the_same(case: Case):
    layer = case.layer()
    again = type(layer).from_config(through_json(layer.get_config()), {"Chain": Chain})
    again.ensure_built(case.input_shape)
    assert through_json(again.get_config()) == through_json(layer.get_config())
    assert repr(again) == repr(layer)
    for p, q in zip(again.weights, layer.weights, strict=True):
        assert (p.name, type(p)) == (q.name, type(q))
        p.value = q.value
    for training in (True, False):
        if "recompute" in case.name and training:
            continue
        y, expected = (x.forward(case.inputs(), training=training) for x in (again, layer))
        np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_every_layer_of_the_table_has_a_case():
    covered = {type(layer).__name__ for case in LAYERS.values() for layer in layers_of(case.make())}
    assert set(declared.classes("layer")) <= covered


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", declared.classes("layer"))
def test_every_argument_is_kept_as_an_attribute(name):
    cls = declared.classes("layer")[name]
    layer = next(layer for case in LAYERS.values() for layer in layers_of(case.make()) if type(layer) is cls)
    for argument in declared.arguments_of(cls):
        getattr(layer, argument)


def test_arguments_stay_readable():
    layer = Conv2D(3, 5, strides=2, padding="same", activation="relu", kernel_regularizer=L1L2(0.1))
    assert (layer.filters, layer.kernel_size, layer.strides, layer.padding) == (3, (5, 5), (2, 2), "same")
    expected = "Conv2D(3, (5, 5), strides=(2, 2), padding='same', activation='relu', kernel_regularizer=L1L2(l1=0.1, l2=0.0))"
    assert repr(layer) == expected
    assert repr(Dense(2)) == "Dense(2)"
    assert repr(Dropout(0.5, name="mine", trainable=False)) == "Dropout(0.5, name='mine', trainable=False)"


def test_trainable_and_dtype_are_arguments_of_every_layer():
    layer = Dense(2, trainable=False, dtype="float64", input_shape=(4,))
    model = Sequential([layer])
    assert [p.trainable for p in model.parameters] == [False, False]
    assert layer.W.dtype == np.float64
    again = Dense.from_config(through_json(layer.get_config()))
    assert (again.trainable, again.dtype) == (False, "float64")
    with pytest.raises(ArgumentError, match="float16"):
        Dense(2, dtype="float16")
    with pytest.raises(TypeError, match="unknown"):
        Dense(2, unknown=1)


# -- models ------------------------------------------------------------------------------------------------------------


def residual():
    x = Input((4,), name="numbers")
    inner = Sequential([Dense(4, activation="tanh", input_shape=(4,)), Dropout(0.3, seed=1)], name="inner")
    shared = Dense(4, activation="relu")
    h = Add()([inner(x), shared(shared(x))])
    return Model(x, [Dense(2, name="two")(h), Dense(3, name="three")(inner(h))])


def assert_alike(model, again):
    assert through_json(again.get_config()) == through_json(model.get_config())
    again.set_weights(model.get_weights())
    y, expected = again.network.apply(X)[0], model.network.apply(X)[0]
    for a, b in zip(y if isinstance(y, tuple) else (y,), expected if isinstance(expected, tuple) else (expected,)):
        np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([Dense(3, activation="relu", input_shape=(4,)), Dropout(0.2), Dense(2)], name="mine"),
        lambda: Sequential([Sequential([Dense(3, input_shape=(4,))], name="inner"), Activation("elu", alpha=0.3)]),
        residual,
    ],
)
def test_a_model_made_of_its_configuration_is_alike(make):
    model = make()
    assert_alike(model, type(model).from_config(through_json(model.get_config())))
    assert_alike(model, model_from_json(model.to_json()))
    clone = clone_model(model)
    assert any((a != b).any() for a, b in zip(clone.get_weights(), model.get_weights())), "with new weights"
    assert_alike(model, clone)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert clone.input_names == model.input_names
    assert not {id(p) for p in clone.parameters} & {id(p) for p in model.parameters}


def test_what_is_shared_stays_shared():
    model = residual()
    again = model_from_json(model.to_json(indent=1))
    assert len(again.layers) == len(model.layers)
    assert len(again.parameters) == len(model.parameters)
    x = Input((4,))
    dense = Dense(4)
    inner = Sequential([dense])
    inner.build((4,))
    both = Model(x, Add()([dense(x), inner(x)]))
    again = model_from_json(both.to_json())
    assert len(again.parameters) == 2
    assert again.layers[0] is again.layers[1].layers[0] or again.layers[1] is again.layers[0].layers[0]


def test_names_of_inputs_and_outputs_are_written():
    a, b = Input((4,)), Input((4,))
    model = Model({"left": a, "right": b}, {"sum": Add()([a, b]), "wide": Dense(3)(a)})
    again = model_from_json(model.to_json())
    assert (again.input_names, again.output_names) == (["left", "right"], ["sum", "wide"])
    np.testing.assert_array_equal(again.predict({"right": X, "left": 2 * X})["sum"], 3 * X)


def test_a_layer_keeps_the_name_that_a_model_gave_it():
    """In another model too, and where it is made again: saved weights are found by their names."""
    first = Sequential([Dense(4, input_shape=(4,)), Dense(4), Dense(4)])
    assert [layer.name for layer in first.layers] == ["dense_1", "dense_2", "dense_3"]
    other = Sequential([Dense(4, input_shape=(4,)), first.layers[2], first.layers[1]])
    assert [layer.name for layer in other.layers] == ["dense_1", "dense_3", "dense_2"]
    assert [layer.name for layer in model_from_json(other.to_json()).layers] == ["dense_1", "dense_3", "dense_2"]


def test_what_is_shared_within_a_layers_argument_stays_shared(tmp_path):
    x = Input((4,))
    dense, inner = Dense(4), Sequential([Dense(4, input_shape=(4,)), Activation("tanh")])
    leaky = Activation("leaky_relu", negative_slope=0.3, name="leaky")
    parts = [dense(x), Recompute(dense)(x), Recompute(inner)(x), inner(x), Dense(4, activation=leaky)(x), leaky(x)]
    model = Model(x, Add()(parts))
    model.save(tmp_path / "model")
    data = np.ones((2, 4))
    for again in (load_model(tmp_path / "model"), clone_model(model), model_from_json(model.to_json(sort_keys=True))):
        assert len(again.parameters) == len(model.parameters) == 6
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict(data), model.predict(data))
        (dense,) = [layer for layer in again.layers if isinstance(layer, Dense) and layer.activation.options]
        assert dense.activation is again.get_layer("leaky")


def test_a_class_of_ones_own_stands_beside_minidls_of_the_same_name(tmp_path):
    OwnDense = type("Dense", (Scale,), {})
    model = Sequential([Dense(4, input_shape=(4,)), OwnDense(2.0)])
    model.save(tmp_path / "model")
    for again in (load_model(tmp_path / "model", {"Dense": OwnDense}), clone_model(model)):
        assert [type(layer) for layer in again.layers] == [Dense, OwnDense]


def test_a_model_without_an_input_shape():
    model = Sequential([Dense(3), Flatten()])
    again = model_from_json(model.to_json())
    again.build((4,))
    assert again.output_shape == (3,)


class Scale(Layer):
    """A learner's layer."""

    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = factor

    def apply(self, x, context):
        return x * self.factor, None

    def gradient(self, dy, saved, need_dx=True):
        return dy * self.factor


class Forgetful(Scale):
    def __init__(self, size, **options):
        super().__init__(2.0, **options)


def test_own_classes_come_from_the_caller_only():
    model = Sequential([Dense(2, input_shape=(4,)), Scale(3.0)])
    text = model.to_json()
    assert "test_configuration" not in text, "no module: nothing is imported by name"
    with pytest.raises(ArgumentError, match=r"layer Scale.*custom_objects=\{'Scale': Scale\}"):
        model_from_json(text)
    assert_alike(model, model_from_json(text, {"Scale": Scale}))
    assert_alike(model, clone_model(model))


def test_a_class_that_does_not_keep_its_arguments_is_named():
    layer = Forgetful(3)
    with pytest.raises(ArgumentTypeError, match=r"Forgetful.*'size'.*self\.size = size"):
        layer.get_config()
    assert repr(layer) == "Forgetful(...)"


def test_a_class_of_ones_own_never_takes_the_place_of_minidls():
    Dense_ = type("Dense", (Scale,), {})
    model = Sequential([Dense_(2.0, input_shape=(4,))])
    with pytest.raises(ArgumentError, match="layer Dense, which is not one of minidl's"):
        model_from_json(model.to_json())
    assert declared.classes("layer")["Dense"] is Dense


def change(path, value):
    """The configuration of a graph with one place changed."""
    config = through_json(declared.Declared._plain(residual()))
    at = config
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(config)


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", ["no JSON text"]),
        ("[1, 2]", ["an object of type list"]),
        ("null", ["None"]),
        ('{"kind": "loss", "class_name": "MeanSquaredError", "config": {}}', ["the configuration of a model"]),
        ('{"kind": "model", "class_name": "os", "config": {}}', ["'os'", "Sequential"]),
        ('{"kind": "layer", "class_name": "Activation", "config": {"activation": "__import__"}}', ["__import__"]),
        (change(["config", "uses", 0, "reads"], [7]), ["reads [7]"]),
        (change(["config", "uses", 0, "layer"], -1), ["'layer': -1"]),
        (change(["config", "outputs"], [99]), ["[99]"]),
        (change(["config", "outputs"], []), ["outputs []"]),
        (change(["config", "layers", 0], {"same_as": 0}), ["same as number 0"]),
        (change(["config", "layers", 0, "config", "units"], -3), ["units=-3"]),
        (change(["config", "layers", 0, "config", "colour"], "red"), ["'colour'"]),
        (change(["config", "layers", 0, "config"], {}), ["without 'units'"]),
        (change(["config", "layers", 1], 3), ["among the layers"]),
        (change(["config", "several_outputs"], False), ["flags"]),
        (change(["config", "inputs", 0, "shape"], [4, None]), ["None"]),
        (change(["config", "inputs", 0, "shape"], "4"), ["'4'"]),
        (change(["config", "inputs", 0, "dtype"], ["float32"]), ["dtype=", "one of float32"]),
        ('{"kind": "model", "class_name": "Sequential", "config": {"layers": [], "input_dtype": "object"}}', ["'object'"]),
        ('{"kind": "model", "class_name": "Sequential", "config": {"layers": [], "input_dtype": 4}}', ["dtype=4"]),
        ("[" * 100000, ["no JSON text"]),
    ],
)
def test_a_hostile_configuration_is_refused_with_a_sentence(text, words):
    with pytest.raises((ArgumentError, ArgumentTypeError, CheckpointError, ValueError)) as raised:
        model_from_json(text)
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)
