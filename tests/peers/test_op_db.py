"""PyTorch's own sample inputs (op_db), forward and backward: unbatched and empty arrays, odd windows, every reduction.

A sample is *expressed* by minidl's ops: a way to compute y, and the gradient of each tensor that asks for one. What minidl has
no words for is counted, and the number of samples that were compared is pinned.
"""

from collections import Counter

import numpy as np
import pytest

from minidl.geometry import Window
from minidl.layers import Dropout
from minidl.ops import activation as activations
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x, fold, unfold
from minidl.ops.cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
)
from minidl.ops.dropout import dropout_grad
from minidl.ops.linear import bias_grad, dense, dense_grad_W, dense_grad_x
from minidl.ops.merge import add
from minidl.ops.normalization import moments, normalize, normalize_grad
from minidl.ops.pooling import average_pool, average_pool_grad, max_pool, max_pool_grad
from minidl.ops.softmax import log_softmax, log_softmax_grad, softmax, softmax_grad
from minidl.ops.squared_error import squared_error, squared_error_grad
from tests.cases.ops import OF_X
from tests.peers.judge import ACTIVATIONS, agree, tensor, torch

pytestmark = pytest.mark.peer

EPSILON = 1e-7


class NoWords(Exception):
    """minidl cannot say this."""


def array(x):
    return x.detach().numpy()


def given(function, args, kwargs, **defaults):
    """The optional arguments of a PyTorch function, by name."""
    return {**defaults, **dict(zip(defaults, args)), **kwargs}


def per_axis(value, rank):
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return value * rank if len(value) == 1 else value


# -- windows: PyTorch's channels stand second, its batch axis may be missing, its padding is a number on both sides -----


def to_last(x, rank):
    """(n, c, *spatial) or (c, *spatial) -> (n, *spatial, c)."""
    return np.moveaxis(x if x.ndim == rank + 2 else x[None], 1, -1)


def from_last(y, batched):
    y = np.moveaxis(y, -1, 1)
    return y if batched else y[0]


class Padded:
    """An input with so many numbers before and behind its spatial axes, and the way back for its gradient."""

    def __init__(self, x, before, behind, value=0.0):
        self.slices = (slice(None), *(slice(a, a + n) for a, n in zip(before, x.shape[1:-1])), slice(None))
        self.x = np.pad(x, ((0, 0), *zip(before, behind), (0, 0)), constant_values=value)

    def cut(self, dx):
        return dx[self.slices]


def behind_for(y, x, size, strides, dilation, before):
    """Padding behind, such that the windows inside are as many as PyTorch found (its ceil_mode reaches further)."""
    out = y.shape[-len(size) :]
    return [
        max((o - 1) * s + (k - 1) * d + 1 - n - p, 0)
        for o, n, k, s, d, p in zip(out, x.shape[1:-1], size, strides, dilation, before)
    ]


def convolution(rank):
    def express(sample, y):
        W, b, *_ = (*sample.args, None)
        options = given(None, (), sample.kwargs, stride=1, padding=0, dilation=1, groups=1)
        batched, groups = sample.input.ndim == rank + 2, options["groups"]
        x, kernel = to_last(array(sample.input), rank), np.moveaxis(array(W), (0, 1), (-1, -2))
        padding = options["padding"]
        words = padding if isinstance(padding, str) else "valid"
        pads = (0,) * rank if isinstance(padding, str) else per_axis(padding, rank)
        window = Window(kernel.shape[:-2], per_axis(options["stride"], rank), words, per_axis(options["dilation"], rank))
        padded = Padded(x, pads, pads)

        def backward(dy):
            dy = to_last(dy, rank)
            dx = padded.cut(convolve_grad_x(dy, kernel, padded.x.shape[1:-1], window, groups))
            dW = np.moveaxis(convolve_grad_W(padded.x, dy, window, groups), (-1, -2), (0, 1))
            return [(sample.input, from_last(dx, batched)), (W, dW), (b, bias_grad(dy))]

        return from_last(convolve(padded.x, kernel, b if b is None else array(b), window, groups), batched), backward

    return express


