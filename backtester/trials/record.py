"""Writing to the ledger: a run, the trials of a sweep, and whatever else was tried; a failure never costs a result."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.errors import ResultError
from backtester.trials.identity import TrialNumbers, code_of, symbols_of, told, trial_number
from backtester.trials.ledger import Batch, Ledger, Trial
from backtester.trials.mark import door as door_now
from backtester.trials.mark import mark
from backtester.trials.sketch import Sketcher
from backtester.trials.where import ledger_path

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result
    from backtester.strategy import Strategy

_LOCK = threading.Lock()
_OPEN: dict[Path, Ledger] = {}
_TOLD: set[Path] = set()  # files that a warning was given about


def current_ledger() -> Ledger | None:
    """Return the ledger of this project; None where it is off.

    Raises
    ------
    ResultError
        It cannot be used.
    """
    path = ledger_path()
    if path is None:
        return None
    with _LOCK:
        found = _OPEN.get(path)
        if found is None or not found.is_usable:
            found = _OPEN[path] = Ledger(path)
        return found


def write(batch: Batch, trials: Iterable[Trial]) -> None:
    """Add trials to the ledger of this project, if it has one; what goes wrong is a warning, once per file."""
    try:
        ledger = current_ledger()
        if ledger is not None:
            ledger.add(batch, trials)
    except ResultError as error:
        path = ledger_path()
        if path is not None and path not in _TOLD:
            _TOLD.add(path)
            warnings.warn(f"{error}. What runs now is not counted", stacklevel=2)


class _Spared:
    """Makes a warning of any error inside, so that it does not cost the result that was to be counted."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, Exception) or isinstance(error, Warning):  # a warning that the user made an error
            return False
        warnings.warn(f"the trial ledger could not count this: {type(error).__name__}: {error}", stacklevel=3)
        return True


def batch_of(bars: Bars, kind: type, code: str, door: str) -> Batch:
    """Return what trials of a strategy on these bars have in common, with the mark of this moment."""
    name = kind.__qualname__.rpartition("<locals>.")[2]
    first, last = int(bars.timestamps[0]), int(bars.timestamps[-1])
    return Batch(door_now() or door, mark(), name, code, symbols_of(bars), first, last, bars.n_bars)


def record_run(strategy: Strategy, result: Result) -> None:
    """Count one run of a strategy, and what came out of it."""
    with _Spared():
        if ledger_path() is not None:
            kind = type(strategy)
            before = result._origin.strategy if result._origin is not None else None
            words = trial_words(vars(before) if before is not None else strategy.parameters)
            _record(kind, code_of(kind), words, result, "run")


def trial_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a strategy from others of its class: parameters, and what else it held before `prepare`."""
    return {name: told(value) for name, value in values.items()}


def record_walk(kind: type[Any], words: Mapping[str, Any], result: Result) -> None:
    """Count one walk forward: `kind` is the class of what walked, `words` tell it from others, plain values."""
    with _Spared():
        if ledger_path() is not None:
            code = code_of(kind) if hasattr(kind, "parameter_types") else f"{kind.__module__}.{kind.__qualname__}"
            _record(kind, code, words, result, "walk-forward")


def _record(kind: type[Any], code: str, words: Mapping[str, Any], result: Result, door: str) -> None:
    bars = result.bars
    number = trial_number(code, words)
    sharpe = result.sharpe_estimate.sharpe * math.sqrt(result.periods_per_year)
    trial = Trial(number, sharpe, Sketcher(bars.timestamps).sketch(result.wealth))
    write(batch_of(bars, kind, code, door), [trial])


def record_reruns(kind: type[Any], words: Mapping[str, Any], bars: Bars, door: str, runs: int) -> None:
    """Write down that a trial ran again, `runs` times, under the mark of this moment; `words` as in `record_walk`."""
    with _Spared():
        if ledger_path() is not None:
            code = code_of(kind) if hasattr(kind, "parameter_types") else f"{kind.__module__}.{kind.__qualname__}"
            write(batch_of(bars, kind, code, door), [Trial(trial_number(code, words), math.nan, runs=runs)])


def record_other(bars: Bars, kind: type, words: Mapping[str, Any], door: str, *, behind: int = 1) -> None:
    """Count something that is no run of a strategy: a model that was fitted, an agent that was trained.

    Parameters
    ----------
    bars : Bars
        What it has seen.
    kind : type
        The class of the model or agent; its name is shown.
    words : mapping
        What tells it from others, plain values.
    door : str
        See `Batch`.
    behind : int
        How many settings were tried to get it.
    """
    with _Spared():
        if ledger_path() is not None:
            code = f"{kind.__module__}.{kind.__qualname__}"
            write(batch_of(bars, kind, code, door), [Trial(trial_number(code, words), math.nan, behind=behind)])


class SweepRecorder:
    """Counts the trials of a sweep, batch by batch.

    Parameters
    ----------
    kind : type
        The strategy.
    bars : Bars
    fixed : mapping
        Parameters that all trials have.
    names : sequence of str
        Those that vary.
    """

    def __init__(self, kind: type[Strategy], bars: Bars, fixed: Mapping[str, Any], names: Sequence[str]):
        self.is_on = False
        with _Spared():
            if ledger_path() is not None:
                code = code_of(kind)
                self._batch = batch_of(bars, kind, code, "sweep")
                self._numbers = TrialNumbers(code, trial_words(fixed), names)
                self.is_on = True

    def add(self, trials: Iterable[tuple[Sequence[Any], float, bytes]]) -> None:
        """Count trials: the values that vary, in the order of their names, Sharpe per year, sketch."""
        with _Spared():
            if self.is_on:
                number = self._numbers.of
                write(self._batch, [Trial(number(values), sharpe, sketch) for values, sharpe, sketch in trials])
