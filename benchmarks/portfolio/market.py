"""The markets and rules of the portfolio benchmark, in numpy alone, so that every engine meets the same work.

Both markets are simulated in every process from one seed and saved nowhere.

The panel (P1, P2) is days of many assets. The log return of an asset is its beta times the market's, plus its own
noise, plus a drift that persists for half a year, so that momentum has something to find; a part of both noises falls
between the close and the next open, so that an engine that fills at the wrong price shows it in its equity.

The grid market (P3) is minutes of assets whose log price reverts to zero (Ornstein-Uhlenbeck), so that a grid of limit
orders around it is crossed again and again and never left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

SEED = 20240229

DAYS = 2_520
ASSETS = 500
CASH = 100_000_000.0
COMMISSION = 0.0005
LOOKBACK = 126
TOP = 50
INVESTED = 0.99
"""Fraction of the equity that the weights add up to: the next open is not this close, and commission is due; what is
left over pays for both, so that no engine runs out of cash and none has to say how it would share it out."""

GRID_BARS = 100_000
GRID_CASH = 1_000_000.0
GRID_LEVERAGE = 100.0
GRID_COMMISSION = 0.0001
GRID_STEP = 0.001
GRID_ORDERS = 200

DAY_NS = 86_400 * 1_000_000_000
MINUTE_NS = 60 * 1_000_000_000
FIRST_DAY = 14_613  # 2010-01-04, a Monday, in days since 1970
DAILY_CLOSE_NS = 21 * 3_600 * 1_000_000_000
FIRST_MINUTE_NS = 1_577_836_860_000_000_000  # 2020-01-01 00:01 UTC

_BETA_SPREAD = 0.3
_MARKET = 0.008
_NOISE = 0.015
_DRIFT = 0.0008
_DRIFT_DAYS = 126
_OVERNIGHT = 0.3  # fraction of a day's noise that falls before the open
_WICK = 0.004

_MINUTE_NOISE = 1e-3
_REVERSION = 4.5e-4
_MINUTE_GAP = 1e-4
_MINUTE_WICK = 2.5e-4


@dataclass(frozen=True)
class Panel:
    """Bars of several assets: float64 arrays [n_bars, n_assets]; `timestamps` int64 ns UTC of each close [n_bars]."""

    timestamps: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    def __len__(self) -> int:
        return len(self.timestamps)

    @property
    def symbols(self) -> tuple[str, ...]:
        """A name for each asset."""
        return tuple(f"A{a:03d}" for a in range(self.close.shape[1]))

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))


def simulate_days(n_bars: int = DAYS, n_assets: int = ASSETS, seed: int = SEED) -> Panel:
    """Simulate daily bars of many assets, weekdays from 2010-01-04 on.

    Parameters
    ----------
    n_bars, n_assets : int
        At least 1. A smaller panel is not a part of a larger one.
    seed : int
        Seed of numpy's PCG64.
    """
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_assets)
    beta = 1.0 + _BETA_SPREAD * rng.standard_normal(n_assets)
    shocks = np.cumsum(rng.standard_normal((n_bars + _DRIFT_DAYS, n_assets)), axis=0)
    drift = (shocks[_DRIFT_DAYS:] - shocks[:-_DRIFT_DAYS]) * (_DRIFT / np.sqrt(_DRIFT_DAYS))
    before = _OVERNIGHT * (_MARKET * rng.standard_normal((n_bars, 1)) * beta + _NOISE * rng.standard_normal(shape))
    within = _MARKET * rng.standard_normal((n_bars, 1)) * beta + _NOISE * rng.standard_normal(shape) + drift
    first = np.log(50.0) + 0.5 * rng.standard_normal(n_assets)
    log_close = first + np.cumsum(before + within, axis=0)
    log_open = log_close - within
    days = FIRST_DAY + np.arange(n_bars, dtype=np.int64) + 2 * (np.arange(n_bars, dtype=np.int64) // 5)
    return _panel(rng, DAY_NS * days + DAILY_CLOSE_NS, log_open, log_close, _WICK)


def small_and_full(bars: int, head: int) -> tuple[Panel, Panel]:
    """A small panel for the cold call, and the panel itself; `head` is not used."""
    return simulate_days(2 * LOOKBACK, TOP + 10), simulate_days(bars)


def simulate_minutes(n_bars: int = GRID_BARS, n_assets: int = 1, seed: int = SEED) -> Panel:
    """Simulate one-minute bars whose log prices revert to zero, with a gap between each close and the next open."""
    rng = np.random.default_rng(seed)
    gap = _MINUTE_GAP * rng.standard_normal((n_bars, n_assets))
    move = _MINUTE_NOISE * rng.standard_normal((n_bars, n_assets))
    log_open, log_close = np.empty((n_bars, n_assets)), np.empty((n_bars, n_assets))
    at = np.zeros(n_assets)
    for t in range(n_bars):
        log_open[t] = at + gap[t]
        at = log_open[t] * (1.0 - _REVERSION) + move[t]
        log_close[t] = at
    timestamps = FIRST_MINUTE_NS + MINUTE_NS * np.arange(n_bars, dtype=np.int64)
    return _panel(rng, timestamps, log_open, log_close, _MINUTE_WICK)


def _panel(
    rng: np.random.Generator, timestamps: np.ndarray, log_open: np.ndarray, log_close: np.ndarray, wick: float
) -> Panel:
    """Give opens and closes their wicks, half-normal, and a volume."""
    shape = log_close.shape
    return Panel(
        timestamps=timestamps,
        open=np.exp(log_open),
        high=np.exp(np.maximum(log_open, log_close) + wick * np.abs(rng.standard_normal(shape))),
        low=np.exp(np.minimum(log_open, log_close) - wick * np.abs(rng.standard_normal(shape))),
        close=np.exp(log_close),
        volume=np.floor(rng.lognormal(12.0, 1.0, shape)) + 1.0,
    )


def month_ends(timestamps: np.ndarray) -> np.ndarray:
    """Whether a bar is the last of its calendar month, bool [n_bars]; the last bar of all is not.

    A calendar knows this at the close of the bar; it is no look into the future.
    """
    months = timestamps.view("M8[ns]").astype("M8[M]")
    last = np.zeros(len(timestamps), np.bool_)
    last[:-1] = months[1:] != months[:-1]
    return last


def decision_days(timestamps: np.ndarray, workload: str) -> np.ndarray:
    """Bars at whose close the portfolio is decided, bool [n_bars]: month ends (P1), every bar from the second (P2)."""
    if workload == "P1":
        days = month_ends(timestamps)
        days[:LOOKBACK] = False
    else:
        days = np.ones(len(timestamps), np.bool_)
        days[0] = False
    return days


def target_weights(close: np.ndarray, decided: np.ndarray, workload: str) -> np.ndarray:
    """Weights [n_bars, n_assets] of the bars that decide, NaN elsewhere; numpy, for peers that want a whole matrix.

    P1: equal parts of the `TOP` assets by their return over `LOOKBACK` bars, zero for the rest. P2: equal parts of all.
    """
    n_assets = close.shape[1]
    weights = np.full(close.shape, np.nan)
    if workload == "P2":
        weights[decided] = INVESTED / n_assets
        return weights
    top = min(TOP, n_assets)
    for t in np.flatnonzero(decided):
        momentum = close[t] / close[t - LOOKBACK]
        weights[t] = 0.0
        weights[t, np.argpartition(momentum, n_assets - top)[n_assets - top :]] = INVESTED / top
    return weights
