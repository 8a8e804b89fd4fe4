"""PixelWindows: each window against a loop, borders, classes, splits, standardisation of the training pixels, and refusals."""

import pickle
import tracemalloc

import numpy as np
import pytest

from minidl.data import PixelWindows
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from minidl.layers import Dense, Flatten
from minidl.models import Sequential

RNG = np.random.default_rng(5)
CUBE = RNG.normal(3, 2, (6, 7, 4))
LABELS = np.array(
    [
        [0, 0, 2, 2, 9, 9, 9],
        [0, 2, 2, 2, 2, 9, 9],
        [0, 0, 2, 5, 5, 9, 0],
        [5, 5, 5, 5, 5, 9, 0],
        [5, 2, 2, 2, 5, 5, 0],
        [5, 5, 0, 0, 0, 0, 9],
    ]
)


def around(row, column, size, border, fill=0.0):
    """A window, pixel by pixel."""
    found = np.zeros((size, size, 4))
    for i, j in np.ndindex(size, size):
        place = []
        for k, n in ((row - size // 2 + i, 6), (column - size // 2 + j, 7)):
            if border == "reflect":
                k %= 2 * n
                k = 2 * n - 1 - k if k >= n else k
            elif border == "wrap":
                k %= n
            elif border == "nearest":
                k = min(max(k, 0), n - 1)
            place.append(k if 0 <= k < n else None)
        found[i, j] = fill if None in place else CUBE[tuple(place)]
    return found


@pytest.mark.parametrize("border", ["reflect", "nearest", "wrap", "constant"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 15])
def test_windows_of_every_pixel(border, size):
    windows = PixelWindows(CUBE, size=size, border=border, fill_value=-3.0, dtype="float64")
    assert windows.shape == (42, size, size, 4)
    expected = [around(i, j, size, border, -3.0) for i in range(6) for j in range(7)]
    np.testing.assert_array_equal(windows[:], expected)


def test_pixels_without_a_whole_window_are_dropped():
    for size, rows, columns in ((3, (1, 5), (1, 6)), (4, (2, 5), (2, 6)), (1, (0, 6), (0, 7))):
        windows = PixelWindows(CUBE, LABELS, size=size, border="drop", dtype="float64")
        places = [(i, j) for i in range(*rows) for j in range(*columns)]
        assert list(zip(windows.rows.tolist(), windows.columns.tolist())) == places
        np.testing.assert_array_equal(windows[:], [around(i, j, size, "nearest") for i, j in places])
        assert windows.classes[windows.y].tolist() == [LABELS[place] for place in places]
        assert len(windows.everywhere()) == len(places)
        np.testing.assert_allclose(windows.standardized("band").mean, np.mean([CUBE[p] for p in places], axis=0))


def test_classes_and_excluded_labels():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0, 9])
    assert windows.classes.tolist() == [2, 5]
    assert (windows.classes[windows.y] == LABELS[windows.rows, windows.columns]).all()
    assert len(windows) == np.isin(LABELS, [2, 5]).sum()
    assert (LABELS[windows.rows, windows.columns] != 0).all()
    whole = PixelWindows(CUBE, LABELS, size=3)
    assert whole.classes.tolist() == [0, 2, 5, 9]
    assert len(whole) == 42


def test_rows_by_any_index():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0])
    whole = windows[:]
    for which in (slice(3, 9), slice(None, None, -2), [4, 1, 1], np.array([0, -1]), np.arange(len(windows)) % 3 == 0):
        np.testing.assert_array_equal(windows[which], whole[which])
    np.testing.assert_array_equal(windows[5], whole[5])
    np.testing.assert_array_equal(np.asarray(windows), whole)
    assert windows[:0].shape == (0, 3, 3, 4)
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous


def test_windows_are_copies_and_the_cube_stays():
    given = CUBE.copy()
    for border in ("reflect", "drop"):
        windows = PixelWindows(given, size=3, border=border, dtype="float64")
        windows[:2][...] = 99
        windows.standardized("band")[:]
    assert given.tobytes() == CUBE.tobytes()


def test_volumes_for_conv3d():
    flat, volume = (PixelWindows(CUBE, LABELS, size=3, volume=volume) for volume in (False, True))
    assert volume.shape == (42, 3, 3, 4, 1)
    np.testing.assert_array_equal(volume[:][..., 0], flat[:])
    assert volume.ndim == 5


