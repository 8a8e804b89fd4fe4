"""Mistakes people make in their first hour: each is one error that names the place and the next thing to try.

A row of a table is one mistake: code, the class of the error, and the words it must have.
"""

from __future__ import annotations

import copy
import pickle
import textwrap

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, ShapeError, StateError, closest

SAMPLES, FEATURES, CLASSES = 12, 4, 3
X = np.random.default_rng(0).normal(size=(SAMPLES, FEATURES)).astype(np.float32)
LABELS = np.arange(SAMPLES) % CLASSES
IMAGES = np.zeros((SAMPLES, 28, 28, 1), np.float32)
ROOMS = (minidl.layers, minidl.losses, minidl.optimizers, minidl.models)
NAMES = {name: getattr(room, name) for room in ROOMS for name in room.__all__}
NAMES |= {"np": np, "minidl": minidl, "X": X, "LABELS": LABELS, "ONE_HOT": np.eye(CLASSES)[LABELS], "IMAGES": IMAGES}


def classifier(units=CLASSES, activation="softmax", loss="sparse_categorical_crossentropy", metrics=None):
    dense = minidl.layers.Dense
    model = minidl.Sequential([dense(5, activation="tanh", input_shape=(FEATURES,)), dense(units, activation=activation)])
    model.compile("adam", loss, metrics)
    return model


