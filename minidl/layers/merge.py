"""Layers that join branches of a graph element by element; the mathematics stands in ``minidl/ops/merge.py``."""

from __future__ import annotations

from collections.abc import Callable
from operator import neg, sub, truediv
from typing import Any, ClassVar

from minidl.backend.tape import again
from minidl.errors import ShapeError
from minidl.layers.base import Layer
from minidl.layers.context import INFERENCE, Context
from minidl.ops.merge import add, average, first_equal_grad, maximum, minimum, multiply, multiply_grad, sum_to


class Merge(Layer, abstract=True):
    """Base of the layers whose y is a function of the numbers that stand at the same place in all inputs.

    An input may have the length 1 along an axis where others are longer: it is repeated there, and its gradient is the sum. One
    that has fewer axes gets axes of length 1 in front of its own, behind the batch axis. A step of y counts where it does in
    every input that has a mask.

    Raises ShapeError for a single input, and for inputs that cannot be brought to one shape.
    """

    takes_many = True
    replays = True
    most: ClassVar[int | None] = None  # inputs, where there is a limit
    function: ClassVar[Callable[..., Any]]  # y = function(*inputs), an op

    def output_shape(self, input_shape: Any) -> Any:
        """The longest length along each axis; None where it is not known."""
        several = bool(input_shape) and isinstance(input_shape[0], tuple) and len(input_shape) > 1
        if not several or (self.most is not None and len(input_shape) > self.most):
            number = "two" if self.most == 2 else "two or more"
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", f"{number} inputs of one shape")
        rank, found = max(map(len, input_shape)), []
        for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in input_shape)):
            longer = {size for size in sizes if size != 1}
            known = longer - {None}
            if len(known) > 1:
                expected = "inputs of one shape, or of length 1 along an axis where others are longer"
                raise ShapeError(self.label, f"inputs of shapes {input_shape}", expected)
            found.append(known.pop() if known else None if longer else 1)
        return tuple(found)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the shapes of the inputs, and what ``kept`` says."""
        shapes, xs = tuple(part.shape for part in x), x
        if any(shape != shapes[0] for shape in shapes):
            self.output_shape(tuple(shape[1:] for shape in shapes))  # raises for lengths that were not known before
            xs = _aligned(x)
        y = type(self).function(*xs)
        return y, ((shapes, self.kept(y, xs)) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx of each input."""
        if not need_dx:
            return None
        shapes, kept = saved
        parts = self.parts(dy, len(shapes), *kept)
        return tuple(dx if dx.shape == shape else _back(dx, shape) for dx, shape in zip(parts, shapes))

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dx of each of so many inputs, in the shape of dy."""
        raise NotImplementedError

    def kept(self, y: Any, xs: Any) -> tuple[Any, ...]:
        """What ``parts`` needs of y and the inputs."""
        return ()

    def output_mask(self, x: Any, mask: Any) -> Any:
        """A step counts where it does in every branch that has a mask."""
        both = counted_in_all(mask)
        if both is None or len({part.shape for part in x}) == 1:
            return both
        rank = max(part.ndim for part in x)
        if any(m is not None and part.ndim < rank for part, m in zip(x, mask)):
            received = f"inputs of shapes {[part.shape[1:] for part in x]}, of which one with fewer axes has a mask"
            raise ShapeError(self.label, received, "masks for inputs with all axes only: its steps are no steps of the result")
        steps = max(part.shape[1] for part in x if part.ndim == rank)
        return both if both.shape[1] == steps else both.repeat(steps, axis=1)


class Add(Merge):
    """y = x_1 + x_2 + ...: the skip connection of residual networks. Every branch receives dy.

    Inputs of length 1 along an axis are repeated along it, as in all layers of this kind; see ``Merge``.
    Source: He et al. 2016; Practical 2020, Lecture 2020.

    >>> import numpy as np
    >>> Add()([np.ones((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    function = add

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy for every branch."""
        return (dy,) * number


class Subtract(Merge):
    """y = x_1 - x_2, of two inputs; they receive dy and -dy.

    >>> import numpy as np
    >>> Subtract()([np.full((1, 2), 3.0), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    most = 2

    @staticmethod
    def function(first: Any, second: Any) -> Any:
        """The difference."""
        return again(sub, first, second)

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy and -dy."""
        return dy, again(neg, dy)


class Multiply(Merge):
    """y = x_1 x_2 ...: a gate, where one of them lies between 0 and 1. Each input receives dy times the product of the others.

    >>> import numpy as np
    >>> Multiply()([np.array([[2.0, 3.0]]), np.array([[0.5, 0.0]])])
    array([[1., 0.]], dtype=float32)
    """

    function = multiply

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy times the product of all others."""
        return multiply_grad(dy, *kept)

    def kept(self, y: Any, xs: Any) -> tuple[Any, ...]:
        """The inputs."""
        return tuple(xs)


class Average(Merge):
    """y = (x_1 + ... + x_m) / m; every input receives dy / m.

    >>> import numpy as np
    >>> Average()([np.array([[2.0, 3.0]]), np.array([[4.0, 0.0]])])
    array([[3. , 1.5]], dtype=float32)
    """

    function = average

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy / m for every input."""
        return (again(truediv, dy, number),) * number


class Maximum(Merge):
    """y = the largest of the inputs, number by number. It receives dy; of equal ones the first does, as in max pooling.

    >>> import numpy as np
    >>> Maximum()([np.array([[2.0, 3.0]]), np.array([[4.0, 0.0]])])
    array([[4., 3.]], dtype=float32)
    """

    function = maximum

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy where the input is the first that equals y."""
        return first_equal_grad(dy, *kept)

    def kept(self, y: Any, xs: Any) -> tuple[Any, ...]:
        """y and the inputs."""
        return (y, *xs)


class Minimum(Merge):
    """y = the smallest of the inputs, number by number. It receives dy; of equal ones the first does.

    >>> import numpy as np
    >>> Minimum()([np.array([[2.0, 3.0]]), np.array([[4.0, 0.0]])])
    array([[2., 0.]], dtype=float32)
    """

    function = minimum

    def parts(self, dy: Any, number: int, *kept: Any) -> tuple[Any, ...]:
        """dy where the input is the first that equals y."""
        return first_equal_grad(dy, *kept)

    def kept(self, y: Any, xs: Any) -> tuple[Any, ...]:
        """y and the inputs."""
        return (y, *xs)


def counted_in_all(masks: Any) -> Any:
    """Where all masks that there are count; None where there is none."""
    found = [mask for mask in masks or () if mask is not None]
    if not found:
        return None
    both = found[0]
    for mask in found[1:]:
        both = both & mask
    return both


def _aligned(x: Any) -> list[Any]:
    """The inputs with equally many axes: those that lack some have axes of length 1 behind the batch axis."""
    rank = max(part.ndim for part in x)
    return [part.reshape(part.shape[0], *(1,) * (rank - part.ndim), *part.shape[1:]) for part in x]


def _back(dx: Any, shape: tuple[int, ...]) -> Any:
    """dx, of the shape of y, as the gradient of an input of ``shape``."""
    aligned = (shape[0], *(1,) * (dx.ndim - len(shape)), *shape[1:])
    return sum_to(dx, aligned).reshape(shape)
