"""A script runs as ``python script.py`` runs it; only its Keras is minidl's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.compat import python2, runner
from minidl.compat.modules import FOR_CHILDREN
from minidl.compat.notebooks import without_magic
from minidl.compat.runner import GREETING, HELP, explain, own_frames, program_of
from minidl.compat.spelling import Notices, OldSpellingWarning
from minidl.errors import MinidlError
from tests.cases.old_scripts import run_script, run_text

ROOT = Path(__file__).parents[2]


def process(*arguments: str, cwd: Path, through: bool = True, text: str = "", **environment: str) -> Any:
    """A process: ``python ...`` or ``python -m minidl run ...``."""
    start = [sys.executable, *(["-m", "minidl", "run"] if through else [])]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    env.pop("PYTHONUNBUFFERED", None)
    return subprocess.run([*start, *arguments], cwd=cwd, env=env, capture_output=True, text=True, input=text, timeout=100)


def write(folder: Path, text: str, name: str = "script.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


# -- as with python ----------------------------------------------------------------------------------------------------

WHO_AM_I = """
    import sys, os, __main__
    print([__name__, __file__, sys.argv, sys.path[0], os.getcwd(), __package__, __spec__ is None, __doc__])
    print(sys.modules["__main__"] is __main__, __main__.__dict__ is globals(), "__builtins__" in globals())
    print(sorted(k for k in globals() if k.startswith("__")))
    sys.stderr.write(sys.stdin.readline())
    import helper
    class Mine: pass
    import pickle
    print(type(pickle.loads(pickle.dumps(Mine()))) is Mine, helper.value)
    def deep(): raise KeyError("gone")
    deep()
