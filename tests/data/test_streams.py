"""``fit``, ``evaluate`` and ``predict`` over streams: the bits of arrays, epochs of so many steps, ends, and refusals."""

import signal
import threading
from functools import partial

import numpy as np
import pytest

import minidl
from minidl.callbacks import LambdaCallback
from minidl.data import Dataset, StreamData, is_stream
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, NumericWarning, ShapeError
from minidl.layers import Dense
from minidl.models import given
from minidl.optimizers import SGD
from tests.data.connected import Connected

N, BATCH = 23, 4
RNG = np.random.default_rng(7)
X = RNG.normal(size=(N, 5))
Y = RNG.integers(0, 3, N)
ONE_HOT = np.eye(3)[Y]
WEIGHT = RNG.uniform(0.5, 2, N)
CUTS = [slice(start, start + BATCH) for start in range(0, N, BATCH)]


@pytest.fixture(autouse=True)
def no_thread_survives():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "minidl-prefetch"] == []


def compiled(loss="sparse_categorical_crossentropy", built=True, rate=0.1, seed=6):
    minidl.set_seed(seed)
    model = Connected([Dense(4, activation="tanh", **({"input_shape": (5,)} if built else {})), Dense(3, activation="softmax")])
    model.compile(SGD(rate, momentum=0.9), loss, ["accuracy"])
    return model


def batches(*arrays):
    for cut in CUTS:
        yield tuple(array[cut] for array in arrays) if len(arrays) > 1 else arrays[0][cut]


class Sequence:
    """As Keras's: batches by index."""

    def __init__(self, *arrays):
        self.arrays, self.epochs = arrays, []

    def __len__(self):
        return len(CUTS)

    def __getitem__(self, index):
        return tuple(array[CUTS[index]] for array in self.arrays)

    def on_epoch_begin(self):
        self.epochs.append("begin")

    def on_epoch_end(self):
        self.epochs.append("end")


class Loader:
    """As PyTorch's: lists, from a new iterator each time."""

    def __init__(self, *arrays):
        self.arrays = arrays

    def __iter__(self):
        return (list(batch) for batch in batches(*self.arrays))

    def __len__(self):
        return len(CUTS)


FORMS = {
    "dataset of arrays": lambda *arrays: Dataset.from_arrays(*arrays).batch(BATCH),
    "dataset item by item": lambda *arrays: Dataset.from_arrays(*arrays).map(lambda *parts: parts).batch(BATCH),
    "prefetched": lambda *arrays: Dataset.from_arrays(*arrays).batch(BATCH).prefetch(2),
    "function": lambda *arrays: Dataset.from_generator(lambda: batches(*arrays)),
    "sequence": Sequence,
    "loader": Loader,
    "iterable of batches": lambda *arrays: Dataset(list(batches(*arrays))),
}


def same_weights(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights()))


# -- the same bits -----------------------------------------------------------------------------------------------------------


@pytest.mark.one_in(4)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("built", [True, False], ids=["built", "built by the first batch"])
@pytest.mark.parametrize("weights", ["none", "by sample", "by class", "both"])
def test_a_stream_trains_as_the_arrays_do(form, built, weights):
    arrays = (X, Y, WEIGHT) if weights in ("by sample", "both") else (X, Y)
    class_weight = {0: 0.5, 2: 3.0} if weights in ("by class", "both") else None
    expected = compiled(built=built)
    e = expected.fit(*arrays[:2], BATCH, 3, shuffle=False, class_weight=class_weight, sample_weight=(*arrays, None)[2])
    found = compiled(built=built)
    f = found.fit(FORMS[form](*arrays), epochs=3, shuffle=False, class_weight=class_weight)
    assert f.history == e.history
    assert same_weights(found, expected)
    assert found.evaluate(FORMS[form](*arrays)) == expected.evaluate(*arrays[:2], BATCH, (*arrays, None)[2])
    np.testing.assert_array_equal(found.predict(FORMS[form](X, Y)), expected.predict(X, BATCH), strict=True)