# -- parts -------------------------------------------------------------------------------------------------------------


def test_a_split_takes_its_part_of_each_class_and_loses_nothing():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0])
    counts = np.bincount(windows.y)
    train, test = windows.split(0.25, seed=3)
    assert np.bincount(train.y).tolist() == [max(1, round(0.25 * n)) for n in counts]
    places = sorted(zip([*train.rows, *test.rows], [*train.columns, *test.columns]))
    assert places == sorted(zip(windows.rows, windows.columns))
    assert (np.diff(7 * train.rows + train.columns) > 0).all()
    assert (train.classes[train.y] == LABELS[train.rows, train.columns]).all()
    assert train.classes is windows.classes
    four, _ = windows.split(4, seed=3)
    assert np.bincount(four.y).tolist() == [4, 4, 4]
    tiny, _ = windows.split(1e-6, seed=3)
    assert np.bincount(tiny.y).tolist() == [1, 1, 1]


def test_a_split_belongs_to_its_seed():
    windows = PixelWindows(CUBE, LABELS, size=3)
    found = [windows.split(0.5, seed=seed)[0].rows.tolist() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    # and that of a class to nothing else
    few = PixelWindows(CUBE, np.where(LABELS == 9, 0, LABELS), size=3)
    assert windows.split(0.5, seed=1)[0].select(windows.split(0.5, seed=1)[0].y == 1).rows.tolist() == (
        few.split(0.5, seed=1)[0].select(few.split(0.5, seed=1)[0].y == 1).rows.tolist()
    )


@pytest.mark.parametrize("by, axis", [("band", 0), ("whole", None)])
def test_standardisation_by_the_training_pixels_alone(by, axis):
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0], dtype="float64")
    train, test = windows.split(0.3, seed=1)
    pixels = CUBE[train.rows, train.columns]
    mean, std = pixels.mean(axis=axis), pixels.std(axis=axis)
    raw = test[:]
    train = train.standardized(by)
    np.testing.assert_allclose(train.mean, mean)
    np.testing.assert_allclose(train.std, std)
    np.testing.assert_allclose(train[:][:, 1, 1].mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(test.standardized(train)[:], (raw - mean) / std)
    np.testing.assert_allclose(test[:], raw)  # as it was
    np.testing.assert_allclose(train.everywhere()[:], (windows.everywhere()[:] - mean) / std)


def test_a_band_that_never_changes_is_centred_only():
    cube = CUBE.copy()
    cube[..., 2] = 8
    found = PixelWindows(cube, size=3).standardized("band")[:]
    assert (found[..., 2] == 0).all()


def test_integers_become_floating():
    cube = (CUBE * 100).astype("int16")
    windows = PixelWindows(cube, size=3, border="constant", fill_value=0.5)
    assert windows[:].dtype == np.float32
    assert windows[0][0, 0].tolist() == [0.5] * 4
    np.testing.assert_array_equal(windows[0][1, 1], cube[0, 0])


def test_maps():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0])
    assert windows.to_map(windows.classes[windows.y], fill=0).tolist() == LABELS.tolist()
    assert PixelWindows(CUBE, size=1).to_map(np.arange(42.0)).tolist() == np.arange(42.0).reshape(6, 7).tolist()


# -- in a model --------------------------------------------------------------------------------------------------------


def small_model():
    model = Sequential([Flatten(input_shape=(3, 3, 4)), Dense(3, activation="softmax", kernel_initializer="zeros")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_training_on_windows_is_training_on_their_array():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0])
    found = []
    for x in (windows, windows[:]):
        model = small_model()
        model.fit(x, windows.y, batch_size=5, epochs=2, shuffle=False, validation_data=(x, windows.y), verbose=0)
        found.append(model.predict(x))
    np.testing.assert_array_equal(found[0], found[1])
    model = small_model()
    model.fit(windows.batches(5, shuffle=False), epochs=2, verbose=0)
    np.testing.assert_allclose(model.predict(windows), found[0], rtol=1e-6)


