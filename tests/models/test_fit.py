"""``fit`` and its neighbours: what is trained on what, what is told, and what is left alone."""

import io
import sys

import numpy as np
import pytest

import minidl
from minidl.callbacks import LambdaCallback
from minidl.errors import DataWarning, StateError
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Input, Layer
from minidl.metrics import Accuracy
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam

RNG = np.random.default_rng(4)
SAMPLES = 20
X = RNG.normal(size=(SAMPLES, 4)).astype(np.float32)
Y = np.arange(SAMPLES) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[Y]


def compiled(optimizer=None, loss="sparse_categorical_crossentropy", metrics=("accuracy",), seed=6, **options):
    minidl.set_seed(seed)
    model = Sequential([Dense(5, activation="tanh", input_shape=(4,)), Dense(3, activation="softmax")])
    model.compile(optimizer or SGD(0.1), loss, list(metrics), **options)
    return model


def same_weights(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights()))


# -- which samples -------------------------------------------------------------------------------------------------------


def test_validation_is_the_last_part_cut_before_shuffling():
    split, by_hand = compiled(), compiled()
    of_split = split.fit(X, Y, 4, epochs=3, validation_split=0.3, verbose=0)
    of_hand = by_hand.fit(X[:14], Y[:14], 4, epochs=3, validation_data=(X[14:], Y[14:]), verbose=0)
    assert same_weights(split, by_hand)
    assert of_split.history == of_hand.history
    last = split.evaluate(X[14:], Y[14:], verbose=0)
    assert [of_split.history["val_loss"][-1], of_split.history["val_accuracy"][-1]] == pytest.approx(last, rel=1e-6)


def test_sorted_labels_are_remarked_upon():
    with pytest.warns(DataWarning, match="shuffle before splitting") as caught:
        compiled().fit(X, np.sort(Y), 4, validation_split=0.3, verbose=0)
    assert caught[0].filename == __file__


def test_sorted_numbers_are_no_classes():
    """Of two outputs the labels are remarked upon, and the numbers, which never come twice, are not."""
    model = Sequential([Dense(1, input_shape=(X.shape[1],))])
    model.compile("sgd", "mse")
    model.fit(X, np.arange(len(X)), validation_split=0.3, verbose=0)
    x = Input((X.shape[1],))
    both = Model(x, {"number": Dense(1)(x), "label": Dense(3, activation="softmax")(x)})
    both.compile("sgd", {"number": "mse", "label": "sparse_categorical_crossentropy"})
    with pytest.warns(DataWarning, match="shuffle before splitting") as caught:
        both.fit(X, {"number": np.arange(len(X)), "label": np.sort(Y)}, validation_split=0.3, verbose=0)
    assert [str(warning.message).split("'")[1] for warning in caught] == ["label"]


def test_validation_with_weights():
    weight = np.linspace(0, 2, 8)
    model = compiled()
    history = model.fit(X[:12], Y[:12], validation_data=(X[12:], Y[12:], weight), verbose=0).history
    expected = model.evaluate(X[12:], Y[12:], sample_weight=weight, verbose=0)
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == pytest.approx(expected, rel=1e-6)
    assert history["val_loss"][-1] != pytest.approx(model.evaluate(X[12:], Y[12:], verbose=0)[0], rel=1e-3)


def test_class_weights_are_for_training_only():
    model = compiled(SGD(0.0))
    history = model.fit(X, Y, validation_split=0.5, class_weight={0: 9.0}, verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[10:], Y[10:], verbose=0)[0], rel=1e-6)
    by_hand = model.evaluate(X[:10], Y[:10], sample_weight=np.where(Y[:10] == 0, 9.0, 1.0), verbose=0)
    assert [history["loss"][0], history["accuracy"][0]] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("labels, loss", [(Y, "sparse_categorical_crossentropy"), (ONE_HOT, "categorical_crossentropy")])
