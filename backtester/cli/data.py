"""`backtester data`: what market data holds and what is wrong with it, before anything trades on it.

`info` and `check` are here; `convert` and `sample`, which write files, are in `data_files`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import typer

from backtester.cli import data_files
from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.help import Group, add
from backtester.cli.inputs import SAMPLE, files_of, kind_of, load_bars, reading_options
from backtester.cli.output import clean, plain, say, say_json, say_prose, say_table

if TYPE_CHECKING:
    from backtester.bars import Bars, Finding

app = typer.Typer(cls=Group, help="Look at market data, and convert it.", rich_markup_mode="rich")


@app.callback()
def data() -> None:
    """Look at market data, and convert it."""


def info(source: o.Source, reading: o.Reading = None, as_json: o.AsJson = False, quiet: o.Quiet = False) -> None:
    """Tell what bars hold, from symbols to gaps.

    Symbols, period, bar length, sessions, gaps, volume, extras, memory and content hash. The hash is the one in a
    result's manifest: equal hashes are equal data.

    Example: `backtester data info sample:eurusd`

    Example: `backtester data info prices/ --read tz=America/New_York --read label=open`
    """
    from backtester.bars.facts import facts_of

    bars = load_bars([source], reading_options(reading or []))
    facts = facts_of(bars)
    if as_json:
        say_json({"source": source, **facts})
    if as_json or quiet:
        return
    rows = [
        ("period", f"{facts['first']} to {facts['last']} (closes, UTC)"),
        ("bars", _steps(bars, facts)),
        ("sessions", _sessions(facts["sessions"])),
        ("gaps", _gaps(facts["gaps"])),
        ("extras", ", ".join(f"{name} ({n:,} values not 0)" for name, n in facts["extras"].items()) or "none"),
        ("memory", data_files.bytes_text(facts["bytes"])),
        ("hash", facts["content_hash"]),
    ]
    say(f"{clean(source)}: {_counted(bars.n_assets, 'asset')}")
    for name, text in rows:
        say_prose(f"  {name:<9} {clean(text)}")
    say("")
    _assets(facts["assets"])


def check(
    source: o.Source,
    reading: o.Reading = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Check bars by every rule; exit with 1 if one is broken.

    All findings are printed. The rules: times increase; prices are finite, above zero, and between low and high; volume
    is not negative; splits, dividends and delistings make sense; and, as a warning, prices and declared splits fit each
    other.

    Example: `backtester data check prices.csv`
    """
    found = findings_of(source, reading or [])
    errors = sum(finding.severity == "error" for finding in found)
    if as_json:
        document = {"source": source, "errors": errors, "warnings": len(found) - errors}
        say_json({**document, "findings": [_as_dict(finding) for finding in found]})
    elif found and not quiet:
        for finding in found:
            say(f"{finding.severity}: {' '.join(str(finding).split())}")
        say(f"{source}: {_counted(errors, 'error')}, {_counted(len(found) - errors, 'warning')}")
    elif not quiet:
        say(f"{source}: no findings in {_described(source, reading or [])}")
    if found:
        raise typer.Exit(ExitCode.FINDINGS)


add(app, info)
add(app, check)
add(app, data_files.convert)
add(app, data_files.sample)


def findings_of(source: str, reading: list[str]) -> list[Finding]:
    """Return what is wrong with a source.

    Raises
    ------
    DataError
        If there is no such file or sample, or an option for reading it is wrong.
    """
    from backtester.bars.check import report

    if source.startswith(SAMPLE):
        return report(load_bars([source], reading_options(reading)))
    from backtester.bars.files import expand
    from backtester.bars.options import read_options

    patterns = ("*.parquet", "*.pq") if kind_of(source) == "parquet" else ("*.csv", "*.csv.gz")
    path, options = files_of(source), reading_options(reading)
    expand(path, patterns)
    read_options({name: value for name, value in options.items() if name not in ("separator", "decimal", "encoding")})
    return report(path, **options)


def _described(source: str, reading: list[str]) -> str:
    """Return how the bars of a source were understood."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bars = load_bars([source], reading_options(reading))
    return repr(bars).strip("<>")


# --- info ------------------------------------------------------------------------------------------------------------


def _steps(bars: Bars, facts: dict[str, Any]) -> str:
    """Return how many bars of which length there are, and the longest step between two."""
    from backtester.summary_text import step_words

    count = f"{facts['n_bars']:,}"
    longest = facts["longest_step"]
    if longest is None:
        return count
    share = f"{100.0 * facts['step_share']:.1f} % of the steps are {_span(facts['step_ns'])}"
    return f"{count} of {step_words(bars)}; {share}, the longest is {_gap(longest)}"


def _sessions(sessions: dict[str, Any]) -> str:
    fewest, most = sessions["fewest_bars"], sessions["most_bars"]
    if fewest == most:
        return f"{sessions['n']:,}, of {_counted(fewest, 'bar')} each"
    return f"{sessions['n']:,}, of {fewest:,} to {most:,} bars, mostly {sessions['median_bars']:,.0f}"


def _gaps(gaps: dict[str, Any]) -> str:
    if not gaps["n"]:
        return "none inside a session"
    return f"{gaps['n']:,} inside sessions, the longest {_gap(gaps['longest'])}"


def _gap(gap: dict[str, Any]) -> str:
    return f"{_span(gap['ns'])}, {gap['after']} to {gap['until']}"


def _span(ns: int) -> str:
    """Return a length of time in the largest unit that it is at least one of."""
    for name, unit in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if ns >= unit * 10**9:
            value = ns / (unit * 10**9)
            return f"{value:.3g} {name}{'' if value == 1.0 else 's'}"
    return f"{ns:,} ns"


def _assets(assets: list[dict[str, Any]]) -> None:
    numbers = ("bars", "missing", "volume known", "no volume", "lowest", "highest")
    rows = [
        (
            one["symbol"],
            f"{one['bars']:,}",
            one["first"] or "-",
            one["last"] or "-",
            f"{one['missing']:,}",
            "-" if one["volume_known"] is None else f"{100.0 * one['volume_known']:.1f} %",
            f"{one['no_volume']:,}",
            *("-" if one[name] is None else f"{one[name]:,.10g}" for name in ("lowest", "highest")),
        )
        for one in assets
    ]
    say_table(("symbol", "bars", "first", "last", *numbers[1:]), rows, right=numbers)


# --- check -----------------------------------------------------------------------------------------------------------


def _as_dict(finding: Finding) -> dict[str, object]:
    return {name: plain(getattr(finding, name)) for name in finding.__slots__}


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
