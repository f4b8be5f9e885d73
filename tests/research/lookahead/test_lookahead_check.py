"""The look-ahead check itself: its futures, cuts and tracks, its report, and what it says of bad input."""

from __future__ import annotations

import json

import gymnasium
import numpy as np
import pytest
import scipy.signal
from planted_functions import next_return
from planted_market import market
from planted_strategies import OneCandle, ShiftedClose, WholeCopy

import envs  # noqa: F401, it enters the ids
import strategies
from backtester import Bars, Strategy, check_lookahead
from backtester.errors import LookAheadError, SettingsError
from backtester.research.lookahead.cuts import after_decisions, choose_cuts
from backtester.research.lookahead.futures import WORLDS, deleted, lowered, raised, standing_still
from backtester.research.lookahead.tracks import Track, moved
from backtester.signals import Features, Function, Scaler, Signal
from backtester.trials.mark import mark

BARS = market()
WHOLE = market(gaps=False)
ROW = 40


class TestFutures:
    @pytest.mark.parametrize("change", [raised, lowered])
    def test_a_replaced_future_is_one_of_legal_bars_with_the_same_past(self, change):
        other = change(BARS, ROW, 7)
        columns = ("open", "high", "low", "close", "volume")
        for name in (*columns, *BARS.extras):
            assert other[name][:ROW].tobytes() == BARS[name][:ROW].tobytes()
        later = [other[name] for name in columns]
        checked = Bars.from_arrays(other.timestamps, *later, symbols=list(other.symbols))  # refuses a bad bar
        assert checked.n_bars == BARS.n_bars
        assert (other.timestamps == BARS.timestamps).all()
        assert (other["earnings"][ROW:] != BARS["earnings"][ROW:]).mean() > 0.9

    def test_one_future_is_higher_and_one_lower_than_all_that_was(self):
        assert (raised(BARS, ROW, 7).low[ROW:] > BARS.high[ROW:]).all()
        assert raised(BARS, ROW, 7).close[ROW, 0] > BARS.close[ROW - 1, 0]
        assert lowered(BARS, ROW, 7).close[ROW, 0] < BARS.close[ROW - 1, 0]

    def test_one_of_them_turns_every_bar_upside_down(self):
        other = lowered(BARS, ROW, 7)
        rose = BARS.close[ROW:] > BARS.open[ROW:]
        assert (rose == (other.close[ROW:] < other.open[ROW:])).all()
        assert np.allclose(other.open / other.close, BARS.close / BARS.open, equal_nan=True) is False
        np.testing.assert_allclose((other.open / other.close)[ROW:], (BARS.close / BARS.open)[ROW:])

    def test_prices_below_zero_are_mirrored_by_difference(self):
        close = np.array([[2.0], [-1.0], [1.0], [-2.0]])
        bars = Bars.from_arrays(BARS.timestamps[:4], close, close + 1.0, close - 1.0, close, allow_negative=True)
        other = lowered(bars, 2, 0)
        assert (other.high >= np.maximum(other.open, other.close)).all()
        assert (other.low <= np.minimum(other.open, other.close)).all()
        # mirrored at −1: 1 becomes −3, −2 becomes 0
        assert other.close[2, 0] < -0.5
        assert other.close[3, 0] == 0.0

    def test_missing_bars_stay_missing(self):
        for change in (raised, lowered):
            assert (np.isnan(change(BARS, 2, 0).close) == np.isnan(BARS.close)).all()

    def test_deleted_bars_leave_the_calendar_as_it_was_known(self):
        day = market(hours=6)
        part = deleted(day, 6).market
        assert part.session_ends.tolist() == day.market.session_ends[:6].tolist() == [0, 0, 0, 1, 0, 0]
        assert part.calendar.tolist() == day.market.calendar[:6].tolist()

    def test_prices_that_stand_still(self):
        still = standing_still(BARS, ROW)
        for name in ("open", "high", "low", "close"):
            assert (still[name][ROW + 1 :] == BARS.close[ROW]).all()

    @pytest.mark.parametrize(
        ("world", "leak"),
        [
            ("raised", lambda bars: bars.close[:, 0] / bars.close[:, 0].max()),  # the falling one begins at its highest
            ("lowered", lambda bars: bars.close[:, 1] / bars.close[:, 1].min()),  # the rising one at its lowest
            ("deleted", lambda bars: np.arange(bars.n_bars) > bars.n_bars - 5),
        ],
    )
    def test_each_world_shows_what_the_others_do_not(self, world, leak, monkeypatch):
        close = np.stack([np.linspace(90.0, 50.0, 40), np.linspace(50.0, 90.0, 40)], axis=1)
        bars = Bars.from_arrays(BARS.timestamps[:40], close, close + 1.0, close - 1.0, close)
        assert not check_lookahead(leak, bars, cuts=(10, 20)).ok
        monkeypatch.delitem(WORLDS, world)
        assert check_lookahead(leak, bars, cuts=(10, 20)).ok


