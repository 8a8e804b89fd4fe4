"""Examples run as a reader runs them, and what is asked of their pictures."""

import contextlib
import importlib.util
import io
import re
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(environment, script, *arguments):
    command = [sys.executable, "-W", "error", EXAMPLES / script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def succeed(environment, script, *arguments):
    ran = run(environment, script, *arguments)
    said = [line for line in ran.stderr.splitlines() if not line.startswith("minidl: compiling its kernels")]
    assert (ran.returncode, said) == (0, [])
    return ran.stdout


def succeed_with_picture(environment, script, folder):
    """What a quick run prints, and where matplotlib is, its picture looked at: one run, as these take seconds."""
    if importlib.util.find_spec("matplotlib") is None:
        return succeed(environment, script, "--quick")
    path = folder / "plot.png"
    printed = succeed(environment, script, "--quick", "--plot", path)
    assert printed.endswith(f"Plot: {path}\n")
    check_png(path)
    return printed


def load(script):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(script.removesuffix(".py"), EXAMPLES / script)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", [str(EXAMPLES), *sys.path]):
        spec.loader.exec_module(module)
    return module


def leave(script, *arguments):
    """``run`` within this process, a hundred times as quick: for arguments with which an example ends before it computes."""
    printed, said = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", [script, *arguments]), contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(said))
        try:
            load(script).main()
        except SystemExit as ended:
            return subprocess.CompletedProcess(sys.argv, ended.code, printed.getvalue(), said.getvalue())
    raise AssertionError(f"{script} ran to its end")


def number(text, name):
    return float(re.search(rf"^{name}: ([\d.]+)", text, re.MULTILINE)[1])


def check_png(path, smallest=20_000):
    """The picture is there, of a size to be read, and not empty."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert min(width, height) >= 300
    assert len(content) > smallest
