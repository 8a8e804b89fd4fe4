"""Images of old scripts: every random number, every map and every statistic as Keras 2.1's formulas have them, in loops."""

# ruff: noqa: NPY002  (the state that scripts seed)

import threading
import warnings

import numpy as np
import pytest

from minidl import config
from minidl.compat.keras.preprocessing.image import (
    DirectoryIterator,
    ImageDataGenerator,
    Iterator,
    NumpyArrayIterator,
    apply_transform,
    array_to_img,
    flip_axis,
    img_to_array,
    list_pictures,
    load_img,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
    transform_matrix_offset_center,
)
from minidl.compat.keras.utils import Sequence
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, MissingPackageError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(5, 6, 9, 3)).astype("float32")
Y = np.arange(5)


def place_in(place, size, mode):
    """The pixel at a real coordinate, as scipy.ndimage counts them; None where there is none."""
    if mode == "constant":
        return int(np.floor(place + 0.5)) if 0 <= place <= size - 1 else None
    if mode == "nearest":
        place = min(max(place, 0), size - 1)
    elif mode == "wrap" and not 0 <= place <= size - 1:
        place = place % (size - 1)
    elif mode == "reflect":
        place = place % (2 * size) if not -0.5 <= place <= size - 0.5 else place
        index = int(np.floor(place + 0.5)) % (2 * size)
        return min(index, 2 * size - 1 - index)
    return int(np.floor(place + 0.5))


def seen(x, matrix, mode, cval):
    """One image (h, w, channels) through a map, pixel by pixel."""
    y = np.full_like(x, cval)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            r, s, _ = matrix @ [i, j, 1]
            at = place_in(r, x.shape[0], mode), place_in(s, x.shape[1], mode)
            if None not in at:
                y[i, j] = x[at]
    return y


def turned(theta):
    return np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])


def sheared(u):
    return np.array([[1, -np.sin(u), 0], [0, np.cos(u), 0], [0, 0, 1]])


def moved(tx, ty):
    return np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])


def about_centre(matrix, h, w):
    there = np.array([[1, 0, h / 2 + 0.5], [0, 1, w / 2 + 0.5], [0, 0, 1]])
    return there @ matrix @ np.linalg.inv(there)


def transformed(x, g, uniform, chance):
    """One image (h, w, channels) as the documentation of ImageDataGenerator says, with its random numbers in their order."""
    h, w, channels = x.shape
    theta = np.pi / 180 * uniform(-g["rotation_range"], g["rotation_range"]) if "rotation_range" in g else 0
    tx = uniform(-g["height_shift_range"], g["height_shift_range"]) * h if "height_shift_range" in g else 0
    ty = uniform(-g["width_shift_range"], g["width_shift_range"]) * w if "width_shift_range" in g else 0
    shear = uniform(-g["shear_range"], g["shear_range"]) if "shear_range" in g else 0
    zx = zy = 1
    if "zoom_range" in g:
        z = g["zoom_range"]
        zx, zy = uniform(*((1 - z, 1 + z) if np.isscalar(z) else z), 2)
    if {theta, tx, ty, shear} != {0} or (zx, zy) != (1, 1):
        matrix = about_centre(turned(theta) @ moved(tx, ty) @ sheared(shear) @ np.diag([zx, zy, 1]), h, w)
        x = seen(x, matrix, g.get("fill_mode", "nearest"), g.get("cval", 0.0))
    if "channel_shift_range" in g:
        low, high, reach = x.min(), x.max(), g["channel_shift_range"]
        x = np.stack([np.clip(x[..., c] + np.float32(uniform(-reach, reach)), low, high) for c in range(channels)], axis=-1)
    if g.get("horizontal_flip") and chance() < 0.5:
        x = x[:, ::-1]
    if g.get("vertical_flip") and chance() < 0.5:
        x = x[::-1]
    return x


