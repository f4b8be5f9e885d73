"""One figure of a stress test: a small chart for each kind, with the line below which there is no edge."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.research.stress.result import DRAWN
from backtester.research.stress.words import LABELS

if TYPE_CHECKING:
    from backtester.research.stress.result import Stress

ACCENT, QUIET, LOSS = "#2458c5", "#a2a9b3", "#c2403a"
AXES = {
    "costs": "multiple of the costs",
    "delay": "bars later",
    "missing_bars": "fraction of the bars",
    "missing_rows": "fraction of the rows",
    "jitter": "change of the parameter",
    "start": "bars cut off",
    "end": "bars cut off",
}
_COLUMNS = 3
_HEIGHT = 280  # pixels of a row


def figure(found: Stress) -> Any:
    """Return the metric over the levels of each kind that ran.

    The line of no edge is red, that of the run itself grey and dashed; where the edge dies there is a red upright line.
    Drawn kinds are histograms. Of levels with several draws the median is joined, and every draw a point.
    """
    from plotly.subplots import make_subplots

    kinds = [one.kind for one in found.by_kind if one.scenarios > one.failed]
    rows = max(1, math.ceil(len(kinds) / _COLUMNS))
    picture = make_subplots(
        rows=rows,
        cols=_COLUMNS,
        subplot_titles=[LABELS[kind] for kind in kinds],
        vertical_spacing=0.36 / rows,
        horizontal_spacing=0.07,
    )
    for place, kind in enumerate(kinds):
        at = {"row": place // _COLUMNS + 1, "col": place % _COLUMNS + 1}
        (_histogram if kind in DRAWN else _rules if kind == "same_bar" else _levels)(picture, found, kind, at)
    title = f"Where the edge of {html.escape(found.strategy)} dies: {found.metric}"
    picture.update_layout(
        title=title, template="plotly_white", showlegend=False, bargap=0.04, height=_HEIGHT * rows + 80
    )
    return picture


def _levels(picture: Any, found: Stress, kind: str, at: dict[str, int]) -> None:
    """Draw a line over the levels; a parameter each for "jitter"."""
    import plotly.graph_objects as go

    for name, level, metric in _groups(found, kind):
        steps = np.unique(level)
        middle = [_median(metric[level == step]) for step in steps]
        own = {"mode": "lines+markers", "marker": {"color": ACCENT, "size": 5}, "line": {"color": ACCENT, "width": 1}}
        picture.add_trace(go.Scatter(x=steps, y=middle, name=html.escape(name), **own), **at)
        if len(steps) < len(level):
            points = {"mode": "markers", "marker": {"color": QUIET, "size": 4}, "name": "draws"}
            picture.add_trace(go.Scatter(x=level, y=metric, **points), **at)
    _lines(picture, found, at)
    dies = found.breaking_point(kind)
    if not math.isnan(dies):
        picture.add_vline(x=dies, line={"color": LOSS, "width": 1, "dash": "dot"}, **at)
        mark = {"mode": "markers", "marker": {"color": LOSS, "size": 7, "symbol": "x"}, "name": "the edge dies"}
        picture.add_trace(go.Scatter(x=[dies], y=[found.floor], **mark), **at)
    picture.update_xaxes(title={"text": AXES[kind], "standoff": 4}, **at)


def _groups(found: Stress, kind: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return name, levels and metric of what is joined by a line; it begins at the run itself, where that is 0."""
    if kind != "jitter":
        level, metric = found.values(kind)
        if kind in ("costs", "delay"):
            return [(LABELS[kind], level, metric)]
        return [(LABELS[kind], np.append(0.0, level), np.append(found.base, metric))]
    groups: dict[str, list[tuple[float, float]]] = {}
    for one in found._of(kind):
        if one.metrics:
            changed = [name for name, _ in getattr(one.scenario.change, "parameters", ())]
            name = changed[0] if len(changed) == 1 else "all parameters"
            groups.setdefault(name, [(0.0, found.base)]).append((one.scenario.level, one.metrics[found.metric]))
    return [(name, *np.array(rows).T) for name, rows in groups.items()]


def _rules(picture: Any, found: Stress, kind: str, at: dict[str, int]) -> None:
    """Draw a point for each rule."""
    import plotly.graph_objects as go

    ran = [one for one in found._of(kind) if one.metrics]
    names, values = [one.scenario.name for one in ran], [one.metrics[found.metric] for one in ran]
    picture.add_trace(go.Scatter(x=names, y=values, mode="markers", marker={"color": ACCENT, "size": 8}), **at)
    _lines(picture, found, at)


def _histogram(picture: Any, found: Stress, kind: str, at: dict[str, int]) -> None:
    """Draw how the metric is spread over the draws."""
    import plotly.graph_objects as go

    _, metric = found.values(kind)
    picture.add_trace(
        go.Histogram(x=metric[~np.isnan(metric)], marker={"color": ACCENT, "opacity": 0.55}, nbinsx=24), **at
    )
    picture.add_vline(x=found.floor, line={"color": LOSS, "width": 1}, **at)
    if not math.isnan(found.base):
        picture.add_vline(x=found.base, line={"color": QUIET, "width": 1, "dash": "dash"}, **at)
    picture.update_xaxes(title={"text": found.metric, "standoff": 4}, **at)


def _lines(picture: Any, found: Stress, at: dict[str, int]) -> None:
    picture.add_hline(y=found.floor, line={"color": LOSS, "width": 1}, **at)
    if not math.isnan(found.base):
        picture.add_hline(y=found.base, line={"color": QUIET, "width": 1, "dash": "dash"}, **at)


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan
