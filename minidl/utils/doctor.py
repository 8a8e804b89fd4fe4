"""What this installation has: versions, devices, threads, caches and data, and what to do about what is missing.

A doctor is called when something is wrong, so nothing here may fail: each examination stands by itself, and what it cannot
find out it says.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

# Distribution, what to call without it, and the command that installs it. Without the first four something is wrong.
REQUIRED = {
    "numpy": 'pip install "numpy>=2"',
    "numba": 'pip install "numba>=0.61,<0.69"',
    "llvmlite": 'pip install "numba>=0.61,<0.69"',
    "safetensors": "pip install safetensors",
}
OPTIONAL = {
    "matplotlib": ("the examples' plots", 'pip install "minidl[plot]"'),
    "torch": ("the tests against PyTorch", 'pip install "minidl[peers]"'),
}
VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_DISABLE_JIT", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"),
    *(
        "MINIDL_BACKEND",
        "MINIDL_KERNELS",
        "MINIDL_CONVOLUTION",
        "MINIDL_TUNING",
        "MINIDL_THREADS",
        "MINIDL_DATA",
        "MINIDL_HOME",
        "NUMBA_CACHE_DIR",
    ),
)


class Finding(NamedTuple):
    """One line of the report."""

    section: str
    name: str
    value: str
    advice: str = ""
    serious: bool = False  # whether minidl is the worse for it


def examine() -> list[Finding]:
    """Look at everything; whatever an examination raises or prints becomes a finding of its own."""
    findings: list[Finding] = []
    for section, look in SECTIONS.items():
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                for name, value, *rest in look():
                    findings.append(Finding(section, name, value, *rest))
        except Exception as error:
            text = " ".join(str(error).split())
            findings.append(Finding(section, "problem", f"{type(error).__name__}: {text}", serious=True))
    return findings


def as_text(findings: list[Finding]) -> str:
    """The report for people; its last line says whether all is well.

    >>> print(as_text([Finding("Versions", "numpy", "missing", "pip install numpy", True)]))
    Versions
      numpy  missing -> pip install numpy
    <BLANKLINE>
    To do: pip install numpy
    """
    lines: list[str] = []
    width = max((len(f.name) for f in findings), default=0)
    section = None
    for f in findings:
        if f.section != section:
            lines += ["", f.section] if lines else [f.section]
            section = f.section
        lines.append(f"  {f.name:<{width}}  {f.value}{f' -> {f.advice}' if f.advice else ''}")
    return "\n".join([*lines, "", conclusion(findings)])


def as_json(findings: list[Finding]) -> str:
    """The report for programs: ``findings``, a list of objects, and ``conclusion``."""
    return json.dumps({"findings": [f._asdict() for f in findings], "conclusion": conclusion(findings)}, indent=2)


def conclusion(findings: list[Finding]) -> str:
    """The last line: all fine, or what to do."""
    serious = dict.fromkeys(f.advice or f"{f.section}: {f.value}" for f in findings if f.serious)
    if serious:
        return f"To do: {'; '.join(serious)}"
    wishes = sum(bool(f.advice) for f in findings)
    return "All fine." + (f" What is missing ({wishes}) is optional; the arrows say how to get it." if wishes else "")


# -- the examinations --------------------------------------------------------------------------------------------------

Lines = Iterator[tuple[Any, ...]]
"""(name, value), or with advice, or with advice and whether it is serious."""


def _versions() -> Lines:
    import minidl

    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}, {platform.system()})"
    yield "minidl", f"{minidl.__version__}, in {Path(minidl.__file__).parent}"
    for name, command in REQUIRED.items():
        version = _version(name)
        if version is None:
            yield name, "missing", command, True
        elif problem := _cannot_import(name):
            yield name, f"{version}, but it cannot be imported ({problem})", f"{command} --upgrade --force-reinstall", True
        else:
            yield name, version
    for name, (purpose, command) in OPTIONAL.items():
        version = _version(name)
        yield (name, version) if version else (name, f"missing (for {purpose})", command)


def _device() -> Lines:
    from minidl import backend, config
    from minidl.backend import gpu, graphs, tape

    yield "in use", backend.current().device
    missing = gpu.missing()
    cupy = next((v for n in ("cupy", "cupy-cuda12x", "cupy-cuda13x") if (v := _version(n))), None)
    if missing is None:
        yield "GPU", f"can be used, CuPy {cupy}: minidl.set_backend('cupy')"
    else:
        yield "GPU", f"cannot be used: {missing[0]}", missing[1]
    if missing is None:
        yield "CUDA graphs", "; not recorded: ".join([config.graphs(), *graphs.reasons])
    if config.graphs() == "off":
        yield "recorded steps", "off (MINIDL_GRAPHS)"
    else:
        yield "recorded steps", "; not recorded: ".join(["on the CPU, where they can be", *dict.fromkeys(tape.reasons)])
    kernels = config.kernels()
    if kernels == "reference":
        yield "kernels", "reference: every op runs its readable reference, slowly"
    elif _version("numba") is None or _cannot_import("numba"):
        yield "kernels", "auto, but without Numba that means the slow references"
    elif os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        yield "kernels", "auto, but not compiled", "unset NUMBA_DISABLE_JIT, which makes kernels very slow", True
    else:
        private = importlib.import_module("minidl.kernels.numba._private")
        if "instructions" in private.MISSING:
            yield "kernels", "auto, but this Numba cannot compile them, and every op runs its readable reference, slowly"
        else:
            yield "kernels", "auto: compiled by Numba where there is a fast version"
        for part, reason in private.MISSING.items():
            yield "Numba", f"{private.PARTS[part].without}: {reason}", REQUIRED["numba"], True
        yield "sizes of work", _sizes_of_work()
    if config.convolution() == "direct":
        yield "convolutions", "direct: every one is summed as it is defined, some of them slowly"


def _sizes_of_work() -> str:
    """How kernels choose among sizes, and what was found so far; nothing is made for that."""
    from minidl import config
    from minidl.folders import cache_home

    if config.tuning() == "fixed":
        return "fixed: from a table (MINIDL_TUNING)"
    home = cache_home()
    if home is None or not (home / "kernels").is_dir():
        return "measured at first use; nothing is known yet"
    known = importlib.import_module("minidl.kernels.numba._tuning").CHOICES.known().values()
    others = sum(choice.place > 0 for choice in known)
    return f"measured at first use; {len(known)} are known, in {others} another than the table's is quicker"


def _processor() -> Lines:
    import numpy as np

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "CPU", f"{_cpu_name()}, {usable} of {os.cpu_count()} logical cores usable"
    if _version("numba") is not None and not _cannot_import("numba"):
        machine = importlib.import_module("minidl.kernels.numba._machine")
        vectors = f"{machine.MACHINE.registers} vectors of {machine.MACHINE.vector_bytes} bytes"
        yield "compiled for", "nothing" if machine.DISABLED else f"{machine.processor()}, {vectors}"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield "BLAS", f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    set_now = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    yield "variables", ", ".join(set_now) or "none set that matters"


def _threads() -> Lines:
    from minidl import config
    from minidl.backend import blas

    in_use = f"{config.threads()} of {config.team()} in use"
    if config.kernels() == "reference":
        yield "kernels' threads", f"{in_use}, but the references run on one"
    elif _version("numba") is None or _cannot_import("numba"):
        yield "kernels' threads", f"{in_use}, but without Numba the references run on one"
    else:
        layer = importlib.import_module("minidl.kernels.numba._team").layer()
        yield "kernels' threads", f"{in_use}, threading layer {layer}"
    of_blas = blas.threads()
    if of_blas is not None:
        yield "BLAS threads", str(of_blas)
    else:
        names = ", ".join(blas.VARIABLES)
        yield (
            "BLAS threads",
            "unknown, and minidl.set_threads cannot tell it",
            f"set the one that fits before Python starts: {names}",
        )


def _caches() -> Lines:
    from minidl.datasets.locate import cache_folder
    from minidl.folders import why_not_private

    data = cache_folder("mnist").parent
    for name, folder in (("kernel cache", data.parent / "kernels"), ("data cache", data)):
        problem = _why_not_writable(folder)
        if problem is None and name == "kernel cache":  # code: it is used only where nobody else can have put it
            problem = why_not_private(folder, data.parent)
        if not problem:
            yield name, f"{folder}, {'writable' if folder.is_dir() else 'can be made'}"
        else:
            yield name, f"{folder}: {problem}", "set MINIDL_HOME to a folder that can be written", True


def _data_sets() -> Lines:
    from minidl.datasets import mnist

    found = mnist.find_data()
    if found is not None:
        yield "MNIST", str(found)
    else:
        given = os.environ.get("MINIDL_DATA")
        where = f"MINIDL_DATA={given} holds no complete mnist/" if given else "MINIDL_DATA is not set"
        command = 'python -c "from minidl.datasets import mnist; mnist.load_data()"'
        yield "MNIST", f"not found ({where})", f"{command} downloads it"
    yield "digits", "built in"


SECTIONS: dict[str, Callable[[], Lines]] = {
    "Versions": _versions,
    "Device": _device,
    "Processor": _processor,
    "Threads": _threads,
    "Caches": _caches,
    "Data sets": _data_sets,
}


# -- how it is found out -----------------------------------------------------------------------------------------------


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except Exception:  # not installed, or its files are damaged
        return None


def _cannot_import(module: str) -> str | None:
    """Why not, in one line; None where it can. A library of another version may be there and yet refuse to load."""
    try:
        importlib.import_module(module)
    except Exception as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or sys.platform


def _why_not_writable(folder: Path) -> str | None:
    """Why nothing can be written there, found out without writing: the folder, or the one it would be made in, is asked."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return None if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written"
        if place.exists() or place.is_symlink():
            return f"{place} is no folder"
    return "there is no such place"