def test_batches():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0])
    whole, data = windows[:], windows.batches(8, seed=2, workers=2)
    assert len(data) == -(-len(windows) // 8)
    first, second = ([(x, y) for x, y in data.iteration(number)] for number in (0, 1))
    labels = np.concatenate([y for _, y in first])
    assert sorted(labels.tolist()) == sorted(windows.y.tolist())
    assert labels.tolist() != np.concatenate([y for _, y in second]).tolist()
    known = {window.tobytes(): y for window, y in zip(whole, windows.y)}
    assert all(known[window.tobytes()] == label for x, y in first for window, label in zip(x, y))
    np.testing.assert_array_equal(np.concatenate(list(windows.everywhere().batches(8, shuffle=False))), windows.everywhere()[:])


def test_a_batch_takes_no_memory_of_the_others():
    cube = np.zeros((60, 60, 50), "float32")
    tracemalloc.start()
    try:
        windows = PixelWindows(cube, np.ones((60, 60)), size=9)
        windows.standardized("band")[10:20]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * cube.nbytes  # all windows are 81 times the cube


def test_text_and_copies():
    windows = PixelWindows(CUBE, LABELS, size=3, exclude=[0]).standardized("whole")
    assert repr(windows) == f"<PixelWindows: {len(windows)} windows of 3 classes, 3 x 3 x 4>"
    assert repr(windows.everywhere()) == "<PixelWindows: 42 windows, 3 x 3 x 4>"
    written = pickle.dumps(windows)
    assert len(written) < 3 * CUBE.nbytes
    assert pickle.loads(written)[:].tobytes() == windows[:].tobytes()


# -- refusals ----------------------------------------------------------------------------------------------------------


FEW_BANDS = PixelWindows(CUBE[..., :2]).standardized("whole")


@pytest.mark.parametrize(
    "error, words, make",
    [
        (ShapeError, "height, width, bands", lambda: PixelWindows(CUBE[0])),
        (ShapeError, "a label for each pixel", lambda: PixelWindows(CUBE, LABELS[:3])),
        (DataError, "not whole", lambda: PixelWindows(CUBE, LABELS + 0.5)),
        (ArgumentError, "size", lambda: PixelWindows(CUBE, size=0)),
        (ArgumentError, "Did you mean 'reflect'", lambda: PixelWindows(CUBE, border="reflct")),
        (ArgumentError, "float32 or float64", lambda: PixelWindows(CUBE, dtype="int32")),
        (ArgumentError, "without labels", lambda: PixelWindows(CUBE, exclude=[0])),
        (ArgumentTypeError, r"exclude=\[0\]", lambda: PixelWindows(CUBE, LABELS, exclude=0)),
        (ArgumentTypeError, "exclude", lambda: PixelWindows(CUBE, LABELS, exclude=["a"])),
        (ArgumentTypeError, "volume", lambda: PixelWindows(CUBE, volume=1)),
        (DataError, "at least one", lambda: PixelWindows(CUBE, LABELS, exclude=[0, 2, 5, 9])),
        (DataError, "at least one", lambda: PixelWindows(CUBE, size=8, border="drop")),
        (DataError, "of class 9, which has 8", lambda: PixelWindows(CUBE, LABELS).split(10, seed=0)),
        (DataError, "without labels", lambda: PixelWindows(CUBE).split(0.5, seed=0)),
        (ArgumentError, "between 0 and 1", lambda: PixelWindows(CUBE, LABELS).split(0.0, seed=0)),
        (ArgumentError, "amount", lambda: PixelWindows(CUBE, LABELS).split(1.5, seed=0)),
        (ArgumentTypeError, "amount", lambda: PixelWindows(CUBE, LABELS).split(True, seed=0)),
        (ArgumentTypeError, "seed", lambda: PixelWindows(CUBE, LABELS).split(0.5, seed=None)),
        (ArgumentError, "'band'", lambda: PixelWindows(CUBE).standardized("bands")),
        (ArgumentError, "not standardised", lambda: PixelWindows(CUBE).standardized(PixelWindows(CUBE))),
        (ArgumentError, "other bands", lambda: PixelWindows(CUBE).standardized(FEW_BANDS)),
        (DataError, "NaN", lambda: PixelWindows(CUBE * np.nan).standardized("band")),
        (ShapeError, "a value for each window", lambda: PixelWindows(CUBE).to_map(np.zeros(3))),
    ],
)  # fmt: skip
def test_refusals(error, words, make):
    with pytest.raises(error, match=words):
        make()
