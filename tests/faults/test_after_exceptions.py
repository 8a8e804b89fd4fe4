"""After any exception everything is as after the last whole step, and training goes on as if nothing had happened."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

import minidl
from minidl import access, interrupts
from minidl.callbacks import Callback, EarlyStopping, LambdaCallback
from minidl.callbacks.base import MOMENTS
from minidl.errors import StateError
from minidl.interrupts import safe_point
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Layer
from minidl.models import Sequential
from minidl.optimizers import Adam

SAMPLES, FEATURES, BATCH = 20, 4, 5
RNG = np.random.default_rng(1)
X = RNG.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
Y = np.arange(SAMPLES) % 3


class Boom(Exception):
    pass


class Trap(Layer):
    """The identity; ``do()`` at its n-th apply or gradient in training, counted from 1."""

    def __init__(self, moment="", n=0, do=None, **arguments):
        super().__init__(**arguments)
        self.moment, self.n, self.do, self.count = moment, n, do, 0

    def _spring(self, moment):
        if moment == self.moment:
            self.count += 1
            if self.count == self.n:
                self.do()

    def apply(self, x, context):
        if context.training:
            self._spring("apply")
        return x, ()

    def gradient(self, dy, saved, need_dx=True):
        self._spring("gradient")
        return dy


def boom():
    raise Boom("as it was raised")


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def network(place=2, **trap):
    """A model with everything that has state; the trap stands at ``place``."""
    minidl.set_seed(5)
    layers = [Dense(6), BatchNormalization(), Activation("relu"), Dropout(0.3), Dense(3, activation="softmax")]
    layers.insert(place, Trap(**trap))
    model = Sequential(layers)
    model.build((FEATURES,))
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def everything(model):
    """All that training changes, by name."""
    state = {f"weight {i}": w for i, w in enumerate(model.get_weights())}
    for name, p in model.named_parameters():
        for i, array in enumerate(model._step.group.state_of(p)):
            state[f"{name} optimizer {i}"] = array.copy()
    state["steps done"] = model.network.steps_done.copy()
    state["iterations"] = np.array(model.optimizer.iterations)
    return state


def assert_same(a, b):
    assert a.keys() == b.keys()
    different = [name for name in a if not np.array_equal(a[name], b[name])]
    assert not different


def after_steps(steps, place=2):
    """What a model is after this many batches in their order."""
    model = network(place)
    for step in range(steps):
        model.train_on_batch(X[BATCH * step :][:BATCH], Y[BATCH * step :][:BATCH])
    return everything(model)


@pytest.mark.parametrize(
    "moment, place",  # the gradient of a layer with nothing to train below it is never asked for
    [
        ("apply", 0),
        ("apply", 2),
        ("apply", 4),
        ("apply", 5),
        ("gradient", 1),
        ("gradient", 2),
        ("gradient", 4),
        ("gradient", 5),
    ],
)
@pytest.mark.parametrize("n", [1, 3])
def test_an_exception_in_the_middle_of_a_step(moment, n, place):
    model = network(place, moment=moment, n=n, do=boom)
    with pytest.raises(Boom, match="as it was raised"):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False)
    assert_same(everything(model), after_steps(n - 1, place))
    for step in range(n - 1, 4):  # go on with the batch that failed
        model.train_on_batch(X[BATCH * step :][:BATCH], Y[BATCH * step :][:BATCH])
    assert_same(everything(model), after_steps(4, place))


@pytest.mark.parametrize("moment", ["apply", "gradient"])
def test_the_next_fit_goes_on_like_one_that_was_never_interrupted(moment):
    """Three epochs; an exception in the first step of the second; then the second and third epoch."""
    whole = network()
    whole.fit(X, Y, BATCH, epochs=3, verbose=0)
    model = network(moment=moment, n=5, do=boom)
    with pytest.raises(Boom):
        model.fit(X, Y, BATCH, epochs=3, verbose=0)
    assert model.history.epoch == [0]
    history = model.fit(X, Y, BATCH, epochs=3, initial_epoch=1, verbose=0)
    assert history.epoch == [1, 2]
    assert_same(everything(model), everything(whole))


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if "train" in moment or "epoch" in moment])
def test_a_callback_that_raises(moment):
    ended, other_ended = [], []
    model = network()

    def raise_in_the_third_call(*arguments):
        calls.append(1)
        if len(calls) == (3 if "batch" in moment else 1):
            boom()

    calls: list = []
    callbacks = [
        LambdaCallback(on_train_end=lambda logs: ended.append(1)),
        LambdaCallback(**{moment: raise_in_the_third_call}),
        LambdaCallback(on_train_end=lambda logs: other_ended.append(1)),
    ]
    with pytest.raises(Boom, match="as it was raised"):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False, callbacks=callbacks)
    assert ended == [1]
    assert other_ended == ([] if moment == "on_train_begin" else [1])  # the third one never began
    steps = {"on_train_begin": 0, "on_epoch_begin": 0, "on_train_batch_begin": 2, "on_train_batch_end": 3}.get(moment, 4)
    assert_same(everything(model), after_steps(steps))
    assert not access.is_training(model.network)
    model.fit(X, Y, BATCH, verbose=0)


def test_the_first_exception_is_the_one_that_is_seen():
    def another(logs):
        raise OSError("disk full")

    callbacks = [LambdaCallback(on_train_end=another), LambdaCallback(on_epoch_end=lambda epoch, logs: boom())]
    with pytest.raises(Boom):
        network().fit(X, Y, verbose=0, callbacks=callbacks)
    ended = []
    callbacks = [LambdaCallback(on_train_end=another), LambdaCallback(on_train_end=lambda logs: ended.append(1))]
    with pytest.raises(OSError, match="disk full"):
        network().fit(X, Y, verbose=0, callbacks=callbacks)
    assert ended == [1]


@pytest.mark.parametrize("moment", ["apply", "gradient"])
def test_control_c_inside_a_step_waits_for_its_end(moment):
    handler = signal.getsignal(signal.SIGINT)
    ended = []
    model = network(moment=moment, n=3, do=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False, callbacks=[LambdaCallback(on_train_end=ended.append)])
    assert_same(everything(model), after_steps(3))
    assert ended == [{}]
    assert signal.getsignal(signal.SIGINT) is handler
    model.fit(X, Y, BATCH, verbose=0)


def test_control_c_is_let_through_at_a_safe_point_of_a_step():
    """As while a kernel compiles: before the update nothing is half done."""
    reached = []

    def interrupt_and_compile():
        interrupt()
        reached.append("held")
        safe_point()
        reached.append("ran on")

    model = network(moment="gradient", n=3, do=interrupt_and_compile)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False)
    assert reached == ["held"]
    assert_same(everything(model), after_steps(2))
    for step in range(2, 4):
        model.train_on_batch(X[BATCH * step :][:BATCH], Y[BATCH * step :][:BATCH])
    assert_same(everything(model), after_steps(4))


class SafePointInUpdate(Adam):
    """Adam whose second update looks for an interrupt when it is half done."""

    def update(self, *arguments):
        super().update(*arguments)
        if self.iterations == 1:
            interrupt()
            safe_point()


@pytest.mark.parametrize("verb", ["fit", "train_on_batch"])
def test_no_point_of_the_update_is_safe(verb):
    model = network()
    model.compile(SafePointInUpdate(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    if verb == "fit":
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, BATCH, verbose=0, shuffle=False)
    else:
        model.train_on_batch(X[:BATCH], Y[:BATCH])
        with pytest.raises(KeyboardInterrupt):
            model.train_on_batch(X[BATCH:][:BATCH], Y[BATCH:][:BATCH])
    assert_same(everything(model), after_steps(2))
    model.train_on_batch(X[BATCH * 2 :][:BATCH], Y[BATCH * 2 :][:BATCH])
    assert_same(everything(model), after_steps(3))


def test_a_safe_point_in_another_thread_leaves_the_interrupt_to_the_main_one():
    raised = []

    def look():
        try:
            safe_point()
        except KeyboardInterrupt as error:
            raised.append(error)

    def interrupt_and_look_elsewhere():
        interrupt()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    model = network(moment="apply", n=1, do=interrupt_and_look_elsewhere)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False)
    assert raised == []
    assert_same(everything(model), after_steps(1))


def test_control_c_leaves_nothing_frozen_behind_an_input_gradient():
    """Parameters take no gradient for as long as it lasts; interrupts in the middle wait, whatever line they come at."""
    model, lines = Sequential([Dense(3, input_shape=(FEATURES,)), Dense(2)]), []

    def at_line(wanted):
        def trace(frame, event, argument):
            if not frame.f_code.co_filename.endswith("saliency.py"):
                return None
            if event == "line":
                lines.append(frame.f_lineno)
                if len(lines) == wanted:
                    interrupt()
            return trace

        lines.clear()
        before = sys.gettrace()  # of a debugger, or of what counts lines
        sys.settrace(trace)
        try:
            model.input_gradient(X)
        finally:
            sys.settrace(before)

    at_line(None)
    for wanted in range(1, len(lines) + 1):
        with pytest.raises(KeyboardInterrupt):
            at_line(wanted)
        assert all(p.trainable for p in model.parameters), f"line {lines[-1]}"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_control_c_between_steps_comes_at_once():
    reached = []

    def on_train_batch_begin(batch, logs):
        if batch == 2:
            interrupt()
            reached.append(batch)

    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, BATCH, verbose=0, shuffle=False, callbacks=[LambdaCallback(on_train_batch_begin=on_train_batch_begin)])
    assert reached == []
    assert_same(everything(model), after_steps(2))


def test_control_c_inside_train_on_batch():
    handler = signal.getsignal(signal.SIGINT)
    model = network(moment="gradient", n=1, do=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.train_on_batch(X[:BATCH], Y[:BATCH])
    assert_same(everything(model), after_steps(1))
    assert signal.getsignal(signal.SIGINT) is handler


def test_control_c_inside_a_fit_that_a_callback_started():
    handler = signal.getsignal(signal.SIGINT)
    inner = network(moment="gradient", n=2, do=interrupt)
    outer = network()
    start = LambdaCallback(on_epoch_begin=lambda epoch, logs: inner.fit(X, Y, BATCH, verbose=0, shuffle=False))
    with pytest.raises(KeyboardInterrupt):
        outer.fit(X, Y, BATCH, verbose=0, callbacks=[start])
    assert_same(everything(inner), after_steps(2))
    assert_same(everything(outer), after_steps(0))
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_handler_of_the_programs_own_is_left_alone():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        mine = signal.getsignal(signal.SIGINT)
        network(moment="apply", n=1, do=interrupt).fit(X, Y, BATCH, verbose=0)
        assert signal.getsignal(signal.SIGINT) is mine
        assert pressed == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("do", [boom, interrupt])
def test_the_history_of_whole_epochs_is_kept(do):
    model = network(moment="apply", n=10, do=do)
    with pytest.raises((Boom, KeyboardInterrupt)):
        model.fit(X, Y, BATCH, epochs=5, verbose=0)
    assert model.history.epoch == [0, 1]
    assert [len(values) for values in model.history.history.values()] == [2, 2]


def test_a_refused_monitor_does_not_bring_back_old_weights():
    stopping = EarlyStopping("val_loss", restore_best_weights=True)
    model = network()
    model.fit(X, Y, BATCH, validation_split=0.25, verbose=0, callbacks=[stopping])
    model.train_on_batch(X, Y)
    before = everything(model)
    with pytest.raises(ValueError, match="val_loss"):
        model.fit(X, Y, BATCH, verbose=0, callbacks=[stopping])
    assert_same(everything(model), before)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals are for the main thread")
def test_an_interrupt_is_not_lost_where_the_step_raises_something_else():
    guard = interrupts.WholeSteps()

    def fails():
        with guard.installed(), guard.step():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("of the step")

    with pytest.raises(KeyboardInterrupt) as raised:
        fails()
    assert isinstance(raised.value.__context__, ValueError)


def test_a_handler_that_an_interrupt_left_behind_hinders_nothing():
    """Ctrl-C right before a section puts the handler back: the next fit must hold interrupts all the same."""
    before = signal.getsignal(signal.SIGINT)
    left = interrupts._Noted(signal.default_int_handler)
    left.holding = False
    guard, whole = interrupts.WholeSteps(), []

    def in_a_step():
        with guard.installed(), guard.step():
            signal.raise_signal(signal.SIGINT)
            whole.append("step")

    def held():
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            whole.append("held")

    signal.signal(signal.SIGINT, left)
    try:
        for section in (in_a_step, held):
            with pytest.raises(KeyboardInterrupt):
                section()
        assert whole == ["step", "held"]
    finally:
        signal.signal(signal.SIGINT, before)


# -- other threads -------------------------------------------------------------------------------------------------------


class InAnotherThread(Callback):
    """Calls a function in another thread in the middle of training and keeps what it raised."""

    def __init__(self, function):
        self.function, self.raised = function, None

    def on_train_batch_end(self, batch, logs):
        def run():
            try:
                self.function()
            except Exception as error:
                self.raised = error

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


@pytest.mark.parametrize("verb", ["fit", "train_on_batch", "predict", "evaluate", "test_on_batch", "compile"])
def test_another_thread_may_not_touch_a_model_that_is_training(verb):
    model = network()
    arguments = {"predict": (X,), "compile": (Adam(), "mse")}.get(verb, (X, Y))
    quiet = {"verbose": 0} if verb in ("fit", "evaluate") else {}
    callback = InAnotherThread(lambda: getattr(model, verb)(*arguments, **quiet))
    model.fit(X, Y, BATCH, verbose=0, shuffle=False, callbacks=[callback])
    assert isinstance(callback.raised, StateError)
    assert "training" in str(callback.raised)
    assert_same(everything(model), after_steps(4))


def test_a_second_fit_does_not_undo_a_stop_of_the_first():
    model = network()

    def second():
        model.stop_training = True
        model.fit(X, Y, verbose=0)

    assert model.fit(X, Y, BATCH, epochs=9, verbose=0, callbacks=[InAnotherThread(second)]).epoch == [0]


def test_a_callback_may_predict_and_evaluate_without_changing_anything():
    seen = []

    def look(batch, logs):
        seen.append(model.predict(X[:1]))
        model.evaluate(X, Y, verbose=0)

    plain, model = network(), network()
    expected = plain.fit(X, Y, BATCH, epochs=2, verbose=0)
    history = model.fit(X, Y, BATCH, epochs=2, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=look)])
    assert len(seen) == 8
    assert history.history == expected.history
    assert_same(everything(model), everything(plain))


def test_a_callback_may_not_start_a_fit_of_the_same_model():
    model = network()
    with pytest.raises(StateError, match="training"):
        model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: model.fit(X, Y, verbose=0))])
    model.fit(X, Y, verbose=0)


def test_threads_that_predict_and_evaluate_agree_with_one_that_does():
    model = network()
    expected, metrics = model.predict(X, 3), model.evaluate(X, Y, 3, verbose=0)
    wrong = []

    def work():
        for _ in range(20):
            agree = np.array_equal(model.predict(X, 3), expected) and model.evaluate(X, Y, 3, verbose=0) == metrics
            wrong.extend([] if agree else ["another result"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_fit_outside_the_main_thread_trains_alike():
    model, raised = network(), []

    def run():
        try:
            model.fit(X, Y, BATCH, verbose=0, shuffle=False)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not raised
    assert_same(everything(model), after_steps(4))
