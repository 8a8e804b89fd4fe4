"""The doctor: says what there is, in words and for programs, and does not fail where something is missing or broken."""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.__main__ import main
from minidl.backend import blas
from minidl.utils import doctor
from minidl.utils.doctor import Finding, as_json, as_text, conclusion, examine

ROOT = Path(minidl.__file__).parents[1]


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """No variable of this machine matters, and the caches are in a folder of their own."""
    for name in doctor.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path / "home"))


needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is missing here, as the doctor says")


def value(name, findings=None):
    return {f.name: f.value for f in findings or examine()}[name]


def finding(name):
    return next(f for f in examine() if f.name == name)


def run(*arguments, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-W", "error", "-m", "minidl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_every_section_speaks_and_none_fails():
    findings = examine()
    sections = ["Versions", "Device", "Processor", "Threads", "Caches", "Data sets"]
    assert list(dict.fromkeys(f.section for f in findings)) == sections
    assert not [f for f in findings if f.name == "problem"]
    assert value("numpy", findings) == np.__version__
    assert value("minidl", findings) == f"{minidl.__version__}, in {Path(minidl.__file__).parent}"
    assert value("in use", findings) == minidl.backend.current().device
    assert all(f.value for f in findings)


@pytest.mark.more
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="of x86")
def test_it_says_for_which_processor_kernels_are_made():
    pytest.importorskip("numba")
    old = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2", "NUMBA_DISABLE_JIT": "0"}
    assert "compiled for      x86-64, 16 vectors of 16 bytes\n" in run("doctor", **old).stdout


def test_text():
    text = as_text(
        [
            Finding("Versions", "numpy", "2.0"),
            Finding("Versions", "torch", "missing", "pip install torch"),
            Finding("Caches", "data", "full", "buy a disk", True),
            Finding("Caches", "kernels", "full", "buy a disk", True),
        ]
    )
    assert text == (
        "Versions\n  numpy    2.0\n  torch    missing -> pip install torch\n\n"
        "Caches\n  data     full -> buy a disk\n  kernels  full -> buy a disk\n\nTo do: buy a disk"
    )


def test_last_line():
    fine, wish = Finding("A", "a", "1"), Finding("A", "b", "missing", "get b")
    assert conclusion([fine]) == "All fine."
    assert conclusion([fine, wish]) == "All fine. What is missing (1) is optional; the arrows say how to get it."
    assert conclusion([wish, Finding("A", "c", "broken", serious=True)]) == "To do: A: broken"


def test_json():
    read = json.loads(as_json([Finding("A", "a", "1", "do", True)]))
    expected = {"section": "A", "name": "a", "value": "1", "advice": "do", "serious": True}
    assert read == {"findings": [expected], "conclusion": "To do: do"}


@pytest.mark.parametrize("name", ["numba", "safetensors"])
def test_a_missing_requirement_is_serious(monkeypatch, name):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda n: None if n == name else real(n))
    found = finding(name)
    assert found.value == "missing"
    assert found.serious
    assert doctor.REQUIRED[name] in conclusion(examine())
    if name == "numba":
        assert "without Numba" in value("kernels")


@needs_numba
def test_what_is_optional_is_no_reason_to_worry(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda n: "1.0" if n in doctor.REQUIRED else None)
    found = finding("matplotlib")
    assert (found.value, found.advice) == ("missing (for the examples' plots)", 'pip install "minidl[plot]"')
    assert not found.serious
    assert conclusion(examine()).startswith("All fine.")


@needs_numba
def test_a_library_that_does_not_load_is_serious(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)  # importing it raises ImportError
    found = finding("numba")
    assert "cannot be imported" in found.value
    assert found.serious


def test_the_gpu(monkeypatch):
    from minidl.backend import gpu

    monkeypatch.setattr(gpu, "missing", lambda: ("no driver", "get a driver"))
    found = finding("GPU")
    assert (found.value, found.advice, found.serious) == ("cannot be used: no driver", "get a driver", False)
    monkeypatch.setattr(gpu, "missing", lambda: None)
    assert value("GPU").startswith("can be used")

    def broken():
        raise RuntimeError("libcuda.so:\nno such file")

    monkeypatch.setattr(gpu, "missing", broken)
    found = finding("problem")
    assert (found.section, found.value, found.serious) == ("Device", "RuntimeError: libcuda.so: no such file", True)
    assert value("BLAS")  # the others go on


def test_kernels(monkeypatch):
    with minidl.config.use_kernels("reference"):
        assert value("kernels").startswith("reference")
    pytest.importorskip("numba", reason="numba is not installed")
    assert finding("kernels").value.startswith("auto: compiled")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert finding("kernels").serious


@needs_numba
def test_threads(monkeypatch):
    team, of_blas = minidl.config.team(), blas.threads()
    with minidl.use_threads(1):
        assert value("kernels' threads").startswith(f"1 of {team} in use, threading layer ")
        assert value("BLAS threads") in ("1", "unknown, and minidl.set_threads cannot tell it")
    assert value("kernels' threads").startswith(f"{minidl.get_threads()} of {team} in use")
    monkeypatch.setattr(blas, "threads", lambda: None)
    assert "OPENBLAS_NUM_THREADS, OMP_NUM_THREADS" in finding("BLAS threads").advice
    monkeypatch.setattr(blas, "threads", lambda: 7)
    assert value("BLAS threads") == "7"
    with minidl.config.use_kernels("reference"):
        assert "the references run on one" in value("kernels' threads")
    monkeypatch.undo()
    assert blas.threads() == of_blas


