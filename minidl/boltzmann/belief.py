"""A deep belief network: restricted Boltzmann machines, each of which learns what the one below it has found.

Trained one after the other, the machines give the layers of a perceptron good first weights (Hinton, Osindero and Teh 2006):
``to_model`` puts a softmax behind them, and ``fit`` of that model does the rest with labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.boltzmann.rbm import RBM
from minidl.checks import check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, described
from minidl.layers import Dense, Input
from minidl.models import Sequential


class DeepBeliefNetwork:
    """A stack of RBMs: the visible units of each are the hidden ones of the machine below.

    Args:
        machines: the RBMs from the data upwards; all but the first have Bernoulli visible units.

    Raises ArgumentError and ArgumentTypeError for anything else.
    Source: Lecture 2018, Practical 2020, Lecture 2020; Hinton, Osindero and Teh 2006.

    >>> import numpy as np
    >>> v = np.random.default_rng(0).integers(0, 2, (60, 6))
    >>> network = DeepBeliefNetwork([RBM(4, seed=1), RBM(3, seed=2)])
    >>> _ = network.fit(v, epochs=2, verbose=0)
    >>> network.transform(v).shape, network.to_model(classes=2).count_params()
    ((60, 3), 51)
    """

    def __init__(self, machines: Sequence[RBM]) -> None:
        where = "DeepBeliefNetwork"
        if not isinstance(machines, (list, tuple)) or not all(isinstance(machine, RBM) for machine in machines):
            raise ArgumentTypeError(where, described(machines), "a list of RBMs", "DeepBeliefNetwork([RBM(500), RBM(500)])")
        if not machines or len({id(machine) for machine in machines}) < len(machines):
            raise ArgumentError(where, f"{len(machines)} machines, some of them the same", "one or more, each another")
        for index, machine in enumerate(machines):
            if index and machine.visible != "bernoulli":
                received = f"machine {index + 1} with {machine.visible} visible units"
                raise ArgumentError(where, received, "Bernoulli units above the first machine, as hidden units are 0 or 1")
        self.machines = list(machines)

    def fit(
        self, v: Any, batch_size: int = 100, epochs: int | Sequence[int] = 10, verbose: int = 1
    ) -> list[dict[str, list[float]]]:
        """Train the machines one after the other, each on p(h | v) of those below it.

        Args:
            v: data (n, visible).
            batch_size: samples of a step.
            epochs: for every machine, or a list with a number for each.
            verbose: 1 prints a line for each epoch, 0 nothing.

        Returns what ``RBM.fit`` returns, for each machine.
        """
        each = list(epochs) if isinstance(epochs, (list, tuple)) else [epochs] * len(self.machines)
        if len(each) != len(self.machines):
            received = f"epochs={epochs!r} for {len(self.machines)} machines"
            raise ArgumentError("DeepBeliefNetwork.fit", received, "one number, or one for each machine")
        histories = []
        for number, (machine, times) in enumerate(zip(self.machines, each), start=1):
            name = f"RBM {number} of {len(self.machines)}"
            histories.append(machine.fit(v, batch_size=batch_size, epochs=times, verbose=verbose, name=name))
            v = machine.hidden_probabilities(v)
        return histories

    def transform(self, v: Any) -> np.ndarray:
        """p(h | v) of the topmost machine, through all below it: the features of v."""
        for machine in self.machines:
            v = machine.hidden_probabilities(v)
        return v

    def sample(self, n: int = 1, steps: int = 1000, start: Any = None) -> np.ndarray:
        """What the network dreams of: ``steps`` Gibbs steps in the topmost machine, and its means down to the data.

        Args:
            n: number of chains; with ``start`` as many as it has samples.
            steps: Gibbs steps.
            start: data (n, visible) from which the chains begin; None: from chance.
        """
        *below, top = self.machines
        for machine in below:
            start = None if start is None else machine.hidden_probabilities(start)
        v = top.sample(n, steps, start)
        for machine in reversed(below):
            v = machine.visible_means(v)
        return v

    def to_model(self, classes: int, activation: Any = "softmax", name: str | None = None) -> Sequential:
        """A perceptron whose sigmoid layers begin as the machines have learnt, with new units for classes behind them.

        The weights are copied: training the model leaves the machines as they are.
        """
        classes = check_integer("DeepBeliefNetwork.to_model", "classes", classes)
        if any(machine.input_shape is None for machine in self.machines):
            raise NotBuiltError("DeepBeliefNetwork.to_model", "machines without weights", "fit first")
        model = Sequential([Input(self.machines[0].input_shape)], name=name)
        for number, machine in enumerate(self.machines, start=1):
            layer = Dense(machine.hidden, activation="sigmoid", name=f"rbm_{number}", dtype=machine.dtype)
            model.add(layer)
            W, _, c = machine.get_weights()
            layer.set_weights([W, c])
        model.add(Dense(classes, activation=activation, name="classes", dtype=self.machines[-1].dtype))
        return model

    def __repr__(self) -> str:
        return f"<DeepBeliefNetwork: {self.machines}>"
