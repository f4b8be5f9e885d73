"""What every worker holds: the run that is stressed, and how one scenario of it is run."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from backtester.engine.repeat import Repeater, Stopped
from backtester.research.stress.changes import Case, Change
from backtester.research.stress.markets import Market
from backtester.research.sweep.trials import in_words
from backtester.strategy import Strategy, check_parameter
from backtester.trials import STRESS, marked

if TYPE_CHECKING:
    from backtester.engine.settings import Settings


class Scenario(NamedTuple):
    """One row of the table before it has run.

    Attributes
    ----------
    kind : str
        One of `backtester.research.stress.KINDS`, or "base".
    name : str
        What is different, in words.
    level : float
        The same as a number: a multiple of the costs, bars, a fraction, a number of the draw.
    change : Change or None
        None where the scenario is not applicable.
    note : str
        Why not; else "".
    """

    kind: str
    name: str
    level: float
    change: Change | None
    note: str = ""


class Outcome(NamedTuple):
    """One row of the table after it has run: `metrics` are empty where it raised or is not applicable."""

    scenario: Scenario
    metrics: dict[str, float]
    error: str = ""


@dataclass
class Lab:
    """The run: sent to every worker once.

    Attributes
    ----------
    strategy : Strategy
        As it was before `prepare`; never run itself.
    market : Market
    settings : Settings
    stop : threading.Event
        Ends the scenario under way.
    """

    strategy: Strategy
    market: Market
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)

    def __getstate__(self) -> dict[str, Any]:
        return {"strategy": self.strategy, "market": self.market, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.stop = threading.Event()

    def make(self, changed: dict[str, Any]) -> Strategy:
        """Return a new strategy with the parameters of the run, but for those that are `changed`.

        One that holds no more than its parameters is made by its class, which may refuse them.
        """
        made = copy.deepcopy(self.strategy)
        parameters = made.parameters
        if changed and vars(made).keys() <= parameters.keys():
            return type(made)(**(parameters | changed))
        types = type(made).parameter_types()
        for name, value in changed.items():
            setattr(made, name, check_parameter(type(made).__name__, name, types[name][0], value))
        return made

    def metrics(self, change: Change) -> dict[str, float]:
        """Run a scenario in full, and return what `Result.summary()` gives."""
        case = change.apply(Case({}, self.market.bars, self.settings), self.market)
        with marked(STRESS):
            return Repeater(case.bars, case.settings, self.stop).metrics(lambda: self.make(case.parameters))

    def outcome(self, scenario: Scenario) -> Outcome | None:
        """Run a scenario; what it raises is part of the outcome. None where it was stopped."""
        if scenario.change is None:
            return Outcome(scenario, {})
        try:
            return Outcome(scenario, self.metrics(scenario.change))
        except Stopped:
            return None
        except Exception as error:
            return Outcome(scenario, {}, in_words(error))


def run_scenario(lab: Lab, scenario: Scenario) -> Outcome | None:
    """Run one scenario in a worker."""
    return lab.outcome(scenario)
