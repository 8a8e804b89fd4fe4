"""The stand-ins for TensorFlow and Theano, and the known networks: what scripts call is there, the rest is refused."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.compat import keras, theano
from minidl.compat import tensorflow as tf
from minidl.compat.keras import applications, seeding
from minidl.compat.keras import backend as K
from minidl.compat.keras.applications import imagenet_utils, mobilenet, resnet50, xception
from minidl.compat.modules import installed
from minidl.errors import ArgumentError, ArgumentTypeError, DatasetError, ShapeError


def test_a_session_is_set_up_and_has_nothing_to_do():
    threads = minidl.config.threads()
    try:
        options = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1, allow_soft_placement=True)
        options.gpu_options.per_process_gpu_memory_fraction = 0.3
        options.gpu_options.allow_growth = True
        assert options.gpu_options.allow_growth is True
        K.set_session(tf.Session(graph=tf.get_default_graph(), config=options))
        assert minidl.config.threads() == 1, "the number of threads is taken"
    finally:
        minidl.set_threads(threads)
        K.set_session(None)
    tf.Session(config=tf.ConfigProto(gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.5), device_count={"GPU": 0}))
    assert minidl.config.threads() == threads
    with tf.Session() as session, tf.device("/gpu:0"), tf.get_default_graph().as_default(), tf.Graph().as_default():
        assert session.run(tf.global_variables_initializer()) is None
        assert session.run([tf.global_variables_initializer(), tf.tables_initializer()]) == [None, None]
        session.graph.finalize()
    assert tf.get_default_session() is K.get_session()
    K.get_session().close()
    tf.logging.set_verbosity(tf.logging.ERROR)
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    tf.compat.v1.disable_eager_execution()
    assert tf.test.is_gpu_available() is False
    assert tf.test.gpu_device_name() == ""
    assert tf.__version__ == "1.4.0"
    assert tf.keras.layers.Dense
    assert tf.nn.relu.__name__ == "relu"
    tf.reset_default_graph()


def test_everything_else_is_refused_with_what_to_write():
    for call, text in (
        (lambda: tf.cond, "K.switch, of keras.backend"),
        (lambda: tf.gradients, "K.gradients, of keras.backend"),
        (lambda: tf.placeholder, "Input"),
        (lambda: tf.train.RMSPropOptimizer, "layers, losses and optimizers of keras"),
        (lambda: tf.contrib.layers, "layers, losses"),
        (lambda: tf.nn.conv2d, "layers, losses"),
        (lambda: tf.compat.v1.get_variable, "layers, losses"),
        (lambda: K.get_session().run("loss"), "Session.run"),
        (lambda: tf.ConfigProto(gpu_option=1), "Did you mean 'gpu_options'"),
        (lambda: tf.ConfigProto().gpu_options.__setattr__("growth", 1), "the option 'growth'"),
        (lambda: tf.set_random_seed("x"), "an integer"),
        (lambda: K.set_session("session"), "a tf.Session"),
        (lambda: theano.function, "K.function"),
        (lambda: theano.shared, "K.variable"),
        (lambda: theano.tensor.matrix, "keras"),
    ):
        with pytest.raises(ArgumentTypeError, match=text):
            call()
    assert not hasattr(tf, "placeholder")


def test_the_seed_of_tensorflow_seeds(monkeypatch):
    def drawn():
        seeding.draw_seed()
        return minidl.layers.Dense(2, input_shape=(2,)).stream.key[0]

    np.random.seed(1), tf.set_random_seed(5)  # noqa: NPY002
    first = drawn()
    np.random.seed(1), tf.set_random_seed(5)  # noqa: NPY002
    assert drawn() == first
    np.random.seed(1), tf.random.set_seed(6)  # noqa: NPY002
    assert drawn() != first
    np.random.seed(2), tf.set_random_seed(5)  # noqa: NPY002
    assert drawn() != first, "both seeds count"
    found = []
    for _ in range(2):  # nobody has seeded np.random: then this seed alone is enough
        np.random.seed(None)  # noqa: NPY002
        monkeypatch.setattr(seeding, "_at_start", np.random.get_state()[1].copy())  # noqa: NPY002
        tf.set_random_seed(5)
        found.append(drawn())
    assert found[0] == found[1]
    monkeypatch.setattr(seeding, "_of_graph", 0)


def test_theano_s_settings():
    before = theano.config.floatX
    try:
        theano.config.floatX = "float64"
        assert K.floatx() == theano.config.floatX == "float64"
        theano.config.optimizer = "None"
        theano.config.dnn.enabled = "False"
        theano.sandbox.cuda.use("gpu0")
        with pytest.raises(ArgumentError):
            theano.config.floatX = "float16"
    finally:
        config.set_dtype(before)


@pytest.mark.parametrize(
    "name",
    ["tensorflow.keras.models", "tensorflow.contrib.keras", "tensorflow.python.client.device_lib", "theano.tensor",
     "theano.sandbox.cuda", "keras.backend.tensorflow_backend", "keras.backend.common", "keras.backend.theano_backend",
     "keras.applications.vgg16", "keras.initializations", "keras.objectives", "keras.activations"],
)  # fmt: skip
def test_import_paths(name):
    with installed():
        module = importlib.import_module(name)
        assert module.__name__.startswith("minidl.compat")
        if name.endswith("device_lib"):
            assert [device.device_type for device in module.list_local_devices()] == ["CPU"]
        if name == "keras.backend.tensorflow_backend":
            assert module.set_session is K.set_session
            assert module._get_available_gpus() == []
            assert module.tf.__version__


def test_known_networks():
    model = applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    assert model.output_shape == (None, 512)
    assert model.count_params() == 14_714_688
    assert applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3)).count_params() == 20_024_384
    assert resnet50.ResNet50 is applications.ResNet50
    for make, text in (
        (applications.VGG16, "weights='imagenet'.*weights=None"),
        (lambda: applications.ResNet50(weights=None, input_tensor=minidl.layers.Input((32, 32, 3))), "input_shape"),
        (lambda: applications.Xception(weights=None), "VGG16, VGG19, ResNet50"),
        (applications.InceptionV3, "InceptionV3"),
        (applications.MobileNet, "MobileNet"),
        (applications.InceptionResNetV2, "InceptionResNetV2"),
    ):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=text):
            make()


@pytest.mark.slow
def test_vgg_19_with_its_top():
    assert applications.VGG19(weights=None).count_params() == 143_667_240


def test_images_are_prepared_and_stay_as_they_are(tmp_path, monkeypatch):
    x = np.arange(24.0).reshape(1, 2, 4, 3)
    before = x.copy()
    expected = x[..., ::-1] - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(resnet50.preprocess_input(x), expected)
    first = x.transpose(0, 3, 1, 2)
    for order in ("channels_first", "th"):
        np.testing.assert_allclose(imagenet_utils.preprocess_input(first, order), expected.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(imagenet_utils.preprocess_input(x[0]), expected[0])
    for module in (xception, mobilenet):
        np.testing.assert_allclose(module.preprocess_input(x), (x / 255 - 0.5) * 2)
    assert imagenet_utils.preprocess_input(x.astype("uint8")).dtype == "float32"
    np.testing.assert_array_equal(x, before)
    assert mobilenet.relu6(np.array([-1.0, 3, 9])).tolist() == [0, 3, 6]
    for bad in ({"mode": "torch"}, {"data_format": "last"}):
        with pytest.raises(ArgumentError):
            imagenet_utils.preprocess_input(x, **bad)
    with pytest.raises(ShapeError, match="three channels"):
        imagenet_utils.preprocess_input(x[..., :2])

    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX_PATH", tmp_path / "imagenet_class_index.json")
    predictions = np.zeros((1, 1000))
    predictions[0, [3, 7]] = 0.25, 0.75
    with pytest.raises(DatasetError, match=r"imagenet_class_index.json"):
        imagenet_utils.decode_predictions(predictions)
    entries = ",".join(f'"{i}": ["n{i}", "class {i}"]' for i in range(1000))
    imagenet_utils.CLASS_INDEX_PATH.write_text("{" + entries + "}")
    assert imagenet_utils.decode_predictions(predictions, top=2) == [[("n7", "class 7", 0.75), ("n3", "class 3", 0.25)]]
    with pytest.raises(ShapeError, match=r"\(samples, 1000\)"):
        imagenet_utils.decode_predictions(np.ones((1, 10)))


X = np.random.default_rng(7).uniform(0.2, 0.9, (4, 3)).astype("float32")


@pytest.mark.parametrize(
    "found, expected",
    [
        (lambda x: tf.reduce_mean(x, axis=1), X.mean(1)),
        (lambda x: tf.reduce_sum(x, reduction_indices=[1], keep_dims=True), X.sum(1, keepdims=True)),
        (lambda x: tf.reduce_max(x, 1, keepdims=True), X.max(1, keepdims=True)),
        (lambda x: tf.where(tf.greater(x, 0.5), x, tf.zeros_like(x), name="w"), np.where(X > 0.5, X, 0)),
        (lambda x: tf.clip_by_value(x, 0.3, 0.6), X.clip(0.3, 0.6)),
        (lambda x: tf.multiply(tf.subtract(1.0, x), tf.add(x, 2.0)), (1 - X) * (X + 2)),
        (lambda x: tf.divide(x, tf.div(1.0, x)), X * X),
        (lambda x: tf.matmul(x, x, transpose_b=True), X @ X.T),
        (lambda x: tf.transpose(tf.transpose(x), perm=[1, 0]), X),
        (lambda x: tf.concat([x, tf.expand_dims(x[:, 0], 1)], axis=1), np.concatenate([X, X[:, :1]], 1)),
        (lambda x: tf.squeeze(tf.stack([x], axis=2), 2), X),
        (lambda x: tf.cast(tf.argmax(x, 1), tf.float32), X.argmax(1)),
        (lambda x: tf.cast(tf.argmin(x, dimension=1), tf.float32), X.argmin(1)),
        (lambda x: tf.one_hot(tf.argmax(x, axis=1), 3) + tf.constant(1.0), np.eye(3)[X.argmax(1)] + 1),
        (lambda x: tf.log(tf.exp(tf.square(tf.sqrt(tf.abs(x)), name="s"))), X),
    ],
)
def test_mathematics_of_tensorflow_is_that_of_the_backend(found, expected):
    np.testing.assert_allclose(found(X), expected, rtol=1e-5)
    layer = keras.layers.Lambda(found)
    symbol = keras.layers.Input((3,))
    if np.shape(found(X))[1:] != (4,):  # the product of a batch with itself has no axis of samples
        np.testing.assert_allclose(keras.models.Model(symbol, layer(symbol)).predict(X), expected, rtol=1e-5)


def test_batches_of_matrices_and_random_numbers_of_tensorflow():
    pair = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(tf.matmul(pair, pair, transpose_a=True), np.einsum("nij,nik->njk", pair, pair), rtol=1e-5)
    assert 2 < K.eval(tf.random_normal((500,), 3.0, 0.1)).mean() < 4
    assert K.eval(tf.random_uniform((50,), 2, maxval=3)).min() >= 2
    assert np.abs(K.eval(tf.truncated_normal((500,), stddev=0.1))).max() <= 0.2


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_optimizers_of_tensorflow_are_those_of_keras_with_the_same_rule():
    for theirs, ours in [
        (tf.train.AdamOptimizer(0.01, beta1=0.8, beta2=0.99, epsilon=1e-4), keras.optimizers.Adam(0.01, 0.8, 0.99, 1e-4)),
        (tf.train.GradientDescentOptimizer(0.2), keras.optimizers.SGD(0.2)),
        (tf.train.MomentumOptimizer(0.1, 0.9), keras.optimizers.SGD(0.1, 0.9)),
        (tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), keras.optimizers.SGD(0.1, 0.9, nesterov=True)),
    ]:
        assert type(theirs) is type(ours)
        assert theirs.get_config() == ours.get_config()


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_the_input_of_a_known_network_has_a_name_of_then():
    K.clear_session()
    model = applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert model.layers[0].name == "input_1"
    assert model.input_names == ["input_1"]
