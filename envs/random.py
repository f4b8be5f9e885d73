"""Random numbers for jitted environments: one generator per copy, whatever the number of copies.

The state of a generator is one uint64 word. Functions take it as an array of one word, and advance it in place; the
sequence is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), as
`backtester.kernel` has it for strategies. Every function draws the same number of words whatever the values are: one.
"""

from __future__ import annotations

import numpy as np

from backtester.kernel.jit import inner_jit, kernel_jit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_STAGGER = np.uint64(0x632BE59BD9B4E019)  # an odd constant of its own

# Wichura's coefficients, from the highest power down: numerator and denominator of three rational functions
_CENTRE = (
    *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4),
    *(1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
)
_CENTRE_BELOW = (
    *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4),
    *(5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)
_MIDDLE = (
    *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0),
    *(3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
)
_MIDDLE_BELOW = (
    *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1),
    *(6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)
_TAIL = (
    *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2),
    *(2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
)
_TAIL_BELOW = (
    *(2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4),
    *(1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)


@inner_jit
def next_word(random):
    """Advance a generator (uint64, shape (1,)); 64 random bits."""
    z = random[0] + _GAMMA
    random[0] = z
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inner_jit
def uniform(random):
    """Return a number in [0, 1), a multiple of 2⁻⁵³."""
    return np.float64(next_word(random) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@inner_jit
def integer(random, below):
    """Return a whole number in [0, below); `below` is at most 2³¹, so that the bias stays under 2⁻²²."""
    return np.int64(uniform(random) * below)


@inner_jit
def normal(random):
    """Return a standard normal number: the normal quantile of a uniform one in (0, 1), 52 bits of it."""
    word = next_word(random) >> np.uint64(12)
    return normal_quantile((np.float64(word) + 0.5) * (1.0 / 4503599627370496.0))


@inner_jit
def normal_quantile(p):
    """Return x with Φ(x) = p, 0 < p < 1, to some 1e-16 relative (Wichura, algorithm AS 241, PPND16, 1988)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = _horner(r, _CENTRE)
        bottom = _horner(r, _CENTRE_BELOW)
        return q * top / bottom
    r = np.sqrt(-np.log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        x = _horner(r, _MIDDLE) / _horner(r, _MIDDLE_BELOW)
    else:
        r -= 5.0
        x = _horner(r, _TAIL) / _horner(r, _TAIL_BELOW)
    return -x if q < 0.0 else x


@inner_jit
def _horner(x, coefficients):
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


@inner_jit
def hashed(word):
    """Return a word with its bits mixed (the finaliser of MurmurHash3), so that neighbouring seeds are far apart."""
    z = (word + _GAMMA) * np.uint64(0xFF51AFD7ED558CCD)
    z = (z ^ (z >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return z ^ (z >> np.uint64(33))


@kernel_jit()
def seed_generators(random, seeds, mask):
    """Start the generators of the copies in `mask` (all arrays [n]) from their seeds, any 64-bit words."""
    for i in range(random.shape[0]):
        if mask[i]:
            random[i] = hashed(seeds[i])


@kernel_jit()
def staggered_lengths(random, length, out, mask):
    """Write to `out` a length in [1, length] for each copy in `mask`, drawn beside its generator, which stays."""
    word = np.zeros(1, np.uint64)
    for i in range(random.shape[0]):
        if mask[i]:
            word[0] = random[i] ^ _STAGGER
            out[i] = 1 + integer(word, length)
