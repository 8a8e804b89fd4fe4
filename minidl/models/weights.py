"""Weights in a file: written whole or not at all, and never believed before they are checked.

The format is safetensors, a header in JSON and plain numbers: nothing in it can be executed, and many programs read it.
The ``safetensors`` library writes it, ``tensor_file.py`` reads it. What minidl adds is a text under the key
``minidl.weights`` of the header's metadata: the classes of the layers, a SHA-256 of every array and one of the header.

An array is called by its place, so that its name does not depend on what else was built before: ``layers.0.W`` is W of
``model.layers[0]``, ``layers.2.layers.1.b`` is b of the second layer of a model within the model. Files without the
entry "order" were written when the layers of a graph stood in the order in which they are computed.

The entry "names" has for each array the names of the layers on the way to it, ``block/dense_1/b``, by which weights can be
loaded into another architecture that has some of the same layers.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, NoReturn

import numpy as np

from minidl import backend as backends
from minidl.errors import CheckpointError, MinidlError, printable
from minidl.layers.base import Layer
from minidl.layers.graph import Graph
from minidl.layers.overwrite import overwrite
from minidl.models.replace import write_atomically
from minidl.models.tensor_file import MAX_HEADER, Entry, parse_json, read_array, read_entries, read_header
from minidl.parameters import Parameter

FORMAT, VERSION = "minidl.weights", "1"
ORDER = "keras"  # of the layers of a graph
_DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "uint8": "U8", "bool": "BOOL"}
File = tuple[IO[bytes], dict[str, Any], dict[str, Entry]]  # open, its metadata and its entries, both verified
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive (.npz, .keras and PyTorch files are)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (.h5)",
    b"\x93NUMPY": "a NumPy file (.npy)",
    b"\x80": "a pickle, which minidl never opens: it can run any program",
}


def named_weights(network: Layer, prefix: str = "", as_computed: bool = False) -> dict[str, Parameter]:
    """Everything a file holds, by name: parameters and state (running statistics), what is shared under its first name.

    ``as_computed`` counts the layers of a graph in the order in which they are computed, as early files do.

    >>> from minidl.models import Sequential
    >>> from minidl.layers import BatchNormalization, Dense
    >>> list(named_weights(Sequential([Dense(2, input_shape=(3,)), BatchNormalization(center=False)]).network))
    ['layers.0.W', 'layers.0.b', 'layers.1.gamma', 'layers.1.moving_mean', 'layers.1.moving_variance']
    """
    named: dict[Parameter, str] = {}
    for name, _, p in _every_name(network, prefix, "", as_computed):
        named.setdefault(p, name)
    return {name: p for p, name in named.items()}


def names_of(network: Layer) -> dict[str, str]:
    """The name of each array in a file -> the names of the layers that lead to it and its own.

    >>> from minidl.models import Sequential
    >>> from minidl.layers import Dense
    >>> names_of(Sequential([Dense(2, input_shape=(3,), use_bias=False, name="head")]).network)
    {'layers.0.W': 'head/W'}
    """
    found: dict[Parameter, tuple[str, str]] = {}
    for name, path, p in _every_name(network, "", "", False):
        found.setdefault(p, (name, path))
    return dict(found.values())


def _every_name(layer: Layer, prefix: str, path: str, as_computed: bool) -> Iterator[tuple[str, str, Parameter]]:
    below = list(layer.sublayers())
    if as_computed and isinstance(layer, Graph):
        below = list(dict.fromkeys(use.layer for use in layer.uses))
    of_others = [p for other in below for p in other.weights]
    taken: dict[str, int] = {}
    for p in layer.weights:
        if p not in of_others:
            taken[p.name] = count = taken.get(p.name, 0) + 1
            own = p.name if count == 1 else f"{p.name}.{count}"
            yield prefix + own, path + own, p
    for index, other in enumerate(below):
        yield from _every_name(other, f"{prefix}layers.{index}.", f"{path}{other.name}/", as_computed)


# -- writing -----------------------------------------------------------------------------------------------------------


def save_weights(network: Layer, path: str | os.PathLike[str]) -> None:
    """Write all weights of a built network to ``path``, replacing the file that is there.

    Whatever happens meanwhile, a full disk or a power cut, ``path`` holds the old file or the new one, each whole.

    Raises:
        OSError: the file cannot be written there; it names ``path``.
    """
    arrays = {name: backends.backend_of(p.value).to_numpy(p.value) for name, p in named_weights(network).items()}
    write_atomically(path, encode(arrays, classes_of(network), names=names_of(network)))


def encode(
    arrays: Mapping[str, np.ndarray],
    classes: Iterable[str] = (),
    model: str | None = None,
    names: Mapping[str, str] | None = None,
) -> bytes:
    """The content of a file that holds ``arrays`` (float32 or float64, in any layout), and the text of a whole model."""
    import safetensors.numpy  # here: only who saves waits for it

    # Copies, so that what is hashed is what is written, should somebody train on meanwhile.
    plain = {name: _plain(array).copy() for name, array in arrays.items()}
    entries = {name: (_DTYPES[array.dtype.name], array.shape) for name, array in plain.items()}
    metadata: dict[str, Any] = {"version": VERSION, "layers": list(classes), "order": ORDER}
    metadata["sha256"] = {name: _sha256(array) for name, array in plain.items()}
    if names is not None:
        metadata["names"] = names
    if model is not None:
        metadata["model"] = model
    metadata["header_sha256"] = _header_sha256(metadata, entries)
    # One text, not a text for each key: the library writes keys in random order, and equal weights make equal files.
    content = safetensors.numpy.save(plain, metadata={FORMAT: json.dumps(metadata)})
    if int.from_bytes(content[:8], "little") > MAX_HEADER:
        raise CheckpointError("save_weights", f"{len(arrays)} arrays", f"names and shapes that fit into {MAX_HEADER} bytes")
    return content


# -- reading -----------------------------------------------------------------------------------------------------------


def load_weights(
    network: Layer,
    path: str | os.PathLike[str],
    strict: bool = True,
    by_name: bool = False,
    skip_mismatch: bool = False,
) -> list[str]:
    """Read weights into a built network, in place; float32 and float64 are converted into each other.

    Args:
        network: the network; it is touched only when everything to be loaded has been read and verified.
        path: a file that ``save_weights`` wrote.
        strict: whether file and network must hold the same arrays in the same shapes. If not, what fits is loaded.
        by_name: whether arrays are found by the names of their layers, not by their places. Then it is no error if the
            network has a layer that the file lacks, or the other way round.
        skip_mismatch: whether an array of another shape is left out, and is no error.

    Returns:
        What was not loaded, a line for each name with the reason; empty where file and network fit.

    Raises:
        CheckpointError: the file is damaged, is of another kind, or (``strict``) belongs to another architecture;
            ``by_name`` also where the file has no names or a name is not that of one layer alone.
        OSError: there is no such file, or it cannot be read.
    """
    where = f"load_weights({os.fsdecode(path)!r})"
    with opened(path, where) as file:
        return read_weights(network, file, where, strict, by_name, skip_mismatch)


def read_weights(
    network: Layer, file: File, where: str, strict: bool, by_name: bool = False, skip_mismatch: bool = False
) -> list[str]:
    """``load_weights`` from a file that is open."""
    stream, metadata, entries = file
    weights = named_weights(network, as_computed="order" not in metadata)
    if by_name:
        weights, entries, digests = _by_name(network, weights, entries, metadata, where)
    else:
        digests = metadata["sha256"]
    misfits = [*_misfits(weights, entries)]
    errors = [] if by_name or not strict else [text for text, is_shape in misfits if not is_shape]
    errors += [text for text, is_shape in misfits if is_shape and strict and not skip_mismatch]
    if errors:
        fix = "load_weights(path, by_name=True, skip_mismatch=True)" if by_name else "load_weights(path, strict=False)"
        raise CheckpointError(
            where,
            f"the weights of another architecture ({_listed(metadata['layers'])}), {len(errors)} of them misfits: "
            f"{'; '.join(errors)}",
            f"those of this model ({_listed(classes_of(network))})",
            f"build the model as it was, or load what fits: {fix}",
        )
    fitting = {n: p for n, p in weights.items() if n in entries and entries[n].shape == p.shape}
    arrays = [
        _verified(read_array(stream, entries[name]), digests.get(name), p.dtype, f"{where}: {_printable(name)}")
        for name, p in fitting.items()
    ]
    parameters = list(fitting.values())
    overwrite(parameters, [backends.backend_of(p.value).asarray(array) for p, array in zip(parameters, arrays)])
    return [text for text, _ in misfits]


@contextmanager
def opened(path: str | os.PathLike[str], where: str) -> Iterator[File]:
    """An open file that ``encode`` wrote, its metadata and its entries, both verified.

    Whatever is found to be damaged, here or in the block, raises CheckpointError.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise CheckpointError(where, "a folder" if os.path.isdir(path) else "no regular file", "a file of weights")
    with open(path, "rb") as stream:
        size, first = os.fstat(stream.fileno()).st_size, stream.read(9)
        unreadable = f"no safetensors file, or a damaged one ({size} bytes)"
        if int.from_bytes(first[:8], "little") > MAX_HEADER or first[8:] != b"{":
            _refuse(where, next((kind for magic, kind in _OTHER_FORMATS.items() if first.startswith(magic)), unreadable))
        try:
            yield (stream, *_verified_header(stream, size, where))
        except MinidlError:
            raise
        except (ValueError, RecursionError) as error:
            _refuse(where, f"{unreadable}: {_printable(error)}")


