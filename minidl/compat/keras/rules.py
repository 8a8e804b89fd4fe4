"""The optimizers of Keras 2.1: minidl's, with a rate that decays, one norm for all gradients, and epsilon where it stood then.

    rate       lr / (1 + decay t)  of step t = 0, 1, ...
    clipnorm   g *= c / max(c, |all g together|);   clipvalue, after it:  g = min(max(g, -c), c)
    RMSprop    w -= rate g / (sqrt(s) + epsilon)              today inside the root
    Adagrad    w -= rate g / (sqrt(s) + epsilon),  s from 0   today inside the root, s from 0.1
    Nadam      u_t = beta_1 (1 - 0.96^(t schedule_decay) / 2), schedule_decay = 0.004; 1 today

All others are the formulas of ``minidl/ops/update.py``. Source: Keras 2.1.1 (``keras/optimizers.py``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl import optimizers as today
from minidl.backend import Array, ArrayTable
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError, NotBuiltError
from minidl.ops import update
from minidl.optimizers.clipping import Clipping
from minidl.schedules import InverseTimeDecay


class Setting(float):
    """A number of an optimizer, such as ``optimizer.lr``: a float, through which the optimizer's own can be set.

    >>> optimizer = SGD(0.5)
    >>> optimizer.lr.assign(0.25)
    >>> optimizer.lr / 2
    0.125
    """

    def __new__(cls, value: float, owner: Any, name: str) -> Setting:
        """The number ``owner.name``."""
        number = super().__new__(cls, value)
        number.owner, number.name = owner, name
        return number

    owner: Any
    name: str
    dtype = "float32"
    shape = ()

    def assign(self, value: Any) -> None:
        """Set the optimizer's number."""
        setattr(self.owner, self.name, float(value))

    set_value = assign

    def get_value(self, borrow: bool = False) -> Any:
        """The optimizer's number as it is now, in the precision of ``K.floatx``."""
        return np.dtype(config.dtype()).type(getattr(self.owner, self.name))

    def eval(self, session: Any = None) -> Any:
        """As ``get_value``."""
        return self.get_value()

    def numpy(self) -> Any:
        """As ``get_value``."""
        return self.get_value()

    def __reduce__(self) -> Any:
        return float, (float(self),)


class _Limits(NamedTuple):
    """The options that ``Clipping`` looks at."""

    clipvalue: float | None
    clipnorm: float | None
    global_clipnorm: float | None


class _OldClipping:
    """By the norm of all gradients together, and then each number."""

    def __init__(self) -> None:
        self._by_norm, self._by_value = Clipping(), Clipping()

    def prepare(self, options: Any, group: Any) -> None:
        """Make the tables, where there is something to clip."""
        if options.clipnorm:
            self._by_norm.prepare(_Limits(None, None, options.clipnorm), group)
        if options.clipvalue:
            self._by_value.prepare(_Limits(options.clipvalue, None, None), group)

    @staticmethod
    def is_asked_for(options: Any) -> bool:
        """Whether there is a limit."""
        return bool(options.clipnorm or options.clipvalue)

    def clip(self, options: Any, group: Any) -> None:
        """Clip the gradients of all trainable parameters in place."""
        if options.clipnorm:
            self._by_norm.clip(_Limits(None, None, options.clipnorm), group)
        if options.clipvalue:
            self._by_value.clip(_Limits(options.clipvalue, None, None), group)


