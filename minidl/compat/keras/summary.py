"""The table of ``model.summary()``, for ``keras.utils``; it stands in ``engine/table.py``."""

from minidl.compat.keras.engine.table import print_summary as print_summary
