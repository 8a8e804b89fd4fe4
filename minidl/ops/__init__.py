"""The mathematics: each op is a readable reference in NumPy's and CuPy's common language, with its gradient beside it.

Images are channels-last, (batch, *spatial, channels); the layers turn other orders. Kernels of the same names live in
``minidl.kernels`` and are found by ``backend.dispatch``. Arithmetic is IEEE's: infinities and NaN pass through without a
warning, and training reports them.
"""
