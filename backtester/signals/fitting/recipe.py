"""A recipe: everything that decides what is fitted, but the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from backtester.errors import FeatureError, SettingsError, did_you_mean
from backtester.manifest import plain
from backtester.signals.features import Features
from backtester.signals.fitting.protocol import check_label, check_model, title_of
from backtester.signals.fitting.search import Search
from backtester.signals.fitting.selection import Select

if TYPE_CHECKING:
    from backtester.signals.cleaning import Cleaning
    from backtester.signals.labels import Label

ScalerMethod = Literal["standard", "robust"]
Weights = Literal["uniqueness", "return"]
SCALERS = ("standard", "robust")
WEIGHTS = ("uniqueness", "return")


@dataclass(frozen=True, eq=False)
class Recipe:
    """What is fitted: the model, what it sees and learns, and what is done to its training rows.

    Attributes
    ----------
    model : object
        Unfitted; copied for every fit.
    features : Features
    label_name, label_kind : str
        As of the `Label`.
    label_spec : dict
        What rebuilds the label for other bars.
    classes : tuple of int
        Of a label of classes, in order; else empty.
    clean : Cleaning or None
    scaler : {"standard", "robust"} or None
    select : Select or None
    search : Search or None
    weights : {"uniqueness", "return"} or None
    seed : int
    """

    model: Any
    features: Features
    label_name: str
    label_kind: str
    label_spec: dict[str, Any]
    classes: tuple[int, ...] = ()
    clean: Cleaning | None = None
    scaler: ScalerMethod | None = "standard"
    select: Select | None = None
    search: Search | None = None
    weights: Weights | None = None
    seed: int = field(default=0)

    @property
    def title(self) -> str:
        """What the model is called."""
        return title_of(self.model)

    def words(self) -> dict[str, Any]:
        """Return what tells this recipe from others, as plain values, for the trial ledger."""
        settings = self.model.get_params() if hasattr(self.model, "get_params") else vars(self.model)
        found = {
            "model": [f"{type(self.model).__module__}.{type(self.model).__qualname__}", settings],
            "features": self._features_in_words(),
            "label": [self.label_name, self.label_spec],
            "clean": self.clean.spec() if self.clean is not None else None,
            "search": self.search.spec() if self.search is not None else None,
            "select": self.select.spec() if self.select is not None else None,
            **{name: getattr(self, name) for name in ("scaler", "weights", "seed")},
        }
        return {name: plain(value) for name, value in found.items()}

    def _features_in_words(self) -> Any:
        try:
            return self.features.spec()
        except FeatureError:  # a function without an address
            return list(self.features.names)

    @classmethod
    def of(cls, model: Any, features: Any, label: Label, seed: int = 0, **settings: Any) -> Recipe:
        """Return the recipe of a model (or the name of one), features (or a list of them) and a label, checked.

        Raises
        ------
        ModelError
            If the model is none, or does not learn such a label.
        SettingsError
            If a setting is out of range.
        """
        if isinstance(model, str):
            from backtester.signals.plugins import model_named

            model = model_named(model)
        check_model(model)
        check_label(model, label.kind, label.name)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise SettingsError(f"seed is {seed!r}; it is an int, 0 or more")
        _one_of("scaler", settings.get("scaler"), SCALERS)
        _one_of("weights", settings.get("weights"), WEIGHTS)
        for name, kind in (("select", Select), ("search", Search)):
            given = settings.get(name)
            if given is not None and not isinstance(given, kind):
                raise SettingsError(f"{name} is {given!r}; it is a {kind.__name__}(…), or None")
        return cls(
            model=model,
            features=features if isinstance(features, Features) else Features(features),
            label_name=label.name,
            label_kind=label.kind,
            label_spec=label.spec,
            classes=tuple(int(one) for one in label.classes),
            seed=seed,
            **settings,
        )


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        listed = ", ".join(map(repr, known))
        raise SettingsError(f"{name} is {value!r}{did_you_mean(str(value), known)}; it is {listed}, or None")
