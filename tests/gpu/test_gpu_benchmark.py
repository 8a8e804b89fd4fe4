"""``python -m benchmarks.gpu`` on the stand-in for CuPy, PyTorch on the CPU: all of it but speed and CUDA itself."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import gpu, gpu_probes, report, store
from benchmarks.inputs import draw
from benchmarks.prepared import CannotError
from benchmarks.tables import rows_of
from minidl import backend
from minidl.backend import gpu as device
from minidl.backend import graphs
from minidl.kernels.cuda import _cublas, _module, convolution
from minidl.kernels.cuda._module import options
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import StrictModule, stand_in
from tests.gpu.strict_cupy import device as stand_in_device
from tests.gpu.strict_cupy.streams import Graph
from tests.gpu.test_cublas import FakeCublas, RecordableCublas

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
HERE = "tests.gpu.sides"
WITH_PYTORCH = importlib.util.find_spec("torch") is not None
MINIDL = {"minidl": f"{HERE}.minidl_gpu"}
ALL = {**MINIDL, "PyTorch": f"{HERE}.pytorch_gpu", "PyTorch graphs": f"{HERE}.pytorch_graphs"}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictModule]:
    monkeypatch.setattr(gpu, "PROBES", f"{HERE}.gpu_probes")
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": RecordableCublas() if name == "cublas" else None)
    monkeypatch.setattr(graphs, "reasons", [])
    with stand_in() as cupy:
        yield cupy
        backend.set_backend("numpy")


def named(name: str) -> Any:
    (work,) = [w for w in gpu.WORKS if w.name == name]
    return work


def test_without_a_gpu_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    if device.missing() is None:
        pytest.skip("there is a GPU here")
    assert gpu.main(["--quick"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("Nothing to measure: ")
    assert said.count("\n") == 1


SOME = [
    "train softmax b128",
    "fit cnn 60000 bytes",
    "conv 3x3 64-64 32x32 b64 TF32",
    *(w.name for w in gpu.WORKS if w.target == gpu.OF_COPIES),
]


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("names", only([SOME[:1], SOME[1:], ["train cnn b128"]], always=[SOME[:1]]))
@pytest.mark.usefixtures("card")
def test_beside_pytorch(tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is verified, every variant timed, and a step op by op has a row of its own."""
    sides = ALL if WITH_PYTORCH else MINIDL
    monkeypatch.setattr(gpu, "SIDES", sides)
    fit = {"fit cnn 60000 bytes": {"model": "softmax"}}  # of another model, as the CNN takes half a minute here
    works = [replace(work, spec=work.spec | fit.get(work.name, {})) for work in map(named, names)]
    monkeypatch.setattr(gpu, "WORKS", works)
    monkeypatch.setattr(gpu_probes, "all_of_them", lambda quick, module: {"card": {"ok": True, "says": "", "name": "a card"}})
    assert gpu.main(["--quick", "--out", str(tmp_path / "gpu.json")]) == 0
    document = store.read(tmp_path / "gpu.json")
    assert set(document["sides"]) == set(sides)
    expected = [[name, f"{name} op by op"] if name.startswith(("train", "fit", "conv")) else [name] for name in names]
    assert [w["name"] for w in document["works"]] == [name for pair in expected for name in pair]
    for w in document["works"]:
        assert not w["failed"], w
        assert len(w["contenders"]["minidl"]["rounds"]) == 2
        assert set(w["verified"]) >= set(w["contenders"])
        assert "minidl: op by op" not in w["contenders"]
        assert ("minidl: op by op" in w["verified"]) is (w["kind"] in ("train_step", "fit", "conv2d"))
        with_graphs = w["kind"] in ("train_step", "conv2d")
        assert set(w["ratios"]) == set(sides) - {"minidl"} - (set() if with_graphs else {"PyTorch graphs"})


@needs_compiler
@pytest.mark.slow
@pytest.mark.usefixtures("card")
def test_without_a_pytorch_that_can_use_the_card_minidl_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if WITH_PYTORCH and importlib.import_module("torch").cuda.is_available():
        pytest.skip("PyTorch can use a card here")
    monkeypatch.setattr(gpu, "SIDES", {**MINIDL, "PyTorch": "benchmarks.sides.pytorch_gpu"})
    assert gpu.main(["--quick", "--only", "train softmax b128", "--out", str(tmp_path / "gpu.json")]) == 0
    said = capsys.readouterr().out
    assert "PyTorch is missing: " in said
    recorded, plain = store.read(tmp_path / "gpu.json")["works"]
    assert (recorded["name"], plain["name"]) == ("train softmax b128", "train softmax b128 op by op")
    assert list(plain["contenders"]) == list(recorded["contenders"]) == ["minidl"]
    assert plain["contenders"]["minidl"]["rounds"] != recorded["contenders"]["minidl"]["rounds"]
    assert "card: ok, stand-in; CUDA 13.0 (driver) and 13.0 (runtime)" in said
    assert "copy of 1 GiB, CuPy: ok, " in said
    assert "copy of 1 GiB, PyTorch: failed, " in said


