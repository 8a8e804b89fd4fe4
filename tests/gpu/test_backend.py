"""Choosing the GPU, what is said where there is none, how data reach it, and what happens when its memory is full."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend, config
from minidl.backend import gpu
from minidl.backend.staging import SLOTS, Stager
from minidl.data import ArrayData, StreamData
from minidl.errors import BackendError, DataError, OutOfMemoryError
from minidl.layers import Dense, Input
from minidl.models import Sequential
from minidl.training.epochs import batches_of
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import cupy, device, ndarray, stand_in
from tests.gpu.strict_cupy.streams import log
from tests.gpu.test_training import IMAGES, LABELS, make, targets

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")

# -- what is missing, in one sentence ----------------------------------------------------------------------------------


def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "cupy" else original(name, *rest))


def with_runtime(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    monkeypatch.setattr(cupy.cuda, "runtime", SimpleNamespace(**{**vars(cupy.cuda.runtime), **functions}))


def broken_library() -> None:
    raise RuntimeError("no libnvrtc")


CASES = {
    "no CuPy": (without_cupy, "CuPy is not installed", "pip install 'minidl[cuda13]'"),
    "no driver": (lambda m: with_runtime(m, driverGetVersion=lambda: 0), "NVIDIA's driver is not installed", "drivers"),
    "old driver": (
        lambda m: with_runtime(m, driverGetVersion=lambda: 12040),
        "the driver is of CUDA 12.4, CuPy of CUDA 13.0",
        "pip install 'minidl[cuda12]'",
    ),
    "no device": (
        lambda m: m.setattr(type(cupy), "is_available", lambda self: False),
        "the driver finds no NVIDIA GPU",
        "nvidia-smi",
    ),
    "no compiler": (
        lambda m: m.setattr(cupy.cuda, "nvrtc", SimpleNamespace(getVersion=broken_library)),
        "CUDA's compiler NVRTC is not found",
        "pip install 'minidl[cuda13]'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_said_in_one_sentence(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remove, sentence, command = CASES[case]
    with stand_in():
        monkeypatch.setattr(backend, "_said", set())
        remove(monkeypatch)
        for ask in (lambda: minidl.set_backend("cupy"), lambda: backend.use_backend("cupy").__enter__()):
            with pytest.raises(BackendError) as caught:
                ask()
            text = str(caught.value)
            assert text.startswith(f"The GPU cannot be used: {sentence}")
            assert command in text
            assert text.count(". ") == 1  # what is missing, and what to do
            assert "\n" not in text
        for _ in range(3):
            with backend.use_backend("auto"):
                assert config.backend() == "numpy"
        assert capsys.readouterr().out == f"minidl: using the CPU ({gpu.missing()[0]})\n"  # once
        from minidl.utils.doctor import examine

        (finding,) = [f for f in examine() if f.name == "GPU"]
        assert sentence in finding.value
        assert command in finding.advice
        assert not finding.serious
    assert config.backend() == "numpy"


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(backend, "_said", set())
    with stand_in():
        for _ in range(2):
            with backend.use_backend("auto"):
                assert backend.current().device == "GPU (stand-in, CuPy 14.2.0)"
    assert capsys.readouterr().out == "minidl: using the GPU\n"


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name, words", [("cupy", "The GPU cannot be used"), ("auto", ""), ("numpy", "")])
def test_the_variable(name: str, words: str) -> None:
    if gpu.missing() is None:
        pytest.skip("there is a GPU here")
    code = "import minidl; print(minidl.backend.current().name)"
    environment = {**os.environ, "MINIDL_BACKEND": name, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == bool(words)
    assert words in done.stderr
    if not words:
        assert done.stdout.split()[-1] == "numpy"
        assert ("using the CPU" in done.stdout) == (name == "auto")


def test_the_example_says_what_is_missing() -> None:
    if gpu.missing() is None:
        pytest.skip("there is a GPU here")
    command = [sys.executable, str(ROOT / "examples" / "mnist_cnn.py"), "--quick", "--device", "gpu"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("mnist_cnn.py: error: The GPU cannot be used: ")


# -- how data reach it -------------------------------------------------------------------------------------------------


@pytest.fixture
def there() -> Iterator[None]:
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("reference"):
        log.clear()
        yield


def data_set(n: int = 23) -> ArrayData:
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 256, (n, 5, 2), np.uint8), rng.integers(0, 9, n)
    return ArrayData(x, y, rng.random(n), input_shape=(5, 2), dtype="float32", where="fit")


def on_the_host(batches: Any) -> list[list[np.ndarray]]:
    return [[a.get() if isinstance(a, ndarray) else a for a in batch[:3]] for batch in batches]


@pytest.mark.parametrize("free", [10**9, 100], ids=["kept on the device", "sent"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_batches_are_those_of_the_cpu(free: int, shuffled: bool, there: None) -> None:
    order = np.random.default_rng(0).permutation(23) if shuffled else None
    with backend.use_backend("numpy"):
        expected = on_the_host(data_set().batches(4, order))
    device.free = free
    found = on_the_host(data_set().batches(4, order))
    for a, e in zip(found, expected, strict=True):
        for one, other in zip(a, e, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
    assert bool(log) == (free == 100)


def test_batches_of_a_stream_are_sent_while_the_device_computes(there: None) -> None:
    with backend.use_backend("numpy"):
        expected = on_the_host(data_set().batches(4))
    stream = StreamData(iter([data_set().select(slice(at, at + 4)) for at in range(0, 23, 4)]), lambda x, *_: x, where="fit")
    with closing(batches_of(stream, None)) as batches:
        found = on_the_host(batches)
    for a, e in zip(found, expected, strict=True):
        for one, other in zip(a, e, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
    assert ("copies", "waits") in {(stream, what[:5]) for stream, what in log}


def test_a_data_set_that_fits_travels_once(there: None) -> None:
    data = data_set()
    for _ in range(3):
        list(data.batches(4))
    assert device.uploads == 3  # x, y and the weights
    list(data.batches(4, np.arange(23)))
    assert device.uploads == 4  # and one order for a shuffled epoch
    assert device.waits == 0


def test_sending_overwrites_nothing_that_is_needed(there: None) -> None:
    """Copies are made as late as the events allow; every batch still has its own numbers."""
    send = Stager(cupy).send
    for number in range(10):
        rows = np.full((3, 2), number, np.float32)
        batch = send(rows)
        rows[:] = -1  # the caller's array is free again at once
        np.testing.assert_array_equal(batch.get(), np.full((3, 2), number))
        del batch
    held = [send(np.full(6, number)) for number in range(2 * SLOTS)]  # nobody may hold them, and if somebody does
    assert [a.get()[0] for a in held] == list(range(2 * SLOTS))


def test_pinned_memory_is_given_back_when_it_was_read(there: None) -> None:
    """CuPy lends it to the next copy at once: the batch would arrive with other numbers, as it did on a busy card."""
    send = Stager(cupy).send
    for number in range(2 * SLOTS):
        batch = send(np.full(100 * number, number))  # larger each time: slots are replaced
    del send
    assert batch.get()[0] == 2 * SLOTS - 1
    assert device.given_back_early == 0
    model = make("mlp")
    model.train_on_batch(IMAGES[:7], LABELS[:7], sample_weight=np.ones(7))
    assert device.given_back_early == 0


def test_streams_wait_for_each_other_and_the_host_for_none(there: None) -> None:
    send = Stager(cupy).send
    for _ in range(5):
        send(np.ones(3, np.float32))
    assert device.waits == 0
    streams = [stream for stream, what in log if what.startswith("waits")]
    assert streams == ["copies", "compute"] * 5  # a copy for the slot's readers, the kernels for the copy
    places = [i for i, entry in enumerate(log) if entry == ("copies", "copies")]
    assert len(places) == 5
    for place in places:
        assert log[place - 1][0] == "compute"  # made when it was waited for: no earlier event asked for it


def test_memory_is_used_again(there: None) -> None:
    send = Stager(cupy).send
    for _ in range(SLOTS):
        send(np.ones(100, np.float32))
    before = device.allocations
    for size in (100, 100, 37, 100, 5):
        send(np.ones(size, np.float32))
    assert device.allocations == before
    send(np.ones(101, np.float32))
    assert device.allocations == before + 1


def test_labels_are_checked_on_the_host(there: None) -> None:
    """An index out of range would wrap in silence on the device."""
    model = make("mlp")
    before = [w.copy() for w in model.get_weights()]
    wrong = LABELS.copy()
    wrong[17] = 10
    with pytest.raises(DataError, match="label 10 at index 17"):
        model.fit(IMAGES, wrong, verbose=0)
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)


# -- out of memory -----------------------------------------------------------------------------------------------------


def state_of(model: Sequential) -> list[bytes]:
    """Every bit training changes: weights, the optimizer's state and count, dropout's counters."""
    group = model._step.group  # type: ignore[union-attr]
    arrays = [p.value for p in model.network.weights] + [a for p in group.parameters for a in group.state_of(p)]
    arrays += [model.network.steps_done]
    return [*(a.get().tobytes() for a in arrays), str(model.optimizer.iterations).encode()]


def failure_at(n: int, call: Any) -> MemoryError | None:
    """What ``call`` raises when the n-th allocation in it fails; None where it makes fewer."""
    try:
        with device.out_of_memory_at(n):
            call()
    except MemoryError as error:
        return error
    return None


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("name", ["mlp", "cnn", "recurrent"])
def test_whichever_allocation_fails_the_step_is_as_if_it_had_not_been(name: str) -> None:
    """For every n: the n-th allocation of a step fails; the model is unchanged, and a smaller batch then works."""
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"), config.use_graphs("off"):
        model = make(name)
        y = targets(name, LABELS)
        model.train_on_batch(IMAGES[:10], y[:10])
        start = device.allocations
        model.train_on_batch(IMAGES[:10], y[:10])
        in_all, failed = device.allocations - start, 0
        for n in range(1, in_all + 1):
            before = state_of(model)
            error = failure_at(n, lambda: model.train_on_batch(IMAGES[:10], y[:10]))
            if isinstance(error, OutOfMemoryError):
                assert state_of(model) == before, f"allocation {n}"
                assert "a batch of 10 samples" in str(error)
                assert " bytes" in str(error)
                assert "batch_size=5" in str(error)
                failed += 1
        assert failed > in_all / 2  # the others: data that is sent instead of kept, numbers for the log after the step
        assert device.released == failed
        assert np.isfinite(model.train_on_batch(IMAGES[:5], y[:5])).all()


def test_the_error_names_the_layer_and_frees_the_memory(there: None) -> None:
    model = Sequential([Input((4,)), Dense(3, name="first"), Dense(2, name="second")])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    model.train_on_batch(x, y)
    named = set()
    for n in range(1, 40):
        error = failure_at(n, lambda: model.train_on_batch(x, y))
        if isinstance(error, OutOfMemoryError):
            named.add(error.where)
            assert error.__context__ is None  # which would hold the frames, and they the arrays
            received = r"a batch of 8 samples, and memory ran out \(Out of memory allocating \d+ bytes \(.*1,000 bytes\)\)"
            assert re.fullmatch(received, error.received)
    assert {"first (Dense)", "second (Dense)", "the training step"} <= named


def test_on_the_cpu_too() -> None:
    class Greedy(Dense):
        def apply(self, x: Any, context: Any) -> Any:
            if len(x) > 4:
                raise MemoryError("Unable to allocate 7 EiB")
            return super().apply(x, context)

    model = Sequential([Input((4,)), Greedy(2, name="greedy")])
    model.compile("sgd", "mse")
    x, y = np.ones((16, 4)), np.ones((16, 2))
    calls = (
        lambda: model.fit(x, y, batch_size=16, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.predict(x),
    )
    for call in calls:
        words = r"greedy \(Greedy\): received a batch of 16 samples.*7 EiB.*batch_size=8"
        with pytest.raises(OutOfMemoryError, match=words):
            call()
    model.fit(x, y, batch_size=4, verbose=0)
