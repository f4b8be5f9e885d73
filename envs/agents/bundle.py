"""An agent in a directory: `manifest.json`, and `policy-….safetensors` with its weights.

| key of the manifest | |
|---|---|
| `kind`, `format`, `checksum` | "backtester agent", 1, SHA-256 of the manifest without this line |
| `algorithm`, `policy` | such as "ppo"; the kind of policy and its architecture |
| `observations`, `actions` | the two spaces |
| `features`, `scaler` | specification and digest of each, or null |
| `environment` | id, and the settings that define it: costs, account and execution among them |
| `data_hash` | content hash of the bars of the training, or null |
| `training` | seed, steps, hyperparameters, how it ended, what validation said |
| `versions` | of the libraries |
| `files` | name, length and SHA-256 of every other file |

How a save is whole or did not happen, and why nothing is unpickled, is in `backtester.archive`.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from envs.agents import archive, spaces
from envs.agents.agent import Agent
from envs.agents.describe import digest_of, facts_of_env
from envs.agents.policy import policy_class
from envs.errors import BundleError

FORMAT = 1
KIND = "backtester agent"
_MEANING = (
    "window",
    "account_features",
    "clip",
    "actions",
    "exposures",
    "band",
)  # settings that decide what observations and actions mean


def save(agent: Agent, directory: str | PathLike[str]) -> None:
    """Write an agent; see `Agent.save`."""
    groups = {"policy": agent.policy.arrays()}
    _refuse_nan(Path(directory), groups)
    content = {
        "algorithm": agent.algorithm,
        "policy": {"kind": agent.policy.kind, **agent.policy.describe()},
        "observations": spaces.describe(agent.observation_space),
        "actions": spaces.describe(agent.action_space),
        "features": agent.features,
        "scaler": agent.scaler,
        "environment": agent.environment,
        "data_hash": agent.data_hash,
        "training": agent.training,
        "versions": agent.versions,
    }
    archive.write(directory, KIND, FORMAT, content, groups)


def check_place(directory: str | PathLike[str]) -> None:
    """Refuse, before anything is trained, a directory to which `save` would not write.

    Raises
    ------
    BundleError
        If it holds anything but an earlier agent, or its folder does not exist.
    """
    archive.check_target(Path(directory).absolute(), KIND)


def load(directory: str | PathLike[str], env: Any = None, features: Any = None) -> Agent:
    """Read an agent; see `Agent.load`."""
    folder = Path(directory)
    content, groups = archive.read(folder, KIND, FORMAT)
    _refuse_nan(folder, groups)
    try:
        observations, actions = spaces.rebuild(content["observations"]), spaces.rebuild(content["actions"])
        if not isinstance(observations, Box):
            raise BundleError(f"the observations are {observations}, and must be a Box")
        description = dict(content["policy"])
        policy = policy_class(description.pop("kind")).restore(description, groups["policy"], observations, actions)
        agent = Agent(
            algorithm=content["algorithm"],
            policy=policy,
            observation_space=observations,
            action_space=actions,
            environment=content["environment"],
            training=content["training"],
            features=content["features"],
            scaler=content["scaler"],
            data_hash=content["data_hash"],
            versions=content["versions"],
        )
    except BundleError as error:
        raise BundleError(f"{folder}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BundleError(
            f"{folder}: what it holds does not fit together ({type(error).__name__}: {error}); train again"
        ) from None
    if env is not None:
        _refuse_other_env(folder, agent, env)
    if features is not None:
        _refuse_other_features(folder, agent, digest_of(features.spec()))
    return agent


def _refuse_nan(folder: Path, groups: dict[str, dict[str, np.ndarray]]) -> None:
    for arrays in groups.values():
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                bad = array[~np.isfinite(array)][0]
                raise BundleError(
                    f"{folder}: {name} holds {bad}; every weight must be finite. Use the last good checkpoint, or "
                    "train again with a lower learning rate"
                )


def fits(agent: Agent, env: Any, where: str = "") -> None:
    """Refuse an environment with observations of another size, or another action space.

    Raises
    ------
    BundleError
        That names the space.
    """
    found = facts_of_env(env)
    mine, other = agent.observation_space.shape, found.observation_space.shape
    if mine != other:
        raise BundleError(f"{where}the agent observes {mine[0]} numbers, and this environment shows {other}")
    acts, takes = spaces.describe(agent.action_space), spaces.describe(found.action_space)
    if acts != takes:
        raise BundleError(
            f"{where}the agent acts in {agent.action_space}, and this environment in {found.action_space}"
        )


def _refuse_other_env(folder: Path, agent: Agent, env: Any) -> None:
    """Refuse an environment in which observations or actions mean something else."""
    found = facts_of_env(env)
    fits(agent, env, f"{folder}: ")
    trained_in = agent.environment.get("id")
    if found.environment["id"] != trained_in:
        raise BundleError(
            f"{folder}: the agent was trained in {trained_in}, and this environment is {found.environment['id']}"
        )
    mine, other = (agent.environment.get("settings") or {}), (found.environment["settings"] or {})
    for name in _MEANING:
        if mine.get(name) != other.get(name):
            raise BundleError(
                f"{folder}: {name} was {mine.get(name)!r} in the training, and in this environment it is "
                f"{other.get(name)!r}"
            )
    if agent.features or found.features:
        _refuse_other_features(folder, agent, (found.features or {}).get("digest"))
    scaled, scales = ((one or {}).get("digest") for one in (agent.scaler, found.scaler))
    if scaled != scales:
        raise BundleError(
            f"{folder}: the scaler of this environment is another than that of the training (digest {_short(scales)}, "
            f"not {_short(scaled)}); give it the agent's own: Scaler.from_spec(agent.scaler['spec'])"
        )


def _refuse_other_features(folder: Path, agent: Agent, digest: str | None) -> None:
    mine = (agent.features or {}).get("digest")
    if mine != digest:
        raise BundleError(
            f"{folder}: the agent observes another feature set (digest {_short(mine)}, not {_short(digest)}); give the "
            "features of the training: agent.features['spec'] lists them"
        )


def _short(digest: str | None) -> str:
    return "none" if digest is None else f"{digest[:12]}…"
