"""``python -m minidl run --modern script.py``: the script in the words of today's minidl, without Keras.

The syntax tree says where imports and calls stand, and only these places of the text are changed: comments and layout stay.
What becomes of a call is asked of the same tables that run old scripts (``OldName``). What has no equal today goes on being
imported from ``minidl.compat.keras``, and a comment says why.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl import config
from minidl.compat import python2
from minidl.compat.modules import KERAS, load, place_of
from minidl.compat.translation import OldName
from minidl.compat.written import as_text, qualified, value_of
from minidl.declared import arguments_of
from minidl.errors import MinidlError
from minidl.layers.activation import FORMULAS
from minidl.profile import KERAS_2_1

TODAY = (  # where minidl's names are found
    *("layers", "models", "optimizers", "callbacks", "losses", "metrics", "regularizers", "constraints", "initializers"),
)
EQUAL = {  # functions of compat that are another function today, for the same calls
    "utils.np_utils.to_categorical": "utils.to_categorical",
    "preprocessing.sequence.pad_sequences": "data.pad_sequences",
    "datasets.mnist.load_data": "datasets.mnist.load_data",
    "datasets.fashion_mnist.load_data": "datasets.fashion_mnist.load_data",
    "backend.set_image_data_format": "config.set_data_format",
    "backend.image_data_format": "config.data_format",
    "backend.epsilon": "config.epsilon",
    "backend.set_epsilon": "config.set_epsilon",
    "backend.floatx": "config.dtype",
    "backend.set_floatx": "config.set_dtype",
}
_ORDERS = {"th": "channels_first", "tf": "channels_last"}
SAME_VERBS = {  # methods of models that mean the same with the same arguments
    *("add", "compile", "fit", "evaluate", "predict", "summary", "count_params", "get_weights", "set_weights", "history"),
}
OTHER_VERBS = {  # methods and attributes that today's models do not have, or whose results differ
    "predict_classes": "predict(x).argmax(axis=-1)",
    "predict_proba": "predict(x)",
    "fit_generator": "fit(generator, steps_per_epoch=...)",
    "evaluate_generator": "evaluate(generator, steps=...)",
    "predict_generator": "predict(generator, steps=...)",
    "train_on_batch": "its arguments have another order today",
    "test_on_batch": "its results are named today",
    "to_yaml": "to_json()",
    "to_json": "the text of today is another one",
    "get_layer": "layers have other names today",
    "layers": "the layers of today's models show shapes without the batch axis",
    "save": "today's files have other names",
    "save_weights": "today's files have other names",
    "load_weights": "today's files have other names",
    "get_config": "configurations are other ones today",
    "metrics_names": "it has no such list today",
    "trainable": "today it has its effect without another compile",
    "reset_states": "layers are stateful otherwise today",
    "pop": "layers are not taken away today",
    "input_shape": "shapes have no batch axis today",
    "output_shape": "shapes have no batch axis today",
}
SETTINGS = {"lr", "get_config"}
LOOKS = {"output_shape", "input_shape", "layers", "get_layer"}
LOSSES = {
    *("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error", "mse"),
    *("mean_absolute_error", "mae"),
}
METRICS = {"accuracy", "acc"}
FIT = ("x", "y", "batch_size", "epochs", "verbose", "validation_split", "validation_data", "shuffle", "initial_epoch")
EVALUATE = ("x", "y", "batch_size", "verbose")
PREDICT = ("x", "batch_size", "verbose")
JOINING = {  # functions of Keras 2 that make a layer and call it
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "concatenate": "Concatenate",
    "dot": "Dot",
}
_NETWORKS = ("Sequential", "Model", "Input", "InputLayer")


class NotTodayError(MinidlError, ValueError):
    """A call that minidl of today has no equal for."""


@dataclass
class Binding:
    """A name of the script that an import line gave it.

    Attributes:
        local: the name in the script.
        place: the module of compat it is, or stands in.
        name: the name within the module; "": the module itself.
        reasons: why it goes on being imported from compat.
        homes: where it is found today: (module, name).
        remains: a module that is still used as it is.
    """

    local: str
    place: str
    name: str
    statement: ast.stmt
    reasons: list[str] = field(default_factory=list)
    homes: list[tuple[str, str]] = field(default_factory=list)
    remains: bool = False


@dataclass
class Use:
    """An expression that means a name of Keras, such as ``Dense`` or ``keras.layers.Dense``."""

    node: ast.expr
    binding: Binding
    thing: Any
    path: str  # of the thing within compat
    call: ast.Call | None
    why_not: str = ""


def modern(source: str) -> str:
    """The text of a script in today's words. Raises SyntaxError for what Python 3 cannot read.

    >>> print(modern("from keras.layers.core import Dense\\nlayer = Dense(output_dim=3, init='zero')  # three"))
    from minidl.layers import Dense
    layer = Dense(units=3, kernel_initializer='zero')  # three
    """
    return _Script(source).rewritten()


class _Script:
    """One script: what it imports, where it uses that, and the edits of its text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree = ast.parse(source)
        self.data = source.encode()
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.edits: list[tuple[int, int, str]] = []
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.constants = self._constants()
        self.functions = {node.name for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.all_bindings = list(self._imports())
        self.bindings = {b.local: b for b in self.all_bindings}  # of two with one name the later one counts
        self.stars: dict[str, Binding] = {}
        self.uses = list(self._uses())
        modules = {
            inner for use in self.uses for inner in ast.walk(use.node)
        }  # the layers of keras.layers is no attribute of a model
        self.attributes = {n.attr for n in ast.walk(self.tree) if isinstance(n, ast.Attribute) and n not in modules}
        self.extra: list[str] = []  # further import lines
        self.is_modern_model = False
        self.made: dict[int, tuple[Any, ast.expr]] = {}  # objects that the script would make, with their places

    # -- reading -------------------------------------------------------------------------------------------------------

    def span(self, node: Any) -> tuple[int, int]:
        """First and last place of a node in the text, in bytes."""
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: Any) -> str:
        """A node as it stands in the text, with the edits that were made within it."""
        first, last = self.span(node)
        return self.edited(first, last)

    def edited(self, first: int, last: int) -> str:
        """A part of the text with its edits."""
        parts, at = [], first
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2]):
            if first <= start and end <= last:
                parts += [self.data[at:start].decode(), new]
                at = end
        return "".join([*parts, self.data[at:last].decode()])

    def edit(self, first: int, last: int, new: str) -> None:
        """Put other words in place of a part, with all edits within it."""
        self.edits = [e for e in self.edits if not (first <= e[0] and e[1] <= last and first < last)]
        self.edits.append((first, last, new))

    def _constants(self) -> dict[str, ast.expr]:
        """Names that are set once, to something without names in it."""
        found: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    pairs: list[tuple[ast.expr, ast.expr | None]] = [(target, node.value)]
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = list(zip(target.elts, node.value.elts))
                    for name, value in pairs:
                        for inner in ast.walk(name):
                            if isinstance(inner, ast.Name):
                                found.setdefault(inner.id, []).append(value if inner is name else None)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if not isinstance(self.parents.get(node), (ast.Assign, ast.Tuple)):
                    found.setdefault(node.id, []).append(None)
            elif isinstance(node, ast.arg):
                found.setdefault(node.arg, []).append(None)
        return {name: values[0] for name, values in found.items() if len(values) == 1 and values[0] is not None}

    def _imports(self) -> Iterator[Binding]:
        """What the script imports of Keras."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    place = place_of(alias.name)
                    if place is not None and place.startswith(KERAS):
                        if alias.asname:
                            yield Binding(alias.asname, place, "", node)
                        else:
                            yield Binding("keras" if alias.name.startswith("keras") else "", KERAS, "", node)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                place = place_of(str(node.module))
                if place is None or not place.startswith(KERAS):
                    continue
                for alias in node.names:
                    if alias.name == "*":
                        for name in _exports(place):
                            yield Binding(name, place, name, node)
                    elif isinstance(getattr(load(place), alias.name, None), ModuleType) or _is_module(place, alias.name):
                        yield Binding(alias.asname or alias.name, f"{place}.{alias.name}", "", node)
                    else:
                        yield Binding(alias.asname or alias.name, place, alias.name, node)

    def _uses(self) -> Iterator[Use]:
        """Where the script means something of Keras."""
        assigned = {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assigned |= {n.name for n in ast.walk(self.tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or node.id not in self.bindings:
                continue
            binding = self.bindings[node.id]
            if node.id in assigned:
                binding.reasons.append("the name is set again in the script")
            whole: ast.expr = node
            thing: Any = load(binding.place)
            path = binding.place
            if binding.name:
                thing, path = getattr(thing, binding.name, None), f"{path}.{binding.name}"
            while isinstance(thing, ModuleType):
                above = self.parents.get(whole)
                if not isinstance(above, ast.Attribute):
                    break
                whole, thing = above, getattr(thing, above.attr, None) or _module(path, above.attr)
                path = f"{path}.{above.attr}"
            above = self.parents.get(whole)
            yield Use(whole, binding, thing, path, above if isinstance(above, ast.Call) and above.func is whole else None)

    # -- deciding ------------------------------------------------------------------------------------------------------

    def rewritten(self) -> str:
        """The new text."""
        self._other_libraries()
        if not self.bindings:
            return self.edited(0, len(self.data))
        self._decide_about_models()
        inner_first = sorted(self.uses, key=lambda use: (-self.span(use.node)[0], self.span(use.node)[1]))
        for use in inner_first:  # all or none of the uses of one name are translated: a name has one meaning in the script
            try:
                self._today(use)
            except Exception as error:
                use.why_not = _reason(error)
                use.binding.remains = True
                if use.binding.name:
                    use.binding.reasons.append(use.why_not)
        self.made.clear()
        self.extra.clear()
        for use in inner_first:
            if use.why_not or (use.binding.name and use.binding.reasons):
                continue
            home, edits = self._today(use)  # again: within its text, calls are translated now
            for first, last, new in edits:
                self.edit(first, last, new)
            if use.binding.name:
                use.binding.homes.append(home)
                self._rename(use.node, self._local(use.binding, home))
            else:
                self._rename(use.node, f"minidl.{home[0]}.{home[1]}")
                self._need("import minidl")
        self._seeds()
        self._keys()
        self._imports_of_today()
        return self.edited(0, len(self.data))

    def _other_libraries(self) -> None:
        """What scripts import of TensorFlow and Theano: sessions, threads and seeds."""
        why = "# sessions, threads and seeds"
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                place = place_of(str(node.module))
                if place is not None and place.startswith(("minidl.compat.tensorflow", "minidl.compat.theano")):
                    names = ", ".join(a.name + (f" as {a.asname}" if a.asname else "") for a in node.names)
                    self.edit(*self.span(node), f"from {place} import {names}  {why}")
            elif isinstance(node, ast.Import) and len(node.names) == 1 and node.names[0].name in ("tensorflow", "theano"):
                (alias,) = node.names
                self.edit(*self.span(node), f"import minidl.compat.{alias.name} as {alias.asname or alias.name}  {why}")

    def _local(self, binding: Binding, home: tuple[str, str]) -> str:
        """The name in the new script."""
        if binding.local != binding.name:
            return binding.local  # the script's own word: import ... as
        taken = {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name)} - {binding.local}
        other = self.bindings.get(home[1])
        return home[1] if home[1] not in taken or (other is not None and not other.reasons) else binding.local

    def _rename(self, node: ast.expr, new: str) -> None:
        first, last = self.span(node)
        if self.data[first:last].decode() != new:
            self.edit(first, last, new)

    def _need(self, line: str) -> None:
        if line not in self.extra:
            self.extra.append(line)

    def _decide_about_models(self) -> None:
        """Models are today's where all that the script does with them is the same today."""
        names = [use for use in self.uses if use.path.rpartition(".")[2] in _NETWORKS and not isinstance(use.thing, ModuleType)]
        reasons = list(self._reasons_against_models())
        self.is_modern_model = not reasons
        self.has_settings_read = bool(SETTINGS & self.attributes)
        self.is_looked_at = bool(LOOKS & self.attributes)
        for use in names:
            if reasons:
                use.binding.reasons += reasons[:1] if use.binding.name else []
                use.binding.remains, use.why_not = True, reasons[0]

    def _reasons_against_models(self) -> Iterator[str]:
        for use in self.uses:
            name = use.path.removeprefix(f"{KERAS}.")
            if name.startswith("callbacks.") and not isinstance(use.thing, ModuleType):
                yield f"it calls {name.rpartition('.')[2]}, whose moments are those of Keras 2.1"
            if name.startswith(("wrappers.", "preprocessing.image.")):
                yield f"{name.rpartition('.')[2]} is used with it"
            if isinstance(self.parents.get(use.node), ast.ClassDef):
                yield f"a class of the script derives from {name.rpartition('.')[2]}"
            if name.rpartition(".")[2] in ("Merge", "merge", "Lambda") and not isinstance(use.thing, ModuleType):
                yield f"{name.rpartition('.')[2]} makes parts of it"
        old, new = load(f"{KERAS}.models"), load("minidl.models")
        for name in sorted(self.attributes):
            of_then = hasattr(old.Sequential, name) or hasattr(old.Model, name)
            if name in OTHER_VERBS:
                yield f"{name}: {OTHER_VERBS[name]}"
            elif of_then and not (hasattr(new.Sequential, name) and hasattr(new.Model, name)) and name not in SAME_VERBS:
                yield f"{name}: today's models have no such thing"
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {keyword.arg for keyword in node.keywords}
                known = {"fit": FIT, "evaluate": EVALUATE, "predict": PREDICT}.get(node.func.attr)
                if known is not None:
                    for name in sorted(str(name) for name in given - {*known, "nb_epoch"}):
                        yield f"{node.func.attr}({name}=...) is another call today"
                if node.func.attr == "compile":
                    yield from self._reasons_against_compile(node)

    def _reasons_against_compile(self, node: ast.Call) -> Iterator[str]:
        given = list(zip(("optimizer", "loss", "metrics", "other"), node.args))
        given += [(str(keyword.arg), keyword.value) for keyword in node.keywords]
        for name, value in given:
            if isinstance(value, ast.Name):
                value = self.constants.get(value.id, value)
            if name == "loss" and not (isinstance(value, ast.Constant) and value.value in LOSSES):
                yield "its loss is one of Keras 2.1"
            elif name == "metrics":
                items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [None]
                if not all(isinstance(item, ast.Constant) and item.value in METRICS for item in items):
                    yield "its metrics are named as in Keras 2.1"
            elif name not in ("loss", "optimizer", "metrics"):
                yield f"compile({name}=...) is another call today"

    # -- one use -------------------------------------------------------------------------------------------------------

    def _today(self, use: Use) -> tuple[tuple[str, str], list[tuple[int, int, str]]]:
        """Where a thing is found today, and the edits of its call. Raises an error that says why not."""
        if isinstance(use.thing, ModuleType) or use.thing is None:
            raise NotTodayError("the module itself is used")
        for old, new in EQUAL.items():
            module, _, name = old.rpartition(".")
            if use.thing is getattr(load(f"{KERAS}.{module}"), name, None):
                return _split(new), self._of_function(use)
        special = self._of_orders(use)
        if special is not None:
            return special
        written_as = vars(use.thing).get("written_as") if isinstance(use.thing, type) else None
        if written_as is not None:
            if not self.is_modern_model:
                raise NotTodayError("a model of Keras 2.1")
            return _home(written_as), self._of_model(use)
        joining = self._of_joining(use)
        if joining is not None:
            return joining
        if not isinstance(use.thing, OldName):
            raise NotTodayError("it works as in Keras 2.1, and minidl has no other")
        if use.thing.__name__ in ("Merge", "merge"):
            raise NotTodayError("models are joined by layers today: Add()([a.output, b.output])")
        if self.is_looked_at and ".layers." in use.path:
            raise NotTodayError("the script looks at shapes or settings of layers, which are others today")
        if use.thing.__name__ == "Input" and not self.is_modern_model:
            raise NotTodayError("the model is one of Keras 2.1")
        if hasattr(use.thing.make, "in_minidl"):
            return self._of_optimizer(use)
        home = _home(use.thing.make)
        if use.call is None:
            if isinstance(self.parents.get(use.node), ast.ClassDef):
                raise NotTodayError("a class of the script is derived from it")
            return home, []
        return home, self._of_call(use.call, use.thing)

    def _of_function(self, use: Use) -> list[tuple[int, int, str]]:
        if use.path.endswith("load_data") and use.call is not None and (use.call.args or use.call.keywords):
            raise NotTodayError("arguments of load_data are others today")
        keywords = use.call.keywords if use.call is not None else []
        return [self._renamed(keyword, "num_classes") for keyword in keywords if keyword.arg == "nb_classes"]

    def _of_orders(self, use: Use) -> tuple[tuple[str, str], list[tuple[int, int, str]]] | None:
        """``K.set_image_dim_ordering("th")``, and ``K.image_dim_ordering() == "th"``."""
        name = use.path.rpartition(".")[2]
        if name == "set_image_dim_ordering" and use.call is not None and len(use.call.args) == 1:
            (given,) = use.call.args
            if isinstance(given, ast.Constant) and given.value in _ORDERS:
                return _split("config.set_data_format"), [(*self.span(given), repr(_ORDERS[given.value]))]
            raise NotTodayError("th and tf are channels_first and channels_last today")
        if name == "image_dim_ordering" and use.call is not None:
            above = self.parents.get(use.call)
            if isinstance(above, ast.Compare) and above.left is use.call and len(above.comparators) == 1:
                (with_what,) = above.comparators
                if isinstance(with_what, ast.Constant) and with_what.value in _ORDERS:
                    return _split("config.data_format"), [(*self.span(with_what), repr(_ORDERS[with_what.value]))]
            raise NotTodayError("th and tf are channels_first and channels_last today")
        return None

    def _of_model(self, use: Use) -> list[tuple[int, int, str]]:
        renamed = {"input": "inputs", "output": "outputs"}
        keywords = use.call.keywords if use.call is not None else []
        return [self._renamed(keyword, renamed[str(keyword.arg)]) for keyword in keywords if keyword.arg in renamed]

    def _of_joining(self, use: Use) -> tuple[tuple[str, str], list[tuple[int, int, str]]] | None:
        """``concatenate([a, b], axis=1)`` is ``Concatenate(axis=1)([a, b])``."""
        name = use.path.rpartition(".")[2]
        cls = JOINING.get(name) if use.path.startswith(f"{KERAS}.layers") else None
        if cls is None or use.call is None:
            return None
        if not self.is_modern_model:
            raise NotTodayError("the model is one of Keras 2.1")
        if len(use.call.args) != 1 or any(keyword.arg is None for keyword in use.call.keywords):
            raise NotTodayError("what is joined has no one argument")
        old = getattr(load(f"{KERAS}.layers"), cls)
        named = any(keyword.arg == "name" for keyword in use.call.keywords)
        with _quietly():
            arguments, _ = old.translated((), {str(k.arg): self._value(k.value) for k in use.call.keywords})
        shown = ", ".join(f"{key}={self._shown(value)}" for key, value in arguments.items() if key != "name" or named)
        first = self.text(use.call.args[0])
        return ("layers", cls), [(self.span(use.node)[1], self.span(use.call)[1], f"({shown})({first})")]

    def _of_optimizer(self, use: Use) -> tuple[tuple[str, str], list[tuple[int, int, str]]]:
        """An optimizer, where minidl has the same rule."""
        if use.call is None:
            raise NotTodayError("an optimizer of Keras 2.1")
        if self.has_settings_read:
            raise NotTodayError("the script reads or sets settings of optimizers by the names they had")
        positional, keywords = self._values(use.call)
        with _quietly():
            same = use.thing(*positional, **keywords).in_minidl()
            if same is None:
                raise NotTodayError("its rule is that of Keras 2.1, in part")
        name, _, inner = qualified(repr(same)).partition("(")
        if "minidl." in inner:
            self._need("import minidl")
        first, last = self.span(use.node)[1], self.span(use.call)[1]
        return ("optimizers", name), [(first, last, f"({inner}")]

    def _values(self, call: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call, as far as they are known. Raises NotTodayError for ``*`` and ``**``."""
        if any(isinstance(node, ast.Starred) for node in call.args) or any(k.arg is None for k in call.keywords):
            raise NotTodayError("the call has * or **")
        for keyword in call.keywords:  # K.tanh, tf.nn.relu
            last = getattr(keyword.value, "attr", getattr(keyword.value, "id", None))
            if str(keyword.arg).endswith("activation") and last in FORMULAS and last not in self.constants:
                raise NotTodayError(f"a function is given, where minidl takes its name: {keyword.arg}={last!r}")
        positional = [self._value(node) for node in call.args]
        return positional, {str(k.arg): self._value(k.value) for k in call.keywords}

    def _value(self, node: ast.expr) -> Any:
        for use in self.uses:  # l2(0.01): the object itself
            if use.call is node and isinstance(use.thing, OldName) and not hasattr(use.thing.make, "in_minidl"):
                positional, keywords = self._values(use.call)
                if ".layers." not in use.path:
                    try:
                        with _quietly():
                            made = use.thing(*positional, **keywords)
                    except MinidlError:  # numbers that are not known
                        break
                    self.made[id(made)] = (made, node)
                    return made
        if isinstance(node, ast.Lambda) or (isinstance(node, ast.Name) and node.id in self.functions):
            raise NotTodayError("a function of the script is given, where minidl takes objects of classes")
        return value_of(node, self.text(node), self.constants)

    def _of_call(self, call: ast.Call, old: OldName) -> list[tuple[int, int, str]]:
        """The edits of a call."""
        positional, given = self._values(call)
        with _quietly():
            arguments, aside = old.translated(tuple(positional), dict(given))
        if any(value is not None for value in aside.values()):
            raise NotTodayError(f"{', '.join(k for k, v in aside.items() if v is not None)} of a layer is set otherwise today")
        if "name" not in given:
            arguments.pop("name", None)
        for name in [name for name in arguments if name not in _arguments(old.make)]:
            if arguments.pop(name) is not None:
                raise NotTodayError(f"{name} is said otherwise today")
        order = list(_arguments(old.make))
        edits: list[tuple[int, int, str]] = []
        rest = dict(arguments)
        named = False
        for place, (node, value) in enumerate(zip(call.args, positional)):
            known = next((n for n, v in rest.items() if v is value), None) or self._by_place(old, place, rest)
            if known is None:
                return self._written_anew(call, old, arguments)
            name = known
            if named or place >= len(order) or order[place] != name:
                named = True
                edits.append((self.span(node)[0], self.span(node)[0], f"{name}="))
            edits += self._of_value(node, value, rest.pop(name))
        for keyword in call.keywords:
            value, said = given[str(keyword.arg)], str(keyword.arg)
            in_2 = old.keras_1.get(said, said)
            same = (n for n, v in rest.items() if v is value and not isinstance(v, (bool, type(None))))
            name = next(same, old.today.get(in_2, in_2))
            if name not in rest:
                return self._written_anew(call, old, arguments)
            if name != said:
                edits.append(self._renamed(keyword, name))
            edits += self._of_value(keyword.value, value, rest.pop(name))
        if rest:
            more = ", ".join(f"{name}={self._shown(value)}" for name, value in rest.items())
            behind = [self.span(node)[1] for node in (*call.args, *(k.value for k in call.keywords))]
            if behind:
                edits.append((max(behind), max(behind), f", {more}"))
            else:
                edits.append((self.span(call)[1] - 1, self.span(call)[1] - 1, more))
            if "minidl." in more:
                self._need("import minidl")
        return edits

    def _by_place(self, old: OldName, place: int, rest: dict[str, Any]) -> str | None:
        names = list(old.signature.parameters)
        name = old.today.get(names[place], names[place]) if place < len(names) else None
        return name if name in rest else None

    def _of_value(self, node: ast.expr, before: Any, after: Any) -> list[tuple[int, int, str]]:
        """The edit of a value that is another one today."""
        if after is before or (type(after) is type(before) and after == before) or id(after) in self.made:
            return []
        if as_text(after) in (as_text(before), ast.unparse(node)) or (isinstance(after, str) and after == before):
            return []
        if (
            isinstance(after, (tuple, list))
            and isinstance(before, (tuple, list))
            and list(map(as_text, after)) == list(map(as_text, before))
        ):
            return []
        if "minidl." in self._shown(after):
            self._need("import minidl")
        return [(*self.span(node), self._shown(after))]

    def _shown(self, value: Any) -> str:
        if id(value) in self.made:
            return self.text(self.made[id(value)][1])
        return as_text(value)

    def _written_anew(self, call: ast.Call, old: OldName, arguments: dict[str, Any]) -> list[tuple[int, int, str]]:
        """All arguments in the order of today."""
        needed = [name for name, p in _arguments(old.make).items() if p.default is p.empty]
        first = [self._shown(arguments[name]) for name in needed if name in arguments]
        others = [f"{name}={self._shown(value)}" for name, value in arguments.items() if name not in needed]
        inner = ", ".join([*first, *others])
        if "minidl." in inner:
            self._need("import minidl")
        return [(self.span(call.func)[1], self.span(call)[1], f"({inner})")]

    def _renamed(self, keyword: ast.keyword, new: str) -> tuple[int, int, str]:
        first = self.span(keyword)[0]
        return first, first + len(str(keyword.arg).encode()), new

    # -- the rest of the script ----------------------------------------------------------------------------------------

    def _seeds(self) -> None:
        """``np.random.seed(n)`` seeds minidl too; keywords and strings of models that are today's."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            is_seed = name in ("np.random.seed", "numpy.random.seed", "random.seed") and self._is_numpy(name)
            is_plain = len(node.args) == 1 and isinstance(node.args[0], (ast.Constant, ast.Name))
            if is_seed and is_plain and isinstance(self.parents.get(node), ast.Expr):
                last = self.span(node)[1]
                self.edit(last, last, f"; minidl.set_seed({ast.unparse(node.args[0])})")
                self._need("import minidl")
            if self.is_modern_model and isinstance(node.func, ast.Attribute):
                for keyword in node.keywords:
                    if node.func.attr == "fit" and keyword.arg == "nb_epoch":
                        self.edit(*self._renamed(keyword, "epochs"))
                if node.func.attr == "compile":
                    self._optimizer_by_name(node)

    def _is_numpy(self, name: str) -> bool:
        if name == "random.seed":  # from numpy import random
            return any(
                isinstance(n, ast.ImportFrom) and n.module == "numpy" and any(a.name == "random" for a in n.names)
                for n in ast.walk(self.tree)
            )
        return True

    def _optimizer_by_name(self, call: ast.Call) -> None:
        """``optimizer="adam"`` with the numbers of Keras 2.1."""
        for node in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "optimizer")]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                old = load(f"{KERAS}.optimizers")
                with _quietly():
                    made = old.get(node.value)
                    same = made.in_minidl()
                if same is None:
                    name = type(made).__name__
                    self._need(f"from {KERAS}.optimizers import {name}  # its rule is that of Keras 2.1, in part")
                    self.edit(*self.span(node), f"{name}()")
                elif repr(same) != f"{type(same).__name__}()":
                    self._need("import minidl")
                    self.edit(*self.span(node), f"minidl.optimizers.{qualified(repr(same))}")

    def _keys(self) -> None:
        """``acc`` and ``val_acc`` are called ``accuracy`` and ``val_accuracy``."""
        if not self.is_modern_model:
            return
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and node.value in ("acc", "val_acc"):
                above = self.parents.get(node)
                asked = isinstance(above, ast.Call) and getattr(above.func, "attr", "") in ("get", "append")
                if isinstance(above, (ast.Subscript, ast.List, ast.Tuple, ast.Set)) or asked:
                    self.edit(*self.span(node), repr(node.value.replace("acc", "accuracy")))

    def _imports_of_today(self) -> None:
        """The import lines."""
        statements = list(dict.fromkeys(b.statement for b in self.all_bindings))
        first = min(statements, key=lambda statement: statement.lineno)
        for statement in statements:
            lines: list[str] = []
            for binding in (b for b in self.all_bindings if b.statement is statement):
                lines += self._import_of(binding)
            if isinstance(statement, ast.Import):
                others = [a for a in statement.names if not str(place_of(a.name)).startswith(KERAS)]
                lines += [f"import {a.name}" + (f" as {a.asname}" if a.asname else "") for a in others]
            if statement is first:
                extra = [line for line in self.extra if line not in lines]
                if "import minidl" in extra and self._is_needed_before(first):
                    extra.remove("import minidl")
                    top = self._first_import()
                    self.edit(self.span(top)[0], self.span(top)[0], "import minidl\n")
                lines = [*extra, *lines]
            lines = _together(lines)
            indent = " " * statement.col_offset
            start, end = self.span(statement)
            if lines:
                self.edit(start, end, f"\n{indent}".join(lines))
            elif self._stands_alone(statement):
                self.edit(start, end, "pass")
            else:
                self._remove_line(start, end)

    def _is_needed_before(self, statement: ast.stmt) -> bool:
        return any("minidl.set_seed" in new and first < self.span(statement)[0] for first, _, new in self.edits) or (
            not isinstance(self.parents.get(statement), ast.Module)
        )

    def _first_import(self) -> ast.stmt:
        return next(
            node
            for node in self.tree.body
            if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        )

    def _stands_alone(self, statement: ast.stmt) -> bool:
        above = self.parents.get(statement)
        return not isinstance(above, ast.Module) and all(
            len(getattr(above, name, [])) in (0, 1) or statement not in getattr(above, name) for name in ("body", "orelse")
        )

    def _remove_line(self, start: int, end: int) -> None:
        line_end = self.data.find(b"\n", end)
        rest = self.data[end : line_end if line_end >= 0 else len(self.data)].strip()
        line_start = self.data.rfind(b"\n", 0, start) + 1
        if not rest and not self.data[line_start:start].strip() and line_end >= 0:
            self.edit(line_start, line_end + 1, "")
        else:
            self.edit(start, end, "pass")

    def _import_of(self, binding: Binding) -> list[str]:
        statement, winner = binding.statement, self.bindings[binding.local]
        used = [use for use in self.uses if use.binding is winner]
        if winner is not binding and bool(winner.name) != bool(binding.name):
            used = []
        elif winner is not binding:
            binding.reasons, binding.homes, binding.remains = winner.reasons, winner.homes, winner.remains
        star = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        if star and not used:
            return []
        if binding.name:
            if used and not binding.reasons:
                module, name = binding.homes[0]
                local = self._local(binding, binding.homes[0])
                return [f"from minidl.{module} import {name}" + (f" as {local}" if local != name else "")]
            if not used:  # imported for nothing: it is imported today, where it is there
                try:
                    module, name = _home_of(getattr(load(binding.place), binding.name))
                    return [f"from minidl.{module} import {name}" + (f" as {binding.local}" if binding.local != name else "")]
                except NotTodayError:
                    return []
            alias = f" as {binding.local}" if binding.local != binding.name else ""
            return [f"from {binding.place} import {binding.name}{alias}  # {binding.reasons[0]}"]
        if not binding.remains:
            return []
        why = next((use.why_not for use in used if use.why_not), "") or (binding.reasons or ["the module itself is used"])[0]
        if isinstance(statement, ast.ImportFrom):
            parent, _, name = binding.place.rpartition(".")
            return [f"from {parent} import {name}" + (f" as {binding.local}" if binding.local != name else "") + f"  # {why}"]
        if binding.place == KERAS and binding.local == "keras":
            below = [str(place_of(a.name)) for a in statement.names if place_of(a.name) not in (None, KERAS)]  # type: ignore[attr-defined]
            return [f"import {KERAS} as keras  # {why}", *(f"import {place}" for place in below)]
        return [f"import {binding.place} as {binding.local}  # {why}"]


