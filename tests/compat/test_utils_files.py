"""``get_file`` and archives: what is found is not downloaded, what is downloaded is checked, nothing leaves its folder."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from minidl.compat.keras import utils
from minidl.compat.keras.utils import data_utils, get_file
from minidl.compat.keras.utils.data_utils import Sequence, _extract_archive, _hash_file, validate_file
from minidl.datasets import download
from minidl.errors import ArgumentError, ArgumentTypeError, DatasetError

CONTENT = b"some text"
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders of their own; downloads write ``net[address]``. Returns {name: folder}, with "net" and "asked"."""
    found = {"data": tmp_path / "data", "cache": tmp_path / "cache", "home": tmp_path / "home"}
    for folder in found.values():
        folder.mkdir()
    monkeypatch.setenv("MINIDL_DATA", str(found["data"]))
    monkeypatch.setenv("MINIDL_HOME", str(found["cache"]))
    monkeypatch.setenv("HOME", str(found["home"]))
    found |= {"net": {}, "asked": []}

    def fetch(url, target, digest, *others):
        found["asked"].append(url)
        if url not in found["net"]:
            raise OSError("no net")
        kind, expected = digest
        if expected not in (None, hashlib.new(kind, found["net"][url]).hexdigest()):
            raise OSError(f"another {kind}")
        target.write_bytes(found["net"][url])

    monkeypatch.setattr(download, "_fetch", fetch)
    return found


def put(path, content=CONTENT):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def tar_gz(names, kind=None, link=""):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            if kind is None:
                member.size = len(CONTENT)
                tar.addfile(member, io.BytesIO(CONTENT))
            else:
                member.type, member.linkname = kind, link
                tar.addfile(member)
    return stream.getvalue()


def zipped(names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, CONTENT)
    return stream.getvalue()


@pytest.mark.parametrize(
    "place",
    [
        "data/f.txt",
        "data/keras/f.txt",
        "cache/datasets/keras/f.txt",
        "cache/datasets/f.txt",
        "home/.keras/datasets/f.txt",
    ],
)
def test_what_is_there_is_found(places, place):
    path = put(places["data"].parent / place)
    assert get_file("f.txt", "http://x/f.txt") == str(path)
    assert get_file("f.txt", origin="http://x/f.txt", file_hash=SHA256) == str(path)
    assert not places["asked"]


def test_other_folders(places, tmp_path):
    path = put(places["home"] / ".keras" / "models" / "w.h5")
    assert get_file("w.h5", "http://x/w.h5", cache_subdir="models") == str(path)
    mine = put(tmp_path / "mine" / "models" / "w.h5")
    assert get_file("w.h5", "http://x/w.h5", cache_subdir="models", cache_dir=str(tmp_path / "mine")) == str(mine)
    full = put(tmp_path / "elsewhere" / "f.txt")
    assert get_file(str(full), "http://x/f.txt") == str(full)
    assert not places["asked"]


def test_what_is_not_there_is_downloaded(places, tmp_path, capsys):
    places["net"]["http://x/f.txt"] = CONTENT
    path = get_file("f.txt", "http://x/f.txt", file_hash=MD5)
    assert path == str(places["cache"] / "datasets" / "keras" / "f.txt")
    assert capsys.readouterr().out == "Downloading data from http://x/f.txt\n"
    assert get_file("f.txt", "http://x/f.txt") == path
    assert len(places["asked"]) == 1
    mine = get_file("f.txt", "http://x/f.txt", cache_dir=str(tmp_path / "mine"))
    assert mine == str(tmp_path / "mine" / "datasets" / "f.txt")
    full = get_file(str(tmp_path / "new" / "g.txt"), "http://x/f.txt")
    assert full == str(tmp_path / "new" / "g.txt")


def test_hashes(places, capsys):
    wrong = put(places["data"] / "f.txt", b"damaged")
    places["net"]["http://x/f.txt"] = CONTENT
    for options in ({"file_hash": SHA256}, {"md5_hash": MD5}, {"file_hash": MD5, "hash_algorithm": "md5"}):
        path = get_file("f.txt", "http://x/f.txt", **options)
        assert Path(path).read_bytes() == CONTENT
        assert f"{wrong} has another" in capsys.readouterr().out
    places["net"]["http://x/f.txt"] = b"forged"
    for options in ({"file_hash": "0" * 64}, {"md5_hash": "0" * 32}):
        with pytest.raises(DatasetError, match=r"another (sha256|md5)"):
            get_file("f.txt", "http://x/f.txt", **options)
    path = str(put(places["data"] / "g.txt"))
    assert (_hash_file(path), _hash_file(path, "md5")) == (SHA256, MD5)
    assert validate_file(path, MD5)
    assert validate_file(path, SHA256, "sha256")
    assert not validate_file(path, MD5, "sha256")


def test_a_file_of_this_machine_is_put_where_downloads_are(places, tmp_path):
    source = tmp_path / "a b.txt"
    source.write_text("x")
    with pytest.raises(DatasetError, match="another hash"):
        get_file("g.txt", source.as_uri(), file_hash="0" * 64)
    found = get_file("g.txt", source.as_uri())
    source.write_text("y")
    assert Path(found).is_relative_to(places["cache"])
    assert Path(get_file("g.txt", source.as_uri())).read_text() == "x"