def test_a_generator_trains_as_the_arrays_do():
    expected, found = compiled(), compiled()
    expected.fit(X, Y, BATCH, shuffle=False, validation_data=(X, Y, WEIGHT))
    history = found.fit(batches(X, Y), validation_data=batches(X, Y, WEIGHT)).history
    assert history == expected.history.history
    assert same_weights(found, expected)
    assert found.evaluate(batches(X, Y)) == expected.evaluate(X, Y, BATCH)
    np.testing.assert_array_equal(found.predict(batches(X)), expected.predict(X, BATCH), strict=True)


@pytest.mark.parametrize("y, loss", [(ONE_HOT, "categorical_crossentropy"), (Y[:, None], "sparse_categorical_crossentropy")])
def test_weights_by_class_of_one_hot_rows_and_columns(y, loss):
    expected, found = compiled(), compiled(loss)
    expected.fit(X, Y, BATCH, shuffle=False, sample_weight=WEIGHT * np.array([0.5, 1.0, 3.0])[Y])
    found.fit(Dataset.from_arrays(X, y, WEIGHT).batch(BATCH), class_weight={0: 0.5, 2: 3.0})
    assert found.history.history["loss"] == pytest.approx(expected.history.history["loss"], rel=1e-6)
    for a, b in zip(found.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_sequence_is_shuffled_batch_by_batch_and_told_of_its_epochs():
    seen, sequence = [], Sequence(X, Y)
    original = sequence.__class__.__getitem__
    sequence.__class__ = type("Noted", (Sequence,), {"__getitem__": lambda self, i: seen.append(i) or original(self, i)})
    compiled().fit(sequence, epochs=2)
    first, orders = seen[0], [seen[1:7], seen[7:]]
    assert first == 0, "looked at before training"
    assert [sorted(order) for order in orders] == [list(range(6))] * 2
    assert orders[0] != orders[1] != list(range(6))
    assert sequence.epochs == ["begin", "end"] * 2


def test_a_shuffled_dataset_has_an_order_for_each_epoch_of_the_models_life():
    def orders(*epochs):
        model, seen = compiled(), []
        data = Dataset(range(6)).shuffle(6, seed=1).map(lambda i: seen.append(i) or (X[CUTS[i]], Y[CUTS[i]]))
        for count in epochs:
            model.fit(data, epochs=count)
        return [seen[start : start + 6] for start in range(0, len(seen), 6)]

    expected = orders(3)
    assert len({tuple(order) for order in expected}) == 3
    assert orders(1, 2) == orders(2, 1) == expected


# -- epochs of so many steps -----------------------------------------------------------------------------------------------


def steps_of(data, y=None, **options):
    """The batches of each epoch, as the positions of their first samples, and the parameters callbacks saw."""
    model, seen, params = compiled(rate=0.0), [], {}
    train = model._compiled_step().train
    places = {tuple(row): at for at, row in enumerate(X.astype("float32").tolist())}

    def note(batch, **arguments):
        seen[-1].append(places[tuple(batch.x[0].tolist())] // BATCH)
        return train(batch, **arguments)

    model._compiled_step().train = note
    look = LambdaCallback(
        on_epoch_begin=lambda e, logs: seen.append([]), on_train_begin=lambda logs: params.update(look.params)
    )
    history = model.fit(data, y, callbacks=[look], **options)
    return seen, params, history


@pytest.mark.parametrize("form", [*FORMS, "arrays"])
def test_steps_per_epoch_go_on_from_epoch_to_epoch_and_pass_to_pass(form):
    """Six batches in a pass: epochs of four take 0-3, 4 5 0 1, 2-5, and one of eight goes round."""
    arrays = (X, Y, BATCH) if form == "arrays" else (FORMS[form](X, Y), None)
    options = {"shuffle": False, **({"batch_size": BATCH} if form == "arrays" else {})}
    seen, params, history = steps_of(*arrays[:2], epochs=3, steps_per_epoch=4, **options)
    assert seen == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]]
    assert params["steps"] == 4
    assert history.epoch == [0, 1, 2]
    seen, _, _ = steps_of(*arrays[:2], steps_per_epoch=8, **options)
    assert seen == [[0, 1, 2, 3, 4, 5, 0, 1]]


