"""The checks find a planted leak of each kind, name it, and let what is honest pass."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from backtester import Bars
from backtester.errors import FeatureError, LabelError, ModelError, SettingsError, SplitError
from backtester.signals import (
    Cleaning,
    External,
    Features,
    Fold,
    Function,
    Label,
    PurgedKFold,
    Search,
    Select,
    WalkForward,
    check_label_ends,
    check_pipeline,
    forward_return,
    predict_out_of_sample,
    triple_barrier,
)
from backtester.signals.checks import other_future

DAY = 86_400_000_000_000
SCHEME = WalkForward(60, 20)


def random_bars(n_bars=160, n_assets=2, seed=5, extras=None):
    """Return daily bars of random walks."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    volume = rng.uniform(1e5, 1e6, close.shape)
    stamps = DAY * np.arange(1, n_bars + 1)
    return Bars.from_arrays(stamps, open_, high, low, close, volume, extras=extras)


def honest():
    return Features(["log_return(1)", "log_return(5)", "zscore(10)"])


def whole_series(bars):
    """The close, standardised by the mean and deviation of the whole series."""
    return (bars.close - bars.close.mean(axis=0)) / bars.close.std(axis=0)


def hasty(bars, horizon=5):
    """Return the returns over 5 bars, said to end after 1."""
    ahead = forward_return(bars, horizon)
    end = np.where(ahead.exists, np.minimum(ahead.start + 1, bars.n_bars - 1), -1)
    return Label.from_arrays(bars, ahead.values, end, name="hasty")


def above_the_median(bars):
    """Return whether the next return is above the median of all, said to end a bar later."""
    ahead = forward_return(bars, 1)
    above = np.where(ahead.exists, ahead.values > np.nanmedian(ahead.values), np.nan)
    return Label.from_arrays(bars, above, ahead.end, name="above the median", kind="class")


class TestOtherFuture:
    def test_the_past_stays_and_every_later_price_and_volume_is_another(self):
        bars = random_bars(extras={"mood": np.arange(320.0).reshape(160, 2)})
        other = other_future(bars, 100)
        for name in ("open", "high", "low", "close", "volume", "mood"):
            assert np.array_equal(bars[name][:100], other[name][:100])
        for name in ("open", "high", "low", "close", "volume"):
            assert (bars[name][100:] != other[name][100:]).all()
        assert sorted(other["mood"][100:, 0]) == bars["mood"][100:, 0].tolist()
        assert (bars["mood"][100:] != other["mood"][100:]).any()
        assert (other.low <= other.close).all()
        assert (other.close <= other.high).all()

    @pytest.mark.parametrize("row", [0, 160, -1, 2.5, True])
    def test_a_row_that_is_none(self, row):
        with pytest.raises(SettingsError, match="a row from 1 to 159"):
            other_future(random_bars(), row)


class TestLabelEnds:
    @pytest.mark.parametrize(
        "label",
        [lambda bars: forward_return(bars, 5, entry="next_open"), lambda bars: triple_barrier(bars, 0.03, 0.03, 8)],
    )
    def test_a_label_that_reads_what_it_says_passes(self, label):
        check_label_ends(label(random_bars()), random_bars())
        check_label_ends(label, random_bars())

    def test_a_label_that_reads_beyond_its_end_is_named(self):
        with pytest.raises(LabelError, match=r"label 'hasty' of .* at bar \d+ .* ends at bar \d+, and reads more"):
            check_label_ends(hasty, random_bars())

    def test_one_bar_too_few_is_found(self):
        def nearly(bars):
            ahead = forward_return(bars, 5)
            return Label.from_arrays(bars, ahead.values, np.where(ahead.exists, ahead.end - 1, -1), name="nearly")

        with pytest.raises(LabelError, match="label 'nearly'"):
            check_label_ends(nearly, random_bars(), cuts=1)

    def test_the_median_of_all_is_in_every_label(self):
        with pytest.raises(LabelError, match=r"label 'above the median'.*reads more"):
            check_label_ends(above_the_median, random_bars())

    def test_what_is_known_at_its_bar_is_no_label(self):
        def close_now(bars):
            rows = np.arange(bars.n_bars)[:, np.newaxis]
            return Label.from_arrays(bars, bars.close, rows, name="the close")

        with pytest.raises(
            LabelError, match=r"label 'the close' .* is known at that bar, as all 320 are: there is nothing"
        ):
            check_label_ends(close_now, random_bars())

    def test_a_label_of_arrays_must_come_with_its_function(self):
        with pytest.raises(LabelError, match=r"'hasty' was made of arrays.*pass the function that makes it"):
            check_label_ends(hasty(random_bars()), random_bars())

    def test_a_function_that_makes_no_label(self):
        with pytest.raises(LabelError, match="returned ndarray, not a Label"):
            check_label_ends(lambda bars: bars.close, random_bars())

    @pytest.mark.parametrize("cuts", [0, -1, 1.5, True])
    def test_no_place_to_cut_at(self, cuts):
        with pytest.raises(SettingsError, match="cuts is"):
            check_label_ends(forward_return(random_bars(), 1), random_bars(), cuts=cuts)


