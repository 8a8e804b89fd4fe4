"""What every class in minidl's table of names promises, and where each promise is tested.

``PROMISES`` is the whole matrix of properties and kinds: each cell names the test that runs over all classes of the kind, or
says why there is nothing to test. The tests of this file are the cells that no other file has. A class without a case, a kind
without a cell and a cell whose test is gone fail here, and say what to add.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import itertools
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import (
    callbacks,
    config,
    declared,
    initializers,
    layers,
    optimizers,
    regularizers,
    schedules,
)
from minidl.backend.random import Stream
from minidl.declared import arguments_of, from_plain, to_plain
from minidl.errors import DataError, NumericWarning
from minidl.layers import BatchNormalization, Dense, Dropout, Input
from minidl.models import Model, Sequential
from minidl.parameters import Parameter
from tests.cases.case import layers_of
from tests.cases.classes import classes
from tests.cases.layers import ARGUMENTS, FAMILIES, LAYERS, OPTIONS, sampled
from tests.cases.losses import LOSSES
from tests.cases.metrics import METRICS, computed
from tests.cases.optimizers import OPTIMIZERS, SCHEDULES, label, make_optimizer, make_schedule
from tests.cases.parameters import INITIALIZERS, ROWS, made
from tests.cases.sample import mostly
from tests.training import test_callback_table

pytestmark = pytest.mark.one_in(4)  # tables over every class

TESTS = Path(__file__).parent
STREAM = Stream(17, 3)
W = np.random.default_rng(0).normal(size=(4, 3))

# -- the matrix ----------------------------------------------------------------------------------------------------------

HERE = "test_every_class.py::"
LAYER, CONTEXT, STRUCTURE = "layers/test_protocol.py::", "layers/test_context.py::", "models/test_configuration.py::"
LOSS, METRIC, OPTIMIZER = "losses/test_registered.py::", "test_metric_properties.py::", "test_all_optimizers.py::"
CALLBACK, NUMBERS, FIT = "training/test_callback_table.py::", "not needed: ", "models/test_fit.py::"

PROMISES: dict[str, dict[str, str]] = {
    "object -> configuration -> JSON -> object: the same behaviour": {
        "layer": STRUCTURE + "test_a_layer_made_of_its_configuration_computes_the_same",
        "loss": LOSS + "test_a_loss_from_its_configuration_is_the_same_loss",
        "metric": METRIC + "test_configuration_goes_through_json",
        "optimizer": OPTIMIZER + "test_config_through_json_makes_the_same_steps",
        "schedule": OPTIMIZER + "test_a_schedule_through_json_gives_the_same_rates",
        "initializer": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "regularizer": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "constraint": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "callback": CALLBACK + "test_configuration_comes_back",
        "model": STRUCTURE + "test_a_model_made_of_its_configuration_is_alike",
    },
    "every argument is kept, whatever its value": {
        "layer": HERE + "test_every_argument_of_a_layer_is_kept",
        "loss": LOSS + "test_defaults",
        "metric": METRIC + "test_every_option_is_used_by_some_row",
        "optimizer": OPTIMIZER + "test_the_table_of_cases_is_complete",
        "schedule": OPTIMIZER + "test_the_table_of_cases_is_complete",
        "initializer": HERE + "test_rows_use_every_argument",
        "regularizer": HERE + "test_rows_use_every_argument",
        "constraint": HERE + "test_rows_use_every_argument",
        "callback": CALLBACK + "test_every_argument_has_another_value_here",
        "model": STRUCTURE + "test_a_model_made_of_its_configuration_is_alike",
    },
    "repr is a call that makes an equal object": {
        "layer": HERE + "test_every_argument_of_a_layer_is_kept",
        "loss": LOSS + "test_a_loss_from_its_configuration_is_the_same_loss",
        "metric": METRIC + "test_configuration_goes_through_json",
        "optimizer": HERE + "test_the_text_of_an_optimizer_or_a_schedule_makes_an_equal_one",
        "schedule": HERE + "test_the_text_of_an_optimizer_or_a_schedule_makes_an_equal_one",
        "initializer": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "regularizer": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "constraint": HERE + "test_what_parameters_are_given_comes_back_from_json_and_from_its_text",
        "callback": CALLBACK + "test_the_text_makes_an_equal_object",
        "model": "not needed: the text of a model is a summary for people; to_json is the way back",
    },
    "defaults": {
        "layer": HERE + "test_defaults",
        "loss": LOSS + "test_defaults",
        "metric": METRIC + "test_defaults",
        "optimizer": "test_optimizers.py::test_defaults_are_those_of_keras",
        "schedule": "test_schedules.py::test_defaults",
        "initializer": HERE + "test_defaults",
        "regularizer": HERE + "test_defaults",
        "constraint": HERE + "test_defaults",
        "callback": HERE + "test_defaults",
        "model": HERE + "test_defaults_of_the_verbs",
    },
    "twice the same bits; nothing but what is announced changes": {
        "layer": CONTEXT + "test_the_same_context_gives_the_same_bits",
        "loss": LOSS + "test_a_loss_is_a_pure_function",
        "metric": METRIC + "test_copies_are_independent",
        "optimizer": OPTIMIZER + "test_state_and_iterations_are_all_that_a_step_depends_on",
        "schedule": OPTIMIZER + "test_a_schedule_through_json_gives_the_same_rates",
        "initializer": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "regularizer": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "constraint": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "callback": CALLBACK + "test_one_fit_after_the_other_and_on_two_models",
        "model": HERE + "test_models_in_both_types_twice_and_from_read_only_arrays",
    },
    "float32 and float64": {
        "layer": "layers/test_gradients.py::test_float32_agrees_with_float64",
        "loss": LOSS + "test_value_and_gradient_have_the_predictions_dtype_and_shape",
        "metric": METRIC + "test_forms_of_the_data",
        "optimizer": OPTIMIZER + "test_references_and_kernels_make_the_same_steps",
        "schedule": "not needed: a rate is a Python float",
        "initializer": "test_initializers.py::test_float32_values_are_the_float64_ones_rounded",
        "regularizer": HERE + "test_penalties_and_constraints_in_both_types_and_of_any_size",
        "constraint": HERE + "test_penalties_and_constraints_in_both_types_and_of_any_size",
        "callback": "not needed: callbacks see Python floats",
        "model": HERE + "test_models_in_both_types_twice_and_from_read_only_arrays",
    },
    "batches without samples, arrays without elements": {
        "layer": LAYER + "test_a_batch_of_none_gives_none_back",
        "loss": HERE + "test_a_loss_of_no_samples_is_refused",
        "metric": METRIC + "test_no_samples_and_nan",
        "optimizer": OPTIMIZER + "test_every_parameter_moves_and_stays_in_its_memory",
        "schedule": "not needed: no arrays",
        "initializer": HERE + "test_initial_values_of_any_shape",
        "regularizer": HERE + "test_penalties_and_constraints_in_both_types_and_of_any_size",
        "constraint": HERE + "test_penalties_and_constraints_in_both_types_and_of_any_size",
        "callback": CALLBACK + "test_no_epoch_and_no_trouble",
        "model": HERE + "test_models_without_samples",
    },
    "extreme values: overflow, denormal numbers, infinity, NaN": {
        "layer": HERE + "test_one_bad_sample_does_not_reach_the_others",
        "loss": LOSS + "test_finite_predictions_have_a_finite_loss_and_gradient",
        "metric": HERE + "test_metrics_of_the_largest_and_smallest_numbers",
        "optimizer": HERE + "test_optimizers_survive_gradients_of_any_size",
        "schedule": HERE + "test_schedules_at_the_ends_of_time",
        "initializer": HERE + "test_initial_values_of_any_shape",
        "regularizer": HERE + "test_penalties_and_constraints_pass_nan_on_and_stay_finite",
        "constraint": HERE + "test_penalties_and_constraints_pass_nan_on_and_stay_finite",
        "callback": HERE + "test_callbacks_live_through_losses_that_are_not_finite",
        "model": HERE + "test_one_bad_sample_does_not_reach_the_others_of_a_model",
    },
    "what is given is not changed; read-only arrays are accepted": {
        "layer": LAYER + "test_read_only_inputs_are_accepted_and_nothing_is_modified",
        "loss": LOSS + "test_a_loss_is_a_pure_function",
        "metric": METRIC + "test_batches_are_the_whole",
        "optimizer": OPTIMIZER + "test_gradients_are_read_only_unless_clipped",
        "schedule": "not needed: no arrays",
        "initializer": "not needed: no arrays are given",
        "regularizer": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "constraint": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "callback": CALLBACK + "test_a_callback_only_looks",
        "model": HERE + "test_models_in_both_types_twice_and_from_read_only_arrays",
    },
    "one seed, one result": {
        "layer": HERE + "test_one_seed_makes_one_layer",
        "loss": "not needed: nothing is drawn",
        "metric": "not needed: nothing is drawn",
        "optimizer": "not needed: nothing is drawn",
        "schedule": "not needed: nothing is drawn",
        "initializer": HERE + "test_a_seed_of_its_own_or_the_streams",
        "regularizer": "not needed: nothing is drawn",
        "constraint": "not needed: nothing is drawn",
        "callback": "not needed: nothing is drawn",
        "model": "training/test_determinism.py::test_two_processes_with_one_seed_agree_to_the_last_bit",
    },
    "copies and pickles are independent": {
        "layer": LAYER + "test_a_copy_computes_the_same_and_is_independent",
        "loss": LOSS + "test_a_loss_from_its_configuration_is_the_same_loss",
        "metric": METRIC + "test_copies_are_independent",
        "optimizer": OPTIMIZER + "test_a_copy_belongs_to_nobody_and_begins_anew",
        "schedule": HERE + "test_schedules_at_the_ends_of_time",
        "initializer": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "regularizer": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "constraint": HERE + "test_what_parameters_are_given_is_pure_and_copies_are_independent",
        "callback": HERE + "test_copies_of_callbacks_watch_for_themselves",
        "model": "models/test_graph.py::test_copies_go_on_alike",
    },
}
WHERE_CASES_ARE = {
    "layer": "tests/cases/layers.py: LAYERS and ARGUMENTS",
    "loss": "tests/cases/losses.py: LOSSES and FORMULAS",
    "metric": "tests/cases/metrics.py: METRICS",
    "optimizer": "tests/cases/optimizers.py: OPTIMIZERS",
    "schedule": "tests/cases/optimizers.py: SCHEDULES",
    "initializer": "tests/cases/parameters.py: INITIALIZERS",
    "regularizer": "tests/cases/parameters.py: REGULARIZERS",
    "constraint": "tests/cases/parameters.py: CONSTRAINTS",
    "callback": "tests/training/test_callback_table.py: CASES",
    "model": "tests/test_every_class.py: MODELS",
}


def sequential() -> Sequential:
    """A chain with everything that draws or keeps state."""
    return Sequential([Dense(5, activation="tanh", input_shape=(4,)), BatchNormalization(), Dropout(0.3), Dense(3)])


def graph() -> Model:
    """Two branches, one of them a model."""
    x = Input((4,))
    inner = Sequential([Dense(4, activation="relu", input_shape=(4,)), Dropout(0.2)])
    return Model(x, Dense(3)(layers.Add()([inner(x), Dense(4)(x)])))


MODELS = {Sequential: sequential, Model: graph}


def covered(kind: str) -> set[str]:
    """The classes of a kind that have cases."""
    if kind == "layer":
        made = {type(layer).__name__ for case in LAYERS.values() for layer in layers_of(case.make())}
        return made & {cls.__name__ for cls, _ in ARGUMENTS}
    if kind in ("loss", "metric"):
        makers = [case.make for case in LOSSES.values()] if kind == "loss" else [case.metric for case in METRICS.values()]
        return {type(make()).__name__ for make in makers}
    if kind in ("optimizer", "schedule"):
        return {name for name, _ in (OPTIMIZERS if kind == "optimizer" else SCHEDULES)}
    of_classes = MODELS if kind == "model" else test_callback_table.CASES if kind == "callback" else None
    return set(ROWS[kind]) if of_classes is None else {cls.__name__ for cls in of_classes}


@pytest.mark.parametrize("kind", WHERE_CASES_ARE)
def test_every_class_has_a_case(kind):
    missing = set(classes(kind)) - covered(kind)
    assert not missing, f"{kind} without a case: {', '.join(sorted(missing))}. Add one to {WHERE_CASES_ARE[kind]}"


def test_a_class_that_is_added_is_asked_for(monkeypatch):
    Mine = type("Mine", (), {"__module__": "minidl.constraints"})
    monkeypatch.setitem(declared._TABLE["constraint"], "Mine", Mine)
    monkeypatch.setattr(minidl.constraints, "Mine", Mine, raising=False)
    with pytest.raises(AssertionError, match=r"Mine\. Add one to tests/cases/parameters\.py: CONSTRAINTS"):
        test_every_class_has_a_case("constraint")


@functools.cache
def functions_of(file: str) -> set[str]:
    """The tests that a file defines."""
    return {node.name for node in ast.walk(ast.parse((TESTS / file).read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_is_tested_for_every_kind(promise):
    kinds = {kind for kind in declared._TABLE if classes(kind)}
    missing = kinds - set(PROMISES[promise])
    assert not missing, f"PROMISES[{promise!r}] says nothing of: {', '.join(sorted(missing))}"
    for kind, cell in PROMISES[promise].items():
        if not cell.startswith("not needed: "):
            file, name = cell.split("::")
            assert name in functions_of(file), f"{promise}: {kind}: there is no test {cell}"


# -- defaults ------------------------------------------------------------------------------------------------------------

_IMAGES = {"data_format": None, "keepdims": False}
_POOLS = {"pool_size": 2, "strides": None, "padding": "valid", "data_format": None}
_TERMS = {f"{of}_{name}": None for of in ("kernel", "bias") for name in ("regularizer", "constraint")}
_SUMS = {
    "activation": None,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "activity_regularizer": None,
    **_TERMS,
}
_WINDOWS = {"strides": 1, "padding": "valid", "data_format": None}
_OF_CHANNELS = {
    "depth_multiplier": 1,
    **{name.replace("kernel", "depthwise"): value for name, value in _SUMS.items()},
}
_RECURRENT = {name: value for name, value in _SUMS.items() if name != "activity_regularizer"} | {
    "activation": "tanh",
    "recurrent_initializer": "orthogonal",
    "recurrent_regularizer": None,
    "recurrent_constraint": None,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "seed": None,
}
_LOOP = dict.fromkeys(("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"), False)
_SEED = {"seed": None}
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {  # what an object is when nobody says, as in Keras 3
    "layer": {
        "Activation": {
            "negative_slope": None,
            "alpha": None,
            "approximate": None,
            "slope": None,
        },  # None: the function's own default
        "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
        "Add": {},
        "AveragePooling2D": _POOLS,
        "BatchNormalization": {
            "axis": -1,
            "momentum": 0.99,
            "epsilon": 1e-3,
            "center": True,
            "scale": True,
            "beta_initializer": "zeros",
            "gamma_initializer": "ones",
            "moving_mean_initializer": "zeros",
            "moving_variance_initializer": "ones",
            "beta_regularizer": None,
            "gamma_regularizer": None,
            "beta_constraint": None,
            "gamma_constraint": None,
        },
        "Bidirectional": {"merge_mode": "concat", "backward_layer": None},
        "Concatenate": {"axis": -1},
        **{f"Conv{rank}D": {**_WINDOWS, "dilation_rate": 1, "groups": 1, **_SUMS} for rank in (1, 2, 3)},
        **{f"Conv{rank}DTranspose": {**_WINDOWS, "dilation_rate": 1, "output_padding": None, **_SUMS} for rank in (1, 2, 3)},
        **{f"DepthwiseConv{rank}D": {**_WINDOWS, "dilation_rate": 1, **_OF_CHANNELS} for rank in (1, 2)},
        **{f"LocallyConnected{rank}D": {**_WINDOWS, **_SUMS} for rank in (1, 2)},
        **{
            f"SeparableConv{rank}D": {
                **_WINDOWS,
                "dilation_rate": 1,
                "pointwise_initializer": "glorot_uniform",
                **_OF_CHANNELS,
                "pointwise_regularizer": None,
                "pointwise_constraint": None,
            }
            for rank in (1, 2)
        },
        "Dense": _SUMS,
        "Dropout": {"noise_shape": None, "seed": None},
        "Embedding": {
            "embeddings_initializer": "uniform",
            "embeddings_regularizer": None,
            "embeddings_constraint": None,
            "mask_zero": False,
            "activity_regularizer": None,
        },
        "Flatten": {},
        **{f"Global{what}Pooling{rank}D": _IMAGES for what in ("Average", "Max") for rank in (1, 2, 3)},
        "GRU": {**_RECURRENT, **_LOOP, "recurrent_activation": None, "reset_after": True, "activity_regularizer": None},
        "GRUCell": {**_RECURRENT, "recurrent_activation": None, "reset_after": True},
        "LSTM": {**_RECURRENT, **_LOOP, "recurrent_activation": None, "unit_forget_bias": True, "activity_regularizer": None},
        "LSTMCell": {**_RECURRENT, "recurrent_activation": None, "unit_forget_bias": True},
        "RNN": _LOOP,
        "SimpleRNN": {**_RECURRENT, **_LOOP, "activity_regularizer": None},
        "SimpleRNNCell": _RECURRENT,
        "StackedRNNCells": {},
        "MaxPooling2D": _POOLS,
        "Recompute": {},
        "Rescaling": {"offset": 0.0},
        "Reshape": {},
        **{name: defaults for family in FAMILIES for name, defaults in getattr(family, "DEFAULTS", {}).items()},
    },
    "initializer": {
        "Zeros": _SEED,
        "Ones": _SEED,
        "Constant": {"value": 0.0},
        "RandomNormal": {"mean": 0.0, "stddev": 0.05, "seed": None},
        "RandomUniform": {"minval": -0.05, "maxval": 0.05, "seed": None},
        "TruncatedNormal": {"mean": 0.0, "stddev": 0.05, "seed": None},
        "VarianceScaling": {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal", "seed": None},
        **{f"{name}{what}": _SEED for name in ("Glorot", "He", "Lecun") for what in ("Normal", "Uniform")},
        "Orthogonal": {"gain": 1.0, "seed": None},
        "Identity": {"gain": 1.0},
    },
    "regularizer": {
        "L1": {"l1": 0.01},
        "L2": {"l2": 0.01},
        "L1L2": {"l1": None, "l2": None},  # 0.01 of both
        "OrthogonalRegularizer": {"factor": 0.01, "mode": "rows"},
    },
    "constraint": {
        "NonNeg": {},
        "UnitNorm": {"axis": 0},
        "MaxNorm": {"max_value": 2, "axis": 0},
        "MinMaxNorm": {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0},
    },
    "callback": {
        "CSVLogger": {"separator": ",", "append": False},
        "EarlyStopping": {  # verbose is 0 in Keras; None speaks unless fit is silent
            "monitor": "val_loss",
            "min_delta": 0.0,
            "patience": 0,
            "verbose": None,
            "mode": "auto",
            "baseline": None,
            "restore_best_weights": False,
            "start_from_epoch": 0,
        },
        "History": {},
        "LambdaCallback": {
            f"on_{moment}": None
            for moment in ("epoch_begin", "epoch_end", "train_begin", "train_end", "train_batch_begin", "train_batch_end")
        },
        "LearningRateScheduler": {"verbose": 0},
        "ModelCheckpoint": {
            "monitor": "val_loss",
            "verbose": 0,
            "save_best_only": False,
            "save_weights_only": False,
            "mode": "auto",
            "save_freq": "epoch",
            "initial_value_threshold": None,
            "restore_best_weights": False,
        },
        "ProgressBar": {"verbose": 1, "stream": None},
        "ReduceLROnPlateau": {
            "monitor": "val_loss",
            "factor": 0.1,
            "patience": 10,
            "verbose": 0,
            "mode": "auto",
            "min_delta": 1e-4,
            "cooldown": 0,
            "min_lr": 0.0,
        },
        "TensorBoard": {  # as in Keras, except that it writes no graph
            "log_dir": "logs",
            "histogram_freq": 0,
            "write_graph": False,
            "write_images": False,
            "write_steps_per_second": False,
            "update_freq": "epoch",
            "profile_batch": 0,
            "embeddings_freq": 0,
            "embeddings_metadata": None,
        },
        "TerminateOnNaN": {"raise_error": False},
    },
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_defaults(kind):
    common = {"name": None, "trainable": True, "dtype": None, "input_shape": None} if kind == "layer" else {}
    assert set(classes(kind)) == set(DEFAULTS[kind]), f"write the defaults of the {kind} into DEFAULTS"
    for name, cls in classes(kind).items():
        found = {key: p.default for key, p in arguments_of(cls).items() if p.default is not p.empty}
        assert found == {**DEFAULTS[kind][name], **common}, name


def test_defaults_of_the_verbs():
    """Keras's, and in Keras's order; what follows the star is minidl's own."""
    expected = {
        "compile": "optimizer='rmsprop', loss=None, metrics=None, loss_weights=None, *, fuse=True, precision='float32'",
        "fit": "x, y=None, batch_size=None, epochs=1, verbose=1, callbacks=None, validation_split=0.0, validation_data=None, "
        "shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None, "
        "validation_batch_size=None, validation_freq=1, *, nan='warn'",
        "evaluate": "x, y=None, batch_size=None, verbose=1, sample_weight=None, steps=None, callbacks=None, *, "
        "return_dict=False",
        "predict": "x, batch_size=None, verbose=0, steps=None, callbacks=None",
        "train_on_batch": "x, y, sample_weight=None, class_weight=None, *, return_dict=False",
        "test_on_batch": "x, y, sample_weight=None, *, return_dict=False",
        "predict_on_batch": "x",
        "load_weights": "path, strict=True, *, by_name=False, skip_mismatch=False",
    }
    for verb, text in expected.items():
        parameters = list(inspect.signature(getattr(Model, verb)).parameters.values())[1:]
        plain = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
        assert str(plain) == f"({text})", verb
        for cls in classes("model").values():
            assert getattr(cls, verb) is getattr(Model, verb), f"{cls.__name__}.{verb} is another one: test its defaults too"


