"""Kernel rows become DataFrames: codes become words, bars become times, asset numbers become symbols."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from backtester.kernel.arithmetic import DUST
from backtester.kernel.codes import (
    ActionKind,
    CashFlowKind,
    ChangeKind,
    ChangeOutcome,
    OrderKind,
    Phase,
    Reason,
    Role,
    Status,
    Tif,
)
from backtester.kernel.jit import kernel_jit
from backtester.kernel.tables import FILL
from backtester.metrics import simple_returns

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars import Bars


def words(codes: np.ndarray, kind: type[IntEnum]) -> pd.Categorical:
    """Return codes as lower-case words; the code 0 of `Reason` is the empty word."""
    import pandas as pd

    members = list(kind)
    names = ["" if member is Reason.NONE else member.name.lower() for member in members]
    position = np.full(max(members) + 1, -1, np.int64)
    position[[int(member) for member in members]] = np.arange(len(members))
    known = (codes >= 0) & (codes < len(position))
    return pd.Categorical.from_codes(np.where(known, position[np.where(known, codes, 0)], -1), names)


def symbols_of(assets: np.ndarray, bars: Bars) -> pd.Categorical:
    """Return asset numbers as symbols; unknown ones, and -1 for the account, as missing."""
    import pandas as pd

    known = (assets >= 0) & (assets < bars.n_assets)
    return pd.Categorical.from_codes(np.where(known, assets, -1), list(bars.symbols))


def times_of(rows: np.ndarray, bars: Bars) -> pd.DatetimeIndex:
    """Return bar numbers as the UTC times of their closes; -1 and bars beyond the data as NaT."""
    import pandas as pd

    stamps = np.full(len(rows), np.iinfo(np.int64).min)
    known = (rows >= 0) & (rows < bars.n_bars)
    stamps[known] = bars.timestamps[rows[known]]
    return pd.DatetimeIndex(stamps.view("M8[ns]")).tz_localize("UTC")


def account_frame(
    equity: np.ndarray, returns: np.ndarray, held: np.ndarray, multipliers: np.ndarray, bars: Bars
) -> pd.DataFrame:
    """Return the account at the end of every bar; `Result.to_frame` says what is in it.

    Cash is what equity leaves when positions are taken off at their marks. `multipliers` is money of the account per
    price unit and unit of quantity: one per asset, or, where exchange rates move it, per bar and asset.
    """
    import pandas as pd

    worth = np.where(held == 0.0, 0.0, held * multipliers * marks_of(bars))
    wealth = np.cumprod(np.append(1.0, 1.0 + np.nan_to_num(returns)))
    solvent = np.where(equity > 0.0, equity, np.nan)
    columns = {
        "equity": equity.copy(),
        "cash": equity - worth.sum(axis=1),
        "returns": np.append(np.nan, returns),
        "drawdown": 1.0 - wealth / np.maximum.accumulate(wealth),
        "gross_exposure": np.abs(worth).sum(axis=1) / solvent,
        "net_exposure": worth.sum(axis=1) / solvent,
    }
    columns |= {f"position_{symbol}": held[:, a] for a, symbol in enumerate(bars.symbols)}
    return pd.DataFrame(columns, index=bars.index)


def marks_of(bars: Bars) -> np.ndarray:
    """Return the mark of each asset at each bar: its last close, in the units of that bar; NaN before the first."""
    import pandas as pd

    if not np.isnan(bars.close).any():
        return bars.close
    split = bars.extras.get("split", np.ones((1, 1)))
    units = np.broadcast_to(np.cumprod(np.where(split > 0.0, split, 1.0), axis=0), bars.close.shape)
    last = pd.DataFrame(bars.close * units).ffill().to_numpy() / units
    return np.where(np.isnan(bars.close), last, bars.close)


def daily_returns_series(returns: np.ndarray, bars: Bars) -> pd.Series:
    """Return the return of every session by its date; `Result.daily_returns` says how."""
    import pandas as pd

    wealth = np.cumprod(np.append(1.0, 1.0 + returns))
    lasts = np.append(np.flatnonzero(bars.sessions[1:] != bars.sessions[:-1]), bars.n_bars - 1)
    at = lasts if lasts[0] == 0 else np.append(0, lasts)
    dates = pd.DatetimeIndex(bars.sessions[at[1:]].view("M8[D]").astype("M8[ns]"), name="session")
    return pd.Series(simple_returns(wealth[at]), index=dates, name="returns")


def orders_frame(orders: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return the order table: one row per order, refused and forced ones included."""
    import pandas as pd

    filled = np.abs(orders["filled"])
    average = np.full(len(orders), np.nan)
    np.divide(orders["filled_value"], filled, out=average, where=filled > 0)
    return pd.DataFrame(
        {
            "id": orders["id"],
            "symbol": symbols_of(orders["asset"], bars),
            "kind": words(orders["kind"], OrderKind),
            "role": words(orders["role"], Role),
            "quantity": orders["quantity"],
            "filled": orders["filled"],
            "average_price": average,
            "status": words(orders["status"], Status),
            "reason": words(orders["reason"], Reason),
            "submitted": times_of(orders["submitted"], bars),
            "eligible": times_of(orders["eligible"], bars),
            "triggered": times_of(orders["triggered"], bars),
            "ended": times_of(orders["ended"], bars),
            "limit_price": orders["limit_price"],
            "stop_price": orders["stop_price"],
            "distance": orders["distance"],
            "distance_frac": orders["distance_frac"],
            "target": orders["target"],
            "tif": words(orders["tif"], Tif),
            "expire": pd.DatetimeIndex(
                np.where(orders["expire"] > 0, orders["expire"], np.iinfo(np.int64).min).view("M8[ns]")
            ).tz_localize("UTC"),
            "parent": np.where(orders["parent"] == orders["id"], 0, orders["parent"]),
            "partner": orders["partner"],
            "group": orders["group"],
            "commission": orders["commission"],
            "tag": orders["tag"],
        }
    ).set_index("id")


