"""After compiled code raised: find the user's line by running the failing bar again, interpreted.

Nothing is saved per bar. A copy of the strategy from before `prepare` is prepared again, the kernel advances to the bar
before, and that one bar runs in Python. So `prepare` must be deterministic.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from backtester.errors import StrategyError

if TYPE_CHECKING:
    from backtester.engine.session import Run

_OUT_OF_ROWS = re.compile(r"index (?P<row>-?\d+) is out of bounds for axis 0 with size (?P<rows>\d+)")


def describe_bar(run: Run, t: int, error: BaseException | None = None) -> str:
    """Return the bar, its time and its symbols in words; the asset alone where the failing frame names it."""
    seconds, rest = divmod(int(run.bars.timestamps[t]), 10**9)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    moment += f".{rest:09d}".rstrip("0") if rest else ""
    symbols = run.bars.symbols
    asset = _asset_in(error, len(symbols)) if error is not None else None
    if asset is not None:
        where = f"asset {asset} ({symbols[asset]})"
    else:
        where = ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else "")
    return f"bar {t} of {run.bars.n_bars}, {moment} UTC, {where}"


def _asset_in(error: BaseException, n_assets: int) -> int | None:
    """Return the asset the failing frame was busy with: its local `a` or `asset`."""
    if n_assets == 1:
        return 0
    frame = error.__traceback__
    found = None
    while frame is not None:
        for name in ("a", "asset"):
            value: Any = frame.tb_frame.f_locals.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < n_assets:
                found = value
        frame = frame.tb_next
    return found


def annotate(run: Run, error: BaseException, t: int) -> None:
    """Add bar, time and symbol to an exception from user code."""
    error.add_note(f"{type(run.strategy).__name__} raised at {describe_bar(run, t, error)}")
    explain_read_only(error)
    explain_bounds(error, t)


def explain_read_only(error: BaseException) -> None:
    """Say what to do, where the error is NumPy's about writing into market data or a shared indicator."""
    if isinstance(error, ValueError) and "read-only" in str(error):
        error.add_note(
            "market data is read-only, and so are indicators that a sweep shares between its runs; work on a copy, "
            "made in prepare: bars.close.copy(), sma(bars.close, 20).copy()"
        )


def explain_bounds(error: BaseException, t: int) -> None:
    """Say how far arrays reach at bar t, where the error is NumPy's about a row beyond their ends."""
    found = _OUT_OF_ROWS.search(str(error)) if isinstance(error, IndexError) else None
    if found is None or int(found["rows"]) != t + 1:
        return
    row = int(found["row"])
    what = f"row {row} is the future" if row > t else f"[{row}] is before the first bar"
    error.add_note(f"at bar {t} an array per bar has {t + 1:,} rows, up to the present, which is [-1]; {what}")


def replay(run: Run, t: int) -> None:
    """Raise, from the user's own line, what compiled code raised at bar t."""
    if run.pristine is None:
        raise StrategyError(
            f"{type(run.strategy).__name__}: compiled code raised at {describe_bar(run, t)}; the strategy cannot be "
            "copied, so that this bar cannot be run again in Python: run with mode='interpreted' to see the line"
        )
    again = run.again(copy.deepcopy(run.pristine))
    again.prepare()
    if t > 0:
        again.advance(until=t)
    again.interpret()
    again.advance(until=t + 1)
    raise StrategyError(
        f"{type(run.strategy).__name__}: compiled code raised at {describe_bar(run, t)}, but the same bar run in "
        "Python did not; is prepare deterministic? Run with mode='interpreted' to look closer"
    )
