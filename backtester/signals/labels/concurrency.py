"""Counting and summing over the spans of labels in one pass: the compiled part of `weights`.

A label at row t with end e reads rows t + 1 to e, or row t alone if e = t.
"""

from __future__ import annotations

from backtester.kernel.jit import kernel_jit


@kernel_jit()
def count_labels(end, counts):
    """Write how many labels of the asset read each row; `counts` comes in as zeros, [n_bars, n_assets]."""
    n_bars, n_assets = end.shape
    for t in range(n_bars):
        for a in range(n_assets):
            last = end[t, a]
            if last >= 0:
                counts[min(t + 1, last), a] += 1
                if last + 1 < n_bars:
                    counts[last + 1, a] -= 1
    for t in range(1, n_bars):
        for a in range(n_assets):
            counts[t, a] += counts[t - 1, a]


@kernel_jit()
def sum_over_spans(end, values, mean, out):
    """Write the sum, or the mean, of `values` over the rows that each label reads, [n_bars, n_assets].

    Sums are differences of running sums, in one pass whatever the spans; what rounding leaves is 1e-16 of the running
    sum.
    """
    n_bars, n_assets = end.shape
    running = values.copy()
    for t in range(1, n_bars):
        for a in range(n_assets):
            running[t, a] += running[t - 1, a]
    for t in range(n_bars):
        for a in range(n_assets):
            last = end[t, a]
            if last >= 0:
                first = min(t + 1, last)
                total = running[last, a]
                if first > 0:
                    total -= running[first - 1, a]
                out[t, a] = total / (last - first + 1) if mean else total
