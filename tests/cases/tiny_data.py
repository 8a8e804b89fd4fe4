"""Small data sets of the names and forms of Keras's own, made up, for scripts that load them: a folder for MINIDL_DATA."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np


def write_tiny_data(folder: Path) -> Path:
    """Write them; returns the folder."""
    random = np.random.default_rng(5)
    for name in ("mnist", "fashion_mnist"):
        y, y_test = np.arange(60).astype("uint8") % 10, np.arange(20).astype("uint8") % 10
        made = {"x_train": _pictures(random, y), "y_train": y, "x_test": _pictures(random, y_test), "y_test": y_test}
        _folder(folder, name, lambda place, name=name, made=made: np.savez(place / f"{name}.npz", **made))
    for name, classes in (("imdb", 2), ("reuters", 46)):
        texts, labels = _texts(random, 80), np.arange(80) % classes
        parts = {"x_train": texts[:50], "y_train": labels[:50], "x_test": texts[50:], "y_test": labels[50:]}
        if name == "reuters":
            parts = {"x": texts, "y": labels}
        _folder(folder, name, lambda place, name=name, parts=parts: np.savez(place / f"{name}.npz", **parts))
        words = {f"word{rank}": rank for rank in range(1, 200)}
        (folder / name / f"{name}_word_index.json").write_text(json.dumps(words))
    x = random.normal(size=(50, 13))
    y = x @ np.arange(13) / 10 + 20
    _folder(folder, "boston_housing", lambda place: np.savez(place / "boston_housing.npz", x=x, y=y))
    parts = {
        "cifar10/cifar-10-batches-py": ([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"], ["labels"], 10),
        "cifar100/cifar-100-python": (["train", "test"], ["fine_labels", "coarse_labels"], 20),
    }
    for place, (names, keys, classes) in parts.items():
        (folder / place).mkdir(parents=True)
        for name in names:
            labels = [int(n) for n in random.integers(0, classes, 12)]
            data = np.repeat(np.array(labels, np.uint8)[:, None] * 12, 3072, 1)
            content = {b"data": data, **{key.encode(): list(labels) for key in keys}}
            (folder / place / name).write_bytes(pickle.dumps(content, 2))
    return folder


def _folder(folder: Path, name: str, write: Any) -> None:
    place = folder / name
    place.mkdir(parents=True)
    write(place)


def _pictures(random: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Noise, with a bright square whose place shows the label."""
    made = random.integers(0, 40, (len(labels), 28, 28)).astype("uint8")
    for picture, label in zip(made, labels):
        row, column = divmod(int(label), 4)
        picture[row * 8 : row * 8 + 6, column * 7 : column * 7 + 6] = 250
    return made


def _texts(random: np.random.Generator, number: int) -> np.ndarray:
    found = np.empty(number, object)
    found[:] = [random.integers(1, 200, random.integers(5, 20)).tolist() for _ in range(number)]
    return found
