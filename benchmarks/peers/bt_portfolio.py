"""bt on P1: target weights on given days, and its rebalance.

bt knows one price per asset and day. It is given the opens, so that it fills where the others fill, and one last row of
closes, which values what is held at the end. It turns a weight into a quantity at the price it fills at, after
commission, where the others do so at the close of the decision; `floor.sized_at_the_open` repeats that arithmetic. Its
`run()` computes statistics too and cannot be asked not to.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peers.protocol import Adaptor, main
from benchmarks.portfolio.market import CASH, COMMISSION, Panel, decision_days, small_and_full, target_weights


def _load(panel: Panel) -> dict[str, Any]:
    import pandas as pd

    index = pd.DatetimeIndex(panel.timestamps.view("M8[ns]"))
    columns = list(panel.symbols)
    closes = pd.DataFrame(panel.close, index, columns)
    after = pd.DataFrame(panel.close[-1:], index[-1:] + pd.Timedelta(hours=1), columns)
    prices = pd.concat([pd.DataFrame(panel.open, index, columns), after])
    return {"prices": prices, "closes": closes, "timestamps": panel.timestamps}


def build(workload: str, variant: str) -> Adaptor:
    """`variant` is not used."""
    import bt
    import numpy as np
    import pandas as pd

    def run(data: dict[str, Any]) -> Any:
        closes = data["closes"]
        decided = decision_days(data["timestamps"], workload)
        decided[-1] = False
        at = np.flatnonzero(decided)
        weights = target_weights(closes.to_numpy(), decided, workload)[at]
        targets = pd.DataFrame(weights, closes.index[at + 1], closes.columns)
        strategy = bt.Strategy("floor", [bt.algos.WeighTarget(targets), bt.algos.Rebalance()])
        test = bt.Backtest(
            strategy,
            data["prices"],
            initial_capital=CASH,
            commissions=lambda quantity, price: abs(quantity) * price * COMMISSION,
            integer_positions=False,
            progress_bar=False,
        )
        test.run()
        return test

    return Adaptor(
        engine="bt",
        version=bt.__version__,
        note="sizes at the open it fills at, commission inside the weight; run() with its statistics",
        load=_load,
        run=run,
        metrics=None,
        final_equity=lambda test: test.strategy.values.iloc[-1],
        n_fills=lambda test: int((test.strategy.get_transactions()["quantity"] != 0).sum()),
    )


if __name__ == "__main__":
    main("bt", build, markets=small_and_full)
