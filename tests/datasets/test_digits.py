"""The drawn digits: reproducible image by image, balanced, legible to the simplest classifier but not solved by it."""

import time

import numpy as np
import pytest

from minidl.datasets import digits
from minidl.errors import ArgumentError, ArgumentTypeError


@pytest.fixture(scope="module")
def drawn():
    return digits.load_data(2000, 1000, seed=3)


def test_shapes_and_types(drawn):
    (x_train, y_train), (x_test, y_test) = drawn
    assert [a.shape for a in (x_train, y_train, x_test, y_test)] == [(2000, 28, 28), (2000,), (1000, 28, 28), (1000,)]
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert all(a.flags.c_contiguous and a.flags.writeable for a in (x_train, y_train))


@pytest.mark.parametrize("n_train, n_test", [(0, 0), (1, 0), (249, 251), (250, 500), (777, 33)])
def test_a_smaller_set_is_the_beginning_of_a_larger_one(drawn, n_train, n_test):
    (x_train, y_train), (x_test, y_test) = digits.load_data(n_train, n_test, seed=3)
    np.testing.assert_array_equal(x_train, drawn[0][0][:n_train], strict=True)
    np.testing.assert_array_equal(y_train, drawn[0][1][:n_train], strict=True)
    np.testing.assert_array_equal(x_test, drawn[1][0][:n_test], strict=True)
    np.testing.assert_array_equal(y_test, drawn[1][1][:n_test], strict=True)


def test_other_seeds_other_images_and_numpys_own_generator_is_left_alone(drawn):
    np.random.seed(1)  # noqa: NPY002 - the global generator is what must not be touched
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    images = {image.tobytes() for image in drawn[0][0]}
    for seed in (0, 4, 2**64 - 1):
        (x, _), _ = digits.load_data(250, 0, seed=seed)
        assert not images & {image.tobytes() for image in x}
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_no_image_comes_twice(drawn):
    images = [image.tobytes() for split in drawn for image in split[0]]
    assert len(set(images)) == len(images) == 3000


def test_labels_are_balanced_and_shuffled(drawn):
    labels = drawn[0][1]
    for begin in range(0, 2000, 250):
        assert np.bincount(labels[begin : begin + 250], minlength=10).tolist() == [25] * 10
    assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.15
    assert not np.array_equal(labels[:250], labels[250:500])
    assert not np.array_equal(labels[:250], drawn[1][1][:250])


def test_ink_is_like_mnists(drawn):
    x = drawn[0][0]
    assert 0.08 < x.mean() / 255 < 0.15  # MNIST: 0.13
    assert 0.7 < (x == 0).mean() < 0.9  # MNIST: 0.81
    assert (x.max(axis=(1, 2)) > 130).all()  # no image is empty or very pale
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)
    assert (border > 64).any(axis=1).mean() < 0.05  # hardly any digit touches the edge


def test_nearest_centroid_is_neither_hopeless_nor_enough(drawn):
    (x_train, y_train), (x_test, y_test) = drawn
    centroids = np.stack([x_train[y_train == label].mean(axis=0) for label in range(10)])
    distance = ((x_test[:, np.newaxis].astype(np.float32) - centroids) ** 2).sum(axis=(2, 3))
    accuracy = np.mean(distance.argmin(axis=1) == y_test)
    assert 0.60 < accuracy < 0.88  # MNIST: 0.82


def test_every_way_of_writing_occurs_and_stays_in_its_box():
    for variants in digits.SKELETONS.values():
        assert len(variants) >= 3
        for points, strokes in variants:
            assert {index for stroke in strokes for index in stroke} == set(range(len(points)))
            assert all(0 <= coordinate <= 20 for point in points for coordinate in point)


def test_speed():
    digits.load_data(250, 0)
    begin = time.perf_counter()
    digits.load_data(2500, 0)
    assert time.perf_counter() - begin < 2.5  # a fifth of the 5,000 images a second that any machine should reach


@pytest.mark.parametrize(
    "arguments",
    [{"n_train": -1}, {"n_test": -1}, {"n_train": 2**31}, {"seed": -1}, {"seed": 2**64}],
)
def test_numbers_out_of_range(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        digits.load_data(**arguments)


@pytest.mark.parametrize("arguments", [{"n_train": 10.0}, {"n_test": "5"}, {"seed": None}])
def test_arguments_of_other_types(arguments):
    with pytest.raises(ArgumentTypeError, match=next(iter(arguments))):
        digits.load_data(**arguments)


def test_show(drawn):
    image = drawn[0][0][0]
    lines = digits.show(image).split("\n")
    assert len(lines) == 28
    np.testing.assert_array_equal([[int(number) for number in line.split()] for line in lines], image)
    assert lines[13] == "".join("{0: <4}".format(x) for x in image[13]).rstrip()  # noqa: UP030, UP032 - the lectures' words
    with pytest.raises(ArgumentError, match="two axes"):
        digits.show(drawn[0][0])
