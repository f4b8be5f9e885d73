"""Models by name: what installed packages register under the entry-point group `backtester.models`.

A package offers a model in its own pyproject.toml, under a name that is free:

    [project.entry-points."backtester.models"]
    kernel_ridge = "my_package.models:KernelRidge"

`model_named("kernel_ridge", alpha=2.0)` then makes one. A name is looked up among what is installed, and nowhere else:
it is never a path, a file or a module, so that a name that comes from a file or a command line can make nothing run
that was not installed on purpose. A class of your own needs no name: pass the model itself.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.errors import ModelError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

GROUP = "backtester.models"
_OURS = "backtester"  # the distribution
_SHIPPED = "strategies.models"  # the package, a layer above, that has our own plug-ins
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TARGET = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*:\s*([A-Za-z_]\w*)")
_KINDS = ("return", "class")


@dataclass(frozen=True)
class Plugin:
    """A model that an installed package offers.

    Attributes
    ----------
    name : str
        What `model_named` takes.
    target : str
        `module:Class`.
    package, version : str
        The distribution that registers it.
    """

    name: str
    target: str
    package: str
    version: str

    def load(self) -> type:
        """Import the class.

        Raises
        ------
        ModelError
            If a library that it needs is missing (it is named), its module cannot be imported, or it is no model.
        """
        match = _TARGET.fullmatch(self.target.strip())
        who = f"model {self.name!r} of the package {self.package!r}"
        if match is None:
            raise ModelError(f"{who} is registered as {self.target!r}; it must be module:Class")
        if self.package == _OURS:
            _refuse_hidden_package()
        module, kind = match.groups()
        try:
            found = getattr(import_module(module), kind)
        except ModuleNotFoundError as error:
            remedy = "pip install 'backtester[models]'" if self.package == _OURS else "install it"
            raise ModelError(f"{who} needs {error.name}, which is not installed; {remedy}") from error
        except Exception as error:
            raise ModelError(f"{who} cannot be imported from {module}: {type(error).__name__}: {error}") from error
        missing = [] if inspect.isclass(found) else ["a class"]
        if not missing:
            missing = [] if callable(getattr(found, "fit", None)) else ["fit"]
            if not any(callable(getattr(found, way, None)) for way in ("predict", "predict_proba")):
                missing.append("predict or predict_proba")
        if missing:
            raise ModelError(f"{who}, {self.target}, is no model: it lacks {' and '.join(missing)}")
        return found


def plugins() -> dict[str, list[Plugin]]:
    """Return what is registered, by name; a name that several packages claim has several entries.

    Nothing is imported but the table of the shipped models. It stands in where the installed metadata of backtester are
    older than its source: an editable installation does not see a new entry point until it is installed again.

    Returns
    -------
    dict of str to list of Plugin
        Sorted by name.
    """
    found: dict[str, list[Plugin]] = {}
    described = cache(_described)  # a package has many entries, and to read what it says of itself takes a millisecond
    for entry in metadata.entry_points(group=GROUP):
        plugin = Plugin(entry.name, entry.value, *described(entry.dist))
        if plugin not in found.setdefault(entry.name, []):
            found[entry.name].append(plugin)
    for plugin in _shipped():
        known = found.setdefault(plugin.name, [])
        if all(other.package != _OURS for other in known):
            known.append(plugin)
    return dict(sorted(found.items()))


def _described(package: metadata.Distribution | None) -> tuple[str, str]:
    """Return the name and the version of an installed package."""
    return ("unknown", "unknown") if package is None else (package.name, package.version)


def plugin_named(name: str) -> Plugin:
    """Return the plug-in of a name.

    Parameters
    ----------
    name : str
        Letters, digits, "_" and "-"; never a path, a file or a module.

    Raises
    ------
    ModelError
        If there is none, if packages fight over the name, or if it is no name.
    """
    if not isinstance(name, str):
        raise ModelError(f"the name of a model is text such as 'ridge', found {type(name).__name__} {name!r}")
    if _NAME.fullmatch(name) is None:
        raise ModelError(
            f"{name!r} cannot be the name of a model: models are taken from installed packages by a name of letters, "
            "digits, '_' and '-', never from a path, a file or a module; `backtester models list` shows them, and a "
            "model of your own is passed itself"
        )
    known = plugins()
    if name not in known:
        raise ModelError(f"there is no model {name!r}{did_you_mean(name, known)} (models: {', '.join(known)})")
    first, *others = known[name]
    if others:
        packages = " and ".join(repr(plugin.package) for plugin in known[name])
        raise ModelError(
            f"the packages {packages} all register a model {name!r}; uninstall all but one, or import the class and "
            "pass the model itself"
        )
    return first


def model_named(name: str, **settings: Any) -> Any:
    """Return a new, unfitted model of a name.

    Parameters
    ----------
    name : str
        One of `models()`.
    **settings
        Of the model, by keyword.

    Returns
    -------
    object
        A model as `docs/models.md` says.

    Raises
    ------
    ModelError
        If there is no such model or setting, if the name is a path or a module, or a library is missing.

    Examples
    --------
    >>> model_named("ridge", alpha=10.0)
    Ridge(alpha=10.0)
    """
    kind = plugin_named(name).load()
    known = inspect.signature(kind).parameters
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in known.values()):
        for setting in settings:
            if setting not in known:
                have = ", ".join(known) or "none"
                raise ModelError(
                    f"model {name!r} has no setting {setting!r}{did_you_mean(setting, known)}; it has {have}"
                )
    return kind(**settings)


def plugin_of(model: Any) -> Plugin | None:
    """Return the plug-in whose class a model is of, or None: by it a stored model is found again.

    Parameters
    ----------
    model : object
        A model, or its class.
    """
    kind = model if inspect.isclass(model) else type(model)
    target = f"{kind.__module__}:{kind.__qualname__}"
    for found in plugins().values():
        if len(found) == 1 and "".join(found[0].target.split()) == target:
            return found[0]
    return None


def describe(plugin: Plugin) -> dict[str, Any]:
    """Return what there is to say of a plug-in, as plain values; one that cannot be loaded says why.

    Parameters
    ----------
    plugin : Plugin
        One of `plugins()`.

    Returns
    -------
    dict
        `name`, `package`, `version`, `class`, `learns` (kinds of label: "return", "class"), `lookback` (the default, or
        None), `settings` (name: default), `summary`, `source` and `problem` (None, or why it cannot be used).
    """
    told = {"name": plugin.name, "package": plugin.package, "version": plugin.version, "class": plugin.target}
    empty: dict[str, Any] = {"learns": (), "lookback": None, "settings": {}, "summary": "", "source": ""}
    try:
        plugin_named(plugin.name)  # a name that cannot be asked for, or that two claim, is of no use either
        kind = plugin.load()
    except ModelError as error:
        return {**told, **empty, "problem": str(error)}
    parameters = inspect.signature(kind).parameters
    plain = {name: one.default for name, one in parameters.items() if one.kind is not one.VAR_KEYWORD}
    settings = {name: None if value is inspect.Parameter.empty else value for name, value in plain.items()}
    own = inspect.cleandoc(vars(kind).get("__doc__") or "")
    page = inspect.cleandoc(inspect.getmodule(kind).__doc__ or "")  # type: ignore[union-attr]
    classifier = hasattr(kind, "predict_proba")
    return {
        **told,
        "learns": tuple(getattr(kind, "label_kinds", None) or (("class",) if classifier else _KINDS)),
        "lookback": settings.get("lookback", getattr(kind, "lookback", None)),
        "settings": settings,
        "summary": (own or page).partition("\n\n")[0].replace("\n", " "),
        "source": _source(own) or _source(page),
        "problem": None,
    }


def models() -> pd.DataFrame:
    """Return the models that there are, by name: package, class, what they learn, lookback, and what is wrong.

    Returns
    -------
    pandas.DataFrame
        Index `name`; columns `package`, `class`, `learns` (kinds of label), `lookback` (bars that one sample spans by
        default, missing where a sample is one row) and `problem` (missing where the model can be used).
    """
    import pandas as pd

    rows = [describe(plugin) for found in plugins().values() for plugin in found]
    columns = ("package", "class", "learns", "lookback", "problem")
    index = pd.Index([row["name"] for row in rows], name="name")
    data = {name: [", ".join(row[name]) if name == "learns" else row[name] for row in rows] for name in columns}
    data["lookback"] = pd.array(data["lookback"], dtype="Int64")
    data["problem"] = pd.array(data["problem"], dtype="str")
    return pd.DataFrame(data, index=index)


def _source(text: str) -> str:
    """Return where an idea is from: the paragraph of a docstring that begins with "Source:"."""
    found = re.search(r"^Source: (.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _shipped() -> list[Plugin]:
    """Return our own plug-ins from the table of their package, unless another package of its name hides it.

    The package is a layer above this one; it is found by name as any plug-in is.
    """
    if _hidden_by() is not None:
        return []
    version = import_module(_OURS).__version__
    table = import_module(_SHIPPED).SHIPPED
    return [Plugin(name, target, _OURS, version) for name, target in table.items()]


def _hidden_by() -> Path | None:
    """Return the folder of another package called `strategies` that comes first on the path, or None."""
    home = Path(__file__).resolve().parents[2]
    top = _SHIPPED.partition(".")[0]
    spec = find_spec(top)
    places = [Path(place).resolve() for place in (spec.submodule_search_locations or ())] if spec else []
    if home / top in places:
        return None
    return places[0] if places else home / top


def _refuse_hidden_package() -> None:
    other = _hidden_by()
    if other is not None:
        raise ModelError(
            f"another package called `strategies` ({other}) hides the one of backtester; run from elsewhere"
        )
