"""`diff` never finds a difference before there is one: runs whose data agree up to a bar agree up to that bar.

The order rows hold last states, and later bars change them in many ways. Random orders of every kind, on whole and on
cut or changed data, would show it if one of those ways leaked into the bars before.
"""

from __future__ import annotations

import pytest
from exercises import EveryVerb
from modes import random_bars, settings_for

from backtester import Bars, run
from backtester.diff import diff

SETTINGS = list(settings_for(random_bars(0)))
COLUMNS = ("open", "high", "low", "close", "volume")


def changed_from(bars, k):
    """Return the bars with every price from bar k on a tenth higher."""
    columns = {name: bars[name].copy() for name in COLUMNS}
    for name in COLUMNS[:4]:
        columns[name][k:] *= 1.1
    return Bars.from_arrays(
        bars.timestamps, **columns, symbols=bars.symbols, sessions=bars.sessions, session_ends=bars.session_ends
    )


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_nothing_differs_before_the_data_do(setting, gaps):
    bars = random_bars(1, gaps=gaps)
    settings = {**settings_for(bars, 20_000.0)[setting], "close_at_end": False}
    whole = run(EveryVerb(), bars, mode="compiled", **settings)
    assert not diff(whole, whole)
    found = 0
    for k in (7, 30, 61, 125, 247):
        for other, first in ((bars[:k], k - 1), (changed_from(bars, k), k)):
            difference = diff(whole, run(EveryVerb(), other, mode="compiled", **settings))
            if difference:
                found += 1
                assert difference.first.bars[0] >= first
                assert str(difference)
                assert difference.data
    assert found >= 5
