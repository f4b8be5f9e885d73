"""`compare`: signals side by side, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import ModelError, SettingsError, did_you_mean
from backtester.signals.scores.information import ic_over_time, ic_statistics, lags_of
from backtester.signals.scores.report import measured
from backtester.signals.scores.scored import Scored, scored

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals.labels import Label
    from backtester.signals.signal import Signal

ROWS = ("same", "common")


def compare(
    signals: Sequence[Signal], label: Label | None = None, *, rows: Literal["same", "common"] = "same"
) -> pd.DataFrame:
    """Return the metrics of signals side by side, such as those of a model and of baselines on the same folds.

    Parameters
    ----------
    signals : sequence of Signal
        Of the same bars.
    label : Label, optional
        What to score against; default what they learnt, which must then be the same.
    rows : {"same", "common"}
        Refuse signals that have values at other rows, or score all of them on those that every one has. Models with
        longer warm-ups begin later, and so do their folds.

    Returns
    -------
    DataFrame
        One column for each signal, called as its model, with " (2)" behind a name that was there before; rows: `n`,
        the measures, then `ic_mean`, `ic_t` (Newey and West), `rank_ic_mean`, `rank_ic_t` over the periods,
        `known_in_time` (1 or 0) and `trials`. NaN where a measure does not fit.

    Raises
    ------
    ModelError
        If there is no signal, they learnt other labels or were tested on other rows (which ones is said), or have none
        in common.
    SettingsError
        If `rows` is neither.
    """
    import pandas as pd

    if rows not in ROWS:
        raise SettingsError(f"compare: rows is {rows!r}{did_you_mean(str(rows), ROWS)}; it is 'same' or 'common'")
    if not signals:
        raise ModelError("compare: there is no signal to compare")
    names = _names(signals)
    found = [scored(signal, label) for signal in signals]
    for name, one in zip(names[1:], found[1:], strict=True):
        _check_label(found[0], one, names[0], name)
    masks = [one.mask for one in found]
    common = np.logical_and.reduce(masks)
    if rows == "same":
        for name, mask in zip(names[1:], masks[1:], strict=True):
            _check_rows(found[0], masks[0], mask, names[0], name)
    elif not common.any():
        raise ModelError(f"compare: {', '.join(names)} have no row in common")
    else:
        found = [scored(one.signal, one.label, common) for one in found]
    return pd.DataFrame({name: _column(one) for name, one in zip(names, found, strict=True)})


def _column(samples: Scored) -> dict[str, Any]:
    series, period = ic_over_time(samples)
    steady = ic_statistics(series, lags_of(samples, series, period))
    numbers = measured(samples)
    del numbers["coverage"]  # is one of the rows that all have
    for name in ("ic", "rank_ic"):
        numbers[f"{name}_mean"] = steady.loc[name, "mean"]
        numbers[f"{name}_t"] = steady.loc[name, "t_statistic"]
    numbers["known_in_time"] = float(samples.known_in_time)
    numbers["trials"] = samples.signal.trials
    return numbers


def _names(signals: Sequence[Signal]) -> list[str]:
    found: list[str] = []
    for signal in signals:
        name, k = signal.name, 2
        while name in found:
            name, k = f"{signal.name} ({k})", k + 1
        found.append(name)
    return found


def _check_label(first: Scored, other: Scored, first_name: str, name: str) -> None:
    if not np.array_equal(first.signal.timestamps, other.signal.timestamps):
        raise ModelError(f"compare: {first_name} and {name} are signals of other bars")
    if first.signal.symbols != other.signal.symbols:
        raise ModelError(f"compare: {first_name} and {name} are signals of other assets")
    if not np.array_equal(first.label.values, other.label.values, equal_nan=True):
        raise ModelError(
            f"compare: {first_name} learnt {first.label.name} and {name} learnt {other.label.name}; say with label= "
            "which of them to score against"
        )


def _check_rows(first: Scored, mask: Any, other: Any, first_name: str, name: str) -> None:
    apart = mask != other
    if not apart.any():
        return
    t, a = np.argwhere(apart)[0]
    has = first_name if mask[t, a] else name
    raise ModelError(
        f"compare: {first_name} and {name} were tested on other rows: {int(mask.sum()):,} and {int(other.sum()):,} "
        f"samples, {int(apart.sum()):,} of one alone, the first for {first.signal.symbols[a]} at "
        f"{time_text(int(first.signal.timestamps[t]))}, which only {has} has. Fit both on the same folds, from the "
        "same first bar, or score the rows that all have: rows='common'"
    )
