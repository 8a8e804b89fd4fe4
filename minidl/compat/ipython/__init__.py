"""``IPython`` for exported notebooks, where it is not installed: what shows things in a browser does nothing."""

from minidl.compat.ipython import display as display


def get_ipython() -> None:
    """There is no notebook: None, as with IPython outside of one."""
