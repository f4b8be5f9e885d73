"""A network that says a position, and learns from what positions earn: its loss is the negative net Sharpe ratio.

Positions are p = tanh(network), between −1 and 1. Of a sample, its position earns

    R_t = p_t·y_t − cost·|p_t − p_{t−1}|,

p_{t−1} being the position of the asset's sample before, and 0 before its first. The loss of a batch is −mean(R)/sd(R),
over all its samples and assets together. A batch is made of runs of consecutive samples of one asset, so that turnover
is known.

Source: Bryan Lim, Stefan Zohren and Stephen Roberts, "Enhancing Time-Series Momentum Strategies Using Deep Neural
Networks", Journal of Financial Data Science 1 (2019), 19-38 (arXiv:1904.04912): their Sharpe loss with turnover
regularisation. Their returns are scaled by volatility; so are ours with a label that is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import RegressorMixin
from torch import nn

from backtester.errors import ModelError
from strategies.models._network import Network
from strategies.models._order import Order
from strategies.models._training import Rows
from strategies.models.lstm import Recurrent

_LEAST_VARIANCE = 1e-6  # of what positions earn, in the variance of the label: no position is no division by 0


class Runs(Rows):
    """Runs of samples of one asset: the sample before, then `length` samples.

    The targets of a run are, for each of its places, what the position earns, the weight of the sample (0: it is there
    for its position alone, or fills up the run), and whether the position exists (0 before an asset's first sample).
    """

    @classmethod
    def of(
        cls, X: npt.NDArray[Any], targets: npt.NDArray[Any], picked: npt.NDArray[np.int64], order: Order, length: int
    ) -> Runs:
        """Return the runs of the picked samples, asset by asset, in the order of time."""
        picked = picked[np.lexsort((order.row[picked], order.asset[picked]))]
        starts = np.flatnonzero(np.diff(order.asset[picked], prepend=-1))
        index, facts = [], []
        for begin, end in zip(starts, [*starts[1:], len(picked)], strict=True):
            own = picked[begin:end]
            places = np.arange(0, len(own), length)[:, None] + np.arange(-1, length)
            rows = own[places.clip(0, len(own) - 1)]
            counts = (places < len(own)) & (np.arange(-1, length) >= 0)
            weight = np.where(counts, targets[rows, 1], 0.0)
            index.append(rows)
            facts.append(np.stack([targets[rows, 0], weight, np.where(places < 0, 0.0, 1.0)], axis=-1))
        runs = cls(X, targets, np.concatenate(index))
        runs.facts = np.concatenate(facts).astype(np.float32)
        return runs

    facts: npt.NDArray[np.float32]  # [n_runs, 1 + length, 3]

    def _targets(self, picked: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.facts[picked]


class NegativeSharpe(nn.Module):
    """−mean/deviation of what positions earn, net of the cost of changing them.

    Parameters
    ----------
    cost : float
        Of a change of 1, in the unit of the returns.
    """

    def __init__(self, cost: float):
        super().__init__()
        self.cost = cost

    def forward(self, positions: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
        """Return the loss of runs: positions [n, 1 + length], facts [n, 1 + length, 3] as `Runs` gives them."""
        held = positions * facts[..., 2]
        earned = held[:, 1:] * facts[:, 1:, 0] - self.cost * (held[:, 1:] - held[:, :-1]).abs()
        weight = facts[:, 1:, 1]
        total = weight.sum()
        mean = (weight * earned).sum() / total
        variance = (weight * (earned - mean) ** 2).sum() / total
        return -mean / torch.sqrt(variance + _LEAST_VARIANCE)


class _Positions(nn.Module):
    """A position for each window, of single windows [n, lookback, n_features] or of runs of them."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return positions: [n, 1], or [n, length] of runs [n, length, lookback, n_features]."""
        if x.ndim == 3:
            return torch.tanh(self.body(x))
        return torch.tanh(self.body(x.flatten(0, 1))).reshape(x.shape[:2])


class DirectSharpe(RegressorMixin, Network):
    """An LSTM that says positions between −1 and 1, trained for their Sharpe ratio after costs.

    The label is what a position of 1 earns, such as a forward return or one scaled by volatility. The ratio is right
    for a horizon of one bar; of longer ones the labels overlap, and each sample counts as a bet of its own.

    Parameters
    ----------
    lookback : int
        Bars that it reads.
    hidden : int
        Numbers that it remembers.
    dropout : float
        The fraction of them that is left out at random in a step.
    cost : float
        Of changing the position by 1, in the unit of the label: 0.0005 is five hundredths of a percent of the value
        traded. Of labels in deviations of the return it is the cost in such deviations.
    run : int
        Consecutive samples of one asset that are learnt from together.
    learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state
        See `strategies.models._network.Network`; a batch is of so many runs.
    """

    label_kinds = ("return",)

    def __init__(
        self,
        *,
        lookback: int = 8,
        hidden: int = 16,
        dropout: float = 0.1,
        cost: float = 0.0005,
        run: int = 32,
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
        self.dropout = dropout
        self.cost = cost
        self.run = run
        self._set_training(learning_rate, weight_decay, batch_size, max_epochs, patience, validation, random_state)

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return positions, float64 [n], between −1 and 1."""
        return self._outputs(X, "predict")[:, 0]

    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        return _Positions(Recurrent(n_features, n_outputs, self.hidden, 1, self.dropout))

    def _prepare(self, y: Any, weight: Any, learning: Any) -> npt.NDArray[np.float32]:
        if not self.cost >= 0.0:
            raise ModelError(f"DirectSharpe: cost is {self.cost!r}; it must be at least 0")
        if not isinstance(self.run, int) or self.run < 2:
            raise ModelError(f"DirectSharpe: run is {self.run!r}; it must be a whole number of at least 2 samples")
        # the ratio has no unit: returns and costs over the returns' deviation give the same, in numbers near 1
        self._unit = float(y[learning].std()) or 1.0
        return np.column_stack([y / self._unit, weight]).astype(np.float32)

    def _criterion(self) -> nn.Module:
        return NegativeSharpe(self.cost / self._unit)

    def _rows(self, X: Any, targets: Any, index: npt.NDArray[np.int64], order: Order) -> Rows:
        return Runs.of(X, targets, index, order, self.run)
