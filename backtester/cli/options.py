"""The options that commands share, each with the help it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtester.cli import completion

DATA, MONEY, MARKET, OUTPUT = "Data and parameters", "Account and costs", "Execution", "Output"
SEARCH, WORK = "Search", "Work"

DataSources = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        "-d",
        metavar="PATH|sample:NAME",
        autocompletion=completion.data,
        rich_help_panel=DATA,
        help="Bars: a .csv, .csv.gz or .parquet file, a folder or pattern of them, SYMBOL=PATH, or a bundled sample "
        "(sp500, nasdaq, googl, eurusd, stocks). Repeat it for a portfolio.",
    ),
]
Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:CLASS]",
        show_default=False,
        autocompletion=completion.strategies,
        help="The strategy: my.py, my.py:SmaCross, package.module:SmaCross or package.module.SmaCross. The class may "
        "be left out where the file defines one.",
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="PATH|sample:NAME",
        autocompletion=completion.data,
        show_default=False,
        help="A .csv, .csv.gz or .parquet file, a folder or pattern of them, or a bundled sample.",
    ),
]
Reading = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        metavar="NAME=VALUE",
        rich_help_panel=DATA,
        help="How files are read: tz=America/New_York, label=open, session_close=16:00, decimal=, sort=true, ... "
        "(the options of Bars.from_csv). Repeatable.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        autocompletion=completion.parameters,
        rich_help_panel=DATA,
        help="A parameter of the strategy, such as --set fast=20. Repeatable.",
    ),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        rich_help_panel=DATA,
        help="What to compare with: buy_and_hold, a symbol of the data, a file or sample:NAME.",
    ),
]
Cash = Annotated[float, typer.Option(rich_help_panel=MONEY, help="Money at the start.")]
Commission = Annotated[float, typer.Option(rich_help_panel=MONEY, help="Fraction of the traded value: 0.001 is 0.1 %.")]
Spread = Annotated[
    float, typer.Option(rich_help_panel=MONEY, help="Full quoted spread, a fraction of the price; half is paid.")
]
Slippage = Annotated[float, typer.Option(rich_help_panel=MONEY, help="Fraction of the price paid on top.")]
Leverage = Annotated[
    float, typer.Option(rich_help_panel=MONEY, help="Gross value up to this multiple of equity; 1 is a cash account.")
]
FillAt = Annotated[
    str,
    typer.Option(
        metavar="next_open|close",
        autocompletion=completion.of("next_open", "close"),
        rich_help_panel=MARKET,
        help="Where a market order fills: at the open of the next bar, or at the close it was decided at.",
    ),
]
SameBar = Annotated[
    str,
    typer.Option(
        metavar="RULE",
        autocompletion=completion.of("stop_first", "target_first", "ohlc", "olhc", "nearest"),
        rich_help_panel=MARKET,
        help="Which leg of a bracket fills when one bar reaches both: stop_first, target_first, ohlc, olhc, nearest.",
    ),
]
Latency = Annotated[int, typer.Option(rich_help_panel=MARKET, help="Bars by which every order is late.")]
Seed = Annotated[int, typer.Option(rich_help_panel=MARKET, help="Seed of ctx.random().")]
Mode = Annotated[
    str,
    typer.Option(
        metavar="MODE",
        autocompletion=completion.of("auto", "compiled", "interpreted"),
        rich_help_panel=MARKET,
        help="compiled, interpreted, or auto: it compiles, and where that fails runs interpreted and says why. The "
        "results are the same.",
    ),
]
Report = Annotated[Path | None, typer.Option(rich_help_panel=OUTPUT, help="Write the HTML report to this file.")]
DemoReport = Annotated[Path, typer.Option(rich_help_panel=OUTPUT, help="Write the HTML report to this file.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        rich_help_panel=OUTPUT,
        help="Write every table as Parquet to this folder; Result.load(DIR) reads it back.",
    ),
]
Table = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Write the whole table to this file: .csv or .parquet."),
]
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON document on stdout; NaN is null.")
]
Force = Annotated[bool, typer.Option("--force", rich_help_panel=OUTPUT, help="Replace files that are there.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Print nothing but warnings and errors.")
]
Dimensions = Annotated[
    list[str] | None,
    typer.Option(
        "--vary",
        "-p",
        metavar="NAME=VALUES",
        autocompletion=completion.parameters,
        rich_help_panel=SEARCH,
        help="A parameter and what to try: fast=5:50 (in a grid every whole number, both ends included), fast=5:50:5 "
        "(by steps), level=0.1:10:log (not in a grid), kind=a,b (these). Repeatable.",
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION", rich_help_panel=SEARCH, help="Which sets of parameters are tried: 'fast < slow'."
    ),
]
Method = Annotated[
    str,
    typer.Option(
        metavar="METHOD",
        autocompletion=completion.of("grid", "random", "latin", "tpe"),
        rich_help_panel=SEARCH,
        help="grid: all sets; random; latin: a hypercube; tpe: Optuna, which learns from the scores so far.",
    ),
]
NTrials = Annotated[
    int | None,
    typer.Option("--n-trials", "-n", rich_help_panel=SEARCH, help="How many sets; a grid is all of them."),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC",
        autocompletion=completion.metrics,
        rich_help_panel=SEARCH,
        help="What is best: a metric, sharpe unless given; of a drawdown, volatility or cost the least. Repeatable.",
    ),
]
SearchSeed = Annotated[int, typer.Option("--seed", rich_help_panel=SEARCH, help="Of the search and of ctx.random().")]
Store = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        rich_help_panel=WORK,
        help="Where outcomes are kept: the same command goes on where it stopped, and runs nothing twice.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=WORK, help="How many at once; by default one per core.")
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="KIND",
        autocompletion=completion.of("threads", "processes", "ray"),
        rich_help_panel=WORK,
        help="What the workers are: threads, processes or ray.",
    ),
]
Progress = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress",
        rich_help_panel=OUTPUT,
        help="A progress bar on stderr; by default on a terminal, after a second.",
    ),
]
