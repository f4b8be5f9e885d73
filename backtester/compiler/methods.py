"""`self.method(x, k=2)` in compiled code.

An attribute of a `Self` type that names a function of the strategy is typed as a bound function over that function's
dispatcher, with the struct as its first argument (none for a static method). `overload_method` will not do: numba keys
it by class and name, and two strategies may both have a method `size`.
"""

from __future__ import annotations

import weakref
from typing import Any

from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature

from backtester.kernel.struct import Self

_templates: weakref.WeakKeyDictionary[Self, dict[str, type]] = weakref.WeakKeyDictionary()


def attach(self_type: Self, methods: dict[str, tuple[str, Any]]) -> None:
    """Give a struct type its methods: name -> ("method" or "static", dispatcher)."""
    _templates[self_type] = {name: _template(name, kind, dispatcher) for name, (kind, dispatcher) in methods.items()}


@infer_getattr
class _SelfAttributes(AttributeTemplate):
    key = Self

    def generic_resolve(self, typ: Self, attr: str) -> types.Type | None:  # type: ignore[override]
        template = _templates.get(typ, {}).get(attr)
        return None if template is None else types.BoundFunction(template, typ)


def _template(name: str, kind: str, dispatcher: Any) -> type:
    function_type: Any = types.Dispatcher(dispatcher)
    static = kind == "static"
    unique = f"{name} {id(dispatcher):x}"

    class MethodTemplate(AbstractTemplate):
        key = unique
        kept = dispatcher
        this: Any  # set by BoundFunction

        def generic(self, args: tuple[types.Type, ...], kws: dict[str, types.Type]) -> Any:
            if not static:
                return function_type.get_call_type(self.context, (self.this, *args), kws).as_method()
            found = function_type.get_call_type(self.context, args, kws)
            return signature(found.return_type, *found.args, recvr=self.this).replace(pysig=found.pysig)

    @lower_builtin(unique, types.VarArg(types.Any))
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if static:
            sig, args = signature(sig.return_type, *sig.args[1:]), args[1:]
        call = context.get_function(function_type, sig)
        context.add_linking_libs(getattr(call, "libs", ()))
        return call(builder, args)

    return MethodTemplate
