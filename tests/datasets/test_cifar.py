"""CIFAR-10 and CIFAR-100 in their binary format: planes and labels, archives read as streams, and hostile ones refused."""

import gzip
import hashlib
import inspect
import io
import tarfile
import tracemalloc

import numpy as np
import pytest

from minidl.datasets import cifar, cifar10, cifar100
from minidl.errors import ArgumentError, DatasetError

RNG = np.random.default_rng(2)
FILES = {cifar10: [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"], cifar100: ["train.bin", "test.bin"]}
LABELS = {cifar10: (10,), cifar100: (20, 100)}
BOTH = pytest.mark.parametrize("module", [cifar10, cifar100], ids=["cifar10", "cifar100"])


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No data of this machine, and a mirror that does not answer."""
    for name in ("MINIDL_DATA", "XDG_CACHE_HOME", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))
    for module in (cifar10, cifar100):
        monkeypatch.setattr(module, "SET", module.SET._replace(mirror="http://127.0.0.1:1/"))


def contents(module, n=4):
    """Bytes of each file, and the images and labels in them."""
    files, images, labels = {}, [], []
    for name in FILES[module]:
        x = RNG.integers(0, 256, (n, 32, 32, 3)).astype("uint8")
        y = np.stack([RNG.integers(0, classes, n) for classes in LABELS[module]], axis=1).astype("uint8")
        planes = np.stack([x[..., c].reshape(n, -1) for c in range(3)], axis=1).reshape(n, -1)
        files[name] = np.concatenate([y, planes], axis=1).tobytes()
        images.append(x)
        labels.append(y[:, -1])
    return files, (np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1])


def tar_of(path, files, folder="", extra=()):
    with tarfile.open(path, "w:gz") as archive:
        for entry in extra:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
        for name, content in files.items():
            entry = tarfile.TarInfo(folder + name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def check(loaded, expected):
    for got, array in zip([*loaded[0], *loaded[1]], expected):
        np.testing.assert_array_equal(got, array, strict=True)


@BOTH
def test_every_place(module, tmp_path, monkeypatch, capsys):
    files, expected = contents(module)
    name = module.SET.archive[0]
    for folder in (tmp_path / "plain", tmp_path / "unpacked" / module.SET.inside, tmp_path / "data" / module.SET.name):
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
    link = tarfile.TarInfo("a link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive = tar_of(tmp_path / name, files, module.SET.inside + "/", [link, tarfile.TarInfo("batches.meta.txt")])
    for path in (tmp_path / "plain", str(tmp_path / "unpacked"), archive, tmp_path):
        check(module.load_data(path=path, verbose=0), expected)
        assert module.find_data(path) is not None
    assert module.find_data() is None
    assert module.find_data(tmp_path / "data") is None
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    check(module.load_data(), expected)
    assert f"minidl: {module.SET.title} from {tmp_path / 'data'}" in capsys.readouterr().err
    assert module.find_data() == tmp_path / "data" / module.SET.name


@BOTH
def test_the_cache_holds_the_original_alone(module, tmp_path, monkeypatch):
    files, expected = contents(module)
    with pytest.raises(DatasetError, match="MINIDL_DATA is not set"):
        module.load_data(download=False)
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1:1/cifar"):
        module.load_data(verbose=0)
    cache = tmp_path / "home" / "datasets" / module.SET.name
    cache.mkdir(parents=True, exist_ok=True)
    archive = tar_of(cache / module.SET.archive[0], files)
    with pytest.raises(DatasetError, match="wrong SHA-256"):
        module.load_data(download=False)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(module, "SET", module.SET._replace(archive=(archive.name, digest, 1)))
    check(module.load_data(verbose=0), expected)
    assert module.find_data() == archive


def test_groups_and_classes(tmp_path):
    files, expected = contents(cifar100)
    path = tar_of(tmp_path / "a.tar.gz", files)
    fine = cifar100.load_data(path=path, verbose=0)
    check(cifar100.load_data("fine", path, verbose=0), expected)
    coarse = cifar100.load_data("coarse", path, verbose=0)
    np.testing.assert_array_equal(coarse[0][0], fine[0][0])
    rows = np.frombuffer(files["train.bin"], np.uint8).reshape(4, -1)
    assert coarse[0][1].tolist() == rows[:, 0].tolist()
    assert inspect.signature(cifar100.load_data).parameters["label_mode"].default == "fine"
    with pytest.raises(ArgumentError, match="Did you mean 'coarse'"):
        cifar100.load_data("corse")
    assert len(cifar10.CLASSES) == 10


def refused(path, *words, module=cifar10):
    """The archive is refused with all words in the message, and at no time is much memory taken."""
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError) as caught:
            module.load_data(path=path, verbose=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert len(str(caught.value)) <= 500


def test_hostile_archives(tmp_path, monkeypatch):
    files, _ = contents(cifar10)
    whole = tar_of(tmp_path / "whole.tar.gz", files).read_bytes()
    plain = gzip.decompress(whole)

    def written(content, name="x.tar.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    refused(written(b"\x80\x04pickle"), "broken archive")
    refused(written(whole[: len(whole) // 2]), "broken archive")
    refused(written(gzip.compress(plain[:5000])), "breaks off")
    refused(written(gzip.compress(plain[:100])), "broken header")
    refused(written(gzip.compress(b"")), "none of its files")
    spoilt = bytearray(plain)
    spoilt[3] ^= 1
    refused(written(gzip.compress(spoilt)), "broken header")
    refused(
        tar_of(tmp_path / "a.tar.gz", {k: v for k, v in files.items() if k != "data_batch_3.bin"}), "data_batch_3.bin in it"
    )
    refused(tar_of(tmp_path / "b.tar.gz", files, extra=[tarfile.TarInfo("x/test_batch.bin")]), "twice")
    refused(tar_of(tmp_path / "c.tar.gz", files | {"test_batch.bin": bytes(3000)}), "records of 3073 bytes")
    refused(tar_of(tmp_path / "d.tar.gz", files | {"data_batch_1.bin": b""}), "records of 3073 bytes")
    refused(tar_of(tmp_path / "e.tar.gz", files | {"data_batch_2.bin": b"\x0a" + bytes(3072)}), "label 10 at index 0")
    links = tarfile.TarInfo("test_batch.bin")
    links.type, links.linkname = tarfile.LNKTYPE, "/etc/passwd"
    less = {k: v for k, v in files.items() if k != "test_batch.bin"}
    refused(tar_of(tmp_path / "f.tar.gz", less, extra=[links]), "test_batch.bin in it")
    huge = tarfile.TarInfo("test_batch.bin")
    huge.size = 8**11 - 1  # the most that a header can say
    refused(written(gzip.compress(huge.tobuf())), "at most 200000000 bytes")
    huge.size = 10**8
    refused(written(gzip.compress(huge.tobuf() + bytes(10**6))), "breaks off")
    bomb = tarfile.TarInfo("other")
    bomb.size = 10**8
    refused(written(gzip.compress((bomb.tobuf() + bytes(10**6)) * 3)), "")
    monkeypatch.setattr(cifar, "LARGEST", 100_000)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in files:
        (folder / name).write_bytes(bytes(3073 * 40))
    with pytest.raises(DatasetError, match="at most 100000"):
        cifar10.load_data(folder)


@BOTH
def test_nothing_there(module, tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=r"binary\.tar\.gz"):
            module.load_data(path=path)
        assert module.find_data(path) is None
