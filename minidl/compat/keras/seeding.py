"""Where minidl's seed comes from in an old script: ``np.random``, whose seed the script sets, and ``tf.set_random_seed``."""

from __future__ import annotations

import numpy as np

from minidl.backend.random import set_seed

_at_start = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002  (the state that scripts seed, here and below)
_of_graph = 0


def draw_seed() -> None:
    """Let what is made next start from a number drawn from ``np.random``, as Keras 2.1 did for every initial weight."""
    set_seed(int(np.random.randint(2**31 - 1)) ^ _of_graph)  # noqa: NPY002


def set_graph_seed(seed: int) -> None:
    """What is drawn depends on this number too; it seeds ``np.random`` where nobody has seeded it or drawn from it yet.

    So a script that calls ``tf.set_random_seed`` alone gives the same results each time.
    """
    global _of_graph
    _of_graph = int(seed) % 2**31
    if (np.random.get_state()[1] == _at_start).all():  # type: ignore[index]  # noqa: NPY002
        np.random.seed(_of_graph)  # noqa: NPY002