def test_what_cannot_be_downloaded_says_where_to_put_it(places, monkeypatch):
    with pytest.raises(DatasetError, match=r"no f\.txt in .*no net.*put f\.txt into .*data"):
        get_file("f.txt", "http://x/f.txt")
    with pytest.raises(DatasetError, match=r"file:///no/such\.txt"):
        get_file("f.txt", "file:///no/such.txt")
    assert places["asked"] == ["http://x/f.txt"]
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'orgin'.*Did you mean 'origin'"):
        get_file("f.txt", orgin="http://x/f.txt")


@pytest.mark.parametrize("place", ["data", "home/.keras/datasets"])
def test_an_archive_is_unpacked(places, place):
    folder = places["data"].parent / place
    put(folder / "set.tar.gz", tar_gz(["set/a.txt", "set/deep/b.txt"]))
    path = get_file("set", "http://x/set.tar.gz", untar=True)
    where = places["cache"] / "datasets" / "keras" if place == "data" else folder
    assert path == str(where / "set")
    assert (where / "set" / "deep" / "b.txt").read_bytes() == CONTENT
    assert get_file("set", "http://x/set.tar.gz", untar=True) == path
    assert {p.name for p in where.iterdir()} == {"set.tar.gz", "set"}
    assert not places["asked"]


def test_a_folder_that_is_there_needs_no_archive(places):
    (places["data"] / "set").mkdir()
    assert get_file("set", "http://x/set.tar.gz", untar=True) == str(places["data"] / "set")


@pytest.mark.parametrize("make, file", [(zipped, "set.zip"), (tar_gz, "set.tgz")])
def test_an_archive_is_unpacked_beside_itself(places, make, file):
    places["net"]["http://x/" + file] = make(["a.txt", "deep/b.txt"])
    path = get_file(file, "http://x/" + file, extract=True)
    folder = places["cache"] / "datasets" / "keras"
    assert path == str(folder / file)
    assert (folder / "deep" / "b.txt").read_bytes() == CONTENT
    (folder / "a.txt").write_text("changed by the script")
    get_file(file, "http://x/" + file, extract=True)
    assert (folder / "a.txt").read_text() == "changed by the script"
    given = put(places["data"] / f"2{file}", make(["c.txt"]))
    assert get_file(given.name, "http://x", extract=True) == str(folder / given.name)
    assert not (places["data"] / "c.txt").exists(), "the user's folder of data stays as it is"
    (places["data"] / "c.txt").write_text("there already")
    assert get_file(given.name, "http://x", extract=True, file_hash=hashlib.md5(given.read_bytes()).hexdigest())


def test_formats_of_archives(places):
    path = put(places["home"] / ".keras" / "datasets" / "set.zip", zipped(["a.txt"]))
    for archive_format in ("tar", None, []):
        get_file("set.zip", "http://x", extract=True, archive_format=archive_format)
        assert not (path.parent / "a.txt").exists()
    get_file("set.zip", "http://x", extract=True, archive_format=["zip"])
    assert (path.parent / "a.txt").exists()
    put(path.parent / "plain.txt")
    assert get_file("plain.txt", "http://x", extract=True) == str(path.parent / "plain.txt")
    assert _extract_archive(str(path.parent / "plain.txt"), str(path.parent)) is False
    with pytest.raises(ArgumentError, match="archive_format='rar'"):
        get_file("set.zip", "http://x", extract=True, archive_format="rar")


HOSTILE = {
    "a name that leads upwards": tar_gz(["../out.txt"]),
    "a name that leads upwards on the way": tar_gz(["set/../../out.txt"]),
    "a full name": tar_gz(["/out.txt"]),
    "a link that leads out": tar_gz(["link"], tarfile.SYMTYPE, "../../out"),
    "a hard link that leads out": tar_gz(["link"], tarfile.LNKTYPE, "/etc/passwd"),
    "a device": tar_gz(["device"], tarfile.CHRTYPE),
    "a zip with a name that leads upwards": zipped(["../out.txt"]),
    "a zip with a full name": zipped(["/out.txt"]),
    "a zip with a name of Windows": zipped(["..\\out.txt"]),
    "a zip with a drive": zipped(["c:/out.txt"]),
    "a broken archive": tar_gz(["a.txt"])[:-30],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_leaves_its_folder(places, what):
    folder = places["home"] / ".keras" / "datasets"
    put(folder / "set.tar.gz", HOSTILE[what])
    before = sorted(places["home"].parent.rglob("*"))
    with pytest.raises(DatasetError):
        get_file("set.tar.gz", "http://x", extract=True)
    assert sorted(places["home"].parent.rglob("*")) == before


def test_an_archive_of_too_much_is_refused(places, monkeypatch):
    monkeypatch.setattr(data_utils, "LARGEST", 10)
    put(places["home"] / ".keras" / "datasets" / "set.zip", zipped(["a.txt", "b.txt"]))
    with pytest.raises(DatasetError, match="more than 32 GiB"):
        get_file("set.zip", "http://x", extract=True)


def test_a_sequence_of_batches():
    class Mine(Sequence):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return index * 2

    assert list(Mine()) == [0, 2, 4]
    assert Mine().on_epoch_end() is None
    for call in (lambda: len(Sequence()), lambda: Sequence()[0]):
        with pytest.raises(NotImplementedError):
            call()
    assert utils.Sequence is Sequence


@pytest.mark.parametrize("name", ["GeneratorEnqueuer", "OrderedEnqueuer", "multi_gpu_model"])
def test_refused_names_say_what_to_write(name):
    with pytest.raises(ArgumentTypeError, match=rf"keras\.utils\.{name}: .*To fix it: "):
        getattr(utils, name)(None)