CHANGES = [
    {"rotation_range": 40},
    {"width_shift_range": 0.3},
    {"height_shift_range": 0.4},
    {"shear_range": 0.6},
    {"zoom_range": 0.4},
    {"zoom_range": (0.5, 2.0)},
    {"zoom_range": [1, 1]},
    {"channel_shift_range": 0.7},
    {"horizontal_flip": True},
    {"vertical_flip": True},
    {"rotation_range": 60, "fill_mode": "reflect"},
    {"rotation_range": 60, "width_shift_range": 0.6, "fill_mode": "wrap"},
    {"rotation_range": 60, "fill_mode": "constant"},
    {"rotation_range": 60, "fill_mode": "constant", "cval": 3.5},
    {"rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 0.1, "shear_range": 0.2, "zoom_range": 0.2,
     "channel_shift_range": 0.3, "horizontal_flip": True, "vertical_flip": True, "fill_mode": "nearest"},
]  # fmt: skip


def first(x):
    return np.moveaxis(x, -1, -3)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batches_are_those_of_the_formulas(changes, data_format):
    state = np.random.RandomState(9)
    order = state.permutation(5)
    expected = [transformed(X[i], changes, state.uniform, state.random_sample) for i in order]
    generator = ImageDataGenerator(data_format=data_format, **changes)
    before = X.copy()
    np.random.seed(9)
    x, y = next(generator.flow(X if data_format == "channels_last" else first(X), Y))
    assert (y == order).all()
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x if data_format == "channels_last" else np.moveaxis(x, 1, -1), expected)
    assert (before == X).all()


@pytest.mark.parametrize("changes", CHANGES[-2:], ids=str)
def test_one_image_is_that_of_the_formulas(changes):
    expected = transformed(X[0], changes, *(lambda s: (s.uniform, s.random_sample))(np.random.RandomState(4)))
    generator = ImageDataGenerator(**changes)
    np.testing.assert_array_equal(generator.random_transform(X[0], seed=4), expected)
    np.random.seed(4)
    np.testing.assert_array_equal(generator.random_transform(X[0]), expected)
    with pytest.raises(ShapeError, match="one image"):
        generator.random_transform(X)


def test_maps_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    for trial in range(20):
        matrix = np.eye(3)
        matrix[:2] += RNG.normal(scale=0.4, size=(2, 3)) * [1, 1, 5]
        for mode in ("nearest", "wrap", "constant", "reflect"):
            expected = [
                ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=0, mode=mode, cval=0.5)
                for channel in np.moveaxis(X[0], -1, 0)
            ]
            found = apply_transform(first(X[0]), matrix, 0, mode, 0.5)
            np.testing.assert_array_equal(found, expected, f"{mode}, {trial}")


def test_functions_of_one_image():
    h, w = X.shape[1:3]
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2, "fill_mode": "constant", "cval": 2.0}
    u = np.random.RandomState(3).uniform
    np.random.seed(3)
    np.testing.assert_array_equal(
        random_rotation(X[0], 50, **axes), seen(X[0], about_centre(turned(np.pi / 180 * u(-50, 50)), h, w), "constant", 2.0)
    )
    tx, ty = u(-0.4, 0.4) * h, u(-0.2, 0.2) * w
    np.testing.assert_array_equal(random_shift(X[0], 0.2, 0.4, **axes), seen(X[0], moved(tx, ty), "constant", 2.0))
    shear = about_centre(sheared(u(-0.5, 0.5)), h, w)
    np.testing.assert_array_equal(random_shear(X[0], 0.5, **axes), seen(X[0], shear, "constant", 2.0))
    zoom = about_centre(np.diag([*u(0.5, 1.5, 2), 1]), h, w)
    np.testing.assert_array_equal(random_zoom(X[0], (0.5, 1.5), **axes), seen(X[0], zoom, "constant", 2.0))
    np.testing.assert_array_equal(random_zoom(X[0], (1, 1), **axes), X[0])
    added = np.array([u(-0.5, 0.5) for _ in range(3)], np.float32)
    expected = np.clip(X[0] + added, X[0].min(), X[0].max())
    np.testing.assert_allclose(random_channel_shift(X[0], 0.5, channel_axis=2), expected, rtol=1e-6)
    np.testing.assert_array_equal(flip_axis(X[0], 1), X[0][:, ::-1])
    np.testing.assert_allclose(transform_matrix_offset_center(turned(0.3), 4, 7), about_centre(turned(0.3), 4, 7))
    first_axis = random_rotation(first(X[0]), 0)  # the defaults are those of channels first
    np.testing.assert_array_equal(first_axis, first(X[0]))
    with pytest.raises(ArgumentError, match="a pair of factors"):
        random_zoom(X[0], 0.5)


