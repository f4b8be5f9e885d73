"""N accounts in one market, in one block of memory: what an environment steps with a single call.

Every account is the same struct as that of a backtest, at `address + e * stride`, followed by the arrays it writes to;
the market, the settings and everything else that is only read is shared. The functions of the kernel take its
address, and cannot tell it from the account of a backtest.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping

import numpy as np
from numba.core import types

from backtester.errors import SettingsError
from backtester.kernel.codes import Table
from backtester.kernel.memory import GROW, AccountMemory, MarketArrays, Rules
from backtester.kernel.opening import step_flat
from backtester.kernel.struct import StructBuffer

#: arrays of the state that the kernel writes: each account has its own
OWN = (
    *("positions", "entry_prices", "marks", "phase_marks", "multipliers", "used_volume", "bound_down", "bound_up"),
    *("open_counts", "replaceable_counts", "protective_counts", "delisted", "used_bar"),
    *("book_first", "book_count", "book_room", "rates", "balances", "free"),
    *("active", "hand", "keys", "key_prices", "ranks", "fills"),  # up to here: `hot`
    *("orders", "flows", "changes", "actions", "records", "equity_curve"),
    *("book_keys", "book_ids", "shelf", "woken", "woken_prices", "woken_up", "rejects"),
)
_OF = " of "  # between a table and the number of its account, in a state
_LINE = 8  # words of a cache line
_SHORT = 4  # rows of the tables that a step hardly fills


class Accounts:
    """N accounts in one market.

    Parameters
    ----------
    market : MarketArrays
        Kept alive and shared, never written.
    rules : Rules
        Settings of every account.
    n : int
        How many accounts.
    rows : int
        First rows of the order table, a power of two. Tables of an account grow when they are full.

    Attributes
    ----------
    address, stride : int
        Account e lies at `address + e * stride` (bytes).
    hot : int
        So many bytes at its beginning are what most steps touch.
    """

    def __init__(self, market: MarketArrays, rules: Rules, n: int, rows: int):
        self.n = n
        self.market = market
        template = AccountMemory(market, rules, rows, short=_SHORT)
        self._template = template
        buffer = template.buffer
        self._shared = dict(buffer._kept)
        sizes = {name: _words(buffer.get_array(name)) for name in OWN}
        head = -(-buffer.type.n_words // _LINE) * _LINE
        stride = head + sum(sizes.values())
        stride += 0 if stride // _LINE % 2 else _LINE  # an odd number of lines: accounts do not share cache sets
        self.block = np.zeros((n, stride), np.int64)
        self.block[:, : buffer.words.size] = buffer.words
        self.stride = 8 * stride
        self.address: int = self.block.ctypes.data
        starts = self.address + self.stride * np.arange(n)
        self._at: dict[str, int] = {}
        for name in OWN:
            array = buffer.get_array(name)
            self.block[:, buffer.offset(name)] = starts + 8 * head
            self.block[:, head : head + array.nbytes // 8] = array.view(np.int64).reshape(-1)
            self._at[name] = head
            head += sizes[name]
        self.hot = 8 * self._at["orders"]
        self._grow = _growing(self)
        self.block[:, buffer.offset("fn_grow")] = ctypes.cast(self._grow, ctypes.c_void_p).value or 0
        self._grown: dict[int, AccountMemory] = {}
        self.untidy = False  # whether growth left tables behind

    def __len__(self) -> int:
        return self.n

    def account(self, e: int) -> AccountMemory:
        """Return account e as a memory of its own, over the same words."""
        if e in self._grown:
            return self._grown[e]
        words = self.block[e]
        buffer = StructBuffer(self._template.buffer.type, words=words)
        buffer._kept.update(self._shared)
        buffer._kept.update(self._laid_out(e))
        return AccountMemory.over(buffer, self.market)

    def _laid_out(self, e: int) -> dict[str, np.ndarray]:
        """Return the arrays of account e where they lie in the block, whatever has grown out of it since."""
        words, found = self.block[e], {}
        for name, at in self._at.items():
            like = self._shared[name]
            found[name] = words[at : at + like.nbytes // 8].view(like.dtype).reshape(like.shape)
        return found

    def view(self, name: str) -> np.ndarray:
        """Return a scalar of all accounts, [n], or an array of all, [n, …], without a copy; not of a table."""
        field, offset = self._template.buffer.type.map[name]
        if field.kind == "scalar":
            column = self.block[:, offset]
            return column.view(np.float64) if isinstance(field.type, types.Float) else column
        like, at = self._shared[name], self._at[name]
        return self.block[:, at : at + like.nbytes // 8].view(like.dtype).reshape(self.n, *like.shape)

    def grow(self, address: int, table: int) -> None:
        """Make a full table of the account at an address larger."""
        self.untidy = True
        e = (address - self.address) // self.stride
        self._grown[e] = memory = self.account(e)
        memory.grow(Table(table))

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of everything that steps change, without addresses: `set_state` takes it in another process.

        They are plain int64 and float64 arrays; a row of a table is its words. Tables that have grown are there twice:
        as they were laid out, and as they are now, under their name and the number of the account.
        """
        state = {"scalars": self.block[:, self._scalars()]}
        for name in OWN:
            state[name] = _plain(self.view(name))
        for e, memory in self._grown.items():
            for name in OWN:
                array = memory.buffer.get_array(name)
                if array.shape != self._shared[name].shape:
                    state[f"{name}{_OF}{e}"] = _plain(array)
        return state

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of accounts of the same market, settings and number.

        Raises
        ------
        SettingsError
            If it is of others; nothing has changed then.
        """
        self.check_state(state)
        for e, memory in self._grown.items():
            for name, array in self._laid_out(e).items():
                memory.buffer.set_array(name, array)
        self._grown.clear()
        self.block[:, self._scalars()] = state["scalars"]
        for name in OWN:
            self.view(name)[...] = _rows(state[name], self._shared[name].dtype)
        for name, array in state.items():
            table, _, number = name.partition(_OF)
            if number:
                e = int(number)
                self._grown[e] = memory = self.account(e)
                memory.buffer.set_array(table, _rows(array.copy(), self._shared[table].dtype))

    def check_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Raise `SettingsError` for a state of other accounts."""
        fit = {"scalars": self.block[:, self._scalars()]} | {name: self.view(name) for name in OWN}
        for name, mine in fit.items():
            words = mine.dtype.itemsize // 8
            shape = mine.shape if mine.dtype.names is None else (*mine.shape, words)
            found = state.get(name)
            if found is None or found.shape != shape:
                raise SettingsError(
                    f"the state has {'nothing' if found is None else found.shape} for {name!r} of the accounts, and "
                    f"these have {shape}: go on with the market, the settings and the number of copies it was taken of"
                )

    def _scalars(self) -> np.ndarray:
        """Return the words of the scalars of the state, without the addresses of functions."""
        fields = self._template.buffer.type.map
        return np.array(
            [at for name, (field, at) in fields.items() if field.kind == "scalar" and not name.startswith("fn_")]
        )

    def tidy(self) -> None:
        """Free the tables that growth left behind; only between calls into the kernel."""
        for memory in self._grown.values():
            memory.tidy()
        self.untidy = False


