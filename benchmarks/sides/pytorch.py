"""PyTorch at its best: both memory layouts, eager and compiled, fused optimizers, inference mode; all else by default.

The results compare the best of these, piece by piece. Numbers go in and come out in minidl's layouts; the conversions are
made before and after what is timed.
"""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.dropout_facts import dropout_facts
from benchmarks.inputs import VERIFIED, all_samples, batches, output_size, weights_of
from benchmarks.lecture_models import EPSILON, MODELS, RATE
from benchmarks.prepared import CannotError, Prepared, Results
from benchmarks.sides import pytorch_layers, pytorch_residual

COMPILED = "compiled"
IN_PARTS = "128 at a time"
PART = 128
GRAPH = "CUDA graph"
DEVICE = "cpu"  # pytorch_gpu.py sets another, in its own process
WARM_UP = 3  # steps before a recording, as PyTorch's documentation has it


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def threads() -> int:
    return torch.get_num_threads()


def variants(work: dict[str, Any]) -> list[str]:
    if work["kind"] not in PREPARED:
        return []
    return [", ".join(filter(None, parts)) or "eager" for parts in itertools.product(*_choices(work))]


def _choices(work: dict[str, Any]) -> list[list[str]]:
    kind, images = work["kind"], _of_images(work.get("model")) or "channels" in work or work["kind"] == "residual_step"
    layouts = ["NCHW", "channels_last"] if images and kind not in ("relu", "dropout") else [""]
    if kind == "embedding":
        layouts = ["dense", "sparse"]
    compilable = work["compilers"] and kind in (
        *("train_step", "residual_step", "predict", "batch_norm_relu", "softmax_cross_entropy", "dropout"),
    )
    modes = ["", COMPILED] if compilable else [""]
    optimizers = ["fused", "default"] if kind == "adam" or (kind == "train_step" and not images) else [""]
    parts = ["", IN_PARTS] if kind == "predict" and work["batch"] > PART else [""]
    return [layouts, modes, optimizers, parts]


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    chosen = set(variant.split(", "))
    if COMPILED in chosen and not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        raise CannotError("torch.compile needs a C++ compiler, and there is none here")
    return PREPARED[work["kind"]](work, arrays, chosen)


def release() -> None:
    """Forget what was compiled: after eight versions of one function PyTorch would go back to eager without a word."""
    torch.compiler.reset()


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).to(DEVICE)


def _host(x: torch.Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def _maybe_compiled(function: Any, chosen: set[str]) -> Any:
    return torch.compile(function) if COMPILED in chosen else function


# -- images: minidl's (n, h, w, c) and PyTorch's (n, c, h, w) ----------------------------------------------------------


def _images(array: np.ndarray, chosen: set[str]) -> torch.Tensor:
    x = _tensor(array).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last if "channels_last" in chosen else torch.contiguous_format)


def _back(x: torch.Tensor) -> np.ndarray:
    return _host(x.permute(0, 2, 3, 1).contiguous())


def _kernel(W: np.ndarray) -> torch.Tensor:
    return _tensor(W.transpose(3, 2, 0, 1).copy())


def _forward_and_backward(
    forward: Callable[..., torch.Tensor], leaves: list[torch.Tensor], dy: torch.Tensor
) -> Callable[[], tuple[torch.Tensor, ...]]:
    for leaf in leaves:
        leaf.requires_grad_()

    def run() -> tuple[torch.Tensor, ...]:
        y = forward(*leaves)
        return y, *torch.autograd.grad(y, leaves, dy)

    return run


