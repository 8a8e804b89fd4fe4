"""Attention against PyTorch's scaled dot product and its multi-head attention, and written out for what PyTorch lacks."""

import importlib.util

import numpy as np
import pytest

from minidl.layers import AdditiveAttention, Attention, MultiHeadAttention
from tests.peers.judge import F, agree, built, gradient, leaf, tensor, torch

pytestmark = pytest.mark.peer

SHAPES = {"two": ((4, 3, 5), (4, 7, 5)), "three": ((4, 3, 5), (4, 7, 2), (4, 7, 5))}
SHAPES |= {"one query": ((2, 1, 3), (2, 4, 3)), "one key": ((2, 3, 3), (2, 1, 3)), "none": ((0, 3, 2), (0, 4, 2))}
every_shape = pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)


def numbers(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def judge(layer, xs, formula, mask=None):
    """y, dx of every input and every parameter's gradient, against ``formula(*xs, **parameters)``, which may give a pair."""
    y = layer.forward(xs, training=False, mask=mask)
    ys = y if isinstance(y, tuple) else (y,)
    dys = numbers([part.shape for part in ys], seed=5)
    dxs = layer.backward(tuple(dys) if isinstance(y, tuple) else dys[0])
    leaves, parameters = [leaf(x) for x in xs], {p.name: leaf(p.value) for p in layer.parameters}
    expected = formula(*leaves, **parameters)
    expected = expected if isinstance(expected, tuple) else (expected,)
    torch.autograd.backward(expected, [tensor(dy) for dy in dys])
    kind = type(layer).__name__
    for part, of_pytorch in zip(ys, expected, strict=True):
        agree(part, of_pytorch, f"{kind}: y")
    for dx, x in zip(dxs, leaves, strict=True):
        agree(dx, gradient(x), f"{kind}: dx")
    for p in layer.parameters:
        agree(p.grad, gradient(parameters[p.name]), f"{kind}: d{p.name}")


def samples_of(xs):
    return tuple(x.shape[1:] for x in xs)


# -- scaled dot product --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
@every_shape
def test_scaled_dot_product(shapes, causal):
    xs = numbers(shapes)
    layer = built(Attention(use_scale=True, use_causal_mask=causal), samples_of(xs))
    layer.scale.value = xs[0].shape[-1] ** -0.5

    def formula(q, v, k=None, scale=None):
        return F.scaled_dot_product_attention(q * (scale * q.shape[-1] ** 0.5), v if k is None else k, v, is_causal=causal)

    judge(layer, xs, formula)


MASK = np.arange(7) < np.array([7, 1, 4, 0])[:, None]  # of the keys; in the last sample nothing can be seen


@pytest.mark.parametrize("causal", [False, True])
def test_padding(causal):
    """Where a query sees nothing PyTorch gives zeros as well."""
    xs = numbers(((4, 3, 5), (4, 7, 5)))
    of_query = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 0]], bool)
    layer = Attention(use_causal_mask=causal)
    layer.build(samples_of(xs))

    def formula(q, v):
        seen = tensor(MASK)[:, None].expand(4, 3, 7)
        seen = seen & torch.ones(3, 7, dtype=torch.bool).tril() if causal else seen
        return F.scaled_dot_product_attention(q, v, v, seen, scale=1.0) * tensor(of_query)[..., None]

    judge(layer, xs, formula, mask=(of_query, MASK))


def test_scores_beyond_what_an_exponential_holds():
    xs = [300 * x for x in numbers(((2, 3, 4), (2, 5, 4)))]
    layer = Attention()
    layer.build(samples_of(xs))
    judge(layer, xs, lambda q, v: F.scaled_dot_product_attention(q, v, v, scale=1.0))


