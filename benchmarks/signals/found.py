"""What models find: a planted signal of known strength, and nothing where there is nothing. Work and statistics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

PHI = 0.2  # the planted correlation of one return with the next
WHITE = ("log_return(1)", "lag(log_return(1), 1)", "lag(log_return(1), 2)", "gap", "volume_change")
"""Features that are no sums over many bars, so that none is correlated with itself: see `martingale`."""


def volume_change(bars: Any) -> npt.NDArray[np.float64]:
    """Return the logarithm of volume over that of the bar before."""
    change = np.full(bars.volume.shape, np.nan)
    change[1:] = np.log(bars.volume[1:] / bars.volume[:-1])
    return change


def features() -> Any:
    """Return the five features of both tasks, of which the first is the one that tells."""
    from backtester.signals import Features, Function

    return Features([*WHITE[:-1], Function(volume_change)])


def planted(name: str, train: int, test: int, n_folds: int, seed: int) -> dict[str, Any]:
    """Return the information coefficient of a model on autoregressive returns, out of sample, and its seconds.

    r_{t+1} = φ·r_t + √(1 − φ²)·ε_{t+1}: the best forecast is φ·r_t, whose correlation with r_{t+1} is φ.
    """
    from backtester import Bars
    from backtester.signals import WalkForward, forward_return, predict_out_of_sample
    from backtester.signals.plugins import model_named

    model = model_named(name)
    first = 3 + max(getattr(model, "lookback", 1) - 1, 0)  # two lags of a return, and the bars the model looks back to
    n_bars = first + train + n_folds * test + 1  # the last bar has no label
    bars = Bars.simulate("ar1", n_bars=n_bars, seed=seed, freq="1h", phi=PHI, mu=0.0, sigma=0.2)
    label = forward_return(bars, 1, log=True)
    started = time.perf_counter()
    signal = predict_out_of_sample(model, features(), label, bars, WalkForward(train, test), seed=seed)
    seconds = time.perf_counter() - started
    both = np.isfinite(signal.values) & label.exists
    ic = float(np.corrcoef(signal.values[both], label.values[both])[0, 1])
    return {"model": name, "ic": ic, "rows": int(both.sum()), "seconds": seconds}


def martingale(sizes: dict[str, int], item: tuple[str, int]) -> tuple[float, float]:
    """Return the information coefficient of a model on prices that nobody can predict, and its seconds.

    It is taken about 0, Σ p·y / √(Σ p²·Σ y²), and not about the means of the test: a return y of a martingale has mean
    0 whatever was said before it, so that Σ p·y has too, for every model. About their means it is not so: what a model
    says depends on returns that are in the mean.
    """
    from backtester import Bars
    from backtester.signals import WalkForward, direction, forward_return, predict_out_of_sample
    from backtester.signals.plugins import model_named

    name, seed = item
    n_bars = 3 + sizes["train"] + sizes["folds"] * sizes["test"]
    bars = Bars.simulate("gbm", n_bars=n_bars, n_assets=sizes["assets"], seed=10_000 + seed, mu=0.0, sigma=0.2)
    model = model_named(name)
    ahead = forward_return(bars, 1)
    label = direction(bars, 1) if hasattr(model, "predict_proba") else ahead
    started = time.perf_counter()
    scheme = WalkForward(sizes["train"], sizes["test"])
    signal = predict_out_of_sample(model, features(), label, bars, scheme, seed=seed, workers=1)
    seconds = time.perf_counter() - started
    both = np.isfinite(signal.values) & ahead.exists
    p, y = signal.values[both], ahead.values[both]
    scale = np.sqrt((p @ p) * (y @ y))
    return (float(p @ y / scale) if scale > 0.0 else 0.0), seconds


def t_test(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, t and two-sided p of the mean being 0; t is 0 and p 1 where all values are 0."""
    from scipy.stats import ttest_1samp

    if not np.any(values):
        return 0.0, 0.0, 1.0
    found = ttest_1samp(values, 0.0)
    return float(np.mean(values)), float(found.statistic), float(found.pvalue)


def holm(p: Sequence[float], level: float) -> list[bool]:
    """Return which of several hypotheses are rejected, so that a true one is among them with probability ≤ `level`.

    Source: Sture Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
    (1979), 65-70.
    """
    order = np.argsort(p, kind="stable")
    rejected = np.zeros(len(p), bool)
    for place, k in enumerate(order.tolist()):
        if p[k] > level / (len(p) - place):
            break
        rejected[k] = True
    return rejected.tolist()
