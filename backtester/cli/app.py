"""The `backtester` command: its subcommands, its version, and the door through which every error leaves."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from backtester.cli import (
    bench_agents,
    compare,
    data,
    demo,
    evaluate,
    fit,
    models,
    new,
    predict,
    report,
    run,
    strategies,
    train,
)
from backtester.cli.failures import EXIT_CODES, arguments_of, exit_code_of, take_debug
from backtester.cli.output import warnings_as_lines

_VERSIONS = ("numba", "numpy", "pandas")


class Commands(TyperGroup):
    """A group of commands that ends with one line and an exit code, never with a traceback nobody asked for."""

    def main(self, args: Any = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> Any:
        """Run a command and exit."""
        arguments, debug = take_debug(arguments_of(args))
        extra["standalone_mode"] = False
        try:
            with warnings_as_lines():
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
    add_completion=False,
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

    Start with `backtester demo`; then `backtester run my_strategy.py --data prices.csv`.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


app.command(epilog=EXIT_CODES)(demo.demo)
app.command(epilog=EXIT_CODES)(run.run)
app.command(epilog=EXIT_CODES)(report.report)
app.command(epilog=EXIT_CODES)(compare.compare)
app.command(epilog=EXIT_CODES)(compare.diff)
app.command(epilog=EXIT_CODES)(train.train)
app.command(epilog=EXIT_CODES)(evaluate.evaluate)
app.command(epilog=EXIT_CODES)(fit.fit)
app.command(epilog=EXIT_CODES)(predict.predict)
app.command("bench-agents", epilog=EXIT_CODES)(bench_agents.bench_agents)
app.add_typer(new.app, name="new")
app.add_typer(strategies.app, name="strategies")
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
