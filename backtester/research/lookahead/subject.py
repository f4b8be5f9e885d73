"""What the driver asks of a thing that is checked: to be made anew on other bars, and to show what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.tracks import Track


class Trace(Protocol):
    """What a thing makes of some bars.

    Attributes
    ----------
    tracks : mapping of str to Track
        What is there before the first decision: prepared arrays, features, whole outcomes of functions.
    loose : mapping of str to object
        Values that belong to no bar, such as a mean: no fault in themselves, but a way by which the future gets in.
    begins : int
        The first bar at which it says or does anything.
    """

    @property
    def tracks(self) -> Mapping[str, Track]:
        """See above."""
        ...

    @property
    def loose(self) -> Mapping[str, Any]:
        """See above."""
        ...

    @property
    def begins(self) -> int:
        """See above."""
        ...

    def acted(self, n: int) -> Mapping[str, Track]:
        """Return what it has done before bar n, in the order in which one thing follows from another."""
        ...


class Subject(Protocol):
    """Something that can be checked.

    Attributes
    ----------
    title : str
        Its name.
    sort : str
        "strategy", "features", "label", "model", "signal", "function" or "environment".
    remedy : str
        What to do about randomness.
    """

    title: str
    remedy: str

    @property
    def sort(self) -> str:
        """See above."""
        ...

    def trace(self, bars: Bars, world: str, row: int) -> Trace:
        """Return what comes out on bars whose rows from `row` on are "raised", "lowered", "deleted", or "kept"."""
        ...

    def decided(self, trace: Any) -> list[int]:
        """Return the bars at which it decided something, increasing."""
        ...

    def notes(self) -> list[str]:
        """Return what cannot be tried of it."""
        ...


@dataclass(eq=False)
class Made:
    """A trace that is complete from the start: of features, labels, models, episodes."""

    tracks: dict[str, Track]
    loose: dict[str, Any] = field(default_factory=dict)
    begins: int = 0

    def acted(self, n: int) -> dict[str, Track]:
        """Nothing happens later."""
        return {}
