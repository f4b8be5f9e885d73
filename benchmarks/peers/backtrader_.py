"""backtrader: market orders at the next open, fractional units, 99.8 % of equity, `buy_bracket` for W2.

It refuses an order that the cash cannot pay for at the open, where the floor cuts it down, so it leaves 0.2 % for the
gap. A bracket's prices are fractions of the close of the decision, and its legs work from the bar after the entry.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers.protocol import Adaptor, main
from benchmarks.workloads import CASH, COMMISSION, FAST, SLOW, STOP_LOSS, TAKE_PROFIT, Market

INVESTED = 0.998


def _load(market: Market) -> Any:
    import pandas as pd

    columns = {name: getattr(market, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(market.timestamps.view("M8[ns]")))


def _strategy(bracket: bool) -> type:
    import backtrader as bt

    class SmaCross(bt.Strategy):
        def __init__(self) -> None:
            fast = bt.indicators.SMA(self.data.close, period=FAST)
            slow = bt.indicators.SMA(self.data.close, period=SLOW)
            self.crossing = bt.indicators.CrossOver(fast, slow)
            self.legs: list[Any] = []
            self.n_fills = 0

        def notify_order(self, order: Any) -> None:
            self.n_fills += order.status == order.Completed

        def next(self) -> None:
            if self.crossing[0] > 0 and not self.position:
                self.enter(self.data.close[0])
            elif self.crossing[0] < 0 and self.position:
                for leg in self.legs:
                    self.cancel(leg)
                self.close()

        def enter(self, close: float) -> None:
            size = INVESTED * self.broker.getvalue() / close
            if bracket:
                stop, target = close * (1.0 - STOP_LOSS), close * (1.0 + TAKE_PROFIT)
                orders = self.buy_bracket(size=size, exectype=bt.Order.Market, stopprice=stop, limitprice=target)
                self.legs = orders[1:]
            else:
                self.buy(size=size)

    return SmaCross


def build(workload: str, variant: str) -> Adaptor:
    """`variant` is not used."""
    import backtrader as bt

    strategy = _strategy(workload == "W2")

    def run(frame: Any) -> Any:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes))
        cerebro.addstrategy(strategy)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=COMMISSION)
        return cerebro.run()[0]

    return Adaptor(
        engine="backtrader",
        version=bt.__version__,
        note="99.8 % of equity; no metrics"
        + ("; legs from the close, from the bar after entry" if workload == "W2" else ""),
        load=_load,
        run=run,
        metrics=None,
        final_equity=lambda strategy: strategy.broker.getvalue(),
        n_fills=lambda strategy: strategy.n_fills,
    )


if __name__ == "__main__":
    main("backtrader", build)
