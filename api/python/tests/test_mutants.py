"""Each rule, broken on purpose, is seen by a test.

That the broken places exist is checked always; breaking them is part of the long run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src"

# Name: file, what stands there, what it becomes, and the tests that must fail.
MUTANTS = {
    "a price above max_cost is paid": (
        "_asking", "if not estimate.rho <= max_cost:", "if False:", "test_asking"),
    "a max_cost that is no number": (
        "_asking", "not estimate.rho <= max_cost:", "estimate.rho > max_cost:", "test_asking"),
    "a script need not agree": (
        "_asking", "if confirm is True:", "if confirm is not False:", "test_asking"),
    "an empty line is a yes": ("_asking", 'in ("y", ', 'in ("", "y", ', "test_asking"),
    "a new key for each try": (
        "_transport", 'headers["Idempotency-Key"] = key',
        'headers["Idempotency-Key"] = key + str(time.time())', "test_asking"),
    "one key for all calls": ("client", "uuid.uuid4().hex", '"0" * 32', "test_asking"),
    "another version than was priced": (
        "client", 'question["template"] = estimate.template', "pass", "test_asking"),
    "the server is not held to the price": (
        "client", 'question["max_rho"] = agreed', "pass", "test_asking"),
    "an answer to another question": (
        "client", "_asking.answers(asked, out.told)", "pass", "test_asking"),
    "a price of another question": (
        "client", "_asking.priced(estimate, question)", "pass", "test_asking"),
    "what was free may cost": (
        "_asking", "return estimate.rho if confirm is True and max_cost is None else ONLY_FREE",
        "return estimate.rho", "test_asking"),
    "nothing was charged, after a lost try": (
        "_transport", "                unsure = True\n                if not left:",
        "                if not left:", "test_asking"),
    "nothing was charged, under an old key": (
        "client", "fresh=not idempotency_key", "fresh=True", "test_asking"),
    "ctrl-c forgets the ticket": (
        "client", "                ticket_id=name,\n", "", "test_asking"),
    "a file that others can read": (
        "credentials", "if status.st_mode & 0o077:", "if status.st_mode & 0o004:",
        "test_transport"),
    "plain http to anybody": (
        "_transport", 'if parts.scheme == "http" and not _loopback(host):', "if False:",
        "test_transport"),
    "redirects are followed": (
        "_transport", "= [_NoRedirect()]", "= []", "test_transport"),
    "the stated digest is not looked at": (
        "_transport", 'if stated and stated != f"sha-256=:{digest}:":', "if False:",
        "test_transport"),
    "a short body is a whole one": (
        "_transport", "if stated is not None and stated.isdigit() and", "if False and",
        "test_transport"),
    "an id leads elsewhere": ("client", '_name(ticket), safe="")', '_name(ticket), safe="/?=")',
                              "test_transport"),
    "keys are pinned anew each time": ("_pins", "if server in pins:", "if False:",
                                       "test_transport"),
    "pinned keys that others can write": ("_pins", "0o600)", "0o666)", "test_transport"),
    "the token in a repr": (
        "credentials", 'token: str = field(default="", repr=False)', 'token: str = ""',
        "test_transport"),
    "a receipt that does not hold is shown": (
        "receipt", 'raise ReceiptError(f"the receipt does not hold: {code}: {err}", code) from err',
        "pass", "test_receipt"),
    "a code of another failure": (
        "receipt", '{code}: {err}", code) from err', '{code}: {err}") from err', "test_receipt"),
    "Ed25519 is enough": (
        "receipt", "*kind) for kind in kinds)", "*kind) for kind in kinds[:1])", "test_receipt"),
    "SM2 is enough": (
        "receipt", "*kind) for kind in kinds)", "*kind) for kind in kinds[1:])", "test_receipt"),
    "the SM2 signature of a checkpoint": (
        "_note", 'for kind in ("ed25519", "sm2"):', 'for kind in ("ed25519",):', "test_receipt"),
    "no quorum": ("_note", 'if self.quorum != "none" and not', "if False and not",
                  "test_receipt"),
    "a cosignature of the future": ("_note", "<= now + _SKEW", "<= now + 1e9", "test_receipt"),
    "any clock of the server": (
        "_transport", "min(max(self.clock_ahead, 0.0), _MOST_AHEAD)",
        "max(self.clock_ahead, 0.0)", "test_transport"),
    "a slow clock of the server": (
        "_transport", "min(max(self.clock_ahead, 0.0), _MOST_AHEAD)",
        "min(self.clock_ahead, _MOST_AHEAD)", "test_transport"),
    "quorums without a witness in common": (
        "_note", "self._known(words[1]) and self._meets(words[1])", "self._known(words[1])",
        "test_receipt"),
    "inclusion is not checked": (
        "receipt", "if _root_of(receipt[part], seen.size) != seen.root:", "if False:",
        "test_receipt"),
    "the released bytes are not looked at": (
        "receipt", "if hashlib.sha256(release).hexdigest() !=", "if False and 1 !=",
        "test_receipt"),
    "any spelling": (
        "receipt", ' + b"\\n" != text:', ' == b"":', "test_receipt"),
    "a retired key for ever": ("receipt", "if seen.size > until + 1:", "if False:",
                               "test_receipt"),
    "the CHARGE leaf is not compared": (
        "receipt", "    _charged(p, charge)\n", "", "test_receipt"),
    "an unseen charge without the release": (
        "receipt", "elif charge is None:", "elif False:", "test_receipt"),
    "another population's log": ("receipt", '(p["population"], origin),', "", "test_receipt"),
    "any mechanism": (
        "receipt", 'or statement["predicate"]["mechanism"] != _MECHANISM', "", "test_receipt"),
    "approvals of after": (
        "_rests", '0 < n < p["charge_leaf"] for n', "n >= 0 for n", "test_receipt"),
    "a policy of after": (
        "_rests", 'if not 0 <= p["policy_leaf"] < p["charge_leaf"]:', "if False:", "test_receipt"),
    "one leaf approves it all": (
        "_rests", " or len(set(leaves)) < len(leaves)", "", "test_receipt"),
    "one person approves": ("_rests", "people.get(subject, ())) < 2:",
                            "people.get(subject, ())) < 1:", "test_receipt"),
    "approvals of an evaluation": (
        "_rests", '"evaluation" and not leaves:', '"evaluation":', "test_receipt"),
    "any mode": ("_rests", 'if p["mode"] != "supervised":', "if False:", "test_receipt"),
    "approvals of another template": (
        "_rests", 'digests = {"template": p["template_digest"]}', "digests: dict[str, str] = {}",
        "test_receipt"),
    "a training that nobody approved": (
        "_rests", '*(["job"] if job else [])', "", "test_receipt"),
    "rules to come": ("_leaf", 'leaf.get("rules", 1) not in _RULES', "False", "test_receipt"),
    "leaves with anything besides": (
        "_leaf", "if list(leaf) != list(members) or", "if", "test_receipt"),
    "points of small order": ("_ed25519", "y < _P and y not in _SMALL", "y < _P", "test_crypto"),
    "signatures in two spellings": ("_ed25519", "if a is None or s >= _L:", "if a is None:",
                                    "test_crypto"),
    "points beside the curve": (
        "_sm",
        " and (y * y - x * x * x - _A * x - _B) % _P == 0",
        "",
        "test_crypto",
    ),
    "a proof of another length": ("_merkle", "return root if last == 0 else None",
                                  "return root", "test_crypto"),
    "suppressed numbers are shown as zero": (
        "_columns", "column.values.append(None)", "column.values.append(0.0)", "test_release"),
    "names in HTML": ("_show", "<strong>{html.escape(title)}</strong>",
                      "<strong>{title}</strong>", "test_release"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_have_their_places(name: str) -> None:
    file, old, broken, _ = MUTANTS[name]
    assert (SOURCE / "qunxiang" / f"{file}.py").read_text().count(old) == 1
    assert broken != old


@pytest.mark.skipif(not os.environ.get("QUNXIANG_LONG"), reason="part of the long run")
@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_seen(name: str, tmp_path: Path) -> None:
    file, old, broken, tests = MUTANTS[name]
    shutil.copytree(SOURCE, tmp_path / "src")
    target = tmp_path / "src" / "qunxiang" / f"{file}.py"
    target.write_text(target.read_text().replace(old, broken))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
               str(HERE / f"{tests}.py")]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "QUNXIANG_LONG": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{name} is not seen:\n{done.stdout}"
