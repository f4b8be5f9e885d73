"""What goes into the oracle and what comes out: plain lists, plain numbers, the names of `backtester.kernel.tables`."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real

from backtester.kernel.codes import ChangeOutcome, OrderKind, Reason, Role, Status, Tif

NAN = math.nan
Number = float | Fraction
PerAsset = float | list[float]
CommissionFunction = Callable[[Number, Number], Number]


@dataclass
class Market:
    """Bars as nested lists `[t][a]`; a missing bar is NaN in open, high, low and close."""

    timestamps: list[int]
    sessions: list[int]
    open: list[list[float]]
    high: list[list[float]]
    low: list[list[float]]
    close: list[list[float]]
    volume: list[list[float]]
    split: list[list[float]] | None = None  # columns of events, rule 28; NaN: nothing
    dividend: list[list[float]] | None = None
    funding: list[list[float]] | None = None
    delisting: list[list[float]] | None = None

    @property
    def n_bars(self) -> int:
        return len(self.timestamps)

    @property
    def n_assets(self) -> int:
        return len(self.close[0])

    def has_bar(self, t: int, a: int) -> bool:
        return not math.isnan(self.close[t][a])

    def tradable(self, t: int, a: int) -> bool:
        """Rule 5: a missing bar and a bar of zero volume fill nothing; a volume that is not known does."""
        return self.has_bar(t, a) and self.volume[t][a] != 0

    def event(self, column: str, t: int, a: int) -> float:
        rows = getattr(self, column)
        return NAN if rows is None else rows[t][a]


@dataclass
class Settings:
    """Everything a run is told besides bars and orders; a per-asset field is one number or a list."""

    cash: float = 100_000.0
    commission: PerAsset | CommissionFunction = 0.0
    commission_per_unit: PerAsset = 0.0
    commission_per_order: PerAsset = 0.0
    commission_min: PerAsset = 0.0
    spread: PerAsset = 0.0
    slippage: PerAsset = 0.0
    impact: PerAsset = 0.0
    borrow_rate: PerAsset = 0.0
    cash_rate: float = 0.0
    debit_rate: float = 0.0
    leverage: float = 1.0
    maintenance: float = 0.0
    allow_short: bool = True
    on_shortfall: str = "reduce"  # "reduce" | "reject"
    lot_size: PerAsset = 0.0
    tick_size: PerAsset = 0.0
    multiplier: PerAsset = 1.0
    max_gross: float = math.inf
    max_exposure: PerAsset = math.inf
    max_order: float = math.inf
    max_drawdown: float = math.inf
    delisting: str = "final_price"  # "final_price" | "last_mark" | "worthless"
    margin: list[float | None] | None = None  # per asset; None: not margined
    currency: list[int] | None = None  # per asset; 0 is the account's
    fx: list[tuple[int, bool]] = field(default_factory=list)  # of currency 1, 2, …: the pair, and whether inverse
    settlement: str = "convert"  # "convert" | "keep"
    fill_at: str = "next_open"  # "next_open" | "close"
    same_bar: str = "stop_first"  # "stop_first" | "target_first" | "ohlc" | "olhc" | "nearest"
    limit_fill: str = "touch"  # "touch" | "through"
    max_participation: float | None = None
    latency_bars: int = 0
    close_at_end: bool = False
    start: int = 1

    def of(self, name: str, a: int) -> float:
        value = getattr(self, name)
        return value[a] if isinstance(value, list) else value


PROTECTIVE = (Role.STOP_LOSS, Role.TAKE_PROFIT, Role.TRAILING, Role.DRAWDOWN_STOP, Role.SCALE_OUT)
LIVE = (Status.DORMANT, Status.PENDING, Status.SLEEPING, Status.WORKING)


@dataclass(eq=False)
class Order:
    """One row of the order table, and three notes of the oracle's own at the end."""

    id: int
    asset: int
    kind: OrderKind
    role: Role = Role.PLAIN
    tif: int = Tif.GTC
    status: Status = Status.PENDING
    reason: Reason = Reason.NONE
    submitted: int = -1
    eligible: int = -1
    triggered: int = -1
    ended: int = -1
    expire: int = 0
    parent: int = 0
    partner: int = 0
    group: int = 0
    tag: int = 0
    quantity: Number = 0
    filled: Number = 0
    target: Number = NAN
    limit_price: Number = NAN
    stop_price: Number = NAN
    distance: Number = NAN
    distance_frac: Number = NAN
    filled_value: Number = 0
    commission_base: Number = 0
    commission: Number = 0

    legs: tuple[int, int] = (0, 0)  # ids of the children of a bracket parent
    judged: int = -1  # the last bar whose open decided about this order
    since: Number = 1  # units now for one unit when it ended: the splits since then
    entry: tuple = ()  # (bar, r, rising) of the intrabar fill that activated it

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def remaining(self) -> Number:
        return self.quantity - self.filled

    @property
    def filled_now(self) -> Number:
        """What has filled, in the units of now; `filled` of an order that has ended is in those of its end."""
        return self.filled * self.since

    @property
    def sign(self) -> int:
        return 1 if self.quantity > 0 else -1

    @property
    def protective(self) -> bool:
        return self.role in PROTECTIVE

    @property
    def waits_for_stop(self) -> bool:
        """A stop, stop-limit or trailing stop that has not been triggered."""
        return self.kind in (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP) and self.triggered < 0

    @property
    def rests_as_limit(self) -> bool:
        return self.kind == OrderKind.LIMIT or (self.kind == OrderKind.STOP_LIMIT and self.triggered >= 0)

    @property
    def price(self) -> Number:
        """What the market must reach: the stop until triggered, then the limit."""
        return self.limit_price if self.rests_as_limit else self.stop_price

    @property
    def rising(self) -> bool:
        """Reached from below: buy stops and sell limits."""
        return (self.sign > 0) == self.waits_for_stop


@dataclass
class Fill:
    order_id: int
    asset: int
    bar: int
    phase: int
    taker: int
    tag: int
    quantity: Number
    reference_price: Number
    price: Number
    commission: Number
    spread: Number
    slippage: Number
    impact: Number
    rounding: Number
    fx: Number = 1


@dataclass
class CashFlow:
    bar: int
    asset: int
    kind: int
    amount: Number  # in its currency
    currency: int = 0
    fx: Number = 1


@dataclass
class Action:
    """What changed a position without a fill."""

    bar: int
    asset: int
    kind: int
    value: Number  # r, or the price paid out
    before: Number
    after: Number
    mark: Number
    fx: Number


@dataclass
class Change:
    bar: int = -1
    acts: int = -1
    kind: int = 0
    order_id: int = 0
    other: int = 0
    outcome: ChangeOutcome = ChangeOutcome.QUEUED
    price: Number = NAN
    quantity: Number = NAN
    old_price: Number = NAN
    old_quantity: Number = NAN

    reason: Reason = Reason.CANCELLED_BY_USER  # what the orders that it cancels are told


@dataclass
class OracleResult:
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    cash_flows: list[CashFlow] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    equity: list[Number] = field(default_factory=list)
    cash: Number = 0
    balances: list[Number] = field(default_factory=list)  # per currency, at the end
    deposits: list[Number] = field(default_factory=list)  # per bar: deposits less withdrawals at its start
    positions: list[Number] = field(default_factory=list)
    ambiguous_bars: int = 0
    bankrupt: bool = False


def absent(value: Real) -> bool:
    """NaN stands for "not given"."""
    return isinstance(value, float) and math.isnan(value)
