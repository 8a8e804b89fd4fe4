"""Rows of the table of layers, a file for each family: ``CASES``, and ``ARGUMENTS`` at other values than their defaults."""
