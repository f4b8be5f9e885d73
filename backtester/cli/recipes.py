"""What `backtester fit` takes, from words or a YAML file: model, features, label, scheme, selection, search, rows.

A model, a label, a scheme, a selection and a search are written as calls with plain values: `ridge(alpha=10.0)`,
`forward_return(5)`, `walk_forward(train=756, test=63)`. Nothing in them is run, and no name is a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.errors import BacktesterError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals import Features, Label, Search, Select

#: what a file may say, each as the option of that name
KEYS = (
    *("data", "read", "model", "features", "hold", "label", "rows", "scheme", "scaler", "winsorise"),
    *("select", "search", "weights", "seed", "workers", "executor", "signal", "out"),
)
_LISTS = ("data", "read", "features")
_COUNTS = ("n_trials", "metric")  # settings of a search that are no settings of the model


def read_config(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return what options and a file say together; an option that is given goes before the file.

    Parameters
    ----------
    file : path, optional
        YAML: a mapping with the names of the options, without their dashes.
    options : dict
        None, or an empty list, where an option was not given.

    Raises
    ------
    SettingsError
        If the file cannot be read, or says something that is no option.
    """
    found = dict.fromkeys(KEYS) if file is None else {**dict.fromkeys(KEYS), **_from_yaml(file)}
    found |= {name: value for name, value in options.items() if value is not None and value != []}
    for name in _LISTS:
        if isinstance(found[name], str):
            found[name] = [found[name]]
    return found


def _from_yaml(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ModuleNotFoundError:
        raise SettingsError("--config needs pyyaml, which is not installed; pip install pyyaml") from None
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: it is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(said, dict):
        raise SettingsError(f"{file}: it must be a mapping such as `model: ridge`, found {type(said).__name__}")
    for name in said:
        if name not in KEYS:
            raise SettingsError(f"{file}: there is no {name!r}{did_you_mean(str(name), KEYS)} ({', '.join(KEYS)})")
    return said


def model_of(given: Any) -> Any:
    """Return a model from text such as `"ridge(alpha=10.0)"`, or from a mapping with its name and settings."""
    from backtester.signals.calls import read_call
    from backtester.signals.plugins import model_named

    if given is None:
        raise SettingsError("--model is required, such as --model ridge; `backtester models list` shows what there is")
    if isinstance(given, Mapping):
        settings = dict(given)
        name = settings.pop("name", None)
        if name is None:
            raise SettingsError("model: a mapping needs its name, such as `model: {name: ridge, alpha: 10.0}`")
        return model_named(name, **settings)
    if str(given).replace("-", "").isidentifier() or not str(given).rstrip().endswith(")"):
        return model_named(given)  # which says of a path that it is none
    call = read_call(given)
    if call.given:
        raise SettingsError(f"--model {given}: settings of a model are given by name: {call.name}(alpha=…)")
    return model_named(call.name, **call.named)


def features_of(given: Any, hold: int | None) -> Features:
    """Return features from a list of texts, each of one or more names and calls; the default ones for None."""
    from backtester.signals import Features
    from backtester.signals.calls import read_calls

    if given is None:
        return Features.default()
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise SettingsError(f"features: {given!r} is no list of texts such as 'rsi(14)'")
    return Features([one for text in given for one in read_calls(text)], hold=hold or 0)


def label_of(given: Any, bars: Bars) -> Label:
    """Return the label of a call such as `"forward_return(5)"`."""
    from backtester.signals.calls import make, read_call
    from backtester.signals.labels import LABELS

    if given is None:
        raise SettingsError("--label is required, such as --label 'forward_return(5)'")
    call = read_call(given)
    if call.name == "meta_label":
        raise SettingsError("meta_label needs the side of another signal, an array; fit it in Python")
    return make("label", call, LABELS, bars)


def scheme_of(given: Any) -> Any:
    """Return the scheme of a call such as `"walk_forward(train=756, test=63)"`, or None."""
    from backtester.signals import CombinatorialPurgedCV, PurgedKFold, WalkForward
    from backtester.signals.calls import make, read_call

    known = {"walk_forward": WalkForward, "purged_k_fold": PurgedKFold, "combinatorial": CombinatorialPurgedCV}
    return None if given is None else make("scheme", read_call(given), known)


def select_of(given: Any) -> Select | None:
    """Return the selection of a call such as `"mutual_information(keep=10)"`, or None."""
    from backtester.signals import Select
    from backtester.signals.calls import make, read_call
    from backtester.signals.fitting.selection import METHODS

    def selecting(method: Any) -> Any:
        return lambda keep=10, rows=20_000: Select(method, keep, rows)

    known = {method: selecting(method) for method in METHODS}
    return None if given is None else make("selection", read_call(given), known)


def search_of(given: Any) -> Search | None:
    """Return the search of a call such as `"grid(alpha=[0.1, 1.0])"` or `"tpe(alpha=(1, 100, 'log'))"`, or None."""
    from backtester.signals import Search
    from backtester.signals.calls import read_call
    from backtester.signals.fitting.search import METHODS

    if given is None:
        return None
    call = read_call(given)
    if call.name not in METHODS:
        hint = did_you_mean(call.name, METHODS)
        raise SettingsError(f"--search {given}: there is no search {call.name!r}{hint} ({', '.join(METHODS)})")
    if call.given:
        raise SettingsError(f"--search {given}: what is tried is given by name: {call.name}(alpha=[0.1, 1.0])")
    settings = {name: value for name, value in call.named.items() if name in _COUNTS}
    space = {name: value for name, value in call.named.items() if name not in _COUNTS}
    return Search(space, call.name, **settings)  # type: ignore[arg-type]


def settings_of(said: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of `fit` that are no object of their own."""
    from backtester.signals import Cleaning

    scaler = "standard" if said["scaler"] is None else said["scaler"]
    winsorise = said["winsorise"]
    return {
        "clean": None if winsorise is None else Cleaning(winsorise),
        "scaler": None if scaler == "none" else scaler,
        "select": select_of(said["select"]),
        "search": search_of(said["search"]),
        "weights": said["weights"],
        "seed": 0 if said["seed"] is None else said["seed"],
    }


def rows_of(given: Any, bars: Bars) -> slice:
    """Return the rows of text such as `"2010..2015"`, `"..2015"` or `"2015"`, both ends included.

    Raises
    ------
    SettingsError
        If it names no bars.
    """
    from backtester.bars.slices import rows

    if given is None:
        return slice(0, bars.n_bars)
    first, dots, last = (part.strip() for part in str(given).partition(".."))
    try:
        return rows(bars, slice(first or None, last or None) if dots else first)
    except BacktesterError as error:
        raise SettingsError(f"--rows {given}: {error}; write FROM..UNTIL with dates, such as ..2015") from None
