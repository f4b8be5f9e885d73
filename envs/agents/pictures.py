"""An agent to look at: a card for a notebook, and the curves of its training as a Plotly figure."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.figure_style import COLOURS, CYCLE, dressed, label
from backtester.html_text import Table, card, shortened, sparkline
from envs.agents.logs import CSV
from envs.errors import TrainingError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from envs.agents.agent import Agent

_SETTINGS = 10  # of the environment, that are shown
_CURVES = {"episode_return": "training episodes", "validation_return": "validation"}


def html_of(agent: Agent) -> str:
    """Return what an agent is, where it was trained, and how it did in validation."""
    told = agent.training
    facts: list[tuple[str, object]] = [
        ("environment", agent.environment.get("id")),
        ("observes", agent.observation_space),
        ("acts in", agent.action_space),
    ]
    for name in ("seed", "steps", "total_timesteps", "ended", "chosen"):
        if told.get(name) is not None:
            value = told[name]
            facts.append((name.replace("_", " "), f"{value:,}" if isinstance(value, int) else value))
    history = told.get("validation") or []
    if history:
        best = max(score for _, score in history)
        facts.append(("best of validations", f"{best:,.6g}, of {len(history):,}"))
    settings = agent.environment.get("settings") or {}
    rows = [(name, shortened(value)) for name, value in list(settings.items())[:_SETTINGS]]
    more = len(settings) - len(rows)
    return card(
        f"Agent {agent.algorithm}",
        facts,
        picture=sparkline([score for _, score in history], "mean return in validation"),
        table=Table(("setting", "value"), rows),
        notes=[f"and {more} more settings"] if more > 0 else [],
    )


def plot(agent: Agent, log: str | PathLike[str] | None = None) -> go.Figure:
    """Return the learning curve of an agent as a Plotly figure.

    Parameters
    ----------
    agent : Agent
    log : path, optional
        The `log_dir` of its training: then with the returns of the training episodes and, in a market, the equity.
        Without it, the validations that the agent remembers.

    Raises
    ------
    TrainingError
        If there is no log, or nothing is known: no validation and no log.
    """
    import plotly.graph_objects as go

    history = agent.training.get("validation") or []
    rows = [] if log is None else _rows(log)
    if not history and not rows:
        raise TrainingError(
            f"plot: {agent!r} had no validation, so that it remembers no curve; pass log=, the log_dir of its training"
            ", or train with validation="
        )
    picture = go.Figure()
    for n, (column, name) in enumerate(_CURVES.items()):
        points = [(row["steps"], row[column]) for row in rows if row.get(column) is not None]
        if column == "validation_return" and history:
            points = [(steps, score) for steps, score in history]
        if points:
            steps, values = zip(*points, strict=True)
            style = {"color": CYCLE[1 - n], "width": 1.4}
            picture.add_scatter(x=steps, y=values, name=name, mode="lines+markers", line=style, marker={"size": 4})
    chosen = agent.training.get("steps")
    if isinstance(chosen, int):
        line: dict[str, Any] = {"color": COLOURS["quiet"], "width": 1, "dash": "dot"}
        picture.add_vline(x=chosen, line=line, annotation_text="the agent")
    equity = [(row["steps"], row["equity"]) for row in rows if row.get("equity") is not None]
    if equity:
        steps, values = zip(*equity, strict=True)
        style = {"color": COLOURS["quiet"], "width": 1.2}
        picture.add_scatter(x=steps, y=values, name="mean equity", mode="lines", line=style, yaxis="y2")
        axis = {"overlaying": "y", "side": "right", "showgrid": False, "title": {"text": "mean equity"}}
        picture.update_layout(yaxis2=axis)
    title = f"{agent.algorithm} in {agent.environment.get('id')}"
    return dressed(
        picture, title, xaxis={"title": {"text": label("steps")}}, yaxis={"title": {"text": label("mean return")}}
    )


def _rows(log: str | PathLike[str]) -> list[dict[str, float | None]]:
    """Return the rows of a log; a number that is missing is None."""
    import csv

    path = Path(log) / CSV
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise TrainingError(f"{path}: the log cannot be read: {error.strerror or error}") from None
    try:
        return [{name: float(text) if text else None for name, text in line.items()} for line in lines]
    except (TypeError, ValueError):
        raise TrainingError(f"{path}: is no log of a training: its cells must be numbers") from None
