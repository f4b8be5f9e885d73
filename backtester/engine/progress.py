"""A progress bar on long runs: on a terminal only, and only once a run has taken a while."""

from __future__ import annotations

import sys
import time
from typing import Any

PATIENCE = 1.0  # seconds a run may take before a bar appears


class Progress:
    """Shows bars done; silent where stderr is not a terminal, unless it is asked for."""

    def __init__(self, total: int, wanted: bool | None):
        self.total = total
        self.wanted = on_terminal() if wanted is None else wanted
        self.started = time.monotonic()
        self.at_once = wanted is True
        self._bar: Any = None
        self._task: Any = None

    def update(self, done: int) -> None:
        """Tell how many bars are done."""
        if not self.wanted:
            return
        if self._bar is None:
            if not self.at_once and time.monotonic() - self.started < PATIENCE:
                return
            self._open()
        self._bar.update(self._task, completed=done)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("bars"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("bars", total=self.total)

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def on_terminal() -> bool:
    """Whether stderr is a terminal; a program without a console has none."""
    return sys.stderr is not None and sys.stderr.isatty()
