"""OpenVINO, which predicts only: compiled for shapes that are known, in single precision, for the least time of one call."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import openvino

from benchmarks.prepared import Prepared
from benchmarks.sides.onnx_models import onnx_model


def versions() -> dict[str, str]:
    return {"openvino": openvino.__version__}


def threads() -> int:
    """One for every core this process may use, unless it is told otherwise."""
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))


def variants(work: dict[str, Any]) -> list[str]:
    return ["compiled model"] if work["kind"] == "predict" else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    core = openvino.Core()
    model = core.read_model(onnx_model(work["model"], arrays))
    model.reshape(list(arrays["x"].shape))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads()}
    request = core.compile_model(model, "CPU", options).create_infer_request()

    def run() -> Any:
        return request.infer([arrays["x"]])[0].copy()  # the next call writes to the same place

    return Prepared(run, lambda: {"y": run()})
