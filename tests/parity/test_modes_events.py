"""Compiled and interpreted mode leave the same behind where events, transfers, limits and currencies come in."""

from __future__ import annotations

import numpy as np
import pytest
from event_exercises import SETTINGS, STOPS, EveryTransfer, event_bars
from modes import assert_same_in_both_modes

from backtester.kernel.codes import ActionKind, ChangeKind, ChangeOutcome, Reason, Role


@pytest.fixture(scope="module")
def bars():
    return event_bars(3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_transfer(setting, seed, bars):
    strategy, result = assert_same_in_both_modes(EveryTransfer, bars, seed=seed, **SETTINGS[setting])
    assert strategy.done.value.min() > 0
    assert strategy.taken > 0
    tables = result.tables
    assert np.any(tables.actions["kind"] == ActionKind.SPLIT)
    assert np.any(tables.orders["reason"] == Reason.DELISTED)
    assert np.any(tables.orders["role"] == Role.SCALE_OUT)
    changes = tables.changes
    assert np.any((changes["kind"] == ChangeKind.DEPOSIT) & (changes["outcome"] == ChangeOutcome.DONE))
    converted = np.any((changes["kind"] == ChangeKind.CONVERT) & (changes["outcome"] == ChangeOutcome.DONE))
    assert converted == (setting in ("keep", "margined"))


@pytest.mark.parametrize("setting", STOPS)
def test_a_stop_at_the_drawdown_limit(setting, bars):
    stopped = 0
    for seed in range(4):
        _, result = assert_same_in_both_modes(EveryTransfer, bars, seed=seed, **STOPS[setting])
        orders = result.tables.orders
        stops = orders[orders["role"] == Role.DRAWDOWN_STOP]
        if len(stops):
            stopped += 1
            assert orders["submitted"].max() == stops["submitted"][0]
    assert stopped
