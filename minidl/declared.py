"""Objects whose constructor arguments stay readable: configuration, files, copies and texts follow from the signature.

A class derived from ``Declared`` stores each argument of ``__init__`` as an attribute of the same name, converted or not, and
does nothing else with it that could not be done again. Then ``get_config``, ``from_config`` and ``repr`` need no code:

    config = {argument: attribute},        object = class(**config)

Every class of minidl is listed in one table by its kind (layer, loss, optimizer ...) and its name. Strings in constructors,
files and old scripts are looked up there and nowhere else: nothing is ever imported by a name that came from outside.
"""

from __future__ import annotations

import functools
import inspect
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

from minidl.errors import ArgumentError, ArgumentTypeError, closest, described, object_of

_EMPTY = inspect.Parameter.empty
_Object = TypeVar("_Object", bound="Declared")
_TABLE: dict[str, dict[str, type[Declared]]] = {}  # kind: class name: class
_NAMES: dict[str, dict[str, type[Declared]]] = {}  # kind: name in lower case, as strings in constructors have it: class
_COMPLETE_BY: dict[str, Callable[[], None]] = {}  # kind: what loads the classes of it that nobody has asked for yet
_under_way: set[str] = set()
_loading = threading.RLock()
_ARGUMENTS: weakref.WeakKeyDictionary[type, dict[str, inspect.Parameter]] = weakref.WeakKeyDictionary()


class Declared:
    """Base of everything that is configured by the arguments of its constructor.

    Attributes:
        table: the kind of the class, such as ``"loss"``; set by the base class of each kind.
        aliases: names beside the class name in snake case, for strings in constructors.
        usual_name: the name that errors list, where it is not the class name in snake case.
        to_write: the methods that a class of somebody's own has to define, as errors explain it.

    ``class Conv(Layer, abstract=True)`` keeps a class out of the table that is only a base of others.
    """

    table: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    to_write: ClassVar[tuple[str, ...]] = ()
    is_shared: ClassVar[bool] = False  # whether two places may hold the same object, as layers do: it is written once
    written_as: ClassVar[Any] = None  # the class that stands in files in place of this one, which only has another face

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "table" in cls.__dict__:  # the base of a kind
            _TABLE.setdefault(cls.table, {})
            _NAMES.setdefault(cls.table, {})
        elif not abstract and not cls.__name__.startswith("_") and cls.__module__.partition(".")[0] == "minidl":
            register(cls)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal object, as values that JSON can hold.

        Raises ArgumentTypeError for an argument that is not kept as an attribute, or whose value JSON cannot hold.
        """
        return {name: to_plain(value, f"{type(self).__name__}: {name}") for name, value in self._arguments().items()}

    @classmethod
    def from_config(cls: type[_Object], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> _Object:
        """An object with the arguments that ``get_config`` gave.

        ``custom_objects`` are classes of your own by name: what is not minidl's is made only from them.
        Raises ArgumentTypeError for an argument the class does not have.
        """
        if not isinstance(config, Mapping):
            raise ArgumentTypeError(f"{cls.__name__}.from_config", described(config), "a dictionary of arguments")
        known = arguments_of(cls)
        # In the constructor's order, as they were written: what stands in two places is counted in this order.
        ordered = [name for name in known if name in config] + [name for name in config if name not in known]
        arguments = {str(name): from_plain(config[name], custom_objects) for name in ordered}
        for name in arguments:
            if name not in known:
                expected = f"the arguments {', '.join(known)}" if known else "no arguments"
                raise ArgumentTypeError(cls.__name__, f"the argument {name!r}", expected, meant=closest(name, known))
        for name, argument in known.items():
            if argument.default is _EMPTY and name not in arguments:
                raise ArgumentTypeError(cls.__name__, f"a configuration without {name!r}", "all required arguments")
        return cls(**arguments)

    def _plain(self) -> Any:
        """The object as an argument of another one, for JSON; within a model, one that was written before is only named."""
        written = _written.get()
        if self.is_shared and written is not None:
            if self in written:
                return {"same_as": written[self]}
            written[self] = len(written)
        cls = self.written_as or type(self)
        plain = {"kind": self.table, "class_name": cls.__name__, "config": self.get_config()}
        return plain if is_own(cls) else {**plain, "custom": True}

    def _arguments(self) -> dict[str, Any]:
        """Each argument of the constructor with the attribute that keeps it."""
        found = {}
        for name in arguments_of(type(self)):
            try:
                found[name] = getattr(self, name)
            except AttributeError:
                fix = f"self.{name} = {name} in __init__"
                received = f"a constructor that does not keep its argument {name!r}"
                raise ArgumentTypeError(
                    type(self).__name__, received, "each argument as an attribute of its name", fix
                ) from None
        return found

    def _shown_arguments(self) -> dict[str, Any]:
        """The arguments that ``repr`` shows where they differ from their defaults."""
        return self._arguments()

    def __repr__(self) -> str:
        """The call that makes an equal object; what has its default is left out."""
        try:
            values = self._shown_arguments()
        except ArgumentTypeError:
            return f"{type(self).__name__}(...)"
        texts = []
        for name, argument in arguments_of(type(self)).items():  # those without a default come first
            if not _is_default(values[name], argument.default):
                text = repr(_short(values[name]))
                texts.append(text if argument.default is _EMPTY else f"{name}={text}")
        return f"{type(self).__name__}({', '.join(texts)})"


def arguments_of(cls: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class's constructor; ``**options`` stands for those of the class above.

    >>> class Base:
    ...     def __init__(self, *, name=None): ...
    >>> class Scale(Base):
    ...     def __init__(self, factor, **options): super().__init__(**options)
    >>> list(arguments_of(Scale))
    ['factor', 'name']
    """
    if cls in _ARGUMENTS:
        return _ARGUMENTS[cls]
    found: dict[str, inspect.Parameter] = {}
    for owner in cls.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    _ARGUMENTS[cls] = found
    return found


