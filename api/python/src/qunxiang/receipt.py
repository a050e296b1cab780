"""Receipts: that a release was charged for, logged and not changed, checked here.

A receipt is an in-toto statement in a DSSE envelope, signed with Ed25519 and SM2,
with the proof that the RELEASE leaf and the CHARGE leaf before it are in the log under
a checkpoint that its keys signed and its witnesses, if there are any, cosigned.
:func:`verify` does what ``qunxiang audit receipt`` does, and needs no other package.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _ed25519, _merkle, _rests, _sm, _strict
from ._leaf import decode
from ._note import NoteError, Trust, unbase64
from ._show import safe
from .errors import ReceiptError

_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://github.com/qunxiang/qunxiang/receipt/v1"
_MECHANISM = "gaussian-zcdp"
_MOST = 1 << 20  # bytes of a receipt
_FOREVER = 2**63 - 2

# The members of a receipt, in the order of its one spelling.
_SHAPE: dict[str, Any] = {
    "envelope": {"payloadType": str, "payload": str, "signatures": [{"keyid": str, "sig": str}]},
    "checkpoint": str,
    "charge": {"index": int, "leaf": str, "leaf_hash": str, "hashes": [str]},
    "release": {"index": int, "leaf": str, "leaf_hash": str, "hashes": [str]},
}
_OPTIONAL = frozenset(("leaf", "leaf_hash"))

# The same of a statement.
_SAID: dict[str, Any] = {
    "_type": str,
    "subject": [{"name": str, "digest": {"sha256": str}}],
    "predicateType": str,
    "predicate": {
        "release": str, "population": str, "charge_leaf": int, "release_leaf": int,
        "template": str, "catalogue": str, "template_digest": str, "snapshot": str,
        "opt_out_epoch": int, "purpose": str, "mechanism": str, "rho": str, "delta": str,
        "scopes": [str], "k": str, "mode": str, "policy": str, "policy_leaf": int,
        "approvals": [{"subject": str, "digest": str, "who": str, "leaf": int}],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Keys:
    """The public keys that check receipts of one domain.

    ``policy`` is a C2SP tlog-policy with the keys of the log and its witnesses, as
    ``qunxiang audit policy`` prints it. ``receipt`` and ``receipt_sm2`` are lines of
    hex digits as in a domain's ``receipt.pub`` and ``receipt-sm2.pub``: the key in force
    first, then those before it with `` until leaf N`` behind.
    """

    policy: str
    receipt: tuple[str, ...]
    receipt_sm2: tuple[str, ...]
    population: str = ""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Keys:
        """Read keys as a server or a credentials file has them."""
        try:
            keys = cls(
                str(told["policy"]),
                tuple(str(k) for k in told["receipt"]),
                tuple(str(k) for k in told["receipt_sm2"]),
                str(told.get("population", "")),
            )
            Trust.parse(keys.policy)
            for line in keys.receipt:
                _receipt_key(line, sm2=False)
            for line in keys.receipt_sm2:
                _receipt_key(line, sm2=True)
        except (KeyError, TypeError, ValueError) as err:
            raise ReceiptError(f"these are no keys of receipts: {err}") from err
        return keys

    @classmethod
    def from_files(cls, policy: str | Path, receipt: str | Path, receipt_sm2: str | Path) -> Keys:
        """Read the files that an authority hands over: pinned.policy and both keys."""
        lines = [
            [line.strip() for line in Path(path).read_text("utf-8").splitlines() if line.strip()]
            for path in (receipt, receipt_sm2)
        ]
        return cls.of(
            {
                "policy": Path(policy).read_text("utf-8"),
                "receipt": lines[0],
                "receipt_sm2": lines[1],
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """Give what :meth:`of` reads."""
        return {
            "population": self.population,
            "policy": self.policy,
            "receipt": list(self.receipt),
            "receipt_sm2": list(self.receipt_sm2),
        }


@dataclass(frozen=True)
class Receipt:
    """A receipt that holds, and what it says."""

    text: bytes
    statement: Mapping[str, Any]
    witnesses: tuple[str, ...] = ()
    log_size: int = 0
    trust: str = "given"  # where the keys are from

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the statement says of the release."""
        said: Mapping[str, Any] = self.statement["predicate"]
        return said

    @property
    def digest(self) -> str:
        """SHA-256 of the released bytes, in hex."""
        return str(self.statement["subject"][0]["digest"]["sha256"])

    @property
    def evaluation(self) -> bool:
        """Whether the domain is an evaluation domain, where nobody approves."""
        return bool(self.predicate["mode"] == "evaluation")

    def save(self, path: str | Path) -> Path:
        """Write the receipt, as ``qunxiang audit receipt`` reads it."""
        path = Path(path)
        path.write_bytes(self.text)
        return path

    def __str__(self) -> str:
        p = self.predicate
        lines = [
            f"Receipt of {p['release']}: it holds.",
            f"  {p['template']} on snapshot {p['snapshot'][:12]}..., for {p['purpose']}",
            f"  charged in leaf {p['charge_leaf']}, released in leaf {p['release_leaf']}"
            f" of a log of {self.log_size}",
            f"  signed by Ed25519 and SM2; cosigned by {', '.join(self.witnesses) or 'no witness'}",
            f"  keys: {self.trust}",
        ]
        if self.evaluation:
            lines.append("  EVALUATION DOMAIN: nobody approved anything")
        lines.append(
            "  by the server's word, which `qunxiang audit verify` proves:"
            f" mode {p['mode']}, k {p['k'] or 'not said'}"
        )
        lines += [
            f"    {a['subject']} approved by {a['who']} (leaf {a['leaf']})" for a in p["approvals"]
        ]
        return safe("\n".join(lines))

    __repr__ = __str__


