"""What ``import tensorflow`` finds in a process that an old script has started."""

from minidl.compat.modules import stand_in

stand_in(__name__)
