"""Less memory for more time: a block's intermediate results are computed again when the gradient needs them."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.errors import ArgumentTypeError, described
from minidl.layers.base import Layer, LayerOptions, run
from minidl.layers.context import INFERENCE, Context


class Recompute(Layer):
    """y = block(x); between the forward and the backward pass only x is kept, and ``gradient`` runs the block once more.

    A training step then takes about a third longer. The numbers are the same to the last bit, dropout and batch
    normalisation inside the block included: the second run is of the same pass, with the same random numbers.

    Args:
        block: a layer or a model.

    Source: Chen et al. 2016 (sublinear memory).

    >>> from minidl.layers import Dense
    >>> from minidl.models import Sequential
    >>> block = Sequential([Dense(64, activation="relu"), Dense(64, activation="relu")])
    >>> model = Sequential([Dense(64, input_shape=(8,)), Recompute(block), Dense(1)])
    >>> model.count_params()
    8961
    """

    sets_mask = True

    def __init__(self, block: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(getattr(block, "network", block), Layer):
            raise ArgumentTypeError("Recompute", described(block), "a layer or a model", "Recompute(Sequential([...]))")
        self.block = block

    @property
    def _layer(self) -> Layer:
        return getattr(self.block, "network", self.block)

    def build(self, input_shape: Any) -> None:
        """Build the block."""
        self._layer.ensure_built(input_shape)

    def output_shape(self, input_shape: Any) -> Any:
        """The block's."""
        return self._layer.output_shape(input_shape)

    @property
    def declared_batch_size(self) -> int | None:  # type: ignore[override]
        """That of a model within."""
        return self._layer.declared_batch_size

    @property
    def takes_many(self) -> bool:  # type: ignore[override]
        """As the block does."""
        return self._layer.takes_many

    @property
    def input_dtype(self) -> Any:
        """The block's."""
        return self._layer.input_dtype

    @property
    def taken_dtype(self) -> Any:
        """The block's."""
        return self._layer.taken_dtype

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """As the block does."""
        self._layer.check_input(x, where, *((index,) if self.takes_many else ()))

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x, and what makes the same pass again."""
        context = context.own()
        keep, again = context.keep, context.again()
        for state in self._layer.carried() if keep else ():  # by then they may be those of the next batch
            value = context.value(state)
            again.update(state, None if value is None else value.copy())
        context.keep = False
        try:
            y, _ = run(self._layer, x, context)
        finally:
            context.keep = keep
        return y, ((x, again) if keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        x, again = saved
        _, of_block = self._layer.apply(x, again.again())
        return self._layer.gradient(dy, of_block, need_dx)