# -- what parameters are given: initializers, regularizers, constraints ---------------------------------------------------

ALL_ROWS = [(kind, *row) for kind, of_kind in ROWS.items() for rows in of_kind.values() for row in rows]
every_row = pytest.mark.parametrize("kind, name, arguments", ALL_ROWS, ids=lambda part: str(part))
PENALTIES = [row for row in ALL_ROWS if row[0] != "initializer"]
every_penalty = pytest.mark.parametrize("kind, name, arguments", PENALTIES, ids=lambda part: str(part))


def used(kind: str, thing: Any, w: np.ndarray = W) -> list[bytes]:
    """Everything an object of the kind says of the weights w, or draws in their shape."""
    results = {
        "initializer": lambda: [thing(w.shape, STREAM, 0)],
        "regularizer": lambda: [thing.value(w), thing.gradient(w)],
        "constraint": lambda: [thing.apply(w)],
    }[kind]()
    return [np.asarray(result).tobytes() for result in results]


@pytest.mark.parametrize("kind", ROWS)
def test_rows_use_every_argument(kind):
    for name, cls in classes(kind).items():
        for argument, parameter in arguments_of(cls).items():
            values = [arguments[argument] for _, arguments in ROWS[kind][name] if argument in arguments]
            said = f"a row of {name} in tests/cases/parameters.py with another {argument}"
            assert any(value != parameter.default for value in values), said


