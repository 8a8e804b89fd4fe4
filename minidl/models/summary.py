"""``model.summary()``: one row per layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph


def summary_text(network: Layer) -> str:
    """The table: layer, output shape, parameters, and what one sample keeps in memory from forward to backward pass."""
    rows = [("Layer", "Output shape", "Parameters", "Kept per sample")]
    kept = _kept_bytes(network)
    for index, (layer, shape) in enumerate(_rows(network)):
        rows.append((layer.label, str((None, *shape)), f"{layer.count_params():,}", _size(kept[index])))
    total = network.count_params()
    trainable = sum(p.size for p in network.parameters if p.trainable)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [_line(rows[0], widths), "-" * len(_line(rows[0], widths))]
    lines += [_line(row, widths) for row in rows[1:]]
    lines += ["-" * len(lines[0])]
    lines += [f"Parameters: {total:,} (trainable {trainable:,}, not trainable {total - trainable:,})"]
    lines += [f"Memory: parameters {_size(sum(p.value.nbytes for p in network.weights))}, kept per sample {_size(sum(kept))}"]
    return "\n".join(lines)


def _rows(network: Layer) -> list[tuple[Layer, Any]]:
    """Layers in order of use with their output shapes."""
    if isinstance(network, Graph):
        return [(node.layer, node.shape) for node in network.nodes if node.layer is not None]
    if not isinstance(network, Chain):
        return [(network, network.output_shape(network.input_shape))]
    rows, shape = [], network.input_shape
    for layer in network.layers:
        shape = layer.output_shape(shape)
        rows.append((layer, shape))
    return rows


def _kept_bytes(network: Layer) -> list[int]:
    """What each row keeps for its gradient, per sample: measured on two samples, an array kept twice counted once."""
    shapes = network.input_shape if network.takes_many else (network.input_shape,)
    xs = tuple(backends.current().asarray(np.zeros((2, *shape)), network.dtype) for shape in shapes)
    _, saved = network.apply(xs if network.takes_many else xs[0], training=True)
    seen = {id(_owner(x)) for x in xs}  # the input is the data's memory, not the model's
    weights = {id(_owner(p.value)) for p in network.weights}
    per_row = saved if isinstance(network, (Chain, Graph)) else [saved]
    return [_bytes(of_layer, seen | weights, seen) // 2 for of_layer in per_row]


def _bytes(saved: Any, skip: set[int], seen: set[int]) -> int:
    if isinstance(saved, (tuple, list)):
        return sum(_bytes(item, skip | seen, seen) for item in saved)
    if not hasattr(saved, "nbytes") or not hasattr(saved, "base"):
        return 0
    owner = _owner(saved)
    if id(owner) in skip or id(owner) in seen:
        return 0
    seen.add(id(owner))
    return saved.nbytes


def _owner(array: Any) -> Any:
    """The array whose memory a view looks at."""
    while getattr(array, "base", None) is not None and hasattr(array.base, "nbytes") and hasattr(array.base, "shape"):
        if isinstance(array.base, memoryview):
            break
        array = array.base
    return array


def _size(nbytes: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if nbytes < 1024:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024  # type: ignore[assignment]
    return f"{nbytes:.1f} GiB"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}"
