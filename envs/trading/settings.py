"""What a trading environment was told, checked once; `core` lays it out for the kernel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.costs import Account, Costs, Execution
from backtester.errors import SettingsError, did_you_mean
from backtester.kernel.act import Scheme
from backtester.kernel.observe import AccountFeature

if TYPE_CHECKING:
    from backtester.bars import Bars

SCHEMES = tuple(scheme.name.lower() for scheme in Scheme)
ACCOUNT_FEATURES = tuple(feature.name.lower() for feature in AccountFeature)
#: settings that mean something for one scheme alone, with their defaults
_OF_SCHEME: dict[str, dict[str, float]] = {
    "discrete": {},
    "units": {},
    "continuous": {"band": 0.0},
    "weights": {"band": 0.0},
    "orders": {"order_fraction": 1.0, "limit_offset": 0.005, "stop_loss": 0.02, "take_profit": 0.04},
}


@dataclass(frozen=True, kw_only=True)
class TradingSettings:
    """Everything of a trading environment; `Trading` documents it."""

    bars: Bars
    features: Any = None
    window: int = 8
    account_features: Sequence[str] = ("exposure", "unrealized_pnl")
    scaler: Any = None
    clip: float = 10.0
    actions: str = "discrete"
    exposures: Sequence[float] = (-1.0, 0.0, 1.0)
    band: float | None = None
    order_fraction: float | None = None
    limit_offset: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    reward: str | Callable[..., float] = "log_wealth"
    sharpe_decay: float | None = None
    risk_aversion: float | None = None
    drawdown_penalty: float | None = None
    reward_scale: float = 1.0
    floor: float = 1e-8
    ruin: float = 0.0
    start: Any = None
    end: Any = None
    episode_length: int | None = None
    random_start: bool = True
    cash: float = 100_000.0
    costs: Costs = field(default_factory=Costs)
    account: Account = field(default_factory=Account)
    execution: Execution = field(default_factory=Execution)
    record: bool = False

    def __post_init__(self) -> None:
        from backtester.engine.settings import as_bars

        as_bars(self.bars)
        _whole("window", self.window, 1)
        if self.episode_length is not None:
            _whole("episode_length", self.episode_length, 1)
        _number("clip", self.clip, above=0.0)
        _number("cash", self.cash, above=0.0)
        _number("reward_scale", self.reward_scale, above=0.0)
        _number("floor", self.floor, above=0.0, below=1.0)
        _number("ruin", self.ruin, least=0.0, below=1.0)
        for name in ("random_start", "record"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise SettingsError(f"Trading: {name} must be True or False, found {getattr(self, name)!r}")
        for name, kind in (("costs", Costs), ("account", Account), ("execution", Execution)):
            if not isinstance(getattr(self, name), kind):
                raise SettingsError(f"Trading: {name} must be {kind.__name__}(…), found {getattr(self, name)!r}")
        self._check_actions()
        self._check_account_features()

    def _check_actions(self) -> None:
        if self.actions not in SCHEMES:
            raise SettingsError(
                f"Trading: actions is {self.actions!r}{did_you_mean(str(self.actions), SCHEMES)}; one of {SCHEMES}"
            )
        own = _OF_SCHEME[self.actions]
        for name in sorted({name for names in _OF_SCHEME.values() for name in names}):
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, own.get(name))
            elif name not in own:
                raise SettingsError(f"Trading: {name} has no meaning for actions={self.actions!r}; leave it out")
            else:
                _number(name, value, least=0.0)
        exposures = np.asarray(self.exposures, np.float64)
        if exposures.ndim != 1 or len(exposures) < 2 or not np.isfinite(exposures).all():
            raise SettingsError(f"Trading: exposures must be at least two finite numbers, found {self.exposures!r}")
        if (np.diff(exposures) <= 0).any():
            raise SettingsError(f"Trading: exposures must ascend, each once; found {self.exposures!r}")
        object.__setattr__(self, "exposures", tuple(exposures.tolist()))
        if self.actions == "orders":
            for name in ("limit_offset", "stop_loss"):
                _number(name, getattr(self, name), above=0.0, below=1.0)
            _number("take_profit", self.take_profit, above=0.0, below=1.0)
            _number("order_fraction", self.order_fraction, above=0.0)

    def _check_account_features(self) -> None:
        wanted = [self.account_features] if isinstance(self.account_features, str) else list(self.account_features)
        for name in wanted:
            if name not in ACCOUNT_FEATURES:
                raise SettingsError(
                    f"Trading: account_features has {name!r}{did_you_mean(str(name), ACCOUNT_FEATURES)}; "
                    f"from {ACCOUNT_FEATURES}"
                )
        if len(set(wanted)) < len(wanted):
            raise SettingsError(f"Trading: account_features names one twice: {tuple(wanted)}")
        object.__setattr__(self, "account_features", tuple(sorted(wanted, key=ACCOUNT_FEATURES.index)))

    @property
    def account_codes(self) -> tuple[int, ...]:
        """The account's features as the kernel knows them."""
        return tuple(int(AccountFeature[name.upper()]) for name in self.account_features)

    def spec(self) -> dict[str, Any]:
        """Return every setting as plain JSON, without the data, the features and the scaler."""
        plain: dict[str, Any] = {}
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if one.name in ("bars", "features", "scaler"):
                continue
            plain[one.name] = _plain(value)
        return plain


def _plain(value: Any) -> Any:
    """Return a setting as JSON: numbers, text, lists and objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else repr(float(value))
    if value is None or isinstance(value, str):
        return value
    if callable(value):
        return f"function {getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', '?')}"
    return str(value)


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise SettingsError(f"Trading: {name} must be a whole number of at least {least}, found {value!r}")


def _number(
    name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf, below: float = math.inf
) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SettingsError(f"Trading: {name} must be a number, found {value!r}")
    if not (math.isfinite(value) and value >= least and value > above and value < below):
        rule = f"at least {least}" if least > -math.inf else f"above {above}"
        rule += f" and below {below}" if below < math.inf else ""
        raise SettingsError(f"Trading: {name} is {value!r}; it must be {rule}")
