"""`backtester demo`: the moving-average cross on bundled real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backtester.cli import options as o
from backtester.cli.inputs import check_writable, load_bars
from backtester.cli.run import Outputs, execute
from backtester.errors import StrategyError


def demo(report: o.DemoReport = Path("report.html"), as_json: o.AsJson = False, quiet: o.Quiet = False) -> None:
    """Backtest a moving-average cross on the S&P 500.

    The strategy is strategies/sma_cross.py with fast=20 and slow=30, the data the bundled daily sample sp500 of 20
    years, with 100,000 of cash and a commission of 0.1 %. Metrics are printed, the report is written, and nothing is
    downloaded.

    Example: `backtester demo --report demo.html`
    """
    from backtester.costs import Costs

    check_writable(report)
    bars = load_bars(["sample:sp500"])
    settings: dict[str, Any] = {
        "cash": 100_000.0,
        "costs": Costs(commission=0.001),
        "benchmark": "buy_and_hold",
        "progress": False if quiet else None,
    }
    execute(_sma_cross()(fast=20, slow=30), bars, settings, Outputs(report, None, as_json, quiet))


def _sma_cross() -> Any:
    """Return the class, or say which other package called `strategies` hides ours."""
    try:
        from strategies.sma_cross import SmaCross
    except ImportError as error:
        import strategies

        where = getattr(strategies, "__file__", None) or next(iter(getattr(strategies, "__path__", ["?"])))
        raise StrategyError(
            f"another package called `strategies` ({where}) hides the one of backtester ({error}); run from elsewhere"
        ) from None
    return SmaCross