def test_steps_of_an_endless_generator():
    def endless():
        while True:
            yield from batches(X, Y)

    source = endless()
    seen, params, _ = steps_of(source, epochs=2, steps_per_epoch=4)
    assert seen == [[0, 1, 2, 3], [4, 5, 0, 1]]
    assert params["steps"] == 4
    np.testing.assert_array_equal(next(source)[0], X[CUTS[2]])  # not one batch more was taken, and it is still open


@pytest.mark.parametrize("form, steps", [(form, 6) for form in FORMS if form != "function"] + [("function", None)])
def test_the_number_of_steps_where_it_is_known(form, steps):
    _, params, _ = steps_of(FORMS[form](X, Y))
    assert (params["steps"], params["samples"], params["batch_size"]) == (steps, None, None)


# -- ends ------------------------------------------------------------------------------------------------------------------


def test_a_generator_that_ends_too_early_ends_training_with_a_warning():
    with pytest.warns(DataWarning, match="a generator ended in epoch 2 after 2 of 4 batches, and training ends with it"):
        seen, _, history = steps_of(batches(X, Y), epochs=5, steps_per_epoch=4)
    assert seen == [[0, 1, 2, 3], [4, 5]]
    assert history.epoch == [0, 1]
    with pytest.warns(DataWarning, match=r"in epoch 3 after 0 of 3 batches.*only once; Dataset.from_generator\(function\)"):
        seen, _, history = steps_of(batches(X, Y), epochs=5, steps_per_epoch=3)
    assert seen == [[0, 1, 2], [3, 4, 5], []]
    assert history.epoch == [0, 1], "an epoch without a step is none"


def test_a_generator_for_several_epochs_is_refused_before_the_first():
    model = compiled()
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=r"fit: x: received a generator for 3 passes, which can be gone through only once"):
        model.fit(batches(X, Y), epochs=3)
    with pytest.raises(ArgumentError, match=r"fit: validation_data: .* for 2 passes, .*validation_steps="):
        model.fit(X, Y, epochs=2, validation_data=batches(X, Y))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.fit(X, Y, epochs=2, validation_data=batches(X, Y), validation_freq=2)  # one pass only


def test_a_generator_that_was_used_before():
    source = batches(X, Y)
    model = compiled()
    model.fit(source)
    with pytest.raises(DataError, match=r"fit: received a generator without batches; .*begins again, if it was used before"):
        model.fit(source)
    with pytest.raises(DataError, match="predict: received a generator without batches"):
        model.predict(source)
    with pytest.raises(DataError, match="fit: received a Dataset without batches"):
        model.fit(Dataset([]))


def test_a_function_that_gives_its_iterator_twice():
    source = batches(X, Y)
    with pytest.warns(DataWarning, match="a Dataset ended in epoch 2 after 0 batches.*returns a new iterator"):
        _, _, history = steps_of(Dataset.from_generator(lambda: source), epochs=3)
    assert history.epoch == [0]


def test_a_callback_that_stops_closes_what_was_begun():
    closed = []

    def make():
        try:
            yield from batches(X, Y)
        finally:
            closed.append(True)

    model = compiled()
    stop = LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 1))
    for steps in (None, 4):
        data = Dataset.from_generator(make).prefetch(1)
        assert len(model.fit(data, epochs=3, steps_per_epoch=steps, callbacks=[stop]).epoch) == 1
    assert closed == [True, True]


