"""Weights are overwritten all or none, whatever is raised at whichever write: Ctrl-C, another exception, a second one."""

import signal
import threading

import numpy as np
import pytest

from minidl import interrupts
from minidl.callbacks import Callback, EarlyStopping
from minidl.layers import BatchNormalization, Dense
from minidl.models import Sequential

WEIGHTS = 8


class Trapped(np.ndarray):
    """An array that counts how often arrays of its kind are written to, and acts at some of these writes."""

    writes = 0
    at = ()
    do = None

    def __setitem__(self, key, value):
        Trapped.writes += 1
        if Trapped.writes in Trapped.at:
            half = self.reshape(-1)[: self.size // 2].view(np.ndarray)
            half[...] = 7  # as if the copy had come half its way
            Trapped.do()
        super().__setitem__(key, value)


def network():
    model = Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2)])
    assert len(model.network.weights) == WEIGHTS
    model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
    return model


def trap(model, do, *at):
    for p in model.network.weights:
        p._value = p._value.view(Trapped)
    Trapped.writes, Trapped.do, Trapped.at = 0, do, at


def values(model):
    return {float(x) for p in model.network.weights for x in np.asarray(p.value).flat}


def ones(model):
    return [np.ones(p.shape, np.float32) for p in model.network.weights]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of ones."""
    model, path = network(), tmp_path_factory.mktemp("saved") / "w"
    model.set_weights(ones(model))
    model.save_weights(path)
    return path


def setting(model, saved):
    return lambda: model.set_weights(ones(model))


def loading(model, saved):
    return lambda: model.load_weights(saved)


def restoring(model, saved):
    stopping = EarlyStopping("loss", restore_best_weights=True, verbose=0)
    stopping.model, stopping.params = model, {"metrics": ["loss"]}
    stopping.on_train_begin({})
    stopping._best_weights = ones(model)
    return lambda: stopping.on_train_end({})


def interrupt():
    raise KeyboardInterrupt  # as another thread may raise it, where no handler is asked


def fail():
    raise MemoryError("no room on the device")


def press():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("way", [setting, loading, restoring])
def test_all_or_none_at_every_write(saved, way):
    for n in range(1, WEIGHTS + 1):
        for do, error, left in ((interrupt, KeyboardInterrupt, 0), (fail, MemoryError, 0), (press, KeyboardInterrupt, 1)):
            model = network()
            act = way(model, saved)
            trap(model, do, n)
            with pytest.raises(error):
                act()
            assert Trapped.writes >= n
            assert values(model) == {left}, (n, do.__name__)
            act()  # nothing is left behind: the next one works
            assert values(model) == {1}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_exception_while_the_old_values_are_written_back():
    for n in range(1, WEIGHTS + 1):
        for second in (n + 1, n + 3, n + WEIGHTS):
            model = network()
            trap(model, fail, n, second)
            with pytest.raises(MemoryError):
                model.set_weights(ones(model))
            assert values(model) == {0}, (n, second)


def test_an_error_does_not_swallow_the_interrupt_that_came_before_it():
    model = network()

    def both():
        press()
        fail()

    trap(model, both, 3)
    with pytest.raises(KeyboardInterrupt) as caught:
        model.set_weights(ones(model))
    assert isinstance(caught.value.__context__, MemoryError)
    assert values(model) == {0}


def test_the_programs_own_handler_runs_once_and_sees_whole_weights(saved):
    model, seen = network(), []
    act = loading(model, saved)
    trap(model, lambda: (press(), press()), 4)
    own = lambda number, frame: seen.append(values(model))  # noqa: E731
    before = signal.signal(signal.SIGINT, own)
    try:
        act()
        assert seen == [{1}]
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_interrupt_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.held():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread():
    model, caught = network(), []

    def run():
        try:
            model.set_weights(ones(model))
        except MemoryError as error:
            caught.append(error)

    trap(model, fail, 5)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert values(model) == {0}


def test_weights_may_be_given_their_own_arrays():
    model = Sequential([Dense(3, use_bias=False, input_shape=(3,)), Dense(3, use_bias=False)])
    first, second = model.get_weights()
    a, b = (p.value for p in model.parameters)
    model.set_weights([b, a[::-1]])
    assert np.array_equal(a, second)
    assert np.array_equal(b, first[::-1])


class Feed(Callback):
    def on_epoch_end(self, epoch, logs):
        logs["loss"] = [3, 2, 1][epoch]
        self.model.set_weights([np.full_like(w, epoch) for w in self.model.get_weights()])


def test_early_stopping_knows_the_epoch_of_its_weights(monkeypatch):
    """Ctrl-C while the weights of a better epoch are copied: what comes back is the best epoch before, and it says so."""
    model, stopping = network(), EarlyStopping("loss", restore_best_weights=True, verbose=0)
    model.compile("sgd", "mse")
    copy, copies = model.get_weights, []

    def interrupted():
        copies.append(copy())
        if len(copies) == 6:  # two in each epoch: Feed's and that of the best weights
            raise KeyboardInterrupt
        return copies[-1]

    monkeypatch.setattr(model, "get_weights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(np.ones((4, 4)), np.ones((4, 2)), epochs=3, verbose=0, callbacks=[Feed(), stopping])
    assert stopping.best_epoch == 1
    assert values(model) == {1}
