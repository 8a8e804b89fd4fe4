"""Where minidl's seed comes from in an old script: ``np.random``, whose seed the script sets."""

from __future__ import annotations

import numpy as np

from minidl.backend.random import set_seed


def draw_seed() -> None:
    """Let what is made next start from a number drawn from ``np.random``, as Keras 2.1 did for every initial weight."""
    set_seed(int(np.random.randint(2**31 - 1)))  # noqa: NPY002  (the state that scripts seed)
