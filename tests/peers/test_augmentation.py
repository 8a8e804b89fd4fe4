"""The map of pixels against scipy.ndimage, the composition of maps and the whitening against Keras's ImageDataGenerator."""

import warnings

import numpy as np
import pytest

from minidl.data import ImageAugmentation
from minidl.data.affine import affine_matrices
from minidl.ops.resample import warp

scipy_ndimage = pytest.importorskip("scipy.ndimage", reason="scipy, the judge of these tests, is not installed")
pytestmark = pytest.mark.peer

NAMES = {"nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap", "constant": "constant"}  # what scipy calls ours


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", NAMES)
@pytest.mark.parametrize("shape", [(7, 9), (1, 6), (5, 5)])
def test_maps_as_in_scipy(mode, order, shape):
    rng = np.random.default_rng(1)
    h, w = shape
    x = rng.normal(size=(20, h, w, 2))
    matrix = np.concatenate([rng.normal(size=(20, 2, 2)), rng.normal(size=(20, 2, 1)) * 4], axis=2)
    found = warp(x, matrix, None, order, mode, 0.5, "float64")
    for image, a, y in zip(x, matrix, found):
        for c in range(2):
            options = {"order": order, "mode": NAMES[mode], "cval": 0.5}
            expected = scipy_ndimage.affine_transform(image[..., c], a[:, :2], a[:, 2], **options)
            np.testing.assert_allclose(y[..., c], expected, atol=1e-9)


@pytest.mark.parametrize("mode", NAMES)
def test_displacements_as_in_scipy(mode):
    rng = np.random.default_rng(2)
    x, d = rng.normal(size=(3, 6, 8, 1)), rng.normal(size=(3, 2, 6, 8)) * 3
    identity = np.repeat(np.eye(3)[None, :2], 3, axis=0)
    found = warp(x, identity, d, 1, mode, 0.5, "float64")
    for image, moved, y in zip(x[..., 0], d, found[..., 0]):
        places = np.mgrid[:6, :8] + moved
        np.testing.assert_allclose(
            y, scipy_ndimage.map_coordinates(image, places, order=1, mode=NAMES[mode], cval=0.5), atol=1e-9
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["nearest", "reflect", "constant"])
def test_composition_as_in_keras(keras, mode):
    """Keras 3 exchanges rows and columns of the matrix where its columns come after its rows; Keras 2.2 did not."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    rng, n, size = np.random.default_rng(3), 12, 9
    x = rng.normal(size=(n, size, size, 2))
    drawn = {
        "rotation": rng.uniform(-90, 90, n), "tx": rng.normal(size=n), "ty": rng.normal(size=n),
        "shear": rng.uniform(-30, 30, n), "zx": rng.uniform(0.5, 1.5, n), "zy": rng.uniform(0.5, 1.5, n),
    }  # fmt: skip
    found = ImageAugmentation(fill_mode=mode, fill_value=0.5, dtype="float64").transform(x, drawn)
    names = {"rotation": "theta"}
    for i in range(n):
        one = {names.get(name, name): values[i] for name, values in drawn.items()}
        options = {"row_axis": 1, "col_axis": 0, "channel_axis": 2, "fill_mode": mode, "cval": 0.5}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = legacy.apply_affine_transform(x[i], **one, **options)
        np.testing.assert_allclose(found[i], expected, atol=1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_standardisation_as_in_keras(keras):
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    x = np.random.default_rng(4).normal(2, 3, (60, 4, 3, 1))
    for ours, theirs in (
        ({"featurewise_std": True}, {"featurewise_center": True, "featurewise_std_normalization": True}),
        ({"samplewise_std": True}, {"samplewise_center": True, "samplewise_std_normalization": True}),
        ({"zca": True, "zca_epsilon": 1e-12}, {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-12}),
        ({"rescale": 0.1, "featurewise_center": True}, {"rescale": 0.1, "featurewise_center": True}),
    ):
        judge = legacy.ImageDataGenerator(dtype="float64", **theirs)
        judge.fit(x)
        expected = np.stack([judge.standardize(image.copy()) for image in x])
        np.testing.assert_allclose(ImageAugmentation(dtype="float64", **ours).fit(x).standardize(x), expected, atol=1e-8)


def test_flips_are_part_of_the_map():
    none, yes = np.zeros(1), np.ones(1, bool)
    ones = np.ones(1)
    matrix = affine_matrices(
        4, 6, rotation=none, tx=none, ty=none, shear=none, zx=ones, zy=ones, flip_rows=yes, flip_columns=yes
    )
    x = np.random.default_rng(5).normal(size=(1, 4, 6, 1))
    np.testing.assert_allclose(warp(x, matrix, None, 1, "constant", 9.0, "float64"), x[:, ::-1, ::-1], atol=1e-12)
