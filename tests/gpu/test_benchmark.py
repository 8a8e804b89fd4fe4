"""The benchmark of CPU against GPU runs with and without a GPU, and does not time what computes something else."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.backend import gpu
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import stand_in


@pytest.fixture
def benchmark_program() -> Any:
    return importlib.import_module("benchmarks.cpu_vs_gpu")


@pytest.mark.parametrize("models", only(["softmax", "softmax mlp cnn"], always=["softmax"]))
def test_without_a_gpu(benchmark_program: Any, models: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if gpu.missing() is None:
        pytest.skip("there is a GPU here")
    benchmark_program.main(["--quick", "--models", *models.split(), "--json", str(tmp_path / "figures.json")])
    printed = capsys.readouterr().out
    assert printed.startswith("CPU alone: ")
    assert "GPU s/epoch" not in printed
    assert re.findall(r"(?m)^(softmax|mlp|cnn) .*\d$", printed) == models.split()
    figures = json.loads((tmp_path / "figures.json").read_text())
    expected = [7850, 784 * 4 + 4 + 4 * 4 + 4 + 4 * 10 + 10, 202422]
    assert [row["parameters"] for row in figures] == expected[: len(models.split())]
    assert all(row["compute"]["CPU"] > 0 and row["transfer"]["CPU"] >= 0 and row["speed_up"] is None for row in figures)


@pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
def test_with_both_devices(benchmark_program: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / "speed.png"
    with stand_in():
        benchmark_program.main(["--quick", "--models", "softmax", "mlp", "--plot", str(path)])
    printed = capsys.readouterr().out
    assert "GPU: GPU (stand-in" in printed
    assert len(re.findall(r"(?m)^(softmax|mlp) .*\d\.\dx$", printed)) == 2
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_what_differs_is_not_timed(benchmark_program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([np.ones(10), np.ones(10) * 1.01])
    monkeypatch.setattr(benchmark_program, "first_losses", lambda *args: next(values))
    with stand_in(), pytest.raises(SystemExit, match="differ by"):
        benchmark_program.main(["--quick", "--models", "softmax"])


def test_its_examples(benchmark_program: Any) -> None:
    failed, tried = doctest.testmod(benchmark_program)
    assert tried
    assert not failed
