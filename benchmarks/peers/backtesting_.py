"""backtesting.py: market orders at the next open, whole units, and a bracket priced from the close of the decision.

It buys with all its cash at the open, in whole units (the price is near 1, so that is nothing); a bracket's prices must
be known when the order is given, so they are fractions of the close where the floor's are of the fill. `run()` computes
the statistics too and cannot be asked not to.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers.protocol import Adaptor, main
from benchmarks.workloads import CASH, COMMISSION, FAST, SLOW, STOP_LOSS, TAKE_PROFIT, Market


def _load(market: Market) -> Any:
    import pandas as pd

    columns = {name.title(): getattr(market, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(market.timestamps.view("M8[ns]")))


def _average(close: Any, n: int) -> Any:
    import pandas as pd

    return pd.Series(close).rolling(n).mean()


def _strategy(bracket: bool) -> type:
    from backtesting import Strategy
    from backtesting.lib import crossover

    class SmaCross(Strategy):
        def init(self) -> None:
            self.fast = self.I(_average, self.data.Close, FAST)
            self.slow = self.I(_average, self.data.Close, SLOW)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                if not self.position:
                    self.enter()
            elif crossover(self.slow, self.fast):
                self.position.close()

        def enter(self) -> None:
            if bracket:
                close = self.data.Close[-1]
                self.buy(sl=close * (1.0 - STOP_LOSS), tp=close * (1.0 + TAKE_PROFIT))
            else:
                self.buy()

    return SmaCross


def build(workload: str, variant: str) -> Adaptor:
    """`variant` is not used."""
    import warnings

    import backtesting

    strategy = _strategy(workload == "W2")

    def run(frame: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return backtesting.Backtest(frame, strategy, cash=CASH, commission=COMMISSION).run()

    return Adaptor(
        engine="backtesting.py",
        version=backtesting.__version__,
        note="whole units; buys with all cash; run() with its statistics"
        + ("; legs from the close, not the fill" if workload == "W2" else ""),
        load=_load,
        run=run,
        metrics=None,
        final_equity=lambda stats: stats["Equity Final [$]"],
        n_fills=lambda stats: 2 * int(stats["# Trades"]) + len(stats["_strategy"].trades),
    )


if __name__ == "__main__":
    main("backtesting", build)
