"""Rows of the table of layers, a file for each family: ``CASES``, and ``ARGUMENTS`` at other values than their defaults.

``DEFAULTS`` are what the arguments of each class are when nobody says, for ``tests/test_every_class.py``; ``PENALIZED`` are
rows for ``tests/layers/test_penalties.py``, one for each class whose parameters may be penalised or constrained.
"""
