"""``Lambda`` of Keras 2.1: a function of ``keras.backend`` as a layer."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras.layers.lambda_layer import Lambda as LambdaLayer
from minidl.compat.keras.layers.options import OldLayer
from minidl.compat.translation import Given


class OldLambda(OldLayer):
    """``Lambda`` of a script; minidl has no other spelling of it."""

    def _is_old(self, args: tuple[Any, ...], keywords: Given, arguments: Given) -> bool:
        return False


Lambda: Any = OldLambda(
    "Lambda",
    LambdaLayer,
    "function, output_shape=None, mask=None, arguments=None",
    today={"output_shape": "result_shape"},
)
