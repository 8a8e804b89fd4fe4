"""Small utilities of old scripts, by formulas; names of classes, the summary, counts, weights between orders of axes."""

# ruff: noqa: NPY002  (the state that scripts seed)

import sys

import numpy as np
import pytest

from minidl import config
from minidl.compat.keras import progress, summary, utils
from minidl.compat.keras.layers import Conv2D, Dense, Flatten
from minidl.compat.keras.models import Sequential, load_model
from minidl.compat.keras.utils import (
    conv_utils,
    data_utils,
    generic_utils,
    io_utils,
    layer_utils,
    np_utils,
    visualize_util,
)
from minidl.compat.keras.utils import (
    test_utils as of_tests,
)
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, MissingPackageError, ShapeError
from minidl.regularizers import Regularizer

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")


def test_names_of_utils():
    names = """np_utils generic_utils data_utils io_utils conv_utils vis_utils layer_utils HDF5Matrix get_file Sequence
    GeneratorEnqueuer OrderedEnqueuer CustomObjectScope custom_object_scope get_custom_objects serialize_keras_object
    deserialize_keras_object Progbar convert_all_kernels_in_model print_summary plot_model to_categorical normalize
    multi_gpu_model"""
    assert not [name for name in names.split() if not hasattr(utils, name)]
    assert utils.Progbar is generic_utils.Progbar is progress.Progbar
    given: dict = {}
    exec("from minidl.compat.keras.utils import *", given)
    assert given["to_categorical"] is np_utils.to_categorical
    assert "plot_model" in dir(utils)
    with pytest.raises(AttributeError, match=r"'to_categoricl'.*Did you mean 'to_categorical'"):
        utils.to_categoricl  # noqa: B018
    assert utils.print_summary is layer_utils.print_summary is summary.print_summary
    assert visualize_util.model_to_dot is utils.vis_utils.model_to_dot


# -- np_utils -----------------------------------------------------------------------------------------------------------


