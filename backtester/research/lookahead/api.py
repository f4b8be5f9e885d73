"""`check_lookahead`: the one front door, for everything that must not know its future."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import SettingsError
from backtester.research.lookahead.dispatch import subject_of
from backtester.research.lookahead.environments import EnvironmentSubject, TaskSubject
from backtester.research.lookahead.models import ModelSubject
from backtester.research.lookahead.report import Finding, LookAheadReport
from backtester.research.lookahead.search import Search
from backtester.research.lookahead.startup import drifts
from backtester.research.lookahead.strategies import StrategySubject
from backtester.research.lookahead.words import (
    disguise_finding,
    drift_finding,
    failure_notes,
    leak_finding,
    paid_finding,
    random_finding,
)
from backtester.trials import LOOK_AHEAD as MARK
from backtester.trials import marked

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.search import Leak
    from backtester.research.lookahead.subject import Subject, Trace

_LEAST = 4  # bars
MANY = 48  # cuts, where nothing else is said …
_CUTS = {"environment": 16, "model": 8}  # … and where each costs an episode, or many fits


def check_lookahead(
    what: Any,
    bars: Bars | None = None,
    *,
    cuts: Any = None,
    seed: int = 0,
    startup: bool = True,
    features: Any = None,
    label: Any = None,
    scheme: Any = None,
    known: int | None = None,
    bar: Callable[[Any, dict[str, Any]], int] | None = None,
    steps: int = 500,
    **settings: Any,
) -> LookAheadReport:
    """Try whether anything depends on bars that come after it, by making it anew with another future.

    At many cuts, all bars from the cut on are replaced, once by higher and once by lower prices, and once deleted.
    What was known before the cut must be the same: to the bit where bars are replaced, to 1e-9 where they are deleted.
    What moved is named, with its first bar, its asset, and how far it looks ahead.

    Parameters
    ----------
    what : object
        - a `Strategy`, or its class: arrays that `prepare` stores, orders, records, fills and equity are compared;
        - `Features`, or a list of them: each column;
        - a `Label`: up to the `end` of each;
        - a `FittedModel`: its features and its signal;
        - a model, with `features`, `label` and `scheme` as for `predict_out_of_sample`: features, labels, what scaler
          and cleaning of each fold learnt, and the signal;
        - an environment of ours, or a function that makes one: observations, action masks, rewards and equity, with
          the same actions; of a market of ours each feature by itself; whether an action is paid for prices it has
          seen; and its scaler, where a function makes it: an environment as it is keeps the one it has;
        - a function `f(bars)` that returns one of these, a `Signal`, an array, Series or DataFrame with one row per
          bar, or a dict of those.
    bars : Bars
        The data; more is better, a few hundred bars do. None for a task that draws its own market.
    cuts : int, "all", sequence of int, or None
        How many places to cut at (48; 16 of an episode, 8 of a model), every bar, or the rows to cut before. The first
        bars at which anything is known are among them, the last bars, the middle, the borders of months and sessions,
        and random ones, one of each kind in turn, so that a few are spread over the data too. Unless rows are given,
        the data is also cut right after each bar at which a strategy decides something, up to 150 of them.
    seed : int
        0 or more. Of the cuts and of other futures; of `ctx.random()`; of episodes and actions; of models.
    startup : bool
        Try also whether values depend on where the data begins.
    features, label, scheme
        Of a model; with them `settings` are `clean`, `scaler`, `select`, `search` and `weights`.
    known : int, optional
        Of a function that returns what belongs to no bar, such as a fitted scaler: the bar at which it is known.
    bar : callable, optional
        `bar(env, info)` returns the row of `bars` that an agent has seen last; default `info["bar"]`.
    steps : int
        The most steps of an episode.
    **settings
        Of `run`, for a strategy: costs, account, execution, mode, …. `close_at_end` and `benchmark` are about results
        alone, and are left out.

    Returns
    -------
    LookAheadReport
        `report.ok`, `report.findings`, `report.raise_if_leaking()`; print it to read it.

    Raises
    ------
    SettingsError
        If it cannot be checked, or a setting is unknown or out of range, or there are fewer than 4 bars; or if it fails
        on all other bars, so that nothing was tried.
    Exception
        What it raises itself on the bars as they are.

    Notes
    -----
    Replaced bars are legal bars: a bar keeps open and close within high and low, prices above 0, missing bars missing,
    and timestamps as they are. So it is not tried whether anything knows which bars will be missing, and splits remain
    where they are in one of the two futures. Values that were made beforehand, such as an array in a parameter, cannot
    be tried; the report notes those that it knows of. Runs are marked in the trial ledger and not counted.

    Examples
    --------
    >>> from backtester import Bars, check_lookahead
    >>> from strategies import SmaCross
    >>> check_lookahead(SmaCross(), Bars.sample("sp500")[:500]).ok
    True
    """
    _check_settings(bars, seed, steps)
    with marked(MARK):
        subject = subject_of(
            what,
            bars,
            features=features,
            label=label,
            scheme=scheme,
            known=known,
            bar=bar,
            steps=steps,
            seed=seed,
            settings=settings,
        )
        if isinstance(subject, TaskSubject):
            return _task_report(subject)
        assert bars is not None
        return _checked(subject, bars, cuts, int(seed), startup)


def _check_settings(bars: Any, seed: object, steps: object) -> None:
    for name, value, least in (("seed", seed, 0), ("steps", steps, 2)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise SettingsError(f"check_lookahead: {name} is {value!r}; it must be a whole number, {least} or more")
    if bars is not None and getattr(bars, "n_bars", _LEAST) < _LEAST:
        raise SettingsError(f"check_lookahead: {bars.n_bars} bars cannot be cut; give it {_LEAST} or more")


def _checked(subject: Subject, bars: Bars, cuts: object, seed: int, startup: bool) -> LookAheadReport:
    """Search, and say what was found."""
    search = Search(subject, bars, seed)
    first = search.kept()
    default = _CUTS.get(subject.sort, MANY)
    search.run(first, default if cuts is None else cuts, _span(subject, first, bars))
    findings = [random_finding(one, bars, subject) for one in search.random]
    findings += _leak_findings(search.leaks, bars, subject, first.begins)
    if isinstance(subject, ModelSubject) and (same := subject.disguised()) is not None:
        findings.append(disguise_finding(*same, bars))
    if isinstance(subject, EnvironmentSubject) and not findings:
        paid = subject.paid_for_the_past(first, bars)
        if paid is not None:
            findings.append(paid_finding(*paid, bars))
    if startup and _can_begin_later(subject):
        moved = {one.moved.name for one in search.leaks} | {one.name for one in search.random}
        findings += [drift_finding(one, bars) for one in drifts(subject, first, bars, moved)]
    notes = list(subject.notes())
    notes += failure_notes(search.failures, len(search.cuts))
    if search.n_short > len(search.cuts) // 2:
        notes.append(f"at {search.n_short} of {len(search.cuts)} cuts too few bars were left to try what deleting does")
    findings.sort(key=lambda one: (not one.is_leak, one.bar))
    return LookAheadReport(
        subject.title,
        subject.sort,
        tuple(findings),
        tuple(dict.fromkeys(search.compared)),
        len(search.cuts),
        search.n_reruns,
        bars.n_bars,
        bars.n_assets,
        tuple(notes),
    )


def _leak_findings(leaks: list[Leak], bars: Bars, subject: Subject, begins: int) -> list[Finding]:
    """Return a finding for each track that moved by itself; what merely followed is said with the first of them.

    Where nothing was done otherwise, tracks that moved before the first bar that acts alone are told as no leak.
    """
    causes = [one for one in leaks if not one.done and not one.follows]
    followers = [one for one in leaks if one.done or one.follows]
    if not causes:
        first = min(followers, key=lambda one: one.moved.bar, default=None)
        return [] if first is None else [leak_finding(first, bars, subject, "")]
    early = [] if followers else [one for one in causes if not one.late]
    found = [leak_finding(one, bars, subject, "", begins) for one in early]
    causes = sorted((one for one in causes if one not in early), key=lambda one: one.moved.bar)
    for k, one in enumerate(causes):
        said = ""
        if k == 0 and subject.sort == "strategy":
            done = [other for other in followers if other.done]
            said = (
                f"{done[0].moved.name} moved with it, first at bar {done[0].moved.bar:,}" if done else "no order moved"
            )
        elif k == 0 and followers:
            said = f"the {followers[0].moved.name} moved with it"
        found.append(leak_finding(one, bars, subject, said))
    return found


def _span(subject: Subject, first: Trace, bars: Bars) -> range:
    """Return the cuts that can show anything: of an episode and of a model, those after the first thing they say."""
    if isinstance(subject, ModelSubject):
        return range(first.begins + 1, bars.n_bars)
    if not isinstance(subject, EnvironmentSubject):
        return range(1, bars.n_bars)
    seen = first.tracks["observation"].known
    assert seen is not None
    return range(int(seen[0]) + 1, min(int(seen[-1]) + 1, bars.n_bars))


def _can_begin_later(subject: Subject) -> bool:
    """Return whether start-up drift means anything: not for labels, episodes, and models fitted on other rows."""
    if isinstance(subject, StrategySubject):
        return not callable(subject.source)
    return subject.sort in ("features", "function") and not isinstance(subject, ModelSubject | EnvironmentSubject)


def _task_report(subject: TaskSubject) -> LookAheadReport:
    """Play a task twice."""
    from backtester.research.lookahead.report import RANDOMNESS
    from backtester.research.lookahead.tracks import moved

    first, again = (subject.trace(None, "kept", 0) for _ in range(2))
    n = subject.steps + 2
    found = [one for name in first.tracks if (one := moved(first.tracks[name], again.tracks[name], n))]
    findings = [
        Finding(
            RANDOMNESS, one.name, one.bar, f"step {one.bar}", detail="it differs when the same seed is played again"
        )
        for one in found
    ]
    return LookAheadReport(
        subject.title, subject.sort, tuple(findings), tuple(first.tracks), 0, 2, 0, 0, tuple(subject.notes())
    )
