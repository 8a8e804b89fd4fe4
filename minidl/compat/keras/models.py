"""``keras.models`` of Keras 2.1: minidl's models with the methods and the texts of then."""

from __future__ import annotations

from typing import Any

from minidl import config, models
from minidl.compat.keras.names import next_name
from minidl.compat.keras.seeding import draw_seed
from minidl.profile import KERAS_2_1


class Verbs(models.Model, abstract=True):
    """What models of Keras 2.1 do in other words than minidl's."""

    def compile(self, optimizer: Any, loss: Any = None, metrics: Any = None, loss_weights: Any = None) -> None:  # type: ignore[override]
        """As ``Model.compile``."""
        draw_seed()
        with config.use_profile(KERAS_2_1):
            super().compile(optimizer, loss, metrics, loss_weights)


class Sequential(Verbs, models.Sequential, abstract=True):
    """minidl's ``Sequential`` as Keras 2.1 has it."""

    written_as = models.Sequential

    def __init__(self, layers: Any = None, name: str | None = None) -> None:
        super().__init__(layers or (), name=name or next_name("Sequential"))


class Model(Verbs, models.Model, abstract=True):
    """minidl's ``Model`` as Keras 2.1 has it."""

    written_as = models.Model

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(inputs, outputs, name=name or next_name("Model"))
