"""What the agent of a trading environment sees of the market: the features, scaled, as one float32 panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import FeatureError, SettingsError
from backtester.signals import External, Features, Scaler

if TYPE_CHECKING:
    from backtester.bars import Bars
    from envs.trading.settings import TradingSettings


def as_features(given: Any) -> Features:
    """Return the features that a setting stands for.

    Parameters
    ----------
    given : Features, list, array or None
        A list is what `Features` takes; an array, [n_bars, k] or [n_bars, n_assets, k], holds k ready columns; None is
        `Features.default()`.
    """
    if given is None:
        return Features.default()
    if isinstance(given, Features):
        return given
    if isinstance(given, np.ndarray):
        if given.ndim not in (2, 3):
            raise FeatureError(
                f"Trading: features of shape {given.shape}; an array has the shape [n_bars, k] or [n_bars, n_assets, k]"
            )
        columns = given if given.ndim == 3 else given[:, None, :]
        return Features([External(columns, "features")])
    if isinstance(given, (list, tuple)):
        return Features(given)
    raise FeatureError(f"Trading: features must be Features([…]), a list of them, an array or None, found {given!r}")


def observed_panel(raw: np.ndarray, scaler: Scaler | None, clip: float) -> np.ndarray:
    """Return features, [n_bars, n_assets, n_features], as an agent sees them: scaled, within ±clip, a row for a bar."""
    if scaler is None:
        scaled = np.clip(raw, -clip, clip).astype(np.float32)
    else:
        scaled = scaler.transform(raw)
        if scaler.clip is None or scaler.clip > clip:
            np.clip(scaled, -clip, clip, out=scaled)
    return np.ascontiguousarray(scaled.reshape(len(scaled), -1))


def check_whole(who: str, panel: np.ndarray, features: Features, bars: Bars, begin: int, end: int) -> None:
    """Refuse a panel with NaN in rows that an agent would see."""
    part = panel[begin:end]
    if np.isfinite(part.sum(dtype=np.float64)):
        return
    row, column = (int(k) for k in np.argwhere(~np.isfinite(part))[0])
    asset, feature = divmod(column, len(features.names))
    raise FeatureError(
        f"{who}: the feature {features.names[feature]!r} of {bars.symbols[asset]} is {part[row, column]} at "
        f"{time_text(int(bars.timestamps[begin + row]))}, after the warm-up; let Features([…], hold=None) carry the "
        "last value through gaps, or choose a range without them"
    )


class Observation:
    """The feature panel of an environment.

    Parameters
    ----------
    made : TradingSettings
    rows : slice
        The rows of the environment's range, on which a scaler is fitted where none is given.

    Attributes
    ----------
    features : Features
    scaler : Scaler or None
        None where the features are taken as they are.
    panel : ndarray of float32, shape (n_bars, n_assets * n_features)
        Scaled and clipped; asset after asset in a row. The kernel copies windows of it.
    first : int
        The first bar whose window holds no warm-up.
    """

    def __init__(self, made: TradingSettings, rows: slice):
        bars, window = made.bars, made.window
        self.features = as_features(made.features)
        raw = self.features.compute(bars)
        if raw.shape[0] != bars.n_bars:
            raise FeatureError(f"Trading: features have {raw.shape[0]} rows for {bars.n_bars} bars")
        warmup = self.features.warmup(raw)
        self.first = warmup + window - 1
        self.why_first = f"{warmup} bars of warm-up, and a window of {window}"
        self.scaler = self._scaler(made, raw, slice(max(rows.start, warmup), rows.stop))
        self.panel = observed_panel(raw, self.scaler, made.clip)
        check_whole("Trading", self.panel, self.features, bars, max(rows.start - window + 1, warmup), rows.stop)

    def _scaler(self, made: TradingSettings, raw: np.ndarray, rows: slice) -> Scaler | None:
        names = self.features.names
        if made.scaler is None:
            if rows.start >= rows.stop:
                raise FeatureError(
                    f"Trading: the range ends at row {rows.stop}, before the features are warm ({self.why_first}); "
                    "there is nothing to fit the scaler on"
                )
            return Scaler.fit(raw, rows=rows, names=names, clip=made.clip)
        if isinstance(made.scaler, str) and made.scaler == "none":
            return None
        if not isinstance(made.scaler, Scaler):
            raise SettingsError(f"Trading: scaler must be a Scaler, 'none' or None, found {made.scaler!r}")
        if made.scaler.names != names:
            raise SettingsError(
                f"Trading: the scaler was fitted on the columns {', '.join(made.scaler.names)}, and the features are "
                f"{', '.join(names)}"
            )
        return made.scaler

    def spec(self) -> dict[str, Any]:
        """Return features and scaler, as JSON."""
        return {"features": self.features.spec(), "scaler": None if self.scaler is None else self.scaler.spec()}
