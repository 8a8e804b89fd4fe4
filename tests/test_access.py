"""Weights have any number of readers, or one thread that changes them; whatever does not go together waits or is refused."""

import copy
import os
import pickle
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest

import minidl
from minidl import access
from minidl.callbacks import LambdaCallback
from minidl.errors import StateError
from minidl.layers import BatchNormalization, Dense, Flatten, Layer
from minidl.models import Sequential
from minidl.optimizers import SGD

X, Y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)


def network(*layers):
    model = Sequential(layers or [Dense(2, input_shape=(3,)), BatchNormalization()])
    model.compile("sgd", "mse")
    return model


class Thread:
    """A thread that runs ``function`` and keeps what it raised."""

    def __init__(self, function):
        self.raised = None

        def run():
            try:
                function()
            except BaseException as error:
                self.raised = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def is_waiting(self):
        self.thread.join(0.05)
        return self.thread.is_alive()

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive(), "waits for ever"
        if self.raised is not None:
            raise self.raised


@contextmanager
def in_another_thread(use):
    """``use`` is going on in another thread as long as the block lasts."""
    begun, end = threading.Event(), threading.Event()

    def run():
        with use():
            begun.set()
            end.wait(20)

    thread = Thread(run)
    assert begun.wait(20)
    try:
        yield
    finally:
        end.set()
        thread.end()


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


@pytest.fixture(scope="module")
def a_model(tmp_path_factory):
    model, path = network(), tmp_path_factory.mktemp("access") / "w"
    model.save_weights(path)
    for call in (*READS.values(), *CHANGES.values()):
        call(model, path)  # builds and compiles what it needs, so that only waiting takes time below
    return model, path


@pytest.mark.parametrize("what", [*READS, *CHANGES])
def test_nothing_touches_weights_that_another_thread_trains(what, a_model):
    model, path = a_model
    call, before = {**READS, **CHANGES}[what], [w.tobytes() for w in model.get_weights()]
    with in_another_thread(lambda: access.training("the other", model.network)), pytest.raises(StateError, match="the other"):
        call(model, path)
    assert [w.tobytes() for w in model.get_weights()] == before, "refused before anything changed"
    call(model, path)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("kind", [access.reading, access.writing])
@pytest.mark.parametrize("what", [*READS, *CHANGES])
def test_short_uses_wait_for_each_other(what, kind, a_model):
    model, path = a_model
    call = {**READS, **CHANGES}[what]
    before = [w.tobytes() for w in model.get_weights()]
    if what in READS and what != "forward" and kind is access.reading:  # which moves running statistics in the end
        with in_another_thread(lambda: kind("the other", model.network)):
            call(model, path)
        return
    with in_another_thread(lambda: kind("the other", model.network)):
        thread = Thread(lambda: call(model, path))
        assert thread.is_waiting()
        assert [p.value.tobytes() for p in model.network.weights] == before, "nothing changed meanwhile"
    thread.end()


def test_who_reads_comes_behind_a_change_that_waits():
    model = network()
    with in_another_thread(lambda: access.reading("predict", model.network)):
        fit = Thread(lambda: model.fit(X, Y, verbose=0))
        assert fit.is_waiting()
        read = Thread(lambda: model.predict(X))
        assert read.is_waiting()
    fit.end()
    with suppress(StateError):  # where it looked while the fit was going on
        read.end()
    with in_another_thread(lambda: access.reading("predict", model.network)):
        write = Thread(lambda: model.set_weights(model.get_weights()))
        assert write.is_waiting()
        read = Thread(lambda: model.predict(X))
        assert read.is_waiting()
    write.end()
    read.end()


def test_reading_within_reading_does_not_wait_for_itself():
    """Before, and only if a change waited already, this could have waited for ever."""
    model = network()
    zeros = [np.zeros_like(w) for w in model.get_weights()]
    with access.reading("warmup", model.network):
        write = Thread(lambda: model.set_weights(zeros))
        assert write.is_waiting()
        assert model.predict(X).shape == (4, 2)
        copy.deepcopy(model)
    write.end()


def test_changing_while_reading_oneself_is_refused_where_it_would_wait():
    model = network()
    with (
        in_another_thread(lambda: access.reading("predict", model.network)),
        access.reading("predict", model.network),
        pytest.raises(StateError, match="using"),
    ):
        model.set_weights([np.zeros_like(p.value) for p in model.network.weights])
    assert not access._uses
    assert not access._changes


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


