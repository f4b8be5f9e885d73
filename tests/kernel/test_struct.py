"""The pointer struct: layout, reading and writing from compiled code, casts, and calls by address."""

import ctypes
import enum
import pickle

import numba
import numpy as np
import pytest
from numba import boolean, float64, int64, njit, types

from backtester.kernel import struct
from backtester.kernel.struct import (
    Ctx,
    Field,
    Row,
    Self,
    State,
    Struct,
    StructBuffer,
    address_of,
    as_struct,
    fetch_line,
    make_cast,
)
from backtester.kernel.tables import FILL, ORDER


class Side(enum.IntEnum):
    BUY = 1
    SELL = 2


ORDER_RECORD = numba.from_dtype(ORDER)
STATE = State(
    "state",
    [
        Field("t", "scalar", int64),
        Field("cash", "scalar", float64),
        Field("halted", "scalar", boolean),
        Field("close", "series", float64, 2, readonly=True),
        Field("cube", "series", int64, 3),
        Field("positions", "array", float64, 1),
        Field("orders", "array", ORDER_RECORD, 1),
        Field("pair", "tuple", types.Tuple((int64, float64))),
        Field("side", "scalar", numba.typeof(Side.BUY)),
    ],
)
to_state = make_cast(STATE)
VIEW = Ctx(
    "ctx",
    [Field("cash", "scalar", float64, readonly=True), Field("close", "series", float64, 2, readonly=True)],
    {"cash": STATE.offset("cash"), "close": STATE.offset("close")},
)


@pytest.fixture
def buffer():
    made = StructBuffer(STATE)
    close = np.arange(20.0).reshape(10, 2)
    close.flags.writeable = False
    made.set_array("close", close)
    made.set_array("cube", np.arange(10 * 3 * 2).reshape(10, 3, 2))
    made.set_array("positions", np.zeros(2))
    made.set_array("orders", np.zeros(4, ORDER))
    made.set("pair", (1, 2.5))
    made.set("side", Side.SELL)
    made.set_present(3)
    return made


def test_word_offsets_follow_the_table_of_kinds():
    # present, t, cash, halted 1 each · close 2 (data, columns) · cube 3 · positions 2 (data, rows) · orders 2 · pair 2
    expected = {"present": 0, "t": 1, "cash": 2, "halted": 3, "close": 4, "cube": 6, "positions": 9, "orders": 11}
    expected |= {"pair": 13, "side": 15}
    assert {name: STATE.offset(name) for name in STATE.map} == expected
    assert STATE.n_words == 16


def test_compiled_code_reads_what_python_stored(buffer):
    @njit
    def read(address):
        s = to_state(address)
        return s.t, s.cash, s.halted, s.pair, s.side == Side.SELL, s.close[-1, 1], s.cube[-1, 2, 1], s.cube.shape

    buffer.set("t", 7)
    buffer.set("cash", 1.5)
    buffer.set("halted", True)
    # rows end at bar 3: close[2, 1] = 2·2 + 1, cube[2, 2, 1] = 2·6 + 2·2 + 1
    assert read(buffer.address) == (7, 1.5, True, (1, 2.5), True, 5.0, 17, (3, 3, 2))


def test_python_reads_what_compiled_code_stored(buffer):
    @njit
    def write(address):
        s = to_state(address)
        s.t += 5
        s.cash = 3  # an int is cast to the field's float
        s.halted = True
        s.pair = (8, 9)
        s.side = Side.BUY
        s.positions[1] -= 2.0
        s.orders[2].status = 3
        s.orders[2].quantity += 1.5
        s.cube[-1, 0, 0] = -1

    write(buffer.address)
    assert (buffer.get("t"), buffer.get("cash"), buffer.get("halted")) == (5, 3.0, True)
    assert (buffer.get("pair"), buffer.get("side")) == ((8, 9.0), Side.BUY)
    assert buffer.get_array("positions")[1] == -2.0
    assert buffer.get_array("orders")[2]["status"] == 3
    assert buffer.get_array("orders")[2]["quantity"] == 1.5
    assert buffer.get_array("cube")[2, 0, 0] == -1


def test_one_store_moves_the_end_of_every_series(buffer):
    @njit
    def lengths(address):
        s = to_state(address)
        s.present = 6
        return len(s.close), len(s.cube), len(s.positions)

    assert lengths(buffer.address) == (6, 6, 2)


def test_a_view_reads_the_same_memory_and_casts_cost_nothing(buffer):
    @njit
    def through(address):
        s = to_state(address)
        c = as_struct(s, VIEW)
        s.cash = 12.0
        return c.cash, c.close[-1, 0], address_of(c) == address

    assert through(buffer.address) == (12.0, 4.0, True)
    assert buffer.view(VIEW).get("cash") == 12.0


def test_the_address_of_an_array_is_that_of_its_first_item(buffer):
    @njit
    def addresses(address):
        s = to_state(address)
        return address_of(s.positions), address_of(s.close)

    kept = [buffer.get_array(name).ctypes.data for name in ("positions", "close")]
    assert list(addresses(buffer.address)) == kept


