"""Faults in choices by measurement, in how tasks are shared out, and in what products and convolutions write in place."""

from tests.cases.mutant import kernel, mutant

TESTS, TUNING, PRODUCT = "tests/kernels/test_tuning.py::", "kernels/numba/_tuning.py", "kernels/numba/_product.py"

mutant(
    "tuning: any gain will do",
    TUNING,
    TESTS + "test_the_tables_way_is_left_only_for_a_clear_gain",
    "GAIN * best[0]",
    "best[0]",
)
mutant(
    "tuning: what others have found is written over",
    TUNING,
    TESTS + "test_what_two_processes_find_is_kept_together",
    "{**_choices_in(self._folder.read(_file_name())), **self._known()}",
    "self._known()",
    mode="compiled",
)
mutant(
    "tuning: what is known is used where choices are fixed",
    TUNING,
    TESTS + "test_nothing_is_measured_where_choices_are_fixed",
    'config.tuning() == "fixed" or len(ways) < 2',
    'len(ways) < 2 or (config.tuning() == "fixed" and name not in self._known())',
    mode="compiled",
)
mutant(
    "tuning: a busy machine decides",
    TUNING,
    TESTS + "test_a_busy_machine_decides_nothing",
    "if slower > EVEN * quicker:",
    "if False:",
    mode="compiled",
)
mutant(
    "tuning: a busy machine decides which way is quicker than the table's",
    TUNING,
    TESTS + "test_a_busy_machine_decides_nothing",
    "for way in (0, place):",
    "for way in (0,):",
    mode="compiled",
)
mutant(
    "tuning: the file's numbers are not looked at",
    TUNING,
    TESTS + "test_a_file_that_is_not_as_it_was_written_is_none",
    "return found if all(map(_is_written_here, found.values())) else {}",
    "return found",
    mode="compiled",
)
mutant(
    "tuning: ways whose bits differ, as sums are cut where a thread's rows end",
    PRODUCT,
    TESTS + "test_all_ways_of_a_product_give_the_same_bits",
    "a.row_step == 1 and a.rows <= NARROW_COLUMNS",
    "a.row_step == 1 and m <= NARROW_COLUMNS",
    mode="compiled",
)
mutant(
    "tuning: a way that was measured and not taken",
    PRODUCT,
    TESTS + "test_a_product_is_computed_in_the_way_that_was_measured",
    "    _chosen[key] = way",
    "    _chosen[key] = possible[0]",
    mode="compiled",
)
mutant(
    "tuning: other programs decide",
    TUNING,
    TESTS + "test_other_programs_on_the_other_cores_decide_nothing",
    "best[place] > TOGETHER * min",
    "best[place] > 2 * min",
    mode="compiled",
)
for _name, _old, _new in (
    ("added to nothing", "                number += c[at + r * step + q]\n", "                pass\n"),
    ("a rest of the depth lost", "            if whole < depth:\n", "            if whole < 0:\n"),
    ("from the wrong row of a", "start = (i0 + r) * a.row_step + k0", "start = (i0 + r) * a.row_step"),
    ("without their bias", "b_start=j1 - spare,", "b_start=j0,"),
    ("computed by a part in the middle, too", "spare if j1 == n else 0", "spare"),
):
    same_bits = TESTS + "test_all_ways_of_a_product_give_the_same_bits"
    mutant(f"kernel: spare columns, {_name}", PRODUCT, same_bits, _old, _new, mode="compiled")
EVERY_TILE = "tests/ops/test_kernels.py::test_products_of_every_tile_and_of_more_rows_than_a_block"
mutant(
    "columns as tiles: the next tile's first numbers overwritten",
    "kernels/numba/_column_tiles.py",
    EVERY_TILE,
    "exact = -(-(whole - rows) // rows)",
    "exact = 0",
    mode="compiled",
)
for _name, _old, _new in (("of a", "_READ_COST + from_a +", "_READ_COST +"), ("of b", ") + from_b) * columns", ")) * columns")):
    mutant(
        f"product: the cost of reading a large matrix, {_name}",
        PRODUCT,
        TESTS + "test_a_large_matrix_is_read_by_one_thread_only",
        _old,
        _new,
    )
for _name, _old, _new in (
    ("copied from the first k", "+ k0 * a.column_step\n    tiles =", "\n    tiles ="),
    ("a last tile that does not overlap", "begin = min(r, last - used)", "begin = r - rows"),
    ("of panels packed together the first", "packed, packs * width * block, width", "packed, 0, width"),
    ("panels packed again for the next rows", "packs == 0 and r0 == 0", "packs == 0 and r0 == 1"),
):
    mutant(f"product: {_name}", PRODUCT, EVERY_TILE, _old, _new, mode="compiled")
for _name, _old, _new in (
    ("written behind the end of an image", "+ width <= end", "+ width <= end + width"),
    ("the results at the end lost", "y, at + r * f, columns)", "y, at, columns)"),
    ("the biases of a row", "copy_run(bias, 0, of_all, j * f, f)", "copy_run(bias, 0, of_all, j, f)"),
):
    mutant(f"convolution in place: {_name}", "kernels/numba/_direct.py", kernel("convolution.convolve"), _old, _new)
SHARE_OUT, TASKS = "kernels/numba/_share_out.py", "tests/backend/test_thread_number.py::"
SLOW, EACH = (
    TASKS + "test_others_do_what_a_slow_thread_has_left",
    TASKS + "test_each_task_is_done_once_whatever_their_number",
)
for _name, _test, _old, _new in (
    ("nothing left for others", SLOW, "SHARED, PORTIONS = 4, 4", "SHARED, PORTIONS = 400, 4"),
    ("of others nothing taken", SLOW, "builder.srem(builder.add(thread, others.index), threads)", "thread"),
    ("a portion taken twice", EACH, "_taken(builder, work, other), some,", "_taken(builder, work, other), INDEX(1),"),
    ("portions beyond the end", EACH, "_smaller(builder, builder.add(at, some), end)", "builder.add(at, some)"),
):
    mutant(f"tasks: {_name}", SHARE_OUT, _test, _old, _new, mode="compiled")
mutant(
    "a kept kernel brings in the compiler",
    "kernels/numba/_private.py",
    "tests/kernels/test_kept.py::test_kept_kernels_run_without_the_compiler_brought_in",
    "rtsys.initialize(target_context)",
    "target_context.refresh()",
    mode="compiled",
)
