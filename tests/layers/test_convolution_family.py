"""Convolution layers beyond Conv2D: what is refused, what an option means, and the lecture's rows."""

from math import prod

import numpy as np
import pytest

from minidl.errors import ArgumentError
from minidl.layers import Conv1D, Conv2D, Conv3D, Dense
from minidl.layers.context import Context

RNG = np.random.default_rng(3)


# -- Conv1D, Conv3D ------------------------------------------------------------------------------------------------------

CONV_3D = [  # of the network for hyperspectral pixels, Ghent 6: input, layer, result, parameters
    ((9, 9, 220, 1), lambda: Conv3D(48, (3, 3, 5), activation="relu"), (7, 7, 216, 48), 2208),
    ((7, 7, 76, 48), lambda: Conv3D(32, (3, 3, 5), activation="relu"), (5, 5, 72, 32), 69152),
    ((5, 5, 28, 32), lambda: Conv3D(32, (3, 3, 5), activation="relu"), (3, 3, 24, 32), 46112),
    ((3456,), lambda: Dense(128, activation="relu"), (128,), 442496),
    ((128,), lambda: Dense(128, activation="relu"), (128,), 16512),
    ((128,), lambda: Dense(16, activation="relu"), (16,), 2064),
]


@pytest.mark.parametrize("row", CONV_3D, ids=lambda row: str(row[3]))
def test_rows_of_the_lectures_conv3d_network(row):
    input_shape, make, output_shape, parameters = row
    layer = make()
    layer.build(input_shape)
    assert layer.output_shape(input_shape) == output_shape
    assert layer.count_params() == sum(prod(w.shape) for w in layer.get_weights()) == parameters


def test_the_lectures_conv3d_network_has_578544_parameters():
    assert sum(row[3] for row in CONV_3D) == 578544


def test_a_causal_result_depends_on_nothing_that_follows():
    layer = Conv1D(3, 3, padding="causal", dilation_rate=2)
    x = RNG.normal(size=(2, 9, 2)).astype("float32")
    y, other = layer(x), x.copy()
    other[:, 5:] += 1
    np.testing.assert_array_equal(layer(other)[:, :5], y[:, :5])
    assert not np.allclose(layer(other)[:, 5], y[:, 5])  # and on the step itself


@pytest.mark.parametrize("cls, padding", [(Conv1D, "casual"), (Conv2D, "causal"), (Conv3D, "causal")])
def test_other_paddings_are_refused(cls, padding):
    expected = "'valid', 'same' or 'causal'" if cls is Conv1D else "'valid' or 'same'"
    with pytest.raises(ArgumentError, match=f"{cls.__name__}: received padding='{padding}'; expected {expected}"):
        cls(2, 3, padding=padding)


@pytest.mark.parametrize("layer, shape", [(Conv1D(2, 2), (4, 3)), (Conv3D(2, 2), (3, 3, 3, 1))])
def test_masks_end_at_a_window(layer, shape):
    mask = np.ones((2, 4), bool)
    assert layer.output_mask(np.zeros((2, *shape), "float32"), mask) is None
    layer.build(shape)
    layer.apply(np.zeros((2, *shape), "float32"), Context(mask=mask))
