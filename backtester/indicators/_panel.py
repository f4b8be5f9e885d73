"""From the core of an indicator, which knows no gaps, to a panel of assets with gaps.

A core is a jitted function `core(x, …, settings…, out, …)` of C-contiguous [n_bars, n_assets] arrays. It treats each
asset by itself, is causal, and writes every element of its outputs, the warm-up as NaN; inner loops run over assets,
as memory does. `each_asset` checks the arrays, moves each asset's own bars together at the top, so that the core never
sees a gap before a bar, and puts the results back with NaN in the gaps. A value is therefore a function of the asset's
own bars up to now and of nothing else, to the last bit.

The core of an indicator that compares assets is run by `each_bar`: it sees the gaps, and every row by itself.

What both compute goes through the memory of indicators (see `memory`) by its core, settings and arrays. So a core reads
nothing else, and whatever an indicator does after its core is done again at every call: better leave nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import DataError
from backtester.indicators._arrays import read_arrays, read_only
from backtester.indicators.memory import recall
from backtester.kernel.jit import kernel_jit
from backtester.kernel.pool import empty


def each_asset(
    indicator: str,
    core: Callable[..., Any],
    arrays: Mapping[str, ArrayLike],
    *settings: float,
    outputs: int = 1,
    finds_gaps: bool = False,
) -> tuple[NDArray[np.float64], ...]:
    """Run a core over each asset's own bars.

    Parameters
    ----------
    indicator : str
        Its name, for the messages.
    core : jitted function
        See the module.
    arrays : mapping of str to array_like
        Argument name to array, [n_bars, n_assets] or [n_bars]. A bar is missing where any of them is NaN.
    *settings : int or float
        What the core takes between inputs and outputs.
    outputs : int
        How many arrays the core writes.
    finds_gaps : bool
        The core returns False if it met a NaN, so that clean data need not be searched for one beforehand.

    Returns
    -------
    tuple of ndarray
        `outputs` new float64 arrays of the shape of the inputs; remembered ones are read-only.

    Raises
    ------
    DataError
        See `read_arrays`.
    """

    def compute() -> tuple[NDArray[np.float64], ...]:
        shape, panels = read_arrays(indicator, arrays)
        results = [empty(panels[0].shape, np.float64) for _ in range(outputs)]
        if results[0].size:
            with np.errstate(all="ignore"):  # as compiled code does, for cores that run uncompiled (NUMBA_DISABLE_JIT)
                if not (finds_gaps and core(*panels, *settings, *results)):
                    _run(core, panels, settings, results, finds_gaps)
        return tuple(result.reshape(shape) for result in results)

    return recall(core, settings, arrays.values(), compute)


def each_bar(indicator: str, core: Callable[..., Any], x: ArrayLike, *settings: float) -> NDArray[np.float64]:
    """Run a core over a panel in which assets are compared with each other, gaps included.

    Parameters
    ----------
    indicator : str
        Its name, for the messages.
    core : jitted function
        `core(x, settings…, out)`: row t of `out` is a function of row t of `x`, and NaN where that is.
    x : array_like, [n_bars, n_assets]
    *settings : int or float
        What the core takes between input and output.

    Returns
    -------
    ndarray
        A new float64 array of the shape of `x`; a remembered one is read-only.

    Raises
    ------
    DataError
        See `read_arrays`; or `x` has no asset axis.
    """

    def compute() -> tuple[NDArray[np.float64], ...]:
        shape, panels = read_arrays(indicator, {"x": x})
        if len(shape) == 1:
            raise DataError(
                f"{indicator}: x has 1 dimension (shape {shape}); it compares the assets of a bar with each other, so "
                "it takes [n_bars, n_assets]"
            )
        result = empty(shape, np.float64)
        if result.size:
            with np.errstate(all="ignore"):
                core(*panels, *settings, result)
        return (result,)

    return recall(core, settings, [x], compute)[0]


def _run(
    core: Callable[..., Any],
    panels: list[NDArray[np.float64]],
    settings: tuple[float, ...],
    results: list[NDArray[np.float64]],
    done_if_clean: bool,
) -> None:
    """Look for gaps and fill `results`; where there are none, `done_if_clean` says that they are filled already."""
    gap = np.isnan(panels[0])
    for panel in panels[1:]:
        gap |= np.isnan(panel)
    if gap.any():
        packed = [np.full(gap.shape, np.nan) for _ in panels]
        for panel, own in zip(panels, packed, strict=True):
            _pack(panel, gap, own)
        core(*map(read_only, packed), *settings, *results)
        for result in results:
            _unpack(result, gap)
    elif not done_if_clean:
        core(*panels, *settings, *results)


@kernel_jit()
def _pack(x, gap, own):
    """Write the bars of each asset that are not missing to the top of `own`, in their order."""
    count = np.zeros(x.shape[1], np.int64)
    for t in range(x.shape[0]):
        for a in range(x.shape[1]):
            own[count[a], a] = x[t, a]
            count[a] += not gap[t, a]


@kernel_jit()
def _unpack(values, gap):
    """Move the values of own bars, at the top of `values`, to where the bars are, in place; NaN in the gaps."""
    position = np.zeros(gap.shape[1], np.int64)
    for t in range(gap.shape[0]):
        for a in range(gap.shape[1]):
            position[a] += not gap[t, a]
    for t in range(gap.shape[0] - 1, -1, -1):
        for a in range(gap.shape[1]):
            position[a] -= not gap[t, a]
            values[t, a] = np.nan if gap[t, a] else values[position[a], a]