class TestTracks:
    def test_bits_are_compared_and_all_nan_are_alike(self):
        values = np.array([1.0, np.nan, 3.0])
        other = np.array([1.0, np.nan, np.nextafter(3.0, 4.0)])
        assert moved(Track("x", values), Track("x", other), 2) is None
        found = moved(Track("x", values), Track("x", other), 3)
        assert (found.bar, found.asset, found.before) == (2, -1, 3.0)
        assert moved(Track("x", values), Track("x", other), 3, 1e-9) is None

    def test_a_value_that_appears_has_moved(self):
        found = moved(Track("x", np.array([np.nan])), Track("x", np.array([1.0])), 1, 1e-9)
        assert found.bar == 0

    def test_rows_that_only_one_side_has(self):
        kind = np.dtype([("bar", np.int64), ("asset", np.int64)])
        rows = np.array([(1, 0), (4, 2)], kind)
        long, short = (Track("orders", part, part["bar"].copy(), asset="asset") for part in (rows, rows[:1]))
        assert moved(long, short, 4) is None
        for left, right in ((long, short), (short, long)):
            found = moved(left, right, 5)
            assert (found.bar, found.asset) == (4, 2)

    def test_what_is_known_later_is_compared_later(self):
        track = Track("label", np.array([1.0, 2.0]), np.array([3, 5]), np.array([0, 1]))
        other = Track("label", np.array([1.0, 9.0]), np.array([3, 5]), np.array([0, 1]))
        assert moved(track, other, 5) is None
        assert moved(track, other, 6).bar == 1


class TestCuts:
    def test_beginnings_ends_and_borders_are_among_them(self):
        cuts = choose_cuts(48, BARS, [20], 0, range(1, BARS.n_bars))
        assert {1, 2, 3, 21, 22, 23, 97, 98, 99} <= set(cuts)
        assert 26 in cuts  # the first bar of February
        assert len(cuts) == 48

    def test_the_same_seed_cuts_at_the_same_places(self):
        one, two, other = (choose_cuts(30, BARS, [5], seed, range(1, 100)) for seed in (1, 1, 2))
        assert one == two != other

    def test_a_few_are_spread_as_many_are(self):
        # the last row, the one after the latest beginning, the middle of 1 to 99, a border of months, a random one
        cuts = choose_cuts(5, BARS, [0, 20], 0, range(1, 100))
        assert len(cuts) == 5
        assert {99, 21, 50} < set(cuts)
        assert set(cuts) & {25, 26, 54, 55, 85, 86}  # around the first bars of February, March and April
        assert choose_cuts(1, BARS, [0, 20], 0, range(1, 100)) == [99]

    @pytest.mark.parametrize("count", [1, 2, 3, 6, 8, 12])
    def test_a_leak_in_a_part_of_the_data_is_found_with_few_of_them(self, count):
        def late(bars):
            """Return the next close, from bar 60 on: 39 of 100 rows know it."""
            shown = np.array(bars.close)
            shown[60:-1] = bars.close[61:]
            return shown

        features = Features(["log_return(1)", "log_return(5)", "zscore(20)", "rsi(14)", Function(late)])
        assert [one.name for one in check_lookahead(features, WHOLE, cuts=count).leaks] == ["feature late"]

    def test_every_bar(self):
        assert choose_cuts("all", BARS, [], 0, range(1, 100)) == list(range(1, 100))
        assert choose_cuts(1_000, BARS, [], 0, range(1, 100)) == list(range(1, 100))

    @pytest.mark.parametrize("wrong", [0, -3, 1.5, "none", True, [], [0], [100], ["a"]])
    def test_anything_else_is_refused(self, wrong):
        with pytest.raises(SettingsError, match="cuts"):
            choose_cuts(wrong, BARS, [], 0, range(1, 100))

    def test_decisions_are_followed_and_no_more_than_150_of_them(self):
        assert after_decisions([3, 7, 98, 99], [4], 100, 0) == [8, 99]
        many = after_decisions(range(1_000), [], 1_001, 0)
        assert len(many) == 150
        assert (many[0], many[-1]) == (1, 1_000)


