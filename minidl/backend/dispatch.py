"""From an op to its fast kernel: found by module and name, tried once, cached.

``ops/pooling.py::max_pool`` is the reference. For NumPy arrays its kernel is ``kernels/numba/pooling.py::max_pool``, for
CuPy arrays ``kernels/cuda/pooling.py::max_pool``; there is no registry. A kernel

* receives arrays in C order,
* may decline a case (a dtype, grouped convolution) by returning ``NotImplemented``: the reference then takes it,
* saves for its gradient exactly what the reference saves, so that the two can be mixed.

Only the absence of the accelerator itself (numba, CuPy) means "no kernels"; a kernel that fails to import raises.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from minidl import config, interrupts
from minidl.backend import tape as recordings
from minidl.backend.base import Backend
from minidl.backend.cpu import CpuBackend
from minidl.backend.table import ArrayTable
from minidl.backend.tape import current, op_on_tape, tapes
from minidl.errors import BackendError, StateError
from minidl.geometry import Window

Function = TypeVar("Function", bound=Callable[..., Any])

CPU = CpuBackend()
_backend_of_type: dict[type, Backend] = {np.ndarray: CPU}
_forked = False  # in a child of a process that had started the kernels' threads: they do not exist here
_FORKED = (
    "a process forked after compiled kernels had run",
    "one started afresh",
    "multiprocessing.get_context('spawn'), or minidl.config.set_kernels('reference') in the child",
)


def _after_fork() -> None:
    global _forked
    _forked = "minidl.kernels.numba._jit" in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_ACCELERATOR = {"minidl.kernels.numba": "numba", "minidl.kernels.cuda": "cupy"}


def register(backend: Backend) -> None:
    """Make arrays of ``backend.array_type`` known to the ops."""
    _backend_of_type[backend.array_type] = backend


def backend_of(x: Any) -> Backend:
    """The backend an array lives on. Raises BackendError for anything that is not an array of a known backend."""
    backend = _backend_of_type.get(type(x))
    if backend is None:
        if isinstance(x, (np.ndarray, np.generic)):
            return CPU
        known = ", ".join(t.__name__ for t in _backend_of_type)
        raise BackendError("ops", f"a {type(x).__name__}", f"an array of a backend in use ({known})")
    return backend


def array_namespace(x: Any) -> ModuleType:
    """The array library ``x`` belongs to: ``numpy`` or ``cupy``."""
    return backend_of(x).xp


def op(reference: Function) -> Function:
    """Make ``reference`` an op: calls go to its kernel on the arrays' device where there is one."""
    return _op(reference)


def op_elementwise(reference: Function) -> Function:
    """``op`` for functions that treat every element alike: a kernel is handed flat arrays, whatever the common layout.

    Results keep the layout of the arguments, so that images with the channels first are not copied.
    """
    return _op(reference, elementwise=True)


def op_of_ops(reference: Function) -> Function:
    """``op`` for what is a few ops one after the other, unless a device has one kernel for all of them."""
    module, name = reference.__module__.rpartition(".")[2], reference.__name__
    found: dict[str, Callable[..., Any] | None] = {}

    @functools.wraps(reference)
    def call(*args: Any, **kwargs: Any) -> Any:
        backend = _common_backend(name, args)
        noted = tapes and current() is not None  # the ops are, one by one
        kernel = None if noted else _kernel_of(backend, found, module, name)
        result = NotImplemented if kernel is None else _call_kernel(kernel, backend, args, kwargs, elementwise=False)
        return reference(*args, **kwargs) if result is NotImplemented else result

    call.reference = reference  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def op_on_rows(reference: Callable[..., None]) -> Callable[..., None]:
    """Make ``reference(value, grad, ..., scalars, *constants)``, which changes flat arrays in place, an op on many of them.

    The op takes an ``ArrayTable`` in place of the arrays in front of ``scalars``: its kernel walks all rows in one call, the
    reference is called row by row. Single arrays are a table of one row.
    """
    module, name = reference.__module__.rpartition(".")[2], reference.__name__
    columns = list(inspect.signature(reference).parameters).index("scalars")
    found: dict[str, Callable[..., Any] | None] = {}

    @functools.wraps(reference)
    def call(*args: Any) -> None:
        if tapes and (tape := current()) is not None:
            op_on_tape(tape, compute, compute, by_kernel, args, {})
        else:
            compute(*args)

    def compute(*args: Any) -> None:
        rows, rest, backend = table_of(args)
        if with_kernel(rows, rest, backend) is NotImplemented:
            with np.errstate(all="ignore"):
                for arrays in rows:
                    reference(*arrays, *rest)

    def by_kernel(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        rows, rest, backend = table_of(args)
        if not _replays(found, module, name) or rows is not args[0]:
            return None
        result = with_kernel(rows, rest, backend)
        return None if result is NotImplemented else rows  # whose arrays were changed in place

    def table_of(args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...], Backend]:
        if isinstance(args[0], ArrayTable):
            return args[0], args[1:], _common_backend(name, (args[0].first, args[1]))
        row, rest, backend = args[:columns], args[columns:], _common_backend(name, args)
        plain = all(type(a) is backend.array_type for a in row) and ArrayTable.fits(row)
        return (ArrayTable([row], backend) if plain else [row]), rest, backend

    def with_kernel(rows: Any, rest: tuple[Any, ...], backend: Backend) -> Any:
        kernel = _kernel_of(backend, found, module, name) if isinstance(rows, ArrayTable) else None
        return NotImplemented if kernel is None else kernel(rows, *rest)

    call.reference, call.columns = reference, columns  # type: ignore[attr-defined]
    return call