# -- the table of names ------------------------------------------------------------------------------------------------


def register(cls: type[Declared]) -> None:
    """Put a class into the table; subclasses of a kind's base get there by themselves."""
    _TABLE[cls.table][cls.__name__] = cls
    for name in (cls.__name__, snake_case(cls.__name__), *cls.__dict__.get("aliases", ())):
        _NAMES[cls.table][name.lower()] = cls


def complete_by(kind: str, load_all: Callable[[], None]) -> None:
    """Classes of this kind stand in files that are loaded when they are needed: ``load_all`` loads them all."""
    _COMPLETE_BY[kind] = load_all


def _complete(kind: str) -> None:
    """Load what is missing in the tables of a kind. Other threads wait, or they would not find what is there."""
    if kind not in _COMPLETE_BY:
        return
    with _loading:
        load_all = _COMPLETE_BY.get(kind)
        if load_all is not None and kind not in _under_way:
            _under_way.add(kind)  # files that look for a name while they are loaded find what is there by then
            try:
                load_all()
                del _COMPLETE_BY[kind]
            finally:
                _under_way.discard(kind)


def _of_class(kind: str, name: str) -> type[Any] | None:
    """The class of exactly this name; None where there is none."""
    if name not in _TABLE.get(kind, {}):
        _complete(kind)
    return _TABLE.get(kind, {}).get(name)


def classes(kind: str) -> dict[str, type[Any]]:
    """The classes of a kind by name: what files may hold."""
    _complete(kind)
    return dict(_TABLE.get(kind, {}))


def names(kind: str) -> list[str]:
    """The names that strings in constructors may use, one for each class, as errors list them."""
    return sorted({_usual_name(cls) for cls in classes(kind).values()})


def all_names(kind: str) -> list[str]:
    """Every name that ``find_class`` knows, aliases included, in lower case; the usual spelling of each is the last."""
    _complete(kind)
    return sorted(_NAMES.get(kind, {}), key=lambda name: ("_" in name, name))


