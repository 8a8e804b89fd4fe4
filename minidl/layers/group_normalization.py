"""Group normalisation; the mathematics stands in ``minidl/ops/group_normalization.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.errors import ArgumentTypeError, ShapeError
from minidl.layers._axes import AtTheEnd, check_axes, known_sizes, refuse_mask, sample_axes
from minidl.layers._scaled import ScaledLayer, ScaledOptions
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.group_normalization import group_normalize, group_normalize_grad


class GroupNormalization(ScaledLayer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each group of channels of each sample.

    It computes the same in training and in inference, with one sample as with many.

    Args:
        groups: into how many groups of neighbouring channels the channels are cut; -1: each channel is one (instance
            normalisation).
        axis: the channel axis, counted with the batch axis (-1: last; 1 for channels_first).
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma, (channels,) each.
        beta_initializer, gamma_initializer and their regularizers and constraints: as for ``BatchNormalization``.

    Weights in Keras's order: gamma, beta. Source: Wu and He 2018.

    >>> layer = GroupNormalization(4)
    >>> layer.build((32, 32, 16)); layer.count_params()
    32
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **options: Unpack[ScaledOptions],
    ) -> None:
        super().__init__(epsilon, center, scale, **options)
        self.groups = -1 if type(groups) is int and groups == -1 else check_integer("GroupNormalization", "groups", groups)
        checked = check_axes("GroupNormalization", axis)
        if isinstance(checked, tuple):
            raise ArgumentTypeError("GroupNormalization", f"axis={axis!r}", "an integer, the channel axis")
        self.axis = checked

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta."""
        self.make_scale((self._channels(input_shape),))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        channels = self._channels(input_shape)
        if self.groups != -1 and channels % self.groups:
            expected = f"a multiple of groups={self.groups}"
            raise ShapeError(self.label, f"{channels} channels", expected, "fewer groups, or groups=-1 for one of each channel")
        if self.input_shape is not None and channels != self._channels(self.input_shape):
            received = f"samples of shape {tuple(input_shape)}"
            expected = f"{self._channels(self.input_shape)} channels on axis {self.axis}"
            raise ShapeError(self.label, received, expected)
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps h, with the channels at the end, and the statistics."""
        (axis,) = sample_axes(self.label, self.axis, x.ndim - 1)
        refuse_mask(self.label, context.mask, x, tuple(a for a in range(x.ndim - 1) if a != axis))
        turn = AtTheEnd(x.shape, (axis,))
        y, h, r = group_normalize(turn.there(x), *self.flat_scale(), self._groups_of(x.shape[axis + 1]), self.epsilon)
        return turn.back(y), ((turn, h, r) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; see the op."""
        turn, h, r = saved
        groups = self._groups_of(h.shape[-1])
        dx, dgamma, dbeta = group_normalize_grad(turn.there(dy), h, r, self.flat_scale()[0], groups)
        self.add_grads(dgamma, dbeta)
        return turn.back(dx) if need_dx else None

    def _groups_of(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def _channels(self, input_shape: Shape) -> int:
        return known_sizes(self.label, input_shape, sample_axes(self.label, self.axis, len(input_shape)))[0]
