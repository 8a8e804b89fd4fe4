"""``flat_array(address, length, like)``: an array of ``like``'s type over memory whose address a table holds.

``column(pieces, piece, number, like)`` is one of the arrays of a table's piece (``backend/table.py``).

Nothing owns it: whoever made the table keeps the memory alive.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner
from minidl.kernels.numba._private import has

if DISABLED:

    def flat_array(address: Any, length: Any, like: Any) -> Any:
        """See the module."""
        size = int(length) * like.itemsize
        return np.frombuffer((ctypes.c_char * size).from_address(int(address)), like.dtype)

elif has("arrays"):
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._private import array_value

    @intrinsic
    def flat_array(typingctx: Any, address: Any, length: Any, like: Any) -> Any:
        """See the module."""
        kind = types.Array(like.dtype, 1, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return array_value(context, builder, kind, args[0], args[1])

        return kind(types.int64, types.int64, like), codegen

else:
    import numba
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def _pointer(typingctx: Any, address: Any, like: Any) -> Any:
        """The address as a pointer to numbers like those of ``like``."""
        kind = types.CPointer(like.dtype)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64, like), codegen

    @inner
    def flat_array(address: Any, length: Any, like: Any) -> Any:
        """See the module."""
        return numba.carray(_pointer(address, like), length)


@inner
def column(pieces, piece, number, like):  # type: ignore[no-untyped-def]
    """One array of a piece, of the dtype of ``like``."""
    return flat_array(pieces[piece, number], pieces[piece, pieces.shape[1] - 1], like)
