"""The options that all programs share, so that ``python -m benchmarks`` can pass them on."""

from __future__ import annotations

import argparse
import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import chart, environment, store, tables
from benchmarks.harness import MIN_ROUNDS, MINIDL, SIDES, Settings, Team, measure_all
from benchmarks.machine import cpu_name
from benchmarks.work import Work


def parser(description: str | None, known: dict[str, str] = SIDES) -> argparse.ArgumentParser:
    """The shared options."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", metavar="PATTERN", help="pieces of work whose name has this in it, or fits it (with * and ?)")
    made.add_argument("--peers", metavar="NAMES", help=f"which of {', '.join(known)} to compare with, or none; default: all")
    made.add_argument("--rounds", type=_rounds, default=Settings.rounds, help=f"at least {MIN_ROUNDS}; default: %(default)s")
    made.add_argument("--no-compilers", action="store_true", help="leave torch.compile out")
    made.add_argument("--out", type=store.file_name, metavar="FILE", help="where the results go; default: benchmarks/results")
    made.add_argument("--chart", action="store_true", help="draw the chart beside the results, too")
    if known is SIDES:
        made.add_argument("--avx2", action="store_true", help="every library without AVX-512, into files of their own")
    made.add_argument("--quick", action="store_true", help="small and short: a test of the program, its figures mean nothing")
    return made


def _rounds(text: str) -> int:
    if int(text) < MIN_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text} rounds say too little; at least {MIN_ROUNDS}")
    return int(text)


def settings(args: argparse.Namespace) -> Settings:
    """How long to measure."""
    chosen = Settings(rounds=args.rounds, compilers=not args.no_compilers)
    return chosen.quickly() if args.quick else chosen


def sides(args: argparse.Namespace, known: dict[str, str] = SIDES) -> dict[str, str]:
    """The sides asked for, minidl first."""
    if args.peers is None:
        return known
    wanted = {name.strip().lower() for name in args.peers.split(",")} - {"none", ""}
    unknown = wanted - {name.lower() for name in known}
    if unknown:
        raise SystemExit(f"--peers {args.peers}: known are {', '.join(known)} and none")
    return {name: module for name, module in known.items() if name == MINIDL or name.lower() in wanted}


def wanted(name: str, pattern: str | None) -> bool:
    """Whether ``--only`` means this name.

    >>> wanted("train cnn b128", "cnn"), wanted("train cnn b128", "train*128"), wanted("train cnn b128", "mlp")
    (True, True, False)
    """
    return pattern is None or pattern.lower() in name.lower() or fnmatch.fnmatch(name.lower(), pattern.lower())


def limit(args: argparse.Namespace) -> None:
    """Keep all processes that are started from now on to the vectors asked for."""
    if getattr(args, "avx2", False):
        environment.only_avx2()


def place(name: str, args: argparse.Namespace, device: str = "") -> Path:
    """Where the results go."""
    if args.chart:
        chart.check()
    if not device and getattr(args, "avx2", False):
        device = f"{cpu_name()} AVX2"
    return args.out or store.default_path(name, args.quick, device)


def run(
    name: str, works: Sequence[Work], args: argparse.Namespace, known: dict[str, str] = SIDES, **content: Any
) -> dict[str, Any]:
    """Measure what was asked for, and return the document.

    What is measured is kept from piece to piece in a file beside the results, ``<stem>.part.json``, for a run that is cut off.
    """
    path = place(name, args, content.get("card", ""))  # what is missing is said before the measurements
    limit(args)
    chosen = [work for work in works if wanted(work.name, args.only)]
    threads = 1 if args.quick else None  # tests run several at a time, and thread teams that share cores wait for each other
    with Team(sides(args, known), threads) as team:
        about = team.introduce()
        if MINIDL not in team.workers:
            raise SystemExit(f"minidl cannot be run: {about[MINIDL]['missing']}")
        print(f"{name}: {len(chosen)} pieces of work; {', '.join(team.workers)}", flush=True)
        known_by_now = {"sides": about, "settings": vars(settings(args)), **content}

        def keep(records: list[dict[str, Any]]) -> None:
            store.write(_part(path), store.document(name, args.quick, works=records, **known_by_now))

        records = measure_all(chosen, team, settings(args), lambda line: print(line, flush=True), keep)
    return store.document(name, args.quick, works=records, **known_by_now)


def _part(path: Path) -> Path:
    return path.with_suffix(".part.json")


def finish(document: dict[str, Any], args: argparse.Namespace, title: str) -> int:
    """Write and show a document; the exit code: 1 where minidl itself failed somewhere."""
    path = place(document["name"], args, document.get("card", ""))
    store.write(path, document)
    _part(path).unlink(missing_ok=True)
    if document["works"]:
        print("\n" + tables.as_text(tables.rows_of(document["works"])))
    for line in [*tables.remarks(document), *(f"best: {line}" for line in tables.bests(document["works"]))]:
        print(line)
    print(f"\n{tables.about(document)}\nResults: {path}")
    if args.chart and not chart.ratios(path.with_suffix(".png"), document["works"], title):
        print("No chart: there is nothing to compare with")
    return int(any(MINIDL not in work["contenders"] for work in document["works"]))
