"""Batch normalisation; the mathematics stands in ``minidl/ops/normalization.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.backend import array_namespace
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, NumericWarning, ShapeError, warn
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.activation import relu_grad
from minidl.ops.normalization import masked_moments, masked_normalize_grad, moments, moved, normalize, normalize_grad


class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per channel.

    In training mean and variance are the batch's, and after each whole step the running ones follow them:
    running = momentum running + (1 - momentum) of the batch. In inference, and where the layer is frozen
    (``trainable = False``), the running ones are used. Time steps that a mask leaves out are normalized like the others and
    are in no mean or variance.

    Args:
        axis: the channel axis, counted with the batch axis (-1: last; 1 for channels_first).
        momentum: 0 <= momentum < 1, of the running statistics.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.

    Weights in Keras's order: gamma, beta, moving_mean, moving_variance, each (channels,).
    Source: Ioffe and Szegedy 2015; Lecture 2020.

    >>> layer = BatchNormalization()
    >>> layer.build((32, 32, 16)); [p.name for p in layer.weights]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    replays = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = "BatchNormalization"
        if isinstance(axis, bool) or not hasattr(axis, "__index__"):
            raise ArgumentTypeError(where, f"axis={axis!r}", "an integer")
        self.axis = axis
        self.momentum = check_number(where, "momentum", momentum, 0, 1)
        self.epsilon = check_number(where, "epsilon", epsilon, 0)
        if not self.epsilon:
            raise ArgumentError(where, "epsilon=0", "a positive number, so that a constant channel can be divided by it")
        self.center, self.scale = check_flag(where, "center", center), check_flag(where, "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, f"{where}: beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, f"{where}: gamma_initializer")
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, f"{where}: moving_mean_initializer")
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, f"{where}: moving_variance_initializer"
        )
        self.beta_regularizer = regularizers.get(beta_regularizer, f"{where}: beta_regularizer")
        self.gamma_regularizer = regularizers.get(gamma_regularizer, f"{where}: gamma_regularizer")
        self.beta_constraint = constraints.get(beta_constraint, f"{where}: beta_constraint")
        self.gamma_constraint = constraints.get(gamma_constraint, f"{where}: gamma_constraint")

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the running statistics."""
        channels = (input_shape[self._sample_axis(input_shape)],)
        of_gamma, of_beta = self.terms("gamma"), self.terms("beta")
        self.gamma = self.new_parameter("gamma", channels, self.gamma_initializer, **of_gamma) if self.scale else None
        self.beta = self.new_parameter("beta", channels, self.beta_initializer, **of_beta) if self.center else None
        self.moving_mean = self.new_state("moving_mean", channels, self.moving_mean_initializer)
        self.moving_variance = self.new_state("moving_variance", channels, self.moving_variance_initializer)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        axis = self._sample_axis(input_shape)
        if self.input_shape is not None and input_shape[axis] != self.moving_mean.size:
            received = f"samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, f"{self.moving_mean.size} channels on axis {self.axis}")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x and the statistics used."""
        return self.normalized(x, context, "linear")

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; see the op."""
        return self.normalized_grad(dy, saved, need_dx, "linear")

    def normalized(self, x: Any, context: Context, activation: str) -> tuple[Any, Any]:
        """``apply``, with a ReLU behind it where ``activation`` says so."""
        of_batch = context.training and self.trainable and x.size > 0
        counts = self._counts(x, context.mask) if of_batch and context.mask is not None else None
        x = self._channels_last(x)
        if counts is not None:
            mean, variance = masked_moments(x, counts)
        else:
            mean, variance = moments(x) if of_batch else (self.moving_mean.value, self.moving_variance.value)
        if of_batch and x.size == x.shape[-1]:
            message = f"{self.label}: one number per channel in this batch: its variance is 0 and the result is beta."
            warn(message, NumericWarning)
        if of_batch:
            for running, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                context.update(running, moved(context.value(running), new, self.momentum))
        gamma, beta = (p.value if p is not None else None for p in (self.gamma, self.beta))
        y = normalize(x, mean, variance, gamma, beta, self.epsilon, activation)
        return self._channels_back(y), ((x, mean, variance, of_batch, counts) if context.keep else None)

    def normalized_grad(self, dy: Any, saved: Any, need_dx: bool, activation: str) -> Any:
        """``gradient`` of ``normalized``."""
        x, mean, variance, of_batch, counts = saved
        gamma, beta = (p.value if p is not None else None for p in (self.gamma, self.beta))
        dy = self._channels_last(dy)
        if counts is None:
            dx, dgamma, dbeta = normalize_grad(dy, x, mean, variance, gamma, self.epsilon, of_batch, beta, activation)
        else:
            if activation == "relu":
                dy = relu_grad(dy, normalize(x, mean, variance, gamma, beta, self.epsilon))
            dx, dgamma, dbeta = masked_normalize_grad(dy, x, mean, variance, gamma, self.epsilon, counts)
        if self.gamma is not None:
            self.gamma.add_grad(dgamma)
        if self.beta is not None:
            self.beta.add_grad(dbeta)
        return self._channels_back(dx) if need_dx else None

    def as_scale_and_shift(self) -> tuple[Any, Any]:
        """y = scale x + shift in inference: scale = gamma / sqrt(variance + epsilon), shift = beta - mean scale, in double."""
        mean, variance = (state.value.astype("float64") for state in (self.moving_mean, self.moving_variance))
        scale = 1 / array_namespace(mean).sqrt(variance + self.epsilon)
        if self.gamma is not None:
            scale = self.gamma.value * scale
        return scale, -mean * scale if self.beta is None else self.beta.value - mean * scale

    def absorb(self, follower: Layer) -> Layer | None:
        """A layer that takes the ReLU behind this one in the same pass."""
        if not (is_unchanged(self) and isinstance(follower, Activation) and is_unchanged(follower)):
            return None
        return NormalizationAndRelu(self) if follower.in_sums == "relu" else None

    def _counts(self, x: Any, mask: Any) -> Any:
        """The mask (batch, time) of x, for each number of x with the channels last."""
        xp = array_namespace(x)
        return self._channels_last(xp.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x.shape) != 0)

    def _sample_axis(self, input_shape: Shape) -> int:
        """The channel axis counted without the batch axis."""
        rank = len(input_shape) + 1
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not 1 <= axis < rank:
            received = f"axis={self.axis} for samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, f"1 <= axis < {rank}, or negative (0 is the batch)")
        return axis - 1

    def _channels_last(self, x: Any) -> Any:
        axis = self._sample_axis(x.shape[1:]) + 1
        order = [a for a in range(x.ndim) if a != axis]
        return x if axis == x.ndim - 1 else x.transpose(*order, axis)

    def _channels_back(self, y: Any) -> Any:
        axis = self._sample_axis(y.shape[1:]) + 1
        order = list(range(y.ndim - 1))
        order.insert(axis, y.ndim - 1)
        return y if axis == y.ndim - 1 else y.transpose(*order)


class NormalizationAndRelu(Layer, abstract=True):
    """relu(batch normalization of x) for a plan: y is written once, and the gradient goes through both in one pass.

    The layer itself stands within it, so that freezing it later is seen.
    """

    replays = True

    def __init__(self, normalization: BatchNormalization) -> None:
        super().__init__(name=normalization.given_name, dtype=normalization.dtype)
        self.number, self.input_shape = normalization.number, normalization.input_shape
        self.normalization = normalization

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        return self.normalization.output_shape(input_shape)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x and the statistics used."""
        return self.normalization.normalized(x, context, "relu")

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; whether y was above zero is worked out again from x."""
        return self.normalization.normalized_grad(dy, saved, need_dx, "relu")
