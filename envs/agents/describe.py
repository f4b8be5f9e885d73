"""What an agent has to remember of the environment it was trained in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from gymnasium.spaces import Box, Space


@dataclass(frozen=True)
class EnvFacts:
    """The parts of an environment that a bundle holds.

    Parameters
    ----------
    observation_space, action_space : gymnasium.spaces.Space
        Of one copy.
    environment : dict
        `id`, and `settings` as JSON.
    features, scaler : dict or None
        `spec` and `digest` of each.
    data_hash : str or None
        Content hash of the bars.
    """

    observation_space: Box
    action_space: Space
    environment: dict[str, Any]
    features: dict[str, Any] | None = None
    scaler: dict[str, Any] | None = None
    data_hash: str | None = None


def core_of(env: Any) -> Any:
    """Return the core behind an environment of ours in any of its faces, or None behind another's."""
    if hasattr(env, "get_state") and hasattr(env, "spec") and hasattr(env, "n"):
        return env
    for face in (env, getattr(env, "unwrapped", None), getattr(env, "venv", None)):
        core = vars(face).get("core") if hasattr(face, "__dict__") else None
        if core is not None:
            return core
    return None


def facts_of_env(env: Any) -> EnvFacts:
    """Return what to remember of an environment.

    Parameters
    ----------
    env : Core, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
    """
    core = core_of(env)
    if core is None:
        return _facts_of_others(env)
    spec = core.spec()
    settings = dict(spec["settings"])
    found = {name: settings.pop(name, None) for name in ("features", "scaler", "data")}
    return EnvFacts(
        core.observation_space,
        core.action_space,
        {"id": spec["id"], "settings": plain(settings)},
        _with_digest(found["features"]),
        _with_digest(found["scaler"]),
        found["data"],
    )


def _facts_of_others(env: Any) -> EnvFacts:
    """Return the facts of an environment that is none of ours; of its settings those that JSON can hold."""
    one = env.envs[0] if hasattr(env, "envs") else env
    spec = getattr(one, "spec", None)
    env_id = getattr(spec, "id", None) or type(getattr(one, "unwrapped", one)).__name__
    single = [
        getattr(env, f"single_{name}_space", None) or getattr(env, f"{name}_space")
        for name in ("observation", "action")
    ]
    return EnvFacts(single[0], single[1], {"id": env_id, "settings": plain(getattr(spec, "kwargs", None) or {})})


def _with_digest(spec: Any) -> dict[str, Any] | None:
    return None if spec is None else {"spec": plain(spec), "digest": digest_of(spec)}


def digest_of(spec: Any) -> str:
    """Return the SHA-256 of a specification in canonical JSON, as `features.digest` and `scaler.digest` are."""
    text = json.dumps(plain(spec), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def plain(value: Any) -> Any:
    """Return a setting as JSON can hold it; what it cannot hold becomes text."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0.0 else repr(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return f"{type(value).__module__}.{type(value).__qualname__}"
