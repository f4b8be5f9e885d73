"""Which keywords of a call are parameters of the strategy, and which are settings; shared with `walk_forward`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtester.engine.settings import Settings
from backtester.errors import ParameterError, SettingsError, did_you_mean
from backtester.research.sweep.space import check_names
from backtester.strategy import Strategy


@dataclass(frozen=True)
class Keywords:
    """The keywords of a function that takes parameters and settings alike.

    Attributes
    ----------
    function : str
        Its name.
    mapping : str
        The keyword that takes parameters by name, whatever they are called.
    own : mapping
        Its own keywords with their defaults.
    """

    function: str
    mapping: str
    own: Mapping[str, Any]

    def told_apart(
        self, kind: type[Strategy], named: Mapping[str, Any], given: Mapping[str, Any], own: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return dimensions and settings of `run`.

        Parameters
        ----------
        kind : type
        named : mapping
            What `mapping` was given.
        given : mapping
            The keywords that are none of its own.
        own : mapping
            Values of its own keywords.

        Raises
        ------
        SettingsError
            A name that may be both, unless `named` decides; or one that is given twice.
        ParameterError
            A name that is neither.
        """
        known = kind.parameter_types()
        of_run = [name for name in Settings.__dataclass_fields__ if name not in self.own]
        check_names(self.function, kind, named)
        passed = [name for name in self.own if not _same(own[name], self.own[name])]
        for name in (*given, *passed):
            if name in known and (name in of_run or name in self.own) and name not in named:
                raise SettingsError(
                    f"{self.function}: {name!r} is a parameter of {kind.__name__} and a setting of "
                    f"{'run' if name in given else self.function}; write {self.mapping}={{{name!r}: …}} for the "
                    f"parameter, and {name}=… for the setting"
                )
        dimensions, settings = dict(named), {}
        for name, value in given.items():
            if name in of_run:
                settings[name] = value
            elif name not in known:
                names = (*known, *of_run, *self.own)
                raise ParameterError(
                    f"{self.function}: {kind.__name__} has no parameter {name!r}, and {self.function} and run no such "
                    f"setting{did_you_mean(name, names)} (parameters: {', '.join(known) or 'none'}; settings: "
                    f"{', '.join((*of_run, *self.own))})"
                )
            elif name in named:
                raise SettingsError(
                    f"{self.function}: {name!r} is given twice, in {self.mapping}= and by itself; keep one"
                )
            else:
                dimensions[name] = value
        return dimensions, settings


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))
