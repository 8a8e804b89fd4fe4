"""The one law of the house, read from the source: a module imports only from lower floors. And ``import minidl`` is quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "minidl"

# Where two rooms of one floor do build on each other, a half says which one is above.
FLOORS = {
    "errors": 0,
    "noticed": 0,
    "interrupts": 0,
    "folders": 0.25,
    "profile": 0.1,
    "config": 0.25,
    "geometry": 0.25,
    "checks": 0.5,
    "declared": 0.5,
    "on_demand": 0.75,
    "access": 0.5,
    "backend": 1,
    "ops": 2,
    "kernels": 2,
    "parameters": 3,
    "schedules": 3,
    "initializers": 3,
    "regularizers": 3,
    "constraints": 3,
    "distributed": 3,
    "layers": 4,
    "losses": 4,
    "optimizers": 4,
    "data": 4,
    "datasets": 4,
    "utils": 4,
    "metrics": 4.5,
    "callbacks": 5,
    "training": 5.5,
    "models": 6,
    "applications": 6.25,
    "boltzmann": 6.25,
    "visual": 6.5,
    "__init__": 7,
    "compat": 8,
    "testing": 9,  # may import anything; only the lazy names of ``__init__`` and ``__main__`` lead to it
    "doctor": 9.5,  # utils/doctor.py must run where anything, NumPy included, is missing or broken: it imports late
    "__main__": 10,
}
ARITHMETIC_ONLY = ("errors", "config", "geometry")  # no arrays, no third-party imports
FREE = ("testing", "doctor", "__main__")  # at the top of the house: these may import when and how they like
LAZY = {  # imports inside functions, each with its reason in the source
    ("data/prefetch.py", "concurrent.futures"),  # 4 ms of every program's start, for the few that load in threads
    ("errors.py", "difflib"),  # ``import minidl`` loads the errors
    ("errors.py", "inspect"),
    ("backend/__init__.py", "minidl.backend.gpu"),  # CuPy is looked for only when it is asked for
    ("callbacks/tensorboard.py", "tensorboardX"),  # an extra
    ("datasets/download.py", "urllib.request"),  # slow to import
    ("datasets/download.py", "http.client"),
    ("visual/figures.py", "matplotlib.figure"),  # optional, and slow to import
    ("compat/keras/preprocessing/pictures.py", "PIL"),  # optional
    ("compat/keras/utils/io_utils.py", "h5py"),
    ("compat/keras/wrappers/scikit_learn.py", "sklearn.utils"),  # imported only where scikit-learn asks
    ("models/weights.py", "safetensors.numpy"),  # only models that are written need it
    *(("models/network.py", f"minidl.models.{name}") for name in ("whole", "weights")),  # files: 10 ms with what they load
    ("models/network.py", "json"),
    *((f"{name}.py", "html") for name in ("models/network", "models/summary", "callbacks/history", "callbacks/notebook")),
    ("callbacks/progress.py", "shutil"),  # which loads what packs and unpacks files
}
BY_NAME = {  # may use importlib
    *("__init__.py", "on_demand.py", "backend/dispatch.py", "backend/gpu.py"),
    *("kernels/cuda/_module.py", "kernels/numba/_private.py"),
    "compat/modules.py",  # old names of modules, from its own table
}
OUTSIDE = ("benchmarks", "tests", "examples")  # built on minidl, unknown to it
INSIDE_NUMBA = "kernels/numba/_private.py"  # the one file that may use more of Numba than its public modules
PUBLIC_IN_NUMBA = ("numba", "numba.types", "numba.extending")
AT_HOME = {"numba": "kernels/numba/", "llvmlite": "kernels/numba/", "cupy": "kernels/cuda/"}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def room_of(path: str) -> str:
    """``layers/dense.py`` and ``layers/__init__.py`` are in layers, ``errors.py`` in errors."""
    return "doctor" if path == "utils/doctor.py" else path.partition("/")[0].removesuffix(".py")


def imports(tree: ast.AST, path: str) -> Iterator[tuple[str, bool, int]]:
    """(full name of what is imported, whether inside a function, line); imports for type checkers alone do not count."""

    def walk(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool, int]]:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, inside, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports in minidl are absolute"
            folder = PACKAGE.parent / str(node.module).replace(".", "/")
            for alias in node.names:  # from minidl.backend import gpu: a module; import op: a name
                is_module = (folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()
                yield (f"{node.module}.{alias.name}" if is_module else str(node.module)), inside, node.lineno
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr):  # no import stands in one
                yield from walk(child, inside)

    return walk(tree, False)


def faults_of(path: str, source: str) -> list[str]:
    """Everything in one file that breaks the law."""
    faults, tree, here = [], ast.parse(source), room_of(path)
    if here not in FLOORS:
        return [f"{path}: the room {here} is on no floor; put it into FLOORS"]
    for name, inside, line in imports(tree, path):
        place = f"{path}:{line}: {name}"
        first, _, rest = name.partition(".")
        room = "doctor" if rest.startswith("utils.doctor") else rest.partition(".")[0] or "__init__"
        if first == "minidl":
            if room not in FLOORS:
                faults.append(f"{place}: the room {room} is on no floor")
            elif room != here and FLOORS[room] >= FLOORS[here]:
                faults.append(f"{place}: {here} (floor {FLOORS[here]}) imports {room} (floor {FLOORS[room]})")
            elif room == "kernels" and here != "kernels":
                faults.append(f"{place}: kernels are found by name, never imported")
            if inside and (path, name) not in LAZY and here not in FREE:
                faults.append(f"{place}: an import inside a function")
        elif inside and (path, name) not in LAZY and here not in (*FREE, "kernels"):
            faults.append(f"{place}: an import inside a function")
        if first in OUTSIDE:
            faults.append(f"{place}: minidl knows nothing that is built on it")
        if first in AT_HOME and not path.startswith(AT_HOME[first]):
            faults.append(f"{place}: only {AT_HOME[first]} knows {first}")
        if first == "numba" and name not in PUBLIC_IN_NUMBA and path != INSIDE_NUMBA:
            faults.append(f"{place}: only {INSIDE_NUMBA} knows what is inside Numba")
        if here in ARITHMETIC_ONLY and first != "minidl" and first not in sys.stdlib_module_names:
            faults.append(f"{place}: {here} imports no other library")
    nodes = list(ast.walk(tree))
    names = [(getattr(n.value, "id", ""), n.attr) for n in nodes if isinstance(n, ast.Attribute)]
    if path != INSIDE_NUMBA and {("numba", "core"), ("numba", "np")} & set(names):
        faults.append(f"{path}: only {INSIDE_NUMBA} knows what is inside Numba")
    called = {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes}
    if called & {"import_module", "__import__"} and path not in BY_NAME and here not in FREE:
        faults.append(f"{path}: importing by name is a way around the law")
    return faults


@pytest.mark.more
def test_imports_come_from_lower_floors() -> None:
    assert not [fault for path in FILES for fault in faults_of(path, (PACKAGE / path).read_text())]


@pytest.mark.parametrize(
    "path, line",
    [
        ("backend/cpu.py", "from minidl.ops import linear"),
        ("backend/cpu.py", "from minidl import layers"),
        ("backend/cpu.py", "import minidl.models.base"),
        ("backend/cpu.py", "import minidl"),
        ("ops/linear.py", "from minidl.kernels.numba import linear"),
        ("layers/dense.py", "from minidl.losses import Loss"),
        ("losses/base.py", "from minidl.metrics.base import Metric"),
        ("callbacks/base.py", "from minidl.training import loop"),
        ("models/base.py", "from minidl.testing import check_gradients"),
        ("models/base.py", "from minidl.utils.doctor import examine"),
        ("models/base.py", "from minidl.kernels.numba import linear"),
        ("layers/dense.py", "def f():\n    from minidl.ops import linear"),
        ("layers/dense.py", "def f():\n    import urllib.request"),
        ("layers/dense.py", "import importlib\nmodels = importlib.import_module('minidl.models')"),
        ("layers/dense.py", "from importlib import import_module\nmodels = import_module('minidl.models')"),
        ("layers/dense.py", "layers = __import__('minidl.models')"),
        ("layers/dense.py", "import numba"),
        ("kernels/numba/linear.py", "from numba.core import cgutils"),
        ("kernels/numba/linear.py", "import numba.np.arrayobj"),
        ("kernels/numba/linear.py", "def f():\n    from numba.np.ufunc.parallel import _launch_threads"),
        ("kernels/numba/linear.py", "import numba\nerror = numba.core.errors.TypingError"),
        ("ops/linear.py", "import cupy"),
        ("config.py", "import numpy"),
        ("models/base.py", "from benchmarks.harness import measure"),
        ("testing/gradients.py", "from tests.cases.ops import CASES"),
        ("attic/old.py", "import math"),
    ],
)
def test_a_breach_is_noticed(path: str, line: str) -> None:
    assert faults_of(path, line)


def test_lawful_imports_are_not_breaches() -> None:
    source = "import math\nimport numpy as np\nfrom minidl import config\nfrom minidl.backend import op\n"
    assert not faults_of("layers/dense.py", source + "from minidl.ops import linear")
    assert not faults_of("backend/__init__.py", "def f():\n    from minidl.backend import gpu")
    assert not faults_of("kernels/numba/linear.py", "import numba\nfrom minidl.kernels.numba._jit import compiled")
    assert not faults_of("kernels/numba/_private.py", "from numba.core import cgutils\nimport numba\nnumba.core.event")
    assert not faults_of("kernels/numba/linear.py", "from numba import types\nfrom numba.extending import intrinsic")
    assert not faults_of("metrics/base.py", "from minidl.losses import Loss")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("what", ["minidl", "minidl.models, minidl.layers, minidl.optimizers, minidl.datasets, minidl.utils"])
def test_importing_loads_no_accelerator(what: str) -> None:
    code = f"import sys, {what}; print([name for name in ('numba', 'llvmlite', 'cupy', 'matplotlib') if name in sys.modules])"
    assert run(code).strip() == "[]"


def test_import_minidl_takes_no_time_beside_numpy() -> None:
    code = "import numpy, time; start = time.perf_counter(); import minidl; print(time.perf_counter() - start)"
    assert min(float(run(code)) for _ in range(4)) < 0.1


def test_every_public_name_can_be_loaded() -> None:
    code = "import minidl; print([name for name in minidl.__all__ if getattr(minidl, name, None) is None])"
    assert run(code).strip() == "[]"


# What the references may use of their array library: names that NumPy and CuPy both have, with one meaning.
SHARED_WITH_CUPY = {
    "abs", "add", "arange", "argmax", "argsort", "asarray", "ascontiguousarray", "broadcast_to", "clip", "concatenate",
    "copyto", "empty", "empty_like", "exp", "expm1", "finfo", "float32", "float64", "floor", "frexp", "full", "full_like",
    "inf", "isfinite", "isnan", "log", "log1p", "matmul", "maximum", "mean", "minimum", "moveaxis", "multiply", "nan",
    "ones", "ones_like", "pad", "sign", "sqrt", "square", "stack", "sum", "swapaxes", "take", "tanh", "tensordot",
    "transpose", "unique", "where", "zeros", "zeros_like",
}  # fmt: skip


def names_of_the_array_library() -> dict[str, str]:
    """Name -> a place in minidl/ops that takes it from ``xp`` or from ``array_namespace(x)``."""
    found = {}
    for path in sorted((PACKAGE / "ops").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                library = node.value.func if isinstance(node.value, ast.Call) else node.value
                if isinstance(library, ast.Name) and library.id in ("xp", "array_namespace"):
                    found[node.attr] = f"{path.name}:{node.lineno}"
    return found


def test_definitions_speak_the_common_language_of_numpy_and_cupy() -> None:
    used = names_of_the_array_library()
    assert {"exp", "where", "zeros", "pad"} <= set(used)  # the search does find them
    strangers = {name: place for name, place in used.items() if name not in SHARED_WITH_CUPY}
    assert not strangers, "check that CuPy has the name, then put it into SHARED_WITH_CUPY"


def test_cupy_has_every_name_the_definitions_use() -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    assert not [name for name in SHARED_WITH_CUPY if not hasattr(cupy, name)]


def test_type_checkers_see_every_lazy_name() -> None:
    """They cannot run ``__getattr__``: each name stands in an import for them alone, from where it really is."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, "without `as`, checkers take an import for private"
            seen[alias.name] = f"{node.module}.{alias.name}"
    expected = {name: f"minidl.{name}" for name in minidl._MODULES}
    expected |= {name: f"minidl.{module}.{name}" for name, module in minidl._NAMES.items()}
    assert seen == expected
    hidden = [node.name for node in block.orelse if isinstance(node, ast.FunctionDef)]
    assert hidden == ["__getattr__"], "seen by a checker, it would make every misspelt name a right one of type Any"


def test_a_misspelt_name_brings_a_suggestion() -> None:
    with pytest.raises(AttributeError, match=r"module 'minidl' has no attribute 'Sequntial'\. Did you mean 'Sequential'\?"):
        minidl.Sequntial  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'nothing_like_it'$"):
        minidl.nothing_like_it  # noqa: B018
