"""Choices by measurement: which way is taken, what is kept, and that no result depends on it."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.kernels.numba import _panels, _product, _tuning
from minidl.kernels.numba._folder import Folder
from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._matrix import in_columns, in_rows
from minidl.kernels.numba._tuning import Choice, Choices
from minidl.ops.linear import dense, dense_grad_W, dense_grad_x
from tests.cases.sample import mostly

WAYS = ("table", "slow", "quick")


class Clock:
    """Time that passes only where work is done: so many seconds for each way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
        self.now, self.seconds, self.done = 0.0, seconds, []
        monkeypatch.setattr(_tuning.time, "perf_counter", lambda: self.now)

    def run(self, way: str) -> None:
        self.done.append(way)
        self.now += self.seconds[way]


@pytest.fixture(autouse=True)
def measured() -> Any:
    with config.use_tuning("measured"):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    if found.path is None:
        pytest.skip(found.reason)
    return found


def test_the_quickest_way_is_taken(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)
    choices = Choices(folder)
    assert choices.quickest("product", WAYS, clock.run) == "quick"
    assert choices.known() == {"product": Choice(2, pytest.approx(1e-3), pytest.approx(0.5e-3))}
    clock.done.clear()
    assert choices.quickest("product", WAYS, clock.run) == "quick"
    assert clock.done == []  # it is known


@pytest.mark.parametrize(("quick", "taken"), [(0.97e-3, "table"), (0.95e-3, "quick")])
def test_the_tables_way_is_left_only_for_a_clear_gain(
    monkeypatch: pytest.MonkeyPatch, folder: Folder, quick: float, taken: str
) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=quick)
    assert Choices(folder).quickest("product", WAYS, clock.run) == taken


def test_what_was_found_holds_in_later_runs(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)
    Choices(folder).quickest("product", WAYS, clock.run)
    clock.done.clear()
    assert Choices(folder).quickest("product", WAYS, clock.run) == "quick"
    assert clock.done == []


def test_what_two_processes_find_is_kept_together(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)
    first, second = Choices(folder), Choices(folder)
    assert first.known() == second.known() == {}
    first.quickest("one", WAYS, clock.run)
    second.quickest("other", WAYS, clock.run)
    assert set(Choices(folder).known()) == {"one", "other"}


def test_nothing_is_measured_where_choices_are_fixed(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)
    choices = Choices(folder)
    choices.quickest("product", WAYS, clock.run)
    clock.done.clear()
    with config.use_tuning("fixed"):
        assert choices.quickest("product", WAYS, clock.run) == "table"  # though another is known
        assert choices.quickest("other", WAYS, clock.run) == "table"
    assert clock.done == []


def test_one_way_is_not_measured(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=1e-3)
    assert Choices(folder).quickest("product", ["table"], clock.run) == "table"
    assert clock.done == []


def test_long_work_is_not_repeated_for_every_way(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock = Clock(monkeypatch, table=0.03, slow=0.03, quick=0.01)
    choices = Choices(folder)
    assert choices.quickest("product", WAYS, clock.run) == "table"
    assert clock.done == ["table", "table"]
    assert choices.known() == {"product": Choice(0, pytest.approx(0.03), pytest.approx(0.03))}


@pytest.mark.parametrize(("seconds", "rounds"), [(1e-6, 24), (1e-2, 4)])
def test_how_often_each_way_is_tried(monkeypatch: pytest.MonkeyPatch, folder: Folder, seconds: float, rounds: int) -> None:
    clock = Clock(monkeypatch, table=seconds, slow=seconds, quick=seconds)
    Choices(folder).quickest("product", WAYS, clock.run)
    assert [clock.done.count(way) for way in WAYS] == [rounds + 2, rounds + 1, rounds + 1]


@pytest.mark.parametrize("uneven", ["table", "quick"])
def test_a_busy_machine_decides_nothing(monkeypatch: pytest.MonkeyPatch, folder: Folder, uneven: str) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)

    def run(way: str) -> None:
        clock.run(way)
        if way == uneven and clock.done.count(way) > (5 if way == "table" else 4):  # in the second half of the rounds
            clock.now += 0.2 * clock.seconds[way]

    choices = Choices(folder)
    assert choices.quickest("product", WAYS, run) == "table"
    assert choices.known() == Choices(folder).known() == {}
    assert choices.quickest("product", WAYS, clock.run) == "quick"  # it is quiet now


@pytest.mark.parametrize(("alone", "taken"), [(0.54e-3, "table"), (0.57e-3, "quick")])
def test_other_programs_on_the_other_cores_decide_nothing(
    alone: float, taken: str, monkeypatch: pytest.MonkeyPatch, folder: Folder
) -> None:
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3, alone=alone)
    choices = Choices(folder)
    assert choices.quickest("product", WAYS, clock.run, "alone") == taken
    assert len(choices.known()) == (taken == "quick")