@pytest.mark.parametrize("steps", [None, 4])
def test_ctrl_c_within_a_step_leaves_no_thread_and_a_whole_step(steps):
    model = compiled()
    press = LambdaCallback(on_train_batch_begin=lambda batch, logs: batch == 2 and signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        model.fit(Dataset.from_arrays(X, Y).batch(BATCH).repeat(3).prefetch(2), steps_per_epoch=steps, callbacks=[press])
    expected = compiled()
    expected.fit(X[: 2 * BATCH], Y[: 2 * BATCH], BATCH, shuffle=False)
    assert same_weights(model, expected)


# -- validation, evaluation and prediction over some batches -------------------------------------------------------------------


@pytest.mark.parametrize("form", [*FORMS, "arrays"])
def test_validation_steps_begin_anew_each_time(form):
    model = compiled(rate=0.0)
    validation = (X, Y) if form == "arrays" else FORMS[form](X, Y)
    options = {"validation_batch_size": BATCH} if form == "arrays" else {}
    history = model.fit(X, Y, epochs=3, validation_data=validation, validation_steps=2, **options).history
    expected = model.evaluate(X[: 2 * BATCH], Y[: 2 * BATCH], BATCH)
    assert history["val_loss"] == [expected["loss"]] * 3
    assert history["val_accuracy"] == [expected["accuracy"]] * 3


def test_a_shuffled_dataset_validates_on_the_same_batches_each_time():
    model, data = compiled(rate=0.0), Dataset.from_arrays(X, Y).shuffle(N, seed=3).batch(BATCH)
    history = model.fit(X, Y, epochs=3, validation_data=data, validation_steps=2).history
    assert history["val_loss"] == [model.evaluate(data, steps=2)["loss"]] * 3


def test_a_generator_for_validation_goes_on_from_epoch_to_epoch():
    model = compiled(rate=0.0)
    history = model.fit(X, Y, epochs=3, validation_data=batches(X, Y), validation_steps=2).history
    expected = [model.evaluate(X[at : at + 2 * BATCH], Y[at : at + 2 * BATCH], BATCH)["loss"] for at in (0, 8, 16)]
    assert history["val_loss"] == expected
    with pytest.warns(DataWarning, match="fit: validation_data: a generator ended after 2 of 4 batches, and these count"):
        model.fit(X, Y, epochs=2, validation_data=batches(X, Y), validation_steps=4)
    with pytest.raises(DataError, match="fit: validation_data: received a generator without batches"):
        model.fit(X, Y, epochs=3, validation_data=batches(X, Y), validation_steps=3)


@pytest.mark.parametrize("freq, epochs", [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), (7, []), ([1, 4], [0, 3]), (range(2, 4), [1, 2])])
def test_validation_freq(freq, epochs):
    found = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(epoch) if "val_loss" in logs else None)
    compiled().fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=freq, callbacks=[look])
    assert found == epochs


@pytest.mark.parametrize(
    "freq, kind", [(0, ArgumentError), (1.5, ArgumentTypeError), (True, ArgumentTypeError), ([0], ArgumentError)]
)
def test_validation_freq_that_means_nothing(freq, kind):
    with pytest.raises(kind, match="validation_freq"):
        compiled().fit(X, Y, validation_data=(X, Y), validation_freq=freq)


def test_validation_batch_size():
    model, sizes = compiled(), []
    test = model._compiled_step().test
    model._compiled_step().test = lambda batch: sizes.append(batch.size) or test(batch)
    model.fit(X, Y, 5, validation_data=(X, Y))
    model.fit(X, Y, 5, validation_data=(X, Y), validation_batch_size=9)
    assert sizes == [5, 5, 5, 5, 3, 9, 9, 5]


@pytest.mark.parametrize("form", [*FORMS, "generator", "arrays"])
def test_the_first_steps_of_evaluate_and_predict(form):
    model = compiled()

    def source(*arrays):
        if form == "arrays":
            return (*arrays, BATCH) if len(arrays) > 1 else (arrays[0], BATCH)
        return (batches(*arrays) if form == "generator" else FORMS[form](*arrays),)

    part = slice(0, 3 * BATCH)
    assert model.evaluate(*source(X, Y), steps=3) == model.evaluate(X[part], Y[part], BATCH)
    found = model.predict(*source(X), steps=3) if form in ("arrays", "generator") else model.predict(*source(X, Y), steps=3)
    np.testing.assert_array_equal(found, model.predict(X[part], BATCH), strict=True)
    with pytest.warns(DataWarning, match="ended after 6 of 7 batches, and these count"):
        assert model.evaluate(*source(X, Y), steps=7) == model.evaluate(X, Y, BATCH)


