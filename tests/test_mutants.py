"""Would the tests notice wrong mathematics? Each row plants one fault in a copy of minidl; the tests it names must fail.

A row quotes the source exactly, and the quotation must occur once, so that the table cannot outlive the code it is about.
The same tests pass on the unharmed copy: a red test then means that the fault was seen, not that the copy is broken.
Faults in kernels are tried as plain Python (the compiler would take longer than the test), one of them compiled as well.
Six of them are tried always, all of them with --all.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import pkgutil
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import mutant_families
from tests.cases.forked import Trials
from tests.cases.mutant import MUTANTS, Mutant, gradient, kernel, loss_gradient, many, mutant, naive

ROOT = Path(__file__).parents[1]
NOTICED = r"(?m)^E +(AssertionError|assert\b|minidl\.testing\.report\.GradientError|Failed: DID NOT RAISE)"  # no mere crash


FIT, GRAPH, VALIDATION = "tests/models/test_fit.py::", "tests/models/test_graph.py::", "tests/faults/test_input_validation.py::"
RANDOM, PARAMETERS = "tests/backend/test_random.py::", "tests/test_parameters.py::"
ONE_AXIS = "tests/test_geometry.py::test_one_axis"


# -- convolution and pooling ---------------------------------------------------------------------------------------------

mutant(
    "the kernel flipped",
    "ops/convolution.py",
    naive("convolution.convolve"),
    "patches[..., tap, :] = x_padded[:, *slices]",
    "patches[..., -1 - tap, :] = x_padded[:, *slices]",
)
mutant(
    "the odd zero in front",
    "geometry.py",
    ONE_AXIS,
    "(total // 2, total - total // 2)",
    "(total - total // 2, total // 2)",
)
mutant("padding without strides", "geometry.py", ONE_AXIS, "max((-(-n // s) - 1) * s + e - n, 0)", "e - 1")
mutant(
    "strides forgotten",
    "geometry.py",
    naive("convolution.convolve"),
    "slice(a, a + (n - 1) * s + 1, s)",
    "slice(a, a + n)",
)
mutant(
    "dilation forgotten",
    "geometry.py",
    naive("convolution.convolve"),
    "[t * d for t, d in zip(tap, self.dilation)]",
    "list(tap)",
)
mutant(
    "the last row of dx lost",
    "ops/convolution.py",
    gradient("conv_same"),
    "    return padded[:, *(slice(before, before + size)",
    "    padded[:, pads[0][0] + spatial[0] - 1] = 0\n    return padded[:, *(slice(before, before + size)",
)
mutant(
    "the last tap's gradient lost",
    "ops/convolution.py",
    gradient("conv"),
    "+= patches[..., tap, :]",
    "+= patches[..., tap, :] * (tap < window.taps - 1)",
)
mutant(
    "dW with its groups exchanged",
    "ops/convolution.py",
    gradient("conv_groups"),
    "dW = dW.transpose(1, 0, 2)",
    "dW = dW[::-1].transpose(1, 0, 2)",
)
mutant(
    "the last winner takes the gradient",
    "ops/pooling.py",
    naive("pooling.max_pool"),
    "better = (candidate > y)",
    "better = (candidate >= y)",
)
mutant("padding may win", "ops/pooling.py", naive("pooling.max_pool"), "pad(x, window, -xp.inf)", "pad(x, window)")
mutant(
    "an average that counts the padding",
    "ops/pooling.py",
    naive("pooling.average_pool"),
    "return y / xp.asarray(_counts(x.shape[1:-1], window), x.dtype)",
    "return y / window.taps",
)
mutant(
    "the average's gradient shared with the padding",
    "ops/pooling.py",
    gradient("average_pool_odd_size_same"),
    "dy / array_namespace(dy).asarray(_counts(spatial, window), dy.dtype)",
    "dy / window.taps",
)

# -- dense, activations, losses ------------------------------------------------------------------------------------------

mutant("db averaged", "ops/linear.py", gradient("dense_linear"), "dy.sum(axis=tuple", "dy.mean(axis=tuple")
mutant(
    "dW without the last sample",
    "ops/linear.py",
    gradient("dense_linear"),
    "x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1])",
    "x.reshape(-1, x.shape[-1])[:-1].T, dy.reshape(-1, dy.shape[-1])[:-1]",
)
mutant(
    "dx with W in place of its transpose, where W is square",
    "ops/linear.py",
    gradient("chain_same_layer_twice"),
    "(rows @ W.T)",
    "(rows @ (W if W.shape[0] == W.shape[1] else W.T))",
)
mutant(
    "a softmax gradient without the sum",
    "ops/softmax.py",
    gradient("activation_softmax"),
    "y * (dy - (dy * y).sum(axis=-1, keepdims=True))",
    "y * dy",
)
mutant(
    "a softmax that overflows", "ops/softmax.py", naive("softmax.softmax"), "exp(x - x.max(axis=-1, keepdims=True))", "exp(x)"
)
mutant(
    "ReLU's gradient below zero",
    "ops/activation.py",
    gradient("activation_relu"),
    "where(y > 0, dy, 0)",
    "where(y >= 0, dy, 0)",
)
mutant(
    "leaky ReLU's gradient with the usual slope",
    "ops/activation.py",
    gradient("activation_leaky_relu_option"),
    "where(y > 0, dy, dy * negative_slope)",
    "where(y > 0, dy, dy * 0.2)",
)
mutant(
    "ELU's gradient with alpha 1", "ops/activation.py", gradient("activation_elu_option"), "dy * (y + alpha)", "dy * (y + 1)"
)
mutant(
    "SELU's gradient without its scale to the right",
    "ops/activation.py",
    gradient("activation_selu"),
    "where(y > 0, dy * SELU_SCALE,",
    "where(y > 0, dy,",
)
mutant("SELU's alpha", "ops/activation.py", naive("activation.selu"), "= 1.6732632423543772,", "= 1.67326324,")
mutant(
    "softsign's gradient without the square", "ops/activation.py", gradient("activation_softsign"), ".square(1 -", ".abs(1 -"
)
mutant("swish's gradient with its sign", "ops/activation.py", gradient("activation_swish"), "(1 + x * rest)", "(1 - x * rest)")
mutant(
    "GELU's gradient without the density",
    "ops/activation.py",
    gradient("activation_gelu"),
    "normal_cdf(x) + x * normal_density(x)",
    "normal_cdf(x)",
)
mutant(
    "the approximate GELU's gradient with the cubic's factor of y",
    "ops/activation.py",
    gradient("activation_gelu_approximate"),
    "1 + 3 * 0.044715 * x * x",
    "1 + 0.044715 * x * x",
)
mutant("mish's gradient with 1 - w", "ops/activation.py", gradient("activation_mish"), "* rest * (1 + w)", "* rest")
mutant(
    "the left tail of GELU as infinity times zero",
    "ops/activation.py",
    naive("activation.gelu"),
    "x = array_namespace(x).maximum(x, -FAR)",
    "x = array_namespace(x).maximum(x, -float('inf'))",
)
mutant(
    "the normal distribution with the square of a large number rounded",
    "ops/normal.py",
    "tests/ops/test_normal.py::test_to_the_last_places[float64]",
    "floor(16 * a) / 16",
    "floor(0 * a) / 16",
)
mutant(
    "a log-softmax gradient without the probabilities",
    "ops/softmax.py",
    gradient("activation_log_softmax"),
    "array_namespace(y).exp(y) * dy.sum(",
    "dy.sum(",
)
mutant(
    "an activation that keeps y where its gradient needs x",
    "layers/activation.py",
    gradient("activation_swish"),
    "(x if self.formula.of_x else y)",
    "y",
)
mutant("tanh' = 1 - y", "ops/activation.py", gradient("activation_tanh"), "dy * (1 - y * y)", "dy * (1 - y)")
mutant(
    "hard sigmoid with Keras 2's slope",
    "ops/activation.py",
    naive("activation.hard_sigmoid"),
    "x / (1 / slope) + 0.5, 0, 1)",
    "x / 5 + 0.5, 0, 1)",
)
mutant(
    "a loss gradient not divided by n",
    "losses/base.py",
    loss_gradient("categorical_logits"),
    "(kept, targets, 1 / n, shape)",
    "(kept, targets, 1.0, shape)",
)
mutant(
    "a loss gradient without the weights",
    "losses/base.py",
    loss_gradient("categorical_logits_weights"),
    "return value, (weights / n)",
    "return value, (weights * 0 + 1 / n)",
)
mutant(
    "a loss divided by the sum of the weights, its gradient too",
    "losses/base.py",
    FIT + "test_weighting_by_hand_by_sample_and_by_class_agree",
    "    value = ((values.astype",
    "    n = weights.sum()\n    value = ((values.astype",
)
mutant(
    "targets taken to sum to one",
    "ops/cross_entropy.py",
    naive("cross_entropy.softmax_cross_entropy_grad"),
    "(probabilities * targets.sum(axis=-1, keepdims=True) - targets)",
    "(probabilities - targets)",
)
mutant(
    "a gradient that forgets the division by the sum",
    "ops/cross_entropy.py",
    loss_gradient("categorical"),
    "(dq - (dq * q).sum(axis=-1, keepdims=True)) / total",
    "dq / total",
)
mutant(
    "a gradient where the probability was cut",
    "ops/cross_entropy.py",
    naive("cross_entropy.binary_cross_entropy_grad"),
    "/ (cut * (1 - cut)) * inside *",
    "/ (cut * (1 - cut)) *",
)
mutant("squared error without the 2", "ops/squared_error.py", loss_gradient("mse"), "(2 * scale / p", "(scale / p")

LOSS_TARGETS, REDUCTIONS = "tests/losses/test_targets.py::", "tests/losses/test_reductions.py::"
PER_OUTPUT = "tests/losses/test_per_output.py::"
REGISTERED = "tests/losses/test_registered.py::test_the_value_is_that_of_the_formula"
mutant("sum of squares without the 2", "ops/squared_error.py", loss_gradient("sse"), "(2 * scale)", "scale")
mutant("an absolute error of one side", "ops/absolute_error.py", loss_gradient("mae"), ".sign(p - targets)", ".sign(p)")
mutant(
    "percent of the prediction",
    "ops/percentage_error.py",
    loss_gradient("mape"),
    "abs(targets), epsilon) *",
    "abs(p), epsilon) *",
)
mutant("a logarithm of p alone", "ops/logarithmic_error.py", loss_gradient("msle"), "/ (1 + xp.where", "/ (xp.where")
mutant(
    "a cut prediction with a gradient",
    "ops/logarithmic_error.py",
    loss_gradient("msle_negative_predictions"),
    "cut = p <= epsilon",
    "cut = p < -1",
)
mutant(
    "Huber without its threshold",
    "ops/huber.py",
    loss_gradient("huber"),
    "clip(p - targets, -delta, delta)",
    "clip(p - targets, -1, 1)",
)
mutant(
    "log cosh near 0 by a difference",
    "ops/log_cosh.py",
    LOSS_TARGETS + "test_values_at_the_ends",
    "xp.where(s < 1, near,",
    "xp.where(s < 0, near,",
)
mutant(
    "a divergence of uncut targets",
    "ops/kl_divergence.py",
    loss_gradient("kl_divergence_one_hot"),
    "-xp.clip(targets, epsilon, 1) / ",
    "-targets * 1.01 / ",
)
mutant(
    "Poisson without the observed count",
    "ops/poisson.py",
    loss_gradient("poisson"),
    "1 - targets / (p + epsilon)",
    "1 - 1 / (p + epsilon)",
)
mutant(
    "a hinge that pulls beyond its margin",
    "ops/hinge.py",
    loss_gradient("hinge"),
    "where(1 - targets * p > 0, -targets, 0)",
    "where(p == p, -targets, 0)",
)
mutant("a squared hinge without the 2", "ops/hinge.py", loss_gradient("squared_hinge"), "* (2 * scale / p", "* (scale / p")
mutant(
    "the best of all classes",
    "ops/categorical_hinge.py",
    loss_gradient("categorical_hinge_soft"),
    "(rest * p).argmax",
    "p.argmax",
)
mutant(
    "a cosine that grows with its length",
    "ops/cosine_similarity.py",
    loss_gradient("cosine_similarity"),
    "(along * v - w)",
    "(-w)",
)
mutant(
    "weights along the axis of the cosine",
    "losses/cosine_similarity.py",
    loss_gradient("cosine_similarity_axis_weights"),
    "moveaxis(dy, -1, self.axis)",
    "moveaxis(dy, 0, self.axis)",
)
mutant(
    "a focal loss whose factor is a constant",
    "ops/binary_focal.py",
    loss_gradient("binary_focal_logits"),
    "* (r**gamma * (p - targets) + through_r)",
    "* (r**gamma * (p - targets))",
)
mutant(
    "a focal loss of classes whose factor is a constant",
    "ops/categorical_focal.py",
    loss_gradient("focal_logits"),
    "(rest**gamma - p *",
    "(rest**gamma - 0 * p *",
)
mutant(
    "labels that are not smoothed",
    "losses/cross_entropy.py",
    REGISTERED + "[categorical_smooth]",
    "self.label_smoothing, y_pred.shape[-1])",
    "self.label_smoothing, 1)",
)
mutant(
    "a sum divided by n",
    "losses/base.py",
    REGISTERED + "[mse_sum]",
    'n = 1 if self.reduction == "sum" else values.size',
    "n = values.size",
)
mutant(
    "a weighted sum divided by n",
    "losses/base.py",
    REGISTERED + "[mae_sum_weights]",
    "            n = 1\n",
    "            pass\n",
)
mutant(
    "a weighted mean divided by n",
    "losses/base.py",
    REGISTERED + "[sparse_weighted_mean]",
    "n = _at_least_something(weights.sum(",
    "n = _at_least_something(0 * n + math.prod(shape) + 0 * weights.sum(",
)
mutant(
    "a mask that stays in the divisor",
    "losses/base.py",
    REDUCTIONS + "test_by_hand",
    "n = _at_least_something(kept.sum(dtype=_DOUBLE), xp)",
    "n = math.prod(shape)",
)
mutant(
    "an ignored class that counts",
    "losses/cross_entropy.py",
    REGISTERED + "[sparse_ignore]",
    "            mask = again(self._known, y_pred, y_true, mask)",
    "            mask = None",
)
mutant(
    "a loss per output that forgets its weight",
    "losses/per_output.py",
    PER_OUTPUT + "test_value_and_gradients",
    "loss.gradient(loss.weighted(part, weight))",
    "loss.gradient(part)",
)
mutant(
    "values per output times their weights",
    "losses/per_output.py",
    PER_OUTPUT + "test_value_and_gradients",
    "            values.append(value)\n",
    "            values.append(value * weight)\n",
)

# -- normalisation, dropout, random numbers ------------------------------------------------------------------------------

BEHIND = "tests/training/test_plan.py::test_relu_behind_batch_normalisation_is_one_layer_with_the_same_numbers"
mutant(
    "the ReLU behind batch normalisation is left out",
    "ops/normalization.py",
    f"{BEHIND}[False-False--1]",
    'return relu(y) if activation == "relu" else y',
    "return y",
)
mutant(
    "gradients pass through the ReLU behind batch normalisation where y is below zero",
    "ops/normalization.py",
    (f"{BEHIND}[False-False--1]", naive("normalization.normalize_grad")),
    "dy = relu_grad(dy, normalize(x, mean, variance, gamma, beta, epsilon))",
    "dy = relu_grad(dy, -normalize(x, mean, variance, gamma, beta, epsilon))",
)
mutant(
    "with a mask the ReLU behind batch normalisation has no gradient of its own",
    "layers/normalization.py",
    f"{BEHIND}[False-True--1]",
    'if activation == "relu":\n                dy =',
    'if activation == "linear":\n                dy =',
)
mutant(
    "the kernel of batch normalisation with ReLU takes y without beta",
    "kernels/numba/normalization.py",
    kernel("normalization.normalize_grad"),
    "d = where(v * scale + load(beta, c, count, 0) > 0, d, zero)",
    "d = where(v * scale > 0, d, zero)",
)
mutant(
    "batch normalisation without the mean's term in dx",
    "ops/normalization.py",
    gradient("batch_norm_2d"),
    "dx = dy - dbeta / m - h",
    "dx = dy - h",
)
mutant(
    "the unbiased variance",
    "ops/normalization.py",
    naive("normalization.moments"),
    "(centred * centred).mean(",
    "(centred * centred * x[..., 0].size / max(x[..., 0].size - 1, 1)).mean(",
)
INFERENCE = FIT + "test_running_statistics_follow_training_and_serve_inference"
mutant(
    "momentum exchanged",
    "layers/normalization.py",
    INFERENCE,
    "new, self.momentum)",
    "new, 1 - self.momentum)",
)
mutant("running statistics never moved", "training/step.py", INFERENCE, "context.commit()  # running", "pass  # running")
mutant(
    "batch statistics in inference",
    "layers/normalization.py",
    INFERENCE,  # whose gradient is right, of another function
    "of_batch = context.training and self.trainable",
    "of_batch = self.trainable",
)
mutant(
    "dropout's gradient without the scale",
    "layers/dropout.py",
    gradient("dropout"),
    "dropout_grad(dy, saved, self.rate)",
    "dropout_grad(dy, saved, 0.0)",
)
mutant(
    "another mask on the way back",
    "layers/dropout.py",
    gradient("dropout"),
    "dropout_grad(dy, saved, self.rate)",
    "dropout_grad(dy, saved[::-1], self.rate)",
)
mutant("dropout without the scale", "ops/dropout.py", naive("dropout.dropout"), "1 / (1 - rate)", "1")
mutant(
    "sums in the order of memory",
    "backend/dispatch.py",
    "tests/ops/test_references.py::test_reference_gives_the_same_bits_in_every_memory_layout",
    "        if not elementwise:  # sums",
    "        if False:  # sums",
)
MASKS = "tests/layers/test_protocol.py::test_every_use_of_dropout_draws_a_mask_of_its_own"
mutant("one mask for all steps", "backend/tape.py", MASKS, "    number += 1\n", "    number += 0\n")
mutant(
    "one mask for all uses in a step",
    "layers/context.py",
    MASKS,
    "self._uses[layer] = call + 1",
    "self._uses[layer] = call",
)
mutant(
    "the high half of a word first",
    "backend/random.py",
    RANDOM + "test_words_of_today_and_of_every_version_to_come",
    '.view("<u4")[:count]',
    '.view("<u4").reshape(-1, 2)[:, ::-1].reshape(-1)[:count]',
)
mutant(
    "the step not in the counter",
    "backend/random.py",
    RANDOM + "test_every_part_of_the_address_counts",
    "np.array((0, *counter), np.uint64)",
    "np.array((0, 0, *counter[1:]), np.uint64)",
)

# -- optimizers and parameters -------------------------------------------------------------------------------------------

ADAM = PARAMETERS + "test_adam_by_the_papers_formula"
mutant("Adam without bias correction", "optimizers/adam.py", ADAM, " * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)", "")
mutant("Adam that counts from 0", "optimizers/adam.py", ADAM, "t = self.iterations + 1", "t = self.iterations + 2")
mutant(
    "Adam's epsilon inside the root",
    "ops/update.py",
    naive("update.adam"),
    "mean / (array_namespace(value).sqrt(square) + epsilon)",
    "mean / array_namespace(value).sqrt(square + epsilon)",
)
mutant(
    "RMSprop that adds up its squares",
    "ops/update.py",
    naive("update.rmsprop"),
    "square += (1 - rho) * (grad * grad)\n    value -= scalars[0] * grad / array",
    "square += grad * grad\n    value -= scalars[0] * grad / array",
)
mutant("Nesterov like plain momentum", "ops/update.py", naive("update.momentum"), "momentum * velocity - step", "velocity")
mutant("momentum uphill", "ops/update.py", naive("update.momentum"), "velocity -= step", "velocity += step")
OVERWRITES = ("again(add_to, self._whole(), grad)", "again(write, self._whole(), grad)")
mutant(
    "accumulate that overwrites",
    "parameters/parameter.py",
    PARAMETERS + "test_the_first_accumulate_writes_and_the_others_add",
    *OVERWRITES,
)
mutant("a shared layer's gradient counted once", "parameters/parameter.py", gradient("chain_same_layer_twice"), *OVERWRITES)
mutant(
    "memory that a function did not write taken for the gradient",
    "parameters/parameter.py",
    PARAMETERS + "test_what_a_function_returns_counts_whether_it_takes_out_or_not",
    "if grad is not None and result is grad:",
    "if grad is not None:",
)
mutant(
    "a frozen parameter's array given away to be written to",
    "parameters/parameter.py",
    PARAMETERS + "test_several_gradients_are_accumulated_at_once",
    "if not self.trainable or self._grad_written:",
    "if self._grad_written:",
)
mutant(
    "a gradient that stood there written over",
    "parameters/parameter.py",
    PARAMETERS + "test_several_gradients_are_accumulated_at_once",
    "if not self.trainable or self._grad_written:",
    "if not self.trainable:",
)
mutant(
    "addresses counted in four bytes",
    "backend/table.py",
    "tests/backend/test_table.py::test_one_call_walks_rows_of_any_length_anywhere_in_memory",
    "begin * array.itemsize",
    "begin * 4",
    mode="compiled",
)
mutant(
    "weights read while they are trained",
    "access.py",
    "tests/test_access.py::test_nothing_touches_weights_that_another_thread_trains",
    "if _changes or self.kind != _READ:",
    "if self.kind != _READ:",
)
mutant(
    "readers that a change does not wait for",
    "access.py",
    "tests/test_access.py::test_short_uses_wait_for_each_other",
    "while (other := self._in_the_way(time.monotonic() - began < _PATIENCE)) is not None:",
    "while (other := None) is not None:",
)
mutant(
    "a shared parameter stepped twice",
    "parameters/group.py",
    PARAMETERS + "test_shared_parameters_count_once",
    "self.parameters = tuple(dict.fromkeys(parameters))",
    "self.parameters = tuple(parameters)",
)
mutant(
    "zero_grad that forgets nothing",
    "parameters/parameter.py",
    PARAMETERS + "test_the_first_accumulate_writes_and_the_others_add",
    'no memory is written until it is read or added to."""\n        self._grad_written = False',
    'no memory is written until it is read or added to."""',
)

