"""Where the class of a model is found again: by the name of a plug-in, or by module and class of a package.

Never by a path, a file, or anything that a bundle brings along.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from backtester.errors import ModelError, did_you_mean

_ADDRESS = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)


def address_of(model: Any) -> dict[str, str | None]:
    """Return by what the class of a model is found again.

    Parameters
    ----------
    model : object

    Returns
    -------
    dict
        `class`, as `module:Class`; and of a plug-in `plugin`, its name, and `package` and `version`, else None.

    Raises
    ------
    ModelError
        If it lies in a script, a notebook or a function, or cannot be found under its own name.
    """
    from backtester.signals.plugins import plugin_of

    kind = type(model)
    plugin = plugin_of(model)
    if plugin is not None:
        target = "".join(plugin.target.split())
        return {"class": target, "plugin": plugin.name, "package": plugin.package, "version": plugin.version}
    address = f"{kind.__module__}:{kind.__qualname__}"
    if kind.__module__ == "__main__" or "<locals>" in address:
        raise ModelError(
            f"the class {kind.__qualname__} lies in a script, a notebook or a function, where nothing can find it "
            "again; move it to a module of a package, and import it from there"
        )
    if (
        _ADDRESS.fullmatch(address) is None
        or getattr(sys.modules.get(kind.__module__), kind.__name__, None) is not kind
    ):
        raise ModelError(f"the class {address} cannot be found under its own name; move it to a module of a package")
    return {"class": address, "plugin": None, "package": None, "version": None}


def class_at(address: Any) -> type:
    """Return the class that `address_of` told of; its module is imported.

    Parameters
    ----------
    address : mapping
        As `address_of` gave it, by way of JSON or not.

    Raises
    ------
    ModelError
        If there is no such plug-in any more, or it is another class now; if the module cannot be imported or has no
        such class; or if it is no address of a model at all.
    """
    if not isinstance(address, Mapping) or not isinstance(address.get("class"), str):
        raise ModelError("the manifest does not say of which class the model is")
    target, name = address["class"], address.get("plugin")
    match = _ADDRESS.fullmatch(target)
    if match is None:
        raise ModelError(
            f"{target!r} cannot be the class of a model: a class is found as package.module:Class, never by a path or "
            "a file"
        )
    if name is not None:
        return _plugin_class(name, target, address)
    module, title = match.groups()
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or package == "backtester":
        raise ModelError(f"{target!r} lies in {package!r}, where there is no model; the manifest was altered")
    try:
        found = getattr(import_module(module), title, None)
    except ImportError as error:
        raise ModelError(f"the model is a {target}, and {module} cannot be imported ({error}); install it") from error
    if not inspect.isclass(found) or f"{found.__module__}:{found.__qualname__}" != target:
        near = did_you_mean(title, [one for one in dir(sys.modules[module]) if not one.startswith("_")])
        raise ModelError(
            f"the model is a {target}, and {module} has no class {title}{near}; install the version of the package "
            "that has it, or fit again"
        )
    says = any(callable(getattr(found, way, None)) for way in ("predict", "predict_proba"))
    if not callable(getattr(found, "fit", None)) or not says:
        raise ModelError(f"{target} is no model: it lacks fit, or predict and predict_proba")
    return found


def _plugin_class(name: Any, target: str, address: Mapping[str, Any]) -> type:
    from backtester.signals.plugins import plugin_named

    try:
        plugin = plugin_named(name)
    except ModelError as error:
        package = address.get("package")
        raise ModelError(
            f"{error}; the bundle's is of the package {package!r}, version {address.get('version')}"
        ) from None
    now = "".join(plugin.target.split())
    if now != target:
        raise ModelError(
            f"the model {name!r} was {target} of the package {address.get('package')!r}, and now it is {now} of "
            f"{plugin.package!r}; install the package it came from, or fit again"
        )
    return plugin.load()
