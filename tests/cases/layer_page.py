"""docs/layers.md, made of the first lines of the layers' own words.

python -m tests.cases.layer_page
"""

from __future__ import annotations

import sys
from pathlib import Path

import minidl.layers
from tests.cases.classes import classes

PAGE = Path(__file__).parents[2] / "docs" / "layers.md"
FAMILIES = {  # title: the files in minidl/layers, and the derivations that belong to them
    "Weights and shapes": (("dense", "embedding", "reshape", "permute", "repeat_vector", "identity"), ("embedding",)),
    "Activations": (("activation", "activation_layers", "prelu", "softmax", "activity"), ("softmax_cross_entropy",)),
    "Convolution": (
        ("convolution", "transposed", "depthwise", "separable", "locally_connected"),
        ("convolution", "transposed_convolution", "fast_convolution"),
    ),
    "Pooling, borders and sizes": (("pooling", "global_pooling", "padding", "upsampling"), ("max_pooling",)),
    "Normalisation": (
        ("normalization", "layer_normalization", "group_normalization", "unit_normalization", "feature_normalization"),
        ("batch_normalization", "layer_normalization"),
    ),
    "Noise": (("dropout", "noise"), ()),
    "Sequences": (
        ("simple_rnn", "lstm", "gru", "rnn", "stacked_cells", "bidirectional", "conv_lstm", "time_distributed", "masking"),
        ("recurrent",),
    ),
    "Attention": (("attention", "multi_head_attention"), ("attention",)),
    "Branches": (("merge", "concatenate", "dot"), ()),
    "Memory": (("recompute",), ()),
}


def page() -> str:
    """The text of docs/layers.md."""
    found = classes("layer")
    lines = [
        "# Layers",
        "",
        "<!-- written by python -m tests.cases.layer_page; changes made here by hand are lost -->",
        "",
        "Every layer, and the first line of what it says of itself; `help(minidl.layers.Dense)` says the rest. The formulas",
        "backwards stand in the files of `minidl/ops` that a layer names. Where the way to them is longer there is a page:",
        "",
    ]
    for title, (files, derivations) in FAMILIES.items():
        links = [f"[{name.replace('_', ' ')}](derivations/{name}.md)" for name in derivations]
        lines += [f"## {title}", "", *([f"How the gradients come about: {', '.join(links)}.", ""] if links else [])]
        lines += ["| layer | |", "|---|---|"]
        for file in files:
            of_file = [n for n in minidl.layers.__all__ if n in found and found[n].__module__ == f"minidl.layers.{file}"]
            for name in of_file:
                words = " ".join((found.pop(name).__doc__ or "").splitlines()[0].split())
                for sign in "*|":
                    words = words.replace(sign, f"\\{sign}")
                lines.append(f"| `{name}` | {words.replace('``', '`')} |")
        lines.append("")
    assert not found, f"in no family: {', '.join(found)}"
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
