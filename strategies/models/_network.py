"""What all networks have in common: settings, checks, targets, prediction and storage; a model adds its layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from torch import nn

from backtester.errors import ModelError
from strategies.models._arrays import check_fitted, moments, read_fit, read_inputs, read_state
from strategies.models._order import Order, later_slice
from strategies.models._training import Rows, Scaled, WeightedLogLoss, WeightedSquares, one_torch_thread, train

_WEIGHTS = "network."  # what names of stored weights begin with
_STEPS = 50  # of an epoch, where the batch size is left to us
_LEAST, _MOST = 32, 2048  # samples of a batch then
_SAID_AT_ONCE = 1 << 20  # values of the inputs of one block of a prediction


class Network(BaseEstimator, ABC):
    """A network of torch, trained by skorch: AdamW, and early stopping on the last samples in time, purged.

    Parameters
    ----------
    learning_rate : float
        Of AdamW.
    weight_decay : float
        Of AdamW: how much weights shrink.
    batch_size : int or "auto"
        Samples of a step; "auto" makes some 50 steps of an epoch, of 32 to 2,048 samples.
    max_epochs : int
        Rounds over the training samples at most.
    patience : int
        Rounds without a better loss on the validation slice after which training stops; the best weights are kept.
    validation : float
        The fraction of the samples, the last in time, that judge and are not learnt from; 0 trains all `max_epochs`.
        Samples whose labels reach into it are left out.
    random_state : int, optional
        Seed of weights, order and dropout. The same seed gives the same bits, for any number of threads.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network.
    losses_ : ndarray of float64, shape (n_epochs, 2)
        On learning and on judging samples, after each round.
    """

    takes_samples = True

    def _set_training(
        self,
        learning_rate: float,
        weight_decay: float,
        batch_size: Any,
        max_epochs: int,
        patience: int,
        validation: float,
        random_state: Any,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation = validation
        self.random_state = random_state

    @abstractmethod
    def _body(self, n_features: int, n_outputs: int) -> nn.Module:
        """Return new layers that take standardised inputs to [n, n_outputs]."""

    @abstractmethod
    def _prepare(
        self, y: npt.NDArray[Any], weight: npt.NDArray[Any], learning: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Take what labels need to be learnt from and read again; return the targets, [n, 2]: label and weight."""

    @abstractmethod
    def _criterion(self) -> nn.Module:
        """Return the loss."""

    def _n_outputs(self) -> int:
        return 1

    def _rows(self, X: npt.NDArray[Any], targets: npt.NDArray[Any], index: npt.NDArray[np.int64], order: Order) -> Rows:
        return Rows(X, targets, index)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, samples: Any = None) -> Any:
        """Train the network.

        Parameters
        ----------
        X : ndarray, shape (n, n_features) or (n, lookback, n_features)
            Oldest first, the last row being now.
        y : ndarray, shape (n,)
            Labels.
        sample_weight : ndarray, shape (n,), optional
            Not negative.
        samples : Samples, optional
            `row`, `asset` and `end` (the last row that the label reads) of each sample. Without them the samples count
            as consecutive bars of one asset, whose labels end a bar later.

        Returns
        -------
        self

        Raises
        ------
        ModelError
            If a shape or a setting is wrong, a value is not finite, or too few samples are left to learn from.
        """
        X, y, sample_weight = read_fit(self, X, y, sample_weight)
        self._check_settings()
        X = np.ascontiguousarray(X, dtype=np.float32)
        order = Order.read(self, samples, len(X))
        learning, judging = later_slice(self, order, self.validation)
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        mean_weight = weight[learning].mean()
        if not mean_weight > 0.0 or (len(judging) and not weight[judging].sum() > 0.0):
            raise ModelError(
                f"{type(self).__name__}.fit: the weights of the samples to learn from, or to judge, are all 0"
            )
        targets = self._prepare(y, weight / mean_weight, learning)
        self.n_features_in_ = X.shape[-1]
        learned = self._rows(X, targets, learning, order)
        judged = self._rows(X, targets, judging, order) if len(judging) else None
        size = self.batch_size
        if size == "auto":
            size = int(np.clip(len(learning) // _STEPS, _LEAST, _MOST))
            size = max(1, size * len(learned) // len(learning))  # in entries, which may be runs of samples
        with one_torch_thread(int(check_random_state(self.random_state).randint(2**31 - 1))):
            network = Scaled(self._body(X.shape[-1], self._n_outputs()), *moments(X, learning))
            self.losses_ = train(self, network, self._criterion(), learned, judged, size)
        self.module_ = network
        return self

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was learnt, as arrays; with the settings they make the model again."""
        check_fitted(self, "module_")
        arrays = {f"{_WEIGHTS}{name}": value.numpy().copy() for name, value in self.module_.state_dict().items()}
        return {**arrays, "losses": self.losses_, "n_features": np.array(self.n_features_in_), **self._head_state()}

    def load_state(self, arrays: Any) -> Any:
        """Take what `state` of a model with the same settings gave.

        Raises
        ------
        ModelError
            If an array is missing, or of another shape than the settings make.
        """
        found = read_state(self, arrays, ("losses", "n_features", *self._head_names()))
        self._load_head(found)
        n_features, losses = int(found["n_features"]), found["losses"]
        with one_torch_thread(0):
            network = Scaled(self._body(n_features, self._n_outputs()), np.zeros(n_features), np.ones(n_features))
        weights = {
            name.removeprefix(_WEIGHTS): torch.tensor(np.asarray(value))
            for name, value in found.items()
            if name.startswith(_WEIGHTS)
        }
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ModelError(
                f"{type(self).__name__}.load_state: the weights do not fit the settings: {reason}"
            ) from error
        self.module_, self.losses_, self.n_features_in_ = network.eval(), np.array(losses), n_features
        return self

    def _outputs(self, X: Any, verb: str) -> npt.NDArray[np.float64]:
        """Return what the network says, float64 [n, n_outputs]."""
        check_fitted(self, "module_")
        X = read_inputs(self, X, verb)
        said = np.empty((len(X), self._n_outputs()))
        step = max(1, _SAID_AT_ONCE // max(1, int(np.prod(X.shape[1:]))))
        with one_torch_thread(), torch.no_grad():
            for begin in range(0, len(X), step):
                block = np.ascontiguousarray(X[begin : begin + step], dtype=np.float32)
                said[begin : begin + step] = self.module_(torch.tensor(block)).numpy()
        return said

    def _head_state(self) -> dict[str, npt.NDArray[Any]]:
        return {}

    def _head_names(self) -> tuple[str, ...]:
        return ()

    def _load_head(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Take what `_head_state` gave."""

    def _check_settings(self) -> None:
        rules = {
            "learning_rate": (self.learning_rate > 0.0, "above 0"),
            "weight_decay": (self.weight_decay >= 0.0, "at least 0"),
            "batch_size": (self.batch_size == "auto" or _is_count(self.batch_size), "'auto' or a whole number above 0"),
            "max_epochs": (_is_count(self.max_epochs), "a whole number above 0"),
            "patience": (_is_count(self.patience), "a whole number above 0"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ModelError(f"{type(self).__name__}: {name} is {getattr(self, name)!r}; it must be {rule}")


class RegressionHead(RegressorMixin):
    """Put before a network: it learns numbers, standardised, by squared errors."""

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the forecasts, float64 [n]."""
        return self._outputs(X, "predict")[:, 0] * self.label_scale_ + self.label_mean_  # type: ignore[attr-defined]

    def _prepare(self, y: Any, weight: Any, learning: Any) -> npt.NDArray[np.float32]:
        self.label_mean_ = float(np.average(y[learning], weights=weight[learning]))
        spread = np.average((y[learning] - self.label_mean_) ** 2, weights=weight[learning])
        self.label_scale_ = float(np.sqrt(spread)) or 1.0
        return np.column_stack([(y - self.label_mean_) / self.label_scale_, weight]).astype(np.float32)

    def _criterion(self) -> nn.Module:
        return WeightedSquares()

    def _head_state(self) -> dict[str, npt.NDArray[Any]]:
        return {"label_mean": np.array(self.label_mean_), "label_scale": np.array(self.label_scale_)}

    def _head_names(self) -> tuple[str, ...]:
        return ("label_mean", "label_scale")

    def _load_head(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.label_mean_, self.label_scale_ = float(arrays["label_mean"]), float(arrays["label_scale"])


class ClassificationHead(ClassifierMixin):
    """Put before a network: it learns the probabilities of classes by their log loss."""

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probabilities of `classes_`, float64 [n, n_classes]."""
        said = self._outputs(X, "predict_proba")  # type: ignore[attr-defined]
        said = np.exp(said - said.max(axis=1, keepdims=True))
        return said / said.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each sample [n]."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def _prepare(self, y: Any, weight: Any, learning: Any) -> npt.NDArray[np.float32]:
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ModelError(f"{type(self).__name__}.fit: all labels are {self.classes_[0]}; two classes are needed")
        return np.column_stack([codes, weight]).astype(np.float32)

    def _criterion(self) -> nn.Module:
        return WeightedLogLoss()

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _head_state(self) -> dict[str, npt.NDArray[Any]]:
        return {"classes": np.asarray(self.classes_)}

    def _head_names(self) -> tuple[str, ...]:
        return ("classes",)

    def _load_head(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.classes_ = np.array(arrays["classes"])


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value > 0)
