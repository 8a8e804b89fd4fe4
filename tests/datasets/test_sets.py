"""Fashion-MNIST, KMNIST and EMNIST: found, read, turned upright, refused. Nothing is downloaded: the mirrors do not answer."""

import gzip
import hashlib
import inspect
import io
import struct
import zipfile

import numpy as np
import pytest

from minidl.datasets import emnist, fashion_mnist, kmnist, mnist
from minidl.errors import ArgumentError, DatasetError

LIKE_MNIST = [fashion_mnist, kmnist]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No data of this machine, and mirrors that do not answer."""
    for name in ("MINIDL_DATA", "XDG_CACHE_HOME", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))
    for module in (fashion_mnist, kmnist, emnist):
        monkeypatch.setattr(module, "MIRRORS", ("http://127.0.0.1:1/",))


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def arrays(first=0, classes=10):
    rng = np.random.default_rng(1)
    labels = [(np.arange(n) % classes + first).astype("uint8") for n in (30, 12)]
    images = [rng.integers(0, 256, (len(y), 28, 28)).astype("uint8") for y in labels]
    return [images[0], labels[0], images[1], labels[1]]


def write(folder, names, data):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, data):
        (folder / name).write_bytes(gzip.compress(idx_bytes(array), mtime=0))


def check(loaded, data):
    for got, array in zip([*loaded[0], *loaded[1]], data):
        np.testing.assert_array_equal(got, array, strict=True)


@pytest.mark.parametrize("module", LIKE_MNIST)
def test_from_a_path_the_variable_and_the_cache(module, tmp_path, monkeypatch, capsys):
    name, data = module.__name__.rpartition(".")[2], arrays()
    files = [file for file, _, _ in module.FILES]
    write(tmp_path / "here", files, data)
    check(module.load_data(tmp_path / "here"), data)
    assert "minidl: " in capsys.readouterr().err
    assert module.find_data(tmp_path / "here") == tmp_path / "here"
    assert module.find_data() is None
    np.savez(tmp_path / "all.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), data)))
    check(module.load_data(tmp_path / "all.npz", verbose=0), data)
    with pytest.raises(DatasetError, match="MINIDL_DATA is not set"):
        module.load_data(download=False)
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1:1/train-images"):
        module.load_data(verbose=0)
    cache = tmp_path / "home" / "datasets" / name
    write(cache, files, data)
    with pytest.raises(DatasetError, match="wrong SHA-256"):  # whatever is there: what is cached must be the original
        module.load_data(download=False)
    digests = [(file, hashlib.sha256((cache / file).read_bytes()).hexdigest(), 1) for file in files]
    monkeypatch.setattr(module, "FILES", tuple(digests))
    check(module.load_data(verbose=0), data)
    assert module.find_data() == cache
    write(tmp_path / "data" / name, files, arrays()[::-1][::-1])
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    assert module.find_data() == tmp_path / "data" / name
    check(module.load_data(verbose=0), data)


@pytest.mark.parametrize("module", LIKE_MNIST)
def test_names_and_refusals(module, tmp_path):
    assert len(module.CLASSES) == 10 == len(set(module.CLASSES))
    files, data = [file for file, _, _ in module.FILES], arrays()
    data[1][3] = 10
    write(tmp_path, files, data)
    with pytest.raises(DatasetError, match=r"label 10 at index 3.*MNIST: check which"):
        module.load_data(tmp_path)
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte"):
        module.load_data(tmp_path / "nowhere")


def test_every_original_has_its_own_digest_and_size():
    known = [file for module in (mnist, fashion_mnist, kmnist) for file in module.FILES] + [emnist.ARCHIVE]
    assert len({sha256 for _, sha256, _ in known}) == 13
    assert all(len(sha256) == 64 and int(sha256, 16) and size > 4000 for _, sha256, size in known)


# -- EMNIST ------------------------------------------------------------------------------------------------------------


def emnist_names(split):
    kinds = ("images-idx3", "labels-idx1")
    return [f"emnist-{split}-{part}-{kind}-ubyte.gz" for part in ("train", "test") for kind in kinds]


def archive(path, split, data, folder="gzip/", **change):
    with zipfile.ZipFile(path, "w") as file:
        for name, array in zip(emnist_names(split), data):
            content = change.get("content") or gzip.compress(idx_bytes(array), mtime=0)
            file.writestr(folder + name, content)
    return path


@pytest.mark.parametrize(
    "split, classes, first", [("balanced", 47, 0), ("letters", 26, 1), ("digits", 10, 0), ("byclass", 62, 0)]
)
def test_emnist_in_files_and_in_its_archive(split, classes, first, tmp_path):
    data = arrays(first, classes)
    upright = [data[0].swapaxes(1, 2), data[1] - first, data[2].swapaxes(1, 2), data[3] - first]
    write(tmp_path / "files", emnist_names(split), data)
    check(emnist.load_data(split, tmp_path / "files", verbose=0), upright)
    (tmp_path / "zip").mkdir()
    path = archive(tmp_path / "zip" / "gzip.zip", split, data)
    check(emnist.load_data(split, path, verbose=0), upright)
    check(emnist.load_data(split, path.parent, verbose=0), upright)
    assert len(emnist.CLASSES[split]) == classes


def test_balanced_is_the_default_and_letters_are_what_they_say(tmp_path, monkeypatch):
    assert inspect.signature(emnist.load_data).parameters["split"].default == "balanced"
    assert emnist.CLASSES["balanced"][36:] == "abdefghnqrt"
    assert emnist.CLASSES["letters"][0] == "a"
    write(tmp_path / "emnist", emnist_names("balanced"), arrays(0, 47))
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    assert emnist.load_data(verbose=0)[0][0].shape == (30, 28, 28)


def test_emnist_refuses(tmp_path):
    with pytest.raises(ArgumentError, match="Did you mean 'letters'"):
        emnist.load_data("leters")
    with pytest.raises(DatasetError, match="nothing of it"):
        emnist.load_data(path=tmp_path)
    with pytest.raises(DatasetError, match="MINIDL_DATA is not set"):
        emnist.load_data(download=False)
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1"):
        emnist.load_data(verbose=0)
    data = arrays(0, 26)  # a label 0, which letters do not have
    with pytest.raises(DatasetError, match="labels from 1 to 26"):
        emnist.load_data("letters", archive(tmp_path / "a.zip", "letters", data))
    with pytest.raises(DatasetError, match=r"emnist-digits-train-images-idx3-ubyte.gz in it"):
        emnist.load_data("digits", archive(tmp_path / "b.zip", "letters", data))
    with pytest.raises(DatasetError, match="names inside the archive"):
        emnist.load_data("letters", archive(tmp_path / "c.zip", "letters", data, folder="../"))
    with pytest.raises(DatasetError, match="00 00 08"):
        emnist.load_data("letters", archive(tmp_path / "d.zip", "letters", data, content=gzip.compress(b"pickle")))
    whole = gzip.compress(idx_bytes(data[0]), mtime=0)
    with pytest.raises(DatasetError, match="gzip"):
        emnist.load_data("letters", archive(tmp_path / "e.zip", "letters", data, content=whole[:-20]))
    (tmp_path / "f.zip").write_bytes(b"PK no archive")
    with pytest.raises(DatasetError, match="broken archive"):
        emnist.load_data("letters", tmp_path / "f.zip")
    huge = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 28, 28)
    with pytest.raises(DatasetError, match="declares"):
        emnist.load_data("letters", archive(tmp_path / "g.zip", "letters", data, content=huge))
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as stream:
        stream.write(struct.pack(">BBBB3I", 0, 0, 8, 3, 1, 28, 28) + bytes(50_000_000))
    with pytest.raises(DatasetError, match="more than 784 bytes"):
        emnist.load_data("letters", archive(tmp_path / "h.zip", "letters", data, content=buffer.getvalue()))
