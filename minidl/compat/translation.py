"""A name of Keras 2.1 that makes minidl's object: the signature of then, and which of its arguments are called otherwise today.

    Dense = OldName("Dense", today.Dense, "units, activation=None, use_bias=True, ...", keras_1={"output_dim": "units", ...})

A call goes through three vocabularies: keywords of Keras 1 become those of Keras 2.1 (``keras_1``), these are bound to the
signature of 2.1, and then become arguments of minidl (``today``). What the script leaves out and minidl means otherwise today
is passed on with the value of then. An unknown keyword is an error, never ignored; what was accepted and does nothing is in
``harmless``, each with its reason in docs/keras2.md.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from minidl import config
from minidl.compat.modules import load
from minidl.compat.spelling import call_text, told
from minidl.declared import arguments_of
from minidl.errors import ArgumentTypeError, closest
from minidl.profile import KERAS_2_1

Given = dict[str, Any]  # arguments by name


class OldName:
    """A callable of Keras 2.1; also a base for classes of a script, and for ``isinstance``.

    Args:
        name: as scripts call it.
        make: what makes the object: minidl's class, as a rule.
        signature: of Keras 2.1, as text, with its defaults.
        keras_1: {keyword of Keras 1: that of Keras 2.1}.
        today: {argument of Keras 2.1: argument of minidl}, where it has another name.
        harmless: arguments that are accepted and change nothing.
        values: {argument of Keras 2.1: function}, which makes the value of today.
        form: given the positional and the keyword arguments of a script, those of Keras 2.1: for forms that no renaming
            covers, such as ``Convolution2D(32, 3, 3)``.
        spelled: how minidl's own call is named in notices; None: as ``make`` is.
    """

    __name__: str
    __module__: str
    spelled: str
    beside: Collection[str] = ()  # keywords that ``options`` takes, for "did you mean"

    def __init__(
        self,
        name: str,
        make: Any,
        signature: str,
        *,
        keras_1: Mapping[str, str] | None = None,
        today: Mapping[str, str] | None = None,
        harmless: Collection[str] = (),
        values: Mapping[str, Callable[[Any], Any]] | None = None,
        form: Callable[[tuple[Any, ...], Given], tuple[tuple[Any, ...], Given]] | None = None,
        spelled: str | None = None,
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = _defining_module(self)
        self.make, self.signature = make, signature_of(signature)
        self.__signature__ = self.signature
        self.keras_1, self.today, self.harmless = dict(keras_1 or {}), dict(today or {}), frozenset(harmless)
        self.values, self.form = dict(values or {}), form
        self.spelled = spelled or str(getattr(make, "__name__", name))
        self.__doc__ = f"Keras 2.1's ``{name}{self.signature}``, which makes minidl's {self.spelled}."

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The object of today."""
        with config.use_profile(KERAS_2_1):
            arguments, aside = self.translated(positional, keywords)
            return self.finish(self.make(**arguments), aside)

    def options(self, given: Given) -> tuple[Given, Given]:
        """Arguments of minidl for what is not in the signature, and what ``finish`` is to know; takes them out of ``given``."""
        return {}, {}

    def adjusted(self, arguments: Given) -> Given:
        """The arguments of minidl, where they depend on each other."""
        return arguments

    def afterwards(self, aside: Given) -> str:
        """What notices add to the call of today."""
        return ""

    def finish(self, thing: Any, aside: Given) -> Any:
        """The object, after what no argument of minidl does."""
        return thing

    def in_keras_2(self, positional: tuple[Any, ...], keywords: Given) -> tuple[tuple[Any, ...], Given]:
        """Arguments as Keras 2.1 calls them: forms and keywords of Keras 1 are gone."""
        args, given = self.form(positional, dict(keywords)) if self.form else (positional, dict(keywords))
        for name_1, name_2 in self.keras_1.items():
            if name_1 in given and name_1 not in self.signature.parameters:
                if name_2 in given:
                    raise ArgumentTypeError(self.__name__, f"{name_1} and {name_2}", "one of them, as they are the same")
                given[name_2] = given.pop(name_1)
        return args, given

    def translated(self, positional: tuple[Any, ...], keywords: Given) -> tuple[Given, Given]:
        """Arguments of minidl's class, and what ``finish`` is to know."""
        old = call_text(self.__name__, positional, keywords)
        args, given = self.in_keras_2(positional, keywords)
        known = self.signature.parameters
        own = {name: given.pop(name) for name in list(given) if name in known}
        extra, aside = self.options(given)
        for name in given:
            names = [*known, *self.keras_1, *self.beside]
            raise ArgumentTypeError(
                self.__name__, f"the keyword {name!r}", f"the arguments {', '.join(known)}", meant=closest(name, names)
            )
        try:
            bound = self.signature.bind(*args, **own).arguments
        except TypeError as error:
            expected = f"the arguments {self.__name__}{self.signature}"
            raise ArgumentTypeError(self.__name__, f"a call with {error}", expected) from None
        for name, default in self._old_defaults().items():
            bound.setdefault(name, default)
        arguments = {}
        for name in sorted(bound, key=list(known).index):
            if name not in self.harmless:
                convert = self.values.get(name)
                arguments[self.today.get(name, name)] = convert(bound[name]) if convert else bound[name]
        arguments = self.adjusted(arguments | extra)
        if args is not positional or self._is_old(args, keywords, arguments):
            shown = {name: value for name, value in arguments.items() if name in keywords or name != "name"}
            told(old, self.text(shown) + self.afterwards(aside))
        return arguments, aside

    def text(self, arguments: Given) -> str:
        """The call of today."""
        needed = (
            tuple(name for name, p in arguments_of(self.make).items() if p.default is p.empty) if _is_class(self.make) else ()
        )
        first = tuple(arguments[name] for name in needed if name in arguments)
        return call_text(self.spelled, first, {name: value for name, value in arguments.items() if name not in needed})

    def _old_defaults(self) -> Given:
        """Defaults of Keras 2.1 that are other ones today."""
        if not _is_class(self.make):
            return {}
        now = arguments_of(self.make)
        found = {}
        for name, p in self.signature.parameters.items():
            here = now.get(self.today.get(name, name))
            if p.default is p.empty or name in self.harmless or here is None:
                continue
            if here.default != p.default and not _for_all(here.default, p.default):
                found[name] = p.default
        return found

    def _is_old(self, args: tuple[Any, ...], keywords: Given, arguments: Given) -> bool:
        """Whether the script's own words are not those of minidl."""
        if self.__name__ != self.spelled:
            return True
        return any(name not in arguments and name not in self.harmless for name in keywords)

    # -- as a class ----------------------------------------------------------------------------------------------------

    def __instancecheck__(self, thing: object) -> bool:
        """``isinstance(layer, Dense)``."""
        return _is_class(self.make) and isinstance(thing, self.make)

    def __subclasscheck__(self, cls: Any) -> bool:
        """``issubclass(Mine, Dense)``."""
        return _is_class(self.make) and issubclass(cls.make if isinstance(cls, OldName) else cls, self.make)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """``class Mine(Dense)`` derives from minidl's class."""
        if not _is_class(self.make):
            raise ArgumentTypeError(f"class ...({self.__name__})", f"{self.__name__}, which is a function", "a class")
        return (self.make,)

    def __eq__(self, other: object) -> bool:
        """``type(layer) == Dense``, and ``Conv2D == Convolution2D``: what makes the same is the same."""
        if isinstance(other, OldName):
            return self is other or (_is_class(self.make) and self.make is other.make)
        return _is_class(self.make) and (other is self.make or getattr(other, "written_as", None) is self.make)

    def __hash__(self) -> int:
        return hash(self.make) if _is_class(self.make) else id(self)

    def __getattr__(self, name: str) -> Any:
        """Methods of the class, such as ``from_config``."""
        if (name.startswith("__") and name.endswith("__")) or "make" not in vars(self):
            raise AttributeError(name)
        try:
            return getattr(self.make, name)
        except AttributeError:
            raise AttributeError(f"{self.__name__} of Keras 2.1 has no attribute {name!r}", name=name, obj=self) from None

    def __copy__(self) -> OldName:
        return self

    def __deepcopy__(self, memo: Any) -> OldName:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its place, as classes and functions are."""
        for place in [self.__module__, *sys.modules]:
            if place.startswith("minidl.compat.") and vars(sys.modules.get(place, object)).get(self.__name__) is self:
                return _at, (place, self.__name__)
        raise ArgumentTypeError(self.__name__, "a name that stands in no module", "one of minidl.compat, for pickling")

    def __repr__(self) -> str:
        return f"<{self.__name__} of Keras 2.1>"


def _at(module: str, name: str) -> Any:
    """The object of this name in a module of ``minidl.compat``; for pickles, which may name nothing else."""
    if not module.startswith("minidl.compat.") or not isinstance(found := getattr(load(module), name), OldName):
        raise ArgumentTypeError("a pickled name of Keras 2.1", f"{module}.{name}", "a name of minidl.compat")
    return found


def _defining_module(made: OldName) -> str:
    """The module in which an OldName is being made."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is made):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def signature_of(text: str) -> inspect.Signature:
    """A signature from its text: names, and literals as defaults. Behind a lone ``*`` stand names for keywords alone.

    >>> signature_of("units, activation=None, use_bias=True")
    <Signature (units, activation=None, use_bias=True)>
    """
    (function,) = ast.parse(f"def f({text}): pass").body
    assert isinstance(function, ast.FunctionDef)
    kinds = inspect.Parameter
    names, given = [argument.arg for argument in function.args.args], function.args.defaults
    defaults = [kinds.empty] * (len(names) - len(given)) + [ast.literal_eval(node) for node in given]
    found = [kinds(name, kinds.POSITIONAL_OR_KEYWORD, default=value) for name, value in zip(names, defaults)]
    for argument, node in zip(function.args.kwonlyargs, function.args.kw_defaults):
        default = kinds.empty if node is None else ast.literal_eval(node)
        found.append(kinds(argument.arg, kinds.KEYWORD_ONLY, default=default))
    return inspect.Signature(found)


def _for_all(number: Any, numbers: Any) -> bool:
    """Whether one number of today says the same as those of then: 2, and (2, 2).

    >>> _for_all(2, (2, 2)), _for_all(2, (2, 1)), _for_all(None, (2, 2))
    (True, False, False)
    """
    return type(number) is int and isinstance(numbers, tuple) and set(numbers) == {number}


def _is_class(thing: Any) -> bool:
    return inspect.isclass(thing)
