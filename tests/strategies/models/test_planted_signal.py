"""What is there to find is found, and where there is nothing, nothing is: AR(1) returns and a martingale."""

from __future__ import annotations

import numpy as np
import pytest

from backtester.signals.plugins import model_named
from strategies.models import SHIPPED

PHI, LAGS, N_TRAIN, N_TEST = 0.2, 6, 10_000, 20_000
LEARN = [name for name in SHIPPED if not name.endswith("_classifier") and name not in ("naive", "logistic")]


def returns(phi, n, seed):
    noise = np.random.default_rng(seed).normal(size=n + LAGS + 101)
    r = np.zeros_like(noise)
    for t in range(1, len(r)):
        r[t] = phi * r[t - 1] + noise[t]
    return 0.01 * r[100:]


def samples(name, phi, n, seed):
    """Return the last returns, the latest in column 0 or at the end of a window, and the next ones."""
    r = returns(phi, n, seed)
    windows = np.lib.stride_tricks.sliding_window_view(r[:-1], LAGS)[:n].astype(np.float32)
    lookback = "lookback" in model_named(name).get_params()
    return (windows[:, :, None] if lookback else windows[:, ::-1]), r[LAGS:][:n]


def information(name, phi):
    """Return the out-of-sample correlation of what a model says, and of the last return, with the next."""
    model = model_named(name)
    has = model.get_params()
    model.set_params(**{key: value for key, value in (("random_state", 0), ("lookback", LAGS)) if key in has})
    model.fit(*samples(name, phi, N_TRAIN, seed=1))
    X, y = samples(name, phi, N_TEST, seed=2)
    last = X[:, -1, 0] if X.ndim == 3 else X[:, 0]
    said = model.predict(X)
    return np.corrcoef(said, y)[0, 1] if said.std() > 0.0 else 0.0, np.corrcoef(last, y)[0, 1]


@pytest.mark.parametrize("name", LEARN)
def test_nine_tenths_of_the_information_of_ar1_returns_are_found(name):
    """The best forecast is φ times the last return; its correlation with the next is φ, but for sampling."""
    found, there = information(name, PHI)
    assert abs(there - PHI) < 4.0 / np.sqrt(N_TEST)
    assert 0.9 * there < found < 1.02 * there


@pytest.mark.parametrize("name", LEARN)
def test_in_a_martingale_nothing_is_found(name):
    found, _ = information(name, 0.0)
    assert abs(found) < 3.5 / np.sqrt(N_TEST)  # a correlation of nothing has the deviation 1/√n
