"""What every split keeps, whatever the labels: spans of training are free of the test, and everything is tested."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.errors import SplitError
from backtester.signals import CombinatorialPurgedCV, PurgedKFold, WalkForward, training_mask

N_BARS = 60


@st.composite
def panels(draw):
    """Return starts and ends of labels of one to three assets on 60 rows, of any lengths, some missing."""
    n_assets = draw(st.integers(1, 3))
    longest = draw(st.integers(0, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start = np.broadcast_to(np.arange(N_BARS)[:, None], (N_BARS, n_assets))
    end = start + rng.integers(0, longest + 1, start.shape)
    missing = (end >= N_BARS) | (rng.random(start.shape) < draw(st.sampled_from([0.0, 0.3])))
    return start, np.where(missing, -1, end)


schemes = st.one_of(
    st.builds(
        WalkForward,
        st.integers(5, 30),
        st.integers(1, 20),
        st.none() | st.integers(1, 25),
        anchored=st.booleans(),
        purge=st.integers(0, 3),
        embargo=st.integers(0, 4),
    ),
    st.builds(PurgedKFold, st.integers(2, 6), purge=st.integers(0, 3), embargo=st.integers(0, 4)),
    st.builds(CombinatorialPurgedCV, st.integers(3, 6), st.just(2), purge=st.integers(0, 3), embargo=st.integers(0, 4)),
)


def folds_of(scheme, start, end):
    """Return the folds, or none where too little is left to train, which is an error of its own."""
    try:
        return scheme.folds(start, end, N_BARS)
    except SplitError as error:
        if "nothing to train on" not in str(error) and "there are no samples" not in str(error):
            raise
        return []


@settings(deadline=None, max_examples=300)
@given(panels(), schemes)
def test_no_test_row_lies_in_a_training_labels_span(panel, scheme):
    start, end = panel
    for fold in folds_of(scheme, start, end):
        read = np.zeros(N_BARS, bool)  # rows that labels of training read, widened by purge
        for row, last in zip(start[fold.train], end[fold.train], strict=True):
            read[max(row - scheme.purge, 0) : last + scheme.purge + 1] = True
        assert not read[fold.test].any()


@settings(deadline=None, max_examples=300)
@given(panels(), schemes)
def test_no_training_label_shares_a_row_with_a_test_label(panel, scheme):
    start, end = panel
    for fold in folds_of(scheme, start, end):
        if not scheme.knows_the_future:
            assert end[fold.train].max() + scheme.purge + scheme.embargo < fold.test[0]
            continue
        tested = np.isin(start, fold.test) & (end >= 0)
        read = np.zeros(N_BARS, bool)
        for row, last in zip(start[tested], end[tested], strict=True):
            read[row : last + 1] = True
        for row, last in zip(start[fold.train], end[fold.train], strict=True):
            assert not read[row : last + 1].any()


@settings(deadline=None, max_examples=300)
@given(panels(), schemes)
def test_the_embargo_is_kept(panel, scheme):
    """No sample that trains begins in the rows after a block of the test, the last of its labels' rows included."""
    start, end = panel
    for fold in folds_of(scheme, start, end):
        if not scheme.knows_the_future:
            assert start[fold.train].max() < fold.test[0] - scheme.embargo
            continue
        ends = [row for row in fold.test if row + 1 not in fold.test]  # last rows of the blocks
        firsts = [row for row in fold.test if row - 1 not in fold.test]
        for first, last in zip(firsts, ends, strict=True):
            inside = (start >= first) & (start <= last) & (end >= 0)
            reach = max([last, *end[inside].tolist()])
            forbidden = range(first, reach + scheme.purge + scheme.embargo + 1)
            assert not np.isin(start[fold.train], list(forbidden)).any()


@settings(deadline=None, max_examples=200)
@given(panels(), schemes)
def test_nothing_is_dropped_without_a_reason(panel, scheme):
    """By the definition, sample by sample: what does not train has a row in the test, or one of the three reasons."""
    start, end = panel
    for fold in folds_of(scheme, start, end):
        test = set(fold.test.tolist())
        if not scheme.knows_the_future:
            begin = 0 if scheme.anchored else fold.test[0] - scheme.embargo - scheme.train
            for at in np.ndindex(end.shape):
                wanted = begin <= start[at] and 0 <= end[at] < fold.test[0] - scheme.embargo - scheme.purge
                assert fold.train[at] == wanted
            continue
        blocked = set()
        for first in (row for row in test if row - 1 not in test):
            last = next(row for row in range(first, N_BARS + 1) if row not in test) - 1
            labels = [e for s, e in zip(start.flat, end.flat, strict=True) if first <= s <= last and e >= 0]
            reach = max([last, *labels])
            for at in np.ndindex(end.shape):
                before = end[at] + scheme.purge < first
                after = start[at] > reach + scheme.purge + scheme.embargo
                if end[at] >= 0 and not before and not after:
                    blocked.add(at)
        for at in np.ndindex(end.shape):
            assert fold.train[at] == (end[at] >= 0 and at not in blocked)


