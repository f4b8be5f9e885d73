"""A network that looks for short patterns in time: causal convolutions, each layer seeing twice as far back.

Source: Shaojie Bai, Zico Kolter and Vladlen Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling" (2018), arXiv:1803.01271; of which this is the plain part, without residual blocks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from strategies.models._network import ClassificationHead, Network, RegressionHead


class _Convolutions(nn.Module):
    """Causal convolutions over time, and a linear layer on the last bar."""

    def __init__(self, n_features: int, n_outputs: int, channels: int, kernel: int, layers: int, dropout: float):
        super().__init__()
        self.pads = [(kernel - 1) * 2**n for n in range(layers)]  # before the first bar: nothing is read from later
        self.layers = nn.ModuleList(
            nn.Conv1d(n_features if n == 0 else channels, channels, kernel, dilation=2**n) for n in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(channels, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs [n, n_outputs] of windows [n, lookback, n_features]."""
        x = x.transpose(1, 2)
        for pad, layer in zip(self.pads, self.layers, strict=True):
            x = self.dropout(torch.relu(layer(nn.functional.pad(x, (pad, 0)))))
        return self.last(x[:, :, -1])


class _CNN(Network):
    """The layers of `CNN` and `CNNClassifier`."""

    def __init__(
        self,
        *,
        lookback: int = 8,
        channels: int = 16,
        kernel: int = 3,
        layers: int = 2,
        dropout: float = 0.0,
        learning_rate: float = 0.003,
        weight_decay: float = 0.01,
        batch_size: Any = "auto",
        max_epochs: int = 30,
        patience: int = 5,
        validation: float = 0.2,
        random_state: Any = None,
    ):
        self.lookback = lookback
        self.channels = channels
        self.kernel = kernel
        self.layers = layers
        self.dropout = dropout
        self._set_training(learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state)

    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        return _Convolutions(n_features, n_outputs, self.channels, self.kernel, self.layers, self.dropout)


class CNN(RegressionHead, _CNN):
    """A network of causal convolutions over the last bars.

    Parameters
    ----------
    lookback : int
        Bars that it sees.
    channels : int
        Patterns that each layer looks for.
    kernel : int
        Points in time that a pattern has; 2ⁿ bars apart in layer n, from 0.
    layers : int
        Of convolutions.
    dropout : float
        The fraction of values that is left out at random in a step.
    learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `strategies.models._network.Network`.
    """


class CNNClassifier(ClassificationHead, _CNN):
    """A network of causal convolutions over the last bars that says the probability of each class.

    Parameters
    ----------
    lookback, channels, kernel, layers, dropout, learning_rate, weight_decay, batch_size, max_epochs, patience, \
validation, random_state
        See `CNN`.
    """
