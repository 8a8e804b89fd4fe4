"""Every program runs from end to end with --quick, without any other library; with PyTorch where it is installed."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks
from benchmarks import __main__ as everything
from benchmarks import harness, lectures, models, ops, options, report, store, to_99

ROOT = Path(__file__).parents[2]


def run(program, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-m", f"benchmarks.{program}", "--quick", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(path, *libraries):
    """The document says what it should, and nothing failed that was tried."""
    content = store.read(path)
    assert content["quick"] is True
    assert set(content["sides"]) == {"minidl", *libraries}
    for w in content["works"]:
        assert not w["failed"], w["name"]
        assert len(w["contenders"]["minidl"]["rounds"]) == 2
        assert w["verified"], f"{w['name']} was held to nothing"
        assert set(w["ratios"]) == set(libraries)
        assert all(r["median"] > 0 for r in w["ratios"].values())
    return content


@pytest.mark.more
@pytest.mark.parametrize(
    "program, pattern, count",
    [
        pytest.param("ops", "*relu*", 2, marks=pytest.mark.more),
        ("models", "*predict mlp b1*", 2),
        pytest.param("ops", "*", len(ops.WORKS), marks=pytest.mark.slow),
        pytest.param("models", "*", len(models.WORKS), marks=pytest.mark.slow),
        pytest.param("scaling", "*", 4, marks=pytest.mark.slow),
    ],
)
def test_without_any_other_library(tmp_path, program, pattern, count):
    path = tmp_path / "results.json"
    said = run(program, "--peers", "none", "--out", path, "--only", pattern)
    content = check(path)
    assert len(content["works"]) == count
    assert str(path) in said
    memory = [content["memory"]] if program == "models" and pattern == "*" else content.get("memory") or []
    for found in memory:
        assert not found["failed"]
        assert 2**20 < found["sides"]["minidl"]["import"] <= found["sides"]["minidl"]["peak"]
    if program == "ops":
        assert content["probes"]["flops"] > 0
        assert 1e-8 < content["probes"]["sharing_out"] < 1e-2  # seconds


@pytest.mark.slow
def test_a_cold_start_compiles_and_the_next_one_finds_the_kernels(tmp_path):
    path = tmp_path / "results.json"
    said = run("start", "--out", path)
    (found,) = store.read(path)["starts"]
    cold, kept = found["cold"][0], found["kept"][0]
    assert cold["first"] > 2 * kept["first"] > 0, "the second process compiled again, or the first did not"
    assert all(run["all"] > run["first"] > run["second"] > 0 for run in (cold, kept))
    assert "softmax b4" in said


@pytest.mark.slow
def test_seeds_are_trained_and_whole_runs_timed(tmp_path):
    path = tmp_path / "to_99.json"
    said = run("to_99", "--out", path)
    found = store.read(path)["to_99"]
    assert [one["seed"] for one in found["seeds"]] == [0, 1]
    assert len({one["accuracy"] for one in found["seeds"]}) == 2  # other seeds, other networks
    assert all(0 < one["accuracy"] < 1 and one["seconds"] > 0 for one in found["seeds"])
    (cold,), (kept,) = found["whole"]["cold"], found["whole"]["kept"]
    assert cold["compiling"] > 2 * kept["compiling"] > 0, "the second process compiled again, or the first did not"
    for whole in (cold, kept):
        assert whole["all"] > sum(whole[part] for part in ("loading", "compiling", "training", "testing"))
    assert "99 % is not reached" in said  # by 8 steps


def test_the_table_of_to_99_says_what_was_reached():
    runs = [{"all": seconds} for seconds in (4.0, 6.0, 7.0)]
    seeds = [{"seed": n, "seconds": seconds, "accuracy": a} for n, (seconds, a) in enumerate([(1.0, 0.989), (6.0, 0.99)])]
    found = {"data": "MNIST", "seeds": seeds, "whole": {"kept": runs, "cold": [{"all": 21.0}]}}
    rows = to_99.rows_of(found)
    assert [row[1:] for row in rows[1:]] == [
        ["3.50", "1.00", "6.00", "5", "2", "must"],
        ["6.00", "4.00", "7.00", "8", "5", "must"],
        ["21.00", "21.00", "21.00", "20", "12", "no"],
    ]
    assert to_99.says(found).endswith("(deviation 0.071, least 98.90): 99 % is not reached.")
    document = {"name": "to_99", "quick": False, "works": [], "sides": {}, "date": "", "commit": None, "to_99": found}
    section = report.section({**document, "machine": {"cpu": "A", "cores": 2, "vector_bits": 256, "system": ""}})
    assert section.startswith("### MNIST to 99 %: A\n")
    assert "| training | 3.50 | 1.00 | 6.00 | 5 | 2 | must |" in section
    assert "99 % is not reached." in section


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--rounds", "0"], ["--seeds", "many"]])
def test_numbers_of_seeds_that_make_no_sense(wrong, capsys):
    with pytest.raises(SystemExit):
        to_99.main(wrong)
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.peer
@pytest.mark.parametrize("program, count", [("ops", len(ops.WORKS)), ("models", len(models.WORKS))])
def test_beside_pytorch(tmp_path, program, count):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    run(program, "--peers", "pytorch", "--out", tmp_path / "results.json", "--chart", "--only", "*")
    content = check(tmp_path / "results.json", "PyTorch")
    assert len(content["works"]) == count
    assert (tmp_path / "results.png").read_bytes()[:4] == b"\x89PNG"
    if program == "models":
        assert content["memory"]["ratio"] > 0


@pytest.mark.peer
@pytest.mark.parametrize(
    "library, module, pattern, count",
    [
        ("JAX", "jax", "train *b128", 4),
        ("JAX", "jax", "*-*-* b*", 2),
        ("JAX", "jax", "predict *", 5),
        pytest.param("Keras", "keras jax", "fit*", 4, marks=pytest.mark.slow),
        ("scikit-learn", "sklearn", "*mlp b1*", 5),
        ("ONNX Runtime", "onnxruntime", "predict*", 11),
        ("OpenVINO", "openvino", "predict*", 11),
    ],
)
def test_beside_other_libraries(tmp_path, library, module, pattern, count):
    if not all(map(importlib.util.find_spec, module.split())):
        pytest.skip(f"{library} is not installed")
    run("models", "--peers", library, "--out", tmp_path / "results.json", "--only", pattern)
    assert len(check(tmp_path / "results.json", library)["works"]) == count


def test_kernels():
    said = run("twins", "--only", "*.relu*")
    assert "activation.relu_grad: medium" in said
    assert "tanh" not in said


@pytest.mark.slow
def test_lectures_are_kept_one_by_one(tmp_path):
    path = tmp_path / "lectures.json"
    run("lectures", "--out", path, "--only", "R6")
    first = store.read(path)["results"]
    said = run("lectures", "--out", path, "--only", "R6,R8")
    both = store.read(path)["results"]
    assert list(both) == ["R6", "R8"]
    assert both["R6"] == first["R6"]  # kept
    assert "R6:" not in said
    run("lectures", "--out", path, "--only", "R6", "--again")
    again = store.read(path)["results"]["R6"]
    assert again["date"] >= first["R6"]["date"]
    assert again["history"] == first["R6"]["history"]  # the same seed, the same training
    assert again["seconds_per_epoch"] != first["R6"]["seconds_per_epoch"]
    page = path.with_suffix(".md").read_text()
    assert page.count("not run yet") == len(lectures.LECTURES) - 2
    assert "R8: 2 epochs, the built-in digits, 256 images" in page


def test_the_page_of_the_lectures_is_what_the_program_writes():
    results = [store.read(p)["results"] for p in store.RESULTS.glob("lectures-*.json") if not p.stem.endswith("-quick")]
    assert lectures.PAGE.read_text() in [lectures.page(r) for r in [*results, {}]]


def test_a_pattern_and_peers(capsys):
    parse = options.parser(None).parse_args
    assert list(options.sides(parse(["--peers", "jax"]))) == ["minidl", "JAX"]
    assert list(options.sides(parse(["--peers", "none"]))) == ["minidl"]
    with pytest.raises(SystemExit):
        options.sides(parse(["--peers", "tensorflow"]))
    with pytest.raises(SystemExit):
        parse(["--rounds", "3"])
    assert "too little" in capsys.readouterr().err


def test_one_command_passes_its_options_on(monkeypatch, capsys):
    called = {}
    for name in everything.PROGRAMS:
        module = importlib.import_module(f"benchmarks.{name}")
        monkeypatch.setattr(module, "main", lambda argv, name=name: called.setdefault(name, argv) and 0)
    everything.main(["--quick", "--only", "cnn", "--peers", "none"])
    assert list(called) == ["ops", "models", "scaling", "start", "to_99", "twins", "lectures"]
    assert called["start"] == called["to_99"] == ["--quick"]
    assert called["twins"] == ["--only", "cnn", "--quick"]
    parsed = options.parser(None).parse_args(called["ops"])
    assert (parsed.only, parsed.peers, parsed.quick) == ("cnn", "none", True)
    with pytest.raises(SystemExit):
        everything.main(["--out", "x.json"])
    with pytest.raises(SystemExit):
        everything.main(["opps"])
    assert "known are ops" in capsys.readouterr().err


def test_every_piece_of_work_has_a_name_of_its_own_and_the_promised_targets():
    names = [work.name for work in [*ops.WORKS, *models.WORKS]]
    assert len(set(names)) == len(names)
    targets = {work.name: (work.target.must, work.target.after) for work in [*ops.WORKS, *models.WORKS] if work.target}
    assert targets["train cnn b128"] == (1.8, 2.5)
    assert targets["train 24-8-2 b200"] == (10, 40)
    assert targets["fit lenet5 60000"] == (2.5, 4)
    assert targets["predictor mlp b1000"] == (1.0, 1.2)
    assert [work.target.of for work in models.WORKS if "predictor" in work.name] == ["ONNX Runtime"] * 6
    assert targets["conv 3x3 64-64 32x32 b64"] == (0.95, 1.5)
    assert targets["conv 3x3x5 1-48 9x9x220 b50"] == (1.5, 2.5)
    assert targets["lstm T50 65-128 b32"] == (1.3, 1.5)
    assert targets["train resnet20 32x32 b64"] == (1.2, 1.5)
    assert targets["train resnet50 224x224 b8"] == (1.0, 1.3)
    assert targets["fit fashion 60000"] == (6, 3)
    assert len(targets) == 42


OWN = [info.name for info in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]


@pytest.mark.parametrize("name", [n for n in OWN if ".sides." not in n and n != "benchmarks.__main__"])
def test_doctests(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


def test_a_run_that_is_cut_off_keeps_what_was_measured(tmp_path, monkeypatch):
    class NoTeam:
        workers = {"minidl": None}

        def __init__(self, *arguments): ...

        def __enter__(self):
            return self

        def __exit__(self, *error): ...

        def introduce(self):
            return {"minidl": {}}

    def measured(work, team, settings):
        if work is ops.WORKS[1]:
            raise KeyboardInterrupt
        return {"name": work.name, "contenders": {}, "ratios": {}, "target": None, "failed": {}, "verified": {}}

    monkeypatch.setattr(options, "Team", NoTeam)
    monkeypatch.setattr(harness, "measure", measured)
    path, kept = tmp_path / "ops.json", tmp_path / "ops.part.json"
    args = options.parser("").parse_args(["--quick", "--out", str(path)])
    with pytest.raises(KeyboardInterrupt):
        options.run("ops", ops.WORKS[:2], args)
    assert [work["name"] for work in store.read(kept)["works"]] == [ops.WORKS[0].name]
    document = options.run("ops", ops.WORKS[:1], args)
    options.finish(document, args, "")
    assert path.exists()
    assert not kept.exists()


def test_results_go_to_a_file_and_a_folder_is_refused_before_anything_is_measured(tmp_path, capsys):
    with pytest.raises(SystemExit):
        options.parser("").parse_args(["--out", str(tmp_path)])
    assert f"{tmp_path} is a folder; expected is the name of a file" in capsys.readouterr().err
    assert options.parser("").parse_args(["--out", str(tmp_path / "new.json")]).out == tmp_path / "new.json"
