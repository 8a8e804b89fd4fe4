"""``model.summary()``: one row per layer, also where a layer is used several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.geometry import is_known, is_several
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.context import Context
from minidl.layers.graph import Graph

_BY_LENGTH = "by length"  # what is kept for samples whose length comes with the data


def summary_text(network: Layer) -> str:
    """The table: layer, output shape, parameters, and what one sample keeps in memory from forward to backward pass."""
    rows, totals = _table(network)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [_line(rows[0], widths), "-" * len(_line(rows[0], widths))]
    lines += [_line(row, widths) for row in rows[1:]]
    return "\n".join([*lines, "-" * len(lines[0]), *totals])


def summary_html(network: Layer) -> str:
    """The table of ``summary_text`` as HTML, for notebooks."""
    import html  # for notebooks only

    rows, totals = _table(network)
    align = ("left", "left", "right", "right")
    table = []
    for tag, row in zip(("th", *["td"] * len(rows)), rows):
        cells = "".join(f'<{tag} style="text-align:{a}">{html.escape(text)}</{tag}>' for a, text in zip(align, row))
        table.append(f"<tr>{cells}</tr>")
    head, *body = table
    below = "<br>".join(html.escape(text) for text in totals)
    return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table><p>{below}</p>"


def _table(network: Layer) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """The rows, the first of them the names of the columns, and the lines below."""
    rows = [("Layer", "Output shape", "Parameters", "Kept per sample")]
    all_uses, known = _uses(network), is_known(network.input_shape)
    kept = _kept_bytes(network) if known else [0] * len(all_uses)
    uses: dict[Layer, list[tuple[str, int]]] = {}  # a layer's row stands where it is used first
    for (layer, shape), size in zip(all_uses, kept, strict=True):
        uses.setdefault(layer, []).append((_shape_text(shape, network.declared_batch_size), size))
    for layer, each in uses.items():
        label = layer.label if len(each) == 1 else f"{layer.label}, {len(each)} uses"
        shapes = " or ".join(dict.fromkeys(shape for shape, _ in each))
        memory = _size(sum(size for _, size in each)) if known else _BY_LENGTH
        rows.append((label, shapes, f"{layer.count_params():,}", memory))
    total = network.count_params()
    shared = "; shared ones are counted once" if sum(layer.count_params() for layer in uses) > total else ""
    trainable = sum(p.size for p in network.parameters if p.trainable)
    totals = [f"Parameters: {total:,} (trainable {trainable:,}, not trainable {total - trainable:,}){shared}"]
    memory = _size(sum(kept)) if known else _BY_LENGTH
    totals += [f"Memory: parameters {_size(sum(p.value.nbytes for p in network.weights))}, kept per sample {memory}"]
    return rows, totals


def _shape_text(shape: Any, samples: int | None) -> str:
    """A shape, or several, with the batch axis."""
    return ", ".join(_shape_text(part, samples) for part in shape) if is_several(shape) else str((samples, *shape))


def _uses(network: Layer) -> list[tuple[Layer, Any]]:
    """Layers in order of use with their output shapes; a layer used twice comes twice."""
    if isinstance(network, Graph):
        shapes = network.slot_shapes(network.input_shape)
        found = [(use.layer, tuple(shapes[slot] for slot in use.outputs)) for use in network.uses]
        return [(layer, shape if len(shape) > 1 else shape[0]) for layer, shape in found]
    if not isinstance(network, Chain):
        return [(network, network.output_shape(network.input_shape))]
    uses, shape = [], network.input_shape
    for layer in network.layers:
        shape = layer.output_shape(shape)
        uses.append((layer, shape))
    return uses


def _kept_bytes(network: Layer) -> list[int]:
    """What each use keeps for its gradient, per sample: measured on two samples, an array kept twice counted once."""
    shapes = network.input_shape if network.takes_many else (network.input_shape,)
    dtypes = network.input_dtype if isinstance(network.input_dtype, tuple) else (network.input_dtype,) * len(shapes)
    xs = tuple(backends.current().asarray(np.zeros((2, *shape)), dtype) for shape, dtype in zip(shapes, dtypes))
    context = Context(training=True)
    for state in network.carried():
        context.update(state, None)  # of batches that may have another size
    _, saved = network.apply(xs if network.takes_many else xs[0], context)
    seen = {id(_owner(x)) for x in xs}  # the input is the data's memory, not the model's
    weights = {id(_owner(p.value)) for p in network.weights}
    per_use = saved if isinstance(network, (Chain, Graph)) else [saved]
    return [_bytes(of_layer, seen | weights, seen) // 2 for of_layer in per_use]


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
