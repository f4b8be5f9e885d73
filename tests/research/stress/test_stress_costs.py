"""Costs times a factor, and the multiple at which they eat the edge: by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from stressed import InAndOut, ladder, noise

from backtester import Costs, run, stress
from backtester.research.stress.changes import pays_nothing, scaled
from backtester.research.stress.search import MOST, WIDTH, break_even

RISE = ladder([100, 101, 102, 104, 105, 107, 110, 112, 112, 112])


def costs_alone(result, **more):
    return stress(result, scenarios=["costs"], metric="total_return", **more)


class TestLevels:
    def test_costs_times_k_are_k_times_the_costs_of_a_fixed_quantity(self):
        """Bought at open[3] = 102 and sold at open[7] = 110, ten units: commission 0.001·10·(102 + 110) = 2.12."""
        found = costs_alone(run(InAndOut, RISE, costs=Costs(commission=0.001)), costs=(0, 1, 2, 5))
        rows = found.table[1:]
        assert rows["total_costs"].to_numpy() == pytest.approx([0.0, 2.12, 4.24, 10.6], rel=1e-12)
        assert rows["final_equity"].to_numpy() == pytest.approx(100_080.0 - rows["total_costs"].to_numpy(), rel=1e-14)

    def test_each_level_is_the_run_with_those_costs_to_the_bit(self):
        costs = Costs(commission=0.001, spread=0.002, slippage=0.0005, commission_min=1.0)
        tripled = Costs(commission=0.003, spread=0.006, slippage=0.0015, commission_min=3.0)
        bars = noise(60, width=0.02)
        found = costs_alone(run(InAndOut(sell=40), bars, costs=costs), costs=(3,))
        alone = run(InAndOut(sell=40), bars, costs=tripled).metrics
        row = found.table.iloc[1]
        assert [row[name] for name in ("final_equity", "total_costs", "sharpe")] == [
            alone[name] for name in ("final_equity", "total_costs", "sharpe")
        ]

    def test_a_commission_function_is_scaled_as_a_number_is(self):
        def commission(price, quantity):
            return 0.001 * price * quantity

        doubled = scaled(Costs(commission=commission), 2.0)
        assert run(InAndOut, RISE, costs=doubled).metrics["total_costs"] == pytest.approx(4.24, rel=1e-12)

    def test_every_form_of_a_cost_is_scaled_and_income_is_not(self):
        costs = Costs(
            commission=[0.001, 0.002],
            commission_per_unit={"A": 0.1, "B": 0.2},
            spread=0.01,
            impact=0.5,
            borrow_rate=0.02,
            cash_rate=0.03,
            debit_rate=0.05,
        )
        doubled = scaled(costs, 2.0)
        assert np.array_equal(doubled.commission, [0.002, 0.004])
        assert doubled.commission_per_unit == {"A": 0.2, "B": 0.4}
        assert (doubled.spread, doubled.impact, doubled.borrow_rate) == (0.02, 1.0, 0.04)
        assert (doubled.cash_rate, doubled.debit_rate) == (0.03, 0.1)

    def test_a_cost_above_the_price_itself_is_a_row_with_its_error(self):
        found = costs_alone(run(InAndOut, RISE, costs=Costs(spread=0.3)), costs=(1, 5))
        assert found.table["error"].tolist()[:2] == ["", ""]
        assert "spread is 1.5" in found.table["error"][2]
        assert found.summary.loc["costs", "failed"] == 1

    @pytest.mark.parametrize(
        ("costs", "free"),
        [
            (Costs(), True),
            (Costs(cash_rate=0.02), True),
            (Costs(spread={"A": 0.0, "B": 0.0}), True),
            (Costs(spread={"A": 0.0, "B": 0.1}), False),
            (Costs(commission=[0.0, 0.1]), False),
            (Costs(debit_rate=0.1), False),
            (Costs(commission=lambda price, quantity: 0.0), False),
        ],
    )
    def test_a_run_without_costs_is_told_from_one_with_some(self, costs, free):
        assert pays_nothing(costs) is free

    def test_without_costs_the_row_says_what_to_do(self):
        found = costs_alone(run(InAndOut, RISE))
        assert found.table["kind"].tolist() == ["base", "costs"]
        assert "pays no costs" in found.table["note"][1]
        assert found.break_even is None
        assert found.summary.loc["costs", "scenarios"] == 0
        assert "Not applicable: costs" in found.sentence

    def test_costs_that_could_not_be_run_are_not_survived(self):
        """Earns 10·(2,700 − 100) = 26,000 and pays 0.4·10·2,800 = 11,200 at 1 ×; 1.2 at 3 × is no commission."""
        steep = ladder([100, 100, 100, 102, 300, 900, 2700, 4000, 4000, 4000])
        found = costs_alone(run(InAndOut, steep, costs=Costs(commission=0.4)), costs=(1, 2, 3, 5))
        assert found.table["final_equity"].tolist()[1:3] == pytest.approx([114_800.0, 103_600.0])
        (costs,) = found.by_kind
        assert (costs.scenarios, costs.failed, costs.lost, costs.survives) == (4, 2, 0, None)
        assert found.summary["survives"].isna().tolist() == [True]
        assert found.sentence == "What could not be run leaves open: costs (2 of 4 raised)."
        assert "survives 2 × the costs, 2 raised" in str(found)
        assert "open: 2 raised" in found._repr_html_()


class TestBreakEven:
    def test_of_a_known_edge_is_the_closed_form(self):
        """Earns 10·(110 − 102) = 80 and pays 10·2·1.5 = 30 in commissions per unit: 80/30 = 2.667 × the costs."""
        found = costs_alone(run(InAndOut, RISE, costs=Costs(commission_per_unit=1.5)))
        even = found.break_even
        assert even.low <= 80.0 / 30.0 <= even.high
        assert even.high - even.low <= WIDTH * even.high
        assert found.breaking_point("costs") == even.factor
        assert not found.summary.loc["costs", "survives"]
        assert "dies at 2.67 × its costs" in found.sentence

    def test_is_found_beyond_the_levels_that_were_asked_for(self):
        """Costs of 20·0.1 = 2 against 80: 40 times."""
        found = costs_alone(run(InAndOut, RISE, costs=Costs(commission_per_unit=0.1)))
        assert found.break_even.factor == pytest.approx(40.0, rel=WIDTH)
        assert found.summary.loc["costs", "survives"]
        assert "breaks even at 40 × the costs" in str(found)

    def test_of_a_loss_lies_below_the_costs_that_were_paid(self):
        """Earns 80 and pays 20·5 = 100: it takes 0.8 × the costs."""
        found = costs_alone(run(InAndOut, RISE, costs=Costs(commission_per_unit=5.0)), costs=(1, 2))
        assert found.break_even.factor == pytest.approx(0.8, rel=WIDTH)
        assert found.sentence.startswith("There is no edge to stress")
        assert "0.8 × its own" in found.sentence

    def test_of_what_loses_without_costs_there_is_none(self):
        fall = ladder([100, 100, 100, 99, 98, 97, 96, 95, 95, 95])
        found = costs_alone(run(InAndOut, fall, costs=Costs(commission_per_unit=1.0)))
        assert found.break_even.high == 0.0
        assert math.isnan(found.break_even.factor)
        assert found.breaking_point("costs") == 0.0

    def test_of_an_edge_that_pays_everything_is_not_named(self):
        even = break_even([(0.0, True), (1.0, True)], lambda factor: True)
        assert math.isnan(even.factor)
        assert even.low >= MOST
        assert even.high == math.inf

    def test_ends_where_costs_cannot_be_that_high(self):
        even = break_even([(0.0, True), (1.0, True)], lambda factor: None if factor > 10 else True)
        assert (even.low, even.high) == (8.0, math.inf)

    def test_takes_the_first_loss_from_below(self):
        """Alive up to 1.3, dead up to 4, alive again, as a strategy is whose orders change with its costs."""
        even = break_even([(0, True), (2, False), (5, True)], lambda factor: factor < 1.3 or factor > 4.0)
        assert even.low <= 1.3 <= even.high <= 2.0