class BatchScaler(Ridge):
    """Scales what it is asked about by its own mean and deviation."""

    def predict(self, X):
        return super().predict((X - X.mean(axis=0)) / X.std(axis=0))


class Careless(Ridge):
    """Draws from a generator that nobody seeds for it."""

    generator = np.random.default_rng(1)

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.intercept_ += self.generator.normal()
        return self


class Seer(Ridge):
    """Its fit reads the whole market from elsewhere."""

    market = None

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.intercept_ = float(type(self).market.mean())
        return self


class Restless(WalkForward):
    """Leaves out bars of every test, as many as the number of all bars says."""

    def folds(self, start, end, n_bars):
        shift = n_bars % 3
        return [Fold(f.number, f.test[shift:], f.train) for f in super().folds(start, end, n_bars)]


class Unpurged(WalkForward):
    """Trains on all samples before the test, whatever their labels read."""

    def folds(self, start, end, n_bars):
        found = super().folds(start, end, n_bars)
        return [Fold(f.number, f.test, (end >= 0) & (start < f.test[0])) for f in found]


class TestPipeline:
    def test_an_honest_pipeline_passes(self):
        everything = {
            "clean": Cleaning(winsorise=0.01),
            "select": Select("l1", 2),
            "search": Search({"alpha": [1.0, 100.0]}),
            "weights": "uniqueness",
        }
        check_pipeline(Ridge(), honest(), lambda bars: forward_return(bars, 3), random_bars(), SCHEME, **everything)

    def test_a_feature_that_knows_the_whole_series_is_named(self):
        features = Features(["log_return(1)", Function(whole_series)])
        with pytest.raises(FeatureError, match="feature 'whole_series' looks ahead"):
            check_pipeline(Ridge(), features, forward_return(random_bars(), 3), random_bars(), SCHEME)

    def test_a_label_that_reads_beyond_its_end_is_named(self):
        with pytest.raises(LabelError, match="label 'hasty'"):
            check_pipeline(Ridge(), honest(), hasty, random_bars(), SCHEME)

    def test_the_label_as_a_feature_is_named(self):
        bars = random_bars()
        answer = forward_return(bars, 3)
        given = External(np.nan_to_num(answer.values), "tip", bars.timestamps)
        with pytest.raises(FeatureError, match=r"feature 'tip' is the label in disguise.*1\.0000"):
            check_pipeline(Ridge(), Features(["log_return(1)", given]), answer, bars, SCHEME)

    def test_a_fold_that_trains_on_what_it_tests_is_named(self):
        wanted = r"fold 0 tests bar \d+, and trains on the label forward_return\(3\)"
        with pytest.raises(SplitError, match=wanted):
            check_pipeline(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), Unpurged(60, 20))
        with pytest.raises(SplitError, match=wanted):
            predict_out_of_sample(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), Unpurged(60, 20))

    def test_a_splitter_that_knows_no_spans_is_refused(self):
        with pytest.raises(SplitError, match=r"KFold\(.*is no scheme.*take WalkForward"):
            predict_out_of_sample(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), KFold(5))

    def test_folds_that_depend_on_later_bars_are_named(self):
        with pytest.raises(SplitError, match="folds depend on what is later"):
            check_pipeline(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), Restless(60, 20), cuts=4)

    def test_a_model_that_scales_what_it_is_asked_by_itself_is_named(self):
        with pytest.raises(
            ModelError, match=r"BatchScaler knows its future.*What moved first: the model as it predicts"
        ):
            check_pipeline(BatchScaler(), honest(), forward_return(random_bars(), 3), random_bars(), SCHEME)

    def test_a_model_whose_fit_reads_more_is_named(self):
        bars = random_bars()

        def label(part):
            Seer.market = part.close  # computed before each fit, as a global of a notebook is
            return forward_return(part, 3)

        with pytest.raises(ModelError, match=r"Seer knows its future.*What moved first: the model as it is fitted"):
            check_pipeline(Seer(), honest(), label, bars, SCHEME)

    def test_a_model_that_is_never_the_same_is_told_apart(self):
        with pytest.raises(ModelError, match=r"says something else each time.*random_state"):
            check_pipeline(Careless(), honest(), forward_return(random_bars(), 3), random_bars(), SCHEME)

    def test_a_scheme_that_trains_on_the_future_is_refused(self):
        with pytest.raises(SettingsError, match=r"PurgedKFold.*trains on what comes after its tests.*WalkForward"):
            check_pipeline(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), PurgedKFold(4))

    @pytest.mark.parametrize("setting", [{"cuts": 0}, {"cuts": True}, {"rtol": -1.0}, {"rtol": 1.0}])
    def test_settings_out_of_range(self, setting):
        with pytest.raises(SettingsError, match=next(iter(setting))):
            check_pipeline(Ridge(), honest(), forward_return(random_bars(), 3), random_bars(), SCHEME, **setting)
