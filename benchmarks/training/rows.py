"""From measurements of training to rows; see `benchmarks.sections`."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.launch import Answer, missing
from benchmarks.sections import Row, Section

NAMES = {
    "null": "PPO, environment that does nothing",
    "ours": "PPO, Trading-v0",
    "default": "PPO, SB3's default, 1 env",
}


def training(inside: Answer, reach_null: float, reach_default: float, reach_share: float) -> list[Section]:
    """Steps a second of whole trainings, and the environment's part of the time.

    Parameters
    ----------
    inside : dict
        Answer of `benchmarks.training.inside`.
    reach_null, reach_default : float
        Least ratio of our rate to that without an environment, and to SB3's default.
    reach_share : float
        Greatest part of the time that the environment is to take, percent.
    """
    rate = Section("PPO, steps a second", "SB3's PPO, 64 × 64, ten epochs, updates included; × = nothing to step")
    share = Section("PPO, time in the environment", "percent of the training's time inside `env.step`")
    if (why := missing(inside)) is not None:
        rate.rows.append(Row(NAMES["ours"], "steps/s", note=why, alarm=True))
        return [rate]
    medians = {name: statistics.median(inside[name]["rates"]) for name in NAMES}
    targets = {
        "ours": (f"≥ {100 * reach_null:g} % of it", medians["ours"] >= reach_null * medians["null"]),
        "default": (f"≥ {reach_default:g}× as fast", medians["ours"] >= reach_default * medians["default"]),
    }
    for name, label in NAMES.items():
        found = inside[name]
        target, met = targets.get(name, ("", None))
        values, ratio = tuple(found["rates"]), medians[name] / medians["null"]
        note = _shape(found)
        if name == "default":
            note += f"; Trading-v0 above is {medians['ours'] / medians['default']:.1f} times as fast"
        rate.rows.append(Row(label, "steps/s", values, ratio, target, met, note=note))
        mine = name == "ours"
        middle = statistics.median(found["shares"])
        target, met = (f"≤ {reach_share:g} %", middle <= reach_share) if mine else ("", None)
        share.rows.append(Row(label, "%", tuple(found["shares"]), None, target, met))
    return [rate, share]


def _shape(found: dict[str, Any]) -> str:
    threads = found["torch_threads"]
    return (
        f"{found['n_envs']:,} envs × {found['n_steps']:,} steps, minibatches of {found['batch_size']:,}, "
        f"{threads} torch thread{'s' if threads > 1 else ''}"
    )
