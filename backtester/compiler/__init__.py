"""A strategy's hooks become machine code: `compile_hooks`.

One subject per file: `walk` finds what the hooks reach, `fields` turns the instance's attributes into memory, `rebuild`
makes helpers compilable, `methods` types `self.method(...)`; `ctx_type`, `ctx_verbs` and `ctx_reads` type `ctx`;
`entry` compiles to an address, `cache` keeps machine code on disk, `checks` and `messages` refuse in one line, and
`twins` makes interpreted code compute the same bits. The rest of the package needs only the names below, and no numba.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from types import CellType
from typing import Any

from backtester.compiler import cache, ctx_reads, ctx_verbs, entry  # noqa: F401 (they define the methods of ctx)
from backtester.compiler.bytecode import Place
from backtester.compiler.checks import (
    check_assignments,
    check_constructs,
    check_random,
    check_strategy,
    check_writes,
    hooks_of,
)
from backtester.compiler.ctx_type import CTX_FIELDS, make_ctx_type
from backtester.compiler.fields import as_held, fill, make_fields, read_back
from backtester.compiler.messages import cannot_compile
from backtester.compiler.methods import attach
from backtester.compiler.rebuild import Rebuilder
from backtester.compiler.twins import as_python, as_scalar, interpreted_class, rebuild_for_interpreter
from backtester.compiler.walk import Walk
from backtester.errors import BacktesterError, CannotCompile
from backtester.kernel.jit import config
from backtester.kernel.reads import record_key
from backtester.kernel.struct import Ctx, Self, StructBuffer

__all__ = [
    "CTX_FIELDS",
    "CompiledHooks",
    "Place",
    "as_held",
    "as_python",
    "as_scalar",
    "check_random",
    "check_strategy",
    "compile_hooks",
    "interpreted_class",
    "make_ctx_type",
    "rebuild_for_interpreter",
    "record_key",
]

_lock = threading.RLock()
_loaded: dict[str, list[entry.Hook]] = {}  # machine code in this process, by key


@dataclass
class CompiledHooks:
    """The hooks of one strategy instance as machine code.

    Attributes
    ----------
    on_bar, on_fill, on_reject : int
        Addresses of `int32 f(ret*, excinfo**, self*, ctx*)` for `call_hook`; 0 where a hook is not overridden.
    self_buffer : StructBuffer
        The instance's fields; arrays are the instance's own.
    record_names : dict of int to str
        Keys of `ctx.record`, for every string the hooks contain.
    from_cache : bool
        Whether the machine code existed before, in this process or on disk.
    looked_up : list of (dict, str)
        Where the code looks up what is not the strategy's own, and under which names.
    cells : list
        The closure variables that it reads.
    """

    on_bar: int
    on_fill: int
    on_reject: int
    self_buffer: StructBuffer
    record_names: dict[int, str]
    from_cache: bool
    looked_up: list[tuple[dict[str, Any], str]] = field(repr=False)
    cells: list[CellType] = field(repr=False)
    _strategy: Any = field(repr=False)
    _stored: list[str] = field(repr=False)
    _hooks: list[entry.Hook] = field(repr=False)  # keeps the machine code alive

    def read_back(self) -> None:
        """Write the scalars and tuples that hooks assign back to the instance."""
        read_back(self._strategy, self.self_buffer, self._stored)


def compile_hooks(strategy: Any, ctx_type: Ctx, n_bars: int) -> CompiledHooks:
    """Compile, or load, the hooks of a strategy whose `prepare` has run.

    Parameters
    ----------
    strategy : Strategy
        Attributes that its hooks use become fields. An array that is not C-contiguous is replaced on the instance by
        a copy that is.
    ctx_type : Ctx
        From `make_ctx_type`.
    n_bars : int
        Arrays with this many rows are series: compiled code sees them end at the present.

    Returns
    -------
    CompiledHooks

    Raises
    ------
    CannotCompile
        With one line that names the user's line and the construct.
    StrategyError
        Where the strategy is wrong in either mode: a field that changes its type, `np.random` in a hook.
    """
    if config.DISABLE_JIT:
        raise CannotCompile("NUMBA_DISABLE_JIT is set")
    with _lock:
        try:
            return _compile(strategy, ctx_type, n_bars)
        except BacktesterError:
            raise
        except Exception as error:  # numba raises of every kind; interpreted mode is always a way to go on
            raise cannot_compile(error) from error


def _compile(strategy: Any, ctx_type: Ctx, n_bars: int) -> CompiledHooks:
    functions = hooks_of(strategy)
    walk = Walk(strategy, functions)
    check_constructs(walk, functions)
    fields, values = make_fields(walk, n_bars)
    layout = Self("fields", fields).digest
    key = cache.key_of(entry.machine(), ctx_type.name, layout, walk.tokens)
    digest = key[:16] if walk.cacheable else uuid.uuid4().hex[:16]
    self_type = Self(f"{type(strategy).__name__} {digest}", fields)
    hooks = _find(key) if walk.cacheable else None
    from_cache = hooks is not None
    if hooks is None:
        hooks = _build(walk, functions, digest, self_type, ctx_type)
        if walk.cacheable:
            _loaded[key] = hooks
            if all(hook.storable for hook in hooks):
                cache.store(key, entry.to_bytes(hooks))
    addresses = {hook.name: hook.address for hook in hooks}
    return CompiledHooks(
        on_bar=addresses.get("on_bar", 0),
        on_fill=addresses.get("on_fill", 0),
        on_reject=addresses.get("on_reject", 0),
        self_buffer=fill(self_type, values),
        record_names={record_key(text): text for text in sorted(walk.strings)},
        from_cache=from_cache,
        looked_up=walk.looked_up,
        cells=walk.cells,
        _strategy=strategy,
        _stored=[f.name for f in fields if walk.uses[f.name].stored],
        _hooks=hooks,
    )


def _find(key: str) -> list[entry.Hook] | None:
    """Return the hooks stored under a key, or None; a file that does not load is as good as none."""
    if key in _loaded:
        return _loaded[key]
    data = cache.load(key)
    if data is None:
        return None
    try:
        hooks = entry.from_bytes(data)
    except Exception:
        return None
    _loaded[key] = hooks
    return hooks


def _build(walk: Walk, functions: dict[str, Any], digest: str, self_type: Self, ctx_type: Ctx) -> list[entry.Hook]:
    rebuilder = Rebuilder(digest, walk.functions)
    methods = {name: (kind, rebuilder.jitted(function)) for name, (kind, function) in walk.methods.items()}
    attach(self_type, methods)
    hooks = []
    for name, function in functions.items():
        hooks.append(entry.compile_hook(name, rebuilder.jitted(function), self_type, ctx_type))
    check_assignments(rebuilder.dispatchers)
    check_writes(rebuilder.dispatchers)
    return hooks
