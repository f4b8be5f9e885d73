"""A trading environment's settings from what a bundle keeps of them: `TradingSettings.spec` reversed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from backtester.costs import Account, Costs, Execution
from backtester.errors import SettingsError
from backtester.instruments import Instrument
from backtester.signals import Features, Scaler
from envs.trading.settings import TradingSettings

_FUNCTION = "function "  # begins what stands for a function in a specification


def settings_from(
    spec: Mapping[str, Any],
    features: Mapping[str, Any] | None = None,
    scaler: Mapping[str, Any] | None = None,
    /,
    **given: Any,
) -> dict[str, Any]:
    """Return the keywords of `Trading`, all but `bars`.

    Parameters
    ----------
    spec : mapping
        What `TradingSettings.spec` returned, or what JSON kept of it.
    features, scaler : mapping, optional
        Their specifications.
    **given
        What is to be used instead, `features` and `scaler` among them: needed for functions and external arrays, which
        no specification holds.

    Raises
    ------
    SettingsError, FeatureError
        If something that no specification can hold is not given, or a name is unknown.
    """
    known = {one.name for one in dataclasses.fields(TradingSettings)}
    found = {name: _read(value) for name, value in spec.items() if name in known}
    for name, kind in (("costs", Costs), ("account", Account), ("execution", Execution)):
        if name in found and name not in given:
            found[name] = _dataclass(kind, found[name])
    if features is not None and "features" not in given:
        found["features"] = Features.from_spec(features)
    if "scaler" not in given:
        found["scaler"] = "none" if scaler is None else Scaler.from_spec(scaler)
    found |= given
    for name, value in found.items():
        if isinstance(value, str) and value.startswith(_FUNCTION):
            raise SettingsError(f"{name} was the {value}, which no file keeps; pass it in again: {name}=…")
    return found


def _dataclass(kind: type[Any], values: Mapping[str, Any]) -> Any:
    values = dict(values)
    commission = values.get("commission")
    if isinstance(commission, str) and commission.startswith(_FUNCTION):
        raise SettingsError(f"the commission was the {commission}, which no file keeps; pass costs=Costs(…) in again")
    if "instruments" in values:
        values["instruments"] = [Instrument(**one) for one in values["instruments"]]
    return kind(**values)


def _read(value: Any) -> Any:
    """Return a value as it was before JSON: "inf" is a number again."""
    if isinstance(value, dict):
        return {name: _read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_read(item) for item in value]
    return float(value) if value in ("inf", "-inf") else value
