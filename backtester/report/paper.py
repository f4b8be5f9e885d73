"""A result as a figure for a paper: Matplotlib, in the width of a column, with fonts that stay text.

Nothing global is touched: no `pyplot`, no `rcParams`, no window. `save` writes PDF and EPS with TrueType fonts (type
42, which journals ask for), SVG with text as text, and PGF for LaTeX.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ResultError, SettingsError, did_you_mean
from backtester.figure_style import BLUE, GREY, RED
from backtester.report.charts import drawdown, equity_label
from backtester.report.sampling import m4
from backtester.summary_text import comparison_of, is_daily

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from backtester.result import Result

WIDTHS = {"single": 3.4, "double": 7.0}  # inches, of one column of a page and of two
FORMATS = (".pdf", ".svg", ".eps", ".pgf", ".png")
POINTS = 4_000  # of a line
_PALE = "#f5d7c2"  # RED on white at a quarter; EPS has no transparency
_DAY_NS = 86_400 * 10**9
_FONTS = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "backtester"}
_STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 0.9,
    "grid.linewidth": 0.4,
    "grid.color": "#d9d9d9",
    **_FONTS,
}


def figure(result: Result, width: str | float = "single") -> Figure:
    """Return equity against its comparison, and the drawdown below, as a Matplotlib figure.

    Parameters
    ----------
    result : Result
    width : {"single", "double"} or float
        Of one column (3.4 inches) or two (7 inches) of a page, or inches.

    Returns
    -------
    matplotlib.figure.Figure
        Of no window; `save` writes it.

    Raises
    ------
    SettingsError
        If the width is none of these, or Matplotlib is not installed.
    """
    inches = _inches(width)
    rc_context, figure_class = _matplotlib()
    with rc_context(_STYLE):
        picture = figure_class(figsize=(inches, 0.72 * inches if inches < 5 else 0.5 * inches), layout="constrained")
        above, below = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        times = _times(result)
        lines = [("strategy", result.wealth, BLUE, 2)]
        compared = comparison_of(result)
        if compared is not None:
            lines.insert(0, (compared[0], compared[1], GREY, 1))
        for name, values, colour, order in lines:
            at = m4(values, POINTS)
            above.plot(times[at], values[at], color=colour, label=_plain(name), zorder=order)
        at = m4(drawdown(result.wealth), POINTS)
        lost = drawdown(result.wealth)[at]
        below.fill_between(times[at], lost, 0.0, color=_PALE, linewidth=0)
        below.plot(times[at], lost, color=RED)
        _label(above, below, equity_label(result).lower())
        for _ in range(2):  # the layout settles, and stays: every file of the figure is the same then
            picture.draw_without_rendering()
        picture.set_layout_engine("none")
    return picture


def save(picture: Figure, path: str | PathLike[str]) -> None:
    """Write a figure to a file, in full or not at all, by its suffix: .pdf, .svg, .eps, .pgf or .png (600 dpi).

    The same figure makes the same bytes: no file says when it was written.

    Parameters
    ----------
    picture : matplotlib.figure.Figure
    path : path
        Replaced if it exists.

    Raises
    ------
    SettingsError
        If the suffix is another.
    ResultError
        If the file cannot be written; for PGF, if there is no LaTeX.
    """
    file = Path(path)
    kind = file.suffix.lower()
    if kind not in FORMATS:
        raise SettingsError(
            f"{file}: cannot tell what to write{did_you_mean(kind, FORMATS)}; one of {', '.join(FORMATS)}"
        )
    rc_context, _ = _matplotlib()
    facts = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {"Software": None}}.get(kind)
    part = file.with_name(f".{file.name}.part")
    try:
        with rc_context(_FONTS):
            picture.savefig(part, format=kind[1:], dpi=600, metadata=facts)
        part.replace(file)
    except OSError as error:
        raise ResultError(f"{file}: the figure cannot be written: {error.strerror or error}") from None
    except RuntimeError as error:
        raise ResultError(f"{file}: the figure cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def _inches(width: str | float) -> float:
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    if isinstance(width, int | float) and not isinstance(width, bool) and 1.0 <= width <= 40.0:
        return float(width)
    near = did_you_mean(width, WIDTHS) if isinstance(width, str) else ""
    raise SettingsError(f"plot: width is {width!r}{near}; it is 'single', 'double', or 1 to 40 inches")


def _matplotlib() -> tuple[Any, Any]:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"a figure for a paper needs {error.name}, which is not installed; pip install 'backtester[paper]'"
        ) from None
    return rc_context, Figure


def _times(result: Result) -> np.ndarray:
    bars = result.bars
    return (bars.sessions * _DAY_NS if is_daily(bars) else bars.timestamps).view("M8[ns]")


def _plain(text: str) -> str:
    """Return text in which Matplotlib finds no formula."""
    return text.replace("$", r"\$")


def _label(above: Any, below: Any, equity: str) -> None:
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    above.set_ylabel(_plain(equity))
    above.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}")
    )
    above.legend(frameon=False, loc="upper left")
    below.set_ylabel("drawdown")
    below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    below.invert_yaxis()
    for axes in (above, below):
        axes.grid(True)
        axes.set_axisbelow(True)
