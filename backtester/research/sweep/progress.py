"""A progress bar with rate and remaining time: on a terminal only, and only once a sweep has taken a while."""

from __future__ import annotations

import time
from typing import Any

from backtester.engine.progress import PATIENCE, on_terminal


class SweepProgress:
    """Shows trials done; silent where stderr is not a terminal, unless it is asked for.

    Parameters
    ----------
    total : int
        Trials in all, or the most there can be.
    exact : bool
        Which of both.
    done : int
        Trials that were there before.
    wanted : bool or None
    what : str
        What is counted.
    """

    def __init__(self, total: int, exact: bool, done: int, wanted: bool | None, what: str = "trials"):
        self.total, self.exact = total, exact
        self._before, self._what = done, what
        self._wanted = on_terminal() if wanted is None else wanted
        self._patience = 0.0 if wanted else PATIENCE
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def update(self, done: int) -> None:
        """Tell how many trials are done, those from before included."""
        if not self._wanted:
            return
        spent = time.monotonic() - self._started
        if self._bar is None:
            if spent < self._patience:
                return
            self._open()
        rate = (done - self._before) / spent if spent > 0.0 else 0.0
        self._bar.update(self._task, completed=done, rate=f"{rate:,.0f}/s" if rate >= 10.0 else f"{rate:.2f}/s")

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn(self._what if self.exact else f"{self._what} (at most)"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._what, total=self.total, completed=self._before, rate="")

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
