"""What a unit of an asset is: `Instrument`, and the currencies that assets, pairs and the account are in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from backtester.costs import Account

_LEAST = {"tick_size": 0.0, "lot_size": 0.0, "multiplier": 1e-12, "margin": 1e-9}
INVERSE = "1/"  #: before a pair whose price is units of the currency for one unit of the account's


@dataclass(frozen=True)
class Instrument:
    """One asset: the steps of its price and quantity, its multiplier, its currency, its margin.

    What is None is taken from the account's own settings.

    Parameters
    ----------
    symbol : str
        As in `bars.symbols`.
    tick_size, lot_size : float, optional
        Price step (0: none) and quantity step (0: fractional).
    multiplier : float, optional
        Money per price unit and unit of quantity, in the asset's currency: 1 for shares, 50 for an E-mini S&P 500.
    currency : str, optional
        What the price is in, such as "EUR"; another than the account's needs a rate, `Account(fx=)`.
    margin : float, optional
        Fraction of the value that has to be covered, for contracts whose value is not paid: futures, perpetuals, CFDs.
        None: the value is paid in full, as for shares.

    Examples
    --------
    >>> Instrument("ES", tick_size=0.25, lot_size=1, multiplier=50, margin=0.05)
    Instrument(symbol='ES', tick_size=0.25, lot_size=1, multiplier=50, currency=None, margin=0.05)
    """

    symbol: str
    tick_size: float | None = None
    lot_size: float | None = None
    multiplier: float | None = None
    currency: str | None = None
    margin: float | None = None

    def __post_init__(self) -> None:
        for name in ("symbol", "currency"):
            value = getattr(self, name)
            if (value is None and name == "currency") or (isinstance(value, str) and value):
                continue
            raise SettingsError(f"Instrument: {name} must be a word, found {value!r}")
        for field in fields(self):
            value, least = getattr(self, field.name), _LEAST.get(field.name)
            if least is None or value is None:
                continue
            where = f"Instrument {self.symbol!r}: {field.name}"
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
                raise SettingsError(f"{where} must be a number, found {value!r} ({type(value).__name__})")
            if not math.isfinite(value) or value < least:
                raise SettingsError(f"{where} is {value!r}; it must be finite and at least {least:g}")


@dataclass(frozen=True)
class Currencies:
    """The currencies of a run, numbered: 0 is the account's.

    Attributes
    ----------
    names : tuple of str
    of_asset : ndarray of int64, [n_assets]
    pairs : ndarray of int64, [n_currencies]
        The asset whose price is the rate; -1 for the account's own currency.
    inverse : ndarray of int64, [n_currencies]
        1 where the rate is 1 / price.
    """

    names: tuple[str, ...]
    of_asset: np.ndarray
    pairs: np.ndarray
    inverse: np.ndarray


def check_instruments(instruments: Any) -> None:
    """Refuse what is not a sequence of instruments, each of another symbol."""
    if isinstance(instruments, (str, bytes, Instrument)) or not isinstance(instruments, Sequence):
        raise SettingsError(
            f"Account: instruments must be a list of Instrument, found {instruments!r}; "
            "write instruments=[Instrument(…)]"
        )
    seen = set()
    for item in instruments:
        if not isinstance(item, Instrument):
            raise SettingsError(f"Account: instruments holds {item!r}; each must be an Instrument(symbol, …)")
        if item.symbol in seen:
            raise SettingsError(f"Account: instruments names {item.symbol!r} twice; an asset is described once")
        seen.add(item.symbol)


def check_currencies(account: Account) -> None:
    """Refuse currencies without a rate, rates without a currency, and a rate of the account's own currency."""
    if not isinstance(account.currency, str):
        raise SettingsError(f"Account: currency must be a word such as 'USD', found {account.currency!r}")
    if not isinstance(account.fx, Mapping):
        raise SettingsError(
            f"Account: fx must map a currency to the symbol of its pair, found {account.fx!r}; write "
            'fx={"EUR": "EURUSD"}, or {"JPY": "1/USDJPY"} for the inverse of a price'
        )
    used = {item.currency for item in account.instruments if item.currency is not None} - {account.currency}
    if used and not account.currency:
        raise SettingsError(
            f"Account: instruments are in {', '.join(sorted(used))}, and the account has no currency; "
            'name it, e.g. currency="USD"'
        )
    for name, pair in account.fx.items():
        if not isinstance(pair, str) or not pair.removeprefix(INVERSE):
            raise SettingsError(f"Account: fx[{name!r}] must be the symbol of a pair, found {pair!r}")
        if name == account.currency:
            raise SettingsError(f"Account: fx names {name!r}, the account's own currency; leave it out, its rate is 1")
        if name not in used:
            raise SettingsError(
                f"Account: fx names {name!r}, and no instrument is in it{did_you_mean(str(name), used)}; "
                f"give an Instrument(symbol, currency={name!r}), or leave the rate out"
            )
    for name in sorted(used):
        if name not in account.fx:
            raise SettingsError(
                f"Account: no exchange rate for {name!r}, the currency of "
                f"{next(i.symbol for i in account.instruments if i.currency == name)!r}; add "
                f'fx={{{name!r}: "…"}} with the symbol of its pair in the bars'
            )


def by_symbol(account: Account, symbols: Sequence[str]) -> dict[str, Instrument]:
    """Return the instruments of the account by symbol; one that the bars do not have is an error."""
    for item in account.instruments:
        if item.symbol not in symbols:
            raise SettingsError(
                f"Account: instruments describes {item.symbol!r}, which the bars do not have"
                f"{did_you_mean(item.symbol, symbols)} (symbols: {', '.join(symbols[:10])})"
            )
    return {item.symbol: item for item in account.instruments}


def currencies_of(account: Account, symbols: Sequence[str]) -> Currencies:
    """Number the currencies in the order in which the assets name them, the account's first.

    A pair whose inverse is a rate is itself quoted in that currency, unless an instrument says otherwise.

    Raises
    ------
    SettingsError
        If a pair is not in the bars.
    """
    quoted = {pair.removeprefix(INVERSE): name for name, pair in account.fx.items() if pair.startswith(INVERSE)}
    instruments = by_symbol(account, symbols)
    names = [account.currency]
    of_asset = np.zeros(len(symbols), np.int64)
    for a, symbol in enumerate(symbols):
        given = instruments[symbol].currency if symbol in instruments else None
        name = given or quoted.get(symbol) or account.currency
        if name not in names:
            names.append(name)
        of_asset[a] = names.index(name)
    pairs, inverse = np.full(len(names), -1, np.int64), np.zeros(len(names), np.int64)
    for k, name in enumerate(names[1:], 1):
        pair = account.fx[name].removeprefix(INVERSE)
        if pair not in symbols:
            raise SettingsError(
                f"Account: the rate of {name!r} is the price of {pair!r}, which the bars do not have"
                f"{did_you_mean(pair, symbols)}; add its bars, for example with align()"
            )
        pairs[k], inverse[k] = symbols.index(pair), account.fx[name].startswith(INVERSE)
    return Currencies(tuple(names), of_asset, pairs, inverse)