def max_pooling(rank):
    def express(sample, y):
        names = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False}
        options = given(None, sample.args[1:], sample.kwargs, kernel_size=None) | {
            k: sample.kwargs.get(k, default) for k, default in names.items()
        }
        if options["return_indices"]:
            raise NoWords("the same sample once more, with the indices")
        batched = sample.input.ndim == rank + 2
        size, strides = per_axis(options["kernel_size"], rank), options["stride"]
        strides = size if strides is None else per_axis(strides, rank)
        dilation, before = per_axis(options["dilation"], rank), per_axis(options["padding"], rank)
        x = to_last(array(sample.input), rank)
        padded = Padded(x, before, behind_for(y, x, size, strides, dilation, before), -np.inf)
        window = Window(size, strides, "valid", dilation)
        received, winners = max_pool(padded.x, window)

        def backward(dy):
            dx = max_pool_grad(to_last(dy, rank), winners, padded.x.shape[1:-1], window)
            return [(sample.input, from_last(padded.cut(dx), batched))]

        return from_last(received, batched), backward

    return express


def average_pooling(rank):
    def express(sample, y):
        names = {
            "kernel_size": None,
            "stride": None,
            "padding": 0,
            "ceil_mode": False,
            "count_include_pad": True,
            "divisor_override": None,
        }
        options = given(None, sample.args, sample.kwargs, **names)
        batched = sample.input.ndim == rank + 2
        size, strides, before = per_axis(options["kernel_size"], rank), options["stride"], per_axis(options["padding"], rank)
        strides = per_axis(strides, rank) if strides else size
        x = to_last(array(sample.input), rank)
        behind = behind_for(y, x, size, strides, (1,) * rank, before)
        divisor = options["divisor_override"]
        if divisor is None and any(b > p for p, b in zip(before, behind)):
            raise NoWords("windows that reach beyond the padding count less")
        if divisor is None and any(before) and not options["count_include_pad"]:
            raise NoWords("padding on both sides that is not counted")
        padded, window = Padded(x, before, behind), Window(size, strides)
        factor = window.taps / divisor if divisor else 1.0

        def backward(dy):
            dx = average_pool_grad(to_last(dy, rank) * factor, padded.x.shape[1:-1], window)
            return [(sample.input, from_last(padded.cut(dx), batched))]

        return from_last(average_pool(padded.x, window) * factor, batched), backward

    return express


def unfolding(sample, y):
    options = given(None, sample.args, sample.kwargs, kernel_size=None, dilation=1, padding=0, stride=1)
    size, dilation, pads, strides = (per_axis(options[k], 2) for k in ("kernel_size", "dilation", "padding", "stride"))
    x = to_last(array(sample.input), 2)
    padded, window = Padded(x, pads, pads), Window(size, strides, "valid", dilation)
    patches = unfold(padded.x, window)  # (n, *out, taps, c); PyTorch has (n, c taps, out)
    n, *out, taps, c = patches.shape

    def backward(dy):
        dy = dy.reshape(n, c, taps, *out).transpose(0, 3, 4, 2, 1)
        return [(sample.input, from_last(padded.cut(fold(dy, padded.x.shape[1:-1], window)), True))]

    return patches.transpose(0, 4, 3, 1, 2).reshape(y.shape), backward


# -- one array in, one array out ---------------------------------------------------------------------------------------


def linear(sample, y):
    W, b, *_ = (*sample.args, None)
    x = array(sample.input)

    def backward(dy):
        rows = dy.reshape(-1, dy.shape[-1])
        return [(sample.input, dense_grad_x(dy, array(W).T)), (W, dense_grad_W(x, dy).T), (b, bias_grad(rows))]

    return dense(x, array(W).T, b if b is None else array(b)), backward


def elementwise(name, **renamed):
    def express(sample, y):
        options = {ours: sample.kwargs[theirs] for theirs, ours in renamed.items() if theirs in sample.kwargs}
        f, f_grad = getattr(activations, name), getattr(activations, f"{name}_grad")
        received = f(array(sample.input), **options)
        kept = array(sample.input) if name in OF_X else received
        return received, lambda dy: [(sample.input, f_grad(dy, kept, **options))]

    return express


def gelu(sample, y):
    x, approximate = array(sample.input), sample.kwargs.get("approximate") == "tanh"
    backward = lambda dy: [(sample.input, activations.gelu_grad(dy, x, approximate=approximate))]  # noqa: E731
    return activations.gelu(x, approximate=approximate), backward


def softplus(sample, y):
    x, beta = array(sample.input), sample.kwargs["beta"]
    received = activations.softplus(beta * x)
    return received / beta, lambda dy: [(sample.input, activations.softplus_grad(dy, received))]


def over_one_axis(f, f_grad):
    def express(sample, y):
        if sample.input.ndim == 0 or 0 in sample.input.shape[-1:]:
            raise NoWords("no axis of classes")
        axis = sample.args[0]
        received = f(np.moveaxis(array(sample.input), axis, -1))

        def backward(dy):
            return [(sample.input, np.moveaxis(f_grad(np.moveaxis(dy, axis, -1), received), -1, axis))]

        return np.moveaxis(received, -1, axis), backward

    return express


