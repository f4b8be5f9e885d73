"""The benchmark's market and rules, in numpy alone, so that every engine, in whatever environment, meets the same work.

The market is simulated in every process from one seed and saved nowhere: a random walk of one-minute bars whose drift
persists for about an hour, with a gap between each close and the next open. The persistence pays for the commission: an
SMA cross fills some 39,000 orders in 1,000,000 bars, which at 1 basis point each would ruin an account on a driftless
walk, and some engines stop trading a ruined account and look fast. The price starts at 1, so that an account of
1,000,000 holds about as many units and an engine that trades whole units alone loses less than 1e-5 by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

SEED = 20240229
CASH = 1_000_000.0
COMMISSION = 0.0001
FAST = 10
SLOW = 30
STOP_LOSS = 0.01
TAKE_PROFIT = 0.02

FULL_BARS = 1_000_000
QUICK_BARS = 100_000
START_BARS = 100_000
WARM_UP_BARS = 2_000

MINUTE_NS = 60 * 1_000_000_000
FIRST_CLOSE_NS = 1_577_836_860_000_000_000  # 2020-01-01 00:01 UTC

_NOISE = 1e-3
_DRIFT = 5.5e-5
_DRIFT_BARS = 60
_GAP = 2e-4
_WICK = 5e-4


@dataclass(frozen=True)
class Market:
    """One asset's bars: float64 arrays [n_bars], `timestamps` int64 ns UTC of each close, a minute apart."""

    timestamps: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray

    def __len__(self) -> int:
        return len(self.close)

    def head(self, n_bars: int) -> Market:
        """The first `n_bars` bars, as views."""
        return Market(*(getattr(self, field.name)[:n_bars] for field in fields(self)))


def simulate(n_bars: int, seed: int = SEED) -> Market:
    """Simulate one-minute bars.

    Log return of bar t = gap + noise + drift, where the drift is the moving sum of the last 60 draws of a second noise,
    known in advance to nobody; the open is the last close moved by the gap; the wicks are half-normal.

    Parameters
    ----------
    n_bars : int
        Number of bars, at least 1.
    seed : int
        Seed of numpy's PCG64. A shorter market is not the head of a longer one.
    """
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(n_bars + _DRIFT_BARS)
    summed = np.cumsum(shocks)
    drift = (summed[_DRIFT_BARS:] - summed[:-_DRIFT_BARS]) * (_DRIFT / np.sqrt(_DRIFT_BARS))
    gap = rng.standard_normal(n_bars) * _GAP
    gap[0] = 0.0
    move = rng.standard_normal(n_bars) * _NOISE + drift
    log_close = np.cumsum(gap + move)
    log_open = log_close - move
    high = np.exp(np.maximum(log_open, log_close) + np.abs(rng.standard_normal(n_bars)) * _WICK)
    low = np.exp(np.minimum(log_open, log_close) - np.abs(rng.standard_normal(n_bars)) * _WICK)
    return Market(
        timestamps=FIRST_CLOSE_NS + MINUTE_NS * np.arange(n_bars, dtype=np.int64),
        open=np.exp(log_open),
        high=high,
        low=low,
        close=np.exp(log_close),
        volume=np.floor(rng.lognormal(10.0, 1.0, n_bars)) + 1.0,
    )
