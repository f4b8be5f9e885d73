"""The HTML report of a run, and its Plotly figure.

A page is made in three steps that know nothing of each other: `data` turns a result into plain JSON values, `page` puts
them with the assets into one self-contained file, `files` writes it in full or not at all.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from backtester.result import Result

__all__ = ["figure", "write_report"]


def write_report(result: Result, path: str | PathLike[str]) -> None:
    """Write one self-contained HTML page about a result.

    The page loads nothing, runs nothing but its own script, and shows every name as text. It holds equity against the
    benchmark (or buy and hold), drawdown, the trades on the price, monthly returns, metrics, costs by kind, trades,
    orders with their reasons, and the manifest. Long series are down-sampled for the screen; numbers have eight
    significant digits. Tables show the first 5,000 rows and say how many more there are.

    Parameters
    ----------
    result : Result
    path : path
        Replaced if it exists.

    Raises
    ------
    ResultError
        If the file cannot be written; the old file is then as it was.
    """
    from backtester.report.data import page_data
    from backtester.report.files import write_whole
    from backtester.report.page import render

    data = page_data(result)
    write_whole(path, render(data, data["title"]), "report")


def figure(result: Result) -> go.Figure:
    """Return a Plotly figure: equity, drawdown, and the trades on the price; see `backtester.report.plot`."""
    from backtester.report.plot import figure as make

    return make(result)