@every_row
def test_what_parameters_are_given_comes_back_from_json_and_from_its_text(kind, name, arguments):
    thing = made(kind, name, arguments)
    plain = json.loads(json.dumps(to_plain(thing), allow_nan=False))
    for again in (from_plain(plain), eval(repr(thing), classes(kind)), type(thing).from_config(thing.get_config())):
        assert type(again) is type(thing)
        assert again.get_config() == thing.get_config()
        assert repr(again) == repr(thing)
        assert used(kind, again) == used(kind, thing)
    for argument, value in arguments.items():
        assert getattr(thing, argument) == (tuple(value) if isinstance(value, list) else value)


@every_row
def test_what_parameters_are_given_is_pure_and_copies_are_independent(kind, name, arguments):
    thing, w = made(kind, name, arguments), W.copy()
    w.flags.writeable = False
    before, first = copy.deepcopy(vars(thing)), used(kind, thing, w)
    used(kind, thing, 2 * W[:3])
    assert used(kind, thing, w) == first
    assert vars(thing) == before
    np.testing.assert_array_equal(w, W)
    for other in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert used(kind, other, w) == first
        for attribute, value in vars(other).items():
            if isinstance(value, float):
                setattr(other, attribute, value + 1)
    assert used(kind, thing, w) == first


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_seed_of_its_own_or_the_streams(name):
    """An address gives one value; another stream another one, unless the object has a seed, or draws nothing."""
    for _, arguments in INITIALIZERS[name]:
        make = functools.partial(made, "initializer", name, arguments)
        first, same, other = (make()((4, 3), stream, 0) for stream in (STREAM, Stream(17, 3), Stream(17, 4)))
        np.testing.assert_array_equal(first, same)
        draws = len(np.unique(first)) > 2
        assert draws == (name not in ("Zeros", "Ones", "Constant", "Identity"))
        assert (first != other).any() == (draws and "seed" not in arguments)
        if draws and "seed" in arguments:
            other = made("initializer", name, {**arguments, "seed": 4})((4, 3), STREAM, 0)
            assert (first != other).any()


