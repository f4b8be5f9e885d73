"""The shipped features, by subject: each free of the price's unit, causal, and made of `backtester.indicators`.

A shipped feature is a function `f(prices, settings…)` that returns [n_bars, n_assets], or [n_bars] for what all assets
share. The rules all of them keep:

- `prices` are bars without the jumps of splits and dividends, as known at each bar.
- The value of bar t uses bars up to t. It is NaN in the warm-up and in an asset's gaps, and finite everywhere else, as
  long as prices are above zero and, where it is used, volume is known. Where a ratio is 0/0 (a window without a move,
  a range, or a trade) it is 0, which says "nothing unusual".
- Twice the price, or twice the volume, gives the same value up to rounding.

`register` makes a function a shipped feature under its own name, and says the least value of its periods, the range of
its numbers and the choice of its words.
"""

from backtester.signals.features.library import (
    assets,
    calendar,
    columns,
    levels,
    liquidity,
    market,
    memory,
    moments,
    moves,
    seasonality,
    trend,
    volatility,
    volume,
)
from backtester.signals.features.library._register import SHIPPED, Definition, register

__all__ = [
    "SHIPPED",
    "Definition",
    "assets",
    "calendar",
    "columns",
    "levels",
    "liquidity",
    "market",
    "memory",
    "moments",
    "moves",
    "register",
    "seasonality",
    "trend",
    "volatility",
    "volume",
]
