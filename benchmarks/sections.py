"""From measurements to rows: one section per question, one row per engine, ratios against the section's reference."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.launch import Answer, missing
from benchmarks.process_start import Times

AGREE = 1e-9


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    engine : str
    unit : str
        "ms", "s", "bars/s" or "MB".
    values : tuple of float
        The measurements, in `unit`; empty if there are none, and then `note` says why.
    ratio : float or None
        Median over the reference's median.
    reach : str
        The target, "" for rows that have none.
    met : bool or None
    final_equity : float or None
    cold : float or None
        Seconds of the first call, on 2,000 bars, the compilers' caches empty.
    alarm : bool
        The result is wrong, whatever its time.
    """

    engine: str
    unit: str
    values: tuple[float, ...] = ()
    ratio: float | None = None
    reach: str = ""
    met: bool | None = None
    final_equity: float | None = None
    cold: float | None = None
    note: str = ""
    alarm: bool = False

    @property
    def median(self) -> float | None:
        """The middle measurement, or None."""
        return statistics.median(self.values) if self.values else None


@dataclass(frozen=True)
class Section:
    """A heading, a caption that names the work and what the ratios are against, and its rows."""

    title: str
    caption: str
    rows: list[Row] = field(default_factory=list)


def _ms(seconds: Sequence[float], scale: float = 1.0) -> tuple[float, ...]:
    return tuple(1e3 * scale * second for second in seconds)


def _equity_alarm(ours: float, floor: float) -> str:
    """ "" if ours is the floor's final equity, else a complaint."""
    if abs(ours - floor) <= AGREE * abs(floor):
        return ""
    return f"FINAL EQUITY IS NOT THE FLOOR'S: {ours!r} against {floor!r}"


def speed(title: str, caption: str, inside: Answer, peers: Sequence[Answer], what: str, reach: float | None) -> Section:
    """W1 and W2, `what` being "kernel" (indicators and simulation) or "whole" (with the metrics).

    Parameters
    ----------
    inside : dict
        Answer of `benchmarks.inside`.
    peers : sequence of dict
        Answers of the adaptors; one that ran fewer bars is scaled, and its row says so.
    reach : float or None
        Greatest ratio to the floor that our engine is to have.
    """
    section = Section(title, caption)
    if (why := missing(inside)) is not None:
        section.rows.append(Row("floor", "ms", note=why, alarm=True))
        return section
    floor = inside["floor"]
    section.rows.append(
        Row(
            "floor, hand-written numba",
            "ms",
            _ms(floor["kernel_seconds"]),
            1.0,
            final_equity=floor["final_equity"],
            cold=floor["cold_seconds"],
            note=f"{floor['n_fills']:,} fills",
        )
    )
    reference = statistics.median(_ms(floor["kernel_seconds"]))
    section.rows.append(_ours(inside["ours"], floor, what, reach, reference))
    section.rows.extend(_peer(peer, floor, what, reference) for peer in peers)
    return section


def _ours(ours: Answer, floor: Answer, what: str, reach: float | None, reference: float) -> Row:
    target = "" if reach is None else f"≤ {reach:g}×"
    if (why := missing(ours)) is not None:
        return Row("backtester", "ms", reach=target, note=why, alarm="failed" in ours)
    values = _ms(ours[f"{what}_seconds"])
    ratio = statistics.median(values) / reference
    alarm = _equity_alarm(ours["final_equity"], floor["final_equity"])
    return Row(
        "backtester",
        "ms",
        values,
        ratio,
        target,
        None if reach is None else ratio <= reach,
        ours["final_equity"],
        ours["cold_seconds"] if what == "whole" else None,
        alarm or f"{ours['n_fills']:,} fills",
        bool(alarm),
    )


def _peer(peer: Answer, floor: Answer, what: str, reference: float) -> Row:
    name = _named(peer)
    if (why := missing(peer)) is not None:
        return Row(name, "ms", note=why)
    scale = peer["market_bars"] / peer["bars"]
    values = _ms(peer[f"{what}_seconds"], scale)
    notes = [f"{peer['n_fills']:,} fills", peer["note"]]
    if scale != 1.0:
        notes.append(f"{peer['bars']:,} bars, time × {scale:g}; floor's equity there {floor['equity_at_head']:,.2f}")
    ratio = statistics.median(values) / reference
    return Row(name, "ms", values, ratio, "", None, peer["final_equity"], peer["cold_seconds"], "; ".join(notes))


