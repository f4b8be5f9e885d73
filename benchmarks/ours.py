"""Our engine on the benchmark's work. The one file that knows its API."""

from __future__ import annotations

import gc
import time
from typing import Any

from backtester import Bars, Costs, Result, Strategy, run
from backtester.engine import prepare_run
from backtester.indicators import crossed_above, crossed_below, sma
from benchmarks.workloads import CASH, COMMISSION, FAST, SLOW, STOP_LOSS, TAKE_PROFIT, Market

SETTINGS: dict[str, Any] = {"cash": CASH, "costs": Costs(commission=COMMISSION)}


class SmaCross(Strategy):
    """W1: all in when the fast average crosses above the slow one, out when below."""

    fast: int = FAST
    slow: int = SLOW

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 1.0 / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.0)


class SmaBracket(Strategy):
    """W2: as W1, and every entry has a stop loss and a take profit."""

    fast: int = FAST
    slow: int = SLOW
    stop_loss: float = STOP_LOSS
    take_profit: float = TAKE_PROFIT

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):
        if crossed_above(self.fast_ma, self.slow_ma, 0) and ctx.position(0) == 0.0:
            quantity = ctx.equity / ctx.close[-1, 0]
            ctx.bracket(0, quantity, stop_loss_frac=self.stop_loss, take_profit_frac=self.take_profit)
        elif crossed_below(self.fast_ma, self.slow_ma, 0) and ctx.position(0) > 0.0:
            ctx.close_position(0)


STRATEGIES: dict[str, type[Strategy]] = {"W1": SmaCross, "W2": SmaBracket, "W3": SmaCross}


def load(market: Market) -> Bars:
    """The market as Bars of one asset."""
    prices = {name: getattr(market, name)[:, None] for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(market.timestamps, **prices, symbols=("SIM",))


def kernel_seconds(workload: str, bars: Bars) -> float:
    """Seconds of the indicators (`prepare`) and the loop; the account is fresh, the strategy already compiled."""
    prepared = prepare_run(STRATEGIES[workload](), bars, **SETTINGS)
    gc.collect()
    started = time.perf_counter()
    prepared.prepare()
    prepared.advance()
    return time.perf_counter() - started


def whole_seconds(workload: str, bars: Bars, mode: str = "compiled") -> tuple[Result, float]:
    """The result, and the seconds of `run` and its metrics."""
    gc.collect()
    started = time.perf_counter()
    result = run(STRATEGIES[workload](), bars, mode=mode, **SETTINGS)
    _ = result.metrics
    return result, time.perf_counter() - started


def final_equity(result: Result) -> float:
    """Equity at the last close."""
    return float(result.equity.iloc[-1])


def n_fills(result: Result) -> int:
    """Rows of the fill table."""
    return len(result.fills)