def test_a_second_thread_does_not_measure(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    clock, choices, found = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3), Choices(folder), []

    def run(way: str) -> None:
        if not found:
            thread = threading.Thread(target=lambda: found.append(choices.quickest("other", WAYS, clock.run)))
            thread.start()
            thread.join()
        clock.run(way)

    assert choices.quickest("product", WAYS, run) == "quick"
    assert found == ["table"]
    assert set(choices.known()) == {"product"}


def test_an_error_in_a_trial_ends_it(folder: Folder) -> None:
    choices = Choices(folder)

    def run(way: str) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        choices.quickest("product", WAYS, run)
    assert not choices._measuring.locked()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"\xff", b'{"product": 2}', b'{"product": [2]}', b'{"product": [-1, 1.0, 1.0]}',
        b'{"product": [1.0, 1.0, 1.0]}', b'{"product": [true, 1.0, 1.0]}', b'{"product": [1, "1", 1.0]}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_it_was_written_is_none(content: bytes, folder: Folder) -> None:
    folder.write(_tuning._file_name(), content)
    assert Choices(folder).known() == {}


def test_a_place_that_the_list_does_not_have_is_measured_anew(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    folder.write(_tuning._file_name(), json.dumps({"product": [3, 1.0, 1.0]}).encode())
    clock = Clock(monkeypatch, table=1e-3, slow=2e-3, quick=0.5e-3)
    assert Choices(folder).quickest("product", WAYS, clock.run) == "quick"


# -- products ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", mostly(["float32", "float64"], always=["float32"]))
@pytest.mark.parametrize(
    ("m", "depth", "n"),
    [(3, 5, 4), (17, 300, 33), (40, 9, 70), (130, 70, 10), (70, 600, 40), (24, 400, 12), (40, 300, 66), (130, 133, 19)],
)
def test_all_ways_of_a_product_give_the_same_bits(m: int, depth: int, n: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((m, depth), (depth, n), (n,)))
    a_in_columns, b_in_columns = (
        in_columns(np.ascontiguousarray(a.T), m, depth),
        in_columns(np.ascontiguousarray(b.T), depth, n),
    )
    for left, spare in ((in_rows(a, m, depth), 0), (in_rows(a, m, depth), n % 16), (a_in_columns, 0)):
        found = set()
        for work, right in itertools.product((1, 2, 3), (in_rows(b, depth, n), b_in_columns)):
            for way in _product.ways(m, n - spare, depth, spare, work, left[3] == 1, right[3] == 1, a.itemsize):
                for size, cuts in {way, _product._in_pieces(way, m, n - spare), (way[0], (5, 2)), (way[0], (1, 3))}:
                    c = np.empty(m * n, dtype)
                    code = _product._code(size, True, True, a.itemsize, spare)
                    _product._on_threads(code, left, right, False, c, bias, cuts, spare, c[:0])
                    found.add(c.tobytes())
                    if not spare:
                        c[:] = 0
                        ahead = _panels.whole_panels(right, size[1]), *right[1:]
                        _product._on_threads(code, left, ahead, True, c, bias, cuts, spare, c[:0])
                        found.add(c.tobytes())
        assert len(found) == 1
        assert np.allclose(np.frombuffer(found.pop(), dtype).reshape(m, n), np.maximum(a @ b + bias, 0), atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 7, 10, 11, 15])
@pytest.mark.parametrize(("m", "depth"), [(16, 40), (23, 37), (33, 5), (3, 600)])
def test_a_product_of_few_columns_is_summed_along_the_depth(m: int, depth: int, n: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-8, 9, shape).astype(dtype) for shape in ((m, depth), (depth, n)))
    size = _product.tile_shapes(a.itemsize)[0]
    code = _product._code(size, False, False, a.itemsize, n)
    c = np.full(m * n, np.nan, dtype)
    _product._on_threads(code, in_rows(a, m, depth), in_rows(b, depth, n), False, c, c[:0], (2, 1), n, c[:0])
    np.testing.assert_array_equal(c.reshape(m, n), a @ b)  # of whole numbers: in any order the same


def test_rows_that_end_in_the_middle_of_a_vector_are_not_read_further() -> None:
    a, b = np.ones((20, 2 * 21), "float32"), np.ones((21, 10), "float32")
    a[:, 21:] = np.nan  # of the next rows
    c = np.empty(200, "float32")
    left = a.reshape(-1), 20, 21, 42, 1
    code = _product._code(_product.tile_shapes(4)[0], False, False, 4, 10)
    _product._on_threads(code, left, in_rows(b, 21, 10), False, c, c[:0], (1, 1), 10, c[:0])
    assert (c == 21).all()


