"""One test per assumption about numba's internals. A failure names what a new version of numba changed."""

import inspect

import numba
import numpy as np
import pytest
from llvmlite import ir as llvm
from numba import float64, int64, njit, types
from numba.core import caching, ir
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate
from toy_kernel import Strategy  # noqa: F401 (loads the package's types)

from backtester.compiler import entry
from backtester.compiler.tokens import known_to_numba
from backtester.kernel.struct import Ctx, Field, Self, StructBuffer, call_hook

SELF = Self("internals", [Field("n", "scalar", int64), Field("x", "scalar", float64)])
CTX = Ctx("internals", [Field("cash", "scalar", float64, readonly=True)])


@njit
def invoke(hook, own, ctx):
    return call_hook(hook, own, ctx)


def compiled(function):
    dispatcher = njit(function, no_cpython_wrapper=True)
    dispatcher.compile(types.void(SELF, CTX))
    return dispatcher.overloads[(SELF, CTX)]


def add_five(self, ctx):
    self.n += 5


@pytest.fixture(scope="module")
def result():
    return compiled(add_five)


def test_native_convention_is_status_then_pointers_to_result_and_error_then_arguments():
    """`context.call_conv.get_function_type`: i32 f(ret*, excinfo**, i8*, i8*)."""
    convention = cpu_target.target_context.call_conv
    function_type = convention.get_function_type(types.none, (SELF, CTX))
    byte_pointer = llvm.IntType(8).as_pointer()
    assert function_type.return_type == llvm.IntType(32)
    assert len(function_type.args) == 4
    assert list(function_type.args[2:]) == [byte_pointer, byte_pointer]


def test_a_compile_result_gives_its_address(result):
    """`cres.library.get_pointer_to_function(cres.fndesc.llvm_func_name)`."""
    own, ctx = StructBuffer(SELF), StructBuffer(CTX)
    address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    assert invoke(address, own.address, ctx.address) == 0
    assert own.get("n") == 5


def test_status_is_positive_or_minus_one_where_code_raised():
    def late(self, ctx):
        raise ValueError("no")

    made = compiled(late)
    own, ctx = StructBuffer(SELF), StructBuffer(CTX)
    address = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    assert invoke(address, own.address, ctx.address) > 0


def test_a_library_survives_bytes(result):
    """`serialize_using_object_code`, `codegen.unserialize_library`, `set_env`, `env.env_name`."""
    hook = entry.Hook("on_bar", result.fndesc.llvm_func_name, result.library, (), True)
    (loaded,) = entry.from_bytes(entry.to_bytes([hook]))
    own, ctx = StructBuffer(SELF), StructBuffer(CTX)
    assert invoke(loaded.address, own.address, ctx.address) == 0
    assert own.get("n") == 5


def test_a_function_that_prints_refers_to_an_environment():
    """`cres._find_referenced_environments`: without `set_env` of these, cached code that prints deadlocks."""

    def talk(self, ctx):
        print(self.n)

    environments = compiled(talk)._find_referenced_environments()
    assert environments
    assert all(environment.env_name and environment.can_cache() for environment in environments)


def test_a_compile_result_says_whether_it_can_be_stored(result):
    """`library.has_dynamic_globals` and `cres.reload_init`."""
    assert result.library.has_dynamic_globals is False
    assert not result.reload_init


def test_the_typed_tree_of_assignments_is_kept(result):
    """`cres.type_annotation.blocks`, `.typemap`, `ir.SetAttr.target, .attr, .value, .loc`."""
    annotation = result.type_annotation
    (statement,) = [s for block in annotation.blocks.values() for s in block.find_insts(ir.SetAttr)]
    assert statement.attr == "n"
    assert annotation.typemap[statement.target.name] == SELF
    assert types.unliteral(annotation.typemap[statement.value.name]) == int64
    assert statement.loc.line == inspect.getsourcelines(add_five)[1] + 1


