"""Every layer, loss and optimizer on the stand-in for CuPy: nothing that CuPy lacks or refuses, and the CPU's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.layers import Dropout
from minidl.parameters import Parameter
from tests.cases.layers import LAYERS, LOSSES, Case, LossCase, sampled
from tests.cases.optimizers import OPTIMIZERS, OPTIONS, label, make_optimizer
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import device, stand_in

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
both_kernels = pytest.mark.parametrize("kernels", ["reference", pytest.param("auto", marks=needs_compiler)])


@contextmanager
def on_the_stand_in(kernels: str, graphs: str = "off") -> Iterator[None]:
    with stand_in(), backend.use_backend("cupy"), config.use_kernels(kernels), config.use_graphs(graphs):
        yield


def to_host(x: Any) -> Any:
    return tuple(map(to_host, x)) if isinstance(x, tuple) else x.get() if hasattr(x, "get") else np.array(x)


def several(x: Any) -> tuple:
    return x if isinstance(x, tuple) else (x,)


def everything(case: Case, dtype: str) -> list[np.ndarray]:
    """What two steps forward and back give: y, dx, gradients, state; and y in inference, all of them device arrays before."""
    layer, found = case.layer(dtype), []
    with config.use_dtype(dtype):
        for seed in (0, 1):
            y = layer.forward(case.inputs(seed=seed), training=case.training)
            dy = np.random.default_rng(5).normal(size=y.shape).astype(dtype)
            dx = layer.backward(dy)
            found += [y, *(a for a in several(dx) if a is not None)]  # ids have no gradient
        found += [p.grad for p in layer.parameters if p.trainable] + [p.value for p in layer.weights]
        found.append(layer(case.inputs()))
    assert all(type(a) is backend.current().array_type for a in found)
    return [to_host(a) for a in found]


def assert_equal_to_rounding(found: list[np.ndarray], expected: list[np.ndarray], dtype: str) -> None:
    rounding = 1e-12 if dtype == "float64" else 2e-5
    for a, e in zip(found, expected, strict=True):
        assert (a.dtype, a.shape) == (e.dtype, e.shape)
        np.testing.assert_allclose(a, e, rtol=rounding, atol=rounding * np.abs(e).max(initial=1))


@pytest.mark.one_in(11)
@pytest.mark.parametrize(
    "kernels, dtype",
    [
        ("reference", "float64"),
        pytest.param("reference", "float32", marks=pytest.mark.slow),
        pytest.param("auto", "float32", marks=needs_compiler),
        pytest.param("auto", "float64", marks=[needs_compiler, pytest.mark.slow]),
    ],
)
@pytest.mark.parametrize("case", **sampled(LAYERS.values()))
def test_layer(case: Case, kernels: str, dtype: str) -> None:
    with config.use_kernels("reference"):
        expected = everything(case, dtype)
    with on_the_stand_in(kernels):
        found = everything(case, dtype)
    assert_equal_to_rounding(found, expected, dtype)
    if isinstance(case.make(), Dropout):
        for a, e in zip(found, expected):
            np.testing.assert_array_equal(a == 0, e == 0)  # the same mask


def loss_and_gradient(case: LossCase) -> list[np.ndarray]:
    loss = case.make()
    value, saved = loss.apply(case.y_pred().astype("float32"), case.y_true(), case.sample_weight())
    return [to_host(value), to_host(loss.gradient(saved))]


@pytest.mark.one_in(10)
@both_kernels
@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
def test_loss(case: LossCase, kernels: str) -> None:
    with config.use_kernels("reference"):
        expected = loss_and_gradient(case)
    with on_the_stand_in(kernels):
        assert_equal_to_rounding(loss_and_gradient(case), expected, "float32")


OPTIMIZERS_AND_OPTIONS = OPTIMIZERS + [("Adam", options) for options in OPTIONS]


def some_steps(case: Any) -> list[np.ndarray]:
    take = backend.current().asarray
    start = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
    parameters, optimizer = (
        [Parameter(take(start[0].copy()), "a"), Parameter(take(start[1].copy()), "b")],
        make_optimizer(*case),
    )
    parameters[0].learning_rate_multiplier = 0.5
    for step in range(3):
        for p in parameters:
            p.grad = take(np.cos(start[0] + step))
        optimizer.step(parameters)
    return [to_host(p.value) for p in parameters]


@pytest.mark.one_in(7)
@both_kernels
@pytest.mark.parametrize("case", OPTIMIZERS_AND_OPTIONS, ids=label)
def test_optimizer(case: Any, kernels: str) -> None:
    expected = some_steps(case)
    with on_the_stand_in(kernels):
        assert_equal_to_rounding(some_steps(case), expected, "float32")


def test_a_hidden_wait_would_be_noticed() -> None:
    with stand_in() as cupy:
        x = cupy.asarray(np.ones((2, 3)))
        for hidden in (float, int, bool, list, lambda a: a.tolist(), lambda a: a.sum().item(), np.asarray, lambda a: a[a > 0]):
            with pytest.raises(TypeError):
                hidden(x)
        with device.no_waiting(), pytest.raises(AssertionError, match="waits"):
            x.get()
        assert device.waits == 0
        x.get()
        assert device.waits == 1
