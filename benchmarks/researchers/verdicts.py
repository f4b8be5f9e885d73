"""From p-values to how often each statistic rejects, what it should do, and why it does not where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.researchers.research import World

LEVEL = 0.05
SURE = 0.999  # confidence of an interval that has to be missed before anything is called wrong


@dataclass(frozen=True)
class Statistic:
    """One statistic, and what it claims where there is no edge.

    Attributes
    ----------
    field : str
        Of `Findings`.
    words : str
    claim : {"5 %", "at most 5 %", "nothing"}
        How often it says it will reject.
    why : str
        Why it rejects as often as it does.
    """

    field: str
    words: str
    claim: str
    why: str


STATISTICS = (
    Statistic("fixed", "PSR > 95 %, one pair named in advance", "5 %", "one trial, no choice: the level holds"),
    Statistic(
        *("timing_fixed_blocks", "timing test (blocks) of that pair", "at most 5 %"),
        "conservative for rules that follow prices: they are long in a market that happened to rise, and what their "
        "exposure on average earns is in every path, and no evidence",
    ),
    Statistic(
        *("timing_fixed", "timing test (shift) of that pair", "at most 5 %"),
        "conservative as before; and of 1,000 shifts those back by less than the window of 40 give a position the very "
        "returns that it was made of, and are good by looking ahead",
    ),
    Statistic(
        *("naive", "PSR > 95 %, the best of 55 pairs", "nothing"),
        "liberal: it does not know that the best was chosen. This is what most backtests show",
    ),
    Statistic(
        *("timing_best", "timing test (shift) of the best", "nothing"),
        "liberal, for the same reason; less so, as shift is conservative",
    ),
    Statistic(
        *("deflated", "DSR > 95 %, N = 55", "at most 5 %"),
        "conservative: it asks for more than the expected best of 55, by the error of one Sharpe ratio; the best of "
        "many varies less than one does. With an edge the spread of true Sharpe ratios raises the bar as well",
    ),
    Statistic(
        *("deflated_effective", "DSR > 95 %, effective N", "at most 5 %"),
        "conservative as before; an effective number lowers the bar",
    ),
    Statistic(
        *("reality_check", "reality check, p < 5 %", "5 %"),
        "it resamples all pairs together, and so knows their dependence. Net of costs every mean is below 0, and it "
        "rejects less; in clusters of fat tails a little less too, probably as few bars decide every mean there",
    ),
    Statistic(
        *("spa", "SPA (consistent), p < 5 %", "5 %"),
        "as the reality check, each mean over its deviation; pairs that are far too bad are dropped, so that costs "
        "weaken it less",
    ),
    Statistic(
        *("discovered_bh", "any discovery at FDR 5 %, Benjamini and Hochberg", "at most 5 %"),
        "where nothing is true any discovery is false; conservative as the pairs depend on each other",
    ),
    Statistic(
        *("discovered_by", "any discovery at FDR 5 %, Benjamini and Yekutieli", "at most 5 %"),
        "conservative: it holds under any dependence, and pays a factor of Σ 1/i = 4.6 for it",
    ),
    Statistic(
        *("pbo", "PBO < 5 %", "nothing"),
        "no test: a probability that has no level. Without an edge it is about one half on average",
    ),
)


@dataclass(frozen=True)
class Rate:
    """How many of n rejected."""

    rejected: int
    n: int

    @property
    def rate(self) -> float:
        """The fraction."""
        return self.rejected / self.n

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the exact binomial interval (C. J. Clopper and E. S. Pearson, Biometrika 26 (1934))."""
        from scipy.stats import binomtest

        found = binomtest(self.rejected, self.n).proportion_ci(confidence)
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{100 * self.rate:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def rate_of(p_values: npt.NDArray[np.float64]) -> Rate:
    """Return how many p-values are below the level; one that is NaN rejects nothing."""
    return Rate(int((p_values < LEVEL).sum()), len(p_values))


def alarm_of(statistic: Statistic, world: World, rate: Rate) -> str:
    """Return what is wrong with a rate where there is no edge, or "".

    Net of costs no pair is as good as cash, so that every test rejects at most as often as it claims.
    """
    if world.phi or statistic.claim == "nothing":
        return ""
    low, high = rate.interval(SURE)
    where = f"{world.name}: {statistic.words}: {rate} % of {rate.n}, and it claims {statistic.claim}"
    if low > LEVEL:
        return f"REJECTS TOO OFTEN: {where}"
    if high < LEVEL and statistic.claim == "5 %" and not world.cost_bps:
        return f"REJECTS TOO SELDOM: {where}"
    return ""
