"""``keras.layers.core`` of Keras 2.1, and what older versions had there."""

from __future__ import annotations

import copy
from typing import Any

from minidl import config
from minidl import layers as today
from minidl.compat.keras.layers.faces import Face
from minidl.compat.keras.layers.lambda_ import Lambda as Lambda
from minidl.compat.keras.layers.options import WEIGHTS_1, OldLayer, old_names
from minidl.compat.keras.layers.own import Highway as _Highway
from minidl.compat.keras.layers.own import MaxoutDense as _MaxoutDense
from minidl.compat.keras.layers.signatures import TERMS
from minidl.compat.keras.seeding import draw_seed
from minidl.compat.translation import Given
from minidl.profile import KERAS_2_1

DENSE_1 = "output_dim, init, activation, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, "
DENSE_1 += "b_constraint, bias, input_dim"
OF_RATE = {"p": "rate"}


class _OldActivation(OldLayer):
    """``Activation``, whose argument may be a function, or a layer that is one."""

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The layer; a function of the script is one by itself."""
        draw_seed()
        with config.use_profile(KERAS_2_1):
            arguments, aside = self.translated(positional, keywords)
            function = arguments["activation"]
            if not isinstance(function, today.Activation):
                return self.finish(self.make(**arguments), aside)
            layer = copy.deepcopy(function)
            layer.given_name, layer.declared_input_shape = arguments["name"], arguments.get("input_shape")
            return self.finish(layer, aside)

    def adjusted(self, arguments: Given) -> Given:
        """The name and the options of what was given."""
        given = arguments["activation"]
        if type(given) is today.Activation or (isinstance(given, today.Activation) and isinstance(given, Face)):
            arguments = arguments | {"activation": given.activation, **given.options}
        return super().adjusted(arguments)


Dense = OldLayer(
    "Dense",
    today.Dense,
    f"units, activation=None, {TERMS}",
    keras_1={"output_dim": "units", **WEIGHTS_1},
    order_1=DENSE_1,
)
TimeDistributedDense = Dense.called("TimeDistributedDense", sequence=True, order_1=(*Dense.order_1, "input_length"))
Activation = _OldActivation("Activation", today.Activation, "activation")
Flatten = OldLayer("Flatten", today.Flatten, "")
Reshape = OldLayer("Reshape", today.Reshape, "target_shape")
Permute = OldLayer("Permute", today.Permute, "dims")
RepeatVector = OldLayer("RepeatVector", today.RepeatVector, "n")
Masking = OldLayer("Masking", today.Masking, "mask_value=0.0")
Dropout = OldLayer("Dropout", today.Dropout, "rate, noise_shape=None, seed=None", keras_1=OF_RATE)
SpatialDropout1D = OldLayer("SpatialDropout1D", today.SpatialDropout1D, "rate", keras_1=OF_RATE)
SpatialDropout2D = OldLayer(
    "SpatialDropout2D", today.SpatialDropout2D, "rate, data_format=None", keras_1={**OF_RATE, "dim_ordering": "data_format"}
)
SpatialDropout3D = OldLayer(
    "SpatialDropout3D", today.SpatialDropout3D, "rate, data_format=None", keras_1={**OF_RATE, "dim_ordering": "data_format"}
)
ActivityRegularization = OldLayer("ActivityRegularization", today.ActivityRegularization, "l1=0.0, l2=0.0")
MaxoutDense = OldLayer(
    "MaxoutDense",
    _MaxoutDense,
    "output_dim, nb_feature=4, init='glorot_uniform', W_regularizer=None, b_regularizer=None, activity_regularizer=None, "
    "W_constraint=None, b_constraint=None, bias=True",
    order_1="output_dim, nb_feature, init, weights, " + DENSE_1.partition("weights, ")[2],
)
Highway = OldLayer(
    "Highway",
    _Highway,
    "init='glorot_uniform', activation=None, W_regularizer=None, b_regularizer=None, activity_regularizer=None, "
    "W_constraint=None, b_constraint=None, bias=True",
    order_1=DENSE_1.partition("output_dim, ")[2],
)

__all__ = old_names(globals())
