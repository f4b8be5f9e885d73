"""What a strategy computed in `prepare`, drawn over the bars: prices on the prices, all else below."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import StrategyError
from backtester.figure_style import COLOURS, CYCLE, dressed, label
from backtester.report.sampling import m4
from backtester.summary_text import is_daily

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from backtester.bars import Bars
    from backtester.strategy import Strategy

Floats = npt.NDArray[np.float64]

POINTS = 8_000  # of a line
PANELS = 4  # below the prices
_DAY_NS = 86_400 * 10**9


def plot(strategy: Strategy, bars: Bars, symbol: str | None = None) -> go.Figure:
    """Return a Plotly figure of one asset: its close, and every series that `prepare` stores, one row a bar.

    Parameters
    ----------
    strategy : Strategy
        Left as it is: a copy is prepared.
    bars : Bars
    symbol : str, optional
        By default the first.

    Raises
    ------
    StrategyError
        If `symbol` is none of the bars'.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if symbol is not None and symbol not in bars.symbols:
        raise StrategyError(f"plot: the bars have no symbol {symbol!r}; they have {', '.join(bars.symbols[:20])}")
    a = 0 if symbol is None else bars.symbols.index(symbol)
    prepared = copy.copy(strategy)
    prepared.prepare(bars)
    series = series_of(prepared, bars, a)
    close = bars.close[:, a]
    over = {name: values for name, values in series.items() if is_like_a_price(values, close)}
    below = {name: values for name, values in series.items() if name not in over}
    shown = list(below)[:PANELS]
    heights = [1.0] if not shown else [0.6, *([0.4 / len(shown)] * len(shown))]
    picture = make_subplots(rows=1 + len(shown), cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=heights)
    times = (bars.sessions * _DAY_NS if is_daily(bars) else bars.timestamps).view("M8[ns]")

    def line(name: str, values: Floats, colour: str, row: int) -> None:
        at = m4(values, POINTS)
        style = {"color": colour, "width": 1.3}
        trace = go.Scatter(x=times[at], y=values[at], name=label(name), mode="lines", line=style)
        picture.add_trace(trace, row=row, col=1)

    line(bars.symbols[a], close, COLOURS["muted"], 1)
    colours = {name: CYCLE[n % len(CYCLE)] for n, name in enumerate(series)}
    for name, values in over.items():
        line(name, values, colours[name], 1)
    for n, name in enumerate(shown):
        line(name, below[name], colours[name], n + 2)
        picture.update_yaxes(title_text=label(name), row=n + 2, col=1)
    picture.update_yaxes(title_text="price", row=1, col=1)
    left_out = f" ({len(below) - PANELS} more series are not drawn)" if len(below) > PANELS else ""
    height = 420 + 130 * len(shown)
    return dressed(picture, f"{strategy!r} on {bars.symbols[a]}{left_out}", height=height, hovermode="x unified")


def series_of(prepared: Any, bars: Bars, a: int) -> dict[str, Floats]:
    """Return the arrays of a prepared strategy that have one row a bar, of one asset, by name."""
    found = {}
    for name, value in vars(prepared).items():
        if not isinstance(value, np.ndarray) or value.shape[:1] != (bars.n_bars,) or value.dtype.kind not in "fiub":
            continue
        if value.ndim == 1 or value.shape[1:] == (1,):
            found[name] = value.reshape(bars.n_bars).astype(np.float64)
        elif value.shape == (bars.n_bars, bars.n_assets):
            found[name] = value[:, a].astype(np.float64)
    return found


def is_like_a_price(values: Floats, close: Floats) -> bool:
    """Return whether a series lies where the prices do, so that one axis suits both."""
    both = np.isfinite(values) & np.isfinite(close) & (close != 0.0)
    if not both.any():
        return False
    ratio = np.median(values[both] / close[both])
    return bool(0.5 <= ratio <= 2.0)
