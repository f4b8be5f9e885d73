"""A signal that is there: autoregressive returns, whose best forecast is known, and how much of it models find."""

from __future__ import annotations

from typing import Any

from benchmarks.sections import Row, Section
from benchmarks.signals.found import PHI, planted

MODELS = ("ridge", "gradient_boosting", "mlp", "lstm")
WITHIN = 0.10
SIZES = {"train": 20_000, "test": 20_000, "n_folds": 5}
QUICK = {"train": 2_000, "test": 2_000, "n_folds": 2}
SEED = 7


def inside(quick: bool) -> dict[str, Any]:
    """Let each model predict, one after the other."""
    sizes = QUICK if quick else SIZES
    planted("ridge", 200, 100, 1, SEED)  # compiles the features
    return {"sizes": sizes, "models": [planted(name, seed=SEED, **sizes) for name in MODELS]}


def sections(answer: dict[str, Any]) -> list[Section]:
    """Return information coefficients out of sample; × is that of the best forecast."""
    sizes = answer["sizes"]
    rows = sizes["test"] * sizes["n_folds"]
    caption = (
        f"returns with an autocorrelation of {PHI}, five features, {sizes['n_folds']} folds that train on "
        f"{sizes['train']:,} bars, {rows:,} test rows (standard error {rows**-0.5:.4f}); × = the theoretical {PHI}"
    )
    section = Section("planted signal", caption)
    low, high = PHI * (1.0 - WITHIN), PHI * (1.0 + WITHIN)
    for one in answer["models"]:
        wrong = "" if one["rows"] == rows else f"{one['rows']:,} TEST ROWS"
        section.rows.append(
            Row(
                one["model"],
                "IC",
                (one["ic"],),
                one["ic"] / PHI,
                f"{low:.2f} to {high:.2f}",
                low <= one["ic"] <= high,
                note=wrong or f"{one['seconds']:.0f} s",
                alarm=bool(wrong),
            )
        )
    return [section]
