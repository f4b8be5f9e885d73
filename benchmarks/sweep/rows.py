"""From measurements of sweeps to rows of the table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.launch import Answer, missing
from benchmarks.sections import AGREE, Row, Section


def section(
    workload: str,
    words: str,
    inside: Answer,
    peers: Sequence[tuple[str, Answer]],
    reach: tuple[float | None, float | None],
) -> Section:
    """Seconds of one workload; × = the floor.

    Parameters
    ----------
    inside : dict
        Answer of `benchmarks.sweep.inside`.
    peers : sequence of (name, dict)
    reach : (float or None, float or None)
        Most seconds that ours may take; how many times the callback (the first peer) it must be as fast.
    """
    found = Section(f"{workload} sweep", f"{words}; × = the floor on every core")
    if (why := missing(inside)) is not None:
        found.rows.append(Row("floor", "s", note=why, alarm=True))
        return found
    floor, ours = inside["floor"], inside["ours"]
    reference = statistics.median(floor["seconds"])
    found.rows.append(
        Row("floor, numba prange", "s", tuple(floor["seconds"]), 1.0, cold=floor["cold_seconds"], note="equity alone")
    )
    middle = statistics.median(ours["seconds"])
    target, met = "", None
    if reach[0] is not None:
        target, met = f"≤ {reach[0]:g} s", middle <= reach[0]
    theirs = next((answer for _, answer in peers if missing(answer) is None), None)
    if reach[1] is not None:
        target = f"≥ {reach[1]:g} × callback"
        met = None if theirs is None else statistics.median(theirs["seconds"]) / middle >= reach[1]
    alarm = "" if ours["apart"] <= AGREE else f"FINAL EQUITIES ARE NOT THE FLOOR'S: {ours['apart']:.2g} apart"
    each = 1e6 * middle / inside["trials"]
    found.rows.append(
        Row(
            *("backtester", "s", tuple(ours["seconds"]), middle / reference, target, met),
            cold=ours["cold_seconds"],
            note=alarm or f"{inside['trials']:,} trials, {each:,.0f} µs each",
            alarm=bool(alarm),
        )
    )
    for name, answer in peers:
        if (why := missing(answer)) is not None:
            found.rows.append(Row(name, "s", note=why))
            continue
        seconds = tuple(answer["seconds"])
        note = f"{statistics.median(seconds) / middle:,.1f} × our time"
        found.rows.append(
            Row(
                *(f"{name} {answer['version']}", "s", seconds, statistics.median(seconds) / reference),
                cold=answer["cold_seconds"],
                note=note,
            )
        )
    return found


def ledger(answer: Answer, reach: float | None) -> Section:
    """What the trial ledger adds to S1; `answer` is that of `benchmarks.sweep.beside`, `reach` the most it may add.

    That is the median over turns of one run with it and one without: the machine is the same for both.
    """
    found = Section("trial ledger", "S1 with a new ledger and without, in turns; × = the run without in the same turn")
    if (why := missing(answer)) is not None:
        found.rows.append(Row("without", "s", note=why, alarm=True))
        return found
    turns = list(zip(answer["off"], answer["on"], strict=True))
    ratios = [on / off for off, on in turns]
    ratio = statistics.median(ratios)
    found.rows.append(Row("without", "s", tuple(answer["off"]), 1.0))
    each = 1e6 * statistics.median([on - off for off, on in turns]) / answer["trials"]
    low, _, high = statistics.quantiles(ratios, n=4)
    spread = f"half of the turns {100 * (low - 1):+.0f} to {100 * (high - 1):+.0f}"
    size = f"{answer['ledger_bytes'] / 1e3:,.0f} kB"
    note = f"{100 * (ratio - 1):+.1f} % ({spread}), {each:+,.1f} µs a trial; {size}"
    target = "" if reach is None else f"≤ {100 * reach:g} % more"
    met = None if reach is None else ratio - 1.0 <= reach
    found.rows.append(Row("with", "s", tuple(answer["on"]), ratio, target, met, note=note))
    return found


def pbo(answer: Answer, reach: float | None) -> Section:
    """Seconds of the probability of backtest overfitting; `answer` is that of `benchmarks.sweep.beside`."""
    if (why := missing(answer)) is not None:
        return Section(
            "PBO", "combinatorially symmetric cross-validation", [Row("backtester", "s", note=why, alarm=True)]
        )
    caption = f"{answer['trials']:,} trials × {answer['days']:,} days, {answer['splits']:,} splits"
    seconds = tuple(answer["seconds"])
    target = "" if reach is None else f"≤ {reach:g} s"
    met = None if reach is None else statistics.median(seconds) <= reach
    found = Section("PBO", caption)
    peak = "" if answer["peak_mb"] is None else f"; peak {answer['peak_mb']:,.0f} MB above the returns"
    note = f"PBO {answer['probability']:.2f} of random returns{peak}"
    found.rows.append(Row("backtester", "s", seconds, None, target, met, cold=answer["cold_seconds"], note=note))
    return found


def memory(measured: Sequence[tuple[str, Answer, Sequence[tuple[str, Answer]], float | None]]) -> Section:
    """Peak memory above the process with its libraries and the market; `measured` has workload, ours, peers, reach."""
    found = Section("memory", "peak above the process before the sweep")
    for workload, inside, peers, reach in measured:
        if missing(inside) is None and inside["ours"]["peak_mb"] is not None:
            peak = inside["ours"]["peak_mb"]
            target = "" if reach is None else f"≤ {reach:g} MB"
            met = None if reach is None else peak <= reach
            found.rows.append(Row(f"{workload} backtester", "MB", (peak,), reach=target, met=met))
        for name, answer in peers:
            if missing(answer) is None and answer["peak_mb"] is not None:
                found.rows.append(Row(f"{workload} {name}", "MB", (answer["peak_mb"],)))
    return found
