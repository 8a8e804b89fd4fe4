"""Fetching a file from one of several mirrors: checked by its SHA-256, and in place either whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from minidl.errors import ArgumentError, DatasetError
from minidl.folders import make_private

if TYPE_CHECKING:
    import urllib.request

CHUNK = 1 << 16
_TITLES = {"sha256": "SHA-256", "md5": "MD5"}


class _Refused(Exception):
    """Why one mirror's answer was not taken."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _opener() -> urllib.request.OpenerDirector:
    """What opens URLs: http and https only, so that no redirection can lead to a local file."""
    import urllib.request as web  # only here: it takes longer to import than everything else in this folder

    opener = web.OpenerDirector()
    for handler in (
        web.ProxyHandler,
        web.HTTPHandler,
        web.HTTPSHandler,
        web.HTTPDefaultErrorHandler,
        web.HTTPRedirectHandler,
        web.HTTPErrorProcessor,
        web.UnknownHandler,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "minidl")]
    return opener


def _show_progress(name: str, done: int, total: int, finished: bool) -> None:
    """Rewrite one line on a terminal; in a log write it once, at the end."""
    if sys.stderr.isatty():
        print(f"\r{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)
        if finished:
            print(file=sys.stderr)
    elif finished:
        print(f"{name}: {done / 1e6:.1f} MB", file=sys.stderr)


def _in_words(error: Exception) -> str:
    """What went wrong, without the classes and numbers that urllib and the system wrap around it."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, Exception):  # of an URLError: what happened beneath it
        error = reason
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _copy(answer: Any, target: IO[bytes], algorithm: str, limit: int, deadline: float, name: str, verbose: int) -> str:
    """Copy a server's answer into ``target`` and return its digest. Raises _Refused if it is too long or cut short."""
    declared = answer.headers.get("Content-Length", "")
    total = int(declared) if declared.isdecimal() else None
    if total is not None and total > limit:
        raise _Refused(f"{total} bytes announced, at most {limit} expected")
    digest, done = hashlib.new(algorithm, usedforsecurity=algorithm != "md5"), 0
    while chunk := answer.read1(CHUNK):  # read1: whatever has arrived, so that the deadline is looked at often
        done += len(chunk)
        if done > limit:
            raise _Refused(f"more than the {limit} bytes expected")
        if time.monotonic() > deadline:
            raise _Refused(f"too slow: {done} bytes by the deadline")
        digest.update(chunk)
        target.write(chunk)
        if verbose:
            _show_progress(name, done, total or limit, finished=False)
    if total is not None and done < total:
        raise _Refused(f"broke off after {done} of {total} bytes")
    if verbose:
        _show_progress(name, done, total or limit, finished=True)
    return digest.hexdigest()


def _fetch(
    url: str, target: Path, digest: tuple[str, str | None], limit: int, timeout: float, patience: float, verbose: int
) -> None:
    """Bring ``url`` to ``target`` by way of a temporary file of its own, so that several processes cannot collide."""
    algorithm, expected = digest
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as stream:
            with _opener().open(url, timeout=timeout) as answer:
                received = _copy(answer, stream, algorithm, limit, time.monotonic() + patience, target.name, verbose)
            if expected not in (None, received):
                raise _Refused(f"{_TITLES[algorithm]} {received}, expected {expected}")
            stream.flush()
            os.fsync(stream.fileno())  # the bytes must be on the disk before the name is
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def download(
    mirrors: Sequence[str],
    target: str | os.PathLike[str],
    *,
    sha256: str | None,
    md5: str | None = None,
    limit: int,
    timeout: float = 20.0,
    patience: float = 600.0,
    verbose: int = 1,
) -> Path:
    """Download a file from the first mirror that has it.

    Args:
        mirrors: complete addresses (http or https) of the same file, tried in order.
        target: where the file is put; its folder is made if need be, for this user alone, and a file already there is replaced.
        sha256: hexadecimal digest that the content must have; None takes any content, or that of ``md5``.
        md5: the digest where its publisher gives nothing better: it notices damage, and not a forgery.
        limit: number of bytes beyond which the answer is refused.
        timeout: seconds to wait for a connection, and for each piece of the answer.
        patience: seconds for the whole answer.
        verbose: 1 shows the progress on stderr, 0 nothing.

    Returns:
        The path ``target``. It holds the whole, verified file; nothing half done is ever seen there.

    Raises:
        ArgumentError: an address that is not http or https.
        DatasetError: no mirror gave the file, with what each of them said, or the folder cannot be written.
    """
    import http.client

    target = Path(target)
    for url in mirrors:
        if not url.lower().startswith(("http://", "https://")):
            raise ArgumentError("download(mirrors)", repr(url), "an address that starts with http:// or https://")
    try:
        make_private(target.parent)
        # Try writing first: otherwise a full or closed folder would look as if every mirror had failed.
        probe = target.parent / f".{os.getpid()}.{secrets.token_hex(4)}.part"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        fix = "set MINIDL_HOME to a folder that can be written"
        raise DatasetError(str(target.parent), str(error), "a folder to download into", fix) from error
    digest = ("md5", md5) if sha256 is None and md5 is not None else ("sha256", sha256)
    failures = []
    for url in mirrors:
        try:
            _fetch(url, target, digest, limit, timeout, patience, verbose)
            return target
        except (OSError, http.client.HTTPException, _Refused, ValueError) as error:
            failures.append(f"{url}: {_in_words(error)}")
    raise DatasetError(
        target.name, "; ".join(failures) or "no mirrors", "a download", f"put the file into {target.parent} by hand"
    )
