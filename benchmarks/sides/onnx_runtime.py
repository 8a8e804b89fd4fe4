"""ONNX Runtime, which predicts only: all its optimizations, and as many threads as it takes by itself."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.prepared import Prepared
from benchmarks.sides.onnx_models import onnx_model


def versions() -> dict[str, str]:
    return {"onnxruntime": onnxruntime.__version__}


def threads() -> int:
    """One for every core this process may use, unless it is told otherwise."""
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))


def variants(work: dict[str, Any]) -> list[str]:
    return ["session"] if work["kind"] == "predict" else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads()
    session = onnxruntime.InferenceSession(onnx_model(work["model"], arrays), options, ["CPUExecutionProvider"])
    given = {"x": arrays["x"]}
    return Prepared(lambda: session.run(None, given), lambda: {"y": session.run(None, given)[0]})
