"""Whether an asset is ready: every prepared array is finite at the present (rule 4)."""

import numpy as np
from llvmlite import ir
from numba import int64
from numba.core import types
from numba.core.extending import intrinsic

from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.struct import as_struct


@intrinsic
def load_f8(typingctx, address):
    """Read the float64 at an address."""

    def codegen(context, builder, sig, args):
        return builder.load(builder.inttoptr(args[0], ir.DoubleType().as_pointer()))

    return types.float64(types.int64), codegen


@inner_jit
def is_ready(s, t, a):
    """Whether all prepared arrays are finite at bar t for asset a; `ready_map` says where they lie."""
    for n in range(s.ready_map.shape[0]):
        address = s.ready_map[n, 0] + 8 * t * s.ready_map[n, 1]
        count = s.ready_map[n, 1]
        if s.ready_map[n, 2] > 0:
            count = s.ready_map[n, 2]
            address += 8 * a * count
        for k in range(count):
            if not np.isfinite(load_f8(address + 8 * k)):
                return False
    return True


@kernel_jit(int64(int64, int64))
def first_ready(address, first):
    """Return the first bar from `first` on at which any asset is ready, or n_bars."""
    s = as_struct(address, STATE)
    for t in range(first, s.n_bars):
        for a in range(s.n_assets):
            if is_ready(s, t, a):
                return t
    return s.n_bars
