"""Whether an asset is ready: every prepared array is finite at the present (rule 4).

A prepared array is one of floats with a row per bar. The ready map has a row for each: its address, its items per bar,
and its items per asset, 0 where all of them count for every asset.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import int64
from numba.core import types
from numba.core.extending import intrinsic

from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.struct import as_struct


def is_prepared(value: Any, n_bars: int) -> bool:
    """Whether a value is a prepared array."""
    return isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == n_bars and value.dtype.kind == "f"


def map_row(address: int, shape: tuple[int, ...], n_assets: int) -> tuple[int, int, int]:
    """Return the row of the ready map of a prepared array, C-contiguous float64."""
    per_bar = math.prod(shape[1:])
    by_asset = len(shape) > 1 and shape[1] == n_assets
    return address, per_bar, per_bar // n_assets if by_asset else 0


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
