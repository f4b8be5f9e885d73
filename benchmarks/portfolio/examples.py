"""backtesting.py's own examples, written for our engine (P4): `python -m benchmarks.portfolio.examples --example ...`.

backtesting.py buys "with everything" by counting whole units at the open it fills at. Here one asks for twice the
equity, and the account cuts the order down to what it affords at that open, in whole lots: the same number.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from backtester import Account, Bars, Costs, Result, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma
from benchmarks.peers.backtesting_examples import CASH, COMMISSION, PART, RANGES, TRAIL
from benchmarks.peers.protocol import timed

SAMPLE = "googl"
EVERYTHING = 2.0  # of the equity: more than the account affords
MOST_LOTS = 1_000


class SmaCross(Strategy):
    """Long above, short below, always with everything."""

    fast: int = 10
    slow: int = 20

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)

    def on_bar(self, ctx):
        if crossed_above(self.fast_ma, self.slow_ma, 0):
            ctx.order_target_percent(0, EVERYTHING)
        elif crossed_below(self.fast_ma, self.slow_ma, 0):
            ctx.order_target_percent(0, -EVERYTHING)


class FourAverages(Strategy):
    """Two averages say which way to trade; the price crosses a third to enter, a fourth to leave."""

    fast: int = 50
    slow: int = 100
    enter: int = 20
    leave: int = 10

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)
        self.enter_ma = sma(bars.close, self.enter)
        self.leave_ma = sma(bars.close, self.leave)

    def on_bar(self, ctx):
        position = ctx.position(0)
        if position > 0.0:
            if crossed_below(ctx.close, self.leave_ma, 0):
                ctx.close_position(0)
        elif position < 0.0:
            if crossed_above(ctx.close, self.leave_ma, 0):
                ctx.close_position(0)
        elif self.fast_ma[-1, 0] > self.slow_ma[-1, 0]:
            if crossed_above(ctx.close, self.enter_ma, 0):
                ctx.order_target_percent(0, EVERYTHING)
        elif crossed_below(ctx.close, self.enter_ma, 0):
            ctx.order_target_percent(0, -EVERYTHING)


class Trailing(Strategy):
    """Every cross buys with a part of the cash; each lot has a stop that follows the close at two average ranges."""

    fast: int = 10
    slow: int = 25

    def prepare(self, bars):
        self.fast_ma = sma(bars.close, self.fast)
        self.slow_ma = sma(bars.close, self.slow)
        before = np.full_like(bars.close, np.nan)
        before[1:] = bars.close[:-1]
        self.range = sma(np.maximum(bars.high, before) - np.minimum(bars.low, before), RANGES)
        self.n_lots = 0
        self.held = np.zeros(MOST_LOTS)
        self.levels = np.zeros(MOST_LOTS)
        self.stops = np.zeros(MOST_LOTS, np.int64)

    def on_fill(self, ctx, fill):
        self.held[fill.tag] += fill.quantity

    def on_bar(self, ctx):
        close = ctx.close[-1, 0]
        level = close - TRAIL * self.range[-1, 0]
        for lot in range(self.n_lots):
            if self.held[lot] > 0.0:
                if self.stops[lot] == 0:
                    self.stops[lot] = ctx.stop(0, -self.held[lot], level, tag=lot)
                    self.levels[lot] = level
                elif level > self.levels[lot]:
                    ctx.modify(self.stops[lot], price=level)
                    self.levels[lot] = level
        if crossed_above(self.fast_ma, self.slow_ma, 0):
            quantity = math.floor(PART * ctx.cash / (close * (1.0 + COMMISSION)))
            if quantity > 0:
                ctx.order(0, quantity, tag=self.n_lots)
                self.n_lots += 1


def write_bars(path: Path) -> None:
    """Write the bars as a CSV file, every digit of them, with the column names that backtesting.py wants."""
    import pandas as pd

    bars = Bars.sample(SAMPLE)
    columns = {name.title(): getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame(columns, bars.index.tz_localize(None)).to_csv(path)


STRATEGIES: dict[str, type[Strategy]] = {
    "sma_cross": SmaCross,
    "four_averages": FourAverages,
    "trailing": Trailing,
    "trailing_at_close": Trailing,
}


def _run(example: str, bars: Bars) -> Result:
    return run(
        STRATEGIES[example](), bars, cash=CASH, costs=Costs(commission=COMMISSION), account=Account(lot_size=1.0)
    )


def measure(example: str, repeats: int) -> dict[str, Any]:
    """Times of `run` and its metrics, and its result."""
    bars = Bars.sample(SAMPLE)

    def whole() -> Result:
        result = _run(example, bars)
        _ = result.metrics
        return result

    _, cold = timed(whole)
    seconds = []
    for _ in range(repeats):
        result, spent = timed(whole)
        seconds.append(spent)
    closed = result.trades[~result.trades["open"]]
    return {
        "bars": len(bars),
        "final_equity": float(result.tables.equity[-1]),
        "n_trades": len(closed),
        "cold_seconds": cold,
        "whole_seconds": seconds,
    }


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--example", choices=tuple(STRATEGIES), default="sma_cross")
    parser.add_argument("--repeats", type=int, default=11)
    request = parser.parse_args()
    print(json.dumps(measure(request.example, request.repeats)))


if __name__ == "__main__":
    main()
