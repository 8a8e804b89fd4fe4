"""Weights in a file: written whole or not at all, and never believed before they are checked.

The format is safetensors: eight bytes with the length of a header, the header in JSON, the numbers one array after the
other, little-endian. Nothing in it can be executed, and any safetensors library reads it. What minidl adds stands in the
header's ``__metadata__``: the classes of the layers, a SHA-256 of every array and one of the header itself.

An array is called by its place, so that its name does not depend on what else was built before: ``layers.0.W`` is W of
``model.layers[0]``, ``layers.2.layers.1.b`` is b of the second layer of a model within the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from minidl import backend as backends
from minidl.errors import CheckpointError
from minidl.layers.base import Layer
from minidl.parameters import Parameter

FORMAT, VERSION = "minidl.weights", "1"
MAX_HEADER = 4 << 20  # bytes; some 20,000 arrays. A header is parsed before it can be trusted, so it may not be long
_DTYPES: dict[str, np.dtype] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive (.npz, .keras and PyTorch files are)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (.h5)",
    b"\x93NUMPY": "a NumPy file (.npy)",
    b"\x80": "a pickle, which minidl never opens: it can run any program",
}


class _Entry(NamedTuple):
    """What the header says about one array."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int  # first byte, counted from the end of the header
    end: int


def named_weights(network: Layer, prefix: str = "") -> dict[str, Parameter]:
    """Everything a file holds, by name: parameters and state (running statistics), what is shared under its first name.

    >>> from minidl.models import Sequential
    >>> from minidl.layers import BatchNormalization, Dense
    >>> list(named_weights(Sequential([Dense(2, input_shape=(3,)), BatchNormalization(center=False)]).network))
    ['layers.0.W', 'layers.0.b', 'layers.1.gamma', 'layers.1.moving_mean', 'layers.1.moving_variance']
    """
    named: dict[str, Parameter] = {}
    for name, p in _every_name(network, prefix):
        if p not in named.values():
            named[name] = p
    return named


def _every_name(layer: Layer, prefix: str) -> Iterator[tuple[str, Parameter]]:
    below = list(layer.sublayers())
    of_others = [p for other in below for p in other.weights]
    taken: dict[str, int] = {}
    for p in layer.weights:
        if p not in of_others:
            taken[p.name] = count = taken.get(p.name, 0) + 1
            yield prefix + (p.name if count == 1 else f"{p.name}.{count}"), p
    for index, other in enumerate(below):
        yield from _every_name(other, f"{prefix}layers.{index}.")


# -- writing -----------------------------------------------------------------------------------------------------------


def save_weights(network: Layer, path: str | os.PathLike[str]) -> None:
    """Write all weights of a built network to ``path``, replacing the file that is there.

    Whatever happens meanwhile, a full disk or a power cut, ``path`` holds the old file or the new one, each whole.

    Raises:
        OSError: the file cannot be written there; it names ``path``.
    """
    arrays = {name: backends.backend_of(p.value).to_numpy(p.value) for name, p in named_weights(network).items()}
    write_atomically(path, encode(arrays, _classes(network)))


def encode(arrays: Mapping[str, np.ndarray], classes: Iterable[str] = ()) -> Iterator[Any]:
    """The bytes of a file that holds ``arrays`` (float32 or float64, in any layout), piece by piece, the header first."""
    codes = {dtype.str: code for code, dtype in _DTYPES.items()}
    pieces = []
    header: dict[str, Any] = {"__metadata__": {}}
    end = 0
    for name, array in arrays.items():
        # In C order, whatever it was: the format knows no other, and to write the memory as it lies would mix up numbers.
        piece = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
        code = codes[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [end, end + piece.nbytes]}
        end += piece.nbytes
        pieces.append(piece)
    header["__metadata__"] = {
        "format": FORMAT,
        "version": VERSION,
        "layers": json.dumps(list(classes)),
        "sha256": json.dumps({name: hashlib.sha256(piece).hexdigest() for name, piece in zip(arrays, pieces)}),
    }
    header["__metadata__"]["header_sha256"] = _header_sha256(header)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of eight bytes
    if len(text) > MAX_HEADER:
        raise CheckpointError("save_weights", f"{len(arrays)} arrays", f"names and shapes that fit into {MAX_HEADER} bytes")
    yield len(text).to_bytes(8, "little") + text
    yield from pieces


