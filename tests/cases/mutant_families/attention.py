"""Faults in attention: its formulas, its masks, and the order of its heads."""

from __future__ import annotations

from tests.cases.mutant import gradient, mutant, naive

OPS, LAYER, HEADS, SHARED = "ops/attention.py", "layers/attention.py", "layers/multi_head_attention.py", "layers/_attention.py"
TESTS = "tests/layers/test_attention.py::"
CAUSAL, UNSEEN = TESTS + "test_a_causal_layer_does_not_see_what_comes_later[{}]", TESTS + "test_padding_is_not_seen_and_{}"
NO_KEYS = UNSEEN.format("a_query_without_keys_has_no_weights[dot]")

mutant(
    "attention: the gradient of the keys without a turn",
    OPS,
    naive("attention.dot_scores_grad"),
    "xp.matmul(ds.swapaxes(-1, -2), q)",
    "xp.matmul(ds.swapaxes(-1, -2), q) * 0.5",
)
mutant("attention: tanh's gradient of another tanh", OPS, gradient("attention_additive"), "* w, t)\n", "* w, t * t)\n")
mutant(
    "attention: a query takes the gradient of the key",
    OPS,
    gradient("attention_concat"),
    "u.sum(axis=-2), u",
    "-u.sum(axis=-2), u",
)
mutant("attention: hidden keys have a score of 0", OPS, naive("attention.masked_softmax"), '-float("inf")', "0.0")
mutant("attention: a query without keys looks at all", OPS, NO_KEYS, "xp.where(some, p, xp.zeros((), s.dtype))", "p")
mutant("attention: dv from dp", OPS, naive("attention.weighted_mean_grad"), "xp.matmul(p.swapaxes(-1, -2), dy)", "0 * v")
mutant("attention: a query does not see its own place", OPS, CAUSAL.format("heads"), "back >= 0 if", "back >= -1 if")
mutant(
    "attention: the window is one key too wide",
    OPS,
    TESTS + "test_a_sliding_window[2-True-2]",
    "(xp.abs(back) < window)",
    "(xp.abs(back) <= window)",
)
mutant(
    "attention: dropout has no gradient",
    SHARED,
    gradient("attention_dropout"),
    "self._dropping is None else self",
    "True else self",
)
mutant(
    "attention: the weights' own gradient is lost",
    SHARED,
    gradient("multi_head_weights"),
    "dp if d_p is None else dp + d_p",
    "dp",
)
mutant(
    "attention: the weights behind dropout have no gradient",
    LAYER,
    gradient("attention_weights_dropout"),
    "d_dropped = d_dropped + d_weights",
    "pass",
)
mutant("attention: a value that is the key too", LAYER, gradient("attention_dot"), "(dq, dv + dk)", "(dq, dv)")
mutant(
    "attention: the scale's gradient lacks the keys",
    LAYER,
    gradient("attention_concat_scaled"),
    "of_a + (dk * k).sum()",
    "of_a",
)
mutant(
    "attention: padded queries keep a gradient",
    LAYER,
    "tests/peers/test_attention.py::test_padding[reference-False]",
    "            dy = xp.where(of_query",
    "            xp.where(of_query",
)
mutant("several heads: no scale backwards", HEADS, gradient("multi_head"), "        dq = dq * self._scale\n", "")
mutant(
    "several heads: scaled by the features of all",
    HEADS,
    "tests/peers/test_attention.py::test_multi_head[reference-2-False-False]",
    "self.key_dim**-0.5",
    "(self.key_dim * self.num_heads)**-0.5",
)
mutant(
    "several heads: the axes in their own order",
    HEADS,
    gradient("multi_head_axis"),
    "order.index(axis) for axis in",
    "axis for axis in",
)
mutant(
    "several heads: the key's mask is not looked at",
    HEADS,
    TESTS + "test_the_key_has_a_mask_of_its_own_for_several_heads",
    "both(of_value, of_key)",
    "of_value",
)
mutant(
    "several heads: key and value change places",
    HEADS,
    gradient("multi_head_key"),
    "(dx_q, dx_v, dx_k) if",
    "(dx_q, dx_k, dx_v) if",
)
mutant(
    "several heads: the penalty of the keys is not passed back",
    HEADS,
    gradient("multi_head_penalised"),
    "(dk, k), (dv, v)",
    "(dk, 0 * k), (dv, v)",
)
