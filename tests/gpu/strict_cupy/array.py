"""The stand-in's array: NumPy inside, CuPy's manners outside."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

from tests.gpu import on_cpu
from tests.gpu.strict_cupy.device import FENCE, MARK, device
from tests.gpu.strict_cupy.streams import copy_to

NAMES = {line for line in Path(__file__).with_name("ndarray_names.txt").read_text().splitlines() if not line.startswith("#")}
SCALARS = (bool, int, float, np.generic, str, bytes, type(None), type(Ellipsis), slice, type, np.dtype, range)
WAITING = ("item", "tolist", "tobytes", "nonzero")
IN_PLACE = {np.copyto, np.put, np.put_along_axis, np.fill_diagonal, np.ndarray.fill, np.ndarray.put}
CUBLAS = {np.matmul, np.dot, np.vdot, np.inner, np.tensordot, np.einsum, np.ndarray.dot}  # CuPy refuses while it records
THRUST = {np.sort, np.argsort, np.lexsort, np.partition, np.argpartition, np.median, np.percentile, np.quantile}
THRUST |= {np.ndarray.sort, np.ndarray.argsort, np.ndarray.partition, np.ndarray.argpartition}  # may wait for its own memory
JOINING = (np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack)
UNKNOWN_SIZE = (np.flatnonzero, np.nonzero, np.unique, np.argwhere, np.extract, np.compress)  # CuPy waits to know the shape


class MemoryPointer:
    """An address on the device."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr

    def copy_from_device_async(self, source: MemoryPointer, size: int, stream: Any) -> None:
        if on_cpu.recording is None:
            ctypes.memmove(self.ptr, source.ptr, size)
        else:
            on_cpu.recording.append(lambda: ctypes.memmove(self.ptr, source.ptr, size))


class ndarray:
    """An array on the device."""

    __array_priority__ = 100

    def __init__(self, host: np.ndarray, base: ndarray | None = None) -> None:
        self._host, self.base = host, base

    # -- what it is ----------------------------------------------------------------------------------------------------

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: wrap(self._host.T, (self,)))
    data = property(lambda self: MemoryPointer(self._host.ctypes.data))

    @property
    def __cuda_array_interface__(self) -> dict:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.data.ptr, False), "version": 3}

    def __len__(self) -> int:
        return len(self._host)

    def __repr__(self) -> str:
        return f"<array on the device, {self.shape} {self.dtype}>"

    def check_guards(self, kernel: str) -> None:
        """Raise where a kernel wrote beside the block this array lies in."""
        owner = self
        while owner.base is not None:
            owner = owner.base
        host = owner._host
        while isinstance(host.base, np.ndarray):
            host = host.base
        if FENCE:
            assert (host[:FENCE] == MARK).all(), f"{kernel} wrote in front of an array"
            assert (host[-FENCE:] == MARK).all(), f"{kernel} wrote behind an array"

    # -- copies to the host --------------------------------------------------------------------------------------------

    def get(self) -> np.ndarray:
        device.wait("a copy to the host")
        device.downloads += 1
        return self._host.copy()

    def set(self, host: np.ndarray, stream: Any = None) -> None:
        assert isinstance(host, np.ndarray)
        assert (host.shape, host.dtype) == (self.shape, self.dtype)
        copy_to(self._host, host, stream)

    def _refuse(self, what: str) -> Any:
        raise TypeError(f"{what} of an array on the device waits for it; copy it to the host first, with asnumpy")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __bool__(self) -> bool:
        return self._refuse("the truth")

    def __float__(self) -> float:
        return self._refuse("float()")

    def __int__(self) -> int:
        return self._refuse("int()")

    def __index__(self) -> int:
        return self._refuse("the index")

    def __iter__(self) -> Any:
        return self._refuse("iteration")

    def __contains__(self, item: Any) -> bool:
        return self._refuse("`in`")

    # -- calls of NumPy's functions -----------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        if isinstance(out, tuple):
            kwargs["out"] = out[0] if len(out) == 1 else out
        if method not in ("__call__", "reduce"):
            raise NotImplementedError(f"{ufunc.__name__}.{method}")
        return call(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from tests.gpu.strict_cupy import cupy

        return getattr(cupy, function.__name__)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in NAMES:
            raise AttributeError(f"'ndarray' object has no attribute {name!r}")
        if name in WAITING:
            self._refuse(name)
        method = getattr(np.ndarray, name)
        return lambda *args, **kwargs: call(method, (self, *args), kwargs)

    def __getitem__(self, index: Any) -> ndarray:
        return computed(lambda: self._host[self._index(index, reading=True)], (self,))

    def __setitem__(self, index: Any, value: Any) -> None:
        host = unwrapped(value)
        self._index(index, reading=False)  # what CuPy would refuse is refused now
        do_or_record(lambda: self._host.__setitem__(self._index(index, reading=False), host))

    def _index(self, index: Any, reading: bool) -> Any:
        parts, result, axis = (index if isinstance(index, tuple) else (index,)), [], 0
        for part in parts:
            host = unwrapped(part)
            if isinstance(part, ndarray) and host.dtype == bool:
                if reading:
                    self._refuse("the number of elements a mask selects")
                axis += host.ndim
            elif isinstance(part, ndarray):
                assert host.dtype.kind in "iu", "an index of another kind than integers"
                host = host % max(self.shape[axis], 1)  # CuPy does not look whether an index is in range
                axis += 1
            elif part is Ellipsis:
                axis = self.ndim - (len(parts) - 1 - sum(p is None for p in parts))
            elif part is not None:
                axis += 1
            result.append(host)
        return tuple(result)


def _operator(name: str, ufunc: Any) -> None:
    setattr(ndarray, f"__{name}__", lambda self, other: call(ufunc, (self, other), {}))
    setattr(ndarray, f"__r{name}__", lambda self, other: call(ufunc, (other, self), {}))
    setattr(ndarray, f"__i{name}__", lambda self, other: call(ufunc, (self, other), {"out": self}))


for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "pow": np.power, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "matmul": np.matmul, "lshift": np.left_shift, "rshift": np.right_shift,
}.items():  # fmt: skip
    _operator(_name, _ufunc)
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(ndarray, f"__{_name}__", lambda self, other, ufunc=_ufunc: call(ufunc, (self, other), {}))
for _name, _ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
    setattr(ndarray, f"__{_name}__", lambda self, ufunc=_ufunc: call(ufunc, (self,), {}))
