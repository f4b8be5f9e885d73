"""From what was found to findings: sentences that say what was seen, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtester.bars.check import time_text
from backtester.research.lookahead.report import BEFORE, LOOK_AHEAD, RANDOMNESS, START_UP, Finding

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.search import Leak
    from backtester.research.lookahead.startup import Drift
    from backtester.research.lookahead.subject import Subject
    from backtester.research.lookahead.tracks import Moved

_REMEDIES = {
    "strategy": "Row t of an array on self comes from bars up to t: rolling or expanding windows, no shift(-n)",
    "deeds": "What self holds whole, or a number made of all bars, is the future too: store arrays with one row per "
    "bar, and read them at [-1]",
    "features": "Use rolling or expanding windows that end at the bar",
    "label": "Purging goes by the end; say the last bar that the value reads, or read no more than that",
    "model": "Fit on the training rows alone: features, scaler, selection and settings, too",
    "signal": "Each value may come from a model that was fitted before its bar; WalkForward(…) does that",
    "function": "Use rolling or expanding windows that end at the bar",
    "scaler": "A scaler fitted on the bars that are traded is for training alone; to evaluate, pass one of the bars "
    "before them: scaler=train_env.unwrapped.core.observer.scaler",
    "environment": "What is observed at a bar may come from bars up to it alone; scale by what is known beforehand",
}


def leak_finding(leak: Leak, bars: Bars, subject: Subject, consequence: str, begins: int | None = None) -> Finding:
    """Return the finding for a track that moved with the future.

    `begins` is the first bar of `on_bar` where nothing moved but in rows before it, so that there is no leak.
    """
    moved = leak.moved
    reach = leak.reach
    ahead = None if reach is None else max(reach - moved.bar, 0)
    end = reach is not None and reach == bars.n_bars - 1
    deleted_only = leak.worlds == ["deleted"]
    detail = f"it is {_said(moved.before, moved)}, and {_said(moved.after, moved)} {_when(leak)}"
    if moved.field:
        detail = f"{moved.field}: {detail}"
    if leak.through:
        verb = ("differs too, and belongs" if len(leak.through) == 1 else "differ too, and belong") + " to no bar"
        detail += f"; {_listed(leak.through)} {verb}"
    if deleted_only:
        detail += "; other prices change nothing: it knows when, or how many, later bars come"
    if _is_rounding(moved):
        detail += "; that is rounding, as a Fourier transform or a sum over all bars has it: a direct sum has none"
    if consequence:
        detail += f"; {consequence}"
    remedy = _REMEDIES["deeds" if leak.done else subject.sort]
    if subject.sort == "environment" and moved.name.startswith("scaler."):
        remedy = _REMEDIES["scaler"]
    if begins is not None:
        detail += f"; on_bar is first called at bar {begins:,}, and by then all that these rows know is there"
        remedy = "Fine: no decision can have read them before. No leak, so the check passes"
    elif subject.sort == "strategy" and leak.clean is not None:
        remedy += (
            f". From bar {leak.clean:,} on it sees nothing ahead; if it is fitted on the bars up to there, NaN before "
            f"bar {leak.clean:,}, or warmup = {leak.clean}, lets nothing be decided before"
        )
    return Finding(
        LOOK_AHEAD if begins is None else BEFORE,
        moved.name,
        moved.bar,
        time_text(int(bars.timestamps[moved.bar])),
        bars.symbols[moved.asset] if moved.asset >= 0 else "",
        bars_ahead=ahead,
        to_the_end=end,
        at_least=leak.done or _is_coarse(moved),
        warmup=leak.clean,
        worlds=tuple(leak.worlds),
        detail=detail,
        remedy=remedy,
    )


def random_finding(one: Moved, bars: Bars, subject: Subject) -> Finding:
    """Return the finding for what differs between two equal runs."""
    detail = f"it is {_said(one.before, one)}, and {_said(one.after, one)} when the same is run again"
    return Finding(
        RANDOMNESS,
        one.name,
        one.bar,
        time_text(int(bars.timestamps[one.bar])) if one.bar < bars.n_bars else "",
        bars.symbols[one.asset] if one.asset >= 0 else "",
        detail=detail + "; whether it looks ahead cannot be told",
        remedy=subject.remedy[:1].upper() + subject.remedy[1:],
    )


def drift_finding(drift: Drift, bars: Bars) -> Finding:
    """Return the finding for values that depend on where the data begins."""
    if drift.needed is None and drift.fades:
        detail = f"where the data begins later, values still differ after {drift.n_bars:,} bars, less and less"
        remedy = "Give it more bars, to see how long the warm-up has to be; no leak, so the check passes"
    elif drift.needed is None:
        detail = "it never forgets the first bar, as counts and sums from the start do not"
        remedy = "Fine if that is meant; else use a window. No leak, so the check passes"
    else:
        detail = (
            f"where the data begins later, values agree to 1e-9 from bar {drift.needed:,} on, and are used from bar "
            f"{drift.begins:,} on"
        )
        remedy = f"warmup = {drift.needed} waits until that is over; no leak, so the check passes"
    return Finding(
        START_UP,
        drift.name,
        drift.bar,
        time_text(int(bars.timestamps[drift.bar])),
        bars.symbols[drift.asset] if drift.asset >= 0 else "",
        warmup=drift.needed,
        fades=drift.fades,
        detail=detail,
        remedy=remedy,
    )


def disguise_finding(name: str, correlation: float, n_samples: int, bar: int, bars: Bars) -> Finding:
    """Return the finding for a feature that is the label, though no other bars change it."""
    return Finding(
        LOOK_AHEAD,
        f"feature {name}",
        bar,
        time_text(int(bars.timestamps[bar])),
        detail=f"it is the label in disguise: over {n_samples:,} samples its correlation with it is {correlation:.4f}",
        remedy="A label is never a feature; if it comes from elsewhere, look at when each value was known",
    )


def paid_finding(row: int, earned: float, bars: Bars) -> Finding:
    """Return the finding for an environment that pays for prices the agent has seen."""
    return Finding(
        LOOK_AHEAD,
        "reward",
        row,
        time_text(int(bars.timestamps[row])),
        detail=f"prices stand still after this bar, and the action taken there earns {earned:.3g} of equity all the "
        "same: it is paid for a price it had seen",
        remedy="An action at the close of bar t earns from the prices after t: fill first, then move on",
    )


def failure_notes(failures: dict[str, list[int]], n_cuts: int) -> list[str]:
    """Return a note for each kind of error in other worlds."""
    kinds: dict[str, list[str]] = {}
    for text in failures:
        kinds.setdefault(text.partition(": ")[0], []).append(text)
    found = []
    for texts in kinds.values():
        where, _, what = texts[0].partition("|")
        cuts = sorted({cut for text in texts for cut in failures[text]})
        few = ", ".join(str(cut) for cut in cuts[:3]) + (", …" if len(cuts) > 3 else "")
        found.append(f"where {where}, {len(cuts)} of {n_cuts} cuts could not be tried ({few}): {what}")
    return found


def _is_coarse(moved: Moved) -> bool:
    """Return whether a value is a class, or there or not, so that a change may be too small to show."""
    return all(value is None or value.is_integer() for value in (moved.before, moved.after))


def _is_rounding(moved: Moved) -> bool:
    """Return whether two values differ by no more than the order in which numbers are added."""
    before, after = moved.before, moved.after
    return before is not None and after is not None and before != after and abs(before - after) <= 1e-9 * abs(before)


def _when(leak: Leak) -> str:
    if leak.worlds == ["deleted"]:
        return f"when the bars end before bar {leak.cut:,}"
    return f"when bar {leak.cut:,} and those after it are others"


def _said(value: float | None, moved: Moved) -> str:
    if value is None:
        return "not there"
    if moved.name in ("orders", "fills", "flows", "changes", "records", "actions") and not moved.field:
        return "there"
    return repr(value)


def _listed(names: list[str]) -> str:
    few = ", ".join(names[:4])
    return few + (f" and {len(names) - 4} more" if len(names) > 4 else "")
