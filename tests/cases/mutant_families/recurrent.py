"""Faults in recurrent layers: their steps, the loop, masks, states, dropout, and the kernels."""

from __future__ import annotations

from tests.cases.mutant import gradient, kernel, mutant, naive

OPS, KERNELS = "ops/recurrent.py", "kernels/numba/recurrent.py"
LAYER = "tests/layers/test_recurrent.py::"
MASKS = "tests/layers/test_masks.py::"

# -- steps -------------------------------------------------------------------------------------------------------------

FORWARD_GATES, BACKWARD_GATES = "i, f, g, o = parts(z, 4)", "i, f, g, o = parts(gates, 4)"
mutant("input and forget gate exchanged forwards", OPS, gradient("lstm"), FORWARD_GATES, FORWARD_GATES.replace("i, f", "f, i"))
mutant(
    "input and forget gate exchanged in both directions",  # a right gradient of another function
    OPS,
    naive("recurrent.lstm"),
    FORWARD_GATES,
    FORWARD_GATES.replace("i, f", "f, i"),
    "side_by_side(i, f, g, o)",
    "side_by_side(f, i, g, o)",
    BACKWARD_GATES,
    BACKWARD_GATES.replace("i, f", "f, i"),
    "side_by_side(di, df, dg, do)",
    "side_by_side(df, di, dg, do)",
)
mutant(
    "nothing remembered on the way back",
    OPS,
    gradient("lstm"),
    "dc = a.gradient(dh * o, of_c) + dc",
    "dc = a.gradient(dh * o, of_c)",
)
mutant("outputs that do not reach back", OPS, gradient("lstm"), "dh_t, dc_t = dh[:, t] + dh_later", "dh_t, dc_t = dh[:, t]")
mutant("the last cell's gradient forgotten", OPS, gradient("lstm_states"), "if dc is None else dc\n", "\n")
mutant(
    "update gate the other way round",  # with a right gradient
    OPS,
    naive("recurrent.gru"),
    "return z * h_before + (1 - z) * g,",
    "return (1 - z) * h_before + z * g,",
)
mutant("the reset gate without its own gradient", OPS, gradient("gru"), "s.gradient(dr_of(dg), of_r)", "dr_of(dg)")
mutant(
    "what the update gate lets past",
    OPS,
    gradient("gru"),
    "side_by_side(dz, s.gradient(dr_of(dg), of_r), dg), dh * z",
    "side_by_side(dz, s.gradient(dr_of(dg), of_r), dg), dh",
)
mutant(
    "reset before the product, not passed back",
    OPS,
    gradient("gru_before"),
    "r * dense_grad_x(dg, U_g)",
    "dense_grad_x(dg, U_g)",
)
mutant("the state's bias forgotten", OPS, naive("recurrent.gru"), "from_h if b is None else from_h + b[1]", "from_h")
mutant("a simple network that forgets", OPS, gradient("simple_rnn"), "dh_t = dh[:, t] + later\n", "dh_t = dh[:, t]\n")

# -- layers ------------------------------------------------------------------------------------------------------------

