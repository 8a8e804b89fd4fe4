"""Weights in files: what is written comes back, whole or not at all; what is damaged or hostile is refused, nothing touched."""

import errno
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import minidl
from minidl.errors import CheckpointError, NotBuiltError
from minidl.layers import LSTM, Add, BatchNormalization, Conv2D, Dense, Flatten, Input, Layer
from minidl.models import Model, Sequential
from minidl.models import weights as weight_files
from minidl.models.weights import encode, load_weights, named_weights

KEPT = Path(__file__).parent / "files"


def small_model(units=3, dtype="float32"):
    with minidl.config.use_dtype(dtype):
        return Sequential([Dense(units, activation="relu", input_shape=(4,)), BatchNormalization(), Dense(2)])


def randomize(model, seed=0):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    return model


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def write(path, arrays, **options):
    path.write_bytes(encode(arrays, **options))


@pytest.fixture
def saved(tmp_path):
    """A model with weights of its own, and the file it was saved to."""
    model, path = randomize(small_model()), tmp_path / "weights.safetensors"
    model.save_weights(path)
    return model, path


def refused(path, *words, model=None, strict=True):
    """Loading raises CheckpointError with the path and all words, changes nothing and takes next to no memory.

    The message is short; where it leaves words out, the error's ``received`` has them.
    """
    model = model or randomize(small_model(), seed=1)
    before = model.get_weights()
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            model.load_weights(path, strict=strict)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert same(model.get_weights(), before)
    assert len(str(caught.value)) <= 500
    assert str(path) in str(caught.value)
    for word in words:
        assert word in f"{caught.value} {caught.value.received}"


# -- what is written comes back ----------------------------------------------------------------------------------------


def chain():
    return Sequential([Conv2D(2, 3, input_shape=(5, 5, 1)), BatchNormalization(), Flatten(), Dense(3)])


def graph_with_shared_layer():
    x, dense = Input((4,)), Dense(4)
    return Model(x, Dense(1)(Add()([dense(x), dense(dense(x))])))


def nested():
    return Sequential([Dense(4, input_shape=(4,)), Sequential([Dense(3), BatchNormalization()]), Dense(2)])


def recurrent():
    return Sequential([LSTM(3, input_shape=(5, 2)), Dense(2)])


@pytest.mark.parametrize("build", [chain, graph_with_shared_layer, nested, recurrent])
def test_round_trip(tmp_path, build):
    first, second = randomize(build()), randomize(build(), seed=1)
    assert not same(first.get_weights(), second.get_weights())
    arrays = [p.value for p in second.network.weights]
    first.save_weights(tmp_path / "w")
    assert second.load_weights(tmp_path / "w") == []
    assert same(first.get_weights(), second.get_weights())
    assert all(p.value is array for p, array in zip(second.network.weights, arrays))  # written in place
    assert os.listdir(tmp_path) == ["w"]


def test_names_tell_the_place_and_nothing_else():
    names = [
        "layers.0.W",
        "layers.0.b",
        "layers.1.layers.0.W",
        "layers.1.layers.0.b",
        "layers.1.layers.1.gamma",
        "layers.1.layers.1.beta",
        "layers.1.layers.1.moving_mean",
        "layers.1.layers.1.moving_variance",
        "layers.2.W",
        "layers.2.b",
    ]
    assert list(named_weights(nested().network)) == names == list(named_weights(nested().network))
    assert list(named_weights(graph_with_shared_layer().network)) == ["layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"]


@pytest.mark.parametrize("build", [chain, graph_with_shared_layer, nested, recurrent])
def test_every_weight_has_one_name(build):
    network = build().network
    assert list(named_weights(network).values()) == network.weights


def test_trained_batch_statistics_are_in_the_file(tmp_path):
    model = small_model()
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(3, 2, (64, 4))
    model.fit(x, np.zeros((64, 2)), epochs=2, verbose=0)
    model.save_weights(tmp_path / "w")
    other = small_model()
    assert not np.allclose(other.predict(x), model.predict(x))
    other.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(other.predict(x), model.predict(x))


def test_a_compiled_model_trains_on_from_what_it_loaded(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(8, 4)), np.ones((8, 2))
    first, second = randomize(small_model()), randomize(small_model(), seed=1)
    first.save_weights(tmp_path / "w")
    for model in (first, second):
        model.compile("sgd", "mse")
    second.load_weights(tmp_path / "w")
    assert first.train_on_batch(x, y) == second.train_on_batch(x, y)
    assert same(first.get_weights(), second.get_weights())


def test_the_safetensors_library_reads_it(saved):
    model, path = saved
    arrays = safetensors.numpy.load_file(path)
    assert {name: a.tolist() for name, a in arrays.items()} == {
        name: p.value.tolist() for name, p in named_weights(model.network).items()
    }