# -- batches that do not fit -----------------------------------------------------------------------------------------------


def spoiled(at, **parts):
    for index, (x, y, w) in enumerate(batches(X, Y, WEIGHT)):
        yield tuple(parts.get(name, part) for name, part in zip("xyw", (x, y, w))) if index == at else (x, y, w)


@pytest.mark.parametrize("form", ["generator", "prefetched"])
@pytest.mark.parametrize(
    "parts, kind, words",
    [
        ({"x": X[:4, :3]}, ShapeError, ["(4, 3)", "(samples, 5)"]),
        ({"x": X[:3]}, DataError, ["3 samples in x", "4 samples in y"]),
        ({"y": np.array([0, 1, 2, 3])}, DataError, ["label 3 at index 3", "0 to 2"]),
        ({"y": None}, ArgumentTypeError, ["y", "None", "targets"]),
        ({"y": np.array(["a"] * 4)}, ArgumentTypeError, ["y", "real numbers"]),
        ({"w": -WEIGHT[:4]}, DataError, ["sample_weight", "numbers >= 0"]),
        ({"w": np.ones((4, 2))}, ShapeError, ["sample_weight", "(4, 2)"]),
        ({"x": X[:0], "y": Y[:0], "w": WEIGHT[:0]}, DataError, ["no samples"]),
    ],
)
@pytest.mark.parametrize("at", [0, 2])
def test_a_batch_that_does_not_fit_is_named_and_the_steps_before_stand(parts, kind, words, at, form):
    model, expected = compiled(), compiled()
    source = spoiled(at, **parts)
    if form == "prefetched":
        source = Dataset.from_generator(lambda: spoiled(at, **parts)).prefetch(2)
    with pytest.raises(kind) as raised:
        model.fit(source)
    assert [word for word in [f"fit: batch {at + 1}", *words] if word not in str(raised.value)] == [], str(raised.value)
    if at:
        expected.fit(X[: 2 * BATCH], Y[: 2 * BATCH], BATCH, shuffle=False, sample_weight=WEIGHT[: 2 * BATCH])
    assert same_weights(model, expected)
    model.fit(X, Y)  # and the model still works


def test_a_batch_of_a_later_pass_is_named_with_it():
    passes = []

    def make():
        passes.append(None)
        return spoiled(1 if len(passes) == 2 else 99, y=Y[:4] + 9)

    with pytest.raises(DataError, match="fit: pass 2, batch 2: y"):
        compiled().fit(Dataset.from_generator(make), epochs=3)
    with pytest.raises(DataError, match="fit: validation_data: batch 3: y"):
        compiled().fit(X, Y, validation_data=spoiled(2, y=Y[:4] + 9))
    with pytest.raises(DataError, match="evaluate: batch 3: y"):
        compiled().evaluate(spoiled(2, y=Y[:4] + 9))


def test_an_error_in_the_generator_is_the_users():
    def broken():
        yield X[:4], Y[:4]
        raise ZeroDivisionError("mine")

    model, expected = compiled(), compiled()
    with pytest.raises(ZeroDivisionError, match="mine"):
        model.fit(broken())
    expected.fit(X[:4], Y[:4], BATCH, shuffle=False)
    assert same_weights(model, expected)