# -- minidl's side -----------------------------------------------------------------------------------------------------


def side(name: str = "minidl_gpu") -> Any:
    return importlib.import_module(f"benchmarks.sides.{name}")


def prepared(work: Any, variant: str = "") -> Any:
    request = work.quick().request()
    return side().prepare(request, draw(request), variant)


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("suffix", only([" TF32", ""], always=[""]))
def test_the_precision_reaches_the_kernels(card: StrictModule, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[str, ...]] = []
    monkeypatch.setattr(_module, "options", lambda macros: compiled.append(options(macros)) or options(macros))
    monkeypatch.setattr(convolution._module, "_functions", {})  # what other tests compiled
    item = prepared(named(f"conv 3x3 64-64 32x32 b64{suffix}"))
    item.run()
    item.results()
    assert any("-DCOLUMNS=64" in said for said in compiled)
    assert all(("-DFACTORS=11" in said) is bool(suffix) for said in compiled if "-DCOLUMNS=64" in said)
    before = stand_in_device.allocations
    assert set(item.reference()) == {"y", "dx", "dW", "db"}
    assert stand_in_device.allocations == before  # on the CPU


@needs_compiler
def test_a_training_step_is_on_the_device_and_waits_for_nothing(card: StrictModule) -> None:
    item = prepared(named("train softmax b128"))
    waits = stand_in_device.waits
    with stand_in_device.no_waiting():
        item.run()
    item.wait()
    assert stand_in_device.waits == waits + 1


@needs_compiler
def test_a_step_is_replayed_or_refused(card: StrictModule, monkeypatch: pytest.MonkeyPatch) -> None:
    for variant, replays in (("op by op", 0), ("", 5 - graphs.WARM_UP)):
        item, Graph.launched = prepared(named("train softmax b128"), variant), 0
        item.results()
        assert Graph.launched == replays
        for _ in range(5 - 1):  # one step was made to prepare
            item.run()
        assert Graph.launched == 2 * replays

    monkeypatch.setattr(graphs.Recorder, "_record", lambda self, compute, arrays: graphs.reasons.append("RuntimeError: no"))
    with pytest.raises(CannotError, match="could not be recorded: RuntimeError: no"):
        prepared(named("train softmax b128")).results()


# -- PyTorch's side ----------------------------------------------------------------------------------------------------


def test_a_recorded_step_starts_where_it_was_and_reads_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a recording that, as CUDA's does, keeps the addresses and the epsilon of the time it was made."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytorch, made = side("pytorch"), []

    def recorded(step: Callable[[], None]) -> Callable[[], None]:
        for _ in range(pytorch.WARM_UP):
            step()
        training = step.__self__  # type: ignore[attr-defined]
        made.append([training._x.data_ptr(), *(p.data_ptr() for p in training.network.parameters())])
        kept = [dict(group) for group in training.optimizer.param_groups]

        def replay() -> None:
            assert [training._x.data_ptr(), *(p.data_ptr() for p in training.network.parameters())] == made[-1]
            now = [{**group} for group in training.optimizer.param_groups]
            for group, old in zip(training.optimizer.param_groups, kept):
                group.update(old)
            step()
            for group, new in zip(training.optimizer.param_groups, now):
                group.update(new)

        return replay

    monkeypatch.setattr(pytorch, "recorded", recorded)
    for model, recordings in (("mlp", 1), ("cnn", 5)):  # Adam's epsilon changes with each verified step
        made.clear()
        request = named(f"train {model} b128").quick().request(compilers=False)
        arrays = draw(request)
        variant = pytorch.variants(request)[0]
        plain = pytorch.prepare(request, arrays, variant).results()
        assert not made
        found = pytorch.prepare(request, arrays, f"{variant}, {pytorch.GRAPH}").results()
        assert len(made) == recordings
        for key in plain:
            np.testing.assert_allclose(found[key], plain[key], rtol=1e-5)


def test_tf32_is_allowed_where_the_work_asks_for_it_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytorch = side("pytorch")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(pytorch, "DEVICE", "cpu")
    monkeypatch.setattr(pytorch, "prepare", lambda work, arrays, variant: side("pytorch_gpu").Prepared(dict, dict))
    for suffix, allowed in ((" TF32", True), ("", False)):
        request = named(f"conv 3x3 64-64 32x32 b64{suffix}").request()
        item = side("pytorch_gpu").prepare(request, {}, "NCHW")
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
        assert torch.backends.cudnn.allow_tf32 is allowed
        assert item.wait is torch.cuda.synchronize
    assert side("pytorch_graphs").variants(named("train mlp b128").request(compilers=False)) == [
        "fused, CUDA graph",
        "default, CUDA graph",
    ]
    assert side("pytorch_graphs").variants(named("adam 25.6 M").request()) == []


