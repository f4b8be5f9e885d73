"""Features: numbers known at the close of a bar, declared once and named, computed for any bars."""

from backtester.signals.features.element import Feature
from backtester.signals.features.external import External
from backtester.signals.features.feature_set import Features
from backtester.signals.features.function import Function, Indicator
from backtester.signals.features.library import SHIPPED
from backtester.signals.features.shipped import Shipped

__all__ = ["SHIPPED", "External", "Feature", "Features", "Function", "Indicator", "Shipped"]
