"""Memory that is used again: the large tables of a run go back to a small pool when nobody looks at them any more.

A fresh page costs more to get from the operating system than the kernel needs to fill it, so that the second of many
runs would spend a third of its time there, and threads would queue for it. Nothing has to be given back by hand: a
block returns when the last array that looks at it is gone.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import Any

import numpy as np

SMALLEST = 1 << 16  # bytes; what is smaller comes from NumPy
MOST = 96 << 20  # bytes kept for later

_lock = threading.RLock()  # giving back may start a garbage collection that gives back more
_free: dict[int, list[np.ndarray]] = {}
_kept = 0


def empty(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an uninitialised C-contiguous array, from the pool where there is a block of its size."""
    shape = (shape,) if isinstance(shape, int) else shape
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALLEST:
        return np.empty(shape, dtype)
    block = _take(size)
    # A view of a view refers to the array that owns the memory, or to the last one over a foreign buffer: this one.
    anchor = np.frombuffer(memoryview(block), np.uint8)
    weakref.finalize(anchor, _give_back, block).atexit = False
    return anchor.view(dtype).reshape(shape)


def clear() -> None:
    """Hand the pool's memory back to the operating system."""
    global _kept
    with _lock:
        _free.clear()
        _kept = 0


def _take(size: int) -> np.ndarray:
    global _kept
    with _lock:
        blocks = _free.get(size)
        if blocks:
            _kept -= size
            return blocks.pop()
    return np.empty(size, np.uint8)


def _give_back(block: np.ndarray) -> None:
    global _kept
    with _lock:
        if _kept + block.size <= MOST:
            _kept += block.size
            _free.setdefault(block.size, []).append(block)
