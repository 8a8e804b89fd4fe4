"""``keras.backend``: arrays that keep their place, and what may be asked of them and of everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.compat.keras.backend.tracing import Operators, Traced, call, of_symbol, plain
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.layers.symbol import Symbol
from minidl.parameters import Parameter


class Variable(Operators):
    """An array that can be read and set; functions of a layer or loss read it at every pass, and do not train it.

    >>> v = Variable([1.0, 2.0])
    >>> v.set_value([3.0, 4.0]); v.get_value().tolist()
    [3.0, 4.0]
    """

    is_variable_2_1 = True

    def __init__(self, value: Any, dtype: Any = None, name: str | None = None) -> None:
        array = np.array(plain(value))
        kind = dtype or (config.dtype() if array.dtype.kind in "f" or dtype is None else None)
        self.name, self.value = name or "variable", backends.current().asarray(array, np.dtype(kind))

    shape = property(lambda self: tuple(self.value.shape))
    dtype = property(lambda self: self.value.dtype.name)
    ndim = property(lambda self: self.value.ndim)

    def get_value(self, borrow: bool = False) -> np.ndarray:
        """A copy of the array."""
        return backends.backend_of(self.value).to_numpy(self.value).copy()

    def eval(self, session: Any = None) -> np.ndarray:
        """As ``get_value``."""
        return self.get_value()

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Other numbers of the same shape. Raises ShapeError for another one."""
        new = np.asarray(plain(value))
        if new.shape != self.shape:
            raise ShapeError("K.set_value", f"shape {new.shape}", f"{self.shape}, the variable's own")
        self.value = backends.current().asarray(new, self.value.dtype)

    assign = load = set_value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.get_value(), dtype)

    def __float__(self) -> float:
        return float(self.get_value())

    def __repr__(self) -> str:
        return f"<{self.name}: a variable of shape {self.shape}>"


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """An array that can be read and set; weights that are trained are those of layers."""
    if constraint is not None:
        raise ArgumentTypeError("K.variable", "a constraint", "no constraint: nothing trains a variable", "a layer's weight")
    return Variable(value, dtype, name)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """An array."""
    array = np.asarray(plain(value), dtype or config.dtype())
    return array if shape is None else np.broadcast_to(array, tuple(shape)).copy()


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of zeros."""
    return _full(shape, 0.0, dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of ones."""
    return _full(shape, 1.0, dtype, name)


def _full(shape: Any, value: float, dtype: Any, name: str | None) -> Any:
    shape = tuple(shape)
    if any(isinstance(n, Traced) for n in shape):
        fixed = tuple(None if isinstance(n, Traced) else n for n in shape)
        return call("filled", *[n for n in shape if isinstance(n, Traced)], shape=fixed, value=value)
    return Variable(np.full(shape, value), dtype, name)


