"""The metrics of a run on real data against plain NumPy, written from the definitions (rule 23)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backtester import Bars, Costs, Result, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma

RISK_FREE = 0.02
YEAR = 365.25 * 86_400e9


class Cross(Strategy):
    """Long above, flat below."""

    fast: int = 20
    slow: int = 60

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):
        if crossed_above(self.fast_ma, self.slow_ma, 0):
            ctx.order_target_percent(0, 0.95)
        elif crossed_below(self.fast_ma, self.slow_ma, 0):
            ctx.order_target_percent(0, -0.3)


@pytest.fixture(scope="module")
def result() -> Result:
    costs = Costs(commission=0.001, spread=0.0005, borrow_rate=0.02, cash_rate=0.01)
    bars = Bars.sample("sp500")
    return run(
        Cross, bars, cash=100_000.0, costs=costs, benchmark="buy_and_hold", risk_free=RISK_FREE, mode="interpreted"
    )


def longest_drawdown(equity: np.ndarray) -> int:
    """Return the most bars from a peak to the bar that regains it, or to the last bar, if it fell in between."""
    longest, peak_at = 0, 0
    for t in range(1, len(equity)):
        fell = equity[peak_at : t + 1].min() < equity[peak_at]
        if fell:
            longest = max(longest, t - peak_at)
        if equity[t] >= equity[peak_at]:
            peak_at = t
    return longest


def by_numpy(result: Result) -> dict[str, float]:
    equity, times = result.tables.equity, result.bars.timestamps
    n = len(equity)
    years = (times[-1] - times[0]) / YEAR
    periods = (n - 1) / years
    r = equity[1:] / equity[:-1] - 1.0
    excess = r - RISK_FREE / periods
    market = result.benchmark[1:] / result.benchmark[:-1] - 1.0
    active = r - market
    beta = np.cov(r, market, ddof=1)[0, 1] / np.var(market, ddof=1)
    peak = np.maximum.accumulate(equity)
    central = r - r.mean()
    skew = (central**3).mean() / (central**2).mean() ** 1.5
    kurtosis = (central**4).mean() / (central**2).mean() ** 2
    per_bar = excess.mean() / r.std(ddof=1)
    z = per_bar * math.sqrt(n - 2) / math.sqrt(1.0 - skew * per_bar + (kurtosis - 1.0) / 4.0 * per_bar**2)
    low = np.quantile(r, 0.05)
    cagr = (equity[-1] / equity[0]) ** (1.0 / years) - 1.0
    return {
        "final_equity": equity[-1],
        "total_return": equity[-1] / equity[0] - 1.0,
        "cagr": cagr,
        "annual_return": periods * r.mean(),
        "annual_volatility": r.std(ddof=1) * math.sqrt(periods),
        "sharpe": per_bar * math.sqrt(periods),
        "sortino": excess.mean() * math.sqrt(periods) / math.sqrt((np.minimum(excess, 0.0) ** 2).mean()),
        "max_drawdown": (1.0 - equity / peak).max(),
        "calmar": cagr / (1.0 - equity / peak).max(),
        "omega": np.maximum(excess, 0.0).sum() / np.maximum(-excess, 0.0).sum(),
        "value_at_risk": -low,
        "conditional_value_at_risk": -r[r <= low].mean(),
        "tail_ratio": abs(np.quantile(r, 0.95)) / abs(low),
        "skew": skew,
        "kurtosis": kurtosis,
        "beta": beta,
        "alpha": periods * (excess.mean() - beta * (market - RISK_FREE / periods).mean()),
        "information_ratio": active.mean() / active.std(ddof=1) * math.sqrt(periods),
        "probabilistic_sharpe": 0.5 * (1.0 + math.erf(z / math.sqrt(2.0))),
    }


def test_ratios_equal_plain_numpy(result):
    expected = by_numpy(result)
    found = result.metrics
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_the_longest_drawdown_equals_a_plain_loop(result):
    assert result.metrics["max_drawdown_duration"] == longest_drawdown(result.tables.equity)


def test_trade_statistics_equal_those_of_the_trade_table(result):
    trades = result.trades[~result.trades["open"]]
    metrics = result.metrics
    assert metrics["n_trades"] == len(trades) > 50
    assert metrics["win_rate"] == (trades["pnl"] > 0).mean()
    gains, losses = trades["pnl"].clip(lower=0).sum(), -trades["pnl"].clip(upper=0).sum()
    assert metrics["profit_factor"] == pytest.approx(gains / losses, rel=1e-12)
    assert metrics["expectancy"] == pytest.approx(trades["pnl"].mean(), rel=1e-12)
    assert metrics["best_trade"] == trades["return_frac"].max()
    assert metrics["worst_trade"] == trades["return_frac"].min()
    assert metrics["average_bars_held"] == pytest.approx(trades["bars"].mean(), rel=1e-12)


def test_costs_exposure_and_turnover_equal_those_of_the_tables(result):
    fills, flows, metrics = result.fills, result.cash_flows, result.metrics
    borrow = -flows.loc[flows["kind"] == "borrow", "amount"].sum()
    assert metrics["borrow"] == pytest.approx(borrow, rel=1e-12) != 0.0
    costs = fills[["commission", "spread", "slippage", "impact", "rounding"]].sum().sum() + borrow
    assert metrics["total_costs"] == pytest.approx(costs, rel=1e-12)
    assert metrics["exposure_time"] == (result.positions != 0.0).any(axis=1).mean()
    traded = (fills["quantity"].abs() * fills["price"]).sum()
    years = (result.bars.timestamps[-1] - result.bars.timestamps[0]) / YEAR
    assert metrics["turnover"] == pytest.approx(traded / result.tables.equity.mean() / years, rel=1e-9)


def test_trades_and_open_positions_account_for_the_whole_gain(result):
    """Σ pnl of all trades + carry = final equity − cash."""
    gain = result.trades["pnl"].sum() + result.cash_flows["amount"].sum()
    assert gain == pytest.approx(result.tables.equity[-1] - 100_000.0, rel=1e-9)
