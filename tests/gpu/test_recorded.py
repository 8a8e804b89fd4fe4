"""Every layer, loss and optimizer in a recorded step: no waiting, and replayed with other numbers the bits of a plain run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.backend import graphs
from minidl.layers import Context
from minidl.parameters import Parameter, ParameterGroup
from tests.cases.case import always_run
from tests.cases.layers import LAYERS, LOSSES, LossCase
from tests.cases.optimizers import label, make_optimizer
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import device
from tests.gpu.strict_cupy.streams import Graph
from tests.gpu.test_layers import OPTIMIZERS_AND_OPTIONS, on_the_stand_in, several

pytestmark = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
STEPS = 4

Compute = Callable[[list[Any]], list[Any]]


def steps_of(make: Callable[[], tuple[Compute, list[list[np.ndarray]], Callable[[], None]]], mode: str) -> list[bytes]:
    """All numbers of four steps, each with other inputs, in the order in which they were computed."""
    with on_the_stand_in("auto"), config.use_graphs(mode):
        compute, batches, prepare = make()
        recorder, found = backend.current().recorder(), []
        for batch in batches:
            arrays = [backend.current().asarray(a) for a in batch]
            prepare()
            with device.no_waiting():
                result = compute(arrays) if recorder is None else recorder.run("a step", compute, arrays, lambda: None)
            found += [a.get().tobytes() for a in result]
    return found


def check(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, refused: str = "") -> None:
    """The same bits, and recorded; unless something is ``refused``, and the steps run as they are."""
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    monkeypatch.setattr(graphs, "reasons", [])
    monkeypatch.setattr(Graph, "launched", 0)
    expected = steps_of(make, "off")
    assert steps_of(make, "on") == expected
    assert [refused in reason for reason in graphs.reasons] == [True] * bool(refused)
    assert Graph.launched == (0 if refused else STEPS - 1)


def nothing() -> None:
    pass


ALIKE = ("dense_", "conv_", "max_pool_", "average_pool_", "activation_")  # many cases of one layer, of which few run always
ONE_EACH = (
    "dense_relu",
    "conv_groups",
    "conv_first_same",
    "max_pool_odd_size",
    "average_pool_odd_size_same",
    "activation_gelu",
)


NOT_RECORDED = ("dot_", "local1d", "local2d")  # CuPy's own product of matrices
ALWAYS = [*ONE_EACH, *(name for name in always_run(LAYERS.values()) if not name.startswith(ALIKE))]


@pytest.mark.one_in(25)
@pytest.mark.parametrize("name", only(LAYERS, always=ALWAYS))
def test_layer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, backward and the new state; random numbers are drawn anew in each replay."""
    case = LAYERS[name]

    def make() -> tuple[Compute, list[list[np.ndarray]], Callable[[], None]]:
        layer = case.layer("float32")
        inputs = [several(case.inputs(seed=seed)) for seed in range(STEPS)]
        shape = layer.forward(case.inputs(), training=case.training).shape
        rng = np.random.default_rng(5)
        batches = [
            [*(x if case.ids else x.astype("float32") for x in xs), rng.normal(size=shape).astype("float32")] for xs in inputs
        ]

        def compute(arrays: list[Any]) -> list[Any]:
            *x, dy = arrays
            for p in layer.parameters:
                p.zero_grad()
            context = Context(case.training, step=layer.steps_done)
            y, saved = layer.apply(tuple(x) if layer.takes_many else x[0], context)
            dx = layer.gradient(dy, saved)
            context.commit()
            layer.count_step()
            gradients = [p.grad for p in layer.parameters if p.trainable]
            found = [y, *several(dx), *gradients, *(p.value for p in layer.weights), context.penalty]
            return [a for a in found if a is not None]

        return compute, batches, nothing

    check(make, monkeypatch, "not permitted" if name.startswith(NOT_RECORDED) else "")


@pytest.mark.one_in(10)
@pytest.mark.parametrize("masked", only([False, True], always=[True]), ids=["", "masked"])
@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
def test_loss(case: LossCase, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Value, gradient and prediction, of targets that were checked before."""

    def make() -> tuple[Compute, list[list[np.ndarray]], Callable[[], None]]:
        loss, batches = case.make(), []
        for step in range(STEPS):
            y_pred = np.roll(case.y_pred(), step, axis=0).astype("float32")
            batch = [y_pred, np.roll(case.y_true(), step, axis=0)]
            batch += [case.sample_weight()] if case.weights else []
            batch += [np.arange(len(y_pred)) % 3 > 0] if masked else []
            batches.append(batch)

        def compute(arrays: list[Any]) -> list[Any]:
            y_pred, y_true, *rest = arrays
            mask = rest.pop() if masked else None
            value, saved = loss.compute(y_pred, y_true, rest[0] if rest else None, mask)
            return [value, loss.gradient(saved), loss.prediction(y_pred, saved)]

        return compute, batches, nothing

    check(make, monkeypatch, "a copy from the host" if "alphas" in case.name else "")


@pytest.mark.one_in(7)
@pytest.mark.parametrize("case", OPTIMIZERS_AND_OPTIONS, ids=label)
def test_optimizer(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers travel before the step; the rule, decay, clipping and constraints are part of it."""

    def make() -> tuple[Compute, list[list[np.ndarray]], Callable[[], None]]:
        take, rng = backend.current().asarray, np.random.default_rng(1)
        parameters = [Parameter(take(rng.normal(size=(3, 4)).astype("float32")), name) for name in "ab"]
        parameters[0].learning_rate_multiplier = 0.5
        optimizer = make_optimizer(*case)
        group = ParameterGroup(parameters, optimizer.slots)
        optimizer.bind(group)
        made = [0]

        def prepare() -> None:
            optimizer.iterations, made[0] = made[0], made[0] + 1
            optimizer.prepare(group)

        def compute(arrays: list[Any]) -> list[Any]:
            for p, grad in zip(parameters, arrays):
                p.zero_grad()
                p.add_grad(grad)
            optimizer.step(group)
            return [a for p in parameters for a in (p.value, *group.state_of(p))]

        batches = [[rng.normal(size=(3, 4)).astype("float32") for _ in parameters] for _ in range(STEPS)]
        return compute, batches, prepare

    check(make, monkeypatch)
