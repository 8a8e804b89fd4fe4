"""mnist.load_data: which source is used, in which order, and what is refused. Only 127.0.0.1 is ever asked."""

import functools
import gzip
import hashlib
import http.server
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import locate, mnist
from minidl.errors import DatasetError

REAL_DATA = os.environ.get("MINIDL_DATA", "")  # read now, because the tests below take the variable away


def arrays(mark=0, n_train=7, n_test=3):
    """A tiny data set whose every pixel is ``mark``, to tell sources apart."""
    images = [np.full((n, 28, 28), mark, np.uint8) for n in (n_train, n_test)]
    labels = [np.arange(n, dtype=np.uint8) for n in (n_train, n_test)]
    return [images[0], labels[0], images[1], labels[1]]


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, data, compressed=True, dot=False):
    folder.mkdir(parents=True, exist_ok=True)
    for (name, _, _), array in zip(mnist.FILES, data):
        name = name.replace("-idx", ".idx") if dot else name
        content = idx_bytes(array)
        (folder / (name if compressed else name[:-3])).write_bytes(gzip.compress(content, mtime=0) if compressed else content)


def write_npy(folder, data):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(mnist.NAMES, data):
        np.save(folder / f"{name}.npy", array)


def write_npz(folder, data, name="mnist.npz"):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, **dict(zip(mnist.NAMES, data)))


def check(loaded, mark=0):
    expected = arrays(mark)
    for got, array in zip([*loaded[0], *loaded[1]], expected):
        np.testing.assert_array_equal(got, array, strict=True)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No data of this machine, and mirrors that do not answer."""
    for name in ("MINIDL_DATA", "XDG_CACHE_HOME", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:1/mnist/",))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache's folder; the expected digests are those of a tiny data set of mark 30."""
    source = tmp_path / "server"
    write_idx(source, arrays(30))
    files = []
    for name, _, _ in mnist.FILES:
        content = (source / name).read_bytes()
        files.append((name, hashlib.sha256(content).hexdigest(), len(content)))
    monkeypatch.setattr(mnist, "FILES", tuple(files))
    return tmp_path / "home" / "datasets" / "mnist"


@pytest.fixture
def server(tmp_path, cache, monkeypatch):
    """A mirror that serves the tiny data set of mark 30, behind one that knows nothing; the list of paths asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, *arguments):
            asked.append(self.path)

        def log_message(self, *arguments):
            pass

    handler = functools.partial(Handler, directory=str(tmp_path / "server"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{http_server.server_address[1]}/"
        monkeypatch.setattr(mnist, "MIRRORS", (address + "nothing/", address))
        yield asked
        http_server.shutdown()
        thread.join()


WRITERS = {
    "idx.gz": write_idx,
    "idx": functools.partial(write_idx, compressed=False),
    "dot idx.gz": functools.partial(write_idx, dot=True),
    "dot idx": functools.partial(write_idx, compressed=False, dot=True),
    "npz": write_npz,
    "npy": write_npy,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_every_format_from_every_place(tmp_path, monkeypatch, write):
    write(tmp_path / "data" / "mnist", arrays(5))
    folder = tmp_path / "data" / "mnist"
    check(mnist.load_data(folder, verbose=0), 5)
    check(mnist.load_data(str(folder), download=False, verbose=0), 5)
    assert mnist.find_data(folder) == folder
    assert mnist.find_data() is None
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    check(mnist.load_data(verbose=0), 5)
    assert mnist.find_data() == folder


def test_an_npz_file_of_any_name(tmp_path):
    write_npz(tmp_path, arrays(6), "digits.npz")
    check(mnist.load_data(tmp_path / "digits.npz", verbose=0), 6)
    assert mnist.find_data(tmp_path / "digits.npz") == tmp_path / "digits.npz"


def test_labels_of_wider_integers_come_out_as_uint8(tmp_path):
    data = arrays()
    write_npy(tmp_path, [data[0], data[1].astype(np.int64), data[2], data[3].astype(">i4")])
    check(mnist.load_data(tmp_path, verbose=0))


def test_the_order_is_path_then_variable_then_cache_then_net(tmp_path, monkeypatch, cache, server, capsys):
    write_idx(tmp_path / "path", arrays(10))
    write_idx(tmp_path / "data" / "mnist", arrays(20))
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    check(mnist.load_data(tmp_path / "path", verbose=0), 10)
    check(mnist.load_data(verbose=0), 20)
    assert server == []
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "other"))
    assert mnist.find_data() is None
    check(mnist.load_data(), 30)
    names = [name for name, _, _ in mnist.FILES]
    assert [path.lstrip("/") for path in server if "nothing" not in path] == names
    assert sorted(path.name for path in cache.iterdir()) == sorted(names)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == [*names, "minidl"]
    server.clear()
    check(mnist.load_data(), 30)
    assert server == []
    assert capsys.readouterr() == ("", f"minidl: MNIST from {cache}\n")
    assert mnist.find_data() == cache


def test_a_damaged_cache_file_is_downloaded_again(cache, server, capsys):
    check(mnist.load_data(verbose=0), 30)
    name = mnist.FILES[2][0]
    good = (cache / name).read_bytes()
    (cache / name).write_bytes(good[:-1] + b"!")
    server.clear()
    check(mnist.load_data(verbose=1), 30)
    assert server == [f"/nothing/{name}", f"/{name}"]
    assert (cache / name).read_bytes() == good
    assert f"{cache / name} has a wrong SHA-256" in capsys.readouterr().err


def test_a_damaged_cache_file_is_never_read(cache, server):
    check(mnist.load_data(verbose=0), 30)
    write_idx(cache, arrays(99))  # whole and readable, but not the file that was expected
    with pytest.raises(DatasetError, match="wrong SHA-256"):
        mnist.load_data(download=False, verbose=0)
    check(mnist.load_data(verbose=0), 30)


def test_processes_that_fill_the_cache_together(tmp_path, cache, server):
    code = f"""
