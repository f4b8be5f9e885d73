"""Other markets made of the bars that ran: with bars missing, cut, in other order, and turned upside down.

Each is a small frozen object whose `apply` makes the bars, so that a worker makes them itself. Remade prices grow bar
by bar from the first close, by the moves of a holder of the asset: over a split or a dividend there is no jump, and the
remade market declares none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtester.bars.adjust import growth
from backtester.bars.check import COLUMNS, PRICES
from backtester.bars.events import EVENTS, carried
from backtester.research.stress.rows import drawn_rows, places_in_session

if TYPE_CHECKING:
    from backtester.bars import Bars

_MIRRORED = 1.9  # a price above this multiple of the last close is mirrored as its inverse, so that it stays above 0
_HOLDER = ("split", "dividend", "delisting")  # events whose effect is in the moves, or that a remade market cannot have


class Shapes(NamedTuple):
    """Bars as multiples of the asset's last close, or less it where prices may be negative, [n_bars, n_assets] each.

    In the units of a holder, who has splits and dividends. Of an asset's first bar the open stands for the last close.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


class Market:
    """The bars that ran, and what other markets are made of.

    Attributes
    ----------
    bars : Bars
    """

    def __init__(self, bars: Bars):
        self.bars = bars

    def __reduce__(self) -> tuple[type[Market], tuple[Bars]]:
        return Market, (self.bars,)

    @cached_property
    def shapes(self) -> Shapes:
        """The bars without their level."""
        bars, held = self.bars, growth(self.bars)
        prices = [bars[name] * held for name in PRICES]
        last = _held_before(prices[3])
        last = np.where(np.isnan(last), prices[0], last)
        return Shapes(*(price - last if bars.allow_negative else price / last for price in prices))

    @cached_property
    def places(self) -> np.ndarray:
        """How many bars of its session came before each bar, int64 [n_bars]."""
        return places_in_session(self.bars)

    @property
    def returns(self) -> list[np.ndarray]:
        """The moves of each asset from bar to bar over the bars that it has, from its second on, float64 [n]."""
        close = self.shapes.close
        moves = close if self.bars.allow_negative else close - 1.0
        return [column[~np.isnan(column)][1:] for column in moves.T]


@dataclass(frozen=True)
class Cut:
    """The bars without the first `head` and the last `tail`."""

    head: int = 0
    tail: int = 0

    def apply(self, market: Market) -> tuple[Bars, slice]:
        """Return the bars and the rows they are."""
        rows = slice(self.head, market.bars.n_bars - self.tail)
        return market.bars[rows], rows


@dataclass(frozen=True)
class MissingBars:
    """The bars without a random fraction of the bars of single assets, which are NaN.

    The same draw with a larger fraction takes away more bars beside the same ones. Events stay: they happen whether or
    not an asset trades. Other extra columns are not known without the bar.
    """

    fraction: float
    seed: int
    draw: int

    def apply(self, market: Market) -> tuple[Bars, None]:
        """Return the bars; their rows stay."""
        bars = market.bars
        gone = np.random.default_rng([self.seed, self.draw, 1]).random(bars.close.shape) < self.fraction
        columns = [np.where(gone, np.nan, bars[name]) for name in COLUMNS]
        extras = {
            name: values if name in EVENTS else np.where(gone, np.nan, values) for name, values in bars.extras.items()
        }
        return _panel(bars, columns, extras), None


@dataclass(frozen=True)
class MissingRows:
    """The bars without a random fraction of the rows of the clock; events move to the next row there is.

    The first row and the last stay, so that the time in all does.
    """

    fraction: float
    seed: int
    draw: int

    def apply(self, market: Market) -> tuple[Bars, np.ndarray]:
        """Return the bars and the rows they are."""
        bars = market.bars
        kept = np.random.default_rng([self.seed, self.draw, 2]).random(bars.n_bars) >= self.fraction
        kept[[0, -1]] = True
        extras = {name: values[kept] for name, values in carried(bars.extras, kept).items()}
        sessions, ends = (None if one is None else one[kept] for one in (bars._sessions, bars._session_ends))
        made = bars._make(
            bars.timestamps[kept],
            [bars[name][kept] for name in COLUMNS],
            bars.symbols,
            extras,
            sessions,
            ends,
            bars.name,
            bars.allow_negative,
        )
        return made, np.flatnonzero(kept)


@dataclass(frozen=True)
class Bootstrapped:
    """The bars in blocks of random order, all assets together: a market that could have been.

    A row is taken as a whole: the moves of all assets from their last closes, the shape of their bars, the money
    traded, funding, and extra columns. So what assets have in common stays, and so does what lasts no longer than a
    block. Clock and sessions stay where they are.
    """

    block_length: float
    seed: int
    draw: int

    def apply(self, market: Market) -> tuple[Bars, None]:
        """Return the bars."""
        rows = drawn_rows(market.places, self.block_length, self.seed, self.draw)
        return _remade(market.bars, [shape[rows] for shape in market.shapes], rows), None


