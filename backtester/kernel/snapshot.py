"""An account put back to where it was before its first bar, so that one memory serves many runs."""

from __future__ import annotations

import numpy as np

from backtester.kernel.memory import AccountMemory

#: arrays that the kernel writes and reads again, all small but `adjusted`
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


class Snapshot:
    """What an account was when the snapshot was taken.

    Parameters
    ----------
    memory : AccountMemory
        That no bar has run in yet.
    """

    def __init__(self, memory: AccountMemory):
        self._memory = memory
        buffer = memory.buffer
        self._words = buffer.words.copy()
        self._arrays = [(buffer.get_array(name), buffer.get_array(name).copy()) for name in _WRITTEN]
        fields = [buffer.type.map[name] for name in (*_TABLES, "order_mask")]
        self._grown = np.concatenate([np.arange(at, at + field.words) for field, at in fields])

    def restore(self) -> None:
        """Make the account what it was; tables that have grown stay large."""
        words = self._memory.buffer.words
        tables = words[self._grown]
        words[:] = self._words
        words[self._grown] = tables
        for array, before in self._arrays:
            array[...] = before
        self._memory.tidy()