def test_bytes_stay_bytes_in_functions_of_one_image():
    image = RNG.integers(0, 256, (4, 5, 1), np.uint8)
    turn = about_centre(turned(np.pi), 4, 5)
    found = apply_transform(image, turn, channel_axis=2, fill_mode="constant", cval=7)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, seen(image, turn, "constant", 7))
    assert ImageDataGenerator(rotation_range=10).random_transform(image).dtype == np.uint8


# -- standardisation ----------------------------------------------------------------------------------------------------


def standardized(x, measured, g):
    """One image as the documentation says; ``measured`` are the images of ``fit``."""
    x = x * g.get("rescale", 1)
    if g.get("samplewise_center"):
        x = x - x.mean()
    if g.get("samplewise_std_normalization"):
        x = x / (x.std() + 1e-7)
    fitted = measured.astype("float64")
    if g.get("featurewise_center"):
        mean = fitted.mean(axis=(0, 1, 2))
        x, fitted = x - mean, fitted - mean
    if g.get("featurewise_std_normalization"):
        std = fitted.std(axis=(0, 1, 2))
        x, fitted = x / (std + 1e-7), fitted / (std + 1e-7)
    if g.get("zca_whitening"):
        flat = fitted.reshape(len(fitted), -1)
        u, s, _ = np.linalg.svd(flat.T @ flat / len(flat))
        x = (x.ravel() @ (u @ np.diag(1 / np.sqrt(s + g.get("zca_epsilon", 1e-6))) @ u.T)).reshape(x.shape)
    return x


STEPS = [
    {"rescale": 1 / 255},
    {"samplewise_center": True},
    {"samplewise_std_normalization": True},
    {"featurewise_center": True},
    {"featurewise_std_normalization": True},
    {"featurewise_center": True, "featurewise_std_normalization": True},
    {"zca_whitening": True, "zca_epsilon": 0.1},
    {"zca_whitening": True, "zca_epsilon": 0.3, "featurewise_center": True, "rescale": 0.5},
    {"rescale": 2.0, "samplewise_center": True, "samplewise_std_normalization": True, "featurewise_center": True},
]


