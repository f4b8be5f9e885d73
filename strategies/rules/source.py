"""From what a strategy is given to the signal of the bars it runs over: models speak, times and symbols are joined."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import StrategyError, did_you_mean
from backtester.indicators import realised_volatility
from backtester.signals.features.element import View
from backtester.signals.signal import Signal

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Source:
    """A signal, and what is known of the model behind it.

    Attributes
    ----------
    signal : Signal
    label : str
        The name of the function that made what the model learnt, "" where that is not known.
    horizon : int
        Bars that the label spans; 1 where that is not known.
    about : dict
        For the manifest of a run: plain values.
    history : Bars
        Those of the run, or more: they may begin earlier.
    """

    signal: Signal
    label: str
    horizon: int
    about: dict[str, Any]
    history: Bars

    def volatility(self, bars: Bars, window: int, bars_per_year: float | None = None) -> Floats:
        """Return the volatility at the bars of a run: float64, [n_bars, n_assets].

        It is the standard deviation (n − 1) of the last `window` log returns of the asset's own bars up to now, prices
        adjusted for splits and dividends, times √bars_per_year; NaN where it is not known, or 0.
        """
        found = realised_volatility(View(self.history).prices.close, window, bars_per_year)
        if self.history is not bars:
            rows = np.searchsorted(self.history.timestamps, bars.timestamps)
            columns = np.array([self.history.symbols.index(symbol) for symbol in bars.symbols])
            found = found[np.ix_(rows, columns)]
        return np.where(found > 0.0, found, np.nan)


def signal_of(given: Any, bars: Bars, in_sample: bool) -> Source:
    """Return the signal that a strategy was given, or what the given model says of the bars.

    Parameters
    ----------
    given : Signal, FittedModel or path
        A path is the directory of a bundle.
    bars : Bars
    in_sample : bool
        Whether a model speaks of the bars it was fitted on, too.

    Raises
    ------
    StrategyError
        If it is none of these.
    ModelError, FeatureError
        If the bundle cannot be loaded, or its features cannot be computed from these bars.
    """
    about: dict[str, Any] = {}
    if isinstance(given, str | PathLike):
        from backtester.signals import load_model

        given = load_model(given)
    if isinstance(given, Signal):
        signal, spec = given, None if given.label is None else given.label.spec
    elif callable(getattr(given, "predict", None)) and hasattr(given, "recipe"):
        signal, spec = given.predict(bars, in_sample=in_sample), given.recipe.label_spec
        about["model"] = given.about()
    else:
        raise StrategyError(
            f"ModelStrategy: signal is {given!r} ({type(given).__name__}); it is a Signal, a fitted model or the "
            "directory of its bundle. Of numbers of your own make one: Signal.of(values, bars)"
        )
    spec = spec or {}
    horizon = spec.get("settings", {}).get("horizon", 1)
    about["signal"] = signal.about()
    return Source(signal, str(spec.get("label", "")), horizon if isinstance(horizon, int) else 1, about, bars)


def aligned(signal: Signal, bars: Bars, allow_future: bool) -> tuple[Floats, str]:
    """Return the signal at the bars of a run, and a warning where it knows the future.

    Parameters
    ----------
    signal : Signal
        Of all symbols of the bars, others are left out; and of all bars between its first and its last.
    bars : Bars
    allow_future : bool
        Let a signal pass that was not known in time.

    Returns
    -------
    values : ndarray of float64, [n_bars, n_assets]
        NaN where there is none, such as before and after the signal.
    warning : str
        A sentence, or "".

    Raises
    ------
    StrategyError
        If symbols or times do not fit, there is no value in these bars, or one comes from a model that was fitted on
        its own bar or later ones.
    """
    columns = _columns(signal, bars)
    rows, found = _rows(signal, bars)
    values = np.full((bars.n_bars, bars.n_assets), np.nan)
    values[found] = signal.values[np.ix_(rows[found], columns)]
    if not np.isfinite(values).any():
        raise StrategyError(_empty(signal, bars))
    warning = _late(signal, bars, rows, found & np.isfinite(values).any(axis=1))
    if warning and not allow_future:
        raise StrategyError(
            f"ModelStrategy: {warning} Nobody could have traded it; use WalkForward, or allow_future=True to look at "
            "it all the same"
        )
    return values, warning


def check_history(history: Any, bars: Bars) -> None:
    """Check that bars hold those of a run.

    Raises
    ------
    StrategyError
        If they are no bars, or a symbol or a time of the run is not among theirs.
    """
    if not hasattr(history, "timestamps"):
        raise StrategyError(f"ModelStrategy: history is {history!r} ({type(history).__name__}); it is Bars")
    strange = [symbol for symbol in bars.symbols if symbol not in history.symbols]
    if strange:
        raise StrategyError(f"ModelStrategy: history has no {strange[0]}, which the bars of the run have")
    there = np.isin(bars.timestamps, history.timestamps)
    if not there.all():
        t = int(np.argmin(there))
        raise StrategyError(
            f"ModelStrategy: history has no bar {time_text(int(bars.timestamps[t]))}, which the run has; it holds all "
            "bars of the run, and those before them"
        )


def _columns(signal: Signal, bars: Bars) -> npt.NDArray[np.int64]:
    """Return the column of each symbol of the bars."""
    places = {symbol: k for k, symbol in enumerate(signal.symbols)}
    missing = [symbol for symbol in bars.symbols if symbol not in places]
    if missing:
        few = ", ".join(signal.symbols[:5]) + (", …" if signal.n_assets > 5 else "")
        raise StrategyError(
            f"ModelStrategy: {signal.name!r} has no signal for {missing[0]}{did_you_mean(missing[0], places)} (it has "
            f"{few}); {len(missing)} of {bars.n_assets} symbols are missing"
        )
    return np.array([places[symbol] for symbol in bars.symbols], np.int64)


def _rows(signal: Signal, bars: Bars) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the row of the signal for each bar, and where there is one."""
    clock = signal.timestamps
    at = np.searchsorted(clock, bars.timestamps)
    inside = at < len(clock)
    rows = np.minimum(at, len(clock) - 1)
    found = inside & (clock[rows] == bars.timestamps)
    odd = (bars.timestamps >= clock[0]) & inside & ~found
    if odd.any():
        t = int(np.argmax(odd))
        raise StrategyError(
            f"ModelStrategy: {signal.name!r} does not know the bar {time_text(int(bars.timestamps[t]))}, and "
            f"{int(odd.sum()) - 1:,} more between its first and its last; it was made from other bars. Predict for the "
            "bars that are traded"
        )
    return rows, found


