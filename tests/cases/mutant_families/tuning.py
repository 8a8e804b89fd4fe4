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
SAME_BITS = TESTS + "test_all_ways_of_a_product_give_the_same_bits"
FEW_COLUMNS = TESTS + "test_a_product_of_few_columns_is_summed_along_the_depth"
ON_ITS_SIDE = TESTS + "test_a_result_on_its_side_is_written_by_one_thread_a_row"
ALONG, TILE, TURN = (f"kernels/numba/{_file}.py" for _file in ("_along_depth", "_tile", "_transpose"))
for _name, _file, _test, _old, _new in (
    ("from the wrong row of a", ALONG, FEW_COLUMNS, "a_start=a_start + r * a_row_step", "a_start=a_start + i * a_row_step"),
    ("without their bias", PRODUCT, SAME_BITS, "columns=spare, bias=bias, b_start=j0", "columns=spare, bias=bias, b_start=0"),
    ("computed by a part in the middle, too", PRODUCT, SAME_BITS, "spare if j1 == n else 0", "spare"),
    ("of b as if it stood in rows", PRODUCT, SAME_BITS, "b.numbers, j0 * b.column_step, b.column_step", "b.numbers, j0, 1"),
    ("no rest of the depth", ALONG, FEW_COLUMNS, "add_products(some_lanes)", "pass"),
    ("a part of a vector's sum", ALONG, FEW_COLUMNS, "for first in (0, lanes)]", "for first in (0, 0)]"),
    ("another column's sum", ALONG, FEW_COLUMNS, "[INDEX(lane)]))", "[INDEX(0)]))"),
):
    mutant(f"kernel: spare columns, {_name}", _file, _test, _old, _new, mode="compiled")
for _name, _file, _test, _old, _new in (
    ("added for each part of the depth", PRODUCT, SAME_BITS, "if k0 + block == depth else (0, 0)", "if True else (0, 0)"),
    ("of the first columns", PRODUCT, SAME_BITS, "bias_start=j0 + p * width", "bias_start=p * width"),
    (
        "not for the last rows",
        PRODUCT,
        SAME_BITS,
        "                    if add_bias or relu:",
        "                    if relu == 2:",
    ),
    ("of the first vector for all", TILE, SAME_BITS, "vector_at(bias, INDEX(v * lanes))", "vector_at(bias, INDEX(0))"),
    ("before what was summed", TILE, SAME_BITS, "            change(add, lambda", "            change(add_bias, lambda"),
):
    mutant(f"kernel: a tile's bias, {_name}", _file, _test, _old, _new, mode="compiled")
for _name, _file, _test, _old, _new in (
    ("several threads write to a row", PRODUCT, ON_ITS_SIDE, " or (turns and down > 1)", ""),
    (
        "a last block at the wrong place",
        TURN,
        ON_ITS_SIDE,
        "t_start + left * t_step + top, t_step)",
        "t_start + j * t_step + i, t_step)",
    ),
    (
        "too narrow for a block",
        TURN,
        ON_ITS_SIDE,
        "target[t_start + j * t_step + i] = source[s_start + i * s_step + j]\n        return",
        "pass\n        return",
    ),
):
    mutant(f"kernel: on its side, {_name}", _file, _test, _old, _new, mode="compiled")
mutant(
    "tuning: one thread alone, in pieces that others share",
    PRODUCT,
    TESTS + "test_a_product_is_computed_in_the_way_that_was_measured",
    "way if way[1] == (1, 1) else _in_pieces",
    "_in_pieces",
    mode="compiled",
)
EVERY_TILE = "tests/ops/test_kernels.py::test_products_of_every_tile_and_of_more_rows_than_a_block"
mutant(
    "columns as tiles: the next tile's first numbers overwritten",
    "kernels/numba/_column_tiles.py",
    EVERY_TILE,
    "first = builder.sub(depth, exact)",
    "first = builder.sub(depth, INDEX(0))",
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
    ("the ReLU", "add_bias=len(bias), relu=relu", "add_bias=len(bias), relu=0"),
):
    mutant(f"convolution in place: {_name}", "kernels/numba/_direct.py", kernel("convolution.convolve"), _old, _new)
SHARE_OUT, TASKS = "kernels/numba/_share_out.py", "tests/backend/test_thread_number.py::"
SLOW, EACH = (
    TASKS + "test_others_do_what_a_slow_thread_has_left",
    TASKS + "test_each_task_is_done_once_whatever_their_number",
)
for _name, _test, _old, _new in (
    ("nothing left for others", SLOW, "SHARED, PORTIONS = 4, 2", "SHARED, PORTIONS = 400, 2"),
    ("of others nothing taken", SLOW, "builder.srem(builder.add(thread, others.index), threads)", "thread"),
    ("a portion taken twice", EACH, "_taken(builder, work, other), some,", "_taken(builder, work, other), INDEX(1),"),
    ("portions beyond the end", EACH, "_smaller(builder, builder.add(at, some), end)", "builder.add(at, some)"),
):
    mutant(f"tasks: {_name}", SHARE_OUT, _test, _old, _new, mode="compiled")
