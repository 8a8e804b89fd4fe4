"""A table cuts rows into pieces and deals them out to tasks: every number once, in tasks of equal size."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.backend import ArrayTable
from minidl.backend.dispatch import CPU
from minidl.ops import update


def small_tasks(size: int) -> Any:
    """The CPU, but with tasks of so many numbers."""
    return SimpleNamespace(task_size=size, address=CPU.address, asarray=CPU.asarray)


@pytest.mark.parametrize("task_size", [1, 3, 4, 100])
@pytest.mark.parametrize("lengths", [[1], [3], [4], [8, 8], [5, 0, 7], [1, 1, 1, 1, 1], [0], [13, 1, 2], [4, 4, 1]])
def test_every_number_is_in_one_piece_and_tasks_are_full(lengths: list[int], task_size: int) -> None:
    rows = [(np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)) for n in lengths]
    table = ArrayTable(rows, small_tasks(task_size))
    assert table.size == sum(lengths)
    for column in range(3):
        seen = [
            (a + 4 * i) for *addresses, n in table.pieces.tolist() for a in addresses[column : column + 1] for i in range(n)
        ]
        assert seen == [row[column].ctypes.data + 4 * i for row in rows for i in range(len(row[0]))]
    starts, sizes = table.starts.tolist(), table.pieces[:, -1].tolist()
    tasks = [sum(sizes[a:b]) for a, b in itertools.pairwise(starts)]
    assert len(tasks) == table.tasks == -(-sum(lengths) // task_size)
    assert starts[0] == 0
    assert starts[-1] == len(sizes)
    assert all(size == task_size for size in tasks[:-1])
    assert [id(a) for row in table for a in row] == [id(a) for row in rows for a in row]


def by_reference(rows: list[tuple], scalars: np.ndarray) -> list[np.ndarray]:
    copies = [tuple(a.copy() for a in row) for row in rows]
    for row in copies:
        update.adam.reference(*row, scalars, 0.9, 0.99, 1e-7)
    return [a for row in copies for a in row]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_one_call_walks_rows_of_any_length_anywhere_in_memory(dtype: type, threads: int) -> None:
    rng = np.random.default_rng(0)
    lengths = [1, 0, 3, CPU.task_size - 4, 1, CPU.task_size, 7, 2 * CPU.task_size + 5, *[2] * 50]
    rows = [tuple(abs(rng.normal(size=n + 3)).astype(dtype)[3:] for _ in range(4)) for n in lengths]
    scalars = np.array([0.01], dtype)
    expected = by_reference(rows, scalars)
    with backend.use_threads(threads):
        update.adam(ArrayTable(rows, CPU), scalars, 0.9, 0.99, 1e-7)
    for a, e in zip((a for row in rows for a in row), expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=4 * np.finfo(dtype).eps)  # of numbers around 1


def test_the_reference_walks_a_table_too() -> None:
    rows = [(np.ones(n), np.full(n, 2.0)) for n in (3, 5)]
    with config.use_kernels("reference"):
        update.sgd(ArrayTable(rows, CPU), np.array([0.25]))
    assert all((value == 0.5).all() for value, _ in rows)


def test_arrays_that_are_no_row_take_the_reference() -> None:
    value, grad = np.ones((2, 3)), np.full((2, 3), 2.0)
    update.sgd(value, grad, np.array([0.25]))
    assert (value == 0.5).all()
    strided = np.ones(8)
    update.sgd(strided[::2], np.ones(4), np.array([1.0]))
    assert strided.tolist() == [0, 1] * 4
    read_only = np.frombuffer(bytes(16), np.float32)
    with pytest.raises(ValueError, match="read-only"):
        update.sgd(read_only, np.ones(4, np.float32), np.array([1.0], np.float32))
    assert not read_only.any()
    with pytest.raises(ValueError, match="broadcast"):
        update.sgd(np.ones(1000), np.ones(10), np.array([1.0]))
    whole = np.ones(3, np.int64) * 2
    update.sgd(whole, np.ones(3, np.int64), np.array([1]))
    assert whole.tolist() == [1, 1, 1]
