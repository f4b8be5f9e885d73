"""`Fold`: what was chosen in one training window, and what came of it in the test."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from backtester.research.walk_forward.windows import Window


@dataclass(frozen=True)
class Choice:
    """What one training window led to.

    Attributes
    ----------
    parameters : dict or None
        Of the strategy that trades the test: those that vary. None where there was nothing to choose: `why_not`.
    score : float
        The objective in the training window; NaN where there is none.
    metrics : dict of str to float
        Of the chosen run over the training window, as `Result.summary` gives them; empty where there is none.
    places : dict of str to float
        Where each parameter that is a number lies in its dimension, 0 lowest and 1 highest.
    trials, failed : int
        Sets that were tried, and how many of these raised.
    why_not : str
        Why nothing was chosen, "" where something was.
    """

    parameters: dict[str, Any] | None
    score: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)
    places: dict[str, float] = field(default_factory=dict)
    trials: int = 0
    failed: int = 0
    why_not: str = ""


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes
    ----------
    window : Window
    times : tuple of Timestamp
        The closes of the first and the last bar of the training window, and of the test.
    choice : Choice
    score : float
        The objective of the test, traded from cash by itself; NaN where it is undefined, nothing was chosen, or the
        test is the last and shorter than half of the others.
    metrics : dict of str to float
        Of that run.
    """

    window: Window
    times: tuple[Any, ...]
    choice: Choice
    score: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def trades(self) -> bool:
        """Whether there was anything to trade its test with."""
        return self.choice.parameters is not None
