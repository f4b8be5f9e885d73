"""Small samples for every model, and ways to make and store one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from backtester.signals.plugins import model_named
from strategies.models import SHIPPED

N, F, LOOKBACK = 400, 3, 4

#: settings that make a test quick; the models are as they are shipped in all else
QUICK: dict[str, dict[str, Any]] = {
    **{name: {"n_estimators": 20} for name in SHIPPED if "boosting" in name or "forest" in name},
    **{
        name: {"max_epochs": 3, "batch_size": 64}
        for name in SHIPPED
        if name.removesuffix("_classifier") in ("mlp", "cnn", "lstm", "transformer")
    },
    "direct_sharpe": {"max_epochs": 3, "batch_size": 8, "run": 8},
}
NETWORKS = [name for name in SHIPPED if "max_epochs" in QUICK.get(name, {})]


def make(name: str, **settings: Any) -> Any:
    """Return a quick model with a seed and a short lookback, where it has such."""
    model = model_named(name, **QUICK.get(name, {}))
    has = model.get_params()
    given = {key: value for key, value in (("random_state", 7), ("lookback", LOOKBACK)) if key in has}
    return model.set_params(**{**given, **settings})


def is_classifier(model: Any) -> bool:
    return hasattr(model, "predict_proba")


def samples_for(model: Any, n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return samples in the shape a model wants, and labels of the kind it learns, which the first feature moves."""
    random = np.random.default_rng(seed)
    lookback = getattr(model, "lookback", None)
    X = random.normal(size=(n, F) if lookback is None else (n, lookback, F)).astype(np.float32)
    now = X[:, 0] if lookback is None else X[:, -1, 0]
    y = 0.01 * (now + random.normal(size=n))
    return X, np.sign(y) if is_classifier(model) else y


def said(model: Any, X: np.ndarray) -> np.ndarray:
    """Return what becomes the signal: forecasts, or probabilities."""
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


def spans(row: Any, end: Any, asset: Any = None) -> SimpleNamespace:
    """Return samples as the pipeline hands them to models that take them."""
    row, end = np.asarray(row), np.asarray(end)
    asset = np.zeros(len(row), np.int64) if asset is None else np.asarray(asset)
    return SimpleNamespace(row=row, end=end, asset=asset, forward=np.zeros(len(row)))
