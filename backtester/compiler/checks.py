"""What numba would let through, or refuse in words nobody reads.

- A field keeps its type. numba casts `self.n += 0.5` on an integer field before the struct sees it, and truncates
  silently; so after compiling, every assignment to an attribute is looked up in numba's typed syntax tree.
- Constructs without a compiled form, assignments to `ctx`, and hooks that could never run are refused before numba
  sees them, with their line.
"""

from __future__ import annotations

import inspect
import types as python_types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numba.core import ir, types

from backtester.compiler.bytecode import Place, facts_of
from backtester.compiler.walk import BASE, Walk
from backtester.errors import CannotCompile, StrategyError, closest
from backtester.kernel.struct import Self

_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_PARAMETERS = {"on_bar": "(self, ctx)", "on_fill": "(self, ctx, fill)", "on_reject": "(self, ctx, order)"}
HOOKS = ("on_bar", "on_fill", "on_reject")


def hooks_of(strategy: Any) -> dict[str, python_types.FunctionType]:
    """Return the hooks that a strategy overrides.

    Raises
    ------
    CannotCompile
        Where a hook is not an ordinary function of the class.
    """
    found = {}
    for name in HOOKS:
        hook = getattr(type(strategy), name, None)
        if hook is None or getattr(hook, "__module__", None) == BASE:
            continue
        if not isinstance(hook, python_types.FunctionType):
            kind = type(hook).__name__
            raise CannotCompile(f"{type(strategy).__qualname__}.{name} is a {kind}, not a plain function")
        found[name] = hook
    return found


def check_strategy(strategy: Any) -> None:
    """Raise `StrategyError` where a strategy is wrong in either mode, before anything runs.

    Raises
    ------
    StrategyError
        A hook that is a generator, takes other arguments, assigns to `ctx`, to a fill or to an order, or draws numbers
        that are not the run's; a misspelt `on_bar`.
    """
    check_named(type(strategy))
    plain = ((name, getattr(type(strategy), name, None)) for name in HOOKS)
    check_hooks({name: hook for name, hook in plain if isinstance(hook, python_types.FunctionType)})
    check_random(strategy)


def check_named(kind: Any) -> None:
    """Raise `StrategyError` where a class has no `on_bar`, and a method that is called nearly so."""
    if getattr(kind.on_bar, "__module__", None) != BASE:
        return
    own = [name for base in kind.__mro__ if base.__module__ != BASE for name in vars(base) if name[:2] != "__"]
    near = closest("on_bar", [name for name in own if callable(getattr(kind, name))])
    if near is not None:
        raise StrategyError(f"{kind.__name__} has no on_bar, and would never trade; rename its method {near}")


def check_random(strategy: Any) -> None:
    """Raise `StrategyError` where a hook, or anything it calls, uses `numpy.random` or `random`.

    Both modes refuse these: a run must be repeatable from its seed.
    """
    hooks = {name: getattr(type(strategy), name, None) for name in HOOKS}
    plain = {name: hook for name, hook in hooks.items() if isinstance(hook, python_types.FunctionType)}
    Walk(strategy, plain)


def check_hooks(hooks: Mapping[str, python_types.FunctionType]) -> None:
    """Refuse hooks that are wrong in either mode.

    Raises
    ------
    StrategyError
        Where one assigns to `ctx`, to a fill or to an order, is a generator, or takes other arguments.
    """
    for name, hook in hooks.items():
        if getattr(hook, "__module__", None) == BASE:
            continue
        code = hook.__code__
        place = Place(code.co_filename, code.co_firstlineno, hook.__qualname__)
        if code.co_flags & _SUSPENDS:
            raise StrategyError(f"{place}: {name} holds `yield` or `await`, and would never run")
        wanted = 2 if name == "on_bar" else 3
        if code.co_argcount != wanted or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            raise StrategyError(f"{place}: {name} takes {_PARAMETERS[name]}")
        read_only = code.co_varnames[1:wanted]
        for (base, attr), line in facts_of(code).assigned.items():
            if base in read_only:
                place = Place(code.co_filename, line, hook.__qualname__)
                raise StrategyError(f"{place}: {base}.{attr} is read-only; change the account through orders")


def check_constructs(walk: Walk, hooks: Mapping[str, python_types.FunctionType]) -> None:
    """Refuse constructs whose refusal by numba would be missing or hard to understand.

    Raises
    ------
    StrategyError
        Where a hook is wrong in either mode.
    CannotCompile
        Where numba has no such construct.
    """
    check_hooks(hooks)
    for function in walk.functions:
        facts = facts_of(function.__code__)
        for construct, line in facts.constructs.items():
            place = Place(function.__code__.co_filename, line, function.__qualname__)
            raise CannotCompile(f"{place}: {construct}")


