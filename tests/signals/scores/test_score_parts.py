"""Which samples are scored, in which parts, and what the reader is told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from score_cases import DAY, START, ar1_bars, daily_bars, label_of, random_predictions, signal_of
from sklearn.linear_model import LogisticRegression, Ridge

from backtester.errors import ModelError
from backtester.signals import (
    CombinatorialPurgedCV,
    Label,
    PurgedKFold,
    Signal,
    WalkForward,
    fit,
    forward_return,
    predict_out_of_sample,
)
from backtester.signals.scores import volatility_regime
from backtester.signals.scores.scored import scored


def six_bars():
    return daily_bars([100.0, 101.0, 102.0, 101.0, 103.0, 104.0])


class TestSamples:
    def test_only_rows_with_a_value_and_a_label_count(self):
        bars = six_bars()
        label = label_of(bars, [1.0, 2.0, np.nan, 4.0, 5.0, 6.0])
        samples = scored(signal_of(bars, [np.nan, 9.0, 9.0, np.nan, 9.0, 9.0], label, [(1, 5)]))
        assert samples.row.tolist() == [1, 4, 5]
        # tested rows with a label are 1, 3, 4 and 5; row 3 has no value
        assert signal_of(bars, [np.nan, 9.0, 9.0, np.nan, 9.0, 8.0], label, [(1, 5)]).metrics().coverage == 0.75

    def test_a_fold_that_says_nothing_lowers_the_coverage(self):
        bars = six_bars()
        signal = signal_of(
            bars, [9.0, 8.0, 7.0, np.nan, np.nan, np.nan], label_of(bars, np.arange(6.0)), [(0, 2), (3, 5)]
        )
        found = signal.metrics()
        assert found.coverage == 0.5
        assert found.by_fold["coverage"].tolist() == [1.0, 0.0]
        assert found.by_fold["n"].tolist() == [3, 0]
        assert math.isnan(found.by_fold["mse"].iloc[1])

    def test_rows_a_model_was_fitted_on_are_left_out(self):
        bars = ar1_bars(400, 2)
        label = forward_return(bars, 3)
        fitted = fit(Ridge(), ["log_return(1)"], label, bars, rows=slice(0, 300))
        found = fitted.predict(bars, in_sample=True).metrics(label)
        # trained until bar 299, so that bars 300 to 396 are left, as the last three have no label
        assert found.n_samples == 2 * 97
        assert found.known_in_time
        assert any("left out: the model was fitted on their bars" in note for note in found.notes)
        same = fitted.predict(bars).metrics(label)
        assert same.overall.to_dict() == found.overall.to_dict()

    def test_a_signal_of_training_rows_alone_is_not_scored(self):
        bars = ar1_bars(400)
        label = forward_return(bars, 3)
        fitted = fit(Ridge(), ["log_return(1)"], label, bars)
        with pytest.raises(
            ModelError, match=r"nothing to score out of sample .* fitted on all bars up to .*396 of its"
        ):
            fitted.predict(bars, in_sample=True).metrics(label)

    def test_numbers_of_ones_own_are_taken_on_trust(self):
        bars = six_bars()
        found = Signal.of([1.0, 2.0, np.nan, 3.0, 4.0, 5.0], bars).metrics(label_of(bars, np.arange(6.0)))
        assert found.n_samples == 5
        assert len(found.by_fold) == 0
        assert any("taken on trust" in note for note in found.notes)

    def test_a_label_is_needed_and_must_fit(self):
        bars = six_bars()
        signal = Signal.of(np.arange(6.0), bars, "mine")
        with pytest.raises(ModelError, match=r"'mine' does not know what it was to predict"):
            signal.metrics()
        with pytest.raises(ModelError, match=r"label is 5; it is a Label"):
            signal.metrics(5)
        with pytest.raises(ModelError, match=r"of other times .*label\.of\(bars\)"):
            signal.metrics(label_of(bars[:5], np.arange(5.0)))
        with pytest.raises(ModelError, match=r"the bars are others"):
            signal.metrics(label_of(bars, np.arange(6.0)), bars=bars[:5])
        with pytest.raises(ModelError, match=r"no bar has both a value and a label"):
            signal.metrics(label_of(bars, np.full(6, np.nan)))

    @pytest.mark.parametrize("reach", [1, 5])
    def test_overlapping_labels_are_worth_less(self, reach):
        # of 100 labels that each read h bars, all but those at the ends share each bar with h; the bars that are read
        # are 100 + h − 1, and each gives 1/h of a sample to each label that reads it: Σ = (100 + h − 1)/h
        bars = ar1_bars(100 + reach)
        label = forward_return(bars, reach)
        found = Signal.of(np.sin(np.arange(bars.n_bars)), bars).metrics(label)
        assert found.n_samples == 100
        assert found.n_effective == pytest.approx((100 + reach - 1) / reach, rel=1e-12)
        assert any("Labels overlap" in note for note in found.notes) == (reach > 1)
        assert found.ic_statistics["lags"].max() == (0 if reach == 1 else 1)  # of months


class TestParts:
    def test_by_fold_year_and_baseline(self):
        bars = daily_bars(100.0 + np.random.default_rng(0).uniform(size=500))
        rng = np.random.default_rng(1)
        said, happened = rng.normal(size=500), rng.normal(size=500)
        means = (0.1, -0.2)
        found = signal_of(bars, said, label_of(bars, happened), [(0, 299), (300, 499)], means).metrics()
        # 2020 has 366 days, and the bar of its last day closes as 2021 begins
        assert found.by_year.index.tolist() == [2020, 2021]
        assert found.by_year["n"].tolist() == [366, 134]
        parts = {"by_year": (slice(0, 366), slice(366, 500)), "by_fold": (slice(0, 300), slice(300, 500))}
        for name, slices in parts.items():
            for (_, row), at in zip(getattr(found, name).iterrows(), slices, strict=True):
                assert row["mse"] == pytest.approx(np.mean((said[at] - happened[at]) ** 2), rel=1e-12)
        against = happened - np.where(np.arange(500) < 300, *means)
        wanted = 1.0 - np.sum((said - happened) ** 2) / np.sum(against**2)
        assert found.overall["r2_oos"] == pytest.approx(wanted, rel=1e-12)
        assert "r2_oos is against the mean of the training labels of each fold." in found.notes
        assert found.by_fold["first"].iloc[1].value == START + 301 * DAY
        assert found.by_fold["trained_until"].iloc[1].value == START + 301 * DAY - 1

    def test_the_pipeline_keeps_the_mean_and_the_first_bar_of_training(self):
        bars = ar1_bars(300, 2)
        label = forward_return(bars, 2)
        signal = predict_out_of_sample(Ridge(), ["log_return(1)"], label, bars, WalkForward(100, 60), workers=1)
        for record in signal.folds:
            first = np.searchsorted(bars.timestamps, record.trained_from)
            # features begin at bar 1; the window has 100 bars, and a label of two bars ends in it
            assert first == record.first - 100
            assert record.label_mean == pytest.approx(label.values[first : record.first - 2].mean(), rel=1e-12)

    def test_regimes_know_the_past_alone(self):
        bars = ar1_bars(400, 2, seed=3)
        found = volatility_regime(bars, 20, 60)
        later = daily_bars(np.concatenate((bars.close[:300], bars.close[300:] ** 1.05)))
        np.testing.assert_array_equal(volatility_regime(later, 20, 60)[:300], found[:300])
        assert (found[: 20 + 60 - 1] == -1).all()
        assert (found[20 + 60 - 1 :] >= 0).all()

    def test_regimes_are_thirds_of_the_rank(self):
        bars = ar1_bars(200, seed=4)
        moves = np.diff(np.log(bars.close[:, 0]))
        spread = np.full(200, np.nan)
        for t in range(5, 200):
            spread[t] = moves[t - 5 : t].std(ddof=1)
        found = volatility_regime(bars, 5, 9)[:, 0]
        for t in range(5 + 8, 200):
            place = int((spread[t - 8 : t + 1] <= spread[t]).sum())  # 1 to 9, without ties
            assert found[t] == (place - 1) // 3

    def test_by_regime(self):
        bars = ar1_bars(500, 2, seed=5)
        label = forward_return(bars, 1)
        signal = Signal.of(np.random.default_rng(0).normal(size=(500, 2)), bars)
        assert signal.metrics(label).by_regime is None
        found = signal.metrics(label, bars=bars).by_regime
        assert found.index.tolist() == ["low", "middle", "high"]
        where = (volatility_regime(bars) == 2) & np.isfinite(label.values)
        assert found.loc["high", "n"] == where.sum()
        assert found.loc["high", "ic"] == pytest.approx(
            np.corrcoef(signal.values[where], label.values[where])[0, 1], rel=1e-9
        )


class TestSchemes:
    def classes(self, bars):
        label = forward_return(bars, 2)
        values = np.where(label.exists, np.where(label.values > 0.0, 1.0, -1.0), np.nan)
        return Label.from_arrays(bars, values, label.end, name="up", kind="class")

    def test_k_fold_is_no_record(self):
        bars = ar1_bars(300, 2)
        signal = predict_out_of_sample(
            Ridge(), ["log_return(1)"], forward_return(bars, 1), bars, PurgedKFold(3), workers=1
        )
        found = signal.metrics()
        assert not found.known_in_time
        assert "Not known in time" in str(found)

    def test_combinatorial_tests_have_paths_and_count_every_fold_in_full(self):
        bars = ar1_bars(401, 2)
        label = self.classes(bars)
        scheme = CombinatorialPurgedCV(4, 2)
        signal = predict_out_of_sample(LogisticRegression(), ["log_return(1)"], label, bars, scheme, workers=1)
        found = signal.metrics()
        # bar 0 has no return, and the last two no label: 398 bars, each on each of the 3 paths
        assert found.n_samples == 2 * 398
        assert found.by_path["n"].tolist() == [796] * 3
        for k, path in enumerate(signal.paths):
            assert found.by_path["log_loss"].iloc[k] == path.metrics().overall["log_loss"]
        # 6 folds, each of two of the four groups of 100 bars (the last has 98 with a label)
        assert found.by_fold.index.tolist() == list(range(6))
        assert sorted(found.by_fold["n"].tolist()) == [396, 396, 396, 400, 400, 400]
        assert any("by_path has the 3 paths" in note for note in found.notes)

    def test_classes_are_scored_as_such(self):
        bars = ar1_bars(401, 1)
        label = self.classes(bars)
        signal = predict_out_of_sample(
            LogisticRegression(), ["log_return(1)"], label, bars, WalkForward(150, 50), workers=1
        )
        found = signal.metrics()
        rows = np.flatnonzero(signal.tested & label.exists[:, 0])
        chance = signal.probabilities[rows, 0, 1]
        assert found.overall["accuracy"] == np.mean((chance > 0.5) == (label.values[rows, 0] == 1.0))
        assert found.overall["brier"] == pytest.approx(
            np.mean((chance - (label.values[rows, 0] == 1.0)) ** 2), rel=1e-12
        )
        assert "r2_oos" not in found.overall
        assert "of class 1" in str(found)

    def test_against_a_label_of_returns_probabilities_do_not_count(self):
        bars = ar1_bars(401, 1)
        signal = predict_out_of_sample(
            LogisticRegression(), ["log_return(1)"], self.classes(bars), bars, WalkForward(150, 50), workers=1
        )
        found = signal.metrics(forward_return(bars, 2)).overall
        assert "log_loss" not in found
        assert found["hit_rate"] == pytest.approx(signal.metrics().overall["accuracy"], abs=0.02)  # but for zeros


class TestWords:
    def test_short_tests_are_mentioned(self):
        bars = ar1_bars(405)
        tests = [(k * 20, k * 20 + 19) for k in range(20)]
        notes = signal_of(bars, np.cos(np.arange(405.0)), forward_return(bars, 5), tests).metrics().notes
        assert any("within 20 bars the moves of a random walk over 5 bars" in one and "-0.25" in one for one in notes)
        long = signal_of(bars, np.cos(np.arange(405.0)), forward_return(bars, 5), [(0, 399)]).metrics().notes
        assert not any("Tests are short" in one for one in long)

    def test_json_and_text(self):
        bars = ar1_bars(500, 6)
        signal = signal_of(
            bars,
            np.random.default_rng(0).normal(size=(500, 6)),
            forward_return(bars, 5),
            [(0, 200), (201, 499)],
            name="a\nb",
        )
        found = signal.metrics(bars=bars)
        again = json.loads(json.dumps(found.as_dict(), allow_nan=False))
        assert again["overall"]["ic"] == found.overall["ic"]
        assert again["by_fold"]["1"]["n"] == int(found.by_fold["n"].iloc[1])
        text = str(found)
        assert all(len(line) <= 80 for line in text.splitlines())
        assert "2,970 samples" in text  # 495 bars of six assets
        assert "across assets, bar by bar" in text
        assert "a\ufffdb on forward_return(5)" in text.splitlines()[0]

    def test_many_folds_are_cut_in_the_middle(self):
        bars = ar1_bars(400)
        tests = [(k * 20, k * 20 + 19) for k in range(20)]
        text = str(signal_of(bars, np.cos(np.arange(400.0)), forward_return(bars, 1), tests).metrics())
        assert ".." in text
        assert "20 folds" in text


def test_parts_of_predictions_join_again():
    p = random_predictions((-1.0, 0.0, 1.0))
    again = type(p).joined([p.part(slice(0, 100)), p.part(slice(100, None))])
    np.testing.assert_array_equal(again.probabilities, p.probabilities)
    np.testing.assert_array_equal(again.values, p.values)