def test_weighting_by_hand_by_sample_and_by_class_agree(labels, loss):
    """One step of plain descent: the gradient of mean(w L) is that of each sample, w times, over n."""
    factor = np.where(Y == 1, 4.0, 1.0)
    by_class, by_sample, both = compiled(loss=loss), compiled(loss=loss), compiled(loss=loss)
    before = by_class.get_weights()
    by_class.fit(X, labels, SAMPLES, class_weight={1: 4.0}, verbose=0)
    by_sample.fit(X, labels, SAMPLES, sample_weight=factor, verbose=0)
    both.fit(X, labels, SAMPLES, class_weight={1: 2.0}, sample_weight=np.where(Y == 1, 2.0, 1.0), verbose=0)
    total = [np.zeros(w.shape) for w in before]
    for i in range(SAMPLES):
        single = compiled(loss=loss)
        single.train_on_batch(X[i : i + 1], labels[i : i + 1])
        for t, a, b in zip(total, single.get_weights(), before):
            t += factor[i] * (a - b) / SAMPLES
    for w, t, b in zip(by_class.get_weights(), total, before):
        np.testing.assert_allclose(w, b + t, atol=1e-6)
    assert same_weights(by_class, by_sample)
    assert same_weights(by_class, both)


def test_weights_of_zero_leave_samples_out_of_the_accuracy():
    model = compiled()
    weight = (np.arange(SAMPLES) < 10) * 1.0
    loss, accuracy = model.evaluate(X, Y, sample_weight=weight, verbose=0)
    half_loss, half_accuracy = model.evaluate(X[:10], Y[:10], verbose=0)
    assert accuracy == pytest.approx(half_accuracy)
    assert loss == pytest.approx(half_loss / 2, rel=1e-6)


class Recorder(Layer):
    """The identity; remembers the first feature of every sample seen in training."""

    def __init__(self):
        super().__init__(input_shape=(1,))
        self.seen = []

    def apply(self, x, context):
        if context.training:
            self.seen.append(x[:, 0].tolist())
        return x, ()

    def gradient(self, dy, saved, need_dx=True):
        return dy


def orders(epochs_of_fits, shuffle=True, seed=1, **arguments):
    """The order of samples 0 .. 9 in each epoch."""
    minidl.set_seed(seed)
    recorder = Recorder()
    model = Sequential([recorder, Dense(1)])
    model.compile("sgd", "mse")
    numbers = np.arange(10.0)[:, None]
    for epochs in epochs_of_fits:
        model.fit(numbers / 10, numbers, 4, epochs=epochs, shuffle=shuffle, verbose=0, **arguments)
    flat = [round(10 * x) for batch in recorder.seen for x in batch]
    assert {len(batch) for batch in recorder.seen} == {4, 2}
    return [flat[start : start + 10] for start in range(0, len(flat), 10)]


def test_every_epoch_has_an_order_of_its_own():
    found = orders([3])
    assert len({tuple(order) for order in found}) == 3
    assert all(sorted(order) == list(range(10)) for order in found)
    assert orders([1, 2]) == found, "two fits are one fit of as many epochs"
    assert orders([3], seed=2) != found
    assert orders([3], shuffle=False) == [list(range(10))] * 3


def test_initial_epoch():
    assert orders([5], initial_epoch=3) == orders([2])
    model = compiled()
    epochs = []
    history = model.fit(
        X, Y, epochs=5, initial_epoch=3, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=lambda e, logs: epochs.append(e))]
    )
    assert epochs == history.epoch == [3, 4]
    assert model.fit(X, Y, epochs=2, initial_epoch=2, verbose=0).history == {}
    assert model.fit(X, Y, epochs=0, verbose=0).epoch == []


# -- what is told --------------------------------------------------------------------------------------------------------


