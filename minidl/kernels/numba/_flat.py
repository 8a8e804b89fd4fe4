"""``flat_array(address, length, like)``: an array of ``like``'s type over memory whose address a table holds.

``column(pieces, piece, number, like)`` is one of the arrays of a table's piece (``backend/table.py``).

Nothing owns it: whoever made the table keeps the memory alive.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner

if DISABLED:

    def flat_array(address: Any, length: Any, like: Any) -> Any:
        """See the module."""
        size = int(length) * like.itemsize
        return np.frombuffer((ctypes.c_char * size).from_address(int(address)), like.dtype)

else:
    from numba import types
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array

    @intrinsic
    def flat_array(typingctx: Any, address: Any, length: Any, like: Any) -> Any:
        """See the module."""
        kind = types.Array(like.dtype, 1, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = make_array(kind)(context, builder)
            itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(like.dtype)))
            populate_array(
                array,
                data=builder.inttoptr(args[0], array.data.type),
                shape=(args[1],),
                strides=(itemsize,),
                itemsize=itemsize,
                meminfo=None,
            )
            return array._getvalue()

        return kind(types.int64, types.int64, like), codegen


@inner
def column(pieces, piece, number, like):  # type: ignore[no-untyped-def]
    """One array of a piece, of the dtype of ``like``."""
    return flat_array(pieces[piece, number], pieces[piece, pieces.shape[1] - 1], like)
