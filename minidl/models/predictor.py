"""``predictor(model)``: a model's predictions as it is now, for services that ask for few samples many times."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import access
from minidl import backend as backends
from minidl.errors import ArgumentTypeError, StateError
from minidl.models import given
from minidl.models.base import Model
from minidl.models.batches import check_batch
from minidl.training.plan import for_predictor
from minidl.training.recorded_calls import RecordedCalls


class Predictor:
    """The predictions of a model as it was when this was made: ``predictor(x)`` is ``model.predict(x)`` without the rest.

    It has weights of its own: what is trained or assigned later changes nothing. Kernels pack or transform them once, which
    takes their memory once more; not where the model has a layer of your own, which may write to weights while it computes.

    Results are the model's bits, but up to rounding in two cases. Batch normalization behind a dense or convolution layer is
    multiplied with that layer's weights. Few images are convolved by Winograd's algorithm, which pays where the weights were
    transformed before.

    All samples are computed together. Each thread that calls has memory of its own, and after three calls with batches of one
    shape a list of compiled calls is all that is left of the network.

    Made by ``minidl.predictor``.

    Attributes:
        network: what computes, a copy; its weights are not to be changed.
        input_names, has_named_inputs: as for the model.
    """

    def __init__(self, model: Model) -> None:
        self.network = network = for_predictor(copy.deepcopy(model.network))
        self._batch_size = model.network.declared_batch_size
        self.input_names, self.has_named_inputs = model.input_names, model.has_named_inputs
        self._names, self._calls = model._given_names[1], RecordedCalls(network, frozen=True)
        # What an array must be to go in as it is; ids are always looked at.
        known = not network.takes_many and np.dtype(network.input_dtype).kind == "f"
        known = known and self._batch_size is None  # whose samples are always counted
        self._dtype: Any = np.dtype(network.input_dtype) if known else None
        self._shape: Any = network.input_shape if known else None

    def __call__(self, x: Any) -> Any:
        """Results for samples x (n, ...) as new NumPy arrays.

        Takes arrays in all forms that ``model.predict`` takes, gives what it gives, and raises what it raises for others.
        """
        if type(x) is not np.ndarray or x.dtype is not self._dtype or x.shape[1:] != self._shape or not x.flags.c_contiguous:
            data = given.arrays(self, x, None, None, "predictor", "ignore")
            check_batch("predictor", self._batch_size, len(data))
            x = data.whole([]).x
        with np.errstate(all="ignore"):
            results = self._calls.apply(x)
        if isinstance(results, tuple):
            found = [backends.backend_of(y).to_numpy(y) for y in results]
            return found if self._names is None else dict(zip(self._names, found, strict=True))
        return backends.backend_of(results).to_numpy(results)

    def __repr__(self) -> str:
        shape = self.network.input_shape
        return f"<Predictor of {self.network.name!r}: {shape} -> {self.network.output_shape(shape)}>"


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
