"""What happens around training besides training: looking, stopping, telling."""

from minidl.callbacks.base import Callback as Callback
from minidl.callbacks.base import CallbackList as CallbackList
from minidl.callbacks.base import LambdaCallback as LambdaCallback
from minidl.callbacks.history import History as History
from minidl.callbacks.progress import PassProgress as PassProgress
from minidl.callbacks.progress import ProgressBar as ProgressBar
from minidl.callbacks.stopping import EarlyStopping as EarlyStopping
from minidl.callbacks.stopping import TerminateOnNaN as TerminateOnNaN
