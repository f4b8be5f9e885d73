"""Signals: features and labels, models fitted on the past alone, and what they say out of sample.

`Features([…])` declares what a model sees, a label function what it learns, a scheme such as `WalkForward` what is past
and what is test; `predict_out_of_sample` puts them together and returns a `Signal`, which a strategy trades. Names are
loaded when they are first used; scientific libraries when a function needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.signals.cleaning import Cleaning as Cleaning
    from backtester.signals.cleaning import FittedCleaning as FittedCleaning
    from backtester.signals.features import SHIPPED as SHIPPED
    from backtester.signals.features import CrossSectional as CrossSectional
    from backtester.signals.features import External as External
    from backtester.signals.features import Feature as Feature
    from backtester.signals.features import Features as Features
    from backtester.signals.features import Function as Function
    from backtester.signals.features import Indicator as Indicator
    from backtester.signals.features import Lag as Lag
    from backtester.signals.features import On as On
    from backtester.signals.features import Rank as Rank
    from backtester.signals.features import Shipped as Shipped
    from backtester.signals.scaler import Scaler as Scaler

_HOMES = {
    "SHIPPED": "features",
    "Cleaning": "cleaning",
    "CrossSectional": "features",
    "External": "features",
    "Feature": "features",
    "Features": "features",
    "FittedCleaning": "cleaning",
    "Function": "features",
    "Indicator": "features",
    "Lag": "features",
    "On": "features",
    "Rank": "features",
    "Scaler": "scaler",
    "Shipped": "features",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'backtester.signals' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    value = getattr(import_module(f"backtester.signals.{home}"), name)
    globals()[name] = value
    return value
