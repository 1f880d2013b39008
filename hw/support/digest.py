"""One hash for everything that can be written as JSON."""

import hashlib
import json
from typing import Any


def sha256_of(value: Any) -> str:
    """Hex SHA-256 of ``value`` as JSON text with sorted keys; equal values give equal hashes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