def eye(size: int, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of an identity matrix."""
    return Variable(np.eye(size), dtype, name)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of uniform numbers."""
    return Variable(generator(seed).uniform(low, high, tuple(shape)), dtype, name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of normal numbers."""
    return Variable(generator(seed).normal(mean, scale, tuple(shape)), dtype, name)


def generator(seed: int | None = None) -> Any:
    """Random numbers of this seed, or those that ``np.random.seed`` seeds."""
    return np.random if seed is None else np.random.RandomState(seed)


# -- reading and setting -----------------------------------------------------------------------------------------------


def get_value(x: Any) -> Any:
    """The numbers of a variable, a weight of a layer, or a setting of an optimizer such as ``optimizer.lr``."""
    if hasattr(x, "get_value"):
        return x.get_value()
    if isinstance(x, Parameter):
        return backends.backend_of(x.value).to_numpy(x.value).copy()
    if isinstance(x, (Symbol, Traced)):
        received, fix = "a result that needs data", "model.predict(x), or K.function([model.input], [layer.output])"
        raise ArgumentTypeError("K.get_value", received, "a variable or weight", fix)
    return backends.backend_of(x).to_numpy(x).copy() if hasattr(x, "ndim") else x


def eval(x: Any) -> Any:  # noqa: A001  (Keras's name)
    """The numbers of x."""
    return get_value(x)


def batch_get_value(ops: Sequence[Any]) -> list[Any]:
    """``get_value`` of each."""
    return [get_value(x) for x in ops]


def set_value(x: Any, value: Any) -> None:
    """Set a variable, a weight of a layer, or ``optimizer.lr``. Raises ArgumentTypeError for a number, which keeps no value."""
    if hasattr(x, "set_value"):
        x.set_value(value)
    elif isinstance(x, Parameter):
        new = np.asarray(plain(value))
        if new.shape != x.shape:
            raise ShapeError("K.set_value", f"shape {new.shape}", f"{x.shape}, that of {x.name}")
        x.value[...] = backends.backend_of(x.value).asarray(new, x.dtype)
    else:
        fix = "optimizer.iterations = 0, for the number of steps"
        raise ArgumentTypeError("K.set_value", described(x), "a variable, a weight or optimizer.lr", fix)


def batch_set_value(tuples: Sequence[tuple[Any, Any]]) -> None:
    """``set_value`` of each pair."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Any, new_x: Any) -> Any:
    """Set a variable now. Raises ArgumentTypeError in functions of a layer, where nothing is computed yet."""
    if isinstance(new_x, (Traced, Symbol)):
        expected = "a layer of minidl's with state: context.update(state, value)"
        raise ArgumentTypeError("K.update", "a value that is not known yet", expected, "docs/custom_layer.md shows one")
    set_value(x, plain(new_x))
    return x


def update_add(x: Any, increment: Any) -> Any:
    """x += increment."""
    return update(x, plain(x) + plain(increment))


def update_sub(x: Any, decrement: Any) -> Any:
    """x -= decrement."""
    return update(x, plain(x) - plain(decrement))


def moving_average_update(x: Any, value: Any, momentum: float) -> Any:
    """x = momentum x + (1 - momentum) value."""
    return update(x, momentum * plain(x) + (1 - momentum) * plain(value))


# -- shapes and kinds --------------------------------------------------------------------------------------------------


def int_shape(x: Any) -> Any:
    """The shape, with None for the batch axis of what a layer gives.

    >>> from minidl.layers import Input
    >>> int_shape(Input((3, 4))), int_shape(np.ones((2, 3)))
    ((None, 3, 4), (2, 3))
    """
    if isinstance(x, Symbol):
        return (None, *x.shape)
    if isinstance(x, Traced):
        return x.int_shape
    return tuple(np.shape(x) if not hasattr(x, "shape") else x.shape)


get_variable_shape = int_shape


def shape(x: Any) -> Any:
    """The shape; in a function of a layer, lengths that only the data knows are values too."""
    x = of_symbol(x) if isinstance(x, Symbol) else x
    if isinstance(x, Traced):
        return [call("length", x, axis=axis) if n is None else n for axis, n in enumerate(x.int_shape)]
    return list(int_shape(x))


def ndim(x: Any) -> int:
    """How many axes, that of the batch included."""
    return len(int_shape(x))


def dtype(x: Any) -> str:
    """The element type, by its name."""
    if isinstance(x, Symbol):
        return x.dtype or config.dtype()
    found = getattr(x, "dtype", None)
    return str(getattr(found, "name", found)) if found is not None else config.dtype()


def count_params(x: Any) -> int:
    """How many numbers there are."""
    return prod(n or 1 for n in int_shape(x))


def is_sparse(tensor: Any) -> bool:
    """False: there are no sparse ones."""
    return False


def to_dense(tensor: Any) -> Any:
    """The same; of SciPy's sparse matrices the dense one."""
    return tensor.toarray() if hasattr(tensor, "toarray") else tensor


def is_keras_tensor(x: Any) -> bool:
    """Whether x is the result of a layer or of ``Input``."""
    if isinstance(x, (Symbol, Traced, Variable, Parameter, np.ndarray)):
        return isinstance(x, Symbol)
    raise ArgumentTypeError("K.is_keras_tensor", described(x), "a result of a layer, a variable or an array")


def is_placeholder(x: Any) -> bool:
    """Whether x is an ``Input``."""
    return isinstance(x, Symbol) and x.layer is None


def identity(x: Any, name: str | None = None) -> Any:
    """x."""
    return of_symbol(x) if isinstance(x, Symbol) else x


def stop_gradient(variables: Any) -> Any:
    """x, or each of a list, of which no gradient is taken."""
    return [call("stop_gradient", x) for x in variables] if isinstance(variables, list) else call("stop_gradient", variables)


def known_only(name: str, instead: str) -> Callable[..., Any]:
    """A function that is refused, with what to write in its place."""

    def refused(*arguments: Any, **keywords: Any) -> Any:
        raise ArgumentTypeError(f"K.{name}", "a call", "what minidl can differentiate or run by itself", instead)

    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = f"Refused; to write instead: {instead}."
    return refused


__all__ = [name for name, found in globals().items() if getattr(found, "__module__", "") == __name__ and name[0] != "_"]