def test_predictions_beside_training_have_one_set_of_weights():
    """Before, predictions beside a fit were made with the weights of several steps, and nothing told."""
    model, results, refused, stop = network(), [], [], threading.Event()

    def predict():
        while not stop.is_set():
            try:
                results.append(model.predict(np.repeat(X[:1], 64, axis=0), batch_size=1))
            except StateError:
                refused.append(1)

    thread = Thread(predict)
    while not results:
        stop.wait(0.001)
    patience = time.monotonic() + 20  # a fit of a few steps may begin and end between two predictions
    while not refused and time.monotonic() < patience:
        model.fit(X, Y, epochs=2, verbose=0)
    for _ in range(30):
        model.fit(X, Y, epochs=2, verbose=0)
    stop.set()
    thread.end()
    assert refused
    assert all((r == r[0]).all() for r in results), "samples that are equal have equal results: one set of weights"


def test_nothing_stays_behind():
    model = network()
    with pytest.raises(ZeroDivisionError), access.training("fit", model.network):
        1 / 0  # noqa: B018
    assert not access.is_training(model.network)
    with in_another_thread(lambda: access.training("fit", model.network)), pytest.raises(StateError):
        model.fit(X, Y, verbose=0)
    model.fit(X, Y, verbose=0)
    assert not access._uses
    assert not access._changes


def test_an_interrupt_while_a_use_begins(monkeypatch):
    model = network()
    monkeypatch.setattr(access.Use, "_in_the_way", lambda use, patient: (_ for _ in ()).throw(KeyboardInterrupt))
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


def test_a_use_that_an_interrupt_left_goes_with_its_frame():
    model = network()

    def interrupted():
        access.training("fit", model.network).__enter__()  # and no __exit__: Ctrl-C came right in front of it

    interrupted()
    model.fit(X, Y, verbose=0)
    access.reading("predict", model.network).__enter__()
    thread = Thread(lambda: model.set_weights([np.zeros_like(p.value) for p in model.network.weights]))
    thread.end()
    assert not access._changes


def test_a_signals_handler_may_use_a_model_wherever_it_arrives():
    model = network()
    with access._lock:
        model.get_weights()
        model.train_on_batch(X, Y)


class InThreads(Layer):
    """y = x W, computed by a helper thread that waits until a change of the weights waits too."""

    def __init__(self, begun):
        super().__init__(input_shape=(3,))
        self.part, self.begun = Dense(2), begun

    def build(self, input_shape):
        self.part.build(input_shape)

    def output_shape(self, input_shape):
        return (2,)

    def apply(self, x, context):
        self.begun.set()
        while not access._changes:
            time.sleep(0.001)
        results = []
        helper = Thread(lambda: results.append(self.part(x)))
        helper.end()
        return results[0], None


def test_a_layer_may_compute_in_threads_while_a_change_waits():
    """The change waits for the layer and the layer for its helper, so the helper may not wait for the change."""
    begun = threading.Event()
    layer = InThreads(begun)
    layer.ensure_built((3,))
    read = Thread(lambda: layer(X))
    assert begun.wait(20)
    write = Thread(lambda: layer.set_weights([np.zeros((3, 2)), np.zeros(2)]))
    read.end()
    write.end()


def test_a_callback_waits_for_who_predicts_with_another_model():
    model, target, begun = network(), network(), threading.Event()

    def follow(epoch, logs):
        weights = model.get_weights()
        begun.set()
        target.set_weights(weights)

    with in_another_thread(lambda: access.reading("predict", target.network)):
        fit = Thread(lambda: model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=follow)]))
        assert begun.wait(20)
        assert fit.is_waiting()
    fit.end()
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), target.get_weights()))


def test_running_statistics_wait_for_predictions():
    layer = BatchNormalization(input_shape=(3,))
    layer.forward(np.zeros_like(X))  # builds it and loads the kernels, so that only waiting takes time below
    with in_another_thread(lambda: access.reading("predict", layer)):
        thread = Thread(lambda: layer.forward(X))
        assert thread.is_waiting()
        assert not layer.moving_mean.value.any()
    thread.end()
    assert layer.moving_mean.value.any()


def test_a_copy_has_one_set_of_weights():
    model = Sequential([Dense(3, input_shape=(3,)), Dense(3), Dense(3)])
    sets = [[np.full_like(w, value) for w in model.get_weights()] for value in (0.0, 1.0)]
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for weights in sets:
                model.set_weights(weights)

    thread = Thread(change)
    values = [{w.flat[0] for w in copy.deepcopy(model).get_weights()} for _ in range(30)]
    stop.set()
    thread.end()
    assert all(len(value) == 1 for value in values[1:])
