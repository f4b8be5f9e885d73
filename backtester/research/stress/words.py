"""A stress test in words: a line for each kind, and a sentence that says where the edge dies."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from backtester.research.stress.plan import counted, percent

if TYPE_CHECKING:
    from backtester.research.stress.result import KindSummary, Stress
    from backtester.research.stress.search import BreakEven

WIDTH = 100
LABELS = {
    "costs": "costs",
    "delay": "delay",
    "same_bar": "same-bar rule",
    "missing_bars": "missing bars",
    "missing_rows": "missing rows",
    "jitter": "parameters",
    "start": "later start",
    "end": "earlier end",
    "bootstrap": "bootstrapped markets",
    "luck": "luck alone",
}


def text_of(found: Stress) -> str:
    """Return what `print(stress)` shows."""
    n = len(found.table) - 1
    lines = [f"{found.strategy}: {found.metric} {found.base:.3g}; {n:,} scenarios"]
    if found.interrupted:
        lines.append("interrupted: of the scenarios that are finished alone")
    lines.append(f"{'':22}{'worst':>9}{'median':>9}{'best':>9}")
    lines += [_line(found, one) for one in found.by_kind]
    failed = [one for one in found._outcomes if one.error]
    if failed:
        lines.append(f"first error, {failed[0].scenario.name}: {failed[0].error}")
    return "\n".join([*lines, *textwrap.wrap(found.sentence, WIDTH)])


def _line(found: Stress, one: KindSummary) -> str:
    label = f"{LABELS[one.kind]:22}"
    if not one.scenarios:
        return f"{label}not applicable: {one.note}"
    numbers = "".join(f"{value:9.3g}" if not math.isnan(value) else f"{'–':>9}" for value in _spread(one))
    return f"{label}{numbers}  {_remark(found, one)}".rstrip()


def _spread(one: KindSummary) -> tuple[float, float, float]:
    return one.worst, one.median, one.best


def _remark(found: Stress, one: KindSummary) -> str:
    ran = one.scenarios - one.failed
    failed = f", {one.failed:,} raised" if one.failed else ""
    if not ran:
        return f"all {one.scenarios:,} raised"
    if math.isnan(one.median):
        return f"undefined in all {ran:,}{failed}"
    if one.kind == "luck" and not math.isnan(one.p_value):
        return f"as good or better in {_as_good(one):,} of {ran:,}, p = {one.p_value:.2g}{failed}"
    none = "lost" if found._edge.holds(found.base) else "no edge"
    if one.kind == "same_bar":
        bars = found.result.ambiguous_bars
        return f"{counted(bars)} ambiguous, {none} under {one.lost:,} of {ran:,} rules{failed}"
    if one.kind == "costs" and found.break_even is not None:
        return f"{_costs(found.break_even)}{failed}"
    if one.kind == "bootstrap":
        span = f"nine tenths from {one.quantile_05:.2g} to {one.quantile_95:.2g}"
        return f"{none} in {one.lost:,} of {ran:,}, {span}{failed}"
    return f"{none} in {one.lost:,} of {ran:,}{failed}"


def _costs(even: BreakEven) -> str:
    if even.high == 0.0:
        return "no edge even without costs"
    if math.isnan(even.factor):
        return f"survives {even.low:g} × the costs"
    return f"breaks even at {even.factor:.3g} × the costs"


def sentence_of(found: Stress) -> str:
    """Return where the edge dies."""
    base = f"{found.metric} {found.base:.3g}"
    if not found._outcomes[0].metrics["n_fills"]:
        return "The run has no fills, so that there is no edge to stress."
    said: list[str] = []
    if not found._edge.holds(found.base):
        said.append(f"There is no edge to stress: {base} in the run itself.")
        even = found.break_even
        if even is not None and not math.isnan(even.factor):
            said.append(f"It would take costs of {even.factor:.3g} × its own.")
        return " ".join(said)
    ran = [one for one in found.by_kind if one.scenarios > one.failed]
    tried = [one for one in ran if one.kind != "luck" and not (one.kind == "same_bar" and one.best == one.worst)]
    dies = [_death(found, one) for one in tried if one.survives is False]
    lives = [LABELS[one.kind] for one in tried if one.survives]
    if dies:
        said.append(f"The edge ({base}) dies {_joined(dies)}.")
    if lives and dies:
        said.append(f"What it survives: {', '.join(lives)}.")
    elif lives:
        said.append(
            f"The edge ({base}) survives {', '.join(lives)}. That is the past, which it was made on; other data may "
            "still kill it."
        )
    said += [_luck(one) for one in ran if one.kind == "luck"]
    open_ = [one for one in found.by_kind if one.failed and one.survives is None]
    if open_:
        raised = ", ".join(f"{LABELS[one.kind]} ({one.failed:,} of {one.scenarios:,} raised)" for one in open_)
        said.append(f"What could not be run leaves open: {raised}.")
    untried = [LABELS[one.kind] for one in found.by_kind if not one.scenarios]
    if untried:
        said.append(f"Not applicable: {', '.join(untried)}.")
    return " ".join(said) or "Nothing was tried."


def _death(found: Stress, one: KindSummary) -> str:
    """Return where the edge dies in the scenarios of one kind."""
    ran = one.scenarios - one.failed
    at = one.breaks_at
    if one.kind == "costs":
        return f"at {at:.3g} × its costs" if at > 0.0 else "even without costs"
    if one.kind == "delay":
        return f"at a delay of {counted(int(at))}" if at > 0.0 else "without any delay"
    if one.kind in ("missing_bars", "missing_rows"):
        return f"with {percent(at)} of the {one.kind.removeprefix('missing_')} missing"
    if one.kind == "start":
        return f"without the first {counted(int(at))}"
    if one.kind == "end":
        return f"without the last {counted(int(at))}"
    if one.kind == "jitter":
        return f"with {_name_at(found, one.kind, at)}"
    if one.kind == "same_bar":
        return f"under {one.lost} of {ran} same-bar rules"
    if one.kind == "bootstrap":
        return f"in {one.lost:,} of {ran:,} bootstrapped markets"
    raise AssertionError(one.kind)


def _luck(one: KindSummary) -> str:
    """Return how often luck alone does as well."""
    ran = one.scenarios - one.failed
    said = f"Luck alone does as well in {_as_good(one):,} of {ran:,} markets without direction (p = {one.p_value:.2g})"
    if one.survives is None:
        return f"{said}." if one.failed else f"{said}, which are too few to tell."
    return f"{said}." if one.survives else f"{said}: the edge cannot be told from luck."


def _as_good(one: KindSummary) -> int:
    """Return in how many markets without direction the metric is as high or higher."""
    return round(one.p_value * (1 + one.scenarios - one.failed)) - 1


def _name_at(found: Stress, kind: str, level: float) -> str:
    return next(
        one.scenario.name
        for one in found._of(kind)
        if one.scenario.level == level and one.metrics and not found._edge.holds(one.metrics[found.metric])
    )


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
