"""The account that an order met, rebuilt from the tables: settings, positions, equity, and what participation left.

Cash before a fill is the starting cash plus the cash flows and less the fills before it; positions likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtester.costs import per_asset
from backtester.kernel.codes import CashFlowKind, Phase, Role

if TYPE_CHECKING:
    from backtester.result import Result


@dataclass(frozen=True)
class Terms:
    """The settings of the run that decide about an order of one asset."""

    cash: float
    leverage: float
    maintenance: float
    allow_short: bool
    on_shortfall: str
    lot_size: float  # NaN, as the multiplier, for an asset that does not exist
    multiplier: float
    fill_at: str
    same_bar: str
    limit_fill: str
    max_participation: float
    latency_bars: int
    interrupted: bool

    @classmethod
    def of(cls, result: Result, asset: int) -> Terms:
        """Return the terms of an asset, from the facts of the run."""
        facts = result._facts
        account, execution = facts["settings"]["account"], facts["settings"]["execution"]
        sizes = [per_asset("Account", n, account[n], result.bars.symbols) for n in ("lot_size", "multiplier")]
        known = 0 <= asset < result.bars.n_assets
        lot_size, multiplier = (float(size[asset]) if known else float("nan") for size in sizes)
        return cls(
            cash=float(facts["settings"]["cash"]),
            leverage=float(account["leverage"]),
            maintenance=float(account["maintenance"]),
            allow_short=account["allow_short"],
            on_shortfall=account["on_shortfall"],
            lot_size=lot_size,
            multiplier=multiplier,
            fill_at=execution["fill_at"],
            same_bar=execution["same_bar"],
            limit_fill=execution["limit_fill"],
            max_participation=float(execution["max_participation"]),
            latency_bars=execution["latency_bars"],
            interrupted=facts["interrupted"],
        )


class Standing(NamedTuple):
    """The account at one moment, in money; `position` is the signed quantity of the asset."""

    equity: float
    gross: float
    position: float


class Allowance(NamedTuple):
    """What `max_participation` allowed of an asset in a bar (inf: no cap), and what was used of it."""

    most: float
    used: float
    orders: list[int]  #: ids of the orders that used it


class AccountView:
    """The account around the orders of one asset.

    Parameters
    ----------
    result : Result
    asset : int
    terms : Terms
    """

    def __init__(self, result: Result, asset: int, terms: Terms):
        self.bars = result.bars
        self.tables = result.tables
        self.asset = asset
        self.terms = terms

    @cached_property
    def _held(self) -> np.ndarray:
        """The position after each row of the fill table; what is left of rounding is 0."""
        fills = self.tables.fills
        steps = np.where(fills["asset"] == self.asset, fills["quantity"], 0.0)
        held = np.cumsum(steps)
        largest = np.maximum.accumulate(np.abs(steps)) if len(steps) else steps
        return np.where(np.abs(held) <= 1e-9 * largest, 0.0, held)

    def position_at(self, row: int) -> float:
        """Return the position before a row of the fill table."""
        return float(self._held[row - 1]) if row > 0 else 0.0

    def position_before(self, t: int) -> float:
        """Return the position at the start of bar t."""
        return self.position_at(self.first_row(t))

    def mark_before(self, t: int) -> float:
        """Return the last close before bar t; NaN where there is none."""
        closes = self.bars.close[:t, self.asset]
        known = np.flatnonzero(~np.isnan(closes))
        return float(closes[known[-1]]) if len(known) else float("nan")

    def first_row(self, t: int) -> int:
        """Return the row of the fill table at which bar t begins."""
        return int(np.searchsorted(self.tables.fills["bar"], t))

    def row_of_phase(self, t: int, phase: int) -> int:
        """Return the row of the fill table at which a phase of bar t begins.

        In time the phases are open, intrabar, liquidation (forced), close, and the close at the end (forced, too).
        """
        fills, orders = self.tables.fills, self.tables.orders
        start, stop = self.first_row(t), self.first_row(t + 1)
        phases = fills["phase"][start:stop]
        roles = orders["role"][fills["order_id"][start:stop] - 1]
        turn = np.select(
            [phases == Phase.OPEN, phases == Phase.INTRABAR, roles == Role.LIQUIDATION, phases == Phase.CLOSE],
            [0, 1, 2, 3],
            default=4,
        )
        wanted = {Phase.OPEN: 0, Phase.INTRABAR: 1, Phase.FORCED: 2, Phase.CLOSE: 3}[Phase(phase)]
        return start + int(np.count_nonzero(turn < wanted))

    def standing(self, row: int, t: int, phase: int, reference: float) -> Standing:
        """Return the account before a row of the fill table, at the marks of a phase of bar t.

        Marks are opens in the open and intrabar phases, else closes, the last close where a bar is missing, and
        `reference` for the asset itself.
        """
        flows, fills, multipliers = self.tables.flows, self.tables.fills[:row], self.tables.multipliers
        paid = fills["quantity"] * fills["price"] * multipliers[fills["asset"]] + fills["commission"]
        known = (flows["bar"] < t) | ((flows["bar"] == t) & (flows["kind"] != CashFlowKind.WRITE_OFF))
        equity = self.terms.cash + float(flows["amount"][known].sum()) - float(paid.sum())
        gross = 0.0
        for asset in np.unique(fills["asset"]).tolist():
            if asset == self.asset:
                x, mark = self.position_at(row), reference
            else:
                x, mark = float(fills["quantity"][fills["asset"] == asset].sum()), self._mark(asset, t, phase)
            worth = float(x * multipliers[asset] * mark)
            equity += worth
            gross += abs(worth)
        return Standing(equity, gross, self.position_at(row))

    def _mark(self, asset: int, t: int, phase: int) -> float:
        mark = float((self.bars.close if phase >= Phase.CLOSE else self.bars.open)[t, asset])
        if mark == mark:
            return mark
        closes = self.bars.close[: t + 1, asset]
        return float(closes[~np.isnan(closes)][-1])

    def allowance(self, t: int) -> Allowance:
        """Return what participation allowed in bar t, what was used of it, and by which orders."""
        fills = self.tables.fills[self.first_row(t) : self.first_row(t + 1)]
        fills = fills[(fills["asset"] == self.asset) & (fills["phase"] != Phase.FORCED)]
        volume, lot = float(self.bars.volume[t, self.asset]), self.terms.lot_size
        most = float("inf")
        if self.terms.max_participation < most and volume == volume:
            most = self.terms.max_participation * volume
            if lot > 0.0:
                most = float(np.floor(most / lot + 1e-9)) * lot
        return Allowance(most, float(np.abs(fills["quantity"]).sum()), np.unique(fills["order_id"]).tolist())
