"""Nothing is spent that nobody agreed to, and nothing twice."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from conftest import ESTIMATE, TICKET, Stage, problem

import qunxiang as qx
from qunxiang import _asking, _question, _transport, problems

I3: dict[str, Any] = {"window": ("2017-01-01", "2017-12-31"), "accuracy": "5% at 1000"}


def posts(stage: Stage) -> list[tuple[str, str]]:
    return [(m, p) for m, p, _, _ in stage.seen]


@pytest.mark.parametrize(
    "agreement",
    [{}, {"confirm": False}, {"max_cost": 0.2499}, {"max_cost": math.nan}, {"max_cost": -1},
     {"max_cost": 0.1, "confirm": True}],
)  # fmt: skip
def test_without_agreement_nothing_is_asked(stage: Stage, agreement: dict[str, Any]) -> None:
    stage.will(ESTIMATE)
    with pytest.raises(qx.NotConfirmed, match=r"rho 0\.25") as refused:
        stage.client().ask("I3", **I3, **agreement)
    assert "Nothing was charged" in str(refused.value)
    assert refused.value.estimate.rho == 0.25
    assert posts(stage) == [("POST", "/v1/estimates")]


@pytest.mark.parametrize("agreement", [{"max_cost": 0.25}, {"confirm": True}])
def test_with_agreement_what_was_priced_is_asked(stage: Stage, agreement: dict[str, Any]) -> None:
    stage.will(ESTIMATE, TICKET)
    ticket = stage.client().ask("I3", wait=False, **I3, **agreement)
    assert (ticket.id, ticket.charged, ticket.over) == ("q-1", True, False)
    estimated, asked = (json.loads(body) for *_, body in stage.seen)
    # The very version that was priced, whatever has come in force meanwhile.
    assert asked == {**estimated, "template": "claim-severity@1.1.0", "max_rho": 0.25}
    assert asked["parameters"] == {"window": "2017-01-01..2017-12-31"}
    assert len(stage.seen[1][2]["idempotency-key"]) == 32


@pytest.mark.parametrize(
    ("free", "agreement", "rho"),
    [(False, {"confirm": True}, 0.25), (False, {"max_cost": 0.3}, 0.3),
     (False, {"max_cost": math.inf}, 0.25), (True, {}, 0.5e-12), (True, {"max_cost": 0.3}, 0.3),
     (True, {"max_cost": math.nan}, 0.5e-12), (True, {"max_cost": -1}, 0.5e-12),
     (True, {"confirm": True}, 0.25), (True, {"confirm": False}, 0.5e-12)],
)  # fmt: skip
def test_the_server_is_held_to_what_was_agreed(
    stage: Stage, free: bool, agreement: dict[str, Any], rho: float
) -> None:
    """Between estimate and charge the price may change: nobody agreed to more."""
    stage.will({**ESTIMATE, "free": free}, problem("price", 409, detail="rho 0.5 now"))
    with pytest.raises(problems.PriceRefused, match="Nothing was charged") as refused:
        stage.client().ask("I3", wait=False, **I3, **agreement)
    assert "estimate" in refused.value.next_step
    assert json.loads(stage.seen[-1][3])["max_rho"] == rho
    assert len(stage.seen) == 2  # a price is not haggled over


def test_the_price_is_of_what_was_asked(stage: Stage) -> None:
    for other in (
        {"template": "claim-count@1.1.0", "catalogue": "I2"}, {"coarse": True},
        {"parameters": {"region": "any"}},
    ):  # fmt: skip
        stage.will({**ESTIMATE, **other})
        with pytest.raises(qx.AnswerError, match="the server priced"):
            stage.client().ask("I3", confirm=True, **I3)
    assert {p for _, p in posts(stage)} == {"/v1/estimates"}


def answer(**other: Any) -> dict[str, Any]:
    return {
        "id": "q-1", "template": "claim-severity@1.1.0", "coarse": False, "keys": [], "groups": [],
        "title": {"en": "Claim severity"}, "privacy": {"k": 20}, "notes": [],
        "parameters": ESTIMATE["parameters"], **other,
    }  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [{"template": "claim-severity@1.0.0"}, {"coarse": True}, {"parameters": {}},
     {"parameters": {"window": "2016-01-01..2016-12-31"}}],
)  # fmt: skip
def test_an_answer_to_another_question_is_refused(stage: Stage, other: dict[str, Any]) -> None:
    client = stage.client()
    stage.will(ESTIMATE, TICKET)
    ticket = client.ask("I3", wait=False, confirm=True, **I3)
    stage.will(answer(**other))
    with pytest.raises(qx.AnswerError, match="another question"):
        client.release(ticket, verify=False)
    stage.will(answer())
    assert client.release(ticket, verify=False).id == "q-1"


def test_lists_of_the_same_codes_are_one_question(stage: Stage) -> None:
    client = stage.client()
    asked = {"window": "2017-01-01..2017-12-31", "codes": "hypertension"}
    stage.will({**ESTIMATE, "parameters": asked}, TICKET)
    ticket = client.ask("I3", wait=False, confirm=True, codes="hypertension", **I3)
    other = {**asked, "codes": "high-pressure"}
    stage.will(answer(parameters=other, code_lists={"high-pressure": "ab"}))
    assert client.release(ticket, verify=False).id == "q-1"
    stage.will(answer(parameters=other))
    with pytest.raises(qx.AnswerError, match="another question"):
        client.release(ticket, verify=False)


def test_what_is_free_is_not_asked_about(stage: Stage) -> None:
    stage.will({**ESTIMATE, "free": True}, {**TICKET, "charged": False})
    assert not stage.client().ask("I3", wait=False, **I3).charged


def test_somebody_at_a_terminal_is_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "interactive", lambda: True)
    for said, charged in (("y\n", True), ("\n", False), ("no\n", False), ("是\n", True)):
        monkeypatch.setattr("sys.stdin.readline", lambda said=said: said, raising=False)
        stage.will(ESTIMATE, TICKET)
        if charged:
            assert stage.client().ask("I3", wait=False, **I3).charged
        else:
            with pytest.raises(qx.NotConfirmed, match="You said no"):
                stage.client().ask("I3", wait=False, **I3)
            stage.replies.clear()


def test_a_lost_connection_keeps_its_key(stage: Stage) -> None:
    stage.will(ESTIMATE, None, problem("busy", 503), TICKET)
    assert stage.client().ask("I3", wait=False, confirm=True, **I3).id == "q-1"
    sent = [(h["idempotency-key"], b) for _, p, h, b in stage.seen if p == "/v1/queries"]
    assert len(sent) == 3
    assert len(set(sent)) == 1


def test_two_calls_have_two_keys(stage: Stage) -> None:
    stage.will(ESTIMATE, TICKET, ESTIMATE, TICKET)
    client = stage.client()
    for _ in range(2):
        client.ask("I3", wait=False, confirm=True, **I3)
    first, second = (h["idempotency-key"] for _, p, h, _ in stage.seen if p == "/v1/queries")
    assert first != second


def test_a_connection_that_stays_lost_says_how_to_go_on(stage: Stage) -> None:
    stage.will(ESTIMATE, None, None, None)
    with pytest.raises(qx.ConnectionLost, match="charged once at most") as lost:
        stage.client().ask("I3", wait=False, confirm=True, **I3)
    assert lost.value.idempotency_key == stage.seen[-1][2]["idempotency-key"]
    stage.will(ESTIMATE, TICKET)
    key = lost.value.idempotency_key
    stage.client().ask("I3", wait=False, confirm=True, idempotency_key=key, **I3)
    assert stage.seen[-1][2]["idempotency-key"] == key


def test_a_refusal_says_that_nothing_was_charged(stage: Stage) -> None:
    stage.will(ESTIMATE, problem("refused", 403, rule="grant", detail="No grant."))
    with pytest.raises(problems.Refused, match="Nothing was charged") as refused:
        stage.client().ask("I3", wait=False, confirm=True, **I3)
    assert refused.value.rule == "grant"
    assert "ask the data steward for a grant" in str(refused.value)


def test_a_refusal_after_a_lost_try_does_not(stage: Stage) -> None:
    """The first try may have been charged, though the second was refused."""
    stage.will(ESTIMATE, None, problem("refused", 403, rule="grant"))
    with pytest.raises(problems.Refused) as refused:
        stage.client().ask("I3", wait=False, confirm=True, **I3)
    assert refused.value.charged is None
    assert "othing was charged" not in str(refused.value)
    # And so where the key was used in an earlier call.
    stage.will(ESTIMATE, problem("refused", 403, rule="grant"))
    with pytest.raises(problems.Refused) as again:
        stage.client().ask("I3", wait=False, confirm=True, idempotency_key="k", **I3)
    assert again.value.charged is None


def test_a_refusal_is_not_sent_again(stage: Stage) -> None:
    stage.will(ESTIMATE, problem("budget-exhausted", 409, scope="people/2017", rho_left=0.1))
    with pytest.raises(problems.BudgetExhausted, match=r"rho 0\.1 is left of people/2017"):
        stage.client().ask("I3", wait=False, confirm=True, **I3)
    assert len(stage.seen) == 2


def test_ctrl_c_keeps_the_ticket(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    stage.will(ESTIMATE, TICKET)
    monkeypatch.setattr("qunxiang.client.time.sleep", interrupt)
    client = stage.client()
    with pytest.raises(qx.Interrupted, match=r"client\.release\('q-1'\)") as interrupted:
        client.ask("I3", confirm=True, **I3)
    assert isinstance(interrupted.value, KeyboardInterrupt)
    assert interrupted.value.ticket_id == "q-1"
    assert client.last_ticket is not None
    assert client.last_ticket.id == "q-1"


def test_a_connection_lost_while_waiting_names_the_ticket(stage: Stage) -> None:
    stage.will(ESTIMATE, TICKET, None, None, None)
    with pytest.raises(qx.ConnectionLost, match=r"client\.release\('q-1'\)") as lost:
        stage.client().ask("I3", confirm=True, **I3)
    assert lost.value.ticket_id == "q-1"


def test_what_was_free_and_is_charged_is_said(stage: Stage) -> None:
    stage.will({**ESTIMATE, "free": True}, TICKET)
    with pytest.warns(UserWarning, match="was charged"):
        stage.client().ask("I3", wait=False, **I3)


def test_ctrl_c_while_asking_says_how_to_go_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stage.client()
    once = _transport.Transport._once

    def interrupt(self: Any, method: str, path: str, **more: Any) -> Any:
        if path == "/v1/queries":
            raise KeyboardInterrupt
        return once(self, method, path, **more)

    stage.will(ESTIMATE)
    monkeypatch.setattr(_transport.Transport, "_once", interrupt)
    with pytest.raises(qx.Interrupted, match="charged once at most") as interrupted:
        client.ask("I3", confirm=True, **I3)
    assert interrupted.value.idempotency_key in str(interrupted.value)


def test_an_abandoned_request_says_what_was_charged(stage: Stage) -> None:
    stage.will(ESTIMATE, {**TICKET, "state": "abandoned"})
    with pytest.raises(problems.Abandoned, match="never be answered") as abandoned:
        stage.client().ask("I3", confirm=True, **I3)
    assert abandoned.value.charged is True


def test_parameters_as_python_has_them() -> None:
    for value, text in {
        "metformin": "metformin", 60: "60", 0.5: "0.5", 1e-7: "0.0000001",
        Decimal("15000.50"): "15000.50", Decimal("1E+3"): "1000", date(2017, 1, 2): "2017-01-02",
        datetime(2017, 1, 2, 3): "2017-01-02",
        ("2017-01-01", "2017-12-31"): "2017-01-01..2017-12-31",
        (date(2017, 1, 1), date(2017, 12, 31)): "2017-01-01..2017-12-31",
        ("31", "32", "33"): "31,32,33", (1, 2): "1,2",
    }.items():  # fmt: skip
        assert _question.text_of(value) == text
    assert _question.text_of(["2017-01-01", "2017-12-31"]) == "2017-01-01,2017-12-31"
    with pytest.raises(TypeError):
        _question.text_of(True)
    with pytest.raises(ValueError, match="finite"):
        _question.text_of(math.inf)
    with pytest.raises(TypeError):
        _question.text_of(object())


def test_the_quota_is_shown(stage: Stage) -> None:
    quota = {"grant": "g-1", "quota_rho": 0.5, "spent_rho": 0.3, "held_rho": 0.1, "fits": False}
    stage.will({**ESTIMATE, "quota": quota}, ESTIMATE)
    client = stage.client()
    shown = repr(client.estimate("I3", **I3))
    assert "Quota    g-1: rho 0.1 is left of 0.5; IT DOES NOT FIT" in shown
    assert "Quota" not in repr(client.estimate("I3", **I3))
