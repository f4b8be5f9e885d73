"""Features and what is made of them: numbers known at the close of a bar, declared once, computed for any bars.

`Features([…])` is a named, ordered set of them; its elements are shipped features by name (`"rsi(14)"`), `Indicator`,
`Function` for functions of your own, and `External` for arrays. `Scaler` brings a panel to one scale, fitted on the
training rows alone. All of it needs NumPy and numba alone.
"""

from backtester.signals.features.element import Feature
from backtester.signals.features.external import External
from backtester.signals.features.feature_set import Features
from backtester.signals.features.function import Function, Indicator
from backtester.signals.features.library import SHIPPED
from backtester.signals.scaler import Scaler
from backtester.signals.features.shipped import Shipped

__all__ = ["SHIPPED", "External", "Feature", "Features", "Function", "Indicator", "Scaler", "Shipped"]
