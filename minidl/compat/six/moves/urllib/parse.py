"""``urllib.parse``."""

from urllib.parse import *  # noqa: F403  (all of its names)