def _op(reference: Function, elementwise: bool = False) -> Function:
    module = reference.__module__.rpartition(".")[2]
    kernels: dict[str, Callable[..., Any] | None] = {}
    on_cpu = CPU.kernels

    @functools.wraps(reference)
    def call(*args: Any, **kwargs: Any) -> Any:
        if tapes and (tape := current()) is not None:
            return op_on_tape(tape, reference, general, by_kernel, args, kwargs)
        # The common case first, for small models spend their time here: NumPy arrays in C order and a kernel for them.
        if on_cpu in kernels and not _forked and config.kernels() == "auto" and (not kwargs or _are_in_order(kwargs)):
            shape = None
            for a in args:
                if type(a) is np.ndarray:
                    if not a.flags.c_contiguous:
                        break
                    if elementwise:
                        if shape is not None and a.shape != shape:
                            break
                        shape = a.shape
                elif elementwise or type(a) not in _BESIDE_ARRAYS:
                    break
            else:
                kernel = kernels[on_cpu]
                if kernel is not None and args:
                    if shape is None:
                        result = kernel(*args, **kwargs)
                    else:
                        result = kernel(*[a.reshape(-1) for a in args], **kwargs)
                        if result is not NotImplemented:
                            return result.reshape(shape)
                    if result is not NotImplemented:
                        return result
                with np.errstate(all="ignore"):
                    return reference(*args, **kwargs)
        return general(*args, **kwargs)

    def by_kernel(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return with_kernel(CPU, args, kwargs) if _replays(kernels, module, reference.__name__) else None

    def with_kernel(backend: Backend, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kernel = _kernel_of(backend, kernels, module, reference.__name__)
        return NotImplemented if kernel is None else _call_kernel(kernel, backend, args, kwargs, elementwise)

    def general(*args: Any, **kwargs: Any) -> Any:
        backend = _common_backend(reference.__name__, args)
        result = with_kernel(backend, args, kwargs)
        if result is not NotImplemented:
            return result
        if not elementwise:  # sums, whose rounding depends on the layout: NumPy has a loop for each
            args = tuple([backend.contiguous(a) if isinstance(a, backend.array_type) else a for a in args])
        with np.errstate(all="ignore"):  # IEEE arithmetic: infinities and NaN pass through, training reports them
            return reference(*args, **kwargs)

    call.reference = reference  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def _kernel_of(backend: Backend, found: dict[str, Any], module: str, name: str) -> Callable[..., Any] | None:
    """The kernel for arrays of a backend, looked up once; None where there is none, or references are asked for."""
    if config.kernels() != "auto":
        return None
    if backend.kernels not in found:
        found[backend.kernels] = find_kernel(backend.kernels, module, name)
    kernel: Callable[..., Any] | None = found[backend.kernels]
    if kernel is not None and _forked:
        raise StateError("minidl", *_FORKED)
    return kernel


def _replays(found: dict[str, Any], module: str, name: str) -> bool:
    """Whether the kernel for NumPy's arrays says of itself that it ``replays``, or none is there or wanted."""
    if config.kernels() != "auto":
        return True
    if CPU.kernels not in found:
        found[CPU.kernels] = find_kernel(CPU.kernels, module, name)
    return found[CPU.kernels] is None or getattr(found[CPU.kernels], "replays", False)


_DTYPES = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"] + "?"}
_BESIDE_ARRAYS = frozenset((int, float, bool, tuple, str, type(None), Window, *_DTYPES))  # other types take the general way


def _call_kernel(kernel: Any, backend: Backend, args: Any, kwargs: Any, elementwise: bool) -> Any:
    """What the kernel gives, its arguments made ready for it; NotImplemented where it declines or cannot be asked."""
    array_type = backend.array_type
    arrays = [a for a in args if isinstance(a, array_type)]
    if any(type(a) is not array_type for a in arrays) or not arrays:  # memory maps and matrices: for the reference
        return NotImplemented
    if elementwise:
        ready = _flatten(backend, arrays)
        if ready is None or len(arrays) < len(args):
            return NotImplemented
        result = kernel(*ready[0], **kwargs)
        return result if result is NotImplemented else ready[1](result)
    in_order = [backend.contiguous(a) if type(a) is array_type else a for a in args]
    return kernel(*in_order, **_in_order(kwargs, backend)) if kwargs else kernel(*in_order)


def _are_in_order(kwargs: dict[str, Any]) -> bool:
    return all(a.flags.c_contiguous for a in kwargs.values() if type(a) is np.ndarray)


def _in_order(kwargs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Arrays given by name in C order; but for ``out``, which is written to where it stands."""
    arrays = {name: a for name, a in kwargs.items() if type(a) is backend.array_type and name != "out"}
    return kwargs | {name: backend.contiguous(a) for name, a in arrays.items()}


def _flatten(backend: Backend, arrays: list[Any]) -> tuple[list[Any], Callable[[Any], Any]] | None:
    """Arrays of one shape as flat views in the order of their memory, and the way back for the result; None for others."""
    shape = arrays[0].shape
    if any(a.shape != shape for a in arrays):
        return None
    if all(a.flags.c_contiguous for a in arrays):
        return [a.reshape(-1) for a in arrays], lambda y: y.reshape(shape)
    axes = sorted(range(len(shape)), key=lambda axis: -arrays[0].strides[axis])
    turned = [a.transpose(axes) for a in arrays]
    if all(a.flags.c_contiguous for a in turned):
        turned_shape, back = turned[0].shape, [axes.index(axis) for axis in range(len(shape))]
        return [a.reshape(-1) for a in turned], lambda y: y.reshape(turned_shape).transpose(back)
    in_order = [backend.contiguous(a) for a in arrays]  # a column (n, 1) of a matrix would else stay a view with steps
    return [a.reshape(-1) for a in in_order], lambda y: y.reshape(shape)


def find_kernel(package: str, module: str, name: str) -> Callable[..., Any] | None:
    """The function ``package.module.name``, or None where the accelerator or the kernel does not exist."""
    if not has_accelerator(package) or importlib.util.find_spec(f"{package}.{module}") is None:
        return None
    with interrupts.held_to_safe_points():  # Numba and CuPy cannot be imported again after half an import
        kernel = getattr(importlib.import_module(f"{package}.{module}"), name, None)
        if kernel is not None and package == "minidl.kernels.numba":
            kernel = importlib.import_module(f"{package}._jit").guarded(kernel)
    interrupts.safe_point()
    return kernel


def _in_one_call(calls: recordings.Calls, looking_at: Callable[[Any], Any]) -> recordings.Calls:
    """The calls of a recording, where the kernels have a way to make those of theirs that follow each other one."""
    if not any(hasattr(function, "overloads") for function, _ in calls):
        return calls
    join = find_kernel(CPU.kernels, "_replay", "in_one_call")
    return calls if join is None else join(calls, looking_at)


def _several_of(*arguments: Any) -> Any:
    """Several steps of a recorded one that is a single call, see ``kernels/numba/_several.py``."""
    make = find_kernel(CPU.kernels, "_several", "Several")
    if make is None:
        raise NotImplementedError
    return make(*arguments)


recordings.in_one_call, recordings.several_of = _in_one_call, _several_of


def has_accelerator(package: str) -> bool:
    """Whether the library that ``package`` is written in is installed."""
    library = _ACCELERATOR.get(package)
    return library is not None and importlib.util.find_spec(library) is not None


def _common_backend(name: str, args: tuple[Any, ...]) -> Backend:
    """The backend of the array arguments. Raises BackendError when arrays of two devices meet."""
    found: Backend | None = None
    for a in args:
        backend = _backend_of_type.get(type(a))
        if backend is not None and backend is not found:
            if found is not None:
                raise BackendError(
                    f"ops.{name}",
                    f"arrays of {found.name} and {backend.name} together",
                    "all arrays on one device",
                    "convert with minidl.backend.current().asarray(x)",
                )
            found = backend
    if found is None:
        return backend_of(args[0])
    return found
