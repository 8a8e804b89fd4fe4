"""``theano.tensor``: there, as scripts import it; every name in it is refused with what to write in its place."""

from __future__ import annotations

from minidl.compat.tensorflow.names import instead, refusing

__getattr__ = refusing("theano.tensor", instead)