TOGETHER, TEAMS = "kernels/numba/_together.py", "tests/kernels/test_together.py::"
CHANGED, DONE_ONCE = (
    TEAMS + "test_threads_beyond_those_that_share",
    TEAMS + "test_each_task_of_each_kernel_is_done_once",
)
for _name, _file, _test, _old, _new in (
    ("a thread beyond those that share", SHARE_OUT, CHANGED, "builder.srem(arguments[1], threads)", "arguments[1]"),
    ("a run beyond its end", SHARE_OUT, CHANGED, "_smaller(builder, builder.add(at, own), end)", "builder.add(at, own)"),
    (
        "nobody waits",
        TOGETHER,
        TEAMS + "test_a_kernel_begins_when_all_of_the_one_before_is_done",
        '"==", left, entered',
        '"==", left, left',
    ),
    ("never given back", TOGETHER, DONE_ONCE, 'builder.store_atomic(INDEX(0), held, "release", 8)', "pass"),
    ("nobody comes", TOGETHER, TEAMS + "test_others_come", "builder.and_(open_bit, is_new)", "open_bit.type(0)"),
    (
        "for a single kernel",
        "kernels/numba/_replay.py",
        TEAMS + "test_few_kernels_send_out_by_themselves",
        "_OFTEN = 2",
        "_OFTEN = 1",
    ),
    (
        "held by a thread that is not there",
        TOGETHER,
        TEAMS + "test_a_process_forked_off_meanwhile_has_no_team",
        "HELD[HOLDER] = 0",
        "pass",
    ),
):
    mutant(f"team: {_name}", _file, _test, _old, _new, mode="compiled")
mutant(
    "a kept kernel brings in the compiler",
    "kernels/numba/_private.py",
    "tests/kernels/test_kept.py::test_kept_kernels_run_without_the_compiler_brought_in",
    "rtsys.initialize(target_context)",
    "target_context.refresh()",
    mode="compiled",
)
mutant(
    "product: vectors wider than the few columns",
    "kernels/numba/_blocking.py",
    TESTS + "test_few_rows_of_any_width",
    "min(natural_lanes(itemsize), 1 << columns.bit_length() - 1)",
    "min(natural_lanes(itemsize), 4)",
    mode="compiled",
)
mutant(
    "product: bits that depend on the number of threads",
    PRODUCT,
    "tests/ops/test_kernels.py::test_the_bits_do_not_depend_on_the_number_of_threads",
    "few = SMALL_ROWS if small and",
    "few = SMALL_ROWS if work == 1 and",
    mode="compiled",
)
for _name, _file, _test, _old, _new in (
    (
        "a bias of another dtype",
        "kernels/numba/linear.py",
        "ops/test_kernels.py::test_any_bias_is_added_as_it_is",
        "(b.shape, b.dtype) != ((units,), x.dtype)",
        "b.shape != (units,)",
    ),
    (
        "a result that is read-only",
        "kernels/numba/linear.py",
        "ops/test_kernels.py::test_nothing_is_written_to_what_is_read_only",
        "out.flags.carray and",
        "out.flags.c_contiguous and",
    ),
    (
        "named arrays as they stand",
        "backend/dispatch.py",
        "backend/test_dispatch.py::test_so_they_get_arrays_that_are_named_but_for_out",
        "**_in_order(kwargs, backend)",
        "**kwargs",
    ),
    (
        "named arrays as they stand, quickly",
        "backend/dispatch.py",
        "backend/test_dispatch.py::test_so_they_get_arrays_that_are_named_but_for_out",
        "(not kwargs or _are_in_order(kwargs))",
        "True",
    ),
    (
        "a copy of out",
        "backend/dispatch.py",
        "backend/test_dispatch.py::test_so_they_get_arrays_that_are_named_but_for_out",
        ' and name != "out"',
        "",
    ),
):
    mutant(f"taken by a kernel: {_name}", _file, "tests/" + _test, _old, _new, mode="compiled")
mutant(
    "convolution in place: the biases of the first panel",
    "kernels/numba/_direct.py",
    "tests/ops/test_kernels.py::test_each_panel_of_filters_gets_its_biases",
    "bias_start=p * width, add_bias",
    "bias_start=0, add_bias",
    mode="compiled",
)
mutant(
    "convolution: dW of the last image from behind the results",
    "kernels/numba/_direct.py",
    kernel("convolution.convolve_grad_W"),
    "of_image, begin = results, 0",
    "of_image, begin = results, f",
)
