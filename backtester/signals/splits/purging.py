"""Purging and embargo: which samples may train beside a test, by the rows that their labels read.

A sample is made at a row `start` of the bars, and its label reads the rows up to `end`. A sample whose span
`[start, end]` meets what a test reads would carry a part of the answer into training.

Marcos López de Prado, Advances in Financial Machine Learning (2018), sections 7.4.1 and 7.4.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtester.errors import SplitError

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LONGEST = 2**31 - 1  # longer than any data; keeps sums of rows inside int64


def training_mask(
    start: npt.ArrayLike, end: npt.ArrayLike, test_blocks: npt.ArrayLike, *, embargo: int = 0, purge: int = 0
) -> Mask:
    """Return which samples may train where some blocks of rows are the test.

    A block reads its rows `[first, last]`, and what the labels of the samples in it read after them: up to row
    `reach`, the latest of their ends. A sample trains if, for every block,

    .. math:: end + purge < first \\quad \\text{or} \\quad start > reach + purge + embargo

    Parameters
    ----------
    start, end : array_like of int, one shape, or shapes that broadcast
        First and last row of each sample's span; `end` below 0 is no sample, and never trains.
    test_blocks : array_like of int, shape (n_blocks, 2)
        First and last row of each block of the test.
    embargo : int
        Rows after each block, and after its labels, in which no sample that trains begins; 0 or more.
    purge : int
        Rows by which each span is widened, before and after; 0 or more.

    Returns
    -------
    ndarray of bool, the common shape of `start` and `end`
        No span of a sample that trains holds a row of the test.

    Raises
    ------
    SplitError
        If a span ends before it starts, a block does, or a number is negative.

    References
    ----------
    Marcos López de Prado, Advances in Financial Machine Learning (2018), snippets 7.1 to 7.3.

    Examples
    --------
    >>> training_mask([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5], [[2, 2]]).tolist()
    [True, False, False, False, True, True]
    """
    starts, ends = read_spans(start, end)
    embargo, purge = read_rows("embargo", embargo), read_rows("purge", purge)
    blocks = np.asarray(test_blocks)
    if blocks.dtype.kind not in "iu" or blocks.ndim != 2 or blocks.shape[1] != 2:
        raise SplitError(
            f"training_mask: test_blocks are (first, last) rows, int [n_blocks, 2], found {blocks.dtype} of shape "
            f"{blocks.shape}"
        )
    mask = ends >= 0
    for first, last in blocks.tolist():
        if last < first:
            raise SplitError(f"training_mask: a test block is [{first}, {last}]; it ends before it starts")
        tested = (starts >= first) & (starts <= last)
        reach = max(last, int(ends[tested].max(initial=last)))
        mask &= (ends < first - purge) | (starts > reach + purge + embargo)
    return mask


def past_mask(
    start: npt.ArrayLike, end: npt.ArrayLike, first: int, *, begin: int = 0, embargo: int = 0, purge: int = 0
) -> Mask:
    """Return which samples lie, with all that their labels read, in a training window before the test.

    .. math:: start \\ge begin \\quad \\text{and} \\quad end + purge < first - embargo

    Parameters
    ----------
    start, end : array_like of int, one shape, or shapes that broadcast
        First and last row of each sample's span; `end` below 0 is no sample, and never trains.
    first : int
        The first row of the test.
    begin : int
        The first row of the training window.
    embargo : int
        Rows between the window and the test; 0 or more.
    purge : int
        Rows by which each span is widened; 0 or more.

    Returns
    -------
    ndarray of bool, the common shape of `start` and `end`

    Raises
    ------
    SplitError
        If a span ends before it starts, or a number is negative.
    """
    starts, ends = read_spans(start, end)
    limit = first - read_rows("embargo", embargo) - read_rows("purge", purge)
    return (ends >= 0) & (starts >= begin) & (ends < limit)


def read_spans(start: npt.ArrayLike, end: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Return starts and ends of spans as int64 arrays of one shape.

    Raises
    ------
    SplitError
        If they hold no integers, do not fit together, or a span starts below 0 or ends before it starts.
    """
    starts, ends = np.asarray(start), np.asarray(end)
    if starts.dtype.kind not in "iu" or ends.dtype.kind not in "iu":
        raise SplitError(f"spans are rows, integers; start is {starts.dtype}, end is {ends.dtype}")
    try:
        starts, ends = np.broadcast_arrays(starts.astype(np.int64, copy=False), ends.astype(np.int64, copy=False))
    except ValueError:
        raise SplitError(
            f"start has shape {starts.shape} and end {ends.shape}; there is one of each a sample"
        ) from None
    wrong = (ends >= 0) & ((ends < starts) | (starts < 0))
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise SplitError(
            f"the span of sample {at[0] if len(at) == 1 else at} is [{starts[at]}, {ends[at]}], one of "
            f"{wrong.sum():,} such: a span is of rows from 0, and does not end before it starts"
        )
    return starts, ends


def read_rows(name: str, value: object, least: int = 0) -> int:
    """Return a number of rows.

    Raises
    ------
    SplitError
        If it is no int, or below `least`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < least:
        raise SplitError(f"{name} is {value!r}; it is an int, {least} or more")
    return min(int(value), _LONGEST)
