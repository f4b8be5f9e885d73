"""N trading accounts over one market, stepped by one call of the kernel."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces

from backtester.bars.slices import rows
from backtester.costs import resolve
from backtester.errors import DataError, SettingsError, did_you_mean
from backtester.kernel import pool
from backtester.kernel.accounts import Accounts, outlook
from backtester.kernel.act import N_VERBS, Scheme
from backtester.kernel.memory import AccountMemory
from backtester.kernel.observe import observation_size
from backtester.kernel.struct import StructBuffer
from envs.core import Array, Autoreset, Core
from envs.threads import Quicker, worth_trying
from envs.trading import masks, step
from envs.trading.ahead import MOST
from envs.trading.layout import PER_COPY, TRADING
from envs.trading.observation import Observation
from envs.trading.rewards import resolve_reward
from envs.trading.settings import TradingSettings

if TYPE_CHECKING:
    from backtester.bars import Bars

_ROWS_PER_ASSET = 8  # of an account's order table, at first
_CHANGING = (*PER_COPY, "end", "chosen", "final_positions")
_ACCOUNT = "account "  # begins the names of the accounts' own arrays in a state


class TradingCore(Core):
    """N copies of `envs.trading.Trading`, which documents the settings."""

    name: ClassVar[str] = "Trading"
    option_names: ClassVar[tuple[str, ...]] = ("start", "end")

    def __init__(self, n: int, *, autoreset: Autoreset = Autoreset.NEXT_STEP, stagger: bool = False, **settings: Any):
        self.trading = made = _settings(settings)
        self.bars = bars = made.bars
        self.rules, self._commissions = resolve(
            made.cash, made.costs, made.account, made.execution, bars.symbols, negative_prices=bars.allow_negative
        )
        self.rows = _range_of(made)
        self.observer = Observation(made, self.rows)
        self.reward_rule = resolve_reward(
            made.reward,
            {name: getattr(made, name) for name in ("sharpe_decay", "risk_aversion", "drawdown_penalty")},
        )
        self.first, self.last = self._range()
        size = observation_size(made.window, self.observer.panel.shape[1], made.account_codes, bars.n_assets)
        super().__init__(
            n,
            observation_space=spaces.Box(-made.clip, made.clip, (size,), np.float32),
            action_space=_action_space(made, bars.n_assets),
            episode_length=made.episode_length,
            autoreset=autoreset,
            stagger=stagger,
            settings={**made.spec(), **self.observer.spec(), "data": bars.content_hash},
        )
        if made.record and n != 1:
            raise SettingsError(f"Trading: record=True keeps the tables of one account, found {n} copies")
        self._lay_out()
        pool.clear()  # what the features were computed in: an environment lives long, and its market may be large

    def keywords(self) -> dict[str, Any]:
        """Return the settings of `Trading` that make this environment again, with the scaler it has."""
        made = {one.name: getattr(self.trading, one.name) for one in dataclasses.fields(self.trading)}
        return made | {"scaler": self.observer.scaler or "none", "record": False, "stagger": self.stagger}

    # --- what happened -----------------------------------------------------------------------------------------------

    def info(self) -> dict[str, Array]:
        """Return equity, position (units), costs and turnover of the last step, one row per copy."""
        position = self._of_accounts("positions")
        return {
            "equity": self._own("equity").copy(),
            "position": position[:, 0].copy() if self.bars.n_assets == 1 else position.copy(),
            "costs": self._own("costs").copy(),
            "turnover": self._own("turnover").copy(),
        }

    def final_info(self) -> dict[str, Array]:
        """Return the same of the episodes that ended last."""
        position = self._own("final_positions")
        return {
            "equity": self._own("final_equity").copy(),
            "position": position[:, 0].copy() if self.bars.n_assets == 1 else position.copy(),
            "costs": self._own("final_costs").copy(),
            "turnover": self._own("final_turnover").copy(),
        }

    def info_of(self, i: int) -> dict[str, Any]:
        """Return what `info` says of copy i; the position of one asset is a number."""
        position = self._positions[i]
        return {
            "equity": self._equity.item(i),
            "position": position.item(0) if self._single else position.copy(),
            "costs": self._costs.item(i),
            "turnover": self._turnover.item(i),
        }

    def bar(self) -> Array:
        """Return the bar each copy has seen last, int64 [n]."""
        return self._of_accounts("t").copy()

    def action_masks(self) -> Array | None:
        """Return which discrete actions are possible, bool [n, choices], asset after asset; None for other schemes."""
        return None if isinstance(self.action_space, spaces.Box) else masks.masks_of(self)

    # --- going on later ----------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Array]:
        """Return copies of everything needed to go on bit for bit; not with record=True."""
        accounts = self._forgetful()
        state = super().get_state() | {name: self._own(name).copy() for name in _CHANGING}
        return state | {_ACCOUNT + name: array for name, array in accounts.get_state().items()}

    def set_state(self, state: Any) -> None:
        """Go on from a state that `get_state` of the same environment returned, with as many copies."""
        accounts = self._forgetful()
        for name in _CHANGING:
            mine, found = self._own(name), state.get(name)
            if found is None or found.shape != mine.shape:
                raise SettingsError(
                    f"Trading: the state has {'nothing' if found is None else found.shape} for {name!r}, and this "
                    f"environment {mine.shape}; the settings and the number of copies must agree"
                )
        of_accounts = {name[len(_ACCOUNT) :]: a for name, a in state.items() if name.startswith(_ACCOUNT)}
        accounts.check_state(of_accounts)
        super().set_state(state)
        for name in _CHANGING:
            np.copyto(self._own(name), state[name])
        accounts.set_state(of_accounts)

    def _forgetful(self) -> Accounts:
        if self.accounts is None:
            raise SettingsError(
                "Trading: an environment with record=True cannot be saved in the middle; train without it"
            )
        return self.accounts

    # --- inside ------------------------------------------------------------------------------------------------------

    def _run(self, address: int) -> int:
        ends = self._step(address, self._address)
        if self._held.untidy:
            self._held.tidy()
        if ends >= step.EXHAUSTED:
            raise MemoryError("Trading: no memory for a larger table of an account; take fewer copies")
        return ends

    def _restart(self, address: int) -> None:
        step.restart(address, self._address)

    def _take_options(self, options: dict[str, Any], mask: Array) -> None:
        start, end = (_bar_of(self.bars, name, options.get(name)) for name in self.option_names)
        first, last = start if start >= 0 else self.first, end if end >= 0 else self.last
        if first < self.first or last > self.last or first >= last:
            raise SettingsError(
                f"Trading: an episode from bar {first} to bar {last} is not possible; in the range of this environment "
                f"are bars {self.first} to {self.last}, and it must end after it begins"
            )
        if end >= 0 > start:
            start = self.first
        self._buffer.set("asked_start", start)
        self._buffer.set("asked_end", end)

    def _range(self) -> tuple[int, int]:
        """Return the first bar an episode may begin at, and the last it may reach."""
        first = max(self.rows.start, self.observer.first, 1)
        last = self.rows.stop - 1
        needed = self.trading.episode_length or 1
        if last - first < needed:
            raise DataError(
                f"Trading: rows {self.rows.start} to {last} of {self.bars.n_bars} bars leave {max(last - first, 0)} "
                f"steps, and an episode takes {needed}; the first observation is at bar {first} "
                f"({self.observer.why_first}). Give it more data, a smaller window or a shorter episode_length"
            )
        return first, last

    def _lay_out(self) -> None:
        made, bars, n = self.trading, self.bars, self.n
        n_assets = bars.n_assets
        self.accounts: Accounts | None = None
        if made.record:
            self.memory = AccountMemory(bars.market, self.rules)
            address, stride, hot = self.memory.address, 0, 0
        else:
            order_rows = 1 << (_ROWS_PER_ASSET * n_assets - 1).bit_length()
            self.accounts = Accounts(bars.market, self.rules, n, order_rows)
            address, stride, hot = self.accounts.address, self.accounts.stride, self.accounts.hot
        self._held: Accounts | AccountMemory = self.accounts or self.memory
        self._buffer = buffer = StructBuffer(TRADING)
        words = {
            "accounts": address, "stride": stride, "hot": min(hot, MOST), "records": made.record, "n_assets": n_assets,
            "scheme": Scheme[made.actions.upper()], "window": made.window, "random_start": made.random_start,
            "first": self.first, "last": self.last, "asked_start": -1, "asked_end": -1,
            "reward_kind": self.reward_rule.kind, "fn_reward": self.reward_rule.address,
            "reward_parameter": self.reward_rule.parameter, "reward_scale": made.reward_scale,
            "cash": made.cash, "ruin": made.ruin, "floor": made.floor, "clip": made.clip,
            "low": min(made.exposures), "high": max(made.exposures), "band": made.band or 0.0,
            "fraction": made.order_fraction or 0.0, "limit_offset": made.limit_offset or 0.0,
            "stop_loss": made.stop_loss or 0.0, "take_profit": made.take_profit or 0.0,
        }  # fmt: skip
        for name, value in words.items():
            buffer.set(name, value)
        marks, rates, delisted_from = outlook(bars.market, self.rules)
        arrays = {
            **{name: np.zeros(n) for name in PER_COPY},
            "end": np.zeros(n, np.int64), "final_positions": np.zeros((n, n_assets)),
            "chosen": np.full((n, n_assets), -1), "choices": np.zeros((n, n_assets), np.int64),
            "weights": np.zeros((n, n_assets)), "exposures": np.array(made.exposures, np.float64),
            "panel": self.observer.panel, "account_features": np.array(made.account_codes, np.int64),
            "marks": marks, "rates": rates, "delisted_from": delisted_from,
        }  # fmt: skip
        for name, array in arrays.items():
            buffer.set_array(name, array)
        self._own = buffer.get_array
        self._address = buffer.address
        self._equity, self._costs, self._turnover = arrays["equity"], arrays["costs"], arrays["turnover"]
        self._positions = self._of_accounts("positions")
        self._single = n_assets == 1
        self._step = Quicker(step.step, step.step_with_threads) if worth_trying(n) else step.step

    def _of_accounts(self, name: str) -> Array:
        """Return a scalar [n] or an array [n, …] of all accounts."""
        if self.accounts is not None:
            return self.accounts.view(name)
        field, _ = self.memory.buffer.type.map[name]
        if field.kind == "scalar":
            return np.array([self.memory[name]])
        return self.memory.view(name)[None]


def _range_of(made: TradingSettings) -> slice:
    """Return the rows of `bars[start:end]`; one of the two may be a position and the other a date."""
    bars = made.bars
    try:
        found = slice(rows(bars, slice(made.start, None)).start, rows(bars, slice(None, made.end)).stop)
        if found.start >= found.stop:
            found = rows(bars, slice(made.start, made.end))
    except DataError as error:
        raise DataError(f"Trading: start={made.start!r}, end={made.end!r}: {error}") from None
    return found


def _bar_of(bars: Bars, name: str, moment: Any) -> int:
    """Return the bar that an option of `reset` means, -1 where it is missing.

    Of a date or time, `start` is the first bar from then on, and `end` the last until then.
    """
    if moment is None:
        return -1
    key: Any = slice(moment, None) if name == "start" else slice(None, moment)
    if isinstance(moment, (int, np.integer)) and not isinstance(moment, bool):
        key = moment
    try:
        found = rows(bars, key)
    except DataError as error:
        raise SettingsError(f"Trading: the option {name}={moment!r} of reset: {error}") from None
    return found.start if name == "start" else found.stop - 1


def _settings(given: dict[str, Any]) -> TradingSettings:
    known = TradingSettings.__dataclass_fields__
    for name in given:
        if name not in known:
            raise SettingsError(
                f"Trading has no setting {name!r}{did_you_mean(name, known)} (settings: {', '.join(known)}, stagger)"
            )
    if "bars" not in given:
        raise SettingsError("Trading needs bars=…, such as bars=Bars.sample('sp500'): there is no market without them")
    return TradingSettings(**given)


def _action_space(made: TradingSettings, n_assets: int) -> spaces.Discrete | spaces.MultiDiscrete | spaces.Box:
    if made.actions in ("discrete", "units", "orders"):
        n = N_VERBS if made.actions == "orders" else len(made.exposures)
        return spaces.Discrete(n) if n_assets == 1 else spaces.MultiDiscrete([n] * n_assets)
    return spaces.Box(-1.0, 1.0, (n_assets,), np.float32)
