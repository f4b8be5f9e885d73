"""The account that an order met, rebuilt from the tables: settings, positions, equity, and what participation left.

Cash before a fill is the starting cash plus the cash flows and less the fills before it, in the currencies they were
settled in; positions are those of the bar before, what splits and delistings made of them, and the fills since.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtester.costs import per_asset
from backtester.exchange import lots_and_margins, mark_at, split_at
from backtester.kernel.arithmetic import DUST
from backtester.kernel.codes import CashFlowKind, Phase, Role

if TYPE_CHECKING:
    from backtester.result import Result


@dataclass(frozen=True)
class Terms:
    """The settings of the run that decide about an order of one asset; limits are infinite where there are none."""

    cash: float
    leverage: float
    maintenance: float
    allow_short: bool
    on_shortfall: str
    max_gross: float
    max_exposure: float
    max_order: float
    max_drawdown: float
    delisting: str
    lot_size: float  # NaN, as multiplier and max_exposure, for an asset that does not exist
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
        facts, account = result._facts, result._account
        execution, symbols = facts["settings"]["execution"], result.bars.symbols
        lots, _ = lots_and_margins(account, symbols)
        columns = (lots, result.tables.multipliers, per_asset("Account", "max_exposure", account.max_exposure, symbols))
        known = 0 <= asset < result.bars.n_assets
        lot_size, multiplier, max_exposure = (float(column[asset]) if known else float("nan") for column in columns)
        return cls(
            cash=float(facts["settings"]["cash"]),
            leverage=float(account.leverage),
            maintenance=float(account.maintenance),
            allow_short=account.allow_short,
            on_shortfall=account.on_shortfall,
            max_gross=float(account.max_gross),
            max_exposure=max_exposure,
            max_order=float(account.max_order),
            max_drawdown=float(account.max_drawdown),
            delisting=account.delisting,
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
    """The account at one moment, in its own currency."""

    equity: float
    gross: float  #: Σ |position|·mark of all assets
    margin: float  #: the part of it that has to be covered: each asset by its margin
    position: float  #: of the asset, signed quantity
    unit: float  #: money per price unit and unit of quantity of the asset: its multiplier times the exchange rate


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
        self.result = result
        self.bars = result.bars
        self.tables = result.tables
        self.asset = asset
        self.terms = terms

    # --- positions ---------------------------------------------------------------------------------------------------

    @cached_property
    def _at_ends(self) -> np.ndarray:
        return self.result.positions.to_numpy()

    def holdings(self, row: int, t: int) -> np.ndarray:
        """Return the position in each asset before a row of the fill table, in bar t and after its splits."""
        fills, actions = self.tables.fills, self.tables.actions
        held = self._at_ends[t - 1].copy() if t > 0 else np.zeros(self.bars.n_assets)
        for action in actions[np.searchsorted(actions["bar"], t) : np.searchsorted(actions["bar"], t + 1)]:
            held[action["asset"]] = action["after"]
        for k in range(self.first_row(t), min(row, self.first_row(t + 1))):
            a = fills["asset"][k]
            held[a] = _added(held[a], fills["quantity"][k])
        return held

    def position_at(self, row: int, t: int) -> float:
        """Return the position in the asset before a row of the fill table, in bar t and after its splits."""
        return float(self.holdings(row, t)[self.asset])

    def position_before(self, t: int) -> float:
        """Return the position that bar t opens with, after its splits."""
        return self.position_at(self.first_row(t), t)

    def positions_after(self, first: int, last: int) -> Iterator[tuple[int, float]]:
        """Yield the rows of the fills of the asset in some bars, and the position after each."""
        fills = self.tables.fills
        rows = np.arange(self.first_row(first), self.first_row(last + 1))
        bar, x = -1, 0.0
        for row in rows[fills["asset"][rows] == self.asset].tolist():
            if fills["bar"][row] != bar:
                bar = int(fills["bar"][row])
                x = self.position_before(bar)
            x = _added(x, float(fills["quantity"][row]))
            yield row, x

    def closed_by_action(self, t: int) -> bool:
        """Whether a split or a delisting before the open of bar t left nothing of the position."""
        rows = self.tables.actions
        mine = (rows["bar"] == t) & (rows["asset"] == self.asset)
        return bool(np.any(mine & (rows["before"] != 0.0) & (rows["after"] == 0.0)))

    # --- prices and rows ---------------------------------------------------------------------------------------------

    def mark(self, t: int) -> float:
        """Return the last close up to bar t, in its units; NaN where there is none."""
        return mark_at(self.bars, t, self.asset)

    def mark_before(self, t: int) -> float:
        """Return the last close before bar t, in the units of bar t; NaN where there is none."""
        return self.mark(t - 1) / split_at(self.bars, t, self.asset) if t > 0 else float("nan")

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
        """Return the account before a row of the fill table, at the marks and exchange rates of a phase of bar t.

        Marks are opens in the open and intrabar phases, else closes, the last close where a bar is missing, and
        `reference` for the asset itself.
        """
        closing = phase >= Phase.CLOSE
        rates = self.result._rates.at(t, closing)
        held = self.holdings(row, t)
        units = self.tables.multipliers * rates[self.result._rates.currencies.of_asset]
        _, margins = lots_and_margins(self.result._account, self.bars.symbols)
        equity, gross, margin = self._cash(row, t, rates), 0.0, 0.0
        for a in np.flatnonzero(held).tolist():
            price = float((self.bars.close if closing else self.bars.open)[t, a])
            if price != price:
                price = mark_at(self.bars, t, a)
            worth = float(held[a] * units[a] * (reference if a == self.asset else price))
            equity += worth
            gross += abs(worth)
            margin += abs(worth) * float(margins[a])
        return Standing(equity, gross, margin, float(held[self.asset]), float(units[self.asset]))

    def _cash(self, row: int, t: int, rates: np.ndarray) -> float:
        """Return the cash before a row of the fill table in bar t, at exchange rates."""
        flows, fills = self.tables.flows, self.tables.fills[:row]
        known = (flows["bar"] < t) | ((flows["bar"] == t) & (flows["kind"] != CashFlowKind.WRITE_OFF))
        money = fills["quantity"] * fills["price"] * self.tables.multipliers[fills["asset"]]  # of the asset's currency
        of_asset = self.result._rates.currencies.of_asset
        keeps = (self.tables.margined == 1) | (self.result._account.settlement == "keep")
        settles = np.where(keeps, of_asset, 0)
        if not settles.any():
            paid = money * fills["fx"] + fills["commission"]
            return self.terms.cash + float(flows["amount"][known].sum()) - float(paid.sum())
        balances = np.zeros(len(rates))
        balances[0] = self.terms.cash
        np.add.at(balances, flows["currency"][known], flows["amount"][known])
        currency = settles[fills["asset"]]
        rate = np.where(currency == of_asset[fills["asset"]], 1.0, fills["fx"])  # 1 where it is not exchanged
        np.subtract.at(balances, currency, money * rate + fills["commission"] * rate / fills["fx"])
        return float(np.sum(balances[balances != 0.0] * rates[balances != 0.0]))

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


def _added(position: float, quantity: float) -> float:
    """Return a position after a fill; what is left of rounding is 0."""
    after = position + quantity
    return 0.0 if abs(after) <= DUST * max(abs(position), abs(quantity)) else after
