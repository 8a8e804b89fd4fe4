"""The table of layers: every layer with every option that changes what it computes, on shapes small enough to prove.

A row says how to make the layer and which input it takes; ``case.layer()`` builds it with parameters that hide nothing
(no bias is 0, no gamma 1), ``case.inputs()`` draws a batch. Sizes are odd and unequal so that exchanged axes show.

>>> case = LAYERS["dense_relu"]
>>> case.layer().output_shape(case.input_shape), case.inputs().shape
((3,), (3, 4))
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import Constant, RandomNormal
from minidl.layers import (
    LSTM,
    Activation,
    ActivityRegularization,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    Input,
    Layer,
    MaxPooling2D,
    Recompute,
    Rescaling,
    Reshape,
)
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.regularizers import L1L2
from tests.cases import layer_families
from tests.cases.case import Case as Case
from tests.cases.case import frozen
from tests.cases.case import sampled as sampled
from tests.cases.losses import LOSSES as LOSSES
from tests.cases.losses import LossCase as LossCase


def residual_with_shared_layer() -> Layer:
    """x + f(f(x)): a skip connection around one layer used twice."""
    x = Input((4,))
    shared = Dense(4, activation="tanh")
    return Graph(x, Add()([x, shared(shared(x))]))


def residual_images() -> Layer:
    """relu(x + conv(batch norm(conv(x)))): a block of a residual network."""
    x = Input((5, 4, 3))
    h = Activation("elu")(BatchNormalization()(Conv2D(3, 3, padding="same", use_bias=False)(x)))
    return Graph(x, Activation("leaky_relu")(Add()([x, Conv2D(3, 3, padding="same")(h)])))


def recomputed_block() -> Layer:
    """Everything that draws or keeps state, inside a block that is computed twice."""
    block = [Dense(5, activation="tanh"), BatchNormalization(), Dropout(0.3, seed=3), Dense(4)]
    return Chain([Dense(4), Recompute(Chain(block)), Dense(2)])


def two_outputs() -> Layer:
    """A block with two results, both of which are used."""
    x = Input((4,))
    h = Dense(3, activation="tanh")(x)
    inner = Graph(x, [Dense(2)(h), Dense(3)(h)])
    y = Input((4,))
    a, b = inner(y)
    return Graph(y, Concatenate()([a, b]))


def two_inputs() -> Layer:
    """A graph with two inputs of different width."""
    a, b = Input((3,)), Input((5,))
    return Graph([a, b], Dense(2)(Add()([Dense(4, activation="sigmoid")(a), Dense(4)(b)])))


def lecture_network() -> Layer:
    """Two blocks of convolution and pooling on an odd size, then a classifier: the courses' network, small."""
    return Chain(
        [
            Conv2D(2, 3, padding="same", activation="relu"),
            MaxPooling2D(2),
            Conv2D(3, 2, activation="relu"),
            MaxPooling2D((2, 1), padding="same"),
            Flatten(),
            Dropout(0.25, seed=3),
            Dense(4, activation="softmax"),
        ]
    )


# The rows of whole families of layers stand in files of their own: lists ``CASES`` and ``ARGUMENTS``.
FAMILIES = [
    importlib.import_module(info.name) for info in pkgutil.iter_modules(layer_families.__path__, "tests.cases.layer_families.")
]


def _table(*cases: Case) -> dict[str, Case]:
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), "two cases of one name"
    return {case.name: case for case in cases}


IMAGE = (5, 7, 3)  # height, width, channels
FIRST = (3, 5, 7)  # the same with the channels first
ACTIVATIONS = ("linear", "sign", "sigmoid", "tanh", "relu", "softplus", "leaky_relu", "elu", "hard_sigmoid", "softmax")
ACTIVATIONS += ("selu", "softsign", "exponential", "swish", "gelu", "mish", "log_softmax")