mutant("dU with today's output", "layers/lstm.py", gradient("lstm"), "states_before(states[0], h), dz", "h, dz")
mutant(
    "the forget bias at the input gate",
    "layers/lstm.py",
    "tests/layers/test_protocol.py::test_the_forget_gate_starts_open",
    "self.b.value[self.units : 2 * self.units]",
    "self.b.value[: self.units]",
)
mutant(
    "one bias of a GRU given the other's gradient",
    "layers/gru.py",
    gradient("gru"),
    "bias_grad(of_h, out=db[1])",
    "bias_grad(of_x, out=db[1])",
)
mutant(
    "a candidate's product with today's state",
    "layers/gru.py",
    gradient("gru_before"),
    "dense_grad_W(p, of_h[..., width:])",
    "dense_grad_W(h_before, of_h[..., width:])",
)
mutant(
    "the gradient of the last state lost",
    "layers/all_times.py",
    gradient("gru_states"),
    "dy[:, -1] += dh",
    "dy[:, -1] += 0",
)
mutant(
    "an output before the first step that counts",
    "layers/all_times.py",
    MASKS + "test_a_step_before_the_first_that_counts_says_nothing",
    "outputs = xp.where(seen, outputs, 0)",
    "outputs = outputs",
)
mutant(
    "dropped inputs with whole gradients",
    "layers/all_times.py",
    gradient("lstm_dropout"),
    "dx if drop is None else dx * drop[0][:, None]",
    "dx",
)
mutant(
    "one mask for all gates",
    "layers/cell.py",
    LAYER + "test_which_products_have_masks_of_their_own",
    "self.gates if self.recurrent_dropout else 1",
    "1",
)
mutant(
    "another mask at every step",
    "layers/context.py",
    LAYER + "test_a_samples_mask_is_the_same_at_all_times",
    "if self._once is None:",
    "if True:",
)
mutant(
    "dropout in inference",
    "layers/cell.py",
    LAYER + "test_a_samples_mask_is_the_same_at_all_times",
    "if not context.training or not self.dropout:",
    "if not self.dropout:",
)
mutant(
    "the mask of the outputs in the order of time",
    "layers/recurrent.py",
    MASKS + "test_backwards_through_a_mask",
    "mask = self._in_order(mask) if self.return_sequences",
    "mask = mask if self.return_sequences",
)
mutant(
    "states that forget in the loop over steps",
    "layers/recurrent.py",
    gradient("rnn_masked"),
    "dstates = [_where(counts, new, old) for new, old in zip(before, dstates)]",
    "dstates = before",
)
mutant(
    "a repeated output without its gradient",
    "layers/recurrent.py",
    gradient("rnn_masked"),
    "dy_t = mask[:, t], dy_t + later",
    "dy_t = mask[:, t], dy_t",
)
mutant(
    "carried states changed before the step is whole",
    "layers/recurrent.py",
    LAYER + "test_a_step_that_fails_leaves_the_states",
    "context.update(carried, state)",
    "carried.take(state)",
)
mutant(
    "the states of the next batch on the way back",
    "layers/recurrent.py",
    LAYER + "test_the_gradient_stops_at_what_was_carried_over",
    "tuple(value.copy() for value in values)",
    "tuple(values)",
)
mutant(
    "predict without carrying on",
    "training/loop.py",
    LAYER + "test_batches_of_predict_follow_each_other",
    'take_over("predict", network, context)',
    "pass",
)
mutant(
    "initial states that reach no gradient",
    "layers/recurrent.py",
    gradient("encoder_decoder"),
    "return (dx, *dstates) if given and need_dx else dx",
    "return (dx, *(0 * d for d in dstates)) if given and need_dx else dx",
)

# -- kernels -----------------------------------------------------------------------------------------------------------

