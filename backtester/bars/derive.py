"""What follows from a panel: some of its assets, its hash, and whether two are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import COLUMNS, near
from backtester.errors import DataError

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

_BLOCK = 1 << 16


def select(bars: Bars, symbols: str | Iterable[str]) -> Bars:
    """Return the panel of some assets; `Bars.select` says how."""
    names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    for name in names:
        if name not in bars.symbols:
            known = ", ".join(bars.symbols[:20])
            raise DataError(f"no symbol {name!r}{near(name, bars.symbols)} Symbols: {known}")
    if not names or len(set(names)) < len(names):
        raise DataError(f"select takes each symbol once, and at least one; got {list(names)}")
    at = [bars.symbols.index(name) for name in names]
    columns = [np.ascontiguousarray(bars[c][:, at]) for c in COLUMNS]
    extras = {key: np.ascontiguousarray(value[:, at]) for key, value in bars.extras.items()}
    return bars._make(
        bars.timestamps,
        columns,
        names,
        extras,
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )


def same(one: Bars, other: Bars) -> bool:
    """Return whether clock, sessions, symbols and every column are equal; NaN equals NaN."""
    return (
        one.symbols == other.symbols
        and one.extras.keys() == other.extras.keys()
        and np.array_equal(one.timestamps, other.timestamps)
        and np.array_equal(one.sessions, other.sessions)
        and np.array_equal(one.session_ends, other.session_ends)
        and all(np.array_equal(one[c], other[c], equal_nan=True) for c in (*COLUMNS, *one.extras))
    )


def digest(bars: Bars) -> str:
    """Return BLAKE2b over clock, sessions, symbols and every column, 32 hex digits.

    NaN and zero have many bit patterns; each is hashed in one, so that equal panels have equal hashes.
    """
    out = hashlib.blake2b(digest_size=16)
    for text in (*bars.symbols, "", *sorted(bars.extras), ""):
        raw = text.encode("utf-8", "surrogatepass")
        out.update(len(raw).to_bytes(8, "little") + raw)
    out.update(bars.n_bars.to_bytes(8, "little"))
    for clock in (bars.timestamps, bars.sessions, bars.session_ends):
        out.update(clock.astype("<i8", copy=False).data)
    for column in (*COLUMNS, *sorted(bars.extras)):
        flat = bars[column].reshape(-1)
        for begin in range(0, flat.size, _BLOCK):
            block = flat[begin : begin + _BLOCK] + 0.0
            block[np.isnan(block)] = np.nan
            out.update(block.astype("<f8", copy=False).data)
    return out.hexdigest()