def test_one_hot_rows():
    given = ([0, 2, 1], None), ([0, 2, 1], 5), ([[1], [0]], 2), (np.array([[0, 1], [1, 1]]), 3), (["1", "0"], 2), (3, 4)
    for y, classes in given:
        labels = np.array(y, "int64")
        labels = labels[..., 0] if labels.ndim and labels.shape[-1] == 1 else labels
        count = classes or labels.max() + 1
        expected = np.zeros((*labels.shape, count))
        for place in np.ndindex(labels.shape):
            expected[(*place, labels[place])] = 1
        found = np_utils.to_categorical(y, classes)
        assert found.dtype == np.float64
        assert found.shape == expected.shape
        assert (found == expected).all()
    assert np_utils.to_categorical([-1, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert np_utils.to_categorical([1.9], 3).tolist() == [0, 1, 0]  # an axis of length 1 is dropped, as it was
    assert np_utils.to_categorical([], 3).shape == (0, 3)
    with pytest.raises(ArgumentError, match=r"label 3 at index 1.*num_classes=4"):
        np_utils.to_categorical([0, 3], 3)
    with pytest.raises(ArgumentError, match="no labels"):
        np_utils.to_categorical([])


@pytest.mark.filterwarnings("default::minidl.compat.spelling.OldSpellingWarning")
def test_the_keyword_of_keras_1():
    written = r"to_categorical\(\[0, 1\], nb_classes=2\) is written to_categorical\(\[0, 1\], num_classes=2\)"
    with pytest.warns(OldSpellingWarning, match=written):
        assert np_utils.to_categorical([0, 1], nb_classes=2).shape == (2, 2)
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'num_class'.*Did you mean 'num_classes'"):
        np_utils.to_categorical([0, 1], num_class=2)
    with pytest.warns(OldSpellingWarning, match="y.argmax"):
        np_utils.categorical_probas_to_classes(np.eye(2))
    with pytest.warns(OldSpellingWarning, match="y > 0.5"):
        np_utils.probas_to_classes(np.ones(2))


def test_norms():
    x = np.random.default_rng(0).normal(size=(3, 4))
    x[1] = 0
    for axis, order in ((-1, 2), (0, 2), (1, 1), (1, np.inf)):
        norms = np.apply_along_axis(lambda row, p=order: np.linalg.norm(row, p), axis, x)
        norms[norms == 0] = 1
        np.testing.assert_allclose(np_utils.normalize(x, axis, order), x / np.expand_dims(norms, axis))
    assert np_utils.normalize(a=[3.0, 4.0]).tolist() == [[0.6, 0.8]]


def test_functions_of_keras_1():
    p, y = np.array([0.2, 0.9, 1.0]), np.array([0, 1, 0])
    expected = -np.mean(np.log([0.8, 0.9, 1e-15]))
    assert abs(np_utils.binary_logloss(p, y) - expected) < 0.02
    rows = np.array([[0.1, 0.9], [0.7, 0.3]])
    assert np.isclose(np_utils.multiclass_logloss(rows, [2, 1]), -(np.log(0.9) + np.log(0.7)) / 2)
    assert np_utils.accuracy([1, 2, 3], [1, 0, 3]) == 2 / 3
    assert np_utils.probas_to_classes(rows).tolist() == np_utils.categorical_probas_to_classes(rows).tolist() == [1, 0]
    assert np_utils.probas_to_classes(np.array([[0.4], [0.6]])).tolist() == [0, 1]
    assert np_utils.probas_to_classes([0.5, 0.51]).tolist() == [0, 1]


# -- conv_utils and layer_utils -----------------------------------------------------------------------------------------


def test_lengths_of_convolutions():
    for length in (5, 8, 9):
        for size, stride, dilation in ((1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 3, 2), (3, 1, 2)):
            reach = size + (size - 1) * (dilation - 1)
            expected = {
                "valid": len(range(0, length - reach + 1, stride)),
                "full": len(range(0, length + reach - 1, stride)),
                "same": len(range(0, length, stride)),
                "causal": len(range(0, length, stride)),
            }
            for padding, count in expected.items():
                assert conv_utils.conv_output_length(length, size, padding, stride, dilation) == count
        for padding in ("valid", "full"):
            for stride in (1, 2):
                needed = conv_utils.conv_input_length(length, 3, padding, stride)
                assert conv_utils.conv_output_length(needed, 3, padding, stride) == length
                assert conv_utils.conv_output_length(needed - 1, 3, padding, stride) < length
    assert conv_utils.conv_input_length(4, 3, "same", 2) == 7
    for found, expected in ((("valid", 3, 2), 9), (("valid", 1, 2), 8), (("same", 3, 2), 8), (("full", 3, 2), 5)):
        padding, size, stride = found
        assert conv_utils.deconv_length(4, stride, size, padding) == expected
    assert conv_utils.conv_output_length(None, 3, "same", 1) is None
    assert conv_utils.conv_input_length(None, 3, "same", 1) is None
    assert conv_utils.deconv_length(None, 3, 1, "same") is None
    assert np_utils.conv_output_length(5, 3, border_mode="valid", stride=1) == 3
    with pytest.raises(ArgumentError, match="'Same'"):
        conv_utils.conv_output_length(5, 3, "Same", 1)


def test_arguments_of_convolutions():
    assert conv_utils.normalize_tuple(np.int64(2), 2, "strides") == (2, 2)
    assert conv_utils.normalize_tuple(np.array([1, 2]), 2, "strides") == (1, 2)
    for wrong in ("ab", (1, 2, 3), (1.5, 2), None):
        with pytest.raises(ArgumentError, match="strides"):
            conv_utils.normalize_tuple(wrong, 2, "strides")
    assert conv_utils.normalize_data_format("Channels_First") == "channels_first"
    with config.use_data_format("channels_first"):
        assert conv_utils.normalize_data_format(None) == "channels_first"
    with pytest.raises(ArgumentError, match="data_format"):
        conv_utils.normalize_data_format("first")
    assert conv_utils.normalize_padding("SAME") == "same"
    with pytest.raises(ArgumentError, match="padding"):
        conv_utils.normalize_padding("full")
    with pytest.raises(ArgumentTypeError, match="padding"):
        conv_utils.normalize_padding(1)


def test_kernels_between_theano_and_tensorflow():
    kernel = np.random.default_rng(1).normal(size=(3, 2, 4, 5))
    assert (conv_utils.convert_kernel(kernel) == kernel[::-1, ::-1]).all()
    assert (conv_utils.convert_kernel(kernel, dim_ordering="th") == kernel[:, :, ::-1, ::-1]).all()
    assert (conv_utils.convert_kernel(kernel[0]) == kernel[0][::-1]).all()
    with pytest.raises(ShapeError, match="3 to 5 axes"):
        conv_utils.convert_kernel(kernel[0, 0])
    model = Sequential([Conv2D(2, (2, 3), input_shape=(5, 6, 3)), Flatten(), Dense(2)])
    before = model.get_weights()
    layer_utils.convert_all_kernels_in_model(model)
    after = model.get_weights()
    assert (after[0] == before[0][::-1, ::-1]).all()
    assert all((a == b).all() for a, b in zip(after[1:], before[1:]))


def test_rows_behind_flatten():
    h, w, c = 2, 3, 4
    x = np.random.default_rng(2).normal(size=(5, h, w, c)).astype("float32")
    model = Sequential([Dense(3, input_dim=h * w * c)])
    last = model.predict(x.reshape(5, -1))
    (dense,) = model.layers
    layer_utils.convert_dense_weights_data_format(dense, (c, h, w), "channels_first")
    np.testing.assert_allclose(model.predict(x.transpose(0, 3, 1, 2).reshape(5, -1)), last, rtol=1e-5, atol=1e-6)
    layer_utils.convert_dense_weights_data_format(dense, (h, w, c), "channels_last")
    np.testing.assert_allclose(model.predict(x.reshape(5, -1)), last, rtol=1e-5, atol=1e-6)
    with pytest.raises(ArgumentError, match="target_data_format"):
        layer_utils.convert_dense_weights_data_format(dense, (h, w, c), "first")


def test_counts_and_the_summary(capsys):
    model = Sequential([Dense(3, input_dim=2), Dense(1)])
    assert layer_utils.count_params(model.weights) == 13
    assert layer_utils.count_params([*model.weights, *model.weights]) == 13
    model.layers[1].trainable = False
    seen: set = set()
    assert layer_utils.count_total_params(model.layers, seen) == (9, 4)
    assert layer_utils.count_total_params(model.layers, seen) == (0, 0)
    lines: list = []
    utils.print_summary(model, line_length=40, print_fn=lines.append)
    assert len(lines[0]) == 40
    assert "Total params: 13" in lines
    assert capsys.readouterr().out == ""
    with pytest.raises(ArgumentTypeError, match="layer_from_config"):
        layer_utils.layer_from_config({})


# -- generic_utils ------------------------------------------------------------------------------------------------------


class Mine(Regularizer):
    def __init__(self, strength=0.5):
        self.strength = strength

    def value(self, w):
        return self.strength * (w**2).sum()

    def gradient(self, w):
        return 2 * self.strength * w


def test_objects_of_a_script_by_their_names():
    written = utils.serialize_keras_object(Mine(0.25))
    assert written == {"class_name": "Mine", "config": {"strength": 0.25}}
    with utils.custom_object_scope({"Mine": Mine}, {"f": len}) as scope:
        assert isinstance(scope, utils.CustomObjectScope)
        assert utils.deserialize_keras_object(written).strength == 0.25
        assert utils.deserialize_keras_object("f") is len
    assert utils.get_custom_objects() == {}
    assert utils.deserialize_keras_object(written, custom_objects={"Mine": Mine}).strength == 0.25
    assert utils.deserialize_keras_object(written, module_objects={"Mine": Mine}).strength == 0.25
    assert utils.deserialize_keras_object({"class_name": "d", "config": {"a": 1}}, {"d": dict}) == {"a": 1}
    utils.get_custom_objects().update({"g": print})
    try:
        with utils.CustomObjectScope({"h": 1}):
            utils.get_custom_objects()["i"] = 2
        assert utils.get_custom_objects() == {"g": print}
    finally:
        utils.get_custom_objects().clear()
    assert utils.serialize_keras_object(None) is None
    assert utils.serialize_keras_object(len) == "len"
    with pytest.raises(ArgumentError, match=r"the loss 'Mnie'.*Did you mean 'Mine'"):
        utils.deserialize_keras_object("Mnie", {"Mine": Mine}, printable_module_name="loss")
    with pytest.raises(ArgumentError, match="class_name and config"):
        utils.deserialize_keras_object({"class_name": "Mine"}, {"Mine": Mine})
    with pytest.raises(ArgumentTypeError):
        utils.deserialize_keras_object(3)
    with pytest.raises(ArgumentTypeError):
        utils.serialize_keras_object(object())


def test_files_know_the_objects_of_a_script(tmp_path):
    model = Sequential([Dense(1, input_dim=2, kernel_regularizer=Mine(0.75))])
    model.compile("sgd", "mse")
    model.save(str(tmp_path / "model.minidl"))
    with pytest.raises(ArgumentError, match="Mine"):
        load_model(str(tmp_path / "model.minidl"))
    with utils.CustomObjectScope({"Mine": Mine}):
        loaded = load_model(str(tmp_path / "model.minidl"))
    assert loaded.layers[0].kernel_regularizer.strength == 0.75


def test_keywords_of_functions():
    def f(a, /, b, *, c, **rest):
        pass

    assert [generic_utils.has_arg(f, name) for name in "abcd"] == [False, True, True, False]
    assert generic_utils.has_arg(f, "d", accept_all=True)
    assert not generic_utils.has_arg(len, "d", accept_all=True)
    assert not generic_utils.has_arg(dict, "d")
    assert generic_utils.make_tuple(1, 2) == (1, 2)
    for name in ("func_dump", "func_load"):
        with pytest.raises(ArgumentTypeError, match="running code out of a file"):
            getattr(generic_utils, name)(f)


# -- io_utils and test_utils --------------------------------------------------------------------------------------------


class File(dict):
    """What h5py gives: data sets that read slices and ascending lists of rows."""

    opened = 0

    def __init__(self, path, mode):
        assert mode == "r"
        File.opened += 1
        super().__init__(data=Rows(np.arange(40).reshape(10, 4)))


class Rows:
    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, key):
        if isinstance(key, list):
            assert key == sorted(set(key))
        return self.array[key]


@pytest.mark.parametrize("real", [False, True])
def test_rows_of_an_hdf5_file(real, tmp_path, monkeypatch):
    monkeypatch.setattr(io_utils.HDF5Matrix, "refs", {})
    path, rows = str(tmp_path / "f.h5"), np.arange(40).reshape(10, 4)
    if real:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["data"] = rows
    else:
        File.opened = 0
        monkeypatch.setitem(sys.modules, "h5py", type(sys)("h5py"))
        sys.modules["h5py"].File = File
    x = utils.HDF5Matrix(path, "data", start=2, end=8)
    assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (6, (6, 4), 2, 24, rows.dtype)
    assert (x[1] == rows[3]).all()
    assert (x[-1] == rows[7]).all()
    assert (x[1:3] == rows[3:5]).all()
    assert (x[:] == rows[2:8]).all()
    assert (x[4:99] == rows[6:8]).all()
    assert (x[[3, 0, 3]] == rows[[5, 2, 5]]).all()
    assert (x[np.array([1, 0])] == rows[[3, 2]]).all()
    assert (np.asarray(x, "float32") == rows[2:8]).all()
    for wrong in (6, -7, [6], [-1]):
        with pytest.raises(IndexError):
            x[wrong]
    twice = utils.HDF5Matrix(path, "data", normalizer=lambda read: read * 2)
    assert (twice[0] == rows[0] * 2).all()
    assert (twice[[1]] == rows[[1]] * 2).all()
    assert len(twice) == 10
    if real:
        io_utils.HDF5Matrix.refs[path].close()
    else:
        assert File.opened == 1


def test_other_files(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackageError, match="pip install h5py"):
        utils.HDF5Matrix("no such file.h5", "data")
    for name in ("save_array", "load_array"):
        with pytest.raises(ArgumentError, match=f"numpy.{name.partition('_')[0]}"):
            getattr(io_utils, name)(*[np.zeros(1), "f"][-1 if name == "load_array" else 0 :])
    answers = iter(["maybe", "y", "n"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert io_utils.ask_to_proceed_with_overwrite("f") is True
    assert "overwrite=True" in capsys.readouterr().out
    assert io_utils.ask_to_proceed_with_overwrite("f") is False


def test_data_for_tests():
    np.random.seed(3)
    (x_train, y_train), (x_test, y_test) = of_tests.get_test_data(nb_train=30, nb_test=10, input_shape=(4,), nb_class=3)
    state = np.random.RandomState(3)
    y = state.randint(0, 3, size=(40,))
    x = np.stack([state.normal(loc=label, scale=0.7, size=(4,)) for label in y])
    assert (np.concatenate([y_train, y_test]) == y).all()
    assert (np.concatenate([x_train, x_test]) == x).all()
    np.random.seed(3)
    (x_train, y_train), _ = of_tests.get_test_data(6, 2, (3,), (2,), classification=False)
    state = np.random.RandomState(3)
    middle = state.random_sample((8,))
    for i in range(6):
        assert (x_train[i] == state.normal(loc=middle[i], scale=0.7, size=(3,))).all()
        assert (y_train[i] == state.normal(loc=middle[i], scale=0.7, size=(2,))).all()
    assert of_tests.keras_test(len) is len
    with pytest.raises(ArgumentTypeError, match="check_gradients"):
        of_tests.layer_test(Dense)


def test_utilities_load_nothing_heavy():
    import subprocess

    code = "import sys, minidl.compat.keras.utils, minidl.compat.keras.preprocessing, minidl.compat.keras.datasets; "
    code += "import minidl.compat.keras.wrappers; "
    code += (
        "print([n for n in ('numba', 'matplotlib', 'sklearn', 'scipy', 'PIL', 'h5py', 'urllib.request') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert data_utils.Sequence is utils.Sequence
