"""From measurements of environments to rows; see `benchmarks.sections`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.launch import Answer, missing
from benchmarks.sections import AGREE, Row, Section

OURS = {
    "raw": "backtester, unwrapped",
    "made": "backtester, gymnasium.make",
    "core, one thread": "backtester, core, one thread",
    "core": "backtester, core",
    "gymnasium": "backtester, gymnasium.make_vec",
    "SB3": "backtester, SB3 VecEnv",
}
FLOORS = {"floor": "floor, hand-written numba", "floor, threads": "floor, on all threads"}


def speed(title: str, caption: str, inside: Answer, peers: Sequence[Answer], reaches: dict[str, float]) -> Section:
    """Steps a second of the floor, of ours, and of peers; ratios to the fastest peer's median, more is faster.

    Parameters
    ----------
    inside : dict
        Answer of `benchmarks.env.inside`.
    peers : sequence of dict
        Answers of `benchmarks.peers.environments`, each with its `library`.
    reaches : dict
        Least rate that a way of ours is to have, by its key in `OURS`.
    """
    best = max((statistics.median(peer["rates"]) for peer in peers if missing(peer) is None), default=None)
    section = Section(title, caption)
    if (why := missing(inside)) is not None:
        section.rows.append(Row("backtester", "steps/s", note=why, alarm=True))
    else:
        section.rows.extend(_inside(inside, best, reaches))
    section.rows.extend(_peer(peer, best) for peer in peers)
    return section


def _ratio(values: Sequence[float], best: float | None) -> float | None:
    return None if best is None else statistics.median(values) / best


def _inside(inside: Answer, best: float | None, reaches: dict[str, float]) -> list[Row]:
    equity, floor = inside["final_equity"], inside["floor_equity"]
    wrong = abs(equity - floor) > AGREE * abs(floor)
    note = f"FINAL EQUITY IS NOT THE FLOOR'S: {equity!r} against {floor!r}" if wrong else ""
    rows = []
    for key, values in inside["rates"].items():
        if key in FLOORS:
            rows.append(Row(FLOORS[key], "steps/s", tuple(values), _ratio(values, best), final_equity=floor))
            continue
        reach = reaches.get(key)
        met = None if reach is None else statistics.median(values) >= reach
        target = "" if reach is None else f"≥ {reach:,.0f}"
        cold = inside.get("cold_seconds") if key == "raw" else None
        ratio = _ratio(values, best)
        rows.append(Row(OURS[key], "steps/s", tuple(values), ratio, target, met, equity, cold, note, wrong))
    return rows


def _peer(peer: Answer, best: float | None) -> Row:
    if (why := missing(peer)) is not None:
        return Row(peer["library"], "steps/s", note=why)
    name = f"{peer['library']} {peer['version']}"
    note = f"{peer['note']}; {peer['bars']:,} bars" if "market" not in peer["note"] else peer["note"]
    ratio = _ratio(peer["rates"], best)
    return Row(name, "steps/s", tuple(peer["rates"]), ratio, cold=peer["cold_seconds"], note=note)


def memory(ours: Answer, peers: Sequence[Answer], reach: float) -> Section:
    """Resident memory of many environments above their data; × = the panel."""
    section = Section("memory", "resident memory, above data and panel; × = the panel of features")
    if (why := missing(ours)) is not None:
        section.rows.append(Row("backtester", "MB", note=why, alarm=True))
    else:
        held, panel, bars = ours["held_mb"], ours["panel_mb"], f"{ours['n']:,} on {ours['bars']:,} bars"
        note = f"{bars}; the panel is {panel:.0f} MB, the bars {ours['market_mb']:.0f} MB"
        section.rows.append(
            Row("backtester", "MB", (held,), held / panel, f"≤ {reach:g} MB", held <= reach, None, None, note)
        )
        if ours["peak_mb"] is not None:
            peak = ours["peak_mb"]
            section.rows.append(Row("backtester, while it is made", "MB", (peak,), peak / panel, note="the peak"))
    for peer in peers:
        if (why := missing(peer)) is not None:
            section.rows.append(Row(peer["library"], "MB", note=why))
            continue
        name = f"{peer['library']} {peer['version']}"
        section.rows.append(Row(name, "MB", (peer["held_mb"],), note=f"{peer['n']:,} on {peer['bars']:,} bars"))
    return section
