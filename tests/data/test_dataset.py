"""Dataset: what each step does to the items, lengths, orders that belong to a seed, and what is refused."""

import numpy as np
import pytest

import minidl
from minidl.data import Dataset
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6)


def numbers(n=10):
    return Dataset(range(n))


def as_generator(n=10):
    return Dataset.from_generator(lambda: (i for i in range(n)))


SOURCES = {
    "iterable": numbers,
    "arrays": lambda n=10: Dataset.from_arrays(np.arange(n)),
    "generator": as_generator,
}


# -- steps -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize(
    "steps, expected",
    [
        (lambda d: d, list(range(10))),
        (lambda d: d.take(3), [0, 1, 2]),
        (lambda d: d.take(0), []),
        (lambda d: d.take(99), list(range(10))),
        (lambda d: d.take(2).repeat(3), [0, 1, 0, 1, 0, 1]),
        (lambda d: d.repeat().take(12), [*range(10), 0, 1]),
        (lambda d: d.map(lambda i: i * i).take(4), [0, 1, 4, 9]),
        (lambda d: d.batch(4), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (lambda d: d.batch(4, drop_remainder=True), [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (lambda d: d.batch(5).batch(2), [[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]]),
        (lambda d: d.shuffle(1), list(range(10))),
        (lambda d: d.take(3).repeat(2).batch(4), [[0, 1, 2, 0], [1, 2]]),
    ],
)
def test_steps(source, steps, expected):
    data = steps(source())
    found = [np.asarray(item).tolist() for item in data]
    assert found == expected
    assert [np.asarray(item).tolist() for item in data] == expected, "the second time as well"
    if source is not as_generator:
        assert len(data) == len(expected)
        assert data.length == len(expected)


def test_the_default_of_repeat_is_without_end_and_of_batch_to_keep_all():
    assert [item for item, _ in zip(numbers(2).repeat(), range(5))] == [0, 1, 0, 1, 0]
    assert len(numbers().batch(3)) == 4
    assert len(numbers().batch(3, drop_remainder=True)) == 3


def test_lengths_that_are_not_known():
    for data in (
        as_generator(),
        as_generator().batch(2),
        numbers().repeat(),
        as_generator().take(3),
        numbers().repeat().map(abs),
    ):
        assert data.length is None
        with pytest.raises(TypeError, match="len"):
            len(data)
        assert data, "not known is not empty"
    assert len(numbers().repeat().shuffle(3).take(7)) == 7


def test_nothing_is_computed_before_somebody_iterates():
    seen = []
    data = numbers().map(lambda i: seen.append(i) or i).batch(2).repeat()
    assert seen == []
    next(iter(data))
    assert seen == [0, 1]


def test_an_endless_repetition_of_nothing_ends():
    assert list(numbers(0).repeat()) == []


def test_structures():
    """Tuples and dictionaries group arrays, map gets a tuple's parts one by one, lists are arrays."""
    data = Dataset.from_arrays({"a": X, "b": (Y, Y + 1)}, Y)
    (x, y), *_ = data.batch(4)
    np.testing.assert_array_equal(x["a"], X[:4])
    np.testing.assert_array_equal(x["b"][1], Y[:4] + 1)
    np.testing.assert_array_equal(y, Y[:4])
    (x, y), *_ = data.map(lambda x, y: (x, -y)).batch(4)  # item by item this time
    np.testing.assert_array_equal(x["a"], X[:4])
    np.testing.assert_array_equal(x["b"][1], Y[:4] + 1)
    np.testing.assert_array_equal(y, -Y[:4])
    (rows,) = Dataset([[1, 2], [3, 4]]).batch(2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    assert list(Dataset([{"a": 1}]).map(lambda item: item["a"])) == [1], "a dictionary stays one argument"


def test_arrays_with_and_without_targets_and_weights():
    np.testing.assert_array_equal(next(iter(Dataset.from_arrays(X))), X[0])
    assert [len(item) for item in Dataset.from_arrays(X, Y)] == [2] * 6
    ((x, y, w),) = Dataset.from_arrays(X, Y, Y / 2).batch(6)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(w, Y / 2)
    (both,) = Dataset.from_arrays((X, Y)).batch(6)
    np.testing.assert_array_equal(both[1], Y)


def test_items_cannot_change_the_callers_arrays():
    before = X.copy()
    with pytest.raises(ValueError, match="read-only"):
        list(Dataset.from_arrays(X).map(lambda x: x.__iadd__(1)))
    batch = next(iter(Dataset.from_arrays(X).batch(6)))
    batch += 1
    np.testing.assert_array_equal(X, before)


# -- orders ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("size", [1, 3, 10, 99])
def test_a_shuffle_loses_nothing_and_holds_no_more_than_its_buffer(source, size):
    (order,) = source().shuffle(size, seed=1).batch(10)
    assert sorted(order.tolist()) == list(range(10))
    assert all(item <= place + size - 1 for place, item in enumerate(order)), "an item comes at most size - 1 places early"


def test_the_same_seed_gives_the_same_orders_whatever_the_source_and_the_run():
    def orders(data):
        return [[int(i) for i in data] for _ in range(3)]

    expected = orders(numbers().shuffle(10, seed=5))
    assert len({tuple(order) for order in expected}) == 3, "each iteration has an order of its own"
    for source in SOURCES.values():
        data = source().shuffle(10, seed=5)
        assert orders(data) == expected
        assert [int(i) for i in data.iteration(1)] == expected[1], "an address, not what was drawn before"
    assert orders(numbers().shuffle(10, seed=6)) != expected
    assert orders(numbers().shuffle(4, seed=5)) != expected


def test_orders_without_a_seed_are_those_of_set_seed():
    def order(seed):
        minidl.set_seed(seed)
        return list(numbers().shuffle(10))

    assert order(1) == order(1) != order(2)
    minidl.set_seed(1)
    assert list(numbers().shuffle(10)) != list(numbers().shuffle(10)), "two shuffles do not share their numbers"


def test_repetitions_are_shuffled_anew():
    data = numbers().shuffle(10, seed=5)
    twice = list(data.repeat(2))
    assert twice[:10] == list(data.iteration(0))
    assert twice[10:] == list(data.iteration(1))
    again = data.repeat(2)
    list(again)
    assert list(again) == [*data.iteration(2), *data.iteration(3)]
    endless = [item for item, _ in zip(data.repeat(), range(20))]
    assert endless == twice


def test_a_uniform_order():
    """Each of the 6 orders of three items, one time in six; buffer as large as the set, and of one item less."""
    for size, possible in ((3, 6), (2, 4)):
        data, counts = numbers(3).shuffle(size, seed=0), {}
        for number in range(1200):
            order = tuple(data.iteration(number))
            counts[order] = counts.get(order, 0) + 1
        assert len(counts) == possible
        assert max(abs(count - 1200 / possible) for count in counts.values()) < 6 * (1200 / possible) ** 0.5


# -- what is refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: Dataset(i for i in range(3)), ArgumentTypeError, ["generator", "only once", "from_generator"]),
        (lambda: Dataset(3), ArgumentTypeError, ["3", "an iterable"]),
        (lambda: Dataset((X, Y)), ArgumentTypeError, ["a tuple of 2 arrays", "Dataset.from_arrays(x, y)"]),
        (lambda: Dataset(as_generator), ArgumentTypeError, ["an iterable", "from_generator"]),
        (lambda: Dataset.from_generator(i for i in range(3)), ArgumentTypeError, ["a function", "without calling it"]),
        (lambda: Dataset.from_generator(3), ArgumentTypeError, ["3", "a function"]),
        (lambda: list(Dataset.from_generator(lambda: 3)), ArgumentTypeError, ["returns 3", "an iterator"]),
        (lambda: Dataset.from_arrays(X, Y[:4]), DataError, ["[4, 6]", "equal numbers"]),
        (lambda: Dataset.from_arrays(3.0), ShapeError, ["x", "a single number"]),
        (lambda: Dataset.from_arrays(X, None, Y), ArgumentTypeError, ["sample_weight without y"]),
        (lambda: Dataset.from_arrays(X.astype(str)), ArgumentTypeError, ["from_arrays: x", "real numbers"]),
        (lambda: Dataset.from_arrays({"a": X.astype(str)}), ArgumentTypeError, ["x['a']", "real numbers"]),
        (lambda: numbers().map(3), ArgumentTypeError, ["Dataset.map", "a function"]),
        (lambda: numbers().batch(0), ArgumentError, ["Dataset.batch", "size=0"]),
        (lambda: numbers().batch(2, drop_remainder=1), ArgumentTypeError, ["drop_remainder=1"]),
        (lambda: numbers().shuffle(0), ArgumentError, ["Dataset.shuffle", "buffer_size=0"]),
        (lambda: numbers().shuffle(2, seed=-1), ArgumentError, ["Dataset.shuffle", "seed=-1"]),
        (lambda: numbers().prefetch(0), ArgumentError, ["Dataset.prefetch", "count=0"]),
        (lambda: numbers().repeat(0), ArgumentError, ["Dataset.repeat", "count=0"]),
        (lambda: numbers().take(-1), ArgumentError, ["Dataset.take", "count=-1"]),
        (lambda: list(Dataset([[1], [1, 2]]).batch(2)), ShapeError, ["item 1", "(2,)", "(1,)", "pads or cuts"]),
        (lambda: list(Dataset([(1, 2), 3]).batch(2)), DataError, ["different structure"]),
        (lambda: list(Dataset([{"a": 1}, {"b": 1}]).batch(2)), DataError, ["different structure", "'a'"]),
        (lambda: list(Dataset(["one", "two"]).batch(2)), ArgumentTypeError, ["an item", "real numbers"]),
    ],
)
def test_refusals(make, kind, words):
    with pytest.raises(kind) as raised:
        make()
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_tables_whose_rows_do_not_belong_together_are_remarked_upon():
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(X)
    y = pandas.Series(Y, index=Y[::-1])
    with pytest.warns(DataWarning, match="Dataset.from_arrays: x and y have different indices"):
        Dataset.from_arrays(x, y)


def test_repr_says_how_many():
    assert repr(numbers().batch(4)) == "<Dataset of 3 items>"
    assert repr(as_generator()) == "<Dataset of an unknown number of items>"
