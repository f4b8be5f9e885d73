"""Forty features of 500 assets on 2,520 days: seconds, and memory beside the panel they make."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.memory import peak_above
from benchmarks.sections import Row, Section
from benchmarks.signals.market import FEATURES, simulate

REACH_SECONDS = 3.0
REACH_TIMES_OUTPUT = 2.0
THREADS = 2


def inside(quick: bool) -> dict[str, Any]:
    """Compute the panel on two threads and on one, in turns; first of all its peak of memory, in a fresh process."""
    from backtester.signals import Features

    bars = simulate(500, 100) if quick else simulate()
    features = Features(FEATURES)
    started = time.perf_counter()
    features.compute(simulate(300, 4), workers=1)
    cold = time.perf_counter() - started
    panel, peak = peak_above(lambda: features.compute(bars, workers=THREADS))
    shape, output, finite = panel.shape, panel.nbytes / 1e6, float(np.isfinite(panel[-1]).mean())
    del panel
    runs: dict[str, list[float]] = {"two": [], "one": [], "written": []}
    for _ in range(2 if quick else 9):
        runs["two"].append(_seconds(lambda: features.compute(bars, workers=THREADS)))
        runs["one"].append(_seconds(lambda: features.compute(bars, workers=1)))
        runs["written"].append(_seconds(lambda: np.full(shape, 1.0)))
    return {"cold": cold, "peak_mb": peak, "output_mb": output, "shape": shape, "finite": finite, **runs}


def _seconds(call: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def sections(answer: dict[str, Any]) -> list[Section]:
    """Return seconds beside what it takes to write as many numbers, and the peak of memory beside the panel's own."""
    n_bars, n_assets, n_features = answer["shape"]
    work = f"{n_features} features × {n_assets:,} assets × {n_bars:,} days"
    speed = Section("features", f"{work}, prices to panel; × = writing a panel of that size")
    middle = statistics.median(answer["written"])
    speed.rows.append(Row("numpy.full, one thread", "s", tuple(answer["written"]), 1.0))
    wrong = "" if answer["finite"] == 1.0 else f"ONLY {answer['finite']:.1%} OF THE LAST BAR IS FINITE"
    for name, threads in (("two", "two threads"), ("one", "one thread")):
        seconds = tuple(answer[name])
        target = f"≤ {REACH_SECONDS:g} s" if name == "two" else ""
        met = statistics.median(seconds) <= REACH_SECONDS if target else None
        ratio = statistics.median(seconds) / middle
        cold = answer["cold"] if name == "two" else None
        speed.rows.append(Row(threads, "s", seconds, ratio, target, met, cold=cold, note=wrong, alarm=bool(wrong)))
    memory = Section("features, peak memory", f"{work}, above what the process held before; × = the panel itself")
    target, peak = f"≤ {REACH_TIMES_OUTPUT:g}×", answer["peak_mb"]
    if peak is None:
        memory.rows.append(Row("two threads", "MB", reach=target, note="not measurable on this system"))
    else:
        ratio = peak / answer["output_mb"]
        memory.rows.append(Row("two threads", "MB", (peak,), ratio, target, ratio <= REACH_TIMES_OUTPUT))
    return [speed, memory]
