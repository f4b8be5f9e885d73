"""The loop of a stress test: scenarios to the workers, outcomes in order."""

from __future__ import annotations

from collections.abc import Sequence

from backtester.engine.repeat import Stopped
from backtester.executors import Executor
from backtester.research.stress.changes import Change
from backtester.research.stress.lab import Lab, Outcome, Scenario, run_scenario
from backtester.research.sweep.drive import CtrlC
from backtester.research.sweep.progress import SweepProgress


class Driver:
    """Runs the scenarios of one run.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    def __init__(self, lab: Lab, executor: Executor, progress: bool | None):
        self.lab = lab
        self.executor = executor
        self.progress = progress
        self.interrupted = False

    def run(self, scenarios: Sequence[Scenario]) -> list[Outcome]:
        """Return what came out of the scenarios, in their order; after Ctrl-C, of those that are finished."""
        shown = SweepProgress(len(scenarios), True, 0, self.progress, "scenarios")
        found: list[Outcome] = []
        with CtrlC(self.lab.stop) as pressed:
            try:
                for outcome in self.executor.map(run_scenario, self.lab, scenarios, self.lab.stop):
                    if outcome is not None:
                        found.append(outcome)
                        shown.update(len(found))
            finally:
                shown.close()
                self.interrupted = pressed.noted
        return found

    def one(self, change: Change) -> dict[str, float] | None:
        """Run one more scenario here, and return its metrics; None where it raises or was stopped."""
        with CtrlC(self.lab.stop) as pressed:
            try:
                return self.lab.metrics(change)
            except Stopped:
                return None
            except Exception:
                return None
            finally:
                self.interrupted |= pressed.noted
