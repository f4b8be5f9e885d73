"""What else than a space of parameters may learn from a training window: a model, an agent, anything of the user's.

Research knows no models and no agents; it knows this protocol. `strategies.model.ModelTrainer` and
`strategies.agent.AgentTrainer` keep it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings
    from backtester.strategy import Strategy


@dataclass(frozen=True)
class Trained:
    """What a trainer learnt from one training window.

    Attributes
    ----------
    strategy : Strategy
        Trades the test; it is prepared on the bars from the first of the data to the last of the test.
    in_sample : Strategy or None
        The same for the training window itself, which gives the score in sample; None: there is none.
    parameters : dict
        What the table of folds shows of it, plain values.
    trials : int
        How many settings were tried on the window.
    """

    strategy: Strategy
    in_sample: Strategy | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    trials: int = 1


@runtime_checkable
class Trainer(Protocol):
    """Learns from bars, and says how to trade what comes next."""

    def train_fold(self, bars: Bars, settings: Settings, seed: int) -> Trained:
        """Return what is learnt from `bars`, the training window alone.

        Parameters
        ----------
        bars : Bars
        settings : Settings
            Of the walk: the costs, the account and the execution that the test is traded with.
        seed : int
            Of this fold; the same call gives the same strategy.
        """
        ...
