"""Bundles: a fitted model in a directory, from which it comes back in another process, and says the same.

`files` writes and reads the directory, `contents` says what is in the manifest and puts it together again, `weights`
turns models into files and back, `addresses` finds their classes, `estimators` says what a skops file may hold, and
`trees` what trees may.
"""

from backtester.signals.bundle.files import load_model, model_manifest, save_model

__all__ = ["load_model", "model_manifest", "save_model"]