# -- training ------------------------------------------------------------------------------------------------------------

mutant(
    "an epoch's loss as the mean over its batches",
    "training/running.py",
    FIT + "test_the_loss_of_an_epoch_is_the_mean_over_its_samples_before_each_step",
    "loss.astype(np.float64) * batch.size",
    "loss.astype(np.float64)",
    "self.samples += batch.size",
    "self.samples += 1",
)
mutant(
    "validation on the first samples",
    "data/split.py",
    FIT + "test_validation_is_the_last_part_cut_before_shuffling",
    "data.select(slice(None, cut)), data.select(slice(cut, None))",
    "data.select(slice(len(data) - cut, None)), data.select(slice(None, len(data) - cut))",
)
mutant(
    "the same order in every epoch",
    "training/loop.py",
    FIT + "test_every_epoch_has_an_order_of_its_own",
    "step=life)",
    "step=0)",
)
mutant("predictions in training mode", "training/loop.py", INFERENCE, "Context(keep=False)", "Context(True, keep=False)")
mutant(
    "predictions of few samples in training mode",
    "training/recorded_calls.py",
    INFERENCE,
    "else arrays[0], Context(keep=False))[0]",
    "else arrays[0], Context(True, keep=False))[0]",
)
mutant(
    "a model called on many samples in training mode",
    "models/network.py",
    INFERENCE,
    "Context(keep=False, mask=mask)",
    "Context(True, keep=False, mask=mask)",
)
mutant("evaluation in training mode", "training/step.py", INFERENCE, "Context(keep=False)", "Context(True, keep=False)")
mutant(
    "gradients that add up from step to step",
    "training/step.py",
    FIT + "test_training_by_hand_with_the_low_level_face_agrees_with_fit",
    "self.group.zero_grad()",
    "pass",
)
mutant(
    "softmax left out before a loss of probabilities",
    "training/plan.py",
    FIT + "test_fusing_changes_nothing_but_rounding",
    "loss = loss.with_logits_at(index)",
    "loss = loss",
)
mutant(
    "a branch's gradient overwrites the other's",
    "layers/graph.py",
    gradient("graph_residual_shared"),
    "add(gradients[slot], d) if slot in gradients else d\n        if not need_dx:",
    "d\n        if not need_dx:",
)
mutant(
    "any label will do",
    "losses/targets.py",
    VALIDATION + "test_losses",
    'labels.view(f"u{labels.itemsize}").max() >= classes',
    "False",
)
mutant(
    "numbers that keep the bytes of the file",
    "ops/gather.py",
    "tests/ops/test_extremes.py::test_whole_numbers_never_wrap",
    "return x[indices].astype(dtype, copy=False)",
    "return x[indices]",
)