class Optimizer(today.Optimizer, abstract=True):
    """What they share. ``lr`` and ``decay`` may be read, calculated with and assigned at any time."""

    @property
    def lr(self) -> Setting:
        """The rate, before it decays."""
        return Setting(self._learning_rate, self, "lr")

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = float(value)

    @property
    def decay(self) -> Setting:
        """How fast the rate falls."""
        return Setting(self._rate_decay, self, "decay")

    @decay.setter
    def decay(self, value: Any) -> None:
        self._rate_decay = check_number(type(self).__name__, "decay", float(value), 0)

    _rate_decay = 0.0

    def _forget(self) -> None:
        super()._forget()
        self._clipping: Any = _OldClipping()

    def _limits(self, clipnorm: Any, clipvalue: Any) -> None:
        where = type(self).__name__
        for name, value in (("clipnorm", clipnorm), ("clipvalue", clipvalue)):
            setattr(self, name, None if value is None else check_number(where, name, value))
            if value is not None and value < 0:
                raise ArgumentError(where, f"{name}={value!r}", f"{name} >= 0; 0 clips nothing")

    def scalars(self) -> list[float]:
        """Those of the rule, with the rate of this step."""
        numbers = super().scalars()
        if not self._rate_decay:
            return numbers
        rate, *rest = numbers
        return [rate / (1 + self._rate_decay * self.iterations), *rest]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal object; clipping only where it was asked for."""
        found = self._arguments()
        return {name: value for name, value in found.items() if value is not None or name not in ("clipnorm", "clipvalue")}

    def _arguments(self) -> dict[str, Any]:
        return {name: float(value) if isinstance(value, Setting) else value for name, value in super()._arguments().items()}

    def in_minidl(self) -> today.Optimizer | None:
        """The optimizer of today that makes the same steps; None where none does."""
        return None

    def nearest(self) -> today.Optimizer | None:
        """What a script of today would write: an optimizer of minidl whose epsilon or schedule may stand elsewhere."""
        return self.in_minidl()

    def _in_minidl(self, cls: Any, **arguments: Any) -> Any:
        if self.clipnorm and self.clipvalue:
            return None
        rate = InverseTimeDecay(float(self.lr), 1, self._rate_decay) if self._rate_decay else float(self.lr)
        return cls(rate, **arguments, global_clipnorm=self.clipnorm or None, clipvalue=self.clipvalue or None)

    def _plain(self) -> Any:
        """As minidl reads it without this room, where it has an optimizer that does the same."""
        same = self.in_minidl() if type(self) in CLASSES.values() else None
        if same is not None:
            return same._plain()
        return {"kind": "optimizer", "class_name": type(self).__name__, "config": self.get_config(), "custom": True}

    # -- its arrays, as lists --------------------------------------------------------------------------------------------

    def _arrays(self) -> list[Array]:
        state = self.state
        if not state and self.slots:
            raise NotBuiltError(type(self).__name__, "an optimizer before its first step", "one that has been trained with")
        names = list(next(iter(state.values()), {}))
        return [state[p][name] for name in names for p in state]

    @property
    def weights(self) -> list[Any]:
        """The number of steps, and the arrays that are kept for the parameters, as NumPy arrays."""
        return self.get_weights()

    def get_weights(self) -> list[Any]:
        """Copies of what the next step depends on: the number of steps, then one kind of array after the other."""
        arrays = [backends.backend_of(a).to_numpy(a).copy() for a in self._arrays()]
        return [np.asarray(self.iterations), *arrays] if self._counts else arrays

    def set_weights(self, weights: Any) -> None:
        """Put back what ``get_weights`` gave. Raises ArgumentError where number or shapes do not fit."""
        arrays, given = self._arrays(), list(weights)
        shapes = [np.shape(w) for w in given]
        expected = [()] * self._counts + [tuple(a.shape) for a in arrays]
        if shapes != expected:
            raise ArgumentError(f"{type(self).__name__}.set_weights", f"arrays of shapes {shapes}", f"shapes {expected}")
        if self._counts:
            self.iterations = int(given.pop(0))
        for a, w in zip(arrays, given):
            a[...] = backends.backend_of(a).asarray(np.asarray(w), a.dtype)

    _counts = True  # whether the number of steps is part of the list


class SGD(Optimizer, today.SGD, abstract=True):
    """v = momentum v - rate g, w += v; Nesterov: w += momentum v - rate g. Without momentum nesterov changes nothing."""

    written_as = today.SGD

    def __init__(
        self,
        lr: Any = 0.01,
        momentum: float = 0.0,
        decay: float = 0.0,
        nesterov: bool = False,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.SGD.__init__(self, lr, momentum)
        self.nesterov = check_flag("SGD", "nesterov", bool(nesterov))
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def in_minidl(self) -> Any:
        """SGD."""
        return self._in_minidl(today.SGD, momentum=self.momentum, nesterov=self.nesterov and self.momentum > 0)


class RMSprop(Optimizer, today.RMSprop, abstract=True):
    """s = rho s + (1 - rho) g^2;  w -= rate g / (sqrt(s) + epsilon)."""

    _counts = False

    def __init__(
        self,
        lr: Any = 0.001,
        rho: float = 0.9,
        epsilon: float | None = 1e-8,
        decay: float = 0.0,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.RMSprop.__init__(self, lr, rho, epsilon=_epsilon(epsilon))
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.rmsprop_outside(rows, scalars, self.rho, self.epsilon)

    def nearest(self) -> Any:
        """RMSprop, with epsilon inside the root."""
        return self._in_minidl(today.RMSprop, rho=self.rho, epsilon=self.epsilon)


class Adagrad(Optimizer, today.Adagrad, abstract=True):
    """s = s + g^2;  w -= rate g / (sqrt(s) + epsilon)."""

    _counts = False

    def __init__(
        self, lr: Any = 0.01, epsilon: float | None = 1e-8, decay: float = 0.0, clipnorm: Any = None, clipvalue: Any = None
    ) -> None:
        today.Adagrad.__init__(self, lr, 0.0, _epsilon(epsilon))
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.adagrad_outside(rows, scalars, self.epsilon)

    def nearest(self) -> Any:
        """Adagrad, with epsilon inside the root."""
        return self._in_minidl(today.Adagrad, initial_accumulator_value=0.0, epsilon=self.epsilon)


class Adadelta(Optimizer, today.Adadelta, abstract=True):
    """s = rho s + (1 - rho) g^2;  d = g sqrt(e + epsilon) / sqrt(s + epsilon);  e = rho e + (1 - rho) d^2;  w -= rate d."""

    written_as = today.Adadelta
    _counts = False

    def __init__(
        self,
        lr: Any = 1.0,
        rho: float = 0.95,
        epsilon: float | None = 1e-8,
        decay: float = 0.0,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.Adadelta.__init__(self, lr, rho, _epsilon(epsilon))
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def in_minidl(self) -> Any:
        """Adadelta."""
        return self._in_minidl(today.Adadelta, rho=self.rho, epsilon=self.epsilon)


class Adam(Optimizer, today.Adam, abstract=True):
    """As minidl's; ``amsgrad`` came with Keras 2.1.3."""

    written_as = today.Adam

    def __init__(
        self,
        lr: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-8,
        decay: float = 0.0,
        amsgrad: bool = False,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.Adam.__init__(self, lr, beta_1, beta_2, _epsilon(epsilon), amsgrad)
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def in_minidl(self) -> Any:
        """Adam."""
        arguments = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return self._in_minidl(today.Adam, **arguments)


class Adamax(Optimizer, today.Adamax, abstract=True):
    """As minidl's, with a rate of 0.002."""

    written_as = today.Adamax

    def __init__(
        self,
        lr: Any = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-8,
        decay: float = 0.0,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.Adamax.__init__(self, lr, beta_1, beta_2, _epsilon(epsilon))
        self.decay = decay
        self._limits(clipnorm, clipvalue)

    def in_minidl(self) -> Any:
        """Adamax."""
        return self._in_minidl(today.Adamax, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)


class Nadam(Optimizer, today.Nadam, abstract=True):
    """As minidl's, with u_t = beta_1 (1 - 0.96^(t schedule_decay) / 2); its rate does not decay otherwise."""

    def __init__(
        self,
        lr: Any = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-8,
        schedule_decay: float = 0.004,
        clipnorm: Any = None,
        clipvalue: Any = None,
    ) -> None:
        today.Nadam.__init__(self, lr, beta_1, beta_2, _epsilon(epsilon))
        self.schedule_decay = check_number("Nadam", "schedule_decay", schedule_decay, 0)
        self._limits(clipnorm, clipvalue)

    def nearest(self) -> Any:
        """Nadam, whose schedule goes faster."""
        return self._in_minidl(today.Nadam, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon)

    def _decay(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay))


def _epsilon(epsilon: float | None) -> float:
    """None, which came with Keras 2.1.3, is ``K.epsilon()``."""
    return config.epsilon() if epsilon is None else epsilon


CLASSES: dict[str, Any] = {cls.__name__: cls for cls in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam)}