"""


def test_what_a_script_sees_of_itself_and_of_its_failure_is_as_with_python(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    write(tmp_path / "there", WHO_AM_I)
    write(tmp_path / "there", "value = 7", "helper.py")
    given = ("there/script.py", "-m", "--quiet", "a b")
    ours = process(*given, cwd=tmp_path, text="hello\n")
    pythons = process(*given, cwd=tmp_path, text="hello\n", through=False)
    assert ours.stdout == pythons.stdout
    assert "True 7" in ours.stdout
    assert pythons.returncode == ours.returncode == 1
    assert ours.stderr == pythons.stderr  # no keras: no greeting; the traceback line by line


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "import sys; sys.exit()",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('no more')",
        "import sys; sys.exit([1])",
        "raise SystemExit(0)",
        "import os; os._exit(4)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(3)",
        "x = (",
        "if True:\n\tx = 1\n        y = 2\n",
        "import sys; sys.excepthook = lambda *a: print('mine', len(a), a[2].tb_frame.f_code.co_filename)\n1/0",
        "import atexit; atexit.register(print, 'at exit'); raise ValueError('x')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()",
        "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('b') from e",
        "import numpy as np\nassert np.zeros(3).sum() == 1, 'sum'",
    ],
)
@pytest.mark.parametrize("how", ["file", "text", "module"])
def test_how_it_ends(text: str, how: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    given = {"file": ["script.py"], "text": ["-c", text], "module": ["-m", "script"]}[how]
    ours, pythons = process(*given, cwd=tmp_path), process(*given, cwd=tmp_path, through=False)
    plain = [line for line in pythons.stderr.splitlines(keepends=True) if "<frozen runpy>" not in line]
    if "excepthook" in text and how == "module":
        pythons.stdout = f"mine 3 {tmp_path / 'script.py'}\n"  # not <frozen runpy>
    assert ours.returncode == pythons.returncode
    assert ours.stdout == pythons.stdout
    if how != "module" or "Traceback" in ours.stderr:
        assert ours.stderr == "".join(plain)


def test_an_interrupt_ends_the_process_by_the_signal(tmp_path: Path) -> None:
    path = write(tmp_path, "import time, sys\nprint('ready', flush=True)\ntime.sleep(20)\n")
    command = [sys.executable, "-m", "minidl", "run", str(path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == -signal.SIGINT
    assert said.endswith("KeyboardInterrupt\n")
    assert "runner" not in said


def test_all_ways_to_name_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write(tmp_path, "import sys\nfound = __name__, sys.argv, __package__\n")
    (tmp_path / "package").mkdir()
    write(tmp_path / "package", "")
    write(tmp_path / "package", "from . import other\nimport sys\nfound = __name__, sys.argv, __package__", "__main__.py")
    write(tmp_path / "package", "", "other.py")
    write(tmp_path / "package", "", "__init__.py")
    program = program_of(["script.py", "1"])
    assert (program.argv, program.folder, program.names["__file__"]) == (["script.py", "1"], str(tmp_path), str(path))
    assert run_script("script.py", ["1"])["found"] == ("__main__", ["script.py", "1"], None)
    (tmp_path / "link.py").symlink_to(path)
    os.makedirs("else/where")
    (tmp_path / "else" / "link.py").symlink_to(path)
    assert program_of(["else/link.py"]).folder == str(tmp_path)  # where it really is, as python does
    module = program_of(["-m", "package", "x"])
    assert module.argv == [str(tmp_path / "package" / "__main__.py"), "x"]
    assert module.names["__package__"] == "package"
    assert module.names["__spec__"].name == "package.__main__"
    text = program_of(["-c", "pass", "-v"])
    assert (text.argv, text.folder, text.parts[0].file) == (["-c", "-v"], "", "<string>")
    folder = program_of(["package"])
    assert folder.folder == str(tmp_path / "package")
    assert folder.argv == ["package"]
    for nothing in (["-m", "no_such_module"], ["no.py"], ["-m"], ["-c"], ["--quick"], ["else"]):
        with pytest.raises(MinidlError, match="expected"):
            program_of(nothing)
    with pytest.raises(MinidlError, match="Did you mean '--quiet'"):
        program_of(["--quite", "script.py"])


def test_help_and_misuse(capsys: pytest.CaptureFixture) -> None:
    assert runner.main(["--help"]) == 0
    assert capsys.readouterr().out == HELP
    assert runner.main([]) == 2
    assert capsys.readouterr().err == HELP
    assert runner.main(["no.py"]) == 2
    assert "no.py: No such file" in capsys.readouterr().err
    assert runner.main(["-m", "no_such_module"]) == 1


@pytest.mark.parametrize(
    "source",
    [
        b"# -*- coding: latin-1 -*-\nword = 'M\xfcller'\n",
        b"\xef\xbb\xbfword = 'M\xc3\xbcller'\n",
        "word = 'Müller'\r\nif word:\r\n\tpass\r\n".encode(),
        b"# vim: set fileencoding=cp1252 :\nword = 'M\xfcller'",
        b"word = '''M\xc3\xbcller'''[:6]\n\x0c\n",
    ],
)
def test_encodings_and_line_ends(source: bytes, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_bytes(source)
    assert run_script(path, greeting="")["word"] == "Müller"


def test_the_runners_own_future_imports_are_not_the_scripts() -> None:
    assert run_text("def f(x: 1 + 1): pass\nfound = f.__annotations__")["found"] == {"x": 2}


def test_what_is_printed_comes_at_once_with_u(tmp_path: Path) -> None:
    path = write(tmp_path, "import os\nprint('seen', end='')\nos._exit(0)\n")
    assert process("-u", str(path), cwd=tmp_path).stdout == "seen"
    assert process(str(path), cwd=tmp_path).stdout == ""


def test_a_program_from_standard_input(tmp_path: Path) -> None:
    done = process("-", "7", cwd=tmp_path, text="import sys\nprint(sys.argv, repr(sys.path[0]))\n1/0\n")
    assert done.stdout == "['-', '7'] ''\n"
    assert done.stderr.splitlines()[1] == '  File "<stdin>", line 3, in <module>'


# -- Keras -------------------------------------------------------------------------------------------------------------


def test_the_greeting_and_the_notices(capsys: pytest.CaptureFixture) -> None:
    text = """
import numpy
from keras.models import Sequential
import keras
from keras.layers import Dense
for width in 2, 3:
    Dense(output_dim=width)
