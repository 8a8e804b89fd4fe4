"""``keras.initializations`` of Keras 1: functions of a shape, ``normal(shape, scale=0.05, name=None)``.

They draw from ``np.random``, which the script seeds, and give a variable; their formulas are those of Keras 1.2.2, whose normal
numbers were not cut.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np

from minidl.compat.keras import backend as K
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest, described
from minidl.initializers import fans


def get_fans(shape: Any, dim_ordering: str = "th") -> tuple[int, int]:
    """fan_in and fan_out: of kernels (*window, in, out) with ``"tf"``, (out, in, *window) with ``"th"``."""
    shape = tuple(shape)
    if dim_ordering == "th" and len(shape) > 2:
        window = prod(shape[2:])
        return shape[1] * window, shape[0] * window
    return fans(shape)


def uniform(shape: Any, scale: float = 0.05, name: str | None = None, dim_ordering: str = "th") -> Any:
    """U(-scale, scale)."""
    return K.random_uniform_variable(shape, -scale, scale, name=name)


def normal(shape: Any, scale: float = 0.05, name: str | None = None, dim_ordering: str = "th") -> Any:
    """N(0, scale^2).

    >>> normal((2, 3), scale=0.01).shape
    (2, 3)
    """
    return K.random_normal_variable(shape, 0.0, scale, name=name)


def lecun_uniform(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """U(-a, a), a = sqrt(3 / fan_in)."""
    return uniform(shape, sqrt(3 / get_fans(shape, dim_ordering)[0]), name)


def glorot_normal(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """N(0, 2 / (fan_in + fan_out))."""
    return normal(shape, sqrt(2 / sum(get_fans(shape, dim_ordering))), name)


def glorot_uniform(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out))."""
    return uniform(shape, sqrt(6 / sum(get_fans(shape, dim_ordering))), name)


def he_normal(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """N(0, 2 / fan_in)."""
    return normal(shape, sqrt(2 / get_fans(shape, dim_ordering)[0]), name)


def he_uniform(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """U(-a, a), a = sqrt(6 / fan_in)."""
    return uniform(shape, sqrt(6 / get_fans(shape, dim_ordering)[0]), name)


def orthogonal(shape: Any, scale: float = 1.1, name: str | None = None, dim_ordering: str = "th") -> Any:
    """A matrix with orthonormal rows or columns, times scale."""
    rows, columns = prod(shape[:-1]), shape[-1]
    u, _, v = np.linalg.svd(np.random.normal(0.0, 1.0, (rows, columns)), full_matrices=False)  # noqa: NPY002
    q = u if u.shape == (rows, columns) else v
    return K.variable(scale * q.reshape(tuple(shape)), name=name)


def identity(shape: Any, scale: float = 1.0, name: str | None = None, dim_ordering: str = "th") -> Any:
    """scale on the diagonal of a square matrix."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError("identity", f"shape {tuple(shape)}", "a square matrix")
    return K.variable(scale * np.eye(shape[0]), name=name)


def zero(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """Zeros."""
    return K.zeros(shape, name=name)


def one(shape: Any, name: str | None = None, dim_ordering: str = "th") -> Any:
    """Ones."""
    return K.ones(shape, name=name)


_BY_NAME: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(uniform, normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform),
        *(orthogonal, identity, zero, one),
    )
}


def get(identifier: Any, **keywords: Any) -> Any:
    """The function of this name, or the function itself. Raises ArgumentError for an unknown name."""
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            expected = f"one of {', '.join(_BY_NAME)}"
            raise ArgumentError("keras.initializations", repr(identifier), expected, meant=closest(identifier, _BY_NAME))
        return _BY_NAME[identifier]
    if callable(identifier):
        return identifier
    raise ArgumentTypeError("keras.initializations.get", described(identifier), "a name or a function")