@pytest.mark.parametrize("steps", STEPS, ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_standardisation_is_that_of_the_formulas(steps, data_format):
    x = (RNG.normal(size=(40, 3, 4, 2)) * [3, 5] + [1, -2]).astype("float32")
    given = x if data_format == "channels_last" else first(x)
    generator = ImageDataGenerator(data_format=data_format, **steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # two channels
        generator.fit(given)
        batch = next(generator.flow(given, batch_size=40, shuffle=False))
    expected = np.stack([standardized(image, x, steps) for image in x.astype("float64")])
    batch = batch if data_format == "channels_last" else np.moveaxis(batch, 1, -1)
    np.testing.assert_allclose(batch, expected, rtol=2e-4, atol=2e-4)
    one = generator.standardize(given[:1].copy())[0]
    np.testing.assert_allclose(
        one if data_format == "channels_last" else np.moveaxis(one, 0, -1), expected[0], rtol=2e-4, atol=2e-4
    )


def test_attributes_after_fit():
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, zca_whitening=True)
    assert generator.mean is generator.std is generator.principal_components is None
    generator.fit(X)
    np.testing.assert_allclose(generator.mean[0, 0], X.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(generator.std[0, 0], X.std(axis=(0, 1, 2)), rtol=1e-4)
    assert generator.mean.shape == (1, 1, 3)
    assert generator.principal_components.shape == (162, 162)
    assert generator.principal_components.dtype == np.float32


def test_fit_on_changed_images():
    generator = ImageDataGenerator(featurewise_center=True, rotation_range=90)
    generator.fit(X, augment=True, rounds=3, seed=8)
    np.random.seed(8)
    changed = [generator.random_transform(image) for _ in range(3) for image in X]
    np.testing.assert_allclose(generator.mean[0, 0], np.mean(changed, axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)
    once = ImageDataGenerator(featurewise_center=True, rotation_range=90)
    once.fit(X, augment=True, seed=8)
    assert not np.allclose(once.mean, generator.mean)


def test_fit_and_flow_of_bytes():
    x = RNG.integers(0, 256, (6, 4, 5, 1), np.uint8)
    before = x.copy()
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    generator.fit(x)
    found = next(generator.flow(x, shuffle=False))
    np.testing.assert_allclose(found, (x - x.mean()) / (x.std() + 1e-7), rtol=1e-4, atol=1e-5)
    assert found.dtype == np.float32
    assert (x == before).all()


def test_standardize_changes_floats_in_place_and_nothing_else():
    generator = ImageDataGenerator(rescale=0.5, samplewise_center=True)
    x = X[0].copy()
    assert generator.standardize(x) is x
    np.testing.assert_allclose(x, X[0] / 2 - X[0].mean() / 2, atol=1e-6)
    whole = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_allclose(generator.standardize(whole), whole / 2 - 1.25)
    assert whole.dtype == np.uint8
    fixed = X[0].copy()
    fixed.flags.writeable = False
    np.testing.assert_array_equal(generator.standardize(fixed), x)


def test_what_is_not_fitted_is_said():
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, zca_whitening=True)
    with pytest.warns(DataWarning) as caught:
        found = generator.standardize(X[0].copy())
    assert [str(w.message).split()[1] for w in caught] == [
        "featurewise_center",
        "featurewise_std_normalization",
        "zca_whitening",
    ]
    assert (found == X[0]).all()


def test_the_function_of_a_script_is_called_for_each_image_before_the_rest():
    calls = []

    def plus(image):
        calls.append(image.shape)
        return image + np.float32(np.random.random())

    np.random.seed(2)
    found = next(ImageDataGenerator(preprocessing_function=plus, rescale=2.0, horizontal_flip=True).flow(X, shuffle=False))
    state = np.random.RandomState(2)
    for image, x in zip(found, X):
        changed = transformed(x, {"horizontal_flip": True}, state.uniform, state.random_sample)
        np.testing.assert_array_equal(image, (changed + np.float32(state.random_sample())) * np.float32(2))
    assert calls == [X.shape[1:]] * 5


def test_methods_of_a_subclass_are_used():
    class Mine(ImageDataGenerator):
        def random_transform(self, x, seed=None):
            return super().random_transform(x, seed) * 0 + 1

        def standardize(self, x):
            return super().standardize(x) + 5

    found = next(Mine(horizontal_flip=True, rescale=0.5).flow(X))
    assert (found == 5.5).all()
    assert (next(ImageDataGenerator(rescale=0.5).flow(X, shuffle=False)) == X * np.float32(0.5)).all()


# -- batches ------------------------------------------------------------------------------------------------------------


def test_batches_without_end():
    flow = ImageDataGenerator().flow(X, Y, batch_size=2, shuffle=False)
    assert isinstance(flow, NumpyArrayIterator)
    assert isinstance(flow, Sequence)
    assert len(flow) == 3
    assert iter(flow) is flow
    found = [next(flow)[1].tolist() for _ in range(4)]
    assert found == [[0, 1], [2, 3], [4], [0, 1]]
    assert (flow.batch_index, flow.total_batches_seen, flow.n, flow.N, flow.nb_sample, flow.batch_size) == (1, 4, 5, 5, 5, 2)
    flow.reset()
    assert flow.batch_index == 0
    assert flow.next()[1].tolist() == [0, 1]
    exact = ImageDataGenerator().flow(X[:4], Y[:4], batch_size=2, shuffle=False)
    assert [next(exact)[1].tolist() for _ in range(3)] == [[0, 1], [2, 3], [0, 1]]


@pytest.mark.parametrize("n", [4, 5])
def test_each_pass_has_another_order_and_all_samples(n):
    np.random.seed(0)
    state = np.random.RandomState(0)
    flow = ImageDataGenerator().flow(X[:n], Y[:n], batch_size=2)
    for _ in range(3):
        order = state.permutation(n)
        assert np.concatenate([next(flow)[1] for _ in range(len(flow))]).tolist() == order.tolist()


def test_the_seed_counts_batches():
    flow = ImageDataGenerator(horizontal_flip=True).flow(X, Y, batch_size=3, seed=10)
    for batch in range(4):
        state = np.random.RandomState(10 + batch)
        if batch % 2 == 0:
            order = state.permutation(5)
        rows = order[:3] if batch % 2 == 0 else order[3:]
        x, y = next(flow)
        assert (y == rows).all()
        assert (x == [transformed(X[i], {"horizontal_flip": True}, None, state.random_sample) for i in rows]).all()


def test_batches_by_their_number():
    flow = ImageDataGenerator().flow(X, Y, batch_size=2, seed=1)
    np.random.seed(1)
    order = np.random.permutation(5)
    assert [flow[i][1].tolist() for i in range(3)] == [order[:2].tolist(), order[2:4].tolist(), order[4:].tolist()]
    with pytest.raises(ArgumentError, match="batch 3"):
        flow[3]
    np.random.seed(7)
    flow.on_epoch_end()
    np.random.seed(7)
    assert (flow.index_array == np.random.permutation(5)).all()


def test_images_without_targets_and_weights_of_threads():
    flow = ImageDataGenerator().flow(X, batch_size=5, shuffle=False)
    assert (next(flow) == X).all()
    counted = ImageDataGenerator().flow(X, Y, batch_size=1, shuffle=False)
    seen_by, lock = [], threading.Lock()

    def take():
        for _ in range(5):
            _, y = next(counted)
            with lock:
                seen_by.extend(y.tolist())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen_by) == sorted([0, 1, 2, 3, 4] * 4)


def test_an_iterator_of_a_script():
    class Mine(Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array * 10

    assert next(Mine(4, 3, False, None)).tolist() == [0, 10, 20]
    with pytest.raises(DataError, match="no images"):
        Mine(0, 3, False, None)


def test_what_cannot_be_used():
    generator = ImageDataGenerator(featurewise_center=True)
    with pytest.raises(ShapeError, match=r"an array of shape \(5, 6, 9\).*reshape"):
        generator.fit(X[..., 0])
    with pytest.raises(ShapeError, match="images of four axes"):
        generator.flow(X[0])
    with pytest.raises(DataError, match="5 images and 4 targets"):
        generator.flow(X, Y[:4])
    with pytest.warns(DataWarning, match="2 channels on axis 3.*channels_last expects 1, 3 or 4"):
        generator.fit(X[..., :2])
    with pytest.warns(DataWarning, match="6 channels on axis 1"):
        ImageDataGenerator(data_format="channels_first").flow(X)
    with pytest.raises(ArgumentError, match=r"fill_mode='neerest'.*Did you mean 'nearest'"):
        ImageDataGenerator(fill_mode="neerest")
    with pytest.raises(ArgumentError, match="data_format='first'"):
        ImageDataGenerator(data_format="first")
    with pytest.raises(ArgumentError, match="a pair of factors"):
        ImageDataGenerator(zoom_range=(1, 2, 3))
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'rotation'.*Did you mean 'rotation_range'"):
        ImageDataGenerator(rotation=3)


@pytest.mark.filterwarnings("default::minidl.compat.spelling.OldSpellingWarning")
def test_old_spellings_are_told():
    with pytest.warns(OldSpellingWarning) as caught:
        ImageDataGenerator(
            rotation_range=20, shear_range=0.5, zoom_range=[0.8, 1], cval=1.0, featurewise_std_normalization=True
        )
    (message,) = [str(w.message) for w in caught]
    assert message.endswith(
        "is written data.ImageAugmentation(featurewise_std=True, rotation=20, shear=28.6479, zoom=[0.8, 1], fill_value=1.0) "
        "in minidl"
    )
    with pytest.warns(OldSpellingWarning, match=r"dim_ordering='th'\) is written ImageDataGenerator\(data_format='th'\)"):
        assert ImageDataGenerator(dim_ordering="th").data_format == "channels_first"
    with pytest.warns(OldSpellingWarning, match="flow"):
        assert (next(ImageDataGenerator().flow(X=X, shuffle=False)) == X).all()
    with pytest.warns(OldSpellingWarning, match="fit"):
        ImageDataGenerator().fit(X=X)


def test_the_order_of_axes_that_is_set():
    with config.use_data_format("channels_first"):
        assert ImageDataGenerator().data_format == "channels_first"
        assert ImageDataGenerator(data_format="tf").channel_axis == 3
        assert NumpyArrayIterator(first(X), None, ImageDataGenerator()).data_format == "channels_first"
    assert ImageDataGenerator().row_axis == 1


# -- pictures -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path, pillow):
    """Two classes of pictures, one of them in a folder within, and files that are none."""
    for name, value in (
        ("cats/a.png", 10),
        ("cats/deep/b.bmp", 20),
        ("dogs/c.PNG", 30),
        ("dogs/d.png", 40),
        ("dogs/e.png", 50),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 6, 3), value, np.uint8)
        pixels[0, 0] = (value, 0, 255)
        pillow.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "dogs" / "notes.txt").write_text("x")
    (tmp_path / "readme.txt").write_text("x")
    return tmp_path


