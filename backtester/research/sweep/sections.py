"""What a page says of a sweep: what was tried, how scores spread, where they are high, and how lonely the peak is."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from backtester.report.sections import Section, facts, frame_table, heat_map, histogram, scatter, text, unit_of
from backtester.research.sweep.plots import cells_of

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research.sweep.result import Sweep

PAIRS = 6  # of parameters, with a heat map each
_KEY = ("total_return", "sharpe", "max_drawdown", "n_trades", "total_costs")


def sections_of(found: Sweep) -> list[Section]:
    """Return the sections of a sweep's page."""
    table = found.table
    objective = found.column(found.objectives[0])
    scores = table[objective].to_numpy(np.float64)
    sections = [_overview(found, scores)]
    if np.isfinite(scores).any():
        sections += [_landscape(found, table, objective), _neighbourhood(found)]
    sections.append(_trials(found, table))
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
        chosen = ", ".join(f"{key}={value!r}" for key, value in best.parameters.items())
        items.append(text(f"Best: trial {best.number:,} with {chosen}; {name} {best.scores[name]:.4g}."))
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


def _landscape(found: Sweep, table: pd.DataFrame, objective: str) -> Section:
    """Return a heat map for each pair of parameters, of few pairs; of one parameter its scores."""
    names = found.parameters
    unit = unit_of(found.objectives[0])
    if len(names) == 1:
        values = table[names[0]]
        if values.dtype.kind not in "if":
            return Section("Scores over parameters", [frame_table("", table[[names[0], objective]], {objective: unit})])
        x = values.to_numpy(np.float64)
        item = scatter("", x, table[objective].to_numpy(), x_title=names[0], y_title=objective, y_unit=unit)
        return Section("Scores over parameters", [item])
    pairs = list(combinations(names, 2))
    items = []
    for y, x in pairs[:PAIRS]:
        grid = table[objective].groupby([cells_of(table[y]), cells_of(table[x])]).mean().unstack()
        if grid.size <= 10_000:
            title = f"{objective}: {y} over {x}"
            items.append(
                heat_map(title, list(grid.columns), list(grid.index), grid.to_numpy(), unit=unit, x_title=x, y_title=y)
            )
    others = " Each cell is the mean over all other parameters." if len(names) > 2 else ""
    few = f"The first {PAIRS} of {len(pairs):,} pairs of parameters." if len(pairs) > PAIRS else ""
    return Section("Scores over parameters", items, f"{few}{others}".strip())


def _neighbourhood(found: Sweep) -> Section:
    """Return how sets score together with their neighbours."""
    stable = found.stability()
    unit = unit_of(found.objectives[0])
    shown = stable.table.head(25)
    units = {name: unit for name in (found.objectives[0], "mean", "min") if name in shown.columns}
    words = [text(line[0].upper() + line[1:]) for line in str(stable).splitlines()]
    few = f"The {len(shown):,} most stable" if len(shown) < len(stable.table) else "The most stable first"
    note = f"{few}: neighbours are one step of the grid away. A peak whose neighbours are poor is luck."
    return Section("Neighbourhoods", [*words, frame_table("", shown, units)], note)


def _trials(found: Sweep, table: pd.DataFrame) -> Section:
    wanted = [
        found.column(name) for name in (*found.objectives, *_KEY) if name in table.columns or name in found.objectives
    ]
    columns = [*found.parameters, *dict.fromkeys(wanted)]
    if found.failed:
        columns.append("error")
    objective = found.column(found.objectives[0])
    maximize = found._trials.objectives[0].maximize
    shown = table[columns].sort_values(objective, ascending=not maximize, kind="stable", na_position="last")
    units = {name: unit_of(name.removeprefix("metric_")) for name in wanted}
    return Section("Trials", [frame_table("", shown, units)], "The best first.")
