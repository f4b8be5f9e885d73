"""`backtester bench-agents`: algorithms × tasks × seeds from a YAML file, into one JSON and one HTML page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import check_folder
from backtester.cli.output import say_json, stdout_kept
from backtester.errors import SettingsError


def bench_agents(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yml", show_default=False, help="What to run; docs/agent_benchmark.md.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="For the JSON, the page, finished runs.")] = Path("agents"),
    workers: Annotated[int, typer.Option(min=0, help="Runs at once; 0: in this process.")] = 1,
    executor: Annotated[str, typer.Option(metavar="processes|ray", help="Who does them.")] = "processes",
    keep_agents: Annotated[bool, typer.Option("--keep-agents", help="Save the trained agents too.")] = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Hold agents against baselines and known optima.

    Each algorithm is trained with each seed on each task of the file. Stopped, it goes on where it was when it is
    called again. Exit code 1: an alarm rang, or a run failed.

    Example: `backtester bench-agents my.yml --out results --workers 2`
    """
    check_folder(out)
    try:
        from envs.benchmark.show import show
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"bench-agents needs {error.name}, which is not installed; pip install 'backtester[rl]'"
        ) from error
    from rich.console import Console

    command = shlex.join(["backtester", *sys.argv[1:]])
    with stdout_kept(as_json):
        console = Console(quiet=as_json or quiet)
        found = show(
            config, out, workers=workers, executor=executor, keep_agents=keep_agents, command=command, console=console
        )
    if as_json:
        say_json(found._asdict())
    if found.alarms:
        raise typer.Exit(ExitCode.FINDINGS)
