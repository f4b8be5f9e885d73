"""The random numbers of environments: against published values and SciPy."""

import numpy as np
import pytest
from scipy import special, stats

from backtester.kernel.jit import kernel_jit
from envs.random import integer, next_word, normal, normal_quantile, seed_generators, staggered_lengths, uniform


@kernel_jit()
def words(random, out):
    for i in range(out.size):
        out[i] = next_word(random)


@kernel_jit()
def uniforms(random, out):
    for i in range(out.size):
        out[i] = uniform(random)


@kernel_jit()
def normals(random, out):
    for i in range(out.size):
        out[i] = normal(random)


@kernel_jit()
def integers(random, below, out):
    for i in range(out.size):
        out[i] = integer(random, below)


@kernel_jit()
def quantiles(p, out):
    for i in range(p.size):
        out[i] = normal_quantile(p[i])


def state(word):
    return np.array([word], np.uint64)


def test_the_words_are_those_published_for_splitmix64():
    out = np.zeros(5, np.uint64)
    words(state(1234567), out)  # the example of Rosetta Code, "Pseudo-random numbers/Splitmix64"
    assert out.tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_the_normal_quantile_is_scipys():
    p = np.concatenate([np.linspace(0.0005, 0.9995, 1999), 10.0 ** -np.arange(1, 17), [0.5 * 2.0**-52, 1 - 2.0**-53]])
    out = np.zeros_like(p)
    quantiles(p, out)
    np.testing.assert_allclose(out, special.ndtri(p), rtol=5e-15, atol=1e-15)


def test_a_normal_number_takes_one_word_and_is_finite_at_both_ends():
    random, other = state(5), state(5)
    one = np.zeros(3)
    normals(random, one)
    words(other, np.zeros(3, np.uint64))
    assert random[0] == other[0]
    p = np.array([0.5 * 2.0**-52, (2.0**52 - 0.5) * 2.0**-52])  # of the smallest and the largest 52 bits
    out = np.zeros(2)
    quantiles(p, out)
    assert np.isfinite(out).all()
    assert out[0] == -out[1]


@pytest.mark.parametrize(
    ("draw", "cdf"), [(normals, stats.norm.cdf), (uniforms, stats.uniform.cdf)], ids=["normal", "uniform"]
)
def test_the_distribution_is_right(draw, cdf):
    out = np.zeros(200_000)
    draw(state(42), out)
    assert stats.kstest(out, cdf).pvalue > 0.001
    assert abs(np.corrcoef(out[1:], out[:-1])[0, 1]) < 4 / np.sqrt(out.size)


def test_whole_numbers_fill_their_range_evenly():
    out = np.zeros(60_000, np.int64)
    integers(state(1), 6, out)
    counts = np.bincount(out)
    assert counts.size == 6
    assert stats.chisquare(counts).pvalue > 0.001


def test_neighbouring_seeds_begin_far_apart():
    random = np.zeros(5000, np.uint64)
    seed_generators(random, np.arange(5000, dtype=np.uint64), np.ones(5000, np.bool_))
    first = np.zeros((5000, 1))
    for i in range(5000):
        uniforms(random[i : i + 1], first[i])
    assert stats.kstest(first[:, 0], stats.uniform.cdf).pvalue > 0.001
    assert abs(np.corrcoef(first[1:, 0], first[:-1, 0])[0, 1]) < 4 / np.sqrt(5000)


def test_only_chosen_generators_are_seeded():
    random = np.array([7, 7], np.uint64)
    seed_generators(random, np.array([1, 1], np.uint64), np.array([True, False]))
    assert random[0] != 7
    assert random[1] == 7


def test_staggered_lengths_lie_in_their_range_and_leave_the_generator():
    random = np.zeros(9000, np.uint64)
    seed_generators(random, np.arange(9000, dtype=np.uint64), np.ones(9000, np.bool_))
    before, lengths = random.copy(), np.zeros(9000, np.int64)
    staggered_lengths(random, 9, lengths, np.ones(9000, np.bool_))
    assert (random == before).all()
    counts = np.bincount(lengths)
    assert counts[0] == 0
    assert counts.size == 10
    assert stats.chisquare(counts[1:]).pvalue > 0.001


def test_a_staggered_length_tells_nothing_of_the_numbers_that_follow():
    random = np.zeros(9000, np.uint64)
    everyone = np.ones(9000, np.bool_)
    seed_generators(random, np.arange(9000, dtype=np.uint64), everyone)
    lengths, first = np.zeros(9000, np.int64), np.zeros((9000, 1))
    staggered_lengths(random, 1000, lengths, everyone)
    for i in range(9000):
        uniforms(random[i : i + 1], first[i])
    assert abs(np.corrcoef(lengths, first[:, 0])[0, 1]) < 4 / np.sqrt(9000)
