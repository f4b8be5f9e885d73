"""Folds of a model and seeds of agents, as bytes: small, and importable by other processes."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np

from backtester import Bars
from backtester.signals import Signal
from envs.benchmark.config import config_of
from envs.benchmark.pool import run_all
from envs.benchmark.work import Place


class Draws:
    """A model that says what it draws from the seed that it is given, beside what it learnt; may die once."""

    def __init__(self, random_state: int | None = None, marker: str = ""):
        self.random_state, self.marker = random_state, marker

    def get_params(self, deep: bool = True) -> dict[str, object]:
        return {"random_state": self.random_state, "marker": self.marker}

    def set_params(self, **settings: object) -> Draws:
        vars(self).update(settings)
        return self

    def fit(self, X, y):
        if self.marker and self.random_state % 2 == 0 and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]
        self.noise = np.random.default_rng(self.random_state).normal(0.0, 0.01)
        return self

    def predict(self, X):
        return X @ self.weights + self.noise


def folds(bars: Bars, marker: str = "", **where: object) -> Signal:
    """Return what the folds of a walk forward say."""
    from backtester.signals import Features, WalkForward, forward_return, predict_out_of_sample

    features = Features(["log_return(1)", "rsi(7)"])
    return predict_out_of_sample(
        Draws(marker=marker), features, forward_return(bars, 2), bars, WalkForward(800, 400), **where
    )


def bytes_of_folds(found: Signal) -> bytes:
    """Return all that a signal says, but for the seconds that its folds took."""
    records = [replace(one, seconds=0.0) for one in found.folds]
    return found.values.tobytes() + found.fold.tobytes() + repr(records).encode()


def train(algo, env, *, hyperparameters, seed, **more):
    """Train as the benchmark does; kill the process the first time that it trains with seed 4, if there is a marker."""
    from envs.agents import train as ours

    settings = dict(hyperparameters)
    marker = settings.pop("marker", None)
    if marker and seed == 4 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return ours(algo, env, seed=seed, hyperparameters=settings, **more)


def seeds(folder: Path, marker: str = "", **where: object) -> bytes:
    """Return what a benchmark of Q-learning with three seeds finds, but for the seconds that it took."""
    settings = {"sample_steps": 256, **({"marker": marker} if marker else {})}
    algorithm = {"name": "q_learning", "total_timesteps": 2_000, "hyperparameters": settings}
    task = {"id": "backtester/Sine-v0", "algorithms": [algorithm], "episodes": 8, "copies": 4}
    config = config_of({"name": "a", "seeds": [3, 4, 5], "few_seeds": True, "tasks": [task], "resamples": 50})
    place = Place(str(folder / "openings.jsonl"), None, "folds_and_seeds:train")
    records = run_all(config, folder / "runs.jsonl", place, **where)
    assert not any("failed" in one for one in records)
    timed = ("seconds", "train_seconds", "digest")  # the digest knows the marker
    return json.dumps([{k: v for k, v in one.items() if k not in timed} for one in records]).encode()
