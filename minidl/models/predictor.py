"""``predictor(model)``: a model's predictions as it is now, for services that ask for few samples many times."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import access, config
from minidl import backend as backends
from minidl.backend import Array
from minidl.errors import ArgumentTypeError, StateError
from minidl.layers.context import Context
from minidl.models import given
from minidl.models.base import Model
from minidl.training.nodes import leaves
from minidl.training.plan import for_predictor
from minidl.training.recorded import replays


class Predictor:
    """The predictions of a model as it was when this was made: ``predictor(x)`` is ``model.predict(x)`` without the rest.

    It has weights of its own: what is trained or assigned later changes nothing. Batch normalization behind a dense or
    convolution layer is multiplied with that layer's weights, so results agree with the model's up to rounding; they are
    its bits where there is none. All samples are computed together. Each thread that calls has memory of its own, and after
    three calls with batches of one shape a list of compiled calls is all that is left of the network.

    Made by ``minidl.predictor``.

    Attributes:
        network: what computes, a copy.
        input_names, has_named_inputs: as for the model.
    """

    def __init__(self, model: Model) -> None:
        network = copy.deepcopy(model.network)
        self.network, self._names = for_predictor(network), model._given_names[1]
        self.input_names, self.has_named_inputs = model.input_names, model.has_named_inputs
        self._of_thread = threading.local()
        objections = [f"{layer.label} may compute beside ops" for layer in leaves(self.network) if not replays(layer)]
        self._objection = objections[0] if objections else ""
        # What an array must be to go in as it is; ids are always looked at.
        known = not network.takes_many and np.dtype(network.input_dtype).kind == "f"
        self._dtype: Any = np.dtype(network.input_dtype) if known else None
        self._shape: Any = network.input_shape if known else None

    def __call__(self, x: Any) -> Any:
        """Results for samples x (n, ...) as new NumPy arrays.

        Takes arrays in all forms that ``model.predict`` takes, gives what it gives, and raises what it raises for others.
        """
        if type(x) is not np.ndarray or x.dtype is not self._dtype or x.shape[1:] != self._shape or not x.flags.c_contiguous:
            x = given.arrays(self, x, None, None, "predictor", "ignore").whole([]).x
        arrays = x if isinstance(x, tuple) else (x,)
        try:
            recorder = self._of_thread.recorder
        except AttributeError:  # this thread's first call
            recorder = self._of_thread.recorder = backends.current().recorder()
        with np.errstate(all="ignore"):
            if recorder is None or recorder.gave_up:
                results = self._compute(arrays)
            else:
                key = tuple([a.shape for a in arrays]), config.kernels(), config.threads(), config.precision()
                results = recorder.run(key, self._compute, arrays, _nothing, self)
        found = [backends.backend_of(y).to_numpy(y.copy()) for y in results]  # the next call writes to the same place
        if self._names is not None:
            return dict(zip(self._names, found, strict=True))
        return found if len(found) > 1 else found[0]

    def __repr__(self) -> str:
        shape = self.network.input_shape
        return f"<Predictor of {self.network.name!r}: {shape} -> {self.network.output_shape(shape)}>"

    def _compute(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        x = tuple(arrays) if self.network.takes_many else arrays[0]
        y, _ = self.network.apply(x, Context(keep=False))
        return y if isinstance(y, tuple) else (y,)

    # -- what a recorder asks --------------------------------------------------------------------------------------------

    def objection(self) -> str:
        """Why calls cannot be recorded; empty where they can."""
        return self._objection

    def state(self) -> list[Array]:
        """Nothing changes."""
        return []

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_of_thread"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _of_thread=threading.local())


def predictor(model: Model) -> Predictor:
    """A function of samples that predicts as ``model`` does now, made for small batches: see ``Predictor``.

    Raises NotBuiltError for a model without weights, ArgumentTypeError for what is no model, StateError for one that carries
    state from batch to batch (``stateful=True``), where the order of calls would matter.

    >>> from minidl.layers import Dense
    >>> from minidl.models import Sequential
    >>> model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    >>> predict = predictor(model)
    >>> predict(np.ones((1, 4), "float32")).shape
    (1, 3)
    """
    if not isinstance(model, Model):
        raise ArgumentTypeError("predictor", f"a {type(model).__name__}", "a model", "minidl.predictor(model)")
    model._check_built("predictor")
    if model.network.carried():
        received, expected = "a model that carries state from batch to batch", "one whose results depend on x alone"
        raise StateError("predictor", received, expected, "the same layers with stateful=False")
    with access.reading("predictor", model.network):
        return Predictor(model)


def _nothing() -> None:
    """What is done after a call that was replayed."""
