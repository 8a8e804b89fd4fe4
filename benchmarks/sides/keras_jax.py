"""Keras on JAX, its quickest backend on a CPU: ``fit`` and ``predict`` as everybody calls them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras

from benchmarks.inputs import VERIFIED, all_samples, weights_of
from benchmarks.lecture_models import EPSILON, MODELS, RATE
from benchmarks.prepared import Prepared, Results


def versions() -> dict[str, str]:
    return {"keras": keras.__version__, "jax": jax.__version__}


def threads() -> int:
    """JAX does not say; its pool has one for every core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def variants(work: dict[str, Any]) -> list[str]:
    return ["jax"] if work["kind"] == "fit" and not work["bytes"] else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    x, labels = all_samples(work, arrays["x"]), all_samples(work, arrays["labels"])

    def fresh() -> Any:
        blueprint = MODELS[work["model"]]
        layers = [keras.Input(blueprint.shape)]
        for (size, _, _, filters), padding in zip(blueprint.kernels, blueprint.paddings):
            layers += [keras.layers.Conv2D(filters, size, padding=padding, activation=blueprint.hidden)]
            layers += [keras.layers.MaxPooling2D(2)]
        if blueprint.paddings:
            layers.append(keras.layers.Flatten())
        for _, units in blueprint.kernels[len(blueprint.paddings) : -1]:
            layers.append(keras.layers.Dense(units, activation=blueprint.hidden))
        model = keras.Sequential([*layers, keras.layers.Dense(blueprint.classes, activation="softmax")])
        model.set_weights(weights_of(arrays))
        sgd = blueprint.optimizer == "sgd"
        optimizer = keras.optimizers.SGD(RATE["sgd"]) if sgd else keras.optimizers.Adam(RATE["adam"], epsilon=EPSILON)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        return model

    model = fresh()

    def part(count: int, **options: Any) -> tuple[Any, Any]:
        other = fresh()
        return other, other.fit(x[:count], labels[:count], batch_size=128, epochs=1, verbose=0, **options)

    def results() -> Results:
        other, history = part(VERIFIED, shuffle=False)
        afterwards = other.predict(x[:16], verbose=0)
        return {"loss": np.array(history.history["loss"]), "predictions afterwards": afterwards}

    def run() -> None:
        model.fit(x, labels, batch_size=128, epochs=1, verbose=0)

    return Prepared(run, results, warm_up=lambda: model.fit(x[:VERIFIED], labels[:VERIFIED], batch_size=128, verbose=0))
