"""PyTorch's side of the layers for sequences, volumes and words; see ``pytorch.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.prepared import Prepared, Results

DEVICE = "cpu"


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def host(x: torch.Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def forward_and_backward(
    forward: Callable[..., torch.Tensor], leaves: list[torch.Tensor], dy: torch.Tensor
) -> Callable[[], tuple[torch.Tensor, ...]]:
    for leaf in leaves:
        leaf.requires_grad_()

    def run() -> tuple[torch.Tensor, ...]:
        y = forward(*leaves)
        return y, *torch.autograd.grad(y, leaves, dy)

    return run


def _in_layout(x: torch.Tensor, chosen: set[str]) -> torch.Tensor:
    """(n, *spatial, c) as (n, c, *spatial) in one of PyTorch's layouts."""
    x = x.movedim(-1, 1)
    if "channels_last" in chosen:
        return x.contiguous(memory_format=torch.channels_last_3d if x.ndim == 5 else torch.channels_last)
    return x.contiguous()


def convolution(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    rank = len(work["window"])
    function = {1: F.conv1d, 3: F.conv3d}[rank]
    x, dy = (_in_layout(tensor(arrays[name]), chosen if rank > 1 else set()) for name in ("x", "dy"))
    W, b = tensor(np.moveaxis(arrays["W"], (-1, -2), (0, 1))), tensor(arrays["b"])
    if "channels_last" in chosen and rank == 3:
        W = W.contiguous(memory_format=torch.channels_last_3d)
    run = forward_and_backward(function, [x, W, b], dy)

    def results() -> Results:
        y, dx, dW, db = run()
        return {
            "y": host(y.movedim(1, -1)),
            "dx": host(dx.movedim(1, -1)),
            "dW": np.moveaxis(host(dW), (0, 1), (-1, -2)),
            "db": host(db),
        }

    return Prepared(run, results)


def depthwise(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    x, dy = (_in_layout(tensor(arrays[name]), chosen) for name in ("x", "dy"))
    W, b = tensor(arrays["W"].transpose(2, 3, 0, 1)), tensor(arrays["b"])
    run = forward_and_backward(lambda x, W, b: F.conv2d(x, W, b, padding=1, groups=work["channels"]), [x, W, b], dy)

    def results() -> Results:
        y, dx, dW, db = run()
        return {
            "y": host(y.movedim(1, -1)),
            "dx": host(dx.movedim(1, -1)),
            "dW": host(dW).transpose(2, 3, 0, 1),
            "db": host(db),
        }

    return Prepared(run, results)


def _recurrent(
    make: Callable[..., nn.Module], biases: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], order: Any
) -> Any:
    """Weights by Keras's gate order; ``order`` puts PyTorch's gates into it."""

    def prepared(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
        units = work["units"]
        gates = [slice(k * units, (k + 1) * units) for k in order]

        def turned(a: np.ndarray) -> np.ndarray:
            return np.concatenate([a[..., gate] for gate in gates], axis=-1)

        layer = make(work["inputs"], units, batch_first=True)
        of_input, of_state = biases(arrays["b"])
        values = turned(arrays["W"]).T, turned(arrays["U"]).T, turned(of_input), turned(of_state)
        with torch.no_grad():
            for p, value in zip(layer.parameters(), values):
                p.copy_(tensor(value))
        x, dy = tensor(arrays["x"]).requires_grad_(), tensor(arrays["dy"])
        leaves = [x, *layer.parameters()]

        def run() -> tuple[torch.Tensor, ...]:
            y, _ = layer(x)
            return y, *torch.autograd.grad(y, leaves, dy)

        def results() -> Results:
            y, dx, dW, dU, db, dc = map(host, run())
            both = np.stack([turned(db), turned(dc)]) if arrays["b"].ndim == 2 else turned(db)
            return {"y": y, "dx": dx, "dW": turned(dW.T), "dU": turned(dU.T), "db": both}

        return Prepared(run, results)

    return prepared


def embedding(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    """Forward, backward and a step of plain SGD; the gradient sparse or dense, whichever is quicker."""
    ids, dy = tensor(arrays["ids"]), tensor(arrays["dy"])

    def make() -> tuple[nn.Embedding, torch.optim.Optimizer]:
        layer = nn.Embedding(work["vocabulary"], work["units"], sparse="sparse" in chosen)
        with torch.no_grad():
            layer.weight.copy_(tensor(arrays["W"]))
        return layer, torch.optim.SGD(layer.parameters(), 0.1)

    def step(layer: nn.Embedding, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        optimizer.zero_grad()
        y = layer(ids)
        y.backward(dy)
        optimizer.step()
        return y

    def results() -> Results:
        layer, optimizer = make()
        found = [host(step(layer, optimizer)).copy() for _ in range(2)]
        return {"y": found[1], "W": host(layer.weight)}

    layer, optimizer = make()
    return Prepared(lambda: step(layer, optimizer), results)


def layer_norm(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    leaves = [tensor(arrays[name]) for name in ("x", "gamma", "beta")]
    run = forward_and_backward(lambda x, g, b: F.layer_norm(x, (work["units"],), g, b, 1e-3), leaves, tensor(arrays["dy"]))

    def results() -> Results:
        return dict(zip(("y", "dx", "dgamma", "dbeta"), map(host, run())))

    return Prepared(run, results)


PREPARED = {
    "convolution": convolution,
    "depthwise": depthwise,
    "gru": _recurrent(nn.GRU, lambda b: (b[0], b[1]), (1, 0, 2)),
    "simple_rnn": _recurrent(nn.RNN, lambda b: (b, 0 * b), (0,)),
    "embedding": embedding,
    "layer_norm": layer_norm,
}
