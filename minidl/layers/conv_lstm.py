"""LSTMs whose products are convolutions: the states are images. For videos, and whatever else moves in space.

With * for the convolution of ``minidl/ops/convolution.py`` and the gates side by side on the channels, in Keras's order:

    [i f g o] = x_t * W + b + h_{t-1} * U        i, f, o through s,  g through a
    c_t = f c_{t-1} + i g        h_t = o a(c_t)  as in any LSTM (``minidl/ops/recurrent.py``), at each place of the image

The strides, padding and dilation are those of x * W, which is one convolution for all times. h * U keeps the size of h
("same", strides and dilation 1). So, with dz_t of the LSTM's step,

    dh_{t-1} = U^T(dz_t)      dU = sum_t h_{t-1} (x) dz_t      dW = sum_t x_t (x) dz_t      dx_t = W^T(dz_t)

where U^T(.) and (x) stand for ``convolve_grad_x`` and ``convolve_grad_W``; the last three are again for all times at once.

With dropout each gate sees an x and an h of its own. These stand side by side too, [x m_i, x m_f, x m_g, x m_o], and meet the
filters of their gates in one convolution of four groups.

Shapes: x (n, T, *spatial, c), W (*size, c, 4 f), U (*size, f, 4 f), b (4 f,), h and c (n, *out, f), z and dz (n, *out, 4 f).
Source: Shi et al. 2015, without the weights from the cell to the gates, as in Keras.
"""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.checks import check_integer
from minidl.errors import ShapeError
from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._images import ImageLayer
from minidl.layers.context import Context
from minidl.layers.lstm import LSTMKind
from minidl.layers.recurrent import Recurrent, RecurrentOptions, over_time, over_time_gradient
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x
from minidl.ops.linear import bias_grad
from minidl.ops.recurrent import lstm_step, lstm_step_grad, parts, side_by_side


class ConvLSTMOptions(RecurrentOptions, total=False):
    """The arguments that these layers take by keyword."""

    unroll: bool


