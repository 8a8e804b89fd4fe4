"""The process in which ``to_99`` trains its seeds.

python -m benchmarks._to_99 SEEDS [--quick]
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from types import ModuleType

import minidl
from benchmarks.to_99 import EXAMPLE
from minidl.utils import to_categorical


def example() -> ModuleType:
    """examples/mnist_99.py as a module."""
    sys.path.insert(0, str(EXAMPLE.parent))  # where it finds its neighbour
    spec = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(seeds: int, quick: bool) -> None:
    """Train with the seeds 0, 1, ... and print for each a line of JSON: the seconds of ``fit``, and the accuracy."""
    it = example()
    (images, labels), (test_images, test_labels), _ = it.load(quick=quick)
    x, y, x_test = it.middle(images), to_categorical(labels, 10), it.middle(test_images)
    for seed in range(seeds):
        minidl.set_seed(seed)
        model = it.recipe(-(-len(x) // it.BATCH))
        minidl.warmup(model, it.BATCH, verbose=0)
        began = time.perf_counter()
        it.train(model, x, y)
        seconds = time.perf_counter() - began
        right, _ = it.accuracy(model, x_test, test_labels)
        print(json.dumps({"seed": seed, "seconds": seconds, "accuracy": float(right)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), "--quick" in sys.argv)
