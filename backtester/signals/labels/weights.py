"""Weights of samples whose labels overlap: how much of each is its own.

Labels that read the same bars are not independent; a model that counts each in full is too sure of them. The weights
count them by what they share. They are for `sample_weight` of a model, as they are: a pipeline takes those of the
training samples.

Marcos López de Prado, Advances in Financial Machine Learning (2018), chapter 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtester.errors import LabelError, SettingsError
from backtester.indicators._arrays import read_only
from backtester.signals.labels.concurrency import count_labels, sum_over_spans
from backtester.signals.labels.label import Label
from backtester.signals.labels.own import own_bars

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def concurrency(label: Label) -> Ints:
    """Return how many labels of the asset read each row: those with start < row ≤ end.

    The bar a label starts at is not counted: its close is where the label begins, and the first return in it is that of
    the bar after.

    Parameters
    ----------
    label : Label

    Returns
    -------
    ndarray of int64, shape (n_bars, n_assets)

    References
    ----------
    López de Prado (2018), section 4.3: labels are concurrent at t where both depend on the return from t − 1 to t.
    """
    counts = np.zeros(label.end.shape, np.int64)
    count_labels(label.end, counts)
    return counts


def average_uniqueness(label: Label) -> Floats:
    """How much of each label is its own, on the average of the rows it reads.

    .. math:: \\bar u_i = \\frac{1}{end_i - start_i} \\sum_{t = start_i + 1}^{end_i} \\frac{1}{c_t}

    with c the number of labels of the same asset that read row t.

    Parameters
    ----------
    label : Label

    Returns
    -------
    ndarray of float64, shape (n_bars, n_assets)
        Above 0, and 1 where nothing is shared; NaN where there is no label. Ends of labels alone are read, no price.

    References
    ----------
    López de Prado (2018), section 4.4. Labels that start at every bar and read h bars have 1/h.
    """
    counts = concurrency(label)
    share = np.zeros(counts.shape)
    np.divide(1.0, counts, out=share, where=counts > 0)
    weights = np.full(counts.shape, np.nan)
    sum_over_spans(label.end, share, True, weights)
    return weights


def return_attribution(label: Label, bars: Bars) -> Floats:
    """The size of the return that each label has for its own, what is shared being divided.

    .. math:: w_i = \\left| \\sum_{t = start_i + 1}^{end_i} \\frac{r_{t-1,t}}{c_t} \\right|

    with r the log return from the asset's bar before, and c the number of labels of the same asset that read row t.

    Parameters
    ----------
    label : Label
    bars : Bars
        Those of the label.

    Returns
    -------
    ndarray of float64, shape (n_bars, n_assets)
        0 or more; NaN where there is no label. They are not scaled: a mean of 1 over all samples would let the test
        decide on the weights of training. A price of 0 or less, such as a worthless payout, is a return of −1.

    Raises
    ------
    LabelError
        If the bars are not those of the label.

    References
    ----------
    López de Prado (2018), section 4.6.
    """
    if not np.array_equal(label.timestamps, bars.timestamps) or label.symbols != bars.symbols:
        raise LabelError(f"return_attribution: label {label.name!r} is of other bars; pass those that it was made for")
    moves = np.zeros(label.values.shape)
    for own in own_bars(bars):
        ratio = own.close[1:] / own.close[:-1]
        step = np.full(ratio.shape, -1.0)
        np.log(ratio, out=step, where=(ratio > 0.0) & (own.close[1:] > 0.0))
        moves[own.rows[1:], own.asset] = step
    counts = concurrency(label)
    share = np.zeros(counts.shape)
    np.divide(moves, counts, out=share, where=counts > 0)
    weights = np.full(counts.shape, np.nan)
    sum_over_spans(label.end, read_only(share), False, weights)
    return np.abs(weights)


def time_decay(uniqueness: npt.ArrayLike, oldest: float = 0.5) -> Floats:
    """Factors that fall with age, by which to multiply the weights of training samples.

    Age is counted in what is unique: between two rows lies the sum of the average uniqueness of the samples after the
    first and up to the second, so that many samples that say the same do not age the rest. The factor is a straight
    line from `oldest`, before the first sample, to 1 at the last.

    Parameters
    ----------
    uniqueness : array_like, shape (n_bars, n_assets) or (n_bars,)
        Of `average_uniqueness`, NaN where no sample trains: the rows of the test must be NaN.
    oldest : float
        From −1 to 1. 1 is no decay; below 0, that fraction of the oldest gets 0 altogether.

    Returns
    -------
    ndarray of float64, the shape of `uniqueness`
        0 to 1; NaN where it is.

    Raises
    ------
    SettingsError
        If `oldest` is out of range.
    LabelError
        If there is no sample, or one below 0.

    References
    ----------
    López de Prado (2018), section 4.7 and snippet 4.11.
    """
    number = isinstance(oldest, int | float | np.integer | np.floating) and not isinstance(oldest, bool)
    if not number or not -1.0 < oldest <= 1.0:
        raise SettingsError(f"time_decay: oldest is {oldest!r}; it is a number above −1, and 1 at most")
    weights = np.asarray(uniqueness, dtype=np.float64)
    known = ~np.isnan(weights)
    if weights.ndim not in (1, 2) or not known.any() or (weights[known] < 0.0).any():
        raise LabelError("time_decay: uniqueness is [n_bars, n_assets], 0 or more, with one sample at least")
    row = np.where(known, weights, 0.0)
    age = np.cumsum(row if row.ndim == 1 else row.sum(axis=1))
    share = age / age[-1]  # 0 before the first sample, 1 at the last
    line = oldest + (1.0 - oldest) * share if oldest >= 0.0 else 1.0 - (1.0 - share) / (1.0 + oldest)
    factor = np.maximum(line, 0.0)
    return np.where(known, factor if weights.ndim == 1 else factor[:, np.newaxis], np.nan)