MATRICES_ONLY = ("Identity", "Orthogonal")


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_values_of_any_shape(name):
    """Also where a layer would have no connections, whose number the variance is divided by."""
    shapes = [(0, 3), (3, 0), (1, 1), (2, 3), *([] if name in MATRICES_ONLY else [(), (5,), (0,), (3, 2, 4), (3, 3, 0, 2)])]
    for row, shape in itertools.product(INITIALIZERS[name], shapes):
        values = made("initializer", *row)(shape, STREAM, 0)
        assert (values.shape, values.dtype) == (shape, np.float64)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_penalty
def test_penalties_and_constraints_in_both_types_and_of_any_size(kind, name, arguments, dtype):
    thing = made(kind, name, arguments)
    single, double = W.astype(np.float32).astype(dtype), W.astype(np.float32).astype(np.float64)
    for w, exact in ((single, double), (single[:0], double[:0]), (single[:, :0], double[:, :0]), (single[:1], double[:1])):
        if kind == "regularizer":
            assert (thing.value(w).dtype, np.shape(thing.value(w))) == (np.float64, ())
            np.testing.assert_allclose(thing.value(w), thing.value(exact), rtol=1e-6)
            assert w.size or thing.value(w) == 0
        apply = thing.gradient if kind == "regularizer" else thing.apply
        result, expected = apply(w), apply(exact)
        assert (result.dtype, result.shape) == (dtype, w.shape)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_penalty