def test_history():
    model = compiled(metrics=["accuracy", "mse"], loss="categorical_crossentropy")
    history = model.fit(X, ONE_HOT, 8, epochs=3, validation_split=0.2, verbose=0)
    names = ["loss", "accuracy", "mse", "val_loss", "val_accuracy", "val_mse"]
    assert list(history.history) == names
    assert all(len(values) == 3 and all(type(v) is float for v in values) for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert model.history is history
    assert list(model.fit(X, ONE_HOT, verbose=0).history) == names[:3]


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples_before_each_step():
    model = compiled()
    history = model.fit(X, Y, 8, shuffle=False, verbose=0).history
    by_hand = compiled()
    values = [by_hand.train_on_batch(X[i : i + 8], Y[i : i + 8]) for i in (0, 8, 16)]
    sizes = [8, 8, 4]
    assert history["loss"] == [pytest.approx(sum(n * v[0] for n, v in zip(sizes, values)) / SAMPLES, rel=1e-6)]
    assert history["accuracy"] == [pytest.approx(sum(n * v[1] for n, v in zip(sizes, values)) / SAMPLES, rel=1e-6)]
    assert same_weights(model, by_hand)


def test_one_batch():
    model = compiled(metrics=())
    before = model.get_weights()
    expected = model.evaluate(X, Y, verbose=0)
    assert model.test_on_batch(X, Y) == pytest.approx(expected, rel=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-6)
    assert model.evaluate(X, Y, verbose=0) < expected
    weighted = compiled().test_on_batch(X, Y, sample_weight=np.full(SAMPLES, 2.0))
    assert weighted[0] == pytest.approx(2 * expected, rel=1e-6)


def test_evaluate_gives_a_number_a_list_or_a_dictionary():
    assert isinstance(compiled(metrics=()).evaluate(X, Y, verbose=0), float)
    loss, accuracy = compiled().evaluate(X, Y, verbose=0)
    assert compiled().evaluate(X, Y, verbose=0, return_dict=True) == {"loss": loss, "accuracy": accuracy}


def last_probability(y_true, y_pred):
    return y_pred[:, -1]


@pytest.mark.parametrize(
    "metric, name, expected",
    [
        ("accuracy", "accuracy", lambda p: (p.argmax(1) == Y).mean()),
        ("acc", "acc", lambda p: (p.argmax(1) == Y).mean()),
        (Accuracy("categorical"), "accuracy", lambda p: (p.argmax(1) == Y).mean()),
        ("mse", "mse", lambda p: ((p - ONE_HOT) ** 2).mean()),
        (last_probability, "last_probability", lambda p: p[:, -1].mean()),
    ],
)
def test_metrics_by_name_function_and_object(metric, name, expected):
    model = compiled(metrics=[metric], loss="categorical_crossentropy")
    logs = model.evaluate(X, ONE_HOT, 7, verbose=0, return_dict=True)
    assert logs[name] == pytest.approx(expected(model.predict(X)), rel=1e-5)


@pytest.mark.filterwarnings("ignore:compile.*is a softmax, for one class of several")
@pytest.mark.parametrize(
    "loss, y, expected",
    [
        ("sparse_categorical_crossentropy", Y, lambda p: (p.argmax(1) == Y).mean()),
        ("categorical_crossentropy", ONE_HOT, lambda p: (p.argmax(1) == Y).mean()),
        ("binary_crossentropy", ONE_HOT, lambda p: ((p > 0.5) == ONE_HOT).mean()),
        ("mse", ONE_HOT, lambda p: (p.argmax(1) == Y).mean()),
    ],
)
def test_accuracy_is_the_one_that_fits_the_loss(loss, y, expected):
    model = compiled(loss=loss)
    assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(expected(model.predict(X)))


def test_accuracy_of_one_output():
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(4,))])
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    for y in (Y > 0, (Y > 0)[:, None], (Y > 0).astype(int)):
        expected = ((model.predict(X)[:, 0] > 0.5) == (Y > 0)).mean()
        assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(expected)


# -- progress ------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


class AsciiOnly(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="ascii", errors="strict")


class Unwilling(io.StringIO):
    def write(self, text):
        raise OSError("no space left on device")

    def isatty(self):
        raise ValueError("no")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def output(monkeypatch, stream, **arguments):
    monkeypatch.setattr(sys, "stdout", stream)
    compiled().fit(X, Y, 4, epochs=2, **arguments)
    return stream.getvalue()


