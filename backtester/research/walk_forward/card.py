"""A walk as a card for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtester.html_text import Table, card, sparkline
from backtester.research.sweep.values import word_of
from backtester.summary_text import written

if TYPE_CHECKING:
    from backtester.research.walk_forward.result import WalkForwardResult

_ROWS = 12


def html_of(found: WalkForwardResult) -> str:
    """Return what was promised in sample and kept after it, the stitched equity, the folds, and the verdict."""
    decay, result = found.decay, found.result
    facts = [
        ("folds", f"{len(found.records)}, {found.walk.described()}"),
        ("chosen by", f"{found.objective}: {found.how}, {found.trials:,} trials"),
        ("in sample", f"{found.objective} {decay.in_sample:.4g}"),
        ("out of sample", f"{found.objective} {decay.out_of_sample:.4g}"),
        ("stitched", f"Sharpe {written(result.metrics['sharpe'], 'number')}"),
        ("efficiency", f"{written(found.efficiency, 'percent')} of the return per year"),
    ]
    notes = [result.verdict.sentence]
    if found.interrupted:
        notes.append("Interrupted: the same call goes on from here.")
    idle = [one for one in found.records if not one.trades]
    notes += [f"Fold {one.window.number}: nobody traded: {one.choice.why_not}" for one in idle]
    hidden = len(found.records) - _ROWS
    if hidden > 0:
        notes.append(f"{hidden} more folds in .folds.")
    start = float(result.wealth[0])
    picture = sparkline(result.wealth, "stitched equity", start)
    return card(f"Walk-forward of {found.strategy}", facts, picture=picture, table=_table(found), notes=notes)


def _table(found: WalkForwardResult) -> Table:
    """Return the first folds: when they were tested, what was chosen, and the scores in both windows."""
    heads = ["fold", "test from", "to", *found.parameters.columns, "in sample", "out of sample"]
    rows = []
    values = [found.parameters[name].tolist() for name in found.parameters.columns]
    for number, row in found.folds.head(_ROWS).iterrows():
        chosen = [word_of(column[number]) for column in values]
        scores = [written(float(row[name]), "number") for name in ("in_sample", "out_of_sample")]
        rows.append([number, f"{row['test_first']:%Y-%m-%d}", f"{row['test_last']:%Y-%m-%d}", *chosen, *scores])
    return Table(heads, rows, heads)
