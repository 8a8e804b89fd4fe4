"""The lectures' models as ONNX files in memory, for the runtimes that read them: images (n, 28, 28, 1) go in, as in minidl."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from benchmarks.inputs import weights_of
from benchmarks.lecture_models import MODELS


def onnx_model(name: str, arrays: dict[str, np.ndarray]) -> bytes:
    """The file for the model ``name`` with the weights among ``arrays``; batches of any size."""
    nodes: list[Any] = []
    constants: list[Any] = []

    def add(kind: str, x: str, *weights: np.ndarray, **attributes: Any) -> str:
        names = [f"w{len(constants) + k}" for k in range(len(weights))]
        constants.extend(numpy_helper.from_array(np.ascontiguousarray(w), n) for w, n in zip(weights, names))
        y = f"y{len(nodes)}"
        nodes.append(helper.make_node(kind, [x, *names], [y], **attributes))
        return y

    weights, blueprint, h = weights_of(arrays), MODELS[name], "x"
    pairs, images = list(zip(weights[::2], weights[1::2], strict=True)), len(blueprint.paddings)
    hidden = {"relu": "Relu", "tanh": "Tanh"}[blueprint.hidden]
    if images:
        h = add("Transpose", h, perm=[0, 3, 1, 2])
        for (W, b), padding in zip(pairs, blueprint.paddings):
            pads = [len(W) // 2 if padding == "same" else 0] * 4
            h = add(hidden, add("Conv", h, W.transpose(3, 2, 0, 1), b, pads=pads))
            h = add("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2])
        h = add("Flatten", h)
        W, b = pairs[images]  # its rows are positions and channels, which stand the other way round here
        pairs[images] = W.reshape(*blueprint.flattened(), -1).transpose(2, 0, 1, 3).reshape(W.shape), b
    for W, b in pairs[images:-1]:
        h = add(hidden, add("Gemm", h, W, b))
    h = add("Softmax", add("Gemm", h, *pairs[-1]), axis=1)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *blueprint.shape])]
    outputs = [helper.make_tensor_value_info(h, TensorProto.FLOAT, ["n", blueprint.classes])]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
