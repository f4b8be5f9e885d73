"""Data, models and directories for the tests of bundles."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from backtester import Bars, archive
from backtester.signals import Cleaning, Features, Function, direction, fit, forward_return
from backtester.signals.plugins import model_named, plugins

DAY = 86_400_000_000_000
UNTIL = 260  # bars that models are fitted on
#: small networks, for what is tested is not how well they learn
QUICK = {"max_epochs": 2, "n_estimators": 12}


def random_bars(n_bars=330, n_assets=2, seed=3):
    """Return daily bars of random walks; asset 1 has gaps."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    gap = np.zeros(close.shape, bool)
    gap[:, 1:] = rng.random((n_bars, n_assets - 1)) < 0.1
    columns = [np.where(gap, np.nan, one) for one in (open_, high, low, close, np.full(close.shape, 1e6))]
    return Bars.from_arrays(DAY * np.arange(1, n_bars + 1), *columns)


def body(bars):
    """The close over the open."""
    return bars.close / bars.open - 1.0


def twice(values):
    """Two times the values."""
    return 2.0 * values


def features():
    return Features(["log_return(1)", "log_return(5)", "rsi(14)", Function(body)], hold=2)


class OwnModel(RegressorMixin, BaseEstimator):
    """The mean of what it learnt, times a factor; of a package, but no plug-in."""

    def __init__(self, *, factor=1.0, pair=(1, 2), anything=None):
        self.factor = factor
        self.pair = pair
        self.anything = anything

    def fit(self, X, y, sample_weight=None):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ * self.factor)

    def state(self):
        return {"mean": np.array(self.mean_)}

    def load_state(self, arrays):
        self.mean_ = float(arrays["mean"])
        return self


class PlainModel:
    """No estimator and no state: what cannot be stored."""

    def fit(self, X, y, sample_weight=None):
        return self

    def predict(self, X):
        return np.zeros(len(X))


def made(name):
    """Return a shipped model, small."""
    known = plugins()[name][0].load()
    model = known()
    return model.set_params(**{key: value for key, value in QUICK.items() if key in model.get_params()})


@cache
def fitted(name):
    """Return a fitted shipped model, and the bars."""
    bars = random_bars()
    model = made(name)
    label = direction(bars, 2) if hasattr(model, "predict_proba") else forward_return(bars, 2)
    return fit(model, features(), label, bars, rows=slice(0, UNTIL), clean=Cleaning(0.01), seed=7), bars


def fitted_with(model, **settings):
    """Return a model fitted on returns."""
    bars = random_bars()
    return fit(model, features(), forward_return(bars, 2), bars, rows=slice(0, UNTIL), **settings)


def rewrite(folder: Path, change) -> None:
    """Change the manifest, and make its checksum fit: only the content itself can be refused then."""
    path = folder / archive.MANIFEST
    content = json.loads(path.read_text())
    change(content)
    content["checksum"] = archive.checksum(content)
    path.write_text(json.dumps(content))


def file_of(folder: Path, part: str) -> Path:
    (path,) = folder.glob(f"{part}-*")
    return path


def replace(folder: Path, part: str, data: bytes, suffix: str | None = None) -> None:
    """Put other bytes in the place of a file, with name, length and hashes that fit."""
    old = file_of(folder, part)
    digest = hashlib.sha256(data).hexdigest()
    new = folder / f"{part}-{digest[:16]}.{suffix or old.suffix[1:]}"
    old.unlink()
    new.write_bytes(data)
    entry = {"name": new.name, "bytes": len(data), "sha256": digest}
    rewrite(folder, lambda content: content["files"].update({part: entry}))


def ridge(**settings):
    return model_named("ridge", **settings)