def test_penalties_and_constraints_pass_nan_on_and_stay_finite(kind, name, arguments, dtype):
    """Finite weights of any size have a finite gradient, and are moved to finite ones; NaN is not hidden."""
    thing, limits = made(kind, name, arguments), np.finfo(dtype)
    apply = thing.gradient if kind == "regularizer" else thing.apply
    for size in (
        0.0,
        limits.smallest_subnormal,
        limits.tiny,
        1e-3 * np.sqrt(limits.tiny),
        10 * np.sqrt(limits.max),
        limits.max / 8,
    ):
        w = (np.sign(W) * size).astype(dtype)
        assert np.isfinite(apply(w)).all(), size
        assert kind == "constraint" or dtype == np.float64 or np.isfinite(thing.value(w))  # added in float64
    w = W.astype(dtype)
    w[1, 1] = np.nan
    assert np.isnan(apply(w)).any() or not any(vars(thing).values())
    assert kind == "constraint" or np.isnan(thing.value(w))


# -- layers --------------------------------------------------------------------------------------------------------------

CASES = list(LAYERS.values())
every_case = pytest.mark.parametrize("case", **sampled(CASES))


def each(function: Any, x: Any) -> Any:
    return tuple(map(function, x)) if isinstance(x, tuple) else function(x)


