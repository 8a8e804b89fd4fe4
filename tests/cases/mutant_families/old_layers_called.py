"""Faults of layers that an old script writes itself, of merged models, and of TensorFlow's functions."""

from tests.cases.mutant import mutant

CALLED = "tests/compat/test_layers_called.py::"
STANDINS = "tests/compat/test_standins21.py::"

mutant(
    "losses of a layer of one's own that count and are not differentiated",
    "compat/keras/backend/tracing.py",
    CALLED + "test_several_inputs_and_results_and_a_loss_of_its_own",
    "* len(self.announced) if announced else []",
    "* 0 if announced else []",
)
mutant(
    "losses of a layer of one's own that are differentiated and do not count",
    "compat/keras/traced.py",
    CALLED + "test_several_inputs_and_results_and_a_loss_of_its_own",
    "for node in tape.announced:",
    "for node in []:",
)
mutant(
    "a layer of one's own that hands on the mask it has used",
    "compat/keras/layers/called.py",
    CALLED + "test_masks",
    "found = self.compute_mask(list(x) if isinstance(x, tuple) else x, mask)",
    "found = mask",
)
mutant(
    "a shape that a script says and nobody compares",
    "compat/keras/layers/called.py",
    CALLED + "test_shapes_are_checked",
    "if said is not None and not _agree(said, shape):",
    "if False:",
)
mutant(
    "a weight without the penalty that was asked for",
    "compat/keras/layers/called.py",
    CALLED + "test_it_trains_as_the_layer_of_minidl_does",
    'regularizer=values.regularizer(given.get("regularizer"))',
    "regularizer=None",
)
mutant(
    "a shape without the batch axis, as minidl has it",
    "compat/keras/layers/faces.py",
    CALLED + "test_results_are_known_with_the_batch_axis",
    "return own if _asked_by_minidl() else StaticShape((None, *own))",
    "return own",
)
mutant(
    "an input that two branches share, asked for twice",
    "compat/keras/layers/merge.py",
    "tests/compat/test_layers_merge.py::test_an_input_that_several_branches_begin_with_is_asked_for_once",
    "return tuple(model.inputs) if first is None else sources_of(first)",
    "return tuple(model.inputs)",
)
mutant(
    "reductions of TensorFlow over other axes",
    "compat/tensorflow/mathematics.py",
    STANDINS + "test_mathematics_of_tensorflow_is_that_of_the_backend",
    "reduction_indices if axis is None else axis, bool(keepdims or keep_dims)",
    "axis, bool(keepdims or keep_dims)",
)
