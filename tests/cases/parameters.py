"""Every initializer, regularizer and constraint: what a parameter may be given, each argument once at another value.

A class in the table of names that has no row here fails ``tests/test_every_class.py``.

>>> INITIALIZERS["Constant"], made("initializer", *INITIALIZERS["Constant"][0])
([('Constant', {}), ('Constant', {'value': 0.25})], Constant())
"""

from __future__ import annotations

from typing import Any

from minidl import constraints, initializers, regularizers
from minidl.declared import classes

Row = tuple[str, dict[str, Any]]  # a class and the arguments of its constructor


def _rows(*rows: Row) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for name, arguments in rows:
        found.setdefault(name, [(name, {})]).append((name, arguments))
    return found


INITIALIZERS = _rows(
    ("Zeros", {"seed": 3}),
    ("Ones", {"seed": 3}),
    ("Constant", {"value": 0.25}),
    ("RandomNormal", {"mean": 0.5, "stddev": 0.2, "seed": 3}),
    ("RandomUniform", {"minval": -0.5, "maxval": 0.25, "seed": 3}),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 0.2, "seed": 3}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform", "seed": 3}),
    ("GlorotUniform", {"seed": 3}),
    ("GlorotNormal", {"seed": 3}),
    ("HeUniform", {"seed": 3}),
    ("HeNormal", {"seed": 3}),
    ("LecunUniform", {"seed": 3}),
    ("LecunNormal", {"seed": 3}),
    ("Orthogonal", {"gain": 2.0, "seed": 3}),
    ("Identity", {"gain": 2.0}),
)
REGULARIZERS = _rows(
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.2}),
    ("L1L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.2, "l2": 0.3}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
)
CONSTRAINTS = _rows(
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 1}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.75, "rate": 0.25, "axis": 1}),
)
ROWS = {"initializer": INITIALIZERS, "regularizer": REGULARIZERS, "constraint": CONSTRAINTS}

assert all((initializers, regularizers, constraints))  # the modules are loaded, so that the tables of names are complete


def made(kind: str, name: str, arguments: dict[str, Any]) -> Any:
    """A new object of a row."""
    return classes(kind)[name](**arguments)
