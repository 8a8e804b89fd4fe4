"""``keras.utils`` of Keras 2.1, and of Keras 1. Modules load when one of their names is first used."""

from __future__ import annotations

from typing import Any

from minidl.compat.modules import load
from minidl.errors import closest

_MODULES = (
    *("conv_utils", "data_utils", "generic_utils", "io_utils", "layer_utils", "np_utils", "test_utils", "training_utils"),
    *("vis_utils", "visualize_util"),
)
_NAMES = {
    "GeneratorEnqueuer": "data_utils",
    "OrderedEnqueuer": "data_utils",
    "Sequence": "data_utils",
    "get_file": "data_utils",
    "CustomObjectScope": "generic_utils",
    "Progbar": "generic_utils",
    "custom_object_scope": "generic_utils",
    "deserialize_keras_object": "generic_utils",
    "get_custom_objects": "generic_utils",
    "serialize_keras_object": "generic_utils",
    "HDF5Matrix": "io_utils",
    "convert_all_kernels_in_model": "layer_utils",
    "print_summary": "layer_utils",
    "normalize": "np_utils",
    "to_categorical": "np_utils",
    "multi_gpu_model": "training_utils",
    "plot_model": "vis_utils",
}
__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return load(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(load(f"{__name__}.{_NAMES[name]}"), name)
    meant = closest(name, __all__) if not name.startswith("__") else ""
    advice = f". Did you mean {meant!r}?" if meant else ""
    raise AttributeError(f"module 'keras.utils' of Keras 2.1 has no attribute {name!r}{advice}", name=name)


def __dir__() -> list[str]:
    return sorted(__all__)