def parts(x: Any) -> tuple[np.ndarray, ...]:
    return x if isinstance(x, tuple) else (x,)


COEFFICIENTS = ("negative_slope", "alpha", "approximate", "slope")
ROOMS = (initializers, regularizers, minidl.constraints, layers)  # layers last: Identity is an initializer as well
NAMES = {name: thing for room in ROOMS for name, thing in vars(room).items()}


def without_freezing(value: Any) -> Any:
    """A layer's configuration but for what the layer around it decides: whether it is trained."""
    if isinstance(value, dict) and value.get("kind") == "layer":
        return {**value, "config": {name: item for name, item in value["config"].items() if name != "trainable"}}
    return value


@pytest.mark.parametrize("cls, arguments", ARGUMENTS, ids=lambda part: part.__name__ if isinstance(part, type) else "")
def test_every_argument_of_a_layer_is_kept(cls, arguments):
    """In the configuration, in JSON and in the text; of Activation's coefficients one at a time."""
    given = {**arguments, **OPTIONS, "input_shape": (4, 6)}
    known = {name: p for name, p in arguments_of(cls).items() if name in given or name not in COEFFICIENTS}
    missing = set(known) - set(given)
    assert not missing, f"other values of {missing} for {cls.__name__} in tests/cases/layers.py: ARGUMENTS"
    layer, plain = cls(**given), cls(**{name: given[name] for name, p in known.items() if p.default is p.empty})
    for name, parameter in known.items():
        kept, usual = (without_freezing(thing.get_config()[name]) for thing in (layer, plain))
        assert (kept != usual) == (parameter.default is not parameter.empty), f"{cls.__name__} does not keep {name}"
    text = json.dumps(to_plain(layer), allow_nan=False)
    for again in (from_plain(json.loads(text)), eval(repr(layer), NAMES)):
        assert type(again) is cls
        assert again.get_config() == layer.get_config()
        assert repr(again) == repr(layer)


