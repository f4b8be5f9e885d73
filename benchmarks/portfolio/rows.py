"""From the portfolio benchmark's measurements to rows, where `benchmarks.sections` has no such section."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from benchmarks.launch import Answer, missing
from benchmarks.sections import AGREE, Row, Section

SAME_EXAMPLE = ("sma_cross", "four_averages", "trailing_at_close")
"""Examples whose result must be backtesting.py's; `trailing` sizes at another moment, and its row says so."""

NOTES = {
    "sma_cross": "long and short with everything",
    "four_averages": "with everything, out on a fourth average",
    "trailing": "95 % of the cash on every cross, a trailing stop for each lot",
    "trailing_at_close": "as above; backtesting.py's units counted at the close, none before its range is known",
}


def as_run(peers: Sequence[Answer], inside: Answer) -> list[Answer]:
    """The peers' answers with `run_seconds` (what they call a run computes no metrics where that is separable).

    Their notes say how far their final equity is from the floor's; bt's also how far from its own rule for quantities.
    """
    answers = []
    for peer in peers:
        answer = dict(peer)
        if missing(peer) is None and missing(inside) is None:
            floor = inside["floor"]
            off = abs(peer["final_equity"] / floor["final_equity"] - 1.0)
            note = f"{peer['note']}; off the floor's equity by {off:.0e}"
            if peer["engine"] == "bt" and floor["sized_at_the_open"] is not None:
                off = abs(peer["final_equity"] / floor["sized_at_the_open"] - 1.0)
                note += f", by {off:.0e} if the floor sizes there too"
            answer |= {"run_seconds": peer["kernel_seconds"], "note": note}
        answers.append(answer)
    return answers


def times_faster(section: Section, peer: str, reach: float) -> Section:
    """The section with a target for our row: so many times faster than the fastest engine of a name."""
    others = [row.median for row in section.rows if row.engine.startswith(peer) and row.median is not None]
    rows = []
    for row in section.rows:
        if row.engine == "backtester" and row.median is not None and others:
            ratio = min(others) / row.median
            note = f"{row.note}; {ratio:.1f}× as fast as the fastest {peer}"
            row = dataclasses.replace(row, reach=f"≥ {reach:g}× {peer}", met=ratio >= reach, note=note)
        rows.append(row)
    return Section(section.title, section.caption, rows)


def grids(measured: Sequence[tuple[int, int, Answer]], prices: int, reached: tuple[int, int], reach: float) -> Section:
    """P3: microseconds a bar of the whole run, strategy included; `measured` has assets, orders each, and the answer.

    Parameters
    ----------
    prices : int
        Bars times assets, the same in every grid.
    reached : tuple
        The grid that has a target, `reach` microseconds a bar.
    """
    caption = f"grids of limit orders, {prices:,} bars over all assets, run(); × = the floor on the same grid"
    section = Section("P3 grid of working orders", caption)
    for n_assets, n_orders, inside in measured:
        name = f"{n_orders:,} orders on {n_assets} asset{'s' if n_assets > 1 else ''}"
        mine = (n_assets, n_orders) == reached
        target = f"≤ {reach:g} µs" if mine else ""
        if (why := missing(inside)) is not None:
            section.rows.append(Row(f"backtester, {name}", "µs/bar", reach=target, note=why, alarm=True))
            continue
        section.rows.append(_grid(name, inside, target, reach if mine else None))
    return section


def _grid(name: str, inside: Answer, target: str, reach: float | None) -> Row:
    ours, floor, bars = inside["ours"], inside["floor"], inside["bars"]
    values = tuple(1e6 * second / bars for second in ours["run_seconds"])
    middle = statistics.median(values)
    base = 1e6 * statistics.median(floor["kernel_seconds"]) / bars
    kernel = 1e6 * statistics.median(ours["kernel_seconds"]) / bars
    wrong = abs(ours["final_equity"] - floor["final_equity"]) > AGREE * abs(floor["final_equity"])
    note = f"{ours['n_fills'] / bars:.2f} fills a bar; kernel {kernel:.3f}, floor {base:.3f} µs"
    if wrong:
        note = f"FINAL EQUITY IS NOT THE FLOOR'S: {ours['final_equity']!r} against {floor['final_equity']!r}"
    met = None if reach is None else middle <= reach
    equity = ours["final_equity"]
    return Row(f"backtester, {name}", "µs/bar", values, middle / base, target, met, equity, None, note, wrong)


def examples(pairs: Sequence[tuple[str, Answer, Answer]]) -> Section:
    """P4: bars a second of a run with its statistics; `pairs` has the example, backtesting.py's answer and ours."""
    section = Section("P4 backtesting.py's examples", "2,148 daily bars, metrics included; × = backtesting.py")
    for example, theirs, ours in pairs:
        reference = None
        for engine, answer in (("backtesting.py", theirs), ("backtester", ours)):
            name = f"{engine}, {example}"
            if (why := missing(answer)) is not None:
                section.rows.append(Row(name, "bars/s", note=why, alarm=engine == "backtester"))
                continue
            rates = tuple(answer["bars"] / second for second in answer["whole_seconds"])
            middle = statistics.median(rates)
            reference = reference or middle
            ratio = middle / reference if missing(theirs) is None else None
            note = f"{answer['n_trades']} closed trades; {NOTES[example]}"
            alarm = engine == "backtester" and example in SAME_EXAMPLE and _differs(theirs, ours)
            if alarm:
                note = f"NOT BACKTESTING.PY'S RESULT: {ours['final_equity']!r} against {theirs['final_equity']!r}"
            equity = answer["final_equity"]
            section.rows.append(Row(name, "bars/s", rates, ratio, "", None, equity, None, note, alarm))
    return section


def _differs(theirs: Answer, ours: Answer) -> bool:
    """Whether two engines came to another number of trades, or another final equity."""
    if missing(theirs) is not None:
        return False
    off = abs(ours["final_equity"] - theirs["final_equity"])
    return ours["n_trades"] != theirs["n_trades"] or off > AGREE * abs(theirs["final_equity"])
