"""Data sets of old scripts: where their files are found, what is made of them, and errors that say what to put where."""

# ruff: noqa: NPY002  (the state that scripts seed)

import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pytest

from minidl import config
from minidl.compat.keras import datasets
from minidl.compat.keras.datasets import boston_housing, cifar, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters
from minidl.compat.keras.datasets import texts as of_texts
from minidl.compat.spelling import OldSpellingWarning
from minidl.datasets import download
from minidl.errors import ArgumentError, ArgumentTypeError, DatasetError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Folders of data and caches of its own, and no net; returns {name: folder}."""
    places = {"data": tmp_path / "data", "cache": tmp_path / "cache", "home": tmp_path / "home"}
    for folder in places.values():
        folder.mkdir()
    monkeypatch.setenv("MINIDL_DATA", str(places["data"]))
    monkeypatch.setenv("MINIDL_HOME", str(places["cache"]))
    monkeypatch.setenv("HOME", str(places["home"]))
    asked = places["asked"] = []

    def no_net(url, *others):
        asked.append(url)
        raise OSError("no net")

    monkeypatch.setattr(download, "_fetch", no_net)
    return places


def put(folder, name, content):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def lists(*items):
    array = np.empty(len(items), object)
    for index, item in enumerate(items):
        array[index] = item
    return array


RNG = np.random.default_rng(3)
IMAGES = {
    "x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8),
    "y_train": RNG.integers(0, 10, 6).astype(np.uint8),
    "x_test": RNG.integers(0, 256, (3, 28, 28), np.uint8),
    "y_test": RNG.integers(0, 10, 3).astype(np.uint8),
}
PLACES = [
    ("data", "{name}/{file}"),
    ("data", "{file}"),
    ("cache", "datasets/{name}/{file}"),
    ("cache", "datasets/{file}"),
    ("home", ".keras/datasets/{file}"),
]


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes())


def same_images(found, arrays=IMAGES):
    flat = [part for pair in found for part in pair]
    return all((a == b).all() and a.dtype == b.dtype and a.shape == b.shape for a, b in zip(flat, arrays.values(), strict=True))


@pytest.mark.parametrize("place, pattern", PLACES)
def test_mnist_in_every_place(home, place, pattern):
    put(home[place], pattern.format(name="mnist", file="mnist.npz"), npz(**IMAGES))
    assert same_images(mnist.load_data())
    assert not home["asked"]


def test_mnist_by_path_and_as_idx_files(home, tmp_path):
    put(tmp_path, "elsewhere/digits.npz", npz(**IMAGES))
    assert same_images(mnist.load_data(str(tmp_path / "elsewhere" / "digits.npz")))
    put(home["data"], "mine.npz", npz(**IMAGES))
    assert same_images(mnist.load_data(path="mine.npz"))
    for module, folder in ((mnist, home["data"] / "mnist"), (fashion_mnist, home["home"] / ".keras/datasets/fashion-mnist")):
        for array, file in zip(
            IMAGES.values(), ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        ):
            put(folder, f"{file}-ubyte.gz", idx(array))
        assert same_images(module.load_data())


def test_fashion_mnist_is_not_taken_from_the_files_of_mnist(home):
    for array, file in zip(IMAGES.values(), ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")):
        put(home["data"], f"{file}-ubyte.gz", idx(array))
    with pytest.raises(DatasetError, match=r"put train-images-idx3-ubyte\.gz, "):
        fashion_mnist.load_data()
    assert same_images(mnist.load_data())
    put(home["data"], "fashion_mnist.npz", npz(**IMAGES))
    assert same_images(fashion_mnist.load_data())


PIXELS = RNG.integers(0, 256, (12, 3072), np.uint8)
LABELS = RNG.integers(0, 10, 12).tolist()
COARSE = RNG.integers(0, 20, 12).tolist()


def of_cifar_10():
    """{file: pickle} of six files with two images each."""
    files = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    rows = [slice(2 * i, 2 * i + 2) for i in range(6)]
    made = [{b"data": PIXELS[row], b"labels": LABELS[row], b"batch_label": b"x", b"filenames": [b"a", b"b"]} for row in rows]
    return {file: pickle.dumps(content, 2) for file, content in zip(files, made)}


def of_cifar_100():
    parts = {"train": slice(0, 10), "test": slice(10, 12)}
    return {
        file: pickle.dumps({"data": PIXELS[rows], "fine_labels": LABELS[rows], "coarse_labels": COARSE[rows]}, 4)
        for file, rows in parts.items()
    }


def archive(files, folder):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def check_cifar(found, labels, kinds):
    (x_train, y_train), (x_test, y_test) = found
    images = PIXELS.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    assert (x_train == images[:10]).all()
    assert (x_test == images[10:]).all()
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.tolist() == [[label] for label in labels[:10]]
    assert y_test.tolist() == [[label] for label in labels[10:]]
    assert (y_train.dtype, y_test.dtype) == kinds


@pytest.mark.parametrize("place, pattern", PLACES)
@pytest.mark.parametrize("form", ["folder", "python.tar.gz", "batches-py.tar.gz"])
def test_cifar10_in_every_place_and_form(home, place, pattern, form):
    if form == "folder":
        for file, content in of_cifar_10().items():
            put(home[place], pattern.format(name="cifar10", file=f"cifar-10-batches-py/{file}"), content)
    else:
        file = f"cifar-10-{form}"
        put(home[place], pattern.format(name="cifar10", file=file), archive(of_cifar_10(), "cifar-10-batches-py"))
    check_cifar(cifar10.load_data(), LABELS, (np.uint8, np.int64))
    with config.use_data_format("channels_first"):
        (x_train, _), _ = cifar10.load_data()
    assert (x_train == PIXELS[:10].reshape(-1, 3, 32, 32)).all()


def test_cifar10_in_binary_form(home):
    rows = [bytes([label]) + pixels.tobytes() for label, pixels in zip(LABELS, PIXELS)]
    for index, file in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]):
        put(home["data"], f"cifar10/{file}", rows[2 * index] + rows[2 * index + 1])
    check_cifar(cifar10.load_data(), LABELS, (np.uint8, np.int64))


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_cifar100(home, form):
    if form == "folder":
        for file, content in of_cifar_100().items():
            put(home["home"], f".keras/datasets/cifar-100-python/{file}", content)
    else:
        put(home["data"], "cifar-100-python.tar.gz", archive(of_cifar_100(), "cifar-100-python"))
    check_cifar(cifar100.load_data(), LABELS, (np.int64, np.int64))
    check_cifar(cifar100.load_data(label_mode="coarse"), COARSE, (np.int64, np.int64))
    with pytest.raises(ArgumentError, match=r"label_mode='course'.*Did you mean 'coarse'"):
        cifar100.load_data("course")


def test_a_batch_by_its_path(tmp_path):
    put(tmp_path, "b", of_cifar_100()["train"])
    data, labels = cifar.load_batch(str(tmp_path / "b"), label_key="coarse_labels")
    assert data.shape == (10, 3, 32, 32)
    assert labels == COARSE[:10]
    for wrong, message in (
        ([1], "a list"),
        ({"data": PIXELS[:2]}, "other labels than 2 integers"),
        ({"data": PIXELS[:2, :5], "labels": [1, 2]}, "the keys data, labels"),
        ({"data": PIXELS[:2], "labels": [1, "2"]}, "other labels than 2 integers"),
    ):
        put(tmp_path, "b", pickle.dumps(wrong, 2))
        with pytest.raises(DatasetError, match=message):
            cifar.load_batch(tmp_path / "b")
    put(tmp_path, "b", pickle.dumps(print))
    with pytest.raises(DatasetError, match="could run programs"):
        cifar.load_batch(tmp_path / "b")


def test_labels_out_of_range_are_another_data_set(home):
    files = of_cifar_10() | {"test_batch": pickle.dumps({"data": PIXELS[:2], "labels": [3, 10]}, 2)}
    for file, content in files.items():
        put(home["data"], f"cifar10/{file}", content)
    with pytest.raises(DatasetError, match="labels from 0 to 9"):
        cifar10.load_data()


def test_boston_housing(home):
    x, y = RNG.normal(size=(10, 13)), RNG.normal(size=10)
    put(home["data"], "boston_housing.npz", npz(x=x, y=y))
    order = np.arange(10)
    np.random.seed(113)
    np.random.shuffle(order)
    after = np.random.random()
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    assert np.random.random() == after, "the script's random numbers go on as they did"
    assert (np.concatenate([x_train, x_test]) == x[order]).all()
    assert (np.concatenate([y_train, y_test]) == y[order]).all()
    assert len(x_train) == 8
    assert x_train.dtype == np.float64
    (x_train, _), _ = boston_housing.load_data(path="boston_housing.npz", test_split=0.35, seed=1)
    np.random.seed(1)
    np.random.shuffle(other := np.arange(10))
    assert (x_train == x[other][:6]).all()
    with pytest.raises(ArgumentError, match="test_split=1"):
        boston_housing.load_data(test_split=1)


TEXTS = [RNG.integers(1, 40, size).tolist() for size in (3, 7, 5, 4, 6, 9, 2, 8, 5, 3)]
PRAISE = RNG.integers(0, 2, 10)


def then(x, y, parts, split, num_words, skip_top, maxlen, seed, start_char, oov_char, index_from):
    """``load_data`` as a learner would write it down from the documentation of Keras 2.1, in loops."""
    np.random.seed(seed)
    texts, labels = [], []
    for part in parts:
        order = np.arange(part.stop - part.start)
        np.random.shuffle(order)
        texts += [x[part][i] for i in order]
        labels += [y[part][i] for i in order]
    made = []
    for text in texts:
        words = [w + index_from for w in text] if start_char is not None or index_from else list(text)
        made.append(words if start_char is None else [start_char, *words])
    if maxlen:
        kept = [i for i, text in enumerate(made) if len(text) < maxlen]
        made, labels = [made[i] for i in kept], [labels[i] for i in kept]
    most = num_words or max(w for text in made for w in text)
    found = []
    for text in made:
        row = []
        for w in text:
            if skip_top <= w < most:
                row.append(w)
            elif oov_char is not None:
                row.append(oov_char)
        found.append(row)
    at = split(len(found))
    return (found[:at], labels[:at]), (found[at:], labels[at:])


DEFAULTS = {"num_words": None, "skip_top": 0, "maxlen": None, "seed": 113, "start_char": 1, "oov_char": 2, "index_from": 3}
OPTIONS = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 6},
    {"maxlen": 6},
    {"seed": 7},
    {"start_char": None},
    {"start_char": 5},
    {"oov_char": None, "num_words": 15},
    {"oov_char": 9, "num_words": 15},
    {"index_from": 0},
    {"index_from": 0, "start_char": None},
    {"index_from": 10, "num_words": 30},
]


def as_lists(found):
    return tuple((list(map(list, x)), list(y)) for x, y in found)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_imdb_and_reuters_as_they_were(home, options):
    put(
        home["data"],
        "imdb/imdb.npz",
        npz(x_train=lists(*TEXTS[:6]), y_train=PRAISE[:6], x_test=lists(*TEXTS[6:]), y_test=PRAISE[6:]),
    )
    put(home["data"], "reuters.npz", npz(x=lists(*TEXTS), y=PRAISE))
    given = DEFAULTS | options
    expected = then(TEXTS, PRAISE, [slice(0, 6), slice(6, 10)], lambda n: 6, **given)
    after = np.random.random()
    assert as_lists(imdb.load_data(**options)) == expected
    assert np.random.random() == after, "the script's random numbers go on as they did"
    assert as_lists(reuters.load_data(**options)) == then(TEXTS, PRAISE, [slice(0, 10)], lambda n: int(n * 0.8), **given)
    half = then(TEXTS, PRAISE, [slice(0, 10)], lambda n: int(n * 0.5), **given)
    assert as_lists(reuters.load_data(test_split=0.5, **options)) == half
    (x, y), _ = reuters.load_data(**options)
    assert x.dtype == object
    assert x.ndim == 1
    assert y.dtype == PRAISE.dtype


def test_the_keyword_of_keras_1_is_told(home):
    put(
        home["data"],
        "imdb.npz",
        npz(x_train=lists(*TEXTS[:6]), y_train=PRAISE[:6], x_test=lists(*TEXTS[6:]), y_test=PRAISE[6:]),
    )
    with pytest.warns(OldSpellingWarning, match=r"imdb\.load_data\(nb_words=20\) is written imdb\.load_data\(num_words=20\)"):
        found = imdb.load_data(nb_words=20)
    assert as_lists(found) == as_lists(imdb.load_data(num_words=20))
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'num_word'.*Did you mean 'num_words'"):
        imdb.load_data(num_word=20)
    with pytest.raises(ArgumentTypeError, match="nb_words and num_words"):
        imdb.load_data(nb_words=3, num_words=3)
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'nb_word'.*Did you mean 'nb_words'"):
        reuters.load_data(nb_word=20)


def test_no_text_short_enough(home):
    put(
        home["data"],
        "imdb.npz",
        npz(x_train=lists(*TEXTS[:6]), y_train=PRAISE[:6], x_test=lists(*TEXTS[6:]), y_test=PRAISE[6:]),
    )
    with pytest.raises(ArgumentError, match="no text shorter than maxlen=2"):
        imdb.load_data(maxlen=2)


def test_texts_of_one_length_are_a_matrix(home):
    put(home["data"], "reuters.npz", npz(x=np.array([[1, 2], [3, 4], [5, 6]]), y=np.array([0, 1, 2])))
    (x, _), _ = reuters.load_data(test_split=0)
    assert x.shape == (3, 3)
    assert sorted(x[:, 1].tolist()) == [4, 6, 8]


def test_the_pickles_of_keras_1(home, tmp_path):
    content = ((TEXTS[:6], PRAISE[:6].tolist()), (TEXTS[6:], PRAISE[6:].tolist()))
    put(tmp_path, "imdb_full.pkl", pickle.dumps(content, 2))
    given = DEFAULTS | {"num_words": 20}
    expected = then(TEXTS, PRAISE, [slice(0, 6), slice(6, 10)], lambda n: 6, **given)
    assert as_lists(imdb.load_data(str(tmp_path / "imdb_full.pkl"), num_words=20)) == expected


WRONG_TEXTS = {
    "texts of words": npz(x=lists(["a"], ["b"]), y=np.array([0, 1])),
    "numbers": npz(x=np.arange(2), y=np.array([0, 1])),
    "a program": npz(x=lists([1], [2]), y=np.array([0, 1])).replace(b"_reconstruct", b"_vec_string_"),
    "fewer labels": npz(x=lists([1], [2]), y=np.array([0])),
    "no x": npz(y=np.array([0])),
    "no y": npz(x=lists([1], [2])),
    "truncated": npz(x=lists(*TEXTS), y=PRAISE)[:-80],
    "another pickle": pickle.dumps({"x": 1}, 2),
}


@pytest.mark.parametrize("what", WRONG_TEXTS)
def test_wrong_files_of_texts_are_refused(home, what):
    put(home["data"], "reuters.npz", WRONG_TEXTS[what])
    with pytest.raises(DatasetError, match=r"reuters\.npz"):
        reuters.load_data()


def test_a_member_too_large_is_refused(home, monkeypatch):
    monkeypatch.setattr(of_texts, "LARGEST", 100)
    put(home["data"], "reuters.npz", npz(x=lists(*TEXTS), y=PRAISE))
    with pytest.raises(DatasetError, match="at most 100"):
        reuters.load_data()
    put(home["data"], "reuters.npz", pickle.dumps((TEXTS, PRAISE.tolist()), 2))
    with pytest.raises(DatasetError, match="at most 100"):
        reuters.load_data()


def test_word_indices(home):
    put(home["home"], ".keras/datasets/imdb_word_index.json", json.dumps({"the": 1, "a": 2}).encode())
    assert imdb.get_word_index() == {"the": 1, "a": 2}
    put(home["data"], "reuters/reuters_word_index.json", b'{"the": 3}')
    assert reuters.get_word_index() == {"the": 3}
    put(home["data"], "mine.json", b'{"the": 4}')
    assert reuters.get_word_index(path="mine.json") == {"the": 4}
    for content in (b"{", b"[1]", b'{"the": "1"}'):
        put(home["data"], "reuters/reuters_word_index.json", content)
        with pytest.raises(DatasetError):
            reuters.get_word_index()


EVERY = [
    (mnist.load_data, "mnist.npz", "mnist"),
    (fashion_mnist.load_data, "train-images-idx3-ubyte.gz", "fashion_mnist"),
    (cifar10.load_data, "cifar-10-python.tar.gz", "cifar10"),
    (cifar100.load_data, "cifar-100-python.tar.gz", "cifar100"),
    (imdb.load_data, "imdb.npz", "imdb"),
    (imdb.get_word_index, "imdb_word_index.json", "imdb"),
    (reuters.load_data, "reuters.npz", "reuters"),
    (reuters.get_word_index, "reuters_word_index.json", "reuters"),
    (boston_housing.load_data, "boston_housing.npz", "boston_housing"),
]


@pytest.mark.parametrize("load, file, name", EVERY, ids=lambda value: getattr(value, "__name__", value))
def test_what_is_nowhere_says_what_to_put_where(home, monkeypatch, load, file, name):
    with pytest.raises(DatasetError) as caught:
        load()
    assert home["asked"]
    assert all(url.startswith("http") for url in home["asked"])
    assert file in str(caught.value)
    assert str(home["data"] / name) in str(caught.value)
    assert "no net" in str(caught.value)
    monkeypatch.delenv("MINIDL_DATA")
    with pytest.raises(DatasetError, match=r"\.keras/datasets.*or set MINIDL_DATA"):
        load()


def test_downloads_are_checked(home, monkeypatch):
    given = []
    monkeypatch.setattr(download, "_fetch", lambda url, target, digest, *others: given.append((target.name, *digest)) or 1 / 0)
    for load in (imdb.load_data, imdb.get_word_index, reuters.load_data, reuters.get_word_index, boston_housing.load_data):
        with pytest.raises(ZeroDivisionError):
            load()
    assert [(name, kind, len(digest)) for name, kind, digest in given] == [
        ("imdb.npz", "sha256", 64),
        ("imdb_word_index.json", "md5", 32),
        ("reuters.npz", "sha256", 64),
        ("reuters_word_index.json", "md5", 32),
        ("boston_housing.npz", "sha256", 64),
    ]


def test_all_sets_are_modules_of_keras_datasets():
    assert all(hasattr(datasets, name) for _, _, name in EVERY)
