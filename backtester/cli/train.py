"""`backtester train`: an agent from an algorithm and an environment, or bars."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import agents as a
from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import check_folder
from backtester.cli.output import say, say_json, stdout_kept
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars

TRAINING = "Training"


def train(
    algorithm: Annotated[
        str,
        typer.Argument(
            show_default=False,
            autocompletion=completion.of("ppo", "a2c", "dqn", "sac", "reinforce", "q_learning"),
            help="ppo, a2c, dqn, sac, reinforce or q_learning.",
        ),
    ],
    env: a.EnvId = None,
    data: o.DataSources = None,
    settings: a.Settings = None,
    reading: o.Reading = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", rich_help_panel=o.DATA, help="The last day, month or year to train on."),
    ] = None,
    validate_until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            rich_help_panel=o.DATA,
            help="Validate on the bars after --until, up to and with this one; the best agent there is kept.",
        ),
    ] = None,
    cash: a.Cash = None,
    commission: a.Commission = None,
    spread: a.Spread = None,
    slippage: a.Slippage = None,
    leverage: a.Leverage = None,
    fill_at: a.FillAt = None,
    latency: a.Latency = None,
    steps: Annotated[
        int, typer.Option(min=1, rich_help_panel=TRAINING, help="Steps of all copies of the environment together.")
    ] = 200_000,
    seed: Annotated[int, typer.Option(rich_help_panel=TRAINING, help="Of everything that is random.")] = 0,
    n_envs: Annotated[
        int | None, typer.Option("--n-envs", rich_help_panel=TRAINING, help="Copies of the environment.")
    ] = None,
    hyper: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            rich_help_panel=TRAINING,
            help="A hyperparameter, such as --hyper learning_rate=0.0003. Repeatable.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(rich_help_panel=TRAINING, help="Stop after so many validations without a better one."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", rich_help_panel=TRAINING, help="Keep the training here, so that it can be resumed."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=TRAINING, help="Go on from what --checkpoint holds.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", rich_help_panel=o.OUTPUT, help="Save the agent here; required."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(metavar="DIR", rich_help_panel=o.OUTPUT, help="Write progress.csv and TensorBoard's files here."),
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Train an agent in an environment, or on bars.

    Example: `backtester train ppo backtester/OUPrice-v0 --steps 200000 --out agents/ou`

    Example: `backtester train ppo --data sample:sp500 --until 2012 --commission 0.001 --out agents/sp500`
    """
    if out is None:
        raise SettingsError("--out DIR is required: where the agent is saved")
    check_folder(out)
    train_agent = a.import_or_say("envs.agents.train", "train").train
    a.import_or_say("envs.agents.bundle", "train").check_place(out)
    market: dict[str, Any] = {"cash": cash, "commission": commission, "spread": spread, "slippage": slippage}
    market |= {"leverage": leverage, "fill_at": fill_at, "latency": latency}
    bars = a.bars_of(data, reading)
    where, validation = _where(env, bars, a.values_of("--set", settings), market, until, validate_until)
    began = time.perf_counter()
    with stdout_kept(as_json):
        agent = train_agent(
            algorithm,
            where,
            total_timesteps=steps,
            seed=seed,
            n_envs=n_envs,
            hyperparameters=a.values_of("--hyper", hyper),
            validation=validation,
            patience=patience,
            checkpoint_dir=checkpoint,
            log_dir=log,
            progress=False if quiet and progress is None else progress,
            resume=resume,
        )
    seconds = time.perf_counter() - began
    agent.save(out)
    _tell(agent, seconds, out, as_json, quiet)
    if agent.training["ended"] == "interrupted":
        raise typer.Exit(ExitCode.INTERRUPTED)


def _where(
    env: str | None,
    bars: Bars | None,
    settings: dict[str, Any],
    market: dict[str, Any],
    until: str | None,
    validate_until: str | None,
) -> tuple[Any, Any]:
    """Return where to train and where to validate, each as an id and settings, or None."""
    if bars is None:
        if env is None or env == a.TRADING:
            raise SettingsError("no data: give --data PATH or sample:NAME, or an id such as backtester/OUPrice-v0")
        a.refuse_market_options(env, {**market, "until": until, "validate_until": validate_until})
        return (env, settings), None
    if env not in (None, a.TRADING):
        raise SettingsError(f"{env} has a market of its own; leave out --data, or train in {a.TRADING}")
    from backtester.bars.slices import rows

    envs = a.import_or_say("envs", "train")
    shared = {"bars": bars, **a.market_settings(market), **settings}
    if validate_until is not None and until is None:
        raise SettingsError("--validate-until needs --until: the training must end where the validation begins")
    if until is None:
        return (a.TRADING, shared), None
    last = rows(bars, slice(None, until)).stop
    training = {**shared, "start": 0, "end": last}
    if validate_until is None:
        return (a.TRADING, training), None
    stop = rows(bars, slice(None, validate_until)).stop
    if stop <= last:
        raise SettingsError(
            f"--validate-until {validate_until} is not after --until {until}: no bar is left to validate on"
        )
    seen = envs.make(a.TRADING, 1, **training).observer  # validation sees with the scaler of the training range
    scaler = "none" if seen.scaler is None else seen.scaler
    whole = {"start": last, "end": stop, "scaler": scaler, "random_start": False, "episode_length": None}
    return (a.TRADING, training), (a.TRADING, {**shared, **whole})


def _tell(agent: Any, seconds: float, out: Path, as_json: bool, quiet: bool) -> None:
    told = agent.training
    history = told["validation"]
    if as_json:
        say_json(
            {
                "algorithm": agent.algorithm,
                "environment": agent.environment["id"],
                **{name: told[name] for name in ("seed", "steps", "total_timesteps", "ended", "chosen", "validation")},
                "seconds": seconds,
                "out": str(out),
            }
        )
    elif not quiet:
        name = f"{agent.algorithm} in {agent.environment['id']}, seed {told['seed']}"
        say(f"{name}: {told['ended']} after {seconds:,.1f} s")
        if history:
            best = max(value for _, value in history)
            say(f"Best of {len(history)} validations at step {told['steps']:,}: mean return {best:,.6g}")
        say(f"Agent written to {out}")
