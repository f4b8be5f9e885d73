"""A training in a directory, to go on from bit for bit: numbers as safetensors, the rest as JSON, nothing pickled.

It holds what the algorithm learnt and remembers (networks, optimizers, replay buffer), the state of every copy of the
environment, the random generators, where validation stands, and what makes the training the one it is: algorithm,
environment, seed, steps, hyperparameters. `backtester.archive` says why a kill or a full disk leaves the last good
one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from envs.agents import archive, generators
from envs.agents.training import Training
from envs.errors import TrainingError

FORMAT = 1
KIND = "backtester checkpoint"


@dataclass
class Progress:
    """Where a training stands, besides what it learnt.

    Parameters
    ----------
    ended : str
        "" while it goes on, then "complete" or "early stop".
    best : dict of arrays
        The policy that validation liked best.
    best_description : dict or None
        Its architecture; None before the first validation.
    best_steps : int
        After how many steps it was.
    history : list of [steps, mean return]
        Of validation.
    """

    ended: str = ""
    best: dict[str, np.ndarray] = field(default_factory=dict)
    best_description: dict[str, Any] | None = None
    best_steps: int = 0
    history: list[list[float]] = field(default_factory=list)


def save(folder: Path, training: Training, core: Any, identity: dict[str, Any], progress: Progress) -> None:
    """Write a checkpoint in place of the last one.

    Parameters
    ----------
    folder : path
    training : Training
        At a boundary.
    core : Core or None
        Of its environment, where it has one.
    identity : dict
        What makes the training the one it is.
    progress : Progress
    """
    arrays, facts = training.get_state()
    random, random_facts = generators.get_state()
    groups = {"training": arrays, "random": random, "best": progress.best}
    if core is not None:
        groups["env"] = core.get_state()
    content = {
        "steps": int(training.steps),
        "identity": identity,
        "training": facts,
        "random": random_facts,
        "ended": progress.ended,
        "best": {"description": progress.best_description, "steps": progress.best_steps},
        "history": progress.history,
    }
    archive.write(folder, KIND, FORMAT, content, groups)


def load(folder: Path, training: Training, core: Any, identity: dict[str, Any]) -> Progress:
    """Put a training, its environment and the generators back to a checkpoint.

    Returns
    -------
    Progress

    Raises
    ------
    BundleError
        If the checkpoint is damaged, or of another format.
    TrainingError
        If it is of another training; the message says what differs.
    """
    content, groups = archive.read(folder, KIND, FORMAT)
    _refuse_other(folder, content["identity"], identity)
    training.set_state(groups["training"], content["training"])
    if core is not None:
        core.set_state(groups["env"])
    else:
        training.restart()
    generators.set_state(groups["random"], content["random"])
    best = content["best"]
    return Progress(content["ended"], groups["best"], best["description"], best["steps"], content["history"])


def _refuse_other(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with another training; different libraries alone would only cost the identity of the bits."""
    for name in sorted({*before, *now} - {"versions"}):
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            inner = next((key for key in sorted({*one, *other}) if one.get(key) != other.get(key)), None)
            if inner is not None:
                name, one, other = f"{name}: {inner}", one.get(inner), other.get(inner)
        if one != other:
            raise TrainingError(
                f"{folder}: the checkpoint is of another training: {name} was {_short(one)}, and now it is "
                f"{_short(other)}. Resume with what it began with, or give another checkpoint_dir"
            )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "…"