def interpreted(inside: Answer, peers: Sequence[Answer], reach: float) -> Section:
    """W3: bars a second of engines whose strategy is Python; the reference is the first peer, backtesting.py."""
    section = Section("W3 strategy in Python", "100,000 bars, metrics included; × = backtesting.py, more is faster")
    if (why := missing(inside)) is not None:
        section.rows.append(Row("backtester, interpreted", "bars/s", note=why, alarm=True))
        return section
    reference = None if missing(peers[0]) else statistics.median(_rates(peers[0], peers[0]["kernel_seconds"]))
    section.rows.append(_interpreted_ours(inside, reach, reference))
    for peer in peers:
        if (why := missing(peer)) is not None:
            section.rows.append(Row(_named(peer), "bars/s", note=why))
            continue
        rates = _rates(peer, peer["kernel_seconds"])
        ratio = statistics.median(rates) / reference if reference else None
        note = peer["note"] if peer["bars"] == peer["market_bars"] else f"{peer['bars']:,} bars; {peer['note']}"
        section.rows.append(Row(_named(peer), "bars/s", rates, ratio, final_equity=peer["final_equity"], note=note))
    return section


def _interpreted_ours(inside: Answer, reach: float, reference: float | None) -> Row:
    ours, target = inside["ours"], f"≥ {reach:,.0f}"
    if (why := missing(ours)) is not None:
        return Row("backtester, interpreted", "bars/s", reach=target, note=why, alarm="failed" in ours)
    rates = _rates(inside, ours["whole_seconds"])
    middle = statistics.median(rates)
    alarm = _equity_alarm(ours["final_equity"], inside["floor"]["final_equity"])
    return Row(
        "backtester, interpreted",
        "bars/s",
        rates,
        middle / reference if reference else None,
        target,
        middle >= reach,
        ours["final_equity"],
        note=alarm or "run() and metrics",
        alarm=bool(alarm),
    )


def _rates(answer: Answer, seconds: Sequence[float]) -> tuple[float, ...]:
    """Bars a second."""
    return tuple(answer["bars"] / second for second in seconds)


def _named(peer: Answer) -> str:
    """A peer's name and version."""
    return f"{peer['engine']} {peer.get('version', '')}".strip()


def starts(measured: Sequence[tuple[str, Answer, Times]], reaches: dict[str, float]) -> Section:
    """W4: seconds from process start to exit; `measured` has ours first."""
    section = Section("W4 process start to metrics", "100,000 bars; × = backtester with the same cache")
    ours = measured[0][2]
    for cache in ("empty", "warm", "edited"):
        for engine, answer, times in measured:
            mine = engine == "backtester"
            if cache not in times:
                continue
            reach = reaches[cache] if mine else None
            target = "" if reach is None else f"≤ {reach:g} s"
            name = f"{engine}, {cache if cache == 'edited' else cache + ' cache'}"
            if (why := missing(answer)) is not None or not times[cache]:
                failed = mine and "absent" not in answer
                section.rows.append(Row(name, "s", reach=target, note=why or "failed", alarm=failed))
                continue
            seconds = statistics.median(times[cache])
            ratio = seconds / statistics.median(ours[cache]) if ours[cache] else None
            met = None if reach is None else seconds <= reach
            equity = None if cache == "edited" else answer["final_equity"]
            section.rows.append(Row(name, "s", tuple(times[cache]), ratio, target, met, equity))
    return section


def imports(measured: dict[str, tuple[Answer, list[float]]], reach: float) -> Section:
    """Seconds of an import statement in a new process, the disk's cache warm."""
    section = Section("import", "in a new process; × = numba alone")
    reference = statistics.median(measured["import numba"][1])
    for statement, (answer, seconds) in measured.items():
        mine = "backtester" in statement
        target = f"≤ {reach:g} s" if mine else ""
        if (why := missing(answer)) is not None:
            section.rows.append(Row(statement, "s", reach=target, note=why, alarm=mine and "failed" in answer))
            continue
        middle = statistics.median(seconds)
        met = middle <= reach if mine else None
        section.rows.append(Row(statement, "s", tuple(seconds), middle / reference, target, met))
    return section


def memory(inside: Answer, peers: Sequence[Answer], reach: float | None, workload: str = "W1") -> Section:
    """A workload's peak of resident memory above the data, whole run and metrics."""
    section = Section(f"{workload} peak memory above data", "whole run and metrics; × = the market's six arrays")
    if missing(inside) is not None:
        return section
    market_mb = inside["floor"]["market_mb"]
    for name, answer in [("backtester", inside["ours"]), *((peer["engine"], peer) for peer in peers)]:
        mine = name == "backtester" and reach is not None
        target = f"≤ {reach:g} MB" if mine else ""
        peak = answer.get("peak_mb")
        if (why := missing(answer)) is not None or peak is None:
            section.rows.append(Row(name, "MB", reach=target, note=why or "not measurable on this system"))
            continue
        met = peak <= reach if mine else None
        note = "" if name == "backtester" or answer["bars"] == answer["market_bars"] else f"on {answer['bars']:,} bars"
        section.rows.append(Row(name, "MB", (peak,), peak / market_mb, target, met, note=note))
    return section