def _misfits(weights: Mapping[str, Parameter], entries: Mapping[str, Entry]) -> Iterator[tuple[str, bool]]:
    """What does not fit, in words, and whether it is only a shape."""
    for name, p in weights.items():
        if name not in entries:
            yield f"missing {name} of shape {p.shape}", False
        elif entries[name].shape != p.shape:
            yield f"{name} has shape {entries[name].shape} instead of {p.shape}", True
    for name, entry in entries.items():
        if name not in weights:
            yield f"unexpected {_printable(name)} of shape {entry.shape}", False


def _by_name(
    network: Layer, weights: Mapping[str, Parameter], entries: Mapping[str, Entry], metadata: dict[str, Any], where: str
) -> tuple[dict[str, Parameter], dict[str, Entry], dict[str, Any]]:
    """Weights, entries and digests under the names of their layers."""
    names = metadata.get("names")
    if names is None:
        _refuse(where, "a file without the names of its layers, as an early minidl wrote it", "load_weights(path)")
    if not isinstance(names, dict) or set(names) != set(entries) or not all(isinstance(n, str) for n in names.values()):
        _refuse(where, "names of layers that make no sense")
    own = names_of(network)
    for of, what in ((own, "this model"), (names, "the file")):
        twice = [name for name, count in Counter(of.values()).items() if count > 1]
        if twice:
            received = f"two arrays of {what} called {_printable(twice[0])}"
            raise CheckpointError(where, received, "layers with a name of their own", "Dense(10, name='classes')")
    return (
        {own[place]: p for place, p in weights.items()},
        {names[place]: entry for place, entry in entries.items()},
        {names[place]: digest for place, digest in metadata["sha256"].items() if place in names},
    )


