"""The account of a finished run as its settings had it, and what each currency was worth in each bar (rules 34, 35).

A result keeps its settings as plain values and its exchange rates as the prices of pairs. Both are read here, by the
tables and sentences that tell of money.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.costs import Account, per_asset
from backtester.frames import marks_of
from backtester.instruments import Currencies, Instrument, by_symbol, currencies_of

if TYPE_CHECKING:
    from backtester.bars import Bars


def account_of(settings: dict[str, Any]) -> Account:
    """Return the account that the settings of a result describe; what an older one did not have yet is at its default.

    Parameters
    ----------
    settings : dict
        `settings` of a manifest: plain values, infinity as text.
    """
    known = {item.name for item in dataclasses.fields(Account)}
    values = {name: _number(value) for name, value in settings["account"].items() if name in known}
    values["instruments"] = tuple(Instrument(**item) for item in values.get("instruments", ()))
    return Account(**values)


def _number(value: Any) -> Any:
    """Return a plain setting with its infinities as numbers."""
    if value == "inf":
        return math.inf
    if isinstance(value, list):
        return [_number(item) for item in value]
    if isinstance(value, dict):
        return {name: _number(item) for name, item in value.items()}
    return value


def lots_and_margins(account: Account, symbols: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lot and the margin weight of every asset: its instrument's, else the account's and 1."""
    lots, margins = per_asset("Account", "lot_size", account.lot_size, symbols), np.ones(len(symbols))
    described = by_symbol(account, symbols)
    for a, symbol in enumerate(symbols):
        item = described.get(symbol)
        if item is not None and item.lot_size is not None:
            lots[a] = float(item.lot_size)
        if item is not None and item.margin is not None:
            margins[a] = float(item.margin)
    return lots, margins


class Rates:
    """Exchange rates of a run: money of the account for one unit of each currency, NaN where not known yet.

    Parameters
    ----------
    bars : Bars
    account : Account

    Attributes
    ----------
    currencies : Currencies
        Their names, the currency of each asset, and the pairs whose prices are the rates.
    """

    def __init__(self, bars: Bars, account: Account):
        self.bars = bars
        self.currencies: Currencies = currencies_of(account, bars.symbols)

    @property
    def are_one(self) -> bool:
        """Whether everything is in the currency of the account."""
        return len(self.currencies.names) == 1

    def at(self, t: int, closing: bool) -> np.ndarray:
        """Return the rate of each currency in bar t, float64 [n_currencies]: at the close, or at the open."""
        found = np.ones(len(self.currencies.names))
        for k in range(1, len(found)):
            pair = int(self.currencies.pairs[k])
            price = float((self.bars.close if closing else self.bars.open)[t, pair])
            if price != price:
                price = mark_at(self.bars, t, pair)
            found[k] = self._rate(k, np.array(price))
        return found

    def at_closes(self) -> np.ndarray:
        """Return the rate of the currency of each asset at each close, float64 [n_bars, n_assets]."""
        marks = marks_of(self.bars)
        rates = np.ones((self.bars.n_bars, len(self.currencies.names)))
        for k in range(1, rates.shape[1]):
            rates[:, k] = self._rate(k, marks[:, self.currencies.pairs[k]])
        return rates[:, self.currencies.of_asset]

    def _rate(self, k: int, price: np.ndarray) -> np.ndarray:
        """Return the rate at a price of the pair; NaN where the price means none."""
        known = np.where(price > 0.0, price, np.nan)
        return 1.0 / known if self.currencies.inverse[k] else known


def split_at(bars: Bars, t: int, asset: int) -> float:
    """Return how many units each unit of an asset becomes before the open of bar t; 1 where there is no split."""
    column = bars.extras.get("split")
    if column is None or not 0 <= t < bars.n_bars:
        return 1.0
    ratio = float(column[t, asset])
    return ratio if ratio == ratio else 1.0


def mark_at(bars: Bars, t: int, asset: int) -> float:
    """Return the mark of an asset after bar t: its last close, in the units of that bar; NaN before the first."""
    closes = bars.close[: t + 1, asset]
    known = np.flatnonzero(~np.isnan(closes))
    if not len(known):
        return math.nan
    mark = float(closes[known[-1]])
    for row in range(int(known[-1]) + 1, t + 1):
        mark /= split_at(bars, row, asset)
    return mark
