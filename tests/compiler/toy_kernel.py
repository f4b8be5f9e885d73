"""A toy kernel for the compiler's tests: a state, C functions that write down how they were called, and a loop."""

import ctypes
import math

import numba
import numpy as np
from numba import float64, int64, njit

from backtester.compiler import CTX_FIELDS, compile_hooks, make_ctx_type
from backtester.kernel.struct import Field, State, StructBuffer, call_hook
from backtester.kernel.tables import FILL, ORDER

_I, _F = ctypes.c_int64, ctypes.c_double
SIGNATURES = {
    "fn_submit": (_I, _I, _I, _I, _F, _F, _F, _F, _F, _I, _I, _I),
    "fn_target": (_I, _I, _I, _I, _F, _I, _I, _I, _I),
    "fn_bracket": (_I, _I, _I, _F, _F, _F, _F, _F, _F, _F, _I, _I, _I),
    "fn_change": (_I, _I, _I, _I, _I, _F, _F),
    "fn_record": (_I, _I, _I, _F),
    "fn_random": (_F, _I),
    "fn_group": (_I, _I),
    "fn_ready": (_I, _I, _I),
}
STATE = State(
    "toy",
    [
        *(Field(name, "scalar", int64) for name in ("t", "timestamp", "n_assets", "hook_index", *SIGNATURES)),
        *(Field(name, "scalar", float64) for name in ("cash", "equity")),
        *(Field(name, "series", float64, 2, readonly=True) for name in CTX_FIELDS[5:]),
        *(Field(name, "array", float64, 1) for name in ("positions", "entry_prices", "marks", "multipliers")),
        Field("open_counts", "array", int64, 1),
        Field("orders", "array", numba.from_dtype(ORDER), 1),
        Field("fills", "array", numba.from_dtype(FILL), 1),
    ],
)


class Strategy:
    """Stands in for the base class: hooks that do nothing, and annotated parameters."""

    def __init__(self, **parameters):
        for name, value in parameters.items():
            setattr(self, name, value)

    def prepare(self, bars):
        pass


class Market:
    """Bars of a random walk, and a state over them."""

    def __init__(self, n_bars=50, n_assets=2, seed=0, extras=()):
        random = np.random.default_rng(seed)
        self.n_bars = n_bars
        self.close = 100.0 + np.cumsum(random.normal(size=(n_bars, n_assets)), axis=0)
        self.close.flags.writeable = False
        self.ctx_type = make_ctx_type(STATE, extras)
        self.state = StructBuffer(STATE, self.ctx_type.n_words - STATE.n_words)
        view = self.state.view(self.ctx_type)
        for name in (*CTX_FIELDS[5:], *extras):
            view.set_array(name, self.close)
        for name in ("positions", "entry_prices", "marks", "multipliers"):
            self.state.set_array(name, np.zeros(n_assets))
        self.state.set_array("open_counts", np.zeros(n_assets, np.int64))
        self.state.set_array("orders", np.zeros(4, ORDER))
        self.state.set_array("fills", np.zeros(4, FILL))
        self.state.set("n_assets", n_assets)
        self.state.set("equity", 1000.0)
        self.calls = []
        self._callbacks = [self._callback(name, *signature) for name, signature in SIGNATURES.items()]

    def _callback(self, name, *signature):
        def note(state, *values):
            assert state == self.state.address
            self.calls.append((name, *values))
            return 0.25 if name == "fn_random" else len(self.calls)

        function = ctypes.CFUNCTYPE(*signature)(note)
        self.state.set(name, ctypes.cast(function, ctypes.c_void_p).value)
        return function

    def compile(self, strategy):
        return compile_hooks(strategy, self.ctx_type, self.n_bars)

    def run(self, compiled, t0=0, t1=None, hook="on_bar"):
        """Call a hook on bars t0 to t1; return the bar that raised, or -1."""
        address, own = getattr(compiled, hook), compiled.self_buffer
        for t in range(t0, self.n_bars if t1 is None else t1):
            self.state.set_present(t + 1)
            own.set_present(t + 1)
            self.state.set("t", t)
            if call(address, own.address, self.state.address) != 0:
                return t
        return -1


@njit
def call(hook, own, state):
    return call_hook(hook, own, state)


def same(found, expected):
    """Whether two recorded calls agree, NaN equal to NaN."""
    return len(found) == len(expected) and all(
        a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
        for a, b in zip(found, expected, strict=True)
    )
