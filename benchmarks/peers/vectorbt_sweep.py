"""vectorbt on a sweep: every set of parameters is a column of one portfolio.

S1 by `from_orders`, target percent valued at the last close and filled at the open, as in `vectorbt_`; S3 by the
flexible order function that places the floor's trades. Its statistics are total return, Sharpe ratio, drawdown, trades
and win rate of every column.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from benchmarks.memory import peak_above
from benchmarks.peers.protocol import timed
from benchmarks.sweep.grids import BARS, grid, points
from benchmarks.workloads import CASH, COMMISSION, TAKE_PROFIT, WARM_UP_BARS, Market, simulate


def _signals(market: Market, sets: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    """Close as a Series, and entries and exits [n_bars, n], moved to the bar where they fill."""
    import pandas as pd
    import vectorbt as vbt

    close = pd.Series(market.close, index=pd.DatetimeIndex(market.timestamps.view("M8[ns]")))
    fast = vbt.MA.run(close, sets[:, 0].astype(int).tolist(), short_name="fast")
    slow = vbt.MA.run(close, sets[:, 1].astype(int).tolist(), short_name="slow")
    entries = fast.ma_crossed_above(slow).to_numpy()
    exits = fast.ma_crossed_below(slow).to_numpy()
    return close, _later(entries), _later(exits)


def _later(signal: np.ndarray) -> np.ndarray:
    moved = np.zeros_like(signal)
    moved[1:] = signal[:-1]
    return moved


def crosses(market: Market, sets: np.ndarray) -> Any:
    """S1."""
    import pandas as pd
    import vectorbt as vbt

    close, entries, exits = _signals(market, sets)
    before = close.shift(1)
    return vbt.Portfolio.from_orders(
        close,
        size=pd.DataFrame(np.where(entries, 1.0, np.where(exits, 0.0, np.nan)), index=close.index),
        size_type="targetpercent",
        price=pd.Series(market.open, index=close.index),
        val_price=before,
        fees=COMMISSION,
        init_cash=CASH,
        freq="1min",
    )


def brackets(market: Market, sets: np.ndarray) -> Any:
    """S3, by an order function."""
    import pandas as pd
    import vectorbt as vbt

    close, entries, exits = _signals(market, sets)
    n = len(sets)
    return vbt.Portfolio.from_order_func(
        pd.DataFrame(np.broadcast_to(market.close[:, None], entries.shape), index=close.index),
        _order_function(),
        *(entries, exits, market.open, market.high, market.low, np.zeros((2, n)), sets[:, 2].copy()),
        flexible=True,
        max_orders=len(close) // 4 * n,
        init_cash=CASH,
        freq="1min",
    )


_compiled: list[Any] = []


def _order_function() -> Any:
    """The function, compiled once per process."""
    if _compiled:
        return _compiled[0]
    from numba import njit
    from vectorbt.portfolio import nb

    @njit
    def order_func(c, entries, exits, open_, high, low, legs, stops):
        i, col = c.i, c.from_col
        held = c.last_position[col]
        if c.call_idx == 0 and held == 0.0 and entries[i, col]:
            wanted = c.last_cash[col] / c.close[i - 1, col]
            legs[0, col], legs[1, col] = open_[i] * (1.0 - stops[col]), open_[i] * (1.0 + TAKE_PROFIT)
            return col, nb.order_nb(wanted, open_[i], fees=COMMISSION)
        if held > 0.0:
            price = np.nan
            if exits[i, col] or open_[i] <= legs[0, col] or open_[i] >= legs[1, col]:
                price = open_[i]
            elif low[i] <= legs[0, col]:
                price = legs[0, col]
            elif high[i] >= legs[1, col]:
                price = legs[1, col]
            if not np.isnan(price):
                return col, nb.order_nb(-held, price, fees=COMMISSION)
        return -1, nb.order_nothing_nb()

    _compiled.append(order_func)
    return order_func


def table(portfolio: Any) -> Any:
    """A few statistics of every column."""
    import pandas as pd

    return pd.DataFrame(
        {
            "total_return": portfolio.total_return(),
            "sharpe": portfolio.sharpe_ratio(),
            "max_drawdown": portfolio.max_drawdown(),
            "n_trades": portfolio.trades.count(),
            "win_rate": portfolio.trades.win_rate(),
        }
    )


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    try:
        import vectorbt as vbt

        if asked.variant == "rust":
            import vectorbt_rust  # noqa: F401
    except ImportError as error:
        print(json.dumps({"absent": str(error)}))
        return
    vbt.settings["engine"] = "rust" if asked.variant == "rust" else "numba"
    run = brackets if asked.workload == "S3" else crosses
    dimensions = grid(asked.workload, asked.quick)
    first = points({name: values[:2] for name, values in dimensions.items()})
    _, cold = timed(lambda: table(run(simulate(WARM_UP_BARS), first)))
    market, sets = simulate(BARS), points(dimensions)

    def whole() -> Any:
        portfolio = run(market, sets)
        return portfolio, table(portfolio)

    (portfolio, _), peak_mb = peak_above(whole)
    final = np.asarray(portfolio.final_value(), np.float64).tolist()
    del portfolio
    seconds = [timed(whole)[1] for _ in range(asked.runs)]
    answer = {"version": vbt.__version__, "seconds": seconds, "cold_seconds": cold, "peak_mb": peak_mb, "final": final}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
