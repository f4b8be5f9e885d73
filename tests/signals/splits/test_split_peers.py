"""Our splits beside those of scikit-learn and skfolio, where they do the same."""

import numpy as np
import pytest
from skfolio.model_selection import CombinatorialPurgedCV as TheirCombinatorial
from skfolio.model_selection import WalkForward as TheirWalkForward
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score

from backtester import Bars
from backtester.signals import CombinatorialPurgedCV, PurgedKFold, WalkForward, forward_return


def lists(splits):
    """Return splits as lists of positions; a test in parts is put together."""
    return [
        (train.tolist(), np.concatenate(test).tolist() if isinstance(test, list) else test.tolist())
        for train, test in splits
    ]


@pytest.mark.parametrize("n", [10, 11, 37])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_without_spans_it_is_scikit_learns_k_fold(n, k):
    assert lists(PurgedKFold(k).split(range(n))) == lists(KFold(k).split(np.zeros(n)))


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("anchored", [False, True])
def test_walk_forward_is_scikit_learns_time_series_split(gap, anchored):
    """50 rows in 4 tests of 8: the first begins at row 50 − 32 = 18, and its window has 18 − gap rows."""
    theirs = TimeSeriesSplit(4, test_size=8, gap=gap, max_train_size=None if anchored else 18 - gap)
    ours = WalkForward(18 - gap, 8, anchored=anchored, embargo=gap)
    assert lists(ours.split(range(50))) == lists(theirs.split(np.zeros(50)))


@pytest.mark.parametrize("purged", [0, 3])
@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("n", [50, 57])
def test_walk_forward_is_skfolios(purged, expand, n):
    """What skfolio calls purged_size is room between the window and the test: our embargo."""
    theirs = TheirWalkForward(test_size=9, train_size=20, purged_size=purged, expand_train=expand, reduce_test=True)
    ours = WalkForward(20, 9, embargo=purged, anchored=expand)
    assert lists(ours.split(range(n))) == lists(theirs.split(np.zeros((n, 1))))
    assert ours.get_n_splits(range(n)) == theirs.get_n_splits(np.zeros((n, 1)))


@pytest.mark.parametrize(("n", "k"), [(3, 2), (6, 2), (6, 3), (7, 5)])
@pytest.mark.parametrize(("purge", "embargo"), [(0, 0), (2, 0), (0, 3), (2, 3)])
def test_combinatorial_splits_are_skfolios(n, k, purge, embargo):
    """Labels that read `purge` rows more are what skfolio's purged_size means. 84 rows are 7, 6 or 3 equal groups."""
    theirs = TheirCombinatorial(n_folds=n, n_test_folds=k, purged_size=purge, embargo_size=embargo)
    ours = CombinatorialPurgedCV(n, k, purge=purge, embargo=embargo)
    assert lists(ours.split(range(84))) == lists(theirs.split(np.zeros((84, 1))))
    spans = np.stack((np.arange(84), np.minimum(np.arange(84) + purge, 83)), axis=1)
    by_spans = CombinatorialPurgedCV(n, k, embargo=embargo)
    assert lists(by_spans.split(range(84), groups=spans)) == lists(theirs.split(np.zeros((84, 1))))
    assert ours.n_paths == theirs.n_test_paths
    assert ours.get_n_splits() == theirs.n_splits
    assert ours.paths().tolist() == theirs.recombined_paths.T.tolist()


def test_the_paths_are_those_of_the_books_figure():
    """López de Prado (2018), figures 12.1 and 12.2: N = 6, k = 2, 15 splits (S1 to S15) on 5 paths.

    Group 1 is tested by S1 to S5, group 6 by S5, S9, S12, S14 and S15.
    """
    scheme = CombinatorialPurgedCV(6, 2)
    assert (scheme.get_n_splits(), scheme.n_paths) == (15, 5)
    assert (scheme.paths()[:, 0] + 1).tolist() == [1, 2, 3, 4, 5]
    assert (scheme.paths()[:, 5] + 1).tolist() == [5, 9, 12, 14, 15]


def panel():
    """Return two features and the label of simulated bars, as samples, with the spans."""
    bars = Bars.simulate("gbm", n_bars=240, n_assets=3, seed=5)
    label = forward_return(bars, 4)
    rng = np.random.default_rng(2)
    return rng.normal(size=(len(label.spans()), 2)), label.values[label.exists], label.spans()


@pytest.mark.parametrize(
    "scheme", [WalkForward(100, 30), PurgedKFold(4, embargo=3), CombinatorialPurgedCV(5, 2, purge=1)]
)
def test_scikit_learn_takes_a_scheme(scheme):
    X, y, spans = panel()
    scores = cross_val_score(LinearRegression(), X, y, groups=spans, cv=scheme)
    byhand = [LinearRegression().fit(X[a], y[a]).score(X[b], y[b]) for a, b in scheme.split(X, y, spans)]
    assert len(scores) == scheme.get_n_splits(X, y, spans)
    np.testing.assert_allclose(scores, byhand, rtol=1e-12)
    search = clone(GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]}, cv=scheme))
    assert search.cv == scheme
    assert search.fit(X, y, groups=spans).n_splits_ == len(scores)


def test_a_scheme_shows_how_it_was_made():
    shown = "WalkForward(train=10, test=5, step=None, anchored=True, purge=0, embargo=2)"
    assert repr(WalkForward(10, 5, anchored=True, embargo=2)) == shown
    assert eval(shown) == WalkForward(10, 5, anchored=True, embargo=2)
    assert [scheme.knows_the_future for scheme in (WalkForward, PurgedKFold, CombinatorialPurgedCV)] == [
        False,
        True,
        True,
    ]
