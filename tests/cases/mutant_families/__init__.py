"""Faults to plant in a family of layers or ops, a file each: they call ``mutant`` of ``tests/cases/mutant.py``."""
