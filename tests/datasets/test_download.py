"""Downloads from a server on this machine that serves, lies, breaks off, hangs or sends somewhere else."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from minidl.datasets.download import download, sha256_of
from minidl.errors import ArgumentError, DatasetError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """What happens is decided by the path asked for."""

    def log_message(self, *arguments):
        pass

    def answer(self, content, length=None):
        self.send_response(200)
        if length != "":
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.server.asked.append(self.path)
        kind = self.path.split("/")[1]
        try:
            if kind == "good":
                self.answer(CONTENT)
            elif kind == "wrong":
                self.answer(CONTENT[:-1] + b"!")
            elif kind == "truncated":
                self.answer(CONTENT[:1000], len(CONTENT))
            elif kind == "silently-truncated":
                self.answer(CONTENT[:1000], "")
            elif kind == "announced-too-large":
                self.answer(b"", 10**12)
            elif kind == "endless":
                self.answer(b"", "")
                while True:
                    self.wfile.write(bytes(1 << 16))
            elif kind == "hanging":
                self.server.over.wait(10)
            elif kind == "dripping":
                self.answer(b"", "")
                while not self.server.over.wait(0.05):
                    self.wfile.write(b"a")
            elif kind == "redirected":
                self.redirect("/good/f")
            elif kind == "to-file":
                self.redirect("file:///etc/hostname")
            elif kind == "to-ftp":
                self.redirect("ftp://127.0.0.1:1/f")
            else:
                self.send_error(404)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def server(monkeypatch):
    """The address of a server that lives for one test."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        http_server.asked, http_server.over = [], threading.Event()
        http_server.url = f"http://127.0.0.1:{http_server.server_address[1]}"
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http_server
        http_server.over.set()
        http_server.shutdown()
        thread.join()


def fetch(server, target, *kinds, **options):
    options = {"sha256": SHA256, "limit": len(CONTENT), "timeout": 5, "verbose": 0, **options}
    return download([f"{server.url}/{kind}/f" for kind in kinds], target, **options)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["good", "redirected"])
def test_the_file_arrives_in_a_new_folder(server, tmp_path, kind):
    target = tmp_path / "new" / "folder" / "f.gz"
    assert fetch(server, target, kind) == target
    assert target.read_bytes() == CONTENT
    assert names_in(target.parent) == ["f.gz"]
    assert sha256_of(target) == SHA256


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
def test_new_folders_are_for_this_user_alone(server, tmp_path):
    before = os.umask(0)
    try:
        fetch(server, tmp_path / "new" / "folder" / "f.gz", "good")
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "new", tmp_path / "new" / "folder")] == [0o700] * 2


def test_a_file_already_there_is_replaced_at_once(server, tmp_path):
    target = tmp_path / "f.gz"
    target.write_bytes(b"old")
    with open(target, "rb") as reader:  # an earlier reader keeps what it opened
        fetch(server, target, "good")
        assert reader.read() == b"old"
    assert target.read_bytes() == CONTENT


BAD = {
    "missing": "HTTP Error 404",
    "wrong": "SHA-256",
    "truncated": "broke off after 1000 of 256000 bytes",
    "silently-truncated": "SHA-256",
    "announced-too-large": "1000000000000 bytes announced",
    "endless": "more than the 256000 bytes",
    "to-file": "file:///etc/hostname",
    "to-ftp": "ftp",
}


@pytest.mark.parametrize("kind, word", BAD.items())
def test_a_bad_answer_leaves_nothing_behind(server, tmp_path, kind, word):
    target = tmp_path / "f.gz"
    target.write_bytes(b"old")
    with pytest.raises(DatasetError) as caught:
        fetch(server, target, kind)
    for expected in (f"{server.url}/{kind}/f", word, str(tmp_path), "by hand"):
        assert expected in str(caught.value)
    assert names_in(tmp_path) == ["f.gz"]
    assert target.read_bytes() == b"old"


