"""A run as streams of rows in the order of time, so that two runs can be walked side by side.

A stream is a table of the result, or a moment in the life of its orders (sent, triggered, ended). It has a time per row
(the close of the bar, int64 ns UTC) and columns in words, taken from the frames of the result as they are: a column
that a table gains later is compared without a change here.

An order row holds the last state of an order. What a later bar may have changed is masked where the order is sent
(`Stream.unknown`), and compared where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.exchange import split_at
from backtester.kernel.codes import ChangeKind, ChangeOutcome

if TYPE_CHECKING:
    import pandas as pd

    from backtester.result import Result

NO_TIME = np.iinfo(np.int64).min

#: where in its bar a row of a stream comes (rule 2); fills go by their phase, forced orders with the margin check
_ACTS, _CARRY, _OPEN, _INTRABAR, _ENDS, _FORCED, _SENT, _SENT_ENDS, _CLOSE = range(9)
EQUITY_TURN = _CLOSE + 1
_PHASES = {"open": _OPEN, "intrabar": _INTRABAR, "forced": _FORCED, "close": _CLOSE}

#: columns of an order that are fixed when it is sent; the rest is compared where it ends
_FIXED = ("id", "symbol", "kind", "role", "target", "tif", "expire", "parent", "group", "tag")
_DISTANCES = ("distance", "distance_frac")
_CHANGEABLE = ("quantity", "limit_price", "stop_price")
_SPLIT = ("target", "distance")  # of the fixed ones, those in units that a split changes
_TOO_LATE = ("data_ended", "queued")  # outcomes of changes that the end of the data, or of the run, came before
_MOMENTS = ("submitted", "triggered", "ended")


@dataclass(frozen=True)
class Stream:
    """Rows in the order of time.

    Attributes
    ----------
    name : str
        What a row is: order, trigger, end, fill, cash_flow, action, change, outcome or record.
    time : ndarray of int64 [n_rows]
        The close of the bar it belongs to, ns UTC, non-decreasing.
    columns : dict of ndarray [n_rows]
        What is compared.
    turn : ndarray of int64 [n_rows]
        Where in its bar the row comes.
    rows : ndarray of int64 [n_rows]
        Positions in the raw table.
    keys : tuple of str
        Columns by which rows of one bar are paired.
    unknown : dict of ndarray of bool [n_rows]
        Where a value of a column is not to be compared.
    """

    name: str
    time: np.ndarray
    columns: dict[str, np.ndarray]
    turn: np.ndarray
    rows: np.ndarray
    keys: tuple[str, ...]
    unknown: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time)


def streams_of(result: Result) -> dict[str, Stream]:
    """Return every stream of a run by its name."""
    found = [*_order_streams(result), _fills(result), _flows(result), _actions(result)]
    found += [*_changes(result), _records(result)]
    return {stream.name: stream for stream in found}


# --- columns ---------------------------------------------------------------------------------------------------------


def values_of(column: Any) -> np.ndarray:
    """Return a column of a frame as an array: times as int64 ns, words and symbols as text, missing ones empty."""
    dtype = getattr(column, "dtype", None)
    if getattr(dtype, "kind", "") == "M":
        return np.asarray(column.astype("datetime64[ns, UTC]").astype("int64"), np.int64)
    if hasattr(column, "cat"):
        words = np.array(["", *map(str, column.cat.categories)], object)
        return words[np.asarray(column.cat.codes, np.int64) + 1]
    return np.asarray(column)


def _columns(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, np.ndarray]:
    return {name: values_of(frame[name]) for name in names}


def _stream(
    name: str,
    time: np.ndarray,
    columns: dict[str, np.ndarray],
    turn: Any,
    keys: tuple[str, ...],
    there: np.ndarray | None = None,
    unknown: dict[str, np.ndarray] | None = None,
) -> Stream:
    """Return the rows that are `there`, in the order of time."""
    rows = np.arange(len(time)) if there is None else np.flatnonzero(there)
    rows = rows[np.argsort(time[rows], kind="stable")]
    turns = np.broadcast_to(np.asarray(turn, np.int64), time.shape)[rows]
    masks = {column: mask[rows] for column, mask in (unknown or {}).items()}
    picked = {column: values[rows] for column, values in columns.items()}
    return Stream(name, time[rows], picked, turns, rows, keys, masks)


# --- orders ----------------------------------------------------------------------------------------------------------


def _order_streams(result: Result) -> list[Stream]:
    frame = result.orders.reset_index()
    all_of = _columns(frame, frame.columns)
    times = {name: all_of[name] for name in _MOMENTS}
    role = all_of["role"]
    forced = np.isin(role, ("liquidation", "close_at_end"))
    made = forced | (role == "drawdown_stop")
    first, unknown = _first_values(result, all_of)
    sent = {name: all_of[name] for name in (*_FIXED, *_DISTANCES)}
    trigger = {name: all_of[name] for name in ("id", "symbol", "kind")}
    late = [name for name in all_of if name not in (*_FIXED, *_DISTANCES, *_MOMENTS)]
    end = {name: all_of[name] for name in ("id", "symbol", *late)}
    at_once = times["ended"] == times["submitted"]
    end_turn = np.where(forced, _FORCED, np.where(at_once, _SENT_ENDS, _ENDS))
    return [
        _stream(
            "order",
            times["submitted"],
            sent | first,
            np.where(made, _FORCED, _SENT),
            ("symbol", "kind", "role"),
            unknown=unknown,
        ),
        _stream("trigger", times["triggered"], trigger, _INTRABAR, ("id",), times["triggered"] != NO_TIME),
        _stream(
            "end",
            times["ended"],
            end,
            end_turn,
            ("id",),
            times["ended"] != NO_TIME,
            {name: end[name] == NO_TIME for name in end if name == "eligible"},
        ),
    ]


def _first_values(result: Result, all_of: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return quantity and prices as an order was sent with them, and where they are not known any more.

    Modifies and splits are undone, the last first. Fills move the quantities of bracket legs, of pairs and of targets,
    and the market the level of a trailing stop and of a leg that is placed by a fraction.
    """
    first = {name: all_of[name].copy() for name in (*_CHANGEABLE, *_SPLIT)}
    role, kind = all_of["role"], all_of["kind"]
    leg = np.isin(role, ("stop_loss", "take_profit"))
    unknown = {
        "quantity": (role == "target") | leg | (all_of["partner"] != 0),
        "limit_price": leg & ~np.isnan(all_of["distance_frac"]),
        "stop_price": (leg & ~np.isnan(all_of["distance_frac"])) | (kind == "trailing_stop"),
    }
    unknown["distance_frac"] = leg  # a modify of its price takes the fraction of a leg away
    changes = result.tables.changes
    done = np.isin(changes["kind"], (ChangeKind.MODIFY, ChangeKind.SPLIT)) & (changes["outcome"] == ChangeOutcome.DONE)
    changes = changes[done]
    for change in changes[np.lexsort((changes["kind"] == ChangeKind.SPLIT, changes["acts"]))][::-1]:
        row, acts = int(change["order_id"]) - 1, int(change["acts"])
        triggered = int(result.tables.orders["triggered"][row])
        rests = kind[row] == "limit" or (kind[row] == "stop_limit" and 0 <= triggered < acts)
        name = "limit_price" if rests else "stop_price"
        if not np.isnan(change["quantity"]):
            first["quantity"][row] = change["old_quantity"]
        if change["kind"] == ChangeKind.SPLIT:
            ratio = split_at(result.bars, acts, int(result.tables.orders["asset"][row]))
            first["target"][row] /= ratio
            for price in ("limit_price", "stop_price", "distance"):
                first[price][row] *= ratio
        elif np.isnan(change["price"]):
            continue
        elif leg[row]:  # it may have been placed by a fraction before
            unknown[name][row] = True
        first[name][row] = change["old_price"]
    return first, unknown