ndarray.__hash__ = None  # type: ignore[assignment]


def upload(host: np.ndarray) -> ndarray:
    """A copy of a host array on the device."""
    device.unrecordable("a copy from the host")
    device.uploads += 1
    return _copied(host)


def unwrapped(value: Any) -> Any:
    """What NumPy shall work on; TypeError for what CuPy would not take."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, (tuple, list)):
        return type(value)(unwrapped(item) for item in value)
    raise TypeError(f"Unsupported type {type(value)}")


def call(function: Any, args: Any, kwargs: Any) -> Any:
    """A function of NumPy's on device arrays."""
    if function in UNKNOWN_SIZE:
        raise TypeError(f"{function.__name__} waits for the device, as the size of its result is not known")
    out = kwargs.get("out")
    if out is not None and not isinstance(out, ndarray):
        raise TypeError(f"out is a {type(out).__name__}, not an array on the device")
    host_args = [unwrapped(a) for a in args]
    host_kwargs = {name: unwrapped(value) for name, value in kwargs.items()}

    def compute() -> Any:
        with np.errstate(all="ignore"):
            return function(*host_args, **host_kwargs)

    if function in CUBLAS or function in THRUST:
        device.unrecordable(function.__name__)
    if function in JOINING and len(args[0]) > 8:
        device.unrecordable("a copy from the host (of the addresses of more than 8 arrays)")
    if out is not None or function in IN_PLACE or getattr(function, "__name__", "") == "at":
        do_or_record(compute)
        return out
    return computed(compute, args)


def computed(compute: Any, sources: Any) -> Any:
    """What ``compute`` gives; while a graph is recorded only the memory for it, which each replay fills."""
    result = wrap(compute(), sources)
    if on_cpu.recording is not None:
        several = isinstance(result, (tuple, list))
        parts = list(result) if several else [result]
        own = [
            (number, part)
            for number, part in enumerate(parts)
            if isinstance(part, ndarray) and part.base is None and not any(part is source for source in sources)
        ]
        if own:  # the others are views, and see what is written to their arrays

            def replay() -> None:
                found = compute()
                for number, part in own:
                    part._host[...] = found[number] if several else found

            on_cpu.recording.append(replay)
    return result


def do_or_record(work: Any) -> None:
    """Now, or when the graph that is being recorded is replayed."""
    if on_cpu.recording is None:
        work()
    else:
        on_cpu.recording.append(work)


def wrap(result: Any, sources: Any) -> Any:
    """A result of NumPy's as it would lie on the device: a view of a source, or in memory of its own."""
    if isinstance(result, (tuple, list)):
        return type(result)(wrap(item, sources) for item in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    for source in sources:
        if isinstance(source, ndarray) and isinstance(result, np.ndarray):
            if result is source._host:
                return source
            if result.size and np.may_share_memory(result, source._host):
                return ndarray(result, source if source.base is None else source.base)
    return _copied(np.asarray(result))


def _copied(host: np.ndarray) -> ndarray:
    """In memory of the device, in the same order."""
    order = sorted(range(host.ndim), key=lambda axis: -abs(host.strides[axis]))
    memory = device.allocate(tuple(host.shape[axis] for axis in order), host.dtype)
    memory = memory.transpose([order.index(axis) for axis in range(host.ndim)])
    memory[...] = host
    return ndarray(memory)