mutant(
    "kernel: an output gate through the cell's activation",
    KERNELS,
    kernel("recurrent.lstm"),
    "o = _activated(recurrent,",
    "o = _activated(cell,",
)
mutant(
    "kernel: a state that today's units see before the step is over",
    KERNELS,
    kernel("recurrent.lstm"),
    "store(later, before, some, out)",
    "store(now, before, some, out)",
)
mutant(
    "kernel: packed gates in the order of the matrix",
    KERNELS,
    kernel("recurrent.lstm"),
    "gate, unit, column = q // LANES, j + q % LANES, 4 * j + q",
    "gate, unit, column = 0, 4 * j + q, 4 * j + q",
)
mutant(
    "kernel: rows of U packed as rows of W",
    KERNELS,
    kernel("recurrent.lstm"),
    "else (U, (k - inputs) * 4 * units)",
    "else (U, k % units * 4 * units)",
)
mutant(
    "kernel: a masked step of an LSTM that moves on",
    KERNELS,
    kernel("recurrent.lstm"),
    "if batch.masked and not mask[row]:\n                        c_now",
    "if batch.masked and mask[row] > 1:\n                        c_now",
)
mutant(
    "kernel: each panel of U packed from the first column",
    "kernels/numba/_panels.py",
    kernel("recurrent.lstm_grad"),
    "pack_b(code, b, 0, j, b.rows,",
    "pack_b(code, b, 0, 0, b.rows,",
)
mutant(
    "kernel: df with today's cell",
    KERNELS,
    kernel("recurrent.lstm_grad"),
    "load(c, to - units, some, 0) if t",
    "load(c, to, some, 0) if t",
)
mutant(
    "kernel: what a block of samples left, remembered by the next",
    KERNELS,
    kernel("recurrent.lstm_grad"),
    "dc_later[i] = dc_last[begin * units + i] if len(dc_last) else 0",
    "dc_later[i] = dc_later[i] if block > first else dc_last[begin * units + i] if len(dc_last) else 0",
)
mutant(
    "kernel: a digit of tanh's quotient",
    "kernels/numba/_tanh.py",
    "tests/ops/test_kernels.py::test_tanh_is_right_to_the_last_digits",
    "y = m / (m + 2)",
    "y = m / (m + 2.000001)",
)
mutant(
    "kernel: tanh of no number a number",
    "kernels/numba/_tanh.py",
    "tests/ops/test_kernels.py::test_tanh_is_right_to_the_last_digits",
    "where(size > 20, 20, size)",
    "where(size < 20, size, 20)",
)
for _dtype, _old, _new in (
    ("float32", "_polynomial(builder, r, _EXP[:-2]), r)", "_polynomial(builder, r, _EXP[1:-2]), r)"),
    ("float64", '("<", x, _all(kind, 0.35))', '("<", x, _all(kind, -1.0))'),
):
    mutant(
        f"kernel: exp v - 1 that loses the digits of small numbers, {_dtype}",
        "kernels/numba/_vector.py",
        f"tests/ops/test_kernels.py::test_the_gates_are_exact_near_zero[{_dtype}]",
        _old,
        _new,
        mode="compiled",
    )
mutant(
    "kernel: the state of the same time for the one before",
    KERNELS,
    kernel("recurrent.states_before"),
    "(r * steps + 1) * units, (steps - 1) * units",
    "r * steps * units, (steps - 1) * units",
)
mutant(
    "states before all times, without the first",
    "ops/recurrent.py",
    "tests/ops/test_references.py::test_reference_equals_naive[recurrent.states_before-float64]",
    "concatenate((h0[:, None][:, : h.shape[1]], h[:, :-1]), axis=1)",
    "concatenate((h[:, :1], h[:, :-1]), axis=1)",
)
mutant(
    "kernel: a candidate that sees all of the state",
    KERNELS,
    kernel("recurrent.gru"),
    "load(gates, at + 2 * units, some, 0) + reset * from_g",
    "load(gates, at + 2 * units, some, 0) + from_g",
)
mutant(
    "kernel: what the update gate keeps, not passed back",
    KERNELS,
    kernel("recurrent.gru_grad"),
    "dp, past = dg * reset, dh_now * update",
    "dp, past = dg * reset, 0 * dh_now",
)
mutant(
    "kernel: a masked step of a simple network that moves on",
    KERNELS,
    kernel("recurrent.simple_rnn"),
    "                        out = load(h_before, here, some, 0)\n",
    "                        out = 1 * out\n",
)

# -- both directions ---------------------------------------------------------------------------------------------------

BOTH = "layers/bidirectional.py"
mutant(
    "backward outputs as they come",
    BOTH,
    LAYER + "test_both_directions_are_two_layers",
    "flip(y, 1) if self.layer.return_sequences else y",
    "flip(y, 1) if False else y",
)
mutant("the gradient of one direction", BOTH, gradient("bidirectional"), "return dx_one + dx_two", "return dx_one")
mutant(
    "factors exchanged on the way back",
    BOTH,
    gradient("bidirectional_mul"),
    "return d * two, d * one",
    "return d * one, d * two",
)
mutant(
    "the same states for both directions",
    BOTH,
    gradient("bidirectional_states"),
    "(x, *given[half:])",
    "(x, *given[:half])",
)
mutant(
    "one set of weights for both directions",
    BOTH,
    LAYER + "test_the_directions_have_weights_and_names_of_their_own",
    '_again(other, "backward", go_backwards=True, **zeros)',
    "self.layer",
)
mutant(
    "a GRU's gradient of what was not read",
    OPS,
    naive("recurrent.gru_grad"),
    "_where(mask, t, dg * r, 0)",
    "dg * r",
)
