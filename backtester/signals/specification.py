"""What is written down of features and scalers: plain values, in one form, with one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_of(spec: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a specification in canonical JSON, 64 hex digits.

    Canonical: keys sorted, no blanks, ASCII alone, numbers as Python writes them; NaN and infinity are refused.
    """
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
