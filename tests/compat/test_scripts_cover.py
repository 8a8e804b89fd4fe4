"""Every name, keyword, value, positional form and import line of the table stands in one of the scripts of this folder."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.cases import keras2_table as table
from tests.cases.old_scripts import SCRIPTS

TREES = [ast.parse(path.read_text()) for path in sorted(SCRIPTS.glob("*.py"))]


def words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", " ").split(",") if word.strip()]


def last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def classes_of(tree: ast.Module) -> dict[str, set[str]]:
    """For each variable (or attribute) the callables whose results it was given, and for each import its own name."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            made = node.value
            while isinstance(made, (ast.Subscript, ast.Call)) and not (
                isinstance(made, ast.Call) and last(made.func) != "tolist"
            ):
                made = made.value if isinstance(made, ast.Subscript) else getattr(made.func, "value", made.func)
            for target in node.targets if isinstance(made, ast.Call) else ():
                found.setdefault(last(target), set()).add(last(made.func))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, set()).add(alias.name.rpartition(".")[2])
    return found


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call under every name it goes by: ``Dense``, ``.fit``, and ``KerasClassifier.fit`` where the object is one."""
    for tree in TREES:
        made = classes_of(tree)
        inside = {last(node) for node in ast.walk(tree) if isinstance(node, (ast.Name, ast.Attribute))}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = last(node.func)
            yield name, node
            for other in made.get(name, ()):
                yield other, node
            if isinstance(node.func, ast.Attribute):
                yield f".{name}", node
                owner = node.func.value
                while isinstance(owner, ast.Subscript):
                    owner = owner.value
                for cls in made.get(last(owner), set()) | {last(owner.func) if isinstance(owner, ast.Call) else last(owner)}:
                    yield f"{cls}.{name}", node
                if name in ("add", "compile", "fit", "predict") and "KerasClassifier" in inside:  # within its build_fn
                    yield f"KerasClassifier.{name}", node


CALLS = list(calls())
KEYWORDS = {(name, keyword.arg) for name, call in CALLS for keyword in call.keywords}
ATTRIBUTES = {node.attr for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
IMPORTED = {
    f"from {node.module} import {alias.name}" if isinstance(node, ast.ImportFrom) else f"import {alias.name}"
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, (ast.Import, ast.ImportFrom))
    for alias in node.names
}
NAMES = {last(node) for tree in TREES for node in ast.walk(tree) if isinstance(node, (ast.Name, ast.Attribute))}
NAMES |= {line.rpartition(" ")[2] for line in IMPORTED}
BASES = {last(base) for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}


def values() -> Iterator[str]:
    """``padding=same`` for each text that an argument has, by its name or as an Activation's only one, alone or in a list."""
    places = {"Activation": ["activation"], ".compile": ["optimizer", "loss"], "EarlyStopping": ["monitor"]}
    for name, call in CALLS:
        given = [(keyword.arg, keyword.value) for keyword in call.keywords]
        given += list(zip(places.get(name, []), call.args))
        for argument, node in given:
            for item in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield f"{argument}={item.value}"


def has_name(name: str) -> bool:
    if name.startswith("@"):
        return name[1:] in ATTRIBUTES
    if name.startswith("."):
        return any(called == name for called, _ in CALLS)
    if name.startswith("subclass "):
        return name.partition(" ")[2] in BASES
    if "." in name:
        return any(called == name for called, _ in CALLS) or (name.startswith("K.") and name[2:] in ATTRIBUTES)
    return name in NAMES


@pytest.mark.parametrize("kind", ["names", "keywords", "values", "positional", "imports"])
def test_the_scripts_use_everything_that_real_ones_use(kind: str) -> None:
    missing: list[str] = []
    if kind == "names":
        missing = [name for name in words(table.NAMES) if not has_name(name)]
    elif kind == "keywords":
        for line in re.sub(r"\n  +", " ", table.KEYWORDS).strip().splitlines():
            name, _, keywords = line.partition(": ")
            missing += [f"{name}({keyword}=)" for keyword in words(keywords) if (name, keyword) not in KEYWORDS]
    elif kind == "values":
        missing = sorted(set(words(table.VALUES)) - set(values()))
    elif kind == "positional":
        for entry in words(table.POSITIONAL):
            name, _, count = entry.partition("/")
            if not any(called == name and len(call.args) == int(count) for called, call in CALLS):
                missing.append(entry)
    else:
        missing = [line for line in table.IMPORTS.strip().splitlines() if line not in IMPORTED]
    assert not missing, "\n".join(missing)


def test_there_are_enough_of_them() -> None:
    assert len(TREES) >= 60
    assert all(any(isinstance(node, ast.Assert) for node in ast.walk(tree)) for tree in TREES)
