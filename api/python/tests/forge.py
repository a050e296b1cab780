"""Makes receipts as a server does, with keys of its own, so that tests can break them.

The signers are for tests alone: they take no care of secrets.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qunxiang import Keys, _ed25519, _merkle, _sm
from qunxiang._note import _SM2_KIND, _key_id

POPULATION = "people"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class Ed25519Signer:
    def __init__(self, seed: int) -> None:
        digest = hashlib.sha512(bytes([seed]) * 32).digest()
        self._a = int.from_bytes(digest[:32], "little") & ~7 & ~(1 << 255) | 1 << 254
        self._prefix = digest[32:]
        self.public = _ed25519._encode(_ed25519._times(self._a, _ed25519._BASE))

    def sign(self, message: bytes) -> bytes:
        order = _ed25519._L
        r = int.from_bytes(hashlib.sha512(self._prefix + message).digest(), "little") % order
        point = _ed25519._encode(_ed25519._times(r, _ed25519._BASE))
        k = hashlib.sha512(point + self.public + message).digest()
        s = (r + int.from_bytes(k, "little") * self._a) % order
        return point + s.to_bytes(32, "little")


class SM2Signer:
    def __init__(self, seed: int) -> None:
        self._d = int.from_bytes(hashlib.sha256(bytes([seed])).digest(), "big") % _sm._N
        x, y = self._affine(self._d)
        self.public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    @staticmethod
    def _affine(n: int) -> tuple[int, int]:
        x, y, z = _sm._times(n, (_sm._GX, _sm._GY, 1))
        inverse = pow(z, -1, _sm._P)
        return x * inverse**2 % _sm._P, y * inverse**3 % _sm._P

    def sign(self, message: bytes) -> bytes:
        curve = b"".join(n.to_bytes(32, "big") for n in (_sm._A, _sm._B, _sm._GX, _sm._GY))
        user = (8 * len(_sm._USER)).to_bytes(2, "big") + _sm._USER
        e = int.from_bytes(_sm.sm3(_sm.sm3(user + curve + self.public[1:]) + message), "big")
        k = int.from_bytes(hashlib.sha256(message).digest(), "big") % _sm._N
        r = (e + self._affine(k)[0]) % _sm._N
        s = pow(1 + self._d, -1, _sm._N) * (k - r * self._d) % _sm._N
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


LOG, LOG_SM2, WITNESS = Ed25519Signer(1), SM2Signer(2), Ed25519Signer(3)
RECEIPT, RECEIPT_SM2 = Ed25519Signer(4), SM2Signer(5)


def verifier(name: str, data: bytes) -> str:
    return f"{name}+{_key_id(name, data).hex()}+{b64(data)}"


LOG_KEY = verifier(POPULATION, b"\x01" + LOG.public)
LOG_SM2_KEY = verifier(POPULATION, _SM2_KIND + LOG_SM2.public)
WITNESS_KEY = verifier("w.example", b"\x04" + WITNESS.public)
POLICY = f"log {LOG_KEY}\nlog {LOG_SM2_KEY}\nwitness w {WITNESS_KEY}\nquorum w\n"
NOW = 1_800_000_000


def keys(policy: str = POLICY) -> Keys:
    return Keys(policy, (RECEIPT.public.hex(),), (RECEIPT_SM2.public.hex(),))


def leaf(members: dict[str, Any], size: int = 1024) -> bytes:
    """Give a leaf as the log has it: members in order, padded."""
    bare = dict(sorted({**members, "pad": ""}.items()))
    length = len(json.dumps(bare, ensure_ascii=False, separators=(",", ":")).encode())
    bare["pad"] = "0" * (size - length)
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":")).encode()


def release_bytes() -> bytes:
    return json.dumps({
        "id": "q-1", "template": "claim-severity@1.1.0", "catalogue": "I3",
        "template_digest": "d" * 64, "coarse": True, "title": {"en": "Severity", "zh": "费用"},
        "parameters": {"window": "2017-01-01..2017-12-31"},
        "purpose": "commercial-health-insurance",
        "snapshot": "5" * 64, "opt_out_epoch": 7, "released": "2026-01-31T12:00:10Z",
        "evaluation": False, "keys": ["age"], "notes": [{"en": "A note.", "zh": "注。"}],
        "groups": [
            {"keys": {"age": "0-29"}, "suppressed": False, "measures": {
                "people": {"unit": "people", "value": 100, "low": 50, "high": 150},
                "severity": {"unit": "fen", "value": 12345.5, "low": 10000, "high": 15000},
                "ratio": {"unit": "share", "value": 0.5}}},
            {"keys": {"age": "30+"}, "suppressed": True, "measures": {}},
        ],
        "privacy": {"rho": 0.288277428269, "delta": 1.22416078747e-10, "epsilon": 4.8,
                    "epsilon_at_delta": 1e-9, "k": 20, "charged": True,
                    "scopes": ["people/2017", "people/life"]},
    }, ensure_ascii=False, separators=(",", ":")).encode()  # fmt: skip


def approvals(template: str) -> list[dict[str, Any]]:
    """Give two people's approvals of each thing that needs them."""
    digests = {"grant": "p", "template": template, "snapshot": "s"}
    return [
        {"subject": subject, "digest": digest, "who": who, "leaf": 1 + 2 * i + j}
        for i, (subject, digest) in enumerate(digests.items())
        for j, who in enumerate(("Ada", "Bo"))
    ]