# --- the other tables ------------------------------------------------------------------------------------------------


def _fills(result: Result) -> Stream:
    columns = _columns(result.fills, (name for name in result.fills.columns if name not in ("bar", "time")))
    turn = np.array([_PHASES.get(phase, _INTRABAR) for phase in columns["phase"]], np.int64)
    return _stream("fill", values_of(result.fills["time"]), columns, turn, ("order_id",))


def _flows(result: Result) -> Stream:
    frame = result.cash_flows
    columns = _columns(frame, (name for name in frame.columns if name not in ("bar", "time")))
    return _stream("cash_flow", values_of(frame["time"]), columns, _CARRY, ("symbol", "kind"))


def _actions(result: Result) -> Stream:
    frame = result.actions
    columns = _columns(frame, (name for name in frame.columns if name not in ("bar", "time")))
    return _stream("action", values_of(frame["time"]), columns, _CARRY, ("symbol", "kind"))


def _changes(result: Result) -> tuple[Stream, Stream]:
    """Return what was asked for, in the bar of the call, and what came of it, in the bar in which it acts."""
    frame = result.changes
    asked, acts = values_of(frame["time"]), values_of(frame["acts"])
    came = ("outcome", "old_price", "old_quantity")
    about = _columns(frame, (name for name in frame.columns if name not in ("time", "acts", *came)))
    after = {name: about[name] for name in ("kind", "order_id", "symbol")} | _columns(frame, came)
    keys = ("kind", "order_id", "symbol")
    late = (acts == NO_TIME) & np.isin(after["outcome"], _TOO_LATE)
    at_once = (acts == NO_TIME) & ~late  # refused when it was asked for
    when = np.where(late, result.bars.timestamps[-1], np.where(at_once, asked, acts))
    turn = np.where(late, _CLOSE, np.where(at_once, _SENT, _ACTS))
    return _stream("change", asked, about, _SENT, keys), _stream("outcome", when, after, turn, keys)


def _records(result: Result) -> Stream:
    rows = result.tables.records
    names = np.array([result._record_names.get(int(key), f"record_{key}") for key in rows["key"]], object)
    time = result.bars.timestamps[rows["bar"]]
    return _stream("record", time, {"name": names, "value": rows["value"]}, _SENT, ("name",))
