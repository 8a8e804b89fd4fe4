"""dW of many channels from one image, which is a product for each tap of the window."""

import numpy as np
import pytest

from minidl.geometry import Window
from minidl.ops.convolution import convolve_grad_W


@pytest.mark.parametrize(
    "window", [Window((3, 2), (2, 1), "same"), Window((2, 3), (1, 1)), Window((3, 3), (1, 2), "same", (2, 1))]
)
def test_every_tap_sees_its_own_positions(window: Window) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 9, 8, 33))
    dy = rng.standard_normal((1, *window.output_shape((9, 8)), 34))
    wanted = convolve_grad_W.reference(x, dy, window)  # type: ignore[attr-defined]
    np.testing.assert_allclose(convolve_grad_W(x, dy, window), wanted, rtol=1e-12, atol=1e-12)
