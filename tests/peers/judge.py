"""What the tests of this folder share: the way to PyTorch, formulas it lacks, and the one comparison.

Leaves keep minidl's layout (channels last, kernels (*size, in / groups, out)) and are turned inside PyTorch, so that autograd
hands back gradients in minidl's layout too.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch, the judge of these tests, is not installed (minidl[peers])")
F = torch.nn.functional
torch.set_num_threads(1)

RELATIVE, ABSOLUTE = 1e-9, 1e-12  # float64; the second is multiplied by the scale of the array, its largest number or 1

compared: dict[str, tuple[int, float]] = {}  # for the summary: what -> number of arrays, largest difference


# -- there and back ----------------------------------------------------------------------------------------------------


def leaf(array):
    """A float64 tensor with a gradient."""
    return torch.tensor(np.asarray(array, np.float64), requires_grad=True)


def tensor(array):
    """A tensor without a gradient."""
    return torch.tensor(np.asarray(array))


def gradient(of):
    """A leaf's gradient; zeros where autograd never reached it."""
    return torch.zeros_like(of) if of.grad is None else of.grad


def agree(received, expected, what):
    """Assert that minidl's array is PyTorch's: shape, dtype, and values at the tolerance of this folder."""
    expected, received = expected.detach().numpy(), np.asarray(received)
    assert received.shape == expected.shape, f"{what}: shape {received.shape}, PyTorch {expected.shape}"
    assert received.dtype == expected.dtype, f"{what}: {received.dtype}, PyTorch {expected.dtype}"
    finite = np.isfinite(expected)
    scale = max(1.0, np.abs(expected[finite]).max(initial=0.0))
    np.testing.assert_allclose(received, expected, rtol=RELATIVE, atol=ABSOLUTE * scale, err_msg=what)
    difference = np.abs(received[finite] - expected[finite]).max(initial=0.0) / scale
    count, worst = compared.get(what, (0, 0.0))
    compared[what] = count + 1, max(worst, float(difference))


def judge(layer, x, formula, *, training=True, seed=0):
    """Compare y, dx and the gradient of every parameter of ``layer`` with ``formula(x, **parameters)`` for a random dy."""
    y = layer.forward(x, training=training)
    dy = np.random.default_rng(seed).normal(size=y.shape)
    for p in layer.parameters:
        p.zero_grad()
    dx = layer.backward(dy)
    x_leaf, leaves = leaf(x), {p.name: leaf(p.value) for p in layer.parameters}
    expected = formula(x_leaf, **leaves)
    expected.backward(tensor(dy))
    kind = type(layer).__name__
    agree(y, expected, f"{kind}: y")
    agree(dx, gradient(x_leaf), f"{kind}: dx")
    for p in layer.parameters:
        agree(p.grad, gradient(leaves[p.name]), f"{kind}: d{p.name}")


def built(layer, sample_shape, seed=1):
    """The layer with parameters drawn anew: zeros and ones, with which layers begin, would hide errors."""
    layer.build(sample_shape)
    rng = np.random.default_rng(seed)
    for p in layer.parameters:
        p.value[...] = rng.normal(size=p.shape)
    return layer


# -- formulas ----------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "linear": lambda x: x * 1.0,
    "sign": torch.sign,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "softplus": lambda x: F.softplus(x, threshold=50),  # beyond it PyTorch takes x itself, which is right to exp(-50)
    "leaky_relu": lambda x, negative_slope=0.2: F.leaky_relu(x, negative_slope),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,  # F.hardsigmoid's gradient is 1/6 in float32: wrong from the 8th digit
    "softmax": lambda x: F.softmax(x, dim=-1),
    "selu": F.selu,
    "softsign": F.softsign,
    "exponential": torch.exp,
    "swish": F.silu,
    "gelu": lambda x, approximate=False: F.gelu(x, approximate="tanh" if approximate else "none"),
    "mish": F.mish,
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
}


def channels_first(formula, data_format):
    """A formula on channels-last images as one on images of ``data_format``."""
    if data_format == "channels_last":
        return formula
    return lambda x, **parameters: formula(x.movedim(1, -1), **parameters).movedim(-1, 1)


def pad_same(x, size, strides, dilation, value=0.0):
    """x (n, c, *spatial) padded by TensorFlow's rule, in the words of its documentation."""
    pads = []
    for n, k, s, d in zip(x.shape[2:], size, strides, dilation):
        effective = (k - 1) * d + 1
        total = max(effective - s, 0) if n % s == 0 else max(effective - n % s, 0)
        pads = [total // 2, total - total // 2, *pads]  # F.pad counts the axes from the last
    return F.pad(x, pads, value=value)


def convolution(x, W, b=None, *, strides, padding, dilation, groups):
    """Channels last, any rank; kernels as minidl has them."""
    size = W.shape[:-2]
    x = x.movedim(-1, 1)
    if padding == "same":
        x = pad_same(x, size, strides, dilation)
    convolve = getattr(F, f"conv{len(size)}d")
    return convolve(x, W.movedim((-1, -2), (0, 1)), b, strides, 0, dilation, groups).movedim(1, -1)


def max_pooling(x, *, size, strides, padding):
    """Channels last, any rank."""
    x = x.movedim(-1, 1)
    if padding == "same":
        x = pad_same(x, size, strides, (1,) * len(size), -torch.inf)
    return getattr(F, f"max_pool{len(size)}d")(x, size, strides).movedim(1, -1)


def average_pooling(x, *, size, strides, padding):
    """Channels last, any rank; padding is not counted: the sum of each window over the number of inputs it holds."""
    x = x.movedim(-1, 1)
    inside = torch.ones_like(x)
    if padding == "same":
        x, inside = (pad_same(a, size, strides, (1,) * len(size)) for a in (x, inside))
    pool = getattr(F, f"avg_pool{len(size)}d")
    return (pool(x, size, strides) / pool(inside, size, strides)).movedim(1, -1)


# -- optimizers, as Keras writes them ----------------------------------------------------------------------------------


class Rule:
    """One optimizer in PyTorch's arithmetic: ``change(w, g, state, t)`` in place, at step t = 1, 2, ..."""

    def __init__(self, leaves, learning_rate, **options):
        self.leaves, self.learning_rate, self.options, self.t = list(leaves), learning_rate, options, 0
        self.state = [[torch.zeros_like(w), torch.zeros_like(w)] for w in self.leaves]

    def zero_grad(self):
        for w in self.leaves:
            w.grad = None

    @torch.no_grad()
    def step(self):
        self.t += 1
        for w, state in zip(self.leaves, self.state):
            self.change(w, gradient(w), state, self.t, **self.options)


class Descent(Rule):
    def change(self, w, g, state, t, momentum=0.0, nesterov=False):
        state[0] = momentum * state[0] - self.learning_rate * g
        w += momentum * state[0] - self.learning_rate * g if nesterov else state[0]


class RootMeanSquare(Rule):
    def change(self, w, g, state, t, rho=0.9, epsilon=1e-7):
        state[0] = rho * state[0] + (1 - rho) * g**2
        w -= self.learning_rate * g / (state[0] + epsilon) ** 0.5


class AdaptiveMoments(Rule):
    def change(self, w, g, state, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        state[0] = beta_1 * state[0] + (1 - beta_1) * g
        state[1] = beta_2 * state[1] + (1 - beta_2) * g**2
        rate = self.learning_rate * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
        w -= rate * state[0] / (state[1] ** 0.5 + epsilon)
