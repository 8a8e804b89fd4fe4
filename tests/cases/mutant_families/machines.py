"""Faults in what is written for one kind of processor."""

from tests.cases.mutant import mutant

FILE, PARTS = "kernels/numba/_instructions.py", "tests/kernels/test_stores.py::test_so_many_numbers_are_stored_and_no_more"
MACHINES = "tests/kernels/test_machines.py::"

mutant(
    "a second part of a vector that is the first once more",
    FILE,
    PARTS,
    "rest = builder.select(wanted, second, first)",
    "rest = first",
    mode="compiled",
)
mutant(
    "parts of a vector that are all read from its beginning",
    FILE,
    PARTS,
    "at = builder.gep(start, [builder.and_(count, INDEX(-2 * size))])",
    "at = start",
    mode="compiled",
)
mutant(
    "a part of a vector that is read before the number in front of it",
    FILE,
    PARTS,
    "builder.shuffle_vector(part, loaded, both)",
    "builder.shuffle_vector(loaded, part, both)",
    mode="compiled",
)
mutant(
    "a multiply-add of the C library, one number after another",
    FILE,
    MACHINES + "test_the_sums_of_a_tile_stay_in_registers",
    "if not MACHINE.fused:",
    "if False:",
    mode="compiled",
)
mutant(
    "a tile of NEON whose sums do not fit the registers",
    "kernels/numba/_blocking.py",
    MACHINES + "test_the_sums_of_a_tile_stay_in_registers",
    "(32, 16): ((5, 4), (6, 4),",
    "(32, 16): ((5, 4), (7, 4),",
    mode="compiled",
)
mutant(
    "an ARM processor that is taken for an old x86",
    "kernels/numba/_machine.py",
    MACHINES + "test_machines_are_told_apart",
    'if architecture in ("aarch64", "arm64", "arm64e"):',
    'if architecture in ("aarch64",):',
    mode="compiled",
)
