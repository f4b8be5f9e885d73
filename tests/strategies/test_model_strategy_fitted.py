"""A fitted model, or its bundle, as a strategy: it trades what it was not fitted on, and says which model it was."""

import numpy as np
import pytest

from backtester import Bars, run
from backtester.errors import StrategyError
from backtester.signals import fit, forward_return, save_model
from strategies.model import ModelStrategy

BARS = Bars.simulate("gbm", n_bars=400, n_assets=2, seed=5)
FEATURES = ["log_return(1)", "log_return(5)"]


@pytest.fixture(scope="module")
def fitted():
    return fit("ridge", FEATURES, forward_return(BARS, 2), BARS, rows=slice(0, 200))


def test_bars_it_was_fitted_on_are_not_traded(fitted):
    """Row 199 is the last, and no label of it is used that reads beyond: the first signal is that of row 200."""
    assert fitted.trained_until == BARS.timestamps[199]
    result = run(ModelStrategy(signal=fitted), BARS)
    assert int(result.tables.orders["submitted"].min()) == 200
    assert result.manifest["about"]["model"]["label"] == "forward_return(2)"
    assert result.manifest["parameters"]["signal"].startswith("Ridge, forward_return(2), fitted until ")


def test_a_bundle_trades_as_the_model_itself(fitted, tmp_path):
    save_model(fitted, tmp_path / "ridge")
    results = [run(ModelStrategy(signal=one), BARS) for one in (fitted, tmp_path / "ridge", str(tmp_path / "ridge"))]
    assert len(results[0].fills) > 50
    for other in results[1:]:
        assert other.tables.fills.tobytes() == results[0].tables.fills.tobytes()


def test_bars_before_those_of_the_run_warm_the_features_up(fitted):
    """log_return(5) of the first bar of the run reads five bars before it; alone, the run would wait for them."""
    part = BARS[199:]
    alone, warm = (run(ModelStrategy(signal=fitted, **more), part) for more in ({}, {"history": BARS}))
    assert int(alone.tables.orders["submitted"].min()) == 5
    assert int(warm.tables.orders["submitted"].min()) == 1
    whole = run(ModelStrategy(signal=fitted), BARS)
    np.testing.assert_array_equal(warm.tables.equity[1:], whole.tables.equity[200:])


@pytest.mark.parametrize("rule", ["volatility_scaled(window=30, cap=0.5)", "kelly(fraction=0.01, window=30)"])
def test_and_the_volatility_that_a_rule_reads_too(fitted, rule):
    """The run has one asset, the history two in another order."""
    one = Bars.from_arrays(
        BARS.timestamps[199:],
        *[getattr(BARS, name)[199:, 1:] for name in ("open", "high", "low", "close", "volume")],
        symbols=BARS.symbols[1:],
    )
    whole = Bars.from_arrays(
        BARS.timestamps,
        *[getattr(BARS, name)[:, 1:] for name in ("open", "high", "low", "close", "volume")],
        symbols=BARS.symbols[1:],
    )
    warm = run(ModelStrategy(signal=fitted, rule=rule, history=BARS), one)
    assert len(warm.fills) > 20
    np.testing.assert_array_equal(
        warm.tables.equity[1:], run(ModelStrategy(signal=fitted, rule=rule), whole).tables.equity[200:]
    )


def test_bars_that_it_was_fitted_on_alone_are_refused(fitted):
    with pytest.raises(
        StrategyError, match=r"no value in the bars from .*; its model was fitted on bars up to 2000-10-0"
    ):
        run(ModelStrategy(signal=fitted), BARS[:200])


def test_in_sample_it_trades_only_where_that_is_allowed_and_says_so(fitted):
    result = run(ModelStrategy(signal=fitted, allow_future=True), BARS)
    assert int(result.tables.orders["submitted"].min()) == 5
    assert "knows the future" in result.manifest["about"]["warnings"][0]


def test_history_is_bars_that_hold_those_of_the_run(fitted):
    with pytest.raises(StrategyError, match=r"history is 3 \(int\); it is Bars"):
        run(ModelStrategy(signal=fitted, history=3), BARS)
    with pytest.raises(StrategyError, match=r"history has no bar 2000-.*which the run has"):
        run(ModelStrategy(signal=fitted, history=BARS[100:]), BARS)
    other = Bars.simulate("gbm", n_bars=400, n_assets=1, seed=5)
    with pytest.raises(StrategyError, match="history has no SIM0, which the bars of the run have"):
        run(ModelStrategy(signal=fitted, history=other), BARS)


def test_kelly_reads_the_horizon_from_the_recipe(fitted):
    """Two bars: half of the exposure that one bar would have, before anything is capped."""
    one, two = (
        run(ModelStrategy(signal=fitted, rule=f"kelly(0.001, 20, 100.0, {h})"), BARS).tables.orders for h in (1, None)
    )
    assert two["quantity"][0] == pytest.approx(one["quantity"][0] / 2.0, rel=1e-12)


@pytest.mark.parametrize(
    "rule", ["sign", "threshold(enter=0.0005)", "rank(1, 1)", "volatility_scaled(window=10)", "kelly(0.01, 10)"]
)
@pytest.mark.parametrize("cut", [230, 317])
def test_another_future_leaves_the_past_as_it_was(fitted, rule, cut):
    """Bars from the cut on are others: features, signal, volatility and orders before it are the same, to the bit."""
    other = Bars.simulate("gbm", n_bars=400, n_assets=2, seed=99)
    columns = [
        np.concatenate([getattr(BARS, name)[:cut], getattr(other, name)[cut:] * 3.0])
        for name in ("open", "high", "low", "close", "volume")
    ]
    changed = Bars.from_arrays(BARS.timestamps, *columns, symbols=BARS.symbols, check=False)
    before, after = (run(ModelStrategy(signal=fitted, rule=rule, band=0.1), bars) for bars in (BARS, changed))
    assert len(before.tables.orders) > 5
    np.testing.assert_array_equal(before.tables.equity[:cut], after.tables.equity[:cut])
    fills = [one.tables.fills[one.tables.fills["bar"] < cut].tobytes() for one in (before, after)]
    targets = [one.tables.orders["target"][one.tables.orders["submitted"] < cut].tobytes() for one in (before, after)]
    assert fills[0] == fills[1]
    assert targets[0] == targets[1]
    assert (before.tables.equity[cut + 5 :] != after.tables.equity[cut + 5 :]).any()  # what may change does
