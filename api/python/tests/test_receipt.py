"""A receipt holds for its own release, log and keys, and for nothing else."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forge
import pytest
from forge import NOW, Forged, keys

import qunxiang as qx
from qunxiang import Keys, ReceiptError, verify

DATA = Path(__file__).parent / "data"
Change = Callable[[Forged], object]


def set_approval(at: int = 0, **members: Any) -> Change:
    return lambda f: f.predicate["approvals"][at].update(members)


def set_predicate(name: str, value: Any) -> Change:
    return lambda f: f.predicate.update({name: value})


def test_a_sound_receipt_holds() -> None:
    f = Forged()
    for release in (None, f.release):
        receipt = verify(f.text(), keys(), release, now=NOW)
        assert receipt.witnesses == ("w",)
        assert receipt.digest == hashlib.sha256(f.release).hexdigest()
        assert not receipt.evaluation
        assert "it holds" in str(receipt)
        assert "approved by Ada" in str(receipt)


# What is signed anew by the right keys, and does not hang together: what somebody changed, what
# is said of it, and the stable code.
SIGNED: dict[str, tuple[Change, str, str]] = {
    "another mechanism": (set_predicate("mechanism", "none"), "another kind", "malformed"),
    "a policy of after": (set_predicate("policy_leaf", 8), "CHARGE leaf differ", "leaf"),
    "a policy of after, unseen": (
        lambda f: (f.predicate.update(policy_leaf=8), f.charge_leaf.update(policy=8)),
        "rests on a policy",
        "approvals",
    ),
    "an approval of after": (set_approval(leaf=9), "rests on", "approvals"),
    "an approval in the first leaf": (set_approval(leaf=0), "rests on", "approvals"),
    "one leaf for two approvals": (set_approval(leaf=2), "on one twice", "approvals"),
    "approvals of another template": (
        lambda f: [a.update(digest="x") for a in f.predicate["approvals"][2:4]],
        "another template",
        "approvals",
    ),
    "approvals of two templates": (set_approval(3, digest="x"), "another template", "approvals"),
    "approvals of two policies": (set_approval(digest="x"), "another grant", "approvals"),
    "one person's of the policy": (set_approval(who="Bo"), "two people", "approvals"),
    "one person's of the template": (set_approval(2, who="Bo"), "two people", "approvals"),
    "one person's of the snapshot": (set_approval(4, who="Bo"), "two people", "approvals"),
    "somebody without a name": (set_approval(who=""), "two people", "approvals"),
    "supervised by nobody": (set_predicate("approvals", []), "two people", "approvals"),
    "an evaluation, approved": (set_predicate("mode", "evaluation"), "mode is", "approvals"),
    "another mode": (set_predicate("mode", "trusted"), "mode is", "approvals"),
    "an evaluation": (
        lambda f: f.predicate.update(mode="evaluation", approvals=[]),
        "release differ",
        "release",
    ),
    "a training that nobody approved": (
        lambda f: (f.predicate.update(catalogue="federated"),
                   f.charge_leaf.update(catalogue="federated")),
        "the job",
        "approvals",
    ),
    "another population": (set_predicate("population", "x"), "RELEASE leaf differ", "leaf"),
    "another release": (set_predicate("release", "q-2"), "differ", "leaf"),
    "another charge": (set_predicate("charge_leaf", 1), "differ", "leaf"),
    "another template": (set_predicate("template", "x@1.0.0"), "CHARGE leaf differ", "leaf"),
    "another snapshot": (set_predicate("snapshot", "x"), "CHARGE leaf differ", "leaf"),
    "another purpose": (set_predicate("purpose", "x"), "CHARGE leaf differ", "leaf"),
    "another epoch": (set_predicate("opt_out_epoch", 8), "CHARGE leaf differ", "leaf"),
    "another cost": (set_predicate("rho", "1"), "CHARGE leaf differ", "leaf"),
    "another delta": (set_predicate("delta", "1"), "CHARGE leaf differ", "leaf"),
    "other scopes": (set_predicate("scopes", ["people/life"]), "CHARGE leaf differ", "leaf"),
    "another k": (set_predicate("k", "500"), "release differ", "release"),
    "a number for a text": (set_predicate("rho", 288277428269), "another type", "malformed"),
    "something besides": (set_predicate("note", ""), "other members", "malformed"),
    "another kind of statement": (
        lambda f: f.statement.update(_type="x"), "another kind", "malformed"),
    "another predicate": (
        lambda f: f.statement.update(predicateType="x"), "another kind", "malformed"),
    "two subjects": (
        lambda f: f.statement.update(subject=f.statement["subject"] * 2),
        "another kind",
        "malformed",
    ),
    "another name": (
        lambda f: f.statement["subject"][0].update(name="x.json"),
        "RELEASE leaf differ",
        "leaf",
    ),
    "another digest": (
        lambda f: f.statement["subject"][0].update(digest={"sha256": "0" * 64}),
        "RELEASE leaf differ",
        "leaf",
    ),
    "a leaf of another charge": (lambda f: f.release_leaf.update(charge=9), "differ", "leaf"),
    "a leaf at another place": (lambda f: f.release_leaf.update(index=11), "differ", "leaf"),
    "a CHARGE under rules to come": (
        lambda f: f.charge_leaf.update(rules=3), "does not know", "leaf"),
    "a CHARGE for more": (lambda f: f.charge_leaf.update(rho="3"), "CHARGE leaf differ", "leaf"),
    "a CHARGE of a policy of after": (
        lambda f: f.charge_leaf.update(policy=9), "CHARGE leaf", "leaf"),
    "a leaf of another type": (
        lambda f: f.charge_leaf.update(type="DENY"), "not a CHARGE leaf", "leaf"),
    "a leaf with something besides": (
        lambda f: f.charge_leaf.update(zz=""), "not a CHARGE leaf", "leaf"),
    "another type of payload": (
        lambda f: setattr(f, "payload_type", "text/plain"), "no in-toto", "malformed"),
    "another receipt key": (lambda f: setattr(f, "by", forge.LOG), "(Ed25519)", "signature"),
    "another SM2 receipt key": (
        lambda f: setattr(f, "by_sm2", forge.LOG_SM2), "(SM2)", "signature"),
    "another log key": (
        lambda f: setattr(f, "log", forge.RECEIPT), "pinned key of the log", "checkpoint"),
    "another SM2 log key": (
        lambda f: setattr(f, "log_sm2", forge.RECEIPT_SM2), "(sm2)", "checkpoint"),
    "no witness": (lambda f: setattr(f, "witness", None), "no quorum", "checkpoint"),
    "another witness": (lambda f: setattr(f, "witness", forge.LOG), "no quorum", "checkpoint"),
    "cosigned in the future": (
        lambda f: setattr(f, "cosigned_at", NOW + 301),
        "no quorum; 1 more did by a later clock",
        "checkpoint",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNED)
def test_what_does_not_hang_together(name: str) -> None:
    change, says, code = SIGNED[name]
    f = Forged()
    change(f)
    with pytest.raises(ReceiptError, match=re.escape(says)) as caught:
        verify(f.text(), keys(), f.release, now=NOW)
    assert caught.value.code == f"receipt-{code}"
    assert caught.value.code in str(caught.value)


def test_a_training_of_before_there_were_rules() -> None:
    f = Forged()
    f.predicate["catalogue"] = f.charge_leaf["catalogue"] = "federated"
    del f.charge_leaf["rules"]
    assert verify(f.text(), keys(), now=NOW)


def swap(d: dict[str, Any]) -> None:
    d["charge"], d["release"] = d["release"], d["charge"]


def swap_signatures(d: dict[str, Any]) -> None:
    a, b = d["envelope"]["signatures"]
    a["sig"], b["sig"] = b["sig"], a["sig"]


OTHER = Forged(release=forge.release_bytes().replace(b'"high":150', b'"high":151')).document()

# What somebody changes who has no key, and the code of what is found.
UNSIGNED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "the leaves swapped": (swap, "leaf"),
    "signatures under each other's id": (swap_signatures, "signature"),
    "Ed25519 stripped": (lambda d: d["envelope"]["signatures"].pop(0), "signature"),
    "SM2 stripped": (lambda d: d["envelope"]["signatures"].pop(1), "signature"),
    "one signature twice": (
        lambda d: d["envelope"]["signatures"].append(d["envelope"]["signatures"][0]), "signature"),
    "a signature that is no base64": (
        lambda d: d["envelope"]["signatures"][0].update(sig="="), "signature"),
    "another's statement": (lambda d: d.update(envelope=OTHER["envelope"]), "leaf"),
    "another's signatures": (
        lambda d: d["envelope"].update(signatures=OTHER["envelope"]["signatures"]), "signature"),
    "another's release leaf": (
        lambda d: d["release"].update(leaf=OTHER["release"]["leaf"]), "proof"),
    "another's proof": (lambda d: d["charge"].update(hashes=OTHER["charge"]["hashes"]), "proof"),
    "another's checkpoint": (lambda d: d.update(checkpoint=OTHER["checkpoint"]), "proof"),
    "no checkpoint": (lambda d: d.update(checkpoint=""), "checkpoint"),
    "a proof cut short": (lambda d: d["release"]["hashes"].pop(), "proof"),
    "another index": (lambda d: d["release"].update(index=5), "proof"),
    "a negative index": (lambda d: d["charge"].update(index=-1), "proof"),
    "an index beyond all": (lambda d: d["charge"].update(index=2**63), "malformed"),
    "an index that is true": (lambda d: d["charge"].update(index=True), "malformed"),
    "no charge leaf": (lambda d: d["charge"].pop("leaf"), "malformed"),
    "an empty leaf": (lambda d: d["charge"].update(leaf=""), "malformed"),
    "a leaf that is no base64": (lambda d: d["charge"].update(leaf="="), "malformed"),
    "a hash that is none": (lambda d: d["charge"].update(hashes=["AAAA"]), "malformed"),
    "no hashes": (lambda d: d["charge"].update(hashes=None), "malformed"),
    "an empty envelope": (lambda d: d.update(envelope={}), "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSIGNED)
def test_what_somebody_without_a_key_changes(name: str) -> None:
    f = Forged()
    change, code = UNSIGNED[name]
    with pytest.raises(ReceiptError) as caught:
        verify(f.text(change), keys(), f.release, now=NOW)
    assert caught.value.code == f"receipt-{code}"


def test_a_signature_that_nobody_asks_for_changes_nothing() -> None:
    f = Forged()
    extra = {"keyid": "somebody", "sig": "AAAA"}
    text = f.text(lambda d: d["envelope"]["signatures"].append(extra))
    assert verify(text, keys(), f.release, now=NOW)


@pytest.mark.parametrize(
    "respell",
    [
        lambda t: t[:-1],
        lambda t: t + b" ",
        lambda t: t.replace(b'"checkpoint"', b'"Checkpoint"', 1),
        lambda t: t.replace(b"{\n", b'{\n  "note": 1,\n', 1),
        lambda t: t.replace(b'  "charge"', b'  "checkpoint": "x",\n  "charge"', 1),
        lambda t: json.dumps(json.loads(t)).encode(),
        lambda t: t.replace(b"==", b"=", 1),
        lambda t: b"[" * 100_000,
        lambda t: b"{}",
        lambda t: b"",
        lambda t: b"\xff",
        lambda t: t + b" " * (1 << 20),
    ],
)
def test_another_spelling_is_no_receipt(respell: Callable[[bytes], bytes]) -> None:
    f = Forged()
    with pytest.raises(ReceiptError) as caught:
        verify(respell(f.text()), keys(), f.release, now=NOW)
    assert caught.value.code == "receipt-malformed"


def test_the_very_bytes_of_the_release() -> None:
    f = Forged()
    for other in (f.release + b" ", f.release[:-1], f.release.replace(b"12345.5", b"12345.6")):
        with pytest.raises(ReceiptError, match="not the one that was logged") as caught:
            verify(f.text(), keys(), other, now=NOW)
        assert caught.value.code == "receipt-release"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"k":20', b'"k":21'),
        (b"0.288277428269", b"0.1"),
        (b'"opt_out_epoch":7', b'"opt_out_epoch":8'),
    ],
)
def test_a_release_that_says_other_things_of_itself(old: bytes, new: bytes) -> None:
    f = Forged()
    f.release = f.release.replace(old, new)
    digest = hashlib.sha256(f.release).hexdigest()
    f.release_leaf["digest"] = digest
    f.statement["subject"][0]["digest"]["sha256"] = digest
    with pytest.raises(ReceiptError, match="release differ") as caught:
        verify(f.text(), keys(), f.release, now=NOW)
    assert caught.value.code == "receipt-release"


def test_another_organisations_charge_is_seen_with_the_release_only() -> None:
    f = Forged(hide_charge=True)
    assert verify(f.text(), keys(), f.release, now=NOW)
    with pytest.raises(ReceiptError, match="hold it against the release") as caught:
        verify(f.text(), keys(), now=NOW)
    assert caught.value.code == "receipt-release"


def test_a_retired_receipt_key_is_good_up_to_its_end() -> None:
    f = Forged()
    newer = forge.Ed25519Signer(8).public.hex()
    for until, holds in ((11, True), (10, False)):
        retired = Keys(
            forge.POLICY,
            (newer, f"{forge.RECEIPT.public.hex()} until leaf {until}"),
            (forge.RECEIPT_SM2.public.hex(),),
        )
        if holds:
            assert verify(f.text(), retired, f.release, now=NOW)
        else:
            with pytest.raises(ReceiptError, match=f"leaf {until} ended") as caught:
                verify(f.text(), retired, f.release, now=NOW)
            assert caught.value.code == "receipt-key"


def test_other_keys_believe_nothing() -> None:
    f = Forged()
    other = forge.verifier("elsewhere", b"\x01" + forge.LOG.public)
    for policy in (f"log {other}\nquorum none\n", f"log {forge.LOG_SM2_KEY}\nquorum none\n"):
        with pytest.raises(ReceiptError, match="pinned key of the log"):
            verify(f.text(), keys(policy), f.release, now=NOW)
    small = "01" + "00" * 31  # a point of small order: one signature fits every message
    with pytest.raises(ReceiptError):
        Keys.of({"policy": forge.POLICY, "receipt": [small], "receipt_sm2": []})
    for missing in (
        Keys(forge.POLICY, (), keys().receipt_sm2),
        Keys(forge.POLICY, keys().receipt, ()),
    ):
        with pytest.raises(ReceiptError, match="both keys of receipts are needed") as caught:
            verify(f.text(), missing, f.release, now=NOW)
        assert caught.value.code == "receipt-key"


def test_keys_from_the_files_of_an_authority(tmp_path: Path) -> None:
    (tmp_path / "pinned.policy").write_text(forge.POLICY)
    (tmp_path / "receipt.pub").write_text(f"{keys().receipt[0]}\n\n")
    (tmp_path / "receipt-sm2.pub").write_text(f"  {keys().receipt_sm2[0]}\n")
    files = [tmp_path / n for n in ("pinned.policy", "receipt.pub", "receipt-sm2.pub")]
    assert Keys.from_files(*files) == keys()
    files[1].write_text("no key\n")
    with pytest.raises(ReceiptError, match="no keys of receipts"):
        Keys.from_files(*files)


BAD_POLICIES = [
    "",
    "quorum none\nquorum none\n",
    "log x\nquorum none\n",
    f"log {forge.WITNESS_KEY}\nquorum none\n",
    f"log {forge.LOG_KEY}\nlog {forge.LOG_KEY}\nquorum none\n",
    f"log {forge.LOG_KEY}\nquorum w\n",
    f"witness w {forge.LOG_KEY}\nquorum w\n",
    f"witness w {forge.WITNESS_KEY}\nwitness v {forge.WITNESS_KEY}\nquorum w\n",
    f"witness none {forge.WITNESS_KEY}\nquorum none\n",
    f"witness w {forge.WITNESS_KEY}\ngroup g 2 w w\nquorum g\n",
    f"witness w {forge.WITNESS_KEY}\ngroup g 0 w\nquorum g\n",
    f"witness w {forge.WITNESS_KEY}\ngroup g 1 v\nquorum g\n",
    f"log {forge.LOG_KEY[:-1]}A\nquorum none\n",
    "frobnicate\nquorum none\n",
]


@pytest.mark.parametrize("policy", BAD_POLICIES)
def test_policies_that_are_none(policy: str) -> None:
    with pytest.raises(ReceiptError):
        Keys.of({"policy": policy, "receipt": [], "receipt_sm2": []})


def test_two_histories_cannot_both_have_a_quorum() -> None:
    others = [forge.Ed25519Signer(20 + i).public for i in range(2)]
    lines = "".join(
        f"witness w{i} {forge.verifier(f'w{i}.example', bytes([4]) + k)}\n"
        for i, k in enumerate(others)
    )
    for need, fine in (("1", False), ("any", False), ("2", True), ("all", True)):
        policy = f"{lines}group g {need} w0 w1\nquorum g\n"
        if fine:
            Keys.of({"policy": policy, "receipt": [], "receipt_sm2": []})
        else:
            with pytest.raises(ReceiptError, match="two histories"):
                Keys.of({"policy": policy, "receipt": [], "receipt_sm2": []})


def golden(name: str) -> tuple[bytes, bytes, Keys]:
    told = json.loads((DATA / f"{name}.keys.json").read_bytes())
    release = (DATA / f"{name}.release.json").read_bytes()
    return (DATA / f"{name}.receipt.json").read_bytes(), release, Keys.of(told)


@pytest.mark.parametrize("name", ["evaluation", "supervised"])
def test_receipts_of_a_server(name: str) -> None:
    text, release, known = golden(name)
    receipt = verify(text, known, release)
    assert receipt.evaluation == (name == "evaluation")
    assert bool(receipt.witnesses) == bool(receipt.predicate["approvals"]) == (name == "supervised")
    assert qx.Release(release, receipt).id == receipt.predicate["release"]


def test_what_is_the_servers_word() -> None:
    said = str(verify(*golden("supervised")[::2]))
    assert "by the server's word, which `qunxiang audit verify` proves: mode supervised" in said


# The codes that the command prints too.
CODES = {
    f"receipt-{code}"
    for code in ("malformed", "key", "signature", "checkpoint", "proof", "leaf", "approvals",
                 "release")
}  # fmt: skip


def test_the_command_says_the_same_codes() -> None:
    """Flip bits as the Go tests did, which wrote down what the command finds."""
    text, release, known = golden("supervised")
    for flip in json.loads((DATA / "supervised.flips.json").read_bytes()):
        bad = bytearray(text)
        bad[flip["byte"]] ^= flip["bit"]
        with pytest.raises(ReceiptError) as caught:
            verify(bytes(bad), known, release)
        assert (flip["byte"], caught.value.code) == (flip["byte"], flip["code"])


@pytest.mark.parametrize("name", ["evaluation", "supervised"])
def test_bits_of_a_servers_receipt(name: str) -> None:
    """Flip bits all over: in every member, and at random. Each is found."""
    text, release, known = golden(name)
    chance = random.Random(7)
    marks = [b'"payload":', b'"keyid":', b'"sig":', b'"checkpoint":', b'"leaf":', b'"hashes":']
    places = {text.index(m) + len(m) + n for m in marks for n in (2, 30)}
    places |= {chance.randrange(len(text)) for _ in range(24)}
    for at in sorted(places):
        bad = bytearray(text)
        bad[at] ^= 1 << chance.randrange(8)
        with pytest.raises(ReceiptError) as caught:
            verify(bytes(bad), known, release)
        assert caught.value.code in CODES
    for at in (0, len(release) // 2, len(release) - 1):
        bad = bytearray(release)
        bad[at] ^= 1
        with pytest.raises(ReceiptError):
            verify(text, known, bytes(bad))
