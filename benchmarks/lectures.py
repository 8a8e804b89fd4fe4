"""The lectures' results, trained again: what was said there, and what minidl gives.

    python -m benchmarks.lectures [--only R10] [--again] [--quick]

Each result is kept in a JSON file as soon as it is there, so a run that was stopped goes on where it was; ``--again`` trains
anew. docs/lectures.md is written from that file; ``--page`` writes it without training. Needs MNIST, in MINIDL_DATA, the cache
or from the net. ``--quick`` trains for two epochs on a few images and writes to other files.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from benchmarks import lecture_rows, store, tables
from benchmarks.environment import ROOT
from benchmarks.lecture_models import MODELS
from benchmarks.machine import describe, moment
from benchmarks.options import wanted
from benchmarks.sides.minidl import build
from minidl.datasets import digits, mnist
from minidl.errors import DatasetError
from minidl.optimizers import SGD, Adam
from minidl.utils import to_categorical

PAGE = ROOT / "docs" / "lectures.md"
BATCH = 128


@dataclass(frozen=True)
class Lecture:
    """One result that the lectures report: (loss, accuracy) on the test images, and what else they print.

    ``training`` and ``validation`` are those of the last epoch, ``time`` is as printed there, on the lecturers' machines.
    """

    name: str
    model: str
    epochs: int
    held_back: float
    test: tuple[float, float]
    training: tuple[float, float] | None = None
    validation: tuple[float, float] | None = None
    time: str = ""
    seed: int = 1671
    seeded: bool = False  # whether the lectures name the seed


LECTURES = [
    Lecture("R1", "softmax", 200, 0, (0.27274, 0.9228), seed=1),
    Lecture("R2", "mlp", 200, 0, (0.07480, 0.9777), seed=1),
    Lecture("R4", "softmax", 200, 0.2, (0.27744, 0.9221), (0.2760, 0.9227), (0.2747, 0.9234), "1 s", seed=1),
    Lecture("R5", "mlp", 200, 0.2, (0.07725, 0.9773), seed=1),
    Lecture("R6", "softmax", 20, 0, (0.33424, 0.9101), (0.3538, 0.9023), time="1-2 s"),
    Lecture("R7", "mlp", 20, 0, (0.16286, 0.9514), (0.1647, 0.9536), time="1 s"),
    Lecture("R8", "softmax", 200, 0.2, (0.27739, 0.9227), (0.2761, 0.9230), (0.2756, 0.9241), seeded=True),
    Lecture("R9", "mlp", 200, 0.2, (0.07619, 0.9764), (0.0154, 0.9979), (0.0892, 0.9747), seeded=True),
    Lecture("R10", "cnn", 20, 0.2, (0.03031, 0.9936), (3.4e-4, 1.0), (0.0374, 0.9927), "4 s"),
]
TITLES = {"softmax": "softmax regression, SGD", "mlp": "two hidden layers of 128, SGD", "cnn": "convolutional network, Adam"}


def load(quick: bool) -> tuple[str, Any, Any]:
    """Name of the data, (images of floats from 0 to 1, labels) to train on and to test on."""
    loaded = digits.load_data(n_train=256, n_test=64) if quick else mnist.load_data()
    (x, y), (x_test, y_test) = [(x.reshape(len(x), 784).astype("float32") / 255, y) for x, y in loaded]
    return "the built-in digits" if quick else "MNIST", (x, y), (x_test, y_test)


def train(lecture: Lecture, data: tuple[str, Any, Any], epochs: int) -> dict[str, Any]:
    """What minidl gives."""
    source, *sets = data
    shape = (28, 28, 1) if lecture.model == "cnn" else (784,)
    (x, y), (x_test, y_test) = [(images.reshape(-1, *shape), to_categorical(labels, 10)) for images, labels in sets]
    minidl.set_seed(lecture.seed)
    model = build(lecture.model)
    optimizer = SGD() if MODELS[lecture.model].optimizer == "sgd" else Adam()
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    begin = time.perf_counter()
    fitted = model.fit(x, y, batch_size=BATCH, epochs=epochs, validation_split=lecture.held_back, verbose=0)
    seconds, history = time.perf_counter() - begin, fitted.history
    return {
        "data": source,
        "images": len(x),
        "epochs": epochs,
        "seed": lecture.seed,
        "test": [float(v) for v in model.evaluate(x_test, y_test, verbose=0)],
        "training": [float(history[k][-1]) for k in ("loss", "accuracy")],
        "validation": [float(history[k][-1]) for k in ("val_loss", "val_accuracy")] if lecture.held_back else None,
        "seconds_per_epoch": seconds / epochs,
        "history": {name: np.asarray(values, float).round(6).tolist() for name, values in history.items()},
        "machine": describe()["cpu"],
        "cores": describe()["cores"],
        **moment(),
    }


def pair(values: Sequence[float] | None) -> str:
    """Loss and accuracy as the lectures print them.

    >>> pair((0.27274, 0.9228)), pair((3.4e-4, 1.0)), pair(None)
    ('0.2727 / 92.28 %', '0.00034 / 100.00 %', '')
    """
    if values is None:
        return ""
    loss = f"{values[0]:.4f}" if values[0] >= 1e-3 else f"{values[0]:.2g}"
    return f"{loss} / {100 * values[1]:.2f} %"


def page(results: dict[str, Any]) -> str:
    """docs/lectures.md."""
    head = ["", "model", "epochs", "held back", "seed", "test, lecture", "test, minidl"]
    rows = [[*head, "last epoch, lecture", "last epoch, minidl", "s an epoch, minidl"]]
    for lecture in LECTURES:
        found = results.get(lecture.name)
        seed = f"{lecture.seed}{'' if lecture.seeded else ' (ours)'}"
        row = [lecture.name, TITLES[lecture.model], str(lecture.epochs), f"{lecture.held_back:.0%}", seed, pair(lecture.test)]
        row += [pair(found["test"]) if found else "not run yet", both(lecture.training, lecture.validation)]
        row += [both(found["training"], found["validation"]), f"{found['seconds_per_epoch']:.2f}"] if found else ["", ""]
        rows.append(row)
    of_rows = lecture_rows.section(lecture_rows.kept(lecture_rows.PATH))
    return TEXT.format(table=tables.as_markdown(rows), runs=runs(results), rows=of_rows)


def both(training: Sequence[float] | None, validation: Sequence[float] | None) -> str:
    """Training, and validation where there is one."""
    return pair(training) + (f"; {pair(validation)}" if validation else "")


def runs(results: dict[str, Any]) -> str:
    """Data, machine, date and commit of the runs, and which of them were not of the lectures' length."""
    if not results:
        return "Nothing has been run yet."
    lines = []
    for name, r in results.items():
        commit = f", commit {r['commit']}" if r["commit"] else ""
        where = f"{r['machine']}, {r['cores']} cores, {r['date'][:10]}{commit}"
        lines.append(f"* {name}: {r['epochs']} epochs, {r['data']}, {r['images']} images; {where}")
    return "\n".join(lines)


