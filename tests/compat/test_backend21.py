"""``keras.backend`` on arrays, variables and parts of models; names of 2.1.1 that are there or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import config
from minidl.compat.keras import backend as K
from minidl.compat.keras.names import next_name
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, ShapeError
from minidl.layers import LSTM, Add, BatchNormalization, Dense, Dropout, Input
from minidl.models import Model, Sequential

X = np.random.default_rng(0).normal(size=(4, 3))

NAMES = [
    "abs",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "backend",
    "batch_dot",
    "batch_flatten",
    "batch_get_value",
    "batch_normalization",
    "batch_set_value",
    "bias_add",
    "binary_crossentropy",
    "cast",
    "cast_to_floatx",
    "categorical_crossentropy",
    "clear_session",
    "clip",
    "concatenate",
    "constant",
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "cos",
    "count_params",
    "ctc_batch_cost",
    "ctc_decode",
    "ctc_label_dense_to_sparse",
    "cumprod",
    "cumsum",
    "depthwise_conv2d",
    "dot",
    "dropout",
    "dtype",
    "elu",
    "epsilon",
    "equal",
    "eval",
    "exp",
    "expand_dims",
    "eye",
    "flatten",
    "floatx",
    "foldl",
    "foldr",
    "function",
    "gather",
    "get_session",
    "get_uid",
    "get_value",
    "get_variable_shape",
    "gradients",
    "greater",
    "greater_equal",
    "hard_sigmoid",
    "identity",
    "image_data_format",
    "image_dim_ordering",
    "in_test_phase",
    "in_top_k",
    "in_train_phase",
    "int_shape",
    "is_keras_tensor",
    "is_placeholder",
    "is_sparse",
    "l2_normalize",
    "learning_phase",
    "less",
    "less_equal",
    "local_conv1d",
    "local_conv2d",
    "log",
    "logsumexp",
    "manual_variable_initialization",
    "map_fn",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "moving_average_update",
    "name_scope",
    "ndim",
    "normalize_batch_in_training",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "permute_dimensions",
    "placeholder",
    "pool2d",
    "pool3d",
    "pow",
    "print_tensor",
    "prod",
    "random_binomial",
    "random_normal",
    "random_normal_variable",
    "random_uniform",
    "random_uniform_variable",
    "relu",
    "repeat",
    "repeat_elements",
    "reset_uids",
    "reshape",
    "resize_images",
    "resize_volumes",
    "reverse",
    "rnn",
    "round",
    "separable_conv2d",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_image_dim_ordering",
    "set_learning_phase",
    "set_session",
    "set_value",
    "shape",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "spatial_2d_padding",
    "spatial_3d_padding",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "sum",
    "switch",
    "tanh",
    "temporal_padding",
    "tile",
    "to_dense",
    "transpose",
    "truncated_normal",
    "update",
    "update_add",
    "update_sub",
    "var",
    "variable",
    "zeros",
    "zeros_like",
]

REFUSED = [
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "ctc_batch_cost",
    "ctc_decode",
    "ctc_label_dense_to_sparse",
    "depthwise_conv2d",
    "foldl",
    "foldr",
    "local_conv1d",
    "local_conv2d",
    "map_fn",
    "placeholder",
    "pool2d",
    "pool3d",
    "rnn",
    "separable_conv2d",
]


@pytest.fixture(autouse=True)
def as_before():
    yield
    config.set_dtype("float32")
    config.set_data_format("channels_last")
    config.set_epsilon(1e-7)
    K.clear_session()


def test_every_public_name_is_there():
    assert not [name for name in NAMES if not callable(getattr(K, name))]
    assert set(NAMES) <= set(K.__all__)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_write(name):
    with pytest.raises(ArgumentTypeError, match=rf"K\.{name}: .*expected what minidl can"):
        getattr(K, name)(X)


@pytest.mark.parametrize("name", ["abs", "mean", "sum", "max", "softmax", "round", "batch_flatten", "dropout"])
def test_results_of_layers_give_values_that_are_not_known_yet(name):
    x = Input((3,))
    y = getattr(K, name)(x, 0.5) if name == "dropout" else getattr(K, name)(x)
    (found,) = K.function([x], [y])([np.ones((2, 3), "float32")])
    given = np.ones((2, 3), "float32")
    if name != "dropout":
        np.testing.assert_allclose(found, getattr(K, name)(given), rtol=1e-6)
    assert K.int_shape(y) == (() if name in ("mean", "sum", "max") else (None, 3))
    with pytest.raises(ArgumentTypeError, match="a result that needs data"):
        K.get_value(y)
    assert K.int_shape(K.identity(x)) == (None, 3)


def test_settings():
    assert (K.backend(), K.epsilon(), K.floatx(), K.image_data_format(), K.image_dim_ordering()) == (
        "tensorflow", 1e-7, "float32", "channels_last", "tf")  # fmt: skip
    K.set_epsilon(1e-5), K.set_floatx("float64"), K.set_image_dim_ordering("th")
    assert (K.epsilon(), K.floatx(), K.image_data_format()) == (1e-5, "float64", "channels_first")
    assert K.cast_to_floatx([1, 2]).dtype == "float64"
    assert Dense(2).dtype == "float64"
    K.set_image_data_format("channels_last")
    assert K.image_dim_ordering() == "tf"
    for function, value in ((K.set_image_dim_ordering, "tensorflow"), (K.set_floatx, "float16"), (K.set_epsilon, 0),
                            (K.set_image_data_format, "th"), (K.set_learning_phase, 2)):  # fmt: skip
        with pytest.raises(ArgumentError):
            function(value)
    assert (K.get_uid("dense"), K.get_uid("dense"), K.get_uid()) == (1, 2, 1)
    next_name("Dense")
    K.reset_uids()
    assert K.get_uid("dense") == 1
    assert next_name("Dense") == "dense_1"
    K.manual_variable_initialization(False)
    with pytest.raises(ArgumentError, match="leave the call out"):
        K.manual_variable_initialization(True)
    with K.name_scope("a"):
        pass


def test_modes():
    assert K.learning_phase() == 0
    assert isinstance(K.learning_phase(), int)
    assert K.in_train_phase(1.0, 2.0) == 2.0
    assert K.in_train_phase(lambda: 1.0, lambda: 2.0, training=1) == 1.0
    K.set_learning_phase(1)
    assert K.learning_phase() == 1
    assert K.in_train_phase(1.0, 2.0) == 1.0
    assert K.in_test_phase(1.0, 2.0) == 2.0
    K.check_phase("fit", True)
    with pytest.raises(ArgumentError, match=r"predict: received K.set_learning_phase\(1\)"):
        K.check_phase("predict", False)
    K.clear_session()
    K.check_phase("predict", False)
    assert K.learning_phase() == 0


def test_variables():
    v = K.variable([[1.0, 2.0]], name="v")
    assert (v.shape, v.dtype, K.ndim(v), K.int_shape(v), K.count_params(v), v.name) == ((1, 2), "float32", 2, (1, 2), 2, "v")
    K.set_value(v, [[3.0, 4.0]])
    assert K.get_value(v).tolist() == K.eval(v).tolist() == v.eval().tolist() == [[3.0, 4.0]]
    assert (v * 2 + 1 - v / v)[0, 1] == 8.0
    assert (2**v).tolist() == [[8.0, 16.0]]
    assert np.asarray(v).sum() == 7
    assert (v > 3).tolist() == [[False, True]]
    assert (-v)[0, 0] == -3
    assert (1 / v)[0, 1] == 0.25
    assert float(K.variable(2.5)) == 2.5
    K.update_add(v, 1.0), K.update_sub(v, [[0.0, 1.0]])
    assert K.get_value(v).tolist() == [[4.0, 4.0]]
    K.moving_average_update(v, np.zeros((1, 2)), 0.5)
    assert K.batch_get_value([v, v])[1].tolist() == [[2.0, 2.0]]
    K.batch_set_value([(v, [[0.0, 0.0]])])
    assert not K.get_value(v).any()
    with pytest.raises(ShapeError, match=r"shape \(2,\)"):
        K.set_value(v, [1, 2])
    with pytest.raises(ArgumentTypeError, match="a constraint"):
        K.variable(1.0, constraint="nonneg")
    assert K.zeros((2, 3)).shape == K.ones((2, 3), "int32").shape == (2, 3)
    assert K.eye(2).get_value().tolist() == [
        [1, 0],
        [0, 1],
    ]
    assert K.ones((2,), "int32").dtype == "int32"
    assert K.constant(3.0, shape=(2,)).tolist() == [3.0, 3.0]
    assert K.variable(np.arange(3), dtype="int64").dtype == "int64"
    before = K.get_value(v)
    before += 1
    assert not K.get_value(v).any(), "a copy"


def test_weights_and_shapes_of_layers():
    model = Sequential([Dense(2, input_shape=(3,))])
    weight = model.layers[0].weights[0]
    K.set_value(weight, np.ones((3, 2)))
    assert K.get_value(weight).tolist() == model.get_weights()[0].tolist() == [[1, 1]] * 3
    assert (K.int_shape(weight), K.count_params(weight), K.dtype(weight)) == ((3, 2), 6, "float32")
    with pytest.raises(ShapeError, match=r"\(3, 2\), that of W"):
        K.set_value(weight, np.ones(3))
    assert K.int_shape(model.layers[0].output) == (None, 2)
    assert K.ndim(model.input) == 2
    assert K.shape(X) == [4, 3]
    assert K.dtype(model.input) == "float32"
    assert K.dtype(Input((3,), dtype="int32")) == "int32"
    assert K.is_keras_tensor(model.input)
    assert not K.is_keras_tensor(X)
    assert K.is_placeholder(model.input)
    assert not K.is_placeholder(model.output)
    assert not K.is_sparse(X)
    assert K.to_dense(X) is X
    with pytest.raises(ArgumentTypeError, match="needs data"):
        K.get_value(model.output)
    with pytest.raises(ArgumentTypeError, match=r"optimizer.iterations = 0"):
        K.set_value(3, 0)


def test_mathematics_on_arrays():
    assert K.mean(X) == X.mean()
    assert K.concatenate([X, X]).shape == (4, 6)
    assert K.flatten(X).shape == (12,)
    np.testing.assert_array_equal(K.any(X > 0, axis=1), (X > 0).any(1))
    np.testing.assert_array_equal(K.all(X > 0, axis=0), (X > 0).all(0))
    for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
        np.testing.assert_array_equal(getattr(K, name)(X, X.round(9)), getattr(np, name)(X, X.round(9)))
    assert K.argmin(X).tolist() == X.argmin(-1).tolist()
    assert K.sign(-2.0) == -1
    assert K.round(2.5) == 2
    assert K.arange(3).tolist() == [0, 1, 2]
    assert K.arange(1, 6, 2).tolist() == [1, 3, 5]
    assert K.arange(3).dtype == "int32"
    assert K.one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert K.in_top_k(np.array([[0.1, 0.5, 0.4]]), np.array([2]), 2).tolist() == [True]
    assert K.transpose(X).shape == (3, 4)
    assert K.pow(3.0, 2) == 9
    assert K.stop_gradient([1.0]) == [1.0]
    assert K.spatial_2d_padding(np.ones((1, 2, 2, 1))).shape == (1, 4, 4, 1)
    assert K.spatial_2d_padding(np.ones((1, 1, 2, 2)), ((0, 1), (2, 0)), "channels_first").shape == (1, 1, 3, 4)
    assert K.spatial_3d_padding(np.ones((1, 2, 2, 2, 1))).shape == (1, 4, 4, 4, 1)
    assert K.resize_volumes(np.ones((1, 1, 2, 2, 2)), 1, 2, 3, "channels_first").shape == (1, 1, 2, 4, 6)
    y, m, v = K.normalize_batch_in_training(X, np.ones(3), np.zeros(3), [0], 0.0)
    np.testing.assert_allclose(y, (X - X.mean(0)) / X.std(0))
    np.testing.assert_allclose(m, X.mean(0)), np.testing.assert_allclose(v, X.var(0))
    np.testing.assert_allclose(K.bias_add(np.zeros((1, 2, 3, 3)), np.array([1.0, 2.0]), "channels_first")[0, :, 0, 0], [1, 2])
    np.testing.assert_allclose(
        K.categorical_crossentropy(np.eye(3), np.eye(3) * 5, from_logits=True), np.log(1 + 2 * np.exp(-5))
    )
    np.testing.assert_allclose(K.binary_crossentropy(1.0, np.zeros(1), from_logits=True), np.log(2))
    assert K.cast(np.array([1.7]), "int32").tolist() == [1]
    assert K.cast(np.array([1]), "float32").dtype == "float32"
    assert K.clip(X, 1.0, -1.0).min() == 1.0 == K.clip(X, 1.0, -1.0).max()


def test_random_numbers_are_those_that_the_script_seeds():
    def draw():
        np.random.seed(7)  # noqa: NPY002
        return (
            K.random_normal((2, 2)),
            K.random_uniform((2,), 1, 2),
            K.truncated_normal((500,)),
            K.random_binomial((200,), 0.25),
        )

    for a, b in zip(draw(), draw()):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == "float32"
    _normal, uniform, cut, bits = draw()
    assert ((uniform >= 1) & (uniform < 2)).all()
    assert abs(cut).max() <= 2
    assert 0.1 < bits.mean() < 0.4
    np.testing.assert_array_equal(K.random_normal((3,), seed=1), K.random_normal((3,), seed=1))
    assert K.random_normal_variable((2, 3), 5.0, 0.1).get_value().mean() == pytest.approx(5, abs=0.5)
    assert K.random_uniform_variable((2, 3), 5.0, 6.0).get_value().min() >= 5


def test_print_tensor(capsys):
    assert K.print_tensor(X, "x is") is X
    assert capsys.readouterr().out.startswith("x is [[")


# -- K.function --------------------------------------------------------------------------------------------------------


def test_a_part_of_a_model_runs_on_arrays():
    model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), BatchNormalization(), Dense(2)])
    first, dropped = model.layers[0], model.layers[1]
    f = K.function([model.layers[0].input, K.learning_phase()], [first.output, model.layers[3].output])
    hidden, result = f([X, 0])
    np.testing.assert_allclose(hidden, first(X), rtol=1e-6)
    np.testing.assert_allclose(result, model.predict(X, verbose=0), rtol=1e-5)
    before = [w.copy() for w in model.get_weights()]
    training = K.function([model.input, K.learning_phase()], [dropped.output])([X, 1])[0]
    assert (training == 0).any()
    assert not (K.function([model.input], [dropped.output])([X])[0] == 0).any()
    f([X, 1])
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    behind = K.function([model.layers[3].input], [model.layers[3].output])
    np.testing.assert_allclose(behind([np.ones((1, 4))])[0], model.layers[3](np.ones((1, 4))), rtol=1e-6)
    same, w, v = K.function([model.input], [model.input, model.layers[0].weights[0], K.variable(3.0)])([X])
    assert same is not None
    assert w.shape == (3, 4)
    assert v == 3.0
    K.set_learning_phase(1)
    assert (K.function([model.input], [dropped.output])([X])[0] == 0).any()


def test_several_inputs_and_outputs():
    a, b = Input((3,)), Input((3,))
    h = Dense(2)(a)
    both = Add()([h, Dense(2)(b)])
    model = Model([a, b], both)
    total, hidden = K.function([a, b], [model.output, h])([X, X + 1])
    np.testing.assert_allclose(total, model.predict([X, X + 1], verbose=0), rtol=1e-5)
    np.testing.assert_allclose(hidden, h.layer(X), rtol=1e-6)
    only = K.function([a, b], [h])
    np.testing.assert_allclose(only([X, X + 1])[0], h.layer(X), rtol=1e-6)


def test_states_stay_as_they_are():
    model = Sequential([LSTM(2, stateful=True, input_shape=(3, 1))])
    f = K.function([model.input], [model.output])
    x = np.ones((2, 3, 1))
    np.testing.assert_array_equal(f([x])[0], f([x])[0])


def test_wrong_calls_of_function():
    model = Sequential([Dense(2, input_shape=(3,))])
    for arguments, text in (
        (([model.input], model.output), "no list"),
        (([], [model.output]), "inputs"),
        (([model.input], ["x"]), "'x'"),
        (([model.input], [model.output], [1]), "updates"),
    ):
        with pytest.raises(MinidlError, match=text):
            K.function(*arguments)
    with pytest.raises(ShapeError, match="2 arrays"):
        K.function([model.input], [model.output])([X, X])
    with pytest.raises(ArgumentTypeError, match="keywords name"):
        K.function([model.input], [model.output], name="f")
