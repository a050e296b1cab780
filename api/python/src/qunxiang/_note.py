"""Signed notes, their keys, and policies of pinned keys.

Follows C2SP signed-note, tlog-checkpoint, tlog-cosignature and tlog-policy. A policy
is stricter than there in two things: where it lists SM2 keys of a log, a checkpoint
needs a signature of one of them beside that of an Ed25519 key; and any two sets of
witnesses that meet the quorum must have one in common.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field

from . import _ed25519, _sm


class NoteError(ValueError):
    """A note, key or policy that cannot be believed or read."""


_SM2_KIND = b"\xffgithub.com/qunxiang/qunxiang/sm2-with-sm3-head/v1"
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_SKEW = 300  # seconds that a cosignature may lie ahead of this machine's clock
_MOST_SIGNATURES = 100


def unbase64(text: str) -> bytes:
    """Read base64 in its one spelling."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as err:
        raise NoteError("not base64") from err
    if base64.b64encode(raw).decode() != text:
        raise NoteError("base64 in another spelling")
    return raw


def _key_id(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]


@dataclass(frozen=True)
class VerifierKey:
    """A public key in the text form of signed notes: name+hash+base64."""

    name: str
    kind: str  # "ed25519", "witness" or "sm2"
    key: bytes
    id: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a key; anything but a sound one of a known kind is NoteError."""
        name, _, rest = text.partition("+")
        stated, _, encoded = rest.partition("+")
        if not _NAME.fullmatch(name) or not re.fullmatch(r"[0-9a-f]{8}", stated):
            raise NoteError("a key reads name+hash+base64")
        data = unbase64(encoded)
        if _key_id(name, data).hex() != stated:
            raise NoteError(f"the key of {name} does not have this hash")
        if data[:1] in (b"\x01", b"\x04") and _ed25519.sound(data[1:]):
            kind = "ed25519" if data[0] == 1 else "witness"
            return cls(name, kind, data[1:], bytes.fromhex(stated))
        if data.startswith(_SM2_KIND) and _sm.on_curve(data[len(_SM2_KIND) :]):
            return cls(name, "sm2", data[len(_SM2_KIND) :], bytes.fromhex(stated))
        raise NoteError(f"the key of {name} is of no known kind, or not sound")

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Say whether a signature, as its note line has it, is over a note's text."""
        if self.kind == "ed25519":
            return _ed25519.verify(self.key, text, signature)
        if self.kind == "sm2":
            message = text + signature[:32]
            return len(signature) == 96 and _sm.verify(self.key, message, signature[32:])
        at = int.from_bytes(signature[:8], "big")
        if len(signature) != 72 or not 0 < at < 2**63:
            return False
        head = b"cosignature/v1\ntime %d\n" % at
        return _ed25519.verify(self.key, head + text, signature[8:])


@dataclass(frozen=True)
class Signature:
    """A line of a note's signatures."""

    name: str
    id: bytes
    raw: bytes


def split(note: bytes) -> tuple[bytes, list[Signature]]:
    """Divide a signed note into its text, newline included, and its signatures."""
    try:
        whole = note.decode()
    except UnicodeDecodeError as err:
        raise NoteError("no signed note") from err
    text, found, lines = whole.rpartition("\n\n")
    if not found or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", whole):
        raise NoteError("no signed note")
    out: list[Signature] = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        raw = unbase64(match[2]) if match else b""
        if not match or len(raw) < 5 or len(out) == _MOST_SIGNATURES:
            raise NoteError("no signed note")
        out.append(Signature(match[1], raw[:4], raw[4:]))
    return (text + "\n").encode(), out


