"""The numbers every side gets: drawn by NumPy from a seed, and handed over in a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import residual_models
from benchmarks.lecture_models import MODELS, weights

Arrays = dict[str, np.ndarray]
DISTINCT = 4096  # samples of a larger set repeat; no side looks at them twice as if they were the same


def draw(work: dict[str, Any], seed: int = 1671) -> Arrays:
    """The arrays of a piece of work."""
    rng = np.random.default_rng(seed)
    return DRAWN[work["kind"]](work, rng)


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def output_size(work: dict[str, Any]) -> int:
    """Height and width of a convolution's output, padded "same"."""
    return -(-work["size"] // work["strides"])


def _conv2d(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, size, c, f, k = (work[key] for key in ("batch", "size", "channels", "filters", "kernel"))
    W = _normal(rng, k, k, c, f) * np.float32((k * k * c) ** -0.5)
    out = output_size(work)
    return {"x": _normal(rng, n, size, size, c), "W": W, "b": _normal(rng, f), "dy": _normal(rng, n, out, out, f)}


def _pool(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, size, c = work["batch"], work["size"], work["channels"]
    return {"x": _normal(rng, n, size, size, c), "dy": _normal(rng, n, size // 2, size // 2, c)}


def _image(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    shape = work["batch"], work["size"], work["size"], work["channels"]
    return {"x": _normal(rng, *shape), "dy": _normal(rng, *shape)}


def _batch_norm_relu(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    c = work["channels"]
    return _image(work, rng) | {"gamma": 1 + _normal(rng, c) / 4, "beta": _normal(rng, c)}


def _cross_entropy(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    rows, classes = work["rows"], work["classes"]
    return {"x": 3 * _normal(rng, rows, classes), "labels": rng.integers(0, classes, rows)}


def _adam(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    return {"value": _normal(rng, work["elements"]), "grad": _normal(rng, work["elements"])}


def _dense(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, i, o = work["batch"], work["inputs"], work["outputs"]
    W = _normal(rng, i, o) * np.float32(i**-0.5)
    return {"x": _normal(rng, n, i), "W": W, "b": _normal(rng, o), "dy": _normal(rng, n, o)}


def _convolution(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    """Any number of spatial axes, windows inside only."""
    n, shape, c, f, k = (work[key] for key in ("batch", "shape", "channels", "filters", "window"))
    W = _normal(rng, *k, c, f) * np.float32(float(np.prod(k) * c) ** -0.5)
    out = [size - taps + 1 for size, taps in zip(shape, k)]
    return {"x": _normal(rng, n, *shape, c), "W": W, "b": _normal(rng, f), "dy": _normal(rng, n, *out, f)}


def _depthwise(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    c = work["channels"]
    return _image(work, rng) | {"W": _normal(rng, 3, 3, c, 1) / 3, "b": _normal(rng, c)}


def _gru(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, t, i, u = work["batch"], work["time"], work["inputs"], work["units"]
    W, U = _normal(rng, i, 3 * u) * np.float32(i**-0.5), _normal(rng, u, 3 * u) * np.float32(u**-0.5)
    return {"x": _normal(rng, n, t, i), "W": W, "U": U, "b": _normal(rng, 2, 3 * u), "dy": _normal(rng, n, t, u)}


def _simple_rnn(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, t, i, u = work["batch"], work["time"], work["inputs"], work["units"]
    W, U = _normal(rng, i, u) * np.float32(i**-0.5), _normal(rng, u, u) * np.float32(u**-0.5)
    return {"x": _normal(rng, n, t, i), "W": W, "U": U, "b": _normal(rng, u), "dy": _normal(rng, n, t, u)}


def _embedding(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, t, rows, units = work["batch"], work["time"], work["vocabulary"], work["units"]
    return {"ids": rng.integers(0, rows, (n, t)), "W": _normal(rng, rows, units), "dy": _normal(rng, n, t, units)}


def _layer_norm(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    shape = work["rows"], work["units"]
    return {
        "x": _normal(rng, *shape),
        "dy": _normal(rng, *shape),
        "gamma": _normal(rng, shape[1]),
        "beta": _normal(rng, shape[1]),
    }


def _lstm(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    n, t, i, u = work["batch"], work["time"], work["inputs"], work["units"]
    W, U = _normal(rng, i, 4 * u) * np.float32(i**-0.5), _normal(rng, u, 4 * u) * np.float32(u**-0.5)
    return {"x": _normal(rng, n, t, i), "W": W, "U": U, "b": _normal(rng, 4 * u), "dy": _normal(rng, n, t, u)}


def _samples(model: str, count: int, rng: np.random.Generator) -> Arrays:
    drawn = {f"w{i:02}": array for i, array in enumerate(weights(model, rng))}
    x = rng.random((count, *MODELS[model].shape), dtype=np.float32)
    return drawn | {"x": x, "labels": rng.integers(0, MODELS[model].classes, count)}


VERIFIED = 5 * 128  # samples of the epoch that is verified: as many steps as of ``train_step``


def batches(work: dict[str, Any]) -> int:
    """How many batches a training step is timed on: several, so that it trains and does not learn one batch by heart."""
    return 8 if work["batch"] <= 256 else 2


def _train_step(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    return _samples(work["model"], work["batch"] * batches(work), rng)


def _residual_step(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    x = rng.standard_normal((work["batch"], work["image"], work["image"], 3), np.float32)
    labels = rng.integers(0, residual_models.CLASSES[work["model"]], work["batch"])
    return {**residual_models.weights(work["model"], rng), "x": x, "labels": labels}


def _fit(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    arrays = _samples(work["model"], min(work["samples"], DISTINCT), rng)
    if work["bytes"]:
        arrays["x"] = (arrays["x"] * 256).astype(np.uint8)
    return arrays


def all_samples(work: dict[str, Any], array: np.ndarray) -> np.ndarray:
    """``array`` repeated to the length of the data set."""
    repeats = -(-work["samples"] // len(array))
    return np.tile(array, (repeats,) + (1,) * (array.ndim - 1))[: work["samples"]]


def _predict(work: dict[str, Any], rng: np.random.Generator) -> Arrays:
    return _samples(work["model"], work["batch"], rng)


DRAWN = {
    "conv2d": _conv2d,
    "max_pool": _pool,
    "average_pool": _pool,
    "relu": _image,
    "dropout": _image,
    "batch_norm_relu": _batch_norm_relu,
    "softmax_cross_entropy": _cross_entropy,
    "adam": _adam,
    "dense": _dense,
    "lstm": _lstm,
    "convolution": _convolution,
    "depthwise": _depthwise,
    "gru": _gru,
    "simple_rnn": _simple_rnn,
    "embedding": _embedding,
    "layer_norm": _layer_norm,
    "train_step": _train_step,
    "residual_step": _residual_step,
    "fit": _fit,
    "predict": _predict,
}


def weights_of(arrays: Arrays) -> list[np.ndarray]:
    """The model's weights among ``arrays``, in order."""
    return [arrays[name] for name in sorted(arrays) if name.startswith("w") and name[1:].isdigit()]
