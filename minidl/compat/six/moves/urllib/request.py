"""``urllib.request``."""

from urllib.request import *  # noqa: F403  (all of its names)
