"""Strategies with a leak each, as people write them. Every class says in one line what is wrong with it.

`backtester check tests/research/lookahead/planted_strategies.py:ShiftedClose --data sample:stocks` names the first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg

from backtester import Strategy, constant
from backtester.indicators import ema, sma

CANDLE = 67  # the one bar at which `OneCandle` cheats
_BOOK: dict[str, np.ndarray] = {}


class _Trader(Strategy):
    """Buys what has a high score, and sells what has a low one."""

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if self.score[-1, a] > 0.0:
                ctx.order_target_percent(a, 0.3)
            elif self.score[-1, a] < 0.0:
                ctx.order_target_percent(a, 0.0)


class ShiftedClose(_Trader):
    """Tomorrow's close."""

    def prepare(self, bars):
        close = pd.DataFrame(bars.close)
        self.score = (close.shift(-1) / close - 1.0).fillna(0.0).to_numpy()


class CentredAverage(_Trader):
    """An average around the bar, instead of before it."""

    def prepare(self, bars):
        self.score = bars.close - pd.DataFrame(bars.close).rolling(5, center=True).mean().to_numpy()


class SampleZScore(_Trader):
    """Mean and deviation of all bars."""

    def prepare(self, bars):
        self.score = (bars.close - np.nanmean(bars.close, axis=0)) / np.nanstd(bars.close, axis=0)


class SampleRange(_Trader):
    """Scaled by the lowest and the highest price of all bars."""

    def prepare(self, bars):
        low, high = np.nanmin(bars.close, axis=0), np.nanmax(bars.close, axis=0)
        self.score = (bars.close - low) / (high - low) - 0.5


class BackFilled(_Trader):
    """Before an asset is listed, its first price to come stands."""

    def prepare(self, bars):
        filled = pd.DataFrame(bars.close).bfill().to_numpy()
        self.score = filled - 50.0


class Interpolated(_Trader):
    """A number that comes out every ten bars, joined by straight lines to the next."""

    def prepare(self, bars):
        known = np.arange(0, bars.n_bars, 10)
        rows = np.arange(bars.n_bars)
        self.score = np.stack([np.interp(rows, known, column[known]) for column in bars["earnings"].T], axis=1)


class Rolled(_Trader):
    """np.roll is no shift: the first row is the last."""

    def prepare(self, bars):
        self.score = bars.close / np.roll(bars.close, 1, axis=0) - 1.0


class FourierFiltered(_Trader):
    """High frequencies of the whole sample are taken out."""

    def prepare(self, bars):
        spectrum = np.fft.rfft(np.nan_to_num(bars.close, nan=50.0), axis=0)
        spectrum[10:] = 0.0
        self.score = bars.close - np.fft.irfft(spectrum, bars.n_bars, axis=0)


class Detrended(_Trader):
    """A line through all bars."""

    def prepare(self, bars):
        rows = np.arange(bars.n_bars)
        close = np.nan_to_num(bars.close, nan=50.0)
        slope, level = np.polyfit(rows, close, 1)
        self.score = close - (slope * rows[:, np.newaxis] + level)


class WeekOnMonday(_Trader):
    """The week's close, known on Monday: resampled with the label at the left."""

    def prepare(self, bars):
        days = pd.DataFrame(bars.close, index=bars.index - pd.Timedelta("1ns"))
        weekly = days.resample("W-MON", label="left", closed="left").last()
        self.score = weekly.reindex(days.index.normalize(), method="ffill").to_numpy() - 50.0


class HighOfTheDay(_Trader):
    """The day's high, in the morning."""

    def prepare(self, bars):
        high = pd.DataFrame(bars.high).groupby(bars.sessions).transform("max").to_numpy()
        self.score = bars.close / high - 0.99


class SampleRank(_Trader):
    """The rank of each price among all of its series."""

    def prepare(self, bars):
        self.score = pd.DataFrame(bars.close).rank(pct=True).to_numpy() - 0.5


class SavitzkyGolay(_Trader):
    """A smoother that is centred."""

    def prepare(self, bars):
        smooth = scipy.signal.savgol_filter(np.nan_to_num(bars.close, nan=50.0), 7, 2, axis=0)
        self.score = bars.close - smooth


class HodrickPrescott(_Trader):
    """The trend of a filter that minimises over the whole sample."""

    def prepare(self, bars):
        n = bars.n_bars
        second = scipy.sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(n - 2, n))
        matrix = scipy.sparse.identity(n) + 100.0 * second.T @ second
        close = np.nan_to_num(bars.close, nan=50.0)
        self.score = close - scipy.sparse.linalg.spsolve(matrix.tocsc(), close)