@settings(deadline=None, max_examples=100)
@given(panels(), st.integers(2, 6), st.integers(0, 3), st.integers(0, 3))
def test_k_fold_tests_every_row_once(panel, n, purge, embargo):
    folds = folds_of(PurgedKFold(n, purge=purge, embargo=embargo), *panel)
    if folds:
        assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(N_BARS))


@settings(deadline=None, max_examples=100)
@given(panels(), st.integers(2, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))))
def test_combinatorial_folds_test_every_row_once_on_each_path(panel, sizes):
    n, k = sizes
    scheme = CombinatorialPurgedCV(n, k)
    folds = folds_of(scheme, *panel)
    paths = scheme.paths()
    assert paths.shape == (comb(n, k) * k // n, n) == (scheme.n_paths, n)
    # each pair of a fold and a group of its test is on one path
    used = {(int(fold), group) for path in paths for group, fold in enumerate(path)}
    assert used == {(f, g) for f, chosen in enumerate(scheme.test_groups().tolist()) for g in chosen}
    assert len(used) == paths.size
    if folds:
        counts = np.bincount(np.concatenate([fold.test for fold in folds]), minlength=N_BARS)
        assert (counts == scheme.n_paths).all()
        groups = np.array_split(np.arange(N_BARS), n)
        for path in paths:
            covered = [
                row for group, fold in enumerate(path) for row in groups[group] if row in set(folds[fold].test.tolist())
            ]
            assert covered == list(range(N_BARS))


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 30), st.integers(1, 20), st.integers(0, 5))
def test_walk_forward_tests_every_row_after_its_first_window_once(train, test, embargo):
    rows = np.arange(N_BARS)
    folds = WalkForward(train, test, embargo=embargo).folds(rows, rows, N_BARS)
    assert np.concatenate([fold.test for fold in folds]).tolist() == list(range(train + embargo, N_BARS))
    assert [fold.number for fold in folds] == list(range(len(folds)))
    assert all(fold.train.sum() == train for fold in folds)
    assert all(len(fold.test) == test for fold in folds[:-1])


def test_the_spans_of_the_first_test_would_be_met_without_purging():
    """Guards the properties above: plain k-fold breaks the first of them."""
    start = np.arange(20)
    end = np.minimum(start + 3, 19)
    fold = PurgedKFold(4).folds(start, end, 20)[1]
    assert fold.test.tolist() == [5, 6, 7, 8, 9]
    outside = ~np.isin(start, fold.test)
    reads_the_test = outside & (start <= 9) & (end >= 5)
    assert start[reads_the_test].tolist() == [2, 3, 4]
    assert not fold.train[reads_the_test].any()
    # labels of rows 7 to 9 read up to row 12
    assert start[outside & ~fold.train].tolist() == [2, 3, 4, 10, 11, 12]
    assert fold.purged == 6


def test_folds_do_not_depend_on_which_samples_there_are():
    """Two models with different warm-ups are tested on the same rows."""
    start = np.arange(100)[:, None]
    whole, short = start.copy(), np.where(start < 30, -1, start)
    for scheme in (WalkForward(40, 10), PurgedKFold(4), CombinatorialPurgedCV(5, 2)):
        pairs = zip(scheme.folds(start, whole, 100), scheme.folds(start, short, 100), strict=True)
        for one, other in pairs:
            assert one.test.tolist() == other.test.tolist()
            assert other.train.sum() == one.train[30:].sum()


def test_the_mask_has_the_shape_of_the_spans():
    start, end = np.arange(12).reshape(3, 2, 2), np.arange(12).reshape(3, 2, 2)
    mask = training_mask(start, end, [[4, 6], [9, 9]], embargo=1)
    assert mask.shape == (3, 2, 2)
    assert np.flatnonzero(mask).tolist() == [0, 1, 2, 3, 8, 11]


@pytest.mark.parametrize("scheme", [WalkForward(8, 4, purge=1), PurgedKFold(3, embargo=1), CombinatorialPurgedCV(4, 2)])
def test_samples_of_several_assets_share_their_row(scheme):
    """`split` over the samples of a panel is what `folds` says of the panel."""
    start = np.broadcast_to(np.arange(24)[:, None], (24, 3))
    end = start + np.array([0, 1, 2])
    end = np.where(end > 23, -1, end)
    end[5:8, 1] = -1
    exists = end >= 0
    spans = np.stack((start[exists], end[exists]), axis=1)
    found = list(scheme.split(spans, groups=spans))
    for (train, test), fold in zip(found, scheme.folds(start, end, 24), strict=True):
        assert train.tolist() == np.flatnonzero(fold.train[exists]).tolist()
        assert test.tolist() == np.flatnonzero(np.isin(start[exists], fold.test)).tolist()