@every_case
@pytest.mark.parametrize("dtype", mostly(["float32", "float64"], always=["float32"]))
def test_tiny_zero_and_large_inputs_have_finite_results_and_gradients(case, dtype):
    least, layer = np.finfo(dtype).smallest_subnormal, case.layer(dtype)
    numbers = np.array([0.0, -0.0, least, -least, 2.0**-126, -1e-20, 1e-7, 1.0, 50.0, -50.0], dtype)
    choose = functools.partial(np.random.default_rng(3).choice, numbers)
    y = layer.forward(case.inputs() if case.ids else each(lambda a: choose(a.shape), case.inputs()), case.training)
    if "exponential" in case.name:  # whose result may overflow
        return
    dx = layer.backward(np.ones_like(y))
    for array in (y, *parts(dx), *(p.grad for p in layer.parameters)):
        assert array is None or np.isfinite(array).all()


OF_THE_BATCH = ("dropout_noise_shape_batch", "chain_batch_norm", "recompute_block", "graph_residual_images")
# What is dropped or added is 0, whatever it was; no tap reaches a gap.
DROPS = ("dropout", "chain_lecture_network", "gaps", "zero_padding", "attention_weights_dropout")


@pytest.mark.parametrize("case", **sampled(case for case in CASES if not case.ids))
def test_one_bad_sample_does_not_reach_the_others(case):
    """In y and in dx, unless statistics or masks are of the whole batch; NaN in all of a sample makes all of its y NaN."""
    layer, clean = case.layer(), case.inputs()
    if case.name in OF_THE_BATCH or (case.name.startswith("batch_norm") and case.training and layer.trainable):
        return

    def passes(x):
        fresh = copy.deepcopy(layer)
        y = fresh.forward(x, training=case.training)
        return y, *parts(fresh.backward(np.ones_like(y)))

    expected = passes(clean)
    for bad in (np.nan, np.inf, np.finfo(np.float32).max):
        x = each(np.copy, clean)
        for array in parts(x):
            array[0] = bad
        found = passes(x)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a[1:], b[1:])
        assert not np.isnan(bad) or case.name.startswith(DROPS) or np.isnan(found[0][0]).all()


