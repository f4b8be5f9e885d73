"""The `backtester` command: its subcommands, its version, and the door through which every error leaves."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from backtester.cli import (
    bench_agents,
    check,
    compare,
    data,
    demo,
    evaluate,
    examples,
    fit,
    models,
    new,
    predict,
    report,
    run,
    strategies,
    stress,
    sweep,
    train,
    trials,
    walk_forward,
)
from backtester.cli.completion import in_bash
from backtester.cli.failures import EXIT_CODES, arguments_of, exit_code_of, take_debug
from backtester.cli.help import Group, add
from backtester.cli.output import warnings_as_lines

_VERSIONS = ("numba", "numpy", "pandas")


class Commands(Group):
    """A group of commands that ends with one line and an exit code, never with a traceback nobody asked for."""

    def main(self, args: Any = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> Any:
        """Run a command and exit."""
        arguments, debug = take_debug(arguments_of(args))
        extra["standalone_mode"] = False
        try:
            with warnings_as_lines(), in_bash():
                code = super().main(arguments, prog_name, *rest, **extra)
        except (Exception, KeyboardInterrupt) as error:
            code = exit_code_of(error, debug)
        sys.exit(int(code) if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Call a command; Ctrl-C ends it in words, before typer's own way of doing so."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Exit(exit_code_of(error, debug=False)) from None


app = typer.Typer(
    name="backtester",
    cls=Commands,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    import platform
    from importlib import metadata

    import backtester

    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _VERSIONS)
    typer.echo(f"backtester {backtester.__version__} ({libraries}, Python {platform.python_version()})")
    raise typer.Exit


@app.callback(invoke_without_command=True, epilog=EXIT_CODES)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the versions and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    """Backtest trading strategies written in ordinary Python, at machine-code speed.

    Start with [cyan]backtester demo[/cyan]; then [cyan]backtester new strategy MyIdea[/cyan], and
    [cyan]backtester run my_idea.py --data sample:sp500[/cyan].

    Every command has examples: [cyan]backtester run --help[/cyan].
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


START, BACKTEST, JUDGE = "Start here", "Backtest", "Judge"
LOOK_UP, MODELS, AGENTS = "Data and what there is", "Models", "Agents"

add(app, demo.demo, panel=START)
app.add_typer(new.app, name="new", rich_help_panel=START)
add(app, examples.examples, panel=START)
add(app, run.run, panel=BACKTEST)
add(app, sweep.sweep, panel=BACKTEST)
add(app, walk_forward.walk_forward, "walk-forward", panel=BACKTEST)
add(app, stress.stress, panel=JUDGE)
add(app, check.check, panel=JUDGE)
add(app, trials.trials, panel=JUDGE)
add(app, report.report, panel=JUDGE)
add(app, compare.compare, panel=JUDGE)
add(app, compare.diff, panel=JUDGE)
app.add_typer(data.app, name="data", rich_help_panel=LOOK_UP)
app.add_typer(strategies.app, name="strategies", rich_help_panel=LOOK_UP)
app.add_typer(models.app, name="models", rich_help_panel=LOOK_UP)
add(app, fit.fit, panel=MODELS)
add(app, predict.predict, panel=MODELS)
add(app, train.train, panel=AGENTS)
add(app, evaluate.evaluate, panel=AGENTS)
add(app, bench_agents.bench_agents, "bench-agents", panel=AGENTS)
