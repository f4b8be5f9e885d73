"""A walk in words: what was promised in sample, what came after, and how much of the one is left in the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backtester.research.walk_forward.result import WalkForwardResult


def text_of(found: WalkForwardResult) -> str:
    """Return what `print(walk_forward(…))` shows."""
    n, name, decay = len(found.records), found.objective, found.decay
    lines = [
        f"{found.strategy}, walk-forward: {n} fold{'s' if n > 1 else ''}, {found.walk.described()}",
        f"  {found.how}, by {name}: {found.trials:,} trials" + (f", {found.failed:,} raised" if found.failed else ""),
    ]
    if found.interrupted:
        lines.append("  interrupted: the same call goes on from here")
    if found.not_keyed:
        lines.append(f"  cannot be continued later: {found.not_keyed} has no words")
    metrics = found.result.metrics
    lines += [
        f"in sample      {name} {decay.in_sample:.4g}, the mean of {_counted(decay.folds, n)}",
        f"out of sample  {name} {decay.out_of_sample:.4g}, each test by itself",
        f"stitched       sharpe {metrics['sharpe']:.4g} (total return {metrics['total_return']:.1%}, drawdown "
        f"{metrics['max_drawdown']:.1%}, {metrics['n_trades']:,.0f} trades)",
        f"efficiency     {_efficiency(found)}",
        f"decay          {_decay(found)}",
    ]
    moves = [
        f"{name} {row['values']:.0f} values, changed at {row['changed']:.0%} of borders"
        for name, row in found.parameter_stability.iterrows()
        if not math.isnan(row["changed"])
    ]
    if moves:
        lines.append(f"parameters     {'; '.join(moves)}")
    for one in found.records:
        if not one.trades:
            lines.append(f"! fold {one.window.number}: nobody traded its test: {one.choice.why_not}")
    return "\n".join(lines)


def _counted(scored: int, n: int) -> str:
    """Return how many folds a mean is of; those without a score in one of the windows are left out of both."""
    return f"{n} folds" if scored == n else f"the {scored} of {n} folds that have a score in both windows"


def _efficiency(found: WalkForwardResult) -> str:
    if found.result.wealth[-1] <= 0.0:
        return "none: the account lost everything"
    return f"{_share(found.efficiency, 'the return per year')}, {_share(found.sharpe_efficiency, 'the Sharpe ratio')}"


def _share(value: float, what: str) -> str:
    return f"undefined, as {what} in sample is not above 0" if math.isnan(value) else f"{value:.2f} of {what} in sample"


def _decay(found: WalkForwardResult) -> str:
    decay = found.decay
    if math.isnan(decay.slope):
        return f"not enough data: {decay.folds} folds with both scores" if decay.folds < 3 else "undefined"
    rank = "undefined" if math.isnan(decay.rank_correlation) else f"{decay.rank_correlation:+.2f}"
    return f"slope {decay.slope:+.2f}, rank correlation {rank} of the scores after with those before"
