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
    from strategies.cross_sectional_momentum import CrossSectionalMomentum as CrossSectionalMomentum
    from strategies.donchian_breakout import DonchianBreakout as DonchianBreakout
    from strategies.grid_trading import GridTrading as GridTrading
    from strategies.monthly_contributions import MonthlyContributions as MonthlyContributions
    from strategies.opening_range_breakout import OpeningRangeBreakout as OpeningRangeBreakout
    from strategies.pairs_trading import PairsTrading as PairsTrading
    from strategies.risk_parity import RiskParity as RiskParity
    from strategies.rsi_reversion import RsiReversion as RsiReversion
    from strategies.sma_cross import SmaCross as SmaCross
    from strategies.time_series_momentum import TimeSeriesMomentum as TimeSeriesMomentum
    from strategies.trend_trailing_stop import TrendTrailingStop as TrendTrailingStop
    from strategies.turtle import Turtle as Turtle

_HOMES = {
    "BollingerReversion": "bollinger_reversion",
    "BuyAndHold": "buy_and_hold",
    "CrossSectionalMomentum": "cross_sectional_momentum",
    "DonchianBreakout": "donchian_breakout",
    "GridTrading": "grid_trading",
    "MonthlyContributions": "monthly_contributions",
    "OpeningRangeBreakout": "opening_range_breakout",
    "PairsTrading": "pairs_trading",
    "RiskParity": "risk_parity",
    "RsiReversion": "rsi_reversion",
    "SmaCross": "sma_cross",
    "TimeSeriesMomentum": "time_series_momentum",
    "TrendTrailingStop": "trend_trailing_stop",
    "Turtle": "turtle",
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