class TestReport:
    def test_a_leak_is_told_and_raised(self):
        report = check_lookahead(ShiftedClose, BARS, cuts=(1, 50), mode="interpreted")
        first = report.leaks[0]
        assert "look-ahead: self.score, first at bar 0 (2020-01-07T00:00:00Z) of A; sees 1 bar ahead" in str(report)
        assert first.worlds == ("raised", "lowered")  # where bars are deleted there is no bar 0 to compare: one is left
        page = report._repr_html_()
        assert "self.score" in page
        assert "sees 1 bar ahead" in page
        json.dumps(report.to_dict(), allow_nan=False)
        with pytest.raises(LookAheadError, match=r"self\.score") as caught:
            report.raise_if_leaking()
        assert caught.value.report is report

    def test_rounding_is_told_as_such(self):
        def filtered(bars):
            """Return a moving average by way of a Fourier transform, which mixes the rounding of all bars."""
            return scipy.signal.fftconvolve(bars.close[:, 0], np.full(5, 0.2))[: bars.n_bars]

        (first,) = check_lookahead(filtered, BARS, cuts=(50,), startup=False).leaks
        assert "; that is rounding" in first.detail

    def test_a_clean_report_returns_itself(self):
        report = check_lookahead(strategies.BuyAndHold(), BARS, cuts=(1, 50))
        assert report.ok
        assert report.raise_if_leaking() is report
        assert str(report).startswith("BuyAndHold(): no look-ahead found (7 things compared at 2 cuts of 100 bars")

    def test_two_checks_say_the_same(self):
        one, two = (check_lookahead(WholeCopy, BARS[:30], cuts=5, seed=3, mode="interpreted") for _ in range(2))
        assert one == two

    def test_the_runs_are_marked_as_no_search_for_an_edge(self, monkeypatch):
        monkeypatch.delenv("PYTEST_CURRENT_TEST")  # in which runs have a mark already
        marks = []

        class Watching(strategies.BuyAndHold):
            def prepare(self, bars):
                marks.append(mark())
                super().prepare(bars)

        check_lookahead(Watching(), BARS, cuts=(1, 50))
        assert set(marks) == {"look-ahead"}
        assert mark() == ""

    def test_the_strategy_that_is_given_stays_as_it_is(self):
        given = ShiftedClose()
        check_lookahead(given, BARS, cuts=(50,), mode="interpreted")
        assert vars(given) == {}

    def test_a_leak_at_one_bar_is_found_where_every_bar_is_cut(self):
        class Silent(OneCandle):
            """Decides nothing at that bar: nothing says where to look."""

            def on_bar(self, ctx):
                pass

        def found(cuts):
            return check_lookahead(Silent, BARS[:75], cuts=cuts, startup=False, mode="interpreted").leaks

        assert found((30, 72)) == ()
        assert found("all")[0].bar == 67


