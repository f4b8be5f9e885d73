"""Plots of a signal, as Plotly figures."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError, SettingsError, did_you_mean
from backtester.figure_style import COLOURS, dressed
from backtester.report.sampling import m4
from backtester.signals.scores.information import ic_over_time, ic_statistics, lags_of
from backtester.signals.scores.measures import reliability
from backtester.signals.scores.scored import scored
from backtester.summary_text import clean

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from backtester.signals.labels import Label
    from backtester.signals.signal import Signal

Floats = npt.NDArray[np.float64]

POINTS = 4_000  # of a cloud
LINE_POINTS = 12_000
MAX_MENU = 60  # assets that can be chosen
_GROUPS = 10  # of the signal, whose means are drawn over the cloud
_FEATURES = 30  # in a plot of importance


def plot(signal: Signal, kind: str = "predicted_actual", **options: Any) -> go.Figure:
    """Return a Plotly figure of a signal.

    Parameters
    ----------
    signal : Signal
    kind : {"predicted_actual", "calibration", "ic", "importance", "signal"}
    **options
        Of the function of this module with that name.

    Raises
    ------
    SettingsError
        If there is no plot of that name, or it has no such option.
    ModelError
        If the signal does not hold what it shows.
    """
    if kind not in PLOTS:
        raise SettingsError(f"plot: kind is {kind!r}{did_you_mean(str(kind), PLOTS)}; it is one of {', '.join(PLOTS)}")
    function = PLOTS[kind]
    names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    for name in options:
        if name not in names:
            hint = did_you_mean(name, names)
            raise SettingsError(f"plot: {kind!r} has no option {name!r}{hint}; it has {', '.join(names) or 'none'}")
    return function(signal, **options)


def predicted_actual(signal: Signal, label: Label | None = None) -> go.Figure:
    """Return what happened against what was said, out of sample, and its mean in ten groups of the signal.

    Parameters
    ----------
    signal : Signal
    label : Label, optional
        Default what the model learnt.

    Notes
    -----
    Of more than 4,000 samples every k-th is drawn; the means are of all. Each is drawn with two standard errors, which
    count the samples as independent: where labels overlap they are too small.
    """
    import plotly.graph_objects as go

    samples = scored(signal, label)
    said, happened = samples.p.values, samples.p.actual
    at = np.unique(np.linspace(0, len(said) - 1, min(len(said), POINTS)).astype(np.int64))
    cloud = {"color": COLOURS["quiet"], "size": 4, "opacity": 0.5}
    picture = go.Figure(go.Scattergl(x=said[at], y=happened[at], mode="markers", name="samples", marker=cloud))
    groups = [one for one in np.array_split(np.argsort(said, kind="stable"), _GROUPS) if one.size]
    means = np.array([[said[one].mean(), happened[one].mean()] for one in groups])
    errors = np.array([2.0 * happened[one].std() / np.sqrt(one.size) for one in groups])
    picture.add_scatter(
        x=means[:, 0],
        y=means[:, 1],
        error_y={"type": "data", "array": errors},
        mode="lines+markers",
        name="mean of a tenth of the samples",
        line={"color": COLOURS["accent"]},
    )
    if not samples.p.classes:
        ends = [float(said.min()), float(said.max())]
        picture.add_scatter(
            x=ends, y=ends, mode="lines", name="as said", line={"color": COLOURS["loss"], "dash": "dot"}
        )
    return _titled(picture, f"{signal.name}: {samples.label.name}", "signal", samples.label.name)


def calibration(signal: Signal, label: Label | None = None, bins: int = 10) -> go.Figure:
    """Return how often each class happened against the probability that it was given, out of sample.

    Parameters
    ----------
    signal : Signal
        Of a classifier.
    label : Label, optional
        Default what the model learnt; of the same classes.
    bins : int
        Of equal width, 2 to 100; empty ones are left out.

    Raises
    ------
    ModelError
        If the signal has no probabilities of the classes of the label.
    """
    import plotly.graph_objects as go

    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= 100:
        raise SettingsError(f"plot: bins is {bins!r}; it is an int from 2 to 100")
    samples = scored(signal, label)
    if samples.p.probabilities is None:
        raise ModelError(
            f"plot: the signal of {signal.name!r} has no probabilities of the classes of {samples.label.name}, and "
            "calibration is about those; choose kind='predicted_actual'"
        )
    dotted = {"color": COLOURS["quiet"], "dash": "dot"}
    picture = go.Figure(go.Scatter(x=[0.0, 1.0], y=[0.0, 1.0], mode="lines", name="calibrated", line=dotted))
    for k in [1] if len(samples.p.classes) == 2 else range(len(samples.p.classes)):
        said, happened, count = reliability(samples.p, k, bins)
        text = [f"{n:,} samples" for n in count.tolist()]
        picture.add_scatter(x=said, y=happened, text=text, mode="lines+markers", name=f"class {samples.p.classes[k]:g}")
    return _titled(picture, f"{signal.name}: {samples.label.name}", "probability", "frequency")


def ic(signal: Signal, label: Label | None = None, period: str | None = None) -> go.Figure:
    """Return the rank IC of each period, and the sum so far.

    Parameters
    ----------
    signal : Signal
    label : Label, optional
        Default what the model learnt.
    period : {"bar", "day", "month", "quarter", "year"}, optional
        As for `Signal.metrics`.
    """
    from plotly.subplots import make_subplots

    samples = scored(signal, label)
    series, period = ic_over_time(samples, period)
    steady = ic_statistics(series, lags_of(samples, series, period)).loc["rank_ic"]
    picture = make_subplots(specs=[[{"secondary_y": True}]])
    known = series[np.isfinite(series["rank_ic"].to_numpy())]
    times = known.index.tz_localize(None)
    picture.add_bar(
        x=times,
        y=known["rank_ic"],
        name="rank IC of a bar" if period == "bar" else f"what a {period} adds to it",
        marker={"color": COLOURS["quiet"]},
    )
    total = {"color": COLOURS["accent"]}
    picture.add_scatter(x=times, y=known["rank_ic"].cumsum(), name="sum so far", line=total, secondary_y=True)
    picture.update_yaxes(title_text="sum", secondary_y=True, showgrid=False)
    said = f"mean {steady['mean']:.4f}, t {steady['t_statistic']:.2f}"
    return _titled(picture, f"{signal.name}: {samples.label.name}, {said}", "", "rank IC")


def importance(signal: Signal, values: pd.DataFrame | None = None) -> go.Figure:
    """Return what the models look at: the mean importance of each feature over the folds, and its spread.

    Parameters
    ----------
    signal : Signal
        Made with `predict_out_of_sample(…, importance=True)`.
    values : DataFrame, optional
        One row for each fold and one column for each feature, in place of the signal's own.

    Raises
    ------
    ModelError
        If no fold has an importance, and no values are given.
    """
    import plotly.graph_objects as go

    names, table = importances_of(signal) if values is None else (list(values.columns), values.to_numpy(np.float64))
    known = np.isfinite(table)
    if not known.any():
        raise ModelError(
            f"plot: no fold of the signal of {signal.name!r} has an importance; make it with "
            "predict_out_of_sample(…, importance=True)"
        )
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, table, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, np.square(table - mean), 0.0).sum(axis=0) / count)
    mean = np.where(known.any(axis=0), mean, -np.inf)
    order = np.argsort(-mean, kind="stable")[:_FEATURES]
    order = order[np.isfinite(mean[order])][::-1]
    bars = go.Bar(
        x=mean[order],
        y=[html.escape(clean(names[j])) for j in order],
        error_x={"type": "data", "array": spread[order]},
        orientation="h",
        marker={"color": COLOURS["accent"]},
    )
    picture = _titled(go.Figure(bars), f"{signal.name}: importance, mean and deviation over folds", "importance", "")
    return picture.update_layout(height=max(320, 24 * len(order) + 140))


def signal_values(signal: Signal, asset: str | None = None) -> go.Figure:
    """Return the signal over time, with a line where each fold begins; a menu chooses the asset.

    Parameters
    ----------
    signal : Signal
    asset : str, optional
        Show this one alone.

    Raises
    ------
    ModelError
        If there is no such asset.
    """
    import plotly.graph_objects as go

    symbols = list(signal.symbols)
    if asset is not None and asset not in symbols:
        raise ModelError(f"plot: there is no asset {asset!r}{did_you_mean(str(asset), symbols)}")
    shown = list(range(min(len(symbols), MAX_MENU))) if asset is None else [symbols.index(asset)]
    times = signal.timestamps.view("M8[ns]")
    picture = go.Figure()
    for k, a in enumerate(shown):
        at = m4(signal.values[:, a], LINE_POINTS)
        line = {"color": COLOURS["accent"], "width": 1.2}
        name = html.escape(clean(symbols[a]))
        picture.add_scatter(
            x=times[at], y=signal.values[at, a], name=name, mode="lines", line=line, visible=k == 0, connectgaps=False
        )
    begins = np.flatnonzero((signal.fold[1:] != signal.fold[:-1]) & (signal.fold[1:] >= 0)) + 1
    for t in begins.tolist():
        picture.add_vline(x=times[t], line={"color": COLOURS["quiet"], "width": 1, "dash": "dot"})
    if len(shown) > 1:
        buttons = [
            {
                "label": html.escape(clean(symbols[a])),
                "method": "restyle",
                "args": [{"visible": [j == k for j in range(len(shown))]}],
            }
            for k, a in enumerate(shown)
        ]
        picture.update_layout(updatemenus=[{"buttons": buttons, "x": 1.0, "xanchor": "right", "y": 1.15}])
    return _titled(picture, signal.name, "", "signal")


def importances_of(signal: Signal) -> tuple[list[str], Floats]:
    """Return the features of all folds, and their importance in each: [n_folds, n_features], NaN where it had none."""
    found = [getattr(record, "importance", None) or {} for record in signal.folds]
    names = list(dict.fromkeys(name for one in found for name in one))
    table = np.array([[one.get(name, np.nan) for name in names] for one in found], np.float64)
    return names, table.reshape(len(found), len(names))


def _titled(picture: go.Figure, title: str, x: str, y: str) -> go.Figure:
    dressed(picture, title)
    picture.update_layout(
        xaxis={"title": {"text": html.escape(clean(x))}}, yaxis={"title": {"text": html.escape(clean(y))}}
    )
    return picture


PLOTS: dict[str, Callable[..., go.Figure]] = {
    "predicted_actual": predicted_actual,
    "calibration": calibration,
    "ic": ic,
    "importance": importance,
    "signal": signal_values,
}
