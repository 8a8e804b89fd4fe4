"""What must not pass input validation of layers, losses, compile, fit, evaluate and predict: one row per mistake.

Every refusal is held to its class and to its words: where it happened, what was received, what was expected. After each
refusal of ``fit`` the weights and the optimizer are as they were.
"""

import warnings

import numpy as np
import pytest

import minidl
from minidl.errors import DataWarning, NotBuiltError, NumericWarning, ShapeError, StateError
from minidl.layers import (
    LSTM,
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Reshape,
)
from minidl.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam, RMSprop

SAMPLES, FEATURES, CLASSES = 12, 4, 3
X = np.random.default_rng(0).normal(size=(SAMPLES, FEATURES)).astype(np.float32)
LABELS = np.arange(SAMPLES) % CLASSES
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


def classifier(loss="sparse_categorical_crossentropy", optimizer=None, metrics=None):
    minidl.set_seed(3)
    model = Sequential([Dense(5, activation="tanh", input_shape=(FEATURES,)), Dense(CLASSES, activation="softmax")])
    model.compile(optimizer or Adam(), loss, metrics)
    return model


def replaced(array, index, value, dtype=None):
    changed = np.array(array, dtype)
    changed[index] = value
    return changed


def refuses(kind, words, function, *args, **kwargs):
    """``function`` raises ``kind`` and its text has all ``words``."""
    with pytest.raises(kind) as raised:
        function(*args, **kwargs)
    text = str(raised.value)
    missing = [word for word in words if word not in text]
    assert not missing, f"{missing} not in {text!r}"


# -- input validation of fit, evaluate and train_on_batch ----------------------------------------------------------------