def _signed(text: bytes, lines: list[Signature], key: VerifierKey) -> bytes | None:
    """Give the key's signature, None where it has none. A wrong one is NoteError."""
    for line in lines:
        if line.name == key.name and line.id == key.id:
            if not key.verify(text, line.raw):
                raise NoteError(f"the signature of {key.name} is wrong")
            return line.raw
    return None


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint that can be believed says, and which witnesses cosigned it."""

    origin: str
    size: int
    root: bytes
    witnesses: tuple[str, ...] = ()


def _checkpoint(text: bytes) -> Checkpoint:
    lines = text.decode().split("\n")
    if len(lines) != 4 or not all(lines[:3]) or lines[3]:
        raise NoteError("not a checkpoint of three lines")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) > 2**62:
        raise NoteError("a checkpoint without a size")
    root = unbase64(lines[2])
    if len(root) != 32:
        raise NoteError("a checkpoint without a root")
    return Checkpoint(lines[0], int(lines[1]), root)


@dataclass
class Trust:
    """A policy of pinned keys: whose signatures a checkpoint needs."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str = ""

    @classmethod
    def parse(cls, text: str) -> Trust:
        """Read a policy file. What is not one is NoteError with the line."""
        trust = cls()
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                trust._line(words)
            except (NoteError, ValueError) as err:
                raise NoteError(f"policy line {number}: {err}") from err
        if not trust.quorum:
            raise NoteError("a policy has one quorum line")
        return trust

    def _line(self, words: list[str]) -> None:
        kind, n = words[0], len(words)
        if kind == "log" and n in (2, 3):
            key = VerifierKey.parse(words[1])
            if key.kind == "witness" or key in self.logs:
                raise NoteError("a witness's key, or the same log key twice")
            self.logs.append(key)
        elif kind == "witness" and n in (3, 4):
            key = VerifierKey.parse(words[2])
            known = self.witnesses.values()
            if key.kind != "witness" or any(k.key == key.key or k.name == key.name for k in known):
                raise NoteError("no witness's key, or one that is listed already")
            self.witnesses[self._new(words[1])] = key
        elif kind == "group" and n >= 4:
            members = words[3:]
            need = {"any": 1, "all": len(members)}.get(words[2], 0)
            if re.fullmatch(r"[1-9][0-9]{0,3}", words[2]):
                need = int(words[2])
            used = [m for _, of in self.groups.values() for m in of]
            fresh = [m for m in members if self._known(m) and m not in used]
            if not 1 <= need <= len(members) or len(set(fresh)) != len(members):
                raise NoteError("members that are unknown or in a group already, or no count")
            self.groups[self._new(words[1])] = (need, members)
        elif kind == "quorum" and n == 2 and not self.quorum:
            if words[1] != "none" and not (self._known(words[1]) and self._meets(words[1])):
                raise NoteError("two histories could both have this quorum, or nobody is called so")
            self.quorum = words[1]
        elif kind != "approver" or n < 3:  # approvers are the auditor's affair
            raise NoteError("not log, witness, approver, group or quorum")

    def _known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _new(self, name: str) -> str:
        if self._known(name) or name == "none":
            raise NoteError(f"the name {name} is taken")
        return name

    def _meets(self, name: str) -> bool:
        """Say whether any two sets that fulfil a member have a witness in common."""
        if name in self.witnesses:
            return True
        need, members = self.groups[name]
        return 2 * need - len(members) > sum(not self._meets(m) for m in members)

    def _holds(self, name: str, signed: set[str]) -> bool:
        if name in self.witnesses:
            return name in signed
        need, members = self.groups[name]
        return sum(self._holds(m, signed) for m in members) >= need

    def open(self, note: bytes, now: float) -> Checkpoint:
        """Read a checkpoint that those signed whom the policy asks for, else NoteError."""
        text, lines = split(note)
        seen = _checkpoint(text)
        keys = [k for k in self.logs if k.name == seen.origin]
        for kind in ("ed25519", "sm2"):
            of_kind = [k for k in keys if k.kind == kind]
            found = [s for k in of_kind if (s := _signed(text, lines, k)) is not None]
            if not found and (of_kind or kind == "ed25519"):
                raise NoteError(f"not signed by a pinned key of the log {seen.origin!r} ({kind})")
            if kind == "sm2" and len({s[:32] for s in found}) > 1:
                raise NoteError("its SM2 signatures are over different chains")
        cosigned: set[str] = set()
        later: set[str] = set()
        for name, witness in self.witnesses.items():
            raw = _signed(text, lines, witness)
            if raw is not None:
                held = cosigned if int.from_bytes(raw[:8], "big") <= now + _SKEW else later
                held.add(name)
        if self.quorum != "none" and not self._holds(self.quorum, cosigned):
            why = f"{len(cosigned)} of the pinned witnesses cosigned: no quorum"
            if self._holds(self.quorum, cosigned | later):
                why += f"; {len(later)} more did by a later clock: is this machine's right?"
            raise NoteError(why)
        return Checkpoint(seen.origin, seen.size, seen.root, tuple(sorted(cosigned)))
