"""An account put back to where it was before its first bar, so that one memory serves many runs."""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit
from backtester.kernel.memory import AccountMemory
from backtester.kernel.struct import copy_words

#: arrays that the kernel writes and reads again, all small but `adjusted`; their items are words
_WRITTEN = (
    *("positions", "entry_prices", "marks", "phase_marks", "multipliers", "used_volume", "bound_down", "bound_up"),
    *("open_counts", "replaceable_counts", "protective_counts", "delisted", "used_bar"),
    *("book_first", "book_count", "book_room", "rates", "balances", "free", "adjusted"),
)
#: tables that may grow; their rows count for nothing until they are written
_TABLES = (
    *("active", "hand", "keys", "key_prices", "ranks", "fills", "orders", "flows", "changes", "actions", "records"),
    *("book_keys", "book_ids", "shelf", "woken", "woken_prices", "woken_up", "rejects"),
)
#: fields that stay as they are: where the tables lie, and where the arrays of the strategy of the next run do
_STAYING = (*_TABLES, "order_mask", "ready_map")


@inner_jit
def put_back(words, saved, restored, moves):
    """Write the words that are restored, and the arrays of `moves`: address, address of what it was, words."""
    for at in restored:
        words[at] = saved[at]
    for k in range(len(moves)):
        copy_words(moves[k, 0], moves[k, 1], moves[k, 2])


class Snapshot:
    """What an account was when the snapshot was taken.

    Parameters
    ----------
    memory : AccountMemory
        That no bar has run in yet.

    Attributes
    ----------
    parts : tuple of ndarray
        What `put_back` takes.
    """

    def __init__(self, memory: AccountMemory):
        buffer = memory.buffer
        arrays = [buffer.get_array(name) for name in _WRITTEN]
        self._before = [array.copy() for array in arrays]
        moves = [(a.ctypes.data, b.ctypes.data, a.size) for a, b in zip(arrays, self._before, strict=True)]
        fields = [buffer.type.map[name] for name in _STAYING]
        staying = np.concatenate([np.arange(at, at + field.words) for field, at in fields])
        restored = np.setdiff1d(np.arange(len(buffer.words)), staying)
        self.parts = (buffer.words, buffer.words.copy(), restored, np.array(moves, np.int64))
