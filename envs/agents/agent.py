"""A trained policy with all that one has to know to use it: spaces, features, scaler, environment, training."""

from __future__ import annotations

from os import PathLike
from typing import Any

from gymnasium.spaces import Box, Discrete, Space

from envs.agents import spaces
from envs.agents.policy import Policy
from envs.agents.sampling import generator


class Agent:
    """A trained policy; made by `envs.agents.train`, stored by `save`, read by `load`.

    Attributes
    ----------
    algorithm : str
        "ppo", "a2c", "dqn", "sac", "reinforce" or "q_learning".
    policy : Policy
        What turns observations into actions.
    observation_space, action_space : gymnasium.spaces.Space
        Those it was trained in.
    environment : dict
        `id` and `settings` of the environment: prices, costs, account and execution, as `core.spec()` tells them.
    features : dict or None
        `spec` and `digest` of the features it observes.
    scaler : dict or None
        `spec` and `digest` of their scaler; the specification holds all that it learnt.
    training : dict
        `seed`, `steps`, `hyperparameters`, `ended`, `chosen` and the numbers of validation.
    data_hash : str or None
        Content hash of the bars it was trained on.
    versions : dict
        Versions of the libraries at the training.
    """

    def __init__(
        self,
        algorithm: str,
        policy: Policy,
        observation_space: Box,
        action_space: Space,
        environment: dict[str, Any],
        training: dict[str, Any],
        features: dict[str, Any] | None = None,
        scaler: dict[str, Any] | None = None,
        data_hash: str | None = None,
        versions: dict[str, str] | None = None,
    ):
        self.algorithm, self.policy = algorithm, policy
        self.observation_space, self.action_space = observation_space, action_space
        self.environment, self.training = environment, training
        self.features, self.scaler, self.data_hash = features, scaler, data_hash
        self.versions = dict(versions or {})
        self._generator = generator(int(training.get("seed", 0)))

    def __repr__(self) -> str:
        steps = self.training.get("steps")
        after = f" after {steps:,} steps" if isinstance(steps, int) else ""
        return f"Agent({self.algorithm}, {self.environment.get('id')}{after})"

    def _repr_html_(self) -> str:
        from envs.agents.pictures import html_of

        return html_of(self)

    def plot(self, log: str | PathLike[str] | None = None) -> Any:
        """Return a Plotly figure of the learning curve.

        Parameters
        ----------
        log : path, optional
            The `log_dir` of the training; without it the curve of the validations that the agent remembers.

        Raises
        ------
        TrainingError
            If there is no log, or nothing to draw.
        """
        from envs.agents.pictures import plot

        return plot(self, log)

    def predict(self, observation: Any, deterministic: bool = True) -> Any:
        """Return the action for an observation, or the actions for many.

        Parameters
        ----------
        observation : array [d] or [n, d]
            Finite numbers; cast to float32. Rows do not influence one another: a row has the same action alone and
            among a thousand.
        deterministic : bool
            Take the best action, rather than draw one from the agent's own generator, which `seed` sets.

        Returns
        -------
        int, array [k], array [n] or array [n, k]
            Within the action space: int64 for discrete actions, float32 for a box.

        Raises
        ------
        ValueError
            If the shape does not fit, a number is not finite, or actions are to be drawn where the policy knows only
            the best one (DQN).
        """
        rows, single = spaces.checked_observations(observation, self.observation_space.shape[0])
        actions = self.policy.act(rows, deterministic, self._generator)
        if not single:
            return actions
        return int(actions[0]) if isinstance(self.action_space, Discrete) else actions[0]

    def seed(self, seed: int) -> None:
        """Set the generator of drawn actions; at first it has the seed of the training."""
        self._generator = generator(int(seed))

    def save(self, directory: str | PathLike[str]) -> None:
        """Write the agent to a directory: a JSON manifest, and its numbers as safetensors.

        Parameters
        ----------
        directory : path
            New, empty, or an earlier agent, which is replaced; a kill or a full disk leaves that one as it was.

        Raises
        ------
        BundleError
            If the directory holds anything else, or cannot be written.
        """
        from envs.agents.bundle import save

        save(self, directory)

    @classmethod
    def load(cls, directory: str | PathLike[str], env: Any = None, features: Any = None) -> Agent:
        """Read an agent that `save` wrote; nothing is unpickled.

        Parameters
        ----------
        directory : path
        env : gymnasium.Env, gymnasium.vector.VectorEnv, VecEnv or Core, optional
            What it is going to act in: id, spaces, features, scaler, window, actions and exposures must be those of the
            training. Data, costs, account, execution and episodes may differ.
        features : backtester.signals.Features, optional
            What it is going to observe: the digest must be that of the training.

        Raises
        ------
        BundleError
            If a file is missing, cut off, altered or something else, a weight is NaN or infinite, the format is
            another, or the agent does not fit `env` or `features`; the message says which.
        """
        from envs.agents.bundle import load

        return load(directory, env, features)