def test_a_terminal_shows_a_bar(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = output(monkeypatch, Terminal(), verbose=1, validation_split=0.2)
    assert text.startswith("Training on 16 samples, validating on 4, batches of 4, CPU")
    assert text.count("\r") >= 2
    assert "[=" in text
    assert "4/4" in text
    assert "ETA" in text
    for word in ("Epoch 1/2", "Epoch 2/2", "loss: ", "accuracy: ", "val_loss: ", "val_accuracy: ", "/step"):
        assert word in text


@pytest.mark.parametrize("stream, verbose", [(io.StringIO, 1), (io.StringIO, 2), (Terminal, 2)])
def test_a_log_has_one_line_per_epoch(monkeypatch, stream, verbose):
    lines = output(monkeypatch, stream(), verbose=verbose).splitlines()
    assert len(lines) == 3
    assert [line.split(" - ")[0] for line in lines[1:]] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("loss: " in line and "[=" not in line and "\r" not in line for line in lines[1:])


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_silence(monkeypatch, stream):
    assert output(monkeypatch, stream(), verbose=0) == ""
    monkeypatch.setattr(sys, "stdout", out := stream())
    model = compiled()
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    assert out.getvalue() == ""
    model.evaluate(X, Y)
    assert "evaluate" in out.getvalue() or "[=" in out.getvalue()
    assert "accuracy: " in out.getvalue()


@pytest.mark.parametrize("stream", [closed, AsciiOnly, Unwilling, lambda: None])
@pytest.mark.parametrize("verbose", [1, 2])
def test_training_never_fails_for_its_progress(monkeypatch, stream, verbose):
    monkeypatch.setattr(sys, "stdout", stream())
    model = compiled()
    history = model.fit(X, Y, 4, epochs=2, verbose=verbose, callbacks=[minidl.callbacks.TerminateOnNaN()])
    model.evaluate(X, Y, verbose=verbose)
    model.predict(X, verbose=verbose)
    stop = minidl.callbacks.TerminateOnNaN()
    compiled(metrics=()).fit(X * np.nan, Y, nan="ignore", verbose=verbose, callbacks=[stop])
    monkeypatch.undo()
    assert len(history.epoch) == 2


# -- compile -------------------------------------------------------------------------------------------------------------


def test_compiling_again_starts_the_optimizer_anew():
    once, twice = compiled(Adam(0.01)), compiled(Adam(0.01))
    twice.compile(twice.optimizer, twice.loss, ["accuracy"])
    for model in (once, twice):
        model.fit(X, Y, 8, epochs=2, verbose=0)
    assert same_weights(once, twice)
    trained = once.get_weights()
    fresh = compiled(Adam(0.01))
    fresh.set_weights(trained)
    once.compile(once.optimizer, once.loss)
    assert once.optimizer.iterations == 0
    for model in (once, fresh):
        model.fit(X, Y, 8, shuffle=False, verbose=0)
    assert same_weights(once, fresh)


@pytest.mark.parametrize("loss, y", [("sparse_categorical_crossentropy", Y), ("categorical_crossentropy", ONE_HOT)])
def test_fusing_changes_nothing_but_rounding(loss, y):
    fused, plain = compiled(loss=loss), compiled(loss=loss, fuse=False)
    assert fused._step.network is not fused.network
    assert plain._step.network is plain.network
    of_fused, of_plain = (model.fit(X, y, 8, epochs=5, verbose=0).history for model in (fused, plain))
    assert of_fused["loss"] == pytest.approx(of_plain["loss"], rel=1e-5)
    for a, b in zip(fused.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_softmax_before_a_loss_of_logits_is_remarked_upon():
    with pytest.warns(DataWarning, match="applied twice") as caught:
        compiled(loss=minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert "__init__" not in caught[0].filename


def test_an_optimizer_belongs_to_one_model():
    optimizer = Adam()
    first = compiled(optimizer)
    with pytest.raises(StateError, match=r"compile.*another model.*Adam\(\)"):
        compiled(optimizer)
    first.fit(X, Y, verbose=0)
    unbuilt = Sequential([Dense(3)])
    shared = SGD()
    unbuilt.compile(shared, "mse")
    second = Sequential([Dense(3)])
    second.compile(shared, "mse")
    second.fit(X, ONE_HOT, verbose=0)
    with pytest.raises(StateError, match="another model"):
        unbuilt.fit(X, ONE_HOT, verbose=0)
    with pytest.raises(StateError, match="another model"):
        shared.step(first.parameters)


# -- frozen and shared layers --------------------------------------------------------------------------------------------


class CountingDense(Dense):
    """Counts how often its gradient is asked for."""

    asked = 0

    def gradient(self, dy, saved, need_dx=True):
        self.asked += 1
        return super().gradient(dy, saved, need_dx)


def test_frozen_layers_keep_their_bits_and_cost_no_gradient():
    bottom, middle, top = CountingDense(4, input_shape=(4,)), CountingDense(4), CountingDense(3, activation="softmax")
    model = Sequential([bottom, middle, top])
    model.compile(Adam(), "sparse_categorical_crossentropy")
    bottom.trainable = False
    before = bottom.get_weights()
    model.fit(X, Y, 5, verbose=0)
    assert bottom.asked == 0
    assert middle.asked == 4
    assert all(np.array_equal(a, b) for a, b in zip(before, bottom.get_weights()))
    middle.trainable = False
    bottom.trainable = True
    kept = middle.get_weights()
    model.fit(X, Y, 5, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(kept, middle.get_weights()))
    assert not any(np.array_equal(a, b) for a, b in zip(before, bottom.get_weights()))


def test_freezing_takes_effect_at_the_next_step():
    model = compiled(Adam(0.01))
    first = model.layers[0]
    changed = []

    def freeze_and_thaw(batch, logs):
        changed.append(not np.array_equal(first.get_weights()[0], last[0]))
        last[0] = first.get_weights()[0]
        first.trainable = batch not in (0, 1)

    last = [first.get_weights()[0]]
    model.fit(X, Y, 4, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=freeze_and_thaw)])
    assert changed == [True, False, False, True, True]


def test_two_compiled_models_that_share_a_layer_both_train_it():
    """Taking turns, they do what two optimizers do on the same parameters by hand."""

    def pair():
        minidl.set_seed(3)
        shared = Dense(4, activation="tanh", input_shape=(4,))
        return shared, [Sequential([shared, Dense(3, activation="softmax")]) for _ in range(2)]

    shared, models = pair()
    for model in models:
        model.compile(Adam(0.01), "sparse_categorical_crossentropy")
    expected_shared, expected = pair()
    optimizers, loss = [Adam(0.01), Adam(0.01)], minidl.losses.SparseCategoricalCrossentropy()
    for turn in range(6):
        x, y = X[turn : turn + 8], Y[turn : turn + 8]
        models[turn % 2].train_on_batch(x, y)
        model, optimizer = expected[turn % 2], optimizers[turn % 2]
        for p in model.parameters:
            p.zero_grad()
        _, saved = loss.apply(model.forward(x), y)
        model.backward(loss.gradient(saved))
        optimizer.step(model.parameters)
    for a, b in zip(shared.get_weights(), expected_shared.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for model, other in zip(models, expected):
        for a, b in zip(model.get_weights(), other.get_weights()):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_callback_may_change_weights_and_learning_rate():
    model = compiled(SGD(0.5))

    def stop_moving(batch, logs):
        model.optimizer.learning_rate = 0.0
        model.set_weights([np.ones_like(w) for w in model.get_weights()])

    model.fit(X, Y, 5, verbose=0, callbacks=[LambdaCallback(on_train_batch_begin=stop_moving)])
    assert all((w == 1).all() for w in model.get_weights())


def test_training_by_hand_with_the_low_level_face_agrees_with_fit():
    fitted, by_hand = compiled(Adam(0.01)), compiled(Adam(0.01))
    fitted.fit(X, Y, 5, shuffle=False, verbose=0)
    loss, optimizer = minidl.losses.get("sparse_categorical_crossentropy"), Adam(0.01)
    for start in range(0, SAMPLES, 5):
        for p in by_hand.parameters:
            p.zero_grad()
        _, saved = loss.apply(by_hand.forward(X[start : start + 5]), Y[start : start + 5])
        by_hand.backward(loss.gradient(saved))
        optimizer.step(by_hand.parameters)
    for a, b in zip(fitted.get_weights(), by_hand.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_float64_models_train_in_float64():
    with minidl.config.use_dtype("float64"):
        model = Sequential([Dense(3, input_shape=(4,)), Dropout(0.1), Activation("softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    assert model.predict(X).dtype == np.float64
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float64")}


def test_running_statistics_follow_training_and_serve_inference():
    model = Sequential([BatchNormalization(momentum=0.75, epsilon=0.1, center=False, scale=False, input_shape=(4,))])
    model.compile("sgd", "mse")
    mean, variance = np.zeros(4), np.ones(4)
    for batch in (3 * X[:8] + 1, X[8:]):
        model.train_on_batch(batch, batch)
        mean, variance = 0.75 * mean + 0.25 * batch.mean(axis=0), 0.75 * variance + 0.25 * batch.var(axis=0)
    np.testing.assert_allclose(model.get_weights(), [mean, variance], rtol=1e-5, atol=1e-6)
    expected = (X - mean) / np.sqrt(variance + 0.1)
    many = 40  # times X: few samples and many are predicted in ways of their own
    for x, y in ((X, expected), (np.tile(X, (many, 1)), np.tile(expected, (many, 1)))):
        np.testing.assert_allclose(model.predict(x), y, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model(x), y, rtol=1e-5, atol=1e-6)
    assert model.evaluate(X, expected, verbose=0) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(model.get_weights(), [mean, variance], rtol=1e-5, atol=1e-6)
