"""vectorbt: W1 by `from_orders`, W2 by `from_signals` (static stops) and by a flexible order function.

`from_orders` with a target of 100 % valued at the last close and filled at the open does what the floor does, to the
last trade. `from_signals` has no stop on the bar of the entry, looks at the stop of a bar before the exit at its open,
and buys with all the cash, so its W2 differs a little; the order function (numba alone) places the floor's trades
exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers.protocol import Adaptor, main
from benchmarks.workloads import CASH, COMMISSION, FAST, SLOW, STOP_LOSS, TAKE_PROFIT, Market


def _load(market: Market) -> dict[str, Any]:
    """The market as Series with a DatetimeIndex, as a user has it."""
    import pandas as pd

    index = pd.DatetimeIndex(market.timestamps.view("M8[ns]"))
    return {name: pd.Series(getattr(market, name), index=index) for name in ("open", "high", "low", "close")}


def _crossings(data: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Entries and exits [n_bars], moved to the bar after the crossing, where they fill."""
    import vectorbt as vbt

    fast = vbt.MA.run(data["close"], FAST)
    slow = vbt.MA.run(data["close"], SLOW)
    return _later(fast.ma_crossed_above(slow).to_numpy()), _later(fast.ma_crossed_below(slow).to_numpy())


def _later(signal: np.ndarray) -> np.ndarray:
    """The signal one bar later."""
    moved = np.zeros_like(signal)
    moved[1:] = signal[:-1]
    return moved


def _targets(data: dict[str, Any]) -> Any:
    """W1: target percent orders at the opens."""
    import vectorbt as vbt

    entries, exits = _crossings(data)
    return vbt.Portfolio.from_orders(
        data["close"],
        size=np.where(entries, 1.0, np.where(exits, 0.0, np.nan)),
        size_type="targetpercent",
        price=data["open"],
        val_price=data["close"].shift(1),
        fees=COMMISSION,
        init_cash=CASH,
        freq="1min",
    )


def _stops(data: dict[str, Any]) -> Any:
    """W2 by `from_signals`."""
    import vectorbt as vbt

    entries, exits = _crossings(data)
    return vbt.Portfolio.from_signals(
        data["close"],
        entries,
        exits,
        price=data["open"],
        open=data["open"],
        high=data["high"],
        low=data["low"],
        sl_stop=STOP_LOSS,
        tp_stop=TAKE_PROFIT,
        stop_entry_price="fillprice",
        stop_exit_price="stoplimit",
        fees=COMMISSION,
        init_cash=CASH,
        freq="1min",
    )


def _callback() -> Any:
    """W2 by an order function: the entry or exit at the open, then the legs, as many orders in a bar as it takes."""
    import vectorbt as vbt
    from numba import njit
    from vectorbt.portfolio import nb

    @njit
    def order_func(c, entries, exits, open_, high, low, legs):
        i, held = c.i, c.last_position[0]
        if c.call_idx == 0 and held == 0.0 and entries[i]:
            wanted = c.last_cash[0] / c.close[i - 1, 0]
            legs[0], legs[1] = open_[i] * (1.0 - STOP_LOSS), open_[i] * (1.0 + TAKE_PROFIT)
            return 0, nb.order_nb(wanted, open_[i], fees=COMMISSION)
        if held > 0.0:
            price = np.nan
            if exits[i] or open_[i] <= legs[0] or open_[i] >= legs[1]:
                price = open_[i]
            elif low[i] <= legs[0]:
                price = legs[0]
            elif high[i] >= legs[1]:
                price = legs[1]
            if not np.isnan(price):
                return 0, nb.order_nb(-held, price, fees=COMMISSION)
        return -1, nb.order_nothing_nb()

    def run(data: dict[str, Any]) -> Any:
        entries, exits = _crossings(data)
        prices = (data[name].to_numpy() for name in ("open", "high", "low"))
        return vbt.Portfolio.from_order_func(
            data["close"],
            order_func,
            entries,
            exits,
            *prices,
            np.zeros(2),
            flexible=True,
            max_orders=len(entries) // 8,
            init_cash=CASH,
            freq="1min",
        )

    return run


_NOTES = {
    "W1": "the floor's trades",
    "W2": "no stop on the entry bar; a stop in the bar goes before the exit at its open; buys with all cash",
    "callback": "the floor's trades",
}


def build(workload: str, variant: str) -> Adaptor:
    """`variant`: numba, rust, or callback (W2, numba)."""
    import vectorbt as vbt

    if variant == "rust":
        import vectorbt_rust  # noqa: F401
    vbt.settings["engine"] = "rust" if variant == "rust" else "numba"
    if variant == "callback":
        run = _callback()
    else:
        run = {"W1": _targets, "W2": _stops}[workload]
    return Adaptor(
        engine=f"vectorbt {'numba callback' if variant == 'callback' else variant}",
        version=vbt.__version__,
        note=_NOTES["callback" if variant == "callback" else workload],
        load=_load,
        run=run,
        metrics=lambda portfolio: portfolio.stats(),
        final_equity=lambda portfolio: portfolio.final_value(),
        n_fills=lambda portfolio: portfolio.orders.count(),
    )


if __name__ == "__main__":
    main("vectorbt", build)