def sum_of_two(sample, y):
    (other,) = sample.args
    if other.shape != sample.input.shape or sample.kwargs:
        raise NoWords("shapes that differ, or a factor")
    return add(array(sample.input), array(other)), lambda dy: [(sample.input, dy), (other, dy)]


def dropout(sample, y):
    rate, training = sample.kwargs.get("p", 0.5), sample.kwargs.get("training", True)
    x = array(sample.input)
    if training and 0 < rate < 1:  # the mask PyTorch drew
        mask = array(y) != 0
        return dropout_grad(x, mask, rate), lambda dy: [(sample.input, dropout_grad(dy, mask, rate))]
    if x.ndim == 0:
        raise NoWords("no batch axis")
    layer = Dropout(rate, seed=0)
    received = layer.forward(x, training=training)
    return received, lambda dy: [(sample.input, layer.backward(dy))]


def batch_norm(sample, y):
    names = dict.fromkeys(("running_mean", "running_var", "weight", "bias"))
    options = given(None, sample.args, sample.kwargs, **names, training=False, momentum=0.1, eps=1e-5)
    if sample.input.ndim < 2:
        raise NoWords("no channel axis")
    x = np.moveaxis(array(sample.input), 1, -1)
    gamma, beta = (options[k] for k in ("weight", "bias"))
    gamma_array = None if gamma is None else array(gamma)
    training = options["training"] or options["running_mean"] is None
    mean, variance = moments(x) if training else (array(options[k]) for k in ("running_mean", "running_var"))
    received = normalize(x, mean, variance, gamma_array, None if beta is None else array(beta), options["eps"])

    def backward(dy):
        dx, dgamma, dbeta = normalize_grad(
            np.moveaxis(dy, 1, -1), x, mean, variance, gamma_array, options["eps"], bool(training)
        )
        return [(sample.input, np.moveaxis(dx, -1, 1)), (gamma, dgamma), (beta, dbeta)]

    return np.moveaxis(received, -1, 1), backward


# -- losses: minidl gives the loss of each sample and takes dL/d(that loss); PyTorch's reductions are such scales -------


def reduced(losses, weights, divisor, reduction):
    """y, and dL/d(loss) for a dy."""
    losses = losses * weights
    if reduction == "none":
        return losses, lambda dy: dy * weights
    if reduction == "sum":
        divisor = 1.0
    return losses.sum() / divisor, lambda dy: dy * weights / divisor


def cross_entropy(sample, y):
    options = given(None, sample.args[1:], sample.kwargs, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0)
    z = np.moveaxis(array(sample.input), 1, -1)
    classes, target = z.shape[-1], array(sample.args[0])
    class_weights = np.ones(classes) if options["weight"] is None else array(options["weight"])
    if sample.args[0].is_floating_point():
        t, kept = np.moveaxis(target, 1, -1), np.ones(z.shape[:-1])
        divisor = kept.sum()
    else:
        kept = (target != options["ignore_index"]).astype(float)
        t = np.eye(classes)[np.where(kept, target, 0)]
        divisor = (class_weights[np.where(kept, target, 0)] * kept).sum()
    smoothing = options["label_smoothing"]
    t = ((1 - smoothing) * t + smoothing / classes) * class_weights
    losses, probabilities = softmax_cross_entropy(z, t)
    received, scale = reduced(losses, kept, divisor, options["reduction"])

    def backward(dy):
        dz = softmax_cross_entropy_grad(probabilities, t, scale(dy)[..., None])
        return [(sample.input, np.moveaxis(dz, -1, 1))]

    return received, backward


def elementwise_loss(forward, backward):
    """Losses that average over the last axis: an axis of one makes them losses of single numbers."""

    def express(sample, y):
        if sample.kwargs.get("pos_weight") is not None:
            raise NoWords("positive targets that weigh more")
        p, t = array(sample.input)[..., None], array(sample.args[0])[..., None]
        weight = sample.kwargs.get("weight")
        weights = np.broadcast_to(1.0 if weight is None else array(weight), p.shape[:-1])
        losses, kept = forward(p, t)
        received, scale = reduced(losses, weights, losses.size, sample.kwargs.get("reduction", "mean"))
        return received, lambda dy: [(sample.input, backward(kept, t, np.asarray(scale(dy))[..., None])[..., 0])]

    return express


