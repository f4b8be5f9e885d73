"""Labels: what a model learns for each bar and asset, each with the last bar that it reads."""

from backtester.signals.labels.forward_return import forward_return
from backtester.signals.labels.label import Label

__all__ = ["Label", "forward_return"]
