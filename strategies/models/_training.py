"""How networks are trained: by skorch, on one thread, from a seed, until a later slice of the samples gets no better.

torch's generator is lent to one training at a time and given back as it was, and so is its number of threads: the same
seed gives the same bits beside anything else that runs in the process, and changes nothing there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, GradientNormClipping
from skorch.helper import predefined_split
from torch import nn

from backtester.errors import ModelError

_LENT = threading.RLock()
_JUDGED_AT_ONCE = 8192  # samples of a batch of those that judge
_CLIP = 1.0  # the norm that a gradient is shortened to


@contextmanager
def one_torch_thread(seed: int | None = None) -> Iterator[None]:
    """Let torch use one thread, and with a seed its generator too; others of this process wait for their turn."""
    with _LENT:
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            with torch.random.fork_rng(devices=[], enabled=seed is not None):
                if seed is not None:
                    torch.default_generator.manual_seed(seed)
                yield
        finally:
            torch.set_num_threads(threads)


class Rows(torch.utils.data.Dataset):
    """Some samples of an array, picked many at a time: inputs [k, …] and targets [k, …], float32.

    Parameters
    ----------
    inputs, targets : ndarray of float32, shape (n, …)
        Of all samples; they are not copied.
    index : ndarray of int64, shape (m,) or (m, length)
        Which of them belong to the set; an entry may be a run of samples.
    """

    def __init__(self, inputs: npt.NDArray[Any], targets: npt.NDArray[Any], index: npt.NDArray[np.int64]):
        self.inputs, self.targets, self.index = inputs, targets, index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, picked: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.index[picked]
        return torch.from_numpy(self.inputs[rows]), torch.from_numpy(self._targets(picked, rows))

    def _targets(self, picked: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.targets[rows]


class Batches:
    """What skorch reads a set in: batches, in a new random order each time if `shuffle`."""

    def __init__(self, dataset: Rows, batch_size: int, shuffle: bool = False):
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        n = len(self.dataset)
        order = torch.randperm(n).numpy() if self.shuffle else np.arange(n)
        for begin in range(0, n, self.batch_size):
            yield self.dataset[order[begin : begin + self.batch_size]]


class WeightedSquares(nn.Module):
    """Mean of w·(ŷ − y)²; the targets are y and w, [n, 2]."""

    def forward(self, said: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        return (target[:, 1] * (said[:, 0] - target[:, 0]) ** 2).mean()


class WeightedLogLoss(nn.Module):
    """Mean of −w·ln p of the class that was; the targets are its number and w, [n, 2]."""

    def forward(self, said: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        losses = nn.functional.cross_entropy(said, target[:, 0].long(), reduction="none")
        return (target[:, 1] * losses).mean()


class Scaled(nn.Module):
    """A network on inputs less their mean, over their deviation; both are stored with its weights."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, body: nn.Module, mean: npt.NDArray[Any], scale: npt.NDArray[Any]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, [n, n_outputs]."""
        return self.body((x - self.mean) / self.scale)


def train(
    model: Any, network: nn.Module, criterion: nn.Module, learning: Rows, judging: Rows | None, batch_size: int
) -> npt.NDArray[np.float64]:
    """Train a network in place with AdamW, and keep the weights of the epoch that the judging samples liked best.

    Parameters
    ----------
    model : object
        With the settings `learning_rate`, `weight_decay`, `max_epochs` and `patience`; named in errors.
    network, criterion : torch.nn.Module
        What is trained, and its loss.
    learning, judging : Rows
        The sets; None judges nothing, and trains for `max_epochs`.
    batch_size : int
        Entries of `learning` in a step.

    Returns
    -------
    ndarray of float64, shape (n_epochs, 2)
        Loss on both sets after each epoch; NaN where nothing judges.

    Raises
    ------
    ModelError
        If the loss is not finite.
    """
    callbacks: list[Any] = [("clip", GradientNormClipping(_CLIP))]
    stop = EarlyStopping(patience=model.patience, threshold=0.0, load_best=True, sink=_nowhere)
    if judging is not None:
        callbacks.append(("stop", stop))
    net = NeuralNet(
        network,
        criterion,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=model.weight_decay,
        lr=model.learning_rate,
        max_epochs=model.max_epochs,
        batch_size=batch_size,
        iterator_train=Batches,
        iterator_train__shuffle=True,
        iterator_valid=Batches,
        iterator_valid__batch_size=_JUDGED_AT_ONCE,
        train_split=None if judging is None else predefined_split(judging),
        callbacks=callbacks,
        callbacks__print_log=None,
        verbose=0,
    )
    net.fit(learning, None)
    whole = len(net.history) > 0 and "train_loss" in net.history[-1]  # the last epoch was gone through
    ended = len(net.history) == model.max_epochs or (judging is not None and stop.misses_ >= model.patience)
    if not (whole and ended):
        raise KeyboardInterrupt  # skorch takes Ctrl-C for the end of a training; half a training is none
    losses = np.array([[one["train_loss"], one.get("valid_loss", np.nan)] for one in net.history], dtype=np.float64)
    weights = [value for value in network.state_dict().values() if value.is_floating_point()]
    if not all(bool(torch.isfinite(value).all()) for value in weights) or not np.isfinite(losses[:, 0]).all():
        raise ModelError(f"{type(model).__name__}.fit: the loss is not finite any more; try a lower learning_rate")
    network.eval()
    return losses


def _nowhere(text: str) -> None:
    """Say nothing of an early stop."""