def fills_frame(fills: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return the fill table: one row per execution, costs in money, each in its own column."""
    import pandas as pd

    frame = {
        "order_id": fills["order_id"],
        "time": times_of(fills["bar"], bars),
        "bar": fills["bar"],
        "symbol": symbols_of(fills["asset"], bars),
        "phase": words(fills["phase"], Phase),
        "liquidity": pd.Categorical.from_codes(fills["taker"], ["maker", "taker"]),
    }
    prices = ("quantity", "reference_price", "price")
    for name in (*prices, "commission", "spread", "slippage", "impact", "rounding", "fx", "tag"):
        frame[name] = fills[name]
    return pd.DataFrame(frame)


def cash_flows_frame(flows: np.ndarray, bars: Bars, currencies: Sequence[str]) -> pd.DataFrame:
    """Return every change of cash that is not a fill; `currencies` are the names of the numbers."""
    import pandas as pd

    return pd.DataFrame(
        {
            "time": times_of(flows["bar"], bars),
            "bar": flows["bar"],
            "symbol": symbols_of(flows["asset"], bars),
            "kind": words(flows["kind"], CashFlowKind),
            "amount": flows["amount"],
            "currency": pd.Categorical.from_codes(flows["currency"], list(currencies)),
            "fx": flows["fx"],
        }
    )


def changes_frame(changes: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return every change that was asked for, and what became of it; and what splits did to orders."""
    import pandas as pd

    everything = changes["kind"] == ChangeKind.CANCEL_ALL
    money = np.isin(changes["kind"], (ChangeKind.DEPOSIT, ChangeKind.CONVERT))
    no_order = everything | money
    of_asset = everything | (changes["kind"] == ChangeKind.SPLIT)
    return pd.DataFrame(
        {
            "time": times_of(changes["bar"], bars),
            "acts": times_of(changes["acts"], bars),
            "kind": words(changes["kind"], ChangeKind),
            "order_id": np.where(no_order, 0, changes["order_id"]),
            "other_id": np.where(changes["kind"] == ChangeKind.OCO, changes["other"], 0),
            "symbol": symbols_of(np.where(of_asset, changes["other"], -1), bars),
            "outcome": words(changes["outcome"], ChangeOutcome),
            "price": changes["price"],
            "quantity": np.where(everything, np.nan, changes["quantity"]),
            "old_price": changes["old_price"],
            "old_quantity": changes["old_quantity"],
        }
    )


def actions_frame(actions: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return every change of a position that is not a fill: splits and delistings."""
    import pandas as pd

    return pd.DataFrame(
        {
            "time": times_of(actions["bar"], bars),
            "bar": actions["bar"],
            "symbol": symbols_of(actions["asset"], bars),
            "kind": words(actions["kind"], ActionKind),
            "value": actions["value"],
            "quantity_before": actions["before"],
            "quantity_after": actions["after"],
        }
    )


def trades_frame(trades: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return the trade table: closed pieces in the order of their exits, then open ones."""
    import pandas as pd

    return pd.DataFrame(
        {
            "symbol": symbols_of(trades["asset"], bars),
            "entry_time": times_of(trades["entry_bar"], bars),
            "exit_time": times_of(trades["exit_bar"], bars),
            "quantity": trades["quantity"],
            "entry_price": trades["entry_price"],
            "exit_price": trades["exit_price"],
            "pnl": trades["pnl"],
            "return_frac": trades["return_frac"],
            "costs": trades["costs"],
            "bars": trades["bars"],
            "mae_frac": trades["mae_frac"],
            "mfe_frac": trades["mfe_frac"],
            "tag": trades["tag"],
            "open": trades["open"] == 1,
            "entry_order": trades["entry_order"],
            "exit_order": trades["exit_order"],
        }
    )


def records_frame(records: np.ndarray, names: dict[int, str], bars: Bars) -> pd.DataFrame:
    """Return one column per recorded name on the index of the bars; the last value of a bar counts, NaN elsewhere."""
    import pandas as pd

    columns = {}
    for key in dict.fromkeys(records["key"].tolist()):
        rows = records[records["key"] == key]
        values = np.full(bars.n_bars, np.nan)
        values[rows["bar"]] = rows["value"]
        columns[names.get(key, f"record_{key}")] = values
    return pd.DataFrame(columns, index=bars.index)


def positions_frame(fills: np.ndarray, actions: np.ndarray, bars: Bars) -> pd.DataFrame:
    """Return the signed quantity held at the end of every bar, one column per symbol."""
    import pandas as pd

    held = positions_of(fills, actions, bars.n_bars, bars.n_assets)
    return pd.DataFrame(held, index=bars.index, columns=list(bars.symbols))


def positions_of(fills: np.ndarray, actions: np.ndarray, n_bars: int, n_assets: int) -> np.ndarray:
    """Return the position after each bar, float64 [n_bars, n_assets].

    Fills are added up by the kernel's dust rule; before those of its bar, an action sets the position it names.
    """
    rows = np.ascontiguousarray(fills, FILL)
    columns = (np.ascontiguousarray(rows[name]) for name in ("bar", "asset", "quantity"))
    sets = (np.ascontiguousarray(actions[name]) for name in ("bar", "asset", "after"))
    return _positions(*columns, *sets, n_bars, n_assets)


@kernel_jit()
def _positions(
    bar: np.ndarray,
    asset: np.ndarray,
    quantity: np.ndarray,
    action_bar: np.ndarray,
    action_asset: np.ndarray,
    after_action: np.ndarray,
    n_bars: int,
    n_assets: int,
) -> np.ndarray:
    held = np.zeros((n_bars, n_assets))
    x = np.zeros(n_assets)
    k = 0
    n = 0
    for t in range(n_bars):
        while n < action_bar.shape[0] and action_bar[n] == t:
            x[action_asset[n]] = after_action[n]
            n += 1
        while k < bar.shape[0] and bar[k] == t:
            a = asset[k]
            after = x[a] + quantity[k]
            if abs(after) <= DUST * max(abs(x[a]), abs(quantity[k])):
                after = 0.0
            x[a] = after
            k += 1
        for a in range(n_assets):
            held[t, a] = x[a]
    return held
