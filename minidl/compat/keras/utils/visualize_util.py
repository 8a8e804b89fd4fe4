"""``keras.utils.visualize_util`` of Keras 1."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras.utils.vis_utils import model_to_dot as model_to_dot
from minidl.compat.keras.utils.vis_utils import plot_model
from minidl.compat.keywords import keywords_of_keras_1


@keywords_of_keras_1()
def plot(model: Any, to_file: str = "model.png", show_shapes: bool = False, show_layer_names: bool = True) -> None:
    """``keras.utils.plot_model``."""
    plot_model(model, to_file, show_shapes, show_layer_names)
