"""Verify, then time.

For each piece of work: every side gets the same numbers; minidl must give what its own references give, every other side
what minidl gives, or it is refused and not timed. Then all warm up, and take turns, one measurement each, so that whatever
the machine is doing besides hits all alike. Minimum and median of the rounds are reported, and ratios of both.
"""

from __future__ import annotations

import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.inputs import draw
from benchmarks.work import Work
from benchmarks.worker import FailedError, MissingError, Worker

MINIDL = "minidl"
SIDES = {
    MINIDL: "benchmarks.sides.minidl",
    "PyTorch": "benchmarks.sides.pytorch",
    "JAX": "benchmarks.sides.jax",
    "scikit-learn": "benchmarks.sides.scikit_learn",
    "Keras": "benchmarks.sides.keras_jax",
    "ONNX Runtime": "benchmarks.sides.onnx_runtime",
    "OpenVINO": "benchmarks.sides.open_vino",
}
MIN_ROUNDS = 7
OUT_OF_THE_RACE = 1.5  # a variant of long work so much slower than its library's best after two rounds is not asked again


@dataclass(frozen=True)
class Settings:
    """How long to measure.

    Attributes:
        rounds: measurements of each contender.
        seconds: a measurement repeats short work for so long.
        compilers: whether variants that call a compiler take part.
        long: seconds from which a measurement is long, so that slow variants leave the race.
        quick: whether the work is made small, for a test of the programs.
    """

    rounds: int = 9
    seconds: float = 0.05
    compilers: bool = True
    long: float = 1.0
    quick: bool = False

    def quickly(self) -> Settings:
        """Few and short rounds, no compiler."""
        return replace(self, rounds=2, seconds=0.002, compilers=False, quick=True)


class Team:
    """The workers of a run, by the name of their library; the first is the one the others are compared with.

    Args:
        sides: name -> module.
        threads: limits every library to so many.
    """

    def __init__(self, sides: dict[str, str], threads: int | None = None) -> None:
        self.workers = {name: Worker(module, threads) for name, module in sides.items()}
        self.about: dict[str, dict[str, Any]] = {}

    def introduce(self) -> dict[str, dict[str, Any]]:
        """Versions and threads of each side; those that are missing say why and leave the team."""
        for name in list(self.workers):
            try:
                answer = self.workers[name].ask("hello")
                self.about[name] = {"versions": answer["versions"], "threads": answer["threads"]}
            except (MissingError, FailedError) as error:
                self.about[name] = {"missing": str(error)}
                self.workers.pop(name).close()
        return self.about

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self.workers.values():
            worker.close()


def measure(work: Work, team: Team, settings: Settings) -> dict[str, Any]:
    """The record of one piece of work."""
    work = work.quick() if settings.quick else work
    request = work.request(settings.compilers)
    record: dict[str, Any] = {"name": work.name, "kind": work.kind, "spec": work.spec, "tolerance": work.tolerance}
    record |= {"flops": work.flops, "bytes": work.bytes}
    record["target"] = None if work.target is None else vars(work.target)
    record |= {"verified": {}, "failed": {}, "contenders": {}, "ratios": {}}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npz"
        np.savez(inputs, **draw(request))  # type: ignore[arg-type]
        contenders = _verified(request, work.tolerance, team, inputs, record)
    _race(contenders, team, settings, record)
    for side in dict.fromkeys(side for side, _ in contenders):
        _asked({"failed": {}}, side, functools.partial(team.workers[side].ask, "release"))
    record["ratios"] = ratios(record["contenders"])
    return record


def _verified(request: dict[str, Any], tolerance: float, team: Team, inputs: Path, record: dict[str, Any]) -> list[tuple]:
    """(side, label) of all that gave the right numbers; the others are in ``record["failed"]`` with the reason."""
    contenders: list[tuple[str, str]] = []
    expected: dict[str, np.ndarray] | None = None
    for side, worker in team.workers.items():
        try:
            names = worker.ask("variants", work=request)["variants"]
        except (MissingError, FailedError) as error:
            record["failed"][side] = str(error)
            names = []
        for variant in names:
            label = f"{side}: {variant}" if variant else side
            try:
                known = worker.ask("prepare", label=label, work=request, variant=variant, inputs=str(inputs))
                received = _results(worker, label, inputs.parent)
                against = expected
                if expected is None and known["reference"]:
                    against = _results(worker, label, inputs.parent, reference=True)
                if against is not None:
                    found, where = largest_difference(against, received)
                    record["verified"][label] = found if np.isfinite(found) else None
                    if not found <= tolerance:
                        raise FailedError(f"refused: {where} (allowed {tolerance:g})")
                expected = received if expected is None else expected
                contenders.append((side, label))
            except (MissingError, FailedError) as error:
                record["failed"][label] = str(error)
        if expected is None:  # nothing to compare with: no figure of anybody would mean anything
            record["failed"].setdefault(side, "gave no result to compare the others with")
            return []
    return contenders


