"""The command line.

``python -m minidl doctor`` says what this installation has, and what to do about what it has not. ``python -m minidl warmup``
compiles the kernels of the lectures' networks, once for an installation. ``python -m minidl run script.py`` runs a script that
was written for Keras 1 or 2.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import minidl


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status, 2 (by way of SystemExit) for arguments that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m minidl", description="minidl, a neural-network framework.")
    parser.add_argument("--version", action="version", version=f"minidl {minidl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    doctor = commands.add_parser("doctor", help="what this installation has, and what to do about what it has not")
    doctor.add_argument("--json", action="store_true", help="the same for programs")
    commands.add_parser("warmup", help="compile the kernels of the lectures' networks (float32) and keep them")
    run = commands.add_parser("run", help="run a script written for Keras 1 or 2", add_help=False)
    run.add_argument("rest", nargs=argparse.REMAINDER)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:  # all behind it is the script's
        from minidl.compat.runner import main as run_script

        return run_script(given[1:])
    chosen = parser.parse_args(given)
    return _doctor(chosen.json) if chosen.command == "doctor" else _warmup()


def _doctor(json: bool) -> int:
    from minidl.utils.doctor import as_json, as_text, examine

    findings = examine()
    _print(as_json(findings) if json else as_text(findings))
    return 0


def _warmup() -> int:
    """Returns 1, with a line that says why, where nothing would be compiled or kept."""
    from minidl import config
    from minidl.folders import kernel_folder
    from minidl.utils.doctor import examine

    found = {f.name: f for f in examine()}
    for name in ("numba", "kernels", "kernel cache"):
        if found[name].serious or (name == "kernels" and not found[name].value.startswith("auto: compiled")):
            advice = f" -> {found[name].advice}" if found[name].advice else ""
            _print(f"Nothing compiled: {name}: {found[name].value}{advice}")
            return 1

    from minidl.models.warmup import lecture_models, warmup

    _print(f"The kernels of the lectures' networks, in float32, for this processor; kept in {kernel_folder()}")
    start = time.perf_counter()
    with config.use_dtype("float32"):
        for model in lecture_models():
            warmup(model)
    _print(f"Done in {time.perf_counter() - start:.1f} s. Other layers, sizes and types compile when they are first used.")
    return 0


def _print(text: str) -> None:
    """A path may hold what this terminal cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


if __name__ == "__main__":
    raise SystemExit(main())
