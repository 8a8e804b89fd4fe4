"""``summary()`` as the lectures print it, and as Keras 2.1 printed graphs."""

from __future__ import annotations

import pytest

from minidl import layers as today
from minidl.compat.keras.engine.table import row_text
from minidl.compat.keras.layers import Activation, Dense, Dropout, Flatten
from minidl.compat.keras.models import Model, Sequential
from minidl.compat.keras.names import forget, next_name
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import NotBuiltError


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()


def named(layer: today.Layer) -> today.Layer:
    """A layer as ``keras.layers`` makes it, where that name is not under test here."""
    layer.given_name = next_name(type(layer).__name__)
    return layer


def printed(model: object, **how: object) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append, **how)  # type: ignore[attr-defined]
    return "\n".join(lines)


def test_the_perceptron_and_the_mlp() -> None:
    model = Sequential()
    model.add(Dense(128, input_shape=(784,)))
    model.add(Activation("relu"))
    model.add(Dense(128))
    model.add(Activation("relu"))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    assert (
        printed(model)
        == """\
_________________________________________________________________
Layer (type)                 Output Shape              Param #   \n\
=================================================================
dense_1 (Dense)              (None, 128)               100480    \n\
_________________________________________________________________
activation_1 (Activation)    (None, 128)               0         \n\
_________________________________________________________________
dense_2 (Dense)              (None, 128)               16512     \n\
_________________________________________________________________
activation_2 (Activation)    (None, 128)               0         \n\
_________________________________________________________________
dense_3 (Dense)              (None, 10)                1290      \n\
_________________________________________________________________
activation_3 (Activation)    (None, 10)                0         \n\
=================================================================
Total params: 118,282
Trainable params: 118,282
Non-trainable params: 0
_________________________________________________________________"""
    )


def cnn() -> Sequential:
    """The CNN of Practical 2020, channels first."""
    first = {"padding": "same", "data_format": "channels_first"}
    model = Sequential()
    model.add(named(today.Conv2D(20, 5, input_shape=(1, 28, 28), **first)))
    model.add(Activation("relu"))
    model.add(named(today.MaxPooling2D((2, 2), strides=(2, 2), data_format="channels_first")))
    model.add(named(today.Conv2D(50, 5, **first)))
    model.add(Activation("relu"))
    model.add(named(today.MaxPooling2D((2, 2), strides=(2, 2), data_format="channels_first")))
    model.add(Flatten())
    model.add(Dense(500))
    model.add(Activation("relu"))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    return model


def test_the_cnn_with_its_cut_names() -> None:
    lines = printed(cnn()).split("\n")
    assert lines[3::2][:11] == [
        "conv2d_1 (Conv2D)            (None, 20, 28, 28)        520       ",
        "activation_1 (Activation)    (None, 20, 28, 28)        0         ",
        "max_pooling2d_1 (MaxPooling2 (None, 20, 14, 14)        0         ",
        "conv2d_2 (Conv2D)            (None, 50, 14, 14)        25050     ",
        "activation_2 (Activation)    (None, 50, 14, 14)        0         ",
        "max_pooling2d_2 (MaxPooling2 (None, 50, 7, 7)          0         ",
        "flatten_1 (Flatten)          (None, 2450)              0         ",
        "dense_1 (Dense)              (None, 500)               1225500   ",
        "activation_3 (Activation)    (None, 500)               0         ",
        "dense_2 (Dense)              (None, 10)                5010      ",
        "activation_4 (Activation)    (None, 10)                0         ",
    ]
    assert lines[-4:-1] == ["Total params: 1,256,080", "Trainable params: 1,256,080", "Non-trainable params: 0"]
    assert set(map(len, lines[:25])) == {65}


def test_the_conv3d_model_has_the_counts_of_the_slides() -> None:
    model = Sequential()
    for filters, shape, pool in ((48, (9, 9, 220, 1), 3), (32, None, 3), (32, None, 2)):
        given = {} if shape is None else {"input_shape": shape}
        model.add(named(today.Conv3D(filters, (3, 3, 5), activation="relu", **given)))
        model.add(named(today.MaxPooling3D((1, 1, pool))))
        if pool == 3:
            model.add(named(today.ZeroPadding3D((0, 0, 2))))
    model.add(Flatten())
    for units in (128, 128, 16):
        model.add(Dense(units))
    lines = printed(model).split("\n")
    assert lines[3] == "conv3d_1 (Conv3D)            (None, 7, 7, 216, 48)     2208      "
    assert lines[7] == "zero_padding3d_1 (ZeroPaddin (None, 7, 7, 76, 48)      0         "
    assert lines[9] == "conv3d_2 (Conv3D)            (None, 5, 5, 72, 32)      69152     "
    assert "Total params: 578,544" in lines