def test_a_line_is_fetched_by_one_instruction_and_a_wrong_address_does_no_harm():
    # LLVM's intrinsic llvm.prefetch, under the name it has with opaque pointers
    @njit(types.void(int64))
    def fetch(address):
        fetch_line(address)

    assert "llvm.prefetch.p0" in fetch.inspect_llvm((int64,))
    for address in (0, -1, 2**62 + 3):
        fetch(address)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("c.cash = 1.0", "'cash' is read-only"),
        ("c.close[0, 0] = 1.0", "readonly|Cannot modify"),
        ("s.positions = np.zeros(2)", "change it in place"),
        ("c.positions", "positions"),
    ],
)
def test_what_may_not_be_written_is_refused_when_compiling(body, message):
    space = {"np": np, "to_state": to_state, "as_struct": as_struct, "VIEW": VIEW}
    exec(f"def f(address):\n    s = to_state(address)\n    c = as_struct(s, VIEW)\n    {body}\n", space)
    with pytest.raises(numba.core.errors.NumbaError, match=message):
        njit(types.void(int64))(space["f"])


def test_a_row_reads_by_name_and_cannot_be_written():
    row = Row.of("fill", FILL)
    fills = np.zeros(2, FILL)
    fills[1]["price"], fills[1]["asset"] = 101.25, 4

    @njit
    def read(address):
        fill = as_struct(address, row)
        return fill.asset, fill.price

    @njit
    def write(address):
        as_struct(address, row).price = 1.0

    assert read(fills[1:].ctypes.data) == (4, 101.25)
    with pytest.raises(numba.core.errors.NumbaError, match="'price' is read-only"):
        write(fills[1:].ctypes.data)


def test_types_are_equal_by_layout_and_survive_pickling():
    fields = [Field("n", "scalar", int64), Field("x", "series", float64, 2)]
    assert Self("s", fields) == Self("s", fields)
    assert Self("s", fields) != Self("s", fields[:1])
    assert Self("s", fields) != Ctx("s", fields)
    assert pickle.loads(pickle.dumps(STATE)) is STATE
    assert Struct("s", fields).name == f"Struct(s, {Self('s', fields).digest})"


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((10, 2), np.float32), "float32"),
        (np.zeros(10), "1 dimensions"),
        (np.zeros((2, 10)).T, "not C order"),
    ],
)
def test_an_array_of_the_wrong_make_is_refused(buffer, array, found):
    with pytest.raises(ValueError, match=found):
        buffer.set_array("close", array)


def test_a_read_only_array_is_refused_where_it_may_be_written(buffer):
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        buffer.set_array("positions", frozen)


def test_typed_containers_are_shared_in_place():
    numbers = numba.typed.List.empty_list(int64)
    made = StructBuffer(Self("s", [Field("numbers", "ref", numba.typeof(numbers))]))
    cast = make_cast(made.type)

    @njit
    def put(address, value):
        struct.store_reference(cast(address), 1, value)

    @njit
    def append(address):
        cast(address).numbers.append(5)
        return len(cast(address).numbers)

    put(made.address, numbers)
    made.keep("numbers", numbers)
    assert append(made.address) == 1
    assert append(made.address) == 2
    assert list(numbers) == [5, 5]


def test_a_hook_called_by_address_reports_success_and_failure(buffer):
    own = Self("own", [Field("n", "scalar", int64)])

    @njit(types.void(own, VIEW), error_model="numpy")
    def hook(self, ctx):
        self.n += 1
        if ctx.cash > 5.0:
            raise ValueError("too much")

    compiled = next(iter(hook.overloads.values()))
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)

    @njit(nogil=True)
    def call(address, a, b):
        return struct.call_hook(address, a, b)

    mine = StructBuffer(own)
    assert call(address, mine.address, buffer.address) == 0
    buffer.set("cash", 6.0)
    assert call(address, mine.address, buffer.address) != 0
    assert mine.get("n") == 2


def test_c_functions_are_called_by_address(buffer):
    seen = []
    power = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(lambda x, y: x**y)
    note = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(lambda a, b: seen.append((a, b)))
    kinds = ctypes.c_int64, ctypes.c_int64, ctypes.c_double, ctypes.c_int64
    mixed = ctypes.CFUNCTYPE(*kinds)(lambda s, x, b: int(s == buffer.address) * 100 + int(x * 2) + b)

    def pointer(function):
        return ctypes.cast(function, ctypes.c_void_p).value

    @njit
    def call(power, note, mixed, state):
        struct.call_void_i8_i8(note, 3, 4)
        struct.call_pointer(note, types.void, 5, True)
        value = struct.call_f8_f8_f8(power, 2.0, 10.0)
        return value, struct.call_pointer(mixed, int64, to_state(state), np.float32(1.5), Side.SELL)

    # 1·100 + 3 + 2
    assert call(pointer(power), pointer(note), pointer(mixed), buffer.address) == (1024.0, 105)
    assert seen == [(3, 4), (5, 1)]
