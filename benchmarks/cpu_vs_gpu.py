"""CPU against GPU: the lectures' assignment. Softmax regression, a perceptron and a convolutional network, at several widths
and batch sizes, on both devices; first it is checked that both compute the same, then they are timed.

python -m benchmarks.cpu_vs_gpu                      table, on whatever devices there are
python -m benchmarks.cpu_vs_gpu --plot speed.png     with a chart
python -m benchmarks.cpu_vs_gpu --quick              a few seconds, to see that it runs

Per row: seconds for an epoch's computation (forwards, backwards, update), microseconds per sample, seconds to bring the
epoch's batches to the device one by one (transfer, apart), and how many times faster the GPU computes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

import minidl
from minidl import backend as backends
from minidl.backend import gpu
from minidl.datasets import digits
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Sequential
from minidl.models.given import targets
from minidl.optimizers import SGD

DEVICES = {"CPU": "numpy", "GPU": "cupy"}
AGREE = 1e-3  # relative difference of the losses of ten steps; rounding makes less than a tenth of it
REPEATS, WARM_UP = 5, 3


@dataclass
class Row:
    """One model at one width and batch size."""

    model: str
    width: int
    batch: int
    parameters: int = 0
    samples: int = 0
    compute: dict[str, float] = field(default_factory=dict)  # device -> seconds an epoch, median
    spread: dict[str, float] = field(default_factory=dict)  # device -> slowest less fastest
    transfer: dict[str, float] = field(default_factory=dict)

    @property
    def speed_up(self) -> float | None:
        if len(self.compute) < 2:
            return None
        return self.compute["CPU"] / self.compute["GPU"]


def build(name: str, width: int) -> Sequential:
    """The lectures' models on images (28, 28, 1) of bytes; ``width`` is units or filters (softmax has none)."""
    minidl.set_seed(1671)
    model = Sequential([Input((28, 28, 1)), Rescaling(1 / 255)])
    if name == "cnn":
        model.add(Conv2D(width, 5, padding="same", activation="relu"))
        model.add(MaxPooling2D(2))
        model.add(Conv2D(2 * width, 5, padding="same", activation="relu"))
        model.add(MaxPooling2D(2))
    model.add(Flatten())
    if name != "softmax":
        model.add(Dense(width if name == "mlp" else 500, activation="relu"))
    if name == "mlp":
        model.add(Dense(width, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    model.compile(SGD(0.01), "sparse_categorical_crossentropy")
    return model


def first_losses(name: str, width: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The losses of ten steps."""
    model = build(name, width)
    return np.array([model.train_on_batch(x[:32], y[:32]) for _ in range(10)])


def timed(function: Any, repeats: int) -> tuple[float, float]:
    """Median and spread of some runs, in seconds; a device is waited for at both ends."""
    seconds = []
    for _ in range(repeats):
        backends.current().synchronize()
        start = time.perf_counter()
        function()
        backends.current().synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), max(seconds) - min(seconds)


def measure(row: Row, device: str, x: np.ndarray, y: np.ndarray, repeats: int) -> None:
    """Fill in one device's column."""
    model = build(row.model, row.width)
    step, backend = model._compiled_step(), backends.current()
    data = targets(model, x, y, None, "benchmark", "ignore")
    batches = list(data.batches(row.batch))  # on the device: what follows is computation alone
    row.parameters, row.samples = model.count_params(), len(x)

    def epoch() -> None:
        for batch in batches:
            step.train(batch)

    for batch in batches[:WARM_UP]:  # kernels are compiled, memory is found
        step.train(batch)
    row.compute[device], row.spread[device] = timed(epoch, repeats)

    def travel() -> None:
        send = backend.sender()
        for start in range(0, len(x), row.batch):
            send(x[start : start + row.batch].astype("float32"))

    row.transfer[device] = timed(travel, repeats)[0]


def as_table(rows: list[Row], devices: list[str]) -> str:
    """The rows for people; without a GPU its columns are left out.

    >>> print(as_table([Row("mlp", 128, 64, 118282, 1000, {"CPU": 0.5}, {"CPU": 0.01}, {"CPU": 0.002})], ["CPU"]))
    model    width  batch  parameters  CPU s/epoch    +-  us/sample  transfer s
    mlp        128     64     118,282        0.500 0.010      500.0       0.002
    """
    head = f"{'model':<8} {'width':>5} {'batch':>6} {'parameters':>11}"
    for device in devices:
        head += f" {device + ' s/epoch':>12} {'+-':>5} {'us/sample':>10} {'transfer s':>11}"
    lines = [head + (f" {'speed-up':>9}" if len(devices) > 1 else "")]
    for row in rows:
        line = f"{row.model:<8} {row.width:>5} {row.batch:>6} {row.parameters:>11,}"
        for device in devices:
            seconds = row.compute[device]
            line += f" {seconds:>12.3f} {row.spread[device]:>5.3f} {1e6 * seconds / row.samples:>10.1f}"
            line += f" {row.transfer[device]:>11.3f}"
        lines.append(line + (f" {row.speed_up:>8.1f}x" if row.speed_up is not None else ""))
    return "\n".join(lines)


def draw(path: str, rows: list[Row], devices: list[str]) -> None:
    """Time per sample over the batch size, a panel for each model, a line for each width and device."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    models = list(dict.fromkeys(row.model for row in rows))
    figure, panels = plt.subplots(1, len(models), figsize=(4.5 * len(models), 4), squeeze=False, layout="constrained")
    for panel, model in zip(panels.flat, models):
        for width in sorted({row.width for row in rows if row.model == model}):
            mine = sorted((row for row in rows if (row.model, row.width) == (model, width)), key=lambda row: row.batch)
            for device in devices:
                times = [1e6 * row.compute[device] / row.samples for row in mine]
                label = f"{device}, width {width}" if width else device
                panel.plot([row.batch for row in mine], times, "o-" if device == "CPU" else "s--", label=label)
        panel.set(title=model, xlabel="batch size", ylabel="microseconds per sample", xscale="log", yscale="log")
        panel.grid(alpha=0.3)
        panel.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=["softmax", "mlp", "cnn"], default=["softmax", "mlp", "cnn"])
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 128, 512])
    parser.add_argument("--widths", nargs="+", type=int, help="default: 128 512 2048 (mlp), 8 20 64 (cnn)")
    parser.add_argument("--samples", type=int, default=6000, help="in an epoch; default: 6000")
    parser.add_argument("--plot", metavar="FILE", help="draw a chart, for example speed.png")
    parser.add_argument("--json", metavar="FILE", help="write the figures for programs")
    parser.add_argument("--quick", action="store_true", help="few samples, one width, one batch size")
    args = parser.parse_args(argv)
    if args.quick:
        args.samples, args.batches, args.widths = 128, [64], [4]
    if min([args.samples, *args.batches, *(args.widths or [1])]) < 1:
        parser.error("samples, batch sizes and widths are positive")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    missing = gpu.missing()
    devices = ["CPU"] if missing else ["CPU", "GPU"]
    (x, y), _ = digits.load_data(n_train=args.samples, n_test=1)
    x = x[..., np.newaxis]
    if missing:
        print(f"CPU alone: {missing[0]} ({missing[1]})")
    for device in devices:
        with backends.use_backend(DEVICES[device]):
            print(f"{device}: {backends.current().device}")
    rows = []
    for model in args.models:
        for width in [0] if model == "softmax" else args.widths or {"mlp": [128, 512, 2048], "cnn": [8, 20, 64]}[model]:
            losses = {}
            for device in devices:
                with backends.use_backend(DEVICES[device]):
                    losses[device] = first_losses(model, width, x, y)
            difference = max(np.abs(losses[d] / losses["CPU"] - 1).max() for d in devices)
            if not difference < AGREE:
                raise SystemExit(f"{model}, width {width}: the losses of ten steps differ by {difference:.1e}; not timed")
            for batch in args.batches:
                row = Row(model, width, batch)
                for device in devices:
                    with backends.use_backend(DEVICES[device]):
                        measure(row, device, x, y, 2 if args.quick else REPEATS)
                rows.append(row)
    print(as_table(rows, devices))
    if args.json:
        with open(args.json, "w") as file:
            json.dump([asdict(row) | {"speed_up": row.speed_up} for row in rows], file, indent=2)
    if args.plot:
        draw(args.plot, rows, devices)
        print(f"Chart: {args.plot}")


if __name__ == "__main__":
    main()
