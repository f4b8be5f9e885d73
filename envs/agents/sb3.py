"""PPO, A2C, DQN and SAC of stable-baselines3 behind our protocol: taken apart into numbers, and put together again.

SB3's own save files are pickles in a zip; nothing here writes or reads them. What a training depends on is taken out of
the model as arrays and JSON (`get_state`), and the policy as plain layers (`policy`), which the jitted forward pass
runs.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from torch import nn

from envs.agents.policy import MLPPolicy
from envs.agents.training import Training, Watch
from envs.errors import TrainingError

_CLASSES: dict[str, Any] = {"ppo": PPO, "a2c": A2C, "dqn": DQN, "sac": SAC}
_OURS = (
    "n_envs",
    "net",
    "activation",
    "log_std_init",
    "reward_scale",
)  # names that SB3 does not have, or has elsewhere
_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
_COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_current_progress_remaining")
_DQN_COUNTERS = ("_n_calls", "exploration_rate")
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class SB3Training(Training):
    """A training of one of stable-baselines3's algorithms; see `envs.agents.training.Training`."""

    def __init__(self, algorithm: str, venv: VecEnv, hyperparameters: dict[str, Any], seed: int, total_timesteps: int):
        self.algorithm, self.total_timesteps = algorithm, total_timesteps
        self._on_policy = algorithm in ("ppo", "a2c")
        _check_sizes(algorithm, hyperparameters, venv.num_envs)
        self._scale = hyperparameters.get("reward_scale", 1.0)
        venv = venv if self._scale == 1.0 else _ScaledRewards(venv, self._scale)
        rest = {name: value for name, value in hyperparameters.items() if name not in _OURS}
        for name in ("learning_rate", "clip_range", "clip_range_vf"):
            if isinstance(rest.get(name), dict):
                rest[name] = _Linear(rest[name]["from"], rest[name]["to"])
        self.model = _CLASSES[algorithm](
            "MlpPolicy", venv, seed=seed, device="cpu", policy_kwargs=_network(algorithm, venv, hyperparameters), **rest
        )
        self.model.set_logger(Logger(folder=None, output_formats=[]))
        self._resumed = False

    @property
    def steps(self) -> int:  # type: ignore[override]
        """Steps taken so far."""
        return int(self.model.num_timesteps)

    def learn(self, watch: Watch) -> None:
        """Learn from where it stands; see `Training.learn`."""
        model = self.model
        left = self.total_timesteps - model.num_timesteps if self._resumed else self.total_timesteps
        try:
            model.learn(
                left,
                callback=_Bridge(watch, self._scale),
                log_interval=None,  # type: ignore[arg-type]
                reset_num_timesteps=not self._resumed,
            )
        except _Stop:
            pass
        except ValueError as error:  # torch's distributions refuse what NaN weights lead to, before we can look
            if all(bool(torch.isfinite(weights).all()) for weights in model.policy.parameters()):
                raise
            raise TrainingError(f"a weight of the network became NaN ({str(error).splitlines()[0][:80]})") from None

    def policy(self) -> MLPPolicy:
        """Return a copy of the policy as plain layers."""
        policy, actions = self.model.policy, self.model.action_space
        if self.algorithm == "dqn":
            layers, activation = _layers(policy.q_net.q_net)
            return MLPPolicy(layers, activation, "q", actions)
        if self.algorithm == "sac":
            layers, activation = _layers(policy.actor.latent_pi)
            mean, spread = _linear(policy.actor.mu), _linear(policy.actor.log_std)
            return MLPPolicy([*layers, mean], activation, "squashed", actions, spread=spread)
        layers, activation = _layers(policy.mlp_extractor.policy_net)
        layers.append(_linear(policy.action_net))
        if isinstance(actions, Box):
            return MLPPolicy(layers, activation, "gaussian", actions, log_std=_array(policy.log_std))
        return MLPPolicy(layers, activation, "logits", actions)

    def losses(self) -> dict[str, float]:
        """Return what SB3 logged of the last update, without its prefix."""
        found = self.model.logger.name_to_value
        return {name.partition("/")[2]: float(value) for name, value in found.items() if name.startswith("train/")}

    def recent_episodes(self) -> tuple[float, float] | None:
        """Return mean return and mean length of the last episodes that ended."""
        episodes = self.model.ep_info_buffer
        if not episodes:
            return None
        return (
            float(np.mean([one["r"] for one in episodes])),
            float(np.mean([one["l"] for one in episodes])),
        )

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return all that the next step depends on; see `Training.get_state`."""
        model = self.model
        arrays = {f"policy.{name}": _array(tensor) for name, tensor in model.policy.state_dict().items()}
        facts: dict[str, Any] = {name: getattr(model, name) for name in self._counters()}
        for name, optimizer in self._optimizers().items():
            held, facts[name] = _optimizer_state(optimizer)
            arrays.update({f"{name}.{key}": value for key, value in held.items()})
        if self.algorithm == "sac" and model.log_ent_coef is not None:
            arrays["log_ent_coef"] = _array(model.log_ent_coef)
        arrays["last_obs"] = np.array(model._last_obs)
        arrays["last_episode_starts"] = np.array(model._last_episode_starts)
        facts["episodes"] = [[float(one["r"]), int(one["l"])] for one in model.ep_info_buffer]
        facts["action_space"] = _generator_state(model.action_space)
        if not self._on_policy:
            buffer = model.replay_buffer
            facts["buffer"] = {"pos": int(buffer.pos), "full": bool(buffer.full)}
            arrays.update({f"buffer.{name}": getattr(buffer, name)[: buffer.size()] for name in _REPLAY})
        return arrays, facts

    def set_state(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go back to what `get_state` returned."""
        model = self.model
        begins = "policy."
        state = {name[len(begins) :]: torch.tensor(a) for name, a in arrays.items() if name.startswith(begins)}
        model.policy.load_state_dict(state)
        for name in self._counters():
            setattr(model, name, facts[name])
        for name, optimizer in self._optimizers().items():
            held = {key[len(name) + 1 :]: a for key, a in arrays.items() if key.startswith(f"{name}.")}
            _set_optimizer_state(optimizer, held, facts[name])
        if self.algorithm == "sac" and model.log_ent_coef is not None:
            with torch.no_grad():
                model.log_ent_coef.copy_(torch.tensor(arrays["log_ent_coef"]))
        model._last_obs = arrays["last_obs"].copy()
        model._last_episode_starts = arrays["last_episode_starts"].copy()
        model.ep_info_buffer = deque(
            ({"r": value, "l": length} for value, length in facts["episodes"]), maxlen=model._stats_window_size
        )
        model.ep_success_buffer = deque(maxlen=model._stats_window_size)
        _set_generator_state(model.action_space, facts["action_space"])
        if not self._on_policy:
            buffer = model.replay_buffer
            buffer.pos, buffer.full = facts["buffer"]["pos"], facts["buffer"]["full"]
            for name in _REPLAY:
                getattr(buffer, name)[: buffer.size()] = arrays[f"buffer.{name}"]
        self._resumed = True

    def restart(self) -> None:
        """Begin new episodes; see `Training.restart`."""
        model = self.model
        model._last_obs = model.env.reset()
        model._last_episode_starts = np.ones(model.n_envs, np.bool_)

    def _counters(self) -> tuple[str, ...]:
        return (*_COUNTERS, *_DQN_COUNTERS) if self.algorithm == "dqn" else _COUNTERS

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        model = self.model
        if self.algorithm != "sac":
            return {"optimizer": model.policy.optimizer}
        found = {"actor_optimizer": model.actor.optimizer, "critic_optimizer": model.critic.optimizer}
        if model.ent_coef_optimizer is not None:
            found["entropy_optimizer"] = model.ent_coef_optimizer
        return found


