"""Faults in what only convolutions of one and three axes, transposed, depthwise and local ones compute."""

from tests.cases.mutant import gradient, mutant, naive

FAMILY = "tests/layers/test_convolution_family.py::"
GEOMETRY = "tests/test_geometry.py::"

mutant(
    "causal zeros behind",
    "geometry.py",
    FAMILY + "test_a_causal_result_depends_on_nothing_that_follows",
    "return tuple((e - 1, 0) for e in self.spans)",
    "return tuple((0, e - 1) for e in self.spans)",
)
mutant(
    "causal zeros without dilation",
    "geometry.py",
    FAMILY + "test_a_causal_result_depends_on_nothing_that_follows",
    "return tuple((e - 1, 0) for e in self.spans)",
    "return tuple((k - 1, 0) for k in self.size)",
)
mutant(
    "zeros in numbers exchanged",
    "geometry.py",
    naive("convolution.convolve"),
    "else tuple(self.padding)",
    "else tuple((behind, before) for before, behind in self.padding)",
)

# -- transposed ----------------------------------------------------------------------------------------------------------

mutant(
    "a transposed result too short where strides pass the window",
    "geometry.py",
    GEOMETRY + "test_transposed_window",
    "[max(e, s) if padding",
    "[e if padding",
)
mutant(
    "the odd place cut off in front",
    "geometry.py",
    GEOMETRY + "test_transposed_window",
    "tuple((p // 2, p - p // 2) for p in beyond)",
    "tuple((p - p // 2, p // 2) for p in beyond)",
)
mutant(
    "output padding of an even window as of an odd one",
    "geometry.py",
    GEOMETRY + "test_transposed_window",
    "else e % 2) + o",
    "else 1) + o",
)
mutant(
    "a transposed convolution without its bias",
    "ops/transposed_convolution.py",
    naive("transposed_convolution.convolve_transposed"),
    "        y += b",
    "        y += 0 * b",
)
mutant(
    "the transposed kernel's gradient with x forwards",
    "layers/transposed.py",
    gradient("conv2d_transpose"),
    "self.W.accumulate(convolve_grad_W, dz, x, self.window)",
    "self.W.accumulate(convolve_grad_W, dz, abs(x), self.window)",
)
mutant(
    "dx of a transposed convolution from dy in place of dz",
    "layers/transposed.py",
    gradient("conv2d_transpose_same"),
    "convolve(dz, self.W.value",
    "convolve(dy, self.W.value",
)

# -- channel by channel --------------------------------------------------------------------------------------------------

mutant(
    "depthwise kernels ordered by number in place of channel",
    "layers/depthwise.py",
    FAMILY + "test_the_kernels_of_one_channel_stand_together",
    "return W.reshape(*W.shape[:-2], 1, W.shape[-2] * W.shape[-1])",
    "return W.swapaxes(-1, -2).reshape(*W.shape[:-2], 1, W.shape[-2] * W.shape[-1])",
)
mutant(
    "the depthwise kernel's gradient in the order of its numbers",
    "layers/depthwise.py",
    gradient("depthwise1d"),
    ".reshape(*window.size, x.shape[-1], -1)",
    ".reshape(*window.size, -1, x.shape[-1]).swapaxes(-1, -2)",
)
mutant(
    "the depthwise step's gradient from dz in place of dh",
    "layers/separable.py",
    gradient("separable2d_square"),
    "self.D.accumulate(grad_in_groups, x, dh, self.window)",
    "self.D.accumulate(grad_in_groups, x, dz, self.window)",
)
mutant(
    "a separable bias that is added twice",
    "layers/separable.py",
    FAMILY + "test_a_separable_convolution_is_two_layers",
    "convolve(x, in_groups(self.D.value), None, self.window, x.shape[-1])",
    "convolve(x, in_groups(self.D.value), self.bias if x.shape[-1] == self.filters else None, self.window, x.shape[-1])",
)

# -- without shared weights ----------------------------------------------------------------------------------------------