def test_an_early_file_of_a_branched_model(tmp_path):
    """It was written when its layers stood in the order in which they are computed; all three have weights of one shape."""
    x = Input((4,))
    near, far, middle = Dense(4), Dense(4), Dense(4)
    model = Model(x, Add()([near(x), middle(far(x))]))
    assert model.layers[:3] == [far, near, middle]
    for path in (KEPT / "branched_v1.safetensors", tmp_path / "again"):
        model.load_weights(path)
        assert [layer.W.value[0, 0] for layer in (near, far, middle)] == pytest.approx([0.65890735, -0.54763442, -0.67896223])
        expected = [[-1.1022183, -1.0732611, -0.9621229, -1.7424109]]
        np.testing.assert_allclose(model.predict(np.ones((1, 4))), expected, rtol=1e-5)
        model.save_weights(tmp_path / "again")
        model.set_weights([np.zeros_like(w) for w in model.get_weights()])


def test_what_the_safetensors_library_wrote_is_named_as_such(tmp_path):
    arrays = {name: p.value for name, p in named_weights(small_model().network).items()}
    for metadata in (None, {"format": "pt"}):
        safetensors.numpy.save_file(arrays, tmp_path / "w", metadata)
        refused(tmp_path / "w", "did not write", "set_weights")


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a.T, lambda a: np.repeat(a, 2, 1)[:, ::2]],
    ids=["fortran", "rows backwards", "columns backwards", "transposed", "strided"],
)
def test_any_layout_is_written_right(tmp_path, layout):
    array = layout(np.arange(12, dtype=np.float32).reshape(3, 4))
    model = Sequential([Dense(array.shape[1], use_bias=False, input_shape=(array.shape[0],))])
    model.parameters[0]._value = array
    model.save_weights(tmp_path / "w")
    other = Sequential([Dense(array.shape[1], use_bias=False, input_shape=(array.shape[0],))])
    other.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(other.get_weights()[0], array)


def test_big_endian_and_odd_shapes(tmp_path):
    arrays = {"a": np.arange(3, dtype=">f4"), "b": np.array(2.5), "c": np.zeros((0, 3), np.float32)}
    write(tmp_path / "w", arrays)
    with open(tmp_path / "w", "rb") as file:
        metadata, entries = weight_files._verified_header(file, (tmp_path / "w").stat().st_size, "w")
        for name, array in arrays.items():
            assert entries[name].shape == array.shape
            numbers = weight_files.read_array(file, entries[name])
            read = weight_files._verified(numbers, metadata["sha256"][name], array.dtype, name)
            assert read.shape == array.shape
            np.testing.assert_array_equal(read, array)


def test_equal_weights_make_equal_files(saved, tmp_path):
    model, path = saved
    for number in range(10):
        model.save_weights(tmp_path / f"w{number}")
        assert (tmp_path / f"w{number}").read_bytes() == path.read_bytes()


def test_more_names_than_can_be_read_are_not_written():
    with pytest.raises(CheckpointError, match="save_weights: received 40 arrays"):
        encode({f"{number}{'x' * 100_000}": np.zeros(1) for number in range(40)})


# -- other dtypes, other architectures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("written, read", [("float64", "float32"), ("float32", "float64")])
def test_dtypes_are_converted(tmp_path, written, read):
    first, second = randomize(small_model(dtype=written)), randomize(small_model(dtype=read), seed=1)
    first.save_weights(tmp_path / "w")
    second.load_weights(tmp_path / "w")
    assert second.get_weights()[0].dtype == read
    assert same([w.astype(read) for w in first.get_weights()], second.get_weights())


def test_numbers_too_large_for_float32_are_refused(tmp_path):
    first = randomize(small_model(dtype="float64"))
    first.layers[-1].W.value[0, 0] = 1e300
    first.save_weights(tmp_path / "w")
    refused(tmp_path / "w", "layers.2.W", "too large", "float64")


def test_nan_and_infinity_come_back(tmp_path):
    first, second = randomize(small_model(dtype="float64")), small_model()
    first.layers[-1].b.value[...] = [np.nan, -np.inf]
    first.save_weights(tmp_path / "w")
    second.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(second.layers[-1].b.value, [np.nan, -np.inf])


