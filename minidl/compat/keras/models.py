"""``keras.models`` of Keras 2.1: minidl's models with the methods, arguments, texts and file names of then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from minidl import config, models
from minidl.compat.keras.engine import files
from minidl.compat.keras.engine.places import Place, things_of
from minidl.compat.keras.engine.training import Model, Verbs, faced
from minidl.compat.keras.names import next_name
from minidl.declared import from_plain
from minidl.errors import ArgumentTypeError, CheckpointError, StateError, described
from minidl.layers.containers import Chain
from minidl.layers.symbol import Symbol

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
    "model_from_yaml",
    "save_model",
]


class Sequential(Verbs, models.Sequential, abstract=True):
    """minidl's ``Sequential`` as Keras 2.1 has it: layers may be added and taken away again at any time.

    >>> from minidl.compat.keras.layers import Dense
    >>> model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    >>> model.pop(); len(model.layers), model.count_params()
    (1, 16)
    """

    written_as = models.Sequential

    def __init__(self, layers: Iterable[Any] | None = None, name: str | None = None) -> None:
        super().__init__((), name=name or next_name("Sequential"))
        self._first: Place | None = None  # where an InputLayer was added
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Put a layer or model behind the others; a compiled model has to be compiled again."""
        if isinstance(layer, Place):
            layer = layer.symbol
        self._step, self.optimizer = None, None
        super().add(layer)
        if isinstance(layer, Symbol):
            self._first = Place(layer, layer.name or next_name("Input"))
        self._forget_layers()

    def pop(self) -> None:
        """Take the last layer away. Raises StateError where there is none."""
        chain = self.network
        assert isinstance(chain, Chain)
        if not chain.layers:
            raise StateError("pop", "a model without layers", "at least one")
        if chain._uses():
            raise StateError(
                "pop", "a model that is a layer of another one", "no use", "Model(model.input, model.layers[-2].output)"
            )
        last = chain.layers.pop()
        if last not in chain.layers:
            chain.models.pop(last, None)
        if chain.symbols:
            chain.symbols.pop()
        if not chain.layers:
            chain.symbols, chain.input_shape = [], None
            if self._first is None:
                chain.declared_input_shape = chain.declared_dtype = None
        self._step = self.optimizer = self._planned = None
        self._forget_layers()

    @property
    def model(self) -> Any:
        """The model itself, which is all there is."""
        return self

    @property
    def input_names(self) -> list[str]:
        """After the first layer."""
        if self._first is not None:
            return [self._first.name]
        first = self.network.layers[0].name if self.network.layers else self.name
        count = len(self.network.inputs) or 1
        return [f"{first}_input"] if count == 1 else [f"{first}_input_{number + 1}" for number in range(count)]

    def _things(self) -> list[Any]:
        first = vars(self).get("_first")
        return [*([first] if first is not None else []), *things_of(self)]

    # In Keras 2.1 the two kinds of models had these arguments in different orders.

    def train_on_batch(  # type: ignore[override]
        self, x: Any, y: Any, class_weight: Any = None, sample_weight: Any = None, **old: Any
    ) -> Any:
        """One step on one batch; its loss before the step, or [loss, metrics ...]."""
        return super().train_on_batch(x, y, sample_weight=sample_weight, class_weight=class_weight, **old)

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
        """As ``predict``."""
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> Any:
        """The most likely class of each sample (n,); of one output 0 or 1, (n, 1)."""
        found = self.predict(x, batch_size, verbose)
        return found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")


def save_model(model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """``model.save``."""
    model.save(filepath, overwrite=overwrite, include_optimizer=include_optimizer)


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:  # noqa: A002  (Keras's name)
    """The model that ``model.save(filepath)`` wrote, compiled as it was; the optimizer's moments begin anew.

    Raises CheckpointError for a file that minidl did not write.
    """
    files.refuse_hdf5(filepath, "load_model", "model.save")
    model = faced(models.load_model(filepath, files.own_objects(custom_objects), compile=False))
    settings = files.settings_of(filepath, custom_objects) if compile else None
    if settings is not None:
        model.compile(settings["optimizer"], settings["loss"], settings["metrics"], settings["loss_weights"])
    return model


def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model of the layers that ``{"class_name": ..., "config": model.get_config()}`` names, with new weights."""
    if not isinstance(config, Mapping) or config.get("class_name") not in ("Sequential", "Model"):
        expected = "{'class_name': 'Sequential', 'config': model.get_config()}"
        raise ArgumentTypeError("model_from_config", described(config), expected)
    with _keras_3():
        return faced(from_plain({"kind": "model", **config}, files.own_objects(custom_objects)))


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model of the layers that ``model.to_json()`` wrote, with new weights."""
    return faced(models.model_from_json(json_string, files.own_objects(custom_objects)))


def model_from_yaml(yaml_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model of the layers that ``model.to_yaml()`` wrote, with new weights: JSON, of which every text is YAML too."""
    try:
        json.loads(yaml_string)
    except ValueError:
        received = "YAML that model.to_yaml() of minidl did not write"
        raise CheckpointError("model_from_yaml", received, "what it wrote, which is JSON", "model.to_json()") from None
    return model_from_json(yaml_string, custom_objects)


def clone_model(model: Any, input_tensors: Any = None) -> Any:
    """A model of the same layers with new weights. Raises ArgumentTypeError for ``input_tensors``."""
    if input_tensors is not None:
        raise ArgumentTypeError("clone_model", "input_tensors", "a copy on inputs of its own", "clone_model(model)(x)")
    return faced(models.clone_model(model))


def _keras_3() -> Any:
    return config.use_profile("keras-3")  # what is left out means what it meant when it was written