def test_arrays_and_pictures(pillow):
    pixels = RNG.integers(0, 256, (4, 5, 3)).astype("float32")
    picture = array_to_img(pixels, scale=False)
    assert picture.size == (5, 4)
    assert (img_to_array(picture) == pixels).all()
    assert (img_to_array(array_to_img(first(pixels), "channels_first", scale=False), "th") == first(pixels)).all()
    scaled = img_to_array(array_to_img(np.array([[[-1.0], [0.0], [3.0]]])))
    assert scaled[..., 0].tolist() == [[0, 63, 255]]
    assert scaled.shape == (1, 3, 1)
    assert img_to_array(array_to_img(np.zeros((2, 2, 1)))).max() == 0
    assert img_to_array(array_to_img(pixels[..., :1]), "channels_first").shape == (1, 4, 5)
    for wrong in (np.zeros((2, 2)), np.zeros((2, 2, 2))):
        with pytest.raises(ShapeError):
            array_to_img(wrong)
    with pytest.raises(ShapeError, match="two or three axes"):
        img_to_array(np.zeros(3))


def test_pictures_from_files(folder):
    picture = load_img(folder / "cats" / "a.png")
    assert (picture.mode, picture.size) == ("RGB", (6, 4))
    assert load_img(folder / "cats" / "a.png", grayscale=True).mode == "L"
    small = img_to_array(load_img(str(folder / "cats" / "a.png"), target_size=(2, 3)))
    assert small.shape == (2, 3, 3)
    smooth = img_to_array(load_img(folder / "cats" / "a.png", target_size=(2, 3), interpolation="bilinear"))
    assert (smooth != small).any()
    with pytest.raises(ArgumentError, match=r"'bilinaer'.*Did you mean 'bilinear'"):
        load_img(folder / "cats" / "a.png", target_size=(2, 3), interpolation="bilinaer")
    assert sorted(name.rsplit("/", 1)[1] for name in list_pictures(str(folder))) == ["a.png", "b.bmp", "d.png", "e.png"]
    assert list_pictures(str(folder), ext="bmp") == [str(folder / "cats" / "deep" / "b.bmp")]