def verify(
    text: bytes,
    keys: Keys,
    release: bytes | None = None,
    *,
    trust: str = "given",
    now: float | None = None,
) -> Receipt:
    """Check a receipt offline; whatever does not hold is :class:`ReceiptError` with a code.

    Checked are: the receipt's one spelling; both signatures of its statement; the
    checkpoint's signatures, SM2 too where the policy lists such a key, and the quorum
    of witnesses; that both leaves are under it; that they are the RELEASE and, before
    it, the CHARGE of which the statement speaks. With ``release``, the very bytes that
    were released, also their digest and that they say the same of themselves; without
    them a receipt that does not show its CHARGE leaf holds for nothing.

    Mode, k and approvals are in neither leaf: they are the server's word, refused where
    they cannot be true, and otherwise proven by ``qunxiang audit verify`` only.
    """
    now = time.time() if now is None else now
    with _failing("receipt-malformed"):
        receipt = _parse(text)
    statement, until = _signed(receipt["envelope"], keys)
    with _failing("receipt-key"):
        pinned = Trust.parse(keys.policy)
    with _failing("receipt-checkpoint"):
        seen = pinned.open(receipt["checkpoint"].encode(), now)
    with _failing("receipt-key"):
        if seen.size > until + 1:
            raise ValueError(f"it is signed by a receipt key that leaf {until} ended")
    with _failing("receipt-proof"):
        for part in ("charge", "release"):
            if _root_of(receipt[part], seen.size) != seen.root:
                raise ValueError(f"the {part} leaf is not in the log of its checkpoint")
    with _failing("receipt-leaf"):
        charge = _speaks_of(statement, receipt, seen.origin)
    with _failing("receipt-approvals"):
        _rests.check(statement["predicate"], charge)
    with _failing("receipt-release"):
        if release is not None:
            _is_of(statement, release)
        elif charge is None:
            raise ValueError("it does not show the CHARGE leaf: hold it against the release")
    return Receipt(text, statement, seen.witnesses, seen.size, trust)


@contextmanager
def _failing(code: str) -> Iterator[None]:
    """Say that whatever goes wrong here is the receipt's failing of that code."""
    try:
        yield
    except (NoteError, ValueError, KeyError, TypeError, IndexError) as err:
        raise ReceiptError(f"the receipt does not hold: {code}: {err}", code) from err


