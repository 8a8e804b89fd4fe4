"""The harness's end of a worker process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from typing import Any

from benchmarks.environment import ROOT, for_workers

PATIENCE = 1800  # seconds for one answer; an epoch of a slow library is the longest


class MissingError(Exception):
    """The library, or this way of using it, is not to be had here."""


class FailedError(Exception):
    """It was tried and went wrong."""


class Worker:
    """A process for one side, started on first use and started anew after it died.

    Args:
        module: the side, such as ``"benchmarks.sides.pytorch"``.
        threads: limits the library to so many; None leaves it its default.
    """

    def __init__(self, module: str, threads: int | None = None) -> None:
        self.module, self.threads = module, threads
        self._process: subprocess.Popen[str] | None = None

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer to one request. Raises MissingError or FailedError with a reason in one line."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        alarm = threading.Timer(PATIENCE, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            alarm.cancel()
        if not line:
            code, said = process.wait(), self._last_words()
            self.close()
            raise FailedError(f"its process ended with code {code} at {do!r}{said}")
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise MissingError(answer["missing"])
        if "error" in answer:
            raise FailedError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # the end of its input is the end of its work
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._stderr.close()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks._worker", self.module]
        if self.threads is not None:
            command.append(str(self.threads))
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed in close)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            cwd=ROOT,
            env=for_workers(self.threads),
        )
        return self._process

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
