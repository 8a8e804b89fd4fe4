"""Vectors for ids; the mathematics stands in ``minidl/ops/embedding.py``."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl import constraints, initializers, regularizers
from minidl.backend.tape import refuse
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentTypeError, DataError
from minidl.layers.activity import penalty, penalty_grad
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.embedding import embed


class Embedding(Layer):
    """y = W[id], a vector for each id: (batch, ...) integers -> (batch, ..., output_dim).

    dW[r] is the sum of dy over all places where the id is r; ids have no gradient.

    Args:
        input_dim: number of ids, 0 to input_dim - 1: the rows of W (input_dim, output_dim).
        output_dim: length of the vectors.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of W, as for ``Dense``.
        mask_zero: the id 0 stands for padding: later layers and the loss leave such steps out. Row 0 is then never used.

    Raises DataError, naming value and place, for ids outside the table before anything is computed with them.
    Source: Bengio et al. 2003.

    >>> layer = Embedding(1000, 64)
    >>> layer.build((12,)); layer.output_shape((12,)), layer.count_params()
    ((12, 64), 64000)
    """

    replays = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        activity_regularizer: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.input_dim = check_integer("Embedding", "input_dim", input_dim)
        self.output_dim = check_integer("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer, "Embedding: embeddings_initializer")
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer, "Embedding: embeddings_regularizer")
        self.embeddings_constraint = constraints.get(embeddings_constraint, "Embedding: embeddings_constraint")
        self.activity_regularizer = regularizers.get(activity_regularizer, "Embedding: activity_regularizer")
        self.mask_zero = self.makes_mask = check_flag("Embedding", "mask_zero", mask_zero)

    def build(self, input_shape: Shape) -> None:
        """Make W (input_dim, output_dim)."""
        shape = (self.input_dim, self.output_dim)
        self.W = self.new_parameter("W", shape, self.embeddings_initializer, **self.terms("embeddings"))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(...) -> (..., output_dim)."""
        return (*input_shape, self.output_dim)

    @property
    def input_dtype(self) -> str:
        """Ids are integers."""
        return "int64"

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """Raise DataError unless every id of a host array has a row in W."""
        if x.size and (x.min() < 0 or x.max() >= self.input_dim):
            at = tuple(int(i) for i in np.argwhere((x < 0) | (x >= self.input_dim))[0])
            received = f"id {x[at]} at index {at if len(at) > 1 else at[0]}"
            fix = f"input_dim={int(x.max()) + 1} or more, or other ids" if x.min() >= 0 else "ids that begin with 0"
            raise DataError(where, received, f"0 to {self.input_dim - 1}, the rows of {self.label}", fix)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the ids."""
        if x.dtype.kind not in "iu":
            received, fix = f"numbers of type {x.dtype}", "nothing but Flatten and Reshape between the input and this layer"
            raise ArgumentTypeError(self.label, received, "ids, which are integers", fix)
        y = embed(x, self.W.value)
        if self.activity_regularizer is not None:
            context.penalize(penalty(self, y))
        penalized = self.activity_regularizer is not None and context.penalties
        return y, ((x, y if penalized else None) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """None: ids have no gradient."""
        ids, y = saved
        if y is not None and self.activity_regularizer is not None:
            dy = dy + penalty_grad(self, y)
        self.W.accumulate_rows(ids, dy)
        return None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """Where the id is not 0, with ``mask_zero``."""
        if not self.mask_zero:
            return mask
        refuse(f"{self.label} makes a mask")
        return x != 0