def check_assignments(dispatchers: Iterable[Any]) -> None:
    """Raise `StrategyError` where compiled code assigns a value that its field would change.

    Raises
    ------
    StrategyError
        With line, field and both types: a float into an integer field, or anything but a bool into a bool.
    """
    for dispatcher in dispatchers:
        for compiled in dispatcher.overloads.values():
            annotation = compiled.type_annotation
            for block in annotation.blocks.values():
                for statement in block.find_insts(ir.SetAttr):
                    owner = annotation.typemap[statement.target.name]
                    if isinstance(owner, Self) and statement.attr in owner.map:
                        found = annotation.typemap[statement.value.name]
                        _check_assignment(dispatcher.py_func, statement, owner, types.unliteral(found))


#: functions through which numba lets a read-only array be written: they alias it, or write without asking
_WRITERS = (np.ascontiguousarray, np.asfortranarray, np.fill_diagonal, np.nan_to_num, np.nditer, np.dot)


def check_writes(dispatchers: Iterable[Any]) -> None:
    """Raise `CannotCompile` where compiled code might write into a read-only array, as market data is.

    numba refuses `ctx.close[-1, 0] = x`, but not what `.flat` and the functions of `_WRITERS` do. Interpreted code may
    use them: NumPy itself refuses the write.
    """
    for dispatcher in dispatchers:
        for compiled in dispatcher.overloads.values():
            annotation = compiled.type_annotation
            for block in annotation.blocks.values():
                for statement in block.body:
                    writer = _writer(annotation, statement)
                    if writer:
                        where = statement.loc
                        place = Place(where.filename, where.line, dispatcher.py_func.__qualname__.rpartition("_")[0])
                        raise CannotCompile(
                            f"{place}: {writer} of a read-only array, as market data is, could write into it; "
                            "take a copy first: .copy()"
                        )


def _writer(annotation: Any, statement: Any) -> str:
    """Return what in a statement could write into a read-only array, or an empty string."""
    if isinstance(statement, (ir.SetItem, ir.StaticSetItem)):
        target = annotation.typemap[statement.target.name]
        return ".flat" if isinstance(target, types.NumpyFlatType) and _is_read_only(target.array_type) else ""
    call = getattr(statement, "value", None)
    if not (isinstance(statement, ir.Assign) and isinstance(call, ir.Expr) and call.op == "call"):
        return ""
    function = getattr(annotation.typemap.get(call.func.name), "typing_key", None)
    if function not in _WRITERS:
        return ""
    arguments = annotation.calltypes[call].args
    if function is np.nan_to_num and len(arguments) == 1:
        return ""
    written = arguments[2:] if function is np.dot else arguments[:1]
    return f"np.{function.__name__}" if any(map(_is_read_only, written)) else ""


def _is_read_only(typ: Any) -> bool:
    return isinstance(typ, types.Array) and not typ.mutable


def _check_assignment(function: Any, statement: ir.SetAttr, owner: Self, found: types.Type) -> None:
    field, _ = owner.map[statement.attr]
    if field.kind not in ("scalar", "tuple") or _keeps(field.type, found):
        return
    place = Place(statement.loc.filename, statement.loc.line, function.__qualname__.rpartition("_")[0])
    raise StrategyError(
        f"{place}: self.{statement.attr} is {_word(field.type)}, and a field keeps the type it was given in prepare: "
        f"it cannot take {_word(found)}; {_remedy(statement.attr, field.type, found)}"
    )


def _keeps(held: types.Type, found: types.Type) -> bool:
    if isinstance(held, types.BaseTuple):
        return isinstance(found, types.BaseTuple) and len(held) == len(found) and all(map(_keeps, *_parts(held, found)))
    if isinstance(held, types.Boolean):
        return isinstance(found, types.Boolean)
    if isinstance(held, types.Integer):
        return isinstance(found, (types.Integer, types.Boolean, types.IntEnumMember))
    if isinstance(held, types.Float):
        return isinstance(found, (types.Float, types.Integer, types.Boolean, types.IntEnumMember))
    return held == found


def _parts(*tuples: Any) -> list[tuple[types.Type, ...]]:
    """Return the element types of tuple types."""
    return [tuple(types.unliteral(part) for part in one) for one in tuples]


def _word(typ: types.Type) -> str:
    if isinstance(typ, types.Boolean):
        return "a bool"
    if isinstance(typ, types.Integer):
        return "an int"
    if isinstance(typ, types.Float):
        return "a float"
    if isinstance(typ, types.BaseTuple):
        return "a tuple (" + ", ".join(map(_word, *_parts(typ))) + ")"
    return f"a value of type {typ}"


def _remedy(name: str, held: types.Type, found: types.Type) -> str:
    if isinstance(held, types.Integer) and isinstance(found, types.Float):
        return f"set self.{name} = 0.0 in prepare, or convert with int(...)"
    if isinstance(held, types.Boolean):
        return "assign a comparison or bool(...)"
    return f"give self.{name} the type it needs in prepare"
