"""Curves and histograms for the program TensorBoard, written by the library tensorboardX."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.callbacks.base import Callback, Logs
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, MissingPackageError, described


class TensorBoard(Callback):
    """Write what ``tensorboard --logdir=logs`` shows, under the names of Keras.

    | folder | name | step |
    |---|---|---|
    | train | ``epoch_loss`` and every other number of the logs, ``epoch_learning_rate`` | epoch, from 0 |
    | validation | ``epoch_loss`` and the others, from ``val_loss`` and the others | epoch, from 0 |
    | train | ``batch_loss`` and the others, with ``update_freq`` of batches | batches of this fit, from 1 |
    | validation | ``evaluation_loss_vs_iterations`` and the others, after each evaluation | steps of the optimizer |
    | train | ``LAYER/WEIGHT/histogram``, with ``histogram_freq`` | epoch, from 0 |

    Args:
        log_dir: the folder, made where it is missing. Each ``fit`` adds files; use a folder of its own for each run.
        histogram_freq: write histograms of all weights every so many epochs, of their finite numbers; 0 writes none.
        write_graph, write_images, profile_batch, embeddings_freq, embeddings_metadata: not offered; only the values that
            switch them off are accepted, so that calls written for Keras work.
        write_steps_per_second: write ``epoch_steps_per_second`` and, by batches, ``batch_steps_per_second`` too.
        update_freq: ``"epoch"``, ``"batch"``, or a number of batches.

    Raises MissingPackageError when training begins and tensorboardX is not installed.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = False,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
    ) -> None:
        where = "TensorBoard"
        if not isinstance(log_dir, (str, os.PathLike)) or not os.fspath(log_dir):
            raise ArgumentTypeError(where, f"log_dir={described(log_dir)}", "the name of a folder")
        self.log_dir = os.fsdecode(log_dir)
        self.histogram_freq = check_integer(where, "histogram_freq", histogram_freq, low=0)
        off: dict[str, Any] = {"write_graph": write_graph, "write_images": write_images, "profile_batch": profile_batch}
        off |= {"embeddings_freq": embeddings_freq, "embeddings_metadata": embeddings_metadata}
        for name, value in off.items():
            if value:
                fix = "model.summary()" if name == "write_graph" else f"leave {name} out"
                raise ArgumentError(where, f"{name}={value!r}", "scalars and histograms only, which is what is offered", fix)
        self.write_graph, self.write_images, self.profile_batch = write_graph, write_images, profile_batch
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self.write_steps_per_second = check_flag(where, "write_steps_per_second", write_steps_per_second)
        if isinstance(update_freq, str):
            if update_freq not in ("epoch", "batch"):
                raise ArgumentError(where, f"update_freq={update_freq!r}", "'epoch', 'batch' or a number of batches")
            self.update_freq: str | int = update_freq
            self._every = 1 if update_freq == "batch" else 0  # 0: no batch is written
        else:
            self.update_freq = self._every = check_integer(where, "update_freq", update_freq)
        self._writers: dict[str, Any] = {}
        self._batches, self._fitting = 0, False

    def on_train_begin(self, logs: Logs) -> None:
        """Open the file, and count batches from 0 again."""
        self._close()
        self._batches, self._fitting = 0, True
        self._writer("train")

    def on_train_end(self, logs: Logs) -> None:
        """Close the files."""
        self._fitting = False
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Start the clock."""
        self._steps_before, self._epoch_began = self.model.optimizer.iterations, time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Start the clock of a step."""
        self._batches += 1
        if self.write_steps_per_second:
            self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Write the running means, every ``update_freq`` batches."""
        if not self._every or self._batches % self._every:
            return
        values: dict[str, Any] = dict(logs)
        if self.write_steps_per_second:
            values["steps_per_second"] = 1.0 / max(time.perf_counter() - self._batch_began, 1e-9)
        self._scalars("train", {f"batch_{name}": value for name, value in values.items()}, self._batches)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the epoch; what is written reaches the disk at once."""
        train: dict[str, Any] = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train.setdefault("learning_rate", self.model.optimizer.learning_rate)
        if self.write_steps_per_second:
            seconds = max(time.perf_counter() - self._epoch_began, 1e-9)
            train["steps_per_second"] = (self.model.optimizer.iterations - self._steps_before) / seconds
        validation = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("train", {f"epoch_{name}": value for name, value in train.items()}, epoch)
        self._scalars("validation", {f"epoch_{name}": value for name, value in validation.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._histograms("train", epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs) -> None:
        """Write the results of an evaluation."""
        if self.model.optimizer is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in logs.items()}
            self._scalars("validation", values, self.model.optimizer.iterations)
        if not self._fitting:
            self._close()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_writers": {}}  # a copy opens files of its own

    def _histograms(self, folder: str, epoch: int) -> None:
        for name, array in _named_arrays(self.model):
            finite = array[np.isfinite(array)]
            if finite.size:
                self._writer(folder).add_histogram(f"{name}/histogram", finite, epoch)

    def _scalars(self, folder: str, values: dict[str, Any], step: int) -> None:
        for name, value in values.items():
            if isinstance(value, Real):
                self._writer(folder).add_scalar(name, float(value), step)

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            try:
                from tensorboardX import SummaryWriter  # here: an extra, which few need
            except ImportError as error:
                received, fix = f"no tensorboardX ({error})", 'pip install "minidl[tensorboard]"'
                raise MissingPackageError("TensorBoard", received, "tensorboardX", fix) from None
            own = f".{time.time_ns()}"  # files are named by the second: two fits within one would share theirs
            self._writers[folder] = SummaryWriter(os.path.join(self.log_dir, folder), filename_suffix=own)
        return self._writers[folder]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _named_arrays(model: Any) -> Iterator[tuple[str, np.ndarray]]:
    """``"dense_1/W"`` and the like with their numbers; a name that occurs again within a layer gets a number."""
    for layer in model.layers:
        taken: dict[str, int] = {}
        for p in layer.weights:
            taken[p.name] = count = taken.get(p.name, 0) + 1
            yield f"{layer.name}/{p.name}" + ("" if count == 1 else f".{count}"), backends.backend_of(p.value).to_numpy(p.value)
