"""A pointer to a block of 8-byte words, as a numba type: how compiled code sees state, `ctx` and a strategy's `self`.

The memory is a NumPy int64 array that Python owns (`StructBuffer`). Compiled code holds a bare address and loads an
attribute at a fixed offset: no reference counts, no handles, no boxing. Word 0 is the field `present` (t + 1): it is
the first shape word of every *series*, so that one store per bar moves the end of all series to the current bar.

    kind     in memory (words)              compiled code reads         may be assigned
    scalar   int64, float64, bool or enum   the value                   yes, unless readonly
    array    data, shape...                 a C array, borrowed         in place only
    series   data, shape[1:]                a C array; shape[0] = word 0  in place only
    tuple    its values                     a tuple                     yes, unless readonly
    ref      the two words of a typed List or Dict   the container (Python keeps it alive)   in place only

Two struct types may describe the same memory (`offsets=`): the kernel's `State` and the user's read-only `Ctx` do.
Functions are called by address with `call_hook` (numba's native convention, returns a status) and `call_pointer` (C).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, errors, types
from numba.core.datamodel import models
from numba.core.extending import intrinsic, register_model
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr, signature
from numba.np import numpy_support
from numba.np.arrayobj import make_array, populate_array

KINDS = ("scalar", "array", "series", "tuple", "ref")
WORD = 8  # bytes


@dataclass(frozen=True)
class Field:
    """One attribute of a struct: its name, kind, numba type of the value or of the elements, and dimensions."""

    name: str
    kind: str
    type: Any
    ndim: int = 0
    readonly: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"field {self.name!r}: kind {self.kind!r} is not one of {KINDS}")
        if (self.kind in ("array", "series")) != (self.ndim > 0):
            raise ValueError(f"field {self.name!r}: ndim {self.ndim} does not fit kind {self.kind!r}")

    @property
    def words(self) -> int:
        """How many 8-byte words the field takes."""
        if self.kind == "scalar":
            return 1
        if self.kind == "tuple":
            return len(self.type)
        return 2 if self.kind == "ref" else self.ndim + (self.kind == "array")

    @property
    def value_type(self) -> Any:
        """The numba type that compiled code reads."""
        if self.ndim:
            return types.Array(self.type, self.ndim, "C", readonly=self.readonly)
        return self.type


PRESENT = Field("present", "scalar", types.int64)


class Struct(types.Type):
    """A pointer to a struct with the given fields.

    Parameters
    ----------
    name : str
        A short name for messages and symbols; two structs are equal when name and layout are.
    fields : sequence of Field
        `present` is put in front where it is missing (not with `offsets`).
    offsets : mapping of str to int, optional
        The word offset of every field: makes a view of memory laid out by another struct.
    """

    def __init__(self, name: str, fields: Sequence[Field], offsets: Mapping[str, int] | None = None):
        fields = tuple(fields)
        if offsets is None:
            if "present" not in [f.name for f in fields]:
                fields = (PRESENT, *fields)
            ends = np.cumsum([f.words for f in fields]).tolist()
            offsets = {f.name: end - f.words for f, end in zip(fields, ends, strict=True)}
            if offsets["present"] != 0:
                raise ValueError("the field 'present' must be the first")
        if len({f.name for f in fields}) != len(fields):
            raise ValueError(f"struct {name}: two fields have the same name")
        self.fields = fields
        self.map = {f.name: (f, int(offsets[f.name])) for f in fields}
        self.n_words = max(offset + f.words for f, offset in self.map.values())
        layout = repr([(f.name, f.kind, str(f.type), f.ndim, f.readonly, o) for f, o in self.map.values()])
        self.digest = hashlib.blake2b(layout.encode(), digest_size=8).hexdigest()
        super().__init__(name=f"{type(self).__name__}({name}, {self.digest})")

    def offset(self, name: str) -> int:
        """Return the offset in words of a field."""
        return self.map[name][1]


class State(Struct):
    """The kernel's struct: every scalar is writable."""


class Ctx(Struct):
    """What `on_bar` sees of the state; the verbs are methods of this type."""


class Self(Struct):
    """A strategy's own fields."""


