"""minidl on the GPU: the works of ``minidl.py`` with everything on the device, held to the references on the CPU.

A training step and ``fit`` are recorded, as they are by default; without that they are a variant of their own. So are layers
whose work is many small kernels: else the time Python takes to launch them would be measured.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.prepared import CannotError, Prepared, Results
from benchmarks.sides import minidl as on_any_device
from benchmarks.sides.minidl import threads
from benchmarks.work import RECORDED_LAYERS
from minidl import backend as backends
from minidl import config
from minidl.backend import gpu, graphs

__all__ = ["prepare", "release", "threads", "variants", "versions"]
OP_BY_OP = "op by op"


def _use_the_card() -> None:
    """Raises CannotError where there is none."""
    advice = gpu.missing()
    if advice:
        raise CannotError(advice[0])
    backends.set_backend("cupy")


def versions() -> dict[str, str]:
    _use_the_card()
    return on_any_device.versions() | {"cupy": backends.current().xp.__version__}


def variants(work: dict[str, Any]) -> list[str]:
    return ["", OP_BY_OP] if work["kind"] in ("train_step", "fit", *RECORDED_LAYERS) else on_any_device.variants(work)


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    _use_the_card()
    graph = functools.partial(config.use_graphs, "off" if variant == OP_BY_OP else "auto")
    precision = work.get("precision", "float32")
    with graph():
        made = on_any_device.prepare(work, arrays, variant)
    before = len(graphs.reasons)

    def results() -> Results:
        found = _within(graph, rounded(made.results))()
        if len(graphs.reasons) > before:
            raise CannotError(f"could not be recorded: {graphs.reasons[before]}")
        return found

    def rounded(function: Callable[[], Any]) -> Callable[[], Any]:
        return function if precision == "float32" else _within(lambda: config.use_precision(precision), function)

    def reference() -> Results:
        with backends.use_backend("numpy"), config.use_kernels("reference"):
            return on_any_device.prepare(work, arrays, "").results()

    run = rounded(made.run)
    if work["kind"] in RECORDED_LAYERS and variant != OP_BY_OP:
        run = recorded(run)
    warm_up = made.warm_up and _within(graph, made.warm_up)
    wait = backends.current().synchronize
    return replace(made, run=run, results=results, reference=reference, warm_up=warm_up, wait=wait)


def recorded(run: Callable[[], Any]) -> Callable[[], None]:
    """``run`` as a graph, which is made in the first calls. Raises CannotError where it cannot be had."""
    recorder = backends.current().recorder()

    def replay() -> None:
        recorder.run("", lambda arrays: run(), [], lambda: None)
        if recorder.refused(""):
            raise CannotError(f"could not be recorded: {graphs.reasons[-1]}")

    return replay


def _within(context: Callable[[], AbstractContextManager], function: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with context():
            return function()

    return run


def release() -> None:
    backends.current().release()
