"""Faults in kernels of rows that share a vector."""

from tests.cases.mutant import kernel, mutant

FILE, SOFTMAX, ENTROPY = "kernels/numba/_softmax.py", "softmax.softmax", "cross_entropy.sparse_softmax_cross_entropy"

mutant(
    "short rows: a sum without the pairs", FILE, kernel(SOFTMAX), "part + across_2(part) if classes > 2", "part if classes > 2"
)
mutant(
    "short rows: a sum without the fours", FILE, kernel(SOFTMAX), "part + across_4(part) if classes > 4", "part if classes > 4"
)
mutant(
    "short rows: two classes summed as four",
    FILE,
    kernel(SOFTMAX),
    "across_2(part) if classes > 2",
    "across_2(part) if classes > 1",
)
mutant("short rows: sums stand where the peaks do", FILE, kernel(ENTROPY), "spread, behind + at - first", "spread, at - first")
mutant(
    "short rows: every row has the first row's sum",
    FILE,
    kernel(ENTROPY),
    "spread[behind + row * classes]",
    "spread[behind]",
)
mutant(
    "short rows: a peak of neighbours only, so that exponentials pass all bounds",
    FILE,
    kernel(SOFTMAX),
    "_higher(peak, across_2(peak)) if classes > 2",
    "peak if classes > 2",
)
mutant(
    "short rows: rows of db that are no whole vectors, taken for one row all the same",
    "kernels/numba/linear.py",
    kernel("linear.bias_grad"),
    "beside = beside if rows % beside == 0 else 1",
    "pass",
)
