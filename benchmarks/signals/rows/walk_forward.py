"""Ridge regression walked forward over twenty folds of forty features: seconds, prices to signal, and memory."""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

import numpy as np

from benchmarks.memory import peak_above
from benchmarks.sections import Row, Section
from benchmarks.signals.market import FEATURES, simulate

REACH_SECONDS = 20.0
FOLDS = 20
TRAIN = 756
HORIZON = 5


def inside(quick: bool) -> dict[str, Any]:
    """Predict out of sample, the first time in a fresh process for its peak of memory; beside it features alone."""
    from backtester.signals import Features, WalkForward, forward_return, predict_out_of_sample

    features = Features(FEATURES)
    shape = {"n_bars": 1_100, "n_assets": 50} if quick else {}
    small, bars = simulate(600, 4), simulate(**shape)
    started = time.perf_counter()
    predict_out_of_sample("ridge", features, forward_return(small, HORIZON), small, WalkForward(150, 150), workers=1)
    cold = time.perf_counter() - started
    first = int(np.argmax(np.isfinite(features.compute(bars)).all(axis=2).any(axis=1)))
    train = TRAIN // 4 if quick else TRAIN
    test = -(-(bars.n_bars - first - train) // FOLDS)
    scheme = WalkForward(train, test)

    def whole() -> Any:
        return predict_out_of_sample("ridge", features, forward_return(bars, HORIZON), bars, scheme)

    signal, peak = peak_above(whole)
    tested = np.isfinite(signal.values[first + train :])
    answer = {
        "shape": (bars.n_bars, bars.n_assets, len(FEATURES)),
        "cold": cold,
        "train": train,
        "test": test,
        "peak_mb": peak,
        "panel_mb": 8e-6 * bars.n_bars * bars.n_assets * len(FEATURES),
        "folds": len(signal.folds),
        "spoken": float(tested.mean()),
        "in_time": signal.known_in_time,
        "samples": int(np.median([fold.n_train for fold in signal.folds])),
    }
    runs: dict[str, list[float]] = {"whole": [], "features": []}
    for _ in range(1 if quick else 5):
        for name, call in (("whole", whole), ("features", lambda: features.compute(bars))):
            gc.collect()
            started = time.perf_counter()
            call()
            runs[name].append(time.perf_counter() - started)
    return {**answer, **runs}


def sections(answer: dict[str, Any]) -> list[Section]:
    """Return seconds, and the peak of memory beside the panel of features."""
    n_bars, n_assets, n_features = answer["shape"]
    work = (
        f"ridge, {answer['folds']} folds, {n_features} features × {n_assets:,} assets × {n_bars:,} days, window "
        f"{answer['train']} days ({answer['samples']:,} samples), tests of {answer['test']}"
    )
    middle = statistics.median(answer["features"])
    speed = Section("walk-forward", f"{work}; label, features, scaler and fits; × = the features alone")
    wrong = []
    if answer["folds"] != FOLDS:
        wrong.append(f"{answer['folds']} FOLDS")
    if answer["spoken"] != 1.0 or not answer["in_time"]:
        wrong.append(f"{answer['spoken']:.1%} OF THE TESTS HAVE A VALUE, known in time: {answer['in_time']}")
    found = statistics.median(answer["whole"])
    speed.rows.append(Row("Features.compute", "s", tuple(answer["features"]), 1.0))
    speed.rows.append(
        Row(
            "predict_out_of_sample",
            "s",
            tuple(answer["whole"]),
            found / middle,
            f"≤ {REACH_SECONDS:g} s",
            found <= REACH_SECONDS,
            cold=answer["cold"],
            note="; ".join(wrong),
            alarm=bool(wrong),
        )
    )
    memory = Section(
        "walk-forward, peak memory", f"{work}; above what the process held before; × = the panel of features"
    )
    peak = answer["peak_mb"]
    if peak is None:
        memory.rows.append(Row("predict_out_of_sample", "MB", note="not measurable on this system"))
    else:
        note = "of the first process, if folds run in several"
        memory.rows.append(Row("predict_out_of_sample", "MB", (peak,), peak / answer["panel_mb"], note=note))
    return [speed, memory]