# -- values that only a formula can judge --------------------------------------------------------------------------------

VALUES, BATCHES, LOSS_VALUES = (
    "tests/layers/test_values.py::",
    "tests/training/test_batches.py::",
    "tests/losses/test_values.py::",
)
OPTIMIZERS = "tests/test_optimizers.py::"
METRIC_PROPERTIES = "tests/test_metric_properties.py::"
mutant(
    "metrics that do not see the weights",
    "training/running.py",
    BATCHES + "test_metrics_see_the_weights",
    "metric.update(as_column(batch.y, prediction), prediction, weights)",
    "metric.update(as_column(batch.y, prediction), prediction)",
)
mutant(
    "a sample without weight that is NaN all the same",
    "metrics/base.py",
    METRIC_PROPERTIES + "test_weights",
    "xp.where(weights != 0, values * weights, 0.0).sum()",
    "(values * weights).sum()",
)
mutant(
    "scores that lie in the next batch's memory",
    "metrics/auc.py",
    METRIC_PROPERTIES + "test_copies_are_independent",
    "scores.copy(), true.copy()",
    "scores, true",
)
mutant(
    "a point for each sample where equal scores have one",
    "metrics/auc.py",
    "tests/test_metrics.py::test_areas",
    'side="right") - 1',
    'side="left")',
)
mutant(
    "labels in a byte",
    "losses/cross_entropy.py",
    LOSS_VALUES + "test_labels_of_many_classes",
    "as_type(y_true.reshape(y_pred.shape[:-1]), np.int64)",
    "as_type(y_true.reshape(y_pred.shape[:-1]), np.uint8)",
)
mutant(
    "weights along the classes where there are as many",
    "losses/base.py",
    LOSS_VALUES + "test_a_weight_belongs_to_its_sample_and_not_to_a_class",
    "scale.reshape(scale.shape + (1,) * (len(shape) - scale.ndim))",
    "(scale[None] if scale.shape[0] == shape[-1] else scale.reshape(scale.shape + (1,) * (len(shape) - scale.ndim)))",
)
mutant(
    "a loss summed in single precision",
    "ops/mean.py",
    LOSS_VALUES + "test_small_losses_beside_a_large_one_count",
    "values.sum(dtype=np.float64)",
    "values.sum()",
)
mutant(
    "a momentum of zero taken for none",
    "layers/normalization.py",
    VALUES + "test_running_statistics_with_any_momentum",
    "        if of_batch:\n            for running",
    "        if of_batch and self.momentum:\n            for running",
)
mutant(
    "a frozen normalisation by the batch",
    "layers/normalization.py",
    VALUES + "test_a_frozen_batch_normalization_uses_and_keeps_its_running_statistics_in_training",
    "training and self.trainable and",
    "training and",
)
mutant(
    "a chain that remembers the layers it had",
    "layers/containers.py",
    VALUES + "test_a_layer_appended_after_a_step_is_trained",
    "if self._looked_at != self.layers:",
    "if not self._looked_at:",
)
mutant(
    "another seed of dropout",
    "layers/dropout.py",
    VALUES + "test_the_seed_of_dropout_is_the_generators",
    "Stream(self.seed, 0)",
    "Stream(self.seed + 1, 0)",
)
mutant(
    "None in noise_shape taken for 1",
    "layers/dropout.py",
    VALUES + "test_none_in_noise_shape_is_the_inputs_length",
    "m if n is None else n",
    "1 if n is None else n",
)
mutant(
    "an offset before the scale",
    "layers/reshape.py",
    VALUES + "test_rescaling_is_scale_times_x_plus_offset",
    "offset=self.offset)",
    "offset=self.offset * self.scale)",
)
mutant(
    "slices in the dtype of the data",
    "data/batches.py",
    BATCHES + "test_batches_are_of_the_models_dtype_in_every_order",
    "return rows if rows.dtype == dtype and",
    "return rows if",
)
mutant(
    "the cut of the validation part rounded",
    "data/split.py",
    BATCHES + "test_validation_split_cuts_where_keras_does",
    "int(len(data) * (1 - fraction))",
    "round(len(data) * (1 - fraction))",
)
mutant(
    "RMSprop with the usual rho",
    "optimizers/rmsprop.py",
    OPTIMIZERS + "test_rmsprop",
    "scalars, self.rho, self.epsilon)",
    "scalars, 0.9, self.epsilon)",
)