INSTEAD = {"nn.functional.hardsigmoid": ACTIVATIONS["hard_sigmoid"]}  # its own gradient is right in float32 only

EXPRESS = {  # name in op_db: how minidl says it, samples that must be compared at the least, keywords set to other values
    **{f"nn.functional.conv{rank}d": (convolution(rank), least, {}) for rank, least in ((1, 10), (2, 30), (3, 20))},
    **{f"nn.functional.max_pool{rank}d": (max_pooling(rank), least, {}) for rank, least in ((1, 432), (2, 720), (3, 288))},
    **{f"nn.functional.avg_pool{rank}d": (average_pooling(rank), least, {}) for rank, least in ((1, 5), (2, 7), (3, 7))},
    "nn.functional.unfold": (unfolding, 163, {}),
    "nn.functional.linear": (linear, 18, {}),
    "nn.functional.relu": (elementwise("relu"), 4, {}),
    "nn.functional.leaky_relu": (elementwise("leaky_relu", negative_slope="negative_slope"), 9, {"negative_slope": 0.01}),
    "nn.functional.elu": (elementwise("elu", alpha="alpha"), 3, {}),
    "nn.functional.softplus": (softplus, 3, {"threshold": 50}),  # PyTorch's samples bend at 0.2, which is another function
    "nn.functional.hardsigmoid": (elementwise("hard_sigmoid"), 3, {}),
    "sigmoid": (elementwise("sigmoid"), 3, {}),
    "tanh": (elementwise("tanh"), 1, {}),
    "sign": (elementwise("sign"), 1, {}),
    "softmax": (over_one_axis(softmax, softmax_grad), 10, {}),
    "log_softmax": (over_one_axis(log_softmax, log_softmax_grad), 10, {}),
    "nn.functional.gelu": (gelu, 6, {}),
    "nn.functional.silu": (elementwise("swish"), 3, {}),
    "nn.functional.mish": (elementwise("mish"), 3, {}),
    "nn.functional.selu": (elementwise("selu"), 3, {}),
    "nn.functional.softsign": (elementwise("softsign"), 3, {}),
    "exp": (elementwise("exponential"), 1, {}),
    "add": (sum_of_two, 2, {}),
    "nn.functional.dropout": (dropout, 14, {}),
    "nn.functional.batch_norm": (batch_norm, 20, {}),
    "nn.functional.cross_entropy": (cross_entropy, 21, {}),
    "nn.functional.binary_cross_entropy": (
        elementwise_loss(
            lambda p, t: (binary_cross_entropy(p, t, EPSILON), p),
            lambda p, t, scale: binary_cross_entropy_grad(p, t, scale, EPSILON),
        ),
        11,
        {},
    ),
    "nn.functional.binary_cross_entropy_with_logits": (
        elementwise_loss(sigmoid_cross_entropy, sigmoid_cross_entropy_grad),
        20,
        {},
    ),
    "nn.functional.mse_loss": (elementwise_loss(lambda p, t: (squared_error(p, t), p), squared_error_grad), 6, {}),
}


@pytest.fixture(scope="module")
def op_infos():
    pytest.importorskip("expecttest", reason="PyTorch's own tests, from which the samples come, need expecttest")
    from torch.testing._internal.common_methods_invocations import op_db

    return op_db


@pytest.mark.one_in(2)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("name", EXPRESS)
def test_samples(name, op_infos):
    express, least, replaced = EXPRESS[name]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    compared, skipped = 0, Counter()
    for info in (info for info in op_infos if info.name == name):
        for sample in info.sample_inputs("cpu", torch.float64, requires_grad=True):
            sample.kwargs.update(replaced)
            y = INSTEAD.get(name, info.op)(sample.input, *sample.args, **sample.kwargs)
            y = y[0] if isinstance(y, tuple) else y
            try:
                received, backward = express(sample, y)
            except NoWords as reason:
                skipped[str(reason)] += 1
                continue
            agree(received, y, f"op_db {name}: y")
            dy = rng.normal(size=tuple(y.shape))
            y.backward(tensor(dy))
            for leaf, dx in backward(dy):
                if leaf is not None and leaf.requires_grad:
                    agree(dx, leaf.grad, f"op_db {name}: gradient")
            compared += 1
    print(f"{name}: {compared} samples compared", *(f"{count} skipped ({why})" for why, count in skipped.items()), sep=", ")
    assert compared >= least, f"{name}: {compared} of at least {least} samples; skipped: {dict(skipped)}"
