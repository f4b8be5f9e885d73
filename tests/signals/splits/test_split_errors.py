"""What cannot be split says why: which fold, what is left, which number is out of range."""

import numpy as np
import pytest

from backtester.errors import SplitError
from backtester.signals import CombinatorialPurgedCV, PurgedKFold, WalkForward, training_mask


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PurgedKFold(1), r"n_splits is 1; it is an int, 2 or more"),
        (lambda: PurgedKFold(3.0), r"n_splits is 3\.0"),
        (lambda: PurgedKFold(3, purge=-1), r"purge is -1; it is an int, 0 or more"),
        (lambda: WalkForward(10, 5, embargo=-2), r"WalkForward: embargo is -2"),
        (lambda: WalkForward(0, 5), r"train is 0; it is an int, 1 or more"),
        (lambda: WalkForward(10, True), r"test is True"),
        (lambda: WalkForward(10, 5, 0), r"step is 0"),
        (lambda: WalkForward(10, 5, anchored="yes"), r"anchored is 'yes'; it is True or False"),
        (lambda: CombinatorialPurgedCV(6, 6), r"n_test is 6 of n_splits = 6 groups; .* n_test is 5 at most"),
        (lambda: CombinatorialPurgedCV(6, 7), r"n_test is 7"),
        (lambda: CombinatorialPurgedCV(40, 20), r"137,846,528,820 ways"),
    ],
)
def test_a_number_out_of_range_is_named(make, says):
    with pytest.raises(SplitError, match=says):
        make()


def test_a_fold_without_training_is_named_with_what_is_left():
    """Labels of 12 rows in a window of 10: all 10 samples in reach read rows of the test."""
    rows = np.arange(40)
    end = np.where(rows + 12 < 40, rows + 12, -1)
    with pytest.raises(
        SplitError,
        match=r"fold 0 of 6 \(test rows 10 to 14\) has nothing to train on: of 28 samples "
        r"10 are outside the test and in reach, and 0 are left .* labels read 12 to 12 rows more",
    ):
        WalkForward(10, 5).folds(rows, end, 40)
    with pytest.raises(SplitError, match=r"fold 1 of 3 \(test rows 4 to 7\)"):
        PurgedKFold(3, embargo=3).folds(np.arange(12), np.minimum(np.arange(12) + 4, 11), 12)


def test_too_few_rows_are_counted():
    rows = np.arange(12)
    with pytest.raises(SplitError, match=r"12 rows are too few: the first test begins after 10 rows of training and 2"):
        WalkForward(10, 5, embargo=2).folds(rows, rows, 12)
    with pytest.raises(SplitError, match="3 rows cannot make 5 groups"):
        list(PurgedKFold(5).split(range(3)))
    with pytest.raises(SplitError, match="there are no samples"):
        PurgedKFold(2).folds(rows, np.full(12, -1), 12)
    with pytest.raises(SplitError, match="no samples in X"):
        list(PurgedKFold(2).split([]))
    with pytest.raises(SplitError, match="no samples in X, and no groups"):
        WalkForward(10, 5).get_n_splits()


def test_a_test_without_a_sample_is_named():
    spans = np.array([[0, 0], [1, 1], [2, 2], [30, 30], [31, 31]])
    with pytest.raises(SplitError, match=r"fold 1 tests rows 11 to 21, where there is no sample"):
        list(PurgedKFold(3).split(spans, groups=spans))


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (np.arange(6), r"groups has shape \(6,\); it is the span of each sample, .* \[6, 2\]"),
        (np.zeros((5, 2), int), r"groups has shape \(5, 2\)"),
        (np.zeros((6, 3), int), r"groups has shape \(6, 3\)"),
        (np.zeros((6, 2)), r"spans are rows, integers; start is float64"),
        (np.array([[3, 2]] + [[0, 1]] * 5), r"the span of sample 0 is \[3, 2\], .* does not end before it starts"),
        (np.array([[0, 1]] * 5 + [[0, -1]]), r"sample 5 of groups ends at row -1"),
    ],
)
def test_groups_that_are_no_spans_are_refused(groups, says):
    with pytest.raises(SplitError, match=says):
        list(PurgedKFold(2).split(np.zeros((6, 1)), groups=groups))


def test_spans_beyond_the_rows_are_refused():
    rows = np.arange(10)
    with pytest.raises(SplitError, match="a span reaches row 12, and there are 10 rows, 0 to 9"):
        PurgedKFold(2).folds(rows, rows + 3, 10)
    with pytest.raises(SplitError, match="start has shape"):
        training_mask(np.arange(3), np.arange(4), [[0, 1]])
    with pytest.raises(SplitError, match="ends before it starts"):
        training_mask(rows, rows, [[4, 3]])
    with pytest.raises(SplitError, match=r"int \[n_blocks, 2\]"):
        training_mask(rows, rows, [4, 5])
