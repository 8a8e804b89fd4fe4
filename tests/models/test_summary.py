"""The table of ``summary``: the counts of the lectures, a plausible column of memory, and no harm done."""

import numpy as np
import pytest

import minidl
from minidl.layers import Activation, Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from minidl.models import Model, Sequential


def perceptron():
    return Sequential([Dense(10, input_shape=(784,)), Activation("softmax")])


def two_hidden():
    hidden = [Dense(128, input_shape=(784,)), Activation("relu"), Dense(128), Activation("relu")]
    return Sequential([*hidden, Dense(10), Activation("softmax")])


def lenet():
    first = [Conv2D(20, 5, padding="same", data_format="channels_first", input_shape=(1, 28, 28)), Activation("relu")]
    pool = MaxPooling2D(2, 2, data_format="channels_first")
    second = [Conv2D(50, 5, padding="same", data_format="channels_first"), Activation("relu")]
    pool_2 = MaxPooling2D(2, 2, data_format="channels_first")
    head = [Flatten(), Dense(500), Activation("relu"), Dense(10), Activation("softmax")]
    return Sequential([*first, pool, *second, pool_2, *head])


def text_of(model):
    lines = []
    model.summary(lines.append)
    return "\n".join(lines)


def rows_of(model):
    """Label, output shape and number of parameters of each row."""
    rows = []
    for line in text_of(model).splitlines():
        if "(None, " in line:
            label, rest = line.split("(None, ")
            shape, rest = rest.split(")", 1)
            sizes = tuple(int(n) for n in shape.split(",") if n.strip())
            rows.append((label.strip(), sizes, int(rest.split()[0].replace(",", ""))))
    return rows


LECTURES = {
    "softmax perceptron": (
        perceptron,
        [("dense_1 (Dense)", (10,), 7850), ("activation_1 (Activation)", (10,), 0)],
        7850,
    ),
    "two hidden layers": (
        two_hidden,
        [
            ("dense_1 (Dense)", (128,), 100480),
            ("activation_1 (Activation)", (128,), 0),
            ("dense_2 (Dense)", (128,), 16512),
            ("activation_2 (Activation)", (128,), 0),
            ("dense_3 (Dense)", (10,), 1290),
            ("activation_3 (Activation)", (10,), 0),
        ],
        118282,
    ),
    "convolutions": (
        lenet,
        [
            ("conv2d_1 (Conv2D)", (20, 28, 28), 520),
            ("activation_1 (Activation)", (20, 28, 28), 0),
            ("max_pooling2d_1 (MaxPooling2D)", (20, 14, 14), 0),
            ("conv2d_2 (Conv2D)", (50, 14, 14), 25050),
            ("activation_2 (Activation)", (50, 14, 14), 0),
            ("max_pooling2d_2 (MaxPooling2D)", (50, 7, 7), 0),
            ("flatten_1 (Flatten)", (2450,), 0),
            ("dense_1 (Dense)", (500,), 1225500),
            ("activation_3 (Activation)", (500,), 0),
            ("dense_2 (Dense)", (10,), 5010),
            ("activation_4 (Activation)", (10,), 0),
        ],
        1256080,
    ),
}


@pytest.mark.parametrize("name", LECTURES)
def test_the_models_of_the_lectures(name):
    make, rows, total = LECTURES[name]
    model = make()
    assert rows_of(model) == rows
    assert model.count_params() == total
    assert f"Parameters: {total:,} (trainable {total:,}, not trainable 0)" in text_of(model)
    assert sum(count for *_, count in rows) == total


def test_frozen_and_never_trained_parameters_are_counted_apart():
    model = Sequential([Dense(4, input_shape=(3,)), BatchNormalization(), Dense(2)])
    assert "Parameters: 42 (trainable 34, not trainable 8)" in text_of(model)
    model.layers[0].trainable = False
    assert "Parameters: 42 (trainable 18, not trainable 24)" in text_of(model)


def test_branches_and_models_inside():
    x = Input((4,))
    body = Sequential([Dense(4), BatchNormalization()], name="body")
    model = Model(x, Dense(2)(Add()([x, body(x)])))
    assert [(shape, count) for _, shape, count in rows_of(model)] == [((4,), 36), ((4,), 0), ((2,), 10)]
    assert rows_of(model)[0][0].startswith("body")


def test_memory_is_what_the_layers_keep_in_float32():
    """Dense keeps its input (the data's own memory in the first layer), relu its output, which is the next one's input."""
    model = Sequential([Dense(128, input_shape=(784,)), Activation("relu"), Dense(64)])
    lines = text_of(model).splitlines()
    kept = [line.rsplit("  ", 1)[-1].strip() for line in lines if "(None, " in line]
    assert kept == ["0 B", "512 B", "0 B"]
    assert "kept per sample 512 B" in lines[-1]
    parameters = (784 * 128 + 128 + 128 * 64 + 64) * 4
    assert f"parameters {parameters / 1024:.1f} KiB" in lines[-1]


def test_memory_grows_with_the_image():
    def kept(size):
        model = Sequential([Conv2D(8, 3, padding="same", activation="relu", input_shape=(size, size, 3)), MaxPooling2D(2)])
        amount, unit = text_of(model).splitlines()[-1].split()[-2:]
        return float(amount) * {"B": 1, "KiB": 1024, "MiB": 1024**2}[unit]

    outputs = 16 * 16 * 8 * 4
    assert outputs <= kept(16) <= 3 * outputs
    assert kept(32) == pytest.approx(4 * kept(16), rel=0.05)


def test_a_summary_changes_nothing():
    def make():
        minidl.set_seed(7)
        model = Sequential([Dense(4, input_shape=(3,)), BatchNormalization(), Dropout(0.5), Dense(2)])
        model.compile("adam", "mse")
        return model

    x, y = np.random.default_rng(0).normal(size=(10, 3)), np.ones((10, 2))
    plain, looked_at = make(), make()
    states = []
    for model in (plain, looked_at):
        for _ in range(3):
            if model is looked_at:
                text_of(model)
            model.train_on_batch(x, y)
        states.append([*model.get_weights(), model.layers[2].step.copy()])
    assert all(np.array_equal(a, b) for a, b in zip(*states))
    before = looked_at.get_weights()
    assert text_of(looked_at) == text_of(looked_at)
    assert all(np.array_equal(a, b) for a, b in zip(before, looked_at.get_weights()))


def test_it_is_printed_by_default(capsys):
    assert perceptron().summary() is None
    assert "7,850" in capsys.readouterr().out
