"""Cores whose dynamics are three small jitted functions, and the kernels that are made of them."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
from numba.core import types as numba_types

from backtester.kernel.jit import inner_jit, kernel_jit, source_hash
from backtester.kernel.struct import as_struct
from envs.batch import BATCH, ENDED, SAME_STEP, clear, count, first_refusal
from envs.core import Core

# Copies from which threads are used. A step takes some 50 ns, so threads save little; and where other processes keep
# the cores busy, a call waits for its last thread: up to 8 ms instead of 0.05 ms for 1,024 copies.
MANY = 16_384
_WORD = numba_types.int64
_ENVS = Path(__file__).resolve().parent


class DrivenCore(Core):
    """A core of which a subclass says three jitted functions, each about one copy.

    `state` is the copy's row, float64 [n_state]; `parameters` float64 [any], the same for all copies; `random` its
    generator, for the functions of `envs.random`. They are made with `backtester.kernel.jit.inner_jit`:

    - `begin(state, parameters, random)` writes the state in which an episode begins;
    - `move(state, parameters, random, action)` takes one step and returns `(reward, outcome)`: a float, and
      `envs.batch.GOES_ON`, `TERMINATED` or `TRUNCATED`. `action` is float64 [numbers of an action], checked; the limit
      of an episode's length is not its business;
    - `observe(state, parameters, out)` writes the observation, float32 [d], inside the bounds of the space.

    Attributes
    ----------
    begin, move, observe : jitted function
    n_state : int
        Numbers in the row of a copy.

    Examples
    --------
    `envs.tasks.sine` is the shortest.
    """

    begin: ClassVar[Callable[..., Any]]
    move: ClassVar[Callable[..., Any]]
    observe: ClassVar[Callable[..., Any]]
    n_state: ClassVar[int]

    def __init__(self, n: int, *, parameters: Any = (), **base: Any):
        super().__init__(n, n_state=self.n_state, parameters=np.array(parameters, np.float64), **base)
        threads = self.n >= MANY and numba.get_num_threads() > 1
        self._step_entry, self._restart_entry = _kernels(type(self), threads)

    def _run(self, address: int) -> int:
        return self._step_entry(address)

    def _restart(self, address: int) -> None:
        self._restart_entry(address)


@functools.cache
def _kernels(core: type[DrivenCore], threads: bool) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """Return the step and the restart of a class, compiled or loaded; they take the address of a batch."""
    step = _step_with_threads if threads else _step
    parts = {name: getattr(core, name) for name in ("begin", "move", "observe")}
    parts["advance"] = inner_jit(_bound(_advance, core, parts))
    return _entry(_bound(step, core, parts), parallel=threads), _entry(_bound(_restart, core, parts))


def _bound(template: Callable[..., Any], core: type[DrivenCore], parts: dict[str, Any]) -> Callable[..., Any]:
    """Return a template whose globals `begin`, `move`, `observe` and `advance` are those of a class.

    They are globals, not arguments: numba cannot store code that takes functions. The result passes for a function of
    the file that defines the class, so that its machine code is kept until that package, or this one, changes.
    """
    home = parts["move"].py_func.__code__
    code = template.__code__.replace(co_filename=home.co_filename, co_firstlineno=home.co_firstlineno)
    name = f"{template.__name__}_{source_hash(_ENVS)[:8]}"
    function = types.FunctionType(code, {**template.__globals__, **parts}, name)
    function.__module__, function.__qualname__ = core.__module__, f"{core.__qualname__}.{name}"
    return function


_kept: list[Any] = []  # machine code lives as long as its dispatcher


def _entry(function: Callable[..., Any], **options: Any) -> Callable[[int], int]:
    """Compile a kernel, and return what calls it without a dispatcher in between."""
    dispatcher = kernel_jit(_WORD(_WORD), **options)(function)
    _kept.append(dispatcher)
    return dispatcher.overloads[(_WORD,)].entry_point


begin: Any = None  # the names that `_bound` gives a meaning
move: Any = None
observe: Any = None
advance: Any = None


def _step(address):
    refusal = first_refusal(address)
    if refusal < 0:
        return refusal
    ends = 0
    for i in range(as_struct(address, BATCH).n):
        ends += advance(address, i)
    return ends


def _step_with_threads(address):
    refusal = first_refusal(address)
    if refusal < 0:
        return refusal
    ends = 0
    for i in numba.prange(as_struct(address, BATCH).n):
        ends += advance(address, i)
    return ends


def _advance(address, i):
    """Step copy i, autoreset included; return 1 if its episode ended."""
    b = as_struct(address, BATCH)
    state, random, observation = b.state[i], b.random[i : i + 1], b.observation[i]
    if b.phase[i] == ENDED:  # with NEXT_STEP
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


def _restart(address):
    """Begin an episode of every copy in the mask; their limits are set before."""
    b = as_struct(address, BATCH)
    for i in range(b.n):
        if b.mask[i]:
            clear(address, i)
            begin(b.state[i], b.parameters, b.random[i : i + 1])
            observe(b.state[i], b.parameters, b.observation[i])
    return 0