class BestToCome(_Trader):
    """How far the price will rise from here on."""

    def prepare(self, bars):
        best = np.maximum.accumulate(np.nan_to_num(bars.close, nan=0.0)[::-1], axis=0)[::-1]
        self.score = best / bars.close - 1.1


class OneCandle(Strategy):
    """Tomorrow's close, of one asset, at one bar."""

    def prepare(self, bars):
        self.score = np.zeros(bars.close.shape)
        if bars.n_bars > CANDLE + 1:
            self.score[CANDLE, 2] = bars.close[CANDLE + 1, 2] / bars.close[CANDLE, 2]

    def on_bar(self, ctx):
        if self.score[-1, 2] > 0.0:
            ctx.order_target_percent(2, 0.3 * self.score[-1, 2])


class MonthEnds(_Trader):
    """Tomorrow's close, at the ends of months alone."""

    def prepare(self, bars):
        months = bars.sessions.view("M8[D]").astype("M8[M]")
        last = np.flatnonzero(months[1:] != months[:-1])
        self.score = np.zeros(bars.close.shape)
        self.score[last] = bars.close[last + 1] / bars.close[last] - 1.0


class EarlyEarnings(_Trader):
    """A column of the bars, a bar before it was there."""

    def prepare(self, bars):
        self.score = np.vstack([bars["earnings"][1:], bars["earnings"][-1:]])


class WholeCopy(Strategy):
    """`constant` shows all of an array, and the next row is tomorrow."""

    def prepare(self, bars):
        self.all = constant(np.array(bars.close))
        self.last = bars.n_bars - 1

    def on_bar(self, ctx):
        t = min(ctx.t + 1, self.last)
        if self.all[t, 0] > ctx.close[-1, 0]:
            ctx.order_target_percent(0, 0.5)
        else:
            ctx.order_target_percent(0, 0.0)


class FutureInAList(Strategy):
    """A list of all closes, which nothing cuts at the present."""

    def prepare(self, bars):
        self.future = bars.close[:, 0].tolist()

    def on_bar(self, ctx):
        if ctx.t + 1 < len(self.future) and self.future[ctx.t + 1] > ctx.close[-1, 0]:
            ctx.order_target_percent(0, 0.5)
        else:
            ctx.order_target_percent(0, 0.0)


class FutureInAGlobal(Strategy):
    """What a module holds is seen by no prepared array."""

    def prepare(self, bars):
        _BOOK["close"] = bars.close

    def on_bar(self, ctx):
        close = _BOOK["close"]
        if ctx.t + 1 < len(close) and close[ctx.t + 1, 0] > ctx.close[-1, 0]:
            ctx.order_target_percent(0, 0.5)
        else:
            ctx.order_target_percent(0, 0.0)


class SampleMean(Strategy):
    """A threshold from all bars."""

    def prepare(self, bars):
        self.mean = float(np.mean(bars.close[:, 0]))

    def on_bar(self, ctx):
        if ctx.close[-1, 0] < self.mean:
            ctx.order_target_percent(0, 0.5)
        else:
            ctx.order_target_percent(0, 0.0)


class KnowsTheEnd(Strategy):
    """Sells ten bars before the data ends."""

    def prepare(self, bars):
        self.n_bars = bars.n_bars

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order_target_percent(0, 0.5)
        if ctx.t == self.n_bars - 10:
            ctx.order_target_percent(0, 0.0)


class WritesItDown(Strategy):
    """Trades nothing, and records tomorrow's close."""

    def prepare(self, bars):
        self.all = constant(np.vstack([bars.close[1:], bars.close[-1:]]))

    def on_bar(self, ctx):
        ctx.record("tomorrow", self.all[ctx.t, 0])


class NoSeed(_Trader):
    """Random numbers without a seed: two runs differ."""

    def prepare(self, bars):
        self.score = np.random.default_rng().normal(size=bars.close.shape)


class SlowStart(_Trader):
    """No leak: an exponential average, which remembers where the data began."""

    def prepare(self, bars):
        self.average = ema(bars.close, 5)
        self.score = bars.close - self.average


class NeverForgets(_Trader):
    """No leak: a sum from the first bar on."""

    def prepare(self, bars):
        self.sum = np.nancumsum(bars.volume, axis=0)
        self.score = bars.close - sma(bars.close, 5)
