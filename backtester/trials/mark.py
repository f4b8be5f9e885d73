"""What the runs of a block are for, where they are no search for an edge."""

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

_MARK: ContextVar[str] = ContextVar("backtester_mark", default="")


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