LAYERS = _table(
    # Dense
    *(Case(f"dense_{name}", lambda name=name: Dense(3, activation=name), (4,)) for name in ACTIVATIONS),
    Case("dense_no_bias", lambda: Dense(3, use_bias=False), (4,)),
    Case("dense_1d", lambda: Dense(3), (1,)),
    Case("dense_3d", lambda: Dense(3, activation="tanh"), (2, 4)),
    Case("dense_4d", lambda: Dense(2, activation="softmax"), (3, 2, 4)),
    Case("dense_frozen", lambda: frozen(Dense(3)), (4,)),
    Case("dense_activation_object", lambda: Dense(3, activation=Activation("leaky_relu", negative_slope=0.4)), (4,)),
    # Conv2D
    Case("conv", lambda: Conv2D(2, 3), IMAGE),
    Case("conv_same", lambda: Conv2D(2, 3, padding="same"), IMAGE),
    Case("conv_same_even_kernel", lambda: Conv2D(2, (2, 4), padding="same"), IMAGE),
    Case("conv_same_even_size", lambda: Conv2D(2, 3, strides=2, padding="same"), (6, 4, 3)),
    Case("conv_same_odd_size", lambda: Conv2D(2, 3, strides=2, padding="same"), IMAGE),
    Case("conv_strides", lambda: Conv2D(2, 3, strides=(2, 3)), IMAGE),
    Case("conv_strides_same", lambda: Conv2D(2, (2, 3), strides=(3, 2), padding="same"), IMAGE),
    Case("conv_kernel_smaller_than_stride", lambda: Conv2D(2, 2, strides=3), IMAGE),
    Case("conv_leftover_border", lambda: Conv2D(2, 2, strides=(2, 2)), IMAGE),
    Case("conv_dilation", lambda: Conv2D(2, (2, 3), dilation_rate=(3, 2)), IMAGE),
    Case("conv_dilation_same", lambda: Conv2D(2, 3, dilation_rate=2, padding="same"), IMAGE),
    Case("conv_groups", lambda: Conv2D(6, 3, groups=3, padding="same"), (4, 3, 6)),
    Case("conv_depthwise", lambda: Conv2D(3, (3, 2), groups=3), IMAGE),
    Case("conv_groups_strides_first", lambda: Conv2D(4, 3, (2, 1), groups=2, data_format="channels_first"), (4, 5, 4)),
    Case("conv_1x1", lambda: Conv2D(2, 1), IMAGE),
    Case("conv_1x1_strides", lambda: Conv2D(2, 1, strides=2), IMAGE),
    Case("conv_whole_image", lambda: Conv2D(2, (5, 7)), IMAGE),
    Case("conv_one_channel", lambda: Conv2D(2, 3), (5, 4, 1)),
    Case("conv_no_bias", lambda: Conv2D(2, 3, use_bias=False), IMAGE),
    Case("conv_relu", lambda: Conv2D(2, 3, activation="relu"), IMAGE),
    Case("conv_softmax", lambda: Conv2D(3, 2, activation="softmax"), IMAGE),
    Case("conv_first", lambda: Conv2D(2, 3, data_format="channels_first"), FIRST),
    Case("conv_first_same", lambda: Conv2D(2, 3, (1, 2), "same", "channels_first", activation="tanh"), FIRST),
    Case("conv_first_softmax", lambda: Conv2D(3, 2, data_format="channels_first", activation="softmax"), FIRST),
    Case("conv_first_one_channel", lambda: Conv2D(2, 3, data_format="channels_first"), (1, 5, 4)),
    # pooling
    *(
        Case(f"{name}_{variant}", lambda kind=kind, arguments=arguments: kind(**arguments), shape)
        for name, kind in (("max_pool", MaxPooling2D), ("average_pool", AveragePooling2D))
        for variant, arguments, shape in (
            ("plain", {}, (4, 6, 2)),
            ("odd_size", {"pool_size": 2}, IMAGE),
            ("odd_size_same", {"pool_size": 2, "padding": "same"}, IMAGE),
            ("overlapping", {"pool_size": 3, "strides": 1}, IMAGE),
            ("overlapping_same", {"pool_size": 3, "strides": 2, "padding": "same"}, (6, 5, 2)),
            ("anisotropic", {"pool_size": (1, 3), "strides": (2, 1)}, IMAGE),
            ("strides_beyond_window", {"pool_size": 2, "strides": 3}, (7, 5, 2)),
            ("strides_beyond_window_same", {"pool_size": (1, 2), "strides": (2, 3), "padding": "same"}, IMAGE),
            ("first", {"pool_size": 2, "data_format": "channels_first"}, FIRST),
            ("first_same", {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}, FIRST),
        )
    ),
    # shapes and scales
    Case("flatten", lambda: Flatten(), (2, 3, 4)),
    Case("flatten_flat", lambda: Flatten(), (4,)),
    Case("reshape", lambda: Reshape((4, 3)), (2, 6)),
    Case("reshape_open", lambda: Reshape((2, -1, 3)), (4, 6)),
    Case("rescaling", lambda: Rescaling(1 / 255), (2, 3)),
    Case("rescaling_offset", lambda: Rescaling(2.0, -0.5), (2, 3)),
    # dropout
    Case("dropout", lambda: Dropout(0.4, seed=1), (4, 3)),
    Case("concatenate", Concatenate, ((3, 4), (3, 2))),
    Case("concatenate_time", lambda: Concatenate(axis=1), ((3, 4), (2, 4), (1, 4))),
    Case("embedding", lambda: Embedding(7, 3), (5,), ids=7),
    Case("embedding_penalised", lambda: Embedding(7, 3, activity_regularizer=L1L2(0.1, 0.2)), (5,), ids=7),
    Case("embedding_masked", lambda: Chain([Embedding(7, 3, mask_zero=True), GlobalAveragePooling1D()]), (5,), ids=7),
    Case("batch_norm_masked", lambda: Chain([Embedding(7, 3, mask_zero=True), BatchNormalization()]), (5,), ids=7),
    Case("embedding_masked_max", lambda: Chain([Embedding(4, 3, mask_zero=True), GlobalMaxPooling1D()]), (5,), ids=4),
    Case("activity_regularization", lambda: ActivityRegularization(0.1, 0.2), (4,)),
    Case("dense_penalised", lambda: Dense(3, activation="tanh", activity_regularizer=L1L2(0.1, 0.2)), (4,)),
    Case("convolution_penalised", lambda: Conv2D(2, 2, activation="relu", activity_regularizer=L1L2(0.1, 0.2)), (4, 3, 2)),
    Case("lstm_penalised", lambda: LSTM(3, activity_regularizer=L1L2(0.1, 0.2)), (4, 2)),
    *(
        Case(f"{make.__name__}{'_keepdims' * keep}", lambda make=make, keep=keep: make(keepdims=keep), shape)
        for make, shape in (
            (GlobalAveragePooling1D, (5, 3)),
            (GlobalMaxPooling1D, (5, 3)),
            (GlobalAveragePooling2D, (3, 4, 2)),
            (GlobalMaxPooling2D, (3, 4, 2)),
            (GlobalAveragePooling3D, (2, 3, 2, 2)),
            (GlobalMaxPooling3D, (2, 3, 2, 2)),
        )
        for keep in (False, True)
    ),
    Case("global_average_channels_first", lambda: GlobalAveragePooling2D("channels_first"), (2, 3, 4)),
    Case("global_max_channels_first", lambda: GlobalMaxPooling2D("channels_first", True), (2, 3, 4)),
    Case("recompute", lambda: Recompute(Dense(3, activation="tanh")), (4,)),
    Case("recompute_block", recomputed_block, (4,), batch=4, single=False),
    Case("several_outputs", two_outputs, (4,)),
    Case("dropout_inference", lambda: Dropout(0.4, seed=1), (4, 3), training=False),
    Case("dropout_rate_0", lambda: Dropout(0.0, seed=1), (4, 3)),
    Case("dropout_rate_1", lambda: Dropout(1, seed=1), (4, 3)),
    Case("dropout_noise_shape", lambda: Dropout(0.5, noise_shape=(None, 1, 3), seed=2), (4, 3)),
    Case("dropout_noise_shape_batch", lambda: Dropout(0.5, noise_shape=(1, None, 3), seed=2), (4, 3)),
    # activations
    *(Case(f"activation_{name}", lambda name=name: Activation(name), (2, 5)) for name in ACTIVATIONS),
    Case("activation_leaky_relu_0", lambda: Activation("leaky_relu", negative_slope=0), (5,)),
    Case("activation_leaky_relu_option", lambda: Activation("leaky_relu", negative_slope=0.3), (5,)),
    Case("activation_leaky_relu_steep", lambda: Activation("leaky_relu", negative_slope=1.5), (5,)),
    Case("activation_elu_option", lambda: Activation("elu", alpha=0.7), (5,)),
    Case("activation_elu_0", lambda: Activation("elu", alpha=0), (5,)),
    Case("activation_gelu_approximate", lambda: Activation("gelu", approximate=True), (5,)),
    Case("activation_silu", lambda: Activation("silu"), (5,)),
    Case("activation_log_softmax_3d", lambda: Activation("log_softmax"), (2, 5)),
    Case("conv_swish", lambda: Conv2D(2, 3, activation="swish"), IMAGE),
    Case("conv_first_gelu", lambda: Conv2D(2, 3, data_format="channels_first", activation="gelu"), FIRST),
    Case("conv_first_log_softmax", lambda: Conv2D(3, 2, data_format="channels_first", activation="log_softmax"), FIRST),
    # batch normalisation
    *(
        Case(f"batch_norm_{variant}{mode}", make, shape, training=not mode, batch=4, single=bool(mode) or len(shape) > 1)
        for mode in ("", "_inference")
        for variant, make, shape in (
            ("2d", lambda: BatchNormalization(), (3,)),
            ("4d", lambda: BatchNormalization(), (2, 3, 2)),
            ("axis_1", lambda: BatchNormalization(axis=1), (2, 3, 2)),
            ("no_scale", lambda: BatchNormalization(scale=False), (3,)),
            ("no_center", lambda: BatchNormalization(center=False, epsilon=1e-2), (3,)),
            ("bare", lambda: BatchNormalization(scale=False, center=False), (3,)),
        )
    ),
    Case("batch_norm_frozen", lambda: frozen(BatchNormalization()), (2, 3, 2)),
    # recurrent
    Case("lstm", lambda: LSTM(3), (4, 2)),
    Case("lstm_sequences", lambda: LSTM(3, return_sequences=True), (4, 2)),
    Case("lstm_hard_sigmoid", lambda: LSTM(2, recurrent_activation="hard_sigmoid", return_sequences=True), (4, 3)),
    Case("lstm_no_bias", lambda: LSTM(3, use_bias=False), (4, 2)),
    Case("lstm_softplus", lambda: LSTM(2, activation="softplus"), (3, 2)),
    Case("lstm_one_step", lambda: LSTM(2), (1, 3)),
    # containers and graphs
    Case("add", lambda: Add(), ((2, 3), (2, 3), (2, 3))),
    Case("chain_empty", lambda: Chain(), (3,)),
    Case("chain_nested", lambda: Chain([Dense(4, "tanh"), Chain([Dense(3, "elu"), Dense(2)])]), (5,)),
    Case("chain_same_layer_twice", lambda: (lambda layer: Chain([layer, layer]))(Dense(3, "tanh")), (3,)),
    Case("chain_frozen_front", lambda: Chain([frozen(Dense(4, "tanh")), Dense(2)]), (3,)),
    Case(
        "chain_batch_norm",
        lambda: Chain([Dense(3, use_bias=False), BatchNormalization(), Dense(2, "softmax")]),
        (4,),
        batch=5,
        single=False,
    ),
    Case("chain_lecture_network", lecture_network, (7, 5, 1)),
    Case("chain_lstm", lambda: Chain([LSTM(3, return_sequences=True), LSTM(2), Dense(3, "softmax")]), (3, 2)),
    Case("graph_residual_shared", residual_with_shared_layer, (4,)),
    Case("graph_residual_images", residual_images, (5, 4, 3)),
    Case("graph_two_inputs", two_inputs, ((3,), (5,))),
    *(case for family in FAMILIES for case in family.CASES),
)

