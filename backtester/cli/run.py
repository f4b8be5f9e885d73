"""`backtester run`: a strategy from a file over bars from files or samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import benchmark_of, check_folder, check_writable, load_bars, reading_options
from backtester.cli.locate import find_rule, find_strategy, make_strategy
from backtester.cli.market import market_of
from backtester.cli.output import result_document, say, say_json, say_result, stdout_kept
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.result import Result
    from backtester.strategy import Strategy


@dataclass(frozen=True)
class Outputs:
    """Where a result goes."""

    report: Path | None = None
    out: Path | None = None
    as_json: bool = False
    quiet: bool = False


def run(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE[:CLASS]",
            show_default=False,
            autocompletion=completion.strategies,
            help="The strategy: my.py, my.py:SmaCross, package.module:SmaCross or package.module.SmaCross. The class "
            "may be left out where the file defines one. With --model there is none.",
        ),
    ] = None,
    data: o.DataSources = None,
    parameters: o.Parameters = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=o.DATA,
            help="Trade what a model says that `backtester fit` saved; --set then sets ModelStrategy: --set band=0.02.",
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            rich_help_panel=o.DATA,
            help="From the signal of --model to exposures: sign, 'threshold(enter=0.01)', 'rank(long=3, short=0)', "
            "'volatility_scaled(target=0.1)', 'kelly(fraction=0.5)', or my.py:function.",
        ),
    ] = None,
    reading: o.Reading = None,
    benchmark: o.Benchmark = None,
    cash: o.Cash = 100_000.0,
    commission: o.Commission = 0.0,
    spread: o.Spread = 0.0,
    slippage: o.Slippage = 0.0,
    leverage: o.Leverage = 1.0,
    fill_at: o.FillAt = "next_open",
    same_bar: o.SameBar = "stop_first",
    latency: o.Latency = 0,
    seed: o.Seed = 0,
    mode: o.Mode = "auto",
    report: o.Report = None,
    out: o.Out = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Run a strategy over bars and print its metrics.

    --report writes the page, --out the tables.

    Example: `backtester run my.py --data sample:sp500 --set fast=20 --commission 0.001 --report my.html`

    Example, own data of two assets: `backtester run my.py --data A=a.csv --data B=b.csv --read tz=America/New_York`

    Example, a model over the bars after those it was fitted on:
    `backtester run --model models/ridge --rule sign --data sample:sp500 --commission 0.001`
    """
    check_writable(report)
    check_folder(out)
    settings = {
        **market_of(
            cash=cash,
            commission=commission,
            spread=spread,
            slippage=slippage,
            leverage=leverage,
            fill_at=fill_at,
            same_bar=same_bar,
            latency=latency,
        ),
        "mode": mode,
        "seed": seed,
        "progress": False if quiet and progress is None else progress,
    }
    with stdout_kept(as_json):
        strategy = _strategy(target, model, rule, parameters or [])
        bars = load_bars(data or [], reading_options(reading or []))
        if model is not None:
            bars = _after_training(strategy, bars)
        settings["benchmark"] = benchmark_of(benchmark, bars)
    execute(strategy, bars, settings, Outputs(report, out, as_json, quiet))


def _strategy(target: str | None, model: Path | None, rule: str | None, parameters: list[str]) -> Strategy:
    """Return the strategy of a file, or the one that trades a model."""
    if model is None:
        if rule is not None:
            raise SettingsError("--rule is about a model: give --model DIR too")
        if target is None:
            raise SettingsError("no strategy: give FILE[:CLASS], or --model DIR (see backtester run --help)")
        return make_strategy(find_strategy(target), parameters)
    if target is not None:
        raise SettingsError(f"{target} and --model {model}: a run has one strategy; leave one of them out")
    from backtester.cli.fit import signals_or_say
    from strategies.model import ModelStrategy

    fitted = signals_or_say("run --model").load_model(model)
    return make_strategy(
        ModelStrategy, parameters, signal=fitted, rule="sign" if rule is None else find_rule(rule), history=None
    )


def _after_training(strategy: Any, bars: Bars) -> Bars:
    """Return the bars that a model was not fitted on, and one before; those before warm its features up."""
    import numpy as np

    first = int(np.searchsorted(bars.timestamps, strategy.signal.trained_until, "right"))
    if strategy.allow_future or not 1 < first < bars.n_bars:
        return bars
    strategy.history = bars
    return bars[first - 1 :]


def execute(strategy: Strategy, bars: Bars, settings: dict[str, Any], outputs: Outputs) -> None:
    """Run, print, write; exit with 130 where the run was interrupted."""
    from backtester.engine import run as run_engine

    with stdout_kept(outputs.as_json):
        result = run_engine(strategy, bars, **settings)
    hand_out(result, outputs)
    if result.manifest["interrupted"]:
        raise typer.Exit(ExitCode.INTERRUPTED)


def hand_out(result: Result, outputs: Outputs) -> None:
    """Print a result and write its files; the JSON document comes last and names them."""
    if not (outputs.as_json or outputs.quiet):
        say_result(result)
    written: dict[str, str | None] = {"report": None, "out": None}
    if outputs.report is not None:
        result.report(outputs.report)
        written["report"] = str(outputs.report)
    if outputs.out is not None:
        result.to_parquet(outputs.out)
        written["out"] = str(outputs.out)
    if outputs.as_json:
        say_json(result_document(result, **written))
    elif not outputs.quiet:
        for name, path in (("Report", written["report"]), ("Tables", written["out"])):
            if path is not None:
                say(f"\n{name} written to {path}")
