"""``minidl.predictor``: the model's predictions as it was, by a list of compiled calls, from any number of threads."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend import tape
from minidl.backend.frozen import Frozen, use
from minidl.backend.threads import use_threads
from minidl.errors import ArgumentTypeError, DataError, MinidlError, NotBuiltError, ShapeError, StateError
from minidl.kernels.numba import _direct, _panels, _winograd, recurrent
from minidl.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
    ReLU,
    SimpleRNN,
    TimeDistributed,
)
from minidl.models import Model, Sequential

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def reasons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(tape, "reasons", found)
    return found


def perceptron() -> Sequential:
    minidl.set_seed(1)
    return Sequential([Input((30,)), Dense(40, activation="relu"), Dropout(0.5), Dense(50), Activation("tanh"), Dense(4)])


def with_statistics(model: Any) -> Any:
    """The model with running statistics, scales and shifts as behind a training, some of them negative."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        low = 0.5 if weight.name == "moving_variance" else -1.5
        if weight.name in ("gamma", "beta", "b", "moving_mean", "moving_variance"):
            weight.value = rng.uniform(low, 1.5, weight.shape)
    return model


def network(data_format: str = "channels_last") -> Sequential:
    minidl.set_seed(2)
    shape, axis = ((12, 12, 3), -1) if data_format == "channels_last" else ((3, 12, 12), 1)
    images = {"data_format": data_format}
    model = Sequential(
        [
            Input(shape),
            Conv2D(16, 3, padding="same", use_bias=False, **images), BatchNormalization(axis), ReLU(), MaxPooling2D(**images),
            Conv2D(9, 3, activation="relu", **images), BatchNormalization(axis),
            Flatten(), Dense(20), BatchNormalization(scale=False), Activation("tanh"), Dense(5, activation="softmax"),
        ]
    )  # fmt: skip
    return with_statistics(model)


def layers_of(predict: Any) -> list[str]:
    return [type(layer).__name__ for layer in predict.network.layers]


def recordings(predict: Any) -> list[Any]:
    """Of this thread."""
    return [known for known in predict._calls._of_thread.recorder._steps.values() if isinstance(known, tape._Recorded)]


@pytest.mark.parametrize("graphs", ["off", "on"])
@pytest.mark.parametrize("n", [1, 7, 64])
def test_the_bits_of_predict(n: int, graphs: str, reasons: list[str]) -> None:
    model = perceptron()
    with config.use_graphs(graphs):
        predict = minidl.predictor(model)
        for _ in range(6):
            x = RNG.normal(size=(n, 30)).astype("float32")
            before = x.copy()
            y = predict(x)
            np.testing.assert_array_equal(y, model.predict(x, batch_size=n))
            np.testing.assert_array_equal(x, before)
    assert y.dtype == np.float32
    assert reasons == []
    assert graphs == "off" or recordings(predict)[0].trusted


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batch_normalization_becomes_part_of_the_weights(data_format: str, reasons: list[str]) -> None:
    model = network(data_format)
    predict = minidl.predictor(model)
    for n in (3, 3, 3, 3, 3, 1, 40):
        x = RNG.normal(size=(n, *model.input_shape)).astype("float32")
        np.testing.assert_allclose(predict(x), model.predict(x), rtol=1e-4, atol=1e-6)
    assert layers_of(predict) == [
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "BatchNormalization",
        "Flatten",
        "Dense",
        "Activation",
        "Dense",
    ]  # fmt: skip  (behind the second's ReLU it cannot)
    assert reasons == []


@pytest.mark.more
def test_folded_in_double_precision() -> None:
    with config.use_dtype("float64"):
        model = network()
        x = RNG.normal(size=(5, 12, 12, 3))
        y = minidl.predictor(model)(x)
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, model.predict(x), rtol=1e-11, atol=1e-13)


def chain(*layers: Layer) -> Sequential:
    return with_statistics(Sequential([Input((6, 6, 2)), *layers]))


