"""The first minutes on a card: what it is, and whether everything that minidl's way to it stands on works there.

    python -m benchmarks.gpu_probes [NAME] [--quick]        prints JSON

Each probe runs in a process of its own, as one that has failed on a GPU is of no further use; ``all_of_them`` starts them.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.environment import ROOT, for_workers
from minidl import backend as backends
from minidl.backend import graphs
from minidl.kernels.cuda import _cublas

PATIENCE = 300  # seconds for one probe; CuPy compiles on first use
EMPTY = '#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads) void\nKERNEL(32) nothing(long long n) {}\n'
Found = dict[str, Any]  # ``says``, a line for people, and figures


class ProbeError(Exception):
    """It ran, and what came out is not right."""


def card(quick: bool) -> Found:
    """Which device, which versions, how much memory is free."""
    xp = _cupy()
    runtime, device = xp.cuda.runtime, xp.cuda.Device().id
    name = runtime.getDeviceProperties(device)["name"].decode()
    free, total = runtime.memGetInfo()
    driver, built = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    says = f"{name}; CUDA {_version(driver)} (driver) and {_version(built)} (runtime); CuPy {xp.__version__}; "
    says += f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    return {"says": says, "name": name, "driver": driver, "runtime": built, "free": free, "total": total}


def cublas_under_capture(quick: bool) -> Found:
    """A product of cuBLAS, recorded, and computed by the replay."""
    xp = _cupy()
    rng = np.random.default_rng(1671)
    a, b = (rng.standard_normal((64, 64), np.float32) for _ in range(2))
    A, B, y = xp.asarray(a), xp.asarray(b), xp.empty((64, 64), "float32")
    library = _cublas.library_of(y)
    if library is None:
        raise ProbeError("cuBLAS is not found")
    library.product(A, B, y, False)  # loads its kernels
    stream, pool = xp.cuda.Stream(non_blocking=True), xp.cuda.MemoryPool()
    backends.current().synchronize()
    with stream, xp.cuda.using_allocator(pool.malloc):
        stream.begin_capture()
        library.product(A, B, y, False)
        graph = stream.end_capture()
    y[...] = 0
    backends.current().synchronize()
    graph.launch(stream)
    stream.synchronize()
    return {"says": f"right to {_agree(xp.asnumpy(y), a @ b, 1e-4):.1g}"}


def launch_cost(quick: bool) -> Found:
    """Microseconds of an empty kernel: the mean of many launches with one wait at the end."""
    launch = _cupy().RawModule(code=EMPTY, options=("--std=c++17",)).get_function("nothing")
    arguments = (1,), (32,), (np.int64(0),)
    seconds = _seconds(lambda: launch(*arguments), 10 if quick else 20_000)
    return {"says": f"{1e6 * seconds:.2f} us", "seconds": seconds}


def replay_from_a_private_pool(quick: bool) -> Found:
    """minidl's recorder: the memory of a recording must outlive what is given back and taken elsewhere meanwhile."""
    xp, before = _cupy(), len(graphs.reasons)
    recorder = graphs.Recorder(xp)

    def step(number: int) -> Any:
        x = xp.asarray(np.full(1 << 16, number, np.float32))
        return recorder.run("step", lambda arrays: (arrays[0] * 2 + 1) * (arrays[0] + 1), [x], lambda: None)

    for number in range(graphs.WARM_UP + 4):
        y = step(number)
        if len(graphs.reasons) > before:
            raise ProbeError(graphs.reasons[before])
        xp.get_default_memory_pool().free_all_blocks()
        elsewhere = [xp.asarray(np.full(1 << 16, -1, np.float32)) for _ in range(8)]
        _agree(xp.asnumpy(y), np.full(1 << 16, (2 * number + 1) * (number + 1), np.float32), 0)
        del elsewhere
    return {"says": "right, 4 times"}


def dlpack(quick: bool) -> Found:
    """CuPy to PyTorch and back: the same memory."""
    xp, torch = _cupy(), importlib.import_module("torch")
    x = xp.asarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    tensor = torch.from_dlpack(x)
    again = xp.from_dlpack(tensor)
    if not x.data.ptr == tensor.data_ptr() == again.data.ptr:
        raise ProbeError("the address changed: it was copied")
    _agree(tensor.cpu().numpy(), xp.asnumpy(x), 0)
    _agree(xp.asnumpy(again), xp.asnumpy(x), 0)
    return {"says": "the same address, the same numbers"}


