"""Permutation importance: how much the loss of a fitted model grows when a feature is shuffled among samples.

Source: Leo Breiman, "Random Forests", Machine Learning 45 (2001), 5-32, section 10; for any model Aaron Fisher, Cynthia
Rudin and Francesca Dominici, "All Models are Wrong, but Many are Useful", Journal of Machine Learning Research 20
(2019), 1-81. The loss is the mean squared error, or of a model with probabilities the Brier score over all classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.signals.fitting.selection import shuffled_losses

if TYPE_CHECKING:
    from backtester.signals.fitting.problem import Learnt

Floats = npt.NDArray[np.float64]

MOST = 20_000  # samples that are looked at
_FEWEST = 2


def grown_losses(
    learnt: Learnt,
    panel: npt.NDArray[Any],
    y: Floats,
    rows: npt.NDArray[np.int64],
    classes: tuple[int, ...],
    seed: int,
    repeats: int = 3,
    most: int = MOST,
) -> tuple[Floats, int]:
    """Return by how much the loss grows when a feature is shuffled among the samples of some rows.

    Parameters
    ----------
    learnt : Learnt
        Its model is not fitted again.
    panel : ndarray of float64, [n_bars, n_assets, n_features]
    y : ndarray of float64, [n_bars, n_assets]
        Labels; NaN where there is none.
    rows : ndarray of int64
        The bars to look at.
    classes : tuple of int
        Of the label; empty for returns.
    seed : int
        Of the shuffling.
    repeats : int
        Shuffles of each feature.
    most : int
        Samples that are looked at; more are thinned out evenly.

    Returns
    -------
    grown : ndarray of float64, [n_columns, repeats]
        Of each column the model gets; of a window all its bars are shuffled together. Empty where there are fewer than
        two samples with label and features.
    n : int
        Samples that were looked at.
    """
    row, asset = learnt.samples_at(panel, rows)
    known = np.isfinite(y[row, asset])
    row, asset = row[known], asset[known]
    if len(row) < _FEWEST:
        return np.empty((0, repeats)), len(row)
    at = np.unique(np.linspace(0, len(row) - 1, min(len(row), most)).astype(np.int64))
    row, asset = row[at], asset[at]
    x = learnt.seen(panel, row, asset)
    rng = np.random.default_rng(seed)
    return shuffled_losses(learnt.model, x, y[row, asset], classes, rng, repeats), len(row)
