"""A result in words: what `print(result)` shows, and the facts that the HTML report says in the same words.

Everything is plain text, at most 80 columns wide. Names that users choose (symbols, parameters, strategies) may hold
anything: control characters and direction overrides are replaced, and width is counted in terminal cells.
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtester.comparison import BUY_AND_HOLD, buy_and_hold
from backtester.safe_text import clean as clean

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result
    from backtester.verdict import Verdict

WIDTH = 80  # columns
_GAP = 4  # between the two columns of metrics
_DAY = 86_400 * 10**9
_DAILY = 20 * 3600 * 10**9  # bars at least this far apart are named by their session
_UNITS = (("week", 7 * _DAY), ("day", _DAY), ("hour", 3600 * 10**9), ("minute", 60 * 10**9), ("second", 10**9))


class Metric(NamedTuple):
    """How one metric is called and written; `kind` is money, percent, number, count or bars."""

    name: str
    label: str
    kind: str
    key: bool = False  # shown on the terminal


GROUPS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    (
        "Return",
        (
            Metric("final_equity", "final equity", "money", True),
            Metric("total_return", "total return", "percent", True),
            Metric("cagr", "growth per year", "percent", True),
            Metric("annual_return", "mean return per year", "percent"),
            Metric("money_weighted_return", "money-weighted return per year", "percent"),
            Metric("alpha", "alpha", "percent"),
            Metric("beta", "beta", "number"),
            Metric("information_ratio", "information ratio", "number"),
        ),
    ),
    (
        "Risk",
        (
            Metric("annual_volatility", "volatility per year", "percent", True),
            Metric("max_drawdown", "maximum drawdown", "percent", True),
            Metric("max_drawdown_duration", "longest drawdown", "bars", True),
            Metric("value_at_risk", "value at risk, 5 %", "percent", True),
            Metric("conditional_value_at_risk", "expected shortfall, 5 %", "percent"),
            Metric("skew", "skew", "number"),
            Metric("kurtosis", "kurtosis", "number"),
            Metric("tail_ratio", "tail ratio", "number"),
        ),
    ),
    (
        "Ratios",
        (
            Metric("sharpe", "Sharpe", "number", True),
            Metric("sortino", "Sortino", "number", True),
            Metric("calmar", "Calmar", "number", True),
            Metric("omega", "Omega", "number"),
            Metric("probabilistic_sharpe", "probability Sharpe > 0", "percent", True),
        ),
    ),
    (
        "Trades",
        (
            Metric("n_trades", "closed trades", "count", True),
            Metric("win_rate", "winning", "percent", True),
            Metric("profit_factor", "profit factor", "number", True),
            Metric("expectancy", "mean profit", "money", True),
            Metric("average_trade_return", "mean return", "percent"),
            Metric("best_trade", "best", "percent"),
            Metric("worst_trade", "worst", "percent"),
            Metric("average_bars_held", "mean bars held", "number"),
        ),
    ),
    (
        "Activity",
        (
            Metric("n_orders", "orders", "count", True),
            Metric("n_fills", "fills", "count", True),
            Metric("exposure_time", "time in the market", "percent", True),
            Metric("turnover", "turnover per year", "number", True),
            Metric("ambiguous_bars", "ambiguous bars", "count", True),
        ),
    ),
    (
        "Costs",
        (
            Metric("total_costs", "total", "money", True),
            Metric("commission", "commission", "money", True),
            Metric("spread", "spread", "money", True),
            Metric("slippage", "slippage", "money", True),
            Metric("impact", "impact", "money", True),
            Metric("rounding", "rounding", "money"),
            Metric("borrow", "borrow", "money", True),
        ),
    ),
)


# --- facts that text and report share ------------------------------------------------------------------------------


def isolated(name: object) -> str:
    """Return a clean name between marks that keep its direction of writing to itself; `text_of` takes them out."""
    return f"\u2068{clean(name)}\u2069"


def is_daily(bars: Bars) -> bool:
    """Return whether bars are a day or more apart, so that their session names them and no time of day is needed."""
    return bars.n_bars < 2 or _step(bars) >= _DAILY


def step_words(bars: Bars) -> str:
    """Return the usual time between two bars in words, "" for one bar."""
    if bars.n_bars < 2:
        return ""
    step = _step(bars)
    days = step / _DAY
    for months, name in ((12, "1 year"), (3, "3 months"), (1, "1 month")):
        if abs(days - months * 30.44) < 2.5:
            return name
    for name, unit in _UNITS:
        if step >= 0.95 * unit:
            count = max(1, round(step / unit))
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{step / 10**9:.3g} seconds"


def _step(bars: Bars) -> float:
    return float(np.median(np.diff(bars.timestamps)))


def when(bars: Bars, t: int) -> str:
    """Return the date of a bar, and its time where the bars are shorter than a day."""
    if is_daily(bars):
        return str(np.datetime64(int(bars.sessions[t]), "D"))
    return f"{np.datetime64(int(bars.timestamps[t]), 'ns').astype('M8[m]')}".replace("T", " ")


def data_facts(bars: Bars) -> list[str]:
    """Return in few words what bars are: the symbols, the source, from when to when, how many."""
    listed = ", ".join(bars.symbols[:8]) + (f", … ({bars.n_assets:,} assets)" if bars.n_assets > 8 else "")
    period = f"{when(bars, 0)} – {when(bars, bars.n_bars - 1)}" + ("" if is_daily(bars) else " UTC")
    step = step_words(bars)
    return [listed, period, count_of(bars.n_bars, "bar") + (f" of {step}" if step else "")]


def comparison_of(result: Result) -> tuple[str, np.ndarray] | None:
    """Return name and equity of what a result is compared with: its benchmark, else buy and hold; None if undefined."""
    settings = result.manifest["settings"]
    if result.benchmark is not None:
        name = settings["benchmark"]
        known = {BUY_AND_HOLD: "buy and hold", **{symbol: symbol for symbol in result.bars.symbols}}
        return clean(known.get(name, "benchmark") if isinstance(name, str) else "benchmark"), result.benchmark
    with np.errstate(all="ignore"):
        equity = buy_and_hold(result.bars, float(settings["cash"]))
    return ("buy and hold", equity) if np.isfinite(equity).all() and (equity > 0.0).all() else None


def is_charged(value: Any) -> bool:
    """Return whether a setting of `Costs` costs anything."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(map(is_charged, value))
    return isinstance(value, str) or bool(value)


