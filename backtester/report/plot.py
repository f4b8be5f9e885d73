"""The Plotly figure of a result: the page's three charts for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.figure_style import COLOURS, dressed, label
from backtester.report.charts import drawdown, equity_label
from backtester.report.prices import charted_assets, most_traded, quoted_entries
from backtester.report.sampling import m4
from backtester.summary_text import comparison_of, is_daily

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from backtester.result import Result

POINTS = 12_000  # of a line
MAX_MENU = 60  # assets that can be chosen
_DAY_NS = 86_400 * 10**9


def figure(result: Result) -> go.Figure:
    """Return equity against its comparison, drawdown, and the trades on the price, on one axis of time.

    Parameters
    ----------
    result : Result

    Returns
    -------
    plotly.graph_objects.Figure
        Lines are down-sampled so that they look the same (`backtester.report.sampling.m4`). With several assets a menu
        chooses the one whose price is shown, of the 60 most traded.
    """
    from plotly.subplots import make_subplots

    picture = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.04,
        row_heights=[0.42, 0.16, 0.42],
    )
    times = _times(result)
    compared = comparison_of(result)
    if compared is not None:
        name = label(compared[0].capitalize())
        picture.add_trace(_line(times, compared[1], name, "quiet"), row=1, col=1)
        picture.add_trace(_line(times, drawdown(compared[1]), name, "quiet", showlegend=False), row=2, col=1)
    equity = result.wealth
    picture.add_trace(_line(times, equity, "Strategy", "accent"), row=1, col=1)
    picture.add_trace(
        _line(times, drawdown(equity), "Drawdown", "loss", fill="tozeroy", fillcolor="rgba(213,94,0,0.16)"),
        row=2,
        col=1,
    )
    before = len(picture.data)
    assets = _menu_assets(result)
    chosen = most_traded(result)
    for a in assets:
        for trace in _price_traces(result, times, a, visible=a == chosen):
            picture.add_trace(trace, row=3, col=1)
    _lay_out(picture, result)
    if len(assets) > 1:
        picture.update_layout(updatemenus=[_menu(picture, result, assets, chosen, before)])
    return picture


def _times(result: Result) -> np.ndarray:
    bars = result.bars
    return (bars.sessions * _DAY_NS if is_daily(bars) else bars.timestamps).view("M8[ns]")


def _line(times: np.ndarray, values: np.ndarray, name: str, colour: str, **more: Any) -> go.Scatter:
    import plotly.graph_objects as go

    at = m4(values, POINTS)
    line = {"color": COLOURS[colour], "width": 1.4}
    return go.Scatter(x=times[at], y=values[at], name=name, mode="lines", line=line, **more)


def _menu_assets(result: Result) -> list[int]:
    """Return the assets to choose from, in their order: all, or of many those with the most fills."""
    assets = charted_assets(result)
    if len(assets) <= MAX_MENU:
        return assets.tolist()
    count = np.bincount(result.tables.fills["asset"], minlength=result.bars.n_assets)
    return sorted(assets[np.argsort(-count[assets], kind="stable")[:MAX_MENU]].tolist())


def _price_traces(result: Result, times: np.ndarray, a: int, visible: bool) -> list[go.Scatter]:
    """Return the price of one asset, its entries and its exits: three traces, of which any may be empty."""
    import plotly.graph_objects as go

    trades = result._trade_rows[result._trade_rows["asset"] == a]
    closed = trades[trades["open"] == 0]
    symbol = label(result.bars.symbols[a])
    price = _line(times, result.bars.close[:, a], symbol, "muted", visible=visible)
    entry = go.Scatter(
        x=times[trades["entry_bar"]],
        y=quoted_entries(result, trades),
        name="Entry",
        mode="markers",
        visible=visible,
        marker={
            "symbol": np.where(trades["quantity"] > 0.0, "triangle-up", "triangle-down"),
            "color": np.where(trades["pnl"] > 0.0, COLOURS["gain"], COLOURS["loss"]),
            "size": 8,
        },
        text=[f"{quantity:+,.6g}" for quantity in trades["quantity"].tolist()],
    )
    leaving = go.Scatter(
        x=times[closed["exit_bar"]],
        y=closed["exit_price"],
        name="Exit",
        mode="markers",
        visible=visible,
        marker={
            "symbol": "circle-open",
            "color": np.where(closed["pnl"] > 0.0, COLOURS["gain"], COLOURS["loss"]),
            "size": 7,
        },
        text=[f"{pnl:+,.2f}" for pnl in closed["pnl"].tolist()],
    )
    return [price, entry, leaving]


def _menu(picture: go.Figure, result: Result, assets: list[int], chosen: int, before: int) -> dict[str, Any]:
    n = len(picture.data)
    buttons = []
    for k, a in enumerate(assets):
        shown = [i < before or (i - before) // 3 == k for i in range(n)]
        buttons.append({"label": label(result.bars.symbols[a]), "method": "restyle", "args": [{"visible": shown}]})
    return {
        "buttons": buttons,
        "active": assets.index(chosen),
        "x": 1.0,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
    }


def _lay_out(picture: go.Figure, result: Result) -> None:
    margin = {"l": 60, "r": 20, "t": 100, "b": 40}
    dressed(picture, result.manifest["strategy"], hovermode="x unified", height=820, margin=margin)
    picture.update_layout(title={"y": 0.97})
    picture.update_yaxes(title_text=equity_label(result).lower(), row=1, col=1)
    picture.update_yaxes(title_text="drawdown", tickformat=".0%", autorange="reversed", row=2, col=1)
    picture.update_yaxes(title_text="price", row=3, col=1)