@pytest.mark.more
@needs_numba
def test_the_threading_layer():
    for variable, setting, layer in (("NUMBA_THREADING_LAYER", "workqueue", "workqueue"), ("NUMBA_DISABLE_JIT", "1", "none")):
        found = json.loads(run("doctor", "--json", **{variable: setting}).stdout)["findings"]
        assert next(f["value"] for f in found if f["name"] == "kernels' threads").endswith(f"threading layer {layer}")


def test_variables(monkeypatch):
    monkeypatch.delenv("MINIDL_HOME")
    assert value("variables") == "none set that matters"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert value("variables") == "OMP_NUM_THREADS=3"


def test_caches(tmp_path):
    assert value("data cache") == f"{tmp_path / 'home' / 'datasets'}, can be made"
    (tmp_path / "home" / "datasets").mkdir(parents=True)
    assert value("data cache") == f"{tmp_path / 'home' / 'datasets'}, writable"


def test_caches_where_nothing_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file")
    found = finding("data cache")
    assert "is no folder" in found.value
    assert "MINIDL_HOME" in found.advice
    assert found.serious
    assert "is no folder" in finding("kernel cache").value
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path))
    assert f"{tmp_path} cannot be written" in value("data cache")
    assert os.listdir(tmp_path) == ["home"]  # it only looked


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
def test_a_kernel_cache_that_others_can_write_to(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o777)
    found = finding("kernel cache")
    assert f"{tmp_path / 'home'} can be written by others" in found.value
    assert found.serious
    assert not finding("data cache").serious  # whose files are known by their SHA-256


def test_data(tmp_path, monkeypatch):
    assert "MINIDL_DATA is not set" in value("MNIST")
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    assert f"MINIDL_DATA={tmp_path} holds no complete mnist/" in value("MNIST")
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", x_train=np.zeros(1))
    assert value("MNIST") == str(tmp_path / "mnist")


def test_command_line(capsys):
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == as_text(examine()) + "\n"
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["conclusion"] == conclusion(examine())
    for wrong in ([], ["nurse"], ["doctor", "--quick"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2
        assert "usage: python -m minidl" in capsys.readouterr().err


@needs_numba
def test_in_a_process_of_its_own(tmp_path):
    ran = run("doctor", MINIDL_HOME=str(tmp_path))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Versions\n")
    assert ran.stdout.splitlines()[-1].startswith("All fine.")
    assert not os.listdir(tmp_path)


@pytest.mark.more
@needs_numba
def test_what_is_known_of_sizes_is_told(tmp_path):
    measured = {"MINIDL_HOME": str(tmp_path), "MINIDL_TUNING": "measured"}
    assert "sizes of work     measured at first use; nothing is known yet" in run("doctor", **measured).stdout
    program = "from minidl.kernels.numba._tuning import CHOICES, Choice\n"
    program += "CHOICES._known().update(a=Choice(0, 1.0, 1.0), b=Choice(2, 1.0, 0.5))\nCHOICES._keep()"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **measured}, check=True, timeout=120)
    told = run("doctor", **measured).stdout
    assert "sizes of work     measured at first use; 2 are known, in 1 another than the table's is quicker" in told
    fixed = {**measured, "MINIDL_TUNING": "fixed"}
    assert "sizes of work     fixed: from a table (MINIDL_TUNING)" in run("doctor", **fixed).stdout


@pytest.mark.more
@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    "environment, words",
    [
        ({"MINIDL_KERNELS": "fastest"}, "'fastest'"),
        ({"MINIDL_CONVOLUTION": "winograd"}, "'winograd'"),
        ({"MINIDL_TUNING": "by-ear"}, "'by-ear'"),
        ({"MINIDL_BACKEND": "abacus"}, "'abacus'"),
        ({"MINIDL_DATA": "\udcff"}, "MINIDL_DATA"),
    ],
)
def test_settings_that_stop_everything_else_do_not_stop_the_doctor(environment, words):
    ran = run("doctor", "--json", **environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    read = json.loads(ran.stdout)
    assert words in ran.stdout
    assert "Processor" in {f["section"] for f in read["findings"]}
    assert run("doctor", PYTHONIOENCODING="ascii", **environment).stderr == ""


def test_without_numba_and_the_rest(tmp_path):
    """As on a machine that has NumPy only: everything else is hidden, and nothing but the answer changes."""
    hide = "import sys\nfor n in ('numba', 'llvmlite', 'safetensors', 'cupy', 'matplotlib', 'torch'):\n"
    hide += "    sys.modules[n] = None\nimport importlib.metadata as m\nreal = m.version\n"
    hide += "def version(n):\n    if n != 'numpy': raise m.PackageNotFoundError(n)\n    return real(n)\nm.version = version\n"
    hide += "from minidl.__main__ import main\nmain(['doctor'])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, env=environment, timeout=120)
    assert ran.stderr == ""
    assert "problem" not in ran.stdout
    assert ran.stdout.splitlines()[-1] == 'To do: pip install "numba>=0.61,<0.69"; pip install safetensors'
