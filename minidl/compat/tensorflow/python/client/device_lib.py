"""``tensorflow.python.client.device_lib``: what a script prints to see whether there is a GPU."""

from __future__ import annotations

from typing import NamedTuple

from minidl import backend as backends
from minidl import config


class Device(NamedTuple):
    """A device as TensorFlow describes it."""

    name: str
    device_type: str
    physical_device_desc: str = ""


def list_local_devices(session_config: object = None) -> list[Device]:
    """The device that minidl computes on.

    >>> [device.device_type for device in list_local_devices()]
    ['CPU']
    """
    device = str(backends.current().device)
    kind = "CPU" if config.backend() == "numpy" else "GPU"
    return [Device(f"/device:{kind}:0", kind, device)]
