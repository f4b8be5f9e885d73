"""One researcher: tries every pair on one market, keeps the best, and asks how far to believe it.

Everything that is random comes from the number of the researcher, so that it is the same wherever it is worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from backtester import Account, Bars, Costs, Result, run
from backtester.engine.repeat import Repeater
from backtester.engine.settings import Settings
from backtester.research import overfitting as of
from benchmarks.researchers.market import market
from benchmarks.researchers.trader import IN_ADVANCE, PAIRS, PLANTED, WARM_UP, Flipper


@dataclass(frozen=True)
class World:
    """What researchers are let loose on.

    Attributes
    ----------
    kind : {"normal", "clustered"}
        Of the returns' shocks.
    phi : float
        The planted correlation of a return with the next; 0 is no edge.
    cost_bps : float
        Of each trade's value.
    n_bars : int
        Returns that are judged, after the warm-up.
    """

    kind: str = "normal"
    phi: float = 0.0
    cost_bps: float = 0.0
    n_bars: int = 1_000

    @property
    def name(self) -> str:
        """What it is called in tables."""
        planted = f"φ = {self.phi:g}" if self.phi else "no edge"
        costs = f", net of {self.cost_bps:g} bps a trade" if self.cost_bps else ""
        return f"{planted}, {self.kind} returns{costs}"


class Findings(NamedTuple):
    """What a researcher is told; p-values, but for `sharpe` (a bar's, of the best), `pbo` and `effective`.

    The fixed ones are of the pair that was named in advance, `naive` and `timing_best` of the best as if it had been.
    `discovered_…` is the lowest q-value of all trials. `chose_planted` is 1 where the best is the pair (1, 2).
    """

    sharpe: float
    sharpe_fixed: float
    fixed: float
    timing_fixed: float
    timing_fixed_blocks: float
    naive: float
    timing_best: float
    deflated: float
    deflated_effective: float
    reality_check: float
    spa: float
    discovered_bh: float
    discovered_by: float
    pbo: float
    effective: float
    chose_planted: float


def numbered(worlds: Sequence[World], item: tuple[int, int]) -> tuple[tuple[int, int], Findings]:
    """Return an item, and what researcher `item[1]` finds in a market of world `item[0]`; for an executor."""
    with threadpool_limits(1):  # small matrices: more threads cost more than they give
        return item, research(worlds[item[0]], item[1])


def research(world: World, number: int) -> Findings:
    """Return what researcher `number` finds in a market of their own."""
    bars = market(world.kind, world.phi, WARM_UP + world.n_bars + 1, number)
    costs = Costs(commission=world.cost_bps / 10_000.0)
    account = Account(leverage=2.0, allow_short=True)
    earned = tried(bars, costs, account)
    estimates = [of.sharpe_estimate(one) for one in earned.T]
    sharpes = np.array([one.sharpe for one in estimates])
    best = int(np.argmax(sharpes))
    spread = of.variance_of_sharpes(sharpes)
    effective = of.effective_trials(earned).number
    singles = [1.0 - of.probabilistic_sharpe(*one) for one in estimates]
    n = len(PAIRS)

    def deflated(independent: float) -> float:
        asked = {"trials": n, "sharpe_variance": spread, "effective_trials": independent}
        return 1.0 - of.deflated_sharpe(*estimates[best], **asked)

    def result_of(k: int) -> Result:
        fast, slow = PAIRS[k]
        return run(Flipper(fast=fast, slow=slow), bars, costs=costs, account=account, progress=False)

    fixed = result_of(IN_ADVANCE)

    return Findings(
        sharpe=float(sharpes[best]),
        sharpe_fixed=float(sharpes[IN_ADVANCE]),
        fixed=singles[IN_ADVANCE],
        timing_fixed=of.timing_test_of(fixed).p_value,
        timing_fixed_blocks=of.timing_test_of(fixed, method="blocks", seed=number).p_value,
        naive=singles[best],
        timing_best=of.timing_test_of(result_of(best)).p_value,
        deflated=deflated(n),
        deflated_effective=deflated(effective),
        reality_check=of.reality_check(earned, seed=number).p_value,
        spa=of.spa(earned, seed=number).consistent,
        discovered_bh=float(of.false_discovery_rate(singles, method="bh").q_values.min()),
        discovered_by=float(of.false_discovery_rate(singles, method="by").q_values.min()),
        pbo=of.pbo(earned).probability,
        effective=effective,
        chose_planted=float(best == PLANTED),
    )


def tried(bars: Bars, costs: Costs, account: Account) -> npt.NDArray[np.float64]:
    """Return the simple returns of every pair after the warm-up, float64 [n_bars, n_trials]."""
    machine = Repeater(bars, Settings(costs=costs, account=account))
    equity = np.empty((bars.n_bars - WARM_UP, len(PAIRS)))
    for k, (fast, slow) in enumerate(PAIRS):
        tables, _ = machine.tables(lambda fast=fast, slow=slow: Flipper(fast=fast, slow=slow))  # type: ignore[misc]
        equity[:, k] = tables.equity[WARM_UP:]
    return equity[1:] / equity[:-1] - 1.0