@pytest.mark.parametrize(
    "layers",
    [
        [Conv2D(4, 2, activation="tanh"), BatchNormalization()],
        [Conv2D(5, 2), BatchNormalization(1)],
        [Dense(6), BatchNormalization(1)],
        [Conv2DTranspose(2, 2), BatchNormalization()],
        [Flatten(), BatchNormalization()],
        [BatchNormalization(), Conv2D(3, 2)],
    ],
    ids=["behind an activation", "along an axis", "of rows", "kernel turned", "no weights", "in front"],
)
def test_where_normalization_stays(layers: list[Layer]) -> None:
    model = chain(*layers)
    predict = minidl.predictor(model)
    x = RNG.normal(size=(3, 6, 6, 2)).astype("float32")
    assert layers_of(predict).count("BatchNormalization") == 1
    np.testing.assert_array_equal(predict(x), model.predict(x))


def test_a_scale_that_would_make_weights_infinite_is_not_folded() -> None:
    model = Sequential([Input((2,)), Dense(2), BatchNormalization(epsilon=1e-30)])
    model.get_layer(index=0).W.value = [[1e20, 1], [1, 1]]
    model.get_layer(index=1).moving_variance.value = [0.0, 1.0]
    model.get_layer(index=1).gamma.value = [1e8, 1.0]
    predict = minidl.predictor(model)
    x = np.array([[1e-20, 0]], "float32")
    assert np.isfinite(model.predict(x)).all()
    np.testing.assert_array_equal(predict(x), model.predict(x))


def test_a_layer_used_twice_is_folded_where_it_stands() -> None:
    shared, x = Dense(4), Input((4,))
    model = with_statistics(Model(x, BatchNormalization()(shared(shared(x)))))
    given = RNG.normal(size=(3, 4)).astype("float32")
    predict = minidl.predictor(model)
    np.testing.assert_allclose(predict(given), model.predict(given), rtol=1e-5, atol=1e-6)
    assert "BatchNormalization" not in layers_of(predict)


def test_a_result_that_is_read_twice_is_not_folded() -> None:
    x = Input((4,))
    z = Dense(4)(x)
    model = with_statistics(Model(x, Add()([z, BatchNormalization()(z)])))
    given = RNG.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(minidl.predictor(model)(given), model.predict(given))


def of_sequences(cell: Any, units: int) -> Any:
    minidl.set_seed(4)
    return Sequential([Input((7, 30)), cell(units), Dense(20)])


