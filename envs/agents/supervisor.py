"""What watches a training: the alarm for numbers that are none, checkpoints, validation, log, progress bar, Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backtester.engine.interrupt import Interrupt
from envs.agents import checkpoint
from envs.agents.checkpoint import Progress
from envs.agents.logs import Log
from envs.agents.policy import Policy
from envs.agents.progress import ProgressBar
from envs.agents.training import Training
from envs.errors import TrainingError

LOOKS = 200  # rows of the log, about


@dataclass
class Plan:
    """When to do what.

    Parameters
    ----------
    name : str
        Of the training, for messages.
    total : int
        Steps.
    checkpoint_dir : path or None
    checkpoint_every : int
        Steps between checkpoints.
    validate : callable or None
        Returns the mean return of a policy.
    validate_every : int
        Steps between validations.
    patience : int or None
        How many validations without a better one end the training.
    """

    name: str
    total: int
    checkpoint_dir: Path | None
    checkpoint_every: int
    validate: Callable[[Policy], float] | None
    validate_every: int
    patience: int | None


class Supervisor:
    """The `Watch` of a training by `envs.agents.train`.

    Parameters
    ----------
    training : Training
    core : Core or None
        Of its environment.
    plan : Plan
    identity : dict
        What makes the training the one it is.
    progress : Progress
        Where it stands.
    log : Log or None
    bar : ProgressBar
    interrupt : Interrupt
        Notes Ctrl-C.
    """

    def __init__(
        self,
        training: Training,
        core: Any,
        plan: Plan,
        identity: dict[str, Any],
        progress: Progress,
        log: Log | None,
        bar: ProgressBar,
        interrupt: Interrupt,
    ):
        self.training, self.core, self.plan, self.identity = training, core, plan, identity
        self.progress, self.log, self.bar, self.interrupt = progress, log, bar, interrupt
        self.interrupted = False
        self._logged = -1  # steps of the last row
        self._began, self._began_at = time.monotonic(), training.steps
        self._steps = self._saved = training.steps
        self._next_log = training.steps + self._log_every()
        self._next_checkpoint = training.steps + plan.checkpoint_every
        validated = int(progress.history[-1][0]) if progress.history else 0
        self._next_validation = validated + plan.validate_every

    def stepped(self, rewards: np.ndarray) -> None:
        """Look at the rewards of one step of all copies."""
        self._steps += len(rewards)
        if not math.isfinite(rewards.sum()):
            copy = int(np.flatnonzero(~np.isfinite(rewards))[0]) if not np.isfinite(rewards).all() else -1
            if copy >= 0:
                raise self.failure(f"the reward of copy {copy} was {rewards[copy]}", self._steps)

    def boundary(self) -> bool:
        """Do what is due at a point from which the training could go on, and return whether it is to."""
        steps = self._steps = self.training.steps
        self._look_at_losses(steps)
        if self.bar.due():
            episodes = self.training.recent_episodes()
            self.bar.update(steps, None if episodes is None else episodes[0], self._equity())
        validated = self.plan.validate is not None and steps >= self._next_validation
        if validated and self._validate():
            self.progress.ended = "early stop"
            return False
        if validated or steps >= self._next_log:
            self._write_row()
        if self.interrupt.noted:
            self.interrupted = True
            self.save()
            return False
        if steps >= self._next_checkpoint:
            self.save()
        return True

    def finish(self) -> None:
        """Look at the outcome: weights, a last validation, a last row, a last checkpoint."""
        self._steps = self.training.steps
        self._look_at_losses(self._steps)
        self._look_at_weights(self.training.policy())
        if self.interrupted:
            return
        validated = self.progress.history[-1][0] if self.progress.history else -1
        if self.plan.validate is not None and validated < self._steps:
            self._validate()
        self._write_row()
        if not self.progress.ended:
            self.progress.ended = "complete"
        self.save()

    def save(self) -> None:
        """Write a checkpoint, unless a weight is NaN or there is no place for one."""
        self._next_checkpoint = self.training.steps + self.plan.checkpoint_every
        if self.plan.checkpoint_dir is None:
            return
        self._look_at_weights(self.training.policy())
        checkpoint.save(self.plan.checkpoint_dir, self.training, self.core, self.identity, self.progress)
        self._saved = self.training.steps

    def failure(self, what: str, steps: int) -> TrainingError:
        """Return the error that ends the training: what happened, at which step, and what is left."""
        left = "there is no checkpoint, as no checkpoint_dir was given"
        if self.plan.checkpoint_dir is not None:
            left = f"the last good checkpoint is of step {self._saved:,}, in {self.plan.checkpoint_dir}"
            if not self._saved:
                left = "no checkpoint had been written yet"
        return TrainingError(
            f"{self.plan.name}: stopped at step {steps:,}: {what}; {left}. A lower learning_rate or max_grad_norm, or "
            "rewards of another scale, may help"
        )

    def _look_at_losses(self, steps: int) -> None:
        for name, value in self.training.losses().items():
            if not math.isfinite(value):
                raise self.failure(f"{name} became {value}", steps)

    def _look_at_weights(self, policy: Policy) -> None:
        for name, array in policy.arrays().items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise self.failure(f"{name} of the policy holds {array[~np.isfinite(array)][0]}", self.training.steps)

    def _validate(self) -> bool:
        """Let the policy of now play in the validation environment; return whether patience is at its end."""
        policy, steps, progress = self.training.policy(), self.training.steps, self.progress
        self._look_at_weights(policy)
        self._next_validation = steps + self.plan.validate_every
        score = self.plan.validate(policy)  # type: ignore[misc]
        if not progress.history or score > max(value for _, value in progress.history):
            progress.best, progress.best_steps = policy.arrays(), steps
            progress.best_description = {"kind": policy.kind, **policy.describe()}
        progress.history.append([steps, score])
        if self.plan.patience is None:
            return False
        return sum(at > progress.best_steps for at, _ in progress.history) >= self.plan.patience

    def _log_every(self) -> int:
        return max(self.plan.total // LOOKS, 1)

    def _write_row(self) -> None:
        """Write a row of the log."""
        steps = self.training.steps
        self._next_log = steps + self._log_every()
        if self.log is None or self._logged == steps:
            return
        self._logged = steps
        seconds = time.monotonic() - self._began
        row = {"steps": steps, "seconds": seconds, "steps_per_second": (steps - self._began_at) / max(seconds, 1e-9)}
        episodes = self.training.recent_episodes()
        if episodes is not None:
            row["episode_return"], row["episode_length"] = episodes
        equity = self._equity()
        if equity is not None:
            row["equity"] = equity
        if self.progress.history and self.progress.history[-1][0] == steps:
            row["validation_return"] = self.progress.history[-1][1]
        self.log.write({**row, **self.training.losses()})

    def _equity(self) -> float | None:
        """Return the mean equity of the copies, in an environment that tells it."""
        equity = None if self.core is None else self.core.info().get("equity")
        return None if equity is None else float(np.mean(equity))
