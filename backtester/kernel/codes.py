"""The integer codes that kernel, tables and sentences share.

A refusal is data: the kernel stores a code, and `backtester.explain` makes the sentence. Plain ints in tables,
`IntEnum` here, so that a code compares equal to its name in compiled and in interpreted code.
"""

from enum import IntEnum, IntFlag


class OrderKind(IntEnum):
    """What an order waits for."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3
    TRAILING_STOP = 4


class Role(IntEnum):
    """What an order is to the strategy that sent it."""

    PLAIN = 0  #: an order verb: `order`, `limit`, `stop`, `stop_limit`
    TARGET = 1  #: a target verb; its quantity is fixed when it becomes eligible
    STOP_LOSS = 2  #: the stop child of a bracket: protective
    TAKE_PROFIT = 3  #: the limit child of a bracket: protective
    TRAILING = 4  #: a trailing stop: protective
    LIQUIDATION = 5  #: forced by the margin check
    CLOSE_AT_END = 6  #: forced by `close_at_end=True`
    DRAWDOWN_STOP = 7  #: forced by the account's `max_drawdown`: protective
    SCALE_OUT = 8  #: a rung of `scale_out`: protective


class Tif(IntEnum):
    """Time in force."""

    GTC = 0
    DAY = 1
    IOC = 2
    FOK = 3
    GTD = 4


class Status(IntEnum):
    """The state of an order; those from FILLED on are final."""

    DORMANT = 0  #: a bracket child whose parent has not filled yet
    PENDING = 1  #: submitted, not yet eligible
    SLEEPING = 2  #: a trailing stop with nothing to reduce yet
    WORKING = 3  #: eligible and not ended
    FILLED = 4
    CANCELLED = 5
    REJECTED = 6
    EXPIRED = 7


class Reason(IntEnum):
    """Why an order ended otherwise than filled in full."""

    NONE = 0
    # refused at submission
    QUANTITY_ZERO = 1
    QUANTITY_NOT_FINITE = 2
    QUANTITY_BELOW_LOT = 3
    QUANTITY_TOO_LARGE = 4
    PRICE_INVALID = 5
    DISTANCE_INVALID = 6
    NO_MARK = 7
    STOP_LOSS_WRONG_SIDE = 8
    TAKE_PROFIT_WRONG_SIDE = 9
    EXPIRE_MISSING = 10
    ASSET_UNKNOWN = 11
    TIF_UNKNOWN = 12
    BANKRUPT = 13
    TARGET_NOT_FINITE = 14
    PARENT_REJECTED = 15
    ORDER_TOO_LARGE = 16
    # refused, reduced or ended in the market
    INSUFFICIENT_EQUITY = 20
    SHORT_NOT_ALLOWED = 21
    SCALED_TO_EQUITY = 22
    FOK_NOT_FILLED = 23
    IOC_REMAINDER = 24
    DAY_ENDED = 25
    GTD_ENDED = 26
    DATA_ENDED = 27
    EXPOSURE_LIMIT = 28
    # cancelled
    CANCELLED_BY_USER = 30
    REPLACED_BY_TARGET = 31
    TARGET_REACHED = 32
    LEG_ABSENT = 33
    OTHER_LEG_FILLED = 34
    NOTHING_TO_REDUCE = 35
    PARENT_ENDED = 36
    LEGS_ENDED = 37
    CLOSE_POSITION = 38
    REDUCED_BY_MODIFY = 39
    SPLIT = 40
    DELISTED = 41
    DRAWDOWN_LIMIT = 42
    # forced orders, and cancels that come with them
    LIQUIDATION = 50
    AT_END = 51


class Phase(IntEnum):
    """Where in its bar a fill happened."""

    OPEN = 0
    INTRABAR = 1
    CLOSE = 2
    FORCED = 3  #: liquidation and `close_at_end`, at the close


class CashFlowKind(IntEnum):
    """Changes of cash that are not fills."""

    BORROW = 0
    CASH_INTEREST = 1
    DEBIT_INTEREST = 2
    WRITE_OFF = 3
    DIVIDEND = 4
    DEPOSIT = 5
    WITHDRAWAL = 6
    FUNDING = 7
    CASH_IN_LIEU = 8  #: of the fraction of a lot that a split leaves
    DELISTING = 9
    CONVERSION = 10


class ActionKind(IntEnum):
    """What changed a position without a fill."""

    SPLIT = 0
    DELISTING = 1


class ChangeKind(IntEnum):
    """What a queued change asks for, or what changed an order without being asked."""

    CANCEL = 0
    CANCEL_ALL = 1
    MODIFY = 2
    OCO = 3
    SPLIT = 4  #: not asked for: the adjustment of an order
    DEPOSIT = 5  #: of money; negative: a withdrawal
    CONVERT = 6  #: of one currency into another


class ChangeOutcome(IntEnum):
    """What became of a queued change."""

    QUEUED = 0
    DONE = 1
    ORDER_UNKNOWN = 2
    ORDER_ENDED = 3
    NOTHING_TO_CHANGE = 4
    PRICE_INVALID = 5
    PRICE_NOT_MODIFIABLE = 6
    QUANTITY_INVALID = 7
    QUANTITY_ON_CHILD = 8
    OCO_ALREADY_PAIRED = 9
    DATA_ENDED = 10
    REDUCED = 11
    AMOUNT_INVALID = 12
    ACCOUNT_ENDED = 13
    INSUFFICIENT_EQUITY = 14
    RATE_UNKNOWN = 15
    CURRENCY_NOT_KEPT = 16
    ASSET_UNKNOWN = 17


class SameBar(IntEnum):
    """Which leg of a pair fills when one bar reaches both."""

    STOP_FIRST = 0
    TARGET_FIRST = 1
    OHLC = 2
    OLHC = 3
    NEAREST = 4


class Shortfall(IntEnum):
    """What happens to an order the account cannot afford in full."""

    REDUCE = 0
    REJECT = 1


class LimitFill(IntEnum):
    """Whether a limit fills when the price touches it, or only when it trades through."""

    TOUCH = 0
    THROUGH = 1


class FillAt(IntEnum):
    """Where market orders fill."""

    NEXT_OPEN = 0
    CLOSE = 1


class Delisting(IntEnum):
    """At which price the holders of a delisted asset are paid out."""

    FINAL_PRICE = 0  #: what the bars declare
    LAST_MARK = 1
    WORTHLESS = 2


class Calendar(IntFlag):
    """Where a bar stands in its session and month."""

    SESSION_START = 1
    SESSION_END = 2
    MONTH_START = 4
    MONTH_END = 8


class Table(IntEnum):
    """The growable tables of a run, as the kernel names them to the `grow` callback."""

    ORDERS = 0
    FILLS = 1
    CASH_FLOWS = 2
    CHANGES = 3
    RECORDS = 4
    ACTIVE = 5  #: live orders, and the scratch space of matching
    REJECTS = 6
    ACTIONS = 7
    BOOK = 8  #: the prices that resting orders wait for
