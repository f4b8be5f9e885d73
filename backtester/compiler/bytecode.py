"""What a function's bytecode names: globals, attributes of self, constructs that have no compiled form.

Reading bytecode rather than source makes classes from exec, a notebook cell or the REPL as good as any. An attribute
*chain* is a name with the attributes read from it at once: `np.random.normal` is `("np", "random", "normal")`. A name
used in any other way than to read an attribute from it is *bare*: it may be passed on, and be read elsewhere.
"""

from __future__ import annotations

import dis
import functools
import types as python_types
from dataclasses import dataclass, field
from typing import Any

#: opcodes without a compiled form, and what to say
_CONSTRUCTS = {
    "LOAD_SUPER_ATTR": "super() has no compiled form; move the shared part into a method of its own",
    "IMPORT_NAME": "an import inside a function has no compiled form; move it to the top of the file",
    "STORE_GLOBAL": "compiled code cannot assign to a global; keep the value on self",
    "DELETE_GLOBAL": "compiled code cannot delete a global",
    "BEFORE_WITH": "`with` has no compiled form",
    "DELETE_ATTR": "compiled code cannot delete an attribute",
}


@dataclass(frozen=True)
class Place:
    """A line of the user's code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} (in {self.function})"


@dataclass
class Facts:
    """What one code object names, nested functions included. Dict values are line numbers."""

    first: str = ""  # name of the first parameter
    globals: dict[str, int] = field(default_factory=dict)
    loads: dict[str, int] = field(default_factory=dict)  # attributes read from the first parameter
    stores: dict[str, int] = field(default_factory=dict)
    assigned: dict[tuple[str, str], int] = field(default_factory=dict)  # of other names: ("ctx", "cash")
    constructs: dict[str, int] = field(default_factory=dict)  # sentences about what has no compiled form
    chains: dict[tuple[str, ...], int] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)  # all names that may be attributes
    strings: set[str] = field(default_factory=set)

    def read_from(self, path: tuple[str, ...]) -> set[str]:
        """Return the attributes that may be read from the object a chain leads to."""
        if path[0] in self.bare:
            return self.attributes
        size = len(path)
        return {chain[size] for chain in self.chains if len(chain) > size and chain[:size] == path}


@functools.lru_cache(maxsize=4096)
def facts_of(code: python_types.CodeType) -> Facts:
    """Return what a function's code names."""
    facts = Facts(first=code.co_varnames[0] if code.co_argcount else "")
    _scan(code, facts)
    return facts


_NO_EFFECT = frozenset({"COPY", "DUP_TOP", "CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP"})
_NAMES = ("LOAD_FAST", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF", "STORE_FAST_LOAD_FAST")


def _scan(code: python_types.CodeType, facts: Facts) -> None:
    chain: tuple[str, ...] = ()  # what the last instruction put on the stack, if it can be named
    facts.attributes.update(code.co_names)
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        line = (instruction.positions.lineno if instruction.positions else None) or code.co_firstlineno
        _note(name, value, line, facts)
        if name in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            if chain == (facts.first,):
                facts.loads.setdefault(value, line)
            chain = (*chain, value)
            facts.chains.setdefault(chain, line)
        elif name == "STORE_ATTR":
            _store(chain, value, line, facts)
            chain = ()
        elif name not in _NO_EFFECT:
            if len(chain) == 1:
                facts.bare.add(chain[0])
            chain = ()
            if name.startswith(_NAMES):
                *before, last = value if isinstance(value, tuple) else (value,)
                facts.bare.update(before)
                chain = (last,)
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            _scan(constant, facts)


def _note(name: str, value: Any, line: int, facts: Facts) -> None:
    if name in ("LOAD_GLOBAL", "LOAD_NAME"):
        facts.globals.setdefault(value, line)
        if value == "super":
            facts.constructs.setdefault(_CONSTRUCTS["LOAD_SUPER_ATTR"], line)
    elif name in _CONSTRUCTS:
        facts.constructs.setdefault(_CONSTRUCTS[name], line)
    elif name == "LOAD_CONST" and isinstance(value, str):
        facts.strings.add(value)


def _store(chain: tuple[str, ...], attribute: str, line: int, facts: Facts) -> None:
    """Note `name.attribute = v`, which loads the name just before, or `self.attribute += v`, which does not."""
    if chain == (facts.first,) or (not chain and attribute in facts.loads):
        facts.stores.setdefault(attribute, line)
    elif len(chain) == 1:
        facts.assigned.setdefault((chain[0], attribute), line)
