"""Spaces are checked at the door; points are made one by one, each from its number."""

import itertools

import numpy as np
import pytest
from swept import Cross

from backtester import Strategy
from backtester.errors import ParameterError, SweepError
from backtester.research.sweep.points import Permutation, Points, allowed, mix
from backtester.research.sweep.space import Choice, Range, make_space


class Many(Strategy):
    count: int = 1
    level: float = 0.5
    name: str = "a"
    flag: bool = False
    pair: tuple = ()
    needed: int


def space(method="grid", **given):
    return make_space(Many, {"needed": 1} | given, method)


def points(made, method="grid", n=None, seed=0, where=None):
    return Points(made, method, n, seed, where)


def test_a_grid_is_the_product_of_its_lists_the_last_fastest():
    made = space(count=[3, 1], name=["x", "y", "z"], flag=[False, True])
    assert made.size == 12
    found = [tuple(made.parameters(at).values()) for _, at in points(made)]
    assert found == list(itertools.product([3, 1], ["x", "y", "z"], [False, True]))
    assert [number for number, _ in points(made)] == list(range(12))


def test_arrays_ranges_and_single_values():
    made = space(count=range(2, 5), level=np.array([0.25, 1.0]), name="only")
    assert [one.values for one in made.dimensions] == [(2, 3, 4), (0.25, 1.0)]
    assert all(type(value) is float for value in made.dimensions[1].values)
    assert made.fixed == {"needed": 1, "name": "only", "flag": False, "pair": ()}


def test_a_whole_number_is_a_level():
    assert space(level=[1, 2]).dimensions[0].values == (1.0, 2.0)


def test_values_that_cannot_be_hashed_are_values():
    made = space(pair=[([1], [2]), ([1], [3])])
    assert made.dimensions[0].values == (([1], [2]), ([1], [3]))


def test_a_huge_grid_is_not_held():
    made = space(count=range(10**6), level=[i / 1000 for i in range(1000)], flag=[False, True])
    assert made.size == 2 * 10**9
    # number = (count·1000 + level)·2 + flag
    assert made.parameters(made.point((123_456 * 1000 + 7) * 2 + 1)) == {"count": 123_456, "level": 0.007, "flag": True}
    first = list(itertools.islice(iter(points(made)), 3))
    assert [at for _, at in first] == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"cuont": [1]}, ParameterError, "did you mean 'count'"),
        ({"count": []}, SweepError, "count has no values"),
        ({"count": [1, 2, 1]}, SweepError, "the value 1 twice"),
        ({"count": [1, 2.5]}, ParameterError, "count must be int, found 2.5"),
        ({"count": (5, 20)}, SweepError, r"\[5, 20\] for these two"),
        ({"name": ["a", 3]}, ParameterError, "name must be str, found 3"),
        ({"pair": (1.0, 0.5, 0.2)}, ParameterError, r"write pair=\[\(1.0, 0.5, 0.2\)\] for this one value"),
        ({"pair": (1.0, 0.5)}, ParameterError, r"write pair=\[\(1.0, 0.5\)\] for this one value"),
    ],
)
def test_what_a_grid_refuses(given, kind, text):
    with pytest.raises(kind, match=text):
        space(**given)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"level": (2.0, 1.0)}, "the lower one first"),
        ({"level": (0.0, 1.0, "log")}, "begins above 0"),
        ({"level": (0.1, 1.0, "lgo")}, "low, high, 'log'"),
        ({"level": (0.1, float("inf"))}, "two finite numbers"),
    ],
)
def test_what_a_range_refuses(given, text):
    with pytest.raises(SweepError, match=text):
        space("random", **given)


def test_a_parameter_without_a_default_is_asked_for():
    with pytest.raises(ParameterError, match="needs the parameter 'needed'"):
        make_space(Many, {"count": [1]}, "grid")


def test_ranges_reach_both_ends_and_keep_their_type():
    made = space("random", count=(1, 4), level=(1, 1000, "log"))
    whole, log = made.dimensions
    assert (whole, log) == (Range("count", 1, 4, False, True), Range("level", 1.0, 1000.0, True, False))
    assert [whole.at(share) for share in (0.0, 0.249, 0.25, 0.999)] == [1, 1, 2, 4]
    # the middle of a log scale is the geometric mean: √(1·1000) = 31.6…
    assert log.at(0.5) == pytest.approx(1000.0**0.5)
    assert (log.at(0.0), log.value(log.at(1.0 - 1e-12))) == (1.0, pytest.approx(1000.0))


def test_random_points_of_lists_do_not_repeat_and_all_come():
    made = space(count=range(7), level=[0.1, 0.2, 0.3])
    found = [at for _, at in points(made, "random", n=21, seed=5)]
    assert sorted(found) == sorted(itertools.product(range(7), range(3)))
    assert len(list(points(made, "random", n=100, seed=5))) == 21  # there are no more
    assert found != sorted(found)
    assert [at for _, at in points(made, "random", n=4, seed=5)] == found[:4]
    assert [at for _, at in points(made, "random", n=21, seed=6)] != found


def test_random_points_of_ranges_are_uniform():
    made = space("random", level=(2.0, 4.0), count=(0, 9))
    drawn = np.array([at for _, at in points(made, "random", n=4000, seed=3)])
    # mean 3, sd 2/√12 = 0.577; of 4,000 the mean has an sd of 0.0091: five of them
    assert abs(drawn[:, 0].mean() - 3.0) < 0.046
    assert abs(drawn[:, 0].std() - 2.0 / 12**0.5) < 0.03
    assert np.bincount(drawn[:, 1].astype(int)).min() > 300
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.08  # 5/√4000


