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

from backtester.kernel.jit import kernel_jit, source_hash
from backtester.kernel.struct import as_struct
from envs.batch import BATCH, advance, first_refusal, restart
from envs.core import Core

MANY = 256  # copies from which threads pay
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
        self._step_entry, self._restart_entry = _kernels(type(self), self._use_threads())

    def _use_threads(self) -> bool:
        return self.n >= MANY and numba.get_num_threads() > 1

    def _run(self, address: int) -> int:
        return self._step_entry(address)

    def _restart(self, address: int) -> None:
        self._restart_entry(address)


@functools.cache
def _kernels(core: type[DrivenCore], threads: bool) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """Return the step and the restart of a class, compiled or loaded; they take the address of a batch."""
    step = _compiled(_step_with_threads if threads else _step, core, parallel=threads)
    return step, _compiled(_begin, core)


def _compiled(template: Callable[..., Any], core: type[DrivenCore], **options: Any) -> Callable[[int], int]:
    """Return a template compiled for the three functions of a class.

    The names `begin`, `move` and `observe` become its globals, and it passes for a function of the file that defines
    the class: so the machine code is kept until something changes in that package, or in this one.
    """
    parts = {name: getattr(core, name) for name in ("begin", "move", "observe")}
    home = parts["move"].py_func.__code__
    code = template.__code__.replace(co_filename=home.co_filename, co_firstlineno=home.co_firstlineno)
    function = types.FunctionType(code, {**template.__globals__, **parts}, template.__name__)
    function.__module__ = core.__module__
    function.__qualname__ = f"{core.__qualname__}.{template.__name__}.{source_hash(_ENVS)[:8]}"
    dispatcher = kernel_jit(_WORD(_WORD), **options)(function)
    entry = dispatcher.overloads[(_WORD,)].entry_point
    entry_of_dispatcher[entry] = dispatcher
    return entry


entry_of_dispatcher: dict[Any, Any] = {}  # the machine code lives as long as its dispatcher


begin: Any = None  # `_compiled` puts a class's own functions in the place of these
move: Any = None
observe: Any = None


def _step(address):
    refusal = first_refusal(address)
    if refusal < 0:
        return refusal
    ends = 0
    for i in range(as_struct(address, BATCH).n):
        ends += advance(begin, move, observe, address, i)
    return ends


def _step_with_threads(address):
    refusal = first_refusal(address)
    if refusal < 0:
        return refusal
    ends = 0
    for i in numba.prange(as_struct(address, BATCH).n):
        ends += advance(begin, move, observe, address, i)
    return ends


def _begin(address):
    return restart(begin, observe, address)
