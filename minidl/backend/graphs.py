"""CUDA graphs: a training step of fixed shape is recorded once and then replayed, a single launch in place of hundreds.

What is recorded are launches with their addresses. So inputs are copied to the same place before each replay, memory used in
between comes from a pool that nobody else uses and lives as long as the graph, and numbers that change from step to step lie
in device memory. Some calls cannot be recorded (a copy from the host, CuPy's own calls to cuBLAS): the step then runs as it
is, with the same results, and ``reasons`` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

MOST = 16  # recordings of one model, for batches of different shapes: each holds memory of its own
WARM_UP = 2  # steps that run as they are: kernels are compiled and libraries loaded, which cannot be recorded
REASONS_KEPT = 100
reasons: list[str] = []  # why steps of this process could not be recorded, for the doctor


def _note(reason: str) -> None:
    if len(reasons) < REASONS_KEPT:  # batches of ever new shapes would fill the memory with one sentence
        reasons.append(reason)


class _Recorded:
    """A graph with everything its addresses point to."""

    def __init__(self, graph: Any, pool: Any, inputs: list[Any], outputs: Any) -> None:
        self.graph, self.pool, self.inputs, self.outputs = graph, pool, inputs, outputs


class Recorder:
    """Runs a step, by its graph where it has one.

    Args:
        xp: the array library.
        all_steps: record also steps with code from outside minidl, which may do more than launch kernels.
    """

    gave_up = False  # another batch may be recorded where one could not

    def __init__(self, xp: Any, all_steps: bool = False) -> None:
        self._xp, self._all_steps = xp, all_steps
        self._stream = xp.cuda.Stream(non_blocking=True)  # to record in, which the default stream cannot be
        self._before = xp.cuda.Event(disable_timing=True)
        self._used: Any = None  # the stream of the last replay
        self._steps: dict[Hashable, int | _Recorded | None] = {}  # steps so far; the graph; None where it cannot be had

    def run(
        self,
        key: Hashable,
        compute: Callable[[list[Any]], Any],
        arrays: Sequence[Any],
        replayed: Callable[[], None],
        steps: Any = None,
    ) -> Any:
        """``compute(arrays)``. Steps of one ``key`` differ in nothing but the numbers in memory.

        ``replayed`` does what ``compute`` does on the host besides, counting the step; ``steps`` says what is from outside.
        """
        known = self._steps.get(key, 0)
        if isinstance(known, int) and known < WARM_UP:
            self._steps[key] = known + 1
            return compute(list(arrays))
        if known is None:
            return compute(list(arrays))
        if isinstance(known, int):
            objection = "" if self._all_steps or steps is None else steps.outside()
            if not objection and sum(isinstance(step, _Recorded) for step in self._steps.values()) >= MOST:
                objection = f"batches of {MOST} shapes are recorded already"
            if objection:
                _note(objection)
            known = self._steps[key] = None if objection else self._record(compute, arrays)
            if known is None:
                return compute(list(arrays))
            self._launch(known, arrays)
        else:
            self._launch(known, arrays)
            replayed()
        return known.outputs

    def refused(self, key: Hashable) -> bool:
        """Whether steps of this key could not be recorded."""
        return self._steps.get(key, 0) is None

    def forget(self) -> None:
        """Drop all recordings, as something else than the numbers in memory has changed."""
        self._steps.clear()

    def _launch(self, recorded: _Recorded, arrays: Sequence[Any]) -> None:
        stream = self._xp.cuda.get_current_stream()
        if self._used is not stream and self._used is not None and self._used.ptr != stream.ptr:
            self._used.synchronize()  # it may still read the inputs
        self._used = stream
        for mine, given in zip(recorded.inputs, arrays):
            self._put(mine, given, stream)
        recorded.graph.launch(stream)

    def copy(self, array: Any) -> Any:
        """A copy of a result, which the next replay overwrites."""
        made = self._xp.empty(array.shape, array.dtype)
        self._put(made, array, self._xp.cuda.get_current_stream())
        return made

    def _put(self, place: Any, array: Any, stream: Any) -> None:
        """Copy an array to one of its shape and type; where both are one run of bytes without CuPy's longer way."""
        if array.flags.c_contiguous:
            place.data.copy_from_device_async(array.data, array.nbytes, stream)
        else:
            self._xp.copyto(place, array)

    def _record(self, compute: Callable[[list[Any]], Any], arrays: Sequence[Any]) -> _Recorded | None:
        """The step's graph; nothing is computed. None where something in it refuses to be recorded."""
        xp = self._xp
        inputs, pool = [xp.empty(a.shape, a.dtype) for a in arrays], xp.cuda.MemoryPool()
        self._before.record(xp.cuda.get_current_stream())
        self._stream.wait_event(self._before)
        with self._stream, xp.cuda.using_allocator(pool.malloc):
            self._stream.begin_capture()
            try:
                outputs = compute(inputs)
            except Exception as error:  # whatever CUDA, CuPy or a layer object to, or no memory for what a recording keeps
                with suppress(Exception):
                    self._stream.end_capture()
                _note(f"{type(error).__name__}: {' '.join(str(error).split())}")
                return None
            graph = self._stream.end_capture()
        xp.get_default_memory_pool().free_all_blocks()  # what the steps before were computed in
        return _Recorded(graph, pool, inputs, outputs)
