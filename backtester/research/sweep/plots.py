"""Figures of a sweep: a score over one parameter or two, and a line per trial through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError, did_you_mean
from backtester.figure_style import COLOURS, SCALE, dressed, label
from backtester.research.sweep.axes import Axis, axis_of

if TYPE_CHECKING:
    from backtester.research.sweep.result import Sweep

REDUCTIONS = ("mean", "median", "min", "max")


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
    across, up = axis_of(found, x), axis_of(found, y)
    cells = table[column].groupby([up.cells(), across.cells()]).agg(reduce).unstack()
    figure = go.Figure(
        go.Heatmap(
            x=_shown(across.names(cells.columns)),
            y=_shown(up.names(cells.index)),
            z=cells.to_numpy(np.float64),
            colorbar={"title": column},
            colorscale=SCALE,
            hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>{column} %{{z:.4g}}<extra></extra>",
        )
    )
    others = len(found.parameters) - 2
    over = f", {reduce} over {others} other{'s' if others > 1 else ''}" if others else ""
    title = f"{column} of {found.trials:,} trials{over}"
    return dressed(figure, title, xaxis=_drawn(across), yaxis=_drawn(up))


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
    axis = axis_of(found, x)
    order = np.argsort(axis.places, kind="stable")
    table = found.table.iloc[order]
    places = _shown(axis.names(axis.places[order]))
    style = {"color": COLOURS["accent"], "width": 1.4}
    figure = go.Figure(go.Scatter(x=places, y=table[column], mode="lines+markers", name=label(column), line=style))
    best = table.index.get_loc(found.best.number)
    mark = {"color": COLOURS["loss"], "size": 10, "symbol": "circle-open", "line": {"width": 2}}
    figure.add_scatter(x=[places[best]], y=[table[column].iloc[best]], mode="markers", name="best", marker=mark)
    title = f"{column} of {found.trials:,} trials"
    return dressed(figure, title, xaxis=_drawn(axis), yaxis={"title": {"text": label(column)}})


def _shown(names: list[Any]) -> list[Any]:
    """Return names of places as Plotly shows them as they are."""
    return [label(one) if isinstance(one, str) else one for one in names]


def _drawn(axis: Axis) -> dict[str, Any]:
    """Return the settings of an axis; words that look like numbers or dates are words."""
    kind = {} if axis.words is None else {"type": "category"}
    return {"title": {"text": label(axis.name)}, **kind}


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
    values = found.table[column].to_numpy(np.float64)
    rows = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
    if len(rows) > most:
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(int))]
    axes = [_dimension(axis_of(found, name), rows) for name in found.parameters]
    scores = values[rows]
    axes.append({"label": column, "values": scores})
    line = {"color": scores, "colorscale": SCALE, "showscale": True, "colorbar": {"title": column}}
    figure = go.Figure(go.Parcoords(line=line, dimensions=axes))
    shown = f"{len(rows):,} of " if len(rows) < found.trials else ""
    return dressed(figure, f"{shown}{found.trials:,} trials by {column}", margin={"t": 110})


def _dimension(axis: Axis, rows: np.ndarray) -> dict[str, Any]:
    """Return one axis of lines; values that are no numbers have equal places."""
    found = {"label": axis.name, "values": axis.places[rows]}
    return found if axis.words is None else found | {"tickvals": list(range(len(axis.words))), "ticktext": axis.words}
