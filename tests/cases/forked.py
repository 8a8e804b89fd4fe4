"""pytest in copies of one Python that has loaded the packages: a copy costs a hundredth of a second, a start half of one.

Started as a program it reads requests, a line of JSON each: the arguments of pytest and the file for what it prints. It
answers with the exit status. minidl and its tests are loaded in the copies only, as they may be other ones each time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

AVAILABLE = sys.platform.startswith("linux")  # macOS's own libraries do not promise to work in a copy
PACKAGES = {"_pytest", "hypothesis", "iniconfig", "llvmlite", "numba", "numpy", "packaging", "pluggy", "pytest", "safetensors"}


class Trials:
    """Runs of pytest in one folder and with one environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._parent: subprocess.Popen[str] | None = None

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Exit status of pytest and what it printed."""
        with tempfile.TemporaryDirectory() as own:
            printed = Path(own) / "printed.txt"
            if AVAILABLE:
                status = self._ask([list(arguments), str(printed)])
            else:
                command = [sys.executable, "-m", "pytest", *arguments]
                with printed.open("wb") as file:
                    done = subprocess.run(command, cwd=self.folder, env=self.environment, stdout=file, stderr=file)
                status = done.returncode
            return status, printed.read_text(errors="replace")

    def _ask(self, request: list) -> int:
        if self._parent is None:
            command = [sys.executable, str(Path(__file__).resolve())]
            pipe = subprocess.PIPE
            self._parent = subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, stdin=pipe, stdout=pipe)
        to, back = self._parent.stdin, self._parent.stdout
        assert to is not None
        assert back is not None
        print(json.dumps(request), file=to, flush=True)
        return int(back.readline())

    def close(self) -> None:
        if self._parent is not None:
            self._parent.communicate()


def loaded() -> list[str]:
    """Names of the loaded modules that are the same in every copy."""
    return [name for name in list(sys.modules) if name.split(".")[0] in PACKAGES | sys.stdlib_module_names]


def copy(arguments: list[str], printed: str, told: int) -> None:
    """What the copy does: pytest; it tells the modules that it has loaded, and ends without the parent's last acts."""
    status = 3  # pytest's own number for an internal error
    try:
        file = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["pytest", *arguments]
        import pytest

        status = int(pytest.main(arguments))
        with os.fdopen(told, "w") as pipe:
            json.dump(loaded(), pipe)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def main() -> None:
    sys.path[0] = ""  # as python -m pytest has it, and not the folder of this file
    for line in sys.stdin:
        arguments, printed = json.loads(line)
        listen, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(listen)
            copy(arguments, printed, tell)
        os.close(tell)
        with os.fdopen(listen) as pipe:
            told = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for name in json.loads(told or "[]"):
            if name not in sys.modules:
                with contextlib.suppress(Exception):  # one that loads only where it is needed: the next copy will do so too
                    importlib.import_module(name)
        print(status, flush=True)


if __name__ == "__main__":
    main()
