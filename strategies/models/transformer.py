"""A network that weighs the last bars against each other: attention, with a learnt mark of how long ago each was.

Source: Ashish Vaswani et al., "Attention Is All You Need", Advances in Neural Information Processing Systems 30 (2017);
layers are normalised before, as in Ruibin Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML
(2020), which trains without a warm-up of the learning rate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from backtester.errors import ModelError
from strategies.models._network import ClassificationHead, Network, RegressionHead


class _Attention(nn.Module):
    """An encoder over the bars of a window, and a linear layer on what it makes of the last."""

    def __init__(
        self, n_features: int, n_outputs: int, lookback: int, width: int, heads: int, layers: int, dropout: float
    ):
        super().__init__()
        self.first = nn.Linear(n_features, width)
        self.ago = nn.Parameter(torch.randn(lookback, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.last = nn.Linear(width, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs [n, n_outputs] of windows [n, lookback, n_features]."""
        return self.last(self.encoder(self.first(x) + self.ago)[:, -1])


class _Transformer(Network):
    """The layers of `Transformer` and `TransformerClassifier`."""

    def __init__(
        self,
        *,
        lookback: int = 8,
        width: int = 16,
        heads: int = 2,
        layers: int = 1,
        dropout: float = 0.1,
        learning_rate: float = 0.003,
        weight_decay: float = 0.01,
        batch_size: Any = "auto",
        max_epochs: int = 30,
        patience: int = 5,
        validation: float = 0.2,
        random_state: Any = None,
    ):
        self.lookback = lookback
        self.width = width
        self.heads = heads
        self.layers = layers
        self.dropout = dropout
        self._set_training(learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state)

    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        if self.width % self.heads:
            raise ModelError(
                f"{type(self).__name__}: width is {self.width}; it must be a multiple of heads, {self.heads}"
            )
        return _Attention(n_features, n_outputs, self.lookback, self.width, self.heads, self.layers, self.dropout)


class Transformer(RegressionHead, _Transformer):
    """A transformer encoder over the last bars.

    Parameters
    ----------
    lookback : int
        Bars that it sees.
    width : int
        Numbers that stand for a bar inside.
    heads : int
        Ways of weighing bars, each with its part of the width.
    layers : int
        Of the encoder.
    dropout : float
        The fraction of values that is left out at random in a step.
    learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `strategies.models._network.Network`.
    """


class TransformerClassifier(ClassificationHead, _Transformer):
    """A transformer encoder over the last bars that says the probability of each class.

    Parameters
    ----------
    lookback, width, heads, layers, dropout, learning_rate, weight_decay, batch_size, max_epochs, patience, \
validation, random_state
        See `Transformer`.
    """
