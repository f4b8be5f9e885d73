"""Policies: what turns observations into actions, and can be stored as numbers and words alone.

A policy is a class in `POLICIES`, under its `kind`. A bundle holds its `arrays()` and its `describe()`; `restore` makes
it again from both. Another kind of policy registers itself with `@policy_kind`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from envs.agents import forward, sampling
from envs.errors import BundleError

LOG_STD_RANGE = (-20.0, 2.0)  # of the networks that say how wide a squashed policy draws, as SAC has it


class Policy(ABC):
    """A rule that turns observations into actions.

    Attributes
    ----------
    kind : str
        The name under which bundles know the class.
    """

    kind: ClassVar[str] = ""

    @abstractmethod
    def act(self, observations: np.ndarray, deterministic: bool, generator: np.ndarray) -> np.ndarray:
        """Return the actions for observations.

        Parameters
        ----------
        observations : array [n, d], float32
            Finite.
        deterministic : bool
            Take the best action, rather than draw one.
        generator : array [1], uint64
            See `envs.agents.sampling`; advanced where actions are drawn.

        Returns
        -------
        array [n] or [n, k]
            int64 for discrete actions, float32 for a box.
        """

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return what the policy learnt, by name."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return all else that `restore` needs, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def restore(
        cls, description: dict[str, Any], arrays: dict[str, np.ndarray], observations: Box, actions: Space
    ) -> Policy:
        """Return the policy that `describe()` and `arrays()` tell of, for these spaces.

        Raises
        ------
        BundleError
            If they do not fit together.
        """


POLICIES: dict[str, type[Policy]] = {}
_P = TypeVar("_P", bound=Policy)


def policy_kind(kind: type[_P]) -> type[_P]:
    """Register a class of policies under its `kind`."""
    POLICIES[kind.kind] = kind
    return kind


@policy_kind
class MLPPolicy(Policy):
    """A network of fully connected layers, as `envs.agents.forward` computes it.

    Parameters
    ----------
    layers : sequence of (weights [outputs, inputs], biases [outputs])
        First to last, as torch's `Linear` has them; cast to float32.
    activation : "tanh" or "relu"
        After every layer but the last.
    head : "q", "logits", "gaussian" or "squashed"
        What the outputs are: values of the actions (DQN), unnormed logarithms of their probabilities, means of a normal
        distribution that is cut off at the bounds, or one whose tanh is taken.
    actions : Discrete, MultiDiscrete or Box
        Their space: a box for the last two heads.
    log_std : array [k], optional
        Logarithms of standard deviations, for "gaussian".
    spread : (weights [k, hidden], biases [k]), optional
        For "squashed": the last layer of a second head, which tells the logarithms.

    Attributes
    ----------
    parameters : array, float32
        All layers in the order of `envs.agents.forward`; read-only.
    sizes : array, int64
    activation_code : int
    """

    kind = "mlp"

    def __init__(
        self,
        layers: Any,
        activation: str,
        head: str,
        actions: Space,
        log_std: np.ndarray | None = None,
        spread: tuple[np.ndarray, np.ndarray] | None = None,
    ):
        self.layers = [(_float32(weights), _float32(biases)) for weights, biases in layers]
        self.activation, self.head, self.action_space = activation, head, actions
        self.activation_code = forward.ACTIVATIONS[activation]
        self.log_std = None if log_std is None else _float32(log_std)
        self.spread = None if spread is None else (_float32(spread[0]), _float32(spread[1]))
        self.sizes = np.array([self.layers[0][0].shape[1], *(len(biases) for _, biases in self.layers)], np.int64)
        self.parameters = _flat(self.layers)
        self._wide = None
        if self.spread is not None:  # both heads as one last layer, so that the hidden ones are computed once
            (weights, biases), (more_weights, more_biases) = self.layers[-1], self.spread
            last = (np.concatenate([weights, more_weights]), np.concatenate([biases, more_biases]))
            sizes = self.sizes.copy()
            sizes[-1] = len(last[1])
            self._wide = (_flat([*self.layers[:-1], last]), sizes)

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """Return the outputs of the network, float32 [n, outputs], for observations [n, d], float32."""
        out = np.empty((len(observations), self.sizes[-1]), np.float32)
        forward.outputs_of_rows(self.parameters, self.sizes, self.activation_code, observations, out)
        return out

    def act(self, observations: np.ndarray, deterministic: bool, generator: np.ndarray) -> np.ndarray:
        """Return the actions for observations; see `Policy.act`. A "q" head has no other way than the best action.

        Raises
        ------
        ValueError
            If actions are to be drawn from a "q" head.
        """
        if isinstance(self.action_space, Box):
            return self._act_box(observations, deterministic, generator)
        outputs = self.outputs(observations)
        choices = _choices(self.action_space)
        actions = np.empty((len(outputs), len(choices)), np.int64)
        if deterministic:
            forward.best_of_rows(outputs, choices, actions)
        elif self.head == "q":
            raise ValueError("a network of action values has one action per observation: use deterministic=True")
        else:
            sampling.draw_discrete(outputs, choices, generator, actions)
        if isinstance(self.action_space, Discrete):
            return actions[:, 0] + int(self.action_space.start)
        return actions

    def _act_box(self, observations: np.ndarray, deterministic: bool, generator: np.ndarray) -> np.ndarray:
        space = self.action_space
        squash = self.head == "squashed"
        low, high = _float32(space.low), _float32(space.high)  # type: ignore[attr-defined]
        if deterministic:
            actions = self.outputs(observations)
            forward.bound_rows(actions, squash, low, high)
            return actions
        if self._wide is None:
            means = self.outputs(observations)
            log_std = np.broadcast_to(self.log_std, means.shape)  # type: ignore[arg-type]
        else:
            both = np.empty((len(observations), 2 * len(low)), np.float32)
            forward.outputs_of_rows(self._wide[0], self._wide[1], self.activation_code, observations, both)
            means, log_std = both[:, : len(low)], np.clip(both[:, len(low) :], *LOG_STD_RANGE)
        actions = np.empty((len(observations), len(low)), np.float32)
        sampling.draw_box(np.ascontiguousarray(means), _float32(log_std), squash, low, high, generator, actions)
        return actions

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights and biases, layer by layer, and those of the spread."""
        found = {}
        for n, (weights, biases) in enumerate(self.layers):
            found[f"layer{n}.weight"], found[f"layer{n}.bias"] = weights, biases
        if self.log_std is not None:
            found["log_std"] = self.log_std
        if self.spread is not None:
            found["spread.weight"], found["spread.bias"] = self.spread
        return found

    def describe(self) -> dict[str, Any]:
        """Return sizes, activation and head."""
        return {"sizes": self.sizes.tolist(), "activation": self.activation, "head": self.head}

    @classmethod
    def restore(
        cls, description: dict[str, Any], arrays: dict[str, np.ndarray], observations: Box, actions: Space
    ) -> MLPPolicy:
        """Return the policy that `describe()` and `arrays()` tell of; see `Policy.restore`."""
        sizes, head = description.get("sizes"), description.get("head")
        if description.get("activation") not in forward.ACTIVATIONS:
            raise BundleError(f"the activation is {description.get('activation')!r}; known are tanh and relu")
        if head not in ("q", "logits", "gaussian", "squashed") or (head in ("q", "logits")) == isinstance(actions, Box):
            raise BundleError(f"a head {head!r} does not act in {actions}")
        n_outputs = len(actions.low) if isinstance(actions, Box) else int(_choices(actions).sum())
        if not isinstance(sizes, list) or len(sizes) < 2 or sizes[0] != observations.shape[0] or sizes[-1] != n_outputs:
            raise BundleError(
                f"a network of sizes {sizes} does not lead from {observations.shape[0]} numbers to {n_outputs} outputs"
            )
        shapes: dict[str, tuple[int, ...]] = {}
        for n, (n_in, n_out) in enumerate(pairwise(sizes)):
            shapes[f"layer{n}.weight"], shapes[f"layer{n}.bias"] = (n_out, n_in), (n_out,)
        if head == "gaussian":
            shapes["log_std"] = (n_outputs,)
        if head == "squashed":
            shapes["spread.weight"], shapes["spread.bias"] = (n_outputs, sizes[-2]), (n_outputs,)
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes:
            raise BundleError(f"the policy has the arrays {found}, and must have {shapes}")
        layers = [(arrays[f"layer{n}.weight"], arrays[f"layer{n}.bias"]) for n in range(len(sizes) - 1)]
        spread = (arrays["spread.weight"], arrays["spread.bias"]) if head == "squashed" else None
        return cls(layers, description["activation"], head, actions, arrays.get("log_std"), spread)


def _choices(space: Space) -> np.ndarray:
    """Return how many choices each part of a discrete action has."""
    return np.array([space.n] if isinstance(space, Discrete) else space.nvec, np.int64)  # type: ignore[attr-defined]


def _flat(layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return layers as the one vector that `envs.agents.forward` reads; read-only."""
    parts = [part for weights, biases in layers for part in (weights.T.ravel(), biases)]
    flat = np.concatenate(parts)
    flat.flags.writeable = False
    return flat


def _float32(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


_HOMES = {"table": "envs.agents.q_learning"}  # kinds whose module registers them when it is loaded


def policy_class(kind: Any) -> type[Policy]:
    """Return the class of policies of a kind.

    Raises
    ------
    BundleError
        If there is none.
    """
    if kind in _HOMES and kind not in POLICIES:
        import_module(_HOMES[kind])
    if not isinstance(kind, str) or kind not in POLICIES:
        raise BundleError(f"a policy of kind {kind!r} is unknown; known are {', '.join(POLICIES)}")
    return POLICIES[kind]
