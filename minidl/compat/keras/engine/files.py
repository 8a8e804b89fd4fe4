"""Files as scripts of Keras 2.1 name them: ``weights.h5`` or anything else, in minidl's own format, which cannot run code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from minidl.compat.keras.custom import CUSTOM_OBJECTS
from minidl.compat.keras.layers import lambda_layer
from minidl.compat.keras.layers.own import OWN
from minidl.compat.keras.rules import CLASSES
from minidl.declared import from_plain
from minidl.errors import CheckpointError
from minidl.models.tensor_file import parse_json
from minidl.models.weights import named_weights, opened, read_weights

_HDF5 = b"\x89HDF\r\n\x1a\n"


def refuse_hdf5(path: Any, where: str, written_by: str) -> None:
    """Raise CheckpointError for a file that Keras itself wrote."""
    try:
        with open(path, "rb") as stream:
            first = stream.read(len(_HDF5))
    except IsADirectoryError:
        return
    if first == _HDF5:
        fix = "train again here; or where Keras runs, np.savez('weights.npz', *model.get_weights()), and set_weights here"
        place = f"{where}({os.fsdecode(path)!r})"
        raise CheckpointError(place, "an HDF5 file, which Keras wrote", f"a file written by minidl's {written_by}", fix)


def may_be_written(path: Any, overwrite: bool) -> bool:
    """Whether to write: yes, unless there is such a file and the person at the keyboard says no."""
    if overwrite or not os.path.exists(path):
        return True
    answer = ""
    while answer not in ("y", "n"):
        answer = input(f"[WARNING] {os.fsdecode(path)} already exists - overwrite? [y/n]").strip().lower()
    return answer == "y"


def load_in_order(network: Any, path: Any) -> None:
    """Read weights by their order alone, as Keras 2.1 did: layers without weights are not counted, nor are names compared.

    Raises CheckpointError where number or shapes are others; nothing is changed then.
    """
    where = f"load_weights({os.fsdecode(path)!r})"
    with opened(path, where) as (stream, metadata, entries):
        own, names = list(named_weights(network)), metadata.get("names")
        written = [name for name in names if name in entries] if isinstance(names, dict) else list(entries)
        digests = metadata["sha256"]
        if isinstance(names, dict) and len(written) == len(own):
            entries = {mine: entries[name] for mine, name in zip(own, written)}
            metadata = {**metadata, "sha256": {mine: digests.get(name) for mine, name in zip(own, written)}}
        read_weights(network, (stream, metadata, entries), where, strict=True)


def own_objects(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The classes that files of old scripts may hold beside minidl's: those of this room, and what the script gives."""
    return {**OWN, **CLASSES, **lambda_layer.CLASSES, **CUSTOM_OBJECTS, **(given or {})}


def settings_of(path: Any, custom_objects: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How the model in a file was compiled: the arguments of ``compile``; None where it was not."""
    with opened(path, f"load_model({os.fsdecode(path)!r})") as (_, metadata, _):
        settings = parse_json(metadata["model"], fractions=True).get("compile")
    if not isinstance(settings, dict):
        return None
    return {name: from_plain(value, own_objects(custom_objects)) for name, value in settings.items()}
