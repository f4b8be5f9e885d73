"""backtesting.py on the strategies its documentation teaches, on daily bars from a CSV file (P4).

`sma_cross` is the example of its README, `four_averages` the one of its page on parameter heatmaps, `trailing` the one
of its page on its strategy library. `trailing_at_close` is the last with two changes, to show that nothing else lies
between its result and ours: whole units are counted at the close of the decision, and nothing is bought before the
average range is known (the library fills its first 100 values backwards, from the future).
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from typing import Any

EXAMPLES = ("sma_cross", "four_averages", "trailing", "trailing_at_close")
CASH = 10_000.0
COMMISSION = 0.002
PART = 0.95  # of the cash, for an entry of `trailing`
TRAIL = 2.0  # average true ranges
RANGES = 100  # bars of that average


def _average(values: Any, n: int) -> Any:
    import pandas as pd

    return pd.Series(values).rolling(n).mean()


def _sma_cross() -> type:
    from backtesting import Strategy
    from backtesting.lib import crossover

    class SmaCross(Strategy):
        def init(self) -> None:
            self.fast = self.I(_average, self.data.Close, 10)
            self.slow = self.I(_average, self.data.Close, 20)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy()
            elif crossover(self.slow, self.fast):
                self.sell()

    return SmaCross


def _four_averages() -> type:
    from backtesting import Strategy
    from backtesting.lib import crossover

    class FourAverages(Strategy):
        def init(self) -> None:
            self.fast = self.I(_average, self.data.Close, 50)
            self.slow = self.I(_average, self.data.Close, 100)
            self.enter = self.I(_average, self.data.Close, 20)
            self.leave = self.I(_average, self.data.Close, 10)

        def next(self) -> None:
            close, rising = self.data.Close, self.fast[-1] > self.slow[-1]
            if self.position:
                left = crossover(self.leave, close) if self.position.is_long else crossover(close, self.leave)
                if left:
                    self.position.close()
            elif rising and crossover(close, self.enter):
                self.buy()
            elif not rising and crossover(self.enter, close):
                self.sell()

    return FourAverages


def _trailing(at_close: bool) -> type:
    import numpy as np
    from backtesting.lib import SignalStrategy, TrailingStrategy

    def entries(data: Any) -> Any:
        above = np.asarray(_average(data.Close, 10)) > np.asarray(_average(data.Close, 25))
        return np.concatenate([[False], above[1:] & ~above[:-1]])

    class Trailing(SignalStrategy, TrailingStrategy):
        def init(self) -> None:
            super().init()
            self.set_signal(entries(self.data) * PART)
            self.set_trailing_sl(TRAIL)

    class TrailingAtClose(TrailingStrategy):
        def init(self) -> None:
            super().init()
            self.entries = self.I(lambda: entries(self.data).astype(float))
            self.set_trailing_sl(TRAIL)

        def next(self) -> None:
            super().next()
            if self.entries[-1] and len(self.data) > RANGES:
                free = self._broker.margin_available
                size = math.floor(PART * free / (self.data.Close[-1] * (1.0 + COMMISSION)))
                if size > 0:
                    self.buy(size=size)

    return TrailingAtClose if at_close else Trailing


def measure(example: str, path: str, repeats: int) -> dict[str, Any]:
    """Times of `run()`, which computes its statistics too, and its result on the bars of a file."""
    import backtesting
    import pandas as pd

    backtesting.backtesting._tqdm = lambda steps, **_: steps
    frame = pd.read_csv(path, index_col=0, parse_dates=True, float_precision="round_trip")
    strategy = {"sma_cross": _sma_cross, "four_averages": _four_averages}.get(example)
    kind = strategy() if strategy else _trailing(example == "trailing_at_close")
    test = backtesting.Backtest(
        frame, kind, cash=CASH, commission=COMMISSION, exclusive_orders=not example.startswith("trailing")
    )
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        stats = test.run()
        seconds.append(time.perf_counter() - started)
    trades = stats["_trades"]
    return {
        "engine": "backtesting.py",
        "version": backtesting.__version__,
        "bars": len(frame),
        "final_equity": float(stats["Equity Final [$]"]),
        "n_trades": len(trades),
        "cold_seconds": seconds[0],
        "whole_seconds": seconds[1:],
    }


def main() -> None:
    """Read the request, print the answer. An import that fails is an answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--example", choices=EXAMPLES, default=EXAMPLES[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--repeats", type=int, default=5)
    request = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        print(json.dumps(measure(request.example, request.data, request.repeats)))
    except ImportError as error:
        print(json.dumps({"absent": str(error)}))


if __name__ == "__main__":
    main()