def write_atomically(path: str | os.PathLike[str], pieces: Iterable[Any]) -> None:
    """Put ``pieces`` into a new file beside ``path`` and, once they are on the disk, give it that name.

    Raises:
        OSError: with the reason and ``path``; the file that was there before is untouched.
    """
    given = os.fsdecode(path)
    target = Path(os.path.realpath(given))  # a link stays a link, what it points to is replaced
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")  # several processes may write
    try:
        if target.exists() and not target.is_file():
            raise IsADirectoryError(21, "Is a directory") if target.is_dir() else OSError(22, "Not a regular file")
        try:
            with open(part, "xb") as stream:
                for piece in pieces:
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())  # the bytes must be on the disk before the name is
            os.replace(part, target)
        finally:
            with suppress(OSError):
                part.unlink()
        _sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), given) from error


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk; Windows and some network disks know no such order and see to it themselves."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -- reading -----------------------------------------------------------------------------------------------------------


def load_weights(network: Layer, path: str | os.PathLike[str], strict: bool = True) -> list[str]:
    """Read weights into a built network, in place; float32 and float64 are converted into each other.

    Args:
        network: the network; it is touched only when everything to be loaded has been read and verified.
        path: a file that ``save_weights`` wrote.
        strict: whether file and network must hold the same names and shapes. If not, what fits is loaded.

    Returns:
        What was not loaded, a line for each name with the reason; empty where file and network fit.

    Raises:
        CheckpointError: the file is damaged, is of another kind, or (``strict``) belongs to another architecture.
        OSError: there is no such file, or it cannot be read.
    """
    where, weights = f"load_weights({os.fsdecode(path)!r})", named_weights(network)
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise CheckpointError(where, "a folder" if os.path.isdir(path) else "no regular file", "a file of weights")
    with open(path, "rb") as stream:
        metadata, entries, start = read_header(stream, where)
        misfits = [*_misfits(weights, entries)]
        if misfits and strict:
            raise CheckpointError(
                where,
                f"the weights of another architecture ({_listed(metadata['layers'])}): {'; '.join(misfits)}",
                f"those of this model ({_listed(_classes(network))})",
                "build the model as it was, or load what fits: load_weights(path, strict=False)",
            )
        fitting = {n: p for n, p in weights.items() if n in entries and entries[n].shape == p.shape}
        arrays = [
            _read(stream, start, entries[name], metadata["sha256"].get(name), p.dtype, f"{where}: {name}")
            for name, p in fitting.items()
        ]
    for p, array in zip(fitting.values(), arrays):
        p.value[...] = backends.backend_of(p.value).asarray(array)
    return misfits


def _misfits(weights: Mapping[str, Parameter], entries: Mapping[str, _Entry]) -> Iterator[str]:
    for name, p in weights.items():
        if name not in entries:
            yield f"missing {name} of shape {p.shape}"
        elif entries[name].shape != p.shape:
            yield f"{name} has shape {entries[name].shape} instead of {p.shape}"
    for name, entry in entries.items():
        if name not in weights:
            yield f"unexpected {_printable(name)} of shape {entry.shape}"