class _Stop(Exception):
    """Raised at a boundary to leave SB3's loop, which itself can only stop after another step."""


class _Bridge(BaseCallback):
    """Tells the watch what SB3 tells its callbacks; a rollout begins where the last update is over."""

    def __init__(self, watch: Watch, scale: float):
        super().__init__()
        self._watch, self._scale = watch, scale

    def _on_rollout_start(self) -> None:
        if not self._watch.boundary():
            raise _Stop

    def _on_step(self) -> bool:
        self._watch.stepped(self.locals["rewards"])
        return True


class _Linear:
    """A rate that goes from one number to another in a straight line, as SB3 asks for it: by what remains of 1."""

    def __init__(self, start: float, end: float):
        self.start, self.end = start, end

    def __call__(self, remaining: float) -> float:
        return self.end + (self.start - self.end) * max(remaining, 0.0)


class _ScaledRewards(VecEnvWrapper):
    """Multiplies rewards by a constant on their way to the algorithm; returns in infos and logs stay as they are."""

    def __init__(self, venv: VecEnv, scale: float):
        super().__init__(venv)
        self._scale = scale

    def reset(self) -> Any:
        """Reset the copies."""
        return self.venv.reset()

    def step_wait(self) -> Any:
        """Step the copies."""
        observations, rewards, dones, infos = self.venv.step_wait()
        return observations, rewards * self._scale, dones, infos


