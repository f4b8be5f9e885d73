"""`train`: from an algorithm and an environment to an agent, with all around the learning itself."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from backtester.engine.interrupt import Interrupt
from backtester.trials.record import record_other
from envs.agents import archive, checkpoint, copies, spaces
from envs.agents.agent import Agent
from envs.agents.checkpoint import Progress
from envs.agents.describe import EnvFacts, core_of, facts_of_env
from envs.agents.evaluation import evaluate
from envs.agents.hyperparameters import hyperparameters_for
from envs.agents.policy import Policy, policy_class
from envs.agents.progress import ProgressBar
from envs.agents.training import Trainer, Training, trainer_of
from envs.errors import TrainingError

VALIDATION_SEED = 1_000_003  # of validation episodes: always the same, and none of the training's


def train(
    algo: str,
    env: copies.Asked,
    *,
    total_timesteps: int,
    seed: int,
    n_envs: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    validation: copies.Asked | None = None,
    validate_every: int | None = None,
    validation_episodes: int = 16,
    patience: int | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    resume: bool = False,
) -> Agent:
    """Train an agent.

    The same arguments give the same agent, bit for bit on one machine, whether or not the training was killed and
    resumed on the way. Python's, NumPy's and torch's own random numbers are where they were, afterwards.

    Parameters
    ----------
    algo : str
        "ppo", "a2c", "dqn", "sac" (stable-baselines3's), "reinforce" or "q_learning" (our own).
    env : id, (id, settings), Core, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
        Where to train. What is named is made, in as many copies as are wanted; what is given is used as it is.
    total_timesteps : int
        Steps of all copies together; the last rollout is finished.
    seed : int
        From 0 to 2³² - 1. Copy i of the environment is seeded with seed + i.
    n_envs : int, optional
        Copies of the environment; the hyperparameters' unless given.
    hyperparameters : mapping, optional
        What is to differ from the shipped file of the algorithm, `envs/agents/hyperparameters/<algo>.yml`.
    checkpoint_dir : path, optional
        Where the training is kept, so that it can be resumed. One checkpoint, replaced by the next.
    checkpoint_every : int, optional
        Steps between checkpoints; a tenth of the total unless given.
    validation : as `env`, optional
        Where the policy is tried from time to time, on the same episodes each time. The agent is the best one there,
        rather than the last.
    validate_every : int, optional
        Steps between validations; a twentieth of the total unless given.
    validation_episodes : int
        How many episodes a validation takes.
    patience : int, optional
        After how many validations without a better one to stop; by default never.
    log_dir : path, optional
        Where `progress.csv` and TensorBoard's files go.
    progress : bool, optional
        Whether to show a progress bar on stderr; by default on a terminal, after a second.
    resume : bool
        Go on from the checkpoint in `checkpoint_dir`, if there is one. Everything else must be as it was. The state of
        an environment that is none of ours cannot be stored: there the episodes begin anew, and the bits differ.

    Returns
    -------
    Agent
        After Ctrl-C, what has been learnt so far, with a warning; a checkpoint is kept. A second Ctrl-C raises. Where
        it has seen bars, the project's trial ledger counts it.

    Raises
    ------
    TrainingError
        If an argument is wrong or does not fit, or a reward, a loss or a weight became NaN or infinite: the message
        names the step, and the last good checkpoint is kept.
    """
    trainer = trainer_of(algo)
    _check(total_timesteps, seed, checkpoint_every, validate_every, validation_episodes, patience)
    folder = _checkpoint_folder(checkpoint_dir, checkpoint_every, resume)
    if validation is None and (validate_every is not None or patience is not None):
        raise TrainingError("validate_every and patience need validation=, an environment to validate in")
    named = copies.id_and_settings(env)
    env_id = named[0] if named else facts_of_env(env).environment["id"]
    values = hyperparameters_for(trainer, env_id, hyperparameters)
    wanted = _copies_wanted(n_envs, values, named is not None)
    venv = copies.vec_env(env, wanted)
    values["n_envs"] = venv.num_envs
    facts = facts_of_env(venv)
    _check_spaces(trainer, facts)

    from envs.agents import generators  # torch, from here on

    identity = _identity(trainer, facts, values, total_timesteps, seed)
    core = core_of(venv)
    with contextlib.ExitStack() as stack:
        stack.enter_context(generators.lent(seed))
        training = trainer.training()(algo, venv, values, seed, total_timesteps)
        stands = Progress()
        if folder is not None and resume and archive.exists(folder):
            stands = checkpoint.load(folder, training, core, identity)
        supervisor = _supervise(
            stack,
            training,
            core,
            identity,
            stands,
            plan={
                "name": f"{algo} on {env_id}",
                "total": total_timesteps,
                "checkpoint_dir": folder,
                "checkpoint_every": checkpoint_every or max(total_timesteps // 10, 1),
                "validate": _validator(validation, validation_episodes, facts, algo),
                "validate_every": validate_every or max(total_timesteps // 20, 1),
                "patience": patience,
            },
            log_dir=log_dir,
            shown=progress,
        )
        if not stands.ended:
            _learn(training, supervisor)
        agent = _agent(training, facts, identity, stands, supervisor.interrupted)
    if getattr(core, "bars", None) is not None:
        record_other(core.bars, type(agent), identity, "training")
    if supervisor.interrupted:
        kept = f"; the checkpoint is in {folder}, resume=True goes on" if folder is not None else ""
        warnings.warn(
            f"{supervisor.plan.name}: interrupted after {training.steps:,} of {total_timesteps:,} steps; the agent is "
            f"what had been learnt by then{kept}",
            stacklevel=2,
        )
    return agent


def _check(
    total: Any, seed: Any, checkpoint_every: Any, validate_every: Any, validation_episodes: Any, patience: Any
) -> None:
    for name, value, least, optional in (
        ("total_timesteps", total, 1, False),
        ("seed", seed, 0, False),
        ("checkpoint_every", checkpoint_every, 1, True),
        ("validate_every", validate_every, 1, True),
        ("validation_episodes", validation_episodes, 1, False),
        ("patience", patience, 1, True),
    ):
        if value is None and optional:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise TrainingError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    if seed >= 2**32:
        raise TrainingError(f"seed is {seed}; it must be less than 2**32, as NumPy's generator has it")


def _checkpoint_folder(asked: str | os.PathLike[str] | None, every: int | None, resume: bool) -> Path | None:
    """Return where checkpoints go; refuse to write over one that is not to be resumed."""
    if asked is None:
        if resume or every is not None:
            raise TrainingError("resume and checkpoint_every need checkpoint_dir=, where the training is kept")
        return None
    folder = Path(os.path.abspath(asked))
    if archive.exists(folder) and not resume:
        raise TrainingError(
            f"{folder}: there is a checkpoint already; resume=True goes on with it, another checkpoint_dir begins anew"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _copies_wanted(asked: int | None, values: dict[str, Any], named: bool) -> int | None:
    if asked is None:
        return values.get("n_envs", 1) if named else None
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise TrainingError(f"n_envs is {asked!r}; it must be a whole number of at least 1")
    return asked


def _check_spaces(trainer: Trainer, facts: EnvFacts) -> None:
    spaces.describe(facts.observation_space)
    kind = spaces.describe(facts.action_space)["type"]
    if not isinstance(facts.observation_space, Box):
        raise TrainingError(f"{trainer.name}: observations must be a flat Box, found {facts.observation_space}")
    if kind not in trainer.actions:
        others = "'ppo' and 'a2c' act in any"
        raise TrainingError(
            f"{trainer.name} acts in {' or '.join(trainer.actions)}, and {facts.environment['id']} has "
            f"{facts.action_space}; {others}"
        )


def _identity(trainer: Trainer, facts: EnvFacts, values: dict[str, Any], total: int, seed: int) -> dict[str, Any]:
    """Return what makes a training the one it is: the same identity, the same agent."""
    digests = {
        name: (part or {}).get("digest") for name, part in (("features", facts.features), ("scaler", facts.scaler))
    }
    return {
        "algorithm": trainer.name,
        "environment": facts.environment,
        **digests,
        "data_hash": facts.data_hash,
        "hyperparameters": values,
        "total_timesteps": total,
        "seed": seed,
    }


def _validator(validation: copies.Asked | None, episodes: int, facts: EnvFacts, algo: str) -> Any:
    """Return a function that tells the mean return of a policy in the validation environment, or None."""
    if validation is None:
        return None
    held = copies.core_for(validation, episodes)
    place = validation if held is None else held

    def mean_return(policy: Policy) -> float:
        agent = Agent(
            algorithm=algo,
            policy=policy,
            observation_space=facts.observation_space,
            action_space=facts.action_space,
            environment=facts.environment,
            training={},
        )
        return evaluate(agent, place, episodes=episodes, seed=VALIDATION_SEED).mean

    return mean_return


def _supervise(
    stack: contextlib.ExitStack,
    training: Training,
    core: Any,
    identity: dict[str, Any],
    stands: Progress,
    plan: dict[str, Any],
    log_dir: Any,
    shown: bool | None,
) -> Any:
    from envs.agents.logs import Log
    from envs.agents.supervisor import Plan, Supervisor

    log = None if log_dir is None else Log(log_dir, training.steps)
    if log is not None:
        stack.callback(log.close)
    bar = ProgressBar(plan["total"], shown, training.steps)
    stack.callback(bar.close)
    interrupt = stack.enter_context(Interrupt(raise_second=True))
    return Supervisor(training, core, Plan(**plan), identity, stands, log, bar, interrupt)


def _learn(training: Training, supervisor: Any) -> None:
    """Learn to the end; an error of the algorithm is told with its step and what is left."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at, and named
            training.learn(supervisor)
        supervisor.finish()
    except TrainingError as error:
        if str(error).startswith(supervisor.plan.name):
            raise
        raise supervisor.failure(str(error), training.steps) from None


def _agent(training: Training, facts: EnvFacts, identity: dict[str, Any], stands: Progress, interrupted: bool) -> Agent:
    """Return what was learnt: the best of validation where there is one, else the last."""
    policy, steps, chosen = training.policy(), training.steps, "last"
    if stands.best_description is not None:
        description = dict(stands.best_description)
        policy = policy_class(description.pop("kind")).restore(
            description,
            stands.best,
            facts.observation_space,
            facts.action_space,  # type: ignore[arg-type]
        )
        steps, chosen = stands.best_steps, "validation best"
    told = {
        "seed": identity["seed"],
        "steps": steps,
        "total_timesteps": identity["total_timesteps"],
        "hyperparameters": identity["hyperparameters"],
        "ended": "interrupted" if interrupted else stands.ended,
        "chosen": chosen,
        "validation": stands.history,
    }
    return Agent(
        algorithm=identity["algorithm"],
        policy=policy,
        observation_space=facts.observation_space,
        action_space=facts.action_space,
        environment=facts.environment,
        training=told,
        features=facts.features,
        scaler=facts.scaler,
        data_hash=facts.data_hash,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    from importlib import metadata

    import backtester

    names = ("gymnasium", "numba", "numpy", "stable-baselines3", "torch")
    return {"backtester": backtester.__version__, **{name: metadata.version(name) for name in names}}
