"""Whether to believe a result: its Sharpe ratio with an interval, the trials behind it, and what they leave of it.

The ledger is asked when the verdict is first looked at, so that trials made since the run count too.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.metrics.sharpe_error import (
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_interval,
)
from backtester.trials.count import TrialCount, count_trials
from backtester.trials.ledger import FEW_RETURNS
from backtester.trials.mark import WINDOW

if TYPE_CHECKING:
    from backtester.result import Result

LEVEL = 0.95


@dataclass(frozen=True)
class Verdict:
    """What `Result.verdict` says. Sharpe ratios are per year; NaN where undefined.

    Attributes
    ----------
    sharpe : float
    low, high : float
        Its interval at 95 %, by the normal approximation with skew and kurtosis.
    probability : float
        That the true Sharpe ratio is above 0, if this were the only trial (PSR).
    trials : TrialCount
        On the symbols of the result, over periods that overlap its own.
    expected_best : float
        What the best of so many trials is expected to show without any skill.
    deflated_sharpe : float
        The probability that the true Sharpe ratio is above 0, for the best of so many trials (DSR).
    pbo : float
        Probability of backtest overfitting of the sweep that chose the parameters; NaN without one.
    enough_years : float
        Length of the track record at which this Sharpe ratio would be above 0 at 95 %; inf where it is not positive.
    sentence : str
        The whole of it in one honest sentence.
    """

    sharpe: float
    low: float
    high: float
    probability: float
    trials: TrialCount
    expected_best: float
    deflated_sharpe: float
    pbo: float
    enough_years: float
    sentence: str

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Label and text of each number that is known, for a screen."""
        interval = "" if math.isnan(self.low) else f"  [{_number(self.low)}, {_number(self.high)}]"
        found = [("Sharpe, 95 % interval", f"{_number(self.sharpe)}{interval}")]
        found.append(("trials so far on this data", self._trials_text()))
        if self.trials.trials > 1:
            found.append(("best expected of luck", _number(self.expected_best)))
        found.append(("deflated Sharpe", _percent(self.deflated_sharpe)))
        if not math.isnan(self.pbo):
            found.append(("backtest overfitting (PBO)", _percent(self.pbo)))
        return found

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold, NaN included."""
        return {**vars(self), "trials": vars(self.trials)}

    def _trials_text(self) -> str:
        count = self.trials
        if count.problem:
            return "not counted"
        if count.trials == 0:
            return "none in this project's ledger"
        text = f"{count.trials:,}"
        if count.trials > 1:
            text += f", {count.effective:,.1f} independent" if count.effective < 10 else ""
            text += f", {count.effective:,.0f} independent" if count.effective >= 10 else ""
        return text

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self.rows)
        rows = [f"{label:<{width}}  {text}" for label, text in self.rows]
        return "\n".join([*rows, *textwrap.wrap(self.sentence, 80)])


def verdict_of(result: Result) -> Verdict:
    """Return the verdict on a result; see `Verdict`."""
    estimate, periods = result.sharpe_estimate, result.periods_per_year
    count = count_trials(result.bars, without=WINDOW if _is_walk(result) else "")
    n_trials = max(count.trials, 1)
    independent = min(max(count.effective, 1.0), n_trials) if count.trials else 1.0
    annual = math.sqrt(periods)
    usable = not math.isnan(estimate.sharpe) and estimate.n >= 2
    variance = count.sharpe_variance / periods  # per bar
    if usable and n_trials > 1 and not variance >= 0.0:
        variance = 1.0 / (estimate.n - 1)  # of the estimate itself, without skill
    luck = expected_max_sharpe(independent, variance) if usable and n_trials > 1 else 0.0
    low, high = sharpe_interval(*estimate) if usable else (math.nan, math.nan)
    deflated = (
        deflated_sharpe(
            *estimate, trials=n_trials, sharpe_variance=variance if n_trials > 1 else 0.0, effective_trials=independent
        )
        if usable
        else math.nan
    )
    record = min_track_record_length(estimate.sharpe, estimate.skew, estimate.kurtosis) if usable else math.nan
    numbers: dict[str, Any] = {
        "sharpe": estimate.sharpe * annual,
        "low": low * annual,
        "high": high * annual,
        "probability": probabilistic_sharpe(*estimate) if usable else math.nan,
        "trials": count,
        "expected_best": luck * annual if usable else math.nan,
        "deflated_sharpe": deflated,
        "pbo": float(result._facts.get("pbo", math.nan)),
        "enough_years": record / periods,
    }
    return Verdict(**numbers, sentence=_sentence(result, numbers, estimate.n))


def _is_walk(result: Result) -> bool:
    """Whether it was stitched from tests: what was tried in the windows before them has not seen these bars."""
    return "walk_forward" in result._facts.get("about", {})


def _sentence(result: Result, numbers: dict[str, Any], n_returns: int) -> str:
    count, sharpe, deflated, pbo = (numbers[name] for name in ("trials", "sharpe", "deflated_sharpe", "pbo"))
    if result.wealth[-1] <= 0.0:
        return "It lost everything; whatever the Sharpe ratio of the bars before, there is no edge to judge."
    if math.isnan(sharpe) or math.isnan(deflated):
        why = "it never traded" if not len(result.tables.fills) else "its returns do not vary, or are too few"
        return f"There is no Sharpe ratio to judge: {why}."
    if n_returns < FEW_RETURNS:
        return f"{n_returns} returns are too few to tell skill from luck; nothing follows from this Sharpe ratio."
    tried = "its only trial so far" if count.trials == 1 else f"the best of {count.trials:,} trials on this data"
    if count.problem or count.trials == 0:
        tried = "a first trial (no ledger confirms it)"
    if not math.isnan(pbo) and pbo > 0.5:
        return (
            f"The sweep chose what did no better than half of them on data it had not seen, {_percent(pbo)} of the "
            "time: that is overfitting, and the Sharpe ratio says nothing."
        )
    if sharpe <= 0.0:
        return f"It earned less than nothing for its risk (Sharpe {_number(sharpe)}); there is no edge to doubt."
    if deflated >= LEVEL:
        return (
            f"Taken as {tried}, a Sharpe ratio of {_number(sharpe)} is more than luck explains (probability "
            f"{_percent(deflated)}); whether it lasts, only data it has not seen can tell."
        )
    if count.trials > 1 and sharpe <= numbers["expected_best"]:
        return (
            f"Luck alone would show a Sharpe ratio of {_number(numbers['expected_best'])} as {tried}, and this has "
            f"{_number(sharpe)}: there is no evidence of an edge."
        )
    need = _years(numbers["enough_years"])
    longer = f"; even as an only trial it would take {need} to tell" if numbers["probability"] < LEVEL else ""
    return (
        f"Taken as {tried}, a Sharpe ratio of {_number(sharpe)} is above zero with a probability of "
        f"{_percent(deflated)} only, which is not enough to rule out luck{longer}."
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}".replace("-0.00", "0.00")


def _percent(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{100.0 * min(max(value, 0.0), 1.0):.1f} %"


def _years(value: float) -> str:
    return f"{value:,.0f} years" if value >= 10.0 else f"{value:.1f} years"
