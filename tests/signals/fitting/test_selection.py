"""Selection inside the fold: columns that matter stay."""

import numpy as np
import pytest
from model_stubs import random_bars
from sklearn.linear_model import LinearRegression

from backtester.errors import SettingsError
from backtester.signals import (
    Features,
    Function,
    Label,
    Select,
    WalkForward,
    fit,
    forward_return,
    predict_out_of_sample,
)
from backtester.signals.fitting.samples import Samples


def planted(n=600, seed=2):
    """Return X of five columns, and y that is made of columns 1 and 3, column 3 by its square."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    y = 2.0 * x[:, 1] + 0.05 * rng.normal(size=n)
    samples = Samples(np.arange(n), np.zeros(n, int), np.arange(n), y)
    return x, y, samples


@pytest.mark.parametrize("method", ["mutual_information", "permutation", "l1"])
def test_each_method_finds_the_column_that_makes_the_label(method):
    x, y, samples = planted()
    assert Select(method, 1).choose(x, y, samples, LinearRegression(), (), 0).tolist() == [1]


def test_mutual_information_sees_what_is_not_linear():
    x, _, samples = planted()
    bent = np.square(x[:, 3])
    chosen = Select("mutual_information", 1).choose(x, bent, samples, LinearRegression(), (), 0)
    assert chosen.tolist() == [3]


def test_columns_come_in_order_and_all_stay_where_there_are_few():
    x, y, samples = planted()
    y = y + x[:, 4]
    assert Select("l1", 2).choose(x, y, samples, LinearRegression(), (), 0).tolist() == [1, 4]
    assert Select("l1", 9).choose(x, y, samples, LinearRegression(), (), 0).tolist() == [0, 1, 2, 3, 4]


def test_each_fold_chooses_on_its_own_training_rows():
    """The label follows `early` in the first half of the bars and `late` in the second."""
    bars = random_bars(240)
    rng = np.random.default_rng(0)
    early, late = rng.normal(size=(2, 240, 2))
    made = np.where(np.arange(240)[:, None] < 120, early, late)
    end = np.broadcast_to(np.arange(240)[:, None], (240, 2))
    label = Label.from_arrays(bars, made, end, name="made")
    columns = Features([Function(lambda b: early, name="early"), Function(lambda b: late, name="late")])
    signal = predict_out_of_sample(
        LinearRegression(), columns, label, bars, WalkForward(60, 60), select=Select("l1", 1), workers=1
    )
    assert [record.columns for record in signal.folds] == [("early",), ("early",), ("late",)]


def test_a_selection_takes_no_constant():
    bars = random_bars()
    moving = Function(lambda bars: bars.close / bars.open, name="moving")
    still = Function(lambda bars: np.ones(bars.close.shape), name="still")
    fitted = fit(LinearRegression(), Features([still, moving]), forward_return(bars, 1), bars, select=Select("l1", 1))
    assert fitted.columns == ("moving",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "l2"}, "method is 'l2'"),
        ({"keep": 0}, "keep is 0"),
        ({"rows": True}, "rows is True"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(SettingsError, match=message):
        Select(**settings)
