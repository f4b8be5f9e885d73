"""What the step kernel knows of n trading accounts besides their batch (`envs.batch`); `core` fills it."""

from __future__ import annotations

from enum import IntEnum

from numba import float32, float64, int64

from backtester.kernel.struct import Field, Struct


class RewardKind(IntEnum):
    """What an agent is paid for; `rewards` has the formulas."""

    LOG_WEALTH = 0
    PNL = 1
    DIFFERENTIAL_SHARPE = 2
    MEAN_VARIANCE = 3
    DRAWDOWN = 4
    USER = 5


_INTS = (
    "accounts",  # address of the first account
    "stride",  # bytes from one account to the next
    "hot",  # bytes at the beginning of an account that most steps touch
    "records",  # 1: the tables are kept, for `result`
    "n_assets",
    "scheme",  # act.Scheme
    "window",
    "first",  # first bar an episode may begin at
    "last",  # the last bar it may reach
    "random_start",
    "asked_start",  # what a reset was asked for, -1 for nothing
    "asked_end",
    "reward_kind",
    "fn_reward",  # address of the user's reward, or 0
)

_FLOATS = (
    "cash",
    "ruin",
    "floor",  # of log wealth, as a fraction of the first equity
    "band",
    "low",
    "high",
    "fraction",
    "limit_offset",
    "stop_loss",
    "take_profit",
    "clip",
    "reward_parameter",
    "reward_scale",
)

#: what changes from step to step, one number per copy
PER_COPY = (
    *("equity", "costs", "turnover"),  # after the last step, or of it
    *("opening_equity", "peak", "sharpe_mean", "sharpe_square"),
    *("final_equity", "final_costs", "final_turnover"),  # of the episode that ended last
)

_ARRAYS = (
    *(Field(name, "array", float64, 1) for name in PER_COPY),
    Field("end", "array", int64, 1),  # the last bar of the running episode
    Field("chosen", "array", int64, 2),  # [n, n_assets]: the last discrete action, -1 before the first
    Field("final_positions", "array", float64, 2),  # [n, n_assets]
    Field("choices", "array", int64, 2),  # scratch, [n, n_assets]
    Field("weights", "array", float64, 2),  # scratch
    Field("exposures", "array", float64, 1, readonly=True),
    Field("panel", "array", float32, 2, readonly=True),  # [n_bars, n_columns]
    Field("account_features", "array", int64, 1, readonly=True),
    Field("marks", "array", float64, 2, readonly=True),  # see `accounts.outlook`
    Field("rates", "array", float64, 2, readonly=True),
    Field("delisted_from", "array", int64, 1, readonly=True),
)

TRADING = Struct(
    "Trading",
    (
        *(Field(name, "scalar", int64) for name in _INTS),
        *(Field(name, "scalar", float64) for name in _FLOATS),
        *_ARRAYS,
    ),
)
