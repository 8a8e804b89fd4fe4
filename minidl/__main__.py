"""The command line: ``python -m minidl doctor`` says what this installation has, and what to do about what it has not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import minidl


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status, 2 (by way of SystemExit) for arguments that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m minidl", description="minidl, a neural-network framework.")
    parser.add_argument("--version", action="version", version=f"minidl {minidl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    doctor = commands.add_parser("doctor", help="what this installation has, and what to do about what it has not")
    doctor.add_argument("--json", action="store_true", help="the same for programs")
    chosen = parser.parse_args(arguments)

    from minidl.utils.doctor import as_json, as_text, examine

    findings = examine()
    text = as_json(findings) if chosen.json else as_text(findings)
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))  # a path may hold what this terminal cannot show
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
