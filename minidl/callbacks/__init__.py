"""What happens around training besides training: looking, stopping, saving, writing down."""

from minidl.callbacks.base import Callback as Callback
from minidl.callbacks.base import LambdaCallback as LambdaCallback
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