# -- other scores, and weights as a second result ----------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("mode", ["dot", "concat", "additive"])
@every_shape
def test_scores(shapes, mode, scaled, weights):
    xs = numbers(shapes)
    make = AdditiveAttention if mode == "additive" else lambda **options: Attention(score_mode=mode, **options)
    layer = built(make(use_scale=scaled, return_attention_scores=weights), samples_of(xs))

    def formula(q, v, k=None, scale=1.0, concat_score_weight=1.0):
        k = v if k is None else k
        if mode == "dot":
            s = torch.einsum("nid,njd->nij", q, k) * scale
        elif mode == "concat":
            s = concat_score_weight * torch.tanh(scale * (q[:, :, None] + k[:, None])).sum(dim=-1)
        else:
            s = (scale * torch.tanh(q[:, :, None] + k[:, None])).sum(dim=-1)
        p = F.softmax(s, dim=-1)
        return (p @ v, p) if weights else p @ v

    judge(layer, xs, formula)


# -- several heads -----------------------------------------------------------------------------------------------------------


def of_pytorch(q, v, k, heads, *, attn_mask=None, key_padding_mask=None, weights=False, **parameters):
    """torch.nn.MultiheadAttention's function, with kernels as minidl has them; its key and value may have other features."""
    width = q.shape[-1]
    flat = {name: p.reshape(p.shape[0], -1).T for name, p in parameters.items() if name.startswith("W")}
    out = parameters["W_output"].reshape(-1, width).T
    bias = torch.cat([parameters[f"b_{name}"].reshape(-1) for name in ("query", "key", "value")])
    y, p = F.multi_head_attention_forward(
        *(x.transpose(0, 1) for x in (q, k, v)), width, heads, None, bias, None, None, False, 0.0, out,
        parameters["b_output"], training=False, key_padding_mask=key_padding_mask, need_weights=weights,
        attn_mask=attn_mask, use_separate_proj_weight=True, q_proj_weight=flat["W_query"], k_proj_weight=flat["W_key"],
        v_proj_weight=flat["W_value"], average_attn_weights=False,
    )  # fmt: skip
    return (y.transpose(0, 1), p) if weights else y.transpose(0, 1)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_multi_head(heads, causal, weights):
    xs = numbers(((4, 3, 6), (4, 7, 5), (4, 7, 2)))
    options = {"use_causal_mask": causal, "return_attention_scores": weights}
    layer = built(MultiHeadAttention(heads, 6 // heads, **options), samples_of(xs))
    hidden = torch.ones(3, 7, dtype=torch.bool).triu(1) if causal else None
    judge(layer, xs, lambda q, v, k, **p: of_pytorch(q, v, k, heads, attn_mask=hidden, weights=weights, **p))


@pytest.mark.parametrize("length", [1, 6])
def test_multi_head_of_a_sequence_with_itself(length):
    """As in a transformer: causal, and shorter samples padded."""
    (x,) = numbers(((4, length, 6),))
    mask = np.arange(length) < np.array([length, 1, 3, 2])[:, None]  # every query sees the first step at least
    layer = built(MultiHeadAttention(2, 3, use_causal_mask=True), (x.shape[1:],) * 2)
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)

    def formula(q, v, **p):
        y = of_pytorch(q, v, v, 2, attn_mask=hidden, key_padding_mask=tensor(~mask), **p)
        empty = p["b_output"].expand(y.shape)  # a query that is padding itself sees nothing in minidl and Keras
        return torch.where(tensor(mask)[..., None], y, empty)

    judge(layer, [x, x], formula, mask=(mask, mask))


@pytest.mark.parametrize("axes", [None, 1, 2, (1, 2), (2, 1), -2])
def test_attention_axes(axes):
    """Over a plane, or over one of its axes with the other taken apart."""
    xs = numbers(((2, 3, 4, 5), (2, 3, 4, 2)))
    layer = built(MultiHeadAttention(2, 3, 4, output_shape=(2, 3), attention_axes=axes), samples_of(xs))

    def formula(x, v, *, W_query, b_query, W_key, b_key, W_value, b_value, W_output, b_output):
        q = torch.einsum("nabd,dhk->nhabk", x, W_query) + b_query[:, None, None]
        k = torch.einsum("nabd,dhk->nhabk", v, W_key) + b_key[:, None, None]
        v = torch.einsum("nabd,dhk->nhabk", v, W_value) + b_value[:, None, None]
        s = torch.einsum("nhabk,nhcdk->nhabcd", q, k) / 3**0.5
        if axes == 1:  # only b = d
            s = s.masked_fill(~torch.eye(4, dtype=torch.bool)[:, None, :], -torch.inf)
        elif axes in (2, -2):
            s = s.masked_fill(~torch.eye(3, dtype=torch.bool)[:, None, :, None], -torch.inf)
        p = F.softmax(s.flatten(4), dim=-1).reshape(s.shape)
        z = torch.einsum("nhabcd,nhcdk->nabhk", p, v)
        return torch.einsum("nabhk,hkef->nabef", z, W_output) + b_output

    judge(layer, xs, formula)


# -- Keras: the order of weights, masks, and what is returned ------------------------------------------------------------------

with_keras = pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras 3 is not installed")


def results(y):
    return y if isinstance(y, tuple) else (y,)


def same(keras, mine, theirs, xs, masks=None, **call):
    """A layer of each, with the same weights in the same order, on the same arrays."""
    mine = built(mine, samples_of(xs))
    multi = isinstance(mine, MultiHeadAttention)

    def of_keras():
        tensors = [tensor(x) for x in xs]  # anew each time: Keras takes their masks away
        for t, mask in zip(tensors, masks or ()):
            keras.src.backend.set_keras_mask(t, None if mask is None else tensor(mask))
        if not multi:
            return theirs(tensors, **call)
        # A query that sees no key has weights of 0 where Keras returns weights; without them it takes the mean of all values.
        y = theirs(*tensors, **call | {"return_attention_scores": masks is not None or mine.return_attention_scores})
        return y if mine.return_attention_scores or masks is None else y[0]

    of_keras()  # builds it
    theirs.set_weights(mine.get_weights())
    found, expected = mine(xs, mask=tuple(masks) if masks else None), of_keras()
    for a, b in zip(*map(results, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=2e-6, atol=2e-6)  # Keras rounds to single precision here


OF_QUERY = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]], bool)
OF_VALUE = np.arange(7) < np.array([7, 1, 4, 2])[:, None]


