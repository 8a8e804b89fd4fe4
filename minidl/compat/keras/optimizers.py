"""``keras.optimizers`` of Keras 2.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import config
from minidl import optimizers as today
from minidl.compat.keras import rules
from minidl.compat.spelling import call_text
from minidl.compat.translation import Given, OldName
from minidl.errors import ArgumentError, ArgumentTypeError, closest
from minidl.profile import KERAS_2_1

Optimizer = rules.Optimizer


class OldOptimizer(OldName):
    """An ``OldName`` for an optimizer; ``lr`` and ``learning_rate`` are the same."""

    def __init__(self, name: str, signature: str) -> None:
        signature = f"{signature}, clipnorm=None, clipvalue=None"
        super().__init__(name, rules.CLASSES[name], signature, keras_1={"learning_rate": "lr"})

    def text(self, arguments: Given) -> str:
        """The call of today."""
        made = self.make(**arguments)
        near = made.nearest()
        if near is None:
            shown = {"learning_rate" if key == "lr" else key: value for key, value in arguments.items()}
            return call_text(self.spelled, (), shown)
        return repr(near)

    def _is_old(self, args: tuple[Any, ...], keywords: Given, arguments: Given) -> bool:
        """A rate by its old name, and what is said otherwise today."""
        return bool({"lr", "decay", "clipnorm", "schedule_decay"} & set(keywords))


SGD = OldOptimizer("SGD", "lr=0.01, momentum=0.0, decay=0.0, nesterov=False")
RMSprop = OldOptimizer("RMSprop", "lr=0.001, rho=0.9, epsilon=1e-8, decay=0.0")
Adagrad = OldOptimizer("Adagrad", "lr=0.01, epsilon=1e-8, decay=0.0")
Adadelta = OldOptimizer("Adadelta", "lr=1.0, rho=0.95, epsilon=1e-8, decay=0.0")
Adam = OldOptimizer("Adam", "lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0, amsgrad=False")
Adamax = OldOptimizer("Adamax", "lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0")
Nadam = OldOptimizer("Nadam", "lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, schedule_decay=0.004")

sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam = SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam
_BY_NAME = {name.lower(): cls for name, cls in rules.CLASSES.items()}


def TFOptimizer(optimizer: Any) -> Any:
    """Refused: an optimizer of TensorFlow's trains its own graphs only."""
    raise ArgumentTypeError("keras.optimizers.TFOptimizer", "an optimizer of TensorFlow's", "one of Keras's", "SGD(lr=0.01)")


def serialize(optimizer: Any) -> dict[str, Any]:
    """Class and arguments of an optimizer.

    >>> serialize(rules.SGD(0.5))["config"]["lr"]
    0.5
    """
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The optimizer that ``serialize`` wrote."""
    name = str(config["class_name"])
    cls = (custom_objects or {}).get(name) or _BY_NAME.get(name.lower())
    if cls is None:
        raise ArgumentError("optimizer", f"the name {name!r}", f"one of {', '.join(_BY_NAME)}", meant=closest(name, _BY_NAME))
    given = {"lr" if key == "learning_rate" else key: value for key, value in config.get("config", {}).items()}
    return cls.from_config({key: value for key, value in given.items() if key != "name"})


def get(identifier: Any) -> Any:
    """The optimizer that ``compile(optimizer=...)`` means: a name in any case of letters, a configuration, an object.

    >>> get("RMSprop").lr, get("adam").epsilon
    (0.001, 1e-08)
    """
    with config.use_profile(KERAS_2_1):
        found: Any = identifier
        if isinstance(identifier, str):
            return deserialize({"class_name": identifier, "config": {}})
        if isinstance(identifier, Mapping) and "class_name" in identifier:
            in_minidl = "kind" in identifier and not identifier.get("custom")
            return rules.of_today(today.get(found)) if in_minidl else deserialize(identifier)
        if isinstance(identifier, OldName):
            fix = f"optimizer={identifier.__name__}()"
            raise ArgumentTypeError("compile", f"{identifier!r} as optimizer", "a name, or an object of it", fix)
        return rules.of_today(today.get(identifier))