class Row(Struct):
    """A read-only view of one row of a table, all of whose fields are 8 bytes wide."""

    @classmethod
    def of(cls, name: str, dtype: np.dtype) -> Row:
        """Return the row type of a structured dtype."""
        assert dtype.fields is not None
        entries = [(key, *dtype.fields[key][:2]) for key in dtype.names or ()]
        if any(sub.itemsize != WORD for _, sub, _ in entries):
            raise ValueError(f"{name}: every field of a row must be {WORD} bytes wide")
        fields = [Field(key, "scalar", numpy_support.from_dtype(sub), readonly=True) for key, sub, _ in entries]
        return cls(name, fields, {key: offset // WORD for key, _, offset in entries})


for _cls in (Struct, State, Ctx, Self, Row):
    register_model(_cls)(models.OpaqueModel)


@infer_getattr
class _StructAttributes(AttributeTemplate):
    key = Struct

    def generic_resolve(self, typ: Struct, attr: str) -> types.Type | None:  # type: ignore[override]
        if attr in typ.map:
            return typ.map[attr][0].value_type
        return None


def _pointer(builder: Any, struct: Any, offset: Any, type_: Any) -> Any:
    """Return the address of a word as a pointer to `type_`."""
    byte = builder.gep(struct, [ir.Constant(ir.IntType(64), WORD * offset)])
    return builder.bitcast(byte, type_.as_pointer())


def _load_value(context: Any, builder: Any, struct: Any, typ: types.Type, offset: int) -> Any:
    if isinstance(typ, types.Boolean):
        word = builder.load(_pointer(builder, struct, offset, ir.IntType(64)))
        return builder.icmp_signed("!=", word, ir.Constant(word.type, 0))
    return builder.load(_pointer(builder, struct, offset, context.get_value_type(typ)))


def _store_value(context: Any, builder: Any, struct: Any, typ: types.Type, offset: int, value: Any) -> None:
    if isinstance(typ, types.Boolean):
        value = builder.zext(value, ir.IntType(64))
    builder.store(value, _pointer(builder, struct, offset, value.type))


def _load_array(context: Any, builder: Any, struct: Any, field: Field, offset: int) -> Any:
    typ = field.value_type
    word = ir.IntType(64)
    array = make_array(typ)(context, builder)
    data = builder.load(_pointer(builder, struct, offset, array.data.type))
    series = field.kind == "series"
    shape = [builder.load(_pointer(builder, struct, 0, word))] if series else []
    rest = range(offset + 1, offset + 1 + typ.ndim - len(shape))
    shape += [builder.load(_pointer(builder, struct, at, word)) for at in rest]
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(typ.dtype)))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length, flags=["nsw"]))
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


@lower_getattr_generic(Struct)
def _get_attribute(context: Any, builder: Any, typ: Struct, struct: Any, attr: str) -> Any:
    field, offset = typ.map[attr]
    if field.kind in ("array", "series"):
        return _load_array(context, builder, struct, field, offset)
    if field.kind == "tuple":
        values = [_load_value(context, builder, struct, t, offset + i) for i, t in enumerate(field.type)]
        return context.make_tuple(builder, field.type, values)
    value = _load_value(context, builder, struct, field.type, offset)
    if field.kind == "ref":
        context.nrt.incref(builder, field.type, value)
    return value


@lower_setattr_generic(Struct)
def _set_attribute(context: Any, builder: Any, sig: Any, args: Any, attr: str) -> None:
    typ, value_type = sig.args
    struct, value = args
    field, offset = typ.map[attr]
    if field.readonly:
        raise errors.NumbaTypeError(f"{attr!r} is read-only and cannot be assigned")
    if field.kind not in ("scalar", "tuple"):
        raise errors.NumbaTypeError(f"{attr!r} cannot be replaced inside a run; change it in place: {attr}[...] = ...")
    if field.kind == "tuple":
        for i, t in enumerate(value_type):
            _store_value(context, builder, struct, t, offset + i, builder.extract_value(value, i))
    else:
        _store_value(context, builder, struct, value_type, offset, value)


def make_cast(struct_type: Struct) -> Any:
    """Return an intrinsic `cast(x)`: an int64 address, or any struct, seen as `struct_type`. It costs nothing."""

    @intrinsic
    def cast(typingctx, x):
        return _cast(struct_type, x)

    return cast


@intrinsic
def as_struct(typingctx, x, typ):
    """Return the int64 address or struct `x` seen as the struct type `typ` (a global or a closure variable)."""
    if not isinstance(typ, types.TypeRef) or not isinstance(typ.instance_type, Struct):
        raise errors.NumbaTypeError(f"as_struct takes a struct type, found {typ}")
    sig, codegen = _cast(typ.instance_type, x)
    return signature(sig.return_type, *sig.args, typ), codegen


def _cast(target: Struct, x: types.Type) -> tuple[Any, Any]:
    if isinstance(x, types.Integer):

        def from_address(context, builder, sig, args):
            return builder.inttoptr(args[0], cgutils.voidptr_t)

        return target(types.int64), from_address
    if not isinstance(x, Struct):
        raise errors.NumbaTypeError(f"a struct or an int64 address is needed, found {x}")

    def from_struct(context, builder, sig, args):
        return args[0]

    return target(x), from_struct


