"""Features, labels, scalers, models and environments with a leak each."""

from __future__ import annotations

import gymnasium
import numpy as np
from gymnasium import spaces
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from backtester.signals import Features, Function, Label, Scaler, Signal, WalkForward, fit, forward_return

TRAINED = 60  # bars that a scaler or a model may learn from


def next_return(bars):
    """Return the return that is to be predicted, as a feature."""
    return np.vstack([bars.close[1:] / bars.close[:-1] - 1.0, np.zeros((1, bars.n_assets))])


def features_with_the_target(bars):
    """Return an honest feature and one that is the target."""
    return Features(["log_return(1)", Function(next_return)])


def label_of_the_median(bars):
    """Return whether the next return is above the median of all of them."""
    ahead = forward_return(bars, 1)
    above = np.where(ahead.exists, ahead.values > np.nanmedian(ahead.values), np.nan)
    return Label.from_arrays(bars, above, ahead.end, name="above_median", kind="class")


def label_that_reads_on(bars):
    """Return returns over three bars that say they end after two."""
    ahead = forward_return(bars, 3)
    return Label.from_arrays(bars, ahead.values, np.where(ahead.exists, ahead.end - 1, -1), name="reads_on")


def scaler_of_all(bars):
    """Return a scaler for training, fitted on everything."""
    panel = Features(["log_return(1)", "log_return(5)"]).compute(bars)
    return Scaler.fit(panel, rows=slice(None))


def scaler_of_training(bars):
    """No leak: return a scaler fitted on the training rows."""
    panel = Features(["log_return(1)", "log_return(5)"]).compute(bars)
    return Scaler.fit(panel, end=TRAINED)


def scaled_and_fitted(bars):
    """Return a model whose features were scaled by all bars before it was fitted on some."""

    def scaled(bars):
        move = np.vstack([np.zeros((1, bars.n_assets)), np.diff(bars.close, axis=0)])
        return np.nan_to_num((move - np.nanmean(move)) / np.nanstd(move))

    return fit(LinearRegression(), [Function(scaled)], forward_return(bars, 1), bars, rows=slice(0, TRAINED))


def predictions_of_k_folds(bars):
    """Return what models said of each bar that were fitted on the bars around it."""
    seen = Features(["log_return(1)", "log_return(2)"], hold=None).compute(bars)[:, 0]
    known = np.isfinite(seen).all(axis=1)
    ahead = next_return(bars)[:, 0]
    values = np.full(bars.n_bars, np.nan)
    values[known] = cross_val_predict(LinearRegression(), seen[known], ahead[known], cv=KFold(5))
    return Signal.of(values, bars)


class ScaledByItself(LinearRegression):
    """A model that scales what it is asked about by its own statistics."""

    def fit(self, X, y):
        return super().fit(StandardScaler().fit_transform(X), y)

    def predict(self, X):
        return super().predict(StandardScaler().fit_transform(X))


PIPELINE = {
    "features": ["log_return(1)", "log_return(5)"],
    "label": lambda bars: forward_return(bars, 2),
    "scheme": WalkForward(50, 25),
}


class Market(gymnasium.Env):
    """An honest environment: one asset, long or flat; the last return is seen, the next is earned."""

    def __init__(self, bars):
        self.close = np.array(bars.close[:, 0])
        self.observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.equity = 1, 1.0
        return self.seen(), {"bar": self.t, "equity": self.equity}

    def step(self, action):
        self.t += 1
        reward = self.earned(int(action))
        self.equity *= 1.0 + reward
        over = self.t == len(self.close) - 1
        return self.seen(), reward, False, over, {"bar": self.t, "equity": self.equity}

    def seen(self):
        return np.array([self.close[self.t] / self.close[self.t - 1] - 1.0])

    def earned(self, action):
        return action * (self.close[self.t] / self.close[self.t - 1] - 1.0)


class NormalisedByTheEpisode(Market):
    """Observations less the mean of the whole episode, over its deviation."""

    def __init__(self, bars):
        super().__init__(bars)
        moves = self.close[1:] / self.close[:-1] - 1.0
        self.mean, self.deviation = moves.mean(), moves.std()

    def seen(self):
        return (super().seen() - self.mean) / self.deviation


class ShowsTheNextClose(Market):
    """The observation is a bar ahead."""

    def seen(self):
        t = min(self.t + 1, len(self.close) - 1)
        return np.array([self.close[t] / self.close[t - 1] - 1.0])


class FillsAtTheSeenPrice(Market):
    """The new position earns the return that was in the observation."""

    def earned(self, action):
        return action * (self.close[self.t - 1] / self.close[self.t - 2] - 1.0) if self.t > 1 else 0.0


class RewardOfTomorrow(Market):
    """The reward is for a bar that has not come."""

    def earned(self, action):
        t = min(self.t + 1, len(self.close) - 1)
        return action * (self.close[t] / self.close[t - 1] - 1.0)