@pytest.mark.parametrize(("m", "n"), [(10, 784), (16, 40), (8, 8), (9, 11), (3, 50), (10, 5)])
def test_a_result_on_its_side_is_written_by_one_thread_a_row(m: int, n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((90, m)).astype("float32"), rng.standard_normal((90, n)).astype("float32")
    expected = None
    for way in _product.ways(m, n, 90, 0, 2, True, False, 4, turns=True):
        assert way[1] == (1, 2)  # columns are shared out, which are rows then
        c, turned = np.empty(m * n, "float32"), np.full(m * n, np.nan, "float32")
        size, cuts = _product._in_pieces(way, m, n)
        code = _product._code(size, False, False, 4, 0)
        _product._on_threads(code, in_columns(a, m, 90), in_rows(b, 90, n), False, c, c[:0], cuts, 0, turned)
        np.testing.assert_array_equal(turned.reshape(n, m), c.reshape(m, n).T)
        expected = c if expected is None else expected
        np.testing.assert_array_equal(c, expected)
    np.testing.assert_allclose(c.reshape(m, n), a.T @ b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", [in_rows, in_columns])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 8, 9])
def test_few_rows_of_any_width(m: int, layout: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5, 8, 13, 16, 24, 41):
        a, b = (rng.integers(-8, 9, shape).astype(dtype) for shape in ((m, 300), (300, n)))
        left = in_rows(a, m, 300) if layout is in_rows else in_columns(np.ascontiguousarray(a.T), m, 300)
        c, turned = (np.full(m * n + 64, 77, dtype) for _ in range(2))
        _product.product(left, in_rows(b, 300, n), c[: m * n], turned=turned[: m * n])
        np.testing.assert_array_equal(c[: m * n].reshape(m, n), a @ b)
        np.testing.assert_array_equal(turned[: m * n].reshape(n, m), (a @ b).T)
        assert (c[m * n :] == 77).all()
        assert (turned[m * n :] == 77).all()


def test_parts_of_a_product_are_equal_and_small_enough_to_be_shared_out() -> None:
    size = (8, 32, 0)
    assert _product._in_pieces((size, (2, 1)), 1000, 500)[1] == (14, 1)  # of 71 rows
    assert _product._in_pieces((size, (2, 2)), 90, 500)[1] == (2, 2)  # rows that are too few to pack b for
    assert _product._in_pieces((size, (1, 2)), 64, 500)[1] == (1, 16)  # a panel each
    assert _product._in_pieces((size, (1, 2)), 64, 40)[1] == (1, 2)


def test_columns_that_would_not_fill_a_vector_are_summed_along_the_depth() -> None:
    assert _product.spare_columns(1600, 65, 512, 4) == 1
    assert [_product.spare_columns(128, n, 784, 4) for n in (1, 10)] == [1, 10]
    assert [_product.spare_columns(128, n, 784, 4) for n in (16, 64)] == [0] * 2
    assert _product.spare_columns(15, 10, 784, 4) == 0  # too few rows to turn b for
    assert _product.spare_columns(128, 10, 3, 4) == 0  # no depth to sum along


def test_the_first_way_is_the_cheapest_of_the_model() -> None:
    for m, n, work in ((128, 128, 2), (784, 10, 1), (7, 500, 4)):
        ways = _product.ways(m, n, 100, 0, work, False, False, 4)
        assert 1 <= len(ways) <= _product.WAYS  # a single one where others waste too many lanes
        assert len(set(ways)) == len(ways)
        assert {down * across for _, (down, across) in ways} == {work}


def test_a_large_matrix_is_read_by_one_thread_only() -> None:
    assert _product.ways(900, 256, 784, 0, 2, False, False, 4)[0][1] == (2, 1)  # rows of a are shared out
    assert _product.ways(128, 4000, 784, 0, 2, False, False, 4)[0][1] == (1, 2)  # columns of b


@pytest.mark.skipif(DISABLED, reason="nothing is compiled")
def test_a_product_is_computed_in_the_way_that_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    cut: list[Any] = []
    in_pieces = _product._in_pieces
    monkeypatch.setattr(_product, "_in_pieces", lambda way, m, n: cut.append(way) or in_pieces(way, m, n))

    def last(name: str, ways: Any, run: Any, alone: Any) -> Any:
        run(ways[0] if alone is None else alone)
        assert alone is None or alone not in cut  # in pieces other threads would have helped
        asked.append(name)
        for way in ways:
            run(way)
        return ways[-1]

    monkeypatch.setattr(_product, "quickest", last)
    monkeypatch.setattr(_product, "_chosen", {})
    rng = np.random.default_rng(0)
    x, W, dy = (rng.standard_normal(shape).astype("float32") for shape in ((64, 100), (100, 60), (64, 60)))
    results = [dense(x, W), dense_grad_x(dy, W), dense_grad_W(x, dy)]
    assert [name.partition(",")[0] for name in asked] == ["product 64 100 60", "product 64 60 100", "product 100 64 60"]
    taken = [way for key, way in _product._chosen.items() if key[0] == "measured"]
    assert taken == [
        _product.ways(key[1], key[2] - key[8], key[3], key[8], key[4], key[5], key[6], 4)[-1] for key in _product._chosen
    ]
    dense(x, W)
    dense(x[:3], W[:, :5])  # too small to be measured
    assert len(asked) == 3
    with config.use_tuning("fixed"):
        monkeypatch.undo()
        fixed = [dense(x, W), dense_grad_x(dy, W), dense_grad_W(x, dy)]
    assert all(map(np.array_equal, results, fixed))
