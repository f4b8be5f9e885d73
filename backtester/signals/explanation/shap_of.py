"""SHAP values: how much of each value of a signal comes from which feature, of trees and of linear models.

For every sample, the signal is a base plus one term per feature. Of trees the terms are those of Tree SHAP along the
paths of the trees, exact and without a background sample; of linear models coefficient times distance from the mean of
the training range.

Source: Scott Lundberg and Su-In Lee, "A Unified Approach to Interpreting Model Predictions", Advances in Neural
Information Processing Systems 30 (2017); Scott Lundberg et al., "From Local Explanations to Global Understanding with
Explainable AI for Trees", Nature Machine Intelligence 2 (2020), 56-67.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError, SettingsError
from backtester.signals.explanation.rows import rows_to_explain
from backtester.signals.fitting.protocol import is_classifier, lookback_of, one_thread, speak, title_of

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars import Bars
    from backtester.signals.fitting.fitted import FittedModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SINGLE = ("sklearn.ensemble._forest", "sklearn.tree", "sklearn.ensemble._gb")  # trees that read float32
_TREES = (*_SINGLE, "sklearn.ensemble._hist_gradient_boosting", "lightgbm")
_TOLERANCE = 1e-5  # of a sum of SHAP values, against the size of the signal


@dataclass(frozen=True, eq=False, repr=False)
class Shap:
    """SHAP values of samples.

    Attributes
    ----------
    values : ndarray of float64, [n_samples, n_features]
        What each feature adds.
    base : float
        What is said without any.
    signal : ndarray of float64, [n_samples]
        The signal of the model.
    unit : {"signal", "score"}
        Whether base and values add up to the signal; or, of classifiers that are additive in log-odds alone (logistic
        regression, boosting), to Σ class·score, of two classes the log-odds of the higher.
    timestamps : ndarray of int64, [n_samples]
        Closes, ns UTC.
    assets : ndarray of int64, [n_samples]
        Columns of the bars.
    symbols : tuple of str
        Of the bars.
    columns : tuple of str
        The features.
    """

    values: Floats
    base: float
    signal: Floats
    unit: str
    timestamps: Ints
    assets: Ints
    symbols: tuple[str, ...]
    columns: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return time, symbol, signal, base, and a column for each feature, as `shap:NAME`; one row per sample."""
        import pandas as pd

        index = pd.DatetimeIndex(self.timestamps.astype("M8[ns]"), tz="UTC", name="time")
        symbol = pd.Categorical.from_codes(self.assets, categories=list(self.symbols))
        terms = {f"shap:{name}": self.values[:, j] for j, name in enumerate(self.columns)}
        return pd.DataFrame({"symbol": symbol, "signal": self.signal, "base": self.base, **terms}, index=index)

    def __repr__(self) -> str:
        return f"Shap({len(self.values):,} samples, {len(self.columns)} features, in units of the {self.unit})"


def shap_values(
    fitted: FittedModel, bars: Bars, *, rows: Any = None, in_sample: bool = False, max_samples: int | None = None
) -> Shap:
    """Return the SHAP values of a fitted model.

    Parameters
    ----------
    fitted : FittedModel
        Of trees (forests, boosting of scikit-learn or LightGBM) or a linear model of scikit-learn.
    bars : Bars
        Those before the bars of interest warm the features up.
    rows : slice, date or text, optional
        The bars to explain, as `bars[rows]` would take them.
    in_sample : bool
        Explain bars that the model was fitted on, too.
    max_samples : int, optional
        More samples are thinned out evenly in time.

    Returns
    -------
    Shap
        Of each bar and asset at which the model says something.

    Raises
    ------
    ModelError
        If the model is neither, `shap` is not installed, or there is nothing to explain.
    SettingsError
        If `max_samples` is no int above 0.
    """
    if max_samples is not None and (
        isinstance(max_samples, bool) or not isinstance(max_samples, int) or max_samples < 1
    ):
        raise SettingsError(f"shap_values: max_samples is {max_samples!r}; it is an int, 1 or more, or None for all")
    check_explainable(fitted.learnt.model)
    chosen = rows_to_explain(fitted, bars, rows, in_sample)
    panel = fitted.recipe.features.compute(bars)
    row, asset = fitted.learnt.samples_at(panel, chosen)
    if not len(row):
        raise ModelError(f"explain: at none of the {len(chosen):,} bars has an asset all features")
    at = np.unique(np.linspace(0, len(row) - 1, min(len(row), max_samples or len(row))).astype(np.int64))
    return shap_at(fitted, bars, panel, row[at], asset[at])


