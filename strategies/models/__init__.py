"""Models, ready to fit and to copy: one file is one idea, with its source.

Each is a plug-in of the entry-point group `backtester.models`, and has a name: `model_named("ridge")`. Classes are
loaded when they are first used, and with them scikit-learn or torch:

>>> from strategies.models import Ridge
>>> Ridge(alpha=10.0)
Ridge(alpha=10.0)

What a model has to be, and how to write one: docs/models.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.models.ar1 import AR1 as AR1
    from strategies.models.cnn import CNN as CNN
    from strategies.models.cnn import CNNClassifier as CNNClassifier
    from strategies.models.direct_sharpe import DirectSharpe as DirectSharpe
    from strategies.models.elastic_net import ElasticNet as ElasticNet
    from strategies.models.gradient_boosting import GradientBoosting as GradientBoosting
    from strategies.models.gradient_boosting import GradientBoostingClassifier as GradientBoostingClassifier
    from strategies.models.logistic import Logistic as Logistic
    from strategies.models.lstm import LSTM as LSTM
    from strategies.models.lstm import LSTMClassifier as LSTMClassifier
    from strategies.models.mlp import MLP as MLP
    from strategies.models.mlp import MLPClassifier as MLPClassifier
    from strategies.models.naive import Naive as Naive
    from strategies.models.random_forest import RandomForest as RandomForest
    from strategies.models.random_forest import RandomForestClassifier as RandomForestClassifier
    from strategies.models.ridge import Ridge as Ridge
    from strategies.models.svm import SVM as SVM
    from strategies.models.transformer import Transformer as Transformer
    from strategies.models.transformer import TransformerClassifier as TransformerClassifier

#: name: module:Class, as pyproject.toml registers them
SHIPPED = {
    "ar1": "strategies.models.ar1:AR1",
    "cnn": "strategies.models.cnn:CNN",
    "cnn_classifier": "strategies.models.cnn:CNNClassifier",
    "direct_sharpe": "strategies.models.direct_sharpe:DirectSharpe",
    "elastic_net": "strategies.models.elastic_net:ElasticNet",
    "gradient_boosting": "strategies.models.gradient_boosting:GradientBoosting",
    "gradient_boosting_classifier": "strategies.models.gradient_boosting:GradientBoostingClassifier",
    "logistic": "strategies.models.logistic:Logistic",
    "lstm": "strategies.models.lstm:LSTM",
    "lstm_classifier": "strategies.models.lstm:LSTMClassifier",
    "mlp": "strategies.models.mlp:MLP",
    "mlp_classifier": "strategies.models.mlp:MLPClassifier",
    "naive": "strategies.models.naive:Naive",
    "random_forest": "strategies.models.random_forest:RandomForest",
    "random_forest_classifier": "strategies.models.random_forest:RandomForestClassifier",
    "ridge": "strategies.models.ridge:Ridge",
    "svm": "strategies.models.svm:SVM",
    "transformer": "strategies.models.transformer:Transformer",
    "transformer_classifier": "strategies.models.transformer:TransformerClassifier",
}

_HOMES = {target.partition(":")[2]: target.partition(":")[0] for target in SHIPPED.values()}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from backtester.errors import did_you_mean

        raise AttributeError(f"module 'strategies.models' has no attribute {name!r}{did_you_mean(name, _HOMES)}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