# -- what is made of the records ---------------------------------------------------------------------------------------


def test_the_targets() -> None:
    names = [work.name for work in gpu.WORKS]
    assert len(set(names)) == len(names) == 19
    targets = {work.name: (work.target.must, work.target.after, work.target.of) for work in gpu.WORKS if work.target}
    assert len(targets) == 18  # all but the LSTM
    assert targets["train mlp b1024"] == (1.5, 2, "ratio")
    assert named("train mlp b1024").target.rivals == {"PyTorch graphs": 1.0}
    assert targets["fit cnn 60000 bytes"] == (1, 0.3, "seconds")
    assert targets["conv 3x3 256-256 14x14 b64 TF32"] == (0.5, 0.8, "PyTorch graphs")
    assert {name for name, target in targets.items() if target == (0.6, 0.8, "copies")} == {
        "max pool 2x2 4096x28x28x20",
        "relu 4096x28x28x20",
        "dropout 4096x28x28x20",
        "softmax cross-entropy 3211264x20",
        "batch norm + relu 1024x32x32x64",
        "layer norm 131072x256",
        "adam 25.6 M",
    }


def times(median: float, side: str) -> dict[str, Any]:
    return {"side": side, "median": median, "min": median, "rounds": [median]}


def test_a_step_op_by_op_has_a_row_of_its_own_without_a_target() -> None:
    record = {
        "name": "train",
        "target": vars(named("train cnn b128").target),
        "failed": {},
        "contenders": {
            "minidl": times(1, "minidl"),
            "minidl: op by op": times(2, "minidl"),
            "PyTorch: eager": times(4, "PyTorch"),
            "PyTorch graphs: x": times(1.5, "PyTorch graphs"),
        },
        "ratios": {"PyTorch": {"best": "PyTorch: eager", "median": 4, "min": 4},
                   "PyTorch graphs": {"best": "PyTorch graphs: x", "median": 1.5, "min": 1.5}},
    }  # fmt: skip
    head, recorded, plain = rows_of(gpu.apart(record))
    assert [cell for cell in head if "ratio" in cell] == ["ratio PyTorch", "ratio PyTorch graphs"]
    assert recorded == ["train", "1000 / 1000", "4000 / 4000", "1500 / 1500", "4.00 / 4.00", "1.50 / 1.50", "1.5", "2", "after"]
    assert plain[:2] == ["train op by op", "2000 / 2000"]
    assert plain[4:] == ["2.00 / 2.00", "0.75 / 0.75", "", "", ""]
    del record["contenders"]["minidl: op by op"]
    assert len(gpu.apart(record)) == 1
    record["failed"] = {"minidl": "could not be recorded: why"}
    del record["contenders"]["minidl"]
    (failed,) = gpu.apart(record)
    assert failed["failed"] == {"minidl": "could not be recorded: why"}
    assert rows_of([failed])[1][:2] == ["train", "failed"]