BAD_DATA = {
    "feature count": (ShapeError, X[:, :3], LABELS, ["x", "(12, 3)", "(samples, 4)", "built for"]),
    "rank": (ShapeError, X[:, None], LABELS, ["x", "(12, 1, 4)", "(samples, 4)"]),
    "one sample without its batch axis": (ShapeError, X[0], LABELS[:1], ["x", "(4,)", "(samples, 4)", "x[None, ...]"]),
    "a number": (ShapeError, 1.0, LABELS, ["x", "()", "(samples, 4)"]),
    "labels of another rank": (ShapeError, X, LABELS.reshape(12, 1, 1), ["y", "(12, 1, 1)", "(12,)"]),
    "transposed labels": (ValueError, X, LABELS[None], ["12 samples in x", "1 samples in y"]),
    "lengths": (ValueError, X, LABELS[:-2], ["12 samples in x", "10 samples in y", "equal numbers"]),
    "label too large": (ValueError, X, replaced(LABELS, 7, 3), ["y", "label 3 at index 7", "0 to 2"]),
    "label negative": (ValueError, X, replaced(LABELS, 2, -1), ["y", "label -1 at index 2", "0 to 2"]),
    "label in a column": (ValueError, X, replaced(LABELS[:, None], 5, 9), ["label 9 at index (5, 0)", "0 to 2"]),
    "label a fraction": (ValueError, X, replaced(LABELS, 4, 0.5, float), ["label 0.5 at index 4", "whole numbers"]),
    "label NaN": (ValueError, X, replaced(LABELS, 1, np.nan, float), ["label nan at index 1", "whole numbers"]),
    "label infinite": (ValueError, X, replaced(LABELS, 1, np.inf, float), ["label inf at index 1", "0 to 2"]),
    "one-hot": (ShapeError, X, ONE_HOT, ["(12, 3)", "(12,)", "'categorical_crossentropy'"]),
    "empty": (ValueError, X[:0], LABELS[:0], ["no samples", "at least one"]),
    "no targets": (TypeError, X, None, ["y", "None", "targets"]),
    "a number as targets": (ShapeError, X, 3, ["y", "a single number", "one entry per sample"]),
    "complex": (TypeError, X.astype(complex), LABELS, ["x", "complex128", "real numbers", "abs(x)"]),
    "object": (TypeError, X.astype(object), LABELS, ["x", "object", "real numbers", "astype('float32')"]),
    "strings": (TypeError, X.astype(str), LABELS, ["x", "<U", "real numbers"]),
    "bytes": (TypeError, X.astype("S4"), LABELS, ["x", "|S4", "real numbers"]),
    "dates": (TypeError, X.astype("M8[s]"), LABELS, ["x", "datetime64", "real numbers"]),
    "ragged": (TypeError, [[1.0, 2.0], [1.0]], [0, 1], ["x", "list", "rectangular", "pad or cut the rows"]),
    "masked": (TypeError, np.ma.masked_array(X, X > 1), LABELS, ["x", "masked", "filled"]),
    "masked targets": (TypeError, X, np.ma.masked_array(LABELS, LABELS > 1), ["y", "masked", "filled"]),
    "a generator": (TypeError, (row for row in X), LABELS, ["x", "generator", "an array of all samples"]),
    "string labels": (TypeError, X, LABELS.astype(str), ["y", "<U", "real numbers"]),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("verb", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
@pytest.mark.parametrize("mistake", BAD_DATA)
def test_bad_data_is_refused_before_anything_changes(mistake, verb):
    kind, x, y, words = BAD_DATA[mistake]
    model = classifier()
    model.train_on_batch(X, LABELS)
    before, state = model.get_weights(), optimizer_state(model)
    refuses(kind, [verb, *words], getattr(model, verb), x, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert all(np.array_equal(a, b) for a, b in zip(state, optimizer_state(model)))
    assert model.optimizer.iterations == 1
    model.fit(X, LABELS, verbose=0)  # and the model still works


def optimizer_state(model):
    return [array.copy() for p in model.parameters for array in model._step.group.state_of(p)]


@pytest.mark.parametrize("mistake", ["feature count", "rank", "a number", "complex", "object", "ragged", "masked"])
def test_bad_data_is_refused_by_predict(mistake):
    kind, x, _, words = BAD_DATA[mistake]
    refuses(kind, ["predict", *words], classifier().predict, x)


@pytest.mark.filterwarnings("ignore:compile.*is a softmax, for one class of several")
@pytest.mark.parametrize("verb", ["fit", "evaluate"])
@pytest.mark.parametrize(
    "loss, y, words",
    [
        ("categorical_crossentropy", LABELS, ["(12,)", "(12, 3)", "'sparse_categorical_crossentropy'", "to_categorical"]),
        ("categorical_crossentropy", LABELS[:, None], ["(12, 1)", "(12, 3)", "'sparse_categorical_crossentropy'"]),
        ("categorical_crossentropy", ONE_HOT[:, :2], ["(12, 2)", "(12, 3)"]),
        ("mse", LABELS, ["(12,)", "(12, 3)", "that of the predictions"]),
        ("binary_crossentropy", ONE_HOT * 2 - 1, ["target -1.0 at index (0, 1)", "0 to 1"]),
        ("binary_crossentropy", ONE_HOT + ONE_HOT, ["target 2.0 at index (0, 0)", "0 to 1"]),
    ],
)
def test_targets_of_another_loss(verb, loss, y, words):
    refuses(ValueError, [verb, *words], getattr(classifier(loss), verb), X, y)


def test_whole_float_labels_and_a_column_of_labels_are_labels():
    expected = classifier().evaluate(X, LABELS, verbose=0)
    for labels in (LABELS.astype(float), LABELS[:, None], LABELS.astype("u1"), LABELS.astype(">i2"), LABELS.tolist()):
        assert classifier().evaluate(X, labels, verbose=0) == expected


def test_a_list_and_a_column_are_the_same_targets_of_one_output():
    model = Sequential([Dense(1, input_shape=(FEATURES,))])
    model.compile("sgd", "mse")
    assert model.evaluate(X, X[:, 0], verbose=0) == model.evaluate(X, X[:, :1], verbose=0)


@pytest.mark.parametrize(
    "y, words",
    [(ONE_HOT, ["sparse", "(12, 3)", "(12,)"]), (ONE_HOT[:5], ["12 samples in x", "5 samples in y"])],
)
def test_validation_data_passes_the_same_door(y, words):
    model = classifier()
    before = model.get_weights()
    refuses(ValueError, ["fit: validation_data", *words[1:]], model.fit, X, LABELS, validation_data=(X, y), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize(
    "kind, value, words",
    [
        (TypeError, X, ["validation_data", "ndarray", "(x, y)"]),
        (TypeError, (X,), ["validation_data", "tuple", "(x, y, sample_weight)"]),
        (ShapeError, (X, LABELS, np.ones((SAMPLES, 2))), ["validation_data", "sample_weight", "(12, 2)", "(12,)"]),
    ],
)
def test_validation_data_of_another_form(kind, value, words):
    refuses(kind, words, classifier().fit, X, LABELS, validation_data=value, verbose=0)


@pytest.mark.parametrize(
    "kind, weight, words",
    [
        (ValueError, np.ones(5), ["12 samples in x", "5 samples in sample_weight"]),
        (ShapeError, np.ones((SAMPLES, 1)), ["sample_weight", "(12, 1)", "(12,)"]),
        (ShapeError, np.ones((SAMPLES, CLASSES)), ["sample_weight", "(12, 3)", "(12,)"]),
        (ShapeError, 2.0, ["sample_weight", "a single number"]),
        (TypeError, ["a"] * SAMPLES, ["sample_weight", "real numbers"]),
    ],
)
def test_sample_weights_that_do_not_fit(kind, weight, words):
    refuses(kind, ["fit", *words], classifier().fit, X, LABELS, sample_weight=weight, verbose=0)


@pytest.mark.parametrize(
    "kind, y, weights, words",
    [
        (ValueError, LABELS, {3: 1.0}, ["class_weight", "class 3", "0 to 2"]),
        (ValueError, LABELS, {-1: 1.0}, ["class_weight", "class -1", "0 to 2"]),
        (ValueError, LABELS, {0: -1.0}, ["class_weight", "weight of class 0", "-1.0"]),
        (TypeError, LABELS, {0: "heavy"}, ["class_weight", "heavy", "a number"]),
        (TypeError, LABELS, [1.0, 2.0, 3.0], ["class_weight", "list", "{class: weight}"]),
    ],
)
def test_class_weights_that_do_not_fit(kind, y, weights, words):
    refuses(kind, words, classifier().fit, X, y, class_weight=weights, verbose=0)


@pytest.mark.parametrize("targets", [np.where(LABELS > 0, 1.0, -1.0), LABELS / 2])
def test_class_weights_for_targets_that_are_no_classes(targets):
    model = Sequential([Dense(1, input_shape=(FEATURES,))])
    model.compile("sgd", "mse")
    refuses(ValueError, ["class_weight", "not classes", "one-hot"], model.fit, X, targets, class_weight={1: 5.0}, verbose=0)


@pytest.mark.parametrize(
    "lengths, words", [((12, 8), ["12 samples in x[0]", "8 samples in x[1]"]), ((8, 12), ["8 samples in x[0]"])]
)
def test_inputs_of_different_lengths(lengths, words):
    a, b = Input((FEATURES,)), Input((FEATURES,))
    model = Model([a, b], Dense(1)(Add()([a, b])))
    model.compile("sgd", "mse")
    xs = [X[:n] for n in lengths]
    refuses(ValueError, ["fit", *words], model.fit, xs, np.ones(lengths[0]), verbose=0)
    refuses(ValueError, ["predict", *words], model.predict, xs)
    refuses(ValueError, ["1 arrays", "2"], model.predict, [X])
    refuses(TypeError, ["ndarray", "a list of 2 arrays"], model.predict, X)


# -- arguments -----------------------------------------------------------------------------------------------------------

BAD_ARGUMENTS = {
    "epochs=-1": (ValueError, ["fit", "epochs=-1", ">= 0"]),
    "epochs=1.5": (TypeError, ["fit", "epochs=1.5", "float"]),
    "batch_size=0": (ValueError, ["fit", "batch_size=0", "positive integer"]),
    "batch_size=-3": (ValueError, ["fit", "batch_size=-3", "positive integer"]),
    "batch_size=2.5": (TypeError, ["fit", "batch_size=2.5", "positive integer"]),
    "steps_per_epoch=0": (ValueError, ["fit", "steps_per_epoch=0", "positive integer"]),
    "validation_steps=2.5": (TypeError, ["fit", "validation_steps=2.5", "positive integer"]),
    "validation_batch_size=0": (ValueError, ["fit", "validation_batch_size=0", "positive integer"]),
    "batch_size=True": (TypeError, ["fit", "batch_size=True", "positive integer"]),
    "validation_split=1.0": (ValueError, ["validation_split=1.0", "validation_split < 1"]),
    "validation_split=-0.1": (ValueError, ["validation_split=-0.1", "0 <= validation_split"]),
    "validation_split='0.1'": (TypeError, ["validation_split='0.1'", "a number"]),
    "validation_split=float('nan')": (ValueError, ["validation_split=nan"]),
    "validation_split=0.99": (ValueError, ["validation_split=0.99 of 12 samples", "at least one sample in each part"]),
    "shuffle='batch'": (TypeError, ["shuffle='batch'", "True or False"]),
    "verbose=3": (ValueError, ["verbose=3", "0, 1 or 2"]),
    "initial_epoch=-1": (ValueError, ["initial_epoch=-1", ">= 0"]),
    "nan='stop'": (ValueError, ["nan='stop'", "'raise'"]),
    "callbacks=minidl.callbacks.EarlyStopping()": (TypeError, ["callbacks", "EarlyStopping", "a list"]),
    "callbacks=[print]": (TypeError, ["callbacks", "builtin_function_or_method", "Callback"]),
    "callbacks=[minidl.callbacks.EarlyStopping]": (TypeError, ["callbacks", "EarlyStopping", "EarlyStopping()"]),
    "validation_data=(X, LABELS), validation_split=0.5": (ValueError, ["validation_split and validation_data", "one of them"]),
    "nb_epoch=3": (TypeError, ["fit", "nb_epoch"]),
}


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS)
def test_arguments_of_fit(arguments):
    kind, words = BAD_ARGUMENTS[arguments]
    model = classifier()
    before = model.get_weights()
    refuses(kind, words, model.fit, X, LABELS, **eval(f"dict({arguments})"))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize("verb, args", [("evaluate", (X, LABELS)), ("predict", (X,))])
@pytest.mark.parametrize(
    "arguments, kind",
    [({"batch_size": 0}, ValueError), ({"batch_size": 2.5}, TypeError), ({"verbose": 7}, ValueError), ({"x2": 1}, TypeError)],
)
def test_arguments_of_evaluate_and_predict(verb, args, arguments, kind):
    refuses(kind, [verb, next(iter(arguments))], getattr(classifier(), verb), *args, **arguments)


CONSTRUCTORS = {
    "Dense(0)": (ValueError, ["Dense", "units=0", "positive integer"]),
    "Dense(-3)": (ValueError, ["Dense", "units=-3", "positive integer"]),
    "Dense(2.5)": (TypeError, ["Dense", "units=2.5", "positive integer"]),
    "Dense(True)": (TypeError, ["Dense", "units=True", "positive integer"]),
    "Dense('10')": (TypeError, ["Dense", "units='10'", "positive integer"]),
    "Dense(3, activation='rleu')": (ValueError, ["Dense", "rleu", "relu"]),
    "Dense(3, activation=np.tanh)": (TypeError, ["Dense", "activation", "Activation"]),
    "Dense(3, use_bias=1)": (TypeError, ["Dense", "use_bias=1", "True or False"]),
    "Dense(3, kernel_initializer='glorot')": (ValueError, ["kernel_initializer", "'glorot'", "glorot_uniform"]),
    "Dense(3, border_mode='same')": (TypeError, ["border_mode"]),
    "Dense(3, name='')": (TypeError, ["Dense", "name=''", "non-empty"]),
    "Dense(3, input_shape=(2.5, 4))": (TypeError, ["Dense", "(2.5, 4)", "batch axis"]),
    "Dense(3, input_shape=(0,))": (ValueError, ["Dense", "(0,)", "at least 1"]),
    "Conv2D(0, 3)": (ValueError, ["Conv2D", "filters=0"]),
    "Conv2D(2, 0)": (ValueError, ["Conv2D", "kernel_size=0"]),
    "Conv2D(2, 3, strides=0)": (ValueError, ["Conv2D", "strides=0", "positive integer"]),
    "Conv2D(2, (3, 3, 3))": (ValueError, ["Conv2D", "kernel_size=(3, 3, 3)", "2 of them"]),
    "Conv2D(2, 3, padding='full')": (ValueError, ["Conv2D", "'full'", "'same'"]),
    "Conv2D(2, 3, dilation_rate=0)": (ValueError, ["Conv2D", "dilation_rate=0"]),
    "Conv2D(3, 3, groups=2)": (ValueError, ["Conv2D", "groups=2", "divisible"]),
    "Conv2D(2, 3, data_format='tf')": (ValueError, ["Conv2D", "data_format='tf'", "channels_last"]),
    "MaxPooling2D(0)": (ValueError, ["MaxPooling2D", "pool_size=0"]),
    "MaxPooling2D(2, strides=0)": (ValueError, ["MaxPooling2D", "strides=0"]),
    "AveragePooling2D(2, padding=1)": (ValueError, ["AveragePooling2D", "padding=1", "'valid'"]),
    "Dropout(1.5)": (ValueError, ["Dropout", "rate=1.5", "between 0 and 1"]),
    "Dropout(-0.1)": (ValueError, ["Dropout", "rate=-0.1", "between 0 and 1"]),
    "Dropout(float('nan'))": (ValueError, ["Dropout", "rate=nan"]),
    "Dropout('0.5')": (TypeError, ["Dropout", "rate='0.5'", "a number"]),
    "BatchNormalization(momentum=1.0)": (ValueError, ["BatchNormalization", "momentum=1.0", "momentum < 1"]),
    "BatchNormalization(epsilon=0)": (ValueError, ["BatchNormalization", "epsilon=0", "positive"]),
    "LSTM(0)": (ValueError, ["LSTM", "units=0"]),
    "LSTM(3, recurrent_activation='gate')": (ValueError, ["LSTM: recurrent_activation", "gate", "tanh"]),
    "LSTM(3, dropout=1)": (ValueError, ["LSTM", "dropout=1", "dropout < 1"]),
    "GRU(3, recurrent_dropout=-0.1)": (ValueError, ["GRU", "recurrent_dropout=-0.1", "0 <="]),
    "GRU(3, stateful=1)": (TypeError, ["GRU", "stateful=1", "True or False"]),
    "RNN(Dense(3))": (TypeError, ["RNN", "dense (Dense)", "no state_size", "self.state_size = units"]),
    "RNN(3)": (TypeError, ["RNN", "3", "LSTMCell(32)"]),
    "Bidirectional(Dense(3))": (TypeError, ["Bidirectional", "a recurrent layer", "Bidirectional(LSTM(32))"]),
    "Bidirectional(LSTM(3), 'summ')": (ValueError, ["merge_mode='summ'", "sum"]),
    "Bidirectional(LSTM(3, go_backwards=True))": (ValueError, ["a layer that reads in the other direction"]),
    "Bidirectional(LSTM(3), backward_layer=LSTM(3))": (ValueError, ["a backward_layer that reads", "go_backwards=True"]),
    "Bidirectional(LSTM(3), backward_layer=LSTM(3, go_backwards=True, stateful=True))": (
        ValueError,
        ["stateful=False and True"],
    ),
    "StackedRNNCells(3)": (TypeError, ["StackedRNNCells", "a list of cells"]),
    "StackedRNNCells([])": (ValueError, ["StackedRNNCells", "one cell or more"]),
    "Activation('swoosh')": (ValueError, ["Activation", "swoosh", "relu"]),
    "Activation('relu', alpha=1.0)": (TypeError, ["relu", "alpha"]),
    "Reshape((-1, -1))": (ValueError, ["Reshape", "(-1, -1)", "at most one"]),
    "Rescaling('1')": (TypeError, ["Rescaling", "scale='1'"]),
    "Input((0, 3))": (ValueError, ["Input", "(0, 3)", "at least 1"]),
    "Input((True, 3))": (TypeError, ["Input", "(True, 3)", "batch axis"]),
    "SGD(-1.0)": (ValueError, ["SGD", "learning_rate=-1.0"]),
    "SGD('fast')": (TypeError, ["SGD", "learning_rate='fast'", "a number"]),
    "SGD(0.1, momentum=1.0)": (ValueError, ["SGD", "momentum=1.0"]),
    "SGD(0.1, nesterov=True)": (ValueError, ["SGD", "nesterov", "momentum"]),
    "SGD(lr=0.1)": (TypeError, ["lr"]),
    "SGD(float('inf'))": (ValueError, ["SGD", "inf"]),
    "RMSprop(rho=1.0)": (ValueError, ["RMSprop", "rho=1.0"]),
    "Adam(beta_1=1.0)": (ValueError, ["Adam", "beta_1=1.0"]),
    "Adam(epsilon=-1e-7)": (ValueError, ["Adam", "epsilon"]),
    "CategoricalCrossentropy(from_logits=1)": (TypeError, ["CategoricalCrossentropy", "from_logits=1"]),
    "MeanSquaredError(from_logits=True)": (TypeError, []),
    "minidl.callbacks.EarlyStopping(patience=-1)": (ValueError, ["EarlyStopping", "patience=-1"]),
    "minidl.callbacks.EarlyStopping(mode='best')": (ValueError, ["EarlyStopping", "mode='best'"]),
    "Sequential([Dense])": (TypeError, ["Sequential", "the class Dense", "Dense(...)"]),
    "Sequential([Dense(2, name='a'), Dense(2, name='a')])": (ValueError, ["'a'", "different names"]),
}


@pytest.mark.parametrize("text", CONSTRUCTORS)
def test_constructors(text):
    kind, words = CONSTRUCTORS[text]
    rooms = (minidl.layers, minidl.losses, minidl.optimizers, minidl.models)
    names = {name: getattr(room, name) for room in rooms for name in room.__all__}
    refuses(kind, words, eval, text, {**names, "minidl": minidl, "np": np})


@pytest.mark.parametrize(
    "make", [Dense, Conv2D, MaxPooling2D, AveragePooling2D, Dropout, BatchNormalization, LSTM, Flatten, Add, SGD, Adam, RMSprop]
)
def test_every_constructor_refuses_unknown_keywords(make):
    needed = {Dense: (3,), Conv2D: (2, 3), Dropout: (0.5,), LSTM: (3,)}.get(make, ())
    make(*needed)
    refuses(TypeError, ["nonsense"], make, *needed, nonsense=1)


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        ({"optimizer": "sdg"}, ValueError, ["optimizer='sdg'", "adam, adamax, adamw, nadam, rmsprop, sgd"]),
        ({"optimizer": SGD}, TypeError, ["the class SGD as optimizer", "SGD()"]),
        ({"loss": "crossentropy"}, ValueError, ["loss='crossentropy'", "categorical_crossentropy"]),
        ({"loss": None}, TypeError, ["no loss", "categorical_crossentropy"]),
        ({"loss": MeanSquaredError}, TypeError, ["MeanSquaredError as loss", "a Loss object or a name", "MeanSquaredError()"]),
        ({"metrics": "accuracy"}, TypeError, ["metrics='accuracy'", "a list", "['accuracy']"]),
        ({"metrics": ["acuracy"]}, ValueError, ["'acuracy'", "'accuracy'"]),
        ({"metrics": [3]}, TypeError, ["3", "a function"]),
        ({"metrics": ["accuracy", "accuracy"]}, ValueError, ["accuracy", "different names"]),
        ({"fuse": 1}, TypeError, ["fuse=1", "True or False"]),
        ({"sample_weight_mode": None}, TypeError, ["sample_weight_mode"]),
    ],
)
def test_arguments_of_compile_change_nothing_when_refused(arguments, kind, words):
    model = classifier()
    kept = model.optimizer, model.loss, model._step
    refuses(kind, words, model.compile, **{"optimizer": "sgd", "loss": "mse", **arguments})
    assert (model.optimizer, model.loss, model._step) == kept


def test_a_metric_may_not_be_called_loss():
    def loss(y_true, y_pred):
        return y_pred[:, 0]

    refuses(ValueError, ["loss", "different names"], classifier, metrics=[loss])


@pytest.mark.parametrize(
    "metric, words",
    [
        (minidl.metrics.Accuracy("categorical"), ["accuracy", "(12,)", "(12, 3)"]),
        (minidl.metrics.Accuracy("binary"), ["accuracy", "(12,)", "(12, 3)"]),
        ("mse", ["mse", "(12,)", "(12, 3)"]),
        ("categorical_crossentropy", ["categorical_crossentropy", "(12,)", "(12, 3)"]),
    ],
)
def test_a_metric_that_cannot_be_had_from_the_targets_is_refused_before_the_first_step(metric, words):
    model = classifier(metrics=[metric])
    before = model.get_weights()
    refuses(ShapeError, ["fit", "metric", *words], model.fit, X, LABELS, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    sparse = classifier("categorical_crossentropy", metrics=[minidl.metrics.Accuracy("sparse")])
    refuses(ShapeError, ["fit", "metric 'accuracy'", "(12, 3)"], sparse.fit, X, ONE_HOT, verbose=0)


def test_a_metric_function_of_the_whole_batch_is_refused():
    model = classifier(metrics=[lambda y_true, y_pred: y_pred.mean()])
    refuses(ShapeError, ["metric", "()", "(12,)"], model.evaluate, X, LABELS, verbose=0)


# -- building ------------------------------------------------------------------------------------------------------------

MISFITS = {
    "kernel larger than the image": (
        lambda: Sequential([Conv2D(2, 5, input_shape=(4, 9, 1))]),
        ["conv2d_1 (Conv2D)", "(4, 9)", "(0, 5)", "(5, 5)", "padding='same'"],
    ),
    "pool larger than the image, when added": (
        lambda: Sequential([Conv2D(2, 3, input_shape=(4, 4, 1)), MaxPooling2D(3)]),
        ["max_pooling2d_1 (MaxPooling2D)", "(2, 2)", "(0, 0)", "(3, 3)"],
    ),
    "dilated kernel": (
        lambda: Sequential([Conv2D(2, 3, dilation_rate=3, input_shape=(6, 6, 1))]),
        ["Conv2D", "(6, 6)", "(7, 7)", "dilation"],
    ),
    "image without channels": (
        lambda: Sequential([Conv2D(2, 3, input_shape=(28, 28))]),
        ["Conv2D", "(28, 28)", "(height, width, channels)", "x[..., None]"],
    ),
    "groups": (
        lambda: Sequential([Conv2D(2, 1, groups=2, input_shape=(4, 4, 3))]),
        ["Conv2D", "3 channels", "groups=2"],
    ),
    "reshape": (
        lambda: Sequential([Dense(6, input_shape=(4,)), Reshape((4, 2))]),
        ["reshape_1 (Reshape)", "(6,) (6 numbers)", "(4, 2)"],
    ),
    "LSTM of vectors": (lambda: Sequential([LSTM(3, input_shape=(5,))]), ["lstm_1 (LSTM)", "(5,)", "(time, features)"]),
    "normalised batch axis": (
        lambda: Sequential([BatchNormalization(axis=0, input_shape=(5,))]),
        ["batch_normalization_1", "axis=0", "0 is the batch"],
    ),
    "branches of different shapes": (
        lambda: Add()([Input((3,)), Input((4,))]),
        ["add (Add)", "((3,), (4,))", "one shape"],
    ),
    "noise shape": (lambda: Sequential([Dropout(0.5, (None, 3), input_shape=(4,))]), ["noise_shape=(None, 3)", "(4,)"]),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_layers_that_do_not_fit_are_refused_when_the_model_is_made(misfit):
    make, words = MISFITS[misfit]
    refuses(ShapeError, words, make)


@pytest.mark.parametrize("shape", [(4, 9, 1), (0, 5, 1), (28, 28), (5,)])
def test_the_same_refusals_at_build_leave_the_layer_unbuilt(shape):
    layer = Conv2D(2, 5)
    refuses(ValueError, ["conv2d (Conv2D)", str(shape)[:4]], layer.build, shape)
    assert layer.input_shape is None
    assert layer.parameters == []
    layer.build((8, 8, 1))
    assert layer.output_shape((8, 8, 1)) == (4, 4, 2)


def test_a_layer_refused_by_add_leaves_the_model_as_it_was():
    model = Sequential([Conv2D(2, 3, input_shape=(4, 4, 1))])
    refuses(ShapeError, ["max_pooling2d"], model.add, MaxPooling2D(3))
    model.add(MaxPooling2D(2))
    assert model.output_shape == (1, 1, 2)


@pytest.mark.parametrize("verb", ["count_params", "get_weights", "summary"])
def test_models_without_an_input_shape(verb):
    model = Sequential([Dense(3)])
    refuses(NotBuiltError, [verb, "without an input shape", "input_shape"], getattr(model, verb))
    refuses(NotBuiltError, ["predict", "built"], model.predict, X)


@pytest.mark.parametrize("verb", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_models_that_were_not_compiled(verb):
    model = Sequential([Dense(3, input_shape=(FEATURES,))])
    refuses(NotBuiltError, [verb, "not compiled", "model.compile("], getattr(model, verb), X, LABELS)


def test_adding_to_a_compiled_model():
    refuses(StateError, ["add", "compiled", "before compile"], classifier().add, Dense(2))


def test_a_layer_is_fed_what_it_was_built_for():
    layer = Dense(3)
    layer.build((4,))
    refuses(ShapeError, ["dense (Dense)", "(5,)", "4 numbers"], layer.forward, np.ones((2, 5)))
    refuses(ShapeError, ["dense (Dense)", "a single number", "batch"], layer.forward, 1.0)
    refuses(StateError, ["dense (Dense): backward", "no forward pass"], layer.backward, np.ones((2, 3)))
    layer.forward(np.ones((2, 4)))
    refuses(ShapeError, ["dense (Dense): backward", "(3, 3)", "(2, 3)"], layer.backward, np.ones((3, 3)))
    layer.backward(np.ones((2, 3)))
    refuses(StateError, ["dense (Dense): backward", "no forward pass"], layer.backward, np.ones((2, 3)))


# -- losses called by hand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss, y_pred, y_true, kind, words",
    [
        (
            SparseCategoricalCrossentropy(),
            ONE_HOT,
            LABELS + 1,
            ValueError,
            ["SparseCategorical", "label 3 at index 2", "0 to 2"],
        ),
        (SparseCategoricalCrossentropy(), ONE_HOT, ONE_HOT, ShapeError, ["(12, 3)", "'categorical_crossentropy'"]),
        (CategoricalCrossentropy(), ONE_HOT, LABELS, ShapeError, ["(12,)", "'sparse_categorical_crossentropy'"]),
        (CategoricalCrossentropy(), ONE_HOT[:0], ONE_HOT[:0], ValueError, ["without samples"]),
        (BinaryCrossentropy(), ONE_HOT, ONE_HOT - 1, ValueError, ["BinaryCrossentropy", "target -1.0", "0 to 1"]),
        (MeanSquaredError(), ONE_HOT, ONE_HOT[:, :1], ShapeError, ["MeanSquaredError", "(12, 1)", "(12, 3)"]),
        (MeanSquaredError(), LABELS, LABELS, ShapeError, ["(12,)", "(samples, ..., outputs)", "y_pred[:, None]"]),
        (MeanSquaredError(), ONE_HOT, ONE_HOT + 1j, TypeError, ["y_true", "complex"]),
    ],
)
def test_losses(loss, y_pred, y_true, kind, words):
    refuses(kind, words, loss.apply, y_pred, y_true)


def test_loss_weights_of_another_shape():
    refuses(ShapeError, ["MeanSquaredError", "(3,)", "(12,)"], MeanSquaredError().apply, ONE_HOT, ONE_HOT, np.ones(3))


# -- numbers that are not finite ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_data_that_is_not_finite(value):
    x = replaced(X, (7, 1), value)
    model = classifier()
    with pytest.warns() as caught:
        model.fit(x, LABELS, batch_size=4, shuffle=False, epochs=3, verbose=0)
    data = [w for w in caught if w.category is DataWarning]
    loss = [w for w in caught if w.category is NumericWarning]
    assert len(data) == 1
    assert "fit: x holds NaN or infinity, first in sample 7" in str(data[0].message)
    assert len(loss) == (np.isnan(value) or len(loss))  # the tanh of infinity is 1, so its loss may be finite
    assert len(data) + len(loss) == len(caught)
    assert all(w.filename == __file__ for w in caught)

    model = classifier()
    before = model.get_weights()
    refuses(ValueError, ["fit: x", "NaN or infinity in sample 7", "finite"], model.fit, x, LABELS, nan="raise", verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert model.optimizer.iterations == 0
    model.fit(x, LABELS, nan="ignore", verbose=0)  # any warning would be an error here


def test_a_loss_that_becomes_nan_is_reported_once_with_its_batch():
    y = replaced(X[:, :1], 9, 1e30)  # whose square is infinite
    x = X.copy()
    model = Sequential([Dense(1, input_shape=(FEATURES,))])
    model.compile("sgd", "mse")
    with pytest.warns(NumericWarning) as caught:
        model.fit(x, y, batch_size=4, shuffle=False, epochs=3, verbose=0)
    assert len(caught) == 1
    assert "epoch 1, batch 3" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_nan_raise_stops_before_the_update():
    y = replaced(X[:, :1], 9, 1e30)
    model, partner = (Sequential([Dense(1, input_shape=(FEATURES,))]) for _ in range(2))
    partner.set_weights(model.get_weights())
    for each in (model, partner):
        each.compile(Adam(), "mse")
    refuses(
        ValueError, ["epoch 1, batch 3", "loss became inf", "finite"],
        model.fit, X, y, batch_size=4, shuffle=False, verbose=0, nan="raise",
    )  # fmt: skip
    partner.fit(X[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), partner.get_weights()))
    assert model.optimizer.iterations == 2


def test_a_diverging_fit_can_be_ignored():
    model = Sequential([Dense(1, input_shape=(FEATURES,))])
    model.compile(SGD(1e6), "mse")
    history = model.fit(X * 1e4, X[:, :1], epochs=30, verbose=0, nan="ignore")
    assert not np.isfinite(history.history["loss"][-1])


@pytest.mark.parametrize(
    "loss, size",
    [
        (CategoricalCrossentropy, 1e4),
        (CategoricalCrossentropy, 1.5e38),
        (CategoricalCrossentropy, 3e38),
        (SparseCategoricalCrossentropy, 1e4),
        (SparseCategoricalCrossentropy, 3e38),
        (BinaryCrossentropy, 1e4),
        (BinaryCrossentropy, 1e38),
    ],
)
def test_huge_logits(loss, size):
    logits = np.array([[size, 0.0, -size]] * 8, np.float32)
    y = np.array([2] * 8) if loss is SparseCategoricalCrossentropy else np.array([[0, 0, 1.0]] * 8)
    value, saved = loss(from_logits=True).apply(logits, y)
    expected = (2 * size + np.log(2)) / 3 if loss is BinaryCrossentropy else min(2 * size, float(np.finfo(np.float32).max))
    assert float(value) == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(loss(from_logits=True).gradient(saved)).all()


def test_huge_logits_in_a_compiled_model_print_nothing(capfd):
    model = Sequential([Activation("softmax", input_shape=(CLASSES,))])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, accuracy = model.evaluate((1 - ONE_HOT) * np.float32(1e38), LABELS, verbose=0)
    assert capfd.readouterr().err == ""
    assert np.isfinite(loss)
    assert accuracy == 0
    assert np.isfinite(model.predict(np.float32(3e38) * ONE_HOT)).all()


# -- sizes of data and batches -----------------------------------------------------------------------------------------


def test_predict_of_nothing_has_the_right_shape():
    assert classifier().predict(X[:0]).shape == (0, CLASSES)
    assert classifier().predict(X[:0], verbose=1).dtype == np.float32


def test_a_batch_of_one():
    model = Sequential([Dense(3, input_shape=(FEATURES,)), Dropout(0.5), Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(X[:1], LABELS[:1], verbose=0)
    model.fit(X, LABELS, batch_size=1, verbose=0)
    assert model.predict(X[:1]).shape == (1, CLASSES)


def test_batch_normalisation_of_one_sample_warns_and_gives_beta():
    layer = BatchNormalization()
    layer.build((FEATURES,))
    layer.beta.value[:] = [1, 2, 3, 4]
    with pytest.warns(NumericWarning, match=r"batch_normalization.*variance is 0.*beta"):
        y = layer.forward(X[:1], training=True)
    assert np.array_equal(y, [[1, 2, 3, 4]])


@pytest.mark.parametrize("batch_size", [1, 5, 7, 12, 100])
def test_the_last_partial_batch_counts_by_its_samples(batch_size):
    model = classifier(metrics=["accuracy"])
    whole = model.evaluate(X, LABELS, batch_size=SAMPLES, verbose=0)
    assert model.evaluate(X, LABELS, batch_size=batch_size, verbose=0) == pytest.approx(whole, rel=1e-6)
    weights = np.linspace(0, 2, SAMPLES)
    whole = model.evaluate(X, LABELS, batch_size=SAMPLES, verbose=0, sample_weight=weights)
    parts = model.evaluate(X, LABELS, batch_size=batch_size, verbose=0, sample_weight=weights)
    assert parts == pytest.approx(whole, rel=1e-6)


# -- layouts and dtypes --------------------------------------------------------------------------------------------------


def reversed_twice(a):
    return a[::-1].copy()[::-1]


def every_other(a):
    wide = np.zeros((a.shape[0], 2 * a.shape[1]), a.dtype)
    wide[:, ::2] = a
    return wide[:, ::2]


def read_only(a):
    copy = a.copy()
    copy.setflags(write=False)
    return copy


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "negative strides": reversed_twice,
    "every other column": every_other,
    "read-only": read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "a list": lambda a: a.tolist(),
    "a tuple of rows": tuple,
    "a subclass": lambda a: a.view(np.recarray),
    "float64": lambda a: a.astype(np.float64),
    "long double": lambda a: a.astype(np.longdouble),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_bits(layout):
    x = LAYOUTS[layout](X)
    kept = np.array(x, copy=True)
    expected, model = classifier(), classifier()
    for each, data in ((expected, X), (model, x)):
        each.fit(data, LABELS, batch_size=5, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(expected.get_weights(), model.get_weights()))
    assert np.array_equal(expected.predict(X), model.predict(x))
    assert np.array_equal(np.asarray(x), kept)


def test_a_memory_map_is_read_and_never_written(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected, model = classifier(), classifier()
    expected.fit(X, LABELS, verbose=0)
    model.fit(mapped, LABELS, verbose=0)
    assert np.array_equal(expected.predict(X), model.predict(mapped))
    assert isinstance(model.predict(mapped), np.ndarray)


@pytest.mark.filterwarnings("ignore:fit. x holds whole numbers up to 255")
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", ">i4", "i8", "?", "f2", ">f8", "u8"])
def test_dtypes_keep_their_values(dtype):
    numbers = (np.arange(SAMPLES * FEATURES).reshape(SAMPLES, FEATURES) * 5 % 251).astype(dtype)
    model = classifier()
    y = model.predict(numbers)
    assert y.dtype == np.float32
    assert np.array_equal(y, model.predict(numbers.astype(np.float32)))
    model.fit(numbers, LABELS, verbose=0)


def test_the_callers_arrays_are_not_changed():
    x, y, weight = X.copy(), ONE_HOT.copy(), np.linspace(0, 1, SAMPLES)
    kept = x.copy(), y.copy(), weight.copy()
    layers = [
        Activation("relu", input_shape=(FEATURES,)),
        Dropout(0.0),
        BatchNormalization(),
        Dense(CLASSES),
        Activation("softmax"),
    ]
    model = Sequential(layers)
    model.compile("adam", "categorical_crossentropy", ["accuracy"])
    model.fit(x, y, batch_size=5, sample_weight=weight, epochs=2, verbose=0)
    model.evaluate(x, y, sample_weight=weight, verbose=0)
    model.predict(x)
    assert all(np.array_equal(a, b) for a, b in zip(kept, (x, y, weight)))


def test_what_predict_gives_belongs_to_the_caller():
    model = Sequential([Activation("linear", input_shape=(FEATURES,))])
    x = X.copy()
    y = model.predict(x)
    assert not np.shares_memory(x, y)
    y[:] = 0
    assert np.array_equal(x, X)


# -- one layer in two places ---------------------------------------------------------------------------------------------


def test_a_layer_twice_in_a_sequential_sums_its_gradients():
    shared = Dense(FEATURES, activation="tanh", input_shape=(FEATURES,))
    model = Sequential([shared, shared])
    assert model.layers == [shared]
    assert model.count_params() == FEATURES * FEATURES + FEATURES
    assert len(model.get_weights()) == 2

    first, second = Dense(FEATURES, activation="tanh"), Dense(FEATURES, activation="tanh")
    apart = Sequential([first, second])
    apart.build((FEATURES,))
    apart.set_weights([*model.get_weights(), *model.get_weights()])
    dy = np.ones_like(X)
    assert np.array_equal(model.forward(X), apart.forward(X))
    assert np.array_equal(model.backward(dy), apart.backward(dy))
    for p, a, b in zip(shared.parameters, first.parameters, second.parameters):
        np.testing.assert_allclose(p.grad, a.grad + b.grad, rtol=1e-5, atol=1e-6)
