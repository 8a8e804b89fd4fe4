"""What TensorBoard reads: names, steps and folders are those of Keras. tensorboardX writes, its messages are read back here."""

import os
import struct
import sys

import numpy as np
import pytest

from minidl.callbacks import LambdaCallback, TensorBoard
from minidl.layers import BatchNormalization, Dense
from minidl.models import Sequential
from minidl.optimizers import SGD

X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
Y = X[:, :1] > 0


@pytest.fixture
def events():
    """A function that reads the events of a folder: {tag: [(step, number or histogram)]}."""
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install 'minidl[tensorboard]'")
    from tensorboardX.proto.event_pb2 import Event

    def read(folder):
        found = {}
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), "rb") as file:
                while head := file.read(12):  # the length and its checksum; the event; its checksum
                    event = Event.FromString(file.read(struct.unpack("<Q", head[:8])[0]))
                    file.read(4)
                    for value in event.summary.value:
                        content = value.histo if value.HasField("histo") else value.simple_value
                        found.setdefault(value.tag, []).append((event.step, content))
        return found

    return read


def compiled(*layers):
    model = Sequential([*(layers or [Dense(1, input_shape=(2,), name="out")])])
    model.compile(SGD(0.25), "mse", ["accuracy"])
    return model


def single(value):
    return float(np.float32(value))


def test_epochs_in_two_folders_under_the_names_of_keras(tmp_path, events):
    board = TensorBoard(tmp_path / "logs")
    history = compiled().fit(X, Y, 4, epochs=3, initial_epoch=1, validation_split=0.5, verbose=0, callbacks=[board]).history
    for folder, prefix in (("train", ""), ("validation", "val_")):
        found = events(tmp_path / "logs" / folder)
        rate = {"epoch_learning_rate"} if folder == "train" else set()
        assert {name for name in found if name.startswith("epoch_")} == {"epoch_loss", "epoch_accuracy"} | rate
        for name in ("loss", "accuracy"):
            assert found[f"epoch_{name}"] == list(zip((1, 2), map(single, history[prefix + name])))
    assert events(tmp_path / "logs" / "train")["epoch_learning_rate"] == [(1, 0.25), (2, 0.25)]


def test_without_validation_there_is_no_folder_for_it(tmp_path, events):
    compiled().fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert os.listdir(tmp_path) == ["train"]
    assert set(events(tmp_path / "train")) == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}


@pytest.mark.parametrize("freq, steps", [("epoch", []), ("batch", [1, 2, 3, 4, 5, 6, 7, 8]), (1, [*range(1, 9)]), (3, [3, 6])])
def test_batches_are_counted_through_the_epochs(tmp_path, events, freq, steps):
    seen = []
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(single(logs["loss"])))
    compiled().fit(X, Y, 2, epochs=2, verbose=0, callbacks=[TensorBoard(tmp_path, update_freq=freq), look])
    found = events(tmp_path / "train")
    assert found.get("batch_loss", []) == [(step, seen[step - 1]) for step in steps]
    assert [step for step, _ in found.get("batch_accuracy", [])] == steps


def test_histograms_of_all_weights(tmp_path, events):
    layers = [Dense(3, input_shape=(2,), name="first"), BatchNormalization(name="norm"), Dense(1, name="out")]
    model = compiled(*layers)
    model.fit(X, Y, epochs=5, verbose=0, callbacks=[TensorBoard(tmp_path, histogram_freq=2)])
    found = {name: values for name, values in events(tmp_path / "train").items() if name.endswith("/histogram")}
    parts = "first/W first/b norm/gamma norm/beta norm/moving_mean norm/moving_variance out/W out/b"
    assert set(found) == {f"{name}/histogram" for name in parts.split()}
    assert all([step for step, _ in values] == [0, 2, 4] for values in found.values())
    last = found["first/W/histogram"][-1][1]
    weights = layers[0].W.value
    assert last.num == 6
    assert last.sum == pytest.approx(weights.sum(dtype="float64"), rel=1e-6)  # which float32 would round
    assert last.min == pytest.approx(weights.min(), rel=1e-6)


def test_no_histograms_unless_wanted(tmp_path, events):
    compiled().fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert not [name for name in events(tmp_path / "train") if "histogram" in name]


def test_weights_that_are_not_finite_are_left_out(tmp_path, events):
    model = compiled()
    spoil = LambdaCallback(on_epoch_end=lambda epoch, logs: model.set_weights([[[np.nan], [2.0]], [np.inf]]))
    model.fit(X, Y, verbose=0, callbacks=[spoil, TensorBoard(tmp_path, 1)])
    found = events(tmp_path / "train")
    assert [(content.num, content.min) for _, content in found["out/W/histogram"]] == [(1, 2.0)]
    assert "out/b/histogram" not in found