OPTIONS, ALL_OPTIMIZERS = "tests/test_optimizer_options.py::", "tests/test_all_optimizers.py::"
mutant(
    "weight decay without the learning rate",
    "optimizers/base.py",
    OPTIONS + "test_weight_decay_is_decoupled_and_comes_before_the_rule",
    "multiplier * self.learning_rate * self.weight_decay",
    "multiplier * self.weight_decay",
)
mutant(
    "a rate for each parameter that only the first step sees",
    "optimizers/base.py",
    OPTIONS + "test_a_rate_for_each_parameter",
    "if self._prepared.get(key) != numbers:",
    "if key not in self._prepared:",
)
mutant(
    "constraints before the rule",
    "optimizers/base.py",
    OPTIONS + "test_the_order_within_a_step",
    "        self._prepare(segments)\n        if group.penalized:",
    "        self._prepare(segments)\n        group.apply_constraints()\n        if group.penalized:",
    "        if group.constrained:\n            again(group.apply_constraints)\n",
    "",
)
mutant(
    "gradients clipped before the penalty joins them",
    "optimizers/base.py",
    OPTIONS + "test_the_order_within_a_step",
    "        if group.penalized:\n            group.add_penalty_gradients()\n        if self._clipping.is_asked_for(self):",
    "        if self._clipping.is_asked_for(self):",
    "            self._clipping.clip(self, group)\n",
    "            self._clipping.clip(self, group)\n        group.add_penalty_gradients()\n",
)
mutant(
    "the rate of a step saved in place of the schedule",
    "optimizers/base.py",
    ALL_OPTIMIZERS + "test_config_through_json_makes_the_same_steps",
    'if "learning_rate" in found:',
    "if False:",
)
mutant(
    "each parameter clipped by the norm of all",
    "optimizers/clipping.py",
    OPTIONS + "test_clipping_by_formula",
    "key = p if options.clipnorm is not None else (p.dtype, type(p.value))",
    "key = p.dtype, type(p.value)",
)
mutant(
    "an infinite norm that makes gradients zero",
    "ops/gradients.py",
    OPTIONS + "test_what_is_not_finite_stays_so",
    " + 0 * norm",
    "",
)
mutant(
    "clipping that goes on with the tables of other parameters",
    "optimizers/clipping.py",
    OPTIONS + "test_norms_over_two_dtypes_and_without_the_frozen",
    "options.global_clipnorm, group, tuple(group.trained)",
    "options.global_clipnorm, group",
)
mutant(
    "squares of gradients in single precision",
    "ops/gradients.py",
    OPTIONS + "test_norms_of_huge_gradients_in_single_precision",
    "grad.astype(np.float64)",
    "grad",
)
mutant(
    "an infinite gradient clipped",
    "ops/gradients.py",
    naive("gradients.clip"),
    "xp.where(xp.isfinite(grad), clipped, grad)",
    "clipped",
)
mutant(
    "half an L2 gradient",
    "parameters/group.py",
    OPTIONS + "test_penalties_by_formula",
    "[found[0], 2 * found[1]]",
    "list(found)",
)
mutant(
    "the penalty of a frozen parameter counted",
    "parameters/group.py",
    OPTIONS + "test_penalties_are_those_of_now",
    "[p for p in trained if p.regularizer is not None]",
    "[p for p in self.parameters if p.regularizer is not None]",
)
mutant(
    "other coefficients of a penalty not seen",
    "parameters/group.py",
    OPTIONS + "test_penalties_are_those_of_now",
    "if coefficients == self._coefficients:",
    "if self._coefficients:",
)
mutant(
    "a derived penalty taken for minidl's own",
    "parameters/group.py",
    OPTIONS + "test_a_class_derived_from_a_penalty_goes_by_its_own_gradient",
    "is_own(type(regularizer)) and ",
    "",
)
mutant(
    "AMSGrad that forgets the largest square",
    "ops/update.py",
    naive("update.amsgrad"),
    "xp.maximum(largest, square, out=largest)",
    "largest[...] = square",
)
mutant(
    "Nadam that starts its product with the step after",
    "optimizers/nadam.py",
    OPTIMIZERS + "test_ten_steps_by_formula",
    "self._product_of(t), self._decay(t)",
    "self._product_of(t + 1), self._decay(t)",
)
mutant(
    "Adagrad from zero",
    "parameters/group.py",
    OPTIMIZERS + "test_ten_steps_by_formula",
    "        if start:\n",
    "        if False:\n",
)
mutant(
    "a boundary that belongs to the rate after it",
    "schedules.py",
    "tests/test_schedules.py::test_the_rates_are_those_of_keras",
    "bisect_left(self.boundaries, step)",
    "bisect_left(self.boundaries, step + 1)",
)

# -- the gradient check itself -------------------------------------------------------------------------------------------

CHECK = "tests/testing/test_check_gradients.py::"
mutant(
    "squares of huge gradients",
    "testing/gradients.py",
    CHECK + "test_no_number_is_so_large_that_it_passes",
    "unit_of(peak) if peak else 1.0",
    "1.0",
)
mutant(
    "a second pass that is not made",
    "testing/promises.py",
    CHECK + "test_what_only_further_passes_show",
    "        _two_passes(passes, r, again)\n",
    "",
)
mutant(
    "hidden weights not looked for",
    "testing/promises.py",
    CHECK + "test_a_weight_that_training_cannot_see_is_named_with_the_way_out",
    "        passes.problems += hidden_weights(run)\n",
    "",
)
mutant(
    "a corner that excuses NaN",
    "testing/gradients.py",
    CHECK + "test_a_corner_does_not_excuse_nan",
    "if not self.finite.all():",
    "if False:",
)
mutant(
    "small elements hidden by large ones",
    "testing/gradients.py",
    CHECK + "test_an_element_that_is_small_beside_its_neighbours_is_wrong_all_the_same",
    "abs(analytic - numeric) > max(found.doubt, self.unresolved):",
    "False:",
)

# -- kernels -------------------------------------------------------------------------------------------------------------

