"""What the runs of a block are for, where they are no search for an edge, or part of something larger."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar

from backtester.errors import SettingsError

STRESS = "stress"
LOOK_AHEAD = "look-ahead"
TEST = "test"
MARKS = (STRESS, LOOK_AHEAD, TEST)

WINDOW = "walk-forward window"  # the door of what a walk does in its training windows

_MARK: ContextVar[str] = ContextVar("backtester_mark", default="")
_DOOR: ContextVar[str] = ContextVar("backtester_door", default="")


def mark() -> str:
    """Return the mark of the runs of this moment, "test" inside pytest; "" where they count."""
    return _MARK.get() or (TEST if _in_a_test() else "")


def _in_a_test() -> bool:
    return "PYTEST_CURRENT_TEST" in os.environ


@contextlib.contextmanager
def marked(what: str) -> Iterator[None]:
    """Write the runs inside to the trial ledger with a mark, and do not count them.

    Parameters
    ----------
    what : {"stress", "look-ahead", "test"}
        What they are for. An outer mark stays.

    Raises
    ------
    SettingsError
        It is something else.
    """
    if what not in MARKS:
        raise SettingsError(f"marked: {what!r} is no mark; it is one of {', '.join(MARKS)}")
    token = _MARK.set(_MARK.get() or what)
    try:
        yield
    finally:
        _MARK.reset(token)


def door() -> str:
    """Return the door that the trials of this moment come through, "" where it is their own."""
    return _DOOR.get()


@contextlib.contextmanager
def through(name: str) -> Iterator[None]:
    """Write the trials inside to the ledger as those of the door `name`, whatever makes them."""
    token = _DOOR.set(name)
    try:
        yield
    finally:
        _DOOR.reset(token)
