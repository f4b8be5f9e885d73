"""What a page says of a sweep: what was tried, how scores spread, where they are high, and how lonely the peak is."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from backtester.report.sections import (
    Item,
    Section,
    facts,
    heat_map,
    histogram,
    label_of,
    scatter,
    table,
    text,
    unit_of,
)
from backtester.research.sweep.axes import axis_of, worded
from backtester.research.sweep.stability import NO_NEIGHBOURS
from backtester.research.sweep.values import free_name, pairs_of

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research.sweep.result import Sweep

PAIRS = 6  # of parameters, with a heat map each
_KEY = ("total_return", "sharpe", "max_drawdown", "n_trades", "total_costs")


def sections_of(found: Sweep) -> list[Section]:
    """Return the sections of a sweep's page."""
    objective = found.column(found.objectives[0])
    scores = found.table[objective].to_numpy(np.float64)
    sections = [_overview(found, scores)]
    if np.isfinite(scores).any():
        if found.parameters:
            sections.append(_landscape(found, objective))
        sections.append(_neighbourhood(found, objective))
    sections.append(_trials(found, objective))
    return sections


def _overview(found: Sweep, scores: np.ndarray) -> Section:
    tried, failed, unscored = found.counts
    rows = [
        ("sets of parameters tried", f"{tried:,}"),
        ("method", found.method),
        ("objectives", ", ".join(found.objectives)),
        ("raised", f"{failed:,}"),
        ("without a score", f"{unscored:,}"),
        ("interrupted", "yes" if found.interrupted else "no"),
    ]
    items = [facts(rows)]
    name = found.objectives[0]
    if np.isfinite(scores).any():
        best = found.best
        chosen = f" with {pairs_of(best.parameters)}" if best.parameters else ""
        items.append(text(f"Best: trial {best.number:,}{chosen}; {name} {best.scores[name]:.4g}."))
        marks = [(best.scores[name], "best"), (float(np.nanmedian(scores)), "median")]
        items.append(histogram(f"{name} of all trials", scores, unit=unit_of(name), marks=marks))
    else:
        items.append(text(f"No trial has a {name}."))
    note = (
        f"The best of {tried:,} on the same data is in part luck: it says what was best here, not what to expect."
        if tried > 1
        else ""
    )
    return Section("What was tried", items, note)


def _landscape(found: Sweep, objective: str) -> Section:
    """Return a heat map for each pair of parameters, of few pairs; of one parameter its scores."""
    names, scores = found.parameters, found.table[objective]
    unit = unit_of(found.objectives[0])
    axes = {name: axis_of(found, name) for name in names}
    if len(names) == 1:
        axis = axes[names[0]]
        if axis.words is None:
            x = axis.places.astype(np.float64)
            item = scatter("", x, scores.to_numpy(), x_title=axis.name, y_title=objective, y_unit=unit)
        else:
            order = np.argsort(axis.places, kind="stable")
            item = _listed(found, found.table[[axis.name, objective]].iloc[order], {objective: unit})
        return Section("Scores over parameters", [item])
    pairs = list(combinations(names, 2))
    items = []
    for up, right in pairs[:PAIRS]:
        grid = scores.groupby([axes[up].cells(), axes[right].cells()]).mean().unstack()
        if grid.size <= 10_000:
            columns, rows = axes[right].names(grid.columns), axes[up].names(grid.index)
            title = f"{objective}: {up} over {right}"
            items.append(heat_map(title, columns, rows, grid.to_numpy(), unit=unit, x_title=right, y_title=up))
    others = " Each cell is the mean over all other parameters." if len(names) > 2 else ""
    few = f"The first {PAIRS} of {len(pairs):,} pairs of parameters." if len(pairs) > PAIRS else ""
    return Section("Scores over parameters", items, f"{few}{others}".strip())


def _neighbourhood(found: Sweep, objective: str) -> Section:
    """Return how sets score together with their neighbours, or that there are none."""
    if not found.has_neighbours:
        return Section("Neighbourhoods", [text(f"{NO_NEIGHBOURS[0].upper()}{NO_NEIGHBOURS[1:]}.")])
    stable = found.stability()
    unit = unit_of(found.objectives[0])
    shown = stable.table.head(25)
    units = dict.fromkeys((objective, *shown.columns[-2:]), unit)
    words = [text(line[0].upper() + line[1:]) for line in str(stable).splitlines()]
    few = f"The {len(shown):,} most stable" if len(shown) < len(stable.table) else "The most stable first"
    note = f"{few}: neighbours are one step of the grid away. A peak whose neighbours are poor is luck."
    return Section("Neighbourhoods", [*words, _listed(found, shown, units)], note)


def _trials(found: Sweep, objective: str) -> Section:
    wanted = dict.fromkeys((*found.objectives, *_KEY))
    units = {found.column(name): unit_of(name) for name in wanted}
    columns = [*found.parameters, *units]
    if found.failed:
        columns.append(found.error_column)
    ascending = not found.maximize[0]
    shown = found.table[columns].sort_values(objective, ascending=ascending, kind="stable", na_position="last")
    return Section("Trials", [_listed(found, shown, units)], "The best first.")


def _listed(found: Sweep, rows: pd.DataFrame, units: dict[str, str]) -> Item:
    """Return rows as a table: numbers of trials, parameters by their names, metrics by their words."""
    shown = worded(found, rows)
    index = str(shown.index.name)
    columns, known = {index: shown.index.to_numpy()}, {index: "plain"}
    for name in shown.columns:
        head = name if name in found.parameters else free_name(label_of(name), columns, "metric")
        columns[head] = shown[name].to_numpy()
        if name in units:
            known[head] = units[name]
    return table("", columns, known)