def without_flatten(loss):
    model = minidl.Sequential([minidl.layers.Conv2D(2, 3, input_shape=(28, 28, 1)), minidl.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", loss)
    return model


def run(code):
    """Run lines of code; what the last one raises is raised."""
    exec(textwrap.dedent(code), NAMES | {"__name__": __name__, "classifier": classifier, "without_flatten": without_flatten})


def refuses(kind, words, code):
    with pytest.raises(kind) as raised:
        run(code)
    text = str(raised.value)
    assert [word for word in words if word not in text] == [], text
    assert "chain" not in text.lower()
    assert len(text) < 500


SHAPES_AND_LABELS = {
    "no Flatten, labels": (
        "without_flatten('sparse_categorical_crossentropy').fit(IMAGES, LABELS, verbose=0)",
        ShapeError,
        ["labels of shape (12,)", "output of dense_1 (Dense)", "(26, 26, 3)", "of shape (3,)", "Flatten() before dense_1"],
    ),
    "no Flatten, one-hot": (
        "without_flatten('categorical_crossentropy').fit(IMAGES, ONE_HOT, verbose=0)",
        ShapeError,
        ["(12, 3)", "output of dense_1 (Dense)", "(26, 26, 3)", "Flatten() before dense_1 (Dense)"],
    ),
    "no Flatten, squared error": (
        "without_flatten('mse').train_on_batch(IMAGES, ONE_HOT)",
        ShapeError,
        ["train_on_batch", "(12, 3)", "dense_1 (Dense)", "(26, 26, 3)", "Flatten() before dense_1 (Dense)"],
    ),
    "all times of an LSTM": (
        """
        model = Sequential([LSTM(4, return_sequences=True, input_shape=(6, 2)), Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(np.zeros((12, 6, 2)), LABELS)
        """,
        ShapeError,
        ["(6, 3)", "dense_1 (Dense)", "return_sequences=False in lstm_1 (LSTM)"],
    ),
    "a shape in fit names the layer": (
        "classifier().fit(X[:, :3], LABELS)",
        ShapeError,
        ["fit: x", "(12, 3)", "(samples, 4)", "dense_1 (Dense) was built for"],
    ),
    "a shape in predict names the layer": (
        "classifier().predict(X[:, :3])",
        ShapeError,
        ["predict: x", "(12, 3)", "dense_1 (Dense) was built for"],
    ),
    "targets of another width name the layer": (
        "classifier(loss='mse').fit(X, X[:, :2])",
        ShapeError,
        ["fit: y", "(12, 2)", "output of dense_2 (Dense) has shape (3,)"],
    ),
    "labels from 1": (
        "classifier().fit(X, LABELS + 1)",
        ValueError,
        ["label 3 at index 2", "0 to 2", "y - 1", "begin with 0"],
    ),
    "labels -1 and 1, two units": (
        "classifier(2).fit(X, np.where(LABELS > 0, 1, -1))",
        ValueError,
        ["label -1 at index 0", "0 to 1", "(y + 1) // 2"],
    ),
    "labels -1 and 1, one unit": (
        "classifier(1, 'sigmoid', 'binary_crossentropy').fit(X, np.where(LABELS > 0, 1, -1))",
        ValueError,
        ["target -1 at index 0", "0 to 1", "(y + 1) / 2"],
    ),
    "labels 1 and 2, one unit": (
        "classifier(1, 'sigmoid', 'binary_crossentropy').fit(X, np.where(LABELS > 0, 1, 2))",
        ValueError,
        ["target 2 at index 0", "y - 1"],
    ),
    "three classes, one unit": (
        "classifier(1, 'sigmoid', 'binary_crossentropy').fit(X, LABELS)",
        ValueError,
        ["target 2 at index 2", "Dense(3, activation='softmax')", "sparse_categorical_crossentropy"],
    ),
    "labels below -1": ("classifier().fit(X, LABELS - 2)", ValueError, ["label -2 at index 0", "np.unique"]),
    "more classes than units": (
        "classifier().fit(X, LABELS + 4)",
        ValueError,
        ["label 4 at index 0", "more than 3 units (7 for these)"],
    ),
    "labels as text": (
        "classifier().fit(X, np.array(['cat', 'cow', 'dog'])[LABELS])",
        TypeError,
        ["fit: y", "<U3", "classes, y = np.unique(y, return_inverse=True)"],
    ),
    "labels as a list of text": (
        "classifier().fit(X, ['cat', 'cow', 'dog'] * 4)",
        TypeError,
        ["fit: y", "list", "classes, y = np.unique(y, return_inverse=True)"],
    ),
    "labels as objects of text": (
        "classifier().evaluate(X, np.array(['cat', 'cow', 'dog'], object)[LABELS])",
        TypeError,
        ["evaluate: y", "object", "classes, y = np.unique(y, return_inverse=True)"],
    ),
    "text in a loss": ("SparseCategoricalCrossentropy().apply(X, ['a'] * 12)", TypeError, ["y_true", "np.unique"]),
    "text in a matrix of confusion": (
        "minidl.metrics.confusion_matrix(['a', 'b'], ['a', 'a'])",
        TypeError,
        ["y_true", "np.unique"],
    ),
    "a batch axis of None before Conv2D": (
        "Conv2D(2, 3)(Input((None, 28, 28, 1)))",
        ShapeError,
        ["conv2d (Conv2D)", "(None, 28, 28, 1)", "leave the batch axis out of the input shape: (28, 28, 1)"],
    ),
    "a batch axis of None, as input_shape": (
        "Sequential([Dense(3, input_shape=(None, 784))]).predict(np.zeros((12, 784)))",
        ShapeError,
        ["predict: x", "(12, 784)", "(samples, None, 784)", "leave the batch axis out of the input shape: (784,)"],
    ),
    "an unknown length that parameters depend on": (
        "Sequential([Input((None, 4)), Flatten(), Dense(3)])",
        ShapeError,
        ["dense_1 (Dense)", "W", "(None, 3)", "a length for every axis"],
    ),
    "a batch axis before Conv2D": (
        "Sequential([Input((32, 28, 28, 1)), Conv2D(2, 3)])",
        ShapeError,
        ["conv2d_1 (Conv2D)", "(32, 28, 28, 1)", "leave the batch axis out of the input shape: (28, 28, 1)"],
    ),
    "a batch axis before MaxPooling2D": (
        "Sequential([Input((32, 28, 28, 1)), MaxPooling2D(2)])",
        ShapeError,
        ["max_pooling2d_1", "leave the batch axis out of the input shape: (28, 28, 1)"],
    ),
    "a batch axis before LSTM": (
        "Sequential([Input((32, 6, 2)), LSTM(2)])",
        ShapeError,
        ["lstm_1 (LSTM)", "leave the batch axis out of the input shape: (6, 2)"],
    ),
    "a batch axis before Dense": (
        """
        model = Sequential([Input((32, 4)), Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(X, LABELS)
        """,
        ShapeError,
        ["(12, 4)", "dense_1 (Dense)", "leave the batch axis out of the input shape: (4,), not (32, 4)"],
    ),
    "a batch axis as long as the data": (
        """
        model = Sequential([Input((12, 4)), Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(X, LABELS)
        """,
        ShapeError,
        ["x[None, ...]", "leave that out of the input shape: (4,)"],
    ),
    "channels first": (
        "Sequential([Input((1, 28, 28)), Conv2D(2, 3)])",
        ShapeError,
        ["(1, 28, 28)", "data_format='channels_last'", "data_format='channels_first'", "Input((28, 28, 1))", "moveaxis"],
    ),
    "channels first, colour, pooling": (
        "Sequential([Input((3, 32, 32)), MaxPooling2D(4)])",
        ShapeError,
        ["data_format='channels_first'", "Input((32, 32, 3))"],
    ),
    "channels last, declared first": (
        "Sequential([Input((28, 28, 1)), Conv2D(2, 3, data_format='channels_first')])",
        ShapeError,
        ["data_format='channels_last'", "Input((1, 28, 28))"],
    ),
    "vectors before Conv2D": ("Sequential([Flatten(input_shape=(8, 8, 1)), Conv2D(2, 3)])", ShapeError, ["Conv2D", "(64,)"]),
}


@pytest.mark.filterwarnings("ignore:compile. dense_1")
@pytest.mark.parametrize("mistake", SHAPES_AND_LABELS)
def test_shapes_and_labels(mistake):
    code, kind, words = SHAPES_AND_LABELS[mistake]
    refuses(kind, words, code)


CLASSES_FOR_OBJECTS = {
    "Sequential([Flatten])": ["Sequential", "the class Flatten", "Flatten()"],
    "Sequential([Dense])": ["the class Dense", "Dense(...)"],
    "Sequential(['relu'])": ["'relu'", "Activation('relu')"],
    "Sequential([[Dense(3)]])": ["one list of layers"],
    "Model(Input((3,)), Dense)": ["Model", "the class Dense", "Dense(10)(x)"],
    "classifier(loss=MeanSquaredError)": ["the class MeanSquaredError as loss", "loss=MeanSquaredError()"],
    "classifier().compile(SGD, 'mse')": ["the class SGD as optimizer", "optimizer=SGD()"],
    "classifier().compile(RMSprop, 'mse')": ["optimizer=RMSprop()"],
    "classifier(metrics=[minidl.metrics.Accuracy])": ["the class Accuracy as metric", "metrics=[Accuracy()]"],
    "classifier(metrics=[int])": ["the class int as metric", "metrics=['accuracy']"],
    "Dense(3, activation=Activation)": ["the class Activation as activation", "Activation('relu')"],
    "Activation(Activation)": ["the class Activation", "a name"],
    "LSTM(3, activation=Activation)": ["the class Activation as activation", "activation='relu'"],
    "Dense(3, kernel_initializer=minidl.initializers.HeNormal)": ["kernel_initializer", "the class HeNormal", "HeNormal()"],
    "classifier().fit(X, LABELS, callbacks=[minidl.callbacks.TerminateOnNaN])": [
        "the class TerminateOnNaN",
        "callbacks=[TerminateOnNaN()]",
    ],
}


@pytest.mark.parametrize("code", CLASSES_FOR_OBJECTS)
def test_a_class_where_an_object_belongs(code):
    refuses(TypeError, CLASSES_FOR_OBJECTS[code], code)


MISSPELT = {
    "classifier().compile('adm', 'mse')": "adam",
    "classifier(loss='mean_square_error')": "mean_squared_error",
    "classifier(loss='crossentropy')": "categorical_crossentropy",
    "classifier(loss='SparseCategoricalCrossentropy2')": "sparse_categorical_crossentropy",
    "classifier(metrics=['acuracy'])": "accuracy",
    "classifier(metrics=['binary_acuracy'])": "binary_accuracy",
    "classifier(metrics=['roc_auc'])": "auc",
    "classifier(metrics=['mean_squared_eror'])": "mean_squared_error",
    "classifier().compile('sgd', 'mse', precision='fp32')": "float32",
    "Dense(3, activation='rleu')": "relu",
    "Dense(3, activation='Soft max')": "softmax",
    "Activation('LeakyReLU')": "leaky_relu",
    "Activation('leaky_relu', alpha=0.1)": "negative_slope",
    "Dense(3, kernel_initializer='glorot')": "glorot_uniform",
    "Dense(3, bias_initializer='zeroes')": "zeros",
    "LSTM(3, activation='tahn')": "tanh",
    "LSTM(3, recurrent_activation='hardsigmoid')": "hard_sigmoid",
    "Conv2D(2, 3, padding='sme')": "same",
    "MaxPooling2D(2, padding='vaild')": "valid",
    "minidl.geometry.Window((3,), padding='Same')": "same",
    "Conv2D(2, 3, data_format='chanels_last')": "channels_last",
    "Conv2D(2, 3, data_format='NCHW')": "channels_first",
    "minidl.set_backend('numpi')": "numpy",
    "minidl.set_backend('gpu')": "cupy",
    "minidl.config.set_dtype('float23')": "float32",
    "minidl.config.set_kernels('refernce')": "reference",
    "minidl.config.set_data_format('channel_first')": "channels_first",
    "minidl.metrics.Accuracy('sparce')": "sparse",
    "minidl.callbacks.EarlyStopping(mode='mx')": "max",
    "classifier().fit(X, LABELS, nan='rais')": "raise",
    "classifier(metrics=['accuracy']).fit(X, LABELS, validation_split=0.5, verbose=0,"
    " callbacks=[minidl.callbacks.EarlyStopping('val_acc')])": "val_accuracy",
    "minidl.Sequental": "Sequential",
    "minidl.losss": "losses",
}


@pytest.mark.filterwarnings("ignore:fit. no class of the validation part")
@pytest.mark.parametrize("code", MISSPELT)
def test_every_name_error_says_what_was_meant(code):
    with pytest.raises((ArgumentError, ArgumentTypeError, AttributeError)) as raised:
        run(code)
    assert f"Did you mean {MISSPELT[code]!r}?" in str(raised.value)


def test_a_name_that_is_like_none_is_not_guessed():
    assert closest("swoosh", ["relu", "elu"]) == closest(3, ["relu"]) == closest(None, ["relu"]) == closest("", ["relu"]) == ""
    with pytest.raises(ArgumentError) as raised:
        run("Activation('zigzag')")
    assert "mean" not in str(raised.value)


def test_an_error_survives_pickling_with_what_was_meant():
    error = ArgumentError("Dense", "'rleu'", "a name", "Dense(3)", "relu")
    assert str(error) == "Dense: received 'rleu'; expected a name. Did you mean 'relu'? To fix it: Dense(3)."
    assert str(pickle.loads(pickle.dumps(error))) == str(copy.copy(error)) == str(error)


OWN_LAYERS = {
    "an earlier protocol": (
        """
        class Old(Layer):
            def apply(self, x, context):
                return x, None
            def commit(self, pending):
                pass
        """,
        TypeError,
        ["Old", "a commit of its own", "context.update(state, value)"],
    ),
    "call": (
        """
        class Twice(Layer):
            def call(self, x):
                return 2 * x
        """,
        ArgumentTypeError,
        ["Twice", "Keras's method call", "apply(self, x, context)", "rename call to apply"],
    ),
    "forward": (
        """
        class Twice(Layer):
            def forward(self, x):
                return 2 * x
        """,
        ArgumentTypeError,
        ["Twice", "a forward of its own", "rename forward to apply", "fit would not use forward"],
    ),
    "backward beside apply": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x, None
            def backward(self, dy):
                return 2 * dy
        """,
        ArgumentTypeError,
        ["Twice", "a backward of its own", "rename backward to gradient"],
    ),
    "__call__": (
        """
        class Twice(Layer):
            def __call__(self, x):
                return 2 * x
        """,
        ArgumentTypeError,
        ["Twice", "__call__", "rename __call__ to apply"],
    ),
    "forward in a layer of minidl": (
        """
        class Loud(Dense):
            def forward(self, x, training=True):
                return super().forward(x, training)
        """,
        ArgumentTypeError,
        ["Loud", "forward"],
    ),
    "compute_output_shape": (
        """
        class Twice(Layer):
            def compute_output_shape(self, input_shape):
                return (2 * input_shape[0],)
        """,
        ArgumentTypeError,
        ["Twice", "compute_output_shape", "rename it to output_shape", "no batch axis"],
    ),
    "apply without its arguments": (
        """
        class Twice(Layer):
            def apply(self, x):
                return 2 * x, None
        """,
        ArgumentTypeError,
        ["Twice", "apply(self, x)", "apply(self, x, context)"],
    ),
    "gradient without its arguments": (
        """
        class Twice(Layer):
            def gradient(self, dy):
                return 2 * dy
        """,
        ArgumentTypeError,
        ["Twice", "gradient(self, dy)", "gradient(self, dy, saved, need_dx=True)"],
    ),
    "no super().__init__()": (
        """
        class Scale(Layer):
            def __init__(self, factor):
                self.factor = factor
        Sequential([Scale(3)])
        """,
        StateError,
        ["Scale", "does not call Layer's", "super().__init__() as the first line of Scale.__init__"],
    ),
    "only y": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x
        Twice()(X)
        """,
        ArgumentTypeError,
        ["twice (Twice): apply", "type ndarray", "a pair (y, saved)", "return y, (x if context.keep else None)"],
    ),
    "only y, of two samples, which are not y and saved": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x
        Sequential([Dense(3, input_shape=(4,)), Twice()]).predict(X[:2])
        """,
        ArgumentTypeError,
        ["twice_1 (Twice): apply", "a pair (y, saved)"],
    ),
    "three results": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x, x, x
        Twice().forward(X)
        """,
        ArgumentTypeError,
        ["a tuple of 3", "a pair (y, saved)"],
    ),
    "no apply": (
        """
        class Twice(Layer):
            pass
        Twice()(X)
        """,
        NotImplementedError,
        ["twice (Twice)", "apply(self, x, context)"],
    ),
    "no gradient": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x, None
        layer = Twice()
        layer.forward(X)
        layer.backward(X)
        """,
        NotImplementedError,
        ["twice (Twice)", "gradient(self, dy, saved, need_dx=True)"],
    ),
    "another shape than output_shape says": (
        """
        class Double(Layer):
            def apply(self, x, context):
                return np.concatenate([x, x], axis=1), None
        Sequential([Double(input_shape=(4,)), Dense(3)]).predict(X[:2])
        """,
        ShapeError,
        ["double_1 (Double): apply", "y of shape (2, 8) for x of shape (2, 4)", "expected (2, 4)", "def output_shape", "(8,)"],
    ),
    "fewer samples than came": (
        """
        class First(Layer):
            def apply(self, x, context):
                return x[:1], None
        First()(X)
        """,
        ShapeError,
        ["first (First): apply", "y of shape (1, 4) for x of shape (12, 4)", "as many samples as x"],
    ),
    "gradient without return": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x, None
            def gradient(self, dy, saved, need_dx=True):
                2 * dy
        model = Sequential([Dense(3, input_shape=(4,)), Twice(), Dense(3)])
        model.compile("sgd", "mse")
        model.fit(X, ONE_HOT)
        """,
        StateError,
        ["twice_1 (Twice): gradient", "received None", "dx, an array of the shape of x", "return dx at the end of gradient"],
    ),
    "gradient without return, in a graph": (
        """
        class Twice(Layer):
            def apply(self, x, context):
                return 2 * x, None
            def gradient(self, dy, saved, need_dx=True):
                2 * dy
        x = Input((4,))
        h = Dense(4)(x)
        model = Model(x, Add()([h, Twice()(h)]))
        model.compile("sgd", "mse")
        model.fit(X, X)
        """,
        StateError,
        ["twice_1 (Twice): gradient", "received None", "return dx"],
    ),
    "add_weight": (
        """
        class Scale(Layer):
            def build(self, input_shape):
                self.W = self.add_weight(shape=input_shape)
        Scale().build((4,))
        """,
        ArgumentTypeError,
        ["scale (Scale): build", "add_weight", "self.W = self.new_parameter('W', shape, 'glorot_uniform')"],
    ),
    "Keras's call in a subclass of Dense": (
        """
        class Twice(Dense):
            def call(self, x):
                return 2 * super().call(x)
        """,
        ArgumentTypeError,
        ["Twice", "Keras's method call", "rename call to apply"],
    ),
    "forward from a class that is no layer": (
        """
        class Mixin:
            def forward(self, x):
                return x
        class Mixed(Mixin, Dense):
            pass
        """,
        ArgumentTypeError,
        ["Mixed", "a forward of its own", "rename forward to apply"],
    ),
}