def of_today(optimizer: today.Optimizer) -> today.Optimizer:
    """An optimizer of minidl's with the attributes that scripts of Keras 2.1 know; one without such a form stays what it is.

    >>> of_today(today.SGD(InverseTimeDecay(0.5, 1, 0.25), 0.9)).decay
    0.25
    """
    cls = CLASSES.get(type(optimizer).__name__)
    if cls is None or isinstance(optimizer, Optimizer) or optimizer._group is not None:
        return optimizer
    schedule = optimizer.schedule
    if schedule is not None and not (
        type(schedule) is InverseTimeDecay and schedule.decay_steps == 1 and not schedule.staircase
    ):
        return optimizer
    mine, theirs = cls(), optimizer._arguments()
    given = {name: theirs[name] for name in mine._arguments() if name in theirs and name not in ("clipnorm", "clipvalue")}
    rate, decay = (schedule.initial_learning_rate, schedule.decay_rate) if schedule else (optimizer.learning_rate, 0.0)
    made = cls(
        lr=rate,
        **({"decay": decay} if decay else {}),
        **given,
        clipnorm=optimizer.global_clipnorm,
        clipvalue=optimizer.clipvalue,
    )
    same = made.in_minidl()
    equal = same is not None and same.get_config() == optimizer.get_config() | {"name": same.name}
    return made if equal else optimizer
