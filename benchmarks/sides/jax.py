"""JAX on the CPU: one jitted function for the whole piece of work, channels last, buffers given back to be reused."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.inputs import batches, weights_of
from benchmarks.lecture_models import EPSILON, MODELS, RATE
from benchmarks.prepared import Prepared, Results

BETA_1, BETA_2 = 0.9, 0.999


def versions() -> dict[str, str]:
    return {"jax": jax.__version__}


def threads() -> int:
    """JAX does not say; its pool has one for every core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def variants(work: dict[str, Any]) -> list[str]:
    return ["jit"] if work["kind"] in PREPARED else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    return PREPARED[work["kind"]](work, arrays)


def _convolve(x: Any, W: Any, b: Any, strides: int = 1, padding: str = "same") -> Any:
    dimensions = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, W, (strides, strides), padding.upper(), dimension_numbers=dimensions) + b


def _max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _logits(weights: list[Any], x: Any, model: str) -> Any:
    hidden = {"relu": jax.nn.relu, "tanh": jnp.tanh}[MODELS[model].hidden]
    for padding in MODELS[model].paddings:
        W, b, *weights = weights
        x = _max_pool(hidden(_convolve(x, W, b, padding=padding)))
    x = x.reshape(len(x), -1)
    for i in range(0, len(weights), 2):
        x = x @ weights[i] + weights[i + 1]
        x = hidden(x) if i + 2 < len(weights) else x
    return x


def _loss(weights: list[Any], x: Any, labels: Any, model: str) -> Any:
    chosen = jax.nn.one_hot(labels, MODELS[model].classes)
    return -(chosen * jax.nn.log_softmax(_logits(weights, x, model))).sum(axis=1).mean()


def _adam(state: Any, gradients: list[Any]) -> Any:
    weights, means, squares, step = state
    step = step + 1
    means = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(means, gradients)]
    squares = [BETA_2 * s + (1 - BETA_2) * g * g for s, g in zip(squares, gradients)]
    rate = RATE["adam"] * jnp.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
    weights = [w - rate * m / (jnp.sqrt(s) + EPSILON) for w, m, s in zip(weights, means, squares)]
    return weights, means, squares, step


def _sgd(state: Any, gradients: list[Any]) -> Any:
    weights, *rest = state
    return [w - RATE["sgd"] * g for w, g in zip(weights, gradients)], *rest


@functools.partial(jax.jit, static_argnames="model", donate_argnums=0)
def _step(state: Any, x: Any, labels: Any, model: str) -> Any:
    loss, gradients = jax.value_and_grad(_loss)(state[0], x, labels, model)
    return (_adam if MODELS[model].optimizer == "adam" else _sgd)(state, gradients), loss


def _train_step(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    model = work["model"]
    parts = np.split(arrays["x"], batches(work)), np.split(arrays["labels"], batches(work))
    data = [(jnp.array(x), jnp.array(labels)) for x, labels in zip(*parts)]
    endless = itertools.cycle(data)

    def start() -> Any:
        zeros = [
            [jnp.zeros(w.shape) for w in weights_of(arrays)] if MODELS[model].optimizer == "adam" else [] for _ in range(2)
        ]
        return [jnp.array(w) for w in weights_of(arrays)], *zeros, jnp.zeros(())

    state = [start()]

    def run() -> None:
        state[0], loss = _step(state[0], *next(endless), model)
        jax.block_until_ready((state[0], loss))

    def results() -> Results:
        fresh, losses = start(), []
        for i in range(5):
            fresh, loss = _step(fresh, *data[i % len(data)], model)
            losses.append(float(loss))
        afterwards = jax.nn.softmax(_logits(fresh[0], arrays["x"][:16], model))
        return {"losses": np.array(losses), "predictions afterwards": np.asarray(afterwards)}

    return Prepared(run, results)


@functools.partial(jax.jit, static_argnames="model")
def _probabilities(weights: list[Any], x: Any, model: str) -> Any:
    return jax.nn.softmax(_logits(weights, x, model))


def _predict(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    weights, x = [jnp.array(w) for w in weights_of(arrays)], jnp.array(arrays["x"])
    run = lambda: jax.block_until_ready(_probabilities(weights, x, work["model"]))  # noqa: E731
    return Prepared(run, lambda: {"y": np.asarray(run())})


def _forward_and_backward(function: Callable[..., Any], names: str) -> Callable[..., Prepared]:
    def prepared(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
        given = [jnp.array(arrays[name]) for name in names.split()]
        dy = jnp.array(arrays["dy"])

        @jax.jit
        def both(dy: Any, *given: Any) -> Any:
            y, backward = jax.vjp(functools.partial(function, work), *given)
            return y, *backward(dy)

        def run() -> Any:
            return jax.block_until_ready(both(dy, *given))

        def results() -> Results:
            return {name: np.asarray(a) for name, a in zip(["y", *(f"d{n}" for n in names.split())], run(), strict=True)}

        return Prepared(run, results)

    return prepared


PREPARED: dict[str, Callable[..., Prepared]] = {
    "conv2d": _forward_and_backward(lambda work, x, W, b: _convolve(x, W, b, work["strides"]), "x W b"),
    "max_pool": _forward_and_backward(lambda work, x: _max_pool(x), "x"),
    "relu": _forward_and_backward(lambda work, x: jax.nn.relu(x), "x"),
    "dense": _forward_and_backward(lambda work, x, W, b: x @ W + b, "x W b"),
    "train_step": _train_step,
    "predict": _predict,
}
