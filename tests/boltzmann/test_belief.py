"""Stacks of machines: each learns from the one below; as a perceptron they compute the same features."""

import numpy as np
import pytest

from minidl.boltzmann import RBM, DeepBeliefNetwork
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError

RANDOM = np.random.default_rng(3)
V = (RANDOM.random((40, 6)) < np.where(np.arange(40) % 2, 0.9, 0.1)[:, None]).astype(float)


def stack(first="bernoulli"):
    return DeepBeliefNetwork([RBM(5, first, seed=1), RBM(4, seed=2), RBM(3, seed=3)])


@pytest.fixture
def trained():
    network = stack()
    network.fit(V, batch_size=10, epochs=2, verbose=0)
    return network


def test_each_machine_learns_what_the_one_below_has_found():
    network = stack()
    histories = network.fit(V, batch_size=10, epochs=[3, 2, 1], verbose=0)
    assert [len(history["reconstruction_error"]) for history in histories] == [3, 2, 1]
    first, second = RBM(5, seed=1), RBM(4, seed=2)
    assert first.fit(V, batch_size=10, epochs=3, verbose=0) == histories[0]
    assert second.fit(first.hidden_probabilities(V), batch_size=10, epochs=2, verbose=0) == histories[1]
    np.testing.assert_array_equal(network.machines[1].W.value, second.W.value)


def test_defaults_and_lines(capsys):
    network = DeepBeliefNetwork([RBM(5, seed=1), RBM(4, seed=2)])
    histories = network.fit(V)
    assert [len(history["reconstruction_error"]) for history in histories] == [10, 10]
    assert network.machines[0].steps == 10  # 40 samples in batches of 100
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("RBM 1 of 2: epoch 1/10 - ")
    assert lines[-1].startswith("RBM 2 of 2: epoch 10/10 - ")
    assert network.sample(2).shape == (2, 6)
    assert repr(network).startswith("<DeepBeliefNetwork: [<RBM: 6 visible (bernoulli), 5 hidden>, ")


@pytest.mark.parametrize("first", ["bernoulli", "gaussian"])
def test_as_a_perceptron_it_has_the_same_features(first):
    network = stack(first)
    network.fit(V, epochs=1, verbose=0)
    model = network.to_model(classes=2, name="mine")
    assert (model.name, [layer.name for layer in model.layers]) == ("mine", ["rbm_1", "rbm_2", "rbm_3", "classes"])
    x = V
    for layer in model.layers[:3]:
        x = layer(x)
    np.testing.assert_allclose(x, network.transform(V), rtol=1e-5)
    np.testing.assert_allclose(model.predict(V).sum(axis=1), 1, rtol=1e-5)
    before = network.machines[0].get_weights()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(V, np.arange(40) % 2, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.machines[0].get_weights()))
    assert not np.array_equal(model.layers[0].W.value, before[0])
    assert network.to_model(3, activation=None).layers[-1].activation.is_linear  # logits


def test_dreams_go_down_through_all_machines(trained):
    first, second, top = trained.machines
    twin = RBM(3, seed=3)
    twin.build((4,))
    twin.set_weights(top.get_weights())
    of_top = twin.sample(5, 4)
    np.testing.assert_allclose(trained.sample(5, 4), first.visible_means(second.visible_means(of_top)), rtol=1e-6)
    of_top = twin.sample(steps=4, start=second.hidden_probabilities(first.hidden_probabilities(V)))
    again = trained.sample(steps=4, start=V)
    np.testing.assert_allclose(again, first.visible_means(second.visible_means(of_top)), rtol=1e-6)


@pytest.mark.parametrize(
    "machines, error, words",
    [
        ([], ArgumentError, "0 machines"),
        (RBM(3), ArgumentTypeError, "a list of RBMs"),
        ([RBM(3), 4], ArgumentTypeError, "a list of RBMs"),
        ([RBM(3)] * 2, ArgumentError, "some of them the same"),
        ([RBM(3), RBM(2, "gaussian")], ArgumentError, "machine 2 with gaussian visible units"),
    ],
)
def test_stacks_that_are_none(machines, error, words):
    with pytest.raises(error, match=words):
        DeepBeliefNetwork(machines)


def test_calls_that_make_no_sense(trained):
    with pytest.raises(NotBuiltError, match="machines without weights"):
        stack().to_model(2)
    with pytest.raises(NotBuiltError):
        stack().sample(2)
    with pytest.raises(ArgumentError, match="classes=0"):
        trained.to_model(0)
    with pytest.raises(ArgumentError, match="one for each machine"):
        trained.fit(V, epochs=[1, 2])
    with pytest.raises(ShapeError, match="expected"):
        trained.transform(V[:, :3])
