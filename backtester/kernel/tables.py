"""The row types of the tables that a run fills: orders, fills, cash flows, changes, actions and records.

Every field is eight bytes wide and in native order, so that a row is a plain C struct for numba, for NumPy and for
a reader of a Parquet file. Bars are positions in the data, `-1` where something has not happened.
"""

import numpy as np

_I, _F = np.int64, np.float64

ORDER = np.dtype(
    [
        ("id", _I),  # 1, 2, … by submission
        ("asset", _I),
        ("kind", _I),  # OrderKind
        ("role", _I),  # Role
        ("tif", _I),  # Tif
        ("status", _I),  # Status
        ("reason", _I),  # Reason
        ("submitted", _I),  # bar of the `on_bar` that sent it
        ("eligible", _I),  # first bar in which it may fill
        ("triggered", _I),  # bar in which its stop was reached
        ("ended", _I),  # bar in which it ended
        ("expire", _I),  # int64 ns UTC, for GTD
        ("parent", _I),  # id of the bracket parent, or 0
        ("partner", _I),  # id of the other leg of a bracket or an `oco` pair, or 0
        ("group", _I),  # number of the `rebalance` call, or 0
        ("tag", _I),
        ("quantity", _F),  # signed total
        ("filled", _F),  # signed
        ("target", _F),  # the target position of a target order, else NaN
        ("limit_price", _F),
        ("stop_price", _F),  # of a trailing stop: its level
        ("distance", _F),  # of a trailing stop, in price
        ("distance_frac", _F),  # of a trailing stop or of a child placed by fraction
        ("filled_value", _F),  # Σ |quantity|·price of its fills, in price units
        ("commission_base", _F),  # Σ of the proportional and per-unit part so far
        ("commission", _F),  # charged so far
        ("scale", _F),  # the factor that scaled this order of a rebalance; NaN: none was made
        ("stamp", _I),  # the kernel's own mark: the phase `scale` belongs to, a leg that stands back, an entry bar
    ]
)

FILL = np.dtype(
    [
        ("order_id", _I),
        ("asset", _I),
        ("bar", _I),
        ("phase", _I),  # Phase
        ("taker", _I),  # 1 taker, 0 resting limit
        ("tag", _I),
        ("quantity", _F),  # signed
        ("reference_price", _F),  # always inside [low, high]
        ("price", _F),
        ("commission", _F),  # money, as are the four below; positive costs
        ("spread", _F),
        ("slippage", _F),
        ("impact", _F),
        ("rounding", _F),  # tick rounding and limit clamp: what is left of |quantity|·multiplier·(price − reference)
        ("fx", _F),  # exchange rate: money of the account for one unit of the asset's currency
    ]
)

CASH_FLOW = np.dtype(
    [
        ("bar", _I),
        ("asset", _I),  # -1 for the account
        ("kind", _I),  # CashFlowKind
        ("currency", _I),  # number of the currency of `amount`; 0 is the account's
        ("amount", _F),  # signed change of cash
        ("fx", _F),  # money of the account for one unit of that currency
    ]
)

ACTION = np.dtype(
    [
        ("bar", _I),  # before whose open it acted
        ("asset", _I),
        ("kind", _I),  # ActionKind
        ("value", _F),  # units after for each unit before, or the price paid out
        ("before", _F),  # position, signed
        ("after", _F),
        ("mark", _F),  # the mark after it: what a fraction of a lot is paid out at
        ("fx", _F),  # exchange rate of the asset's currency then
    ]
)

CHANGE = np.dtype(
    [
        ("bar", _I),  # bar in which it was asked for
        ("acts", _I),  # bar at whose start it acts
        ("kind", _I),  # ChangeKind
        ("order_id", _I),  # CANCEL_ALL: the last order id it covers; CONVERT: the asset whose currency is sold
        ("other", _I),  # OCO: the second order; CANCEL_ALL and SPLIT: the asset; CONVERT: that which is bought
        ("outcome", _I),  # ChangeOutcome
        ("price", _F),  # NaN: unchanged
        ("quantity", _F),  # NaN: unchanged; DEPOSIT and CONVERT: the amount
        ("old_price", _F),
        ("old_quantity", _F),
    ]
)

RECORD = np.dtype([("bar", _I), ("key", _I), ("value", _F)])
