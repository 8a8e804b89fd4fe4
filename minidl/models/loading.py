"""Models from what was written of them: a file, a JSON text, or another model's configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from minidl import config
from minidl.declared import Declared, from_plain
from minidl.errors import ArgumentTypeError, CheckpointError, MinidlError, described
from minidl.layers._weights import made_for_a_file
from minidl.models.base import Model
from minidl.models.tensor_file import parse_json
from minidl.models.weights import opened, read_weights
from minidl.models.whole import SETTINGS, VERSION


def load_model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Model:  # noqa: A002  (Keras's name)
    """The model that ``model.save(path)`` wrote: the same layers, names and weights, compiled as it was.

    Args:
        path: the file.
        custom_objects: your own classes (and functions used as metrics) by name, where the model has any.
        compile: whether to compile it as it was; the optimizer begins anew.

    Raises CheckpointError for a damaged file or one of another kind or a newer version, ArgumentError for a class that is
    neither minidl's nor in ``custom_objects``, OSError where there is no file. No memory is taken for more numbers than the
    file holds.

    >>> import tempfile
    >>> from minidl.layers import Dense
    >>> from minidl.models import Sequential
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Sequential([Dense(2, input_shape=(3,))]).save(f"{folder}/model.safetensors")
    ...     load_model(f"{folder}/model.safetensors").count_params()
    8
    """
    where = f"load_model({os.fsdecode(path)!r})"
    with opened(path, where) as file:
        _, metadata, entries = file
        text = metadata.get("model")
        if not isinstance(text, str):
            fix = "build the model, then model.load_weights(path)"
            raise CheckpointError(where, "a file that holds weights and no model", "a file written by model.save", fix)
        whole = parse_json(text, fractions=True)
        if not isinstance(whole, dict):
            raise CheckpointError(where, "a description of the model that is no table", "a file written by model.save")
        if whole.get("version") != VERSION:
            received = f"version {str(whole.get('version'))[:20]!r} of the format"
            raise CheckpointError(where, received, f"{VERSION}", "a newer minidl")
        size = sum(entry.nbytes for entry in entries.values())
        with made_for_a_file(2 * size):  # twice: a float64 model whose file was written in float32
            model = _checked(whole.get("model"), "model", custom_objects, where)
        if not isinstance(model, Model):
            raise CheckpointError(where, f"{described(model)} in the place of the model", "a model")
        read_weights(model.network, file, where, strict=True)
    if compile and whole.get("compile") is not None:
        settings = whole["compile"]
        if not isinstance(settings, dict) or set(settings) - set(SETTINGS):
            raise CheckpointError(where, "settings of compile that make no sense", ", ".join(SETTINGS))
        model.compile(**{name: _checked(value, name, custom_objects, where) for name, value in settings.items()})
    return model


def model_from_json(text: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model of the layers that ``model.to_json()`` wrote, with new weights.

    Raises CheckpointError for a text that is no such configuration, ArgumentError for an unknown class.
    """
    try:
        plain = parse_json(text, fractions=True)
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError("model_from_json", f"no JSON text ({error})", "what model.to_json() gave") from None
    model = _checked(plain, "model", custom_objects, "model_from_json")
    if not isinstance(model, Model):
        raise CheckpointError("model_from_json", described(model), "the configuration of a model")
    return model


def clone_model(model: Model) -> Any:
    """A model of the same layers and connections, with weights of its own, drawn anew; it is not compiled.

    Raises ArgumentTypeError where a layer does not keep its arguments as attributes.

    >>> from minidl.layers import Dense
    >>> from minidl.models import Sequential
    >>> clone_model(Sequential([Dense(2, input_shape=(3,))])).count_params()
    8
    """
    if not isinstance(model, Model):
        raise ArgumentTypeError("clone_model", described(model), "a model")
    return type(model).from_config(model.get_config(), _own_classes(model.network))


def _own_classes(network: Any) -> dict[str, Any]:
    """The classes of all objects that the layers hold, by name: those that are not minidl's are needed to make them again."""
    found: dict[str, Any] = {}
    stack: list[Any] = [network]
    seen: set[int] = set()
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Declared):
            if not type(thing).__module__.startswith("minidl."):
                found[type(thing).__name__] = type(thing)
            stack.extend(vars(thing).values())
        elif isinstance(thing, (list, tuple)):
            stack.extend(thing)
        elif isinstance(thing, dict):
            stack.extend(thing.values())
    return found


def _checked(value: Any, what: str, custom_objects: Mapping[str, Any] | None, where: str) -> Any:
    """What a configuration describes; a constructor that refuses its arguments means a damaged or hostile file."""
    try:
        with config.use_profile("keras-3"):  # what a file does not say means what it meant when it was written
            return from_plain(value, custom_objects)
    except MinidlError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{where}: {what}", f"a configuration that no {what} has ({error})", "what save wrote") from None
