"""Trading strategies, ready to run and to copy: one file is one idea, with its source.

Every strategy here works for any number of assets with any gaps in their data, sizes by equity, and compiles. To write
your own, copy the file that is nearest to your idea. Classes are loaded when they are first used:

>>> from strategies import SmaCross
>>> SmaCross(fast=20)
SmaCross(fast=20, slow=30)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.bollinger_reversion import BollingerReversion as BollingerReversion
    from strategies.buy_and_hold import BuyAndHold as BuyAndHold
    from strategies.donchian_breakout import DonchianBreakout as DonchianBreakout
    from strategies.sma_cross import SmaCross as SmaCross

_HOMES = {
    "BollingerReversion": "bollinger_reversion",
    "BuyAndHold": "buy_and_hold",
    "DonchianBreakout": "donchian_breakout",
    "SmaCross": "sma_cross",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'strategies' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    value = getattr(import_module(f"strategies.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
