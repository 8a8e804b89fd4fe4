"""The process that ``start`` times: nothing is imported before the clock runs.

python -m benchmarks._first_step MODEL BATCH
"""

import json
import sys
import time


def first_step(model: str, batch: int) -> dict[str, float]:
    """Seconds of the first step and the second; and from the imports to the end of the first."""
    began = time.perf_counter()
    import numpy as np

    from benchmarks.sides.minidl import build

    rng, network = np.random.default_rng(0), build(model)
    network.compile("adam", "sparse_categorical_crossentropy")
    shape = (batch, 28, 28, 1) if model == "cnn" else (batch, 784)
    x, labels = rng.random(shape, dtype=np.float32), rng.integers(0, 10, batch)
    times = [time.perf_counter()]
    for _ in range(2):
        network.train_on_batch(x, labels)
        times.append(time.perf_counter())
    return {"all": times[1] - began, "first": times[1] - times[0], "second": times[2] - times[1]}


if __name__ == "__main__":
    print(json.dumps(first_step(sys.argv[1], int(sys.argv[2]))))
