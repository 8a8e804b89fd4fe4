"""Which moments of a callback are called, in which order, and what is said of a callback whose methods cannot be called."""

import functools

import numpy as np
import pytest

from minidl.callbacks import Callback, CallbackList, LambdaCallback
from minidl.callbacks.base import MOMENTS, OF_OTHER_LIBRARIES
from minidl.layers import Dense
from minidl.models import Sequential

X = np.ones((4, 1), np.float32)


def compiled():
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    return model


def refused(kind, *callbacks):
    """The text of the error, raised before anything of the model changed."""
    model = compiled()
    before = model.get_weights()
    with pytest.raises(kind) as raised:
        model.fit(X, X, verbose=0, callbacks=list(callbacks))
    assert model.optimizer.iterations == 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    return str(raised.value)


# -- what a learner writes half right --------------------------------------------------------------------------------------


def without_logs(self, epoch):
    pass


def with_more(self, epoch, logs, more):
    pass


def keyword_only(self, epoch, *, logs):
    pass


async def in_the_background(self, epoch, logs):
    pass


def piecewise(self, epoch, logs):
    yield


@pytest.mark.parametrize(
    "method, words",
    [
        (without_logs, ["on_epoch_end(self, epoch)", "epoch, logs behind self", "def on_epoch_end(self, epoch, logs):"]),
        (with_more, ["on_epoch_end(self, epoch, logs, more)", "def on_epoch_end(self, epoch, logs):"]),
        (keyword_only, ["on_epoch_end(self, epoch, *, logs)", "def on_epoch_end(self, epoch, logs):"]),
        (in_the_background, ["async", "never run", "on_epoch_end(self, epoch, logs)"]),
        (piecewise, ["yield", "never run", "on_epoch_end(self, epoch, logs)"]),
        (3, ["on_epoch_end = 3", "a method on_epoch_end(self, epoch, logs)"]),
        (staticmethod(lambda: None), ["on_epoch_end()", "the arguments epoch, logs"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_method_with_wrong_arguments_is_explained_before_training(method, words):
    begun = []
    first = LambdaCallback(on_train_begin=begun.append)
    text = refused(TypeError, first, type("Mine", (Callback,), {"on_epoch_end": method})())
    assert all(word in text for word in ["fit: Mine", *words]), text
    assert not begun


@pytest.mark.parametrize("function", [lambda: None, lambda epoch: None])
def test_a_function_with_wrong_arguments_is_explained(function):
    text = refused(TypeError, LambdaCallback(on_epoch_end=function))
    assert "LambdaCallback" in text
    assert "lambda epoch, logs: ..." in text


@pytest.mark.parametrize(
    "function",
    [
        lambda epoch, logs=None: None,
        lambda *arguments: None,
        lambda epoch, logs, more=0: None,
        functools.partial(lambda first, epoch, logs: None, 0),
        print,
    ],
)
def test_whatever_takes_the_arguments_is_called(function):
    compiled().fit(X, X, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=lambda epoch, logs: None)])
    calls = []
    callback = LambdaCallback(on_epoch_end=function)
    callback.on_epoch_begin = lambda epoch, logs: calls.append(epoch)
    compiled().fit(X, X, verbose=0, callbacks=[callback])
    assert calls == [0]


def test_what_a_method_returns_is_not_used():
    model = compiled()
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: True, on_train_batch_end=lambda batch, logs: False)
    assert model.fit(X, X, epochs=2, verbose=0, callbacks=[stop]).epoch == [0, 1]


@pytest.mark.parametrize(
    "name, meant",
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("on_epochs_end", "on_epoch_end"),
        ("on_epoch_start", "on_epoch_begin"),
        ("on_validation_end", "on_test_end"),
        ("on_trainbatch_end", "on_train_batch_end"),
        ("on_batches_end", "on_batch_end"),
    ],
)
def test_a_misspelt_moment_is_refused_as_it_would_never_come(name, meant):
    text = refused(TypeError, type("Mine", (Callback,), {name: lambda self, *arguments: None})())
    assert f"a method {name}, which is never called" in text
    assert f"Did you mean {meant!r}?" in text


def test_other_names_are_a_callback_s_own():
    own = {"on_improvement": lambda self: None, "on_plateau": lambda self: None, "on_disk": True, "one_more": 3}
    compiled().fit(X, X, verbose=0, callbacks=[type("Mine", (Callback,), own)()])


def test_names_of_other_libraries_lead_to_moments():
    assert set(OF_OTHER_LIBRARIES.values()) <= set(MOMENTS)
    assert not set(OF_OTHER_LIBRARIES) & set(MOMENTS)


