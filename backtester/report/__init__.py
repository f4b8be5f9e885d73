"""The HTML report of a run, a sweep, a model or several of these, and the Plotly figure of a run.

A page is made in three steps that know nothing of each other: `pages` turns what is reported into plain JSON values
(`data` a result, `sections` everything else), `page` puts them with the assets into one self-contained file, `files`
writes it in full or not at all.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from backtester.report.sections import Reportable as Reportable
    from backtester.report.sections import Section as Section
    from backtester.result import Result

__all__ = ["Reportable", "Section", "figure", "write_report"]


def write_report(subject: Any, path: str | PathLike[str], *, title: str = "") -> None:
    """Write one self-contained HTML page about a result, or about several.

    The page loads nothing, runs nothing but its own script, and shows every name as text. Of a result it holds equity
    against the benchmark (or buy and hold), drawdown, rolling ratios, the candles with their trades, stops and targets,
    months and years, the distribution of returns, exposure, turnover, costs by kind, the profit of each asset, metrics,
    trades, orders with their reasons, and the manifest. Several results are set side by side on a first page. Long
    histories are written as levels of detail; other long series are down-sampled for the screen, numbers have eight
    significant digits.

    Parameters
    ----------
    subject : Result, Reportable, or a mapping or sequence of these
        A Reportable has `report_sections()`: a `Sweep`, a `Signal`, a walk-forward or a stress test. The keys of a
        mapping name its values.
    path : path
        Replaced if it exists.
    title : str
        Of the window; by default that of the first page.

    Raises
    ------
    ResultError
        If it cannot be reported, or the file cannot be written; the old file is then as it was.
    """
    from backtester.report.files import write_whole
    from backtester.report.page import render
    from backtester.report.pages import document_of

    document = document_of(subject, title)
    write_whole(path, render(document, document["title"]), "report")


def figure(result: Result) -> go.Figure:
    """Return a Plotly figure: equity, drawdown, and the trades on the price; see `backtester.report.plot`."""
    from backtester.report.plot import figure as make

    return make(result)


def __getattr__(name: str) -> Any:
    """Hand out `Section` and `Reportable` at the first look."""
    if name in ("Section", "Reportable"):
        from backtester.report import sections

        return getattr(sections, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
