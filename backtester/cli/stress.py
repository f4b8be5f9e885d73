"""`backtester stress`: a backtest again under dearer costs, delays, missing bars, other markets; and where it dies."""

from __future__ import annotations

from typing import Annotated

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import benchmark_of, check_writable, load_bars, reading_options
from backtester.cli.locate import find_strategy, make_strategy
from backtester.cli.market import market_of
from backtester.cli.output import say, say_json, say_prose, stdout_kept
from backtester.cli.tables import check_table, write_table

STRESS = "Stress"
KINDS = ("costs", "delay", "same_bar", "missing_bars", "missing_rows", "jitter", "start", "end", "bootstrap", "luck")


def stress(
    target: o.Target,
    parameters: o.Parameters = None,
    metric: Annotated[
        str,
        typer.Option(
            metavar="METRIC",
            autocompletion=completion.metrics,
            rich_help_panel=STRESS,
            help="What the edge is looked for in.",
        ),
    ] = "sharpe",
    scenarios: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            metavar="KIND",
            autocompletion=completion.of(*KINDS),
            rich_help_panel=STRESS,
            help=f"Only this kind: {', '.join(KINDS)}. Repeatable.",
        ),
    ] = None,
    bootstraps: Annotated[
        int, typer.Option(min=0, rich_help_panel=STRESS, help="Markets made of blocks of this one.")
    ] = 100,
    simulations: Annotated[
        int, typer.Option(min=0, rich_help_panel=STRESS, help="Markets in which all that is earned is luck.")
    ] = 100,
    seed: Annotated[
        int, typer.Option(rich_help_panel=STRESS, help="Of the markets that are drawn, and of ctx.random().")
    ] = 0,
    workers: o.Workers = None,
    executor: o.ExecutorName = "threads",
    data: o.DataSources = None,
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
    mode: o.Mode = "auto",
    table: o.Table = None,
    report: o.Report = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Say under which worse conditions an edge dies.

    Costs up to five times, delays, the worst rule for ambiguous bars, missing bars, parameters moved, other starts, and
    markets drawn from the data or from luck alone.

    Example: `backtester stress my.py --data sample:sp500 --set fast=20 --commission 0.001`
    """
    from backtester.engine import run as run_engine
    from backtester.research.stress import stress as stress_result

    check_writable(report)
    check_table(table)
    shown = False if quiet and progress is None else progress
    market = market_of(
        cash=cash,
        commission=commission,
        spread=spread,
        slippage=slippage,
        leverage=leverage,
        fill_at=fill_at,
        same_bar=same_bar,
        latency=latency,
    )
    with stdout_kept(as_json):
        strategy = make_strategy(find_strategy(target), parameters or [])
        bars = load_bars(data or [], reading_options(reading or []))
        compared = benchmark_of(benchmark, bars)
        result = run_engine(strategy, bars, benchmark=compared, seed=seed, mode=mode, progress=shown, **market)  # type: ignore[arg-type]
        if result.manifest["interrupted"]:
            raise typer.Exit(ExitCode.INTERRUPTED)
        found = stress_result(
            result,
            metric=metric,
            scenarios=scenarios,
            bootstraps=bootstraps,
            simulations=simulations,
            seed=seed,
            workers=workers,
            executor=executor,
            progress=shown,
        )
        written = {"table": write_table(found.table, table), "report": None if report is None else str(report)}
        if report is not None:
            found.report(report)
    if as_json:
        told = {"strategy": result.manifest["strategy"], "metric": metric, "sentence": found.sentence}
        say_json({**told, "scenarios": found.table.to_dict("records"), **written})
    elif not quiet:
        say_prose(f"{found}")
        for name, path in written.items():
            if path is not None:
                say(f"\n{name.capitalize()} written to {path}")
    if found.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
