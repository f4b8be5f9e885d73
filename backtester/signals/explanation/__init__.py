"""Explanation: which features a model says its signal from.

`permutation` measures how much worse a model is out of sample without a feature; `shap_of` says how much of each value
of the signal comes from which feature, of trees and linear models; `trades` does so for the decision behind each trade
of a run. None of it says that a feature causes anything: of two features that say the same, either may get the credit.
"""

from backtester.signals.explanation.front import explain
from backtester.signals.explanation.shap_of import Shap, shap_values
from backtester.signals.explanation.trades import shap_per_trade

__all__ = ["Shap", "explain", "shap_per_trade", "shap_values"]
