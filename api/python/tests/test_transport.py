"""The token stays with its server, and what comes is what was sent."""

from __future__ import annotations

import email.utils
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

import forge
import pytest
from conftest import Stage, problem
from forge import RECEIPT, Forged, keys

import qunxiang as qx
from qunxiang import _pins, _transport, credentials, errors, problems


def file(path: Path, mode: int = 0o600, **change: Any) -> Path:
    told = {
        "version": 1, "server": "http://127.0.0.1:1", "default": "insurer",
        "identities": {
            "insurer": {"principal": "insurer-a", "token": "secret-a"},
            "pharma": {"principal": "pharma-b", "token": "secret-b"},
        },
        "keys": keys().as_dict(), **change,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
    path.chmod(mode)
    return path


def test_the_usual_place_is_read(own_configuration: Path) -> None:
    file(credentials.config_dir() / "credentials.json")
    who = qx.connect("pharma-b").identity
    assert who is not None
    assert who.name == "pharma"
    assert "secret" not in repr(who)
    assert "secret" not in repr(qx.connect())
    with pytest.raises(qx.CredentialsError, match="it has insurer, pharma"):
        qx.connect("steward")


def test_the_variable_names_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.VARIABLE, str(file(tmp_path / "elsewhere.json")))
    assert "insurer-a" in repr(qx.connect())


@pytest.mark.skipif(os.name != "posix", reason="modes say nothing here")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(qx.CredentialsError, match="chmod 600"):
        qx.connect(credentials_file=file(tmp_path / "c.json", mode))


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"identities": {}}, {"identities": {"a": {"token": 1}}}, {"keys": {}},
     {"identities": []}, {"ca_file": 1}],
)  # fmt: skip
def test_files_that_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(qx.CredentialsError):
        qx.connect(credentials_file=file(tmp_path / "c.json", **change))
    with pytest.raises(qx.CredentialsError, match="Start qunxiang demo"):
        qx.connect(credentials_file=tmp_path / "none.json")
    with pytest.raises(qx.CredentialsError):
        qx.connect(credentials_file=tmp_path)


@pytest.mark.parametrize(
    ("server", "more"),
    [("http://example.org", {}), ("http://192.168.1.1:80", {}), ("ftp://localhost", {}),
     ("localhost:80", {}), ("https://a@example.org", {}), ("https://example.org", {"token": ""}),
     ("https://example.org", {"client_key": "k"}), ("https://example.org", {"token": "a\r\nb"}),
     ("https://example.org", {"identity": "insurer"})],
)  # fmt: skip
def test_servers_that_are_refused(server: str, more: dict[str, Any]) -> None:
    with pytest.raises(qx.CredentialsError):
        qx.connect(server=server, **{"token": "t", **more})


def test_a_redirect_is_not_followed(stage: Stage) -> None:
    other = Stage()
    stage.will((302, {"Location": other.url + "/v1/templates"}, b""))
    with pytest.raises(qx.Problem):
        stage.client().templates()
    assert other.seen == []
    other.close()


def test_a_wrong_digest_and_a_short_body_are_seen(stage: Stage) -> None:
    stage.will((200, {"Repr-Digest": "sha-256=:AAAA:"}, b"{}"))
    with pytest.raises(qx.AnswerError, match="digest"):
        stage.client().fetch("q-1", "csv")
    stage.will(*[(200, {"Content-Length": "100"}, b"a,b\n")] * 3)
    with pytest.raises(qx.ConnectionLost):
        stage.client().fetch("q-1", "csv")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff"])
def test_answers_that_are_no_json(stage: Stage, body: bytes) -> None:
    stage.will((200, {}, body))
    with pytest.raises(qx.AnswerError):
        stage.client().budgets()