Dense(output_dim=2)
Dense(2)
"""
    run_text(text, greeting=GREETING)
    assert capsys.readouterr().err.splitlines() == [
        "Using minidl backend.",
        "old.py:7: Dense(output_dim=2) is written Dense(2) in minidl",  # one for a line
        "old.py:8: Dense(output_dim=2) is written Dense(2) in minidl",
    ]
    run_text(text, quiet=True)
    run_text("import warnings\nwarnings.filterwarnings('ignore')\n" + text)
    run_text("import numpy", greeting=GREETING)
    assert capsys.readouterr().err == ""


@pytest.mark.more
def test_quiet_says_nothing_at_all_and_variables_of_keras_change_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "import keras\nfrom keras.layers import Dense\nDense(output_dim=1)\nprint(keras.__version__)")
    loud = process(str(path), cwd=tmp_path, KERAS_BACKEND="theano")
    assert loud.stderr.splitlines() == [GREETING, "script.py:3: Dense(output_dim=1) is written Dense(1) in minidl"]
    assert loud.stdout == "2.1.1\n"
    assert loud.returncode == 0
    quiet = process("--quiet", str(path), cwd=tmp_path, KERAS_BACKEND="theano")
    assert (quiet.stderr, quiet.stdout) == ("", "2.1.1\n")


def test_notices_name_files_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    stream = io.StringIO()
    monkeypatch.chdir(tmp_path)
    notices = Notices()
    for file in (str(tmp_path / "a.py"), str(tmp_path.parent / "b.py"), "<string>"):
        notices.show("said", OldSpellingWarning, file, 3, stream)
    notices.show("other", UserWarning, "c.py", 4, stream, "line")
    assert stream.getvalue().splitlines() == [
        "a.py:3: said",
        f"{tmp_path.parent / 'b.py'}:3: said",
        "<string>:3: said",
        "c.py:4: UserWarning: other",
        "  line",
    ]


def loaded(code: str, *start: str, cwd: Path) -> set[str]:
    text = f"{code}\nimport sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, *start, "-c", text],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_starting_loads_little_more_than_the_same_program_in_minidl(tmp_path: Path) -> None:
    """0.3 s are some hundreds of modules; these are counted, as seconds depend on the machine."""
    program = (
        "from {0}.models import Sequential\nfrom {0}.layers import Dense\nmodel = Sequential([Dense(1, input_shape=(2,))])"
    )
    old = loaded(program.format("keras"), "-m", "minidl", "run", cwd=tmp_path)
    new = loaded(program.format("minidl"), cwd=tmp_path)
    more = sorted(old - new)
    foreign = {name.partition(".")[0] for name in more} - set(sys.stdlib_module_names) - {"minidl", "keras"}
    assert not foreign, "a script loads other libraries only by using them"
    heavy = {"multiprocessing", "urllib.request", "http.client", "asyncio", "unittest", "sqlite3", "ssl", "tkinter", "xml.dom"}
    assert not heavy & set(more)
    of_minidl = {name for name in more if name.startswith("minidl.") and not name.startswith("minidl.compat")}
    assert len(set(more) - of_minidl) < 180, more  # minidl itself loads layers as they are used, old names stand beside all
    assert len(of_minidl) < 110, of_minidl


def test_without_a_display_matplotlib_draws_into_memory(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    text = """
        import matplotlib.pyplot as plt
        plt.plot([1, 2]); plt.show(); plt.savefig("plot.png"); plt.close("all")
        print(plt.get_backend().lower(), end="")
    """
    hidden = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = process(str(write(tmp_path, text)), cwd=tmp_path, MPLBACKEND="", **hidden)
    assert (done.stdout, done.stderr, done.returncode) == ("agg", "", 0)
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_a_backend_that_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    runner._choose_screen()
    assert os.environ.pop("MPLBACKEND") == "Agg"
    monkeypatch.setenv("MPLBACKEND", "svg")
    runner._choose_screen()
    assert os.environ.pop("MPLBACKEND") == "svg"
    monkeypatch.setenv("DISPLAY", ":0")
    runner._choose_screen()
    assert "MPLBACKEND" not in os.environ
    monkeypatch.delenv("DISPLAY")
    monkeypatch.setattr(sys, "platform", "darwin")
    runner._choose_screen()
    assert "MPLBACKEND" not in os.environ


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_that_a_script_starts_find_keras_too(method: str, tmp_path: Path) -> None:
    text = f"""
        import multiprocessing, sys
        from keras.models import Sequential
        from keras.layers import Dense
        def width(n):
            from keras.layers.core import Dense as Again
            import keras.layers
            model = Sequential()
            model.add(Dense(n, input_shape=(2,)))
            return model.count_params(), Again is Dense, "minidl" in sys.modules
        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                print(pool.map(width, [3, 4]))
            try:
                from joblib import Parallel, delayed
            except ImportError:
                sys.exit()
            print(Parallel(2)(delayed(width)(n) for n in (3, 4)))
    """
    done = process(str(write(tmp_path, text)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {"[(9, True, True), (12, True, True)]"}


def test_the_names_for_children_are_those_of_the_finder() -> None:
    from minidl.compat.modules import PLACES

    assert {path.stem for path in Path(FOR_CHILDREN).glob("*.py")} == {name.partition(".")[0] for name in PLACES}


# -- notebooks ---------------------------------------------------------------------------------------------------------


def notebook(folder: Path, *cells: str, old: bool = False) -> Path:
    kind = "input" if old else "source"
    made = [{"cell_type": "markdown", "source": ["# Title"]}]
    made += [{"cell_type": "code", kind: cell.splitlines(keepends=True)} for cell in cells]
    path = folder / "notes.ipynb"
    path.write_text(json.dumps({"worksheets": [{"cells": made}]} if old else {"cells": made}))
    return path


@pytest.mark.parametrize("old", [False, True])
def test_the_cells_of_a_notebook_run_in_order(old: bool, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = notebook(
        tmp_path,
        "%matplotlib inline\n!pip install keras\nfrom keras.layers import Dense\nimport sys\nx = 1",
        "%%time\ny = x + 1\n%time z = y + 1\nif z:\n    %cd elsewhere\nDense?\n?Dense",
        "%%bash\necho nothing\nls",
        "display(z)\ntotal = (x\n  % 2)",
        old=old,
    )
    space = run_script(path, greeting="")
    assert (space["y"], space["z"], space["total"], space["__name__"], space["__file__"]) == (2, 3, 1, "__main__", str(path))
    printed = capsys.readouterr()
    assert printed.out == "3\n"
    assert [line.partition("cell ")[2] for line in printed.err.splitlines()] == [
        "1:2: left out: !pip install keras",
        "2:5: left out: %cd elsewhere",
        "3:1: left out: %%bash",
    ]


def test_an_error_in_a_notebook_names_the_cell_and_shows_the_line(tmp_path: Path) -> None:
    import traceback

    path = notebook(tmp_path, "x = 0", "\n1 / x")
    with pytest.raises(ZeroDivisionError) as caught:
        run_script(path)
    assert traceback.extract_tb(caught.tb)[-1].line == "1 / x"
    assert traceback.extract_tb(caught.tb)[-1].filename == f"{path}, cell 2"
    with pytest.raises(SyntaxError) as wrong:
        run_script(notebook(tmp_path, "x = 0", "%%bash\nls", "x = = 2"))
    assert wrong.value.filename is not None
    assert wrong.value.filename.endswith("cell 3")


@pytest.mark.parametrize("text", ["", "[]", '{"cells": [{}]}', '{"cells": 3}', '{"nothing": 1}'])
def test_what_is_no_notebook(text: str, tmp_path: Path) -> None:
    (tmp_path / "notes.ipynb").write_text(text)
    with pytest.raises(MinidlError, match="expected a notebook"):
        run_script(tmp_path / "notes.ipynb")


def test_an_exported_notebook(capsys: pytest.CaptureFixture) -> None:
    text = """# coding: utf-8