@dataclass
class Forged:
    """A receipt before it is written. Tests change its parts, in the order of the making."""

    release: bytes = field(default_factory=release_bytes)
    charge_leaf: dict[str, Any] = field(default_factory=dict)
    release_leaf: dict[str, Any] = field(default_factory=dict)
    statement: dict[str, Any] = field(default_factory=dict)
    hide_charge: bool = False
    log: Ed25519Signer = LOG
    log_sm2: SM2Signer = LOG_SM2
    witness: Ed25519Signer | None = WITNESS
    cosigned_at: int = NOW
    by: Ed25519Signer = RECEIPT
    by_sm2: SM2Signer = RECEIPT_SM2
    payload_type: str = "application/vnd.in-toto+json"
    size: int = 12

    def __post_init__(self) -> None:
        said = json.loads(self.release)
        named = {n: said[n] for n in ("template", "catalogue", "template_digest", "snapshot")}
        cost = {"rho": "288277428269", "delta": "122416078747", "scopes": said["privacy"]["scopes"]}
        digest = hashlib.sha256(self.release).hexdigest()
        self.charge_leaf = {
            **named, "purpose": said["purpose"], **cost, "due": 1_769_860_810, "epoch": 7,
            "grant": "g", "id": "q-1",
            "idempotency": "", "index": 8, "key": "k", "organisation": "insurer-a", "policy": 1,
            "previous": "0" * 64, "principal": "insurer-a", "request": "r", "rules": 2,
            "sigmas": {"people": "25.5"}, "time": 1_769_860_800, "type": "CHARGE",
        }  # fmt: skip
        self.release_leaf = {
            "charge": 8, "digest": digest, "id": "q-1", "index": 10, "previous": "0" * 64,
            "time": 1_769_860_810, "type": "RELEASE",
        }  # fmt: skip
        self.statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "q-1.json", "digest": {"sha256": digest}}],
            "predicateType": "https://github.com/qunxiang/qunxiang/receipt/v1",
            "predicate": {
                "release": "q-1", "population": POPULATION, "charge_leaf": 8, "release_leaf": 10,
                **named, "opt_out_epoch": 7, "purpose": said["purpose"],
                "mechanism": "gaussian-zcdp", **cost, "k": "20",
                "mode": "supervised", "policy": "p", "policy_leaf": 1,
                "approvals": approvals(said["template_digest"]),
            },
        }  # fmt: skip

    @property
    def predicate(self) -> dict[str, Any]:
        said: dict[str, Any] = self.statement["predicate"]
        return said

    def document(self) -> dict[str, Any]:
        """Give the receipt's JSON."""
        leaves = [b"leaf %d" % i for i in range(self.size)]
        leaves[8], leaves[10] = leaf(self.charge_leaf), leaf(self.release_leaf)
        hashes = [_merkle.leaf_hash(x) for x in leaves]
        payload = json.dumps(self.statement, ensure_ascii=False, separators=(",", ":")).encode()
        kind = self.payload_type.encode()
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        charge: dict[str, Any] = {"index": 8, "leaf": b64(leaves[8])}
        if self.hide_charge:
            charge = {"index": 8, "leaf_hash": b64(hashes[8])}
        return {
            "envelope": {
                "payloadType": self.payload_type, "payload": b64(payload),
                "signatures": [
                    {"keyid": hashlib.sha256(k.public).hexdigest()[:16], "sig": b64(k.sign(pae))}
                    for k in (self.by, self.by_sm2)
                ],
            },
            "checkpoint": self._checkpoint(root(hashes)),
            "charge": {**charge, "hashes": [b64(h) for h in proof(hashes, 8)]},
            "release": {"index": 10, "leaf": b64(leaves[10]),
                        "hashes": [b64(h) for h in proof(hashes, 10)]},
        }  # fmt: skip

    def _checkpoint(self, top: bytes) -> str:
        text = f"{POPULATION}\n{self.size}\n{b64(top)}\n"
        head = b"h" * 32
        lines = [
            (POPULATION, b"\x01" + self.log.public, self.log.sign(text.encode())),
            (POPULATION, _SM2_KIND + self.log_sm2.public,
             head + self.log_sm2.sign(text.encode() + head)),
        ]  # fmt: skip
        if self.witness is not None:
            message = b"cosignature/v1\ntime %d\n" % self.cosigned_at + text.encode()
            raw = self.cosigned_at.to_bytes(8, "big") + self.witness.sign(message)
            lines.append(("w.example", b"\x04" + self.witness.public, raw))
        signed = [f"— {n} {b64(_key_id(n, data) + sig)}\n" for n, data, sig in lines]
        return text + "\n" + "".join(signed)

    def text(self, change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
        """Give the receipt's bytes, its document changed at the last moment."""
        document = self.document()
        change(document)
        return spelled(document)


def spelled(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(hashes[:k]) + root(hashes[k:])).digest()


def proof(hashes: list[bytes], index: int) -> list[bytes]:
    """Give the audit path, as RFC 6962 section 2.1.1 defines it."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if index < k:
        return [*proof(hashes[:k], index), root(hashes[k:])]
    return [*proof(hashes[k:], index - k), root(hashes[:k])]