def _verified_header(stream: IO[bytes], size: int, where: str) -> tuple[dict[str, Any], dict[str, Entry]]:
    """What a safetensors file of ``size`` bytes says of itself, if it is what ``encode`` wrote. Raises ValueError too."""
    header, begin = read_header(stream, size)
    texts = header.get("__metadata__")
    text = texts.get(FORMAT) if isinstance(texts, dict) else None
    if not isinstance(text, str):
        _refuse(where, "a safetensors file that minidl did not write, or a damaged one", "model.set_weights(arrays)")
    entries = read_entries(header, begin, size)
    metadata = parse_json(text)
    if not isinstance(metadata, dict):
        _refuse(where, "metadata that make no sense")
    if metadata.get("version") != VERSION:
        _refuse(where, f"version {_printable(metadata.get('version'))} of the format, not {VERSION}", "a newer minidl")
    if metadata.get("header_sha256") != _header_sha256(metadata, {n: (e.dtype, e.shape) for n, e in entries.items()}):
        _refuse(where, "a damaged header (its SHA-256 is wrong)")
    if not isinstance(metadata.get("layers"), list) or not isinstance(metadata.get("sha256"), dict):
        _refuse(where, "metadata without layers or digests")
    if metadata.get("order", ORDER) != ORDER:
        _refuse(where, f"layers in the order {_printable(metadata['order'])}, not {ORDER}", "a newer minidl")
    return metadata, entries


def _verified(array: np.ndarray, sha256: Any, dtype: Any, where: str) -> np.ndarray:
    """The array in the model's dtype, if it holds the numbers that were written."""
    if _sha256(array) != sha256:
        _refuse(where, "damaged numbers (their SHA-256 is wrong)")
    if array.dtype.kind != np.dtype(dtype).kind:
        _refuse(where, f"numbers of type {array.dtype.name} in the place of {dtype}")
    try:
        with np.errstate(over="raise", under="ignore", invalid="ignore"):
            return array.astype(dtype, copy=False)
    except FloatingPointError:
        raise CheckpointError(where, f"numbers too large for {dtype}", f"a model of {array.dtype.name}") from None


# -- digests and words -------------------------------------------------------------------------------------------------


def _plain(array: np.ndarray) -> np.ndarray:
    """The array in C order, little-endian. The library writes memory as it lies: another order would mix up numbers."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(_plain(array).data).hexdigest()


def _header_sha256(metadata: Mapping[str, Any], entries: Mapping[str, Any]) -> str:
    """A digest of everything the header says of names, dtypes and shapes, and of the metadata except this digest."""
    rest = {key: value for key, value in metadata.items() if key != "header_sha256"}
    return hashlib.sha256(json.dumps([rest, entries], sort_keys=True).encode()).hexdigest()


def classes_of(network: Layer) -> list[str]:
    """The classes of the layers, for errors that compare a file with a model."""
    return [layer._class_name for layer in network.sublayers()]


def _listed(names: Iterable[Any]) -> str:
    return _printable(", ".join(map(str, names))) or "no layers"


def _printable(text: Any) -> str:
    """The beginning of what a file says, without anything that could move the cursor of a terminal."""
    return printable(str(text)[:100])


def _refuse(where: str, received: str, fix: str = "") -> NoReturn:
    raise CheckpointError(where, received, "a whole file written by model.save_weights", fix)
