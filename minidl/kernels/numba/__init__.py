"""Twins of ``minidl.ops`` for the CPU, compiled by Numba on first use. Files with an underscore are what they are made of."""
