"""The harness verifies, and refuses what is wrong; it times the rest in turns, each side in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import _worker, options
from benchmarks.environment import for_workers, set_aside
from benchmarks.harness import Settings, Team, largest_difference, measure, ratios
from benchmarks.machine import describe
from benchmarks.prepared import Prepared
from benchmarks.store import document, read, write
from benchmarks.tables import reached
from benchmarks.work import Target, Work
from benchmarks.worker import FailedError, MissingError, Worker
from tests.benchmarks.sides import ASYNCHRONOUS, AWAKE

FAKE, ABSENT = "tests.benchmarks.sides", "tests.benchmarks.absent"
SHORT = Settings(rounds=3, seconds=0.001)


def work(*variants, **spec):
    size = {"batch": 2, "size": 4, "channels": 3}
    return Work("fake relu", "relu", {**size, "variants": list(variants), **spec}, Target(1.5, 2))


@pytest.fixture(scope="module")
def team():
    """minidl, played by the fake side."""
    with Team({"minidl": FAKE, "other": FAKE}) as made:
        assert made.introduce()["other"] == {"versions": {"fake": "1.0"}, "threads": 1}
        yield made


def test_a_right_side_is_timed_in_every_round(team):
    record = measure(work(""), team, SHORT)
    assert record["failed"] == {}
    assert record["verified"] == {"other": 0.0}
    for label in ("minidl", "other"):
        times = record["contenders"][label]
        assert len(times["rounds"]) == SHORT.rounds
        assert times["min"] == min(times["rounds"]) <= times["median"] == sorted(times["rounds"])[1]
        assert times["min"] >= 0.001  # it does sleep so long
    assert record["ratios"]["other"]["best"] == "other"


@pytest.mark.parametrize(
    "fault, said",
    [
        ("wrong number", "dx differs by 0.001"),
        ("wrong shape", "y has shape"),
        ("nan", "not finite"),
        ("forgets", "instead of"),
        ("raises", "ValueError: broken in two lines"),
        ("cannot", "there is no compiler"),
    ],
)
def test_what_is_wrong_is_refused_and_not_timed(team, fault, said):
    record = measure(work("fast", fault), team, SHORT)
    for side in ("minidl", "other"):
        assert said in record["failed"][f"{side}: {fault}"]
        assert f"{side}: {fault}" not in record["contenders"]
        assert f"{side}: fast" in record["contenders"]


def test_minidl_is_held_to_its_references_first(team):
    record = measure(work("wrong number", defined=True), team, SHORT)
    assert "refused: dx" in record["failed"]["minidl: wrong number"]
    assert record["contenders"] == {}
    assert record["ratios"] == {}


def test_a_process_that_dies_costs_one_piece_of_work():
    with Team({"minidl": FAKE}) as team:
        record = measure(work("", "dies"), team, SHORT)
        assert "ended with code 3" in record["failed"]["minidl: dies"]
        assert measure(work(""), team, SHORT)["contenders"]["minidl"]["rounds"]


@pytest.mark.more
def test_a_slow_variant_leaves_the_race_and_the_best_one_counts(team):
    record = measure(work("slow", "fast"), team, replace(SHORT, long=0.01))
    times = record["contenders"]
    assert len(times["other: slow"]["rounds"]) == 2 < len(times["other: fast"]["rounds"]) == 3
    assert times["other: slow"]["min"] > 3 * times["other: fast"]["min"]
    short = measure(work("slow", "fast"), team, SHORT)["contenders"]  # short work costs little: all stay
    assert {len(c["rounds"]) for c in short.values()} == {3}


@pytest.mark.more
def test_a_missing_library_is_a_line_and_not_the_end():
    with Team({"minidl": FAKE, "absent": ABSENT}) as team:
        about = team.introduce()
        assert "a_library_that_is_not_there" in about["absent"]["missing"]
        assert list(team.workers) == ["minidl"]


@pytest.mark.more
def test_a_worker_says_missing_and_failed():
    with Worker(ABSENT) as worker, pytest.raises(MissingError):
        worker.ask("hello")
    with Worker("no.such.module") as worker, pytest.raises(MissingError):
        worker.ask("hello")
    with Worker(FAKE) as worker, pytest.raises(FailedError, match="KeyError"):
        worker.ask("measure", label="never prepared")


@pytest.mark.more
def test_a_process_whose_threads_stay_awake_is_waited_for(tmp_path):
    """Those of OpenBLAS do for 0.1 s, and took a core from whoever was measured next."""
    np.savez(tmp_path / "inputs.npz", x=np.ones(2), dy=np.ones(2))
    asked = {"label": "a", "work": {}, "variant": "stays awake", "inputs": str(tmp_path / "inputs.npz")}
    with Worker(FAKE) as worker:
        worker.ask("prepare", **asked)
        worker.ask("warm_up", label="a", seconds=0.001)
        begin = time.perf_counter()
        worker.ask("measure", label="a")
        assert time.perf_counter() - begin >= AWAKE


@pytest.mark.more
def test_a_device_is_waited_for_before_the_clock_starts_and_before_it_stops():
    pending = [0.5]  # seconds of work that was asked for earlier

    def wait():
        time.sleep(sum(pending))
        pending.clear()

    item = Prepared(lambda: pending.append(0.02), dict, wait=wait)
    assert 0.06 <= _worker._seconds(item, 3) < 0.5
    assert not pending


def test_every_measurement_waits(team):
    """The work itself returns at once and is done while somebody waits."""
    times = measure(work("asynchronous"), team, SHORT)["contenders"]["minidl: asynchronous"]["rounds"]
    assert len(times) == SHORT.rounds
    assert min(times) >= ASYNCHRONOUS


def test_workers_see_none_of_the_variables_that_help_one_library_and_hurt_another(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("MINIDL_KERNELS", "reference")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "somewhere")
    seen = for_workers()
    assert not {"OMP_WAIT_POLICY", "MINIDL_KERNELS", "OPENBLAS_NUM_THREADS"} & set(seen)
    assert seen["NUMBA_CACHE_DIR"] == "somewhere"
    assert "OMP_WAIT_POLICY=passive" in set_aside()
    assert for_workers(3)["NUMBA_NUM_THREADS"] == "3"
    assert os.environ["OMP_WAIT_POLICY"] == "passive"  # ours stay


@pytest.mark.more
def test_every_library_can_be_kept_from_avx_512(monkeypatch):
    monkeypatch.setattr("benchmarks.environment._limits", {})
    monkeypatch.setattr("benchmarks.machine._from_proc", lambda key: "avx2 avx512f" if key == "flags" else "a processor")
    plain, avx2 = (options.parser("").parse_args(arguments) for arguments in ([], ["--avx2"]))
    options.limit(plain)
    assert "NUMBA_CPU_NAME" not in for_workers()
    assert describe()["vector_bits"] == 512
    options.limit(avx2)
    assert {"NUMBA_CPU_NAME", "ATEN_CPU_CAPABILITY", "XLA_FLAGS"} <= set(for_workers())
    assert describe()["vector_bits"] == 256
    say = "import numba.core.registry as r; print(r.cpu_target.target_context.codegen().magic_tuple())"
    target = subprocess.run([sys.executable, "-c", say], env=for_workers(), capture_output=True, text=True, check=True).stdout
    assert "x86-64-v3" in target
    assert "avx512" not in target, "Numba would still use this machine's"
    monkeypatch.setattr("benchmarks.machine._kind", lambda: "zen9")
    assert options.place("ops", plain).name == "ops-a-processor-zen9.json"  # hosts sell several kinds under one name
    assert options.place("ops", avx2).name == "ops-a-processor-zen9-avx2.json"  # not into the other's place
    monkeypatch.setattr("benchmarks.machine._kind", lambda: "")
    assert options.place("ops", plain).name == "ops-a-processor.json"
    with pytest.raises(SystemExit):
        options.parser("", known={}).parse_args(["--avx2"])  # where it would do nothing


@pytest.mark.more
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot tie a process to a core")
def test_threads_are_limited_for_every_library():
    with Worker("benchmarks.sides.minidl", threads=1) as worker:
        assert worker.ask("hello")["threads"] == 1


def test_differences_are_parts_of_the_largest_element():
    found, where = largest_difference(
        {"a": np.array([0.0]), "b": np.array([1.0, -10])}, {"a": np.zeros(1), "b": np.array([2, -10])}
    )
    assert (found, where) == (0.1, "b differs by 0.1 of its largest element")
    assert largest_difference({"a": np.zeros(0)}, {"a": np.zeros(0)})[0] == 0


def test_ratios_compare_the_best_variant():
    contenders = {
        "minidl": {"side": "minidl", "median": 2.0, "min": 1.0, "rounds": [1, 2, 3]},
        "p: a": {"side": "p", "median": 5.0, "min": 1.0, "rounds": [1, 5, 9]},
        "p: b": {"side": "p", "median": 4.0, "min": 3.0, "rounds": [3, 4, 5]},
        "p: left the race": {"side": "p", "median": 3.0, "min": 2.0, "rounds": [2, 4]},
    }
    assert ratios(contenders) == {"p": {"best": "p: b", "median": 2.0, "min": 3.0}}
    del contenders["minidl"]
    assert ratios(contenders) == {}


@pytest.mark.parametrize(
    "pytorch, jax, expected", [(1.49, 2, "no"), (1.5, 2, "must"), (2.0, 1, "after"), (2.5, 0.9, "no"), (None, 2, "")]
)
def test_what_is_reached(pytorch, jax, expected):
    given = {"PyTorch": {"median": pytorch}} if pytorch else {}
    record = {"target": {"must": 1.5, "after": 2, "peers": {"JAX": 1.0}}, "ratios": given | {"JAX": {"median": jax}}}
    assert reached(record) == expected


@pytest.mark.parametrize(
    "of, after, figure, expected",
    [
        ("copies", 0.8, 0.81, "after"),
        ("copies", 0.8, 0.79, "no"),
        ("copies", 0.8, None, ""),
        ("seconds", 0.3, 0.29, "after"),
        ("seconds", 0.3, 0.31, "no"),
        ("ratio", 2, 1.9, "no"),
        ("ratio", 2, 2.1, "after"),
    ],
)
def test_targets_of_other_figures_than_the_ratio(of, after, figure, expected):
    record = {"target": vars(Target(None, after, of=of)), "ratios": {}, "contenders": {}}
    if figure and of == "copies":
        record["of_copies"] = figure
    elif figure:
        record["contenders" if of == "seconds" else "ratios"] = {"minidl": {"median": figure}, "PyTorch": {"median": figure}}
    assert reached(record) == expected


def test_results_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "ops.json"
    write(path, document("ops", False, sides={}, works=[]))
    content = read(path)
    assert {"schema", "name", "quick", "date", "commit", "machine"} <= set(content)
    assert {"cpu", "cores", "vector_bits", "system", "set_aside"} <= set(content["machine"])
    with pytest.raises(TypeError):
        write(path, {"schema": 1, "works": object()})
    assert read(path) == content
    assert list(path.parent.iterdir()) == [path]
    path.write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="schema"):
        read(path)