def words(name: str) -> str:
    """Return the name of a code as words; nothing for `NONE`."""
    return "" if name == "NONE" else name.lower().replace("_", " ")


def count_of(n: int, noun: str) -> str:
    """Return "1 bar", "5,031 bars"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


# --- text ----------------------------------------------------------------------------------------------------------


def text_of(result: Result) -> str:
    """Return a result as plain text for a terminal, at most 80 columns wide.

    Strategy and parameters, data and period, the key metrics in groups beside each other, costs by kind, the verdict
    (`backtester.verdict`), and what a reader must know before he believes them (`backtester.notices`). An undefined
    number is "-".
    """
    from backtester.notices import notices

    numbers = result.summary()
    blocks = {title: _block(title, metrics, numbers) for title, metrics in GROUPS}
    compared = comparison_of(result)
    if compared is not None and result.bars.n_bars > 1:
        name, equity = compared
        blocks["Return"].append(_line(name, written(float(equity[-1] / equity[0] - 1.0), "percent")))
    if result.deposits[1:].any():
        rate = written(numbers["money_weighted_return"], "percent")
        blocks["Return"].append(_line("money-weighted per year", rate))
    lines = _head(result)
    for left, right in (("Return", "Risk"), ("Ratios", "Trades"), ("Activity", "Costs")):
        lines += ["", *_beside(blocks[left], blocks[right])]
    lines += ["", *_evidence(result.verdict)]
    found = notices(result)
    if found:
        lines.append("")
    for kind, sentence in found:
        plain = sentence.replace("\u2068", "").replace("\u2069", "")
        lines += _wrapped(("! " if kind == "warning" else "* ") + plain, "  ")
    return "\n".join(line.rstrip() for line in lines)


def _evidence(verdict: Verdict) -> list[str]:
    """Return the verdict: its numbers, and its sentence."""
    rows = verdict.rows
    width = max(len(label) for label, _ in rows) + 2
    lines = [f"  {label:<{width}}{text}" for label, text in rows]
    return ["Evidence", *lines, *_wrapped(f"  {verdict.sentence}", "  ")]


def written(value: float, kind: str) -> str:
    """Return a metric as ASCII text: fractions as percents, "-" where undefined."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if kind in ("count", "bars"):
        return f"{value:,.0f}" + (" bars" if kind == "bars" else "")
    scaled, unit, places = (100.0 * value, " %", 2) if kind == "percent" else (value, "", 2 if kind == "money" else 3)
    text = f"{scaled:,.{places}f}" if abs(scaled) < 1e12 else f"{scaled:.6g}"
    return (text if text.strip("-0.") else text.lstrip("-")) + unit


