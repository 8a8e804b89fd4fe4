"""What happens around training besides training: looking, stopping, saving, writing down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.on_demand import on_demand

_FILES = {
    "base": "Callback LambdaCallback now_and_then",
    "callback_list": "CallbackList",
    "checkpoint": "ModelCheckpoint",
    "csv_logger": "CSVLogger",
    "history": "History",
    "learning_rate": "LearningRateScheduler ReduceLROnPlateau",
    "progress": "PassProgress ProgressBar",
    "stopping": "EarlyStopping TerminateOnNaN",
    "tensorboard": "TensorBoard",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.callbacks.base import Callback as Callback
    from minidl.callbacks.base import LambdaCallback as LambdaCallback
    from minidl.callbacks.base import now_and_then as now_and_then
    from minidl.callbacks.callback_list import CallbackList as CallbackList
    from minidl.callbacks.checkpoint import ModelCheckpoint as ModelCheckpoint
    from minidl.callbacks.csv_logger import CSVLogger as CSVLogger
    from minidl.callbacks.history import History as History
    from minidl.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
    from minidl.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
    from minidl.callbacks.progress import PassProgress as PassProgress
    from minidl.callbacks.progress import ProgressBar as ProgressBar
    from minidl.callbacks.stopping import EarlyStopping as EarlyStopping
    from minidl.callbacks.stopping import TerminateOnNaN as TerminateOnNaN
    from minidl.callbacks.tensorboard import TensorBoard as TensorBoard
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES, "callback")