def _empty(signal: Signal, bars: Bars) -> str:
    tested = np.flatnonzero(signal.tested)
    first, last = (time_text(int(bars.timestamps[t])) for t in (0, -1))
    if tested.size:
        begin, end = (time_text(int(signal.timestamps[t])) for t in (tested[0], tested[-1]))
        has = f"its values are from {begin} to {end}"
    elif signal.trained_until.size:
        has = f"its model was fitted on bars up to {time_text(int(signal.trained_until.max()))}"
    else:
        has = "it is NaN everywhere"
    return f"ModelStrategy: {signal.name!r} has no value in the bars from {first} to {last}; {has}"


def _late(signal: Signal, bars: Bars, rows: npt.NDArray[np.int64], spoken: npt.NDArray[np.bool_]) -> str:
    """Return a sentence on the first bar whose value comes from a model that was fitted on it or later ones."""
    fold = signal.fold[rows]
    judged = np.flatnonzero(spoken & (fold >= 0))
    until = signal.trained_until[fold[judged]]
    late = until >= bars.timestamps[judged]
    if not late.any():
        return ""
    first = int(np.argmax(late))
    return (
        f"the signal {signal.name!r} knows the future: its value at {time_text(int(bars.timestamps[judged[first]]))} "
        f"comes from a model that was fitted on data up to {time_text(int(until[first]))}, and {int(late.sum()):,} of "
        f"{len(judged):,} bars are so."
    )
