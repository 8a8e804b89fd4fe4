"""Inference on small batches of shapes that come again: what is recorded of it is a list of compiled calls (``tape.py``)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from minidl import backend as backends
from minidl import config
from minidl.backend import Array, array_namespace
from minidl.backend.frozen import Frozen, use
from minidl.layers.base import Layer
from minidl.layers.context import Context
from minidl.training.nodes import leaves
from minidl.training.recorded import is_minidls_alone, replays
from minidl.training.settings import Settings


class RecordedCalls:
    """``network.apply`` without masks for any number of threads, of which each has recordings of its own.

    Weights are read where they stand. Where a setting of a layer, or one of minidl, has changed, recordings are made anew.

    Args:
        network: as it is planned; it carries no state from batch to batch.
        frozen: whether nobody else has the network, so that nothing in it changes.
    """

    def __init__(self, network: Layer, frozen: bool = False) -> None:
        self.network, self.quiet = network, False
        self._settings = None if frozen else Settings(network)
        still = frozen and is_minidls_alone(network)  # a layer of one's own may write to its weights whenever it computes
        self._frozen = Frozen(weight.value for weight in network.weights) if still else None
        self._objection = next((f"{layer.label} may compute beside ops" for layer in leaves(network) if not replays(layer)), "")
        self._of_thread = threading.local()

    def apply(self, x: Any) -> Any:
        """y for x, an array or a tuple of them: new arrays. Numbers beyond range are reported as ``np.errstate`` says."""
        before = use(self._frozen)
        try:
            return self._applied(x)
        finally:
            use(before)

    def _applied(self, x: Any) -> Any:
        mine, arrays = vars(self._of_thread), x if isinstance(x, tuple) else (x,)
        key, recorder = tuple([(a.shape, a.dtype) for a in arrays]), mine.get("recorder")
        if recorder is not None and recorder.refused(key):  # a large network: settings need not be looked at
            return self._computed(arrays)
        backend, settings = backends.current(), 0 if self._settings is None else self._settings.look()
        of_numbers = config.precision(), config.epsilon(), config.convolution()
        of_process = config.graphs(), config.kernels(), config.threads(), of_numbers
        fixed = backend, settings, of_process
        if mine.get("fixed") != fixed:
            mine["recorder"], mine["fixed"] = backend.recorder(), fixed
        recorder = mine["recorder"]
        if recorder is None or recorder.gave_up:
            return self._computed(arrays)
        y = recorder.run(key, self._compute, arrays, _nothing, self)
        return tuple([part.copy() for part in y]) if isinstance(y, tuple) else y.copy()  # the next call writes to its place

    def _computed(self, arrays: Sequence[Array]) -> Any:
        """y without a recording; a layer may have given a part of x itself."""
        y = self._compute(arrays)
        parts = y if isinstance(y, tuple) else (y,)
        shares = array_namespace(arrays[0]).may_share_memory
        found = tuple([part.copy() if any(shares(part, x) for x in arrays) else part for part in parts])
        return found if isinstance(y, tuple) else found[0]

    @property
    def possible(self) -> bool:
        """Whether all layers say that they can be recorded."""
        return not self._objection

    def _compute(self, arrays: Sequence[Array]) -> Any:
        return self.network.apply(tuple(arrays) if self.network.takes_many else arrays[0], Context(keep=False))[0]

    # -- what a recorder asks --------------------------------------------------------------------------------------------

    def objection(self) -> str:
        """Why calls cannot be recorded; empty where they can."""
        return self._objection

    outside = objection

    def state(self) -> list[Array]:
        """Nothing changes."""
        return []

    def aside(self) -> AbstractContextManager[None]:
        """Calls are not counted."""
        return nullcontext()

    def held(self) -> list[Array]:
        """The weights, and what was made of frozen ones."""
        made = [] if self._frozen is None else self._frozen.arrays()
        return [*(weight.value for weight in self.network.weights), *made]

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self.network, "frozen": self._settings is None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["network"], state["frozen"])  # type: ignore[misc]


def _nothing() -> None:
    """What is done after a call that was replayed."""