def test_batches_from_a_folder(folder, capsys):
    generator = ImageDataGenerator(rescale=1 / 10)
    flow = generator.flow_from_directory(str(folder), target_size=(4, 6), batch_size=3, shuffle=False)
    assert capsys.readouterr().out == "Found 5 images belonging to 2 classes.\n"
    assert isinstance(flow, DirectoryIterator)
    assert flow.class_indices == {"cats": 0, "dogs": 1}
    assert flow.classes.tolist() == [0, 0, 1, 1, 1]
    assert flow.filenames == ["cats/a.png", "cats/deep/b.bmp", "dogs/c.PNG", "dogs/d.png", "dogs/e.png"]
    assert (flow.samples, flow.num_classes, flow.nb_sample, flow.nb_class, len(flow)) == (5, 2, 5, 2, 2)
    assert flow.image_shape == (4, 6, 3)
    x, y = next(flow)
    assert x[:, 1, 1].round(4).tolist() == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
    assert x[0, 0, 0].round(4).tolist() == [1, 0, 25.5]
    assert y.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert y.dtype == np.float32


@pytest.mark.parametrize(
    "class_mode, kind, expected",
    [
        ("binary", np.float32, [0, 0, 1, 1, 1]),
        ("sparse", np.int32, [0, 0, 1, 1, 1]),
        ("input", np.float32, None),
        (None, None, None),
    ],
)
def test_targets_from_a_folder(folder, class_mode, kind, expected):
    given = {"target_size": (4, 6), "shuffle": False, "class_mode": class_mode}
    found = next(ImageDataGenerator(horizontal_flip=True).flow_from_directory(str(folder), seed=1, **given))
    if class_mode is None:
        assert found.shape == (5, 4, 6, 3)
        return
    x, y = found
    assert y.dtype == kind
    assert (y == x).all() if class_mode == "input" else y.tolist() == expected
    assert y is not x