mutant(
    "local biases averaged over the batch",
    "ops/locally_connected.py",
    gradient("local2d"),
    "return dy.sum(axis=0, out=out)",
    "return dy.mean(axis=0, out=out)",
)
mutant(
    "the kernel of the first position everywhere",
    "ops/locally_connected.py",
    naive("locally_connected.connect"),
    "window.rank) @ W)",
    "window.rank) @ W[:1])",
)
mutant(
    "dW of the positions in the opposite order",
    "ops/locally_connected.py",
    naive("locally_connected.connect_grad_W"),
    "swapaxes(1, 2) @ _by_position(dy, window.rank)",
    "swapaxes(1, 2) @ _by_position(dy, window.rank)[::-1]",
)
mutant(
    "a local layer that takes images of another size",
    "layers/locally_connected.py",
    FAMILY + "test_a_local_layer_takes_one_size",
    "tuple(input_shape) != self.input_shape",
    "len(input_shape) != len(self.input_shape)",
)

# -- kernels -------------------------------------------------------------------------------------------------------------


def kernel_of(op: str) -> tuple[str, str]:
    """All cases of a convolution, those with kernels of their own by themselves."""
    test = "tests/ops/test_kernels.py::test_kernel_equals_reference"
    return f"{test}[{op}-float32]", f"{test}_in_further_cases[{op}-float32]"


mutant(
    "volumes whose lines are gathered without dilation",
    "kernels/numba/_volumes.py",
    kernel_of("convolution.convolve"),
    "at2, to = j * s2 + l * d2 - top, (k * k2 + l) * line",
    "at2, to = j * s2 + l - top, (k * k2 + l) * line",
    mode="compiled",
)
mutant(
    "dx of volumes with the kernel as it stands",
    "kernels/numba/_volumes.py",
    kernel_of("convolution.convolve_grad_x"),
    "W[::-1, ::-1, ::-1].swapaxes(3, 4)",
    "W[::-1, ::-1].swapaxes(3, 4)",
    mode="compiled",
)
mutant(
    "depthwise results of six without the last x",
    "kernels/numba/_depthwise.py",
    kernel_of("convolution.convolve"),
    "s5 = multiply_add(load_all(x, at + 7 * c), w2, s5)",
    "s5 = multiply_add(load_all(x, at + 6 * c), w2, s5)",
    mode="compiled",
)
mutant(
    "depthwise rows of an earlier image where the window is outside this one",
    "kernels/numba/_depthwise.py",
    kernel_of("convolution.convolve_grad_W"),
    "((image * h + r) * w * c, w) if 0 <= r < h else (0, 0)",
    "((image * h + r) * w * c, w) if 0 <= image * h + r < n * h else (0, 0)",
    mode="compiled",
)
mutant(
    "depthwise results beside the image that keep what stood in the ring",
    "kernels/numba/_depthwise.py",
    kernel_of("convolution.convolve"),
    "    clear_run(ring, to + last * whole, (line - last) * whole)\n",
    "",
    mode="compiled",
)
mutant(
    "depthwise last channels that are read behind the image",
    "kernels/numba/_depthwise.py",
    "tests/ops/test_kernels.py::test_depthwise_sums_read_nothing_behind_the_images",
    "whole if behind <= len(x) else whole - LANES",
    "whole",
    mode="plain",
)
mutant(
    "a dilated sequence whose kernel is not turned around",
    "kernels/numba/convolution.py",
    kernel_of("convolution.convolve"),
    "np.ascontiguousarray(W[::-1].swapaxes(1, 2))",
    "np.ascontiguousarray(W.swapaxes(1, 2))",
    mode="compiled",
)
mutant(
    "a dilated sequence with the zeros behind it in front",
    "kernels/numba/convolution.py",
    kernel_of("convolution.convolve"),
    "((span - 1 - before, span - 1 - behind),)",
    "((span - 1 - behind, span - 1 - before),)",
    mode="compiled",
)

# -- dx of volumes of one channel ------------------------------------------------------------------------------------------

_LINES = "if 0 <= at1 < h1 and 0 <= at2 < h2:"
for _name, *_texts in (
    ("taps of a line added in one place", "(at1 * h2 + at2) * line + q,", "(at1 * h2 + at2) * line,"),
    ("lines in the padding added to others", _LINES, "if 0 <= at2 < h2 and -h1 < at1 < h1:"),
    ("gaps between lines left out", "i + k // k2 * d1 - front", "i + k // k2 - front"),
    ("an image on top of the last", "        clear_run(sums, 0, h1 * h2 * line)\n        for index", "        for index"),
):
    mutant(
        f"one channel: {_name}",
        "kernels/numba/_volumes.py",
        "tests/ops/test_kernels.py::test_gradients_of_volumes_of_one_channel",
        *_texts,
    )
