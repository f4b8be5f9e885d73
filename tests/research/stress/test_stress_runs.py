"""Every scenario is a run like any other: delay, rules, parameters, shifts; and what luck alone gives."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from stressed import Idle, InAndOut, Momentum, Trend, ladder, noise

from backtester import Account, Costs, Execution, Instrument, Result, Strategy, constant, run, stress, walk_forward
from backtester.engine import prepare_run
from backtester.errors import ResultError, SettingsError, StrategyError
from backtester.report.pages import document_of
from backtester.research.stress import KINDS
from backtester.research.stress.markets import Bootstrapped, Market, MissingRows

COSTS = Costs(commission=0.0005, spread=0.0004)
BARS = noise(300, n_assets=2, seed=3, width=0.015)
NAMES = ["total_return", "cagr", "sharpe", "max_drawdown", "n_trades", "total_costs", "final_equity"]


@pytest.fixture(scope="module")
def result():
    return run(Trend, BARS, costs=COSTS)


@pytest.fixture(scope="module")
def found(result):
    return stress(result, bootstraps=6, simulations=6, draws=2, metric="total_return", starts=(1, 20))


def rows_of(found, kind):
    return found.table[found.table["kind"] == kind]


def same(row, result):
    assert row["error"] == ""
    assert row[NAMES].tolist() == result.metrics[NAMES].tolist()


class TestScenarios:
    def test_all_kinds_are_there_and_none_raises_but_what_the_strategy_refuses(self, found):
        assert found.kinds == KINDS
        failed = found.table[found.table["error"] != ""]
        assert failed["scenario"].tolist() == ["length 8 → 6", "all parameters -20%"]
        assert failed["error"].str.contains("six is too short").all()
        assert found.summary.loc["jitter", "failed"] == 2

    def test_the_first_row_is_the_run(self, found, result):
        same(found.table.iloc[0], result)
        assert found.base == result.metrics["total_return"]
        assert found.table["delta"].iloc[0] == 0.0

    @pytest.mark.parametrize("late", [0, 1, 2, 3, 5])
    def test_a_delay_is_a_latency_to_the_bit(self, found, late):
        rows = rows_of(found, "delay")
        alone = run(Trend, BARS, costs=COSTS, execution=Execution(latency_bars=late))
        same(rows[rows["level"] == late].iloc[0], alone)

    def test_a_delay_comes_on_top_of_the_latency_of_the_run(self):
        late = stress(run(Trend, BARS, execution=Execution(latency_bars=2)), scenarios=["delay"], delays=(1,))
        same(late.table.iloc[1], run(Trend, BARS, execution=Execution(latency_bars=3)))

    def test_parameters_move_one_at_a_time_and_all_together(self, found):
        rows = rows_of(found, "jitter").set_index("scenario")
        same(rows.loc["length 8 → 9"], run(Trend(length=9), BARS, costs=COSTS))
        same(rows.loc["share 0.5 → 0.6"], run(Trend(share=0.6), BARS, costs=COSTS))
        same(rows.loc["all parameters +20%"], run(Trend(length=10, share=0.6), BARS, costs=COSTS))
        assert rows.loc["length 8 → 9", "level"] == 0.125
        assert len(rows) == 4 + 4 + 4

    def test_a_start_is_a_slice(self, found):
        rows = rows_of(found, "start")
        same(rows[rows["level"] == 20].iloc[0], run(Trend, BARS[20:], costs=COSTS))
        ends = rows_of(found, "end")
        assert ends["level"].tolist() == [1, 5, 21, 63]  # 252 is above half of 300 bars
        same(ends[ends["level"] == 63].iloc[0], run(Trend, BARS[:-63], costs=COSTS))

    def test_small_whole_numbers_move_by_one(self):
        class Small(Strategy):
            wait: int = 2
            back: int = -3
            on: bool = True
            nothing: float = 0.0

            def on_bar(self, ctx):
                if ctx.t == self.wait and self.on:
                    ctx.order(0, 1.0 + self.nothing * self.back)

        found = stress(run(Small, BARS), scenarios=["jitter"], metric="total_return")
        names = found.table["scenario"].tolist()[1:]
        assert names[:4] == ["wait 2 → 1", "wait 2 → 3", "back -3 → -2", "back -3 → -4"]
        assert names[4] == "nothing 0"
        assert "is 0" in found.table["note"][5]
        assert len(names) == 5 + 4

    def test_the_band_of_ambiguous_bars_is_that_of_the_five_rules(self):
        """Bought at 10, a bar reaches the stop at 9 and the target at 12 for 100 units: −100 or +200."""

        class Bracket(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.bracket(0, 100.0, stop_loss=9.0, take_profit=12.0)

        flat = [10.0] * 12
        bars = ladder(flat)
        high, low = bars.high.copy(), bars.low.copy()
        high[4], low[4] = 13.0, 8.5
        made = type(bars).from_arrays(bars.timestamps, bars.open, high, low, bars.close, bars.volume)
        result = run(Bracket, made)
        found = stress(result, scenarios=["same_bar"], metric="total_return")
        rows = rows_of(found, "same_bar").set_index("scenario")["final_equity"]
        assert rows["stop_first"] == 99_900.0
        assert rows["target_first"] == 100_200.0
        assert rows["ohlc"] == 100_200.0
        assert rows["olhc"] == 99_900.0
        assert rows["nearest"] == 99_900.0  # 1 below the open is nearer than 2 above
        band = found.summary.loc["same_bar"]
        assert (band["worst"], band["best"]) == pytest.approx((-0.001, 0.002))
        assert "1 bar ambiguous, no edge under 3 of 5 rules" in str(found)

    def test_prices_of_a_benchmark_go_with_their_bars(self, result):
        prices = BARS.close[:, 0]
        compared = run(Trend, BARS, costs=COSTS, benchmark=prices)
        found = stress(compared, scenarios=["start", "bootstrap"], starts=(20,), bootstraps=2, metric="alpha")
        alone = run(Trend, BARS[20:], costs=COSTS, benchmark=prices[20:])
        assert found.table["alpha"][1] == alone.metrics["alpha"]
        assert "benchmark from outside" in found.table["note"][2]
        named = stress(run(Trend, BARS, benchmark="S1"), scenarios=["bootstrap"], bootstraps=2, metric="alpha")
        assert named.table["alpha"].notna().all()

    def test_margin_and_currencies_run_like_everything_else(self):
        account = Account(
            currency="USD",
            instruments=[Instrument("S0", multiplier=10, currency="EUR", margin=0.1)],
            fx={"EUR": "S1"},
        )
        found = stress(run(InAndOut, BARS, account=account), bootstraps=2, simulations=2, draws=1, jitter=None)
        assert (found.table["error"] == "").all()
        assert (rows_of(found, "bootstrap")["n_trades"] == 1).all()

    def test_events_run_and_a_delisted_asset_is_paid_out_where_its_market_is_not_remade(self):
        """Asset 1 ends at row 200, at 5; whoever held it is paid then, also where that row is missing."""
        columns = [np.array(BARS[name]) for name in ("open", "high", "low", "close", "volume")]
        for column in columns:
            column[200:, 1] = np.nan
        delisting, funding = np.full((300, 2), np.nan), np.zeros((300, 2))
        delisting[200, 1], funding[::8, 0] = 5.0, 0.0001
        extras = {"delisting": delisting, "funding": funding}
        bars = type(BARS).from_arrays(BARS.timestamps, *columns, symbols=BARS.symbols, extras=extras)
        result = run(Trend, bars, costs=COSTS)
        found = stress(result, bootstraps=3, simulations=3, draws=3, missing=(0.5,), jitter=None)
        assert found.table["error"].tolist() == [""] * len(found.table)
        remade = Bootstrapped(5.0, 0, 0).apply(Market(bars))[0]
        assert np.isnan(remade.extras["delisting"]).all()
        assert set(remade.extras["funding"][:, 0]) == {0.0, 0.0001}
        for draw in range(3):
            cut, rows = MissingRows(0.5, 0, draw).apply(Market(bars))
            paid = np.flatnonzero(~np.isnan(cut.extras["delisting"][:, 1]))
            assert rows[paid].tolist() == [rows[rows >= 200].min()]


class TestLuck:
    def test_where_there_is_no_edge_every_rank_among_luck_is_as_likely(self):
        """On 25 random walks the p-value is uniform on 1/10 … 10/10: its mean is 0.55 ± 3·0.287/√25 = 0.172."""
        ranks = []
        for seed in range(25):
            result = run(Momentum, noise(120, seed=100 + seed, width=0.01))
            found = stress(result, scenarios=["luck"], simulations=9, seed=seed, workers=1)
            ranks.append(found.summary.loc["luck", "p_value"])
        assert abs(np.mean(ranks) - 0.55) < 0.172
        assert 0.18 < np.std(ranks) < 0.4  # 0.287 of a uniform one

    def test_a_planted_edge_is_told_from_luck(self):
        """Moves that repeat the sign of the last three times out of four."""
        rng = np.random.default_rng(1)
        signs = np.cumprod(np.where(rng.random(400) < 0.75, 1.0, -1.0))
        bars = ladder(100.0 * np.cumprod(1.0 + 0.01 * signs))
        found = stress(run(Momentum, bars), scenarios=["luck", "bootstrap"], simulations=39, bootstraps=20)
        luck = found.summary.loc["luck"]
        assert luck["p_value"] == 1 / 40
        assert luck["survives"]
        assert "Luck alone does as well in 0 of 39" in found.sentence

    def test_too_few_markets_are_said_to_be_too_few(self):
        rng = np.random.default_rng(1)
        signs = np.cumprod(np.where(rng.random(400) < 0.75, 1.0, -1.0))
        found = stress(run(Momentum, ladder(100.0 * np.cumprod(1.0 + 0.01 * signs))), scenarios=["luck"], simulations=3)
        assert found.by_kind[0].survives is None
        assert "too few to tell" in found.sentence


class TestSameBytes:
    def test_for_any_number_of_workers_and_other_processes(self, result):
        def text(**how):
            return stress(result, draws=1, bootstraps=2, simulations=2, delays=(1,), seed=5, **how).to_json()

        alone = text(workers=1)
        assert text(workers=2) == alone
        assert text(workers=3) == alone
        assert text(workers=1, executor="processes") == alone

    def test_another_seed_is_another_table(self, result):
        one, other = (stress(result, scenarios=["luck"], simulations=2, seed=seed) for seed in (1, 2))
        assert one.table["sharpe"][1] != other.table["sharpe"][1]

    def test_interpreted_as_compiled(self):
        bars = noise(40)
        texts = [
            stress(run(Trend(length=7), bars, mode=mode), scenarios=["delay", "start"]).to_json()
            for mode in ("compiled", "interpreted")
        ]
        assert texts[0] == texts[1]


class TestOrigin:
    def test_the_run_is_repeated_from_before_prepare(self):
        """`prepare` changes the strategy; a run of what it left would be another."""

        class Counts(Strategy):
            start: float = 1.0

            def prepare(self, bars):
                self.start = self.start + 1.0

            def on_bar(self, ctx):
                if ctx.t == 3:
                    ctx.order(0, self.start)

        found = stress(run(Counts, BARS), scenarios=["delay"], metric="total_return")
        assert found.table["error"].tolist() == [""] * 6

    def test_a_walk_is_many_sets_of_parameters_and_is_refused(self):
        walk = walk_forward(Trend, BARS, {"length": [5, 9]}, train=100, test=100, store=None)
        with pytest.raises(SettingsError, match=r"stitched by walk_forward, of several sets .*; stress a run of one"):
            stress(walk.result)

    def test_a_result_from_disk_needs_the_strategy(self, tmp_path):
        costs = Costs(commission=[0.0005, 0.001], spread=0.0001)
        execution = Execution(max_participation=0.5, same_bar="nearest")
        live = run(Trend(length=9), BARS, costs=costs, execution=execution, benchmark="buy_and_hold", seed=3)
        live.to_parquet(tmp_path / "r")
        loaded = Result.load(tmp_path / "r")
        how = {"draws": 1, "bootstraps": 1, "simulations": 1}
        with pytest.raises(StrategyError, match=r"Trend of this result is known by its name alone.*strategy=Trend"):
            stress(loaded)
        wanted = stress(live, **how).to_json()
        assert stress(loaded, strategy=Trend, **how).to_json() == wanted
        assert stress(loaded, strategy=Trend(length=9), **how).to_json() == wanted
        with pytest.raises(ResultError, match=r"Trend\(length=12.*is another run"):
            stress(loaded, strategy=Trend(length=12))
        with pytest.raises(StrategyError, match=r"Idle does not take the parameters"):
            stress(loaded, strategy=Idle)

    def test_a_result_from_disk_has_only_the_name_of_a_commission_function(self, tmp_path):
        run(InAndOut, BARS, costs=Costs(commission=lambda price, quantity: 1.0)).to_parquet(tmp_path / "r")
        with pytest.raises(SettingsError, match="run again, and stress what run returns"):
            stress(Result.load(tmp_path / "r"), strategy=InAndOut)

    def test_pickling_leaves_the_strategy_out(self, result):
        import pickle

        assert pickle.loads(pickle.dumps(run(Trend, BARS)))._origin is None

    def test_arrays_that_were_handed_over_are_not_written_into(self):
        class Table(Strategy):
            table: object = None

            def prepare(self, bars):
                self.table = constant(np.asarray(self.table) * 2.0)

            def on_bar(self, ctx):
                if ctx.t == 2:
                    ctx.order(0, self.table[0])

        found = stress(run(Table(table=np.ones(3)), BARS), scenarios=["delay"], metric="total_return")
        assert (found.table["error"] == "").all()


class TestBadInput:
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ({"metric": "shape"}, r"no metric 'shape'; did you mean 'sharpe'"),
            ({"metric": "max_drawdown"}, r"no value means that the edge is gone"),
            ({"scenarios": ["delays"]}, r"no scenario 'delays'; did you mean 'delay'"),
            ({"scenarios": []}, r"scenarios is empty"),
            ({"costs": (1, -1)}, r"costs has -1; it must be a number 0 or more"),
            ({"costs": (1, float("nan"))}, r"costs has nan"),
            ({"costs": 2}, r"costs is 2; it is a list"),
            ({"delays": (1.5,)}, r"delays is 1.5; it must be a whole number"),
            ({"delays": (1, 1)}, r"with a value twice"),
            ({"missing": (0.0,)}, r"missing has 0.0; it must be a number above 0 and below 1"),
            ({"jitter": 0.7}, r"jitter has 0.7"),
            ({"starts": (0,)}, r"starts is 0; it must be a whole number, 1 or more"),
            ({"bootstraps": -1}, r"bootstraps is -1"),
            ({"draws": 0}, r"draws is 0"),
            ({"seed": True}, r"seed is True"),
            ({"executor": "thread"}, r"did you mean 'threads'"),
            ({"strategy": 3}, r"strategy= must be a Strategy or its class"),
        ],
    )
    def test_says_what_is_wrong(self, result, said, words):
        with pytest.raises((SettingsError, StrategyError), match=words):
            stress(result, **said)

    def test_anything_but_a_result_is_refused(self):
        with pytest.raises(SettingsError, match="must be what run returned, found int"):
            stress(3)

        class Many:
            def run_best(self):
                return None

        with pytest.raises(SettingsError, match=r"stress\(found.run_best\(\)\)"):
            stress(Many())

    def test_one_bar_is_not_enough(self):
        result = run(InAndOut, BARS[:2])
        object.__setattr__(result, "bars", BARS[:1])
        with pytest.raises(SettingsError, match="the run has 1 bar; not enough data"):
            stress(result)

    def test_a_run_that_was_given_up_is_stressed_as_far_as_it_came(self):
        part = prepare_run(Trend(), BARS, costs=COSTS)
        part.prepare()
        part.advance(150)
        found = stress(part.finish(), scenarios=["delay"], delays=(2,))
        same(found.table.iloc[1], run(Trend, BARS[:150], costs=COSTS, execution=Execution(latency_bars=2)))

    def test_nothing_traded_is_said(self):
        found = stress(run(Idle, BARS), bootstraps=2, simulations=2, draws=1)
        assert found.sentence == "The run has no fills, so that there is no edge to stress."
        assert not found.summary["survives"].fillna(False).any()
        assert "luck" in str(found)
        assert "nan to nan" not in str(found)
        assert str(found).count("undefined in all") == len(KINDS) - 1  # a run without costs has none to multiply
        found.plot()

    def test_what_never_had_an_edge_has_lost_none(self):
        found = stress(run(Idle, BARS), bootstraps=2, simulations=2, draws=1, metric="total_return")
        assert "lost" not in str(found)
        assert "no edge in 5 of 5" in str(found)  # each of the five delays comes to a return of 0

    @pytest.mark.parametrize(
        ("kind", "n", "lost", "failed", "wanted"),
        [
            ("jitter", 8, 0, 3, None),  # 0 of 8, and 3 of which nothing is known
            ("jitter", 8, 1, 3, False),
            ("jitter", 11, 0, 0, True),
            ("bootstrap", 97, 2, 3, True),  # 5 of 100 at the worst
            ("bootstrap", 97, 3, 3, None),  # between 3 and 6 of 100
            ("bootstrap", 97, 6, 3, False),
        ],
    )
    def test_what_raised_is_not_called_survived(self, found, kind, n, lost, failed, wanted):
        assert found._edge.holds(found.base)
        assert found._survives(kind, n, lost, math.nan, failed) is wanted

    @pytest.mark.parametrize(
        ("n", "as_good", "failed", "wanted"),
        [
            (39, 0, 0, True),  # p = 1/40
            (39, 0, 1, True),  # 2/41 at the worst
            (39, 0, 2, None),  # 1/42 to 3/42
            (39, 2, 0, False),  # 3/40
            (18, 0, 0, None),  # 1/19: too few
        ],
    )
    def test_luck_that_raised_may_have_been_as_good(self, found, n, as_good, failed, wanted):
        assert found._survives("luck", n, 0, (1 + as_good) / (1 + n), failed) is wanted

    def test_the_sentence_names_what_could_not_be_run(self):
        rise = run(Trend, ladder(100.0 * 1.01 ** np.arange(200)))
        said = stress(rise, scenarios=["jitter"], metric="total_return")
        assert said.summary.loc["jitter", ["scenarios", "failed", "lost"]].tolist() == [12, 2, 0]
        assert said.sentence == "What could not be run leaves open: parameters (2 of 12 raised)."

    def test_a_prepare_that_differs_from_call_to_call_is_refused(self):
        counter = iter(range(100))

        class Moody(Strategy):
            def prepare(self, bars):
                self.quantity = float(1 + next(counter))

            def on_bar(self, ctx):
                if ctx.t == 2:
                    ctx.order(0, self.quantity)

        with pytest.raises(ResultError, match="a prepare that gives the same each time"):
            stress(run(Moody, BARS))

    def test_too_few_bars_for_blocks_is_a_row_that_says_so(self):
        found = stress(run(InAndOut(sell=4), noise(8)), metric="total_return", draws=1)
        notes = found.table.set_index("kind")["note"]
        assert "least that blocks can be made of" in notes["bootstrap"]
        assert "least that blocks can be made of" in notes["luck"]

    @pytest.mark.parametrize("held", [BARS.close, BARS, BARS.frame("close")], ids=["array", "bars", "frame"])
    def test_values_of_the_bars_themselves_are_not_bootstrapped(self, held):
        class Holds(Strategy):
            values: object = None

            def on_bar(self, ctx):
                if ctx.t == 2:
                    ctx.order(0, 1.0)

        strategy = Holds(values=held)
        result = run(strategy, BARS, mode="interpreted" if held is not BARS.close else "auto")
        found = stress(result, scenarios=["bootstrap", "luck"], bootstraps=1, simulations=1)
        assert found.table["error"].tolist() == ["", "", ""]
        assert found.table["note"][1].startswith("values holds values of these very bars")
        assert found.table["note"][2] == ""

    def test_what_a_strategy_holds_beside_its_parameters_stays(self):
        class Holds(Strategy):
            length: int = 5

            def __init__(self, **parameters):
                super().__init__(**parameters)
                self.quantity = 1.0

            def on_bar(self, ctx):
                if ctx.t == self.length:
                    ctx.order(0, self.quantity)

        strategy = Holds()
        strategy.quantity = 7.0
        found = stress(run(strategy, BARS), scenarios=["jitter"], metric="total_return")
        other = Holds(length=6)
        other.quantity = 7.0
        same(found.table.iloc[2], run(other, BARS))

    def test_a_shift_beyond_the_data_is_a_row_with_its_error(self, result):
        found = stress(result, scenarios=["start"], starts=(1, 1000))
        assert "has no bar" in found.table["error"][2]

    def test_the_breaking_point_of_what_has_no_scale_is_refused(self, found):
        with pytest.raises(SettingsError, match="no scale from little to much"):
            found.breaking_point("luck")
        with pytest.raises(SettingsError, match="did you mean 'delay'"):
            found.breaking_point("delays")


class TestWordsAndPictures:
    def test_the_figure_has_a_chart_for_each_kind(self, found):
        figure = found.plot()
        titles = [one.text for one in figure.layout.annotations]
        assert len(titles) == len(KINDS)
        assert figure.layout.title.text.startswith("Where the edge of Trend(length=8, share=0.5) dies")

    def test_json_is_json_and_has_every_row(self, found):
        content = json.loads(found.to_json())
        assert len(content["table"]) == len(found.table)
        assert content["sentence"] == found.sentence
        assert content["table"][0]["kind"] == "base"

    def test_the_spread_of_a_kind_is_that_of_its_rows(self, found):
        values = rows_of(found, "bootstrap")["total_return"].to_numpy()
        row = found.summary.loc["bootstrap"]
        assert [row["worst"], row["median"], row["best"]] == [values.min(), np.median(values), values.max()]
        assert row["quantile_05"] == pytest.approx(np.sort(values)[0] * 0.75 + np.sort(values)[1] * 0.25, rel=1e-12)
        assert row["lost"] == (values <= 0.0).sum()

    def test_a_line_for_each_kind(self, found):
        text = str(found)
        for word in ("costs", "delay", "same-bar rule", "missing bars", "parameters", "luck alone"):
            assert word in text
        assert "first error, length 8 → 6" in text
        assert found.sentence.split()[0] in found._repr_html_()


class TestInterruption:
    def test_ctrl_c_keeps_what_ran(self):
        import signal

        class Pressed(Strategy):
            limit: float = 1.0

            def prepare(self, bars):
                calls.append(1)
                if len(calls) == 5:
                    signal.raise_signal(signal.SIGINT)

            def on_bar(self, ctx):
                if ctx.t == 2:
                    ctx.order(0, self.limit)

        calls: list[int] = []
        result = run(Pressed, BARS)
        found = stress(result, scenarios=["delay", "start"], workers=1, metric="total_return")
        assert found.interrupted
        assert found.table["level"].tolist() == [0, 0, 1]  # the run, and two delays; the third was given up
        assert "interrupted" in str(found)


def test_its_page_says_what_was_stressed_on_what(found):
    page = document_of(found)["pages"][0]
    assert page["title"] == f"Stress test of {found.strategy}"
    assert page["facts"][-1] == f"{len(found.table) - 1} scenarios"
    assert page["facts"][2].startswith("300 bars")
    kinds = page["sections"][0]["items"][2]["columns"][0]
    assert "same-bar rule" in kinds
    assert "same_bar" not in kinds
