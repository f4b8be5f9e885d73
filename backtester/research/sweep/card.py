"""A sweep as a card for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.html_text import Table, card, shortened, sparkline
from backtester.research.sweep.axes import worded
from backtester.summary_text import GROUPS, written

if TYPE_CHECKING:
    from backtester.research.sweep.result import Sweep

_ROWS = 8
_METRICS = ("total_return", "max_drawdown", "n_trades")


def html_of(found: Sweep) -> str:
    """Return what was tried, the scores in order, the best rows, and that the best of many is none to expect."""
    tried, failed, unscored = found.counts
    facts = [
        ("space", found._trials.space.described()),
        ("tried", f"{tried:,} sets of parameters" + (f", {failed:,} raised" if failed else "")),
        ("objective", ", ".join(found.objectives)),
    ]
    notes = []
    if found.interrupted:
        notes.append("Interrupted: the same call goes on from here.")
    if found.not_keyed:
        notes.append(f"Cannot be continued later: {found.not_keyed} has no words.")
    if tried > 1 and tried > unscored:
        see = "; see .stability()" if found.has_neighbours else ""
        notes.append(f"This is the best of {tried:,} on the same data, and some of it is luck{see}.")
    title = f"Sweep of {found.strategy.__name__}, {found.method}"
    if tried == unscored:
        return card(title, facts, notes=notes)
    scores = found.scores.iloc[:, 0].to_numpy(np.float64)
    ordered = np.sort(scores[np.isfinite(scores)])
    picture = sparkline(ordered, f"{found.objectives[0]} of all trials, from the lowest to the highest", 0.0)
    return card(title, facts, picture=picture, table=_table(found), notes=notes)


def _table(found: Sweep) -> Table:
    """Return the best rows by the first objective."""
    table = found.table
    name = found.column(found.objectives[0])
    best = table[table[name].notna()].sort_values(name, ascending=not found.maximize[0], kind="stable").head(_ROWS)
    columns = [found.column(one) for one in found.objectives]
    columns += [column for column in map(found.column, _METRICS) if column not in columns]
    heads = ["trial", *found.parameters, *columns]
    kinds = {metric.name: metric.kind for _, group in GROUPS for metric in group}

    def shown(name: str, value: float) -> str:
        return written(value, kinds.get(name.removeprefix("metric_"), "number"))

    rows = [
        [number, *(shortened(row[name]) for name in found.parameters), *(shown(name, row[name]) for name in columns)]
        for number, row in zip(best.index.tolist(), worded(found, best).to_dict("records"), strict=True)
    ]
    heads = [*heads[: -len(columns)], *(name.replace("_", " ") for name in columns)]
    return Table(heads, rows, heads)
