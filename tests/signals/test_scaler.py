"""The scaler: fitted on the training rows and no others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backtester.errors import FeatureError, SettingsError
from backtester.signals import Scaler


def test_mean_and_deviation_are_those_of_the_training_rows():
    panel = np.array([[1.0, 10.0], [3.0, 10.0], [1000.0, -7.0]])
    scaler = Scaler.fit(panel, end=2)
    assert scaler.centre.tolist() == [2.0, 10.0]
    assert scaler.scale.tolist() == [1.0, 1.0]  # √((1 + 1)/2), and a constant
    assert scaler.transform(panel).tolist() == [[-1.0, 0.0], [1.0, 0.0], [10.0, -10.0]]  # 998 and −17, clipped


def test_rows_outside_the_range_change_nothing():
    rng = np.random.default_rng(0)
    panel = rng.normal(size=(50, 2, 3))
    other = panel.copy()
    other[30:] = rng.normal(100.0, 9.0, size=other[30:].shape)
    other[40:] = np.nan
    for method in ("standard", "robust"):
        assert Scaler.fit(panel, end=30, method=method) == Scaler.fit(other, end=30, method=method)
        assert Scaler.fit(panel, end=50, method=method) != Scaler.fit(panel, end=30, method=method)


def test_which_rows_is_never_guessed():
    with pytest.raises(SettingsError, match="say which rows to train on"):
        Scaler.fit(np.zeros((3, 1)))


def test_warm_up_and_gaps_are_left_out_and_all_assets_count():
    panel = np.array([[[np.nan], [np.nan]], [[1.0], [np.nan]], [[4.0], [7.0]]])
    scaler = Scaler.fit(panel, rows=slice(None))
    assert scaler.centre[0] == 4.0  # (1 + 4 + 7)/3
    assert scaler.scale[0] == pytest.approx(np.sqrt(6.0), rel=1e-15)  # √((9 + 0 + 9)/3)
    found = scaler.transform(panel)
    assert found.shape == panel.shape
    assert found.dtype == np.float32
    assert np.isnan(found[0]).all()
    assert found[2, 1, 0] == np.float32(3.0 / np.sqrt(6.0))


def test_robust_is_median_and_interquartile_range_over_that_of_normal_numbers():
    column = np.array([1.0, 2.0, 3.0, 4.0, 1e6])  # the quartiles are 2, 3 and 4
    scaler = Scaler.fit(column[:, None], rows=slice(None), method="robust")
    assert scaler.centre[0] == 3.0
    assert scaler.scale[0] == pytest.approx(2.0 / 1.3489795, rel=1e-8)  # 2·0.67448975, the 75th percentile of N(0, 1)


def test_a_column_that_is_mostly_one_value_has_its_deviation_as_robust_scale():
    column = np.array([0.0] * 9 + [10.0])  # mean 1, variance (9·1 + 81)/10 = 9
    scaler = Scaler.fit(column[:, None], rows=slice(None), method="robust")
    assert (scaler.centre[0], scaler.scale[0]) == (0.0, 3.0)


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e15 / 3])
def test_a_constant_column_has_scale_one_and_becomes_zero(value):
    panel = np.full((1001, 1), value)
    for method in ("standard", "robust"):
        scaler = Scaler.fit(panel, rows=slice(None), method=method)
        assert scaler.scale.tolist() == [1.0]
        assert (scaler.transform(panel) == 0.0).all()


def test_rows_may_be_a_slice_numbers_or_booleans():
    panel = np.arange(10.0)[:, None]
    chosen = [slice(2, 5), [2, 3, 4], np.isin(np.arange(10), [2, 3, 4])]
    assert {Scaler.fit(panel, rows=rows).digest for rows in chosen} == {Scaler.fit(panel[:5], rows=[4, 2, 3]).digest}
    assert Scaler.fit(panel, rows=slice(2, 5)).centre.tolist() == [3.0]


def test_arithmetic_is_float64_and_rounded_once():
    """A level of 1e8 with steps of 1: float32 could not tell the values apart before the mean is taken off."""
    panel = 1e8 + np.array([[0.0], [1.0], [2.0], [3.0]])
    scaler = Scaler.fit(panel, rows=slice(None))
    expected = np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25)
    assert scaler.transform(panel)[:, 0].tolist() == expected.astype(np.float32).tolist()


def test_a_long_panel_is_scaled_as_a_short_one():
    """Longer than what is transformed at a time."""
    panel = np.random.default_rng(1).normal(size=(100_001, 2, 3))
    scaler = Scaler.fit(panel, end=1000)
    expected = np.clip((panel - scaler.centre) / scaler.scale, -10.0, 10.0).astype(np.float32)
    assert scaler.transform(panel).tobytes() == expected.tobytes()
    assert scaler.transform(panel[-1]).tobytes() == expected[-1].tobytes()
    assert scaler.transform(panel[:, :, ::-1][:, :, ::-1]).tobytes() == expected.tobytes()


def test_clip_limits_the_size_and_none_does_not():
    panel = np.array([[-1.0], [1.0], [50.0]])
    assert Scaler.fit(panel, end=2, clip=3.0).transform(panel)[:, 0].tolist() == [-1.0, 1.0, 3.0]
    assert Scaler.fit(panel, end=2, clip=None).transform(panel)[:, 0].tolist() == [-1.0, 1.0, 50.0]


@pytest.mark.parametrize("clip", [10.0, 2.5, None])
def test_arrays_and_specification_bring_back_every_bit(clip):
    panel = np.random.default_rng(2).normal(size=(40, 2, 3))
    scaler = Scaler.fit(panel, end=20, names=("a", "b", "c"), method="robust", clip=clip)
    arrays = scaler.to_arrays()
    assert [(array.dtype, array.shape) for array in arrays.values()] == [(np.float64, (3,))] * 2 + [(np.float64, ())]
    again = [
        Scaler.from_arrays(arrays, names=("a", "b", "c"), method="robust"),
        Scaler.from_spec(json.loads(json.dumps(scaler.spec()))),
    ]
    for other in again:
        assert other == scaler
        assert other.digest == scaler.digest
        assert hash(other) == hash(scaler)
        assert other.transform(panel).tobytes() == scaler.transform(panel).tobytes()
    assert Scaler.from_arrays(arrays).names == ("0", "1", "2")


def test_another_scaler_has_another_digest():
    panel = np.random.default_rng(2).normal(size=(40, 2))
    kinds = [{}, {"clip": 9.0}, {"method": "robust"}, {"names": ("a", "b")}, {"rows": slice(3, 30)}]
    digests = {Scaler.fit(panel, **{"rows": slice(0, 30), **kind}).digest for kind in kinds}
    assert len(digests) == len(kinds)


def test_a_fitted_scaler_cannot_be_changed():
    scaler = Scaler.fit(np.arange(3.0)[:, None], end=2)
    with pytest.raises(ValueError, match="read-only"):
        scaler.centre[0] = 1.0
    scaler.to_arrays()["centre"][0] = 9.0
    assert scaler.centre[0] == 0.5


class TestErrors:
    panel = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 4.0]])

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"end": 2, "rows": [0]}, "say which rows to train on"),
            ({"end": 0}, "end is 0; it is a row from 1 to 3"),
            ({"end": 4}, "end is 4; it is a row from 1 to 3"),
            ({"end": 2.0}, "end is 2.0"),
            ({"end": True}, "end is True"),
            ({"rows": slice(3, None)}, "rows picks none of the 3 rows; nothing to train on"),
            ({"rows": []}, "rows is|rows picks none"),
            ({"rows": [False, False, False]}, "rows picks none"),
            ({"rows": [7]}, "rows do not fit the 3 rows of the panel"),
            ({"rows": [True]}, "rows do not fit"),
            ({"rows": "all"}, "rows is 'all'; it is a slice"),
            ({"end": 3, "names": ["a"]}, "1 names for 2 columns"),
            ({"end": 3, "method": "robst"}, r"method is 'robst'; did you mean 'robust'\?"),
            ({"end": 3, "clip": 0.0}, "clip is 0.0; it is a number above 0, or None"),
            ({"end": 3, "clip": np.nan}, "clip is nan"),
            ({"end": 3, "clip": np.inf}, "clip is inf"),
        ],
    )
    def test_a_wrong_setting_is_refused(self, settings, message):
        with pytest.raises(SettingsError, match=message):
            Scaler.fit(self.panel, **settings)

    def test_a_column_without_a_value_is_named(self):
        with pytest.raises(FeatureError, match="column 'news' is NaN in all training rows"):
            Scaler.fit(self.panel, end=2, names=("price", "news"))

    def test_an_infinite_value_is_refused(self):
        panel = np.array([[1.0], [np.inf], [2.0]])
        with pytest.raises(FeatureError, match="column '0' has 1 infinite values in the training rows"):
            Scaler.fit(panel, end=2)
        scaler = Scaler.fit(panel, rows=[0, 2], names=["x"])
        with pytest.raises(FeatureError, match="'x' has an infinite value"):
            scaler.transform(panel)

    @pytest.mark.parametrize("panel", [np.zeros(3), np.zeros((3, 0)), np.full((3, 1), "a"), [[None]]])
    def test_what_is_no_panel_is_refused(self, panel):
        with pytest.raises(FeatureError, match="a panel is real numbers"):
            Scaler.fit(panel, end=1)

    def test_other_columns_are_refused(self):
        scaler = Scaler.fit(self.panel, end=3, names=("price", "news"))
        with pytest.raises(FeatureError, match="the panel has 3 columns, and the scaler was fitted on 2: price, news"):
            scaler.transform(np.zeros((4, 3)))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": 2}, "format 2, and this version reads 1"),
            ({"scale": [0.0]}, "the scale of 'x' is 0.0; it must be above 0"),
            ({"scale": [1.0, 1.0]}, "scale must be one finite number for each of the 1 columns"),
            ({"centre": [float("nan")]}, "centre must be one finite number"),
            ({"method": "other"}, "method is 'other'"),
            ({"more": 1}, r"the entries \['more'\] are missing or unknown"),
        ],
    )
    def test_a_damaged_specification_is_refused(self, change, message):
        spec = Scaler.fit(np.arange(3.0)[:, None], end=3, names=["x"]).spec()
        with pytest.raises(SettingsError, match=message):
            Scaler.from_spec({**spec, **change})

    def test_a_missing_array_is_named(self):
        with pytest.raises(SettingsError, match="'scale' is missing; found centre"):
            Scaler.from_arrays({"centre": [1.0]})