# In[1]:
get_ipython().magic('matplotlib inline')
get_ipython().run_line_magic('load_ext', 'autoreload')
get_ipython().run_cell_magic('time', '', 'x = 3\\n')
get_ipython().magic('time y = x')
get_ipython().magic('timeit -n 1 -r 1 w = y')
get_ipython().system('pip install h5py')
get_ipython().magic('run other.py')
get_ipython().run_cell_magic('bash', '', 'ls')
found = get_ipython().getoutput('ls')
%matplotlib inline
# In[2]:
def inner():
    return get_ipython().user_ns is globals()
z = inner()
"""
    space = run_text(text)
    assert (space["x"], space["y"], space["w"], space["z"], space["found"]) == (3, 3, 3, True, [])
    assert capsys.readouterr().err.splitlines() == [
        "old.py:8: left out: !pip install h5py",
        "old.py:9: left out: %run other.py",
        "old.py:10: left out: %%bash",
        "old.py:11: left out: !ls",
    ]
    assert "get_ipython" not in run_text("x = 1")


def test_pylab_brings_its_names() -> None:
    pytest.importorskip("matplotlib")
    space = run_text("%pylab inline\nx = np.zeros(3)\ny = linspace(0, 1, 3)")
    assert len(space["x"]) == len(space["y"]) == 3


def test_only_jupyters_lines_are_taken_out() -> None:
    said: list[Any] = []
    assert without_magic("x = 1\n", 1, print) is None
    assert without_magic("x = 1\n", 2, print) is None
    assert without_magic("x = 1\n", 0, print) is None
    assert without_magic("%time\n", 1, lambda *a: said.append(a)) == "pass\n"
    with pytest.raises(SyntaxError):
        run_text("files = !ls\n")


def test_ipython_stands_in_only_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from minidl.compat import modules

    text = "from IPython.display import SVG, Image, display, clear_output\nimport IPython\nfound = IPython.__name__"
    real = modules.importlib.machinery.PathFinder.find_spec
    monkeypatch.setattr(
        modules.importlib.machinery.PathFinder,
        "find_spec",
        lambda name, *rest: None if name.startswith("IPython") else real(name, *rest),
    )
    assert run_text(text)["found"] == "minidl.compat.ipython"
    monkeypatch.setattr(modules.importlib.machinery.PathFinder, "find_spec", lambda *a, **k: "installed")
    assert modules.place_of("IPython.display") is None


SIX = """
import six
from six.moves import range, zip, map, xrange, input, cPickle, urllib, reduce
from six.moves.urllib.request import urlretrieve
from six.moves.urllib.parse import urlparse
import six.moves.urllib as again
@six.add_metaclass(type)
class Base(object):
    x = 3
