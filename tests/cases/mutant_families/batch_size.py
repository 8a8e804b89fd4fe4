"""Faults in models that keep to the batch size that an ``Input`` declares."""

from tests.cases.mutant import mutant

TESTS, BATCHES, BASE, GRAPH = "tests/models/test_batch_size.py::", "models/batches.py", "models/base.py", "layers/graph.py"
REFUSED = TESTS + "test_it_is_refused_before_anything_moves"

mutant(
    "a batch size that refuses only larger batches",
    BATCHES,
    REFUSED + "[test_on_batch-chain]",
    "count != size:",
    "count > size:",
)
mutant(
    "a last batch that may be smaller than the model's",
    BATCHES,
    REFUSED + "[fit-graph]",
    "    if rest and (",
    "    if count < size and (",
)
mutant(
    "steps that go beyond the whole batches",
    BATCHES,
    REFUSED + "[predict: steps beyond the data-chain]",
    "batches is None or batches * size > count",
    "batches is None",
)
mutant(
    "a batch size of the call instead of the model's",
    BATCHES,
    TESTS + "test_another_batch_size_as_argument",
    "if batch_size not in (None, size) and",
    "if False and",
)
mutant(
    "a batch of a stream that nobody counts",
    BATCHES,
    REFUSED + "[fit: Dataset-chain]",
    "        check_batch(where, size, len(piece), f",
    "        check_batch(where, size, size, f",
)
mutant(
    "steps of one batch that nobody counts",
    BASE,
    REFUSED + "[train_on_batch-chain]",
    "        if self.network.declared_batch_size is not None:\n            check_batch(",
    "        if False:\n            check_batch(",
)
mutant(
    "a validation in batches of 32",
    BASE,
    TESTS + "test_batches_have_that_size_where_nobody_says_another",
    "                validation_batch_size = size\n",
    "",
)
mutant(
    "few samples that are predicted uncounted",
    BASE,
    REFUSED + "[predict: few-chain]",
    '                batch_size = size_of_batches("predict", self.network, data, batch_size, steps)',
    "                batch_size = self.network.declared_batch_size",
)
mutant(
    "a call that counts when the data have moved",
    "models/network.py",
    REFUSED + "[model(x)-graph]",
    'check_given("model(x)", self.network, x)',
    'check_given("model(x)", self.network, self.network.validated(x))',
)
mutant(
    "a predictor that counts its first samples only",
    "models/predictor.py",
    TESTS + "test_predictors_keep_to_it",
    "        known = known and self._batch_size is None",
    "        known = known",
)
mutant(
    "a copy of a graph without its batch size",
    GRAPH,
    TESTS + "test_configurations_files_and_copies_keep_it",
    "place.name, place.dtype, place.batch_size)",
    "place.name, place.dtype)",
)
mutant(
    "a graph that does not ask the models within",
    GRAPH,
    TESTS + "test_a_model_within_a_model_keeps_it",
    " + [layer.declared_batch_size for layer in self.layers]",
    "",
)
mutant(
    "a chain that a refused layer gives its batch size",
    "layers/containers.py",
    TESTS + "test_a_layer_that_does_not_fit_leaves_the_chain_as_it_was",
    "self.declared_input_shape, self.declared_batch_size = declared, size",
    "self.declared_input_shape = declared",
)
mutant(
    "results without the batch size of what they are made of",
    "layers/symbol.py",
    TESTS + "test_symbols_carry_it_through_a_graph",
    "(layer.declared_batch_size, *(symbol.batch_size for symbol in inputs))",
    "(layer.declared_batch_size,)",
)