def test_another_architecture_lists_every_misfit(saved):
    _, path = saved
    other = randomize(Sequential([Dense(5, input_shape=(4,), use_bias=False), Dense(2)]))
    misfits = [
        "missing layers.1.W of shape (5, 2)",
        "missing layers.1.b of shape (2,)",
        "layers.0.W has shape (4, 3) instead of (4, 5)",
        *(f"unexpected layers.{name} of shape (3,)" for name in ("0.b", "1.gamma", "1.beta")),
        *(f"unexpected layers.1.{name} of shape (3,)" for name in ("moving_mean", "moving_variance")),
        "unexpected layers.2.W of shape (3, 2)",
        "unexpected layers.2.b of shape (2,)",
    ]
    refused(path, *misfits, "Dense, BatchNormalization, Dense", "Dense, Dense", model=other)
    before = other.get_weights()
    assert sorted(other.load_weights(path, strict=False)) == sorted(misfits)
    assert same(other.get_weights(), before)  # nothing fits


def test_not_strict_loads_what_fits(saved):
    model, path = saved
    other = randomize(Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(7)]), seed=1)
    before = other.get_weights()
    left = other.load_weights(path, strict=False)
    assert left == ["layers.2.W has shape (3, 2) instead of (3, 7)", "layers.2.b has shape (2,) instead of (7,)"]
    assert same(other.get_weights()[:6], model.get_weights()[:6])
    assert same(other.get_weights()[6:], before[6:])


def test_order_of_use(tmp_path, saved):
    with pytest.raises(NotBuiltError, match="save_weights"):
        Sequential([Dense(3)]).save_weights(tmp_path / "w2")
    with pytest.raises(NotBuiltError, match="load_weights"):
        Sequential([Dense(3)]).load_weights(saved[1])
    with pytest.raises(TypeError, match="strict"):
        saved[0].load_weights(saved[1], strict=1)


# -- damaged files -----------------------------------------------------------------------------------------------------


def test_every_truncation_is_refused(saved, tmp_path):
    content, path = saved[1].read_bytes(), tmp_path / "cut"
    model = randomize(small_model(), seed=1)
    before = model.get_weights()
    for length in [*range(64), *range(64, len(content), 13), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="cut"):
            model.load_weights(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="damaged one"):
        model.load_weights(path)
    assert same(model.get_weights(), before)
    path.write_bytes(content)
    model.load_weights(path)  # the whole file is well


def test_every_single_bit_counts(saved, tmp_path):
    """No bit of the file can flip unnoticed: not in the length, the header or the numbers."""
    content, path = saved[1].read_bytes(), tmp_path / "flipped"
    model = randomize(small_model(), seed=1)
    before = model.get_weights()
    with open(path, "w+b") as stream:
        stream.write(content)
        for position, byte in enumerate(content):
            for bit in range(8) if position < 16 else [position % 8]:
                stream.seek(position)
                stream.write(bytes([byte ^ (1 << bit)]))
                stream.flush()
                with pytest.raises(CheckpointError, match="flipped"):
                    load_weights(model.network, path)
            stream.seek(position)
            stream.write(bytes([byte]))
    assert same(model.get_weights(), before)
    model.load_weights(path)


def test_random_bytes_in_random_places(saved, tmp_path):
    random, content = np.random.default_rng(1671), saved[1].read_bytes()
    model, path = randomize(small_model(), seed=1), tmp_path / "mixed"
    before = model.get_weights()
    for _ in range(300):
        damaged = bytearray(content)
        start, length = random.integers(len(content)), random.integers(1, 40)
        damaged[start : start + length] = random.bytes(int(random.integers(0, 40)))
        if damaged == content:
            continue
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="mixed"):
            model.load_weights(path)
    assert same(model.get_weights(), before)


# -- files that change while they are read -----------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let others write to an open file")
@pytest.mark.parametrize("moment", range(1, 6))
@pytest.mark.parametrize("what", ["cut", "emptied", "other numbers", "zeros"])
def test_a_file_that_is_rewritten_in_place_while_it_is_read(tmp_path, monkeypatch, what, moment):
    """A mapped file would end the process with SIGBUS here."""
    path, model = tmp_path / "w", Sequential([Dense(300, input_shape=(300,)), *(Dense(300) for _ in range(2))])
    other = randomize(Sequential([Dense(300, input_shape=(300,)), *(Dense(300) for _ in range(2))]), seed=3)
    other.save_weights(path)
    mixed, content = path.read_bytes(), randomize(model).save_weights(path) or path.read_bytes()
    verified, calls = weight_files._verified, []

    def changed(*arguments):
        calls.append(1)
        if len(calls) == moment:
            size = {"cut": path.stat().st_size - 1000, "emptied": 0}.get(what)
            with open(path, "r+b") as stream:
                stream.write({"other numbers": mixed, "zeros": bytes(len(mixed))}.get(what, b""))
                stream.truncate(size if size is not None else len(mixed))
        return verified(*arguments)

    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    monkeypatch.setattr(weight_files, "_verified", changed)
    with pytest.raises(CheckpointError, match="damaged"):
        model.load_weights(path)
    assert all(not w.any() for w in model.get_weights())
    path.write_bytes(content)
    assert model.load_weights(path) == []