class Derived(six.with_metaclass(type, Base)):
    pass
d = {'a': 1}
found = [list(six.iteritems(d)), list(six.itervalues(d)), list(six.iterkeys(d)), Derived.x, six.u('x'), six.b('x')]
kinds = isinstance('a', six.string_types), isinstance(3, six.integer_types), six.PY3, six.PY2, list(range(2)), urlparse('http://a').netloc
same = again is urllib and cPickle.loads(cPickle.dumps(3)) == 3 and reduce(lambda a, b: a + b, [1, 2]) == 3
try:
    six.reraise(ValueError, ValueError('again'))
except ValueError as error:
    raised = str(error)
"""


def test_six_stands_in_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from minidl.compat import modules

    real = modules.importlib.machinery.PathFinder.find_spec
    monkeypatch.setattr(
        modules.importlib.machinery.PathFinder,
        "find_spec",
        lambda name, *rest: None if name.startswith("six") else real(name, *rest),
    )
    space = run_text(SIX)
    assert space["six"].__name__ == "minidl.compat.six"
    assert space["found"] == [[("a", 1)], [1], ["a"], 3, "x", b"x"]
    assert space["kinds"] == (True, True, True, False, [0, 1], "a")
    assert (space["same"], space["raised"]) == (True, "again")


def test_matplotlib_draws_beside_the_stand_in_for_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks an IPython that is loaded for its version."""
    from minidl.compat import ipython

    assert ipython.version_info[:2] >= (8, 24)
    assert ipython.get_ipython() is None


