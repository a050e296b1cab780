"""The journeys of an actuary, an analyst and a regulator, on the server of a demo."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LIVE

import qunxiang as qx
from qunxiang import problems, release

Connect = Callable[..., qx.Client]
WINDOW = ("2017-01-01", "2017-12-31")


def test_the_catalogue(live: Connect) -> None:
    client = live()
    found = client.templates()
    assert len(found) >= 30
    assert [e.catalogue for e in found.search("claim-severity")] == ["I3"]
    template = client.template("I3")
    assert template.id == found.search("claim-severity")[0].id
    assert [p.name for p in template.parameters if p.required] == ["window"]
    assert "window (needed): FROM..TO" in repr(template)
    assert "<table" in template._repr_html_()
    assert live(language="zh").template("I3").title == "次均费用"


def test_an_actuary(live: Connect, tmp_path: Path) -> None:
    """The demo has asked I2 for nobody: it is charged once, and free after that."""
    client = live()
    question: dict[str, Any] = {"window": WINDOW, "coarse": True, "cost": 0.01, "allow_empty": True}
    estimate = client.estimate("I2", **question)
    assert not estimate.free
    with pytest.raises(qx.NotConfirmed):
        client.ask("I2", **question)
    before = {b.short: b.spent for b in client.budgets()}
    answer = client.ask("I2", max_cost=0.01, **question)
    spent = {b.short: b.spent - before.get(b.short, 0) for b in client.budgets()}
    assert answer.charged
    assert spent["2017"] == pytest.approx(answer.told["privacy"]["rho"])
    assert answer.receipt.predicate["release"] == answer.id
    assert answer.receipt.trust == "given"
    assert answer.receipt.evaluation

    again = client.ask("I2", **question)  # free: no agreement is needed
    assert (again.id, again.charged) == (answer.id, False)
    assert client.estimate("I2", **question).free
    assert client.history()[0].id == answer.id
    assert {a.principal for a in client.history()} == {"insurer-a"}

    for form in release.FORMATS:
        assert answer.save(tmp_path / f"a.{form}").stat().st_size > 0
    assert (tmp_path / "a.json").read_bytes() == answer.raw


def test_the_table_is_the_servers(live: Connect) -> None:
    """Columns made here from the verified bytes are those that the server sends as Arrow."""
    pytest.importorskip("pyarrow")
    import pyarrow.ipc

    insurer, pharma = live("insurer"), live("pharma")
    curve = pharma.ask(
        "P5", codes="antihypertensives", window=("2016-07-01", "2018-12-31"), coarse=True,
        cost=0.5, allow_empty=True, confirm=True,
    )  # fmt: skip
    assert {"at", "persistence_value"} <= set(curve.table().column_names)
    assert "Greenwood" in curve.meaning
    for client, answer in (
        (pharma, curve),
        (pharma, pharma.release(pharma.history()[-1].id)),
        (insurer, insurer.release(insurer.history()[-1].id)),
    ):
        sent = client.fetch(answer.id, "arrow")
        served = pyarrow.ipc.open_stream(io.BytesIO(sent)).read_all()
        mine = answer.table()
        assert mine.column_names == served.column_names
        for name in mine.column_names:
            assert mine[name].to_pylist() == served[name].to_pylist()


def test_a_stranger_and_another(live: Connect) -> None:
    pharma, insurer = live("pharma"), live("insurer")
    theirs = insurer.history()[0].id
    for call in (pharma.release, pharma.status, pharma.receipt):
        with pytest.raises(problems.UnknownRequest):
            call(theirs)
    with pytest.raises(problems.Unauthenticated, match="Ask the authority for a token"):
        qx.connect(server=pharma._http.server, token="qx_no").budgets()
    with pytest.raises(problems.Refused, match="Nothing was charged"):
        pharma.ask("I2", window=WINDOW, cost=0.01, coarse=True, confirm=True)


def test_a_regulator(live: Connect, tmp_path: Path) -> None:
    client = live("regulator")
    history = client.history(pages=3)
    assert {a.principal for a in history} >= {"insurer-a", "pharma-b"}
    receipt = client.receipt(history[-1].id)
    assert receipt.predicate["charge_leaf"] == history[-1].leaf
    kept = receipt.save(tmp_path / "receipt.json").read_bytes()
    raw = client.release(history[-1].id).raw
    assert qx.verify(kept, client.keys(), raw).digest == receipt.digest
    with pytest.raises(qx.ReceiptError):
        qx.verify(kept, client.keys(), raw + b" ")
    assert client.stated_keys() == client.keys()
    assert client.register().entries[0]["organisation"]
    assert "budgets" in client.register()._repr_html_()


def test_a_ticket_is_fetched_later(live: Connect) -> None:
    client = live("insurer")
    ticket = client.ask(
        "I8", wait=False, window=WINDOW, coarse=True, cost=0.01, allow_empty=True, confirm=True
    )
    assert not ticket.over
    with pytest.raises(problems.NotDue):
        client.release(ticket)
    assert client.wait(ticket.id).id == ticket.release
    assert client.status(ticket).state == "released"
    with pytest.raises(problems.Finished):
        client.cancel(ticket)


def test_the_readme(live: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README shows runs as it is written, in both languages."""
    pytest.importorskip("pandas")
    live()
    monkeypatch.setenv("QUNXIANG_CREDENTIALS", os.environ[LIVE])
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    blocks = [b.partition("```")[0] for b in text.split("```python\n")[1:]]
    shown = [b for b in blocks if b.startswith("import qunxiang as qx\n")]
    assert len(shown) == 2
    for block in shown:
        names: dict[str, Any] = {}
        exec(block, names)
        assert names["answer"].receipt
    assert (tmp_path / "severity.csv").read_text().startswith("age,level,")
