"""Nothing where there is nothing: every shipped model on many martingales, and a test whether any finds something."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.sections import Row, Section
from benchmarks.signals.found import holm, martingale, t_test

LEVEL = 0.01
PROCESSES = 2
SIZES = {"seeds": 50, "assets": 2, "train": 300, "test": 150, "folds": 2}
QUICK = {"seeds": 4, "assets": 2, "train": 100, "test": 50, "folds": 2}


def inside(quick: bool) -> dict[str, Any]:
    """Let each model predict each martingale, on two processes."""
    from backtester.signals.plugins import plugins
    from backtester.signals.workers import each

    sizes = QUICK if quick else SIZES
    ours = [name for name, found in plugins().items() if found[0].package == "backtester"]
    items = [(name, seed) for name in ours for seed in range(sizes["seeds"])]
    said = each(martingale, sizes, items, PROCESSES)
    models = {name: [one for item, one in zip(items, said, strict=True) if item[0] == name] for name in ours}
    return {
        "sizes": sizes,
        "models": [
            {"model": name, "ics": [ic for ic, _ in found], "seconds": sum(seconds for _, seconds in found)}
            for name, found in models.items()
        ],
    }


def sections(answer: dict[str, Any]) -> list[Section]:
    """Return the coefficients of each model over the seeds; one that finds something is an alarm."""
    sizes, models = answer["sizes"], answer["models"]
    rows = sizes["assets"] * (sizes["folds"] * sizes["test"] - 1)  # the last bar has no label
    caption = (
        f"random walks, five features; {sizes['seeds']} seeds, each {sizes['folds']} folds that train on "
        f"{sizes['assets'] * sizes['train']:,} samples, {rows:,} test rows; the mean of the IC about 0 is tested (t), "
        f"Holm at {LEVEL:.0%} over the {len(models)} models"
    )
    section = Section("martingale", caption)
    tests = [t_test(one["ics"]) for one in models]
    for one, (mean, t, p), found in zip(models, tests, holm([p for _, _, p in tests], LEVEL), strict=True):
        note = f"mean {mean:+.4f}, t {t:+.2f}, p {p:.3f}; {one['seconds'] / sizes['seeds']:.1f} s a seed"
        if found:
            note = f"FINDS WHAT IS NOT THERE: {note}"
        section.rows.append(
            Row(one["model"], "IC", tuple(one["ics"]), None, "nothing", not found, note=note, alarm=found)
        )
    section.rows.append(_all(models))
    return [section]


def _all(models: list[dict[str, Any]]) -> Row:
    """Return a line on all models together: the mean of their coefficients for each seed."""
    pooled = [statistics.fmean(values) for values in zip(*(one["ics"] for one in models), strict=True)]
    mean, t, p = t_test(pooled)
    return Row("all, mean by seed", "IC", tuple(pooled), note=f"mean {mean:+.4f}, t {t:+.2f}, p {p:.3f}")
