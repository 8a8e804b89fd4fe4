"""The restricted Boltzmann machine: an energy for each pair of visible v and hidden h, and probabilities that follow from it.

v (n, visible), h (n, hidden) in {0, 1}, W (visible, hidden), b (visible,), c (hidden,), p(v, h) = exp(-E(v, h)) / Z

    v in {0, 1}:     E(v, h) = - b.v - c.h - v W h             (Bernoulli)
    v real:          E(v, h) = |v - b|^2 / 2 - c.h - v W h     (Gaussian, variance 1)

No two units of a side are connected, so one side given the other is a row of independent units:

    p(h_j = 1 | v) = sigmoid(c_j + (v W)_j)
    p(v_i = 1 | h) = sigmoid(b_i + (W h)_i)     or     v_i | h ~ Normal(b_i + (W h)_i, 1)

Summed over all h, p(v) = exp(-F(v)) / Z with the free energy

    F(v) = - b.v - sum_j softplus(c_j + (v W)_j)     or     |v - b|^2 / 2 - sum_j softplus(c_j + (v W)_j)

Gradients of L = - mean log p(v), with p_j = p(h_j = 1 | v), and v', p' of the model's own v:

    dW = E[v'^T p'] - E[v^T p]         db = E[v'] - E[v]         dc = E[p'] - E[p]

Derived in docs/derivations/contrastive_divergence.md.
Sources: Smolensky 1986; Hinton 2002; Welling, Rosen-Zvi and Hinton 2005 (Gaussian units).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, backend_of
from minidl.ops.activation import sigmoid, softplus
from minidl.ops.linear import dense

KINDS = ("bernoulli", "gaussian")
_WORDS = 4294967296.0  # 2^32


def hidden_probabilities(v: Array, W: Array, c: Array) -> Array:
    """p(h_j = 1 | v): (n, hidden)."""
    return sigmoid(dense(v, W, c))


def visible_means(h: Array, W: Array, b: Array, kind: str) -> Array:
    """E[v | h]: (n, visible); of Bernoulli units these are probabilities."""
    mean = dense(h, W.T, b)
    return sigmoid(mean) if kind == "bernoulli" else mean


def sample_bernoulli(p: Array, key: tuple[int, int], step: int, call: int, use: int) -> Array:
    """1 with probability p, else 0: where word_i < p_i 2^32, of the random words at (step, call, use)."""
    words = backend_of(p).random_words(key, (step, call, use), p.size).reshape(p.shape)
    return (words < p * _WORDS).astype(p.dtype)


def energy(v: Array, h: Array, W: Array, b: Array, c: Array, kind: str) -> Array:
    """E(v, h): (n,)."""
    return _of_visible(v, b, kind) - h @ c - (dense(v, W) * h).sum(axis=-1)


def free_energy(v: Array, W: Array, b: Array, c: Array, kind: str) -> Array:
    """F(v) = - log sum_h exp(-E(v, h)): (n,)."""
    return _of_visible(v, b, kind) - softplus(dense(v, W, c)).sum(axis=-1)


def _of_visible(v: Array, b: Array, kind: str) -> Array:
    """The part of the energy that no hidden unit has to do with."""
    if kind == "bernoulli":
        return -(v @ b)
    return array_namespace(v).square(v - b).sum(axis=-1) / 2


def contrast_grads(v: Array, p: Array, v_model: Array, p_model: Array) -> tuple[Array, Array, Array]:
    """dW, db, dc of - mean log p(v), with the model's expectation taken over the rows of v_model and p_model."""
    dW = dense(v_model.T, p_model) / len(v_model) - dense(v.T, p) / len(v)
    return dW, v_model.mean(axis=0) - v.mean(axis=0), p_model.mean(axis=0) - p.mean(axis=0)


def log_sum_of_hidden(h: Array, W: Array, b: Array, c: Array, kind: str) -> Array:
    """log sum over all v of exp(-E(v, h)): (n,); of Gaussian units an integral.

    sum_v exp(-E) = exp(c.h) prod_i (1 + exp(b_i + (W h)_i))     or     exp(c.h) (2 pi)^(visible / 2) exp(b.W h + |W h|^2 / 2)
    """
    xp = array_namespace(h)
    into = dense(h, W.T)
    if kind == "bernoulli":
        return h @ c + softplus(into + b).sum(axis=-1)
    return h @ c + into @ b + xp.square(into).sum(axis=-1) / 2 + len(b) * _HALF_LOG_2_PI


_HALF_LOG_2_PI = 0.9189385332046727


def log_sum(x: Array) -> Array:
    """log sum exp(x_i) of all numbers of x, where no exponential overflows."""
    xp = array_namespace(x)
    largest = x.max()
    return largest + xp.log(xp.exp(x - largest).sum())
