"""JSON that has one meaning: no member twice, no number that is none."""

from __future__ import annotations

import json
from typing import Any


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a member is there twice")
    return out


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def loads(text: bytes | str) -> Any:
    """Read a document; one that two readers could read differently is ValueError."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_object(text: bytes | str) -> dict[str, Any]:
    """Read a document that is one object."""
    out = loads(text)
    if not isinstance(out, dict):
        raise ValueError("not an object")
    return out
