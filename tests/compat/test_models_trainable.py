"""What is trained is what was trainable at ``compile``; one optimizer and one model may serve several compiled models."""

# ruff: noqa: NPY002  (the state that scripts seed)

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from minidl import layers as today
from minidl.compat.keras.layers import Activation, BatchNormalization, Dense
from minidl.compat.keras.models import Model, Sequential, load_model
from minidl.compat.keras.names import forget
from minidl.compat.keras.optimizers import SGD, Adam

RNG = np.random.RandomState(0)
pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")  # not what is tested here
REAL, NOISE = RNG.rand(16, 4).astype("f"), RNG.rand(16, 3).astype("f")
ONES, ZEROS = np.ones(16), np.zeros(16)


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()
    np.random.seed(0)


def gan(optimizer: Any = "sgd", normalized: bool = False) -> tuple[Sequential, Sequential, Model]:
    """Generator, discriminator and both together, made as GAN scripts make them."""
    middle = [BatchNormalization()] if normalized else []
    discriminator = Sequential([Dense(5, input_shape=(4,)), *middle, Activation("relu"), Dense(1, activation="sigmoid")])
    discriminator.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    generator = Sequential([Dense(6, input_shape=(3,), activation="relu"), Dense(4)])
    discriminator.trainable = False
    noise = today.Input((3,))
    combined = Model(noise, discriminator(generator(noise)))
    combined.compile(loss="binary_crossentropy", optimizer=optimizer)
    return generator, discriminator, combined


def same(before: list[np.ndarray], model: Any) -> list[bool]:
    return [bool(np.array_equal(a, b)) for a, b in zip(before, model.get_weights(), strict=True)]


class TestGan:
    @pytest.mark.parametrize("verb", ["train_on_batch", "fit"])
    def test_the_frozen_discriminator_trains_by_itself_and_not_within(self, verb: str) -> None:
        generator, discriminator, combined = gan()
        train = (lambda m, x, y: m.train_on_batch(x, y)) if verb == "train_on_batch" else lambda m, x, y: m.fit(x, y, verbose=0)
        for _ in range(3):  # in turns, as a script does
            d, g = discriminator.get_weights(), generator.get_weights()
            train(combined, NOISE, ONES)
            assert all(same(d, discriminator))
            assert not any(same(g, generator))
            g = generator.get_weights()
            train(discriminator, REAL, ONES)
            assert not any(same(d, discriminator))
            assert all(same(g, generator))
        assert discriminator.trainable is False
        assert not any(p.trainable for p in discriminator.network.parameters)

    def test_it_is_what_a_model_that_was_never_frozen_does(self) -> None:
        _, discriminator, _ = gan()
        twin = Sequential([Dense(5, input_shape=(4,)), Activation("relu"), Dense(1, activation="sigmoid")])
        twin.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        twin.set_weights(discriminator.get_weights())
        for _ in range(3):
            assert discriminator.train_on_batch(REAL, ONES) == twin.train_on_batch(REAL, ONES)
        assert all(same(twin.get_weights(), discriminator))

    def test_scripts_that_switch_it_on_and_off(self) -> None:
        generator, discriminator, combined = gan()
        for _ in range(2):
            discriminator.trainable = True
            d = discriminator.get_weights()
            discriminator.train_on_batch(REAL, ONES)
            assert not any(same(d, discriminator))
            d, g = discriminator.get_weights(), generator.get_weights()
            combined.train_on_batch(NOISE, ONES)  # compiled while it was frozen
            assert all(same(d, discriminator))
            assert not any(same(g, generator))
            discriminator.trainable = False

    def test_compile_looks_again(self) -> None:
        _, discriminator, _ = gan()
        discriminator.compile("sgd", "binary_crossentropy")
        d = discriminator.get_weights()
        discriminator.train_on_batch(REAL, ONES)
        assert all(same(d, discriminator))
        discriminator.trainable = True
        discriminator.train_on_batch(REAL, ONES)
        assert all(same(d, discriminator))
        discriminator.compile("sgd", "binary_crossentropy")
        discriminator.train_on_batch(REAL, ONES)
        assert not any(same(d, discriminator))

    def test_an_error_in_a_step_leaves_the_flags_as_they_are(self) -> None:
        _, discriminator, _ = gan()
        step = discriminator._compiled_step()
        step._look()
        assert step._others
        with pytest.raises(AttributeError):
            step.train(step)  # type: ignore[arg-type]
        assert not any(p.trainable for p in discriminator.network.parameters)

    def test_normalisation_uses_the_batch_in_training_frozen_or_not(self) -> None:
        generator, discriminator, combined = gan(normalized=True)
        norm = discriminator.layers[1]
        mean = norm.moving_mean.value.copy()
        z = generator.predict(NOISE) @ discriminator.layers[0].W.value + discriminator.layers[0].b.value
        y = np.maximum((z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-3), 0) @ discriminator.layers[3].W.value
        expected = np.log1p(np.exp(-y)).mean()
        assert combined.train_on_batch(NOISE, ONES) == pytest.approx(expected, rel=1e-4)
        assert not np.array_equal(norm.moving_mean.value, mean)  # its statistics go on, too
        assert norm.trainable is False

    def test_copies_keep_what_was_collected(self) -> None:
        _, discriminator, _ = gan()
        other = copy.deepcopy(discriminator)
        d = other.get_weights()
        other.train_on_batch(REAL, ONES)
        assert not any(same(d, other))

    def test_a_file_is_loaded_as_it_is_now(self, tmp_path: Any) -> None:
        _, _, combined = gan()
        combined.save(tmp_path / "gan.h5")
        other = load_model(tmp_path / "gan.h5")
        d = other.layers[2].get_weights()
        other.train_on_batch(NOISE, ONES)
        assert all(same(d, other.layers[2]))


