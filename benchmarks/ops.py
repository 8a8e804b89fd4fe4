"""Single ops and layers, forwards and backwards: beside PyTorch and JAX, and beside the floor of this machine.

    python -m benchmarks.ops [--only PATTERN] [--peers PyTorch,JAX] [--chart] [--quick]

The floor of an op is what its arithmetic or its bytes take at least (``benchmarks/probes.py`` measures both).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod

from benchmarks import options, probes
from benchmarks.work import Target, Work

FLOAT = 4  # bytes


def convolution(size: int, kernel: int, strides: int, channels: int, filters: int, batch: int, target: Target) -> Work:
    """y, dx and dW are three products of the same size; x, W and dy are read twice, y, dx and dW written."""
    out = -(-size // strides)
    spec = {"batch": batch, "size": size, "channels": channels, "filters": filters, "kernel": kernel, "strides": strides}
    x, y, W = batch * size**2 * channels, batch * out**2 * filters, kernel**2 * channels * filters
    name = f"conv {kernel}x{kernel}{f'/{strides}' if strides > 1 else ''} {channels}-{filters} {size}x{size} b{batch}"
    # a zero of the border is not multiplied: taps that fall outside do not count
    taps = sum(0 <= o * strides + t - _before(size, kernel, strides) < size for o in range(out) for t in range(kernel)) ** 2
    return Work(name, "conv2d", spec, target, flops=6 * batch * taps * channels * filters,
                bytes=FLOAT * (3 * x + 3 * y + 3 * W))  # fmt: skip


def _before(size: int, kernel: int, strides: int) -> int:
    """Zeros in front, padded "same"."""
    return max((-(-size // strides) - 1) * strides + kernel - size, 0) // 2


def _dense(batch: int, inputs: int, outputs: int) -> Work:
    x, y, W = batch * inputs, batch * outputs, inputs * outputs
    spec = {"batch": batch, "inputs": inputs, "outputs": outputs}
    return Work(f"dense {inputs}-{outputs} b{batch}", "dense", spec, flops=6 * batch * W, bytes=FLOAT * (3 * x + 2 * y + 3 * W))


def on_images(name: str, kind: str, floats: float, target: Target | None, batch: int = 128, **more: float) -> Work:
    """Work on 28x28x20 images; ``floats`` is what it must read and write, in numbers per number of the input."""
    spec = {"batch": batch, "size": 28, "channels": 20, **more}
    return Work(f"{name} {batch}x28x28x20", kind, spec, target, bytes=FLOAT * floats * batch * 28 * 28 * 20)


def cross_entropy(rows: int, target: Target) -> Work:
    """Softmax and cross-entropy of 20 classes: logits read, gradient written."""
    spec = {"rows": rows, "classes": 20}
    return Work(f"softmax cross-entropy {rows}x20", "softmax_cross_entropy", spec, target, bytes=FLOAT * 2 * rows * 20)


def batch_norm_relu(batch: int, target: Target) -> Work:
    """Of 32x32x64 images: x is read once, dy and x again, y and dx are written."""
    spec = {"batch": batch, "size": 32, "channels": 64}
    numbers = 5 * batch * 32 * 32 * 64
    return Work(f"batch norm + relu {batch}x32x32x64", "batch_norm_relu", spec, target, bytes=FLOAT * numbers, tolerance=1e-3)


def layer_norm(rows: int, target: Target) -> Work:
    """Of rows of 256 numbers."""
    spec = {"rows": rows, "units": 256}
    return Work(f"layer norm {rows}x256", "layer_norm", spec, target, tolerance=1e-3, bytes=FLOAT * 6 * rows * 256)


def _adam(label: str, elements: int) -> Work:
    """Value, gradient and two moments are read, all but the gradient written."""
    return Work(f"adam {label}", "adam", {"elements": elements}, Target(0.95, 1.1), bytes=FLOAT * 7 * elements)


def _convolution(batch: int, shape: Sequence[int], window: Sequence[int], channels: int, filters: int, target: Target) -> Work:
    """In one or three dimensions, windows inside only."""
    spec = {"batch": batch, "shape": list(shape), "window": list(window), "channels": channels, "filters": filters}
    out, taps = prod(n - k + 1 for n, k in zip(shape, window)), prod(window)
    name = f"conv {'x'.join(map(str, window))} {channels}-{filters} {'x'.join(map(str, shape))} b{batch}"
    numbers = 3 * batch * (prod(shape) * channels + out * filters) + 3 * taps * channels * filters
    flops = 6 * batch * out * taps * channels * filters
    return Work(name, "convolution", spec, target, flops=flops, bytes=FLOAT * numbers)


def _recurrent(kind: str, gates: int, time: int, batch: int, inputs: int, units: int, target: Target) -> Work:
    spec = {"time": time, "batch": batch, "inputs": inputs, "units": units}
    flops = 6 * time * batch * (inputs + units) * gates * units
    return Work(f"{kind} T{time} {inputs}-{units} b{batch}", kind, spec, target, flops=flops)


POOLING = Target(1.2, 2)
WORKS = [
    convolution(14, 5, 1, 20, 50, 128, Target(1.1, 1.5)),
    convolution(32, 3, 1, 64, 64, 64, Target(0.95, 1.5)),
    convolution(14, 1, 1, 256, 64, 64, Target(0.95, 1)),
    convolution(112, 7, 2, 3, 64, 16, Target(1.0, 1.5)),
    on_images("max pool 2x2", "max_pool", 1 + 0.25 + 0.25 + 1, POOLING),
    on_images("average pool 2x2", "average_pool", 1 + 0.25 + 0.25 + 1, None),
    on_images("relu", "relu", 2 + 3, POOLING),
    on_images("dropout", "dropout", 2 + 2, POOLING, rate=0.5),
    cross_entropy(100_352, POOLING),
    _adam("1.26 M", 1_256_080),
    _adam("25.6 M", 25_600_000),
    _dense(128, 784, 10),
    _dense(128, 784, 128),
    _dense(128, 128, 128),
    _dense(128, 128, 10),
    _dense(128, 2450, 500),
    _dense(128, 500, 10),
    batch_norm_relu(64, Target(1.2, 1.5)),
    _recurrent("lstm", 4, 50, 32, 65, 128, Target(1.3, 1.5)),
    _recurrent("gru", 3, 50, 32, 65, 128, Target(1.2, 1.5)),
    _recurrent("simple_rnn", 1, 50, 32, 65, 128, Target(1.2, 1.5)),
    _convolution(50, (9, 9, 220), (3, 3, 5), 1, 48, Target(1.5, 2.5)),
    _convolution(32, (400,), (5,), 64, 64, Target(1.0, 1.3)),
    Work("depthwise 3x3 64x32x32x64", "depthwise", {"batch": 64, "size": 32, "channels": 64}, Target(1.0, 1.3),
         flops=6 * 9 * 64 * 32 * 32 * 64, bytes=FLOAT * 6 * 64 * 32 * 32 * 64),
    Work("embedding 20000x128 b32 T100", "embedding", {"batch": 32, "time": 100, "vocabulary": 20_000, "units": 128},
         Target(1.5, 2), bytes=FLOAT * 5 * 32 * 100 * 128),
    layer_norm(4096, Target(1.0, 1.3)),
]  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    args = options.parser(__doc__).parse_args(argv)
    options.limit(args)
    found = probes.in_own_process(args.quick)
    copies = ", ".join(f"{int(n) / 2**20:g} MiB {speed / 1e9:.0f}" for n, speed in found["copies"].items())
    sent = f"; all cores sent to work and back: {found['sharing_out'] * 1e6:.1f} us" if found["sharing_out"] else ""
    print(f"Peak {found['flops'] / 1e9:.0f} GFLOP/s; copies, GB/s: {copies}{sent}")
    document = options.run("ops", WORKS, args, probes=found)
    for record in document["works"]:
        mine = record["contenders"].get("minidl")
        if not args.quick and mine:  # quick work is smaller than its flops and bytes say
            seconds = probes.floor(record["flops"], record["bytes"], found)
            record["floor"] = {"seconds": seconds, "distance": mine["median"] / seconds}
    return options.finish(document, args, "Ops and layers, forwards and backwards")


if __name__ == "__main__":
    sys.exit(main())