@with_keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries beneath Keras
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masks", [None, (None, OF_VALUE), (OF_QUERY, None), (OF_QUERY, OF_VALUE)], ids=["", "v", "q", "qv"])
def test_as_keras(keras, masks, causal, weights):
    call = {"use_causal_mask": causal, "return_attention_scores": weights}
    xs = numbers(((4, 3, 5), (4, 7, 5)))
    for options in ({}, {"use_scale": True}, {"score_mode": "concat", "use_scale": True}):
        same(keras, Attention(**options, **call), keras.layers.Attention(**options), xs, masks, **call)
    same(keras, AdditiveAttention(**call), keras.layers.AdditiveAttention(), xs, masks, **call)
    for options in ({}, {"value_dim": 4, "output_shape": 3, "use_bias": False}, {"sliding_window": 2}):
        theirs = keras.layers.MultiHeadAttention(2, 3, **options)
        same(keras, MultiHeadAttention(2, 3, **options, **call), theirs, xs, masks, **call)


@with_keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("weights", [False, True])
def test_as_keras_with_a_key(keras, weights):
    call = {"return_attention_scores": weights}
    xs = numbers(((4, 3, 5), (4, 7, 2), (4, 7, 5)))
    masks = (None, OF_VALUE, OF_VALUE[:, ::-1] | (np.arange(7) == 0))
    same(keras, Attention(**call), keras.layers.Attention(), xs, masks, **call)  # which does not look at the key's mask
    same(keras, MultiHeadAttention(2, 3, **call), keras.layers.MultiHeadAttention(2, 3), xs, masks, **call)


@with_keras
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("axes", [None, (1,), (2,), (1, 2)])
def test_axes_as_keras(keras, axes):
    xs = numbers(((2, 3, 4, 5), (2, 3, 4, 2)))
    mine = MultiHeadAttention(2, 3, attention_axes=axes, return_attention_scores=True)
    theirs = keras.layers.MultiHeadAttention(2, 3, attention_axes=axes)
    same(keras, mine, theirs, xs, return_attention_scores=True)
