"""Kernels for CuPy arrays: CUDA C++ in ``.cu`` files, and beside each the Python that launches it; found by name."""
