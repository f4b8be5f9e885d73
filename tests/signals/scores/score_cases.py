"""Bars, labels and signals made by hand, for the tests of scores."""

from __future__ import annotations

import numpy as np

from backtester import Bars
from backtester.signals import Label, Signal
from backtester.signals.scores import Predictions
from backtester.signals.signal import FoldRecord

DAY = 86_400_000_000_000
START = 18_262 * DAY  # 2020-01-01, 00:00 UTC; the bar of that day closes a day later


def daily_bars(close):
    """Return bars that open where they close, on consecutive days from the first of 2020."""
    close = np.asarray(close, float)
    close = close[:, np.newaxis] if close.ndim == 1 else close
    stamps = START + DAY * np.arange(1, len(close) + 1)
    return Bars.from_arrays(stamps, close, close, close, close, np.full(close.shape, 1e6))


def ar1_bars(n_bars, n_assets=1, phi=0.2, seed=0):
    """Return bars whose log returns are r[t] = phi·r[t−1] + 0.01·noise."""
    noise = 0.01 * np.random.default_rng(seed).normal(size=(n_bars, n_assets))
    moves = np.zeros((n_bars, n_assets))
    for t in range(1, n_bars):
        moves[t] = phi * moves[t - 1] + noise[t]
    return daily_bars(100.0 * np.exp(np.cumsum(moves, axis=0)))


def label_of(bars, values, reach=1, kind="return", name="own"):
    """Return a label of values of one's own that reads `reach` bars ahead."""
    values = np.asarray(values, float)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    end = np.minimum(np.arange(len(values)) + reach, len(values) - 1)[:, np.newaxis]
    return Label.from_arrays(bars, values, np.broadcast_to(end, values.shape), kind=kind, name=name)


def signal_of(bars, values, label=None, tests=(), means=None, **more):
    """Return a signal whose folds test the rows [first, last] of `tests`, trained until just before."""
    values = np.array(values, float)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    fold = np.full(bars.n_bars, -1, np.int32)
    records = []
    until = more.pop("until", None)
    for k, (first, last) in enumerate(tests):
        spoken = np.isfinite(values[first : last + 1]).any(axis=1)
        fold[first : last + 1][spoken] = k
        close = int(bars.timestamps[first] - 1 if until is None else until[k])
        mean = float("nan") if means is None else means[k]
        records.append(FoldRecord(k, first, last, 100, close, ("f",), label_mean=mean))
    return Signal(
        values=values,
        timestamps=np.array(bars.timestamps),
        symbols=tuple(bars.symbols),
        name=more.pop("name", "hand"),
        fold=fold,
        trained_until=np.array([record.trained_until for record in records], np.int64),
        label=label,
        folds=tuple(records),
        **more,
    )


def random_predictions(classes=(), n=400, seed=1, chances=True):
    """Return predictions that are somewhat right."""
    rng = np.random.default_rng(seed)
    if not classes:
        actual = rng.normal(0.0, 0.01, n)
        return Predictions(np.round(0.2 * actual + rng.normal(0.0, 0.01, n), 3), actual)
    happened = rng.integers(len(classes), size=n)
    raw = rng.gamma(1.0, size=(n, len(classes)))
    raw[np.arange(n), happened] += 0.7
    probabilities = np.round(raw / raw.sum(axis=1, keepdims=True), 2)  # ties are there
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    known = np.array(classes, float)
    return Predictions(probabilities @ known, known[happened], probabilities if chances else None, classes)