def find_class(kind: str, name: Any) -> type[Any] | None:
    """The class of this name (its own, in snake case, or an alias; in any case of letters); None where there is none."""
    if not isinstance(name, str):
        return None
    if name.lower() not in _NAMES.get(kind, {}):
        _complete(kind)
    return _NAMES.get(kind, {}).get(name.lower())


def find(
    kind: str, identifier: Any, where: str, argument: str, *, elsewhere: Mapping[str, str] | None = None, example: str = ""
) -> Any:
    """The object that an argument means: an object of the kind as it is, or a new one of the class that a string names.

    Args:
        kind: the table to look in.
        identifier: what the user gave.
        where, argument: how errors begin, and the argument they name, for example ``"compile"`` and ``"loss"``.
        elsewhere: names of other libraries, for "did you mean".
        example: what an error says to write in place of something of another type.

    Raises ArgumentError for an unknown name, ArgumentTypeError for anything else.
    """
    base = _base_of(kind)
    if isinstance(identifier, base):
        return checked(identifier, where)
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        return from_plain(identifier)
    found = find_class(kind, identifier)
    if found is not None:
        needed = [name for name, p in arguments_of(found).items() if p.default is _EMPTY]
        if not needed:
            return found()
        fix = f"{argument}={found.__name__}({', '.join(f'{name}=...' for name in needed)})"
        raise ArgumentError(where, f"{argument}={identifier!r}, which needs arguments", f"an object of {found.__name__}", fix)
    article = "an" if base.__name__[0] in "AEIOU" else "a"
    if isinstance(identifier, str):
        known = names(kind)
        meant = closest(identifier, all_names(kind), elsewhere)
        expected = f"{article} {base.__name__}, or one of {', '.join(known)}"
        raise ArgumentError(where, f"{argument}={identifier!r}", expected, meant=meant)
    fix = f"{argument}={object_of(identifier, base, example)}" if example else ""
    raise ArgumentTypeError(where, f"{described(identifier)} as {argument}", f"{article} {base.__name__} object or a name", fix)


def checked(thing: _Object, where: str) -> _Object:
    """The object; raises ArgumentTypeError, saying what to write, where its class leaves out a method of ``to_write``."""
    cls, base = type(thing), _base_of(thing.table)
    needed = {text.partition("(")[0]: text for text in base.to_write}
    missing = [name for name in needed if getattr(cls, name) is getattr(base, name)]
    if missing:
        received = f"a {cls.__name__} without {' and '.join(missing)}"
        own = {name for above in cls.__mro__[: cls.__mro__.index(base)] for name in vars(above)}
        for name in _OF_KERAS:
            if name in own:
                received += f" ({name} is Keras's, and would not be used)"
        raise ArgumentTypeError(where, received, "; and ".join(needed[name] for name in missing))
    return thing


_OF_KERAS = ("__call__", "update_step")


def _base_of(kind: str) -> type[Declared]:
    return next(cls for cls in Declared.__subclasses__() if cls.__dict__.get("table") == kind)


def _usual_name(cls: type[Declared]) -> str:
    """How strings call a class: its ``usual_name``, by default its own in snake case."""
    return str(cls.__dict__.get("usual_name", snake_case(cls.__name__)))


# -- values that JSON can hold -----------------------------------------------------------------------------------------