def _parse(text: bytes) -> dict[str, Any]:
    if len(text) > _MOST:
        raise ValueError("it is too long")
    receipt = _strict.load_object(text)
    _shaped(receipt, _SHAPE, "receipt")
    if _spelled(json.dumps(receipt, ensure_ascii=False, indent=2)) + b"\n" != text:
        raise ValueError("it is not in its one spelling")
    for part in ("charge", "release"):
        logged = receipt[part]
        if ("leaf" in logged) == ("leaf_hash" in logged) or logged.get("leaf") == "":
            raise ValueError("a leaf or its hash is there, not both")
        if not -(2**63) <= logged["index"] < 2**63:
            raise ValueError("an index is out of range")
        _root_of(logged, 0)  # for what in it is no base64
    return receipt


def _spelled(text: str) -> bytes:
    for mark in "<>&\u2028\u2029":  # which the server's JSON escapes
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text.encode()


def _root_of(logged: Mapping[str, Any], size: int) -> bytes | None:
    """Give the root that a leaf's proof leads to in a log of that size."""
    hashes = [_digest(h) for h in logged["hashes"]]
    return _merkle.root_of(hashes, size, logged["index"], _hash_of(logged))


def _shaped(value: Any, shape: Any, where: str) -> None:
    """Hold a value to a shape: members in order, and what they are."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        if list(value) != [n for n in shape if n in value or n not in _OPTIONAL]:
            raise ValueError(f"{where} has other members")
        for name, inner in value.items():
            _shaped(inner, shape[name], name)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{where} is no list")
        for inner in value:
            _shaped(inner, shape[0], where)
    elif type(value) is not shape:
        raise ValueError(f"{where} is of another type")


def _digest(text: str) -> bytes:
    raw = unbase64(text)
    if len(raw) != 32:
        raise ValueError("no hash")
    return raw


def _hash_of(logged: Mapping[str, Any]) -> bytes:
    if "leaf" in logged:
        return _merkle.leaf_hash(unbase64(logged["leaf"]))
    return _digest(logged["leaf_hash"])


@dataclass(frozen=True)
class _ReceiptKey:
    id: str
    key: bytes
    check: Callable[[bytes, bytes, bytes], bool]
    until: int


def _receipt_key(line: str, *, sm2: bool) -> _ReceiptKey:
    text, ended, leaf = line.partition(" until leaf ")
    key = bytes.fromhex(text)
    if key.hex() != text or not (_sm.on_curve(key) if sm2 else _ed25519.sound(key)):
        raise ValueError("no public key of receipts")
    name = hashlib.sha256(key).hexdigest()[:16]
    check = _sm.verify if sm2 else _ed25519.verify
    return _ReceiptKey(name, key, check, int(leaf) if ended else _FOREVER)


def _signed(envelope: Mapping[str, Any], keys: Keys) -> tuple[dict[str, Any], int]:
    """Give the statement that keys of both kinds signed, and up to which leaf they are good."""
    with _failing("receipt-malformed"):
        payload = unbase64(envelope["payload"])
        if envelope["payloadType"] != _PAYLOAD_TYPE:
            raise ValueError("it has no in-toto statement")
    with _failing("receipt-key"):
        if not keys.receipt or not keys.receipt_sm2:
            raise ValueError("both keys of receipts are needed")
        kinds = [
            ("Ed25519", [_receipt_key(line, sm2=False) for line in keys.receipt]),
            ("SM2", [_receipt_key(line, sm2=True) for line in keys.receipt_sm2]),
        ]
    with _failing("receipt-signature"):
        until = min(_until(envelope["signatures"], payload, *kind) for kind in kinds)
    with _failing("receipt-malformed"):
        return _statement(payload), until


def _until(
    signatures: list[dict[str, str]], payload: bytes, kind: str, keys: list[_ReceiptKey]
) -> int:
    """Give up to which leaf the key is good that signed a payload."""
    message = b"DSSEv1 %d %s %d %s" % (
        len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload,
    )  # fmt: skip
    for key in keys:
        mine = [s["sig"] for s in signatures if s["keyid"] == key.id]
        if len(mine) == 1 and key.check(key.key, message, unbase64(mine[0])):
            return key.until
    raise ValueError(f"its statement is not signed by the receipt key ({kind})")


def _statement(payload: bytes) -> dict[str, Any]:
    """Read a statement in its one spelling."""
    statement = _strict.load_object(payload)
    _shaped(statement, _SAID, "statement")
    text = json.dumps(statement, ensure_ascii=False, separators=(",", ":"))
    if (
        _spelled(text) != payload
        or statement["_type"] != _STATEMENT
        or statement["predicateType"] != _PREDICATE
        or len(statement["subject"]) != 1
        or statement["predicate"]["mechanism"] != _MECHANISM
    ):
        raise ValueError("its statement is of another kind")
    return statement


def _same(what: str, pairs: list[tuple[Any, Any]]) -> None:
    for mine, other in pairs:
        if type(mine) is not type(other) or mine != other:
            raise ValueError(f"the statement and {what} differ")


def _speaks_of(
    statement: Mapping[str, Any], receipt: Mapping[str, Any], origin: str
) -> Mapping[str, Any] | None:
    """Hold the statement to the two leaves, and give the CHARGE where it is shown."""
    p, subject = statement["predicate"], statement["subject"][0]
    leaf = decode(unbase64(receipt["release"].get("leaf", "")), "RELEASE")
    _same("the RELEASE leaf", [
        (leaf["index"], receipt["release"]["index"]), (p["release_leaf"], leaf["index"]),
        (p["charge_leaf"], leaf["charge"]), (p["release"], leaf["id"]),
        (subject["digest"]["sha256"], leaf["digest"]), (subject["name"], leaf["id"] + ".json"),
        (p["population"], origin),
    ])  # fmt: skip
    if receipt["charge"]["index"] != p["charge_leaf"] or p["charge_leaf"] >= p["release_leaf"]:
        raise ValueError("it was not charged before it was released")
    if "leaf" not in receipt["charge"]:
        return None
    charge = decode(unbase64(receipt["charge"]["leaf"]), "CHARGE")
    _charged(p, charge)
    return charge


def _charged(p: Mapping[str, Any], leaf: Mapping[str, Any]) -> None:
    same = [
        "template",
        "catalogue",
        "template_digest",
        "snapshot",
        "purpose",
        "rho",
        "delta",
        "scopes",
    ]
    pairs = [(p[name], leaf[name]) for name in same]
    pairs += [(p["charge_leaf"], leaf["index"]), (p["release"], leaf["id"])]
    pairs += [(p["opt_out_epoch"], leaf["epoch"])]
    if "previous" in leaf:
        pairs.append((p["policy_leaf"], leaf["policy"]))
    _same("the CHARGE leaf", pairs)


def _is_of(statement: Mapping[str, Any], release: bytes) -> None:
    """Hold the statement to the released bytes."""
    p = statement["predicate"]
    if hashlib.sha256(release).hexdigest() != statement["subject"][0]["digest"]["sha256"]:
        raise ValueError("the release is not the one that was logged")
    said = _strict.load_object(release)
    same = ["template", "catalogue", "template_digest", "snapshot", "opt_out_epoch", "purpose"]
    privacy = said["privacy"]
    k = privacy["k"]
    _same("the release", [
        *((p[name], said[name]) for name in same),
        (p["release"], said["id"]),
        (int(p["rho"]) / 1e12, float(privacy["rho"])),
        (int(p["delta"]) / 1e21, float(privacy["delta"])),
        (p["scopes"], sorted(privacy["scopes"])),
        (p["mode"] == "evaluation", said["evaluation"]),
        (p["k"] in ("", f"{k}", f"noisy, {k} where keys are private"), True),
    ])  # fmt: skip