def test_other_options_of_a_folder(folder, tmp_path):
    flow = ImageDataGenerator(data_format="channels_first").flow_from_directory(
        str(folder), target_size=(2, 2), color_mode="grayscale", classes=["dogs", "cats"], batch_size=2, shuffle=False
    )
    assert flow.class_indices == {"dogs": 0, "cats": 1}
    x, y = next(flow)
    assert x.shape == (2, 1, 2, 2)
    assert x[:, 0, 1, 1].tolist() == [30, 40]
    assert y.tolist() == [[1, 0], [1, 0]]
    only = ImageDataGenerator().flow_from_directory(str(folder), classes=["dogs"])
    assert only.samples == 3
    mixed = ImageDataGenerator().flow_from_directory(str(folder), seed=6, class_mode="sparse")
    assert (next(mixed)[1] == np.array([0, 0, 1, 1, 1])[np.random.RandomState(6).permutation(5)]).all()
    (folder / "cats" / "link").symlink_to(folder / "dogs")
    assert ImageDataGenerator().flow_from_directory(str(folder)).samples == 5
    assert ImageDataGenerator().flow_from_directory(str(folder), follow_links=True).samples == 8
    for wrong, message in (({"color_mode": "rbg"}, "'rgb' or"), ({"class_mode": "catgorical"}, "Did you mean 'categorical'")):
        with pytest.raises(ArgumentError, match=message):
            ImageDataGenerator().flow_from_directory(str(folder), **wrong)


def test_images_are_written_where_that_is_asked_for(tmp_path, pillow):
    flow = ImageDataGenerator().flow(X, Y, 2, shuffle=False, save_to_dir=str(tmp_path), save_prefix="aug", save_format="jpeg")
    next(flow)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.split("_")[:2] for name in names] == [["aug", "0"], ["aug", "1"]]
    assert all(name.endswith(".jpeg") for name in names)
    assert img_to_array(load_img(tmp_path / names[0])).shape == (6, 9, 3)


def test_without_pillow_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    for call in (
        lambda: load_img("a.png"),
        lambda: array_to_img(X[0]),
        lambda: ImageDataGenerator().flow_from_directory(str(tmp_path)),
        lambda: next(ImageDataGenerator().flow(X, save_to_dir=str(tmp_path))),
    ):
        with pytest.raises(MissingPackageError, match="pip install pillow"):
            call()
    assert (next(ImageDataGenerator().flow(X, shuffle=False)) == X).all()
