"""The only global state: setters hold for the process, context managers for the block and the thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.errors import ArgumentError

ROOT = Path(__file__).parents[1]

# getter, setter, context manager, default, another value, a third
SETTINGS = {
    "dtype": (config.dtype, config.set_dtype, config.use_dtype, "float64", "float32"),
    "epsilon": (config.epsilon, config.set_epsilon, config.use_epsilon, 1e-3, 1e-8),
    "data_format": (config.data_format, config.set_data_format, config.use_data_format, "channels_first", "channels_last"),
    "backend": (config.backend, config.set_backend_name, config.use_backend_name, "cupy", "numpy"),
    "kernels": (config.kernels, config.set_kernels, config.use_kernels, "reference", "auto"),
    "convolution": (config.convolution, config.set_convolution, config.use_convolution, "direct", "fast"),
}
each_setting = pytest.mark.parametrize("get, put, use, one, other", SETTINGS.values(), ids=SETTINGS)


@pytest.fixture(autouse=True)
def settings_as_before() -> Iterator[None]:
    before = {name: row[0]() for name, row in SETTINGS.items()}
    yield
    for name, value in before.items():
        SETTINGS[name][1](value)


def in_another_thread(function: Any) -> Any:
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


def test_defaults() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINIDL")}
    names = ("dtype", "epsilon", "data_format", "backend", "kernels", "convolution")
    command = f"from minidl import config; print(*[getattr(config, name)() for name in {names}])"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["float32", "1e-07", "channels_last", "numpy", "auto", "fast"]


@each_setting
def test_setters_hold_for_every_thread(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    for value in (one, other, one):
        put(value)
        assert get() == value
        assert in_another_thread(get) == value


@each_setting
def test_context_managers_nest_and_restore(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    put(other)
    with use(one):
        assert get() == one
        with use(other):
            assert get() == other
            with use(one):
                assert get() == one
            assert get() == other
        assert get() == one
    assert get() == other


@each_setting
def test_an_exception_restores_too(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    put(other)
    with pytest.raises(KeyError), use(one):
        raise KeyError
    assert get() == other


@each_setting
def test_a_block_belongs_to_its_thread(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    put(other)
    with use(one):
        assert in_another_thread(get) == other
        assert get() == one


@each_setting
def test_threads_with_blocks_of_their_own(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    barrier, seen = threading.Barrier(2, timeout=20), {}

    def work(value: Any) -> None:
        with use(value):
            barrier.wait()
            seen[value] = get()
            barrier.wait()

    threads = [threading.Thread(target=work, args=(value,)) for value in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {one: one, other: other}


@each_setting
def test_a_block_hides_a_setter_until_it_ends(get: Any, put: Any, use: Any, one: Any, other: Any) -> None:
    put(other)
    with use(other):
        put(one)
        assert get() == other
    assert get() == one


@pytest.mark.parametrize(
    "name, value",
    [
        ("dtype", "float16"),
        ("dtype", "int32"),
        ("dtype", None),
        ("epsilon", 0),
        ("epsilon", 1),
        ("epsilon", -1e-7),
        ("epsilon", "1e-7"),
        ("epsilon", float("nan")),
        ("epsilon", True),
        ("data_format", "channels"),
        ("backend", "torch"),
        ("kernels", "fast"),
        ("convolution", "winograd"),
    ],
)
def test_values_that_are_refused(name: str, value: Any) -> None:
    get, put, use, *_ = SETTINGS[name]
    before = get()
    with pytest.raises(ArgumentError, match=f"minidl.config.{name}"):
        put(value)
    with pytest.raises(ArgumentError), use(value):
        pass
    assert get() == before


@pytest.mark.parametrize("value", ["float64", np.float64, np.dtype("float64"), np.dtype("f8")])
def test_a_dtype_may_be_spelled_as_numpy_does(value: Any) -> None:
    with config.use_dtype(value):
        assert config.dtype() == "float64"


def test_the_environment_chooses_the_kernels() -> None:
    command = "from minidl import config; print(config.kernels())"
    environment = {**os.environ, "MINIDL_KERNELS": "reference"}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "reference"
    environment["MINIDL_KERNELS"] = "quick"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "'auto' or 'reference'" in done.stderr


def test_the_state_is_another_wherever_a_setting_is() -> None:
    """Blocks of generators may end in any order: no state comes back under which a setting was another."""
    known: dict[Any, float] = {}

    def look() -> None:
        assert known.setdefault(config.state(), config.epsilon()) == config.epsilon()
        assert config.state() == config.state()

    look()
    first, second = config.use_epsilon(0.3), config.use_dtype("float64")
    first.__enter__(), look()
    second.__enter__(), look()
    first.__exit__(None, None, None), look()
    second.__exit__(None, None, None), look()
    before = config.epsilon()
    config.set_epsilon(0.2), look()
    config.set_epsilon(before), look()
    other = config.use_dtype("float64")
    other.__enter__()
    with config.use_epsilon(0.3):
        other.__exit__(None, None, None), look()
    look()