@pytest.mark.parametrize("graphs", ["off", "on"])
@pytest.mark.parametrize(
    "model, n, packing",
    [
        (lambda: Sequential([Input((60,)), Dense(40), Dense(50)]), 20, (_panels, "_pack")),
        (lambda: Sequential([Input((5, 60)), Dense(40), Dense(50)]), 4, (_panels, "_pack")),
        (lambda: Sequential([Input((9, 9, 20)), Conv2D(40, 1), Conv2D(30, 1)]), 1, (_panels, "_pack")),
        (lambda: Sequential([Input((9, 9, 3)), Conv2D(8, 3), Conv2D(9, 2)]), 2, (_direct, "_pack_forward")),
        (lambda: Sequential([Input((20, 20, 12)), Conv2D(16, 3), Conv2D(12, 5)]), 6, (_winograd, "_at_the_points")),
        (lambda: of_sequences(SimpleRNN, 40), 12, (_panels, "_pack")),
        (lambda: of_sequences(GRU, 40), 12, (_panels, "_pack")),
        (lambda: of_sequences(LSTM, 40), 12, (recurrent, "_pack_gates")),
        (lambda: of_sequences(LSTM, 300), 12, (recurrent, "_pack_gates")),
    ],
    ids=["dense", "of rows", "1 x 1", "direct", "winograd", "simple_rnn", "gru", "lstm", "lstm of many units"],
)
def test_weights_are_packed_once(
    model: Any, n: int, packing: tuple[Any, str], graphs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (room, name) = model(), packing
    made, pack = [], getattr(room, name)
    batches = [RNG.normal(size=(n, *model.input_shape)).astype("float32") for _ in range(6)]
    expected = [model.predict(x, batch_size=n) for x in batches]
    monkeypatch.setattr(room, name, lambda *args: made.append(name) or pack(*args))
    with config.use_graphs(graphs), config.use_kernels("auto"):
        predict = minidl.predictor(model)
        predict(batches[0])
        once = len(made)
        for x, y in zip(batches, expected):
            np.testing.assert_array_equal(predict(x), y)
    assert len(made) == once > 0
    recorded = graphs == "on" and not any(isinstance(layer, (LSTM, GRU, SimpleRNN)) for layer in model.layers)
    assert not recorded or recordings(predict)[0].trusted


def test_a_model_packs_its_weights_in_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """As they may have changed."""
    model = Sequential([Input((9, 9, 3)), Conv2D(8, 3), Flatten(), Dense(4)])
    predict = minidl.predictor(model)
    x = RNG.normal(size=(2, 9, 9, 3)).astype("float32")
    for k in range(5):
        model.layers[0].W.value *= 1 + k
        expected = minidl.predictor(model)(x)
        np.testing.assert_array_equal(model.predict(x), expected)
    assert not np.array_equal(predict(x), expected)


@pytest.mark.parametrize("size, n", [(5, 2), (3, 3)])
def test_few_images_by_transformed_weights(size: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own convolution of so few is direct, as transforming its weights would take longer."""
    model = Sequential([Input((14, 14, 16)), Conv2D(20, size, padding="same", activation="relu")])
    x = RNG.normal(size=(n, 14, 14, 16)).astype("float32")
    found, transformed = [], []
    correlate = _winograd.correlate
    monkeypatch.setattr(_winograd, "correlate", lambda *args, **named: transformed.append(1) or correlate(*args, **named))
    expected = model.predict(x)
    assert not transformed
    predict = minidl.predictor(model)
    for threads in (1, 2):
        with use_threads(threads), config.use_kernels("auto"):
            found += [predict(x) for _ in range(4)]
    assert transformed
    for y in found:
        np.testing.assert_array_equal(y, found[0])
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    spoiled = x.copy()
    spoiled[0, 3, 3, 0] = np.inf  # this image is then summed directly
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(predict(spoiled)[0], model.predict(spoiled)[0])
    np.testing.assert_array_equal(predict(spoiled)[1:], found[0][1:])


def test_what_was_packed_is_no_part_of_a_recordings_memory(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    model = Sequential([Input((60,)), Dense(96)])  # whole vectors, or the last columns would not be packed
    monkeypatch.setattr(tape, "LARGEST", 60 * 90 * 4)  # less than the panels, more than what is computed
    predict = minidl.predictor(model)
    for _ in range(5):
        x = RNG.normal(size=(20, 60)).astype("float32")
        np.testing.assert_array_equal(predict(x), model.predict(x))
    assert reasons == []
    assert recordings(predict)[0].trusted


class FromItsInput(Dense):
    """A learner's layer, whose weights follow from x."""

    def apply(self, x: Any, context: Any = None) -> Any:
        self.W.value[...] = x.mean()
        return super().apply(x, context)


@pytest.mark.parametrize("inside", [False, True])
def test_a_layer_that_writes_to_its_weights_is_followed(inside: bool) -> None:
    layer = FromItsInput(40)
    predict = minidl.predictor(Sequential([Input((1, 60)), TimeDistributed(layer) if inside else layer]))
    with config.use_kernels("auto"):
        for k in (1, 2, 3, 2, 5):
            np.testing.assert_allclose(predict(np.full((20, 1, 60), k, "float32")), 60 * k * k, rtol=1e-5)


def test_nothing_stays_in_use_behind_a_call() -> None:
    outer = Frozen([])
    before = use(outer)
    predict = minidl.predictor(perceptron())
    predict(np.ones((2, 30), "float32"))
    assert use(before) is outer
    with pytest.raises(ShapeError):
        predict(np.ones((2, 31), "float32"))
    assert use(before) is before


def test_it_stays_as_it_is() -> None:
    model = network()
    predict = minidl.predictor(model)
    x = RNG.normal(size=(4, 12, 12, 3)).astype("float32")
    before = [predict(x) for _ in range(5)]
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, [0, 1, 2, 3], epochs=2, verbose=0)
    model.layers[0].W.value[...] = 0
    for y in (*before, predict(x)):
        np.testing.assert_array_equal(y, before[0])
    weights = model.get_weights()
    minidl.predictor(model)(x)
    for mine, kept in zip(model.get_weights(), weights):
        np.testing.assert_array_equal(mine, kept)


def test_a_result_belongs_to_who_asked() -> None:
    predict, x = minidl.predictor(perceptron()), np.ones((2, 30), "float32")
    results, kept = [], []
    for k in range(6):
        results.append(predict(k * x))
        kept.append(results[-1].copy())
    results[0][...] = 7
    for y, copy in zip(results[1:], kept[1:]):
        np.testing.assert_array_equal(y, copy)
    np.testing.assert_array_equal(predict(0 * x), kept[0])


@pytest.mark.parametrize("graphs", ["off", "on"])
@pytest.mark.parametrize("layers", [[Dropout(0.5)], [Flatten()], [Dense(3)]], ids=["x itself", "a view of x", "dense"])
def test_no_result_is_the_callers_array(layers: list[Layer], graphs: str) -> None:
    with config.use_graphs(graphs):
        predict = minidl.predictor(Sequential([Input((4, 2)), *layers]))
        for _ in range(6):
            x = np.ones((3, 4, 2), "float32")
            y = predict(x)
            assert not np.may_share_memory(x, y)
            y[...] = 5
            np.testing.assert_array_equal(x, 1)


def test_from_many_threads() -> None:
    model = network()
    predict = minidl.predictor(model)
    batches = [RNG.normal(size=(1 + n % 3, 12, 12, 3)).astype("float32") for n in range(8)]
    expected = [predict(x) for x in batches]
    wrong: list[Any] = []

    def ask(n: int) -> None:
        for k in range(60):
            at = (n + k) % len(batches)
            if not np.array_equal(predict(batches[at]), expected[at]):
                wrong.append(at)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("dtype", ["uint8", "float64", "float16", "bool"])
def test_other_types_are_taken_as_predict_takes_them(dtype: str) -> None:
    model = perceptron()
    x = RNG.integers(0, 2, (3, 30)).astype(dtype)
    predict = minidl.predictor(model)
    for given in (x, x.tolist(), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        np.testing.assert_array_equal(predict(given), model.predict(x))


def test_no_samples() -> None:
    predict = minidl.predictor(perceptron())
    for _ in range(5):
        assert predict(np.empty((0, 30), "float32")).shape == (0, 4)


def test_what_does_not_fit_is_refused_as_in_predict() -> None:
    predict = minidl.predictor(perceptron())
    for _ in range(5):
        predict(np.ones((2, 30), "float32"))
    with pytest.raises(ShapeError):
        predict(np.ones((2, 5, 30), "float32"))
    with pytest.raises(ShapeError, match="30"):
        predict(np.ones((2, 31), "float32"))
    with pytest.raises(ShapeError):
        predict(np.ones(30, "float32"))
    with pytest.raises(ArgumentTypeError):
        predict(np.ones((2, 30), complex))
    predict(np.ones((2, 30), "float32"))


def test_ids_are_looked_at_in_every_call() -> None:
    model = Sequential([Embedding(10, 3, input_shape=(4,)), Flatten(), Dense(2)])
    predict = minidl.predictor(model)
    for _ in range(5):
        ids = RNG.integers(0, 10, (2, 4))
        np.testing.assert_array_equal(predict(ids), model.predict(ids))
    with pytest.raises(DataError):
        predict(np.full((2, 4), 10))


def test_sequences_with_masks_of_any_length() -> None:
    model = Sequential([Input((None,)), Embedding(10, 3, mask_zero=True), LSTM(4), Dense(2)])
    predict = minidl.predictor(model)
    for length in (5, 5, 5, 5, 3):
        ids = RNG.integers(0, 3, (2, length))
        np.testing.assert_array_equal(predict(ids), model.predict(ids))


def test_sequences_of_any_length_recorded(reasons: list[str]) -> None:
    model = Sequential([Input((None, 3)), Conv1D(24, 3), BatchNormalization()])
    predict = minidl.predictor(with_statistics(model))
    for length in (50, 50, 50, 50, 60, 50, 60, 60, 60):
        x = RNG.normal(size=(4, length, 3)).astype("float32")
        np.testing.assert_allclose(predict(x), model.predict(x), rtol=1e-5, atol=1e-6)
    assert [known.trusted for known in recordings(predict)] == [True, True]
    assert reasons == []


def test_several_inputs_and_outputs() -> None:
    a, b = Input((3,), name="a"), Input((2,), name="b")
    total = Add()([Dense(4)(a), Dense(4)(b)])
    model = Model([a, b], [Dense(2)(total), total])
    given = [RNG.normal(size=(5, n)).astype("float32") for n in (3, 2)]
    predict = minidl.predictor(model)
    for _ in range(5):
        found = predict(given)
        assert isinstance(found, list)
        for mine, theirs in zip(found, model.predict(given)):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(predict({"b": given[1], "a": given[0]})[0], found[0])
    for wrong in ([given[0], given[1][:3]], given[:1], {"a": given[0], "c": given[1]}, given[0]):
        with pytest.raises(MinidlError, match="predictor"):
            predict(wrong)


def test_several_inputs_of_layers_in_a_row() -> None:
    a, b = Input((3,)), Input((2,))
    model = Model([a, b], Dense(2)(Concatenate()([a, b])))
    x = [np.ones((4, 3), "float32"), np.ones((4, 2))]
    np.testing.assert_array_equal(minidl.predictor(model)(x), model.predict(x))


def test_outputs_by_name() -> None:
    x = Input((3,))
    model = Model(x, {"one": Dense(2)(x), "two": Dense(1)(x)})
    given = RNG.normal(size=(5, 3)).astype("float32")
    found, expected = minidl.predictor(model)(given), model.predict(given)
    assert list(found) == list(expected) == ["one", "two"]
    np.testing.assert_array_equal(found["two"], expected["two"])


class Doubling(Layer):
    """A learner's layer, which computes with NumPy alone."""

    def apply(self, x: Any, context: Any = None) -> Any:
        return 2 * x, None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return 2 * dy


def test_a_layer_of_ones_own_is_computed_anew(reasons: list[str]) -> None:
    model = Sequential([Input((3,)), Dense(2), Doubling()])
    predict = minidl.predictor(model)
    for _ in range(6):
        x = RNG.normal(size=(4, 3)).astype("float32")
        np.testing.assert_array_equal(predict(x), model.predict(x))
    assert predict._calls._of_thread.recorder.gave_up
    assert reasons == ["doubling_1 (Doubling) may compute beside ops"]


def test_other_kernels_and_threads_from_the_next_call_on() -> None:
    model = perceptron()
    predict = minidl.predictor(model)
    x, recorders = RNG.normal(size=(8, 30)).astype("float32"), []
    for kernels in ("reference", "auto", "reference"):
        with config.use_kernels(kernels), use_threads(1):
            for _ in range(4):
                np.testing.assert_array_equal(predict(x), model.predict(x))
            recorders.append(predict._calls._of_thread.recorder)
    assert len(set(map(id, recorders))) == 3


def test_numbers_beyond_range_do_not_warn() -> None:
    predict = minidl.predictor(perceptron())
    for _ in range(6):
        assert np.isnan(predict(np.full((2, 30), np.inf, "float32"))).any()


def test_pickled() -> None:
    predict = minidl.predictor(network())
    x = RNG.normal(size=(2, 12, 12, 3)).astype("float32")
    expected = predict(x)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predict))(x), expected)


def test_it_says_what_it_is() -> None:
    assert repr(minidl.predictor(Sequential([Dense(4, input_shape=(3,))]))) == "<Predictor of 'sequential': (3,) -> (4,)>"


@pytest.mark.parametrize(
    "model, error, text",
    [
        (lambda: Sequential([Dense(3)]), NotBuiltError, "predictor"),
        (lambda: Dense(3), ArgumentTypeError, "a Dense"),
        (lambda: Sequential([Input((4, 3)), LSTM(2, stateful=True)]), StateError, "stateful=False"),
    ],
    ids=["not built", "a layer", "stateful"],
)
def test_what_cannot_be_frozen(model: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        minidl.predictor(model())