def test_ids_stay_in_their_place(stage: Stage) -> None:
    stage.will(problem("unknown-request", 404))
    with pytest.raises(problems.UnknownRequest):
        stage.client().status("../../v1/budgets?x=1")
    assert stage.seen[0][1] == "/v1/queries/..%2F..%2Fv1%2Fbudgets%3Fx%3D1"


def release(stage: Stage, receipt: bytes, body: bytes) -> None:
    stage.will((200, {}, body), (200, {}, receipt))


def test_keys_are_pinned_when_a_server_is_first_seen(stage: Stage) -> None:
    f = Forged(witness=None)
    mine = keys(f"log {__import__('forge').LOG_KEY}\nquorum none\n").as_dict()
    release(stage, f.text(), f.release)
    stage.will(mine)
    assert "pinned now" in stage.client().release("q-1").receipt.trust
    assert stat.S_IMODE(_pins.pins_path().stat().st_mode) == 0o600

    release(stage, f.text(), f.release)  # the pinned ones hold, and are not asked for again
    assert "pinned in" in stage.client().release("q-1").receipt.trust

    g = Forged(witness=None, by=forge.Ed25519Signer(9))
    other = {**mine, "receipt": [g.by.public.hex()]}
    release(stage, g.text(), g.release)
    stage.will(other)
    with pytest.raises(qx.KeysChanged, match="not the server you know"):
        stage.client().release("q-1")

    release(stage, g.text(), g.release)  # a bad receipt under the same keys is just that
    stage.will(mine)
    with pytest.raises(qx.ReceiptError) as bad:
        stage.client().release("q-1")
    assert not isinstance(bad.value, qx.KeysChanged)


def test_keys_that_were_given_are_not_the_servers(stage: Stage) -> None:
    f = Forged(by=forge.Ed25519Signer(9))
    release(stage, f.text(), f.release)
    client = stage.client()
    client._keys, client._trust = keys(), "given"
    with pytest.raises(qx.ReceiptError, match="not signed by the receipt key"):
        client.release("q-1")
    assert len(stage.seen) == 2
    assert RECEIPT.public.hex() in client.keys().receipt


def test_every_kind_of_problem_has_its_class() -> None:
    source = Path(__file__).parents[3] / "api"
    if not (source / "problems.go").exists():
        pytest.skip("the server's source is not here")
    text = "".join(p.read_text() for p in source.glob("*.go") if "_test" not in p.name)
    kinds = set(re.findall(r'kind\{"([a-z-]+)"', text))
    assert kinds, "problems.go says it otherwise now"
    assert kinds <= set(errors.by_name())
    for name, kind in errors.by_name().items():
        made = qx.Problem.of(problem(name, 400))
        assert type(made) is kind
        assert made.next_step
        assert str(made).endswith(made.next_step)
    assert type(qx.Problem.of(problem("of-tomorrow", 400))) is qx.Problem


def test_a_proxys_error_page_is_a_problem(stage: Stage) -> None:
    stage.will(*[(503, {}, b"<html>")] * 3)
    with pytest.raises(qx.Problem, match="503"):
        stage.client().budgets()
    assert len(stage.seen) == 3


def test_retries_are_few(stage: Stage) -> None:
    stage.will(*[problem("too-many-requests", 429)] * 9)
    with pytest.raises(problems.TooManyRequests):
        stage.client().budgets()
    assert len(stage.seen) == 3
    assert _transport.Retries().tries == 6


@pytest.mark.parametrize(("ahead", "counts"), [(0, 0), (3600, 3600), (-3600, 0), (1e9, 86400)])
def test_the_servers_clock_counts_where_it_is_ahead(
    stage: Stage, ahead: float, counts: float
) -> None:
    """A day at most, so that nobody moves a receipt's time as they like."""
    date = email.utils.formatdate(time.time() + ahead, usegmt=True)
    stage.will((200, {"Date": date}, b"{}"))
    transport = stage.client()._http
    transport.get("/v1/keys")
    assert abs(transport.now() - time.time() - counts) < 30