def to_plain(value: Any, where: str = "config") -> Any:
    """An argument as JSON can hold it: numbers, texts, lists and dictionaries; an object as its class and configuration.

    >>> to_plain((3, 3))
    [3, 3]
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Declared):
        return value._plain()
    if inspect.isfunction(value) and value.__name__.isidentifier():  # such as a metric; a lambda has no name to find it by
        return {"kind": "function", "class_name": value.__name__, "config": {}, "custom": True}
    if isinstance(value, (list, tuple)):
        return [to_plain(item, where) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: to_plain(item, where) for key, item in value.items()}
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of NumPy's
        return value.item()
    expected = "numbers, texts, lists and objects of minidl or derived from them"
    raise ArgumentTypeError(where, described(value), expected, "a class of your own, derived from that of its kind")


def from_plain(value: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The argument that ``to_plain`` wrote; classes come from the table and from ``custom_objects`` only.

    Raises ArgumentError for a class that is in neither.
    """
    if isinstance(value, list):
        return [from_plain(item, custom_objects) for item in value]
    if not isinstance(value, Mapping):
        return value
    made = _made.get()
    if "same_as" in value and made is not None:
        number = value["same_as"]
        if type(number) is not int or not 0 <= number < len(made) or made[number] is None:
            raise ArgumentError("from_config", f"a layer that is the same as number {number!r}", "one that was made before")
        return made[number]
    if "class_name" not in value or "config" not in value:
        return {key: from_plain(item, custom_objects) for key, item in value.items()}
    kind, name = str(value.get("kind")), str(value["class_name"])
    own = custom_objects or {}
    if value.get("custom") or (name in own and _of_class(kind, name) is None):
        found = own.get(name)
        if kind == "function" and inspect.isfunction(found):
            return found
        if not (isinstance(found, type) and issubclass(found, Declared)):
            received = f"the {kind} {name}, which is not one of minidl's"
            what = "the function itself" if kind == "function" else "its class"
            raise ArgumentError("from_config", received, what, f"custom_objects={{{name!r}: {name}}}")
    else:
        found = _of_class(kind, name)
        if found is None:
            known = classes(kind)
            raise ArgumentError("from_config", f"the {kind} {name!r}", f"one of {', '.join(known)}", meant=closest(name, known))
    if made is None or not found.is_shared:
        return found.from_config(value["config"], custom_objects)
    index = len(made)
    made.append(None)
    made[index] = found.from_config(value["config"], custom_objects)
    return made[index]


_written: ContextVar[dict[Any, int] | None] = ContextVar("written", default=None)
_made: ContextVar[list[Any] | None] = ContextVar("made", default=None)


@contextmanager
def _remembering(variable: ContextVar[Any], new: Any) -> Iterator[None]:
    """The objects of the outermost model: those of models within it are remembered with them."""
    if variable.get() is not None:
        yield
        return
    token = variable.set(new)
    try:
        yield
    finally:
        variable.reset(token)


def writing_a_model() -> AbstractContextManager[None]:
    """Around ``to_plain`` of what belongs to one model: layers that stand in two places are written once."""
    return _remembering(_written, {})


def making_a_model() -> AbstractContextManager[None]:
    """Around ``from_plain`` of what belongs to one model: what was written once is made once."""
    return _remembering(_made, [])


def is_own(cls: type) -> bool:
    """Whether a class is minidl's and in the table."""
    return _TABLE.get(getattr(cls, "table", ""), {}).get(cls.__name__) is cls


# -- texts -------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def snake_case(name: str) -> str:
    """Class names as names of objects.

    >>> snake_case("MaxPooling2D"), snake_case("LSTM"), snake_case("BatchNormalization")
    ('max_pooling2d', 'lstm', 'batch_normalization')
    """
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _short(value: Any) -> Any:
    """An object of defaults as the name that means it."""
    if isinstance(value, Declared) and is_own(type(value)):
        plain = value._plain()
        if isinstance(plain, str):
            return plain
        text = repr(value)
        if text == f"{type(value).__name__}()":
            return _usual_name(type(value))
    return value


def _is_default(value: Any, default: Any) -> bool:
    """Whether an attribute is what the default of its argument becomes."""
    if default is _EMPTY:
        return False
    if isinstance(value, Declared) and isinstance(default, str):
        return find_class(value.table, default) is type(value) and isinstance(_short(value), str)
    value = _short(value)
    if value is default or (type(value) in (bool, int, float, str, tuple) and value == default):
        return True
    return isinstance(value, tuple) and bool(value) and all(type(item) is int and item == default for item in value)