class TestBeforeTheWarmUp:
    """`FittedOnTheFirst` knows bars 0 to 29: row 0 sees 29 bars ahead, and from bar 29 on all of them are there."""

    def test_rows_that_no_decision_can_have_read_are_told_and_not_accused(self):
        report = check_lookahead(FittedOnTheFirst(warmup=29), WHOLE, mode="interpreted")
        assert report.ok
        assert report.verdict.endswith("no look-ahead found")
        (found,) = report.findings
        assert (found.kind, found.name, found.bar) == ("before the warm-up", "self.score", 0)
        assert (found.bars_ahead, found.warmup, found.is_leak) == (29, 29, False)
        assert found.headline.endswith("of A; sees 29 bars ahead; clean from bar 29 on")
        assert "on_bar is first called at bar 29" in found.detail
        assert "No leak, so the check passes" in found.remedy
        json.dumps(report.to_dict(), allow_nan=False)

    @pytest.mark.parametrize("warmup", [0, 28])
    def test_without_a_warm_up_that_is_long_enough_they_are_a_leak_that_names_one(self, warmup):
        report = check_lookahead(FittedOnTheFirst(warmup=warmup), WHOLE, mode="interpreted")
        (found,) = report.leaks
        assert (found.kind, found.bar, found.bars_ahead, found.warmup) == ("look-ahead", 0, 29, 29)
        assert "NaN before bar 29, or warmup = 29" in found.remedy

    def test_nan_before_that_bar_is_as_good(self):
        assert check_lookahead(FittedOnTheFirst(hidden=29), WHOLE, mode="interpreted", startup=False).findings == ()

    @pytest.mark.parametrize("cuts", [3, (5, 20), 48])
    def test_a_leak_that_goes_on_after_the_warm_up_stays_one(self, cuts):
        patient = type("Patient", (ShiftedClose,), {"warmup": 40})
        report = check_lookahead(patient, WHOLE, cuts=cuts, mode="interpreted")
        (found,) = report.leaks
        assert (found.kind, found.bars_ahead, found.warmup) == ("look-ahead", 1, None)

    def test_a_strategy_that_reads_back_into_those_rows_is_caught(self):
        report = check_lookahead(ReadsBack, WHOLE, mode="interpreted")
        (found,) = report.leaks
        # row t knows bar t + 20 up to row 29, and is read at bar t + 5: rows 25 to 29 show bars 45 to 49 at 30 to 34
        assert (found.kind, found.name, found.bars_ahead) == ("look-ahead", "self.score", 20)
        assert "orders moved with it, first at bar 30" in found.detail


class TestMarkets:
    """`backtester/Trading-v0` on 100 bars of one asset: its first window of 8 log returns ends at bar 8."""

    BARS = WHOLE.select("A")

    def leaks(self, what):
        return [(one.name, one.bar) for one in check_lookahead(what, self.BARS, cuts=4, steps=40).leaks]

    def test_a_market_as_it_is_keeps_its_scaler_and_says_so(self):
        report = check_lookahead(trading(self.BARS), self.BARS, cuts=4, steps=40)
        assert report.ok
        (note,) = report.notes
        assert "its scaler was fitted beforehand and is kept in every world: what it knew is not tried" in note
        assert "check_lookahead(lambda bars: gymnasium.make('backtester/Trading-v0', bars=bars, …), bars)" in note
        assert f"note: {note}" in str(report)
        assert "scaler.centre" not in report.compared
        assert check_lookahead(trading(self.BARS, scaler="none"), self.BARS, cuts=4, steps=40).notes == ()

    def test_a_function_that_makes_it_lets_the_scaler_be_checked(self):
        assert self.leaks(trading) == [("scaler.centre", 8), ("scaler.scale", 8)]
        assert self.leaks(lambda bars: trading(bars, scaler="none")) == []

    def test_a_scaler_of_the_bars_before_those_that_are_traded_is_not_accused(self):
        def later(bars):
            columns = Features(["log_return(1)"])
            scaler = Scaler.fit(columns.compute(bars), end=50, names=columns.names)
            return trading(bars, scaler=scaler, start=51)

        assert self.leaks(later) == []

    def test_a_leaking_feature_is_told_by_name_apart_from_the_scaler(self):
        def told(bars):
            return trading(bars, features=["log_return(1)", Function(next_return)])

        assert self.leaks(told(self.BARS)) == [("feature next_return", 8)]
        assert self.leaks(told) == [("feature next_return", 8), ("scaler.centre", 8), ("scaler.scale", 8)]
        first = check_lookahead(told, self.BARS, cuts=4, steps=40).leaks[0]
        assert (first.bars_ahead, first.to_the_end) == (1, False)
        assert "the observation moved with it" in first.detail

    def test_rows_that_no_window_shows_are_no_leak(self):
        def shown(bars):
            """Return zeros, and the next close in the rows before bar 20."""
            rows = np.zeros(bars.close.shape)
            rows[:20] = bars.close[1:21] if bars.n_bars > 20 else 0.0
            return rows

        def made(start):
            return lambda bars: trading(bars, features=[Function(shown)], scaler="none", start=start)

        # windows of 8 rows: the first at bar 27 shows rows 20 to 27, the one at bar 26 row 19, which knows bar 20
        assert self.leaks(made(27)) == []
        assert check_lookahead(made(8), self.BARS, cuts=(10, 15), steps=40).leaks[0].name == "feature shown"


