"""The figure of a walk: the stitched equity, the scores of both windows, and where the parameters go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from backtester.research.walk_forward.result import WalkForwardResult

BEFORE, AFTER = "#9aa5b1", "#1f77b4"


def figure(found: WalkForwardResult) -> Any:
    """Return a Plotly figure of three panels, one below the other."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    names = list(found.parameters.columns)
    titles = ["Stitched equity out of sample", f"{found.objective} by fold", "Parameters by fold"]
    rows = 3 if names else 2
    panels = make_subplots(
        rows=rows, cols=1, row_heights=[0.5, 0.25, 0.25][:rows], vertical_spacing=0.09, subplot_titles=titles[:rows]
    )
    equity, table = found.equity, found.folds
    panels.add_trace(go.Scatter(x=equity.index, y=equity.to_numpy(), name="equity", line={"color": AFTER}), 1, 1)
    for one in found.records:
        colour = "rgba(0,0,0,0.25)" if one.trades else "rgba(200,0,0,0.5)"
        panels.add_vline(x=one.times[2].isoformat(), line={"color": colour, "width": 1, "dash": "dot"}, row=1, col=1)
    for column, name, colour in (("in_sample", "in sample", BEFORE), ("out_of_sample", "out of sample", AFTER)):
        panels.add_trace(go.Bar(x=table.index, y=table[column], name=name, marker={"color": colour}), 2, 1)
    for name in names:
        panels.add_trace(_line(found, name), 3, 1)
    panels.update_layout(
        title=f"{found.strategy}: {len(found.records)} folds, {found.walk.described()}",
        template="plotly_white",
        barmode="group",
    )
    panels.update_xaxes(title_text="fold", row=rows, col=1)
    if names:
        panels.update_yaxes(title_text="lowest 0, highest 1", row=3, col=1)
    return panels


def _line(found: WalkForwardResult, name: str) -> Any:
    """Return the places of a parameter in its dimension; of words and flags, their numbers in order of appearance."""
    import plotly.graph_objects as go

    values = found.parameters[name].tolist()
    words = list(dict.fromkeys(map(str, values)))
    places = [
        one.choice.places.get(name, words.index(str(value)) / max(len(words) - 1, 1) if one.trades else np.nan)
        for one, value in zip(found.records, values, strict=True)
    ]
    return go.Scatter(
        x=list(range(len(values))),
        y=places,
        text=[str(value) for value in values],
        name=name,
        mode="lines+markers",
        line={"shape": "hv"},
        hovertemplate=f"fold %{{x}}: {name} %{{text}}<extra></extra>",
    )