def shap_at(fitted: FittedModel, bars: Bars, panel: npt.NDArray[Any], row: Ints, asset: Ints) -> Shap:
    """Return the SHAP values at chosen bars and assets, where every feature is there."""
    learnt, classes = fitted.learnt, fitted.recipe.classes
    x = learnt.seen(panel, row, asset)
    with one_thread():
        signal, _ = speak(learnt.model, x, classes)
        terms, base = _terms(fitted, x)
    values, level = _of_signal(learnt.model, terms, base)
    apart = np.abs(level + values.sum(axis=1) - signal) > _TOLERANCE * (np.abs(signal).max() + abs(level) + 1e-12)
    if apart.any() and not is_classifier(learnt.model):
        k = int(np.argmax(apart))
        raise ModelError(
            f"explain: the SHAP values of sample {k} add up to {level + values[k].sum()}, and {fitted.name} says "
            f"{signal[k]}; shap does not read this model as it is"
        )
    return Shap(
        values=values,
        base=level,
        signal=signal,
        unit="score" if apart.any() else "signal",
        timestamps=np.asarray(bars.timestamps[row]),
        assets=asset,
        symbols=tuple(bars.symbols),
        columns=fitted.columns,
    )


def check_explainable(model: Any) -> None:
    """Check that a model has SHAP values here.

    Raises
    ------
    ModelError
        If it is neither of trees nor linear.
    """
    if lookback_of(model) or not (_is_linear(model) or _trees_of(model) is not None):
        raise ModelError(
            f"SHAP values are of trees and linear models, and {title_of(model)} is neither; take method='permutation'"
        )


def _terms(fitted: FittedModel, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Return terms [n, n_features, n_outputs] and bases [n_outputs]."""
    model = fitted.learnt.model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shap's imports, and of how its interface once was
        shap = _shap()
        if _is_linear(model):
            n_outputs = 1 if np.ndim(model.coef_) == 1 else len(model.coef_)
            coefficients = np.reshape(model.coef_, (n_outputs, -1))
            intercepts = np.broadcast_to(np.ravel(model.intercept_), n_outputs)
            moments = (_centre(fitted), np.eye(x.shape[1]))
            made = [
                shap.LinearExplainer((one, constant), moments)
                for one, constant in zip(coefficients, intercepts, strict=True)
            ]
            terms = [np.asarray(one.shap_values(np.asarray(x, np.float64))) for one in made]
            return np.stack(terms, axis=2), np.array([float(np.ravel(one.expected_value)[0]) for one in made])
        trees = _trees_of(model)
        if _within(trees, _SINGLE):
            x = x.astype(np.float32).astype(np.float64)  # as the trees themselves read it
        explainer = shap.TreeExplainer(trees, feature_perturbation="tree_path_dependent")
        found = explainer.shap_values(x, check_additivity=False)  # checked against what the model says
    found = np.stack(found, axis=2) if isinstance(found, list) else np.asarray(found, np.float64)
    if found.ndim == 2:
        found = found[:, :, np.newaxis]
    return found, np.ravel(np.asarray(explainer.expected_value, np.float64))[-found.shape[2] :]


def _of_signal(model: Any, terms: Floats, base: Floats) -> tuple[Floats, float]:
    """Return the terms and the base of the one number that a signal is: over classes, Σ class·term."""
    n_outputs = terms.shape[2]
    if n_outputs == 1:
        return np.ascontiguousarray(terms[:, :, 0]), float(base[0])
    classes = np.asarray(model.classes_, np.float64)
    return terms @ classes, float(base @ classes)


def _centre(fitted: FittedModel) -> Floats:
    """Return the mean of the training range as the model sees it: [n_columns].

    Of a standard scaler it is 0; else it is taken from the hundredths of the range.
    """
    learnt = fitted.learnt
    if learnt.scaler is not None and learnt.scaler.method == "standard":
        return np.zeros(len(learnt.columns))
    grid = np.ascontiguousarray(learnt.quantiles.T)[:, np.newaxis, :]
    seen = np.asarray(learnt.inputs(grid), np.float64)[:, 0, :]
    inner = 0.5 * (seen[1:] + seen[:-1])  # between two hundredths lies as much as between any others
    return np.asarray(inner.mean(axis=0))


def _is_linear(model: Any) -> bool:
    return hasattr(model, "coef_") and hasattr(model, "intercept_") and _within(model, ("sklearn.linear_model",))


def _trees_of(model: Any) -> Any:
    """Return what `shap` knows as trees: the model, or the one inside it; None where there is none."""
    inside = getattr(model, "estimator_", None)
    for one in (model, inside):
        if one is not None and _within(one, _TREES):
            return one
    return None


def _within(model: Any, modules: tuple[str, ...]) -> bool:
    return any(base.__module__.startswith(modules) for base in type(model).__mro__)


def _shap() -> Any:
    try:
        import shap
    except ModuleNotFoundError as error:
        raise ModelError(
            "SHAP values need shap, which is not installed; pip install 'backtester[explain]', or take "
            "method='permutation'"
        ) from error
    return shap
