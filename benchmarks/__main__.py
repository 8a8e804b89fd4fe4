"""All benchmarks, one after the other.

    python -m benchmarks [ops] [models] [scaling] [start] [to_99] [twins] [lectures] [report] [options]

Without names: all of them. Options are passed on to each, see ``python -m benchmarks.models --help``; ``--out`` is for one
alone. ``start``, ``to_99``, ``twins``, ``lectures`` and ``report`` know fewer and get those they know.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from benchmarks import options

PROGRAMS = ("ops", "models", "scaling", "start", "to_99", "twins", "lectures", "report")


def arguments_for(program: str, args: argparse.Namespace) -> list[str]:
    """The shared options, written out again for one program."""
    known = {
        "start": ("quick", "out"),
        "to_99": ("avx2", "quick", "out"),
        "twins": ("only", "quick"),
        "lectures": ("only", "quick", "out"),
        "report": (),
    }.get(program)
    written = []
    for name, value in vars(args).items():
        if name != "programs" and value not in (None, False) and (known is None or name in known):
            written += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return written


def main(argv: Sequence[str] | None = None) -> int:
    shared = options.parser(None)
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout, parents=[shared], add_help=False)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; default: all")
    args = parser.parse_args(argv)
    chosen = args.programs or list(PROGRAMS)
    if set(chosen) - set(PROGRAMS):
        parser.error(f"{', '.join(set(chosen) - set(PROGRAMS))}: known are {', '.join(PROGRAMS)}")
    if args.out and len(chosen) > 1:
        parser.error("--out names one file; choose one program")
    if args.quick and not args.programs:
        chosen.remove("report")  # it would put nothing of this into the page
    codes = [importlib.import_module(f"benchmarks.{name}").main(arguments_for(name, args)) for name in chosen]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
