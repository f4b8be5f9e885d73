"""Compares what the oracle and the kernel made of one stream, column by column; says the first row that differs.

Whole numbers must be equal, money, prices and quantities equal to 1e-9. Two columns are compared only where both sides
define them:

- `quantity` of an order refused at submission, and of a target order that ended before its quantity was fixed;
- `limit_price`, `stop_price`, `distance`, `distance_frac` of an order refused at submission.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from kernel_run import KernelResult
from oracle import OracleResult

from backtester.kernel.codes import ActionKind, CashFlowKind, ChangeKind, OrderKind, Phase, Reason, Role, Status

ORDER_CODES = (
    "id", "asset", "kind", "role", "tif", "status", "reason", "submitted", "eligible", "triggered", "ended", "expire",
    "partner", "group", "tag",
)  # fmt: skip
ORDER_NUMBERS = ("filled", "filled_value", "commission_base", "commission")
ORDER_PRICES = ("limit_price", "stop_price", "distance", "distance_frac")
FILL_CODES = ("order_id", "asset", "bar", "phase", "taker", "tag")
FILL_NUMBERS = (
    "quantity", "reference_price", "price", "commission", "spread", "slippage", "impact", "rounding", "fx",
)  # fmt: skip
FLOW_CODES = ("bar", "asset", "kind", "currency")
FLOW_NUMBERS = ("amount", "fx")
ACTION_CODES = ("bar", "asset", "kind")
ACTION_NUMBERS = ("value", "before", "after", "mark", "fx")
CHANGE_CODES = ("bar", "acts", "kind", "order_id", "other", "outcome")
CHANGE_NUMBERS = {
    ChangeKind.MODIFY: ("price", "quantity", "old_price", "old_quantity"),
    ChangeKind.SPLIT: ("price", "quantity", "old_price", "old_quantity"),
    ChangeKind.DEPOSIT: ("quantity",),
    ChangeKind.CONVERT: ("quantity",),
}

_WORDS: dict[str, Any] = {"status": Status, "reason": Reason, "role": Role, "phase": Phase}
_RESIDUE = 1e-9  # money: interest on what rounding leaves of a cash of 0 is a row in floats and none in fractions


def close(mine: Any, other: Any, scale: float = 1.0) -> bool:
    """Equal to 1e-9, relative to the larger of both and `scale`; NaN is NaN."""
    mine, other = float(mine), float(other)
    if math.isnan(mine) or math.isnan(other):
        return math.isnan(mine) and math.isnan(other)
    return mine == other or abs(mine - other) <= 1e-9 * max(scale, abs(mine), abs(other))


def first_difference(oracle: OracleResult, kernel: KernelResult) -> str:
    """Return the earliest difference in words, or an empty string."""
    found = min(differences(oracle, kernel), default=None, key=lambda difference: difference[0])
    return "" if found is None else f"bar {found[0]}: {found[1]}"


def differences(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    """Yield (bar, words): of each table the first row that differs."""
    yield from _first(_orders(oracle, kernel))
    yield from _first(_fills(oracle, kernel))
    yield from _first(_flows(oracle, kernel))
    yield from _first(_changes(oracle, kernel))
    yield from _first(_actions(oracle, kernel))
    yield from _first(_account(oracle, kernel))


def _first(rows: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for row in rows:
        yield row
        return


def _orders(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    for mine, row in zip(oracle.orders, kernel.orders, strict=False):
        refused = mine.status == Status.REJECTED and mine.ended == mine.submitted
        unfixed = mine.role == Role.TARGET and mine.quantity == 0
        numbers = ORDER_NUMBERS if refused else (*ORDER_NUMBERS, *ORDER_PRICES)
        if not refused and not unfixed:
            numbers = (*numbers, "quantity")
        yield from _row(f"order {mine.id}", max(mine.ended, mine.submitted), mine, row, ORDER_CODES, numbers)
        parent = mine.parent or (mine.id if any(mine.legs) else 0)  # the kernel marks a parent by its own id
        if parent != row["parent"]:
            yield mine.submitted, f"order {mine.id}: parent is {parent}, the kernel has {row['parent']}"
    yield from _lengths("orders", oracle.orders, kernel.orders)


def _fills(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    for n, (mine, row) in enumerate(zip(oracle.fills, kernel.fills, strict=False)):
        yield from _row(f"fill {n}", mine.bar, mine, row, FILL_CODES, FILL_NUMBERS)
    yield from _lengths("fills", oracle.fills, kernel.fills)


def _flows(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    mine = [flow for flow in oracle.cash_flows if abs(flow.amount) > _RESIDUE]
    others = [row for row in kernel.cash_flows if abs(row["amount"]) > _RESIDUE]
    for n, (flow, row) in enumerate(zip(mine, others, strict=False)):
        yield from _row(
            f"cash flow {n} ({CashFlowKind(flow.kind).name})", flow.bar, flow, row, FLOW_CODES, FLOW_NUMBERS
        )
    yield from _lengths("cash flows", mine, others)


def _changes(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    for n, (mine, row) in enumerate(zip(oracle.changes, kernel.changes, strict=False)):
        numbers = CHANGE_NUMBERS.get(mine.kind, ())
        what = f"change {n} ({ChangeKind(mine.kind).name})"
        yield from _row(what, max(mine.acts, mine.bar), mine, row, CHANGE_CODES, numbers)
    yield from _lengths("changes", oracle.changes, kernel.changes)


def _actions(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    for n, (mine, row) in enumerate(zip(oracle.actions, kernel.actions, strict=False)):
        what = f"action {n} ({ActionKind(mine.kind).name})"
        yield from _row(what, mine.bar, mine, row, ACTION_CODES, ACTION_NUMBERS)
    yield from _lengths("actions", oracle.actions, kernel.actions)


def _account(oracle: OracleResult, kernel: KernelResult) -> Iterator[tuple[int, str]]:
    end = len(oracle.equity) - 1
    for t, (mine, other) in enumerate(zip(oracle.equity, kernel.equity, strict=True)):
        if not close(mine, other):
            yield t, f"equity is {float(mine)!r}, the kernel has {float(other)!r}"
    if not close(oracle.cash, kernel.cash):
        yield end, f"cash is {float(oracle.cash)!r}, the kernel has {kernel.cash!r}"
    for a, (mine, other) in enumerate(zip(oracle.positions, kernel.positions, strict=True)):
        if not close(mine, other):
            yield end, f"position of asset {a} is {float(mine)!r}, the kernel has {float(other)!r}"
    for c, (mine, other) in enumerate(zip(oracle.balances, kernel.balances, strict=False)):
        if not close(mine, other):
            yield end, f"balance {c} is {float(mine)!r}, the kernel has {float(other)!r}"
    if oracle.ambiguous_bars != kernel.ambiguous_bars:
        yield end, f"ambiguous_bars is {oracle.ambiguous_bars}, the kernel has {kernel.ambiguous_bars}"
    if oracle.bankrupt != kernel.bankrupt:
        yield end, f"bankrupt is {oracle.bankrupt}, the kernel has {kernel.bankrupt}"


def _row(
    what: str, bar: int, mine: Any, row: np.void, codes: tuple[str, ...], numbers: tuple[str, ...]
) -> Iterator[tuple[int, str]]:
    wrong = [name for name in codes if int(getattr(mine, name)) != int(row[name])]
    wrong += [name for name in numbers if not close(getattr(mine, name), row[name])]
    if wrong:
        pairs = [f"{name} is {_show(name, getattr(mine, name))}, not {_show(name, row[name])}" for name in wrong]
        kind = f" ({OrderKind(mine.kind).name}, {Role(mine.role).name})" if what.startswith("order") else ""
        yield bar, f"{what}{kind}: {'; '.join(pairs)}"


def _show(name: str, value: Any) -> str:
    if name in _WORDS and int(value) in list(_WORDS[name]):
        return str(_WORDS[name](int(value)).name)
    return repr(float(value)) if not isinstance(value, (int, np.integer)) else str(int(value))


def _lengths(what: str, mine: list, others: Any) -> Iterator[tuple[int, str]]:
    if len(mine) != len(others):
        longer, count = (mine if len(mine) > len(others) else others), min(len(mine), len(others))
        yield 10**6, f"{len(mine)} {what}, the kernel has {len(others)}; the first too many is {longer[count]}"