def test_a_part_of_the_copies(
    card: StrictModule, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """800 bytes in half a second where 2000 a second are copied; and the report of the same file."""
    work = {"name": "relu", "kind": "relu", "bytes": 800, "target": vars(gpu.OF_COPIES), "failed": {}, "verified": {}}
    work |= {"contenders": {"minidl": times(0.5, "minidl")}, "ratios": {}}
    document = store.document("gpu", False, sides={}, works=[work], card="A Card")
    monkeypatch.setattr(gpu.options, "run", lambda name, works, args, known, **content: document)
    probes = {"card": {"ok": True, "says": "", "name": "A Card"}, "copy": {"ok": True, "says": "", "speed": 2000.0}}
    monkeypatch.setattr(gpu_probes, "all_of_them", lambda quick, module: probes)
    monkeypatch.setattr(store, "RESULTS", tmp_path)
    assert gpu.main([]) == 0
    path = tmp_path / "gpu-a-card.json"
    assert store.read(path)["works"][0]["of_copies"] == 0.8
    assert "80 %" in capsys.readouterr().out
    section = report.section(store.read(path))
    assert section.startswith("### On the GPU: A Card\n\nA Card; ")
    assert "| relu | 500 / 500 | 80 % | 60 % of copies | 80 % of copies | after |" in section


def test_the_epochs_target_is_of_one_card(card: StrictModule, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, promised in (("NVIDIA H200", True), ("NVIDIA H100 80GB HBM3", True), ("NVIDIA L4", False)):
        probes = {"card": {"ok": True, "says": "", "name": name}}
        seen: list[Any] = []

        def run(title: str, works: Any, *args: Any, seen: list[Any] = seen, **content: Any) -> dict[str, Any]:
            seen += works
            return store.document("gpu", True, sides={}, works=[])

        monkeypatch.setattr(gpu_probes, "all_of_them", lambda quick, module, probes=probes: probes)
        monkeypatch.setattr(gpu.options, "run", run)
        gpu.main(["--quick", "--out", str(tmp_path / "gpu.json")])
        (fit,) = [work for work in seen if work.kind == "fit"]
        assert (fit.target is not None) is promised
        assert all(work.target for work in seen if work is not fit and work.kind != "lstm")


# -- probes ------------------------------------------------------------------------------------------------------------

BY_NAME = {function.__name__: name for name, function in gpu_probes.PROBES.items()}


def said(function: str) -> str:
    found = gpu_probes.one(BY_NAME[function], True)
    assert "\n" not in found["says"]
    return f"{'ok' if found['ok'] else 'failed'}: {found['says']}"


@needs_compiler
def test_probes_that_succeed(card: StrictModule, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("card") == "ok: stand-in; CUDA 13.0 (driver) and 13.0 (runtime); CuPy 14.2.0; 1.9 of 7.5 GiB free"
    assert said("cublas_under_capture").startswith("ok: right to ")
    assert said("replay_from_a_private_pool") == "ok: right, 4 times"
    before = len(on_cpu.launches)
    assert said("launch_cost").startswith("ok: ")
    assert on_cpu.launches[before:] == ["nothing"] * (10 + 10 // 5)
    assert said("copies_by_cupy").endswith(" GB/s, read and written")


def test_probes_that_fail_say_why(card: StrictModule, monkeypatch: pytest.MonkeyPatch) -> None:
    # It computes at once, so that the replay leaves zeros.
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": FakeCublas() if name == "cublas" else None)
    assert said("cublas_under_capture") == "failed: wrong numbers: they differ by 1 of the largest"
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": None)
    assert said("cublas_under_capture") == "failed: cuBLAS is not found"
    monkeypatch.setattr(graphs.Recorder, "_record", lambda self, compute, arrays: graphs.reasons.append("RuntimeError: no"))
    assert said("replay_from_a_private_pool") == "failed: RuntimeError: no"
    monkeypatch.setattr(on_cpu, "COMPILER", None)
    monkeypatch.setattr(card, "RawModule", lambda **options: (_ for _ in ()).throw(RuntimeError("no\ncompiler")), raising=False)
    assert said("launch_cost") == "failed: RuntimeError: no compiler"


@pytest.mark.usefixtures("card")
def test_a_replay_whose_memory_was_taken_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = graphs.Recorder.run

    def overwritten(self: Any, *args: Any) -> Any:
        y = original(self, *args)
        y[...] = -1
        return y

    monkeypatch.setattr(graphs.Recorder, "run", overwritten)
    assert said("replay_from_a_private_pool").startswith("failed: wrong numbers")


class Tensor:
    """As far as DLPack goes."""

    def __init__(self, x: Any, address: int) -> None:
        self.x, self.address = x, address

    def data_ptr(self) -> int:
        return self.address

    def cpu(self) -> Any:
        return SimpleNamespace(numpy=self.x.get)


def test_dlpack(card: StrictModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(card), "from_dlpack", lambda self, tensor: tensor.x, raising=False)

    def pytorch(make: Callable[[Any], Tensor]) -> None:
        monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_dlpack=make))  # type: ignore[arg-type]

    pytorch(lambda x: Tensor(x, x.data.ptr))
    assert said("dlpack") == "ok: the same address, the same numbers"
    pytorch(lambda x: Tensor(x.copy(), x.data.ptr))
    assert said("dlpack") == "failed: the address changed: it was copied"
    pytorch(lambda x: Tensor(x + 0, (x + 0).data.ptr))
    assert said("dlpack") == "failed: the address changed: it was copied"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert said("dlpack").startswith("failed: ModuleNotFoundError: ")


@pytest.mark.more
def test_a_probe_that_dies_or_hangs_costs_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(
        "import os, sys, time\nif 'card' in sys.argv: time.sleep(60)\nsys.exit('illegal address')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(gpu_probes, "PATIENCE", 1)
    found = gpu_probes.all_of_them(True, "dying")
    assert not any(f["ok"] for f in found.values())
    assert found.pop("card")["says"] == "no answer within 1 s"
    assert {f["says"] for f in found.values()} == {"ended with code 1: illegal address"}
    assert gpu_probes.copy_speed(found) is None