def test_set_model_and_set_params_are_called_and_must_pass_on():
    class Mine(Callback):
        def set_model(self, model):
            self.seen = model
            super().set_model(model)

        def set_params(self, params):
            super().set_params(params)
            self.epochs = params["epochs"]

    mine, model = Mine(), compiled()
    model.fit(X, X, epochs=2, verbose=0, callbacks=[mine])
    assert mine.model is mine.seen is model
    assert mine.epochs == 2

    class Forgets(Callback):
        def set_model(self, model):
            self.mine = model

    assert "super().set_model(model)" in refused(RuntimeError, Forgets())


# -- the older names ------------------------------------------------------------------------------------------------------


def test_the_older_names_are_called_like_the_newer_ones():
    calls = []

    class Older(Callback):
        def on_batch_begin(self, batch, logs=None):
            calls.append(("begin", batch))

        def on_batch_end(self, batch, logs=None):
            calls.append(("end", batch, sorted(logs)))

    compiled().fit(X, X, 2, verbose=0, callbacks=[Older()])
    assert calls == [(moment, batch, *more) for batch in (0, 1) for moment, *more in (("begin",), ("end", ["loss"]))]


def test_of_both_names_the_newer_one_is_called():
    calls = []

    class Both(Callback):
        def on_batch_end(self, batch, logs):
            calls.append("older")

        def on_train_batch_end(self, batch, logs):
            calls.append("newer")

    compiled().fit(X, X, verbose=0, callbacks=[Both()])
    assert calls == ["newer"]

    class Passes(Both):
        def on_train_batch_end(self, batch, logs):
            Callback.on_train_batch_end(self, batch, logs)

    calls.clear()
    compiled().fit(X, X, verbose=0, callbacks=[Passes()])
    assert calls == ["older"]


# -- a list of callbacks, as loops call it ----------------------------------------------------------------------------------


class Everything(Callback):
    def __init__(self, calls):
        self.calls = calls
        for moment in MOMENTS:
            if "epoch" in moment or "batch" in moment:
                setattr(self, moment, lambda number, logs, moment=moment: calls.append((moment, number, dict(logs))))
            else:
                setattr(self, moment, lambda logs, moment=moment: calls.append((moment, dict(logs))))


def test_every_moment_is_passed_on():
    calls = []
    several = CallbackList([Everything(calls)], compiled(), {"metrics": ["loss"]})
    with several.around_training():
        several.on_epoch_begin(0, {})
        several.on_train_batch_begin(0, {})
        several.on_train_batch_end(0, {"loss": 1.0})
        with several.around_testing() as logs:
            several.on_test_batch_begin(0, {})
            several.on_test_batch_end(0, {"loss": 2.0})
            logs.update(loss=3.0)
        several.on_epoch_end(0, {"loss": 4.0})
    with several.around_predicting():
        several.on_predict_batch_begin(0, {})
        several.on_predict_batch_end(0, {"outputs": 5})
    assert calls == [
        ("on_train_begin", {}),
        ("on_epoch_begin", 0, {}),
        ("on_train_batch_begin", 0, {}),
        ("on_train_batch_end", 0, {"loss": 1.0}),
        ("on_test_begin", {}),
        ("on_test_batch_begin", 0, {}),
        ("on_test_batch_end", 0, {"loss": 2.0}),
        ("on_test_end", {"loss": 3.0}),
        ("on_epoch_end", 0, {"loss": 4.0}),
        ("on_train_end", {"loss": 4.0}),
        ("on_predict_begin", {}),
        ("on_predict_batch_begin", 0, {}),
        ("on_predict_batch_end", 0, {"outputs": 5}),
        ("on_predict_end", {}),
    ]


@pytest.mark.parametrize("around", ["around_training", "around_testing", "around_predicting"])
def test_the_end_reaches_whoever_began(around):
    what = {"around_training": "train", "around_testing": "test", "around_predicting": "predict"}[around]
    ended = []

    def fails(logs):
        raise OSError("as it was raised")

    callbacks = [
        LambdaCallback(**{f"on_{what}_end": lambda logs: ended.append("first")}),
        LambdaCallback(**{f"on_{what}_end": fails}),
        LambdaCallback(**{f"on_{what}_end": lambda logs: ended.append("third")}),
    ]
    several = CallbackList(callbacks, compiled(), {})
    with pytest.raises(ZeroDivisionError), getattr(several, around)():
        raise ZeroDivisionError
    assert ended == ["first", "third"]
    with pytest.raises(OSError, match="as it was raised"), getattr(several, around)():
        pass
    assert ended == ["first", "third"] * 2
    callbacks[2] = LambdaCallback(**{f"on_{what}_end": lambda logs: ended.append("third") or 1 / 0})
    with pytest.raises(OSError, match="as it was raised"), getattr(CallbackList(callbacks, compiled(), {}), around)():
        pass  # of two errors the first is seen
    callbacks[1] = LambdaCallback(**{f"on_{what}_begin": fails})
    with pytest.raises(OSError, match="as it was raised"), getattr(CallbackList(callbacks, compiled(), {}), around)():
        pass
    assert ended == ["first", "third"] * 3 + ["first"], "the third one never began"


