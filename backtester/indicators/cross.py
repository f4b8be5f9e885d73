"""Crossings, asked bar by bar from `on_bar`: jitted functions that compiled and interpreted strategies call alike."""

from __future__ import annotations

from backtester.kernel.jit import inner_jit, kernel_jit

_ENOUGH = 2  # bars a crossing needs: now and the one before


@inner_jit(boundscheck=True)
def _n_bars(x):
    """Return the number of bars of an array; a level has them all."""
    if isinstance(x, (int, float)):
        return _ENOUGH
    return x.shape[0]


@inner_jit(boundscheck=True)
def _value(x, ago, a):
    """Return the value `ago` bars before now of an array [k, n_assets], an array [k], or a level."""
    if isinstance(x, (int, float)):
        return x
    elif x.ndim == 1:
        return x[x.shape[0] - 1 - ago]
    else:
        return x[x.shape[0] - 1 - ago, a]


@kernel_jit(boundscheck=True)
def crossed_above(x, y, a):
    """Tell whether `x` has just gone from at or below `y` to above it.

    True if x[-1, a] > y[-1, a] and x[-2, a] <= y[-2, a].

    Parameters
    ----------
    x, y : ndarray of float [k, n_assets] that ends now, ndarray [k], or a number
        What `prepare` stored, as `on_bar` sees it. A number is a level that does not move; an array [k] is one series
        for every asset.
    a : int
        The asset; without effect on an [k] array or a number.

    Returns
    -------
    bool
        Known at the close of the current bar. False where one of the values is NaN (a bar that is missing now or was
        missing one bar ago never crosses), and where there are fewer than two bars.

    Raises
    ------
    IndexError
        There is no asset `a`.
    """
    if _n_bars(x) < _ENOUGH or _n_bars(y) < _ENOUGH:
        return False
    return bool(_value(x, 0, a) > _value(y, 0, a) and _value(x, 1, a) <= _value(y, 1, a))


@kernel_jit(boundscheck=True)
def crossed_below(x, y, a):
    """Tell whether `x` has just gone from at or above `y` to below it.

    True if x[-1, a] < y[-1, a] and x[-2, a] >= y[-2, a].

    Parameters
    ----------
    x, y : ndarray of float [k, n_assets] that ends now, ndarray [k], or a number
        What `prepare` stored, as `on_bar` sees it. A number is a level that does not move; an array [k] is one series
        for every asset.
    a : int
        The asset; without effect on an [k] array or a number.

    Returns
    -------
    bool
        Known at the close of the current bar. False where one of the values is NaN (a bar that is missing now or was
        missing one bar ago never crosses), and where there are fewer than two bars.

    Raises
    ------
    IndexError
        There is no asset `a`.
    """
    if _n_bars(x) < _ENOUGH or _n_bars(y) < _ENOUGH:
        return False
    return bool(_value(x, 0, a) < _value(y, 0, a) and _value(x, 1, a) >= _value(y, 1, a))