@pytest.mark.skipif(os.name == "nt", reason="no sparse files")
def test_ten_gigabytes_that_are_not_there(tmp_path):
    model = Sequential([Dense(2, use_bias=False, input_shape=(2,))])
    size, begin = 10 << 30, 16
    path = tmp_path / "w"
    path.write_bytes(hostile(body=bytes(16)))
    os.truncate(path, size)
    refused(path, "arrays that need", model=model)
    content = hostile(extra(a={"dtype": "F32", "shape": [size // 4], "data_offsets": [begin, begin + size]}), body=bytes(16))
    path.write_bytes(content)
    os.truncate(path, len(content) + size)
    refused(path, f"unexpected a of shape ({size // 4},)", model=model)
    tracemalloc.start()
    assert model.load_weights(path, strict=False) == [f"unexpected a of shape ({size // 4},)"]
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    assert not model.get_weights()[0].any()


def test_loading_takes_twice_the_file_at_most(tmp_path):
    model = Sequential([Dense(1000, input_shape=(500,)), *(Dense(1000) for _ in range(2))])
    model.save_weights(tmp_path / "w")
    minidl.backend.current().release()
    tracemalloc.start()
    model.load_weights(tmp_path / "w")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * (tmp_path / "w").stat().st_size + (1 << 20)


def test_what_is_written_is_what_was_hashed(saved, monkeypatch):
    """Somebody changes the weights between the digests and the writing."""
    model, path = saved
    before, digest = model.get_weights(), weight_files._header_sha256

    def meanwhile(*arguments):
        for p in model.network.weights:
            p.value[...] = 9
        return digest(*arguments)

    monkeypatch.setattr(weight_files, "_header_sha256", meanwhile)
    model.save_weights(path)
    monkeypatch.undo()
    assert model.load_weights(path) == []
    assert same(model.get_weights(), before)


# -- files of another kind ---------------------------------------------------------------------------------------------


class Bomb:
    """A pickle that would leave a trace if anything opened it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_opened(tmp_path):
    for protocol in range(6):
        (tmp_path / "w").write_bytes(pickle.dumps(Bomb(tmp_path / "trace"), protocol))
        refused(tmp_path / "w", *(["pickle"] if protocol >= 2 else []))
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"Dear reader,\n" * 100, bytes(1000), b"\xff" * 1000, b"\n\n\n\n\0\0\0\0{}"])
def test_neither_text_nor_noise(tmp_path, content):
    (tmp_path / "w").write_bytes(content)
    refused(tmp_path / "w", f"no safetensors file, or a damaged one ({len(content)} bytes)")


def test_other_formats_are_named(tmp_path):
    path = tmp_path / "w"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"0" * 100)
    refused(path, "zip archive")
    with open(path, "wb") as stream:
        np.save(stream, np.zeros(3))
    refused(path, "NumPy file")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    refused(path, "HDF5")


def test_folders_pipes_and_missing_files(tmp_path):
    refused(tmp_path, "a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "no regular file")  # and does not wait for somebody to write
    with pytest.raises(FileNotFoundError, match="nowhere"):
        small_model().load_weights(tmp_path / "nowhere")


# -- hostile files: well-formed, with a right digest, but lying --------------------------------------------------------


def hostile(change=None, *, text=None, body=b"", length=None, resign=True):
    """A file whose header was changed by somebody who knows how to make its digest right again."""
    header = {"__metadata__": {}, "layers.0.W": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    header["__metadata__"] = {"version": "1", "layers": [], "sha256": {"layers.0.W": hashlib.sha256(bytes(16)).hexdigest()}}
    if change is not None:
        change(header)
    if resign:
        said = {name: item for name, item in header.items() if name != "__metadata__"}
        said = {n: [i.get("dtype"), i.get("shape")] if isinstance(i, dict) else i for n, i in said.items()}
        header["__metadata__"]["header_sha256"] = weight_files._header_sha256(header["__metadata__"], said)
    if isinstance(header.get("__metadata__"), dict):
        header["__metadata__"] = {"minidl.weights": json.dumps(header["__metadata__"])}
    text = json.dumps(header).encode() if text is None else text
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(**changes):
    return lambda header: header["layers.0.W"].update(changes)


def metadata(**changes):
    return lambda header: header["__metadata__"].update(changes)


def extra(**items):
    return lambda header: header.update(items)


def inner(text):
    """A file whose metadata are ``text`` and whose numbers are there."""
    header = {"__metadata__": {"minidl.weights": text}, "layers.0.W": A | {"data_offsets": [0, 16]}}
    return hostile(text=json.dumps(header).encode(), body=bytes(16))


A = {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 32]}
HOSTILE = {
    "header of 2**63 bytes": hostile(length=2**63),
    "header of 2**64 - 1 bytes": hostile(length=2**64 - 1),
    "header longer than the file": hostile(length=5000),
    "header of no bytes": hostile(length=0, body=bytes(16)),
    "header cut": hostile(length=40, body=bytes(16)),
    "header longer than allowed": hostile(text=b"{" + b" " * (4 << 20) + b"}"),
    "header is a list": hostile(text=b"[]"),
    "header is empty": hostile(text=b"{}"),
    "header is not UTF-8": hostile(text=b'{"\xff\xfe": 1}'),
    "header is UTF-16": hostile(text='{"a": 1}'.encode("utf-16")),
    "header is nested 100,000 deep": hostile(text=b'{"a":' * 100_000),
    "lists nested 100,000 deep": hostile(text=b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a name twice": hostile(text=b'{"layers.0.W": 5, ' + hostile(body=bytes(16))[9:-16], body=bytes(16)),
    "no metadata": hostile(lambda h: h.pop("__metadata__"), resign=False),
    "metadata of nothing": hostile(lambda h: h.update(__metadata__=None), resign=False),
    "metadata is a list": hostile(lambda h: h.update(__metadata__=[1]), resign=False),
    "no digest": hostile(resign=False, body=bytes(16)),
    "another version": hostile(metadata(version="2"), body=bytes(16)),
    "another order": hostile(metadata(order="alphabetical"), body=bytes(16)),
    "no version": hostile(lambda h: h["__metadata__"].pop("version"), body=bytes(16)),
    "layers are no list": hostile(metadata(layers=1), body=bytes(16)),
    "layers are a text": hostile(metadata(layers="import os"), body=bytes(16)),
    "digests are no table": hostile(metadata(sha256=[3]), body=bytes(16)),
    "no digest of the numbers": hostile(metadata(sha256={}), body=bytes(16)),
    "digest is a number": hostile(metadata(sha256={"layers.0.W": 5}), body=bytes(16)),
    "digest of other numbers": hostile(metadata(sha256={"layers.0.W": "0" * 64}), body=bytes(16)),
    "metadata that are no JSON": inner("import os"),
    "metadata are a JSON list": inner("[1]"),
    "metadata are JSON's null": inner("null"),
    "metadata nested 100,000 deep": inner('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"),
    "metadata with a number of 5,000 digits": inner('{"version": ' + "9" * 5000 + "}"),
    "a name that is no Unicode": hostile(extra(**{"\ud800": None})),
    "numbers missing": hostile(),
    "numbers cut": hostile(body=bytes(15)),
    "bytes behind the numbers": hostile(body=bytes(17)),
    "shape of 2**62 numbers": hostile(entry(shape=[2**31, 2**31]), body=bytes(16)),
    "shape that overflows 64 bits to 16 bytes": hostile(entry(shape=[2**62 + 1, 4]), body=bytes(16)),
    "shape with a negative number": hostile(entry(shape=[-2, -2]), body=bytes(16)),
    "shape of truth values": hostile(entry(shape=[True, 4]), body=bytes(16)),
    "shape of fractions": hostile(entry(shape=[2.0, 2.0]), body=bytes(16)),
    "shape of 10,000 axes": hostile(entry(shape=[1] * 10_000 + [4]), body=bytes(16)),
    "shape of a number of 4,000 digits": hostile(entry(shape=[10**4000]), body=bytes(16)),
    "shape is a text": hostile(entry(shape="22"), body=bytes(16)),
    "shape is missing": hostile(lambda h: h["layers.0.W"].pop("shape"), body=bytes(16)),
    "offsets backwards": hostile(entry(data_offsets=[16, 0]), body=bytes(16)),
    "offsets below zero": hostile(entry(data_offsets=[-16, 0]), body=bytes(16)),
    "offsets far behind the end": hostile(entry(data_offsets=[2**62, 2**62 + 16]), body=bytes(16)),
    "offsets of 4,300 digits": hostile(entry(data_offsets=[10**4299 * 9, 10**4299 * 9 + 16]), body=bytes(16)),
    "shape and offsets of 4,300 digits": hostile(entry(shape=[10**4300 // 4 - 1], data_offsets=[0, 10**4300 - 4])),
    "three offsets": hostile(entry(data_offsets=[0, 8, 16]), body=bytes(16)),
    "offsets leave a gap": hostile(entry(data_offsets=[4, 20]), body=bytes(20)),
    "two arrays in one place": hostile(extra(a={**A, "data_offsets": [0, 16]}), body=bytes(16)),
    "two arrays overlap": hostile(extra(a={**A, "data_offsets": [8, 24]}), body=bytes(24)),
    "an entry is a number": hostile(extra(a=5), body=bytes(16)),
    "an entry is a list": hostile(extra(a=[1, 2]), body=bytes(16)),
    "unknown dtype": hostile(entry(dtype="O"), body=bytes(16)),
    "dtype is a list": hostile(entry(dtype=["F32"]), body=bytes(16)),
    "whole numbers": hostile(entry(dtype="I32"), body=bytes(16)),
    "dtype of another size": hostile(entry(dtype="F64"), body=bytes(16)),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(tmp_path, content, strict):
    model = Sequential([Dense(2, use_bias=False, input_shape=(2,))])
    (tmp_path / "w").write_bytes(content)
    refused(tmp_path / "w", model=model, strict=strict)


def test_the_hostile_files_are_hostile_by_one_thing_only(tmp_path):
    (tmp_path / "w").write_bytes(hostile(body=bytes(16)))
    assert Sequential([Dense(2, use_bias=False, input_shape=(2,))]).load_weights(tmp_path / "w") == []


@pytest.mark.parametrize("build", [lambda text: hostile(text=text.encode()), inner], ids=["header", "metadata"])
def test_a_long_header_takes_little_memory(tmp_path, build):
    (tmp_path / "w").write_bytes(build('{"a":[' + "[]," * ((4 << 20) // 3 - 100) + "[]]}"))
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        small_model().load_weights(tmp_path / "w")
    assert tracemalloc.get_traced_memory()[1] < 256 << 20
    tracemalloc.stop()


def test_names_from_a_file_cannot_write_to_the_terminal(tmp_path):
    write(tmp_path / "w", {"\x1b[2J\r\n\u202eevil": np.zeros(1, np.float32)}, classes=["\x1b[31m"])
    with pytest.raises(CheckpointError) as caught:
        small_model().load_weights(tmp_path / "w")
    assert "evil" in str(caught.value)
    assert str(caught.value).isprintable()


# -- writing is all or nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_while_writing_leaves_the_old_file(saved, tmp_path, monkeypatch, step):
    model, path = saved
    before = path.read_bytes()
    randomize(model, seed=2)
    for error in (KeyboardInterrupt(), ValueError("no"), OSError(errno.ENOSPC, "No space left on device")):

        def broken(*_, error=error):
            assert len(os.listdir(tmp_path)) == 2  # the new file is there, under another name
            raise error

        monkeypatch.setattr(os, step, broken)
        with pytest.raises(type(error)) as caught:
            model.save_weights(path)
        if isinstance(error, OSError):
            assert caught.value.filename == str(path)
            assert caught.value.errno == errno.ENOSPC
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no limit of the size of files")
def test_a_full_disk_leaves_the_old_file(saved, tmp_path):
    """The write itself fails half-way: no file of the process may grow beyond 4096 bytes."""
    ran = subprocess.run([sys.executable, "-c", FULL, saved[1]], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["EFBIG", str(saved[1])]
    assert saved[0].load_weights(saved[1]) == []
    assert os.listdir(tmp_path) == [saved[1].name]


FULL = """
import errno, resource, signal, sys
from minidl.models.weights import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically(sys.argv[1], bytes(10000))
except OSError as error:
    print(errno.errorcode[error.errno], error.filename)
"""


def test_the_bytes_reach_the_disk_before_the_name(saved, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (order.append("folder" if _is_folder(d) else "file"), fsync(d))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("name"), replace(a, b))[1])
    saved[0].save_weights(saved[1])
    assert order == ["file", "name", "folder"]


def _is_folder(descriptor):
    return os.path.isdir(f"/proc/self/fd/{descriptor}") if os.path.isdir("/proc/self/fd") else descriptor < 0


def test_places_where_nothing_can_be_written(saved, tmp_path):
    model, path = saved
    (tmp_path / "folder").mkdir()
    for bad, kind in [
        (tmp_path / "no" / "such" / "folder" / "w", FileNotFoundError),
        (path / "w", NotADirectoryError),
        (tmp_path / "folder", IsADirectoryError),
        ("", IsADirectoryError),
        (tmp_path / ("w" * 300), OSError),
    ]:
        with pytest.raises(kind) as caught:
            model.save_weights(bad)
        assert caught.value.filename == str(bad)
    if os.path.exists(os.devnull):
        with pytest.raises(OSError, match="regular"):
            model.save_weights(os.devnull)  # a rename would put a file into the place of the device
    assert sorted(os.listdir(tmp_path)) == ["folder", path.name]


def test_a_link_stays_a_link(saved, tmp_path):
    model, path = saved
    link = tmp_path / "link"
    try:
        link.symlink_to(path)
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")
    randomize(model, seed=5).save_weights(link)
    assert link.is_symlink()
    other = small_model()
    other.load_weights(path)
    assert same(other.get_weights(), model.get_weights())


def test_paths_of_any_kind(saved, tmp_path):
    model, _ = saved
    name = tmp_path / "wéights"
    for path in (name, str(name), os.fsencode(name)):
        model.save_weights(path)
        assert model.load_weights(path) == []
        name.unlink()
    with pytest.raises(TypeError):
        model.save_weights(None)


KILLED = """
import sys
import numpy as np
from minidl.models.weights import encode, write_atomically
def save(number):
    write_atomically(sys.argv[1], encode({"layers.0.W": np.full((400, 400), number, np.float32)}))

save(0)
print("ready", flush=True)
while True:
    for number in range(10):
        save(number)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.slow
def test_killed_while_saving_leaves_a_whole_file(tmp_path):
    path, random = tmp_path / "w", np.random.default_rng(0)
    model = Sequential([Dense(400, use_bias=False, input_shape=(400,))])
    leftovers = 0
    for _ in range(25):
        with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.01 + 0.02 * random.random())
            process.send_signal(signal.SIGKILL)
        model.load_weights(path)
        assert len(np.unique(model.get_weights()[0])) == 1  # all numbers of one writing
        leftovers += sum(name.endswith(".part") for name in os.listdir(tmp_path))
    assert leftovers  # some were killed half-way, or this test has shown nothing
    model.save_weights(path)
    assert os.listdir(tmp_path) == [path.name]


def test_weights_are_the_arrays_of_get_weights():
    model = Sequential([Dense(3, input_shape=(2,)), BatchNormalization(), Dense(1)])
    assert [p.name for p in model.weights] == ["W", "b", "gamma", "beta", "moving_mean", "moving_variance", "W", "b"]
    for p, array in zip(model.weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(p.value, array)


# -- by the names of the layers ----------------------------------------------------------------------------------------


def named_model(classes=2, head="classes", middle=True, seed=0):
    """Features with names, in a model within the model, and a head; with or without a layer between them."""
    features = Sequential([Dense(3, activation="relu", input_shape=(4,), name="a"), Dense(3, name="b")], name="features")
    between = [BatchNormalization(name="bn")] if middle else []
    return randomize(Sequential([features, *between, Dense(classes, name=head)]), seed)


def test_names_of_layers_are_in_the_file(tmp_path):
    named_model().save_weights(tmp_path / "w")
    with open(tmp_path / "w", "rb") as stream:
        stream.seek(8)
        names = json.loads(json.loads(stream.read(int.from_bytes((tmp_path / "w").read_bytes()[:8], "little")))
                           ["__metadata__"]["minidl.weights"])["names"]  # fmt: skip
    expected = {"layers.0.layers.0.W": "features/a/W", "layers.0.layers.1.b": "features/b/b", "layers.1.gamma": "bn/gamma"}
    expected |= {"layers.1.moving_variance": "bn/moving_variance", "layers.2.W": "classes/W"}
    assert expected.items() <= names.items()
    assert len(names) == 10


@pytest.mark.parametrize("write", ["save", "save_weights"])
def test_by_name_loads_the_layers_that_both_have(tmp_path, write):
    model = named_model()
    getattr(model, write)(tmp_path / "w")
    other = named_model(classes=5, head="other classes", middle=False, seed=1)
    before = other.get_weights()
    left = other.load_weights(tmp_path / "w", by_name=True)
    assert same(other.get_weights()[:4], model.get_weights()[:4])
    assert same(other.get_weights()[4:], before[4:])
    assert left == [
        "missing other classes/W of shape (3, 5)",
        "missing other classes/b of shape (5,)",
        *(f"unexpected bn/{name} of shape (3,)" for name in ("beta", "gamma", "moving_mean", "moving_variance")),
        "unexpected classes/W of shape (3, 2)",
        "unexpected classes/b of shape (2,)",
    ]


def test_by_name_in_another_order_and_dtype(tmp_path):
    first = randomize(Sequential([Dense(3, name="a", input_shape=(3,)), Dense(3, name="b")]))
    first.save_weights(tmp_path / "w")
    with minidl.config.use_dtype("float64"):
        second = Sequential([Dense(3, name="b", input_shape=(3,)), Dense(3, name="a")])
    assert second.load_weights(tmp_path / "w", by_name=True) == []
    assert same(second.get_weights(), [w.astype("float64") for w in first.get_weights()[2:] + first.get_weights()[:2]])


@pytest.mark.parametrize("by_name", [True, False])
def test_another_shape_is_an_error_unless_it_may_be_skipped(tmp_path, by_name):
    model = named_model()
    model.save_weights(tmp_path / "w")
    other = named_model(classes=5, seed=1)
    before = other.get_weights()
    with pytest.raises(CheckpointError, match=r"2 of them misfits: .*has shape \(3, 2\) instead of \(3, 5\)") as caught:
        other.load_weights(tmp_path / "w", by_name=by_name)
    assert ("skip_mismatch=True" if by_name else "strict=False") in str(caught.value)
    assert same(other.get_weights(), before)
    name = "classes/" if by_name else "layers.2."
    expected = [f"{name}W has shape (3, 2) instead of (3, 5)", f"{name}b has shape (2,) instead of (5,)"]
    for how in ({"skip_mismatch": True}, {"strict": False}):
        other.set_weights(before)
        assert other.load_weights(tmp_path / "w", by_name=by_name, **how) == expected
        assert same(other.get_weights()[:8], model.get_weights()[:8])
        assert same(other.get_weights()[8:], before[8:])


def test_skipping_shapes_is_not_skipping_layers(tmp_path):
    named_model().save_weights(tmp_path / "w")
    other = named_model(middle=False, seed=1)
    refused(tmp_path / "w", "missing layers.1.W", model=other)
    with pytest.raises(CheckpointError) as caught:
        other.load_weights(tmp_path / "w", skip_mismatch=True)
    assert "8 of them misfits: missing layers.1.W of shape" in caught.value.received


class Twins(Layer):
    """Two layers of one name, which a model would number."""

    def __init__(self, **options):
        super().__init__(**options)
        self.pair = [Dense(3), Dense(3)]

    def build(self, input_shape):
        for layer in self.pair:
            layer.build(input_shape)


def test_names_that_are_not_those_of_one_layer(tmp_path):
    twins = randomize(Sequential([Twins(name="twins", input_shape=(3,))]))
    single = randomize(Sequential([Dense(3, name="a", input_shape=(3,))]))
    twins.save_weights(tmp_path / "twins")
    single.save_weights(tmp_path / "single")
    before = single.get_weights()
    with pytest.raises(CheckpointError, match="two arrays of the file called twins/dense/W"):
        single.load_weights(tmp_path / "twins", by_name=True)
    with pytest.raises(CheckpointError, match="two arrays of this model called twins/dense/W"):
        twins.load_weights(tmp_path / "single", by_name=True)
    assert same(single.get_weights(), before)
    assert twins.load_weights(tmp_path / "twins") == []


def test_a_shared_layer_has_one_name(tmp_path):
    x, shared = Input((3,)), Dense(3, name="shared")
    model = randomize(Model(x, Add()([shared(shared(x)), x])))
    model.save_weights(tmp_path / "w")
    other = randomize(Sequential([Dense(3, name="shared", input_shape=(3,))]), seed=1)
    assert other.load_weights(tmp_path / "w", by_name=True) == []
    assert same(other.get_weights(), model.get_weights())


@pytest.mark.parametrize(
    "names, words",
    [
        (None, "without the names of its layers"),
        ({}, "make no sense"),
        ([], "make no sense"),
        ({"layers.0.W": "a/W"}, "make no sense"),
        ({"layers.0.W": "a/W", "layers.0.b": 3}, "make no sense"),
        ({"layers.0.W": "a/W", "layers.0.b": "a/b", "layers.9.b": "a/c"}, "make no sense"),
    ],
)
def test_names_that_make_no_sense(tmp_path, names, words):
    model = randomize(Sequential([Dense(3, name="a", input_shape=(3,))]))
    arrays = {name: p.value for name, p in named_weights(model.network).items()}
    write(tmp_path / "w", arrays, names=names)
    before = model.get_weights()
    with pytest.raises(CheckpointError, match=words):
        model.load_weights(tmp_path / "w", by_name=True)
    assert same(model.get_weights(), before)
    assert model.load_weights(tmp_path / "w") == []  # by their places they are as good as ever


@pytest.mark.parametrize("flag", ["by_name", "skip_mismatch"])
def test_flags_are_truth_values(saved, flag):
    with pytest.raises(TypeError, match=flag):
        saved[0].load_weights(saved[1], **{flag: 1})


def test_by_name_too_damaged_numbers_are_refused(tmp_path):
    model = named_model()
    model.save_weights(tmp_path / "w")
    content = bytearray((tmp_path / "w").read_bytes())
    content[-1] ^= 1
    (tmp_path / "w").write_bytes(content)
    before = model.get_weights()
    with pytest.raises(CheckpointError, match="SHA-256 is wrong"):
        model.load_weights(tmp_path / "w", by_name=True)
    assert same(model.get_weights(), before)
