"""Labels: what a model learns for each bar and asset, each with the last bar that it reads."""

from backtester.signals.labels.direction import direction
from backtester.signals.labels.forward_return import forward_return
from backtester.signals.labels.label import Label
from backtester.signals.labels.meta_label import meta_label
from backtester.signals.labels.rebuild import LABELS
from backtester.signals.labels.triple_barrier import triple_barrier
from backtester.signals.labels.volatility_scaled import volatility_scaled
from backtester.signals.labels.weights import average_uniqueness, concurrency, return_attribution, time_decay

__all__ = [
    "LABELS",
    "Label",
    "average_uniqueness",
    "concurrency",
    "direction",
    "forward_return",
    "meta_label",
    "return_attribution",
    "time_decay",
    "triple_barrier",
    "volatility_scaled",
]
