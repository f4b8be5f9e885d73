"""The Plotly figure shows the numbers of the result, and names as text."""

from __future__ import annotations

import numpy as np
import pytest
from report_cases import HOSTILE_NAMES


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def test_equity_drawdown_and_trades(plain):
    figure = plain.plot()
    equity = trace(figure, "Strategy")
    assert np.array_equal(equity.y, plain.tables.equity)
    assert str(equity.x[-1])[:10] == "2021-02-08"
    assert trace(figure, "Drawdown").y.max() == pytest.approx(plain.metrics["max_drawdown"])
    shown = [t for t in figure.data if t.visible is not False]
    assert [t.name for t in shown][-3:] == ["AAA", "Entry", "Exit"]
    mine = plain._trade_rows[plain._trade_rows["asset"] == 0]
    assert np.array_equal(shown[-2].y, mine["entry_price"])
    assert len(shown[-1].y) == np.count_nonzero(mine["open"] == 0)


def test_a_menu_shows_the_traces_of_one_asset(plain):
    figure = plain.plot()
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["AAA", "BBB"]
    shown = np.flatnonzero(buttons[1].args[0]["visible"])
    assert [figure.data[k].name for k in shown[-3:]] == ["BBB", "Entry", "Exit"]
    assert len(shown) == len(figure.data) - 3


@pytest.mark.parametrize("name", ["hostile", "idle", "bankrupt", "one_bar"])
def test_every_kind_of_run_has_a_figure(name, request):
    figure = request.getfixturevalue(name).plot()
    assert len(figure.data) >= 3
    assert "<img" not in figure.layout.title.text


def test_names_are_escaped(hostile):
    figure = hostile.plot()
    names = [t.name for t in figure.data] + [button.label for button in figure.layout.updatemenus[0].buttons]
    assert "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in names
    assert not [name for name in names if "<" in name or name in HOSTILE_NAMES[:2]]
