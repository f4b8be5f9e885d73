"""What compiled code knows of n copies of an environment: one struct of pointers, and the rules all kernels share.

A core has two such structs over the same state; they differ in the result arrays alone, and are used in turn.
A step kernel takes the address of one, and returns how many copies ended, or a refusal (a negative number).
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from backtester.kernel.jit import inner_jit
from backtester.kernel.struct import Field, Struct, as_struct

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2  # autoreset
RUNNING, ENDED, NEVER_BEGUN = 0, 1, 2  # phase of a copy
GOES_ON, TERMINATED, TRUNCATED = 0, 1, 2  # what a move does to its episode

_SCALARS = ("n", "autoreset", "length")  # length: steps of an episode, 0 for no limit
_STATE = (
    ("random", types.uint64, 1),
    ("state", types.float64, 2),  # [n, whatever the dynamics need]
    ("parameters", types.float64, 1),
    ("actions", types.float64, 2),  # [n, numbers of an action]
    ("lowest", types.float64, 1),
    ("highest", types.float64, 1),
    ("phase", types.int64, 1),
    ("limit", types.int64, 1),  # steps of the running episode, 0 for no limit
    ("mask", types.boolean, 1),  # which copies a reset is for
    ("episode_return", types.float64, 1),
    ("episode_length", types.int64, 1),
    ("final_return", types.float64, 1),
    ("final_length", types.int64, 1),
)
_RESULTS = (
    ("observation", types.float32, 2),
    ("reward", types.float64, 1),
    ("terminated", types.boolean, 1),
    ("truncated", types.boolean, 1),
    ("final_observation", types.float32, 2),
)
STATE_NAMES = tuple(name for name, _, _ in _STATE)
RESULT_NAMES = tuple(name for name, _, _ in _RESULTS)
BATCH = Struct(
    "Batch",
    (
        *(Field(name, "scalar", types.int64) for name in _SCALARS),
        *(Field(name, "array", dtype, ndim) for name, dtype, ndim in (*_STATE, *_RESULTS)),
    ),
)


@inner_jit
def first_refusal(address):
    """Return 0 if every copy can be stepped, −1 − i if the action of copy i is none, −1 − n − i if it needs a reset."""
    b = as_struct(address, BATCH)
    for i in range(b.n):
        if b.phase[i] != RUNNING:
            if b.phase[i] == ENDED and b.autoreset == NEXT_STEP:
                continue  # its action is ignored
            return -1 - b.n - i
        for j in range(b.actions.shape[1]):
            if not (b.lowest[j] <= b.actions[i, j] <= b.highest[j]):  # NaN fails too
                return -1 - i
    return 0


@inner_jit
def clear(address, i):
    """Begin to count a new episode of copy i; its limit is set by the caller."""
    b = as_struct(address, BATCH)
    b.phase[i] = RUNNING
    b.episode_return[i] = 0.0
    b.episode_length[i] = 0
    b.reward[i] = 0.0
    b.terminated[i] = False
    b.truncated[i] = False


@inner_jit
def count(address, i, reward, outcome):
    """Note the step of copy i, and truncate the episode at its limit; return whether it ended."""
    b = as_struct(address, BATCH)
    b.reward[i] = reward
    b.episode_return[i] += reward
    b.episode_length[i] += 1
    at_limit = b.limit[i] > 0 and b.episode_length[i] >= b.limit[i]
    terminated = outcome == TERMINATED
    truncated = not terminated and (outcome == TRUNCATED or at_limit)
    b.terminated[i] = terminated
    b.truncated[i] = truncated
    if not (terminated or truncated):
        return False
    b.phase[i] = ENDED
    b.final_return[i] = b.episode_return[i]
    b.final_length[i] = b.episode_length[i]
    return True


@inner_jit
def advance(begin, move, observe, address, i):
    """Step copy i of dynamics made of three jitted functions, autoreset included; return 1 if its episode ended."""
    b = as_struct(address, BATCH)
    state, random, observation = b.state[i], b.random[i : i + 1], b.observation[i]
    if b.phase[i] == ENDED:  # NEXT_STEP
        clear(address, i)
        b.limit[i] = b.length
        begin(state, b.parameters, random)
        observe(state, b.parameters, observation)
        return 0
    reward, outcome = move(state, b.parameters, random, b.actions[i])
    ended = count(address, i, reward, outcome)
    observe(state, b.parameters, observation)
    if not ended:
        return 0
    if b.autoreset == SAME_STEP:
        b.final_observation[i] = observation
        terminated, truncated = b.terminated[i], b.truncated[i]
        clear(address, i)
        b.reward[i], b.terminated[i], b.truncated[i] = reward, terminated, truncated
        b.limit[i] = b.length
        begin(state, b.parameters, random)
        observe(state, b.parameters, observation)
    return 1


@inner_jit
def restart(begin, observe, address):
    """Begin an episode of every copy in the mask; limits are set before."""
    b = as_struct(address, BATCH)
    for i in range(b.n):
        if b.mask[i]:
            clear(address, i)
            begin(b.state[i], b.parameters, b.random[i : i + 1])
            observe(b.state[i], b.parameters, b.observation[i])
    return np.int64(0)
