"""``Layer`` of Keras 2.1 as a base of a script's own classes: weights made in ``build``, mathematics written in ``call``.

``call`` is traced as the function of a ``Lambda`` is, see ``backend/tracing.py``: it is made of operators and functions of
``keras.backend``, each with its gradient, and may read the weights that ``add_weight`` has made.
"""

from __future__ import annotations

from typing import Any

from minidl.compat.keras import values
from minidl.compat.keras.backend import functions as K
from minidl.compat.keras.backend.tracing import Traced
from minidl.compat.keras.backend.variables import get_value
from minidl.compat.keras.layers.faces import Face
from minidl.compat.keras.layers.lambda_layer import OfFunction
from minidl.compat.keras.names import next_name
from minidl.compat.keras.seeding import draw_seed
from minidl.errors import ArgumentTypeError, ShapeError, closest, described
from minidl.geometry import is_several
from minidl.layers.base import Layer as TodaysLayer
from minidl.parameters import Parameter

_OPTIONS = (
    *("name", "trainable", "dtype", "input_dtype", "input_shape", "batch_input_shape", "batch_size"),
    *("input_dim", "input_length", "weights"),
)
_OF_KERAS = ("build", "call")  # whose arguments have the batch axis, or are no arrays


class InputSpec:
    """What a layer takes: checked where ``self.input_spec`` is set to it.

    Args:
        dtype: not looked at: arrays are cast.
        shape: with the batch axis, None for any length.
        ndim, max_ndim, min_ndim: the number of axes.
        axes: lengths by axis.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
    ) -> None:
        self.dtype, self.shape, self.axes = dtype, shape, dict(axes or {})
        self.ndim = len(shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim

    def check(self, shape: Any, where: str) -> None:
        """Raise ShapeError for another shape."""
        axes = self.axes | dict(enumerate(self.shape or ()))
        wanted = {
            f"{self.ndim} axes": self.ndim in (None, len(shape)),
            f"{self.max_ndim} axes at most": self.max_ndim is None or len(shape) <= self.max_ndim,
            f"{self.min_ndim} axes or more": self.min_ndim is None or len(shape) >= self.min_ndim,
        }
        for text, holds in wanted.items():
            if not holds:
                raise ShapeError(where, f"an input of shape {shape}", text)
        for axis, length in axes.items():
            if length is not None and shape[axis] not in (None, length):
                raise ShapeError(where, f"an input of shape {shape}", f"{length} along axis {axis}")


class _Called(OfFunction, abstract=True):
    """The part of ``Layer`` that minidl reads, whose shapes have no batch axis."""

    supports_masking = False
    input_spec: Any = None
    _announced: list[Any]  # by add_loss, of the call that is traced
    _built_by_script = False

    function = property(lambda self: self.call)

    def __init_subclass__(cls, **options: Any) -> None:
        own = {name: vars(cls)[name] for name in _OF_KERAS if name in vars(cls)} if "apply" not in vars(cls) else {}
        for name in own:
            delattr(cls, name)  # for minidl's base class they would mean something else
        super().__init_subclass__(**options)
        for name, function in own.items():
            setattr(cls, name, function)
        if cls.compute_mask is not _Called.compute_mask:
            cls.makes_mask = True

    def ensure_built(self, input_shape: Any) -> None:
        """Let the script's ``build`` make the weights, once."""
        if self.input_shape is not None or type(self).apply is not OfFunction.apply:  # with apply it is one of minidl's
            return super().ensure_built(input_shape)
        for spec, shape in zip(_listed(self.input_spec), _listed(_with_batch(input_shape))):
            spec.check(shape, self.label)
        draw_seed()
        return _Once.build(self, input_shape)  # type: ignore[arg-type]

    def output_shape(self, input_shape: Any) -> Any:
        """What ``call`` gives for samples of this shape; before there are weights, what the script says."""
        input_shape = self.own(input_shape)
        said = self._said_shape(input_shape)
        if self.input_shape is None and not self._built_by_script:
            return input_shape if said is None else said
        shape = super().output_shape(input_shape)
        if said is not None and not _agree(said, shape):
            received = f"compute_output_shape that says {_with_batch(said)}"
            raise ShapeError(self.label, received, f"{_with_batch(shape)}, which call gives for {_with_batch(input_shape)}")
        return shape

    def _announcements(self) -> list[Any]:
        taken, self._announced = self._announced, []
        return taken

    def _said_shape(self, input_shape: Any) -> Any:
        """What a ``compute_output_shape`` of the script says, without the batch axis; None where there is none."""
        cls = type(self)
        for name in ("compute_output_shape", "get_output_shape_for"):
            if getattr(cls, name) is not getattr(Face, name):
                said = getattr(self, name)(_with_batch(input_shape))
                if said and isinstance(said[0], (tuple, list)):
                    return tuple(tuple(one[1:]) for one in said)
                return tuple(said[1:])
        return None

    def _own(self) -> list[Parameter]:
        return list(self._made)  # also those that the script keeps in a list

    def output_mask(self, x: Any, mask: Any) -> Any:
        """What ``compute_mask`` says."""
        x, mask = self.own_of_pass(x, mask)
        found = self.compute_mask(list(x) if isinstance(x, tuple) else x, mask)
        return None if found is None else get_value(found)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The same mask. Raises ArgumentTypeError for one that the layer does not support."""
        if mask is not None and not self.supports_masking:
            fix = "self.supports_masking = True in __init__"
            raise ArgumentTypeError(self.label, "masked steps", "a layer that supports masking", fix)
        return mask


class _Kind(type):
    """The class of ``Layer``: of which every layer of minidl is an instance too."""

    def __instancecheck__(cls, thing: Any) -> bool:
        return super().__instancecheck__(thing) or (cls is Layer and isinstance(thing, TodaysLayer))

    def __subclasscheck__(cls, other: type) -> bool:
        return super().__subclasscheck__(other) or (cls is Layer and issubclass(other, TodaysLayer))


class Layer(Face, _Called, abstract=True, metaclass=_Kind):
    """Base of layers that a script writes with ``call``; with ``apply`` and ``gradient`` it is that of minidl.

    Args:
        options: what every layer of Keras takes: ``name``, ``input_shape``, ``trainable`` and the others.

    >>> from minidl.compat.keras import backend as K
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.a = self.add_weight(name="a", shape=input_shape[1:], initializer="ones")
    ...     def call(self, x):
    ...         return K.square(x) * self.a
    >>> import numpy as np
    >>> Scale()(np.array([[1.0, 3.0]])).tolist()
    [[1.0, 9.0]]
    """

    def __init__(self, **options: Any) -> None:
        where = type(self).__name__
        for name in options:
            if name not in _OPTIONS:
                meant = closest(name, _OPTIONS)
                raise ArgumentTypeError(where, f"the argument {name!r}", ", ".join(_OPTIONS), meant=meant)
        shape, batch_size = options.get("input_shape"), options.get("batch_size")
        if options.get("batch_input_shape") is not None:
            batch_size, *rest = options["batch_input_shape"]
            shape = tuple(rest)
        elif shape is None and options.get("input_dim") is not None:
            length = options.get("input_length")
            shape = (options["input_dim"],) if length is None else (length, options["input_dim"])
        dtype = options.get("dtype") or options.get("input_dtype")
        self.arguments, self._tapes, self._announced = {}, {}, []
        super().__init__(
            name=options.get("name") or next_name(where),
            trainable=bool(options.get("trainable", True)),
            dtype=dtype if dtype in ("float32", "float64") else None,
            input_shape=None if shape is None else tuple(shape),
        )
        self.starts_with, self.batch_size_2_1 = options.get("weights"), batch_size

    def call(self, inputs: Any) -> Any:
        """The inputs as they are."""
        return inputs

    def add_weight(self, *positional: Any, **keywords: Any) -> Parameter:
        """A weight: ``add_weight(name, shape, ...)``, or in the order of Keras 1 ``add_weight(shape, initializer, name)``.

        Raises ArgumentTypeError for arguments that it does not have, and for a weight without a shape.
        """
        order: tuple[str, ...] = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
        if positional and isinstance(positional[0], (tuple, list)):
            order = ("shape", "initializer", "name", "trainable", "regularizer", "constraint")
        given = dict(zip(order, positional)) | keywords
        unknown = [name for name in given if name not in (*order, "dtype")]
        if unknown or given.get("shape") is None or len(positional) > len(order):
            received = f"the argument {unknown[0]!r}" if unknown else "no shape"
            raise ArgumentTypeError(f"{self.label}: add_weight", received, ", ".join(order), meant=closest(str(unknown), order))
        return self.new_parameter(
            given.get("name") or f"weight_{len(self._made) + 1}",
            tuple(int(n) for n in given["shape"]),
            values.initializer(given.get("initializer") or "glorot_uniform"),
            given.get("trainable", True) is not False,
            regularizer=values.regularizer(given.get("regularizer")),
            constraint=values.constraint(given.get("constraint")),
        )

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """In ``call``: a number, or a list of them, that is added to the loss. Raises ArgumentTypeError for any other value."""
        for value in losses if isinstance(losses, (list, tuple)) else [losses]:
            if not isinstance(value, Traced):
                expected = "what call computes of its inputs"
                raise ArgumentTypeError(f"{self.label}: add_loss", described(value), expected, "a loss function of the model")
            self._announced.append(K.sum(value) if value.ndim else value)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Refused."""
        fix = "BatchNormalization, or a layer of minidl's with state: context.update(state, value)"
        raise ArgumentTypeError(f"{self.label}: add_update", "updates", "weights that training alone changes", fix)

    @property
    def built(self) -> bool:
        """Whether it has its weights."""
        return vars(self)["input_shape"] is not None

    @built.setter
    def built(self, value: bool) -> None:
        """Scripts set it at the end of ``build``; the layer knows it by itself."""

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes."""
        return [p for p in self._made if p.trainable]

    @trainable_weights.setter
    def trainable_weights(self, weights: Any) -> None:
        """Scripts for Keras 1 list their weights here. Raises ArgumentTypeError for others than ``add_weight`` gave."""
        for weight in weights:
            if not any(weight is p for p in self._made):
                fix = "self.W = self.add_weight(name='W', shape=shape, initializer='uniform')"
                raise ArgumentTypeError(f"{self.label}: trainable_weights", described(weight), "weights of add_weight", fix)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return object.__reduce_ex__(self, protocol)


class _Once(OfFunction, abstract=True):
    """Holds the script's ``build`` as minidl's base class wraps every one: shape checked, once, and remembered."""

    def build(self, input_shape: Any) -> None:
        """Call the script's."""
        vars(self)["_built_by_script"] = True  # from here on its weights are there to be read
        type(self).build(self, _with_batch(input_shape))


def _with_batch(shape: Any) -> Any:
    return [(None, *one) for one in shape] if is_several(shape) else (None, *shape)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _agree(said: Any, found: Any) -> bool:
    """Whether two shapes are equal where both are known."""
    if is_several(said) != is_several(found) or len(said) != len(found):
        return False
    if is_several(said):
        return all(_agree(a, b) for a, b in zip(said, found))
    return all(a is None or b is None or a == b for a, b in zip(said, found))