class ConvLSTM(LSTMKind, Recurrent, ImageLayer, abstract=True):
    """An LSTM over ``rank`` spatial axes; see ``ConvLSTM2D``."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **options: Unpack[ConvLSTMOptions],
    ) -> None:
        arguments = locals()
        # The data format goes on to ImageLayer, the last of the bases.
        super().__init__(  # type: ignore[call-arg]
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            data_format=data_format,
            **options,
        )
        where = self._class_name
        self._take(arguments)
        self.units = self.filters = check_integer(where, "filters", filters)
        check_padding(where, padding)
        self.kernel_size = positive_integers(where, "kernel_size", kernel_size, self.rank)
        self.strides = positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.dilation_rate = positive_integers(where, "dilation_rate", dilation_rate, self.rank)
        self.window = Window(self.kernel_size, self.strides, padding, self.dilation_rate)
        self.recurrent_window = Window(self.kernel_size, padding="same")
        self._axes = self.rank + 3  # of x, with batch and time

    def build(self, input_shape: Any) -> None:
        """Make W, W_recurrent and b."""
        self._make_weights(self.split_shape(input_shape[1:])[1])
        self._make_carried()

    # -- shapes --------------------------------------------------------------------------------------------------------

    @property
    def state_size(self) -> tuple[Any, ...]:
        """Shapes of the states of a sample: those of an output image."""
        return self._state_shapes

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        if self.input_shape is None:
            unknown: Any = (None,) * self.rank
            return (self.join_shape(unknown, self.filters),) * self.states
        return self._states_behind(self.input_shape)

    def _states_behind(self, x_shape: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
        return (self._step_shape(x_shape),) * self.states

    def _step_shape(self, x_shape: tuple[Any, ...]) -> tuple[int, ...]:
        image = tuple(x_shape[1:])
        if None in image:
            received, expected = f"samples of shape {tuple(x_shape)}", "images of a known size, as the states are images too"
            raise ShapeError(self.label, received, expected, "None for the number of steps only")
        return self.join_shape(self.spatial_output(image, self.window), self.filters)

    def _expected_axes(self) -> str:
        names = ("width",) if self.rank == 1 else ("height", "width", "depth")[: self.rank]
        order = (*names, "channels") if self.data_format == "channels_last" else ("channels", *names)
        return f"{self.rank + 2} axes (time, {', '.join(order)})"

    # -- the pass ------------------------------------------------------------------------------------------------------

    def _all_times(self, x: Any, states: tuple[Any, ...], mask: Any, context: Context) -> tuple[Any, tuple[Any, ...], Any]:
        x = self._video_to_last(x)
        drop = self._input_masks(x[:, 0], context) if x.shape[1] else None
        images = _at_once(x if drop is None else self._for_gates(x) * drop[:, None])  # (n T, *spatial, c) or (..., 4 c)
        W = self.W.value
        z = convolve(images, W, self.bias, self.window, _groups(images, W))
        h, c = map(self.to_last, states)
        y, last, steps = over_time(self._step, _in_time(z, x), (h, c), mask, context, h.shape[1:])
        kept = (images, drop, steps) if context.keep else None
        return self._video_from_last(y), tuple(map(self.from_last, last)), kept

    def _all_times_gradient(self, dy: Any, dstates: Any, saved: Any, need_dx: bool) -> tuple[Any, tuple[Any, ...]]:
        images, drop, steps = saved
        dy = self._video_to_last(dy)
        dstates = None if dstates is None else tuple(map(self.to_last, dstates))
        seen = [of_step[0] for of_step in steps.of_steps]  # what the loop releases on its way
        dz, dstates = over_time_gradient(self._step_gradient, dy, dstates, steps, (dy.shape[2:],) * self.states)
        W, U, dz = self.W.value, self.W_recurrent.value, _at_once(dz)
        self.W.accumulate(convolve_grad_W, images, dz, self.window, _groups(images, W))
        if seen:
            h = _at_once(backends.array_namespace(dy).stack(seen, axis=1))
            self.W_recurrent.accumulate(convolve_grad_W, h, dz, self.recurrent_window, _groups(h, U))
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        dstates = tuple(map(self.from_last, dstates))
        if not need_dx:
            return None, dstates
        dx = _in_time(convolve_grad_x(dz, W, images.shape[1:-1], self.window, _groups(images, W)), dy)
        return self._video_from_last(dx if drop is None else self._of_gates(dx * drop[:, None])), dstates

    def _step(self, x: Any, context: Context) -> tuple[Any, Any]:
        """(y, h, c) of (z_t, h, c), where z_t is x_t * W + b."""
        z, h, c = x
        U, drop = self.W_recurrent.value, self._state_masks(h, context)
        seen = h if drop is None else self._for_gates(h) * drop
        z = z + convolve(seen, U, None, self.recurrent_window, _groups(seen, U))
        y, c_new, gates, of_curves = lstm_step(z, c, *self._curves())
        return (y, y, c_new), ((seen, drop, c, gates, of_curves) if context.keep else None)

    def _step_gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """(dz_t, dh, dc)."""
        seen, drop, c, gates, of_curves = saved
        dz, dc = lstm_step_grad(dy[0] + dy[1], dy[2], c, gates, of_curves, *self._curves())
        U = self.W_recurrent.value
        dh = convolve_grad_x(dz, U, c.shape[1:-1], self.recurrent_window, _groups(seen, U))
        return dz, (dh if drop is None else self._of_gates(dh * drop)), dc

    # -- dropout -------------------------------------------------------------------------------------------------------

    def _masks_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the gates, side by side on the channels."""
        return (*shape[:-1], self.gates * shape[-1])

    def _for_gates(self, a: Any) -> Any:
        """The same channels once for each gate."""
        return side_by_side(*(a,) * self.gates)

    def _of_gates(self, d: Any) -> Any:
        """The gradient of what was given to each gate."""
        return sum(parts(d, self.gates))

    # -- axes ----------------------------------------------------------------------------------------------------------

    def _video_to_last(self, x: Any) -> Any:
        """x (n, T, ...) with its channels last: a view."""
        return x if self.data_format == "channels_last" else x.transpose(0, 1, *range(3, x.ndim), 2)

    def _video_from_last(self, y: Any) -> Any:
        """y (n, T, ...) in the layer's data format: a view."""
        return y if self.data_format == "channels_last" else y.transpose(0, 1, y.ndim - 1, *range(2, y.ndim - 1))


