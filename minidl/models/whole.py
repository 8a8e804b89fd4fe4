"""Whole models in files: one safetensors file with the weights, and in its header what the model is made of.

Everything that holds for files of weights holds here: nothing in them can be executed, they are written whole or not at all,
and believed only after they are checked. Classes come from minidl's table and from what the caller passes in. The header has,
beside what ``save_weights`` writes,

    "model": the text of {"version": 1, "model": configuration, "compile": loss, optimizer, metrics ... or null}

``load_weights`` reads such a file too. The optimizer's state is not in it yet: names that begin with ``optimizer.`` are kept
for it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from minidl import backend as backends
from minidl.declared import Declared, to_plain
from minidl.errors import ArgumentTypeError
from minidl.models.replace import write_atomically
from minidl.models.weights import classes_of, encode, named_weights, names_of

VERSION = 1
SETTINGS = ("optimizer", "loss", "metrics", "loss_weights", "fuse")


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write the model, its weights and how it was compiled to ``path``; see ``Model.save``."""
    whole = {"version": VERSION, "model": Declared._plain(model), "compile": _settings(model)}
    try:
        text = json.dumps(whole, allow_nan=False)
    except ValueError as error:
        raise ArgumentTypeError("save", f"an argument that JSON cannot hold ({error})", "finite numbers") from None
    arrays = {name: backends.backend_of(p.value).to_numpy(p.value) for name, p in named_weights(model.network).items()}
    write_atomically(path, encode(arrays, classes_of(model.network), text, names_of(model.network)))


def _settings(model: Any) -> Any:
    if model.optimizer is None:
        return None
    return {name: to_plain(value, f"save: {name}") for name, value in model.compile_arguments.items() if name in SETTINGS}
