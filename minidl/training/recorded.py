"""A training step that the device records once for each shape of batch and then replays; ``backend/graphs.py`` says how.

A recording knows addresses, not what stands there: the batch and the step's numbers are put in place before it runs. Where
anything else has changed that a step depends on, all recordings are forgotten, and the next steps are recorded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_not
from types import NoneType
from typing import Any

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.backend.tape import Rows
from minidl.data import Batch
from minidl.data.batches import Ahead
from minidl.layers.base import Layer
from minidl.layers.state import State
from minidl.losses.base import calls_ops_alone
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterGroup
from minidl.training.settings import Settings, _parts


def recorded_steps(*arguments: Any) -> RecordedSteps | None:
    """``RecordedSteps(*arguments)`` where the device records; None where it does not."""
    steps = RecordedSteps(*arguments)
    return None if steps.recorder is None else steps


class RecordedSteps:
    """The steps of one model on a device that can record.

    Args:
        root, network, loss, optimizer, group: what the step trains and with what; ``network`` is the plan for ``root``.
    """

    def __init__(
        self,
        root: Layer,
        network: Layer,
        loss: Any,
        optimizer: Optimizer,
        group: ParameterGroup,
    ) -> None:
        self.recorder, self.root = backends.current().recorder(), root
        self.quiet = True  # NumPy says nothing about infinities and NaN: training does
        self.network, self.loss, self.optimizer, self.group = network, loss, optimizer, group
        self._arranged: int | None = None
        self._settings, self._looked = Settings(), False
        self._fixed: Any = None  # what all recordings were made for
        self._rule: dict[str, Any] = {}  # the optimizer's attributes, and how often they were found to be others
        self._options = self._rule_changes = self._process_changes = 0
        self._state: Any = None  # of ``config``, and what of it recordings were made for
        self._of_process: Any = None

    def train(self, compute: Callable[[Batch], Any], batch: Batch) -> Any:
        """The result of ``compute(batch)``, the step itself, as a recording where there is one for batches of this shape."""
        if not (self._is_untouched() and self.optimizer.is_prepared()):
            self.optimizer.prepare(self.group)  # the step's numbers travel before it, as a copy from the host is not recorded
            fixed = self._what_is_fixed()
            if fixed != self._fixed:
                self.recorder.forget()
                self._fixed = fixed
        x, y, weight, _ = batch
        if weight is None and not isinstance(x, tuple) and not isinstance(y, tuple) and y is not None:  # most often
            arrays, key = [x, y], (x.shape, x.dtype, y.shape, y.dtype)
        else:
            arrays = flat(batch)[0]
            key = tuple([(a.shape, a.dtype) for a in arrays]), _places(x), _places(y), _places(weight)

        def of_inputs(inputs: list[Array]) -> Any:
            before = self.optimizer.iterations
            try:
                return compute(flat(batch)[1](inputs))
            except Exception:
                self.optimizer.iterations = before  # what could not be recorded was not done
                raise

        result = self.recorder.run(key, of_inputs, arrays, self.optimizer.count, self)
        if not self._looked:  # in their first step layers note things that they look up once
            self._settings.accept()
            self._looked = True
        # The next replay writes to the same place, and losses are collected.
        copy = self.recorder.copy
        parts = result.parts and [None if part is None else copy(part) for part in result.parts]
        return type(result)(copy(result.loss), result.prediction, result.weight, parts)

    def train_several(self, ahead: Ahead, steps: int, predictions: bool) -> tuple[int, list[Array]]:
        """Up to ``steps`` steps without Python in between, for batches that come next: how many were made, 0 where they are to
        be made one by one, and a row for each of their losses and, if wanted, predictions."""
        if not self._looked or not self._is_untouched():
            return 0, []
        fetched = self.optimizer.ahead(self.group, steps)
        if fetched is None:
            return 0, []
        data, (of_x, of_y) = (ahead.x, ahead.y), [(ahead.size, *a.shape[1:]) for a in (ahead.x, ahead.y)]
        key = of_x, ahead.dtypes[0], of_y, ahead.dtypes[1]
        rows = Rows(data, (ahead.unseen, False), ahead.order, ahead.start, ahead.size)
        kept = 2 if predictions else 1  # of a result
        optimizer, counter = self.optimizer, memoryview(self.root.steps_done)  # which gives Python's own numbers
        behind = optimizer.iterations - counter[0]
        try:
            found: tuple[int, list[Array]] = self.recorder.run_several(key, rows, steps, fetched, kept)
            return found
        finally:  # whatever a signal's handler raised meanwhile; between two calls, as here, none is called
            optimizer.iterations = behind + counter[0]

    def state(self) -> list[Array]:
        """All arrays that a step changes and does not return."""
        held = [value for layer in _layers_in(self.root) for value in vars(layer).values()]
        of_layers = [value.value for value in held if isinstance(value, State)]
        of_optimizer = [array for slots in self.group.state.values() for array in slots.values()]
        return [self.root.steps_done, *(p.value for p in self.group.parameters), *of_optimizer, *of_layers]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A step that is computed within it is not counted."""
        iterations = self.optimizer.iterations
        try:
            yield
        finally:
            self.optimizer.iterations = iterations

    def held(self) -> list[Array]:
        """State, and the gradients."""
        return [*self.state(), *(array for p in self.group.parameters for array in p.arrays())]

    def objection(self) -> str:
        """Why the kernels of a step are not all of it; empty where they are. Layers of one's own may compute as they like."""
        if self.root.carried():
            return "state is carried on from batch to batch"
        for layer in _layers_in(self.network):
            if not replays(layer):
                return f"{layer.label} may compute beside ops"
        losses = [self.loss.part(index) for index in range(len(getattr(self.loss, "losses", (None,))))]
        for loss in losses:
            if loss is not None and not _computes_by_ops(loss):
                return f"{type(loss).__name__} computes in a way of its own"
        for part in (*self._terms(), self.optimizer):
            if not type(part).__module__.startswith("minidl."):
                return f"{type(part).__name__} has a rule of its own"
        return ""

    def _terms(self) -> list[Any]:
        """Penalties and constraints."""
        return [term for p in self.group.parameters for term in (p.regularizer, p.constraint) if term is not None]

    def outside(self) -> str:
        """What of a step is not minidl's, and may do more than launch kernels; empty where nothing is. (For a GPU's recorder.)

        A layer from outside that says ``replays`` does not.
        """
        losses = [self.loss.part(index) for index in range(len(getattr(self.loss, "losses", (None,))))]
        layers = [layer for layer in _layers_in(self.network) if not replays(layer)]
        for part in (*layers, *losses, *self._terms(), self.optimizer):
            if part is not None and not _is_minidls(type(part)):
                return f"{getattr(part, 'label', type(part).__name__)} may do more than launch kernels"
        return ""

    def _is_untouched(self) -> bool:
        """Whether ``_what_is_fixed`` would surely be as at its last call: the usual case, in as few words as possible."""
        return (
            self._settings.are_untouched()
            and self.group.is_untouched()
            and self.group.arrangement == self._arranged  # which a step that was not recorded may have changed
            and config.state() == self._state
            and self._has_same_rule()
        )

    def _has_same_rule(self) -> bool:
        """Whether the optimizer has the attributes that it had."""
        rule, options = self._rule, vars(self.optimizer)
        return len(options) == self._options and not any(map(is_not, map(options.get, rule), rule.values()))

    def _what_is_fixed(self) -> tuple[Any, ...]:
        """Everything a step depends on beside the batch and the numbers in memory.

        The group's arrangement stands for what is trained, which parameters are treated alike, and the coefficients of
        penalties; other settings are noticed where they are assigned.
        """
        if self.group.arrangement != self._arranged:
            self._settings, self._arranged = Settings(self.network, self.loss, *self._terms()), self.group.arrangement
            self._looked = False
        state = config.state()
        if state != self._state:
            self._state = state
            of_process = config.kernels(), config.precision(), config.epsilon(), config.threads(), config.convolution()
            if of_process != self._of_process:
                self._of_process, self._process_changes = of_process, self._process_changes + 1
        if not self._has_same_rule():
            options = vars(self.optimizer)
            self._options, self._rule_changes = len(options), self._rule_changes + 1
            self._rule = {name: value for name, value in options.items() if _holds(name, value)}
        return self._arranged, self._settings.look(), self._rule_changes, self._process_changes


