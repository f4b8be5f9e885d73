"""The progress bar of a training: steps, steps per second, mean return of episodes and, in a market, equity."""

from __future__ import annotations

import sys
import time
from typing import Any

PATIENCE = 1.0  # seconds a training may take before a bar appears
_EVERY = 0.2  # seconds between two looks


class ProgressBar:
    """Shows how far a training is; silent where stderr is not a terminal, unless it is asked for.

    Parameters
    ----------
    total : int
        Steps in all.
    wanted : bool or None
        None means on a terminal.
    done : int
        Steps taken before.
    """

    def __init__(self, total: int, wanted: bool | None, done: int = 0):
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self.wanted = on_terminal if wanted is None else wanted
        self._total, self._began_at = total, done
        self._started = self._shown = time.monotonic()
        self._at_once = wanted is True
        self._bar: Any = None
        self._task: Any = None

    def due(self) -> bool:
        """Return whether it is time for another look."""
        now = time.monotonic()
        patient = self._bar is not None or self._at_once or now - self._started >= PATIENCE
        return self.wanted and patient and (now - self._shown >= _EVERY or self._bar is None)

    def update(self, done: int, episode_return: float | None, equity: float | None) -> None:
        """Show the numbers of now."""
        if self._bar is None:
            self._open()
        self._shown = time.monotonic()
        rate = (done - self._began_at) / max(self._shown - self._started, 1e-9)
        words = [f"{rate:,.0f} steps/s"]
        if episode_return is not None:
            words.append(f"return {episode_return:,.4g}")
        if equity is not None:
            words.append(f"equity {equity:,.0f}")
        self._bar.update(self._task, completed=min(done, self._total), told=" · ".join(words))

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("steps"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[told]}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task("steps", total=self._total, told="")

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
