"""Leaves of the log: canonical JSON (RFC 8785), padded. Two kinds are read here."""

from __future__ import annotations

import json
from typing import Any

from . import _strict

_RULES = (1, 2)  # that a charge says it is held to
_SIZES = (1024, 4096, 16384, 65535)

# The members of a leaf, in order, and what each is. Logs of format 1 lack "policy" and
# "previous"; charges from before there were "rules" lack those.
_RELEASE = {
    "charge": int, "digest": str, "id": str, "index": int,
    "pad": str, "previous": str, "time": int, "type": str,
}  # fmt: skip
_CHARGE = {
    "catalogue": str, "delta": str, "due": int, "epoch": int, "grant": str, "id": str,
    "idempotency": str, "index": int, "key": str, "organisation": str, "pad": str,
    "policy": int, "previous": str, "principal": str, "purpose": str, "request": str,
    "rho": str, "rules": int, "scopes": list, "sigmas": dict, "snapshot": str, "template": str,
    "template_digest": str, "time": int, "type": str,
}  # fmt: skip
_KINDS: dict[str, dict[str, type]] = {"RELEASE": _RELEASE, "CHARGE": _CHARGE}


def decode(raw: bytes, kind: str) -> dict[str, Any]:
    """Read a leaf of a kind, RELEASE or CHARGE, strictly. Anything else is ValueError."""
    if b"\\" in raw:
        raise ValueError("a leaf has no escapes")
    leaf = _strict.load_object(raw)
    members = _KINDS[kind]
    lacks = {"policy", "previous"} if "previous" not in leaf else set()
    if "rules" not in leaf:
        lacks.add("rules")
    members = {n: t for n, t in members.items() if n not in lacks}
    if list(leaf) != list(members) or leaf["type"] != kind:
        raise ValueError(f"not a {kind} leaf")
    for name, value in leaf.items():
        if type(value) is not members[name]:
            raise ValueError(f"{name} is of another type")
        if isinstance(value, int) and not 0 <= value < 2**53:
            raise ValueError(f"{name} is out of range")
    if leaf.get("rules", 1) not in _RULES:
        raise ValueError("made under rules that this version does not know")
    again = json.dumps(leaf, ensure_ascii=False, separators=(",", ":")).encode()
    if again != raw:
        raise ValueError("not in its one spelling")
    _check_padding(len(raw), leaf["pad"])
    return leaf


def _check_padding(length: int, pad: str) -> None:
    if pad.strip("0") or length not in _SIZES:
        raise ValueError("padded to the wrong size")
    smaller = [s for s in _SIZES if s < length]
    if smaller and length - len(pad) <= smaller[-1]:
        raise ValueError("padded to the wrong size")