def _conv2d(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    # "same" puts the extra zero of an odd number behind, PyTorch's symmetric padding in front: mirrored, the two agree.
    total = max((output_size(work) - 1) * work["strides"] + work["kernel"] - work["size"], 0)
    mirror = (slice(None), *[slice(None, None, -1)] * 2) if total % 2 else ()
    x, dy = (_images(arrays[name][mirror].copy(), chosen) for name in ("x", "dy"))
    W, b = _kernel(arrays["W"][mirror[1:]]), _tensor(arrays["b"])
    if "channels_last" in chosen:
        W = W.contiguous(memory_format=torch.channels_last)
    forward = functools.partial(F.conv2d, stride=work["strides"], padding=(total + 1) // 2)
    run = _forward_and_backward(forward, [x, W, b], dy)

    def results() -> Results:
        y, dx, dW, db = run()
        dW_like_keras = _host(dW.permute(2, 3, 1, 0).contiguous())
        return {"y": _back(y)[mirror], "dx": _back(dx)[mirror], "dW": dW_like_keras[mirror[1:]], "db": _host(db)}

    return Prepared(run, results)


def _pool(function: Any) -> Callable[..., Prepared]:
    def prepared(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
        run = _forward_and_backward(lambda x: function(x, 2), [_images(arrays["x"], chosen)], _images(arrays["dy"], chosen))

        def results() -> Results:
            y, dx = run()
            return {"y": _back(y), "dx": _back(dx)}

        return Prepared(run, results)

    return prepared


def _relu(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    run = _forward_and_backward(F.relu, [_tensor(arrays["x"])], _tensor(arrays["dy"]))

    def results() -> Results:
        y, dx = run()
        return {"y": _host(y), "dx": _host(dx)}

    return Prepared(run, results)


def _dropout(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    forward = _maybe_compiled(lambda x: F.dropout(x, work["rate"], training=True), chosen)
    run = _forward_and_backward(forward, [_tensor(arrays["x"])], _tensor(arrays["dy"]))

    def results() -> Results:
        y, dx = map(_host, run())
        return dropout_facts(arrays, y, dx)

    return Prepared(run, results)


def _batch_norm_relu(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    mean, variance = (f(work["channels"], device=DEVICE) for f in (torch.zeros, torch.ones))

    def both(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        return F.relu(F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=0.01, eps=1e-3))

    leaves = [_images(arrays["x"], chosen), _tensor(arrays["gamma"]), _tensor(arrays["beta"])]
    run = _forward_and_backward(_maybe_compiled(both, chosen), leaves, _images(arrays["dy"], chosen))

    def results() -> Results:
        y, dx, dgamma, dbeta = run()
        return {"y": _back(y), "dx": _back(dx), "dgamma": _host(dgamma), "dbeta": _host(dbeta)}

    return Prepared(run, results)


def _dense(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    leaves = [_tensor(array) for array in (arrays["x"], arrays["W"].T.copy(), arrays["b"])]
    run = _forward_and_backward(F.linear, leaves, _tensor(arrays["dy"]))

    def results() -> Results:
        y, dx, dW, db = run()
        return {"y": _host(y), "dx": _host(dx), "dW": _host(dW.T.contiguous()), "db": _host(db)}

    return Prepared(run, results)


def _lstm(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    layer = nn.LSTM(work["inputs"], work["units"], batch_first=True).to(DEVICE)
    with torch.no_grad():
        for p, value in zip(layer.parameters(), (arrays["W"].T, arrays["U"].T, arrays["b"], 0 * arrays["b"])):
            p.copy_(_tensor(value.copy()))
    x = _tensor(arrays["x"]).requires_grad_()
    dy = _tensor(arrays["dy"])
    leaves = [x, *layer.parameters()]

    def run() -> tuple[torch.Tensor, ...]:
        y, _ = layer(x)
        return y, *torch.autograd.grad(y, leaves, dy)

    def results() -> Results:
        y, dx, dW, dU, db, _ = run()
        found = {"y": y, "dx": dx, "dW": dW.T.contiguous(), "dU": dU.T.contiguous(), "db": db}
        return {name: _host(value) for name, value in found.items()}

    return Prepared(run, results)


def _softmax_cross_entropy(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    x, labels = _tensor(arrays["x"]).requires_grad_(), _tensor(arrays["labels"])
    loss = _maybe_compiled(F.cross_entropy, chosen)

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        value = loss(x, labels)
        (dx,) = torch.autograd.grad(value, [x])
        return value, dx

    def results() -> Results:
        value, dx = run()
        return {"loss": _host(value), "dx": _host(dx)}

    return Prepared(run, results)


def _adam(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    def make() -> tuple[torch.Tensor, Any]:
        p = _tensor(arrays["value"].copy()).requires_grad_()
        p.grad = _tensor(arrays["grad"])
        return p, _optimizer("adam", [p], chosen)

    def results() -> Results:
        p, optimizer = make()
        _epsilon_as_in_keras(optimizer)
        for _ in range(3):
            optimizer.step()
        return {"change": _host(p) - arrays["value"]}

    _, optimizer = make()
    return Prepared(optimizer.step, results)


# -- whole models ------------------------------------------------------------------------------------------------------


def _optimizer(name: str, parameters: Any, chosen: set[str]) -> Any:
    fused = None if "default" in chosen else True
    if name == "sgd":
        return torch.optim.SGD(parameters, RATE["sgd"], fused=fused)
    return torch.optim.Adam(parameters, RATE["adam"], eps=EPSILON, fused=fused, capturable=GRAPH in chosen)


def _epsilon_as_in_keras(optimizer: Any) -> None:
    """Keras adds Adam's epsilon before the bias correction, PyTorch after it; verified is with Keras's, timed with the own."""
    if isinstance(optimizer, torch.optim.Adam):
        steps = itertools.count(1)
        optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: _set_epsilon(optimizer, next(steps)))


def _set_epsilon(optimizer: Any, step: int) -> None:
    for group in optimizer.param_groups:
        group["eps"] = EPSILON / (1 - group["betas"][1] ** step) ** 0.5


def _network(name: str, arrays: dict[str, np.ndarray], chosen: set[str]) -> nn.Module:
    """The model up to its logits."""
    blueprint, layers = MODELS[name], []
    hidden = {"relu": nn.ReLU, "tanh": nn.Tanh}[blueprint.hidden]
    for (size, _, channels, filters), padding in zip(blueprint.kernels, blueprint.paddings):
        pads = size // 2 if padding == "same" else 0
        layers += [nn.Conv2d(channels, filters, size, padding=pads), hidden(), nn.MaxPool2d(2)]
    if blueprint.paddings:
        layers.append(nn.Flatten())
    for inputs, units in blueprint.kernels[len(blueprint.paddings) :]:
        layers += [nn.Linear(inputs, units), hidden()]
    network = nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for index, (p, w) in enumerate(zip(network.parameters(), weights_of(arrays), strict=True)):
            if w.ndim == 4:
                p.copy_(_kernel(w))
            elif blueprint.paddings and index == 2 * len(blueprint.paddings):
                # flattened height, width, channels there, channels first here
                p.copy_(_tensor(w.reshape(*blueprint.flattened(), -1).transpose(2, 0, 1, 3).reshape(w.shape).T.copy()))
            else:
                p.copy_(_tensor(w.T.copy()))
    network = network.to(DEVICE)
    return network.to(memory_format=torch.channels_last) if "channels_last" in chosen else network


def _input(name: str, x: np.ndarray, chosen: set[str]) -> torch.Tensor:
    return _images(x, chosen) if _of_images(name) else _tensor(x)


def _of_images(name: str | None) -> bool:
    return name in MODELS and bool(MODELS[name].paddings)


class _Training:
    """A model with its optimizer, and the step everybody writes."""

    def __init__(self, work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> None:
        self.network = _network(work["model"], arrays, chosen)
        self.forward = _maybe_compiled(self.network, chosen)
        self.optimizer = _optimizer(MODELS[work["model"]].optimizer, self.network.parameters(), chosen)

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.forward(x), labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def as_in_keras(self) -> None:
        _epsilon_as_in_keras(self.optimizer)

    def predictions(self, x: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            return _host(torch.softmax(self.network(x), dim=1))


class _Recorded(_Training):
    """The same step as a CUDA graph: recorded with the first batch, replayed with every one."""

    _replay: Callable[[], None] | None = None
    _steps: Any = None

    def as_in_keras(self) -> None:
        """A recording keeps the epsilon it was made with, so each verified step of Adam is recorded anew."""
        if isinstance(self.optimizer, torch.optim.Adam):
            self._steps = itertools.count(1)

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self._steps is not None:
            _set_epsilon(self.optimizer, next(self._steps))
            self._replay = None
        if self._replay is None:
            self._replay = self._recorded(x, labels)
        self._x.copy_(x)
        self._labels.copy_(labels)
        self._replay()
        return self._loss

    def _recorded(self, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
        """The replay; weights and moments are afterwards what they were before."""
        before = [number.detach().clone() for number in self._numbers()]
        self._x, self._labels = x.clone(), labels.clone()
        replay = recorded(self._step)
        with torch.no_grad():
            for number, old in itertools.zip_longest(self._numbers(), before):
                number.zero_() if old is None else number.copy_(old)
        return replay

    def _step(self) -> None:
        self._loss = super().step(self._x, self._labels).detach()  # or the next step would take over nodes of another stream

    def _numbers(self) -> list[torch.Tensor]:
        return [*self.network.parameters(), *(n for state in self.optimizer.state.values() for n in state.values())]


def recorded(step: Callable[[], None]) -> Callable[[], None]:
    """What replays ``step``, which is run a few times before; its memory stays where it is."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _train_step(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    Training = _Recorded if GRAPH in chosen else _Training
    training = Training(work, arrays, chosen)
    parts = np.split(arrays["x"], batches(work)), np.split(arrays["labels"], batches(work))
    data = [(_input(work["model"], x, chosen), _tensor(labels)) for x, labels in zip(*parts)]
    endless = itertools.cycle(data)

    def run() -> None:
        training.step(*next(endless))

    def results() -> Results:
        fresh = Training(work, arrays, chosen)
        fresh.as_in_keras()
        losses = [fresh.step(*data[i % len(data)]).item() for i in range(5)]
        afterwards = fresh.predictions(_input(work["model"], arrays["x"][:16], chosen))
        return {"losses": np.array(losses), "predictions afterwards": afterwards}

    return Prepared(run, results)


def _fit(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    """One pass of a plain loop: shuffle, take a batch, make a step."""
    all_x = all_samples(work, arrays["x"])
    x = _input(work["model"], all_x, chosen)
    labels = _tensor(all_samples(work, arrays["labels"]))
    training = _Training(work, arrays, chosen)

    def epoch(training: _Training, order: torch.Tensor) -> float:
        total = torch.zeros((), device=DEVICE)
        for first in range(0, len(order), 128):
            indices = order[first : first + 128]
            batch = x[indices]
            if work["bytes"]:
                batch = batch.float() / 255
            total += training.step(batch, labels[indices]).detach() * len(indices)
        return total.item() / len(order)

    def warm_up() -> None:
        epoch(_Training(work, arrays, chosen), torch.randperm(min(len(x), VERIFIED), device=DEVICE))

    def results() -> Results:
        fresh = _Training(work, arrays, chosen)
        fresh.as_in_keras()
        loss = epoch(fresh, torch.arange(min(len(x), VERIFIED), device=DEVICE))
        start = x[:16].float() / 255 if work["bytes"] else x[:16]
        return {"loss": np.array([loss]), "predictions afterwards": fresh.predictions(start)}

    return Prepared(lambda: epoch(training, torch.randperm(len(x), device=DEVICE)), results, warm_up=warm_up)


def _predict(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    network = _network(work["model"], arrays, chosen)
    network.eval()
    forward = _maybe_compiled(network, chosen)
    x = _input(work["model"], arrays["x"], chosen)

    @torch.inference_mode()
    def run() -> torch.Tensor:
        if IN_PARTS in chosen:
            return torch.cat([torch.softmax(forward(part), dim=1) for part in x.split(PART)])
        return torch.softmax(forward(x), dim=1)

    return Prepared(run, lambda: {"y": _host(run())})


PREPARED: dict[str, Callable[..., Prepared]] = {
    "conv2d": _conv2d,
    "max_pool": _pool(F.max_pool2d),
    "average_pool": _pool(F.avg_pool2d),
    "relu": _relu,
    "dropout": _dropout,
    "batch_norm_relu": _batch_norm_relu,
    "dense": _dense,
    "lstm": _lstm,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "adam": _adam,
    "train_step": _train_step,
    "fit": _fit,
    "predict": _predict,
    **pytorch_layers.PREPARED,
    **pytorch_residual.PREPARED,
}
