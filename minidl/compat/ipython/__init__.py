"""``IPython`` for exported notebooks, where it is not installed: what shows things in a browser does nothing."""

from minidl.compat.ipython import display as display

version_info, __version__ = (8, 24), "8.24"  # matplotlib asks: from here on IPython knows its backends by itself


def get_ipython() -> None:
    """There is no notebook: None, as with IPython outside of one."""