# -- Python 2 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, today",
    [
        ('print "hello"', 'print("hello")'),
        ("print x, y", "print(x, y)"),
        ('print "a",', 'print("a", end=" ")'),
        ('print "%d" % 3  # comment', 'print("%d" % 3)'),
        ('print "a \\', "print(...)"),
        ("try: pass\nexcept ValueError, e: pass", "except ValueError as e:"),
        ("raise ValueError, 'wrong'", "raise ValueError('wrong')"),
        ("exec 'x = 1'", "exec('x = 1')"),
        ("x = 0777", "0o17"),
        ("x = 10L", "without the letter L"),
        ("x = ur'a'", "r'...'"),
        ("if 1 <> 2: pass", "a != b"),
        ("x = `3`", "repr(x)"),
        ("f = lambda (a, b): a", "a name for each argument"),
        ("def f(a, (b, c)): pass", "a name for each argument"),
        ("import sys\nprint >>sys.stderr, 'x'", "print(text, file=stream)"),
        ("x = [i for i in xrange(3)]", "range(...)"),
        ("for i in range(3):\n    y = unicode(i)", "str"),
        ("name = raw_input('name')", "input(...)"),
        ("if __name__ == '__main__':\n    print(reduce(max, [1]))", "functools.reduce"),
        ("import sys\nprint >>sys.stderr", "print(text, file=stream)"),
    ],
)
def test_python_2_is_explained_before_anything_runs(line: str, today: str, capsys: pytest.CaptureFixture) -> None:
    text = f"print('ran')\n{line}\n"
    with pytest.raises(SyntaxError) as caught:
        run_text(text)
    explain(caught.value)
    message = str(caught.value.msg)
    assert "Python 2; in Python 3" in message
    assert today in message
    assert caught.value.lineno is not None
    assert caught.value.lineno >= 2
    assert caught.value.text
    assert python2.WHOLE_FILE in caught.value.__notes__
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text, note",
    [
        ("def f():\n    return xrange(3)\nf()", "range(...)"),
        ("if 1:\n    unicode('a')", "str"),
        ("import cPickle", "import pickle"),
        ("import urllib2", "import urllib.request"),
        ("from itertools import izip", "zip(...)"),
        ("{}.iteritems()", "items()"),
        ("{}.has_key(1)", "key in dictionary"),
        ("iter([]).next()", "next(iterator)"),
        ("{1: 2}.keys()[0]", "list(...)[...]"),
        ("map(str, [1])[0]", "list(...)[...]"),
        ("len(zip([1], [2]))", "len(list(...))"),
        ("import random\nrandom.shuffle(range(3))", "list(range(...))"),
        ("range(10 / 2)", "a // b"),
        ("def f():\n    import sys\n    print >>sys.stderr, 'x'\nf()", "file=stream"),
        ("import keras.layers.nothing", "no such module"),
        ("from keras.layers import Dens", "Did you mean 'Dense'?"),
        ("from keras.layers import Xylophone", "no such name"),
    ],
)
def test_what_fails_on_the_way_is_explained_there(text: str, note: str) -> None:
    with pytest.raises(Exception) as caught:
        run_text(text)
    explain(caught.value)
    assert note in caught.value.__notes__[-1]


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    xrange\nexcept NameError:\n    xrange = range\nfor i in xrange(2): pass",
        "import sys\nif sys.version_info[0] < 3:\n    input = raw_input",
        "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle",
        "from functools import reduce\nx = reduce(max, [1, 2])",
        "def later():\n    return unicode('a')",
        "from math import *\nfile = 3\nx = file",
        "x = None and xrange(3)",
        "f = lambda: xrange(3)",
        "from __future__ import print_function, division\nprint ('a', 'b')",
        "class reload: pass\nreload()",
        "for long in [1]: print(long)",
    ],
)
def test_programs_for_both_pythons_run(text: str) -> None:
    run_text(text)


def test_other_errors_get_no_word() -> None:
    for error in (ValueError("x"), NameError("y", name="y"), TypeError("z"), ImportError("w"), SyntaxError("v")):
        explain(error)
        assert not hasattr(error, "__notes__")
    with pytest.raises(AttributeError) as caught:
        run_text("[].next()")
    explain(caught.value)
    assert not hasattr(caught.value, "__notes__")


