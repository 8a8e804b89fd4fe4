"""What is done to sums on their way out: + bias, then ReLU."""

from __future__ import annotations

from minidl.kernels.numba._jit import compiled


@compiled
def finish(sums, bias, relu, y):  # type: ignore[no-untyped-def]
    """y = sums + bias, then ReLU; a bias of length 0 is none. NaN is not below zero, and stays."""
    if len(bias) and relu:
        for j in range(len(y)):
            s = sums[j] + bias[j]
            y[j] = 0 if s < 0 else s
    elif relu:
        for j in range(len(y)):
            y[j] = 0 if sums[j] < 0 else sums[j]
    elif len(bias):
        for j in range(len(y)):
            y[j] = sums[j] + bias[j]
    else:
        for j in range(len(y)):
            y[j] = sums[j]