def test_a_latin_hypercube_has_one_point_in_each_slice_of_each_dimension():
    made = space("latin", level=(0.0, 1.0), count=(0, 99))
    drawn = np.array([at for _, at in points(made, "latin", n=50, seed=3)])
    assert sorted((drawn[:, 0] * 50).astype(int)) == list(range(50))
    assert sorted((drawn[:, 1] / 2).astype(int)) == list(range(50))
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.7


def test_where_sees_every_parameter_and_numbers_stay():
    made = make_space(Cross, {"fast": [1, 2, 3], "slow": [2, 3]}, "grid")
    found = list(points(made, where=lambda p: p.fast < p.slow and p.share == 1.0))
    assert found == [(0, (0, 0)), (1, (0, 1)), (3, (1, 1))]
    assert points(made, where=lambda p: p.fast < p.slow).count() == (3, True)


def test_random_points_are_drawn_until_enough_are_allowed():
    made = make_space(Cross, {"fast": (1, 50), "slow": (1, 50)}, "random")
    found = list(points(made, "random", n=40, where=lambda p: p.fast < p.slow))
    assert len(found) == 40
    assert all(fast < slow for _, (fast, slow) in found)
    assert list(points(made, "random", n=40, where=lambda p: p.fast > 50)) == []  # none of 2,500
    endless = make_space(Cross, {"fast": (1, 50), "share": (0.0, 1.0)}, "random")
    with pytest.raises(SweepError, match=r"refused 1\d\d,\d\d\d of"):
        list(points(endless, "random", n=40, where=lambda p: p.fast > 50))


def test_random_points_of_whole_numbers_do_not_repeat_and_all_come():
    made = space("random", count=(5, 9), name=["x", "y"])
    assert made.size == 10  # five numbers, two words
    found = [at for _, at in points(made, "random", n=100, seed=4)]
    assert sorted(found) == sorted(itertools.product(range(5, 10), range(2)))
    assert [at for _, at in points(made, "random", n=3, seed=4)] == found[:3]
    assert points(made, "random", n=100).count() == (10, True)


def test_random_whole_numbers_on_a_log_scale_do_not_repeat_and_all_come():
    made = space("random", count=(1, 1000, "log"))
    found = list(points(made, "random", n=2_000, seed=4))
    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers))
    assert sorted(at[0] for _, at in found) == list(range(1, 1001))
    # below √1000 lies half of a log scale: most of those 31 numbers are among the first hundred
    assert sum(at[0] <= 31 for _, at in found[:100]) >= 25
    assert list(points(made, "random", n=50, seed=4)) == found[:50]


@pytest.mark.parametrize("values", [(0, 99), range(100)])
def test_more_points_than_a_permutation_mixes_are_uniform(values):
    """100²⁰ is more than 2¹²⁸, so that the halves of a Feistel network would have more than 64 bits."""
    names = [f"x{k}" for k in range(20)]
    wide = type("Wide", (Strategy,), {"__annotations__": dict.fromkeys(names, int), **dict.fromkeys(names, 0)})
    made = make_space(wide, dict.fromkeys(names, values), "random")
    drawn = np.array([at for _, at in points(made, "random", n=2000, seed=3)])
    # mean 49.5, sd √((100² − 1)/12) = 28.9; of 2,000 the mean has an sd of 0.65: five of them
    assert (abs(drawn.mean(axis=0) - 49.5) < 3.2).all()


def test_a_hypercube_over_few_values_has_each_point_once():
    made = space("latin", count=(1, 2), name=["x", "y"])
    found = list(points(made, "latin", n=8, seed=1))
    assert sorted(at for _, at in found) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert points(made, "latin", n=8).count() == (4, True)
    wide = space("latin", count=(1, 6), name=["x", "y"])
    for seed in range(20):  # of 12 points 8 are asked for, and 8 come
        assert len({at for _, at in points(wide, "latin", n=8, seed=seed)}) == 8


@pytest.mark.parametrize("method", ["random", "latin"])
def test_points_that_cannot_be_counted_are_drawn_as_they_come(method):
    made = space(method, level=(0.0, 1.0), count=(1, 4))
    drawn = points(made, method, n=50, seed=3)
    assert made.size is None
    assert list(drawn) == list(itertools.islice(drawn._latin() if method == "latin" else drawn._drawn(), 50))


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (lambda p: p.fsat < 3, "reads 'fsat', which is no parameter; did you mean 'fast'"),
        (lambda p: None, "answered None for"),
    ],
)
def test_what_where_may_not_do(where, text):
    made = make_space(Cross, {"fast": [1, 2]}, "grid")
    with pytest.raises(SweepError, match=text):
        allowed(made, where, (0,))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 65, 1000])
def test_permutations_are_permutations(n):
    for seed in (0, 1, -5):
        assert sorted(map(Permutation(n, seed), range(n))) == list(range(n))


def test_splitmix_agrees_with_its_published_sequence():
    """The first outputs for seed 1234567, of the reference implementation (Vigna, splitmix64.c, via Rosetta Code)."""
    step, state, found = 0x9E3779B97F4A7C15, 1234567, []
    for _ in range(5):
        found.append(mix(state))
        state = (state + step) % 2**64
    assert found == [
        *(6457827717110365317, 3203168211198807973, 9817491932198370423),
        *(4593380528125082431, 16408922859458223821),
    ]


def test_shares_are_places_between_the_ends():
    assert Choice("x", (10, 30, 20)).share(np.array([0, 1, 2])).tolist() == [0.0, 1.0, 0.5]
    assert Range("x", 1.0, 100.0, True, False).share(np.array([10.0])).tolist() == pytest.approx([0.5])
