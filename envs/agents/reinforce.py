"""REINFORCE with a baseline: play, see what followed, and make what turned out well more likely. One page to read.

A policy π gives each action a probability (discrete actions), or a density (a box: normal, cut off at its bounds).
After a rollout every step t has its return, what in fact followed, discounted by γ:

    G_t = r_t + γ G_{t+1},  and  G_t = r_t  where the episode terminated.

The gradient of the expected return is the mean of (G_t − b(s_t)) ∇ log π(a_t | s_t), for any baseline b that does not
look at the action. The better b foretells G, the less the sum is noise; b is a network too, fitted to the returns.

Pure REINFORCE waits for the end of an episode. Ours may be long, or end by a limit of time alone, so a rollout has a
fixed length, and where it cuts an episode (so does a time limit) b stands for the rest: G_t = r_t + γ b(s_{t+1}).

PPO and A2C do the same with more care of each sample. What they learn and this does not is owed to that care.

Sources: Ronald Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
Machine Learning 8 (1992), 229-256; Richard Sutton and Andrew Barto, "Reinforcement Learning", 2nd edition (2018),
section 13.4. The network is that of John Schulman et al., "Proximal Policy Optimization Algorithms" (2017).
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from envs.agents.learner import Learner, rate_at
from envs.agents.policy import MLPPolicy
from envs.errors import TrainingError


class Reinforce(Learner):
    """Learn a policy network on discrete actions or a box.

    Parameters
    ----------
    algorithm, venv, seed, total_timesteps
        See `envs.agents.training.Training`.
    hyperparameters : dict
        `gamma`: the discount γ. `n_steps`: steps of each copy in a rollout; one `update` is one rollout.
        `learning_rate`: of the policy, a number or a schedule (Adam, one step per rollout). `max_grad_norm`: its
        gradient is shortened to this norm. `baseline_learning_rate`, `baseline_steps`: of the baseline (Adam, so many
        steps per rollout). `net`, `activation`: hidden layers of policy and baseline. `log_std_init`: logarithm of the
        standard deviations that a policy over a box begins with. `reward_scale`: rewards are multiplied by it.

    Raises
    ------
    TrainingError
        An observation or a loss is not a finite number.
    """

    def __init__(self, algorithm: str, venv: Any, hyperparameters: dict[str, Any], seed: int, total_timesteps: int):
        super().__init__(algorithm, venv, hyperparameters, seed, total_timesteps)
        self.settings = s = SimpleNamespace(**hyperparameters)
        self.random = torch.Generator().manual_seed(seed)
        inputs, self.box = venv.observation_space.shape[0], isinstance(venv.action_space, spaces.Box)
        outputs = venv.action_space.shape[0] if self.box else int(venv.action_space.n)
        self.actor = network([inputs, *s.net, outputs], s.activation, self.random, last_gain=0.01)
        self.log_std = nn.Parameter(torch.full((outputs if self.box else 0,), s.log_std_init))
        self.baseline = network([inputs, *s.net, 1], s.activation, self.random, last_gain=1.0)
        self.unit = 0.0  # in which the baseline counts: the standard deviation of the first rollout's returns
        self.actor_adam = torch.optim.Adam([*self.actor.parameters(), self.log_std])
        self.baseline_adam = torch.optim.Adam(self.baseline.parameters(), lr=s.baseline_learning_rate)

    def update(self) -> dict[str, float]:
        """Play a rollout and learn from it; return the two losses and the entropy of the policy before it learnt."""
        observations, actions, returns = self._rollout()
        with torch.no_grad():
            advantages = returns - self._foretell(observations)
        advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)

        for group in self.actor_adam.param_groups:
            group["lr"] = rate_at(self.settings.learning_rate, self.progress)
        log_probability, entropy = self._log_probability(observations, actions)
        loss = -(log_probability * advantages).mean()
        self._descend(loss, "policy_loss", self.actor_adam)
        for _ in range(self.settings.baseline_steps):
            error = (self.baseline(observations)[:, 0] - returns / self.unit).square().mean()
            self._descend(error, "baseline_loss", self.baseline_adam)
        return {"policy_loss": loss.item(), "baseline_loss": error.item(), "entropy": entropy.item()}

    def _rollout(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Play T steps of n copies; return observations [T · n, d], actions [T · n] or [T · n, k], returns [T · n]."""
        space, shape = self.venv.action_space, (self.settings.n_steps, self.n)
        observations = np.empty((*shape, self.observation.shape[1]), np.float32)
        following = np.empty_like(observations)
        actions = np.empty((*shape, *space.shape), np.float32 if self.box else np.int64)
        rewards, (terminated, cut) = np.empty(shape, np.float32), np.empty((2, *shape), bool)
        for t in range(shape[0]):
            observations[t] = self.observation
            actions[t] = self._draw(torch.from_numpy(observations[t])).numpy()
            taken = np.clip(actions[t], space.low, space.high) if self.box else actions[t]
            following[t], rewards[t], terminated[t], cut[t] = self.step(taken)
        cut[-1] |= ~terminated[-1]  # the end of the rollout cuts all that still run

        rest = np.zeros(shape, np.float32)  # b(s_{t+1}) where an episode was cut
        if self.unit > 0.0:  # the baseline knows something
            with torch.no_grad():
                rest[cut] = self._foretell(torch.from_numpy(following[cut])).numpy()
        returns, after = np.empty(shape, np.float32), np.zeros(self.n, np.float32)
        for t in reversed(range(shape[0])):
            after = rewards[t] + self.settings.gamma * np.where(terminated[t], 0.0, np.where(cut[t], rest[t], after))
            returns[t] = after
        self.unit = self.unit or float(returns.std()) or 1.0
        flat = [torch.from_numpy(x.reshape(-1, *x.shape[2:])) for x in (observations, actions, returns)]
        return flat[0], flat[1], flat[2]

    def _draw(self, observation: torch.Tensor) -> torch.Tensor:
        """Draw an action for each row, as the policy is now."""
        with torch.no_grad():
            output = self.actor(observation)
            if self.box:
                return output + self.log_std.exp() * torch.randn(output.shape, generator=self.random)
            return torch.multinomial(output.softmax(dim=1), 1, generator=self.random)[:, 0]

    def _log_probability(self, observations: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log π(a | s) of each row, and the mean entropy of the policy."""
        output = self.actor(observations)
        if self.box:
            unit = (actions - output) / self.log_std.exp()
            each = -0.5 * unit.square() - self.log_std - 0.5 * math.log(2.0 * math.pi)
            return each.sum(dim=1), (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum()
        log_probabilities = output.log_softmax(dim=1)
        chosen = log_probabilities.gather(1, actions[:, None])[:, 0]
        return chosen, -(log_probabilities.exp() * log_probabilities).sum(dim=1).mean()

    def _foretell(self, observations: torch.Tensor) -> torch.Tensor:
        """Return the baseline b of each row, in units of reward."""
        return self.baseline(observations)[:, 0] * self.unit

    def _descend(self, loss: torch.Tensor, name: str, adam: torch.optim.Optimizer) -> None:
        """Take one step down a loss; where it is not a number, raise, and leave the network as it is."""
        if not torch.isfinite(loss):
            raise TrainingError(
                f"{self.algorithm}: after step {self.steps:,} the {name} is {loss.item()}; try a smaller learning rate "
                "and look at the scale of rewards and observations"
            )
        adam.zero_grad()
        loss.backward()
        if adam is self.actor_adam:
            nn.utils.clip_grad_norm_(adam.param_groups[0]["params"], self.settings.max_grad_norm)
        adam.step()

    def policy(self) -> MLPPolicy:
        """Return the network as it is now."""
        layers = [
            (layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy())
            for layer in self.actor
            if isinstance(layer, nn.Linear)
        ]
        head, log_std = ("gaussian", self.log_std.detach().numpy().copy()) if self.box else ("logits", None)
        return MLPPolicy(layers, self.settings.activation, head, self.venv.action_space, log_std)

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the networks, Adam's memory, the generator, and what every learner remembers."""
        arrays, facts = super().get_state()
        tensors = {"log_std": self.log_std.detach(), "random": self.random.get_state()}
        for name, part in (("actor", self.actor), ("baseline", self.baseline)):
            tensors |= {f"{name}.{key}": tensor for key, tensor in part.state_dict().items()}
        for name, adam in (("actor_adam", self.actor_adam), ("baseline_adam", self.baseline_adam)):
            for k, memory in adam.state_dict()["state"].items():
                tensors |= {f"{name}.{k}.{key}": tensor for key, tensor in memory.items()}
        return arrays | {name: tensor.numpy().copy() for name, tensor in tensors.items()}, facts | {"unit": self.unit}

    def set_state(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Go back to what `get_state` returned."""
        super().set_state(arrays, facts)

        def under(name: str) -> dict[str, torch.Tensor]:
            found = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            return {key: torch.from_numpy(array.copy()) for key, array in found.items()}

        self.actor.load_state_dict(under("actor"))
        self.baseline.load_state_dict(under("baseline"))
        self.log_std.data.copy_(torch.from_numpy(arrays["log_std"]))
        for name, adam in (("actor_adam", self.actor_adam), ("baseline_adam", self.baseline_adam)):
            memory: dict[int, dict[str, torch.Tensor]] = {}
            for key, tensor in under(name).items():
                parameter, _, what = key.partition(".")
                memory.setdefault(int(parameter), {})[what] = tensor
            adam.load_state_dict({"state": memory, "param_groups": adam.state_dict()["param_groups"]})
        self.random.set_state(torch.from_numpy(arrays["random"].copy()))
        self.unit = facts["unit"]


_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def network(sizes: list[int], activation: str, random: torch.Generator, last_gain: float) -> nn.Sequential:
    """Return fully connected layers: orthogonal weights from `random` (torch's own generator is left alone), biases 0.

    Parameters
    ----------
    sizes : list of int
        Inputs, units of the hidden layers, outputs.
    activation : "tanh" or "relu"
        After every layer but the last.
    random : torch.Generator
    last_gain : float
        Scale of the last layer's weights: a small one makes all actions nearly equal at first.
    """
    layers: list[nn.Module] = []
    for k in range(1, len(sizes)):
        last = k == len(sizes) - 1
        layer = nn.utils.skip_init(nn.Linear, sizes[k - 1], sizes[k])
        nn.init.orthogonal_(layer.weight, gain=last_gain if last else math.sqrt(2.0), generator=random)
        nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, _ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)