from minidl.datasets import mnist
mnist.MIRRORS, mnist.FILES = {mnist.MIRRORS!r}, {mnist.FILES!r}
(x, y), _ = mnist.load_data(verbose=0)
assert x.shape == (7, 28, 28) and (x == 30).all()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert sorted(path.name for path in cache.iterdir()) == sorted(name for name, _, _ in mnist.FILES)


def test_an_explicit_path_without_data_never_leads_elsewhere(tmp_path, monkeypatch, server):
    write_idx(tmp_path / "data" / "mnist", arrays(20))
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    empty, three, other = tmp_path / "empty", tmp_path / "three", tmp_path / "other.txt"
    empty.mkdir()
    other.write_text("x")
    write_idx(three, arrays())
    (three / mnist.FILES[3][0]).unlink()
    for path in (empty, three, other, tmp_path / "nowhere", tmp_path / "nowhere.npz"):
        with pytest.raises(DatasetError, match="train-images-idx3-ubyte") as caught:
            mnist.load_data(path, verbose=0)
        assert str(path) in str(caught.value)
        assert mnist.find_data(path) is None
    assert server == []


def test_nothing_anywhere(tmp_path, monkeypatch, cache):
    with pytest.raises(DatasetError, match="MINIDL_DATA is not set") as caught:
        mnist.load_data(download=False, verbose=0)
    assert str(cache) in str(caught.value)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    with pytest.raises(DatasetError, match="no complete data in"):
        mnist.load_data(download=False, verbose=0)
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1:1/mnist/train-images") as caught:
        mnist.load_data(verbose=0)
    assert "by hand" in str(caught.value)
    assert mnist.find_data() is None


def changed(index, array):
    data = arrays()
    data[index] = array
    return data


WRONG = {
    "images of another size": (changed(0, np.zeros((7, 32, 32), np.uint8)), "(7, 32, 32)"),
    "flat images": (changed(2, np.zeros((3, 784), np.uint8)), "(3, 784)"),
    "no images": (changed(0, np.zeros((0, 28, 28), np.uint8)), "(0, 28, 28)"),
    "one-hot labels": (changed(1, np.zeros((7, 10), np.uint8)), "(7, 10)"),
    "too few labels": (changed(1, np.zeros(6, np.uint8)), "7 images"),
    "too many labels": (changed(3, np.zeros(4, np.uint8)), "4 labels"),
    "label 10": (changed(3, np.array([0, 10, 11], np.uint8)), "label 10 at index 1"),
}


@pytest.mark.parametrize("write", [write_idx, write_npz, write_npy])
@pytest.mark.parametrize("data, word", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_mnist_is_refused(tmp_path, write, data, word):
    write(tmp_path, data)
    with pytest.raises(DatasetError) as caught:
        mnist.load_data(tmp_path, verbose=0)
    for expected in (str(tmp_path), word, "expected", "To fix it"):
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    "data, word",
    [
        (changed(0, np.zeros((7, 28, 28), np.float32)), "float32"),
        (changed(1, np.zeros(7)), "float64"),
        (changed(3, np.array([0, -1, 2])), "label -1 at index 1"),
        (changed(3, np.array([0, 256, 2])), "label 256 at index 1"),
    ],
)
def test_other_types_are_refused(tmp_path, data, word):
    write_npy(tmp_path, data)
    with pytest.raises(DatasetError, match=word):
        mnist.load_data(tmp_path, verbose=0)


def test_a_damaged_file_in_a_given_place_is_an_error_and_not_a_reason_to_look_elsewhere(tmp_path, monkeypatch, server):
    folder = tmp_path / "data" / "mnist"
    write_idx(folder, arrays(20))
    name = mnist.FILES[0][0]
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    for path in (None, folder):
        with pytest.raises(DatasetError, match="broken gzip") as caught:
            mnist.load_data(path, verbose=0)
        assert str(folder / name) in str(caught.value)
    assert server == []


def test_where_the_cache_is(tmp_path, monkeypatch):
    assert locate.cache_folder("mnist") == tmp_path / "home" / "datasets" / "mnist"
    monkeypatch.delenv("MINIDL_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert locate.cache_folder("mnist") == tmp_path / "xdg" / "minidl" / "datasets" / "mnist"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
    assert locate.cache_folder("mnist") == tmp_path / "me" / ".cache" / "minidl" / "datasets" / "mnist"

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DatasetError, match="MINIDL_HOME"):
        locate.cache_folder("mnist")
    assert mnist.find_data() is None


def test_importing_the_data_sets_loads_nothing_heavy():
    code = "import sys, minidl.datasets; print({'urllib.request', 'ssl', 'matplotlib', 'numba'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def real_folder():
    if not REAL_DATA:
        pytest.skip("needs MINIDL_DATA, the folder in which mnist/ holds the four files")
    return Path(REAL_DATA) / "mnist"


@pytest.mark.data
def test_the_real_data():
    (x_train, y_train), (x_test, y_test) = mnist.load_data(real_folder(), verbose=0)
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == (
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    )
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert x_train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert x_train.std() / 255 == pytest.approx(0.3081, abs=1e-4)


@pytest.mark.data
def test_the_digests_in_the_code_are_those_of_the_original_files():
    for name, sha256, size in mnist.FILES:
        path = real_folder() / name
        if not path.is_file():
            pytest.skip(f"{name} is there in another form")
        content = path.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size)
