"""`backtester evaluate`: what a saved agent earns, in an environment or as a strategy over bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backtester.cli import agents as a
from backtester.cli import options as o
from backtester.cli.inputs import benchmark_of, check_folder, check_writable
from backtester.cli.output import say, say_json, say_table, stdout_kept
from backtester.cli.run import Outputs, execute
from backtester.errors import SettingsError

EPISODES = "Episodes"


def evaluate(
    agent: Annotated[
        Path,
        typer.Argument(metavar="AGENT", show_default=False, help="A folder that `backtester train --out` wrote."),
    ],
    env: a.EnvId = None,
    data: o.DataSources = None,
    settings: a.Settings = None,
    reading: o.Reading = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", rich_help_panel=o.DATA, help="The first bar to act at; warm-up is before."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", rich_help_panel=o.DATA, help="The last bar.")] = None,
    benchmark: o.Benchmark = None,
    cash: a.Cash = None,
    commission: a.Commission = None,
    spread: a.Spread = None,
    slippage: a.Slippage = None,
    leverage: a.Leverage = None,
    fill_at: a.FillAt = None,
    latency: a.Latency = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=EPISODES, help="How many to play; 100 unless given.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(rich_help_panel=EPISODES, help="Copy i of the environment is seeded with seed + i.")
    ] = None,
    report: o.Report = None,
    out: o.Out = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Let a saved agent play or trade, and say what it earns.

    Without --data it plays episodes of its environment. With --data it trades bars in the engine, as a strategy: costs,
    account and execution are those of the training unless they are given.

    Example: `backtester evaluate agents/ou --episodes 200`

    Example: `backtester evaluate agents/sp500 --data sample:sp500 --from 2013 --report agent.html`
    """
    loaded = a.import_or_say("envs.agents.agent", "evaluate").Agent.load(agent)
    market: dict[str, Any] = {"cash": cash, "commission": commission, "spread": spread, "slippage": slippage}
    market |= {"leverage": leverage, "fill_at": fill_at, "latency": latency}
    if data:
        _refuse({"ENV": env, "--set": settings, "--episodes": episodes, "--seed": seed}, "--data makes it a backtest")
        check_writable(report)
        check_folder(out)
        _backtest(
            str(agent),
            data,
            reading,
            (since, until),
            market,
            benchmark,
            Outputs(report, out, as_json, quiet),
            False if quiet and progress is None else progress,
        )
        return
    env_id = env or loaded.environment["id"]
    if env_id == a.TRADING:
        raise SettingsError("no data: an agent of a market is evaluated on bars; give --data PATH or sample:NAME")
    asked = {"report": report, "out": out, "benchmark": benchmark, "read": reading, "from": since, "until": until}
    a.refuse_market_options(env_id, {**market, **asked, "progress": progress})
    kept = loaded.environment["settings"] if env is None else {}
    given = {**kept, **a.values_of("--set", settings)}
    _play(loaded, agent, env_id, given, episodes or 100, seed or 0, as_json, quiet)


def _refuse(given: dict[str, Any], because: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise SettingsError(f"{name} has no meaning here: {because}")


def _backtest(
    agent: str,
    data: list[str],
    reading: list[str] | None,
    span: tuple[str | None, str | None],
    market: dict[str, Any],
    benchmark: str | None,
    outputs: Outputs,
    progress: bool | None,
) -> None:
    """Run the agent as a strategy in the engine, and hand out the result as `backtester run` does."""
    strategy_class = a.import_or_say("strategies.agent", "evaluate").AgentStrategy
    since, until = span
    with stdout_kept(outputs.as_json):
        bars = a.bars_of(data, reading)
        bars = bars if until is None else bars[:until]  # type: ignore[index]
        strategy = strategy_class(agent=agent, start=since)
        settings = {**strategy.settings, **a.market_settings(market)}
        settings |= {"benchmark": benchmark_of(benchmark, bars), "progress": progress}  # type: ignore[arg-type]
    execute(strategy, bars, settings, outputs)  # type: ignore[arg-type]


def _play(
    agent: Any,
    folder: Path,
    env_id: str,
    settings: dict[str, Any],
    episodes: int,
    seed: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Play episodes, and print returns beside the optimum where one is known."""
    evaluation = a.import_or_say("envs.agents.evaluation", "evaluate")
    found = evaluation.evaluate(agent, (env_id, settings), episodes=episodes, seed=seed)
    document = {
        "agent": str(folder),
        "environment": env_id,
        "episodes": len(found.returns),
        "mean_return": found.mean,
        "standard_error": found.error,
        "reward_per_step": found.per_step,
        "optimum_per_step": _optimum(env_id, settings),
        **{f"mean_{name}": float(column.mean()) for name, column in found.info.items()},
    }
    if as_json:
        say_json(document)
    elif not quiet:
        say(f"{agent!r}")
        shown = [(name.replace("_", " "), value) for name, value in document.items() if value is not None]
        say_table(
            ("", "value"),
            [(name, f"{value:,.6g}" if isinstance(value, float) else value) for name, value in shown[1:]],
            ("value",),
        )


def _optimum(env_id: str, settings: dict[str, Any]) -> float | None:
    """Return the mean reward per step of an optimal policy, in a task that knows it."""
    from envs.errors import TaskError

    envs = a.import_or_say("envs", "evaluate")
    if not env_id.startswith("backtester/"):
        return None
    try:
        return float(envs.make(env_id, 1, **settings).optimal_value())
    except TaskError:
        return None
