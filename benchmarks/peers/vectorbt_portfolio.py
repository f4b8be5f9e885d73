"""vectorbt on P1 and P2: target percent orders of a group that shares its cash, sales first.

Targets are valued at the last close and filled at the open, which is what the floor does, to the last trade. Where the
cash does not suffice vectorbt fills one asset after another until it is gone, where the floor scales all alike; the
weights leave enough of it, so that the difference does not show.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers.protocol import Adaptor, main
from benchmarks.portfolio.market import CASH, COMMISSION, Panel, decision_days, small_and_full, target_weights


def _load(panel: Panel) -> dict[str, Any]:
    """Opens and closes as DataFrames with a DatetimeIndex, as a user has them."""
    import pandas as pd

    index = pd.DatetimeIndex(panel.timestamps.view("M8[ns]"))
    frames = {name: pd.DataFrame(getattr(panel, name), index, list(panel.symbols)) for name in ("open", "close")}
    return {**frames, "timestamps": panel.timestamps}


def build(workload: str, variant: str) -> Adaptor:
    """`variant`: numba or rust."""
    import vectorbt as vbt

    if variant == "rust":
        import vectorbt_rust  # noqa: F401
    vbt.settings["engine"] = variant

    def run(data: dict[str, Any]) -> Any:
        decided = decision_days(data["timestamps"], workload)
        weights = target_weights(data["close"].to_numpy(), decided, workload)
        size = np.full_like(weights, np.nan)
        size[1:] = weights[:-1]
        return vbt.Portfolio.from_orders(
            data["close"],
            size=size,
            size_type="targetpercent",
            price=data["open"],
            val_price=data["close"].shift(1),
            fees=COMMISSION,
            init_cash=CASH,
            cash_sharing=True,
            group_by=True,
            call_seq="auto",
            freq="1D",
        )

    return Adaptor(
        engine=f"vectorbt {variant}",
        version=vbt.__version__,
        note="the floor's trades",
        load=_load,
        run=run,
        metrics=lambda portfolio: portfolio.stats(),
        final_equity=lambda portfolio: portfolio.final_value(),
        n_fills=lambda portfolio: portfolio.orders.count(),
    )


if __name__ == "__main__":
    main("vectorbt", build, markets=small_and_full)
