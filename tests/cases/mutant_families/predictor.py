"""Faults in predictors, whose weights are their own and hold batch normalization."""

from tests.cases.mutant import mutant

TESTS, PREDICTOR, PLAN = "tests/models/test_predictor.py::", "models/predictor.py", "training/plan.py"
CALLS = "training/recorded_calls.py"

mutant(
    "a predictor that follows the model's training",
    PREDICTOR,
    TESTS + "test_it_stays_as_it_is",
    "for_predictor(copy.deepcopy(model.network))",
    "for_predictor(model.network)",
)
mutant(
    "a predictor whose next result is written into the last one",
    CALLS,
    TESTS + "test_a_result_belongs_to_who_asked",
    "isinstance(y, tuple) else y.copy()",
    "isinstance(y, tuple) else y",
)
mutant(
    "a predictor that takes any ids",
    PREDICTOR,
    TESTS + "test_ids_are_looked_at_in_every_call",
    'known = not network.takes_many and np.dtype(network.input_dtype).kind == "f"',
    "known = not network.takes_many",
)
mutant(
    "a predictor that takes samples of any shape",
    PREDICTOR,
    TESTS + "test_what_does_not_fit_is_refused_as_in_predict",
    "or x.shape[1:] != self._shape ",
    "",
)
mutant(
    "a predictor that sees neither other kernels nor other threads",
    CALLS,
    TESTS + "test_other_kernels_and_threads_from_the_next_call_on",
    "fixed = backend, settings, of_process",
    "fixed = backend, settings",
)
mutant(
    "a predictor that records layers of one's own",
    CALLS,
    TESTS + "test_a_layer_of_ones_own_is_computed_anew",
    "if not replays(layer))",
    "if False)",
)
mutant(
    "a bias folded without the shift of its normalization",
    "layers/_affine.py",
    TESTS + "test_batch_normalization_becomes_part_of_the_weights",
    "self.b.value * scale + shift)",
    "self.b.value * scale)",
)
mutant(
    "no bias folded without the shift of its normalization",
    "layers/_affine.py",
    TESTS + "test_batch_normalization_becomes_part_of_the_weights",
    "(shift if self.b is None",
    "(0 * shift if self.b is None",
)
mutant(
    "weights folded although they become infinite",
    "layers/_affine.py",
    TESTS + "test_a_scale_that_would_make_weights_infinite_is_not_folded",
    "if not (xp.isfinite(W).all() and xp.isfinite(b).all()):",
    "if False:",
)
mutant(
    "a normalization folded over the activation between",
    "layers/_affine.py",
    TESTS + "test_where_normalization_stays",
    "self.outputs_last and self.activation.is_linear and is_unchanged(self)",
    "self.outputs_last and is_unchanged(self)",
)
mutant(
    "a normalization folded along another axis",
    PLAN,
    TESTS + "test_where_normalization_stays",
    "or use.layer.axis % (axes + 1) - 1 != of_outputs:",
    "or False:",
)
mutant(
    "a running mean folded with the wrong sign",
    "layers/normalization.py",
    TESTS + "test_batch_normalization_becomes_part_of_the_weights",
    "else self.beta.value - mean * scale",
    "else self.beta.value + mean * scale",
)
mutant(
    "a frozen normalization without its epsilon",
    "layers/normalization.py",
    TESTS + "test_folded_in_double_precision",
    "scale = 1 / array_namespace(mean).sqrt(variance + self.epsilon)",
    "scale = 1 / array_namespace(mean).sqrt(variance)",
)
mutant(
    "an input in another order looked at as it stands",
    "backend/tape.py",
    "tests/training/test_recorded_on_the_cpu.py::test_layer[max_pool1d_first]",
    "whole = form == (array.shape, array.dtype, array.strides)",
    "whole = form[:2] == (array.shape, array.dtype)",
)
FEW = "tests/models/test_few_samples.py::"

mutant(
    "recorded calls that do not see settings",
    CALLS,
    FEW + "test_a_change_is_seen_in_the_next_call",
    "0 if self._settings is None else self._settings.look()",
    "0",
)
mutant(
    "calls recorded of a network that carries states on",
    "models/network.py",
    FEW + "test_states_that_are_carried_on",
    "calls if calls.possible and not network.carried() else None",
    "calls",
)
mutant(
    "a prediction that is the caller's own array",
    "models/base.py",
    FEW + "test_results_are_new_arrays",
    "backend.to_numpy(part).copy() for part",
    "backend.to_numpy(part) for part",
)
mutant(
    "weights counted among what only a recording holds",
    "backend/tape.py",
    FEW + "test_what_only_a_recording_holds_is_limited",
    "Tape(inputs, steps.held())",
    "Tape(inputs)",
)
mutant(
    "many samples recorded as few",
    "models/network.py",
    FEW + "test_more_samples_are_not_recorded",
    "len(x[0] if isinstance(x, tuple) else x) <= FEW",
    "True",
)
FROZEN, PACKED = "tests/backend/test_frozen.py::", "tests/kernels/test_packed_once.py::"