CONVOLUTION = "kernels/numba/_direct.py"
WINOGRAD = "kernels/numba/_winograd.py"
mutant(
    "kernel: the last tile of a row lost",
    CONVOLUTION,
    kernel("convolution.convolve"),
    "tiles = (ow + rows - 1) // rows",
    "tiles = max(ow // rows, 1)",
)
mutant(
    "kernel: the bias added twice",
    "kernels/numba/_finish.py",
    kernel("convolution.convolve"),
    "total += bias[b_start + j]",
    "total += 2 * bias[b_start + j]",
)
mutant(
    "kernel: images one pixel too far down",
    "kernels/numba/_pixels.py",
    kernel("convolution.convolve"),
    "row, to = first + r, r * line",
    "row, to = first + r + 1, r * line",
)
mutant(
    "kernel: a fused ReLU that hides NaN",
    "kernels/numba/_finish.py",
    "tests/ops/test_kernels.py::test_a_fused_relu_lets_nan_through",
    "0 if code[1] and total < 0 else total",
    "0 if code[1] and not total > 0 else total",
)
mutant(
    "kernel: a fused ReLU forgotten",
    "kernels/numba/linear.py",
    "tests/ops/test_kernels.py::test_read_only_arrays_give_the_same[linear.dense]",
    'activation == "relu", weights=W)',
    "False, weights=W)",
)
for _name, _test, *_texts in (
    ("a window not turned around", "convolve_grad_x", "W[::-1, ::-1].transpose", "W.transpose"),
    ("the last filters of dW", "convolve_grad_W", "sums[:, :, :c, :f]", "sums[:, :, :c, f_padded - f :]"),
    ("results of the last, partial tile", "convolve", "min(m, oh - (t0 + t) * m)", "min(m, oh - (t0 + t) * m + 1) - 1"),
    ("dW without the last image of a share", "convolve_grad_W", "(share + 1) * n //", "(share + 1) * n // 2 * 2 //"),
    ("points that do not fit the matrices", "convolve", "G[j] = point **", "G[j] = (point + (j == 3)) **"),
):
    mutant(f"winograd: {_name}", WINOGRAD, kernel(f"convolution.{_test}"), *_texts)
mutant(
    "winograd: filters of the first panel in all of them",
    WINOGRAD,
    "tests/ops/test_kernels.py::test_winograd_is_nearly_as_exact_as_summation[3-12-130]",
    "= W[..., p * width : p * width + used]",
    "= W[..., :used]",
)
SPARE = "tests/ops/test_kernels.py::test_winograd_sums_filters_that_do_not_fill_a_vector"
for _name, *_texts in (
    ("of the first product", "(p * (panels * width + spare) + panels * width) * c", "panels * width * c"),
    ("where the ones before stand", "c_start=p * tiles * f_row + f - spare,", "c_start=p * tiles * f_row + f - spare - 1,"),
    ("overwritten by a panel that is not full", "_row_of_filters(f, spare, size[1]", "_row_of_filters(f - spare, 0, size[1]"),
    ("in the wrong order", "W[..., f - spare :].transpose", "W[..., : f - spare - 1 : -1].transpose"),
    ("of dW all in one column", "f - spare + q] = S_turned", "f - spare] = S_turned"),
    ("of dW of the first product", "a_start=p * tiles * f_row + f - spare", "a_start=f - spare"),
    ("of dW with those of the share before", "clear_run(S_turned, 0, len(S_turned))", "pass"),
):
    mutant(f"winograd, spare filters: {_name}", WINOGRAD, SPARE, *_texts, mode="compiled")
for _name, _file, _test, *_texts in (
    (
        "large pixels mixed with small",
        "_magnitude",
        "a_large_pixel_at_every_place_of_a_tile[10000.0-3-same]",
        "SPREAD = 64.0",
        "SPREAD = 1e30",
    ),
    (
        "large weights mixed with small",
        "_magnitude",
        "a_large_weight_at_every_tap[10000.0-3-same]",
        "TAPS = 16.0",
        "TAPS = 1e30",
    ),
    (
        "dW not compared",
        "_winograd",
        "dW_beside_large_numbers[place4-1e+20-3-valid]",
        "SPREAD * min(of_taps) >= of_tiles and ",
        "",
    ),
    (
        "rounding left where windows are zero",
        "_winograd",
        "a_result_whose_window_is_zero_is_zero[3-same]",
        "[first + j] == 0",
        "[first + j] < 0",
    ),
    (
        "digits that tiny numbers lack",
        "_magnitude",
        "numbers_of_any_size[1e-40-3-same]",
        "LEAST = 2.0**-90",
        "LEAST = 2.0**-149",
    ),
):
    mutant(f"winograd: {_name}", f"kernels/numba/{_file}.py", f"tests/ops/test_magnitudes.py::test_{_test}", *_texts)
mutant(
    "kernel: pads exchanged",
    "kernels/numba/_pixels.py",
    kernel("convolution.convolve"),
    "pads = window.pads(x.shape[1:3])",
    "pads = tuple(pair[::-1] for pair in window.pads(x.shape[1:3]))",
)
mutant(
    "kernel: rows of the window without gaps",
    CONVOLUTION,
    kernel("convolution.convolve_grad_x"),
    "(t * rows * sh + k * dh) * line",
    "(t * rows * sh + k) * line",
)
mutant(
    "kernel: the rows below the last whole tile lost",
    CONVOLUTION,
    kernel("convolution.convolve_grad_x"),
    "if whole < tiles:",
    "if whole > tiles:",
)
mutant(
    "kernel: dW without the last image of a share",
    CONVOLUTION,
    kernel("convolution.convolve_grad_W"),
    "_backward_W_images(size, s * n // shares, (s + 1) * n // shares, x",
    "_backward_W_images(size, s * n // shares, (s + 1) * n // shares - 1, x",
)
mutant(
    "kernel: the filters of dW in the place of the last tile",
    CONVOLUTION,
    kernel("convolution.convolve_grad_W"),
    "by_filter[:, :, f - rows :] = by_tile[:, :, -1]",
    "by_filter[:, :, : rows] = by_tile[:, :, -1]",
)
mutant(
    "kernel: shares added up from the third",
    "kernels/numba/_parallel.py",
    kernel("convolution.convolve_grad_W"),
    "for share in shares[1:]:",
    "for share in shares[2:]:",
)
for _name, _test, *_texts in (
    (
        "the first version that nobody has tried is taken for tried",
        "which_versions_nobody_has_tried[0.69.0-True]",
        ">= numbers[1]",
        "> numbers[1]",
    ),
    (
        "more parameters than minidl gives are no objection",
        "what_is_objected_to[Thing.method-self-takes (self, a]",
        "== wanted and not others",
        "== wanted",
    ),
):
    mutant(f"numba: {_name}", "kernels/numba/_private.py", f"tests/kernels/test_private.py::test_{_test}", *_texts)
SPARSE = "kernels/numba/_sparse.py"
for _name, _op, *_texts in (
    (
        "the first filter's number at a position lost",
        "x",
        "starts[place + 1]\n                    if begin",
        "starts[place + 1] - 1\n                    if begin",
    ),
    ("positions exchanged", "W", "i * sh * line + j * sw * c", "j * sh * line + i * sw * c"),
    ("dW on its side", "W", "sums.transpose(1, 2, 0)", "sums.reshape(kh, kw * c, f)"),
):
    test = f"tests/ops/test_kernels.py::test_leaving_zeros_out[convolution.convolve_grad_{_op}-float64]"
    mutant(f"sparse: {_name}", SPARSE, test, *_texts)
