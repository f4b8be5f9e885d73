"""Cleaning: limits of the training rows and no others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats.mstats import winsorize

from backtester.errors import FeatureError, SettingsError
from backtester.signals import Cleaning, FittedCleaning


def test_limits_are_the_quantiles_of_the_training_rows():
    rows = np.stack([np.arange(101.0), -2.0 * np.arange(101.0)], axis=1)  # 0 to 100, 0 to −200
    fitted = Cleaning(0.05).fit(rows, names=("up", "down"))
    np.testing.assert_allclose(fitted.lower, [5.0, -190.0], rtol=1e-12)
    np.testing.assert_allclose(fitted.upper, [95.0, -10.0], rtol=1e-12)
    found = fitted.apply(np.array([[-1000.0, 0.0], [50.0, -100.0], [96.0, -1e9]]))
    np.testing.assert_allclose(found, [[5.0, -10.0], [50.0, -100.0], [95.0, -190.0]], rtol=1e-12)


def test_it_is_scipys_winsorize_where_the_quantiles_are_values():
    rows = np.random.default_rng(0).permutation(np.arange(1.0, 22.0))[:, None]  # 21 values: 10 % steps of two values
    expected = winsorize(rows[:, 0], limits=(0.1, 0.2))
    found = Cleaning((0.1, 0.8)).fit(rows).apply(rows)[:, 0]
    np.testing.assert_array_equal(found, expected)


def test_a_fraction_is_the_same_on_both_sides():
    rows = np.random.default_rng(0).normal(size=(500, 3))
    assert Cleaning(0.02).quantiles == (0.02, 0.98)
    left, right = Cleaning(0.02).fit(rows), Cleaning((0.02, 0.98)).fit(rows)
    assert left.lower.tolist() == right.lower.tolist()
    assert left.upper.tolist() == right.upper.tolist()


def test_without_a_rule_nothing_is_cut_off():
    rows = np.array([[1.0, np.nan], [1e300, 2.0]])
    fitted = Cleaning().fit(rows)
    np.testing.assert_array_equal(fitted.apply(rows), rows)
    assert fitted.spec()["lower"] == [None, None]


def test_missing_values_are_left_out_and_stay_missing():
    rows = np.array([[np.nan], [0.0], [1.0], [2.0], [np.nan]])
    fitted = Cleaning((0.25, 0.75)).fit(rows)
    assert (fitted.lower[0], fitted.upper[0]) == (0.5, 1.5)
    np.testing.assert_array_equal(fitted.apply(rows)[:, 0], [np.nan, 0.5, 1.0, 1.5, np.nan])


def test_windows_are_cut_off_as_rows_are():
    rng = np.random.default_rng(1)
    rows = rng.standard_t(2, size=(400, 3))
    fitted = Cleaning(0.05).fit(rows)
    windows = rng.standard_t(2, size=(50, 7, 3))
    found = fitted.apply(windows)
    assert found.shape == windows.shape
    assert found.dtype == np.float64
    for i in range(7):
        np.testing.assert_array_equal(found[:, i], fitted.apply(windows[:, i]))
    assert (found != windows).any()


def test_many_rows_are_cut_off_as_few_are():
    """More than are dealt with at a time, and not laid out in order."""
    rows = np.random.default_rng(2).normal(size=(200_001, 3))
    fitted = Cleaning(0.1).fit(rows[:1000])
    expected = np.minimum(np.maximum(rows, fitted.lower), fitted.upper)
    assert fitted.apply(rows).tobytes() == expected.tobytes()
    np.testing.assert_array_equal(fitted.apply(np.asfortranarray(rows)), expected)


def test_what_is_cleaned_is_a_new_array():
    rows = np.array([[0.0], [1.0], [9.0]])
    Cleaning(0.3).fit(rows).apply(rows)[:] = 7.0
    assert rows[:, 0].tolist() == [0.0, 1.0, 9.0]


def test_other_rows_change_nothing():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(100, 2))
    other = np.concatenate([rows[:60], 1e6 * rng.normal(size=(40, 2))])
    assert Cleaning(0.01).fit(rows[:60]) == Cleaning(0.01).fit(other[:60])
    assert Cleaning(0.01).fit(rows) != Cleaning(0.01).fit(other)


@pytest.mark.parametrize("winsorise", [None, 0.01, (0.0, 0.9)])
def test_arrays_and_specification_bring_back_every_bit(winsorise):
    rows = np.random.default_rng(4).normal(size=(80, 3))
    rules = Cleaning(winsorise)
    assert Cleaning.from_spec(json.loads(json.dumps(rules.spec()))) == rules
    fitted = rules.fit(rows, names=("a", "b", "c"))
    again = [
        FittedCleaning.from_spec(json.loads(json.dumps(fitted.spec()))),
        FittedCleaning.from_arrays(fitted.to_arrays(), names=("a", "b", "c"), rules=rules),
    ]
    for other in again:
        assert other == fitted
        assert other.digest == fitted.digest
        assert hash(other) == hash(fitted)
        assert other.apply(rows).tobytes() == fitted.apply(rows).tobytes()
    assert FittedCleaning.from_arrays(fitted.to_arrays()).names == ("0", "1", "2")
    assert Cleaning((0.0, 0.9)) == Cleaning([0.0, 0.9])


class TestErrors:
    @pytest.mark.parametrize("winsorise", [0.5, -0.1, 1.0, "0.01", True, (0.9, 0.1), (0.1,), (0.1, 1.1), (0.1, np.nan)])
    def test_a_wrong_rule_is_refused(self, winsorise):
        with pytest.raises(SettingsError, match=r"Cleaning: winsorise is .*; it is a fraction from 0 and below 0.5"):
            Cleaning(winsorise)

    def test_a_column_without_values_or_with_infinite_ones_is_named(self):
        rows = np.array([[1.0, np.nan], [np.inf, np.nan]])
        with pytest.raises(FeatureError, match="column 'a' has 1 infinite values"):
            Cleaning(0.1).fit(rows, names=("a", "b"))
        with pytest.raises(FeatureError, match="column 'b' is NaN in all training rows"):
            Cleaning(0.1).fit(rows[:1], names=("a", "b"))

    def test_no_rows_and_other_columns_are_refused(self):
        with pytest.raises(SettingsError, match="no rows to train on"):
            Cleaning(0.1).fit(np.zeros((0, 2)))
        with pytest.raises(SettingsError, match="1 names for 2 columns"):
            Cleaning(0.1).fit(np.zeros((3, 2)), names=["a"])
        with pytest.raises(FeatureError, match="the rows have 3 columns, and the limits were found on 2: 0, 1"):
            Cleaning(0.1).fit(np.zeros((3, 2))).apply(np.zeros((3, 3)))

    @pytest.mark.parametrize("rows", [np.zeros(3), np.zeros((3, 0)), np.full((3, 1), "a")])
    def test_what_is_no_panel_is_refused(self, rows):
        with pytest.raises(FeatureError, match="rows are real numbers"):
            Cleaning(0.1).fit(rows)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": 2}, "format 2, and this version reads 1"),
            ({"lower": [3.0]}, "the limits of '0' are 3.0 and .*; the lower one must not be above"),
            ({"upper": [1.0, 2.0]}, "upper must be one number for each of the 1 columns"),
            ({"rules": {}}, "is no specification; it has one entry, 'winsorise'"),
            ({"more": 1}, r"the entries \['more'\] are missing or unknown"),
        ],
    )
    def test_a_damaged_specification_is_refused(self, change, message):
        spec = Cleaning(0.1).fit(np.arange(3.0)[:, None]).spec()
        with pytest.raises(SettingsError, match=message):
            FittedCleaning.from_spec({**spec, **change})

    def test_a_missing_array_is_named(self):
        with pytest.raises(SettingsError, match="'upper' is missing; found lower"):
            FittedCleaning.from_arrays({"lower": [1.0]})
