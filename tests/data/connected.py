"""``fit``, ``evaluate`` and ``predict`` over arrays or streams: the facade's verbs as these tests call them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from minidl import access, losses
from minidl import backend as backends
from minidl.callbacks import CallbackList, History
from minidl.checks import check_integer
from minidl.data import ArrayData, StreamData, class_weights, is_stream, refuse_beside_stream, split_last
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.models import Sequential
from minidl.training import loop
from minidl.training.advice import about_data
from minidl.training.epochs import check_passes, check_validation_freq, steps_in_epoch, validates
from minidl.training.running import names_of_logs


class Connected(Sequential):
    def fit(  # type: ignore[override]
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int = 0,
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        nan: str = "warn",
    ) -> History:
        self._check_compiled("fit")
        for name, value in (
            ("batch_size", batch_size),
            ("steps_per_epoch", steps_per_epoch),
            ("validation_steps", validation_steps),
            ("validation_batch_size", validation_batch_size),
        ):
            if value is not None:
                check_integer("fit", name, value)
        validation_freq = check_validation_freq(validation_freq)
        with ExitStack() as opened:
            epochs_of_fit = range(initial_epoch, epochs)
            if is_stream(x):
                refuse_beside_stream(
                    "fit", x, y=y, sample_weight=sample_weight, batch_size=batch_size, validation_split=validation_split
                )
            data = self._given(x, y, sample_weight, "fit", nan, opened, class_weight, self._epochs_done)
            check_passes("fit: x", data, len(epochs_of_fit), steps_per_epoch, "steps_per_epoch")
            validation = None
            if is_stream(validation_data):
                refuse_beside_stream("fit", validation_data, validation_batch_size=validation_batch_size)
                validation = self._given(validation_data, None, None, "fit: validation_data", nan, opened)
                validations = sum(validates(epoch, validation_freq) for epoch in epochs_of_fit)
                check_passes("fit: validation_data", validation, validations, validation_steps, "validation_steps")
            elif validation_data is not None:
                if validation_split:
                    raise ArgumentError("fit", "validation_split and validation_data", "one of them")
                if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                    expected = "(x, y), (x, y, sample_weight) or a stream of batches"
                    raise ArgumentTypeError("fit: validation_data", f"a {type(validation_data).__name__}", expected)
                validation = self._given(*(*validation_data, None)[:3], "fit: validation_data", nan, opened)
            elif validation_split:
                assert isinstance(data, ArrayData)
                data, validation = split_last(data, validation_split, not isinstance(self.loss, losses.MeanSquaredError))
            if class_weight is not None and isinstance(data, ArrayData):  # after the split: validation is not weighted
                data.weight = class_weights(data.y, class_weight, data.weight, self._classes())
            step, history = self._compiled_step(), History()
            size = None if isinstance(data, StreamData) else batch_size or 32
            names = names_of_logs(step)
            params = {
                "epochs": epochs,
                "steps": steps_in_epoch(data, size, steps_per_epoch),
                "batch_size": size,
                "samples": len(data) if isinstance(data, ArrayData) else None,
                "validation_samples": len(validation) if isinstance(validation, ArrayData) else 0,
                "verbose": verbose,
                "device": backends.current().device,
                "metrics": [*names, *(f"val_{name}" for name in names if validation is not None)],
            }
            with access.training("fit", self.network):
                self.stop_training, self.history = False, history
                try:
                    loop.fit(
                        step,
                        data,
                        validation,
                        batch_size=size,
                        epochs=epochs_of_fit,
                        shuffle=shuffle,
                        stream=self._random_stream(),
                        epochs_done=self._epochs_done,
                        callbacks=CallbackList([*(callbacks or []), history], self, params),
                        nan=nan,
                        steps_per_epoch=steps_per_epoch,
                        validation_steps=validation_steps,
                        validation_freq=validation_freq,
                        validation_batch_size=validation_batch_size,
                    )
                finally:
                    self._epochs_done += len(history.epoch)
            return history

    def evaluate(  # type: ignore[override]
        self, x: Any, y: Any = None, batch_size: int | None = None, sample_weight: Any = None, steps: int | None = None
    ) -> dict[str, float]:
        if is_stream(x):
            refuse_beside_stream("evaluate", x, y=y, sample_weight=sample_weight, batch_size=batch_size)
        with ExitStack() as opened:
            data = self._given(x, y, sample_weight, "evaluate", "warn", opened)
            opened.enter_context(access.reading("evaluate", self.network))
            return loop.evaluate(self._compiled_step(), data, batch_size or 128, steps=steps)

    def predict(self, x: Any, batch_size: int | None = None, steps: int | None = None) -> Any:  # type: ignore[override]
        if is_stream(x):
            refuse_beside_stream("predict", x, batch_size=batch_size)
            data: Any = StreamData(x, lambda x, y, w, where, nan: self._arrays(x, None, None, where, nan), where="predict")
            data.nan = "ignore"
        else:
            data = self._arrays(x, None, None, "predict", "ignore")
        with access.reading("predict", self.network):
            return loop.predict(self._for_inference(), data, batch_size or 32, steps=steps)

    def _given(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        where: str,
        nan: str,
        opened: ExitStack,
        class_weight: Any = None,
        number: int = 0,
    ) -> ArrayData | StreamData:
        """Arrays, checked, or a stream whose first batch is checked."""
        if not is_stream(x):
            data = self._data(x, y, sample_weight, where, nan)
            if where == "fit":
                about_data(self.network, self._compiled_step().output_shape, data, self._metrics)
            return data
        stream = StreamData(x, self._data, where=where, nan=nan, class_weight=class_weight)
        opened.callback(stream.close)
        first = stream.first(number)
        stream.classes = self._classes()  # known now that the model is built
        if where == "fit":
            about_data(self.network, self._compiled_step().output_shape, first, self._metrics)
        if class_weight is not None:
            class_weights(first.y, class_weight, first.weight, stream.classes)  # raises before anything is trained
        return stream

    def _classes(self) -> int:
        return max(self._compiled_step().output_shape[-1], 2)