# -- where things are --------------------------------------------------------------------------------------------------


def _split(path: str) -> tuple[str, str]:
    module, _, name = path.rpartition(".")
    return module, name


def _home(cls: Any) -> tuple[str, str]:
    """(module, name) of a class of minidl. Raises NotTodayError where it has none."""
    cls = vars(cls).get("written_as") or cls if isinstance(cls, type) else cls
    name = getattr(cls, "__name__", "")
    for module in TODAY:
        found = getattr(load(f"minidl.{module}"), name, None)
        if found is not None and (found is cls or (isinstance(cls, type) and found is cls.__mro__[1])):
            return module, name
    raise NotTodayError("it works as in Keras 2.1, and minidl has no other")


def _home_of(thing: Any) -> tuple[str, str]:
    if isinstance(thing, OldName):
        make = getattr(thing.make, "in_minidl", None) and getattr(load("minidl.optimizers"), thing.make.__name__, None)
        return _home(make or thing.make)
    return _home(thing)


def _arguments(make: Any) -> Any:
    return arguments_of(make) if isinstance(make, type) else inspect.signature(make).parameters


def _exports(place: str) -> list[str]:
    module = load(place)
    return list(getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]))


def _is_module(place: str, name: str) -> bool:
    return _module(place, name) is not None