def _head(result: Result) -> list[str]:
    manifest, bars = result.manifest, result.bars
    inside = ", ".join(f"{clean(name)}={clean(_short(value))}" for name, value in manifest["parameters"].items())
    symbols = ", ".join(clean(symbol) for symbol in bars.symbols[:6]) + (", ..." if bars.n_assets > 6 else "")
    data = count_of(bars.n_bars, "bar")
    step = step_words(bars)
    if step:
        data += f" of {step}"
    if bars.n_assets > 1:
        data += f" x {bars.n_assets} assets"
    if bars.name:
        data += f", {clean(bars.name)}"
    period = f"{when(bars, 0)} to {when(bars, bars.n_bars - 1)}" + ("" if is_daily(bars) else " UTC")
    settings = manifest["settings"]
    charged = [f"{name} {_short(value)}" for name, value in settings["costs"].items() if is_charged(value)]
    run = f"cash {written(float(settings['cash']), 'money')}, {', '.join(charged) or 'no costs'}, {manifest['mode']}"
    rows = (("symbols", symbols), ("data", data), ("period", period), ("run", run))
    lines = _wrapped(f"{clean(manifest['strategy'])}({inside})", "    ")
    for name, text in rows:
        lines += _wrapped(f"  {name:<9}{text}", " " * 11)
    return lines


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _block(title: str, metrics: tuple[Metric, ...], numbers: dict[str, float]) -> list[str]:
    """Return a heading and the key metrics under it; of the costs, the total and those there were."""
    shown = [m for m in metrics if m.key and (title != "Costs" or m.name == "total_costs" or numbers[m.name])]
    return [title, *(_line(m.label, written(numbers[m.name], m.kind)) for m in shown)]


def _line(label: str, value: str) -> str:
    """Return a label and its value at the two ends of half the width."""
    room = (WIDTH - _GAP) // 2 - 2
    label = _fitted(label, max(1, room - len(value) - 1))
    return "  " + label + " " * (room - _cells(label) - len(value)) + value


def _beside(left: list[str], right: list[str]) -> list[str]:
    half = (WIDTH - _GAP) // 2
    n = max(len(left), len(right))
    pairs = zip(left + [""] * (n - len(left)), right + [""] * (n - len(right)), strict=True)
    return [a + " " * (half + _GAP - _cells(a)) + b for a, b in pairs]


def _wrapped(text: str, indent: str) -> list[str]:
    """Return text in lines of at most 80 cells; a word that is longer is cut into pieces."""
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=indent, drop_whitespace=True) or [""]
    if all(_cells(line) <= WIDTH for line in lines):
        return lines
    return textwrap.wrap(text, WIDTH // 2, subsequent_indent=indent)


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _fitted(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(room - 2, 0)).rstrip() + ".."


# --- narrow terminals ------------------------------------------------------------------------------------------------


def narrowed(text: str, width: int) -> str:
    """Return what `text_of` returns in at most `width` columns: groups below each other, sentences wrapped.

    Parameters
    ----------
    text : str
    width : int
        Columns; of 38 and more, the width of a group of metrics.
    """
    if width >= WIDTH:
        return text
    half = (WIDTH - _GAP) // 2
    width = max(width, half)
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        rows = paragraph.split("\n")
        if lines:
            lines.append("")
        if any(_is_pair(row, half) for row in rows):
            left, right = zip(*(_parted(row, half) for row in rows), strict=True)
            lines += [*filter(None, left), "", *filter(None, right)]
        else:
            lines += [piece for row in rows for piece in _rewrapped(row, width)]
    return "\n".join(lines)


def _is_pair(row: str, half: int) -> bool:
    """Return whether a row has two columns, or the right one alone."""
    return row[half : half + _GAP] == " " * _GAP and row[half + _GAP :].strip() != ""


def _parted(row: str, half: int) -> tuple[str, str]:
    if _cells(row) <= half:
        return row, ""
    at = half - (_cells(row) - len(row))  # wide characters are in the left column alone
    return row[:at].rstrip(), row[at + _GAP :]


def _rewrapped(row: str, width: int) -> list[str]:
    if _cells(row) <= width:
        return [row]
    indent = " " * (len(row) - len(row.lstrip()) + 2)
    room = width if row.isascii() else width // 2
    return textwrap.wrap(row, room, subsequent_indent=indent, replace_whitespace=False) or [""]
