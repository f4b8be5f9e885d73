"""Room for one more row: a full table is grown by Python, through a callback, in the middle of whatever is going on."""

from backtester.kernel.jit import inner_jit
from backtester.kernel.struct import address_of, call_void_i8_i8


@inner_jit
def grow(s, table):
    """Have a full table grown. Arrays of the state must be read again afterwards."""
    call_void_i8_i8(s.fn_grow, address_of(s), table)


@inner_jit
def give_up(s):
    """Note that a table could not be grown; the row before is written over, and the run stops after this bar."""
    s.exhausted = 1
    return -1
