"""Kernels of the ops: the same module, name and meaning, found by ``backend.dispatch`` and never imported by name."""