@dataclass(frozen=True)
class Mirrored:
    """The bars with the moves of each row turned around or not, by the toss of a coin for all assets together.

    A driftless random walk (a martingale) from close to close, with the volatility of the data, bar by bar, and the
    correlations of its moves: the return of a row is ±r with equal chance, whatever came before, so that no direction
    can be known at a close. A price that nearly doubles within a row is turned into its inverse instead, with the
    chance that leaves the mean where it is. Gap, high and low are mirrored with it, so that orders inside a bar meet
    the paths of the data's own bars. Funding and extra columns stay.

    Notes
    -----
    Random signs are the wild bootstrap of C. F. J. Wu, "Jackknife, Bootstrap and Other Resampling Methods in Regression
    Analysis", Annals of Statistics 14, 1986, with the weights of R. Y. Liu, Annals of Statistics 16, 1988.
    """

    seed: int
    draw: int

    def apply(self, market: Market) -> tuple[Bars, None]:
        """Return the bars."""
        bars = market.bars
        tossed = np.random.default_rng([self.seed, self.draw, 3]).random(bars.n_bars)[:, None]
        open_, high, low, close = market.shapes
        chance = np.full(close.shape, 0.5)
        if bars.allow_negative:
            other = [-open_, -low, -high, -close]
        else:
            far = high > _MIRRORED
            with np.errstate(divide="ignore"):
                other = [np.where(far, 1.0 / shape, 2.0 - shape) for shape in (open_, low, high, close)]
            chance[far] = (close / (1.0 + close))[far]  # so that u and 1/u are 1 in the mean
        turned = tossed < chance
        turned[0] = False
        mixed = [np.where(turned, there, here) for here, there in zip((open_, high, low, close), other, strict=True)]
        return _remade(bars, mixed, np.arange(bars.n_bars)), None


def _held_before(close: np.ndarray) -> np.ndarray:
    """Return each asset's last close before each row, NaN before its first bar."""
    rows = np.where(np.isnan(close), -1, np.arange(len(close))[:, None])
    at = np.concatenate((np.full((1, close.shape[1]), -1), np.maximum.accumulate(rows, axis=0)[:-1]))
    return np.where(at < 0, np.nan, np.take_along_axis(close, np.maximum(at, 0), axis=0))


def _remade(bars: Bars, shapes: list[np.ndarray], rows: np.ndarray) -> Bars:
    """Return the market of some shapes, [n_bars, n_assets] each, on the same clock; `rows` says whose the rest is."""
    begun = ~np.isnan(bars.close)
    first = np.argmax(begun, axis=0)
    assets = np.arange(bars.n_assets)
    there = begun.any(axis=0)
    here = np.where(begun[0], bars.close[0], np.where(there, bars.open[first, assets], 1.0))  # the level before row 1
    moves = shapes[3].copy()
    if bars.allow_negative:
        moves[0] = 0.0
        level = here + np.cumsum(np.where(np.isnan(moves), 0.0, moves), axis=0)
        last = np.concatenate((here[None], level[:-1]))
        prices = [last + shape for shape in shapes]
        volume = bars.volume[rows]
    else:
        moves[0] = 1.0
        level = here * np.cumprod(np.where(np.isnan(moves), 1.0, moves), axis=0)
        last = np.concatenate((here[None], level[:-1]))
        prices = [last * shape for shape in shapes]
        volume = bars.volume[rows] * (bars.close[rows] / prices[3])  # the money traded is that of the row
    for price, name in zip(prices, PRICES, strict=True):
        price[0] = bars[name][0]
    volume[0] = bars.volume[0]
    return _panel(bars, [*prices, volume], _extras(bars.extras, prices[3], rows))


def _extras(extras: Mapping[str, np.ndarray], close: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the extra columns of a remade market: no event that is in its moves, and no price of the old one."""
    found = {}
    for name, values in extras.items():
        if name in _HOLDER:
            found[name] = np.full(values.shape, np.nan)
        elif name == "adj_close":
            found[name] = close.copy()
        else:
            found[name] = values[rows]
    return found


def _panel(bars: Bars, columns: list[np.ndarray], extras: dict[str, np.ndarray]) -> Bars:
    """Return other columns on the clock of some bars."""
    columns = [np.ascontiguousarray(column) for column in columns]
    return bars._make(
        bars.timestamps,
        columns,
        bars.symbols,
        {name: np.ascontiguousarray(values) for name, values in extras.items()},
        bars._sessions,
        bars._session_ends,
        bars.name,
        bars.allow_negative,
    )
