"""Faults in LSTMs whose products are convolutions."""

from __future__ import annotations

from tests.cases.mutant import gradient, mutant

FILE = "layers/conv_lstm.py"
LAYER = "tests/layers/test_conv_lstm.py::"

mutant(
    "a kernel of the state that sees today's output",
    FILE,
    gradient("conv_lstm"),
    "stack(seen, axis=1)",
    "stack(seen[1:] + seen[:1], axis=1)",
)
mutant(
    "back through the window of the inputs to the states",
    FILE,
    gradient("conv_lstm_dilation"),
    "dh = convolve_grad_x(dz, U, c.shape[1:-1], self.recurrent_window, _groups(seen, U))",
    "dh = convolve_grad_x(dz, U, c.shape[1:-1], self.window, _groups(seen, U))",
)
mutant(
    "states that are convolved with gaps, in both directions",  # a right gradient of another function
    FILE,
    LAYER + "test_gaps_and_strides_are_those_of_the_inputs_convolution",
    'Window(self.kernel_size, padding="same")',
    'Window(self.kernel_size, padding="same", dilation=self.dilation_rate)',
)
mutant(
    "dropped images with whole gradients",
    FILE,
    gradient("conv_lstm_dropout"),
    "self._of_gates(dx * drop[:, None])",
    "self._of_gates(dx)",
)
mutant(
    "dropped images of states with whole gradients",
    FILE,
    gradient("conv_lstm_dropout"),
    "self._of_gates(dh * drop)",
    "self._of_gates(dh)",
)
mutant(
    "the gradient of what one gate was given",
    FILE,
    gradient("conv_lstm_dropout"),
    "return sum(parts(d, self.gates))",
    "return parts(d, self.gates)[0]",
)
mutant(
    "one mask of images for all gates",
    FILE,
    LAYER + "test_each_gate_has_masks_of_its_own",
    "return (*shape[:-1], self.gates * shape[-1])",
    "return shape",
)
mutant(
    "states in the order of the ops",
    FILE,
    LAYER + "test_channels_first_is_the_same_layer_on_other_axes",
    "tuple(map(self.from_last, last)), kept",
    "tuple(last), kept",
)
mutant(
    "gradients of the first states in the order of the ops",
    FILE,
    gradient("conv_lstm_states_first"),
    "dstates = tuple(map(self.from_last, dstates))",
    "dstates = tuple(dstates)",
)
mutant("the bias without its gradient", FILE, gradient("conv_lstm"), "self.b.accumulate(bias_grad, dz)", "pass")
mutant(
    "columns of a matrix as if they were flat",
    "backend/dispatch.py",
    "tests/gpu/test_kernels.py::test_views_with_steps_between_their_numbers",
    "in_order = [backend.contiguous(a) for a in arrays]",
    "in_order = arrays",
    mode="compiled",
)