class ConvLSTM1D(ConvLSTM):
    """As ``ConvLSTM2D`` for rows: (batch, time, width, channels) -> (batch, out width, filters).

    >>> layer = ConvLSTM1D(4, kernel_size=3, padding="same")
    >>> layer.build((7, 12, 2)); layer.output_shape((7, 12, 2)), layer.count_params()
    ((12, 4), 304)
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """An LSTM whose products are convolutions: videos (batch, time, height, width, channels) -> (batch, *out, filters).

    The states and the output are images; with ``return_sequences`` there is one for each step, (batch, time, *out, filters).
    With channels_first the channels stand before the height, in x, the output and the states.

    Args:
        filters: channels of the cell state and the output.
        kernel_size: window of both convolutions, of x_t and of h; one number means a square.
        strides, padding, dilation_rate: of the convolution of x_t, as for ``Conv2D``. That of h keeps its size.
        data_format: ``"channels_last"``, ``"channels_first"``, or None for the one in ``minidl.config``.
        activation, recurrent_activation: of the cell, and of the gates; as for ``LSTM``.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of W (*kernel_size, channels, 4 filters),
            W_recurrent (*kernel_size, filters, 4 filters) and b (4 filters,); the gates in Keras's order input, forget, cell,
            output.
        unit_forget_bias: start the forget gate's bias at 1, so that the cell remembers at first.
        kernel_regularizer ... bias_constraint: penalties on the weights and on y, and what holds for the weights.
        dropout, recurrent_dropout: fraction of the numbers of x_t, and of h, that is dropped in training. A sample's masks are
            the same at all times, and each gate has its own.
        seed: of the dropout; None takes the layer's own stream of ``minidl.set_seed``.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as for ``LSTM``.

    ``layer(x, initial_state=[h, c])`` begins with these states, arrays or symbols. A step that the mask (batch, time) leaves
    out changes no state, and its output is that of the step before. The number of steps may be None until data comes; the size
    of the images may not.

    Raises ArgumentError and ArgumentTypeError for arguments out of range, ShapeError at ``build``.
    Source: Shi et al. 2015; Jozefowicz et al. 2015 (forget bias); Gal and Ghahramani 2016 (dropout).

    >>> layer = ConvLSTM2D(40, kernel_size=3, padding="same", return_sequences=True)
    >>> layer.build((None, 40, 40, 1)); layer.output_shape((15, 40, 40, 1)), layer.count_params()
    ((15, 40, 40, 40), 59200)
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """As ``ConvLSTM2D`` for volumes: (batch, time, height, width, depth, channels) -> (batch, *out, filters).

    >>> layer = ConvLSTM3D(4, kernel_size=(3, 3, 1))
    >>> layer.build((7, 5, 5, 4, 2)); layer.output_shape((7, 5, 5, 4, 2)), layer.count_params()
    ((3, 3, 4, 4), 880)
    """

    rank = 3


def _at_once(a: Any) -> Any:
    """(n, T, ...) as (n T, ...): the images of all times in one batch."""
    return a.reshape(a.shape[0] * a.shape[1], *a.shape[2:])


def _in_time(a: Any, like: Any) -> Any:
    """The inverse of ``_at_once``, with the n and T of ``like``."""
    return a.reshape(*like.shape[:2], *a.shape[1:])


def _groups(x: Any, W: Any) -> int:
    """1, or 4 where each gate has channels of its own."""
    return x.shape[-1] // W.shape[-2]