def test_frozen_layers_of_a_plain_model() -> None:
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(NOISE, NOISE[:, :2], verbose=0)
    assert same(before, model) == [True, True, False, False]
    assert [p.name for p in model.trainable_weights] == ["W", "b"]
    assert len(model.non_trainable_weights) == 2


def test_one_optimizer_in_two_models_has_moments_for_each_and_one_count() -> None:
    shared = Adam(lr=0.1)
    generator, discriminator, combined = gan(shared)
    w = [discriminator.get_weights(), generator.get_weights()]
    discriminator.train_on_batch(REAL, ONES)
    combined.train_on_batch(NOISE, ONES)
    assert shared.iterations == combined.optimizer.iterations == 2
    # Adam's first step of a weight is lr sqrt(1 - b2^t) / (1 - b1^t) * m / sqrt(v), with t = 2 for the second model.
    for before, model, t in ((w[0], discriminator, 1), (w[1], generator, 2)):
        size = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * 0.1 / np.sqrt(0.001)
        moved = [abs(a - b) for a, b in zip(before, model.get_weights())]
        assert max(m.max() for m in moved) == pytest.approx(size, rel=1e-3)
    combined.optimizer.lr = 0.5
    assert shared.lr == discriminator.optimizer.lr == 0.5
    shared.lr = 0.0
    before = generator.get_weights()
    combined.train_on_batch(NOISE, ONES)
    assert all(same(before, generator))


def test_a_shared_optimizer_is_saved_as_any_other(tmp_path: Any) -> None:
    _, _, combined = gan(SGD(lr=0.25, momentum=0.5))
    combined.save(tmp_path / "m.h5")
    other = load_model(tmp_path / "m.h5")
    assert other.optimizer.lr == 0.25
    assert other.optimizer.momentum == 0.5
    assert type(other.optimizer).__name__ == "SGD"
    copied = copy.deepcopy(combined)
    copied.train_on_batch(NOISE, ONES)
    assert combined.optimizer.iterations == 0


def test_compiled_again_with_its_own_optimizer() -> None:
    optimizer = Adam()
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile(optimizer, "mse")
    model.fit(NOISE, ONES, verbose=0)
    assert optimizer.iterations == 1
    model.compile(optimizer, "mse")
    assert optimizer.iterations == 1  # goes on, as then; the moments begin anew
    assert model.optimizer is optimizer
    model.fit(NOISE, ONES, verbose=0)
    assert optimizer.iterations == 2


def test_two_models_on_the_same_layers_compiled_together() -> None:
    x = today.Input((3,))
    h = Dense(4)(x)
    one, other = Model(x, Dense(1)(h)), Model(x, Dense(2)(h))
    one.compile("sgd", "mse")
    other.compile("sgd", "mse")
    one.fit(NOISE, ONES, verbose=0)
    before = one.get_weights()
    other.fit(NOISE, NOISE[:, :2], verbose=0)
    assert same(before, one) == [False, False, True, True]


def test_nothing_is_looked_at_where_nothing_changed(monkeypatch: Any) -> None:
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.train_on_batch(NOISE, ONES)
    step = model._compiled_step()
    monkeypatch.setattr(step, "_look", lambda: pytest.fail("looked again"))
    model.train_on_batch(NOISE, ONES)
