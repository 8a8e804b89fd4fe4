"""A stand-in for TensorFlow, for scripts that train with Keras and set up a session, threads or a seed besides.

What has nothing to do here is accepted; ``tf.set_random_seed`` seeds, the threads of a ``ConfigProto`` are taken; functions
that losses are made of are those of ``keras.backend``; every other name is refused with what to write in its place.
``tf.keras`` is ``minidl.compat.keras``.
"""

from __future__ import annotations

from typing import Any

from minidl.compat import keras as keras
from minidl.compat.keras.backend.session import Nothing, get_session
from minidl.compat.keras.backend.session import Session as Session
from minidl.compat.keras.seeding import set_graph_seed
from minidl.compat.tensorflow import contrib as contrib
from minidl.compat.tensorflow import nn as nn
from minidl.compat.tensorflow import python as python
from minidl.compat.tensorflow import train as train
from minidl.compat.tensorflow.mathematics import FUNCTIONS
from minidl.compat.tensorflow.names import instead, refusing
from minidl.errors import ArgumentTypeError, closest, described

__version__ = VERSION = "1.4.0"  # that of the days of Keras 2.1.1
float16, float32, float64 = "float16", "float32", "float64"
int8, int16, int32, int64, uint8 = "int8", "int16", "int32", "int64", "uint8"
bool, string = "bool", "string"  # noqa: A001  (TensorFlow's names)
InteractiveSession = Session

_OPTIONS = {  # of how TensorFlow computes; none of them changes a result
    "GPUOptions": "per_process_gpu_memory_fraction allow_growth allocator_type visible_device_list "
    "deferred_deletion_bytes force_gpu_compatible polling_active_delay_usecs experimental",
    "OptimizerOptions": "do_common_subexpression_elimination do_constant_folding do_function_inlining opt_level "
    "global_jit_level",
    "GraphOptions": "optimizer_options rewrite_options build_cost_model infer_shapes place_pruned_graph",
    "ConfigProto": "gpu_options graph_options allow_soft_placement log_device_placement device_count "
    "intra_op_parallelism_threads inter_op_parallelism_threads use_per_session_threads operation_timeout_in_ms "
    "isolate_session_state session_inter_op_thread_pool experimental",
}


class _Options:
    """Options of a session, which may be given or assigned; one that TensorFlow does not have is refused."""

    def __init__(self, **options: Any) -> None:
        for name, value in options.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        known = _OPTIONS[type(self).__name__].split()
        if name not in known:
            where = f"tf.{type(self).__name__}"
            raise ArgumentTypeError(where, f"the option {name!r}", ", ".join(known), meant=closest(name, known))
        vars(self)[name] = value

    ON_1, ON_2, OFF, L0, L1 = 1, 2, -1, 0, 1


class GPUOptions(_Options):
    """Memory of the card, which minidl takes as it needs it."""


class OptimizerOptions(_Options):
    """How graphs are compiled."""


class GraphOptions(_Options):
    """How graphs are built."""


class ConfigProto(_Options):
    """Options of a session; the number of threads is taken from it."""

    intra_op_parallelism_threads = 0

    def __init__(self, **options: Any) -> None:
        vars(self).update(gpu_options=GPUOptions(), graph_options=GraphOptions(), device_count={})
        super().__init__(**options)


def set_random_seed(seed: int) -> None:
    """Seed initial weights, dropout and shuffling, together with ``np.random``."""
    if isinstance(seed, (float, str)) or not hasattr(seed, "__index__"):
        raise ArgumentTypeError("tf.set_random_seed", described(seed), "an integer")
    set_graph_seed(int(seed))


def get_default_graph() -> Nothing:
    """There is no graph: a block without effect."""
    return Nothing("a graph")


def Graph() -> Nothing:
    """There is no graph: a block without effect."""
    return Nothing("a graph")


def reset_default_graph() -> None:
    """Names of layers begin with 1 again."""
    keras.backend.clear_session()


def get_default_session() -> Session:
    """The session that was set, or one that stands for the program."""
    return get_session()


def device(name: Any = None) -> Nothing:
    """A block without effect: where minidl computes is said by ``minidl.set_backend``."""
    return Nothing(f"the device {name}")


def name_scope(name: str = "", *arguments: Any) -> Nothing:
    """A block without effect: names are those of layers."""
    return Nothing(f"the scope {name}")


variable_scope = name_scope


def global_variables_initializer() -> Nothing:
    """Weights have values as soon as they are made."""
    return Nothing("an initializer of variables")


initialize_all_variables = local_variables_initializer = tables_initializer = global_variables_initializer


class logging:
    """Messages of TensorFlow, which are not written here."""

    DEBUG, INFO, WARN, WARNING, ERROR, FATAL = 10, 20, 30, 30, 40, 50

    @staticmethod
    def set_verbosity(level: Any) -> None:
        """Without effect."""


class test:
    """What a script asks of the machine."""

    @staticmethod
    def is_gpu_available(*arguments: Any, **keywords: Any) -> Any:
        """Whether minidl computes on a GPU."""
        return keras.backend.on_gpu()

    @staticmethod
    def gpu_device_name() -> str:
        """Its name, "" where there is none."""
        return "/device:GPU:0" if keras.backend.on_gpu() else ""

    @staticmethod
    def is_built_with_cuda() -> Any:
        """Whether minidl computes on a GPU."""
        return keras.backend.on_gpu()


class random:
    """``tf.random``, for its seeds."""

    set_seed = set_random_seed = staticmethod(set_random_seed)


class _V1:
    """``tf.compat.v1``: the same names."""

    def __getattr__(self, name: str) -> Any:
        if name in ("disable_eager_execution", "disable_v2_behavior", "enable_eager_execution"):
            return lambda *arguments, **keywords: None
        return globals()[name] if name in globals() else __getattr__(name)


class compat:
    """``tf.compat``."""

    v1 = _V1()


_missing = refusing("tf", instead)


def __getattr__(name: str) -> Any:
    return FUNCTIONS[name] if name in FUNCTIONS else _missing(name)
