"""The search: make a thing anew in other worlds, and see what moved that should not have.

Every cut tries three worlds: later bars raised, lowered, and taken away. Where nothing that was prepared differs, what
follows from it cannot differ either, and need not run: so cuts after each decision cost little.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import BacktesterError, SettingsError
from backtester.research.lookahead.cuts import after_decisions, choose_cuts
from backtester.research.lookahead.futures import WORLDS
from backtester.research.lookahead.strategies import same_value
from backtester.research.lookahead.subject import Made
from backtester.research.lookahead.tracks import Moved, Track, moved

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.subject import Subject, Trace

_MOST_BISECTED = 8  # findings of which the reach is looked for
_ROUNDS = 4  # of halving
_PAST_WARM_UP = 12  # cuts after the first bar that acts, where nothing moved but before it


@dataclass
class Leak:
    """A track that moved with the future.

    Attributes
    ----------
    moved : Moved
        What moved first.
    cut : int
        The first row of the other future in which that was seen.
    worlds : list of str
        In which worlds it moved there.
    through : list of str
        Values without a bar that differed there.
    done : bool
        Whether it is something that was done, rather than prepared.
    follows : bool
        Whether it moves because other tracks do.
    late : bool
        Whether it was seen where the thing had already said or done something: else only rows before that moved.
    at : list of int
        All cuts at which rows of the track moved, increasing.
    reach : int or None
        The last row of which it knows, where that was looked for.
    clean : int or None
        The first bar from which no row of the track knows later ones, where there is one and it was looked for.
    """

    moved: Moved
    cut: int
    worlds: list[str]
    through: list[str]
    done: bool
    follows: bool = False
    late: bool = False
    at: list[int] = field(default_factory=list)
    reach: int | None = None
    clean: int | None = None

    def see(self, moved: Moved, cut: int, world: str, through: list[str]) -> None:
        """Note that it moved in a world; the earliest bar that moved at the first cut stays the first."""
        if world not in self.worlds:
            self.worlds.append(world)
        if cut == self.cut:
            self.through += [name for name in through if name not in self.through]
            if moved.bar < self.moved.bar:
                self.moved = moved


@dataclass
class Search:
    """One check, step by step.

    Attributes
    ----------
    leaks : list of Leak
    random : list of Moved
        What differed between two equal runs.
    compared : list of str
    n_reruns : int
    cuts : list of int
    failures : dict of str to list of int
        Errors in other worlds, with the cuts at which they came.
    n_short : int
        Cuts that left too few bars to make anything of.
    """

    subject: Subject
    bars: Bars
    seed: int
    leaks: list[Leak] = field(default_factory=list)
    random: list[Moved] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    n_reruns: int = 0
    cuts: list[int] = field(default_factory=list)
    failures: dict[str, list[int]] = field(default_factory=dict)
    n_short: int = 0

    def run(self, first: Trace, cuts: object, span: range) -> None:
        """Look for randomness, then for leaks, then for how far they reach; `first` is the thing as it is."""
        decided = self.subject.decided(first)
        n = self.bars.n_bars
        self._find_randomness(first, n)
        known = [first.begins, *(_first_known(track) for track in first.tracks.values())]
        spread = choose_cuts(cuts, self.bars, known, self.seed, span)
        later = after_decisions(decided, spread, n, self.seed) if isinstance(cuts, int | np.integer) else []
        self.cuts = sorted({*spread, *later})
        base = first if isinstance(first, Made) else self.kept()
        for cut in self.cuts:
            self._try(base, cut, always=cut not in set(later))
        if any(not leak.late for leak in self.leaks):
            self._try_past_warm_up(first.begins)
        self._check_something_was_tried()
        for leak in sorted(self.leaks, key=lambda leak: (leak.done, leak.moved.bar))[:_MOST_BISECTED]:
            leak.reach = self._reach(leak)
            leak.clean = None if leak.done else self._clean_from(leak)

    def kept(self) -> Trace:
        """Return the thing on the bars as they are."""
        self.n_reruns += 1
        return self.subject.trace(self.bars, "kept", self.bars.n_bars)

    def other(self, world: str, row: int) -> Trace | None:
        """Return the thing in another world, or None where it raised there, which is noted."""
        self.n_reruns += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.subject.trace(WORLDS[world](self.bars, row, self.seed), world, row)
        except Exception as error:
            self._note_failure(error, world, row)
            return None

    # --- randomness --------------------------------------------------------------------------------------------------

    def _find_randomness(self, first: Trace, n: int) -> None:
        again = self.kept()
        self.subject.decided(again)
        for name, track in first.tracks.items():
            self.compared.append(name)
            found = moved(track, again.tracks[name], n) if name in again.tracks else None
            if found:
                self.random.append(found)
        if not self.random:
            one, two = first.acted(n), again.acted(n)
            self.compared += list(one)
            differs = [found for name in one if (found := moved(one[name], two[name], n))]
            if differs:
                self.random.append(min(differs, key=lambda found: found.bar))
        else:
            self.compared += list(first.acted(n))

    @property
    def _unsteady(self) -> set[str]:
        return {one.name for one in self.random}

    # --- leaks -------------------------------------------------------------------------------------------------------

    def _try(self, base: Trace, cut: int, always: bool) -> None:
        """Compare all worlds that part at a cut with the bars as they are."""
        known = {"deeds" if leak.done else leak.moved.name: leak for leak in self.leaks}
        settled = {name for name, leak in known.items() if leak.worlds != ["deleted"]}
        looked_at = {name for name in settled if known[name].late}
        look_at_deeds = not self.random and "deeds" not in settled
        for world in WORLDS:
            if world == "deleted" and cut < 2:
                continue
            trace = self.other(world, cut)
            if trace is None:
                continue
            moves = _moves(base.tracks, trace.tracks, cut, world, self._unsteady)
            through = differing_names(base.loose, trace.loose)
            deeds: list[Moved] = []
            if look_at_deeds and (always or through or any(one.name not in looked_at for one in moves)):
                deeds = self._deeds(base, trace, cut, world)
            late = cut > min(base.begins, trace.begins)
            for one, done in [*((one, False) for one in moves), *((one, True) for one in deeds[:1])]:
                name = "deeds" if done else one.name
                leak = known.get(name)
                if leak is None:
                    follows = not done and base.tracks[one.name].follows
                    leak = known[name] = Leak(one, cut, [], [], done, follows)
                    self.leaks.append(leak)
                if name not in settled:
                    leak.see(one, cut, world, through)
                leak.late |= done or late
                if cut not in leak.at:
                    leak.at.append(cut)

    def _try_past_warm_up(self, begins: int) -> None:
        """Cut after the first bar that acts too: rows that moved before it may move there, where they can be read."""
        span = range(begins + 1, self.bars.n_bars)
        further = set(choose_cuts(_PAST_WARM_UP, self.bars, [], self.seed, span)) - set(self.cuts)
        if not further:
            return
        base = self.kept()  # which has not gone past these cuts
        for cut in sorted(further):
            self._try(base, cut, always=True)
        self.cuts = sorted({*self.cuts, *further})

    def _deeds(self, base: Trace, trace: Trace, cut: int, world: str) -> list[Moved]:
        """Return what was done otherwise, the first thing first."""
        after = self._acted(trace, cut, world, cut)
        if after is None:
            return []
        return sorted(_moves(base.acted(cut), after, cut, world, set()), key=lambda one: one.bar)

    def _acted(self, trace: Trace, until: int, world: str, row: int) -> Mapping[str, Track] | None:
        """Return what was done in another world before a bar, or None where it raised, which is noted."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return trace.acted(until)
        except Exception as error:
            self._note_failure(error, world, row)
            return None

    def _note_failure(self, error: Exception, world: str, cut: int) -> None:
        if world == "deleted" and isinstance(error, BacktesterError):
            self.n_short += 1  # it refuses so few bars: they are shorter than a warm-up, or before what it speaks of
            return
        text = f"{type(error).__name__}: {error}"
        where = "bars ended" if world == "deleted" else "later bars were others"
        self.failures.setdefault(f"{where}|{text}", []).append(cut)

    def _check_something_was_tried(self) -> None:
        tried = len(self.cuts) * len(WORLDS) - sum(cut < 2 for cut in self.cuts)
        failed = sum(len(cuts) for cuts in self.failures.values())
        if failed and failed + self.n_short >= tried:
            text = next(iter(self.failures)).partition("|")[2]
            raise SettingsError(
                f"check_lookahead: {self.subject.title} could be made on no other bars, so that nothing was tried: "
                f"{text}. Give it more bars; it has to work on any"
            )

    # --- how far -----------------------------------------------------------------------------------------------------

    def _reach(self, leak: Leak) -> int | None:
        """Return the last row that the moved value is seen to know of: other bars from there on still move it.

        Halving finds it where whatever moves it at a row does so at all rows before. A threshold may not: so the last
        row is tried too, and one between.
        """
        n = self.bars.n_bars
        base = self.kept()
        before = base.acted(leak.cut) if leak.done else {leak.moved.name: base.tracks[leak.moved.name]}
        low = leak.cut
        for _ in range(_ROUNDS):
            high = n
            while high - low > 1:
                middle = (low + high) // 2
                if self._moves_at(leak, before, middle):
                    low = middle
                else:
                    high = middle
            behind = (n - 1, (low + n) // 2)
            further = next((row for row in behind if low < row and self._moves_at(leak, before, row)), None)
            if further is None:
                break
            low = further
        return low

    def _clean_from(self, leak: Leak) -> int | None:
        """Return the first bar from which no row of a track knows later ones, or None where that is not so.

        It is so where a beginning of the data moved it at every cut from the first on, and none moved it after that, as
        what is fitted on the first bars does.
        """
        first, last = min(leak.at), max(leak.at)
        after = [cut for cut in self.cuts if cut > last]
        through = all(cut in leak.at for cut in self.cuts if first <= cut <= last)
        if not after or (leak.late and not (through and len(leak.at) > 1 and len(after) > 1)):
            return None
        base = self.kept()
        track = {leak.moved.name: base.tracks[leak.moved.name]}
        low, high = last, after[0]
        while high - low > 1:
            middle = (low + high) // 2
            if self._moves_before(track, leak.worlds, middle):
                low = middle
            else:
                high = middle
        return low

    def _moves_before(self, track: Mapping[str, Track], worlds: list[str], cut: int) -> bool:
        """Return whether other bars from a cut on move any row before it."""
        traces = ((world, self.other(world, cut)) for world in worlds)
        return any(trace is not None and _moves(track, trace.tracks, cut, world, set()) for world, trace in traces)

    def _moves_at(self, leak: Leak, before: Mapping[str, Track], row: int) -> bool:
        """Return whether other bars from a row on still move what was seen to move, or anything earlier."""
        for world in leak.worlds:
            trace = self.other(world, row)
            if trace is None:
                continue
            after = self._acted(trace, leak.cut, world, row) if leak.done else trace.tracks
            if after is None:
                continue
            found = _moves(before, after, leak.cut, world, set())
            if any(one.bar <= leak.moved.bar for one in found):
                return True
        return False


def _moves(before: Mapping[str, Track], after: Mapping[str, Track], n: int, world: str, skip: set[str]) -> list[Moved]:
    """Return the first row of each track that moved."""
    found = []
    for name, track in before.items():
        if name in skip:
            continue
        if name not in after:
            if world != "deleted" and len(track.until(n)):
                found.append(Moved(name, 0, track.bar_of(0), -1, "", 1.0, None))
            continue
        one = moved(track, after[name], n, track.rounding if world == "deleted" else 0.0)
        if one:
            found.append(one)
    return found


def differing_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the values without a bar that differ, or that are in one alone."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        name for name in names if name not in before or name not in after or not same_value(before[name], after[name])
    ]


def _first_known(track: Track) -> int:
    """Return the bar at which something of a track is first known: its first row that is not NaN."""
    values = track.values
    if track.known is not None:
        return int(track.known[0]) if len(track.known) else 0
    if values.dtype.kind != "f" or not len(values):
        return 0
    finite = np.isfinite(values.reshape(len(values), -1)).any(axis=1)
    return int(np.argmax(finite))