# -- every argument at another value than its default -----------------------------------------------------------------------

OPTIONS = {"name": "mine", "trainable": False, "dtype": "float64"}  # of every layer, beside ``input_shape``
_TERMS = {"regularizer": L1L2(0.1, 0.2), "constraint": MaxNorm(1.5, axis=-1)}
_ACTIVATED = {
    "activation": Activation("leaky_relu", negative_slope=0.4),
    "use_bias": False,
    "kernel_initializer": RandomNormal(0.5, 0.2, seed=3),
    "bias_initializer": "ones",
    "activity_regularizer": L1L2(0.2, 0.3),
    **{f"{of}_{name}": value for of in ("kernel", "bias") for name, value in _TERMS.items()},
}
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (Activation, {"activation": "leaky_relu", "negative_slope": 0.3}),
    (Activation, {"activation": "elu", "alpha": 0.3}),
    (Activation, {"activation": "gelu", "approximate": True}),
    (Activation, {"activation": "hard_sigmoid", "slope": 0.3}),
    (ActivityRegularization, {"l1": 0.1, "l2": 0.2}),
    (Add, {}),
    (AveragePooling2D, {"pool_size": (2, 1), "strides": (1, 2), "padding": "same", "data_format": "channels_first"}),
    (
        BatchNormalization,
        {
            "axis": 1,
            "momentum": 0.5,
            "epsilon": 0.25,
            "center": False,
            "scale": False,
            "beta_initializer": "ones",
            "gamma_initializer": "zeros",
            "moving_mean_initializer": "ones",
            "moving_variance_initializer": Constant(2.0),
            **{f"{of}_{name}": value for of in ("beta", "gamma") for name, value in _TERMS.items()},
        },
    ),
    (Concatenate, {"axis": 1}),
    (
        Conv2D,
        {
            "filters": 4,
            "kernel_size": (3, 2),
            "strides": (1, 2),
            "padding": "same",
            "data_format": "channels_first",
            "dilation_rate": (2, 1),
            "groups": 2,
            **_ACTIVATED,
        },
    ),
    (Dense, {"units": 3, **_ACTIVATED}),
    (Dropout, {"rate": 0.3, "noise_shape": (None, 1), "seed": 4}),
    (
        Embedding,
        {
            "input_dim": 7,
            "output_dim": 3,
            "embeddings_initializer": Constant(0.5),
            "mask_zero": True,
            "activity_regularizer": L1L2(0.2, 0.3),
            **{f"embeddings_{name}": value for name, value in _TERMS.items()},
        },
    ),
    (Flatten, {}),
    *(
        (kind, {"data_format": "channels_first", "keepdims": True})
        for kind in (
            GlobalAveragePooling1D,
            GlobalAveragePooling2D,
            GlobalAveragePooling3D,
            GlobalMaxPooling1D,
            GlobalMaxPooling2D,
            GlobalMaxPooling3D,
        )
    ),
    (MaxPooling2D, {"pool_size": (2, 1), "strides": (1, 2), "padding": "same", "data_format": "channels_first"}),
    (Recompute, {"block": Dense(2, activation="relu")}),
    (Rescaling, {"scale": 0.5, "offset": 0.25}),
    (Reshape, {"target_shape": (-1, 2)}),
    *(row for family in FAMILIES for row in family.ARGUMENTS),
]