def trading(bars, **settings):
    return gymnasium.make("backtester/Trading-v0", bars=bars, **{"features": ["log_return(1)"], **settings})


class FittedOnTheFirst(Strategy):
    """Trades about the mean of the first 30 closes."""

    warmup: int = 0
    hidden: int = 0

    def prepare(self, bars):
        self.score = bars.close - bars.close[:30].mean(axis=0)
        self.score[: self.hidden] = np.nan

    def on_bar(self, ctx):
        ctx.order_target_percent(0, 0.5 if self.score[-1, 0] > 0.0 else 0.0)


class ReadsBack(Strategy):
    """Shows closes to come in the rows before its warm-up, and looks back at them."""

    warmup = 30

    def prepare(self, bars):
        self.score = np.zeros(bars.close.shape)
        shown = bars.close[20:50]
        self.score[: len(shown)] = shown

    def on_bar(self, ctx):
        if self.score[-6, 0] > 0.0:
            ctx.order_target_percent(0, 0.5 if self.score[-6, 0] > ctx.close[-1, 0] else 0.1)


class TestBadInput:
    def test_what_cannot_be_checked_is_refused_with_what_can(self):
        with pytest.raises(SettingsError, match="a Strategy, Features, a Label"):
            check_lookahead(3.0, BARS)
        with pytest.raises(SettingsError, match=r"check the function that makes it: .*predict_out_of_sample"):
            check_lookahead(Signal.of(BARS.close * 0.0, market(gaps=False)), BARS)
        with pytest.raises(SettingsError, match="one row per bar"):
            check_lookahead(lambda bars: bars.close[3:], BARS)
        with pytest.raises(SettingsError, match=r"known=…"):
            check_lookahead(lambda bars: 1.0, BARS)

    def test_settings_are_checked(self):
        with pytest.raises(SettingsError, match="no setting 'cahs'; did you mean 'cash'"):
            check_lookahead(ShiftedClose, BARS, cahs=1.0)
        with pytest.raises(SettingsError, match="features has no setting 'cash'"):
            check_lookahead(Features(["log_return"]), BARS, cash=1.0)
        with pytest.raises(SettingsError, match="a model needs label="):
            check_lookahead("ridge", BARS, features=["log_return"])
        with pytest.raises(SettingsError, match=r"seed is 0\.5"):
            check_lookahead(ShiftedClose, BARS, seed=0.5)
        with pytest.raises(SettingsError, match="seed is -1; it must be a whole number, 0 or more"):
            check_lookahead(ShiftedClose, BARS, seed=-1)
        with pytest.raises(SettingsError, match="steps is 1; it must be a whole number, 2 or more"):
            check_lookahead(ShiftedClose, BARS, steps=1)

    def test_too_few_bars(self):
        with pytest.raises(SettingsError, match="3 bars cannot be cut; give it 4 or more"):
            check_lookahead(strategies.BuyAndHold(), BARS[:3])
        with pytest.raises(SettingsError, match="second argument must be Bars"):
            check_lookahead(strategies.BuyAndHold())

    def test_a_strategy_that_raises_on_other_prices_is_told_and_not_accused(self):
        class Picky(Strategy):
            def prepare(self, bars):
                if bars.close[:, 0].max() > 150.0:
                    raise ValueError("no such prices here")

        report = check_lookahead(Picky, BARS, cuts=(10, 50))
        assert report.ok
        (note,) = report.notes
        assert (
            note
            == "where later bars were others, 2 of 2 cuts could not be tried (10, 50): ValueError: no such prices here"
        )

    def test_what_would_raise_after_the_cut_is_not_reached(self):
        class Nervous(Strategy):
            def on_bar(self, ctx):
                if ctx.close[-1, 0] > 150.0:
                    raise ValueError("too high")

        def at(cuts):
            return check_lookahead(Nervous, BARS, cuts=cuts, mode="interpreted")

        assert at((10, 50)).ok  # what is decided before the cut does not see them
        assert at((10, 50)).notes == ()

    def test_nothing_that_could_be_tried_is_no_clean_bill(self):
        class Once(Strategy):
            def prepare(self, bars):
                if bars is not BARS:
                    raise RuntimeError("these bars alone")

        with pytest.raises(SettingsError, match="nothing was tried: RuntimeError: these bars alone"):
            check_lookahead(Once, BARS, cuts=(10, 50))

    def test_an_error_on_the_bars_as_they_are_is_the_users_own(self):
        class Broken(Strategy):
            def prepare(self, bars):
                raise KeyError("vix")

        with pytest.raises(KeyError, match="vix"):
            check_lookahead(Broken, BARS)

    def test_an_environment_needs_a_factory_and_a_bar(self):
        from planted_functions import Market

        with pytest.raises(SettingsError, match=r"give a function that makes it: .*MyEnv"):
            check_lookahead(Market(BARS), BARS)

        class Silent(Market):
            def reset(self, **options):
                observation, _ = super().reset(**options)
                return observation, {}

        with pytest.raises(SettingsError, match=r"info\['bar'\]"):
            check_lookahead(Silent, BARS)
        report = check_lookahead(Silent, BARS, bar=lambda env, info: env.t, cuts=(30, 60))
        assert report.ok
        assert report.notes == ("info has no equity: whether an action is paid for what it has seen was not tried",)

    def test_values_from_elsewhere_are_noted(self):
        from backtester.signals import External

        tip = External(np.arange(100.0), "tip", BARS.timestamps)
        report = check_lookahead(Features(["log_return", tip]), BARS, cuts=(50,))
        assert report.ok
        assert report.notes[0].startswith("tip: values from elsewhere, which no other bars change")

    def test_a_signal_made_beforehand_is_noted(self):
        from strategies.model import ModelStrategy

        whole = market(gaps=False)
        report = check_lookahead(ModelStrategy(signal=Signal.of(whole.close - 50.0, whole)), whole, cuts=(50,))
        assert report.ok
        assert "signal is a Signal, numbers that were made beforehand" in report.notes[0]

    def test_an_array_in_a_parameter_is_cut_with_the_bars_and_noted(self):
        report = check_lookahead(Told(tips=np.sin(np.arange(BARS.n_bars))), BARS, cuts=(30, 50))
        assert report.ok
        assert "tips has a row per bar, numbers that were made beforehand" in report.notes[0]

    def test_a_global_with_rows_of_its_own_is_noted(self):
        report = check_lookahead(Knowing, BARS, cuts=(30, 50))
        assert report.ok
        assert "TIPS, which the code reads and prepare is not given, holds numbers" in report.notes[0]


TIPS = np.sin(np.arange(BARS.n_bars))


class Told(Strategy):
    """Follows numbers that it was given."""

    tips: np.ndarray

    def on_bar(self, ctx):
        ctx.order_target_percent(0, 0.5 if self.tips[-1] > 0 else 0.0)


class Knowing(Strategy):
    """Follows numbers that lie about."""

    def on_bar(self, ctx):
        ctx.order_target_percent(0, 0.5 if TIPS[ctx.t] > 0 else 0.0)
