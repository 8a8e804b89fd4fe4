"""``Input(shape, batch_size=n)``: the model keeps to batches of n samples, wherever they come from, and remembers n."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend as backends
from minidl.data import Dataset
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, ShapeError
from minidl.layers import LSTM, Add, Concatenate, Dense, Input, Recompute, TimeDistributed
from minidl.models import Model, Sequential, clone_model, load_model, model_from_json

N = 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


def chain() -> Sequential:
    model = Sequential([Input((3,), batch_size=N), Dense(2)])
    model.compile("sgd", "mse")
    return model


def graph() -> Model:
    x = Input(batch_shape=(N, 3))
    model = Model(x, Dense(2)(x))
    model.compile("sgd", "mse")
    return model


def two_inputs() -> Model:
    a, b = Input((3,), N), Input((3,))
    model = Model([a, b], Dense(2)(Concatenate()([a, b])))
    model.compile("sgd", "mse")
    return model


MODELS = pytest.mark.parametrize("make", [chain, graph])


# -- Input -------------------------------------------------------------------------------------------------------------


def test_the_three_ways_to_say_it():
    for symbol in (
        Input((5, 3), 4),
        Input((5, 3), batch_size=np.int64(4)),
        Input(batch_shape=(4, 5, 3)),
        Input(batch_shape=[4, 5, 3]),
    ):
        assert (symbol.shape, symbol.batch_size, type(symbol.batch_size)) == ((5, 3), 4, int)
    assert Input(batch_shape=(4,)).shape == ()
    for symbol in (Input((5, 3)), Input(batch_shape=(None, 5, 3)), Input((5, 3), batch_size=None)):
        assert (symbol.shape, symbol.batch_size) == ((5, 3), None)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"shape": (3,), "batch_size": 0}, ArgumentError, "batch_size=0; expected a positive integer"),
        ({"shape": (3,), "batch_size": True}, ArgumentTypeError, "batch_size=True"),
        ({"batch_shape": (2.0, 3)}, ArgumentTypeError, "batch_size=2.0"),
        ({"batch_shape": (-1, 3)}, ArgumentError, "batch_size=-1"),
        ({"batch_shape": ()}, ArgumentError, "a number of samples, or None for any"),
        ({"batch_shape": 3}, ArgumentError, "a number of samples, or None for any"),
        ({"batch_shape": (4, 3), "batch_size": 4}, ArgumentTypeError, r"expected one of them. To fix it: Input\(\(3,\), 4\)"),
        ({"batch_shape": (4, 3), "shape": (3,)}, ArgumentTypeError, "expected one of them"),
        ({"batch_size": 4}, ArgumentTypeError, "expected one of them"),
    ],
)
def test_what_it_refuses(arguments: dict[str, Any], error: type[Exception], text: str):
    with pytest.raises(error, match=text):
        Input(**arguments)


def test_symbols_carry_it_through_a_graph():
    a, b = Input((3,), N), Input((3,))
    assert Dense(2)(a).batch_size == Dense(2)(Add()([b, a])).batch_size == N
    assert all(symbol.batch_size == N for symbol in LSTM(2, return_state=True)(Input((5, 3), N)))
    assert Dense(2)(b).batch_size is None
    hidden = Dense(2)(a)
    assert Model(hidden, Dense(1)(hidden)).network.declared_batch_size == N  # a model that begins within another graph


def test_inputs_of_two_sizes_are_refused():
    a, b = Input((3,), 4), Input((3,), 5)
    with pytest.raises(ArgumentError, match="batches of 4 and 5 samples; expected one size"):
        Add()([a, b])
    x, y = Dense(2)(a), Dense(2)(b)
    with pytest.raises(ArgumentError, match="Model: received batches of 4 and 5 samples"):
        Model([a, b], [x, y])
    with pytest.raises(ArgumentError, match="batches of 4 and 5 samples"):
        chain()(b)
    model = Sequential([Input((3,), 5)])
    with pytest.raises(ArgumentError, match="batches of 4 and 5 samples"):
        model.add(chain())
    model.add(Dense(2))
    assert (model.network.declared_batch_size, len(model.layers)) == (5, 1)


# -- a batch of another size -------------------------------------------------------------------------------------------

REFUSED = {
    "fit": lambda m, x, y: m.fit(x, y, verbose=0),
    "fit: steps beyond the data": lambda m, x, y: m.fit(x, y, verbose=0, steps_per_epoch=1, epochs=3),
    "fit: validation_data": lambda m, x, y: m.fit(X, Y, verbose=0, validation_data=(x, y)),
    "fit: Dataset": lambda m, x, y: m.fit(Dataset.from_arrays(x[:3], y[:3]).batch(N), verbose=0),
    "fit: stream to validate on": lambda m, x, y: m.fit(X, Y, verbose=0, validation_data=iter([(x[:3], y[:3])])),
    "evaluate": lambda m, x, y: m.evaluate(x, y, verbose=0),
    "evaluate: one small batch": lambda m, x, y: m.evaluate(x[:3], y[:3], verbose=0),
    "evaluate: Dataset": lambda m, x, y: m.evaluate(Dataset.from_arrays(x[:3], y[:3]).batch(N), verbose=0),
    "predict": lambda m, x, y: m.predict(x),
    "predict: few": lambda m, x, y: m.predict(x[:1]),
    "predict: steps beyond the data": lambda m, x, y: m.predict(x, steps=3),
    "predict: Dataset": lambda m, x, y: m.predict(Dataset.from_arrays(x[:3]).batch(N)),
    "train_on_batch": lambda m, x, y: m.train_on_batch(x[:5], y[:5]),
    "train_on_batch: two batches": lambda m, x, y: m.train_on_batch(x[:8], y[:8]),
    "test_on_batch": lambda m, x, y: m.test_on_batch(x[:3], y[:3]),
    "predict_on_batch": lambda m, x, y: m.predict_on_batch(x[:3]),
    "model(x)": lambda m, x, y: m(x[:8]),
    "model(list)": lambda m, x, y: m(x[:3].tolist()),
    "forward": lambda m, x, y: m.forward(x[:3]),
}


@MODELS
@pytest.mark.parametrize("way", REFUSED)
def test_it_is_refused_before_anything_moves(make: Any, way: str, monkeypatch: pytest.MonkeyPatch):
    model = make()
    model.train_on_batch(X[:N], Y[:N])  # what is remembered of good batches lets no other one pass
    model.predict(X[:N])
    before, backend = model.get_weights(), type(backends.current())

    def moved(*_: Any, **__: Any) -> Any:
        raise AssertionError("data moved")

    for name in ("asarray", "keep", "sender"):
        monkeypatch.setattr(backend, name, moved)
    for name in ("validated", "apply"):
        monkeypatch.setattr(type(model.network), name, moved)
    with pytest.raises(ShapeError, match=f"batches of {N}, as the model's Input says. To fix it: "):
        REFUSED[way](model, X[:10], Y[:10])
    monkeypatch.undo()
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (
            lambda m: m.fit(X[:10], Y[:10]),
            "fit: received 10 samples, of which the last batch would have 2; .* divides 10, or .* x\\[:8\\]",
        ),
        (lambda m: m.predict(X[:3]), "predict: received 3 samples, fewer than a batch; .* Input\\(shape\\) without batch_size"),
        (
            lambda m: m.fit(X, Y, validation_split=0.5),
            "fit: received 6 samples, .* validation_split that leaves whole batches of 4",
        ),
        (lambda m: m.fit(X[:11], Y[:11], validation_split=0.25), "fit: validation_split: received 3 samples, .* on both sides"),
        (
            lambda m: m.predict(Dataset.from_arrays(X[:6]).batch(N)),
            "predict: batch 2: received a batch of 2 samples; .*drop_remainder=True",
        ),
    ],
)
def test_the_sentence_says_what_to_do(ask: Any, text: str):
    with pytest.raises(ShapeError, match=text):
        ask(chain())


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.fit(X, Y, batch_size=6, verbose=0),
        lambda m: m.fit(X, Y, verbose=0, validation_data=(X, Y), validation_batch_size=6),
        lambda m: m.evaluate(X, Y, batch_size=2),
        lambda m: m.evaluate(X[:N], Y[:N], batch_size=2),
        lambda m: m.predict(X, batch_size=6),
        lambda m: m.input_gradient(X, batch_size=6),
        lambda m: minidl.warmup(m, batch_size=6, verbose=0),
    ],
)
def test_another_batch_size_as_argument(ask: Any):
    with pytest.raises(
        ArgumentError, match=f"batch_size=[26]; expected {N}, as the model's Input says. To fix it: batch_size={N}"
    ):
        ask(chain())


def test_several_inputs_keep_to_what_one_of_them_says():
    model = two_inputs()
    model.fit([X, X], Y, verbose=0)
    assert model.predict([X, X]).shape == (12, 2)
    assert model([X[:N], X[:N]]).shape == (N, 2)
    for ask in (
        lambda: model.fit([X[:10], X[:10]], Y[:10], verbose=0),
        lambda: model.predict([X[:3], X[:3]]),
        lambda: model([X[:3], X[:3]]),
        lambda: model.train_on_batch([X, X], Y),
    ):
        with pytest.raises(ShapeError, match="as the model's Input says"):
            ask()


# -- what goes as before -----------------------------------------------------------------------------------------------


@MODELS
def test_whole_batches_are_computed_as_without_it(make: Any):
    model, plain = make(), Sequential([Dense(2, input_shape=(3,))])
    plain.set_weights(model.get_weights())
    plain.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, shuffle=False, epochs=2, validation_data=(X[:8], Y[:8]))
    plain.fit(X, Y, N, verbose=0, shuffle=False, epochs=2, validation_data=(X[:8], Y[:8]))
    assert model.history.history == plain.history.history
    assert model.history.params["batch_size"] == N
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain.evaluate(X, Y, verbose=0))
    np.testing.assert_allclose(model.predict(X), plain.predict(X), rtol=1e-6)
    np.testing.assert_allclose(model.input_gradient(X), plain.input_gradient(X), rtol=1e-6)
    assert model.predict(X[:0]).shape == (0, 2)
    assert model.train_on_batch(X[:N], Y[:N]) == pytest.approx(plain.train_on_batch(X[:N], Y[:N]))


def test_batches_that_are_asked_for_may_be_all_that_are_whole():
    model = chain()
    model.fit(X[:10], Y[:10], verbose=0, steps_per_epoch=1, epochs=2)
    model.fit(X, Y, verbose=0, validation_data=(X[:10], Y[:10]), validation_steps=2)
    model.evaluate(X[:10], Y[:10], verbose=0, steps=2)
    assert model.predict(X[:10], steps=2).shape == (8, 2)
    model.fit(X[:N], Y[:N], batch_size=32, verbose=0, validation_data=(X[:N], Y[:N]))  # one batch, and it has that size
    model.fit(Dataset.from_arrays(X[:10], Y[:10]).batch(N, drop_remainder=True), verbose=0, validation_data=(X, Y))


def test_batches_have_that_size_where_nobody_says_another():
    seen: list[int] = []

    class Counted(Dense):
        def apply(self, x: Any, context: Any = None) -> Any:
            seen.append(len(x))
            return super().apply(x, context)

    model = Sequential([Input((3,), N), Counted(2)])
    model.compile("sgd", "mse")
    model.fit(Dataset.from_arrays(X, Y).batch(N), verbose=0, validation_data=(X, Y))
    model.fit(X, Y, verbose=0, validation_split=1 / 3)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    model.input_gradient(X)
    minidl.warmup(model, verbose=0)
    assert set(seen) == {N}


# -- states ------------------------------------------------------------------------------------------------------------


def test_states_go_on_from_batch_to_batch_of_that_size():
    x = RNG.normal(size=(N, 6, 3)).astype("float32")
    model = Sequential([Input(batch_shape=(N, 3, 3)), LSTM(2, stateful=True, return_sequences=True)])
    whole = Sequential([Input((6, 3)), LSTM(2, return_sequences=True)])
    whole.set_weights(model.get_weights())
    halves = np.concatenate([x[:, :3], x[:, 3:]])  # 2 N samples: each of the second N goes on where one before stopped
    y = model.predict(halves)
    np.testing.assert_allclose(np.concatenate([y[:N], y[N:]], axis=1), whole.predict(x), rtol=1e-5, atol=1e-6)
    model.reset_states()
    with pytest.raises(ShapeError, match="as the model's Input says"):
        model.predict(halves[:6])
    np.testing.assert_array_equal(model.predict(halves), y)  # the refused call has left no state behind


# -- what remembers it -------------------------------------------------------------------------------------------------


def refuses(model: Any) -> None:
    several = len(model.inputs) > 1
    assert model.network.declared_batch_size == N
    assert model.outputs[0].batch_size == N
    with pytest.raises(ShapeError, match=f"batches of {N}, as the model's Input says"):
        model.predict([X[:3], X[:3]] if several else X[:3])
    assert model.predict([X[:N], X[:N]] if several else X[:N]).shape[0] == N


@pytest.mark.parametrize("make", [chain, graph, two_inputs])
def test_configurations_files_and_copies_keep_it(make: Any, tmp_path: Any):
    model = make()
    model.save(tmp_path / "model.safetensors")
    for other in (
        type(model).from_config(json.loads(json.dumps(model.get_config()))),
        model_from_json(model.to_json()),
        load_model(tmp_path / "model.safetensors"),
        clone_model(model),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        refuses(other)
        assert [s.batch_size for s in other.inputs] == [s.batch_size for s in model.inputs]
        assert other.get_config() == model.get_config()


@pytest.mark.parametrize("make", [chain, graph, two_inputs])
def test_configurations_of_the_time_before_are_read(make: Any):
    config = make().get_config()
    config.pop("batch_size", None)
    for place in config.get("inputs", []):
        del place["batch_size"]
    assert type(make()).from_config(config).network.declared_batch_size is None


def test_a_broken_number_in_a_configuration_is_refused():
    config = chain().get_config()
    with pytest.raises(ArgumentTypeError, match="batch_size='4'"):
        Sequential.from_config({**config, "batch_size": "4"})
    config = graph().get_config()
    config["inputs"][0]["batch_size"] = 0
    with pytest.raises(ArgumentError, match="batch_size=0"):
        Model.from_config(config)


@pytest.mark.parametrize("around", [lambda m: m, Recompute], ids=["itself", "Recompute"])
@MODELS
def test_a_model_within_a_model_keeps_it(make: Any, around: Any):
    x = Input((3,))
    refuses(Model(x, Dense(1)(around(make())(x))))
    refuses(Sequential([around(make()), Dense(1)]) if around is not Recompute else Sequential([Input((3,)), around(make())]))
    refuses(Sequential([Input((3,)), Dense(3), around(make())]))


def test_a_model_for_each_step_keeps_it():
    model = Sequential([Input((5, 3)), TimeDistributed(chain())])
    with pytest.raises(ShapeError, match="as the model's Input says"):
        model.predict(np.ones((3, 5, 3), "float32"))
    assert model.predict(np.ones((N, 5, 3), "float32")).shape == (N, 5, 2)


def test_a_model_of_another_models_symbols_keeps_it():
    model = chain()
    refuses(Model(model.input, model.output))


def test_a_layer_that_does_not_fit_leaves_the_chain_as_it_was():
    model = Sequential([Input((7,))])
    with pytest.raises(MinidlError):
        model.add(chain())
    assert model.network.declared_batch_size is None
    model.add(Dense(2))
    assert model.predict(np.ones((3, 7), "float32")).shape == (3, 2)


# -- what shows it, and what is made of it -----------------------------------------------------------------------------


@MODELS
def test_the_summary_shows_it(make: Any):
    lines: list[str] = []
    make().summary(lines.append)
    assert "(4, 2)" in lines[0]
    assert "(None" not in lines[0]
    assert "(4, 2)" in make()._repr_html_()


@pytest.mark.parametrize("make", [chain, graph, two_inputs])
def test_predictors_keep_to_it(make: Any):
    model = make()
    predictor = minidl.predictor(model)

    def of(x: Any) -> Any:
        return [x, x] if make is two_inputs else x

    for _ in range(5):
        np.testing.assert_allclose(predictor(of(X[:N])), model.predict(of(X[:N])), rtol=1e-6)
        for count in (3, 8):
            with pytest.raises(ShapeError, match=r"predictor: received a batch of \d samples; expected batches of 4"):
                predictor(of(X[:count]))


def test_saliency_goes_batch_by_batch():
    with pytest.raises(ShapeError, match="input_gradient: received 10 samples"):
        chain().input_gradient(X[:10])


def test_warmup_takes_it():
    minidl.warmup(chain(), verbose=0)
    minidl.warmup(graph(), batch_size=N, verbose=0)
