"""Activation functions as layers of their own names; see ``Activation`` for all the others.

The plan sees the ``Activation`` behind them: a ReLU() behind a Dense layer is computed by it, as activation="relu" is.
"""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_number
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.ops.rectifier import rectify, rectify_grad


class Rectifier:
    """The pair ``apply`` and ``gradient`` of ``ops/rectifier.py``, for these numbers."""

    def __init__(self, slope: float, threshold: float, highest: float | None) -> None:
        self.numbers: dict[str, Any] = {"slope": slope, "threshold": threshold, "highest": highest}

    def apply(self, x: Any, context: Context) -> tuple[Any, Any]:
        """y; keeps x."""
        return rectify(x, **self.numbers), (x if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool) -> Any:
        """dx."""
        return rectify_grad(dy, saved, **self.numbers) if need_dx else None


class Named(Layer, abstract=True):
    """Base of the layers that are one function: an ``Activation`` under a name of their own, or a ``Rectifier``."""

    function: Any

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x); keeps what the gradient is a function of."""
        return self.function.apply(x, context)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy f'(x)."""
        return self.function.gradient(dy, saved, need_dx)

    @property
    def for_plan(self) -> Layer:
        """The activation itself."""
        return self.function if isinstance(self.function, Activation) and is_unchanged(self) else self

    @property
    def final_activation(self) -> Activation | None:
        """The activation."""
        plain = self.for_plan
        return plain if isinstance(plain, Activation) else None


class ReLU(Named):
    """y = x where x > threshold, else negative_slope (x - threshold); at most max_value.

    Args:
        max_value: the highest y, at least 0; None: there is none. ReLU(6) is relu6.
        negative_slope: at least 0.
        threshold: at least 0.

    At a corner the gradient is the one from the left.
    Source: all five lectures; see ``minidl/ops/rectifier.py``.

    >>> import numpy as np
    >>> ReLU(max_value=6)(np.array([[-1.0, 2.0, 7.0]]))
    array([[0., 2., 6.]], dtype=float32)
    """

    replays = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.max_value = None if max_value is None else check_number("ReLU", "max_value", max_value, 0)
        self.negative_slope = check_number("ReLU", "negative_slope", negative_slope, 0)
        self.threshold = check_number("ReLU", "threshold", threshold, 0)
        if self.max_value is not None or self.threshold:
            self.function = Rectifier(self.negative_slope, self.threshold, self.max_value)
        elif self.negative_slope:
            self.function = Activation("leaky_relu", negative_slope=self.negative_slope, dtype=self.dtype)
        else:
            self.function = Activation("relu", dtype=self.dtype)


class LeakyReLU(Named):
    """y = x where x > 0, else negative_slope x.

    Args:
        negative_slope: at least 0. (Keras 2 called it alpha.)

    Source: Maas et al. 2013.

    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    replays = True

    def __init__(self, negative_slope: float = 0.3, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.negative_slope = check_number("LeakyReLU", "negative_slope", negative_slope, 0)
        self.function = Activation("leaky_relu", negative_slope=self.negative_slope, dtype=self.dtype)


class ELU(Named):
    """y = x where x > 0, else alpha (exp(x) - 1).

    Args:
        alpha: at least 0.

    Source: Clevert et al. 2016; Lecture 2020.

    >>> import numpy as np
    >>> ELU(2.0)(np.array([[-1e30, 2.0]]))
    array([[-2.,  2.]], dtype=float32)
    """

    replays = True

    def __init__(self, alpha: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.alpha = check_number("ELU", "alpha", alpha, 0)
        self.function = Activation("elu", alpha=self.alpha, dtype=self.dtype)


class ThresholdedReLU(Named):
    """y = x where x > theta, else 0: y jumps at theta. A layer of Keras 2; in Keras 3 it is gone.

    Args:
        theta: at least 0.

    Source: Konda et al. 2015.

    >>> import numpy as np
    >>> ThresholdedReLU(theta=1.0)(np.array([[0.5, 1.0, 1.5]]))
    array([[0. , 0. , 1.5]], dtype=float32)
    """

    replays = True

    def __init__(self, theta: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.theta = check_number("ThresholdedReLU", "theta", theta, 0)
        self.function = Rectifier(0.0, self.theta, None)