mutant(
    "frozen weights known by their address alone",
    "backend/frozen.py",
    FROZEN + "test_a_view_of_another_shape_is_another",
    "return (address, weights.shape) if address",
    "return address if address",
)
mutant(
    "frozen weights in another order taken for the same",
    "backend/frozen.py",
    FROZEN + "test_a_view_of_another_shape_is_another",
    "weights.nbytes <= LARGEST and weights.flags.c_contiguous",
    "weights.nbytes <= LARGEST",
)
mutant(
    "frozen weights of any size kept twice",
    "backend/frozen.py",
    FROZEN + "test_large_weights_are_not_kept_twice",
    "weights.nbytes <= LARGEST and weights.flags.c_contiguous",
    "weights.flags.c_contiguous",
)
mutant(
    "packing noted as a part of a recorded call",
    "backend/frozen.py",
    FROZEN + "test_a_recording_takes_no_note_of_what_is_made",
    "make() if tape is None else tape.unheard(make, (), {})",
    "make()",
)
mutant(
    "weights that stay in use behind a predictor's call",
    CALLS,
    TESTS + "test_nothing_stays_in_use_behind_a_call",
    "            use(before)\n",
    "            pass\n",
)
mutant(
    "what was packed counted among what only a recording holds",
    CALLS,
    TESTS + "test_what_was_packed_is_no_part_of_a_recordings_memory",
    "weights), *made]",
    "weights)]",
    mode="plain",
)
mutant(
    "a predictor that packs its weights in each call",
    CALLS,
    TESTS + "test_weights_are_packed_once",
    "before = use(self._frozen)",
    "before = use(None)",
    mode="plain",
)
mutant(
    "weights packed for one width read with another",
    "kernels/numba/_product.py",
    PACKED + "test_panels_of_each_width",
    'b = prepared(weights, ("panels", size[1]),',
    'b = prepared(weights, "panels",',
)
mutant(
    "filters packed for one width read with another",
    "kernels/numba/_direct.py",
    PACKED + "test_filters_in_panels_of_each_width",
    'prepared(W, ("in panels", width),',
    'prepared(W, "in panels",',
)
mutant(
    "filters transformed for one width read with another",
    "kernels/numba/_winograd.py",
    PACKED + "test_transformed_filters_of_each_width",
    '("at the points", turned, size[1])',
    '("at the points", turned)',
)
mutant(
    "panels of a part read from the first one on",
    "kernels/numba/_product.py",
    "tests/kernels/test_tuning.py::test_all_ways_of_a_product_give_the_same_bits",
    "((j0 // width + p) * depth + k0) * width, width",
    "(p * depth + k0) * width, width",
)
mutant(
    "panels read from their first row in each block of the depth",
    "kernels/numba/_product.py",
    "tests/kernels/test_tuning.py::test_all_ways_of_a_product_give_the_same_bits",
    "((j0 // width + p) * depth + k0) * width, width",
    "((j0 // width + p) * depth) * width, width",
)
mutant(
    "a spare column read where there are panels",
    "kernels/numba/_product.py",
    PACKED + "test_weights_of_many_rows_or_with_a_spare_column_are_not_packed_ahead",
    "m <= AHEAD_ROWS and not spare and is_frozen(weights)",
    "m <= AHEAD_ROWS and is_frozen(weights)",
)
mutant(
    "gates packed once although only U is frozen",
    "kernels/numba/recurrent.py",
    PACKED + "test_gates_are_packed_anew_where_only_U_is_frozen",
    "if len(inside) and not is_frozen(W):",
    "if False:",
)
mutant(
    "few images of a predictor convolved directly",
    "kernels/numba/_winograd.py",
    TESTS + "test_few_images_by_transformed_weights",
    "FEW_POSITIONS if is_frozen(W) else POSITIONS",
    "POSITIONS",
)
mutant(
    "weights packed once although a layer of one's own writes to them",
    CALLS,
    TESTS + "test_a_layer_that_writes_to_its_weights_is_followed",
    "still = frozen and is_minidls_alone(network)",
    "still = frozen",
    mode="plain",
)