def test_a_bound_function_is_typed_by_its_template_with_this():
    """`types.BoundFunction(template, this)`: `template.this`, and `get_impl_key` is the template's key."""

    class Template(AbstractTemplate):
        key = "internals: a unique key"

        def generic(self, args, kws):
            return int64(*args)

    bound = types.BoundFunction(Template, SELF)
    assert bound.template.this == SELF
    assert bound.get_impl_key(None) == Template.key


def test_a_dispatcher_type_gives_a_call_type_with_parameter_names():
    """`types.Dispatcher(d).get_call_type(...)`, `Signature.as_method`, `.pysig`."""

    @njit
    def scale(self, x, k=2.0):
        return x * k

    cpu_target.target_context.refresh()
    found = types.Dispatcher(scale).get_call_type(cpu_target.typing_context, (SELF, float64), {}).as_method()
    assert found.recvr == SELF
    assert list(found.pysig.parameters) == ["x", "k"]


def test_a_function_taught_by_overload_is_listed():
    """`builtin_registry.globals` holds pairs of a function and its type."""

    def taught():
        pass

    assert not known_to_numba(taught)
    numba.core.extending.overload(taught)(lambda: lambda: 1)
    assert known_to_numba(taught)


def test_dispatchers_carry_their_options_and_signatures():
    """`targetoptions`, `_can_compile`, `nopython_signatures`, `py_func`."""
    free, fixed = njit(lambda x: x, error_model="numpy"), njit(float64(float64))(lambda x: x)
    assert free.targetoptions["error_model"] == "numpy"
    assert free._can_compile
    assert not fixed._can_compile
    assert fixed.nopython_signatures == [float64(float64)]


def test_the_cpu_has_a_name():
    """`codegen.magic_tuple`."""
    assert all(isinstance(part, str) for part in entry.machine())


def test_the_cache_classes_take_our_locator():
    """`FunctionCache`, `CompileResultCacheImpl._locator`, `IndexDataCacheFile(path, base, stamp)`."""
    assert list(inspect.signature(caching.IndexDataCacheFile).parameters) == [
        *("cache_path", "filename_base", "source_stamp"),
    ]
    assert issubclass(caching.FunctionCache, caching.Cache)
    assert caching.CompileResultCacheImpl.locator.fget.__code__.co_names == ("_locator",)
    assert "_cache" in vars(njit(lambda x: x))


def test_typed_containers_are_two_words():
    context = cpu_target.target_context
    for value in (numba.typed.List.empty_list(int64), numba.typed.Dict.empty(int64, float64)):
        assert context.get_abi_sizeof(context.get_value_type(numba.typeof(value))) == 16


def test_arrays_without_a_meminfo_can_be_read_sliced_and_written():
    """`populate_array(..., meminfo=None)`: no reference counts on borrowed memory."""
    struct = Self("arrays", [Field("a", "array", float64, 2)])

    def use(self, ctx):
        part = self.a[1:, 0]
        part[0] = part.sum()

    dispatcher = njit(use)
    dispatcher.compile(types.void(struct, CTX))
    made = dispatcher.overloads[(struct, CTX)]
    own, ctx, array = StructBuffer(struct), StructBuffer(CTX), np.ones((4, 2))
    own.set_array("a", array)
    address = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    assert invoke(address, own.address, ctx.address) == 0
    assert array[1, 0] == 3.0


def test_helpers_are_merged_into_their_caller():
    """`njit(forceinline=True)`: no call is left, and so no reference counts around one."""

    @njit(forceinline=True, no_cpython_wrapper=True)
    def read(array, i):
        return array[i] / 3.0

    struct = Self("merged", [Field("a", "array", float64, 1), Field("x", "scalar", float64)])

    def use(self, ctx):
        self.x = read(self.a, 0)

    dispatcher = njit(use, no_cpython_wrapper=True, error_model="numpy")
    dispatcher.compile(types.void(struct, CTX))
    made = dispatcher.overloads[(struct, CTX)]
    body = str(made.library.get_function(made.fndesc.llvm_func_name))
    assert "fdiv" in body
    assert " call " not in body
