"""Numba's team of threads: started once, with a short wait between kernels; the caller sets how many of them work.

Compiled code finds the number under a name that is made known to LLVM, so that kernels from the cache find it too.
"""

from __future__ import annotations

import ctypes
import os

import llvmlite.binding as llvm
import numba

from minidl import config
from minidl.backend.threads import IN_USE
from minidl.kernels.numba._private import DISABLED, look_for_team

NUMBER = "minidl_threads_in_use"  # the name of IN_USE in compiled code
_SPINS = "20000"  # how long an idle thread of the team waits awake: long enough between kernels, short enough beside BLAS


def layer() -> str:
    """What the team is made with: ``"omp"``, ``"tbb"`` or ``"workqueue"``; ``"none"`` where nothing is compiled."""
    return "none" if DISABLED else str(numba.threading_layer())


def _start() -> None:
    """Start the team, with our wait unless the user chose how OpenMP waits."""
    chosen = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        numba.get_num_threads()  # the first call starts them
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


if not DISABLED:
    _start()
    look_for_team()
    llvm.add_symbol(NUMBER, ctypes.addressof(IN_USE))
    config.settle_team(numba.config.NUMBA_NUM_THREADS)  # Numba's settings may have changed since minidl looked
    IN_USE.value = config.threads()
