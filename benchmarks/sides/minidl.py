"""minidl, by the calls its users make; beside it the references, which every result is held to first."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl
from benchmarks import residual_models
from benchmarks.dropout_facts import dropout_facts
from benchmarks.inputs import VERIFIED, all_samples, batches, weights_of
from benchmarks.lecture_models import EPSILON, MODELS, RATE
from benchmarks.prepared import Prepared, Results
from minidl import backend as backends
from minidl import config
from minidl.applications import ResNet20, ResNet50
from minidl.data import Batch
from minidl.layers import (
    GRU,
    LSTM,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    LayerNormalization,
    MaxPooling2D,
    Rescaling,
    SimpleRNN,
)
from minidl.layers.containers import Chain
from minidl.layers.context import Context
from minidl.losses import SparseCategoricalCrossentropy
from minidl.optimizers import SGD, Adam
from minidl.parameters import Parameter, ParameterGroup
from minidl.training.plan import for_inference

LARGEST_BATCH_FOR_DEFINITIONS = 512  # their patches of a larger one would fill the memory
SMALL_ENOUGH_FOR_DEFINITIONS = 64 * 32 * 32  # pixels in a batch of a residual network


def versions() -> dict[str, str]:
    found = {"minidl": minidl.__version__, "numpy": np.__version__, "python": platform.python_version()}
    try:
        import numba
    except ImportError:
        return found
    return found | {"numba": numba.__version__}


def threads() -> int:
    return minidl.get_threads()


def variants(work: dict[str, Any]) -> list[str]:
    return [""] if work["kind"] in PREPARED else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    if work["kind"] not in ("fit", "predict"):  # which take what they need to the device themselves
        arrays = {name: backends.current().asarray(array) for name, array in arrays.items()}
    return PREPARED[work["kind"]](work, arrays)


def _host(x: Any) -> np.ndarray:
    return backends.backend_of(x).to_numpy(x)


# -- one layer, forwards and backwards ---------------------------------------------------------------------------------


def _layer(make: Callable[..., Layer], weight_names: str = "") -> Callable[..., Prepared]:
    """Forward and backward of a layer whose parameters are the arrays named, in order; their gradients come out as d<name>."""

    def prepared(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
        x, dy, layer = arrays["x"], arrays["dy"], make(work)
        layer.build(x.shape[1:])
        names, parameters = weight_names.split(), list(layer.parameters)  # collected once, as PyTorch's side does
        for p, name in zip(parameters, names, strict=True):
            p.value[...] = arrays[name]
        planned = for_inference(layer)  # a chain as models compute it: the ReLU belongs to the layer before it

        def run() -> tuple[Any, Any]:
            for p in parameters:
                p.zero_grad()
            context = Context(training=True)
            y, saved = planned.apply(x, context)
            dx = planned.gradient(dy, saved)
            context.commit()
            return y, dx

        def results() -> Results:
            y, dx = run()
            gradients = {f"d{name}": _host(p.grad.copy()) for name, p in zip(names, layer.parameters)}
            return {"y": _host(y.copy()), "dx": _host(dx.copy())} | gradients

        return Prepared(run, results, _by_definition(results))

    return prepared


def _by_definition(results: Callable[[], Results]) -> Callable[[], Results]:
    def reference() -> Results:
        with config.use_kernels("reference"):
            return results()

    return reference


def _conv2d(work: dict[str, Any]) -> Layer:
    return Conv2D(work["filters"], work["kernel"], strides=work["strides"], padding="same")


def _convolution(work: dict[str, Any]) -> Layer:
    kind = {1: Conv1D, 3: Conv3D}[len(work["window"])]
    return kind(work["filters"], tuple(work["window"]))


def _embedding(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    """Forward, backward and a step of plain SGD."""

    def make() -> tuple[Embedding, Any]:
        layer = Embedding(work["vocabulary"], work["units"])
        layer.build(arrays["ids"].shape[1:])
        layer.W.value[...] = arrays["W"]
        return layer, ParameterGroup([layer.W], 0)

    def step(layer: Embedding, group: Any, optimizer: SGD) -> Any:
        group.zero_grad()
        y, saved = layer.apply(arrays["ids"], Context(training=True))
        layer.gradient(arrays["dy"], saved)
        optimizer.step(group)
        return y

    def results() -> Results:
        (layer, group), optimizer = make(), SGD(0.1)
        found = [_host(step(layer, group, optimizer).copy()) for _ in range(2)]
        return {"y": found[1], "W": _host(layer.W.value)}

    (layer, group), optimizer = make(), SGD(0.1)
    return Prepared(lambda: step(layer, group, optimizer), results, _by_definition(results))


def _dropout(work: dict[str, Any], arrays: dict[str, Any]) -> Prepared:
    prepared = _layer(lambda work: Dropout(work["rate"]))(work, arrays)

    def results() -> Results:
        y, dx = prepared.run()
        return dropout_facts({name: _host(array) for name, array in arrays.items()}, _host(y), _host(dx))

    return Prepared(prepared.run, results, _by_definition(results))


# -- other ops ---------------------------------------------------------------------------------------------------------


def _softmax_cross_entropy(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    loss = SparseCategoricalCrossentropy(from_logits=True)

    def run() -> tuple[Any, Any]:
        value, saved = loss.compute(arrays["x"], arrays["labels"])
        return value, loss.gradient(saved)

    def results() -> Results:
        value, dx = run()
        return {"loss": _host(value), "dx": _host(dx)}

    return Prepared(run, results, _by_definition(results))


def _adam(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    def make() -> tuple[Parameter, Adam]:
        p = Parameter(arrays["value"].copy(), "value")
        p.grad = arrays["grad"]
        return p, Adam(RATE["adam"], epsilon=EPSILON)

    def results() -> Results:
        p, optimizer = make()
        for _ in range(3):
            optimizer.step([p])
        return {"change": _host(p.value - arrays["value"])}

    p, optimizer = make()
    parameters = [p]
    return Prepared(lambda: optimizer.step(parameters), results, _by_definition(results))


# -- whole models ------------------------------------------------------------------------------------------------------


def build(name: str, scaled: bool = True) -> minidl.Sequential:
    """The model of this name; ``scaled=False`` takes bytes."""
    blueprint = MODELS[name]
    model = minidl.Sequential([Input(blueprint.shape)])
    if not scaled:
        model.add(Rescaling(1 / 255))
    for (size, _, _, filters), padding in zip(blueprint.kernels, blueprint.paddings):
        model.add(Conv2D(filters, size, padding=padding, activation=blueprint.hidden))
        model.add(MaxPooling2D(2))
    if blueprint.paddings:
        model.add(Flatten())
    for _, units in blueprint.kernels[len(blueprint.paddings) : -1]:
        model.add(Dense(units, activation=blueprint.hidden))
    model.add(Dense(blueprint.classes, activation="softmax"))
    return model


def _compiled(work: dict[str, Any], arrays: dict[str, np.ndarray], scaled: bool = True) -> minidl.Sequential:
    model = build(work["model"], scaled)
    optimizer = SGD(RATE["sgd"]) if MODELS[work["model"]].optimizer == "sgd" else Adam(RATE["adam"], epsilon=EPSILON)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.set_weights(weights_of(arrays))
    return model


def _train_step(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    model = _compiled(work, arrays)
    data = list(zip(np.split(arrays["x"], batches(work)), np.split(arrays["labels"], batches(work))))
    model.train_on_batch(*data[0])  # compiled and warm
    step = model._compiled_step()  # what fit calls for each batch
    endless = itertools.cycle([Batch(x, labels, None, len(x)) for x, labels in data])

    def run() -> None:
        step.train(next(endless))

    def results() -> Results:
        fresh = _compiled(work, arrays)
        losses = [fresh.train_on_batch(*data[i % len(data)]) for i in range(5)]
        return {"losses": np.array(losses), "predictions afterwards": fresh.predict(arrays["x"][:16])}

    small = work["batch"] <= LARGEST_BATCH_FOR_DEFINITIONS
    return Prepared(run, results, _by_definition(results) if small else None)


def _residual_step(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    def fresh() -> minidl.Model:
        image = (work["image"], work["image"], 3)
        if work["model"] == "resnet50":
            model = ResNet50(use_bias=False, input_shape=image)
        else:
            model = ResNet20(input_shape=image)
        for name in residual_models.kernels(work["model"]):
            model.get_layer(f"{name}_conv").set_weights([arrays[name]])
        classes = arrays["classes"]
        model.get_layer("predictions").set_weights([classes, np.zeros(classes.shape[1], np.float32)])
        model.compile(SGD(residual_models.RATE, momentum=residual_models.MOMENTUM), "sparse_categorical_crossentropy")
        return model

    model, batch = fresh(), Batch(arrays["x"], arrays["labels"], None, len(arrays["x"]))
    model.train_on_batch(arrays["x"], arrays["labels"])  # compiled and warm
    step = model._compiled_step()

    def results() -> Results:
        other = fresh()
        loss = other.train_on_batch(arrays["x"], arrays["labels"])
        last = other.get_layer("predictions").get_weights()[0]  # of the first kernels float32 knows only some digits
        return {"loss": np.array([loss]), "change of the last weights": last - arrays["classes"]}

    small = work["batch"] * work["image"] ** 2 <= SMALL_ENOUGH_FOR_DEFINITIONS
    return Prepared(lambda: step.train(batch), results, _by_definition(results) if small else None)


def _fit(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    x, labels = all_samples(work, arrays["x"]), all_samples(work, arrays["labels"])
    model = _compiled(work, arrays, scaled=not work["bytes"])

    def part(count: int, **options: Any) -> tuple[minidl.Sequential, Any]:
        fresh = _compiled(work, arrays, scaled=not work["bytes"])
        return fresh, fresh.fit(x[:count], labels[:count], batch_size=128, epochs=1, verbose=0, **options)

    def run() -> None:
        model.fit(x, labels, batch_size=128, epochs=1, verbose=0)

    def results() -> Results:
        fresh, history = part(VERIFIED, shuffle=False)
        return {"loss": np.array(history.history["loss"]), "predictions afterwards": fresh.predict(x[:16])}

    return Prepared(run, results, _by_definition(results), warm_up=lambda: part(VERIFIED))


def _predict(work: dict[str, Any], arrays: dict[str, np.ndarray]) -> Prepared:
    model, x = build(work["model"]), arrays["x"]
    model.set_weights(weights_of(arrays))
    makers: dict[str, Callable[[], Any]] = {
        "model(x)": lambda: model,
        "predict": lambda: model.predict,
        "predictor": lambda: minidl.predictor(model),
    }
    call = makers[work["by"]]()

    def results() -> Results:
        return {"y": np.array(call(x))}

    return Prepared(lambda: call(x), results, _by_definition(results))


PREPARED: dict[str, Callable[..., Prepared]] = {
    "conv2d": _layer(_conv2d, "W b"),
    "max_pool": _layer(lambda work: MaxPooling2D(2)),
    "average_pool": _layer(lambda work: AveragePooling2D(2)),
    "relu": _layer(lambda work: Activation("relu")),
    "dropout": _dropout,
    "batch_norm_relu": _layer(lambda work: Chain([BatchNormalization(), Activation("relu")]), "gamma beta"),
    "dense": _layer(lambda work: Dense(work["outputs"]), "W b"),
    "lstm": _layer(lambda work: LSTM(work["units"], return_sequences=True), "W U b"),
    "convolution": _layer(_convolution, "W b"),
    "depthwise": _layer(lambda work: DepthwiseConv2D(3, padding="same"), "W b"),
    "gru": _layer(lambda work: GRU(work["units"], return_sequences=True), "W U b"),
    "simple_rnn": _layer(lambda work: SimpleRNN(work["units"], return_sequences=True), "W U b"),
    "embedding": _embedding,
    "layer_norm": _layer(lambda work: LayerNormalization(), "gamma beta"),
    "softmax_cross_entropy": _softmax_cross_entropy,
    "adam": _adam,
    "train_step": _train_step,
    "residual_step": _residual_step,
    "fit": _fit,
    "predict": _predict,
}