mutant(
    "kernel: the last row of a product lost",
    "kernels/numba/_product.py",
    kernel("linear.dense"),
    "range(r, min(r + rows, m))",
    "range(r, min(r + rows, m - 1))",
)
mutant(
    "kernel: a product that forgets what it had summed",
    "kernels/numba/_product.py",
    "tests/ops/test_kernels.py::test_products_of_every_tile_and_of_more_rows_than_a_block",
    "number + load(sums, to, width - j, 0) if k0 else number",
    "number",
    mode="compiled",
)
mutant(
    "kernel: a product of few rows that forgets what it had summed",
    "kernels/numba/_product.py",
    "tests/ops/test_kernels.py::test_products_of_few_rows",
    "c=sums, c_start=0, c_row_step=width, add=k,",
    "c=sums, c_start=0, c_row_step=width, add=0,",
    mode="compiled",
)
mutant(
    "kernel: a narrow product turned, and all parts put where the first one belongs",
    "kernels/numba/_product.py",
    "tests/kernels/test_tuning.py::test_a_result_on_its_side_is_written_by_one_thread_a_row",
    "turn(code.pack[0], c, i0 * n + j0, n, i1 - i0, j1 - j0, turned, j0 * m + i0, m)",
    "turn(code.pack[0], c, i0 * n + j0, n, i1 - i0, j1 - j0, turned, i0, m)",
    mode="compiled",
)
mutant(
    "kernel: a share of db lost",
    "kernels/numba/linear.py",
    "tests/ops/test_kernels.py::test_kernel_equals_reference_in_further_cases[linear.bias_grad-float32]",
    "range(units + j, len(sums), units)",
    "range(2 * units + j, len(sums), units)",
)
mutant(
    "kernel: a block turned on its side is not",
    "kernels/numba/_transpose.py",
    kernel("linear.dense_grad_x"),
    "            for j in range(code[0]):\n                target[t_start + j * t_step + i]",
    "            for j in range(code[0]):\n                target[t_start + i * t_step + j]",
)
mutant(
    "kernel: db without the last row of a block",
    "kernels/numba/linear.py",
    kernel("linear.bias_grad"),
    "min(block + TOGETHER, end)",
    "min(block + TOGETHER, end) - 1",
)
mutant(
    "kernel: rows of a data set from one too early",
    "kernels/numba/_rows.py",
    kernel("gather.gather"),
    "index = indices[i] if",
    "index = indices[i] - (indices[i] > 0) if",
)
mutant(
    "kernel: the last winner",
    "kernels/numba/_two_by_two.py",
    kernel("pooling.max_pool"),
    "keep = (candidate <= best)",
    "keep = (candidate < best)",
)
mutant(
    "kernel: winners compared with the tap before",
    "kernels/numba/pooling.py",
    kernel("pooling.max_pool_grad"),
    "where(everywhere | (winner == r * kw + s), d, 0)",
    "where(everywhere | (winner == r * kw + s - 1), d, 0)",
)
mutant(
    "kernel: the last of two by two winners lost",
    "kernels/numba/_two_by_two.py",
    "tests/kernels/test_pooling.py::test_two_by_two_windows_of_any_number_of_channels",
    "where(everywhere | (winner == 3), d, 0)",
    "where(everywhere | (winner == 2), d, 0)",
)
OF_ANY = "tests/kernels/test_pooling.py::test_two_by_two_windows_of_any_number_of_channels"
BEHIND = "tests/kernels/test_pooling.py::test_a_task_writes_nothing_behind_its_images"
for _name, _test, _old, _new in (
    ("two windows in a vector: the second lost", OF_ANY, "store_second(y, t + channels, best)", "pass"),
    (
        "a row of pools written over by the one before",
        OF_ANY,
        "range(2 if channels < LANES else 0)",
        "(1, 0)[2 * (channels >= LANES) :]",
    ),
    ("pools written behind a task's images", BEHIND, "if t + channels + HALF > end or", "if"),
    ("gradients of pools written behind a task's images", BEHIND, "if t + step + right + HALF > end or", "if"),
    ("whole vectors behind a task's images", BEHIND, "inside = t + LANES <= end and", "inside ="),
):
    mutant(f"kernel: {_name}", "kernels/numba/_two_by_two.py", _test, _old, _new)
mutant(
    "kernel: means summed in the order that the compiler likes",
    "kernels/numba/_vector.py",
    "tests/kernels/test_pooling.py::test_means_have_the_same_bits_wherever_tasks_end",
    "builder.fadd(*args, flags=_KEPT)",
    "builder.fadd(*args)",
    mode="compiled",
)
mutant(
    "kernel: a pool's windows taken where zeros stand in front",
    "kernels/numba/pooling.py",
    OF_ANY,
    " and not any(map(any, window.pads(spatial)))",
    "",
)
mutant(
    "kernel: a pool's first window taken where zeros stand in front",
    "kernels/numba/pooling.py",
    OF_ANY,
    "first = (before + stride - 1) // stride",
    "first = before // stride",
)
mutant(
    "kernel: an average of the whole window at the border",
    "kernels/numba/pooling.py",
    kernel("pooling.average_pool"),
    "inside = (r1 - r0) * (s1 - s0)",
    "inside = kh * kw",
)
mutant(
    "kernel: windows that overlap overwrite each other",
    "kernels/numba/pooling.py",
    kernel("pooling.average_pool_grad"),
    "part if one_window_each else part + load",
    "part if True else part + load",
)
mutant(
    "kernel: a pool's pads exchanged",
    "kernels/numba/pooling.py",
    kernel("pooling.max_pool"),
    "(top, _), (left, _) = window.pads",
    "(_, top), (_, left) = window.pads",
)
mutant(
    "kernel: a ReLU that hides NaN",
    "kernels/numba/activation.py",
    kernel("activation.relu"),
    "0 if x[i] < 0 else x[i]",
    "x[i] if x[i] > 0 else 0",
)
for _mode in ("plain", "compiled"):
    mutant(
        f"kernel: ReLU's gradient below zero, {_mode}",
        "kernels/numba/activation.py",
        kernel("activation.relu_grad"),
        "dy[i] if y[i] > 0 else 0",
        "dy[i] if y[i] >= 0 else 0",
        mode=_mode,
    )
mutant(
    "kernel: the last chunk lost",
    "kernels/numba/activation.py",
    many("activation.relu"),
    "in_parallel(_relu_share, (len(x) + CHUNK - 1) // CHUNK",
    "in_parallel(_relu_share, len(x) // CHUNK",
)
for _name, _share in (("swish", "(x, y)"), ("gelu", "(x, y, approximate)"), ("mish", "(x, y)")):
    mutant(
        f"kernel: the last chunk of {_name} lost",
        "kernels/numba/activation.py",
        many(f"activation.{_name}"),
        f"in_parallel(_{_name}_share, (len(x) + CHUNK - 1) // CHUNK, {_share})",
        f"in_parallel(_{_name}_share, len(x) // CHUNK, {_share})",
    )
mutant(
    "kernel: swish flushed to zero too early",
    "kernels/numba/activation.py",
    kernel("activation.swish"),
    "where(v < 0, factor * h * h * r, factor * r)",
    "where(v < 0, factor * exp(0 - absolute(v)) * r, factor * r)",
    mode="compiled",
)
mutant(
    "kernel: GELU's polynomial without its last term",
    "kernels/numba/activation.py",
    kernel("activation.gelu"),
    "for coefficient in POLYNOMIAL[2:]",
    "for coefficient in POLYNOMIAL[2:-1]",
)
mutant(
    "kernel: GELU's gradient without the density",
    "kernels/numba/activation.py",
    kernel("activation.gelu_grad"),
    "slope = _normal_cdf(v) + v * (DENSITY * exp(-0.5 * v * v))",
    "slope = _normal_cdf(v)",
)
mutant(
    "kernel: the approximate GELU's gradient with the cubic's factor of y",
    "kernels/numba/activation.py",
    kernel("activation.gelu_grad"),
    "(1 + 3 * CUBIC * v * v)",
    "(1 + CUBIC * v * v)",
)
mutant(
    "kernel: mish's gradient with 1 - w",
    "kernels/numba/activation.py",
    kernel("activation.mish_grad"),
    "* rest * (1 + w)",
    "* rest",
)
mutant(
    "kernel: Adam forgets the squares",
    "kernels/numba/update.py",
    kernel("update.adam"),
    "mean[i], square[i] = a, s\n            value[i] -= rate * a",
    "mean[i] = a\n            value[i] -= rate * a",
)
mutant(
    "kernel: Adam's epsilon inside the root",
    "kernels/numba/update.py",
    kernel("update.adam"),
    "a / (sqrt(s) + epsilon)",
    "a / sqrt(s + epsilon)",
)
mutant(
    "kernel: Nesterov with the step twice",
    "kernels/numba/update.py",
    kernel("update.momentum"),
    "m * v - step if",
    "m * v - 2 * step if",
)
mutant(
    "kernel: a class's last lanes of any content",
    "kernels/numba/_softmax.py",
    kernel("softmax.softmax"),
    "exp(load(z, stop, few, -np.inf) - peak)",
    "exp(load(z, stop, few, 0) - peak)",
)
mutant(
    "kernel: a label of no class read behind the row",
    "kernels/numba/cross_entropy.py",
    kernel("cross_entropy.sparse_softmax_cross_entropy"),
    "if 0 <= label < classes:",
    "if 0 <= label <= classes:",
)
mutant(
    "kernel: minus infinity times a target of 0",
    "kernels/numba/cross_entropy.py",
    kernel("cross_entropy.softmax_cross_entropy"),
    "t * where(v < lowest[0], lowest[0], v)",
    "t * v",
)
mutant(
    "kernel: every sample with the first one's weight",
    "kernels/numba/cross_entropy.py",
    kernel("cross_entropy.sparse_softmax_cross_entropy_grad"),
    "scales[0 if one_scale else part]",
    "scales[0]",
)
mutant(
    "kernel: random blocks counted from 0",
    "kernels/numba/_philox.py",
    kernel("dropout.dropout"),
    "np.uint64(first) + _ONE",
    "np.uint64(first)",
)
mutant(
    "kernel: the high half of a product of 64 bits one bit off",
    "kernels/numba/_philox.py",
    kernel("dropout.dropout"),
    "np.uint64(product >> 64)",
    "np.uint64((product >> 65) << 1)",
)
mutant(
    "kernel: what was dropped comes back",
    "kernels/numba/dropout.py",
    kernel("dropout.dropout_grad"),
    "scaled if mask[i] else 0",
    "scaled",
)


# -- the protocols: contexts, graphs, masks, plans, penalties, configuration ------------------------------------------------

