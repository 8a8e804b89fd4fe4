"""Weights have any number of readers, or one thread that changes them; whatever does not go together is refused."""

import copy
import os
import pickle
import threading
from contextlib import contextmanager

import numpy as np
import pytest

import minidl
from minidl import access
from minidl.errors import StateError
from minidl.layers import BatchNormalization, Dense, Flatten
from minidl.models import Sequential
from minidl.optimizers import SGD

X, Y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)


def network(*layers):
    model = Sequential(layers or [Dense(2, input_shape=(3,)), BatchNormalization()])
    model.compile("sgd", "mse")
    return model


@contextmanager
def in_another_thread(use):
    """``use`` is going on in another thread as long as the block lasts."""
    begun, end, raised = threading.Event(), threading.Event(), []

    def run():
        try:
            with use():
                begun.set()
                end.wait(10)
        except BaseException as error:
            raised.append(error)
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(10)
    try:
        assert not raised
        yield
    finally:
        end.set()
        thread.join()


READS = {
    "predict": lambda m, p: m.predict(X),
    "model(x)": lambda m, p: m(X),
    "forward": lambda m, p: m.forward(X),
    "forward, inference": lambda m, p: m.forward(X, training=False),
    "layer(x)": lambda m, p: m.layers[0](X),
    "layer.forward": lambda m, p: m.layers[0].forward(X),
    "evaluate": lambda m, p: m.evaluate(X, Y, verbose=0),
    "test_on_batch": lambda m, p: m.test_on_batch(X, Y),
    "get_weights": lambda m, p: m.get_weights(),
    "layer.get_weights": lambda m, p: m.layers[1].get_weights(),
    "save_weights": lambda m, p: m.save_weights(p),
    "deepcopy": lambda m, p: copy.deepcopy(m),
    "pickle": lambda m, p: pickle.dumps(m),
    "warmup": lambda m, p: minidl.warmup(m, verbose=0),
}
CHANGES = {
    "set_weights": lambda m, p: m.set_weights([np.zeros((3, 2)), *[np.zeros(2)] * 5]),
    "layer.set_weights": lambda m, p: m.layers[0].set_weights([np.zeros((3, 2)), np.zeros(2)]),
    "load_weights": lambda m, p: m.load_weights(p),
    "fit": lambda m, p: m.fit(X, Y, verbose=0),
    "train_on_batch": lambda m, p: m.train_on_batch(X, Y),
    "optimizer.step": lambda m, p: SGD().step(m.parameters),
}
KINDS = {"reads": access.reading, "writes": access.writing, "trains": access.training}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", [*READS, *CHANGES])
def test_what_goes_together(what, kind, tmp_path):
    model, path = network(), tmp_path / "w"
    model.save_weights(path)
    call, before = {**READS, **CHANGES}[what], [w.tobytes() for w in model.get_weights()]
    with in_another_thread(lambda: KINDS[kind]("the other", model.network)):
        if what in READS and kind == "reads":
            call(model, path)
        else:
            with pytest.raises(StateError, match="the other"):
                call(model, path)
    if what in CHANGES:
        assert [w.tobytes() for w in model.get_weights()] == before, "refused before anything changed"
    call(model, path)


def test_going_back_beside_training():
    model = network()
    model.forward(X)
    with in_another_thread(lambda: access.training("fit", model.network)), pytest.raises(StateError):
        model.layers[0].backward(Y) if model.layers[0]._remembered else model.backward(Y)


@pytest.mark.parametrize("shared", [True, False])
def test_it_is_the_weights_that_count_not_the_model(shared):
    body = Dense(3, input_shape=(3,))
    one, other = network(body, Dense(2)), network(body if shared else Dense(3, input_shape=(3,)), Dense(2))
    with in_another_thread(lambda: access.training("fit", one.network)):
        for call in (other.predict, other.get_weights, lambda *_: other.train_on_batch(X, Y)):
            if shared:
                with pytest.raises(StateError, match=r"weights that another thread is training \(fit\)"):
                    call(*[X] * (call == other.predict))
            else:
                call(*[X] * (call == other.predict))


def test_running_statistics_count_too():
    normalize = BatchNormalization(center=False, scale=False, input_shape=(3,))
    with in_another_thread(lambda: access.training("fit", network(normalize, Dense(2)).network)):
        with pytest.raises(StateError):
            normalize.get_weights()
        Flatten().forward(X)


def test_a_model_that_is_predicted_with_is_not_trained():
    """Before, predictions beside a fit were made with the weights of several steps, and nothing told."""
    model, results = network(), []
    expected = model.predict(X)
    stop = threading.Event()

    def predict():
        while not stop.is_set():
            try:
                results.append(model.predict(X, batch_size=1))
            except StateError:
                results.append(None)

    thread = threading.Thread(target=predict)
    thread.start()
    trained = False
    for _ in range(200):
        try:
            model.train_on_batch(X, Y)
            trained = True
        except StateError:
            pass
    stop.set()
    thread.join()
    seen = [r for r in results if r is not None]
    assert seen
    assert all((r == r[0]).all() for r in seen), "samples that are equal have equal results: one set of weights"
    assert trained == (not np.array_equal(model.predict(X), expected))


def test_nothing_stays_behind():
    model = network()
    with pytest.raises(ZeroDivisionError), access.training("fit", model.network):
        1 / 0  # noqa: B018
    assert not access.is_training(model.network)
    with in_another_thread(lambda: access.reading("predict", model.network)), pytest.raises(StateError):
        model.fit(X, Y, verbose=0)
    model.fit(X, Y, verbose=0)
    assert not access._uses
    assert not access._changes


def test_an_interrupt_while_a_use_begins(monkeypatch):
    model = network()
    monkeypatch.setattr(access.Use, "_check", lambda use: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        model.train_on_batch(X, Y)
    monkeypatch.undo()
    model.train_on_batch(X, Y)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_is_not_kept_waiting_by_threads_it_does_not_have():
    model = network()
    with in_another_thread(lambda: access.training("fit", model.network)):
        child = os.fork()
        if child == 0:
            try:
                with minidl.config.use_kernels("reference"):
                    model.predict(X)
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
