"""The options about money and the market as settings of `run`."""

from __future__ import annotations

from typing import Any


def market_of(
    *,
    cash: float,
    commission: float,
    spread: float,
    slippage: float,
    leverage: float,
    fill_at: str,
    same_bar: str,
    latency: int,
) -> dict[str, Any]:
    """Return `cash`, `costs`, `account` and `execution`.

    Parameters
    ----------
    cash, commission, spread, slippage, leverage : float
        As `Costs` and `Account` have them.
    fill_at, same_bar : str
    latency : int
        Bars.

    Raises
    ------
    SettingsError
        If one of them is out of range.
    """
    from backtester.costs import Account, Costs, Execution

    return {
        "cash": cash,
        "costs": Costs(commission=commission, spread=spread, slippage=slippage),
        "account": Account(leverage=leverage),
        "execution": Execution(fill_at=fill_at, same_bar=same_bar, latency_bars=latency),  # type: ignore[arg-type]
    }
