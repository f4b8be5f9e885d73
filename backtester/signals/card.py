"""A signal as a card for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import time_text
from backtester.html_text import Table, card, sparkline

if TYPE_CHECKING:
    from backtester.signals.signal import Signal

_ROWS = 8


def html_of(signal: Signal) -> str:
    """Return what a signal says, of when, made by which folds, and whether it could be known then."""
    tested = np.flatnonzero(signal.tested)
    facts: list[tuple[str, object]] = [("bars with a value", f"{len(tested):,} of {signal.n_bars:,}")]
    if tested.size:
        first, last = (time_text(int(signal.timestamps[t])) for t in (tested[0], tested[-1]))
        facts.append(("closes, UTC", f"{first} to {last}"))
    facts.append(("label", "not known" if signal.label is None else signal.label.name))
    if signal.classes:
        facts.append(("classes", ", ".join(map(str, signal.classes))))
    facts += [("folds", f"{len(signal.trained_until):,}"), ("fits tried", f"{signal.trials:,}")]
    rows = [_row(signal, a) for a in range(min(signal.n_assets, _ROWS))]
    heads = ("symbol", "values", "mean", "deviation", "last")
    notes = [] if signal.known_in_time else ["TRAINED ON THE FUTURE of its tests: what it says is no evidence."]
    if signal.n_assets > _ROWS:
        notes.append(f"and {signal.n_assets - _ROWS:,} more assets")
    picture = sparkline(signal.values[tested, 0], f"signal of {signal.symbols[0]}", 0.0) if tested.size else ""
    return card(f"Signal {signal.name}", facts, picture=picture, table=Table(heads, rows, heads[1:]), notes=notes)


def _row(signal: Signal, a: int) -> tuple[str, ...]:
    values = signal.values[:, a]
    values = values[np.isfinite(values)]
    if not values.size:
        return (signal.symbols[a], "0", "-", "-", "-")
    numbers = (values.mean(), values.std(), values[-1])
    return (signal.symbols[a], f"{values.size:,}", *(f"{number:.4g}" for number in numbers))
