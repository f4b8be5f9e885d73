"""The prices and quantities of an order through time: what modifies and splits made of them, undone backwards.

Tables keep the last state of an order, in the units after all splits it lived through. The row of a change has the
price it moved and the quantity before and after; of a split everything else follows from its ratio (rule 29).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

from backtester.kernel.codes import ChangeKind

_NAN = float("nan")


class Shape(NamedTuple):
    """What an order waits for from a bar on; prices and target in the units of that time, NaN where there is none."""

    since: int
    limit_price: float
    stop_price: float  # of a trailing stop: not its level in each bar, which moves by itself
    distance: float
    target: float


def shapes_of(order: SimpleNamespace, effective: list[SimpleNamespace]) -> list[Shape]:
    """Return the shapes of an order, the first to the last.

    Parameters
    ----------
    order : namespace
        Its row in the order table.
    effective : list of namespace
        The modifies and splits that took effect, in the order in which they did; `moves_limit` says which price the
        row is about, and `ratio` is that of a split.
    """
    limit, stop, distance, target = order.limit_price, order.stop_price, order.distance, order.target
    found = []
    for change in reversed(effective):
        found.append(Shape(change.acts, limit, stop, distance, target))
        if change.kind == ChangeKind.SPLIT:
            limit, stop, distance = limit * change.ratio, stop * change.ratio, distance * change.ratio
            target /= change.ratio
        elif change.price != change.price:
            continue
        limit, stop = (change.old_price, stop) if change.moves_limit else (limit, change.old_price)
    found.append(Shape(order.submitted, limit, stop, distance, target))
    return found[::-1]


def units_from(effective: list[SimpleNamespace], t: int) -> float:
    """Return how many units of the end of an order one unit of bar t has become, after what splits that bar."""
    units = 1.0
    for change in effective:
        if change.kind == ChangeKind.SPLIT and change.acts > t:
            units *= change.ratio
    return units


def split_words(ratio: float) -> str:
    """Return "2-for-1 split"; of a reverse split "1-for-10 split"."""
    if ratio >= 1.0:
        return f"{ratio:.10g}-for-1 split"
    return f"1-for-{1.0 / ratio:.10g} split"