CONTEXT, STRUCTURE, MASKED = (
    "tests/layers/test_context.py::",
    "tests/models/test_structure.py::",
    "tests/layers/test_masks.py::",
)
PENALTY, CONFIGURATION, WHOLE = (
    "tests/layers/test_penalties.py::",
    "tests/models/test_configuration.py::",
    "tests/models/test_whole.py::",
)
RUNNING, PLAN, EVERY = "tests/training/test_running.py::", "tests/training/test_plan.py::", "tests/test_every_class.py::"
SECOND_RUN = CONTEXT + "test_the_second_run_begins_where_the_first_one_did"
mutant(
    "masks that depend on what else was drawn",
    "layers/context.py",
    CONTEXT + "test_two_layers_with_one_seed_draw_alike_whatever_comes_between",
    "self._uses.get(layer, 0)",
    "sum(self._uses.values())",
)
mutant(
    "the state of the last step for every use in a pass",
    "layers/context.py",
    CONTEXT + "test_an_update_waits_for_commit_and_compounds_within_a_pass",
    "return self._updates.get(state, state.value)",
    "return state.value",
)
mutant(
    "state that changes before it is committed",
    "layers/context.py",
    CONTEXT + "test_the_same_context_gives_the_same_bits[batch_norm_2d]",
    "            self._updates[state] = value\n",
    "            self._updates[state] = value\n            state.value[...] = value\n",
)
mutant(
    "updates that are still there after commit",
    "layers/context.py",
    CONTEXT + "test_an_update_waits_for_commit_and_compounds_within_a_pass",
    "        self._updates.clear()\n",
    "",
)
mutant(
    "the same pass again, its uses counted from the first",
    "layers/context.py",
    SECOND_RUN + "[draws]",
    "dict(self._uses), dict(self._updates)",
    "{}, dict(self._updates)",
)
mutant(
    "the same pass again, from the state of the last step",
    "layers/context.py",
    SECOND_RUN + "[remembers]",
    "dict(self._uses), dict(self._updates)",
    "dict(self._uses), {}",
)
mutant(
    "the same pass again, its updates beside those of the first",
    "layers/context.py",
    SECOND_RUN + "[remembers]",
    "dict(self._uses), dict(self._updates)",
    "dict(self._uses), self._updates",
)
mutant(
    "a second run with the numbers of another step",
    "layers/recompute.py",
    CONTEXT + "test_recomputation_gives_the_same_bits_in_loss_gradients_and_state",
    "self._layer.apply(x, again.again())",
    "self._layer.apply(x, Context(True))",
)
mutant(
    "a penalty that everybody's inference remembers",
    "layers/context.py",
    CONTEXT + "test_without_a_context_apply_is_inference[dense_penalised]",
    "        if self.penalties and not self._shared:\n            self._penalties",
    "        if True:\n            self._penalties",
)
mutant(
    "the first penalty alone",
    "layers/context.py",
    CONTEXT + "test_penalties_add_up",
    "sum(self._penalties[1:], self._penalties[0])",
    "self._penalties[0]",
)
mutant(
    "a result that nobody used with a gradient of one",
    "layers/graph.py",
    STRUCTURE + "test_a_result_that_nobody_uses_has_gradient_zero",
    "backend.xp.zeros(shape, dtype)",
    "backend.xp.ones(shape, dtype)",
)
ORDER = STRUCTURE + "test_results_come_in_the_order_in_which_they_were_listed"
mutant(
    "an output that is listed twice, with the last gradient",
    "layers/graph.py",
    ORDER,
    "add(gradients[slot], d) if slot in gradients else d\n        for use in",
    "d\n        for use in",
)
mutant(
    "results in the order of their computation",
    "layers/graph.py",
    ORDER,
    "y = tuple(values[slot] for slot in self.output_slots)",
    "y = tuple(values[slot] for slot in sorted(self.output_slots))",
)
mutant(
    "a graph that loses its mask",
    "layers/graph.py",
    MASKED + "test_the_loss_of_branches_leaves_masked_steps_out",
    "context.mask = self._output_masks(masks)",
    "context.mask = None",
)
mutant(
    "a mask that outlives its steps",
    "layers/base.py",
    MASKED + "test_layers_that_end_the_steps_end_the_mask",
    "context.mask = layer.output_mask(x, mask)",
    "context.mask = layer.output_mask(x, mask) if mask is None else mask",
)
mutant(
    "padding taken for the rest",
    "layers/embedding.py",
    MASKED + "test_padding_is_what_an_embedding_says",
    "return x != 0",
    "return x == 0",
)
mutant(
    "a step that counts in one branch counts",
    "layers/merge.py",
    MASKED + "test_branches_join_their_masks",
    "both = both & mask",
    "both = both | mask",
)
mutant(
    "steps without a mask that do not count",
    "layers/concatenate.py",
    MASKED + "test_branches_join_their_masks",
    "xp.ones(p.shape[:2], bool)",
    "xp.zeros(p.shape[:2], bool)",
)
mutant(
    "padded steps in the loss",
    "training/step.py",
    MASKED + "test_the_loss_is_the_mean_over_the_steps_that_count",
    "batch.weight, context.mask)\n        parts",
    "batch.weight)\n        parts",
)
mutant(
    "padded steps in the metrics",
    "training/step.py",
    MASKED + "test_metrics_leave_masked_steps_out",
    "weight = batch.weight if context.mask is None else masked(batch.weight, context.mask)",
    "weight = batch.weight",
)
mutant(
    "a masked step that weighs as its sample does",
    "training/masks.py",
    MASKED + "test_masked_weights",
    "return mask * weight",
    "return (mask | True) * weight",
)
mutant(
    "a mean over time that counts the padding",
    "layers/global_pooling.py",
    MASKED + "test_pooling_over_time_leaves_masked_steps_out",
    "xp.maximum(counts.sum(axis=1, keepdims=True), 1)",
    "context.mask.shape[1]",
)
mutant(
    "padding that wins over negative steps",
    "layers/global_pooling.py",
    MASKED + "test_pooling_over_time_leaves_masked_steps_out",
    'rows, -float("inf"))',
    "rows, 0)",
)
mutant(
    "a mean's gradient that is not divided by the positions",
    "layers/global_pooling.py",
    gradient("GlobalAveragePooling2D"),
    "1 / max(rows.shape[1], 1)",
    "1 / max(rows.shape[2], 1)",
)
mutant(
    "channels first put back as channels last",
    "layers/global_pooling.py",
    gradient("global_average_channels_first"),
    "return self.from_last(rows.reshape(last))",
    "return rows.reshape(last).reshape(shape)",
)
mutant(
    "the last of equal numbers wins the global maximum",
    "layers/global_pooling.py",
    VALUES + "test_of_equal_numbers_the_first_one_wins_the_global_maximum",
    "winners = rows.argmax(axis=1)",
    "winners = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)",
)
mutant(
    "a concatenation's gradient one place too late",
    "layers/concatenate.py",
    gradient("concatenate_time"),
    ".split(dy, ends[:-1], axis=axis)",
    ".split(dy.take(range(-1, dy.shape[axis] - 1), axis=axis), ends[:-1], axis=axis)",
)
mutant(
    "of an id that comes twice, the last gradient",
    "ops/embedding.py",
    gradient("embedding"),
    "xp.add.at(dW, xp.where(inside, ids, 0), xp.where(inside[..., None], dy, 0))",
    "dW[xp.where(inside, ids, 0)] = dy",
)
mutant(
    "an id of -1 for the last row",
    "layers/embedding.py",
    MASKED + "test_ids_that_have_no_row_are_named",
    "if x.size and (x.min() < 0 or",
    "if x.size and (x.min() < -1 or",
)
mutant(
    "ids as float32",
    "layers/containers.py",
    MASKED + "test_ids_beyond_two_to_the_24_are_exact",
    "if self.declared_dtype is not None:",
    "if False:",
)
mutant(
    "the first output's weights for every metric",
    "training/running.py",
    RUNNING + "test_losses_and_metrics_of_each_output",
    "else weights[output]",
    "else weights[0]",
)
mutant(
    "an output's loss as the mean over its batches",
    "training/running.py",
    RUNNING + "test_losses_and_metrics_of_each_output",
    "self.parts[place] + result.parts[at].astype(np.float64) * batch.size",
    "self.parts[place] + result.parts[at].astype(np.float64) * (self.samples / 2)",
)
mutant(
    "the first output's mask for every loss",
    "losses/per_output.py",
    PER_OUTPUT + "test_masks_go_to_their_outputs",
    "None if given is None else given[k] for given in",
    "None if given is None else given[0] for given in",
)
mutant(
    "logits at one output, and the weights forgotten",
    "losses/per_output.py",
    PER_OUTPUT + "test_logits_at_one_output",
    "PerOutput(losses, self.weights, self.names)",
    "PerOutput(losses, None, self.names)",
)
mutant(
    "a loss without the penalties on what layers give",
    "training/step.py",
    PENALTY + "test_activity_penalties_are_means_over_the_batch",
    "if context.penalty is not None:",
    "if False:",
)
mutant(
    "a loss without the penalties on weights",
    "training/step.py",
    PENALTY + "test_ten_steps_with_a_penalty[reference-l2-Dense-kernel-W]",
    "if self.group.penalized:\n            loss",
    "if False:\n            loss",
)
mutant(
    "an activity penalty as the sum over the batch",
    "layers/activity.py",
    PENALTY + "test_activity_regularization_in_numpy",
    "regularizer.value(y) / _divisor(layer, y)",
    "regularizer.value(y)",
    "regularizer.gradient(y) / _divisor(layer, y)",
    "regularizer.gradient(y)",
)
mutant(
    "the kernel's penalty on the bias",
    "layers/_affine.py",
    PENALTY + "test_the_argument_reaches_its_parameter_and_no_other",
    'self.terms("bias")',
    'self.terms("kernel")',
)
mutant(
    "the penalty of the kernel on the recurrent weights",
    "layers/cell.py",
    PENALTY + "test_the_argument_reaches_its_parameter_and_no_other",
    'self.terms("recurrent")',
    'self.terms("kernel")',
)
READ_TWICE = STRUCTURE + "test_a_softmax_that_something_else_reads_is_not_taken_off"
mutant("a result that is read twice taken for one's own", "training/nodes.py", READ_TWICE, "read == readers", "read >= readers")
mutant(
    "an output that is no reader",
    "training/nodes.py",
    READ_TWICE,
    " + self.outputs.count(slot)",
    "",
)
mutant(
    "any last activation taken off before the loss",
    "training/plan.py",
    STRUCTURE + "test_only_the_activation_that_the_loss_merges_is_taken_off",
    "if last is None or last.activation != part.merges:",
    "if last is None:",
)
mutant(
    "anything moved behind a pool",
    "training/plan.py",
    PLAN + "test_nothing_else_is_moved",
    'relu is None or relu.activation != "relu":',
    "relu is None:",
)
mutant(
    "a subclass that computes otherwise taken for the class",
    "layers/_protocol.py",
    STRUCTURE + "test_a_subclass_that_computes_otherwise_is_left_alone",
    'return all(method.__module__.startswith("minidl.") for',
    "return all(method is not None for",
)
PENALISED = PENALTY + "test_the_plan_leaves_what_is_penalised_in_its_place"
mutant(
    "a layer whose sums are penalised absorbs an activation",
    "layers/_affine.py",
    PENALISED,
    "linear = self.activation.is_linear and self.activity_regularizer is None",
    "linear = self.activation.is_linear",
)
mutant(
    "a penalised softmax taken off before the loss",
    "layers/_affine.py",
    PENALISED,
    "if is_unchanged(self) and self.activity_regularizer is None else None",
    "if is_unchanged(self) else None",
)
mutant(
    "a shared layer written twice",
    "declared.py",
    CONFIGURATION + "test_what_is_shared_stays_shared",
    "            if self in written:\n",
    "            if False:\n",
)
mutant(
    "the names of the inputs forgotten",
    "models/base.py",
    CONFIGURATION + "test_names_of_inputs_and_outputs_are_written",
    '"input_names": self._given_names[0]',
    '"input_names": None',
)
mutant(
    "a class of one's own looked up among minidl's",
    "declared.py",
    CONFIGURATION + "test_own_classes_come_from_the_caller_only",
    'if value.get("custom") or (name in own and _of_class(kind, name) is None):',
    "if name in own:",
)
mutant(
    "a layer that is renamed by every model",
    "layers/containers.py",
    CONFIGURATION + "test_a_layer_keeps_the_name_that_a_model_gave_it",
    "if layer.given_name is None and layer.number and layer.name not in taken:",
    "if False:",
)
mutant(
    "memory for as much as a file asks for",
    "layers/_weights.py",
    WHOLE + "test_a_hostile_description_is_refused",
    "if self.nbytes < 0:",
    "if self.nbytes < -(10**9):",
)
mutant(
    "files of any version",
    "models/loading.py",
    WHOLE + "test_a_hostile_description_is_refused",
    'if whole.get("version") != VERSION:',
    'if whole.get("version") is None:',
)
mutant(
    "state that is trained",
    "layers/state.py",
    CONTEXT + "test_freezing_and_thawing_never_touches_state",
    "        return False\n",
    "        return True\n",
)
mutant(
    "an argument that the text of an object leaves out",
    "declared.py",
    EVERY + "test_every_argument_of_a_layer_is_kept",
    "if not _is_default(values[name], argument.default):",
    "if not _is_default(values[name], argument.default) and name != 'epsilon':",
)
mutant(
    "norms of numbers whose squares overflow",
    "ops/norm.py",
    EVERY + "test_penalties_and_constraints_pass_nan_on_and_stay_finite",
    "m = xp.where(largest == 0, 1, largest)",
    "m = xp.ones_like(largest)",
)