@pytest.mark.parametrize("mistake", OWN_LAYERS)
def test_a_layer_of_ones_own(mistake):
    code, kind, words = OWN_LAYERS[mistake]
    refuses(kind, words, code)


def test_a_right_layer_of_ones_own_is_left_alone():
    run(
        """
        class Scale(Layer):
            def __init__(self, factor, **options):
                super().__init__(**options)
                self.factor = factor
            def call(self):
                return "a helper beside apply"
            def apply(self, x, context):
                return self.factor * x, None
            def gradient(self, dy, saved, need_dx=True):
                return self.factor * dy

        class Half(Scale):
            def __init__(self):
                super().__init__(0.5, name="half")
            def apply(self, *args, **kwargs):
                return super().apply(*args, **kwargs)

        model = Sequential([Half(), Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(X, LABELS, verbose=0)
        assert (Half()(X) == X / 2).all()
        """
    )


def test_no_internal_name_is_shown():
    inner = minidl.Sequential([minidl.layers.Dense(3, input_shape=(FEATURES,))])
    model = minidl.Sequential([inner, minidl.layers.Dense(2)])
    x = minidl.layers.Input((FEATURES,))
    graph = minidl.Model(x, minidl.layers.Dense(2)(x))
    assert model.name == "sequential"
    assert graph.name == "model"
    lines: list[str] = []
    for each in (model, graph):
        each.summary(print_fn=lines.append)
        for wrong in (lambda each=each: each.backward(X), lambda each=each: each.set_weights([1])):
            with pytest.raises(MinidlError) as raised:
                wrong()
            lines += [str(raised.value), repr(each), repr(each.layers)]
    text = "\n".join(lines)
    assert "sequential_1 (Sequential)" in text
    assert "chain" not in text.lower()
    assert "graph" not in text.lower()