def test_a_server_that_hangs_is_given_up(server, tmp_path):
    begin = time.monotonic()
    with pytest.raises(DatasetError, match="timed out"):
        fetch(server, tmp_path / "f", "hanging", timeout=0.2)
    assert time.monotonic() - begin < 5
    assert names_in(tmp_path) == []


def test_a_server_that_drips_is_given_up(server, tmp_path):
    begin = time.monotonic()
    with pytest.raises(DatasetError, match="too slow"):
        fetch(server, tmp_path / "f", "dripping", patience=0.3)
    assert time.monotonic() - begin < 5
    assert names_in(tmp_path) == []


def test_the_next_mirror_is_tried(server, tmp_path):
    fetch(server, tmp_path / "f", "missing", "wrong", "truncated", "good", "endless")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert server.asked == ["/missing/f", "/wrong/f", "/truncated/f", "/good/f"]


def test_every_mirrors_failure_is_told(server, tmp_path):
    with pytest.raises(DatasetError) as caught:
        fetch(server, tmp_path / "f", "missing", "wrong")
    assert "/missing/f: HTTP Error 404" in str(caught.value)
    assert "/wrong/f: SHA-256" in str(caught.value)


def test_no_server_and_no_mirrors(tmp_path):
    with pytest.raises(DatasetError, match=r"received http://127\.0\.0\.1:1/f: Connection refused; expected"):  # in plain words
        download(["http://127.0.0.1:1/f"], tmp_path / "f", sha256=SHA256, limit=9, timeout=5, verbose=0)
    with pytest.raises(DatasetError, match="no mirrors"):
        download([], tmp_path / "f", sha256=SHA256, limit=9)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/f", "/etc/hostname", "data:,a"])
def test_other_schemes_are_refused(tmp_path, url):
    with pytest.raises(ArgumentError, match="http"):
        download([url], tmp_path / "f", sha256=SHA256, limit=9)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="MINIDL_HOME"):
        fetch(server, tmp_path / "file" / "f", "good")
    assert server.asked == []


def test_the_name_appears_only_when_the_file_is_whole(server, tmp_path, monkeypatch):
    """At the moment of the renaming, the temporary file is complete, flushed to the disk and in the same folder."""
    seen, synced, replace, fsync = [], [], os.replace, os.fsync

    def spy(source, target):
        seen.append((source.parent == target.parent, source.read_bytes() == CONTENT, target.exists(), len(synced)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), fsync(handle)))
    fetch(server, tmp_path / "f", "good")
    assert seen == [(True, True, False, 1)]


def test_an_interrupt_leaves_nothing_behind(server, tmp_path, monkeypatch):
    def interrupt(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path / "f", "good")
    assert names_in(tmp_path) == []


def test_threads_at_once(server, tmp_path):
    target, failures = tmp_path / "new" / "f", []

    def work():
        try:
            fetch(server, target, "good")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert target.read_bytes() == CONTENT
    assert names_in(target.parent) == ["f"]


def test_two_processes_at_once(server, tmp_path):
    target = tmp_path / "new" / "f"
    code = "import sys; from minidl.datasets.download import download as d; "
    code += f"d([sys.argv[1]], sys.argv[2], sha256={SHA256!r}, limit={len(CONTENT)}, verbose=0)"
    command = [sys.executable, "-c", code, f"{server.url}/good/f", str(target)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert names_in(target.parent) == ["f"]


def test_progress_on_stderr(server, tmp_path, capsys):
    fetch(server, tmp_path / "f.gz", "good")
    assert capsys.readouterr() == ("", "")
    fetch(server, tmp_path / "f.gz", "good", verbose=1)
    assert capsys.readouterr() == ("", "f.gz: 0.3 MB\n")


def test_progress_on_a_terminal_is_one_line(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fetch(server, tmp_path / "f.gz", "good", verbose=1)
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.split("\r")[-1] == "f.gz: 0.3 of 0.3 MB\n"
