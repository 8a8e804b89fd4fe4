"""Faults in what ``trainable=False`` means for layers within others."""

from __future__ import annotations

from tests.cases.mutant import mutant

TESTS = "tests/layers/test_freezing.py::"
FROZEN = "            self.trainable = False  # what is within, too"
WRAPPERS = {"recompute": "recompute", "time_distributed": "time_distributed", "bidirectional": "bidirectional", "rnn": "rnn",
            "stacked": "stacked_cells"}  # fmt: skip

for kind, file in WRAPPERS.items():
    mutant(f"frozen from the start, not what is within: {kind}", f"layers/{file}.py",
           TESTS + f"test_what_is_within_is_frozen_too[{kind}]", FROZEN, "            pass")  # fmt: skip
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