def test_a_traceback_without_frames_of_the_script_is_none() -> None:
    assert own_frames(None) is None
    try:
        raise ValueError
    except ValueError as error:
        trace = error.__traceback__
    assert own_frames(trace) is trace


def test_the_main_module_is_kept_by_the_test_machinery() -> None:
    before = sys.modules["__main__"]
    run_text("x = 1")
    assert sys.modules["__main__"] is before
    assert isinstance(before, types.ModuleType)


# -- names that libraries have dropped since -----------------------------------------------------------------------------


def test_names_that_numpy_and_python_had(capsys: pytest.CaptureFixture) -> None:
    text = (
        "import time, numpy as np\nstart = time.clock()\na = np.array([1.5], dtype=np.int)\nb = np.product([2, 3]), np.NINF\n"
    )
    text += "c = np.asscalar(np.array([3.5])), np.zeros(1, np.object).dtype, hasattr(np, 'nonsense'), time.clock() >= start\n"
    space = run_text(text)
    assert space["a"].tolist() == [1]
    assert space["b"] == (6, -np.inf)
    assert space["c"] == (3.5, np.dtype(object), False, True)
    told = capsys.readouterr().err.splitlines()
    assert "old.py:3: np.int is written int with NumPy of today" in told
    assert "old.py:2: time.clock() is written time.perf_counter() with Python of today" in told
    assert not hasattr(np, "int")  # everything is as it was
    assert not hasattr(time, "clock")


def test_libraries_do_not_see_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "asks.py").write_text("import numpy\nhas = hasattr(numpy, 'float_')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    space = run_text("import asks\nimport numpy\nhas = asks.has, hasattr(numpy, 'float_')\n")
    assert space["has"] == (False, True)
    sys.modules.pop("asks")


OLD_SKLEARN = """
import numpy as np
from sklearn.cross_validation import train_test_split, KFold, StratifiedKFold, ShuffleSplit, cross_val_score
from sklearn.grid_search import GridSearchCV
from sklearn.linear_model import Ridge
x = np.arange(24.).reshape(12, 2)
y = np.arange(12) % 2
parts = [len(part) for part in train_test_split(x, y, test_size=0.25, random_state=1)]
folds = [sorted(y[test].tolist()) for train, test in StratifiedKFold(y, n_folds=3, shuffle=True, random_state=1)]
sizes = len(KFold(12, 4)), [len(test) for train, test in KFold(12, n_folds=4)], len(list(ShuffleSplit(12, n_iter=2)))
scores = cross_val_score(Ridge(), x, x.sum(1), cv=KFold(12, 3, shuffle=True, random_state=0))
grid = GridSearchCV(Ridge(), {'alpha': [0.1, 100.]}, cv=3).fit(x, x.sum(1))
best = max(grid.grid_scores_, key=lambda score: score.mean_validation_score)
params, mean, each = grid.grid_scores_[0]
"""


def test_modules_that_scikit_learn_had() -> None:
    pytest.importorskip("sklearn")
    space = run_text(OLD_SKLEARN)
    assert space["parts"] == [9, 3, 9, 3]
    assert space["folds"] == [[0, 0, 1, 1]] * 3
    assert space["sizes"] == (4, [3] * 4, 2)
    assert space["scores"].shape == (3,)
    assert space["best"].parameters == space["grid"].best_params_ == {"alpha": 0.1}
    assert (space["params"], len(space["each"])) == ({"alpha": 0.1}, 3)
    assert space["mean"] == pytest.approx(np.mean(space["each"]))


def test_copies_that_scikit_learn_makes_are_not_told(capsys: pytest.CaptureFixture) -> None:
    for filename in (os.path.join("x", "sklearn", "base.py"), os.path.join("x", "base.py")):
        Notices().show("old is written new", OldSpellingWarning, filename, 3)
    assert capsys.readouterr().err == f"{os.path.join('x', 'base.py')}:3: old is written new\n"