@intrinsic
def address_of(typingctx, of):
    """Return the address of a struct, or of the first item of an array, as int64."""
    if not isinstance(of, (Struct, types.Array)):
        raise errors.NumbaTypeError(f"address_of takes a struct or an array, found {of}")

    def codegen(context, builder, sig, args):
        pointer = args[0] if isinstance(of, Struct) else make_array(of)(context, builder, args[0]).data
        return builder.ptrtoint(pointer, ir.IntType(64))

    return types.int64(of), codegen


@intrinsic
def fetch_line(typingctx, address):
    """Ask for the cache line at an int64 address, as it will be needed soon; any address is allowed."""

    def codegen(context, builder, sig, args):
        number = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        reading, every_level, data = (ir.Constant(number, k) for k in (0, 3, 1))
        builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t), reading, every_level, data])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def copy_words(typingctx, to, source, n):
    """Copy `n` words from one int64 address to another; they do not overlap."""

    def codegen(context, builder, sig, args):
        pointers = [builder.inttoptr(arg, cgutils.voidptr_t) for arg in args[:2]]
        cgutils.raw_memcpy(builder, *pointers, args[2], WORD)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def store_reference(typingctx, struct, offset, value):
    """Store the two words of a typed List or Dict at a word offset; the caller keeps the container alive."""

    def codegen(context, builder, sig, args):
        byte = builder.gep(args[0], [builder.mul(args[1], ir.Constant(ir.IntType(64), WORD))])
        builder.store(args[2], builder.bitcast(byte, args[2].type.as_pointer()))
        return context.get_dummy_value()

    return types.void(struct, types.int64, value), codegen


@intrinsic
def call_hook(typingctx, address, self_address, ctx_address):
    """Call the compiled hook `void f(self, ctx)` at `address`; returns its status: 0, or not 0 if it raised."""

    def codegen(context, builder, sig, args):
        convention = context.call_conv
        function_type = convention.get_function_type(types.none, (types.voidptr, types.voidptr))
        function = builder.inttoptr(args[0], function_type.as_pointer())
        result = cgutils.alloca_once(builder, function_type.args[0].pointee)
        error = cgutils.alloca_once(builder, function_type.args[1].pointee)
        pointers = [builder.inttoptr(arg, cgutils.voidptr_t) for arg in args[1:]]
        return builder.call(function, [result, error, *pointers])

    word = types.int64
    return types.int32(word, word, word), codegen


@intrinsic
def call_pointer(typingctx, address, result_type, *args):
    """Call the C function at `address`: `call_pointer(address, int64, a, b, ...)`.

    `result_type` is `int64`, `float64` or `void`. Integers, bools, enums and structs travel as int64, floats as
    float64. The function must not raise.
    """
    result = types.void if isinstance(result_type, types.NoneType) else result_type.instance_type
    passed = []
    for arg in args:
        if isinstance(arg, types.Float):
            passed.append(types.float64)
        elif isinstance(arg, (types.Integer, types.Boolean, types.IntEnumMember)):
            passed.append(types.int64)
        elif isinstance(arg, Struct):
            passed.append(arg)
        else:
            raise errors.NumbaTypeError(f"call_pointer cannot pass {arg}")

    def codegen(context, builder, sig, args):
        values = cgutils.unpack_tuple(builder, args[2], len(passed))
        argument_types = [context.get_value_type(t) for t in passed]
        returned = ir.VoidType() if result is types.void else context.get_value_type(result)
        function = builder.inttoptr(args[0], ir.FunctionType(returned, argument_types).as_pointer())
        value = builder.call(function, values)
        return context.get_dummy_value() if result is types.void else value

    return signature(result, types.int64, result_type, types.Tuple(passed)), codegen


@intrinsic
def call_f8_f8_f8(typingctx, address, x, y):
    """Call the C function `double f(double, double)` at `address`."""

    def codegen(context, builder, sig, args):
        double = ir.DoubleType()
        function = builder.inttoptr(args[0], ir.FunctionType(double, [double, double]).as_pointer())
        return builder.call(function, args[1:])

    return types.float64(types.int64, types.float64, types.float64), codegen