def test_a_graph_shows_its_connections() -> None:
    a, b = today.Input((4,), name="a"), today.Input((2,), name="b")
    both = named(today.Add())([Dense(5)(a), Dense(5)(b)])
    shared = Dense(5)
    once = shared(both)
    model = Model([a, b], [Dense(3, name="class")(shared(once)), once])
    assert (
        printed(model)
        == """\
__________________________________________________________________________________________________
Layer (type)                    Output Shape         Param #     Connected to                     \n\
==================================================================================================
a (InputLayer)                  (None, 4)            0                                            \n\
__________________________________________________________________________________________________
b (InputLayer)                  (None, 2)            0                                            \n\
__________________________________________________________________________________________________
dense_1 (Dense)                 (None, 5)            25          a[0][0]                          \n\
__________________________________________________________________________________________________
dense_2 (Dense)                 (None, 5)            15          b[0][0]                          \n\
__________________________________________________________________________________________________
add_1 (Add)                     (None, 5)            0           dense_1[0][0]                    \n\
                                                                 dense_2[0][0]                    \n\
__________________________________________________________________________________________________
dense_3 (Dense)                 (None, 5)            30          add_1[0][0]                      \n\
                                                                 dense_3[0][0]                    \n\
__________________________________________________________________________________________________
class (Dense)                   (None, 3)            18          dense_3[1][0]                    \n\
==================================================================================================
Total params: 88
Trainable params: 88
Non-trainable params: 0
__________________________________________________________________________________________________"""
    )


def test_a_graph_in_a_row_is_a_plain_table_with_its_input() -> None:
    x = today.Input((4,), name="input_1")
    inner = Sequential([Dense(3, input_shape=(4,))])
    lines = printed(Model(x, Dropout(0.5)(inner(x)))).split("\n")
    assert lines[3] == "input_1 (InputLayer)         (None, 4)                 0         "
    assert lines[5] == "sequential_1 (Sequential)    (None, 3)                 15        "
    assert len(lines[0]) == 65


def test_models_within_graphs_are_numbered_from_their_own_use() -> None:
    x, y = today.Input((4,), name="x"), today.Input((4,), name="y")
    inner = Sequential([Dense(3, input_shape=(4,))])
    lines = printed(Model([x, y], named(today.Concatenate())([inner(x), inner(y)]))).split("\n")
    assert lines[7].endswith("x[0][0]".ljust(33))
    assert lines[8].endswith("y[0][0]".ljust(33))
    assert lines[10].startswith("concatenate_1 (Concatenate)     (None, 6)            0           sequential_1[1][0]")
    assert lines[11].startswith(" " * 65 + "sequential_1[2][0]")


def test_states_of_a_layer_are_several_shapes() -> None:
    x = today.Input((5, 2), name="x")
    y, h, c = named(today.LSTM(3, return_state=True))(x)
    lines = printed(Model(x, [y, h, c])).split("\n")
    assert lines[5].startswith("lstm_1 (LSTM)                   [(None, 3), (None, 3")


def test_a_batch_size_is_shown() -> None:
    with pytest.warns(OldSpellingWarning):
        first = Dense(3, batch_input_shape=(8, 4))
    model = Sequential([first, Dense(2)])
    assert "dense_2 (Dense)              (8, 2) " in printed(model)
    assert model.input_shape == (8, 4)
    assert model.output_shape == (8, 2)


def test_frozen_weights() -> None:
    model = Sequential([Dense(3, input_shape=(4,)), Dense(2)])
    model.layers[0].trainable = False
    assert printed(model).endswith("Total params: 23\nTrainable params: 8\nNon-trainable params: 15\n" + "_" * 65)
    model.layers[0].trainable = True
    model.compile("sgd", "mse")
    model.trainable = False  # counted twice then, as Keras 2.1 did: what compile collected, and what is frozen now
    assert printed(model).endswith("Total params: 46\nTrainable params: 23\nNon-trainable params: 23\n" + "_" * 65)


def test_columns_and_positions(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(3, input_shape=(4,))])
    model.summary(line_length=40)
    lines = capsys.readouterr().out.split("\n")
    assert lines[3] == "dense_1 (Dense)   (None, 3)       15    "
    assert printed(model, line_length=40, positions=[20, 30, 40]).split("\n")[1] == "Layer (type)        Output Sh Param #   "
    assert printed(model, positions=[0.5, 0.8, 1.0]).split("\n")[1].index("Output") == 32


def test_a_model_without_shapes_is_refused() -> None:
    with pytest.raises(NotBuiltError, match="input_shape in the first layer"):
        Sequential([Dense(3)]).summary()


def test_a_field_is_cut_at_its_end() -> None:
    assert row_text(("abcdef", "gh"), (4, 8)) == "abc gh  "
