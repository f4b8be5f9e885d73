"""Folds of a trainer: each window learnt from by itself, here or in other processes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backtester.comparison import benchmark_rows
from backtester.engine.session import Run
from backtester.errors import SettingsError
from backtester.executors import Executor, Threads, as_executor
from backtester.research.sweep.objective import Objective
from backtester.research.walk_forward.fold import Choice
from backtester.research.walk_forward.stitching import Part
from backtester.research.walk_forward.trainer import Trained, Trainer
from backtester.research.walk_forward.windows import Window
from backtester.strategy import Strategy
from backtester.trials.mark import WINDOW, through

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings
    from backtester.result import Result


def trained_folds(
    trainer: Trainer,
    bars: Bars,
    settings: Settings,
    windows: list[Window],
    goal: Objective,
    seed: int,
    executor: str | Executor,
    workers: int | None,
) -> tuple[list[Choice], list[Part]]:
    """Return what is learnt in each window, and what trades its test."""
    shared = (trainer, bars, settings, seed)
    choices: list[Choice] = []
    parts: list[Part] = []
    answers = _one_process_one_fold(trainer, executor, workers).map(_learn, shared, windows)
    for window, learnt in zip(windows, answers, strict=True):
        choice = Choice(learnt.parameters, trials=learnt.trials)
        if learnt.in_sample is not None:
            score, metrics = _in_sample(learnt.in_sample, bars, settings, window, goal)
            choice = replace(choice, score=score, metrics=metrics)
        choices.append(choice)
        parts.append(Part(window, _maker(learnt.strategy), learnt.parameters, goes_on=False))
    return choices, parts


def _one_process_one_fold(trainer: Trainer, executor: str | Executor, workers: int | None) -> Executor:
    """Return the executor; threads would share the random numbers of Python, NumPy and torch."""
    threads = executor == "threads" or isinstance(executor, Threads)
    if not threads:
        return as_executor(executor, workers)
    asked = executor.workers if isinstance(executor, Threads) else workers
    if asked is not None and asked != 1:
        raise SettingsError(
            f"walk_forward: workers={asked} threads cannot train {type(trainer).__name__} side by side, because they "
            "share random numbers; executor='processes' does"
        )
    return Threads(1)


def _learn(shared: tuple[Trainer, Bars, Settings, int], window: Window) -> Trained:
    trainer, bars, settings, seed = shared
    own = int(np.random.SeedSequence([seed, window.number]).generate_state(1)[0] >> 1)
    try:
        with through(WINDOW):
            return trainer.train_fold(bars[window.train], settings, own)
    except Exception as error:
        rows = window.train
        error.add_note(f"walk_forward: in the training of fold {window.number}, bars {rows.start} to {rows.stop - 1}")
        raise


def _in_sample(
    strategy: Strategy, bars: Bars, settings: Settings, window: Window, goal: Objective
) -> tuple[float, dict[str, float]]:
    """Return score and metrics of a strategy over the window it was learnt from."""
    rows = window.train
    own = replace(settings, benchmark=benchmark_rows(settings.benchmark, rows.start, rows.stop))
    run = Run(strategy, bars[rows], own)
    run.prepare()
    run.advance()
    if run.interrupted:
        raise KeyboardInterrupt(f"walk_forward: interrupted in the training window of fold {window.number}")
    found: Result = run.finish()
    metrics = found.summary()
    return goal.score(metrics, lambda: found), metrics


def _maker(strategy: Strategy) -> Callable[[], Strategy]:
    """Return a function that returns new copies of a strategy that has not run."""
    return lambda: copy.copy(strategy)