def _module(place: str, name: str) -> Any:
    try:
        return load(f"{place}.{name}")
    except ModuleNotFoundError:
        return None


def _reason(error: Exception) -> str:
    """One line for a comment."""
    text = error.where if isinstance(error, NotTodayError) else f"this call cannot be read from the script alone ({error})"
    return " ".join(text.split())[:110]


def _together(lines: list[str]) -> list[str]:
    """Names of one module in one line; each line once."""
    joined: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        head, middle, names = line.partition(" import ")
        if line.startswith("from ") and "#" not in line:
            joined.setdefault(head + middle, []).append(names)
        else:
            joined[line] = []
    return [f"{head}{', '.join(dict.fromkeys(names))}" if names else head for head, names in joined.items()]


def _quietly() -> Any:
    return _Quietly()


class _Quietly:
    """Objects are made as old scripts make them, without a word."""

    def __enter__(self) -> None:
        self._profile, self._warnings = config.use_profile(KERAS_2_1), warnings.catch_warnings()
        self._profile.__enter__()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: Any) -> None:
        self._warnings.__exit__(*error)
        self._profile.__exit__(*error)


# -- the command -------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Rewrite a file; returns the exit code. Raises MinidlError for arguments that make no sense."""
    left = list(arguments)
    output = None
    if "-o" in left:
        place = left.index("-o")
        if place + 1 == len(left):
            raise NotTodayError("python -m minidl run --modern", "-o and nothing behind it", "a file")
        output = left[place + 1]
        del left[place : place + 2]
    if len(left) != 1:
        raise NotTodayError("python -m minidl run --modern", f"{len(left)} files", "one script", "--modern script.py -o new.py")
    try:
        data = Path(left[0]).read_bytes()
    except OSError as error:
        raise NotTodayError(
            "python -m minidl run --modern", f"{left[0]}: {error.strerror}", "a file that can be read"
        ) from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        new = modern(io.TextIOWrapper(io.BytesIO(data), encoding, newline=None).read())
    except SyntaxError as error:
        error.filename = left[0]
        python2.explain(error)
        sys.stderr.write(f"{left[0]}:{error.lineno}: {error.msg}\n")
        return 1
    if b"\r\n" in data:
        new = new.replace("\n", "\r\n")
    if output is None:
        sys.stdout.write(new)
    else:
        Path(output).write_bytes(new.encode(encoding))
    return 0
