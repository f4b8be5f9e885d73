"""The neighbourhood of a trial in a lattice, by hand; and of scattered trials by brute force."""

import math

import numpy as np
import pytest
from swept import Cross, walk

from backtester import Strategy, sweep
from backtester.errors import SettingsError, SweepError


class Landscape(Strategy):
    """Ends with the equity that a table says, by depositing it."""

    x: int = 0
    y: int = 0
    kind: str = "a"

    def on_bar(self, ctx):
        pass


#: by (x, y): a plateau of 5 at x = 0 … 2, a peak of 9 alone at (4, 1), NaN at (3, 0)
HEIGHTS = np.array(
    [
        [5.0, 5.0, 5.0],
        [5.0, 6.0, 5.0],
        [5.0, 5.0, 5.0],
        [math.nan, 0.0, 1.0],
        [1.0, 9.0, 0.0],
    ]
)


@pytest.fixture(scope="module")
def found():
    bars = walk(40)
    visits = iter([(x, y) for x in range(5) for y in range(3)])

    def height(metrics):
        return float(HEIGHTS[next(visits)])

    return sweep(Landscape, bars, x=range(5), y=[10, 20, 30], objective=height, workers=1, store=None)


def test_mean_and_least_over_the_neighbours(found):
    table = found.stability().table.set_index(["x", "y"])
    assert len(table) == 14  # the one without a score is no candidate
    # the centre of the plateau: 6 and eight times 5
    centre = table.loc[(1, 20)]
    assert (centre["neighbours"], centre["mean"], centre["min"]) == (8, pytest.approx(46 / 9), 5.0)
    # a corner: itself and three
    corner = table.loc[(0, 10)]
    assert (corner["neighbours"], corner["mean"], corner["min"]) == (3, pytest.approx(21 / 4), 5.0)
    # the peak: 9, and NaN (counts as the worst of all, 0), 0, 1, 1, 0
    peak = table.loc[(4, 20)]
    assert (peak["neighbours"], peak["mean"], peak["min"]) == (5, pytest.approx(11 / 6), 0.0)


def test_the_plateau_wins_and_the_peak_is_named(found):
    stable = found.stability()
    assert found.best.parameters == {"x": 4, "y": 20}
    assert stable.peak == found.best
    assert stable.best.parameters == {"x": 0, "y": 10}  # 21/4 is the highest mean; of equal ones the first
    assert stable.peak_rank == 1 + (stable.table["mean"] > 11 / 6).sum()
    assert found.stability(score="min").best.parameters == {"x": 1, "y": 20}  # 5 all around, and 6 itself
    assert f"rank {stable.peak_rank} of 14" in str(stable)


def test_a_wider_neighbourhood(found):
    table = found.stability(radius=2).table.set_index(["x", "y"])
    # all within two steps of (0, 10): the whole plateau
    assert (table.loc[(0, 10)]["neighbours"], table.loc[(0, 10)]["mean"]) == (8, pytest.approx(46 / 9))


def test_words_have_no_neighbours():
    bars = walk(40)
    scores = iter([1.0, 9.0, 2.0, 3.0])
    found = sweep(Landscape, bars, kind=["a", "b"], x=[1, 2], objective=lambda m: next(scores), workers=1, store=None)
    table = found.stability().table.set_index(["kind", "x"])
    assert table.loc[("a", 1)]["mean"] == 5.0
    assert table.loc[("b", 2)]["mean"] == 2.5
    only = sweep(Landscape, bars, kind=["a", "b"], objective="final_equity", store=None)
    with pytest.raises(SweepError, match="no set has neighbours"):
        only.stability()


def test_values_are_neighbours_by_size_not_by_place():
    scores = iter([1.0, 2.0, 6.0])
    found = sweep(Landscape, walk(40), x=[10, 30, 20], objective=lambda m: next(scores), workers=1, store=None)
    assert found.stability().table.set_index("x").loc[30, "mean"] == 4.0  # 30 and 20


def test_minimised_objectives():
    scores = iter([1.0, 2.0, 6.0])
    found = sweep(
        Landscape, walk(40), x=[1, 2, 3], objective=lambda m: next(scores), maximize=False, workers=1, store=None
    )
    table = found.stability().table.set_index("x")
    assert table.index[0] == 1
    assert (table.loc[1, "mean"], table.loc[1, "min"], table.loc[2, "min"]) == (1.5, 2.0, 6.0)


def test_scattered_trials_have_the_nearest_for_neighbours():
    found = sweep(
        Cross, walk(), fast=(2, 30), slow=(31, 90), method="random", n_trials=60, objective="total_return", store=None
    )
    table = found.table
    shares = np.column_stack([(table["fast"] - 2) / 28, (table["slow"] - 31) / 59])
    values = table["total_return"].to_numpy()
    shown = found.stability().table
    assert (shown["neighbours"] == 4).all()
    for row, number in enumerate(table.index[:20]):
        distance = np.abs(shares - shares[row]).max(axis=1)
        order = np.argsort(distance, kind="stable")
        if np.isclose(distance[order[4]], distance[order[5]]):
            continue  # either of two neighbours will do
        near = [row, *(one for one in order if one != row)][:5]
        assert shown.loc[number, "mean"] == pytest.approx(values[near].mean())
        assert shown.loc[number, "min"] == values[near].min()


@pytest.mark.parametrize(
    ("given", "text"), [({"radius": 0}, "radius is 0"), ({"score": "maen"}, "did you mean 'mean'")]
)
def test_what_stability_refuses(given, text, found):
    with pytest.raises(SettingsError, match=text):
        found.stability(**given)
