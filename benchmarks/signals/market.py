"""The panel that the benchmarks of signals work on: that of `benchmarks.portfolio`, as `Bars`."""

from __future__ import annotations

from backtester import Bars
from benchmarks.portfolio.market import ASSETS, DAYS, simulate_days

FEATURES = (
    *("log_return(1)", "log_return(5)", "log_return(20)", "log_return(60)", "log_return(250)", "scaled_return(20)"),
    *("gap", "body", "efficiency(20)", "autocorrelation(60)", "zscore(20)", "zscore(60)", "channel_position(20)"),
    *("distance_to_average(50)", "drawdown(250)", "trend(60)", "rsi(14)", "macd(12, 26, 9)", "adx(14)"),
    *("realised_volatility(20)", "volatility_ratio(10, 60)", "atr(14)", "high_low_range(20)", "parkinson(20)"),
    *("garman_klass(20)", "yang_zhang(20)", "skew(60)", "kurtosis(60)", "fractional_difference(0.4, 0.001)"),
    *("relative_volume(20)", "volume_zscore(20)", "money_flow(14)", "amihud(20, 250)", "corwin_schultz(20)"),
    *("roll_spread(20)", "market_beta(60)", "seasonal_next('month')", "return_rank(20)", "rank(atr(14))"),
    "rsi(14)@1W",
)
"""Forty of the shipped features, some of each kind; the set is not chosen for speed."""


def simulate(n_bars: int = DAYS, n_assets: int = ASSETS) -> Bars:
    """Simulate daily bars of many assets."""
    panel = simulate_days(n_bars, n_assets)
    columns = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    return Bars.from_arrays(panel.timestamps, *columns, symbols=panel.symbols)