def test_the_logs_at_the_end_are_those_of_the_last_epoch_of_this_fit():
    seen, model = [], compiled()
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(mine=epoch), on_train_end=lambda logs: seen.append({**logs})
    )
    history = model.fit(X, X, epochs=2, verbose=0, callbacks=[callback]).history
    assert seen == [{"loss": history["loss"][1], "mine": 1}]
    model.fit(X, X, epochs=0, verbose=0, callbacks=[callback])
    assert seen[1] == {}
    several = CallbackList([callback], model, {})
    with several.around_training():
        several.on_epoch_end(0, {"val_loss": 1.0})
        several.on_epoch_end(1, {"loss": 2.0})
    assert seen[2] == {"loss": 2.0, "mine": 1}, "without validation in the last epoch"


def test_the_list_names_the_call_it_belongs_to():
    with pytest.raises(TypeError, match="evaluate: callbacks"):
        CallbackList([3], compiled(), {}, "evaluate")
    with pytest.raises(TypeError, match="predict: Mine"):
        CallbackList([type("Mine", (Callback,), {"on_epoch_end": without_logs})()], compiled(), {}, "predict")


# -- LambdaCallback ---------------------------------------------------------------------------------------------------------


def test_functions_in_the_order_of_keras():
    functions = [lambda *arguments, n=n: n for n in range(6)]
    callback = LambdaCallback(*functions)
    names = ["on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_begin", "on_train_batch_end"]
    assert [getattr(callback, name) for name in names] == functions


def test_a_callback_of_functions_is_shown_and_not_written():
    def show(epoch, logs):
        pass

    callback = LambdaCallback(on_epoch_end=show, on_train_end=None)
    assert repr(callback) == "LambdaCallback(on_epoch_end=show)"
    with pytest.raises(TypeError, match="function on_epoch_end"):
        callback.get_config()
    assert LambdaCallback.from_config(LambdaCallback().get_config())._functions == {}


# -- evaluate and predict -----------------------------------------------------------------------------------------------------


def test_validation_is_seen_within_fit():
    calls = []
    model = compiled()
    history = model.fit(X, 2 * X, 1, validation_split=0.5, verbose=0, shuffle=False, callbacks=[Everything(calls)]).history
    names = [call[0].removeprefix("on_") for call in calls]
    step, test = ["train_batch_begin", "train_batch_end"], ["test_batch_begin", "test_batch_end"]
    begin, end = ["train_begin", "epoch_begin"], ["epoch_end", "train_end"]
    assert names == [*begin, *step, *step, "test_begin", *test, *test, "test_end", *end]
    assert dict(calls[names.index("test_end")][1]) == {"loss": history["val_loss"][0]}
    assert [call[1] for call in calls if call[0] == "on_test_batch_end"] == [0, 1]


def test_evaluate_and_predict_take_callbacks():
    calls, model = [], compiled()
    everything = Everything(calls)
    loss = model.evaluate(X, 2 * X, 2, verbose=0, callbacks=[everything])
    assert [call[0] for call in calls] == ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 2, "on_test_end"]
    assert calls[-1] == ("on_test_end", {"loss": loss})
    assert calls[4] == ("on_test_batch_end", 1, {"loss": loss})
    assert (everything.model, everything.params["steps"], everything.params["metrics"]) == (model, 2, ["loss"])
    calls.clear()
    outputs = model.predict(X, 2, callbacks=[everything])
    batches = ["on_predict_batch_begin", "on_predict_batch_end"] * 2
    assert [call[0] for call in calls] == ["on_predict_begin", *batches, "on_predict_end"]
    assert np.array_equal(np.concatenate([call[2]["outputs"] for call in calls if call[0] == "on_predict_batch_end"]), outputs)
    assert calls[-1] == ("on_predict_end", {})


@pytest.mark.parametrize(
    "call", [lambda m, c: m.evaluate(X, X, verbose=0, callbacks=c), lambda m, c: m.predict(X, callbacks=c)]
)
def test_callbacks_of_evaluate_and_predict_are_checked(call):
    with pytest.raises(TypeError, match=r"(evaluate|predict): callbacks: received a Everything; expected a list"):
        call(compiled(), Everything([]))
    with pytest.raises(TypeError, match=r"(evaluate|predict): callbacks.*Callback objects"):
        call(compiled(), [3])
    wrong = type("Mine", (Callback,), {"on_test_end": lambda self: None})()
    with pytest.raises(TypeError, match=r"(evaluate|predict): Mine.*on_test_end\(self\).*def on_test_end\(self, logs\):"):
        call(compiled(), [wrong])
