"""Results to report on: a plain run, one with hostile names, an idle one, a bankrupt one, one of a single bar."""

from __future__ import annotations

import pytest
from report_cases import HOSTILE_NAMES, BothLegs, EverySoOften, Hostile, Idle, ShortAll, altered, daily, wave

from backtester import Account, Costs, run


@pytest.fixture(scope="session")
def plain():
    return run(EverySoOften, daily(wave(400, 2), symbols=["AAA", "BBB"]), costs=Costs(commission=0.001, spread=0.0004))


@pytest.fixture(scope="session")
def hostile():
    bars = daily(wave(60, 4), symbols=list(HOSTILE_NAMES), name="</title><script>alert(2)</script>")
    return altered(run(Hostile, bars), facts={"strategy": "<img src=x onerror=alert(3)>"})


@pytest.fixture(scope="session")
def idle():
    return run(Idle, daily(wave(30)))


@pytest.fixture(scope="session")
def bankrupt():
    closes = [100.0] * 6 + [300.0] * 4
    return run(ShortAll, daily(closes), account=Account(leverage=5.0, maintenance=0.05))


@pytest.fixture(scope="session")
def ambiguous():
    bars = daily([100.0] * 8, spread=0.2)
    return run(BothLegs, bars)


@pytest.fixture(scope="session")
def one_bar(idle):
    return altered(idle, n_bars=1, facts={"interrupted": True})
