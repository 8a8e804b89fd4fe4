"""Items made in a thread, or in several, while earlier ones are used.

    thread     make item 1   make item 2   make item 3  ...      at most n finished items wait
    consumer                 use item 1    use item 2   ...

The thread lives as long as the loop over the items: it ends with the last item, with an exception on either side, and when
the loop is left by ``break`` or Ctrl-C.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

_PATIENCE = 5.0  # seconds to wait for a thread that is in the middle of an item; it ends by itself once that is made


class _Channel:
    """A queue of at most ``capacity`` items that either side can close."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.closed, self.finished = capacity, False, False
        self.error: BaseException | None = None
        self.items: deque[Any] = deque()
        self.changed = threading.Condition()

    def put(self, item: Any) -> bool:
        """Wait for room; False where nobody wants items any more."""
        with self.changed:
            while len(self.items) >= self.capacity and not self.closed:
                self.changed.wait()
            if not self.closed:
                self.items.append(item)
                self.changed.notify_all()
            return not self.closed

    def finish(self, error: BaseException | None = None) -> None:
        """Say that no item follows, or which exception stands in its place."""
        with self.changed:
            self.finished, self.error = True, error
            self.changed.notify_all()

    def get(self) -> Iterator[Any]:
        """The items, until there are no more."""
        while True:
            with self.changed:
                while not self.items and not self.finished:
                    self.changed.wait()
                if not self.items:
                    break
                item = self.items.popleft()
                self.changed.notify_all()
            yield item
        if self.error is not None:
            error, self.error = self.error, None
            raise error  # with the traceback it has from the thread

    def close(self) -> None:
        """Let the producer end."""
        with self.changed:
            self.closed = True
            self.items.clear()
            self.changed.notify_all()


def prefetched(make: Callable[[], Iterator[Any]], count: int) -> Iterator[Any]:
    """The items of ``make()``, of which a thread makes up to ``count`` in advance; an exception in it is raised here."""
    channel = _Channel(count)
    context = contextvars.copy_context()  # np.errstate and minidl's settings hold in the thread too
    thread = threading.Thread(target=context.run, args=(_produce, make, channel), name="minidl-prefetch", daemon=True)
    try:
        thread.start()
        yield from channel.get()
    finally:
        channel.close()
        if thread.ident is not None:  # it was started
            thread.join(_PATIENCE)


def mapped_in_order(function: Callable[[Any], Any], items: Iterator[Any], workers: int) -> Iterator[Any]:
    """``function(item)`` of each item in their order, made by so many threads in advance; by none where ``workers`` is 0.

    They run beside NumPy and the kernels, which release Python's lock; nothing is forked. An exception is raised at its
    item, and when the loop is left no call begins any more.
    """
    if not workers:
        yield from map(function, items)
        return
    from concurrent.futures import ThreadPoolExecutor  # here: it takes 4 ms, and most programs need none

    pool, waiting = ThreadPoolExecutor(workers, "minidl-worker"), deque[Any]()
    try:
        for item in items:
            waiting.append(pool.submit(contextvars.copy_context().run, function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _produce(make: Callable[[], Iterator[Any]], channel: _Channel) -> None:
    """The thread."""
    items: Any = None
    try:
        items = iter(make())
        for item in items:
            if not channel.put(item):
                break
    except BaseException as error:  # all of them: nothing may keep the consumer waiting
        channel.finish(error)
    else:
        channel.finish()
    finally:
        if hasattr(items, "close"):
            items.close()
