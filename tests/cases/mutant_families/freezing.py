"""Faults in what ``trainable=False`` means for layers within others."""

from __future__ import annotations

from tests.cases.mutant import mutant

TESTS = "tests/layers/test_freezing.py::"
OWN = TESTS + "test_a_frozen_layer_of_ones_own_freezes_what_it_makes"

mutant("frozen from the start, not what is within", "layers/_protocol.py",
       TESTS + "test_what_is_within_is_frozen_too[rnn]",
       "            self.trainable = False\n", "            pass\n")  # fmt: skip
mutant("frozen before the constructor of a subclass has ended", "layers/_protocol.py", OWN + "[Within]",
       "type(self).__init__ is checked and", "type(self).__init__ is not checked and")  # fmt: skip
mutant("what a frozen layer makes when it is built is trained", "layers/base.py", OWN + "[Twice]",
       "set(self.sublayers()).difference(before)", "()")  # fmt: skip
mutant("what a frozen layer makes itself is trained when it comes from a file", "layers/base.py", OWN + "[Twice]",
       "set(layer.sublayers()) - given", "()")  # fmt: skip
mutant(
    "a frozen layer from a file freezes what was thawed within",
    "layers/base.py",
    TESTS + "test_files_and_clones_keep_what_was_thawed[rnn-within]",
    '{**config, "trainable": True} if frozen else config',
    "config",
)
mutant(
    "a frozen layer from a file is not frozen itself",
    "layers/base.py",
    TESTS + "test_files_and_clones_keep_what_was_thawed[rnn-nothing]",
    "            layer._trainable = False\n",
    "            pass\n",
)
