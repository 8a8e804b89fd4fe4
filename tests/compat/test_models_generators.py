"""``fit_generator`` and its kin, with generators and Sequences, in the words of Keras 2 and of Keras 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import layers as today
from minidl.compat.keras.callbacks import Callback
from minidl.compat.keras.layers import Dense
from minidl.compat.keras.models import Model, Sequential
from minidl.compat.keras.names import forget
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentTypeError, DataWarning, NotBuiltError

RNG = np.random.RandomState(0)
X, Y = RNG.rand(20, 3).astype("f"), RNG.rand(20)


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()


def model() -> Sequential:
    found = Sequential([Dense(1, input_shape=(3,), kernel_initializer="ones")])
    found.compile("sgd", "mse", metrics=["mae"])
    return found


def forever(size: int = 5, weights: bool = False, lists: bool = False) -> Iterator[Any]:
    while True:
        for start in range(0, 20, size):
            x, y = X[start : start + size], Y[start : start + size]
            x, y = (x.tolist(), y.tolist()) if lists else (x, y)
            yield (x, y, np.full(len(y), 3.0)) if weights else (x, y)


class Batches:
    """A ``keras.utils.Sequence`` by its methods alone."""

    def __init__(self, batch_size: int = 5) -> None:
        self.batch_size, self.ends, self.asked = batch_size, 0, list[int]()

    def __len__(self) -> int:
        return 20 // self.batch_size

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return X[rows], Y[rows]

    def on_epoch_end(self) -> None:
        self.ends += 1


def test_a_generator_trains_as_the_arrays_do() -> None:
    mine, other = model(), model()
    found = mine.fit_generator(forever(), steps_per_epoch=4, epochs=3, verbose=0)
    expected = other.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(mine.get_weights()[0], other.get_weights()[0], rtol=1e-6)
    assert found.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)
    assert list(found.history) == ["loss", "mean_absolute_error"]
    assert found.params["steps"] == 4
    assert found.params["metrics"] == ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
    assert mine.history is found


def test_lists_and_weights_from_a_generator() -> None:
    mine, other = model(), model()
    mine.fit_generator(forever(lists=True), 4, verbose=0)
    other.fit_generator(forever(), 4, verbose=0)
    np.testing.assert_allclose(mine.get_weights()[0], other.get_weights()[0], rtol=1e-6)
    loss, error = mine.evaluate_generator(forever(weights=True), 4)
    plain = mine.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(3 * plain[0], rel=1e-5)
    assert error == pytest.approx(plain[1], rel=1e-5)


def test_a_sequence_is_gone_through_by_number() -> None:
    batches, mine = Batches(), model()
    mine.fit_generator(batches, epochs=2, verbose=0)
    assert batches.ends == 2
    assert sorted(batches.asked[-8:-4]) == sorted(batches.asked[-4:]) == [0, 1, 2, 3]
    plain = Batches()
    model().fit_generator(plain, epochs=1, verbose=0, shuffle=False)
    assert plain.asked[-4:] == [0, 1, 2, 3]
    assert mine.evaluate_generator(Batches()) == pytest.approx(mine.evaluate(X, Y, verbose=0), rel=1e-5)
    np.testing.assert_allclose(mine.predict_generator(Batches()), mine.predict(X), rtol=1e-6)
    assert len(model().fit_generator(Batches(), steps_per_epoch=2, epochs=1, verbose=0).epoch) == 1


@pytest.mark.parametrize("kind", ["arrays", "generator", "sequence"])
def test_validation(kind: str) -> None:
    data = {"arrays": (X, Y), "generator": forever(), "sequence": Batches()}[kind]
    mine = model()
    steps = {"validation_steps": 4} if kind == "generator" else {}
    history = mine.fit_generator(forever(), 4, validation_data=data, verbose=0, epochs=2, **steps).history
    assert history["val_loss"][-1] == pytest.approx(mine.evaluate(X, Y, verbose=0)[0], rel=1e-5)
    assert list(history) == ["val_loss", "val_mean_absolute_error", "loss", "mean_absolute_error"]


def test_a_validation_generator_needs_a_number() -> None:
    with pytest.raises(ArgumentTypeError, match="validation_steps"):
        model().fit_generator(forever(), 4, validation_data=forever(), verbose=0)
    with pytest.raises(ArgumentTypeError, match="steps_per_epoch"):
        model().fit_generator(forever(), verbose=0)


def test_predictions() -> None:
    mine = model()
    for kind in (forever(), (x for x, _ in forever()), forever(weights=True)):
        np.testing.assert_allclose(mine.predict_generator(kind, 3), mine.predict(X[:15]), rtol=1e-6)


def test_keras_1_counts_samples() -> None:
    mine = model()
    batches = forever()
    expected = r"steps_per_epoch=4, validation_steps=2, epochs=2\) in minidl"
    with pytest.warns(OldSpellingWarning, match=expected):
        history = mine.fit_generator(batches, samples_per_epoch=20, nb_epoch=2, validation_data=forever(10), nb_val_samples=20,
                                     verbose=0, max_q_size=3, nb_worker=1, pickle_safe=True)  # fmt: skip
    other = model()
    other.fit_generator(forever(), 4, 2, verbose=0)
    np.testing.assert_allclose(mine.get_weights()[0], other.get_weights()[0], rtol=1e-6)  # no batch was lost to counting
    assert len(history.epoch) == 2
    with pytest.warns(OldSpellingWarning, match=r"steps=4"):
        assert mine.evaluate_generator(forever(), val_samples=20) == pytest.approx(mine.evaluate(X, Y, verbose=0), rel=1e-5)
    with pytest.warns(OldSpellingWarning, match=r"steps=3"):  # of a size that it says itself
        mine.predict_generator(Batches(), val_samples=11)
    with pytest.raises(TypeError, match="the keyword 'samples'"):
        mine.fit_generator(forever(), 4, samples=3)


def test_fractions_of_steps_count_as_one() -> None:
    seen: list[int] = []

    class Look(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(logs["size"])

    model().fit_generator(forever(8), 20 / 8, verbose=0, callbacks=[Look()])
    assert seen == [8, 8, 4]


def test_several_inputs_by_name() -> None:
    a, b = today.Input((3,), name="a"), today.Input((3,), name="b")
    net = Model([a, b], Dense(1, name="out", kernel_initializer="ones")(today.Add()([a, b])))
    net.compile("sgd", "mse")

    def batches() -> Iterator[Any]:
        while True:
            yield {"a": X, "b": X}, {"out": Y}

    expected = net.evaluate([X, X], Y, verbose=0)
    assert net.evaluate_generator(batches(), 1) == pytest.approx(expected, rel=1e-6)
    assert net.fit_generator(batches(), 1, verbose=0).history["loss"][0] == pytest.approx(expected, rel=1e-6)


def test_class_weights_and_an_end_that_comes_too_soon() -> None:
    mine, other = model(), model()
    y = (Y > 0.5).astype("f")
    mine.fit_generator(((X, y) for _ in range(9)), 1, class_weight={0: 1.0, 1: 4.0}, verbose=0)
    other.fit(X, y, class_weight={0: 1.0, 1: 4.0}, batch_size=20, verbose=0)
    np.testing.assert_allclose(mine.get_weights()[0], other.get_weights()[0], rtol=1e-6)
    with pytest.warns(DataWarning, match="2"):
        assert len(mine.fit_generator(((X, y) for _ in range(2)), 4, epochs=3, verbose=0).epoch) == 1


def test_what_is_no_generator() -> None:
    with pytest.raises(ArgumentTypeError, match="a generator of batches"):
        model().fit_generator((X, Y), 4)
    with pytest.raises(ArgumentTypeError, match="from the generator"):
        model().fit_generator(iter([X]), 1, verbose=0)
    with pytest.raises(NotBuiltError):
        Sequential([Dense(1, input_shape=(3,))]).fit_generator(forever(), 4)


def test_unequal_batches_weigh_by_their_samples() -> None:
    mine = model()
    found = mine.evaluate_generator(iter([(X[:15], Y[:15]), (X[15:], Y[15:])]), 2)
    assert found == pytest.approx(mine.evaluate(X, Y, verbose=0), rel=1e-5)
