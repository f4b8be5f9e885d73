"""A stress test as a card for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtester.html_text import Table, card
from backtester.research.stress.words import LABELS
from backtester.summary_text import written

if TYPE_CHECKING:
    from backtester.research.stress.result import KindSummary, Stress


def html_of(found: Stress) -> str:
    """Return the sentence that says where the edge dies, and a row for each kind of scenario."""
    facts = [("base", f"{found.metric} {written(found.base, 'number')}"), ("scenarios", f"{len(found.table) - 1:,}")]
    heads = ("conditions", "worst", "median", "best", "scenarios", "edge")
    lost = "lost" if found._edge.holds(found.base) else "none"
    rows = [_row(one, lost) for one in found.by_kind]
    notes = [found.sentence]
    if found.interrupted:
        notes.append("Interrupted: of the scenarios that are finished alone.")
    return card(f"Stress of {found.strategy}", facts, table=Table(heads, rows, heads[1:5]), notes=notes)


def _row(one: KindSummary, lost: str) -> list[str]:
    if not one.scenarios:
        return [LABELS[one.kind], "-", "-", "-", "0", f"not applicable: {one.note}"]
    numbers = [written(value, "number") for value in (one.worst, one.median, one.best)]
    edge = lost if one.survives is False else "survives" if one.survives else ""
    if one.survives is None and one.failed:
        edge = f"open: {one.failed:,} raised"
    return [LABELS[one.kind], *numbers, f"{one.scenarios:,}", edge]