def test_layers_planned_together_keep_their_names():
    from minidl.training.plan import for_inference

    model = minidl.Sequential([minidl.layers.Dense(3, activation="relu", input_shape=(FEATURES,))])
    model.add(minidl.layers.Activation("relu"))
    (planned, _) = for_inference(model.network).sublayers()
    assert planned.label == "dense_1 (Dense)"


def test_a_torch_tensor_that_requires_grad():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = classifier(loss="mse")
    tensor = torch.ones(SAMPLES, FEATURES)
    with_grad = torch.ones(SAMPLES, FEATURES, requires_grad=True)
    assert np.array_equal(model.predict(tensor), model.predict(np.ones((SAMPLES, FEATURES), np.float32)))
    for where, use in (
        ("predict: x", lambda: model.predict(with_grad)),
        ("fit: y", lambda: model.fit(X, with_grad[:, :3])),
        ("dense (Dense): x", lambda: minidl.layers.Dense(3)(with_grad)),
        ("MeanSquaredError: y_pred", lambda: minidl.losses.MeanSquaredError().apply(with_grad, X)),
    ):
        with pytest.raises(ArgumentTypeError) as raised:
            use()
        assert where in str(raised.value)
        assert "x.detach()" in str(raised.value)
    with pytest.raises(ArgumentTypeError, match=r"detach\(\) for item in x"):
        model.predict([with_grad[0], with_grad[1]])
    with pytest.raises(ArgumentTypeError, match=r"x.detach\(\).float\(\)"):
        model.predict(tensor.bfloat16())
