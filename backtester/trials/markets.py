"""The ledger as a table: one row per market and period, in which every trial that overlaps counts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from backtester.metrics.sharpe_error import expected_max_sharpe
from backtester.trials.count import count_of
from backtester.trials.ledger import Ledger, Row


@dataclass(frozen=True)
class Market:
    """Trials on some symbols over a stretch of time that overlapping batches make together.

    Attributes
    ----------
    symbols : tuple of str
    first, last : int
        The stretch, ns UTC.
    strategies : tuple of str
        Whose trials they are, by name.
    runs : int
        How often anything ran that counts.
    trials : int
        Distinct ones.
    effective : float
        Independent ones among them.
    best, expected_best : float
        The highest Sharpe ratio per year, and what luck alone would show, both as over the whole stretch; NaN where
        unknown.
    marked : dict of str to int
        Runs that do not count, by what they were for.
    """

    symbols: tuple[str, ...]
    first: int
    last: int
    strategies: tuple[str, ...]
    runs: int
    trials: int
    effective: float
    best: float
    expected_best: float
    marked: dict[str, int]

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        found = {**vars(self), "symbols": list(self.symbols), "strategies": list(self.strategies)}
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()
        }


def markets_of(ledger: Ledger) -> list[Market]:
    """Return the markets of a ledger, the one with the most trials first."""
    by_symbols: dict[tuple[str, ...], list[Row]] = {}
    for row in ledger.rows():
        by_symbols.setdefault(row.symbols, []).append(row)
    found = []
    for symbols, rows in by_symbols.items():
        for stretch in _stretches(rows):
            found.append(_market(ledger, symbols, stretch))
    return sorted(found, key=lambda one: (-one.trials, one.symbols, one.first))


def _stretches(rows: Iterable[Row]) -> list[list[Row]]:
    """Return batches grouped by stretches of time that do not overlap."""
    found: list[list[Row]] = []
    end = -math.inf
    for row in sorted(rows, key=lambda one: one.first):
        if row.first >= end:
            found.append([])
        found[-1].append(row)
        end = max(end, row.last)
    return found


def _market(ledger: Ledger, symbols: tuple[str, ...], rows: list[Row]) -> Market:
    first, last = min(row.first for row in rows), max(row.last for row in rows)
    count = count_of(symbols, first, last, ledger)
    counted = [row for row in rows if not row.mark]
    luck = math.nan
    if count.trials > 1 and count.sharpe_variance >= 0.0:
        luck = expected_max_sharpe(max(count.effective, 1.0), count.sharpe_variance)
    return Market(
        symbols=symbols,
        first=first,
        last=last,
        strategies=tuple(sorted({row.strategy for row in rows})),
        runs=sum(row.runs for row in counted),
        trials=count.trials,
        effective=count.effective,
        best=count.best,
        expected_best=luck,
        marked=count.marked,
    )