@intrinsic
def call_void_i8_i8(typingctx, address, a, b):
    """Call the C function `void f(int64, int64)` at `address`."""

    def codegen(context, builder, sig, args):
        word = ir.IntType(64)
        function = builder.inttoptr(args[0], ir.FunctionType(ir.VoidType(), [word, word]).as_pointer())
        builder.call(function, args[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@lru_cache(maxsize=256)
def dtype_of(element: types.Type) -> np.dtype:
    """Return the NumPy dtype of the elements of an array."""
    return np.dtype(numpy_support.as_dtype(element))


class StructBuffer:
    """The memory of one struct, seen from Python.

    Parameters
    ----------
    fields : Struct or sequence of Field
        The layout.
    extra_words : int
        Words beyond the layout, for fields that another view appends.
    words : numpy.ndarray, optional
        int64 memory of another buffer to look at, instead of fresh zeros.

    Attributes
    ----------
    words, floats : numpy.ndarray
        The memory as int64 and as float64.
    address : int
        Its address; it never moves.
    type : Struct
        The layout as a numba type.
    """

    def __init__(self, fields: Struct | Sequence[Field], extra_words: int = 0, words: np.ndarray | None = None):
        self.type = fields if isinstance(fields, Struct) else Struct("buffer", fields)
        needed = self.type.n_words + extra_words
        self.words = np.zeros(needed, np.int64) if words is None else words
        if self.words.dtype != np.int64 or not self.words.flags.c_contiguous or self.words.size < needed:
            raise ValueError(f"the memory must be {needed} contiguous int64 words")
        self.floats = self.words.view(np.float64)
        self.address: int = self.words.ctypes.data
        self._kept: dict[str, Any] = {}

    def view(self, struct_type: Struct) -> StructBuffer:
        """Return the same memory with another layout; arrays set through either are kept alive by both."""
        other = StructBuffer(struct_type, words=self.words)
        other._kept = self._kept
        return other

    def offset(self, name: str) -> int:
        """Return the offset in words of a field."""
        return self.type.offset(name)

    def set_present(self, n: int) -> None:
        """Let every series end after `n` bars."""
        self.words[0] = n

    def set(self, name: str, value: Any) -> None:
        """Store a scalar or a tuple."""
        field, offset = self.type.map[name]
        if field.kind == "tuple":
            for i, (typ, item) in enumerate(zip(field.type, value, strict=True)):
                self._set_word(typ, offset + i, item)
        elif field.kind == "scalar":
            self._set_word(field.type, offset, value)
        else:
            raise TypeError(f"{name!r} is of kind {field.kind}; use set_array or set_reference")

    def get(self, name: str) -> Any:
        """Return a scalar as a Python int, float or bool (an enum as its member), or a tuple of them."""
        field, offset = self.type.map[name]
        if field.kind == "tuple":
            return tuple(self._get_word(typ, offset + i) for i, typ in enumerate(field.type))
        if field.kind == "scalar":
            return self._get_word(field.type, offset)
        return self._kept[name]

    def set_array(self, name: str, array: np.ndarray) -> None:
        """Point an array or a series at a NumPy array: C-contiguous, of the declared dtype and dimensions."""
        field, offset = self.type.map[name]
        dtype = dtype_of(field.type)
        if array.dtype != dtype or array.ndim != field.ndim or not array.flags.c_contiguous:
            order = "" if array.flags.c_contiguous else ", not C order"
            found = f"{array.dtype} with {array.ndim} dimensions{order}"
            raise ValueError(f"array {name!r} must be C-contiguous {dtype} with {field.ndim} dimensions, found {found}")
        if not (field.readonly or array.flags.writeable):
            raise ValueError(f"array {name!r} is written by compiled code, but is read-only")
        shape = array.shape[1:] if field.kind == "series" else array.shape
        self.set_at(name, offset, array, array.ctypes.data, shape)

    def set_at(self, name: str, offset: int, array: np.ndarray, address: int, shape: tuple[int, ...]) -> None:
        """Point the array of a field at an address, its shape as it lies in memory; nothing is checked."""
        self._kept[name] = array
        self.words[offset] = address
        for length in shape:
            offset += 1
            self.words[offset] = length

    def get_array(self, name: str) -> np.ndarray:
        """Return the array that a field points at, in full (a series is not cut at the present)."""
        return self._kept[name]

    def keep(self, name: str, value: Any) -> None:
        """Keep any object alive as long as this buffer, under a field's name."""
        self._kept[name] = value

    def _set_word(self, typ: types.Type, offset: int, value: Any) -> None:
        if isinstance(typ, types.Float):
            self.floats[offset] = value
        else:
            self.words[offset] = int(value)

    def _get_word(self, typ: types.Type, offset: int) -> Any:
        if isinstance(typ, types.Float):
            return float(self.floats[offset])
        word = int(self.words[offset])
        if isinstance(typ, types.Boolean):
            return word != 0
        return typ.instance_class(word) if isinstance(typ, types.EnumMember) else word