def test_equal_names_within_a_layer_stay_apart(tmp_path, events):
    inner = Sequential([Dense(2, input_shape=(2,)), Dense(2)], name="inner")
    model = compiled(inner.network, Dense(1, name="out"))
    model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path, histogram_freq=1)])
    names = {name.removesuffix("/histogram") for name in events(tmp_path / "train") if "histogram" in name}
    label = model.layers[0].name
    assert names == {f"{label}/W", f"{label}/b", f"{label}/W.2", f"{label}/b.2", "out/W", "out/b"}


def test_steps_per_second(tmp_path, events):
    board = TensorBoard(tmp_path, write_steps_per_second=True, update_freq=2)
    compiled().fit(X, Y, 2, epochs=2, verbose=0, callbacks=[board])
    found = events(tmp_path / "train")
    assert [step for step, _ in found["epoch_steps_per_second"]] == [0, 1]
    assert [step for step, _ in found["batch_steps_per_second"]] == [2, 4, 6, 8]
    assert all(0 < value < 1e6 for name in ("epoch", "batch") for _, value in found[f"{name}_steps_per_second"])
    compiled().fit(X, Y, 2, verbose=0, callbacks=[TensorBoard(tmp_path / "other", update_freq=2)])
    assert not [name for name in events(tmp_path / "other" / "train") if "second" in name]


def test_an_evaluation_is_written_by_steps_of_the_optimizer(tmp_path, events):
    board, model = TensorBoard(tmp_path), compiled()
    model.train_on_batch(X, Y)
    board.set_model(model)
    board.on_test_begin({})
    board.on_test_end({"loss": 0.5})
    assert events(tmp_path / "validation") == {"evaluation_loss_vs_iterations": [(1, 0.5)]}
    assert not board._writers, "closed"


def test_what_is_no_number_is_left_out(tmp_path, events):
    put = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(matrix=np.eye(2), text="a", count=np.int64(3)))
    compiled().fit(X, Y, verbose=0, callbacks=[put, TensorBoard(tmp_path)])
    found = events(tmp_path / "train")
    assert set(found) == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate", "epoch_count"}
    assert found["epoch_count"] == [(0, 3.0)]


def test_another_fit_adds_files_and_an_exception_closes_them(tmp_path, events):
    board = TensorBoard(tmp_path)

    def fails(epoch, logs):
        if epoch == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[board, LambdaCallback(on_epoch_begin=fails)])
    assert not board._writers
    compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[board])
    assert sorted(step for step, _ in events(tmp_path / "train")["epoch_loss"]) == [0, 0, 1]
    board = TensorBoard(tmp_path / "batches", update_freq="batch")
    for _ in range(2):
        compiled().fit(X, Y, 4, verbose=0, callbacks=[board])
    assert [step for step, _ in events(tmp_path / "batches" / "train")["batch_loss"]] == [1, 2, 1, 2]


def test_a_rate_in_the_logs_is_the_one_that_is_written(tmp_path, events):
    put = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(learning_rate=0.5))
    compiled().fit(X, Y, verbose=0, callbacks=[put, TensorBoard(tmp_path)])
    assert events(tmp_path / "train")["epoch_learning_rate"] == [(0, 0.5)]


def test_without_tensorboardx_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    model = compiled()
    with pytest.raises(ImportError, match=r'TensorBoard.*no tensorboardX.*pip install "minidl\[tensorboard\]"'):
        model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"write_graph": True}, ["write_graph=True", "scalars and histograms only", "model.summary()"]),
        ({"write_images": True}, ["write_images=True", "leave write_images out"]),
        ({"profile_batch": 2}, ["profile_batch=2"]),
        ({"embeddings_freq": 1}, ["embeddings_freq=1"]),
        ({"embeddings_metadata": "x"}, ["embeddings_metadata='x'"]),
        ({"update_freq": "step"}, ["update_freq='step'", "'batch'"]),
        ({"update_freq": 0}, ["update_freq=0"]),
        ({"histogram_freq": -1}, ["histogram_freq=-1"]),
        ({"write_steps_per_second": 1}, ["write_steps_per_second=1"]),
        ({"log_dir": ""}, ["log_dir=''"]),
        ({"log_dir": None}, ["log_dir=None"]),
    ],
)
def test_arguments_that_make_no_sense_or_are_not_offered(arguments, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        TensorBoard(**arguments)
    assert all(word in str(raised.value) for word in ["TensorBoard", *words]), raised.value


def test_defaults():
    assert TensorBoard()._arguments() == {  # those of Keras, except that it writes no graph
        "log_dir": "logs",
        "histogram_freq": 0,
        "write_graph": False,
        "write_images": False,
        "write_steps_per_second": False,
        "update_freq": "epoch",
        "profile_batch": 0,
        "embeddings_freq": 0,
        "embeddings_metadata": None,
    }
