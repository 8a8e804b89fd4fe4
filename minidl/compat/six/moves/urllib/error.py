"""``urllib.error``."""

from urllib.error import *  # noqa: F403  (all of its names)
