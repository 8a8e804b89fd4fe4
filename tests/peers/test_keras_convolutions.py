"""The convolution family against Keras 3 itself, with its weights: layouts, output sizes, channel order, results."""

import importlib.util
import itertools

import numpy as np
import pytest

import minidl.layers

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("keras", "torch"))), reason="Keras 3 or PyTorch is not installed"
    ),
]
SIZES = {1: (7,), 2: (6, 5), 3: (3, 4, 5)}


def compare(keras, name, rank, **options):
    """A layer of this class and arguments here and there, with the same weights, on the same numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *SIZES[rank], 3))
    theirs = getattr(keras.layers, name)(**options)
    expected_shape = theirs.compute_output_shape(x.shape)
    theirs.build(x.shape)
    theirs.set_weights([rng.normal(size=w.shape) for w in theirs.get_weights()])
    mine = getattr(minidl.layers, name)(**options)
    mine.build(x.shape[1:])
    mine.set_weights(theirs.get_weights())
    y = mine(x)
    assert (2, *mine.output_shape(x.shape[1:])) == tuple(expected_shape) == y.shape
    # Keras's PyTorch backend computes convolutions in the precision of its inputs: float64 here
    np.testing.assert_allclose(y, keras.ops.convert_to_numpy(theirs(x)), rtol=1e-9, atol=1e-9, err_msg=f"{name} {options}")


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_convolutions(keras, padding):
    for strides, dilation in ((1, 1), (2, 1), (1, 2)):
        options = {"filters": 4, "kernel_size": 3, "strides": strides, "dilation_rate": dilation, "padding": padding}
        compare(keras, "Conv1D", 1, **options)
        if padding != "causal" and dilation == 1:
            compare(keras, "Conv3D", 3, **options)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed(keras, padding):
    for size, strides in itertools.product((1, 2, 3, 4), (1, 2, 3)):
        for more in (None, *range(strides)):
            options = {"filters": 2, "kernel_size": size, "strides": strides, "output_padding": more, "padding": padding}
            compare(keras, "Conv1DTranspose", 1, **options)
    for size, dilation in itertools.product((2, 3), (1, 2, 3)):
        compare(keras, "Conv1DTranspose", 1, filters=2, kernel_size=size, dilation_rate=dilation, padding=padding)
    for rank in (2, 3):
        options = {"filters": 2, "kernel_size": (3, 2, 4)[:rank], "strides": (2, 3, 1)[:rank], "padding": padding}
        compare(keras, f"Conv{rank}DTranspose", rank, **options)
        compare(keras, f"Conv{rank}DTranspose", rank, **options, output_padding=(1, 2, 0)[:rank])


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_and_separable(keras, multiplier, padding):
    for rank, (strides, dilation) in itertools.product((1, 2), ((1, 1), (2, 1), (1, 2))):
        options = {"kernel_size": 3, "strides": strides, "dilation_rate": dilation, "padding": padding}
        options |= {"depth_multiplier": multiplier, "use_bias": strides == 1}
        compare(keras, f"DepthwiseConv{rank}D", rank, **options)
        compare(keras, f"SeparableConv{rank}D", rank, filters=4, **options)
