"""Features: numbers known at the close of a bar, declared once and named, computed for any bars."""

from backtester.signals.features.cross_sectional import CrossSectional, Rank
from backtester.signals.features.element import Feature
from backtester.signals.features.external import External
from backtester.signals.features.feature_set import Features
from backtester.signals.features.function import Function, Indicator
from backtester.signals.features.lag import Lag
from backtester.signals.features.library import SHIPPED
from backtester.signals.features.on import On
from backtester.signals.features.shipped import Shipped

__all__ = [
    "SHIPPED",
    "CrossSectional",
    "External",
    "Feature",
    "Features",
    "Function",
    "Indicator",
    "Lag",
    "On",
    "Rank",
    "Shipped",
]
