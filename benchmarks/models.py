"""Whole models of the lectures: a training step, an epoch of ``fit``, ``predict``, and the memory of training.

    python -m benchmarks.models [--only PATTERN] [--peers PyTorch,JAX] [--chart] [--quick]

Against PyTorch, JAX, Keras on JAX, scikit-learn, ONNX Runtime and OpenVINO, as far as they are installed and have the model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import memory, options
from benchmarks.work import Target, Work

LOSSES = 2e-3  # float32, and Adam divides by small numbers: what five steps may differ by


def _step(model: str, must: float, after: float, batch: int = 128) -> Work:
    target = Target(must, after, {"JAX": 1.0})
    return Work(f"train {model} b{batch}", "train_step", {"model": model, "batch": batch}, target, LOSSES)


def _residual(model: str, batch: int, image: int, must: float, after: float) -> Work:
    spec = {"model": model, "batch": batch, "image": image}
    return Work(f"train {model} {image}x{image} b{batch}", "residual_step", spec, Target(must, after), LOSSES)


def _predict(model: str, batch: int, must: float, after: float, by: str = "predict") -> Work:
    spec = {"model": model, "batch": batch, "by": by}
    return Work(f"predict {model} b{batch}", "predict", spec, Target(must, after))


def _predictor(model: str, batch: int, must: float, after: float) -> Work:
    spec = {"model": model, "batch": batch, "by": "predictor"}
    return Work(f"predictor {model} b{batch}", "predict", spec, Target(must, after, of="ONNX Runtime"))


def _epoch(model: str, must: float, after: float) -> Work:
    spec = {"model": model, "samples": 60_000, "bytes": False}
    return Work(f"fit {model} 60000", "fit", spec, Target(must, after, {"Keras": 2.0}), LOSSES)


WORKS = [
    _step("softmax", 4, 7),
    _step("mlp", 1.7, 2.5),
    _step("cnn", 1.8, 2.5),
    _step("lenet5", 2.5, 4),
    _step("24-8-2", 10, 40, batch=200),
    _step("4-32-16-4", 4, 7, batch=10_000),
    _predict("cnn", 1, 1.3, 2),
    _predict("cnn", 32, 1.4, 1.9),
    _predict("cnn", 1000, 1.4, 1.9),
    _predict("mlp", 1, 0.8, 1, by="model(x)"),
    _predict("mlp", 1000, 1.1, 1.2),
    _predictor("mlp", 1, 0.7, 1),
    _predictor("mlp", 32, 0.9, 1.1),
    _predictor("mlp", 1000, 1.0, 1.2),
    _predictor("cnn", 1, 1.0, 1.3),
    _predictor("cnn", 32, 1.2, 1.5),
    _predictor("cnn", 1000, 1.3, 1.5),
    _residual("resnet20", 64, 32, 1.2, 1.5),
    _residual("resnet50", 8, 224, 1.0, 1.3),
    _epoch("mlp", 2, 3),
    _epoch("cnn", 1.5, 2),
    _epoch("lenet5", 2.5, 4),
    Work(
        "fit fashion 60000", "fit", {"model": "fashion", "samples": 60_000, "bytes": False}, Target(6, 3, of="seconds"), LOSSES
    ),
]


def main(argv: Sequence[str] | None = None) -> int:
    args = options.parser(__doc__).parse_args(argv)
    document = options.run("models", WORKS, args)
    if options.wanted(memory.NAME, args.only):
        document["memory"] = memory.measure(options.sides(args), quick=args.quick)
        print("\n" + memory.as_text(document["memory"]))
    return options.finish(document, args, "Training and predicting")


if __name__ == "__main__":
    sys.exit(main())
