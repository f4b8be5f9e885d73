"""Measures against scikit-learn, SciPy and arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as their
from score_cases import random_predictions

from backtester.errors import SettingsError
from backtester.signals.scores import MEASURES, Predictions, measure_named
from backtester.signals.scores.measures import measure_all, reliability


def value(name, p):
    return MEASURES[name].function(p)


class TestOfReturns:
    def test_errors_are_scikit_learns(self):
        p = random_predictions()
        assert value("mse", p) == pytest.approx(their.mean_squared_error(p.actual, p.values), rel=1e-12)
        assert value("rmse", p) == pytest.approx(their.root_mean_squared_error(p.actual, p.values), rel=1e-12)
        assert value("mae", p) == pytest.approx(their.mean_absolute_error(p.actual, p.values), rel=1e-12)

    def test_r2_is_against_the_baseline(self):
        # errors 1, 0 and −1: Σ = 2; against the baselines 0, 1 and 1 apart by 1, 1 and 2: Σ = 6
        p = Predictions(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]), baseline=np.array([0.0, 1.0, 1.0]))
        assert value("r2_oos", p) == pytest.approx(1.0 - 2.0 / 6.0, rel=1e-15)

    def test_r2_without_a_baseline_is_against_nothing(self):
        p = Predictions(np.array([0.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
        assert value("r2_oos", p) == pytest.approx(1.0 - 2.0 / 14.0, rel=1e-15)

    def test_r2_against_the_mean_of_the_test_itself_is_scikit_learns(self):
        p = random_predictions()
        q = Predictions(p.values, p.actual, baseline=np.full(len(p), p.actual.mean()))
        assert value("r2_oos", q) == pytest.approx(their.r2_score(p.actual, p.values), rel=1e-9)

    def test_correlations_are_scipys(self):
        p = random_predictions()
        assert value("ic", p) == pytest.approx(scipy.stats.pearsonr(p.values, p.actual).statistic, rel=1e-10)
        assert value("rank_ic", p) == pytest.approx(scipy.stats.spearmanr(p.values, p.actual).statistic, rel=1e-10)

    def test_hit_rate_leaves_zeros_out(self):
        # agree, differ, signal 0, label 0, agree: 2 of 3
        p = Predictions(np.array([1.0, 1.0, 0.0, 2.0, -3.0]), np.array([2.0, -1.0, 1.0, 0.0, -0.5]))
        assert value("hit_rate", p) == pytest.approx(2.0 / 3.0, rel=1e-15)


@pytest.mark.parametrize("classes", [(0.0, 1.0), (-1.0, 1.0), (-1.0, 0.0, 1.0)])
class TestOfClasses:
    def test_accuracies(self, classes):
        p = random_predictions(classes)
        assert value("accuracy", p) == pytest.approx(their.accuracy_score(p.happened, p.called), rel=1e-12)
        wanted = their.balanced_accuracy_score(p.happened, p.called)
        assert value("balanced_accuracy", p) == pytest.approx(wanted, rel=1e-12)

    def test_precision_recall_and_f1(self, classes):
        p = random_predictions(classes)
        average = "binary" if len(classes) == 2 else "macro"
        for name, function in (
            ("precision", their.precision_score),
            ("recall", their.recall_score),
            ("f1", their.f1_score),
        ):
            assert value(name, p) == pytest.approx(function(p.happened, p.called, average=average), rel=1e-12)

    def test_areas(self, classes):
        p = random_predictions(classes)
        said = p.probabilities[:, 1] if len(classes) == 2 else p.probabilities
        more = {} if len(classes) == 2 else {"multi_class": "ovr", "average": "macro"}
        assert value("roc_auc", p) == pytest.approx(their.roc_auc_score(p.happened, said, **more), rel=1e-12)
        one_hot = p.happened == 1 if len(classes) == 2 else np.eye(len(classes))[p.happened]
        assert value("pr_auc", p) == pytest.approx(their.average_precision_score(one_hot, said), rel=1e-12)

    def test_probabilities(self, classes):
        p = random_predictions(classes)
        labels = range(len(classes))
        clipped = np.clip(p.probabilities, 1e-15, 1.0)
        assert value("log_loss", p) == pytest.approx(their.log_loss(p.happened, clipped, labels=labels), rel=1e-9)
        said = p.probabilities[:, 1] if len(classes) == 2 else p.probabilities
        assert value("brier", p) == pytest.approx(their.brier_score_loss(p.happened, said, labels=labels), rel=1e-12)

    def test_the_predicted_class_without_probabilities_is_the_nearest(self, classes):
        p = random_predictions(classes, chances=False)
        nearest = np.abs(p.values[:, np.newaxis] - np.array(classes)).argmin(axis=1)
        np.testing.assert_array_equal(p.called, nearest)


class TestCalibration:
    def test_by_hand(self):
        # bin [0.2, 0.3): said 0.2 and 0.28, mean 0.24, happened half of the time; bin [0.9, 1]: said 0.9 and 1, mean
        # 0.95, both happened. ECE = 2/4·|0.5 − 0.24| + 2/4·|1 − 0.95| = 0.13 + 0.025
        said = np.array([0.2, 0.28, 0.9, 1.0])
        p = Predictions(said, np.array([0.0, 1.0, 1.0, 1.0]), np.stack((1.0 - said, said), axis=1), (0, 1))
        assert value("calibration_error", p) == pytest.approx(0.155, rel=1e-12)
        mean, frequency, count = reliability(p, 1)
        np.testing.assert_allclose(mean, [0.24, 0.95])
        np.testing.assert_allclose(frequency, [0.5, 1.0])
        assert count.tolist() == [2, 2]

    def test_of_three_classes_it_is_the_mean_over_them(self):
        p = random_predictions((-1, 0, 1))
        single = []
        for k in range(3):
            one = p.probabilities[:, k]
            two = np.stack((1.0 - one, one), axis=1)
            single.append(value("calibration_error", Predictions(one, (p.happened == k) * 1.0, two, (0, 1))))
        assert value("calibration_error", p) == pytest.approx(np.mean(single), rel=1e-12)


class TestWhatIsNotDefined:
    def test_no_sample_gives_nan_everywhere(self):
        empty = Predictions(np.empty(0), np.empty(0), np.empty((0, 2)), (0, 1))
        assert all(math.isnan(one) for one in measure_all(empty).values())
        assert all(math.isnan(one) for one in measure_all(Predictions(np.empty(0), np.empty(0))).values())

    def test_a_constant_signal_has_no_correlation(self):
        p = Predictions(np.full(7, 0.1), np.arange(7.0))
        assert math.isnan(value("ic", p))
        assert math.isnan(value("rank_ic", p))

    def test_one_class_alone_has_no_area(self):
        p = random_predictions((0.0, 1.0))
        one = p.part(p.actual == 1.0)
        assert math.isnan(value("roc_auc", one))
        assert math.isnan(value("pr_auc", one))
        assert value("accuracy", one) == value("recall", one)

    def test_a_class_that_is_missing_is_left_out_of_the_area(self):
        p = random_predictions((-1.0, 0.0, 1.0))
        two = p.part(p.actual != 0.0)
        wanted = [their.roc_auc_score(two.happened == k, two.probabilities[:, k]) for k in (0, 2)]
        assert value("roc_auc", two) == pytest.approx(np.mean(wanted), rel=1e-12)

    def test_precision_of_a_class_that_is_never_predicted(self):
        p = Predictions(np.zeros(3), np.array([0.0, 1.0, 1.0]), np.array([[0.9, 0.1]] * 3), (0, 1))
        assert math.isnan(value("precision", p))
        assert value("recall", p) == 0.0
        assert value("f1", p) == 0.0

    def test_zero_and_one_are_no_directions(self):
        assert math.isnan(value("hit_rate", random_predictions((0.0, 1.0))))

    def test_a_measure_says_what_it_needs(self):
        with pytest.raises(SettingsError, match="'log_loss' needs a model with probabilities"):
            value("log_loss", random_predictions((0.0, 1.0), chances=False))
        with pytest.raises(SettingsError, match="'accuracy' needs a label of classes"):
            value("accuracy", random_predictions())
        with pytest.raises(SettingsError, match="'r2_oos' needs a label of returns"):
            value("r2_oos", random_predictions((0.0, 1.0)))

    def test_an_unknown_name(self):
        with pytest.raises(SettingsError, match="no measure 'rank_id'; did you mean 'rank_ic'"):
            measure_named("rank_id")


def test_which_is_better_is_said_rightly():
    # predictions that are right beat those that are turned round, in every measure
    rng = np.random.default_rng(3)
    actual = rng.normal(size=200)
    good, bad = Predictions(actual + 0.01, actual), Predictions(-actual, actual)
    happened = rng.integers(2, size=200)
    sure = np.where(happened[:, np.newaxis] == [0, 1], 0.9, 0.1)
    right = Predictions(sure[:, 1], happened * 1.0, sure, (0, 1))
    wrong = Predictions(sure[:, 0], happened * 1.0, sure[:, ::-1], (0, 1))
    for name, measure in MEASURES.items():
        for better, worse in ((good, bad), (right, wrong)):
            if measure.fits(better) and not math.isnan(measure.function(better)):
                gain = measure.function(better) - measure.function(worse)
                assert gain > 0.0 if measure.larger_is_better else gain < 0.0, name
