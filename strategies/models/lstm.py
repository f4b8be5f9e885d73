"""A network with a memory: it reads the last bars one after the other, and keeps what it learnt to keep.

Source: Sepp Hochreiter and Jürgen Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997), 1735-1780; on
stocks Thomas Fischer and Christopher Krauss, "Deep Learning with Long Short-Term Memory Networks for Financial Market
Predictions", European Journal of Operational Research 270 (2018), 654-669.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from strategies.models._network import ClassificationHead, Network, RegressionHead


class Recurrent(nn.Module):
    """LSTM layers over time, and a linear layer on what they hold after the last bar."""

    def __init__(self, n_features: int, n_outputs: int, hidden: int, layers: int, dropout: float):
        super().__init__()
        between = dropout if layers > 1 else 0.0  # torch's own is between layers alone
        self.memory = nn.LSTM(n_features, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs [n, n_outputs] of windows [n, lookback, n_features]."""
        held, _ = self.memory(x)
        return self.last(self.dropout(held[:, -1]))


class _LSTM(Network):
    """The layers of `LSTM` and `LSTMClassifier`."""

    def __init__(
        self,
        *,
        lookback: int = 8,
        hidden: int = 16,
        layers: int = 1,
        dropout: float = 0.0,
        learning_rate: float = 0.005,
        weight_decay: float = 0.01,
        batch_size: Any = "auto",
        max_epochs: int = 30,
        patience: int = 5,
        validation: float = 0.2,
        random_state: Any = None,
    ):
        self.lookback = lookback
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self._set_training(learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state)

    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        return Recurrent(n_features, n_outputs, self.hidden, self.layers, self.dropout)


class LSTM(RegressionHead, _LSTM):
    """A long short-term memory network over the last bars.

    Parameters
    ----------
    lookback : int
        Bars that it reads; it begins each window with an empty memory.
    hidden : int
        Numbers that it remembers.
    layers : int
        Of memory, one upon the other.
    dropout : float
        The fraction of values that is left out at random in a step, between layers and before the last.
    learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `strategies.models._network.Network`.
    """


class LSTMClassifier(ClassificationHead, _LSTM):
    """A long short-term memory network over the last bars that says the probability of each class.

    Parameters
    ----------
    lookback, hidden, layers, dropout, learning_rate, weight_decay, batch_size, max_epochs, patience, validation, \
random_state
        See `LSTM`.
    """
