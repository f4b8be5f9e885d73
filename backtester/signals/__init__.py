"""Signals: features and labels, models fitted on the past alone, and what they say out of sample.

`Features([…])` declares what a model sees, a label function what it learns, a scheme such as `WalkForward` what is past
and what is test; `predict_out_of_sample` puts them together and returns a `Signal`, which a strategy trades. Names are
loaded when they are first used; scientific libraries when a function needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.signals.bundle import load_model as load_model
    from backtester.signals.bundle import model_manifest as model_manifest
    from backtester.signals.bundle import save_model as save_model
    from backtester.signals.checks import check_label_ends as check_label_ends
    from backtester.signals.checks import check_pipeline as check_pipeline
    from backtester.signals.cleaning import Cleaning as Cleaning
    from backtester.signals.cleaning import FittedCleaning as FittedCleaning
    from backtester.signals.explanation import Shap as Shap
    from backtester.signals.explanation import explain as explain
    from backtester.signals.explanation import shap_per_trade as shap_per_trade
    from backtester.signals.explanation import shap_values as shap_values
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
    from backtester.signals.fitting import FittedModel as FittedModel
    from backtester.signals.fitting import Search as Search
    from backtester.signals.fitting import Select as Select
    from backtester.signals.fitting import fit as fit
    from backtester.signals.labels import LABELS as LABELS
    from backtester.signals.labels import Label as Label
    from backtester.signals.labels import average_uniqueness as average_uniqueness
    from backtester.signals.labels import direction as direction
    from backtester.signals.labels import forward_return as forward_return
    from backtester.signals.labels import meta_label as meta_label
    from backtester.signals.labels import return_attribution as return_attribution
    from backtester.signals.labels import time_decay as time_decay
    from backtester.signals.labels import triple_barrier as triple_barrier
    from backtester.signals.labels import volatility_scaled as volatility_scaled
    from backtester.signals.out_of_sample import predict_out_of_sample as predict_out_of_sample
    from backtester.signals.scaler import Scaler as Scaler
    from backtester.signals.scores import ModelMetrics as ModelMetrics
    from backtester.signals.scores import compare as compare
    from backtester.signals.scores import drift as drift
    from backtester.signals.signal import Signal as Signal
    from backtester.signals.splits import CombinatorialPurgedCV as CombinatorialPurgedCV
    from backtester.signals.splits import Fold as Fold
    from backtester.signals.splits import PurgedKFold as PurgedKFold
    from backtester.signals.splits import WalkForward as WalkForward
    from backtester.signals.splits import training_mask as training_mask

_HOMES = {
    "Cleaning": "cleaning",
    "CombinatorialPurgedCV": "splits",
    "CrossSectional": "features",
    "External": "features",
    "Feature": "features",
    "Features": "features",
    "FittedCleaning": "cleaning",
    "FittedModel": "fitting",
    "Fold": "splits",
    "Function": "features",
    "Indicator": "features",
    "LABELS": "labels",
    "Label": "labels",
    "Lag": "features",
    "ModelMetrics": "scores",
    "On": "features",
    "PurgedKFold": "splits",
    "Rank": "features",
    "SHIPPED": "features",
    "Scaler": "scaler",
    "Search": "fitting",
    "Select": "fitting",
    "Shap": "explanation",
    "Shipped": "features",
    "Signal": "signal",
    "WalkForward": "splits",
    "average_uniqueness": "labels",
    "check_label_ends": "checks",
    "check_pipeline": "checks",
    "compare": "scores",
    "direction": "labels",
    "drift": "scores",
    "explain": "explanation",
    "fit": "fitting",
    "forward_return": "labels",
    "load_model": "bundle",
    "meta_label": "labels",
    "model_manifest": "bundle",
    "predict_out_of_sample": "out_of_sample",
    "return_attribution": "labels",
    "save_model": "bundle",
    "shap_per_trade": "explanation",
    "shap_values": "explanation",
    "time_decay": "labels",
    "training_mask": "splits",
    "triple_barrier": "labels",
    "volatility_scaled": "labels",
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
