"""``warmup(model)``: compile or load in advance every kernel that a model needs.

It trains and predicts with a copy of the model on made-up samples, so that the model itself stays as it is, whatever happens.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import access, optimizers
from minidl.checks import check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError
from minidl.geometry import is_several
from minidl.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from minidl.models.base import Model
from minidl.models.batches import size_of_batches
from minidl.models.sequential import Sequential

_ANY_LENGTH = 32  # of an axis whose length comes with the data: windows of any usual size fit


def warmup(model: Model, batch_size: int | None = None, verbose: int = 1) -> None:
    """Compile, or load from the cache, the kernels of a training step (of ``predict`` alone before ``compile``).

    Args:
        model: with a known input shape. Nothing of it changes: a copy, in memory for a moment, does the work.
        batch_size: that of the training to come; which kernels are taken depends on it. None: 128, or what the model's
            ``Input`` says.
        verbose: 1 prints a line with what is done and how long it took, 0 nothing.

    Raises NotBuiltError for a model without an input shape, ArgumentTypeError for what is no model, ArgumentError for one
    that cannot be copied or whose loss takes no made-up targets, StateError while it is trained.

    >>> from minidl.layers import Dense
    >>> warmup(Sequential([Dense(3, input_shape=(4,))]), batch_size=32, verbose=0)
    """
    if not isinstance(model, Model):
        raise ArgumentTypeError("warmup", f"a {type(model).__name__}", "a model", "warmup(model)")
    if batch_size is not None:
        check_integer("warmup", "batch_size", batch_size)
    if verbose not in (0, 1):
        raise ArgumentError("warmup", f"verbose={verbose!r}", "0 or 1")
    model._check_built("warmup")
    batch_size = size_of_batches("warmup", model.network, 0, batch_size) or 128
    start = time.perf_counter()
    if verbose:
        what = "a training step and predict" if model.optimizer is not None else "predict"
        kind = np.dtype(model.network.parameter_dtype).name
        print(f"warmup of {model.name}: {what}, batches of {batch_size}, {kind} ... ", end="", flush=True)
    end = "not finished"
    try:
        with access.reading("warmup", model.network):
            double = _copy_of(model)
        _use(double, batch_size)
        end = f"{time.perf_counter() - start:.1f} s"
    finally:
        if verbose:
            print(end)


def _copy_of(model: Model) -> Model:
    try:
        return copy.deepcopy(model)
    except Exception as error:
        received = f"a model that cannot be copied ({type(error).__name__}: {error})"
        fix = "train for a step instead"
        raise ArgumentError("warmup", received, "layers, losses and metrics for copy.deepcopy", fix) from error


def _use(double: Model, batch_size: int) -> None:
    """Each way to use a model once: a step, a judgement, a batch and a single sample."""
    rng = np.random.default_rng(0)  # not minidl's generator, which is to go on as if nothing had happened
    shape, dtypes = double.input_shape, double.network.input_dtype
    several = is_several(shape)
    dtypes = dtypes if isinstance(dtypes, tuple) else (dtypes,) * (len(shape) if several else 1)
    shapes = [tuple(n or _ANY_LENGTH for n in each) for each in (shape if several else (shape,))]
    x: Any = [_made_up(rng, (batch_size, *s), np.dtype(d)) for s, d in zip(shapes, dtypes)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of targets that nobody means
        if double.optimizer is not None:
            y = _all_targets(double, tuple(shapes) if several else shapes[0], batch_size)
            double.fit(x if several else x[0], y, batch_size, verbose=0, nan="ignore")
            double.test_on_batch(x if several else x[0], y)
        double.predict(x if several else x[0], batch_size)
        if double.network.declared_batch_size in (None, 1):
            double.predict([a[:1] for a in x] if several else x[0][:1])


def _made_up(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Numbers between 0 and 1, or ids that every table has."""
    return np.zeros(shape, dtype) if dtype.kind in "iu" else rng.random(shape).astype(dtype)


def _all_targets(double: Model, input_shape: Any, batch_size: int) -> Any:
    """Targets for each output; an array where there is one."""
    found, shapes = [], double.network.output_shape(input_shape)
    for shape, (_, loss, metrics) in zip(shapes if is_several(shapes) else (shapes,), double._compiled_step().judged):
        judges = [judge for judge in (loss, *metrics) if judge is not None]
        found.append(_targets(judges, (batch_size, *shape), double.network.parameter_dtype) if judges else None)
    return found if len(found) > 1 else found[0]


def _targets(judges: list[Any], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Targets that loss and metrics take: one-hot rows, else labels."""
    one_hot = np.zeros(shape, dtype)
    one_hot[..., 0] = 1
    problem: Exception | None = None
    for y in (one_hot, np.zeros(shape[:-1], np.int64)):
        try:
            for judge in judges:
                judge.check(y, shape, "warmup: y")
            return y
        except (ShapeError, DataError) as error:
            problem = error
    received, fix = f"a model whose loss takes neither one-hot targets nor labels ({problem})", "train for a step instead"
    raise ArgumentError("warmup", received, "one that takes made-up targets", fix)


def lecture_models() -> Iterator[Sequential]:
    """The lectures' networks, for an installation to be warmed up with."""
    softmax = Sequential([Input((784,)), Dense(10, activation="softmax")], name="softmax_regression")
    softmax.compile("sgd", "categorical_crossentropy", ["accuracy"])
    yield softmax
    for name, optimizer in (("two_hidden_layers", "sgd"), ("two_hidden_layers_with_dropout", "rmsprop")):
        mlp = Sequential([Input((784,))], name=name)
        for _ in range(2):
            mlp.add(Dense(128, activation="relu"))
            if "dropout" in name:
                mlp.add(Dropout(0.3))
        mlp.add(Dense(10, activation="softmax"))
        mlp.compile(optimizer, "categorical_crossentropy", ["accuracy"])
        yield mlp
    cnn = Sequential([Input((28, 28, 1))], name="convolutional_network")
    for filters in (20, 50):
        cnn.add(Conv2D(filters, 5, padding="same", activation="relu"))
        cnn.add(MaxPooling2D(2))
    for layer in (Flatten(), Dense(500, activation="relu"), Dense(10, activation="softmax")):
        cnn.add(layer)
    cnn.compile(optimizers.Adam(), "categorical_crossentropy", ["accuracy"])
    yield cnn