def _results(worker: Worker, label: str, folder: Path, reference: bool = False) -> dict[str, np.ndarray]:
    path = folder / "results.npz"
    worker.ask("results", label=label, to=str(path), reference=reference)
    with np.load(path) as file:
        return dict(file)


def largest_difference(expected: dict[str, np.ndarray], received: dict[str, np.ndarray]) -> tuple[float, str]:
    """The largest difference, as a part of its array's largest element, and where it is in words.

    >>> largest_difference({"y": np.array([1.0, 4.0])}, {"y": np.array([1.0, 3.0])})
    (0.25, 'y differs by 0.25 of its largest element')
    """
    if set(expected) != set(received):
        return float("inf"), f"{sorted(received)} instead of {sorted(expected)}"
    worst = (0.0, "nothing differs")
    for name, array in expected.items():
        other = received[name]
        if array.shape != other.shape:
            return float("inf"), f"{name} has shape {other.shape} instead of {array.shape}"
        if not (np.isfinite(array).all() and np.isfinite(other).all()):
            return float("inf"), f"{name} is not finite"
        scale = max(float(np.abs(array).max(initial=0)), 1e-30)
        found = float(np.abs(array.astype(float) - other).max(initial=0)) / scale
        worst = max(worst, (found, f"{name} differs by {found:.2g} of its largest element"))
    return worst


def _race(contenders: list[tuple[str, str]], team: Team, settings: Settings, record: dict[str, Any]) -> None:
    rounds: dict[str, list[float]] = {}
    long: set[str] = set()
    for side, label in contenders:
        ask = functools.partial(team.workers[side].ask, "warm_up", label=label, seconds=settings.seconds)
        if _asked(record, label, ask):
            rounds[label] = []
    side_of = {label: side for side, label in contenders}
    for count in range(settings.rounds):
        for label, seconds in rounds.items():
            if label in record["failed"] or (label in long and count >= 2 and _is_out(label, rounds, side_of)):
                continue
            answer = _asked(record, label, functools.partial(team.workers[side_of[label]].ask, "measure", label=label))
            if answer:
                seconds.append(answer["seconds"])
                long |= {label} if answer["took"] > settings.long else set()
    for label, seconds in rounds.items():
        if seconds and label not in record["failed"]:
            numbers = {"min": min(seconds), "median": statistics.median(seconds), "rounds": seconds}
            record["contenders"][label] = {"side": side_of[label], **numbers}


def _is_out(label: str, rounds: dict[str, list[float]], side_of: dict[str, str]) -> bool:
    fastest = min(min(seconds) for other, seconds in rounds.items() if side_of[other] == side_of[label] and seconds)
    return min(rounds[label][:2], default=0) > OUT_OF_THE_RACE * fastest


def _asked(record: dict[str, Any], label: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (MissingError, FailedError) as error:
        record["failed"][label] = str(error)
        return None


def ratios(contenders: dict[str, dict[str, Any]], subject: str = MINIDL) -> dict[str, dict[str, Any]]:
    """For every other side: the time of its best variant divided by ``subject``'s; above 1, ``subject`` is faster.

    The best is the one of the smallest median, among those that ran in every round.

    >>> times = {"minidl": {"side": "minidl", "min": 1.0, "median": 2.0, "rounds": []}}
    >>> ratios(times | {"p: x": {"side": "p", "min": 2.0, "median": 3.0, "rounds": []}})
    {'p': {'best': 'p: x', 'median': 1.5, 'min': 2.0}}
    """
    found: dict[str, dict[str, Any]] = {}
    if subject not in contenders:
        return found
    mine = contenders[subject]
    for side in dict.fromkeys(c["side"] for c in contenders.values() if c["side"] != subject):
        variants = {label: c for label, c in contenders.items() if c["side"] == side}
        most = max(len(c["rounds"]) for c in variants.values())
        best = min((n for n, c in variants.items() if len(c["rounds"]) == most), key=lambda n: contenders[n]["median"])
        found[side] = {"best": best} | {key: contenders[best][key] / mine[key] for key in ("median", "min")}
    return found


def measure_all(
    works: Iterable[Work],
    team: Team,
    settings: Settings,
    say: Callable[[str], None],
    keep: Callable[[list[dict[str, Any]]], None] = lambda records: None,
) -> list[dict[str, Any]]:
    """The records of several pieces of work, each announced as it is done; ``keep`` is handed those so far."""
    records = []
    for work in works:
        begin = time.perf_counter()
        records.append(measure(work, team, settings))
        keep(records)
        say(f"  {work.name}: {time.perf_counter() - begin:.0f} s")
    return records
