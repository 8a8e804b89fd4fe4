"""The table of ``summary``: the counts of the lectures, a plausible column of memory, and no harm done."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minidl
from minidl.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    MaxPooling2D,
)
from minidl.models import Model, Sequential
from minidl.models.summary import summary_html


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


def kept_of(model):
    """What the rows say they keep, in bytes, and what the last line says."""
    lines = [line for line in text_of(model).splitlines() if "(None, " in line]
    assert all(line.endswith(" B") for line in lines), "small enough to be counted in bytes"
    last = text_of(model).splitlines()[-1]
    return [int(line.split()[-2]) for line in lines], int(last.split()[-2])


def test_a_shared_layer_has_one_row_in_a_chain():
    shared, relu = Dense(4, name="shared"), Activation("relu")
    model = Sequential([Input((4,)), shared, relu, shared, relu, Dense(2)])
    expected = [
        ("shared (Dense), 2 uses", (4,), 20),
        ("activation_1 (Activation), 2 uses", (4,), 0),
        ("dense_1 (Dense)", (2,), 10),
    ]
    assert rows_of(model) == expected
    assert "Parameters: 30 (trainable 30, not trainable 0)\n" in text_of(model)
    assert kept_of(model) == ([0, 32, 0], 32)  # relu keeps its output twice; it is what the layers behind would keep


def test_a_shared_layer_has_one_row_in_a_graph():
    shared, x = Dense(4, name="shared"), Input((4,))
    model = Model(x, Dense(2)(Add()([shared(x), shared(shared(x))])))
    assert rows_of(model) == [("shared (Dense), 3 uses", (4,), 20), ("add_1 (Add)", (4,), 0), ("dense_1 (Dense)", (2,), 10)]
    assert "Parameters: 30 (trainable 30, not trainable 0)\n" in text_of(model)
    rows, total = kept_of(model)
    assert sum(rows) == total == 32  # the input of the second use, and that of dense_1


def test_shared_models_and_layers_of_models_inside():
    shared = Dense(4, name="shared")
    body = Sequential([Input((4,)), shared, BatchNormalization(), shared], name="body")
    assert [(label.partition(" ")[0], count) for label, _, count in rows_of(body)] == [
        ("shared", 20),
        ("batch_normalization_1", 16),
    ]
    x = Input((4,))
    model = Model(x, Dense(2)(Add()([body(x), shared(x), body(body(x))])))
    rows = rows_of(model)
    assert [(label.partition(" ")[0], count) for label, _, count in rows] == [
        ("body", 36),
        ("shared", 20),
        ("add_1", 0),
        ("dense_1", 10),
    ]
    assert rows[0][0].endswith(", 3 uses")
    assert "Parameters: 46 (trainable 38, not trainable 8); shared ones are counted once\n" in text_of(model)


def test_a_layer_used_on_two_shapes_names_both():
    relu, x = Activation("relu", name="shared"), Input((4,))
    model = Model(x, Dense(1)(relu(Dense(3)(relu(x)))))
    (line,) = [line for line in text_of(model).splitlines() if line.startswith("shared (Activation), 2 uses ")]
    assert " (None, 4) or (None, 3) " in line


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
        states.append([*model.get_weights(), model.network.steps_done.copy()])
    assert all(np.array_equal(a, b) for a, b in zip(*states))
    before = looked_at.get_weights()
    assert text_of(looked_at) == text_of(looked_at)
    assert all(np.array_equal(a, b) for a, b in zip(before, looked_at.get_weights()))


def test_it_is_printed_by_default(capsys):
    assert perceptron().summary() is None
    assert "7,850" in capsys.readouterr().out


def test_the_table_for_notebooks_says_the_same():
    model = Sequential([Dense(4, name="<i>&", input_shape=(3,)), BatchNormalization(), Dense(2)])
    root = ET.fromstring(f"<div>{summary_html(model.network)}</div>".replace("<br>", "\n"))
    header, *rows = [[cell.text for cell in row] for row in root.iter("tr")]
    lines = text_of(model).splitlines()
    assert header == ["Layer", "Output shape", "Parameters", "Kept per sample"]
    assert [" ".join(row) for row in rows] == [" ".join(line.split()) for line in lines[2:5]]
    assert rows[0][:3] == ["<i>& (Dense)", "(None, 4)", "16"]
    assert root.find("p").text == "\n".join(lines[-2:])


def test_ids_enter_as_integers():
    """What is measured is a forward pass, which looks ids up; here of a chain and of several inputs."""
    chain = Sequential([Input((5,)), Embedding(7, 3), GlobalAveragePooling1D()])
    assert rows_of(chain)[0] == ("embedding_1 (Embedding)", (5, 3), 21)
    ids, numbers = Input((5,)), Input((2,))
    both = Model([ids, numbers], Concatenate()([GlobalAveragePooling1D()(Embedding(7, 3)(ids)), numbers]))
    assert [shape for _, shape, _ in rows_of(both)] == [(5, 3), (3,), (5,)]