@pytest.mark.parametrize(
    "source, words",
    [
        (lambda: Dataset.from_arrays(X, Y), ["a Dataset of single samples", "x.batch(32)"]),
        (lambda: Dataset.from_arrays(X, Y).shuffle(9).repeat(), ["a Dataset of single samples", "x.batch(32)"]),
        (lambda: iter(zip(X, Y[:, None])), ["fit: batch 1", "(5,)", "batches instead of single samples"]),
        (lambda: iter([(X, Y, WEIGHT, Y)]), ["fit: batch 1", "4 parts", "(x, y) or (x, y, sample_weight)"]),
    ],
)
def test_samples_and_other_things_that_are_no_batches(source, words):
    with pytest.raises((TypeError, ValueError)) as raised:
        compiled().fit(source())
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_numbers_that_are_not_finite_are_warned_of_once():
    bad = X.copy()
    bad[5:, 0] = np.nan
    with pytest.warns() as caught:
        compiled().fit(batches(bad, Y))
    data = [w for w in caught if w.category is DataWarning]
    assert [str(w.message).partition(" holds")[0] for w in data] == ["fit: batch 2: x"]
    assert [w.category for w in caught if w.category is not DataWarning] == [NumericWarning]
    with pytest.raises(DataError, match="fit: batch 2: x: received NaN"):
        compiled().fit(batches(bad, Y), nan="raise")
    with (
        pytest.warns(NumericWarning, match="in epoch 1, batch 2"),  # found at the end of an epoch of unknown length
        pytest.warns(DataWarning),
    ):
        compiled().fit(batches(bad, Y))


# -- arguments beside a stream ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        ({"y": Y}, ArgumentTypeError, ["fit: x", "a generator and y", "an array of all samples", "without y"]),
        ({"sample_weight": WEIGHT}, ArgumentError, ["fit: sample_weight", "a generator", "(x, y, sample_weight)"]),
        ({"batch_size": 32}, ArgumentError, ["fit: batch_size", "batches as they come", "leave batch_size out"]),
        ({"validation_split": 0.2}, ArgumentError, ["fit: validation_split", "no last part", "validation_data="]),
        ({"class_weight": {5: 1.0}}, ArgumentError, ["class 5", "0 to 2"]),
        ({"validation_data": iter([(X, Y)]), "validation_batch_size": 3}, ArgumentError, ["validation_batch_size"]),
        ({"validation_data": 3}, ArgumentTypeError, ["validation_data", "a stream of batches"]),
        ({"steps_per_epoch": 0}, ArgumentError, ["steps_per_epoch=0"]),
        ({"validation_steps": 1.5}, ArgumentTypeError, ["validation_steps=1.5"]),
    ],
)
def test_arguments_that_a_stream_refuses(arguments, kind, words):
    model = compiled()
    before = model.get_weights()
    with pytest.raises(kind) as raised:
        model.fit(batches(X, Y), **arguments)
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.fit(batches(X, Y), shuffle=True, validation_split=0.0)  # the defaults, said aloud


def test_a_first_batch_that_is_refused_leaves_nothing_open():
    source = Dataset.from_arrays(X, Y + 9).batch(BATCH).prefetch(2)
    stream = StreamData(source, partial(given.targets, compiled()), where="fit")
    with pytest.raises(DataError, match="fit: batch 1: y: received label"):
        stream.first()
    assert [thread for thread in threading.enumerate() if thread.name == "minidl-prefetch"] == []


def test_what_was_looked_at_first_is_trained_on_too():
    model = compiled()
    for source, number in ((Dataset.from_arrays(X, Y).batch(BATCH), 0), (batches(X, Y), 5), (Sequence(X, Y), 2)):
        stream = StreamData(source, partial(given.targets, model), where="fit")
        for _ in range(2):
            np.testing.assert_array_equal(stream.first(number).x[0], X[CUTS[0]])
        assert [piece.y.tolist() for piece in stream.pieces(number)] == [Y[cut].tolist() for cut in CUTS]


def test_what_is_a_stream():
    class Arrayed:
        __array__ = __iter__ = __len__ = lambda self: None

    streams = [batches(X, Y), iter([]), zip(X), Dataset([]), Loader(X), Sequence(X)]
    arrays = [X, X.tolist(), (X, X), {"a": X}, "text", range(3), memoryview(X), bytearray(3), Arrayed(), 3, None, Loader]
    assert [is_stream(x) for x in streams] == [True] * len(streams)
    assert [is_stream(x) for x in arrays] == [False] * len(arrays)