@every_case
def test_one_seed_makes_one_layer(case):
    """Weights and masks: of one seed the same bits; of another, other ones wherever anything is drawn."""
    found = []
    for seed in (5, 5, 6):
        minidl.set_seed(seed)
        layer = case.make()
        layer.ensure_built(case.input_shape)
        y = layer.forward(case.inputs(), training=case.training)
        found.append([p.value.copy() for p in layer.weights] + [y])
    for a, b in zip(found[0], found[1], strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    draws = any(len(np.unique(p.value)) > 2 for p in layer.parameters)
    assert not draws or any((a != b).any() for a, b in zip(found[0], found[2]))


# -- losses and metrics --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", classes("loss"))
def test_a_loss_of_no_samples_is_refused(name):
    case = next(case for case in LOSSES.values() if type(case.make()).__name__ == name)
    with pytest.raises(DataError, match=f"{name}: received a batch without samples"):
        case.make().apply(case.y_pred()[:0], case.y_true()[:0])


@pytest.mark.parametrize("name", METRICS)
def test_metrics_of_the_largest_and_smallest_numbers(name):
    """Nothing warns and nothing fails; what depends on the order of the scores alone is the same whatever their size."""
    case = METRICS[name]
    y_true, y_pred, weight = case.data(30)
    if case.labels:
        return  # predictions are classes
    expected = np.asarray(computed(case, y_true, y_pred, weight))
    for size in (1e300, 1e-300, 5e-324 * 2**20):
        found = np.asarray(computed(case, y_true, y_pred * size, weight))
        assert found.shape == expected.shape
        if name.startswith(
            ("auc", "accuracy_labels", "accuracy_one_hot", "categorical", "sparse", "error_rate", "top_k")
        ) and not any(word in name for word in ("logits", "200", "thresholds")):
            np.testing.assert_allclose(found, expected, rtol=1e-12)


# -- optimizers and schedules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OPTIMIZERS + SCHEDULES, ids=label)
def test_the_text_of_an_optimizer_or_a_schedule_makes_an_equal_one(case):
    make = make_optimizer if case in OPTIMIZERS else make_schedule
    thing = make(*case)
    again = eval(repr(thing), {**vars(optimizers), **vars(schedules)})
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()
    assert repr(again) == repr(thing)


@pytest.mark.parametrize("kernels", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", OPTIMIZERS, ids=label)
def test_optimizers_survive_gradients_of_any_size(case, dtype, kernels):
    """Denormal gradients and zeros leave finite weights, and one bad gradient does not reach the others."""
    limits = np.finfo(dtype)
    small = [0.0, limits.smallest_subnormal, -limits.tiny, 1e-20, -1e-3, 1.0]
    with config.use_kernels(kernels):
        p, optimizer = Parameter(np.linspace(-1, 1, len(small)).astype(dtype), "p"), make_optimizer(*case)
        for _ in range(5):
            p.grad = np.array(small, dtype)
            optimizer.step([p])
        assert np.isfinite(p.value).all()
        p.grad = [np.inf, *small[1:]]
        optimizer.step([p])
        assert not np.isfinite(p.value[0])
        assert np.isfinite(p.value[1:]).all()


@pytest.mark.parametrize("case", SCHEDULES, ids=label)
def test_schedules_at_the_ends_of_time(case):
    schedule = make_schedule(*case)
    ends = [0, 1, 10**6, 2**31, 2**53, 10**18]
    rates = [schedule(step) for step in ends]
    assert all(type(rate) is float and 0 <= rate < 10 for rate in rates)
    for other in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert [other(step) for step in ends] == rates
        assert vars(other).keys() == vars(schedule).keys()


# -- callbacks -----------------------------------------------------------------------------------------------------------

every_callback = pytest.mark.parametrize("cls", test_callback_table.CASES, ids=lambda cls: cls.__name__)
X = np.ones((8, 1), np.float32)


@every_callback
def test_copies_of_callbacks_watch_for_themselves(cls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    callback = test_callback_table.made(cls)
    first, second = test_callback_table.compiled(), test_callback_table.compiled(1.0)
    other = copy.deepcopy(callback)
    first.fit(X, X, 4, epochs=2, verbose=0, callbacks=[callback])
    second.fit(X, X, 4, epochs=1, verbose=0, callbacks=[other])
    assert callback.model is first
    assert other.model is second
    assert other._arguments().keys() == callback._arguments().keys()
    assert cls is not callbacks.History or (other.epoch, callback.epoch) == ([0], [0, 1])


@pytest.mark.parametrize("bad", [np.nan, 3e38])
@every_callback
def test_callbacks_live_through_losses_that_are_not_finite(cls, bad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = test_callback_table.compiled()
    model.set_weights([[[bad]], [0.0]])
    arguments = {**test_callback_table.CASES[cls], **({"raise_error": False} if cls is callbacks.TerminateOnNaN else {})}
    test_callback_table.made(cls)  # or the test is skipped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericWarning)
        history = model.fit(
            10 * X, X, 4, epochs=2, verbose=0, validation_data=(10 * X, X), nan="ignore", callbacks=[cls(**arguments)]
        )
    assert not np.isfinite(history.history["loss"]).any()


# -- models --------------------------------------------------------------------------------------------------------------

every_model = pytest.mark.parametrize("make", MODELS.values(), ids=[cls.__name__ for cls in MODELS])
SAMPLES = np.random.default_rng(1).normal(size=(6, 4))
TARGETS = np.random.default_rng(2).normal(size=(6, 3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_model
def test_models_in_both_types_twice_and_from_read_only_arrays(make, dtype):
    """Two models of one seed train to the same bits; the caller's arrays stay as they are."""
    x, y = SAMPLES.astype(dtype), TARGETS.astype(dtype)
    before = x.copy(), y.copy()
    found = []
    for writeable in (True, False):
        x.flags.writeable = y.flags.writeable = writeable
        with config.use_dtype(dtype):
            minidl.set_seed(7)
            model = make()
            model.compile("adam", "mse", ["mae"])
            model.fit(x, y, 3, epochs=2, verbose=0)
            results = [model.predict(x), model.predict(x), *model.get_weights(), np.array(model.evaluate(x, y, verbose=0))]
        assert all(w.dtype == dtype for w in model.get_weights())
        np.testing.assert_array_equal(results[0], results[1], strict=True)
        found.append([result.tobytes() for result in results])
    assert found[0] == found[1]
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@every_model
def test_models_without_samples(make):
    """Nothing is predicted for no samples; there is no loss of them, and nothing to train on."""
    model = make()
    model.compile("sgd", "mse")
    y = model.predict(SAMPLES[:0])
    assert (y.shape, y.dtype) == ((0, 3), np.float32)
    for verb in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(DataError, match="samples"):
            verb(SAMPLES[:0], TARGETS[:0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@every_model
def test_one_bad_sample_does_not_reach_the_others_of_a_model(make, bad):
    model, x = make(), SAMPLES.copy()
    clean = model.predict(x)
    x[2] = bad
    y = model.predict(x)
    others = np.arange(6) != 2
    np.testing.assert_array_equal(y[others], clean[others])
    assert bad == 1e30 or np.isnan(y[2]).all() or not np.isnan(bad)
