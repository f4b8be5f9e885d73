"""Signals side by side."""

from __future__ import annotations

import numpy as np
import pytest
from score_cases import ar1_bars, label_of, signal_of

from backtester.errors import ModelError, SettingsError
from backtester.signals import forward_return
from backtester.signals.scores import compare

BARS = ar1_bars(300, 2)
LABEL = forward_return(BARS, 1)


def numbers(seed, missing=0):
    values = np.random.default_rng(seed).normal(size=(300, 2))
    values[:missing] = np.nan
    return values


def test_each_column_is_the_metrics_of_a_signal():
    signals = [signal_of(BARS, numbers(k), LABEL, [(0, 299)], name="ridge") for k in range(2)]
    found = compare(signals)
    assert found.columns.tolist() == ["ridge", "ridge (2)"]
    for name, signal in zip(found, signals, strict=True):
        alone = signal.metrics()
        assert found.loc["n", name] == 2 * 299
        assert found.loc["rank_ic", name] == alone.overall["rank_ic"]
        assert found.loc["ic_t", name] == alone.ic_statistics.loc["ic", "t_statistic"]


def test_other_rows_are_refused_and_named():
    one = signal_of(BARS, numbers(0), LABEL, [(0, 299)], name="ridge")
    other = signal_of(BARS, numbers(1, missing=50), LABEL, [(0, 299)], name="lstm")
    with pytest.raises(
        ModelError, match=r"ridge and lstm were tested on other rows: 598 and 498 samples, 100 of one"
    ) as e:
        compare([one, other])
    assert "which only ridge has" in str(e.value)
    assert "2020-01-02" in str(e.value)  # the close of the first bar


def test_common_rows():
    one = signal_of(BARS, numbers(0), LABEL, [(0, 299)], name="ridge")
    other = signal_of(BARS, numbers(1, missing=50), LABEL, [(0, 299)], name="lstm")
    found = compare([one, other], rows="common")
    assert found.loc["n"].tolist() == [498, 498]
    at = slice(50, 299)
    wanted = np.mean((one.values[at] - LABEL.values[at]) ** 2)
    assert found.loc["mse", "ridge"] == pytest.approx(wanted, rel=1e-12)
    late = signal_of(
        BARS, np.where(np.arange(300)[:, None] < 50, np.ones((300, 2)), np.nan), LABEL, [(0, 49)], name="early"
    )
    with pytest.raises(ModelError, match="lstm, early have no row in common"):
        compare([other, late], rows="common")


def test_what_cannot_be_compared():
    one = signal_of(BARS, numbers(0), LABEL, [(0, 299)], name="ridge")
    other = signal_of(BARS, numbers(1), label_of(BARS, numbers(2), name="mine"), [(0, 299)], name="lstm")
    with pytest.raises(ModelError, match=r"ridge learnt forward_return\(1\) and lstm learnt mine; say with label="):
        compare([one, other])
    assert compare([one, other], LABEL).loc["n"].tolist() == [598, 598]
    with pytest.raises(ModelError, match="no signal to compare"):
        compare([])
    with pytest.raises(SettingsError, match="rows is 'comon'; did you mean 'common'"):
        compare([one], rows="comon")
    longer = ar1_bars(301, 2)
    third = signal_of(longer, np.ones((301, 2)), forward_return(longer, 1), [(0, 300)], name="long")
    with pytest.raises(ModelError, match="of other bars"):
        compare([one, third])
