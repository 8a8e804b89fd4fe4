"""Layers of sequences that repeat, leave out and treat alike, and those that move axes or nothing at all."""

from __future__ import annotations

from typing import Any

from minidl.layers import (
    LSTM,
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Identity,
    Input,
    Layer,
    Masking,
    MaxPooling2D,
    Permute,
    RepeatVector,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    TimeDistributed,
)
from minidl.layers.containers import Chain
from minidl.models import Model, Sequential
from tests.cases.case import Case, frozen


def frames() -> Layer:
    """A small network for each picture of a film."""
    return TimeDistributed(Sequential([Conv2D(2, 2, activation="tanh"), MaxPooling2D((1, 2)), Flatten(), Dense(2)]))


def everything_inside() -> Layer:
    """What draws, keeps state and is penalised, once for all steps; and a shared layer around it."""
    shared = Dense(3, activation="tanh")
    inner = [shared, BatchNormalization(), Dropout(0.3, seed=3), shared, ActivityRegularization(0.1, 0.2)]
    return TimeDistributed(Sequential(inner))


def with_branches() -> Layer:
    """A graph for every step."""
    x = Input((3,))
    return TimeDistributed(Model(x, Dense(2)(Activation("tanh")(x))))


SPATIAL: tuple[tuple[str, Any, dict[str, Any], tuple[int, ...], bool], ...] = (
    ("1d", SpatialDropout1D, {}, (4, 3), True),
    ("2d", SpatialDropout2D, {}, (2, 3, 3), False),
    ("2d_first", SpatialDropout2D, {"data_format": "channels_first"}, (3, 2, 3), True),
    ("3d", SpatialDropout3D, {}, (2, 1, 3, 3), False),
    ("3d_first", SpatialDropout3D, {"data_format": "channels_first"}, (3, 2, 1, 3), False),
)

CASES: list[Case] = [
    Case("repeat_vector", lambda: RepeatVector(3), (4,)),
    Case("repeat_vector_once", lambda: RepeatVector(1), (2,), always=False),
    Case("permute", lambda: Permute((2, 1)), (3, 4), always=False),
    Case("permute_cycle", lambda: Permute((2, 3, 1)), (2, 3, 4)),
    Case("permute_same", lambda: Permute(1), (3,), always=False),
    Case("identity", Identity, (2, 3)),
    Case("masking", Masking, (4, 3)),
    Case("masking_mean", lambda: Chain([Masking(), GlobalAveragePooling1D()]), (4, 3), always=False),
    Case("masking_images", lambda: Masking(1.0), (3, 2, 2, 2), always=False),
    Case("time_distributed", lambda: TimeDistributed(Dense(3, activation="tanh")), (2, 4), always=False),
    Case("time_distributed_frames", frames, (2, 3, 4, 1)),
    Case("batch_norm_distributed", everything_inside, (2, 3), batch=4, single=False),
    Case("time_distributed_graph", with_branches, (2, 3), always=False),
    Case("time_distributed_lstm", lambda: TimeDistributed(LSTM(2)), (2, 3, 2), always=False),
    Case("time_distributed_twice", lambda: TimeDistributed(TimeDistributed(Dense(2))), (2, 3, 4), always=False),
    Case("time_distributed_embedding", lambda: TimeDistributed(Embedding(5, 3)), (2, 4), ids=5, always=False),
    Case("time_distributed_moves", lambda: TimeDistributed(Flatten()), (2, 3, 2), always=False),
    Case("time_distributed_frozen", lambda: frozen(TimeDistributed(Dense(2))), (2, 3), always=False),
    Case("time_distributed_one_step", lambda: TimeDistributed(Dense(2)), (1, 3), always=False),
    *(
        Case(f"dropout_spatial_{name}", lambda kind=kind, options=options: kind(0.4, seed=1, **options), shape, always=always)
        for name, kind, options, shape, always in SPATIAL
    ),
    Case("dropout_spatial_inference", lambda: SpatialDropout1D(0.4, seed=1), (4, 3), training=False, always=False),
]

ARGUMENTS: list[tuple[type, dict[str, Any]]] = [
    (RepeatVector, {"n": 3}),
    (Permute, {"dims": (2, 1)}),
    (Identity, {}),
    (Masking, {"mask_value": -1.0}),
    (TimeDistributed, {"layer": Dense(2, activation="relu")}),
    (SpatialDropout1D, {"rate": 0.3, "seed": 4}),
    (SpatialDropout2D, {"rate": 0.3, "data_format": "channels_first", "seed": 4}),
    (SpatialDropout3D, {"rate": 0.3, "data_format": "channels_first", "seed": 4}),
]

DEFAULTS: dict[str, dict[str, Any]] = {
    "RepeatVector": {},
    "Permute": {},
    "Identity": {},
    "Masking": {"mask_value": 0.0},
    "TimeDistributed": {},
    "SpatialDropout1D": {"seed": None},
    "SpatialDropout2D": {"data_format": None, "seed": None},
    "SpatialDropout3D": {"data_format": None, "seed": None},
}
