"""Inputs for the ops of a family, a file each: they call ``add`` of ``tests/cases/op_case.py``."""