def _growing(accounts: Accounts) -> ctypes._CFuncPtr:
    """Return the callback through which the kernel has a table grown; it does not keep the accounts alive."""
    owner = weakref.ref(accounts)

    def grow(address: int, table: int) -> None:
        alive = owner()
        try:
            if alive is not None:
                alive.grow(address, table)
        except MemoryError:
            return  # the kernel sees that the table is as full as before, and stops

    return GROW(grow)


def _plain(array: np.ndarray) -> np.ndarray:
    """Return a copy of an array; of a table, whose rows are structs, its words, int64 [..., words of a row]."""
    array = array.copy()
    return array if array.dtype.names is None else array.view(np.int64).reshape(*array.shape, -1)


def _rows(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return what `_plain` was given."""
    return array if dtype.names is None else np.ascontiguousarray(array).view(dtype)[..., 0]


def _words(array: np.ndarray) -> int:
    """Return how many words an array takes, at least one."""
    return max(1, array.nbytes // 8)


def outlook(market: MarketArrays, rules: Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what an account that opens at bar t finds there.

    Returns
    -------
    marks : float64 [n_bars, n_assets]
        The last known close, NaN before an asset's first bar. It is `market.close` itself where no bar is missing.
    rates : float64 [n_bars, n_currencies]
        Exchange rates at the close; [0, 0] with a single currency.
    delisted_from : int64 [n_assets]
        The first bar at whose close an asset is no longer listed; the largest int64 where it stays.
    """
    n_bars, n_assets = market.close.shape
    delisted_from = np.full(n_assets, np.iinfo(np.int64).max)
    several = len(rules.rate_assets) > 1
    if not several and not market.events and not np.isnan(market.close).any():
        return market.close, np.zeros((0, 0)), delisted_from
    memory = AccountMemory(market, rules, 16)
    memory["has_carry"] = 0  # an account that opens later has earned nothing yet
    marks = np.empty((n_bars, n_assets))
    rates = np.empty((n_bars, len(rules.rate_assets)) if several else (0, 0))
    while (t := step_flat(memory.address)) >= 0:
        marks[t] = memory.view("marks")
        if several:
            rates[t] = memory.view("rates")
        gone = (memory.view("delisted") == 1) & (delisted_from > t)
        delisted_from[gone] = t
    return marks, rates, delisted_from