def read_header(stream: BufferedReader, where: str) -> tuple[dict[str, Any], dict[str, _Entry], int]:
    """The metadata, the entries by name, and where the numbers begin; all sizes agree with the size of the file.

    Raises:
        CheckpointError: anything is not as ``encode`` writes it.
    """
    size = os.fstat(stream.fileno()).st_size
    first = stream.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or not 2 <= length <= min(size - 8, MAX_HEADER) or (text := stream.read(length))[:1] != b"{":
        kinds = [kind for magic, kind in _OTHER_FORMATS.items() if first.startswith(magic)]
        _refuse(where, kinds[0] if kinds else f"no safetensors file, or a damaged one ({size} bytes)")
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_repetition)
        metadata = _checked_metadata(header, where)
        entries = {name: _checked_entry(name, item, where) for name, item in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        _refuse(where, f"a header that makes no sense ({type(error).__name__}: {_printable(error)})")
    position = 0
    for entry in sorted(entries.values(), key=lambda e: (e.begin, e.end)):
        if entry.begin != position:
            _refuse(where, "arrays that overlap or leave gaps")
        position = entry.end
    if 8 + length + position != size:
        _refuse(where, f"{size} bytes of the {8 + length + position} its header announces")
    return metadata, entries, 8 + length


def _checked_metadata(header: dict[str, Any], where: str) -> dict[str, Any]:
    metadata = dict(header.get("__metadata__") or {})
    if metadata.get("format") != FORMAT:
        _refuse(where, "a safetensors file that minidl did not write, or a damaged one", "model.set_weights(arrays)")
    if metadata["version"] != VERSION:
        _refuse(where, f"version {_printable(metadata['version'])} of the format, not {VERSION}", "a newer minidl")
    if metadata["header_sha256"] != _header_sha256(header):
        _refuse(where, "a damaged header (its SHA-256 is wrong)")
    metadata["layers"], metadata["sha256"] = list(json.loads(metadata["layers"])), dict(json.loads(metadata["sha256"]))
    return metadata


def _checked_entry(name: str, item: dict[str, Any], where: str) -> _Entry:
    shape, (begin, end) = tuple(item["shape"]), item["data_offsets"]
    if any(type(n) is not int or not 0 <= n < 1 << 63 for n in (*shape, begin, end)) or len(shape) > 32:
        _refuse(where, f"sizes of {_printable(name)} that make no sense")
    if item["dtype"] not in _DTYPES:
        _refuse(where, f"{_printable(name)} of type {_printable(item['dtype'])}, not {' or '.join(_DTYPES)}")
    dtype = _DTYPES[item["dtype"]]
    if end - begin != prod(shape) * dtype.itemsize:
        _refuse(where, f"{_printable(name)} of shape {shape} in {end - begin} bytes")
    return _Entry(dtype, shape, begin, end)


def _read(stream: BufferedReader, start: int, entry: _Entry, sha256: str | None, dtype: Any, where: str) -> np.ndarray:
    """One array, verified, in the model's dtype. Its shape is the model's, so no more memory is taken than the model has."""
    array = np.empty(entry.shape, entry.dtype)
    memory = array.reshape(-1).view(np.uint8).data
    stream.seek(start + entry.begin)
    if stream.readinto(memory) != memory.nbytes or hashlib.sha256(memory).hexdigest() != sha256:
        _refuse(where, "damaged numbers (their SHA-256 is wrong)")
    try:
        with np.errstate(over="raise", under="ignore"):
            return array.astype(dtype)
    except FloatingPointError:
        raise CheckpointError(where, f"numbers too large for {dtype}", f"a model of {array.dtype.name}") from None


def _header_sha256(header: dict[str, Any]) -> str:
    """A digest of everything the header says, except this digest."""
    metadata = {key: value for key, value in header["__metadata__"].items() if key != "header_sha256"}
    return hashlib.sha256(json.dumps({**header, "__metadata__": metadata}, sort_keys=True).encode()).hexdigest()


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("the same name twice")
    return dict(pairs)


def _classes(network: Layer) -> list[str]:
    return [type(layer).__name__ for layer in network.sublayers()]


def _listed(names: Iterable[Any]) -> str:
    return _printable(", ".join(map(str, names))) or "no layers"


def _printable(text: Any) -> str:
    """The beginning of what a file says, without anything that could move the cursor of a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:500])


def _refuse(where: str, received: str, fix: str = "") -> NoReturn:
    raise CheckpointError(where, received, "a whole file written by model.save_weights", fix)
