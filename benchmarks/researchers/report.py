"""What a thousand researchers found, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.researchers.research import Findings, World
from benchmarks.researchers.trader import IN_ADVANCE, PAIRS
from benchmarks.researchers.verdicts import LEVEL, STATISTICS, SURE, alarm_of, rate_of
from benchmarks.table import machine

Found = Sequence[tuple[World, np.ndarray]]  #: of each world the findings, [researchers, fields]
YEAR = 252**0.5  #: from a Sharpe ratio per day to one per year


def column(found: np.ndarray, field: str) -> np.ndarray:
    """Return one field of the findings, [researchers]."""
    return found[:, Findings._fields.index(field)]


def alarms(worlds: Found) -> list[str]:
    """Return what is wrong: tests that reject more often than they claim, or never, where there is no edge."""
    texts = [alarm_of(one, world, rate_of(column(found, one.field))) for world, found in worlds for one in STATISTICS]
    return [text for text in texts if text]


def as_data(worlds: Found, seconds: float) -> dict[str, Any]:
    """Return everything for JSON."""
    listed = []
    for world, found in worlds:
        rates = {}
        for one in STATISTICS:
            rate = rate_of(column(found, one.field))
            low, high = rate.interval()
            rates[one.field] = {"rejected": rate.rejected, "rate": rate.rate, "low": low, "high": high}
        listed.append(
            {
                **{name: getattr(world, name) for name in ("name", "kind", "phi", "cost_bps", "n_bars")},
                "researchers": len(found),
                "rates": rates,
                "means": {name: float(column(found, name).mean()) for name in Findings._fields},
                "best_sharpe_a_year": np.quantile(column(found, "sharpe") * YEAR, np.linspace(0, 1, 21)).tolist(),
            }
        )
    return {"machine": machine(), "level": LEVEL, "trials": len(PAIRS), "seconds": seconds, "worlds": listed}


def markdown(worlds: Found, command: str, seconds: float) -> str:
    """Return the report."""
    null = [one for one in worlds if not one[0].phi]
    planted = [one for one in worlds if one[0].phi]
    bars, researchers = worlds[0][0].n_bars, sum(len(found) for _, found in worlds)
    fast, slow = PAIRS[IN_ADVANCE]
    lines = [
        f"# Results of `{command}`",
        "",
        f"{', '.join(machine().values())}; {researchers:,} researchers in {seconds:,.0f} s.",
        "",
        f"Each researcher has a market of {bars:,} daily returns (deviation 1 %) of their own, tries {len(PAIRS)} "
        "pairs of moving averages, always long or short, and keeps the one with the best Sharpe ratio. What is named "
        f"in advance is the pair ({fast}, {slow}). Rates are in percent, with the exact binomial 95 % interval; bold "
        f"is a test that does not do what it claims, beyond its {100 * SURE:g} % interval.",
        "",
        "![What a thousand researchers find](researchers.svg)",
        "",
        "## No edge: how often each statistic finds one",
        "",
        "| | claims | " + " | ".join(f"{world.name} ({len(found):,})" for world, found in null) + " | why |",
        "|---|---|" + "---:|" * len(null) + "---|",
    ]
    for one in STATISTICS:
        cells = []
        for world, found in null:
            rate = rate_of(column(found, one.field))
            cells.append(f"**{rate}**" if alarm_of(one, world, rate) else str(rate))
        lines.append(f"| {one.words} | {one.claim} | " + " | ".join(cells) + f" | {one.why} |")
    lines += ["", *_means(null), ""]
    if planted:
        lines += [
            "## A planted edge: how often it is found",
            "",
            "r follows itself with correlation φ, which the pair (1, 2) among the trials makes use of, and (1, 3) "
            "nearly as well. It earns 0.80·φ·1 % a day before costs, and trades on every second day.",
            "",
            "| | " + " | ".join(_short(world, len(found)) for world, found in planted) + " |",
            "|---|" + "---:|" * len(planted),
        ]
        for one in STATISTICS:
            cells = [str(rate_of(column(found, one.field))) for _, found in planted]
            lines.append(f"| {one.words} | " + " | ".join(cells) + " |")
        lines += ["", *_means(planted), ""]
    return "\n".join(lines)


def _short(world: World, n: int) -> str:
    return f"φ = {world.phi:g}, {f'net of {world.cost_bps:g} bps' if world.cost_bps else 'gross'} ({n:,})"


def _means(worlds: Found) -> list[str]:
    """Return a table of what is no rate."""
    rows = {
        "Sharpe ratio of the best, a year": lambda found: f"{column(found, 'sharpe').mean() * YEAR:.2f}",
        "Sharpe ratio of the pair named in advance": lambda found: f"{column(found, 'sharpe_fixed').mean() * YEAR:.2f}",
        "effective number of trials": lambda found: f"{column(found, 'effective').mean():.1f}",
        "PBO": lambda found: f"{column(found, 'pbo').mean():.3f}",
        "the best is the pair (1, 2)": lambda found: f"{100 * column(found, 'chose_planted').mean():.0f} %",
    }
    lines = [
        "| mean over researchers | " + " | ".join(world.name for world, _ in worlds) + " |",
        "|---|" + "---:|" * len(worlds),
    ]
    return lines + [
        f"| {words} | " + " | ".join(one(found) for _, found in worlds) + " |" for words, one in rows.items()
    ]
