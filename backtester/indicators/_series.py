"""From the core of an indicator, written for one asset, to a panel.

A core decorated with `by_series` is a jitted function `core(x, …, settings…, out, …)` of C-contiguous arrays
[n_assets, n_bars], asset by asset: a row is the series of one asset, without gaps, and the core's state is a few
scalars. It is causal within a row and writes every element of its outputs, the warm-up as NaN. One asset without gaps
is handed over as it is; otherwise a few assets at a time are copied to rows, their missing bars left out, and the
results copied back. So gaps cost next to nothing, and one asset takes no detour.

The alternative is a core [n_bars, n_assets] for `each_asset`, whose inner loops run over assets side by side: faster
for many assets where the arithmetic is short, but then a single asset needs a loop of its own. `side_by_side` adds one
for panels without gaps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.indicators._arrays import read_only
from backtester.indicators._windows import all_there
from backtester.kernel.jit import kernel_jit
from backtester.kernel.pool import empty

Arrays = tuple[NDArray[np.float64], ...]

_MOST_ASSETS = 32  # rows at a time, a few cache lines of a panel
_MOST_VALUES = 1 << 18  # of one array at a time
_BARS_AT_A_TIME = 256


def by_series(
    core: Callable[..., Any], *, finds_gaps: bool = False, side_by_side: Callable[..., Any] | None = None
) -> Callable[..., bool]:
    """Return a core of panels [n_bars, n_assets] with gaps, for `each_asset` with `finds_gaps`, from one of series.

    Parameters
    ----------
    core : jitted function
        See the module.
    finds_gaps : bool
        The core returns False if it met a NaN, so that clean data need not be searched for one beforehand.
    side_by_side : jitted function, optional
        A core of panels without gaps that does the same arithmetic, tried where there are several assets; it returns
        False if it met a NaN.

    Returns
    -------
    callable
        Takes what `core` takes, panels in place of series, and always returns True: the outputs are complete.
    """

    @functools.wraps(core)
    def panel_core(*arguments: Any) -> bool:
        is_array = [isinstance(argument, np.ndarray) for argument in arguments]
        n_inputs = is_array.index(False) if False in is_array else is_array.count(True) - 1
        n_settings = is_array.count(False)
        inputs, results = arguments[:n_inputs], arguments[n_inputs + n_settings :]
        settings = arguments[n_inputs : n_inputs + n_settings]
        one_asset = inputs[0].shape[1] == 1
        if side_by_side is not None and not one_asset and side_by_side(*arguments):
            return True
        if one_asset and finds_gaps and _as_row(core, inputs, settings, results):
            return True
        if one_asset and not finds_gaps and all(_is_whole(x) for x in inputs):
            _as_row(core, inputs, settings, results)
        else:
            _in_blocks(core, inputs, settings, results)
        return True

    return panel_core


def _as_row(core: Callable[..., Any], inputs: Arrays, settings: tuple[float, ...], results: Arrays) -> Any:
    """Run the core over one asset where it is."""
    rows = [array.reshape(1, -1) for array in (*inputs, *results)]
    return core(*rows[: len(inputs)], *settings, *rows[len(inputs) :])


def _in_blocks(core: Callable[..., Any], inputs: Arrays, settings: tuple[float, ...], results: Arrays) -> None:
    """Run the core over a few assets at a time."""
    n_bars, n_assets = inputs[0].shape
    width = min(n_assets, _MOST_ASSETS, max(1, _MOST_VALUES // n_bars))
    rows = [empty((width, n_bars), np.float64) for _ in (*inputs, *results)]
    for first in range(0, n_assets, width):
        rows = [row[: n_assets - first] for row in rows]
        own, found = rows[: len(inputs)], rows[len(inputs) :]
        for x, series in zip(inputs, own, strict=True):
            _to_rows(x, first, series)
        gap = None if all(_is_whole(series) for series in own) else _gaps(own)
        if gap is not None:
            for series in own:
                _close_up(series, gap)
        core(*map(read_only, own), *settings, *found)
        for series, out in zip(found, results, strict=True):
            if gap is not None:
                _spread(series, gap)
            _from_rows(series, first, out)


def _gaps(rows: list[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Return where a bar is missing: where any of the arrays is NaN."""
    gap = np.isnan(rows[0])
    for series in rows[1:]:
        gap |= np.isnan(series)
    return gap


@kernel_jit()
def _is_whole(x):
    return all_there(x)


@kernel_jit()
def _to_rows(x, first, series):
    """Write some assets of a panel to rows, a few bars at a time, so that what is read and written stays at hand."""
    for start in range(0, x.shape[0], _BARS_AT_A_TIME):
        panel = x[start : start + _BARS_AT_A_TIME, first : first + series.shape[0]]
        rows = series[:, start : start + _BARS_AT_A_TIME]
        for a in range(rows.shape[0]):
            for t in range(rows.shape[1]):
                rows[a, t] = panel[t, a]


@kernel_jit()
def _from_rows(series, first, out):
    """Write rows to some assets of a panel."""
    for start in range(0, out.shape[0], _BARS_AT_A_TIME):
        panel = out[start : start + _BARS_AT_A_TIME, first : first + series.shape[0]]
        rows = series[:, start : start + _BARS_AT_A_TIME]
        for t in range(rows.shape[1]):
            for a in range(rows.shape[0]):
                panel[t, a] = rows[a, t]


@kernel_jit()
def _close_up(series, gap):
    """Move the bars of each row that are not missing to its head, in their order and in place; NaN after them."""
    for a in range(series.shape[0]):
        count = 0
        for t in range(series.shape[1]):
            series[a, count] = series[a, t]
            count += not gap[a, t]
        series[a, count:] = np.nan


@kernel_jit()
def _spread(series, gap):
    """Move the values at the head of each row to where its bars are, in place; NaN in the gaps."""
    for a in range(series.shape[0]):
        count = series.shape[1]
        for t in range(series.shape[1]):
            count -= gap[a, t]
        for t in range(series.shape[1] - 1, -1, -1):
            count -= not gap[a, t]
            series[a, t] = np.nan if gap[a, t] else series[a, count]