_OF_EACH_STEP = ("iterations", "_learning_rate", "_steady")  # of an optimizer: they reach the device with the step's numbers


def _holds(name: str, value: Any) -> bool:
    """Whether this attribute of an optimizer stays as it is from step to step: not what it works out and keeps for itself."""
    return name not in _OF_EACH_STEP and (name[0] != "_" or isinstance(value, (int, float, str, frozenset, NoneType)))


def _is_minidls(cls: type) -> bool:
    """Whether a class is minidl's own. Those of ``compat`` call what old scripts define."""
    return cls.__module__.startswith("minidl.") and not cls.__module__.startswith("minidl.compat.")


def replays(layer: Layer) -> bool:
    """Whether a layer says that its kernels are all it does. One from outside minidl has to say so in its own class."""
    cls = type(layer)
    says_so = cls.replays if cls.__module__.startswith("minidl.") else vars(cls).get("replays", False)
    return bool(says_so) and vars(layer).keys().isdisjoint(_METHODS)


def _computes_by_ops(loss: Any) -> bool:
    """Whether a loss is minidl's own, or calls ops and nothing else: what more one from outside does, trials would do too."""
    cls = type(loss)
    known = all(method.__module__.startswith("minidl.") for method in (cls.compute, cls.gradient))
    return known and (cls.__module__.startswith("minidl.") or calls_ops_alone(loss)) and vars(loss).keys().isdisjoint(_METHODS)


_METHODS = {"apply", "gradient", "compute", "per_sample", "gradient_of"}  # that somebody has put in place of those of a class


def is_minidls_alone(network: Layer) -> bool:
    """Whether all layers that a network holds are minidl's own: then nothing but training writes to its weights."""
    return all(_is_minidls(type(layer)) for layer in _layers_in(network))


def _layers_in(network: Layer) -> list[Layer]:
    """A layer, and all layers that it holds in whatever way."""
    found, left = {id(network): network}, [network]
    while left:
        for value in _parts(vars(left.pop()).values()):
            if isinstance(value, Layer) and id(value) not in found:
                found[id(value)] = value
                left.append(value)
    return list(found.values())


def flat(batch: Batch) -> tuple[list[Array], Callable[[list[Array]], Batch]]:
    """The arrays of a batch in a list, and a function that makes the batch of such a list again."""
    columns = (batch.x, batch.y, batch.weight)  # each an array, a tuple of arrays for several inputs or outputs, or None
    arrays = [a for column in columns for a in (column if isinstance(column, tuple) else (column,)) if a is not None]

    def rebuild(given: list[Array]) -> Batch:
        rest = iter(given)

        def again(column: Any) -> Any:
            if isinstance(column, tuple):
                return tuple(again(part) for part in column)
            return None if column is None else next(rest)

        return Batch(again(batch.x), again(batch.y), again(batch.weight), batch.size)

    return arrays, rebuild


def _places(column: Any) -> Any:
    """Where a column of a batch has arrays, and where it has none."""
    return tuple(map(_places, column)) if isinstance(column, tuple) else column is not None
