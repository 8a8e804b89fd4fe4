"""Faults of the launchers of CUDA kernels; those of the kernels themselves are planted by ``tests/gpu/test_kernels.py``."""

from __future__ import annotations

from tests.cases.mutant import mutant

RECURRENT, ATTENTION, ROWS, PRODUCT = (f"kernels/cuda/{name}.py" for name in ("recurrent", "attention", "_rows", "_product"))
CUBLAS = "kernels/cuda/_cublas.py"


def on_card(op: str) -> tuple[str, ...]:
    """A CUDA kernel, run on the CPU, against the reference."""
    return tuple(f"tests/gpu/test_kernels.py::test_kernel_equals_reference[{op}-float32-{size}]" for size in ("tiny", "small"))


mutant(
    "cuda: a simple network without its input",
    RECURRENT,
    on_card("recurrent.simple_rnn"),
    "product(h[:, t - 1] if t else h0, U, h[:, t], adding=True)",
    "product(h[:, t - 1] if t else h0, U, h[:, t])",
)
mutant(
    "cuda: a GRU's biases change places",
    RECURRENT,
    on_card("recurrent.gru"),
    "(b[0], b[1]) if",
    "(b[1], b[0]) if",
)
mutant(
    "cuda: a GRU that resets before takes the gates' columns for the candidate",
    RECURRENT,
    on_card("recurrent.gru"),
    "product(p[:, t], U[:, to_g:], gates",
    "product(p[:, t], U[:, :units], gates",
)
mutant(
    "cuda: a GRU's candidate hands no gradient on",
    RECURRENT,
    on_card("recurrent.gru_grad"),
    "product(of_h[:, t], U.T, dh_later",
    "product(of_x[:, t], U.T, dh_later",
)
mutant(
    "cuda: the gradient of the last cell is forgotten",
    RECURRENT,
    on_card("recurrent.lstm_grad"),
    "t == steps - 1, dc is None)",
    "t == steps - 1, True)",
)
mutant(
    "cuda: no steps, and a gradient of what was in memory",
    RECURRENT,
    on_card("recurrent.gru_grad"),
    "        later[...] = 0\n",
    "        pass\n",
)
mutant(
    "cuda: a mask of other steps is taken",
    RECURRENT,
    "tests/gpu/test_declined.py::test_arrays_that_are_shorter[recurrent.lstm]",
    " and mask.shape == x.shape[:2]",
    "",
)
mutant(
    "cuda: wide rows are shared by eight",
    ROWS,
    on_card("layer_normalization.standardize"),
    "(rows if wide else row_blocks(rows))",
    "row_blocks(rows)",
)
mutant(
    "cuda: a mask as if it had all axes",
    ATTENTION,
    on_card("attention.masked_softmax"),
    "backend.xp.broadcast_to(mask, shape).strides",
    "backend.empty(shape, bool).strides",
)
mutant(
    "cuda: the gradients of query and key change places",
    ATTENTION,
    on_card("attention.dot_scores_grad"),
    "_pair(_product(ds, k), _product(ds, q, turn_a=True))",
    "_pair(_product(ds, q, turn_a=True), _product(ds, k))",
)
mutant(
    "cuda: only as many matrices as a grid has layers",
    PRODUCT,
    "tests/gpu/test_cublas.py::test_more_matrices_than_a_grid_has_layers",
    "for first in range(0, count, _MOST_LAYERS):",
    "for first in (0,):",
)
mutant(
    "cuda: cuBLAS's next matrix at the place of the first",
    CUBLAS,
    "tests/gpu/test_cublas.py::test_products_of_stacks_are_one_call[attention.dot_scores_grad]",
    "ctypes.c_longlong(stride // matrix.itemsize)",
    "ctypes.c_longlong(0 * stride)",
)
