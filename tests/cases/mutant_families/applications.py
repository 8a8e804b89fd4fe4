"""Faults in networks people know by name, in Boltzmann machines, in weights by name and in the sampler of ids."""

from tests.cases.mutant import mutant

NETWORKS, RBM = "tests/applications/test_applications.py::", "tests/boltzmann/test_rbm.py::"
BELIEF, WEIGHTS, IDS = "tests/boltzmann/test_belief.py::", "tests/models/test_weights.py::", "tests/utils/test_sampling.py::"

mutant(
    "ResNet for CIFAR: the stride of a stage is that of its second convolution", "applications/resnet_cifar.py",
    "tests/peers/test_applications.py::test_residual_block",
    'h = _convolution(x, filters, 3, strides, f"{name}_1")', 'h = _convolution(x, filters, 3, 1, f"{name}_1")',
    'h = _convolution(h, filters, 3, 1, f"{name}_2")', 'h = _convolution(h, filters, 3, strides, f"{name}_2")',
)  # fmt: skip
mutant(
    "ResNet for CIFAR: a shortcut that jumps over one convolution only", "applications/resnet_cifar.py",
    "tests/peers/test_applications.py::test_residual_block",
    "shortcut = x if strides == 1 else", "shortcut = h if strides == 1 else",
)  # fmt: skip
mutant(
    "ResNet-50: every block has a projection", "applications/resnet50.py", NETWORKS + "test_resnet50",
    "strides, block == 1, use_bias", "strides, True, use_bias",
)  # fmt: skip
mutant(
    "pooling is ignored beside the top", "applications/_parts.py", NETWORKS + "test_arguments_that_make_no_sense",
    "        if pooling is not None:\n            received", "        if False:\n            received",
)  # fmt: skip
mutant(
    "VGG-16: a fourth block of two convolutions", "applications/vgg.py", NETWORKS + "test_vgg16",
    "(3, 256), (3, 512), (3, 512))", "(3, 256), (2, 512), (3, 512))",
)  # fmt: skip
mutant(
    "RBM: the sign of the contrast", "ops/boltzmann.py", RBM + "test_contrast_of_plain_loops",
    "return dW, v_model.mean(axis=0) - v.mean(axis=0)", "return dW, v.mean(axis=0) - v_model.mean(axis=0)",
)  # fmt: skip
mutant(
    "RBM: Gaussian energy without the half", "ops/boltzmann.py", RBM + "test_energy_and_free_energy",
    "square(v - b).sum(axis=-1) / 2", "square(v - b).sum(axis=-1)",
)  # fmt: skip
mutant(
    "RBM: the partition function of Gaussian units without their volume", "ops/boltzmann.py",
    RBM + "test_the_partition_function_of_gaussian_units_is_an_integral",
    " + len(b) * _HALF_LOG_2_PI", "",
)  # fmt: skip
mutant(
    "RBM: each Gibbs step draws the same numbers", "boltzmann/rbm.py", RBM + "test_a_step_by_hand",
    "self.step, self.call - 1, SAMPLE)", "self.step, 0, SAMPLE)",
)  # fmt: skip
mutant(
    "RBM: persistent chains begin at the data each time", "boltzmann/rbm.py", RBM + "test_a_step_by_hand",
    "if self.chains is None or len", "if True or len",
)  # fmt: skip
mutant(
    "RBM: biases decay", "boltzmann/rbm.py", RBM + "test_a_step_by_hand",
    "self.b.weight_decay = self.c.weight_decay = False", "self.b.weight_decay = False",
)  # fmt: skip
mutant(
    "belief network: the perceptron takes the visible biases", "boltzmann/belief.py",
    BELIEF + "test_as_a_perceptron_it_has_the_same_features",
    "W, _, c = machine.get_weights()\n            layer.set_weights([W, c])",
    "W, _, c = machine.get_weights()\n            layer.set_weights([W, 0 * c])",
)  # fmt: skip
mutant(
    "weights by name: a name that two arrays have", "models/weights.py", WEIGHTS + "test_names_that_are_not_those_of_one_layer",
    "if count > 1]", "if count > 2]",
)  # fmt: skip
mutant(
    "weights by name: other shapes pass", "models/weights.py",
    WEIGHTS + "test_another_shape_is_an_error_unless_it_may_be_skipped",
    "if is_shape and strict and not skip_mismatch]", "if is_shape and strict and not skip_mismatch and not by_name]",
)  # fmt: skip
mutant(
    "ids: top_p takes one id more where the sum is met", "utils/sampling.py", IDS + "test_frequencies",
    "p[np.cumsum(p, axis=1) - p >= top_p] = 0", "p[np.cumsum(p, axis=1) - p > top_p] = 0",
)  # fmt: skip
mutant(
    "ids: the temperature multiplies", "utils/sampling.py", IDS + "test_frequencies",
    "p[:, :1]) / temperature)", "p[:, :1]) * temperature)",
)  # fmt: skip
