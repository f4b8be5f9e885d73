"""Drift: whether new data are like those a model learnt from, feature by feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import FeatureError, ModelError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals.fitting.fitted import FittedModel

Floats = npt.NDArray[np.float64]

LIMIT = 0.25  # of the stability index, above which a population has shifted
_BINS = 10
_LEAST = 1e-4  # share of a bin that stands for none, as the logarithm of 0 is infinite
_SAMPLED = 20_000  # training samples behind the quantiles, at most


def drift(fitted: FittedModel, data: Any, *, in_sample: bool = False) -> pd.DataFrame:
    """Return how far each feature of new data has moved from the training range of a model.

    Parameters
    ----------
    fitted : FittedModel
        It keeps the hundredths of the distribution of each feature on its training samples, before cleaning and
        scaling.
    data : Bars or array_like
        Bars, of which those that close after the model's last training bar count, the others warm the features up; or a
        panel of features, [n_bars, n_assets, n_features] or [n, n_features], which counts in full.
    in_sample : bool
        All bars count, those of the training too.

    Returns
    -------
    DataFrame
        One row per feature, in the order of the set. NaN values are not counted but in `missing`.

        - `psi`: population stability index, Σ (new share − training share)·ln(new share/training share) over the ten
          bins between the deciles of the training samples; deciles that coincide make one bin. 0 is no change. A share
          of 0 counts as 0.0001. Known in credit scoring: Siddiqi, "Credit Risk Scorecards", 2006, whose rule of thumb
          is that below 0.1 nothing has changed, and above 0.25 the population has shifted. It is a divergence:
          Yurdakul, "Statistical Properties of Population Stability Index", 2018, has its distribution, whose mean is
          9·(1/n_new + 1/n_train) where nothing changed.
        - `ks`, `p_value`: the largest distance of the two distribution functions, 0 to 1 (Smirnov 1939), that of the
          training samples interpolated between its hundredths, and so known to 0.01; and its p-value for independent
          samples. Neighbouring bars are not independent, and the p-value is then far too small.
        - `below`, `above`: fraction of the new values outside the training range.
        - `missing`: fraction of the new values that is NaN.
        - `n`: new values.
        - `used`: whether the model gets the feature, which a selection may have left out.
        - `note`: a sentence where `psi` is above 0.25, else empty.

    Raises
    ------
    ModelError
        If no bar closes after the training.
    FeatureError
        If a panel has another number of features, or the new data have no value of any feature.
    """
    import pandas as pd

    names = fitted.recipe.features.names
    panel = _new_panel(fitted, data, in_sample, len(names))
    used = set(fitted.learnt.columns.tolist())
    n_train = min(fitted.learnt.n_samples, _SAMPLED)
    rows = {}
    for j, name in enumerate(names):
        column = panel[:, j]
        known = column[np.isfinite(column)]
        quantiles = fitted.learnt.quantiles[j]
        found: dict[str, Any] = dict.fromkeys(("psi", "ks", "p_value", "below", "above"), np.nan)
        if known.size:
            found["psi"] = stability_index(known, quantiles)
            found["ks"], found["p_value"] = kolmogorov_smirnov(known, quantiles, n_train)
            found["below"] = float((known < quantiles[0]).mean())
            found["above"] = float((known > quantiles[-1]).mean())
        found |= {"missing": (len(column) - known.size) / len(column), "n": known.size, "used": j in used}
        rows[name] = {**found, "note": _note(name, found)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("feature")


def stability_index(values: Floats, quantiles: Floats) -> float:
    """Return the population stability index of values against training quantiles, in ten bins; see `drift`.

    Parameters
    ----------
    values : ndarray of float64, [n]
        Finite.
    quantiles : ndarray of float64, [101]
        Of the training samples, from 0 to 1 by hundredths.
    """
    step = (len(quantiles) - 1) // _BINS
    edges = np.unique(quantiles[step:-1:step])
    # an edge belongs to the bin below it; where several quantiles are equal, all their share lies at that value
    below = (np.searchsorted(quantiles, edges, "right") - 1) / (len(quantiles) - 1)
    expected = np.diff(below, prepend=0.0, append=1.0)
    count = np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)
    found = np.maximum(count / len(values), _LEAST)
    expected = np.maximum(expected, _LEAST)
    return float((found - expected) @ np.log(found / expected))


def kolmogorov_smirnov(values: Floats, quantiles: Floats, n_train: int) -> tuple[float, float]:
    """Return the two-sample statistic of Kolmogorov and Smirnov against training quantiles, and its p-value.

    Parameters
    ----------
    values : ndarray of float64, [n]
        Finite.
    quantiles : ndarray of float64, [101]
        Of the training samples, from 0 to 1 by hundredths. Between them the distribution is taken as linear; equal ones
        are a jump.
    n_train : int
        How many samples they are of.

    Returns
    -------
    statistic, p_value : float
        The p-value by the asymptotic distribution, as `scipy.stats.ks_2samp(method="asymp")`.
    """
    from scipy.stats import kstwo

    ordered = np.sort(values)
    n = len(ordered)
    points = np.union1d(ordered, quantiles)
    upto = np.searchsorted(ordered, points, "right") / n - _share(points, quantiles, "right")
    before = np.searchsorted(ordered, points, "left") / n - _share(points, quantiles, "left")
    statistic = float(min(max(np.abs(upto).max(), np.abs(before).max()), 1.0))
    return statistic, float(kstwo.sf(statistic, max(round(n * n_train / (n + n_train)), 1)))


def _share(points: Floats, quantiles: Floats, side: Any) -> Floats:
    """Return the share of the training samples at or below each point ("right"), or below it ("left")."""
    levels = np.linspace(0.0, 1.0, len(quantiles))
    knots, first = np.unique(quantiles, return_index=True)
    last = np.append(first[1:], len(quantiles)) - 1
    at = np.searchsorted(knots, points, "right") - 1  # the last knot at or below
    inside = np.clip(at, 0, len(knots) - 1)
    after = np.minimum(inside + 1, len(knots) - 1)
    width = knots[after] - knots[inside]
    part = np.divide(points - knots[inside], width, out=np.zeros(len(points)), where=width > 0.0)
    found = levels[last[inside]] + part * (levels[first[after]] - levels[last[inside]])
    if side == "left":
        on = points == knots[inside]
        found = np.where(on, levels[first[inside]], found)
    return np.where(at < 0, 0.0, np.where(points > knots[-1], 1.0, found))


def _new_panel(fitted: FittedModel, data: Any, in_sample: bool, width: int) -> Floats:
    """Return the new values, [n, n_features]; rows of bars without any value are left out."""
    if hasattr(data, "timestamps") and hasattr(data, "close"):
        panel = fitted.recipe.features.compute(data)
        first = 0 if in_sample else int(np.searchsorted(data.timestamps, fitted.trained_until, "right"))
        if first == data.n_bars:
            raise ModelError(
                f"drift: no bar closes after {time_text(fitted.trained_until)}, until when {fitted.name!r} was "
                "trained; give later bars, or in_sample=True"
            )
        panel = panel[first:]
    else:
        panel = np.asarray(data, np.float64)
        if panel.ndim not in (2, 3) or panel.shape[-1] != width:
            raise FeatureError(
                f"drift: the panel has the shape {panel.shape}; {fitted.name!r} has {width} features, in the last "
                f"axis: {', '.join(fitted.recipe.features.names[:10])}"
            )
    rows = panel.reshape(-1, width)
    rows = rows[np.isfinite(rows).any(axis=1)]
    if not len(rows):
        raise FeatureError(
            "drift: the new data have no value of any feature; give bars from before them too, so that the features "
            "are warmed up"
        )
    return np.asarray(rows, np.float64)


def _note(name: str, found: dict[str, Any]) -> str:
    if not found["n"]:
        return f"{name} has no value in the new data."
    if not found["psi"] > LIMIT:
        return ""
    text = f"{name} has shifted: its stability index is {found['psi']:.2f}, and above {LIMIT} the population is another"
    outside = found["below"] + found["above"]
    if outside > 0.0:
        text += f"; {outside:.1%} of the new values lie outside the training range"
    return f"{text}."