TEXT = """# What the lectures said, and what minidl gives

<!-- written by python -m benchmarks.lectures; changes made here by hand are lost -->

The lectures, by M. Riedel and G. Cavallaro (University of Iceland and Juelich Supercomputing Centre), and the names that the
sources of formulas have for them: *Ghent 1* and *Ghent 6* (lectures 1 and 6 of a course in Ghent, 2017), *Lecture 2018*
(lecture 6), *Practical 2020* (practical lecture 7.1), *Lecture 2020* (lecture 6, Cavallaro).

The lectures' models, trained again on MNIST in batches of 128. Each pair is loss / accuracy; the last epoch's are those of
the training images, and behind the semicolon those of the images held back.

{table}

What differs, and why the figures agree only so far:

* Every figure is one run, and another run gives another figure: the lectures' own R4 and R8, which are the same training,
  are 0.06 % apart, R5 and R9 0.09 %. "(ours)" marks seeds that the lectures do not name. The same seed does not mean the
  same numbers: minidl draws with a generator of its own.
* The lectures used Keras 2 with TensorFlow 1, minidl has the defaults of today's Keras; here that means Adam's epsilon,
  1e-7 and not 1e-8.
* The lectures' times are of other machines (R10 most likely of a GPU) and are no comparison: about 1 s an epoch for R4, 1
  to 2 s for R6, 1 s for R7, 4 s for R10. Ours stand in the last column; validation is included.
* Not repeated: R3 and R11, which are the network of R10 with channels first and on a rented CPU, stopped in its seventh
  epoch; R12, which quotes R6, R7 and R10; R13 to R15, whose hyperspectral scenes are not to be had; R16, which is a
  description of a machine.

The runs:

{runs}

To run them again: `python -m benchmarks.lectures`.

## What the lectures contain, row by row

Each line is printed by what stands above it. The lines of Python stand behind the imports in `benchmarks/lecture_rows.py`; all
of them run again by `python -m benchmarks.lecture_rows --again`.

{rows}"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAMES", help="such as R10, or R1,R2")
    parser.add_argument("--again", action="store_true", help="train anew what is there already")
    parser.add_argument("--page", action="store_true", help="write the page from the results there are, and train nothing")
    parser.add_argument(
        "--out", type=store.file_name, metavar="FILE", help="where the results are; default: benchmarks/results"
    )
    parser.add_argument("--quick", action="store_true", help="two epochs on a few images: a test of the program")
    args = parser.parse_args(argv)
    path = args.out or store.default_path("lectures", args.quick)
    own = args.quick or args.out
    target = path.with_suffix(".md") if own else PAGE  # the page in docs is made of the real results and of nothing else
    try:
        results = store.read(path)["results"] if path.exists() else {}
        names = [lecture.name for lecture in LECTURES if args.only is None or chosen(lecture.name, args.only)]
        todo = [] if args.page else [n for n in names if args.again or n not in results]
        if args.only and not names:
            print(f"Nothing is called {args.only}; there are {', '.join(lecture.name for lecture in LECTURES)}")
        data = load(args.quick) if todo else None
    except (DatasetError, ValueError, OSError) as error:
        parser.error(str(error))
    for lecture in LECTURES:
        if lecture.name in todo and data is not None:
            print(f"{lecture.name}: {TITLES[lecture.model]}, {lecture.epochs} epochs ...", flush=True)
            results[lecture.name] = train(lecture, data, 2 if args.quick else lecture.epochs)
            results = {other.name: results[other.name] for other in LECTURES if other.name in results}
            store.write(path, store.document("lectures", args.quick, results=results))  # at once: the next may be stopped
            said, given = pair(lecture.test), pair(results[lecture.name]["test"])
            print(f"    lecture {said}; minidl {given}; {results[lecture.name]['seconds_per_epoch']:.2f} s an epoch")
    store.write_text(target, page(results))
    print(f"Results: {path}\nPage: {target}")
    return 0


def chosen(name: str, only: str) -> bool:
    """R1 does not mean R10.

    >>> chosen("R10", "R1"), chosen("R1", "r1,R2"), chosen("R10", "R1*")
    (False, True, True)
    """
    parts = [part.strip().lower() for part in only.split(",")]
    return name.lower() in parts or any("*" in part and wanted(name, part) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
