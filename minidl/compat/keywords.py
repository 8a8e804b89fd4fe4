"""Functions of Keras 2.1 that take the keywords of Keras 1 too, and names that are refused with a sentence.

    @keywords_of_keras_1(nb_words="num_words")
    def load_data(path="imdb.npz", num_words=None): ...

For classes that make minidl's objects there is ``OldName`` of compat/translation.py; this is for what compat does by itself.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.compat.spelling import call_text, told
from minidl.errors import ArgumentTypeError, closest

_Function = TypeVar("_Function", bound=Callable[..., Any])


def keywords_of_keras_1(where: str = "", **renamed: str) -> Callable[[_Function], _Function]:
    """A decorator: {keyword of Keras 1: that of Keras 2.1}; an unknown keyword is an error that names a near one.

    Args:
        where: what messages call the function; empty: its name.
        renamed: the keywords. With none of them, only unknown ones are noticed.

    >>> @keywords_of_keras_1(nb_words="num_words")
    ... def load(num_words=None):
    ...     return num_words
    >>> load(3)
    3
    """

    def decorate(function: _Function) -> _Function:
        name = where or function.__name__
        known = inspect.signature(function).parameters
        is_method = next(iter(known), "") == "self"

        @functools.wraps(function)
        def call(*positional: Any, **keywords: Any) -> Any:
            if keywords.keys() <= known.keys():
                return function(*positional, **keywords)
            shown, given = positional[1:] if is_method else positional, dict(keywords)
            for old, new in renamed.items():
                if old in given:
                    if new in given:
                        raise ArgumentTypeError(name, f"{old} and {new}", "one of them, as they are the same")
                    given[new] = given.pop(old)
            for unknown in given.keys() - known.keys():
                names = [parameter for parameter in known if parameter != "self"]
                raise ArgumentTypeError(
                    name,
                    f"the keyword {unknown!r}",
                    f"the arguments {', '.join(names)}",
                    meant=closest(unknown, [*names, *renamed]),
                )
            told(call_text(name, shown, keywords), call_text(name, shown, given))
            return function(*positional, **given)

        return call  # type: ignore[return-value]

    return decorate


class Refused:
    """A name that can be imported and not used: the call raises TypeError with the reason and what to write instead.

    >>> Refused("keras.utils.multi_gpu_model", "training on several GPUs", "one GPU: minidl.set_backend('cupy')")()
    Traceback (most recent call last):
    minidl.errors.ArgumentTypeError: keras.utils.multi_gpu_model: received a call, which would need training on several GPUs. \
To fix it: one GPU: minidl.set_backend('cupy').
    """

    def __init__(self, name: str, needed: str, instead: str) -> None:
        self.__name__, self.needed, self.instead = name, needed, instead

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Raises ArgumentTypeError."""
        raise ArgumentTypeError(self.__name__, f"a call, which would need {self.needed}", fix=self.instead)

    def __repr__(self) -> str:
        return f"<{self.__name__}, refused>"
