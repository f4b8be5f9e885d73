"""Nothing of a table is left out of a diff, whatever columns and codes it comes to have."""

from __future__ import annotations

import numpy as np
import pytest
from few_bars import FLAT, play

from backtester.diff import causes, streams
from backtester.kernel.codes import ChangeOutcome, Phase, Reason, Role
from backtester.kernel.tables import RECORD

#: columns that date a row, or repeat its date as a number of the bar
DATES = {name: {"time", "bar"} for name in ("fills", "cash_flows", "actions")} | {"changes": {"time", "acts"}}
NAMES = {"fills": ("fill",), "cash_flows": ("cash_flow",), "actions": ("action",), "changes": ("change", "outcome")}


@pytest.fixture(scope="module")
def result():
    def send(c):
        c.bracket(0, -5, stop_loss=12, take_profit=8)
        c.limit(0, -5, 13)
        c.record("x", 1.5)

    script = {1: send, 2: lambda c: (c.modify(4, price=12.5), c.cancel(99))}
    rows = [FLAT, FLAT, FLAT, (10, 11, 10, 11), FLAT, FLAT]
    return play(rows, script, events={"split": {3: 2.0}}, borrow_rate=0.1)


def test_every_column_of_an_order_is_compared_where_it_is_sent_or_where_it_ends(result):
    found = streams.streams_of(result)
    compared = {*found["order"].columns, *found["end"].columns, *streams._MOMENTS}
    assert compared == {"id", *result.orders.columns}


@pytest.mark.parametrize("table", NAMES)
def test_every_column_of_a_table_is_compared(result, table):
    found = streams.streams_of(result)
    compared = {column for name in NAMES[table] for column in found[name].columns}
    assert compared == set(getattr(result, table).columns) - DATES[table]
    assert all(len(found[name]) == len(getattr(result, table)) for name in NAMES[table])
    assert len(found[NAMES[table][0]]) > 0


def test_what_an_order_was_sent_with_is_known_through_splits():
    """A limit of 5 at 9, a trailing stop 2 away, a target of 6, and a stop-limit that was modified before."""

    def send(c):
        c.limit(0, 5, 9)
        c.trailing_stop(0, -5, distance=2)
        c.order_target(0, 6)
        c.stop_limit(0, 5, 14, 13)

    script = {1: send, 2: lambda c: c.modify(4, price=15, quantity=7)}
    split = play([FLAT] * 7, script, events={"split": {4: 4.0, 5: 0.5}})
    found, plain = (streams.streams_of(result)["order"] for result in (split, play([FLAT] * 7, script)))
    for name in ("quantity", "limit_price", "stop_price", "distance", "target"):
        known = ~(found.unknown.get(name, np.zeros(4, bool)) | plain.unknown.get(name, np.zeros(4, bool)))
        np.testing.assert_array_equal(found.columns[name][known], plain.columns[name][known])
    assert found.columns["quantity"][0] == 5.0
    assert found.columns["stop_price"][3] == 14.0
    assert found.columns["distance"][1] == 2.0
    assert found.columns["target"][2] == 6.0


def test_records_are_compared_by_name(result):
    stream = streams.streams_of(result)["record"]
    assert (stream.columns["name"].tolist(), stream.columns["value"].tolist()) == (["x"], [1.5])
    assert set(RECORD.names) == {"bar", "key", "value"}


def test_rows_are_in_the_order_of_time(result):
    for stream in streams.streams_of(result).values():
        assert np.all(np.diff(stream.time) >= 0)
        assert len(stream.turn) == len(stream.rows) == len(stream)


def test_the_words_that_are_looked_for_are_codes():
    assert set(streams._PHASES) == {phase.name.lower() for phase in Phase}
    assert set(streams._TOO_LATE) <= {outcome.name.lower() for outcome in ChangeOutcome}
    assert set(causes._ROLES) <= {role.name.lower() for role in Role}
    assert set(causes._AT_DATA_END) <= {reason.name.lower() for reason in Reason}
