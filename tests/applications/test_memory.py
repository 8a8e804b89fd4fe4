"""How much memory a training step of ResNet-50 takes: the figures of docs/performance.md, measured in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
STATED = r"224 x 224 takes at most ([\d,]+) MiB with one image, and ([\d,]+) MiB with eight"
STEPS = """
import sys
import numpy as np
from benchmarks.process import memory
from minidl.applications import ResNet50
from minidl.optimizers import SGD

batch = int(sys.argv[1])
model = ResNet50()
model.compile(SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
x, y = np.random.default_rng(0).normal(size=(batch, 224, 224, 3)).astype("float32"), np.arange(batch)
for _ in range(2):
    assert np.isfinite(model.train_on_batch(x, y))
print(memory()["peak"] / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of Linux")
def test_a_step_of_resnet50_takes_the_memory_that_is_stated():
    stated = [int(figure.replace(",", "")) for figure in re.search(STATED, " ".join(PAGE.read_text().split())).groups()]
    for batch, mebibytes in zip((1, 8), stated, strict=True):
        command = [sys.executable, "-c", STEPS, str(batch)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PAGE.parents[1], timeout=300).stdout
        assert 0.7 * mebibytes < float(printed) < mebibytes, f"a batch of {batch}: {printed}"