def _check_sizes(algorithm: str, values: dict[str, Any], n_envs: int) -> None:
    """Refuse sizes that do not fit together, of which SB3 would only warn, or fail later."""
    if algorithm == "ppo":
        rollout = values["n_steps"] * n_envs
        if rollout % values["batch_size"] or rollout < 2:
            raise TrainingError(
                f"ppo: batch_size is {values['batch_size']}; it must divide n_steps × n_envs = {values['n_steps']} × "
                f"{n_envs} = {rollout} without a rest, so that no batch is smaller than the others"
            )
    if algorithm == "dqn" and values["target_update_interval"] < n_envs:
        raise TrainingError(
            f"dqn: target_update_interval is {values['target_update_interval']}; it counts steps of all copies, so it "
            f"must be at least n_envs = {n_envs}"
        )
    if algorithm in ("dqn", "sac") and values["buffer_size"] < values["batch_size"]:
        raise TrainingError(
            f"{algorithm}: buffer_size is {values['buffer_size']}; it must hold a batch of {values['batch_size']}"
        )


def _network(algorithm: str, venv: VecEnv, values: dict[str, Any]) -> dict[str, Any]:
    """Return SB3's `policy_kwargs`."""
    found: dict[str, Any] = {"net_arch": list(values["net"]), "activation_fn": _ACTIVATIONS[values["activation"]]}
    if algorithm in ("ppo", "a2c") and isinstance(venv.action_space, Box):
        found["log_std_init"] = values.get("log_std_init", 0.0)
    return found


def _layers(net: nn.Sequential) -> tuple[list[tuple[np.ndarray, np.ndarray]], str]:
    """Return the linear layers of a network and the activation between them."""
    layers = [_linear(part) for part in net if isinstance(part, nn.Linear)]
    return layers, "relu" if any(isinstance(part, nn.ReLU) for part in net) else "tanh"


def _linear(layer: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
    return _array(layer.weight), _array(layer.bias)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


def _optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the tensors of an optimizer, and the rest of its state as JSON can hold it."""
    state = optimizer.state_dict()
    arrays = {
        f"{index}.{name}": _array(value) for index, held in state["state"].items() for name, value in held.items()
    }
    groups = [
        {name: list(value) if isinstance(value, tuple) else value for name, value in group.items()}
        for group in state["param_groups"]
    ]
    return arrays, {"groups": groups}


def _set_optimizer_state(
    optimizer: torch.optim.Optimizer, arrays: dict[str, np.ndarray], facts: dict[str, Any]
) -> None:
    held: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in arrays.items():
        index, _, name = key.partition(".")
        held.setdefault(int(index), {})[name] = torch.tensor(value)
    groups = [
        {name: tuple(value) if name == "betas" else value for name, value in group.items()} for group in facts["groups"]
    ]
    optimizer.load_state_dict({"state": held, "param_groups": groups})


def _generator_state(space: Any) -> dict[str, Any]:
    """Return the state of a space's own generator, from which DQN and SAC explore; its integers exceed 64 bits."""
    return space.np_random.bit_generator.state


def _set_generator_state(space: Any, state: dict[str, Any]) -> None:
    space.np_random.bit_generator.state = state
