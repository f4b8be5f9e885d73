"""`explain`: the importance of features, of a fitted model or of the folds behind a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.errors import ModelError, SettingsError, did_you_mean
from backtester.signals.explanation.permutation import MOST, grown_losses
from backtester.signals.explanation.rows import rows_to_explain
from backtester.signals.explanation.shap_of import shap_values
from backtester.signals.fitting.fitted import FittedModel
from backtester.signals.fitting.protocol import one_thread
from backtester.signals.signal import Signal

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars import Bars
    from backtester.signals.labels import Label

METHODS = ("permutation", "shap")


def explain(
    what: FittedModel | Signal,
    bars: Bars | None = None,
    *,
    method: Literal["permutation", "shap"] = "permutation",
    rows: Any = None,
    label: Label | None = None,
    in_sample: bool = False,
    repeats: int = 5,
    max_samples: int = MOST,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much each feature matters.

    Parameters
    ----------
    what : FittedModel or Signal
        A fitted model; or a signal whose folds were explained when they were made, by `predict_out_of_sample(…,
        importance=True)`: each on its own test, by the model that had not seen it.
    bars : Bars, optional
        For a fitted model: what it is explained on. Bars before those of interest warm the features up.
    method : {"permutation", "shap"}
        - `"permutation"`: by how much the loss grows when the feature is shuffled, in squared units of the label, or
          of the Brier score; about 0, or below, where the model does not profit from it.
        - `"shap"`: the mean size of what the feature adds to the signal, in units of the signal; trees and linear
          models alone. It needs no label, and says nothing of whether the model is right.
    rows : slice, date or text, optional
        For a fitted model: the bars to look at, as `bars[rows]` would take them.
    label : Label, optional
        For a fitted model and `"permutation"`: the label of these bars. Default: made anew from its declaration.
    in_sample : bool
        Look at bars that the model was fitted on, too. What matters there may be what it learnt by heart.
    repeats : int
        Shuffles of each feature, 1 or more.
    max_samples : int
        Samples that are looked at, 2 or more; more are thinned out evenly in time.
    seed : int
        Of the shuffling.

    Returns
    -------
    pandas.DataFrame
        Index `feature`, the most important first; `importance`, and `std`: over shuffles, of a signal over folds (which
        are then `folds`, those whose model got the feature), of SHAP values over samples.

    Raises
    ------
    ModelError
        If there is no bar after the training, the folds of a signal were not explained, the model is neither tree nor
        linear (`"shap"`), or `shap` is not installed.
    SettingsError
        If a setting is out of range, or does not go with `what`.
    """
    if method not in METHODS:
        raise SettingsError(f"explain: method is {method!r}{did_you_mean(str(method), METHODS)}; one of {METHODS}")
    for name, value, least in (("repeats", repeats, 1), ("max_samples", max_samples, 2), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingsError(f"explain: {name} is {value!r}; it is an int, {least} or more")
    if isinstance(what, Signal):
        if method != "permutation" or bars is not None:
            raise SettingsError(
                "explain: a signal has the permutation importance that its folds were explained by, and needs no bars; "
                "for more, explain(fitted, bars)"
            )
        return _of_folds(what)
    if not isinstance(what, FittedModel):
        raise SettingsError(f"explain takes a FittedModel or a Signal, found {type(what).__name__}")
    if bars is None:
        raise SettingsError("explain: a fitted model is explained on bars: explain(fitted, bars)")
    if method == "shap":
        found = shap_values(what, bars, rows=rows, in_sample=in_sample, max_samples=max_samples)
        return _table(what.columns, np.abs(found.values).T)
    return _of_model(what, bars, rows, label, in_sample, repeats, max_samples, seed)


def _of_model(
    fitted: FittedModel,
    bars: Bars,
    rows: Any,
    label: Label | None,
    in_sample: bool,
    repeats: int,
    max_samples: int,
    seed: int,
) -> pd.DataFrame:
    from backtester.signals.labels import Label

    chosen = rows_to_explain(fitted, bars, rows, in_sample)
    if label is None:
        label = Label.from_spec(fitted.recipe.label_spec, bars)
    if label.values.shape != (bars.n_bars, bars.n_assets) or not np.array_equal(label.timestamps, bars.timestamps):
        raise ModelError(f"explain: {label.name} is of other bars; compute it from these: label.of(bars)")
    panel = fitted.recipe.features.compute(bars)
    with one_thread():
        grown, n = grown_losses(
            fitted.learnt, panel, label.values, chosen, fitted.recipe.classes, seed, repeats, max_samples
        )
    if not len(grown):
        raise ModelError(
            f"explain: {n} samples of the {len(chosen):,} bars have all features and a label, and two are the fewest; "
            "give more bars"
        )
    return _table(fitted.columns, grown)


def _of_folds(signal: Signal) -> pd.DataFrame:
    import pandas as pd

    told = [record for record in signal.folds if record.importance]
    if not told:
        raise ModelError(
            f"explain: the folds of {signal.name!r} were not explained; make the signal with "
            "predict_out_of_sample(…, importance=True)"
        )
    found: dict[str, list[float]] = {}
    for record in told:
        for name, one in record.importance.items():
            found.setdefault(name, []).append(one)
    table = _table(tuple(found), list(found.values()))
    table["folds"] = pd.Series({name: len(values) for name, values in found.items()})
    return table


def _table(names: tuple[str, ...], drawn: Any) -> pd.DataFrame:
    """Return mean and standard deviation (of a sample; NaN of one) of some numbers for each feature, largest first."""
    import pandas as pd

    rows = [np.asarray(one, np.float64) for one in drawn]
    data = {
        "importance": [float(one.mean()) for one in rows],
        "std": [float(one.std(ddof=1)) if len(one) > 1 else np.nan for one in rows],
    }
    table = pd.DataFrame(data, index=pd.Index(names, name="feature"))
    return table.sort_values("importance", ascending=False, kind="stable")