# -- the trial -----------------------------------------------------------------------------------------------------------


for _info in pkgutil.iter_modules(mutant_families.__path__, "tests.cases.mutant_families."):
    importlib.import_module(_info.name)


@pytest.fixture(scope="session")
def copy_of_the_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources and tests in a folder of this process's own, where they may be spoilt."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("minidl", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="session")
def runs(copy_of_the_project: Path) -> Iterator[dict[str, Trials]]:
    """pytest on the copy for each mode, without plugins; compiled kernels stay in the folder."""
    folder = copy_of_the_project
    dropped = ("PYTEST_", "COV_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    always = {"PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    runs = {}
    for mode in ("reference", "plain", "compiled"):
        own = {
            "MINIDL_KERNELS": "reference" if mode == "reference" else "auto",
            "MINIDL_HOME": str(folder / "home"),
            "NUMBA_DISABLE_JIT": "0" if mode == "compiled" else "1",
        }
        runs[mode] = Trials(folder, inherited | always | own)
    yield runs
    for tests in runs.values():
        tests.close()


OPTIONS = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
_seconds = itertools.count(1_000_000_000)


@pytest.fixture
def spoilt(copy_of_the_project: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """One fault in the copy, which is mended afterwards.

    Python knows bytecode by the second and the size of its source, which a fault may leave as they are: each fault gets
    a second of its own.
    """
    fault: Mutant = request.param
    path = copy_of_the_project / "minidl" / fault.file
    before = text = path.read_text()
    time = path.stat().st_mtime
    for original, replacement in fault.changes:
        assert text.count(original) == 1, f"{fault.file} has {text.count(original)} times: {original}"
        text = text.replace(original, replacement)
    assert text != before
    second = next(_seconds)
    path.write_text(text)
    os.utime(path, (second, second))
    try:
        yield
    finally:
        path.write_text(before)
        os.utime(path, (time, time))


def needs_numba(mode: str) -> None:
    if mode != "reference" and importlib.util.find_spec("numba") is None:
        pytest.skip("numba is not installed")


def can_run(fault: Mutant) -> bool:
    """CUDA kernels are compiled by g++ in the tests."""
    return not fault.file.startswith("kernels/cuda") or shutil.which("g++") is not None


def test_every_fault_can_be_planted() -> None:
    for fault in MUTANTS:
        text = (ROOT / "minidl" / fault.file).read_text()
        for original, replacement in fault.changes:
            assert text.count(original) == 1, f"{fault.file} has {text.count(original)} times: {original}"
            text = text.replace(original, replacement)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["reference", "plain", "compiled"])
def test_without_a_fault_the_tests_pass(runs: dict[str, Trials], mode: str) -> None:
    needs_numba(mode)
    tests = tuple(dict.fromkeys(test for fault in MUTANTS if fault.mode == mode and can_run(fault) for test in fault.tests))
    status, printed = runs[mode].run([*OPTIONS, *tests])
    assert status == 0, printed
    assert "skipped" not in printed, printed


SAMPLE = {m.name for m in MUTANTS[:: len(MUTANTS) // 3]}
ROWS = [pytest.param(m, m, id=m.name, marks=[] if m.name in SAMPLE else [pytest.mark.slow]) for m in MUTANTS]


@pytest.mark.usefixtures("spoilt")
@pytest.mark.parametrize("spoilt, fault", ROWS, indirect=["spoilt"])
def test_the_tests_notice(runs: dict[str, Trials], fault: Mutant) -> None:
    needs_numba(fault.mode)
    if not can_run(fault):
        pytest.skip("g++ is not installed")
    if all(test.startswith("tests/peers/") for test in fault.tests):
        pytest.importorskip("torch", reason="PyTorch, the judge that notices it, is not installed (minidl[peers])")
    status, printed = runs[fault.mode].run([*OPTIONS, *fault.tests])
    assert status == 1, f"not noticed (pytest says {status}):\n{printed}"
    assert re.search(NOTICED, printed), f"a crash, not a failed comparison:\n{printed}"


def test_names_are_unique() -> None:
    names = [fault.name for fault in MUTANTS]
    assert len(set(names)) == len(names)
