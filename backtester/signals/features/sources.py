"""Where a function comes from: its address in a package, and a hash of its source.

An address is `package.module:name`, and is followed by importing the module. What has none (a function of `__main__` or
of a notebook, a lambda, a function made inside another) can be used, but not written down: it is passed in again.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from backtester.errors import FeatureError, did_you_mean

_ADDRESS = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)
_INDICATORS = "backtester.indicators."


def address_of(function: Callable[..., Any]) -> str | None:
    """Return `module:qualname` if following it leads to this very function, else None."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or module == "__main__" or not _ADDRESS.fullmatch(f"{module}:{name}"):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is function else None


def source_hash(function: Callable[..., Any]) -> str | None:
    """Return the SHA-256 of a function's source, 64 hex digits, or None where there is no source to read."""
    function = getattr(function, "py_func", function)  # of what numba has compiled
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode("utf-8")).hexdigest()


def is_ours(address: str | None) -> bool:
    """Return whether an address is that of an indicator of ours; the package's version stands for its source."""
    return address is not None and address.startswith(_INDICATORS)


def function_at(address: str, feature: str) -> Callable[..., Any]:
    """Return the function at an address, importing its module.

    Parameters
    ----------
    address : str
        `package.module:name`; never a file, and never the standard library, which has no features.
    feature : str
        For the messages.

    Raises
    ------
    FeatureError
        If it is no address, the module cannot be imported, or there is no function of that name which it defines.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise FeatureError(
            f"feature {feature!r}: {address!r} is not the address of a function; it is written 'package.module:name'"
        )
    module, name = match.groups()
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or (package == "backtester" and not is_ours(address)):
        where = "this package, outside its indicators" if package == "backtester" else "Python's standard library"
        raise FeatureError(
            f"feature {feature!r}: {address!r} lies in {where}, where there is no feature; the specification is "
            "damaged, or another function was meant"
        )
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise FeatureError(
            f"feature {feature!r}: its module {module!r} cannot be imported ({error}); install it, or pass the "
            f"function in: functions={{{feature!r}: …}}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            near = did_you_mean(part, dir(found))
            raise FeatureError(f"feature {feature!r}: module {module!r} has no function {name!r}{near}")
        found = getattr(found, part)
    if not callable(found) or address_of(found) != address:
        raise FeatureError(f"feature {feature!r}: {address!r} is not a function that this module defines")
    return found
