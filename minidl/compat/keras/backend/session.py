"""Sessions: a script opens one and says how many threads it may use; there is nothing else to do with it."""

from __future__ import annotations

from typing import Any

from minidl import config
from minidl.backend.threads import set_threads
from minidl.errors import ArgumentTypeError, described


class Nothing:
    """What a script passes on and nobody looks at, such as a graph or an initializer of all variables."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def as_default(self) -> Nothing:
        """Itself, as a block without effect."""
        return self

    def finalize(self) -> None:
        """Without effect."""

    def __repr__(self) -> str:
        return f"<{self.name}, which has nothing to do in minidl>"


class Session(Nothing):
    """A session of TensorFlow's, as far as scripts that train with Keras need one.

    Args:
        target, graph: of TensorFlow; without effect.
        config: a ``ConfigProto``, whose number of threads is taken.
    """

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        super().__init__("tf.Session")
        self.graph, self.config = graph or Nothing("a graph"), config
        self.use_2_1()

    def use_2_1(self) -> None:
        """Take the number of threads."""
        threads = getattr(self.config, "intra_op_parallelism_threads", 0)
        if threads:
            set_threads(min(int(threads), config.team()))

    def run(self, fetches: Any = None, feed_dict: Any = None, **keywords: Any) -> Any:
        """None for what has nothing to do; raises ArgumentTypeError for anything that would compute something."""
        for fetch in fetches if isinstance(fetches, (list, tuple)) else (fetches,):
            if not isinstance(fetch, (Nothing, type(None))):
                fix = "K.function([model.input], [layer.output]), or model.predict(x)"
                raise ArgumentTypeError("Session.run", described(fetch), "tf.global_variables_initializer()", fix)
        return [None] * len(fetches) if isinstance(fetches, (list, tuple)) else None

    def close(self) -> None:
        """Without effect."""

    def list_devices(self) -> list[Any]:
        """None."""
        return []


_session: list[Session] = []


def get_session() -> Session:
    """The session that was set, or one that stands for the program."""
    if not _session:
        _session.append(Session())
    return _session[0]


def set_session(session: Any) -> None:
    """Take the number of threads that a session asks for; there is nothing else to set."""
    if session is not None and not isinstance(session, Session):
        raise ArgumentTypeError("K.set_session", described(session), "a tf.Session, or nothing", "leave the call out")
    _session[:] = [session] if session is not None else []
    if session is not None:
        session.use_2_1()
