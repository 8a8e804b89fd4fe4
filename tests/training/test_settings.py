"""Which assignments a recorded step notices."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from minidl.compat.keras.layers import Lambda
from minidl.layers import Dense, Dropout
from minidl.losses import MeanSquaredError
from minidl.models import Sequential
from minidl.training.settings import Settings


class Holder:
    """Something with attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


def model() -> tuple[Any, Any]:
    inner = Sequential([Dense(2, input_shape=(3,)), Dropout(0.5)])
    return Holder(model=inner), inner


@pytest.mark.parametrize("place", [lambda a: a, lambda a: [1, (a,)], lambda a: {"a": [a]}], ids=["itself", "list", "dict"])
def test_what_is_assigned_deep_inside_is_noticed_once(place: Any) -> None:
    inner = Holder(rate=0.5)
    settings = Settings(Holder(held=place(inner)))
    before = settings.look()
    assert settings.look() == before
    inner.rate = 0.25
    after = settings.look()
    assert after != before
    assert settings.look() == after
    inner.more = 1
    assert settings.look() != after


def test_attributes_that_appear_and_vanish_are_noticed() -> None:
    root = Holder(a=1, b=None)
    settings = Settings(root)
    seen = {settings.look()}
    del root.b
    seen.add(settings.look())
    root.c = None
    seen.add(settings.look())
    assert len(seen) == 3


def test_a_number_in_an_array_is_compared_and_other_arrays_are_not() -> None:
    layer = Dropout(0.5)
    layer.rate, layer.table = np.array(0.5), np.zeros(3)
    settings = Settings(layer)
    before = settings.look()
    layer.table[0] = 1
    assert settings.look() == before
    layer.rate[...] = 0.25
    after = settings.look()
    assert after != before
    assert settings.look() == after


def test_what_is_accepted_is_no_change() -> None:
    root = Holder(a=1)
    settings = Settings(root)
    before = settings.look()
    root.a = 2
    settings.accept()
    assert settings.look() == before


def test_arrays_are_watched_as_wholes() -> None:
    """What stands in an array is read anew by each replay; another array is not."""
    root = Holder(a=np.zeros(2))
    settings = Settings(root)
    before = settings.look()
    root.a[:] = 1
    assert settings.look() == before
    root.a = np.ones(2)
    assert settings.look() != before


def test_a_model_counts_as_its_network() -> None:
    """What a model notes about its training is no setting of a layer."""
    root, inner = model()
    settings = Settings(root)
    before = settings.look()
    inner.stop_training = True
    inner.compile("sgd", "mse")
    assert settings.look() == before
    inner.layers[1].rate = 0.25
    assert settings.look() != before


def test_circles_end() -> None:
    circle: list[Any] = []
    circle.append(circle)
    root = Holder(circle=circle)
    root.me = root
    assert Settings(root).look() == 0


def test_assignments_to_minidl_s_own_objects_are_noticed_without_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, inner = model()
    regularized = Dense(2, kernel_regularizer="l2", kernel_constraint="max_norm", input_shape=(3,))
    settings = Settings(inner.network, regularized, MeanSquaredError())
    numbers = [settings.look()]
    with monkeypatch.context() as patch:
        compared: list[Any] = []
        patch.setattr("minidl.training.settings.all", lambda results: compared.append(1) or all(results), raising=False)
        assert settings.look() == numbers[0]
    assert not compared
    Dropout(0.5).rate = 0.25  # of another model
    assert settings.look() == numbers[0]
    for change in (
        lambda: setattr(inner.layers[1], "rate", 0.25),
        lambda: delattr(inner.layers[1], "rate"),
        lambda: setattr(regularized.kernel_regularizer, "l2", 0.5),
        lambda: setattr(regularized.kernel_constraint, "max_value", 0.5),
    ):
        change()
        numbers.append(settings.look())
        assert settings.look() == numbers[-1]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("held", [Holder(rate=1), Lambda(abs)], ids=["an object of somebody's own", "compat"])
def test_what_is_not_minidl_s_own_is_compared(held: Any) -> None:
    layer = Dropout(0.5)
    layer.held = held
    settings = Settings(layer)
    before = settings.look()
    vars(held)["rate"] = 2  # which nobody is told of
    assert settings.look() != before


def test_an_assignment_while_all_is_compared_is_noticed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Dropout(0.5)
    settings = Settings(layer)
    before = settings.look()
    layer.trainable = True  # something to compare for

    def meanwhile(values: Any) -> Any:
        found = list(itertools.chain.from_iterable(values))
        layer.rate = 0.25
        return found

    with monkeypatch.context() as patch:
        patch.setattr("minidl.training.settings.chain", type("", (), {"from_iterable": staticmethod(meanwhile)}))
        settings.look()
    assert settings.look() != before
