"""ImageAugmentation: what each option does to hand-made images, random numbers that have addresses, and what is refused."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.data import Dataset, ImageAugmentation
from minidl.data.affine import affine_matrices
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError
from tests.cases.sample import mostly

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(3)
IMAGES = RNG.uniform(0, 200, (9, 6, 5, 3)).astype("float32")
EVERYTHING = {
    "rotation": 20,
    "width_shift": 0.2,
    "height_shift": 2.0,
    "shear": 10,
    "zoom": 0.3,
    "horizontal_flip": True,
    "vertical_flip": True,
    "elastic": 0.7,
    "elastic_smoothness": 2.0,
    "channel_shift": 9.0,
    "brightness": 0.4,
    "noise": 3.0,
    "cutout": 2,
    "value_range": (0, 255),
    "rescale": 1 / 255,
    "seed": 11,
}


def tiny(*rows):
    """One image of one channel."""
    return np.array(rows, "float64").reshape(1, len(rows), -1, 1)


def rows_of(images):
    return images[0, :, :, 0].tolist()


def drawn_for(option, value, count=400, shape=(8, 8, 1), **further):
    return ImageAugmentation(**{option: value}, seed=5, **further).draw(shape, count=count)


# -- geometry ----------------------------------------------------------------------------------------------------------


def moved(images, parameters, **options):
    return ImageAugmentation(seed=0, dtype="float64", **options).transform(
        images, {k: np.array([v]) for k, v in parameters.items()}
    )


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ({"flip_columns": True}, [[3, 2, 1], [6, 5, 4]]),
        ({"flip_rows": True}, [[4, 5, 6], [1, 2, 3]]),
        ({"rotation": 180.0}, [[6, 5, 4], [3, 2, 1]]),
        ({"tx": 1.0}, [[4, 5, 6], [0, 0, 0]]),
        ({"ty": 1.0}, [[2, 3, 0], [5, 6, 0]]),
        ({"ty": -0.5}, [[0, 1.5, 2.5], [0, 4.5, 5.5]]),
        ({"ty": 1.0, "flip_columns": True}, [[0, 3, 2], [0, 6, 5]]),
        ({"zy": 0.5}, [[1.5, 2, 2.5], [4.5, 5, 5.5]]),
        ({"zx": 0.5}, [[1.75, 2.75, 3.75], [3.25, 4.25, 5.25]]),
        ({"displacement": np.stack([np.zeros((2, 3)), np.ones((2, 3))])}, [[2, 3, 0], [5, 6, 0]]),
    ],
)
def test_each_map_of_a_small_image(parameters, expected):
    found = moved(tiny([1, 2, 3], [4, 5, 6]), parameters, fill_mode="constant")
    np.testing.assert_allclose(rows_of(found), expected, atol=1e-9)


def test_a_quarter_turn_has_keras_s_direction():
    """cos and sin of 90 degrees: (r, s) = (-j, i) about the centre, as the matrix in data/affine.py says."""
    found = moved(tiny([1, 2], [3, 4]), {"rotation": 90.0})
    np.testing.assert_allclose(rows_of(found), [[3, 1], [4, 2]], atol=1e-9)


def test_shear_moves_rows_by_their_column():
    matrix = affine_matrices(
        3, 3, shear=np.array([30.0]), **{k: np.zeros(1) for k in ("rotation", "tx", "ty")},
        **{k: np.ones(1) for k in ("zx", "zy")}, **{k: np.zeros(1, bool) for k in ("flip_rows", "flip_columns")},
    )  # fmt: skip
    np.testing.assert_allclose(matrix[0, :, :2], [[1, -0.5], [0, np.sqrt(3) / 2]], atol=1e-12)
    np.testing.assert_allclose(matrix[0] @ [1, 1, 1], [1, 1], atol=1e-12)  # the centre stays


def test_the_maps_are_put_together_in_keras_s_order():
    """Rotation, shift, shear, zoom, about the centre of 3 x 5 pixels, and a flip first of all; here in small steps."""
    t, u, point = np.deg2rad(20), np.deg2rad(10), np.array([2.0, 4.0])
    drawn = {"rotation": 20.0, "tx": 0.5, "ty": -1.5, "shear": 10.0, "zx": 0.8, "zy": 1.3}
    arrays = {name: np.array([value]) for name, value in drawn.items()}
    matrix = affine_matrices(3, 5, **arrays, flip_rows=np.array([False]), flip_columns=np.array([True]))[0]
    i, j = point[0] - 1, (4 - point[1]) - 2
    i, j = 0.8 * i, 1.3 * j
    i, j = i - np.sin(u) * j, np.cos(u) * j
    i, j = i + 0.5, j - 1.5
    i, j = np.cos(t) * i - np.sin(t) * j, np.sin(t) * i + np.cos(t) * j
    np.testing.assert_allclose(matrix @ [*point, 1], [i + 1, j + 2], atol=1e-12)


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("nearest", [1, 1, 1, 2, 3, 3]),
        ("reflect", [2, 1, 1, 2, 3, 3]),
        ("wrap", [2, 3, 1, 2, 3, 1]),
        ("constant", [7, 7, 1, 2, 3, 7]),
    ],
)
@pytest.mark.parametrize("order", [0, 1])
def test_fill_modes(mode, expected, order):
    wide = tiny([1, 2, 3])
    aug = ImageAugmentation(fill_mode=mode, fill_value=7, interpolation_order=order, seed=0)
    shifts = np.arange(-2.0, 4.0)
    found = aug.transform(np.repeat(wide, 6, axis=0), {"ty": shifts})[:, 0, 0, 0]
    assert found.tolist() == expected


@pytest.mark.more
def test_the_nearest_pixel_invents_no_values():
    found = ImageAugmentation(rotation=40, zoom=0.4, interpolation_order=0, seed=2)(IMAGES)
    assert set(found.ravel().tolist()) <= set(IMAGES.ravel().tolist())


def test_both_data_formats_agree():
    last = ImageAugmentation(**EVERYTHING | {"noise": 0}, samplewise_std=True)
    first = ImageAugmentation(**EVERYTHING | {"noise": 0}, samplewise_std=True, data_format="channels_first")
    found = first(np.moveaxis(IMAGES, -1, 1), epoch=3)
    np.testing.assert_allclose(np.moveaxis(found, 1, -1), last(IMAGES, epoch=3), atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 4, 4, 1), (1, 1, 1, 1), (2, 1, 7, 2)])
def test_few_images_and_small_ones(shape):
    assert ImageAugmentation(**EVERYTHING)(np.ones(shape)).shape == shape


@pytest.mark.parametrize("dtype", mostly(["float32", "uint8", "float64"], always=["uint8"]))
def test_images_stay_as_they_are_and_the_result_is_not_theirs(dtype):
    for images in (IMAGES.astype(dtype), IMAGES.astype(dtype)[:, ::-1]):
        given = images.copy()
        given.flags.writeable = False
        for aug in (ImageAugmentation(**EVERYTHING), ImageAugmentation(), ImageAugmentation(cutout=3, fill_value=9)):
            found = aug(given)
            assert found.dtype == np.float32
            assert not np.may_share_memory(found, given)
            assert not np.may_share_memory(aug.standardize(given), given)
            assert given.tobytes() == images.tobytes()


def test_a_function_that_writes_to_its_image_changes_nobody_else_s():
    def darken(image):
        image *= 0
        return image

    images = IMAGES.copy()
    ImageAugmentation(preprocessing=darken).standardize(images)
    assert images.tobytes() == IMAGES.tobytes()


# -- colours -----------------------------------------------------------------------------------------------------------


def transformed(images, parameters, **options):
    arrays = {name: np.array([value] * len(images)) for name, value in parameters.items()}
    return ImageAugmentation(seed=0, dtype="float64", **options).transform(images, arrays)


def test_channel_shift_stays_within_the_image():
    assert rows_of(transformed(tiny([10, 20, 30]), {"channel_shift": 15.0})) == [[25, 30, 30]]
    assert rows_of(transformed(tiny([10, 20, 30]), {"channel_shift": -5.0})) == [[10, 15, 25]]


def test_brightness_is_a_factor_and_stays_in_the_range():
    assert rows_of(transformed(tiny([10, 200]), {"brightness": 1.5})) == [[15, 300]]
    assert rows_of(transformed(tiny([10, 200]), {"brightness": 1.5}, value_range=(0, 255))) == [[15, 255]]
    assert rows_of(transformed(tiny([10, 200]).astype("uint8"), {"brightness": 1.5})) == [[15, 255]]


def test_noise_has_the_deviation_asked_for():
    images = np.full((50, 20, 20, 2), 100.0)
    found = ImageAugmentation(noise=4.0, seed=1)(images) - 100
    assert abs(found.mean()) < 0.1
    assert 3.9 < found.std() < 4.1
    assert ImageAugmentation(noise=90.0, seed=1)(images.astype("uint8")).min() == 0


def test_cutout_blots_out_a_square_that_may_reach_over_the_border():
    parameters = {"cut_row": np.array([0, 2]), "cut_column": np.array([1, 2])}
    found = ImageAugmentation(cutout=3, fill_value=-1).transform(np.ones((2, 5, 5, 2)), parameters)
    assert (found[..., 0] == found[..., 1]).all()
    assert (found[0, :2, :3] == -1).all()
    assert (found == -1).sum() == 2 * (6 + 9)
    centres = drawn_for("cutout", 3)
    assert set(centres["cut_row"].tolist()) == set(range(8)) == set(centres["cut_column"].tolist())
    share = ImageAugmentation(cutout=0.5).transform(np.ones((1, 8, 6, 1)), {"cut_row": [4], "cut_column": [3]})
    assert (share == 0).sum() == 9


def test_displacements_have_their_deviation_and_are_smooth():
    found = drawn_for("elastic", 1.5, count=300, shape=(9, 7, 1), elastic_smoothness=3.0)["displacement"]
    assert found.shape == (300, 2, 9, 7)
    np.testing.assert_allclose(found.std(axis=(0, 1)), 1.5, rtol=0.15)
    assert np.abs(np.diff(found, axis=2)).mean() < 0.5
    rough = drawn_for("elastic", 1.5, count=300, shape=(9, 7, 1), elastic_smoothness=0.3)["displacement"]
    assert np.abs(np.diff(rough, axis=2)).mean() > 1.2
    assert abs(np.corrcoef(found[:, 0, 4, 3], found[:, 1, 4, 3])[0, 1]) < 0.2  # the axes are drawn apart


# -- what is drawn -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option, value, name, low, high",
    [
        ("rotation", 30, "rotation", -30, 30),
        ("shear", 4.5, "shear", -4.5, 4.5),
        ("zoom", 0.25, "zx", 0.75, 1.25),
        ("zoom", (0.5, 2.0), "zy", 0.5, 2.0),
        ("height_shift", 0.25, "tx", -2, 2),
        ("width_shift", 0.5, "ty", -2, 2),
        ("width_shift", 1.5, "ty", -1.5, 1.5),
        ("channel_shift", 20, "channel_shift", -20, 20),
        ("brightness", 0.5, "brightness", 0.5, 1.5),
        ("brightness", (0.2, 0.4), "brightness", 0.2, 0.4),
    ],
)
def test_ranges(option, value, name, low, high):
    found = drawn_for(option, value, shape=(8, 4, 1))[name]
    assert low <= found.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < found.max() <= high
    assert abs(found.mean() - (low + high) / 2) < 0.1 * (high - low)


def test_whole_and_listed_shifts():
    assert set(drawn_for("width_shift", 3)["ty"].tolist()) == {-2, -1, 0, 1, 2}
    assert set(drawn_for("height_shift", [2, 5.5])["tx"].tolist()) == {-5.5, -2, 2, 5.5}
    assert set(drawn_for("height_shift", [0.25, 0.5])["tx"].tolist()) == {-4, -2, 2, 4}  # parts of 8


def test_flips_happen_in_half_of_the_images_and_independently():
    found = ImageAugmentation(horizontal_flip=True, vertical_flip=True, seed=1).draw((4, 4, 1), count=1000)
    for name in ("flip_rows", "flip_columns"):
        assert 0.45 < found[name].mean() < 0.55
    assert 0.2 < (found["flip_rows"] & found["flip_columns"]).mean() < 0.3


def test_both_zooms_are_drawn_apart():
    found = drawn_for("zoom", 0.5)
    assert abs(np.corrcoef(found["zx"], found["zy"])[0, 1]) < 0.15


def test_nothing_is_drawn_for_what_is_left_out():
    assert ImageAugmentation().draw((4, 4, 1)) == {}
    np.testing.assert_array_equal(ImageAugmentation()(IMAGES), IMAGES)
    assert sorted(drawn_for("zoom", 0.5)) == ["zx", "zy"]


def test_one_option_changes_nothing_of_the_others():
    alone, both = drawn_for("rotation", 9.0), drawn_for("rotation", 9.0, zoom=0.2, horizontal_flip=True, cutout=2)
    np.testing.assert_array_equal(alone["rotation"], both["rotation"])


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_an_image_depends_on_seed_epoch_and_index_alone():
    aug = ImageAugmentation(**EVERYTHING)
    whole = aug(IMAGES, epoch=4)
    for i in (0, 5, 8):
        assert aug(IMAGES[i : i + 1], epoch=4, indices=[i]).tobytes() == whole[i : i + 1].tobytes()
    order = RNG.permutation(9)
    assert aug(IMAGES[order], epoch=4, indices=order).tobytes() == whole[order].tobytes()
    assert ImageAugmentation(**EVERYTHING | {"seed": None})(IMAGES, epoch=4, seed=11).tobytes() == whole.tobytes()
    same = np.repeat(IMAGES[:1], 9, axis=0)
    assert len({image.tobytes() for image in aug(same)}) == 9
    assert aug(IMAGES, epoch=5).tobytes() != whole.tobytes()
    assert aug(IMAGES, epoch=4, seed=12).tobytes() != whole.tobytes()


def test_without_a_seed_set_seed_decides():
    found = []
    for _ in range(2):
        minidl.set_seed(4)
        found += [ImageAugmentation(rotation=90)(IMAGES) for _ in range(2)]
    assert found[0].tobytes() == found[2].tobytes()
    assert found[0].tobytes() != found[1].tobytes()


def by_label(data, number):
    """What becomes of each image in iteration ``number``, by its label; a list where it comes several times."""
    found = {}
    for x, y in data.iteration(number):
        for image, label in zip(x if x.ndim == 4 else x[None], np.atleast_1d(y)):
            found.setdefault(int(label), []).append(image.tobytes())
    return found


LABELS = np.arange(9)


@pytest.mark.parametrize(
    "steps",
    [
        lambda data, aug: data.batch(4).augment(aug),
        lambda data, aug: data.augment(aug).batch(4),
        lambda data, aug: data.shuffle(9, seed=1).batch(2).augment(aug, workers=3),
        lambda data, aug: data.shuffle(4, seed=1).augment(aug, workers=1),
        lambda data, aug: data.batch(4).prefetch(2).augment(aug).prefetch(1),
        lambda data, aug: data.batch(4).map(lambda x, y: (x, y)).augment(aug),
        lambda data, aug: aug.flow(*data._rows, batch_size=5, workers=2),
        lambda data, aug: aug.flow(*data._rows, shuffle=False),
    ],
)
def test_datasets_agree_with_calls(steps):
    aug = ImageAugmentation(**EVERYTHING)
    data = steps(Dataset.from_arrays(IMAGES, LABELS), aug)
    for number in (0, 2):
        whole = aug(IMAGES, epoch=number)
        assert by_label(data, number) == {i: [whole[i].tobytes()] for i in range(9)}


def test_each_iteration_is_another_epoch_and_a_repeated_row_is_changed_anew():
    aug = ImageAugmentation(**EVERYTHING)
    flow = aug.flow(IMAGES, LABELS, batch_size=3)
    first, second = ([x.tobytes() for x, _ in flow] for _ in range(2))
    assert len(flow) == 3
    assert not set(first) & set(second)
    for repeated in (
        Dataset.from_arrays(IMAGES, LABELS).repeat(2).batch(18).augment(aug),
        Dataset.from_arrays(IMAGES, LABELS).batch(4).augment(aug).repeat(2),
        Dataset.from_arrays(IMAGES, LABELS).batch(4).repeat(2).augment(aug),
    ):
        found = by_label(repeated, 0)
        assert all(len(images) == len(set(images)) == 2 for images in found.values())


def test_streams_count_their_images():
    aug = ImageAugmentation(**EVERYTHING)
    batches = [(IMAGES[:4], LABELS[:4]), (IMAGES[4:], LABELS[4:])]
    found = by_label(Dataset.from_generator(lambda: iter(batches)).augment(aug, seed=3), 0)
    whole = aug(IMAGES, seed=3)
    assert found == {i: [whole[i].tobytes()] for i in range(9)}
    alone = Dataset.from_generator(lambda: iter(IMAGES)).augment(aug, seed=3)
    assert [image.tobytes() for image in alone] == [image.tobytes() for image in whole]


def test_the_seed_of_a_flow_decides_order_and_changes():
    aug = ImageAugmentation(rotation=30)
    found = [np.concatenate([x for x, _ in aug.flow(IMAGES, LABELS, seed=seed)]) for seed in (5, 5, 6)]
    assert found[0].tobytes() == found[1].tobytes() != found[2].tobytes()
    orders = [np.concatenate([y for _, y in ImageAugmentation().flow(IMAGES, LABELS, seed=seed)]).tolist() for seed in (5, 6)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == LABELS.tolist()


def test_weights_pass_through():
    flow = ImageAugmentation(seed=1).flow(IMAGES, LABELS, LABELS / 9, batch_size=4, shuffle=False)
    for _, y, weight in flow:
        np.testing.assert_array_equal(weight, y / 9)


def test_kernels_and_references_agree():
    aug = ImageAugmentation(**EVERYTHING)
    found = aug(IMAGES)
    with config.use_kernels("reference"):
        np.testing.assert_allclose(aug(IMAGES), found, atol=1e-6)


def test_a_model_learns_from_a_flow():
    from minidl.layers import Dense, Flatten
    from minidl.models import Sequential

    model = Sequential([Flatten(input_shape=(6, 5, 3)), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    flow = ImageAugmentation(rescale=1 / 255, horizontal_flip=True, seed=1).flow(IMAGES, LABELS % 3, batch_size=4, workers=1)
    assert np.isfinite(model.fit(flow, epochs=2, verbose=0).history["loss"]).all()


# -- threads -----------------------------------------------------------------------------------------------------------


def test_workers_keep_the_order_and_work_together():
    seen = set()
    both = threading.Barrier(2, timeout=20)

    def slow(i):
        seen.add(threading.current_thread().name)
        if i < 2:
            both.wait()  # only two at once come past
        return 10 * i

    assert list(Dataset(range(9)).map(slow, workers=2)) == [10 * i for i in range(9)]
    assert len(seen) == 2
    assert threading.current_thread().name not in seen


def test_an_exception_in_a_worker_comes_at_its_item_and_no_thread_is_left():
    def fails(i):
        if i == 3:
            raise ValueError("three")
        return i

    items = iter(Dataset(range(100)).map(fails, workers=2))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(items)
    items = iter(Dataset(range(100)).map(lambda i: i, workers=2))
    next(items)
    items.close()
    time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("minidl-worker")]


# -- standardisation ---------------------------------------------------------------------------------------------------


def test_samplewise():
    found = ImageAugmentation(samplewise_std=True).standardize(IMAGES)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=(1, 2, 3)), 1, atol=1e-5)
    centred = ImageAugmentation(samplewise_center=True).standardize(IMAGES)
    np.testing.assert_allclose(centred, IMAGES - IMAGES.mean(axis=(1, 2, 3), keepdims=True), atol=1e-4)
    assert (
        ImageAugmentation(samplewise_std=True).standardize(np.full((1, 2, 2, 1), 5.0)).tolist()
        == np.zeros((1, 2, 2, 1)).tolist()
    )


@pytest.mark.parametrize("data_format, axes", [("channels_last", (0, 1, 2)), ("channels_first", (0, 2, 3))])
def test_featurewise_by_channel(data_format, axes):
    images = IMAGES * [1, 2, 3] if data_format == "channels_last" else np.moveaxis(IMAGES * [1, 2, 3], -1, 1)
    aug = ImageAugmentation(featurewise_std=True, rescale=0.5, data_format=data_format).fit(images)
    found = aug.standardize(images)
    np.testing.assert_allclose(found.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=axes), 1, atol=1e-5)
    only = ImageAugmentation(featurewise_center=True, data_format=data_format).fit(images).standardize(images)
    np.testing.assert_allclose(only.std(axis=axes), images.std(axis=axes), rtol=1e-5)
    np.testing.assert_allclose(only.mean(axis=axes), 0, atol=1e-4)


def test_zca_removes_correlations_and_is_symmetric():
    images = RNG.normal(size=(400, 3, 2, 2)) @ [[1, 0.7], [0, 1]] + 3
    aug = ImageAugmentation(zca=True, dtype="float64").fit(images)
    flat = aug.standardize(images).reshape(400, -1)
    np.testing.assert_allclose(flat.T @ flat / 400, np.eye(12), atol=1e-4)
    whitening = aug.standardization.whitening
    np.testing.assert_allclose(whitening, whitening.T, atol=1e-9)
    strong = ImageAugmentation(zca=True, zca_epsilon=10.0, dtype="float64").fit(images).standardize(images)
    assert strong.std() < 0.6


def test_zca_of_pixels_that_never_change_stays_small():
    images = np.zeros((20, 3, 3, 1))
    images[:, 1, 1, 0] = RNG.normal(size=20)
    assert np.abs(ImageAugmentation(zca=True).fit(images).standardize(images)).max() < 5


def test_fit_in_pieces_is_fit_at_once(monkeypatch):
    whole = ImageAugmentation(featurewise_std=True, zca=True, dtype="float64").fit(IMAGES)
    monkeypatch.setattr("minidl.data.standardize._PIECE", 200)
    parts = ImageAugmentation(featurewise_std=True, zca=True, dtype="float64").fit(IMAGES)
    np.testing.assert_allclose(parts.standardize(IMAGES), whole.standardize(IMAGES), atol=1e-9)


def test_fit_of_changed_images_measures_them():
    aug = ImageAugmentation(brightness=(2.0, 2.0), featurewise_center=True, seed=1)
    plain = aug.fit(IMAGES).standardization.mean.copy()
    np.testing.assert_allclose(aug.fit(IMAGES, augment=True).standardization.mean, 2 * plain, rtol=1e-5)
    noisy = ImageAugmentation(noise=50.0, featurewise_center=True, seed=1)
    once, twice = (noisy.fit(IMAGES, augment=True, rounds=rounds).standardization.mean.copy() for rounds in (1, 2))
    assert (once != twice).all()
    expected = np.mean([noisy.transform(IMAGES, noisy.draw((6, 5, 3), count=9, epoch=e)) for e in (0, 1)], axis=(0, 1, 2, 3))
    np.testing.assert_allclose(twice[0, 0], expected, rtol=1e-5)
    assert (noisy.fit(IMAGES, augment=True, seed=8).standardization.mean != once).all()


def test_preprocessing_comes_first_and_fit_sees_it():
    aug = ImageAugmentation(preprocessing=lambda image: image + 100, rescale=0.1, featurewise_center=True).fit(IMAGES)
    np.testing.assert_allclose(aug.standardization.mean[0, 0], (IMAGES.mean(axis=(0, 1, 2)) + 100) / 10, rtol=1e-5)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, words",
    [
        ({"rotation": -1}, "rotation"),
        ({"width_shift": []}, "at least one"),
        ({"height_shift": -0.5}, "height_shift"),
        ({"zoom": 1.0}, "above 0"),
        ({"zoom": 1.5}, "0 to 1"),
        ({"zoom": (2.0, 1.0)}, "low <= high"),
        ({"brightness": -0.1}, "brightness"),
        ({"brightness": (-1, 1)}, "brightness"),
        ({"elastic_smoothness": 0}, "above 0"),
        ({"noise": -1}, "noise"),
        ({"cutout": -1}, "cutout"),
        ({"fill_mode": "reflct"}, "Did you mean 'reflect'"),
        ({"interpolation_order": 3}, "0 .the nearest"),
        ({"interpolation_order": True}, "0 .the nearest"),
        ({"data_format": "channels"}, "channels_last"),
        ({"dtype": "float16"}, "float32 or float64"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_values(options, words):
    with pytest.raises(ArgumentError, match=words):
        ImageAugmentation(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"rotation": "15"}, {"horizontal_flip": 1}, {"zoom": "x"}, {"zoom": (1, 2, 3)}, {"value_range": 255}, {"shear": True},
        {"preprocessing": 3}, {"seed": 1.5}, {"width_shift": ["a"]}, {"rescale": "1"},
    ],
)  # fmt: skip
def test_wrong_types(options):
    with pytest.raises(ArgumentTypeError):
        ImageAugmentation(**options)


def test_wrong_data():
    aug = ImageAugmentation(rotation=3)
    with pytest.raises(ShapeError, match=r"newaxis"):
        aug(np.zeros((2, 4, 4)))
    with pytest.raises(ShapeError, match="n, h, w, channels"):
        aug(np.zeros((4, 4)))
    with pytest.raises(ShapeError, match="whole numbers"):
        aug(IMAGES, indices=[1, 2])
    with pytest.raises(ArgumentTypeError):
        aug(np.array([["a"]]))
    with pytest.raises(ArgumentError, match="Did you mean 'rotation'"):
        aug.transform(IMAGES, {"rotations": np.zeros(9)})
    with pytest.raises(ShapeError, match="an entry for each image"):
        aug.transform(IMAGES, {"rotation": np.zeros(3)})
    with pytest.raises(ShapeError, match="from preprocessing"):
        ImageAugmentation(preprocessing=lambda image: image[1:]).standardize(IMAGES)
    with pytest.raises(ArgumentTypeError, match="an ImageAugmentation"):
        Dataset.from_arrays(IMAGES).augment(np.fliplr)
    with pytest.raises(ArgumentTypeError, match="one array of images"):
        list(Dataset.from_arrays((IMAGES, IMAGES), LABELS).batch(2).augment(aug))


def test_fit_is_needed_where_something_is_measured():
    for option in ("featurewise_center", "featurewise_std", "zca"):
        aug = ImageAugmentation(**{option: True})
        with pytest.raises(NotBuiltError, match=r"fit\(x_train\)"):
            aug(IMAGES)
        with pytest.raises(DataError, match="no images"):
            aug.fit(IMAGES[:0])
        with pytest.raises(DataError, match="NaN"):
            aug.fit(np.full((2, 2, 2, 1), np.nan))
        aug.fit(IMAGES)
        with pytest.raises(ShapeError, match="fit has seen"):
            aug(IMAGES[..., :2])
    with pytest.raises(ShapeError, match="fit has seen"):
        ImageAugmentation(zca=True).fit(IMAGES).standardize(IMAGES[:, 1:])


def test_text_and_copies():
    aug = ImageAugmentation(rotation=3, zoom=(0.5, 1.0), fill_mode="wrap", featurewise_center=True, seed=2).fit(IMAGES)
    text = "ImageAugmentation(rotation=3.0, zoom=(0.5, 1.0), fill_mode='wrap', featurewise_center=True, seed=2)"
    assert repr(aug) == text
    assert repr(ImageAugmentation()) == "ImageAugmentation()"
    for twin in (pickle.loads(pickle.dumps(aug)), copy.deepcopy(aug)):
        assert twin(IMAGES).tobytes() == aug(IMAGES).tobytes()


@pytest.mark.more
@pytest.mark.one_in(2)
@pytest.mark.parametrize("layer", [pytest.param("omp", marks=pytest.mark.slow), "workqueue"])
def test_the_first_kernel_of_a_process_may_be_ours(layer):
    """It runs on the caller's thread and starts no team; kernels with one may follow, also from two threads at once."""
    program = """if True:
        import numpy as np
        from minidl.data import ImageAugmentation
        images = np.ones((40, 9, 9, 1), "float32")
        augmentation = ImageAugmentation(rotation=9, seed=1)
        augmentation(images)
        from minidl.ops.activation import relu
        large = np.ones((400, 1000), "float32")
        for x, y in augmentation.flow(images, np.zeros(40), batch_size=4, workers=2):
            relu(large)
        print("done")
    """
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=ROOT)
    if layer in done.stderr and "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"Numba has no threading layer {layer} here")
    assert done.stdout == "done\n", done.stderr
