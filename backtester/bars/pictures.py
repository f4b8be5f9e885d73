"""Bars to look at: a card for a notebook, and candles as a Plotly figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.bars.check import near, time_text
from backtester.errors import DataError
from backtester.figure_style import COLOURS, dressed, label
from backtester.html_text import Table, card, sparkline

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from backtester.bars.panel import Bars

CANDLES = 1_500  # that are drawn of one asset at most
MAX_MENU = 60  # assets to choose from
_ROWS = 8  # of the table of assets
_DAILY = 20 * 3600 * 10**9  # ns; bars at least this far apart are named by their session
_DAY = 86_400 * 10**9


def html_of(bars: Bars) -> str:
    """Return bars as a card: how many, of what, from when to when, with the closes of each asset."""
    facts: list[tuple[str, object]] = [
        ("bars", f"{bars.n_bars:,}"),
        ("assets", f"{bars.n_assets:,}"),
        ("closes, UTC", f"{time_text(int(bars.timestamps[0]))} to {time_text(int(bars.timestamps[-1]))}"),
    ]
    if bars.extras:
        facts.append(("extras", ", ".join(bars.extras)))
    rows = [_row(bars, a) for a in range(min(bars.n_assets, _ROWS))]
    table = Table(("symbol", "bars", "missing", "first close", "last close", "lowest", "highest"), rows, _NUMBERS)
    more = [f"and {bars.n_assets - _ROWS:,} more assets"] if bars.n_assets > _ROWS else []
    picture = sparkline(bars.close[:, 0], f"close of {bars.symbols[0]}")
    return card(f"Bars {bars.name}".strip(), facts, picture=picture, table=table, notes=more)


_NUMBERS = ("bars", "missing", "first close", "last close", "lowest", "highest")


def _row(bars: Bars, a: int) -> tuple[str, ...]:
    close = bars.close[:, a]
    there = np.flatnonzero(np.isfinite(close))
    if not there.size:
        return (bars.symbols[a], "0", f"{bars.n_bars:,}", "-", "-", "-", "-")
    numbers = (close[there[0]], close[there[-1]], np.nanmin(bars.low[:, a]), np.nanmax(bars.high[:, a]))
    shown = (f"{number:,.6g}" for number in numbers)
    return (bars.symbols[a], f"{there.size:,}", f"{bars.n_bars - there.size:,}", *shown)


def plot(bars: Bars, symbol: str | None = None) -> go.Figure:
    """Return candles with the volume below, as a Plotly figure.

    Parameters
    ----------
    bars : Bars
    symbol : str, optional
        The asset; without it a menu chooses among the first 60.

    Raises
    ------
    DataError
        If there is no such asset.
    """
    from plotly.subplots import make_subplots

    if symbol is not None and symbol not in bars.symbols:
        raise DataError(
            f"plot: no symbol {symbol!r}{near(symbol, bars.symbols)} Symbols: {', '.join(bars.symbols[:20])}"
        )
    assets = list(range(min(bars.n_assets, MAX_MENU))) if symbol is None else [bars.symbols.index(symbol)]
    picture = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=[0.8, 0.2])
    width = -(-bars.n_bars // CANDLES)
    for place, a in enumerate(assets):
        candles, volume = _traces(bars, a, width, visible=place == 0)
        picture.add_trace(candles, row=1, col=1)
        picture.add_trace(volume, row=2, col=1)
    if len(assets) > 1:
        picture.update_layout(updatemenus=[_menu(bars, assets)])
    each = f", {width} bars a candle" if width > 1 else ""
    picture.update_xaxes(rangeslider_visible=False)
    picture.update_yaxes(title_text="price", row=1, col=1)
    picture.update_yaxes(title_text="volume", row=2, col=1)
    named = f"{bars.name or 'Bars'}: {', '.join(bars.symbols[:4])}{', …' if bars.n_assets > 4 else ''}"
    return dressed(picture, f"{named if symbol is None else symbol}{each}", showlegend=False, height=560)


def _traces(bars: Bars, a: int, width: int, visible: bool) -> tuple[Any, Any]:
    """Return the candles and the volume of one asset."""
    import plotly.graph_objects as go

    name = label(bars.symbols[a])
    there = np.flatnonzero(np.isfinite(bars.close[:, a]))
    if not there.size:
        return go.Candlestick(name=name, visible=visible), go.Bar(name="volume", visible=visible)
    first = there[::width]
    last = there[np.minimum(np.arange(width, len(there) + width, width), len(there)) - 1]
    times = _times(bars)[last]
    starts = np.arange(0, len(there), width)
    candles = go.Candlestick(
        x=times,
        open=bars.open[first, a],
        high=np.maximum.reduceat(bars.high[there, a], starts),
        low=np.minimum.reduceat(bars.low[there, a], starts),
        close=bars.close[last, a],
        name=name,
        visible=visible,
        increasing={"line": {"color": COLOURS["gain"], "width": 1}},
        decreasing={"line": {"color": COLOURS["loss"], "width": 1}},
    )
    volume = np.add.reduceat(np.nan_to_num(bars.volume[there, a]), starts)
    bar = {"color": COLOURS["quiet"], "line": {"width": 0}}
    return candles, go.Bar(x=times, y=volume, name="volume", visible=visible, marker=bar)


def _times(bars: Bars) -> npt.NDArray[np.datetime64]:
    """Return what to call bars on an axis: daily ones by their session, others by their close."""
    daily = bars.n_bars < 2 or float(np.median(np.diff(bars.timestamps))) >= _DAILY
    return np.asarray((bars.sessions * _DAY if daily else bars.timestamps).view("M8[ns]"))


def _menu(bars: Bars, assets: list[int]) -> dict[str, Any]:
    """Return the menu that shows the two traces of one asset."""
    buttons = []
    for k, a in enumerate(assets):
        shown = [n // 2 == k for n in range(2 * len(assets))]
        buttons.append({"label": label(bars.symbols[a]), "method": "restyle", "args": [{"visible": shown}]})
    return {"buttons": buttons, "active": 0, "x": 1.0, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
