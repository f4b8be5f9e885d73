"""A small feed-forward network: layers of sums with a bend between them.

Source: Shihao Gu, Bryan Kelly and Dacheng Xiu, "Empirical Asset Pricing via Machine Learning", Review of Financial
Studies 33 (2020), 2223-2273: of networks for returns the shallow ones do best; theirs of two layers has 32 and 16
units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from strategies.models._network import ClassificationHead, Network, RegressionHead


class _MLP(Network):
    """The layers of `MLP` and `MLPClassifier`."""

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (32, 16),
        dropout: float = 0.0,
        learning_rate: float = 0.003,
        weight_decay: float = 0.01,
        batch_size: Any = "auto",
        max_epochs: int = 30,
        patience: int = 5,
        validation: float = 0.2,
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.dropout = dropout
        self._set_training(learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state)

    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        layers: list[nn.Module] = []
        width = n_features
        for units in self.hidden:
            layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(self.dropout)]
            width = units
        return nn.Sequential(*layers, nn.Linear(width, n_outputs))


class MLP(RegressionHead, _MLP):
    """A feed-forward network with rectified units, on the features of one bar.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    dropout : float
        The fraction of units that is left out at random in a step.
    learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `strategies.models._network.Network`.
    """


class MLPClassifier(ClassificationHead, _MLP):
    """A feed-forward network with rectified units that says the probability of each class.

    Parameters
    ----------
    hidden, dropout, learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `MLP`.
    """
