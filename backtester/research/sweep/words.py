"""A sweep in words, with the number of its trials, because a best of many is not an expectation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtester.errors import SweepError
from backtester.research.sweep.values import pairs_of

if TYPE_CHECKING:
    from backtester.research.sweep.result import Sweep


def text_of(found: Sweep) -> str:
    """Return what `print(sweep)` shows."""
    tried, failed, unscored = found.counts
    kind = found._trials.kind.__name__
    counted = f"{tried:,} sets of parameters tried"
    if found._asked is not None and tried < found._asked and not found.interrupted:
        counted += f", all there are of {found._asked:,} asked for"
    if failed:
        counted += f", {failed:,} of them raised"
    if unscored > failed:
        counted += f", {unscored - failed:,} bankrupt or without a {found.objectives[0]}"
    lines = [f"{kind}, {found.method}: {counted}", f"  {found._trials.space.described()}"]
    if found.interrupted:
        lines.append("  interrupted: the same call goes on from here")
    if found.not_keyed:
        lines.append(f"  cannot be continued later: {found.not_keyed} has no words")
    if tried > unscored:
        lines += _best(found)
    failure = found.first_failure
    if failure is not None:
        lines.append(f"first error, trial {failure.number:,} {pairs_of(failure.parameters)}: {failure.error}")
    return "\n".join(lines)


def _best(found: Sweep) -> list[str]:
    best = found.best
    metrics = best.metrics
    scores = ", ".join(f"{name} {value:.4g}" for name, value in best.scores.items())
    shown = (
        f"total return {metrics['total_return']:.1%}, drawdown {metrics['max_drawdown']:.1%}, "
        f"{metrics['n_trades']:,.0f} trades"
    )
    tried = found.trials
    lines = [f"best: trial {best.number:,} {pairs_of(best.parameters)}: {scores} ({shown})"]
    if tried > 1:
        looks = ".stability() looks at its neighbours, walk_forward"
        lines.append(
            f"This is the best of {tried:,} on the same data, and some of it is luck{_overfit(found)}: "
            f"{looks if found.has_neighbours else 'walk_forward looks'} at what is left of such a choice on "
            "data that came later."
        )
    return lines


def _overfit(found: Sweep) -> str:
    """Return the probability of overfitting in brackets, "" where there is too little to tell."""
    try:
        return f" (probability of backtest overfitting {found.pbo.probability:.1%})"
    except SweepError:
        return ""
