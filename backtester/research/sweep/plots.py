"""Figures of a sweep: a score over one parameter or two, and a line per trial through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean
from backtester.figure_style import COLOURS, SCALE, dressed, label

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research.sweep.result import Sweep

REDUCTIONS = ("mean", "median", "min", "max")
_CELLS = 40  # per axis, for parameters with more values than that


def heatmap(found: Sweep, x: str, y: str, value: str | None, reduce: str) -> Any:
    """Return a Plotly figure: `value` over the parameters `x` and `y`; see `Sweep.heatmap`.

    Raises
    ------
    SettingsError
        No such parameter or metric, or another `reduce`.
    """
    import plotly.graph_objects as go

    for name in (x, y):
        if name not in found.parameters:
            raise SettingsError(
                f"heatmap: {name!r} is no parameter that varies{did_you_mean(name, found.parameters)} "
                f"({', '.join(found.parameters)})"
            )
    if x == y:
        raise SettingsError(f"heatmap: both axes are {x!r}; name two parameters")
    if reduce not in REDUCTIONS:
        raise SettingsError(f"heatmap: reduce is {reduce!r}{did_you_mean(reduce, REDUCTIONS)}; one of {REDUCTIONS}")
    column = found.column(value or found.objectives[0])
    table = found.table
    keys = {name: cells_of(table[name]) for name in (x, y)}
    cells = table[column].groupby([keys[y], keys[x]]).agg(reduce).unstack()
    figure = go.Figure(
        go.Heatmap(
            x=[str(one) if not isinstance(one, float | int) else one for one in cells.columns],
            y=[str(one) if not isinstance(one, float | int) else one for one in cells.index],
            z=cells.to_numpy(np.float64),
            colorbar={"title": column},
            colorscale=SCALE,
            hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>{column} %{{z:.4g}}<extra></extra>",
        )
    )
    others = len(found.parameters) - 2
    over = f", {reduce} over {others} other{'s' if others > 1 else ''}" if others else ""
    title = f"{column} of {found.trials:,} trials{over}"
    return dressed(figure, title, xaxis={"title": {"text": label(x)}}, yaxis={"title": {"text": label(y)}})


def plot(found: Sweep, x: str | None, y: str | None, value: str | None) -> Any:
    """Return the Plotly figure that suits the space: of one parameter a line, of more a heat map; see `Sweep.plot`."""
    names = found.parameters
    if len(names) == 1 and y is None and x in (None, *names):
        return line(found, value)
    chosen = [name for name in (x, y) if name is not None]
    chosen += [name for name in names if name not in chosen]
    if len(chosen) < 2:
        raise SettingsError("plot: no parameter of this sweep varies, and a figure needs one that does")
    return heatmap(found, chosen[0], chosen[1], value, "mean")


def line(found: Sweep, value: str | None) -> Any:
    """Return a Plotly figure: `value` over the one parameter that varies, and the best."""
    import plotly.graph_objects as go

    (x,) = found.parameters
    column = found.column(value or found.objectives[0])
    table = found.table.sort_values(x, kind="stable") if found.table[x].dtype.kind in "if" else found.table
    places = table[x] if table[x].dtype.kind in "if" else table[x].map(str).map(label)
    style = {"color": COLOURS["accent"], "width": 1.4}
    figure = go.Figure(go.Scatter(x=places, y=table[column], mode="lines+markers", name=label(column), line=style))
    best = table.index.get_loc(found.best.number)
    mark = {"color": COLOURS["loss"], "size": 10, "symbol": "circle-open", "line": {"width": 2}}
    figure.add_scatter(x=[places.iloc[best]], y=[table[column].iloc[best]], mode="markers", name="best", marker=mark)
    title = f"{column} of {found.trials:,} trials"
    return dressed(figure, title, xaxis={"title": {"text": label(x)}}, yaxis={"title": {"text": label(column)}})


def cells_of(values: pd.Series) -> pd.Series:
    """Return values, or the middles of equal parts of their range where there are too many of them."""
    if values.dtype.kind not in "if" or values.nunique() <= 4 * _CELLS:
        return values
    low, high = float(values.min()), float(values.max())
    width = (high - low) / _CELLS
    part = np.minimum(((values - low) / width).astype(np.int64), _CELLS - 1)
    return low + (part + 0.5) * width


def parallel_coordinates(found: Sweep, value: str | None, most: int) -> Any:
    """Return a Plotly figure: one line per trial; see `Sweep.parallel_coordinates`.

    Raises
    ------
    SettingsError
        No such metric, or `most` below 2.
    """
    import plotly.graph_objects as go

    if isinstance(most, bool) or not isinstance(most, int) or most < 2:
        raise SettingsError(f"parallel_coordinates: most is {most!r}; it is a number of lines, 2 or more")
    column = found.column(value or found.objectives[0])
    table = found.table
    table = table[np.isfinite(table[column])].sort_values(column, kind="stable")
    if len(table) > most:
        table = table.iloc[np.unique(np.linspace(0, len(table) - 1, most).round().astype(int))]
    axes = [_axis(name, table[name]) for name in found.parameters]
    scores = table[column].to_numpy(np.float64)
    axes.append({"label": column, "values": scores})
    line = {"color": scores, "colorscale": SCALE, "showscale": True, "colorbar": {"title": column}}
    figure = go.Figure(go.Parcoords(line=line, dimensions=axes))
    shown = f"{len(table):,} of " if len(table) < found.trials else ""
    return dressed(figure, f"{shown}{found.trials:,} trials by {column}", margin={"t": 110})


def _axis(name: str, values: pd.Series) -> dict[str, Any]:
    """Return one axis; values that are no numbers get equal places."""
    if values.dtype.kind in "if":
        return {"label": name, "values": values.to_numpy(np.float64)}
    words = list(dict.fromkeys(map(str, values)))
    places = {word: place for place, word in enumerate(words)}
    return {
        "label": name,
        "values": [places[str(value)] for value in values],
        "tickvals": list(places.values()),
        "ticktext": words,
    }