def copies_by_cupy(quick: bool) -> Found:
    """Bytes a second, read and written, of a copy of 1 GiB on the card."""
    xp = _cupy()
    source, target = (xp.asarray(np.ones(_bytes(quick) // 4, np.float32)) for _ in range(2))
    return _speed(lambda: xp.copyto(target, source), backends.current().synchronize, quick)


def copies_by_pytorch(quick: bool) -> Found:
    """The same by PyTorch."""
    torch = importlib.import_module("torch")
    source, target = (torch.ones(_bytes(quick) // 4, device="cuda") for _ in range(2))
    return _speed(lambda: target.copy_(source), torch.cuda.synchronize, quick)


PROBES: dict[str, Callable[[bool], Found]] = {
    "card": card,
    "cuBLAS product under capture": cublas_under_capture,
    "launch of an empty kernel": launch_cost,
    "replay from a private pool": replay_from_a_private_pool,
    "CuPy to PyTorch and back": dlpack,
    "copy of 1 GiB, CuPy": copies_by_cupy,
    "copy of 1 GiB, PyTorch": copies_by_pytorch,
}


def all_of_them(quick: bool, module: str = "benchmarks.gpu_probes") -> dict[str, Found]:
    """What each found, with ``ok``; where that is False, ``says`` is the reason in one line."""
    return {name: _in_own_process(name, quick, module) for name in PROBES}


def _in_own_process(name: str, quick: bool, module: str) -> Found:
    command = [sys.executable, "-m", module, name, *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, cwd=ROOT, env=for_workers(), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"ok": False, "says": f"no answer within {PATIENCE} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return {"ok": False, "says": f"ended with code {done.returncode}{f': {said[-1][:200]}' if said else ''}"}
    found: Found = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def one(name: str, quick: bool) -> Found:
    """One probe here and now; a failure is an answer."""
    try:
        return {"ok": True, **PROBES[name](quick)}
    except Exception as error:  # whatever CUDA, CuPy or PyTorch object to
        said = str(error) if isinstance(error, ProbeError) else f"{type(error).__name__}: {error}"
        return {"ok": False, "says": " ".join(said.split())[:300]}


def as_text(found: dict[str, Found]) -> str:
    """A line for each probe.

    >>> print(as_text({"card": {"ok": True, "says": "H200"}, "launch": {"ok": False, "says": "no driver"}}))
    card: ok, H200
    launch: failed, no driver
    """
    return "\n".join(f"{name}: {'ok' if f['ok'] else 'failed'}, {f['says']}" for name, f in found.items())


def copy_speed(found: dict[str, Found]) -> float | None:
    """The faster of the two libraries' copies, in bytes a second; None where neither could copy.

    >>> copy_speed({"a": {"ok": True, "speed": 2e12}, "b": {"ok": True, "speed": 3e12}, "c": {"ok": False}})
    3000000000000.0
    """
    return max((f["speed"] for f in found.values() if "speed" in f), default=None)


def _cupy() -> Any:
    backends.set_backend("cupy")
    return backends.current().xp


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _agree(received: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    """The largest difference, as a part of the largest element. Raises ProbeError where it is more than ``tolerance``."""
    found = float(np.abs(received - expected).max() / np.abs(expected).max())
    if not found <= tolerance:
        raise ProbeError(f"wrong numbers: they differ by {found:.2g} of the largest")
    return found


def _seconds(function: Callable[[], Any], times: int, wait: Callable[[], Any] | None = None) -> float:
    """Of one call in a loop that ends with a wait; a fifth as many before it, untimed."""
    wait = wait or backends.current().synchronize
    for _ in range(max(1, times // 5)):
        function()
    wait()
    begin = time.perf_counter()
    for _ in range(times):
        function()
    wait()
    return (time.perf_counter() - begin) / times


def _bytes(quick: bool) -> int:
    return 2**20 if quick else 2**30


def _speed(copy: Callable[[], Any], wait: Callable[[], Any], quick: bool) -> Found:
    seconds = min(_seconds(copy, 2 if quick else 20, wait) for _ in range(2 if quick else 5))
    speed = 2 * _bytes(quick) / seconds
    return {"says": f"{speed / 1e9:.0f} GB/s, read and written", "speed": speed}


def main(argv: list[str]) -> int:
    quick = "--quick" in argv
    names = [name for name in argv if name != "--quick"]
    print(json.dumps(one(names[0], quick) if names else all_of_them(quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
