"""Faults in padding, cropping, upsampling, pools of other ranks and layers of steps."""

from tests.cases.mutant import gradient, kernel, mutant, naive

SHAPES, PEERS = "tests/layers/test_shapes_of_layers.py::", "tests/peers/"
BILINEAR = gradient("up_sampling2d_bilinear")

mutant(
    "zeros in front where they belong behind",
    "ops/padding.py",
    naive("padding.zero_pad"),
    "y[:, *(slice(a, a + n) for n, (a, _) in zip(spatial, pads))] = x",
    "y[:, *(slice(b, b + n) for n, (_, b) in zip(spatial, pads))] = x",
)
mutant("a crop one position too long", "ops/padding.py", naive("padding.crop"), "slice(a, n - b)", "slice(a, n - max(b, 1))")
mutant(
    "a padding's gradient from its beginning",
    "layers/padding.py",
    gradient("zero_padding2d_pairs"),
    "return self.from_last(crop(self.to_last(dy), self.pads)) if need_dx else None",
    "return self.from_last(crop(self.to_last(dy), tuple((0, a + b) for a, b in self.pads))) if need_dx else None",
)
mutant(
    "a symmetric padding of the axes in the wrong order",
    "layers/padding.py",
    SHAPES + "test_the_volumes_of_the_lecture",
    "return tuple(pair(item) for item in items)",
    "return tuple(pair(item) for item in items[::-1])",
)
mutant(
    "added steps that count",
    "layers/padding.py",
    SHAPES + "test_masks_move_with_the_steps",
    "return None if mask is None else zero_pad(mask[..., None], self.pads)[..., 0]",
    "return None if mask is None else ~zero_pad(~mask[..., None], self.pads)[..., 0]",
)
mutant(
    "copies side by side instead of each position repeated",
    "ops/upsampling.py",
    naive("upsampling.nearest"),
    "for part in (length, 1))",
    "for part in (1, length))",
    "for part in pair)",
    "for part in pair[::-1])",
)
mutant(
    "the gradient of one copy alone",
    "ops/upsampling.py",
    gradient("up_sampling3d_axes"),
    "return copies.sum(axis=tuple(range(2, 2 * len(size) + 1, 2)))",
    "return copies.max(axis=tuple(range(2, 2 * len(size) + 1, 2)))",
)
mutant(
    "corners aligned instead of half-pixel centres",
    "ops/upsampling.py",
    naive("upsampling.linear"),
    "(2 * r + 1 - s) / (2 * s) - j",
    "r / s if j == 0 else (r - s) / s + 1",
)
mutant(
    "the two weights of a line exchanged",
    "ops/upsampling.py",
    naive("upsampling.linear"),
    "part = (1 - f) * part + f * wide",
    "part = f * part + (1 - f) * wide",
)
mutant(
    "what goes back past the border is lost",
    "ops/upsampling.py",
    BILINEAR,
    "    dx[_along(axis, n - 1, n)] += wide[_along(axis, n + 1, n + 2)]\n",
    "",
)
mutant(
    "a repeated vector's gradient is a mean",
    "layers/repeat_vector.py",
    gradient("repeat_vector"),
    "dy.sum(axis=1)",
    "dy.mean(axis=1)",
)
mutant(
    "axes permuted forwards once more on the way back",
    "layers/permute.py",
    gradient("permute_cycle"),
    "back = (self.dims.index(axis) + 1 for axis in range(1, len(self.dims) + 1))",
    "back = self.dims",
)
mutant(
    "a step that is left out for one of its features",
    "layers/masking.py",
    SHAPES + "test_masking_says_which_steps_count",
    ".any(axis=",
    ".all(axis=",
)
mutant(
    "a mask that lets steps count again",
    "layers/masking.py",
    SHAPES + "test_masking_says_which_steps_count",
    "return counts if mask is None else counts & mask",
    "return counts",
)
mutant(
    "steps that do not count in the layer's statistics",
    "layers/time_distributed.py",
    PEERS + "test_steps.py::test_steps_that_do_not_count_are_in_no_statistics",
    "context.mask = _of_samples(x, mask)",
    "context.mask = None",
)
mutant(
    "a layer's mask that leaves TimeDistributed",
    "layers/time_distributed.py",
    SHAPES + "test_a_layer_within_is_told_which_of_its_samples_count",
    "            context.mask = mask\n",
    "            pass\n",
)
mutant(
    "channels dropped for the whole batch",
    "layers/dropout.py",
    PEERS + "test_steps.py::test_whole_channels_are_dropped",
    "return (shape[0], *shared, shape[-1])",
    "return (1, *shared, shape[-1])",
)
mutant(
    "global pools whose masks are of the last spatial axis",
    "layers/global_pooling.py",
    PEERS + "test_pooling_by_rank.py::test_global_pools_leave_masked_steps_out",
    "mask.repeat(rows.shape[1] // max(mask.shape[1], 1), axis=1)[..., None]",
    "mask[:, None].repeat(rows.shape[1] // max(mask.shape[1], 1), axis=1).reshape(len(mask), -1)[..., None]",
)
mutant(
    "kernel: height and width of a pool over volumes exchanged",
    "kernels/numba/pooling.py",
    kernel("pooling.average_pool"),
    "return (1,) * (2 - len(middle)) + tuple(middle)",
    "return (1,) * (2 - len(middle)) + tuple(middle)[::-1]",
)
mutant(
    "a softmax of every step taken twice",
    "layers/time_distributed.py",
    SHAPES + "test_a_softmax_of_every_step_is_merged_with_its_loss",
    "other.layer = self._inner.without_activation()",
    "other.layer = self._inner",
)
