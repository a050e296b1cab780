"""Numbers, nulls and their reasons, in every form; with and without extras."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from forge import release_bytes

import qunxiang as qx


def release(**change: object) -> qx.Release:
    told = {**json.loads(release_bytes()), **change}
    return qx.Release(json.dumps(told).encode(), None)


CURVE = {
    "keys": {"age": "0-29"}, "suppressed": False, "measures": {
        "people": {"unit": "people", "value": 100, "low": 50, "high": 150},
        "b": {"unit": "share", "values": [
            {"at": "0", "value": 1, "low": 0.9, "high": 1, "noise_low": 0.95, "noise_high": 1},
            {"at": "1", "value": 0.5, "low": 0.4, "high": 0.6, "noise_low": 0, "noise_high": 1}]},
        "a": {"unit": "people", "values": [
            {"at": "0", "value": 10, "low": 9, "high": 11},
            {"at": "1", "value": 5, "low": 4, "high": 6}]},
        "c": {"unit": "people", "values": [{"at": "x", "value": 1, "low": 0, "high": 2}]},
    },
}  # fmt: skip


def test_rows_have_nulls_and_their_reason() -> None:
    shown, hidden = release().rows()
    assert shown["severity_value"] == 12345.5
    assert shown["reason"] is None
    assert shown["ratio_value"] == 0.5
    assert shown["ratio_low"] is shown["ratio_high"] is None  # its error is unknown
    assert hidden["people_value"] is hidden["severity_low"] is None
    assert hidden["suppressed"] is True
    assert "k = 20" in hidden["reason"]


def test_axes_have_rows_of_their_own() -> None:
    rows = release(groups=[CURVE]).rows()
    assert [r["at"] for r in rows] == [None, "0", "1", "x"]
    assert list(rows[0])[1:6] == ["suppressed", "at", "people_value", "people_low", "people_high"]
    assert (rows[0]["people_value"], rows[0]["a_value"]) == (100, None)
    assert (rows[1]["a_value"], rows[1]["b_low"], rows[1]["c_value"]) == (10, 0.9, None)
    assert (rows[3]["a_value"], rows[3]["c_value"]) == (None, 1)


def test_a_key_with_the_name_of_a_column() -> None:
    group = {"keys": {"suppressed": "x", "a": "y"}, "suppressed": False, "measures": {}}
    assert list(release(keys=["suppressed", "a"], groups=[group]).rows()[0]) == [
        "key_suppressed", "a", "suppressed", "reason",
    ]  # fmt: skip


def test_a_synthetic_population_is_its_rows() -> None:
    made = release(synthetic={"columns": ["age", "sex"], "rows": [["0-29", "f"], ["30+", "m"]]})
    assert made.rows() == [{"age": "0-29", "sex": "f"}, {"age": "30+", "sex": "m"}]
    assert len(made) == 2


def test_meaning_says_what_an_interval_holds() -> None:
    assert "95 % interval of the noise" in release().meaning
    assert "Greenwood" not in release().meaning
    assert "Greenwood" in release(groups=[CURVE]).meaning


def test_frames() -> None:
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    made = release()
    table, frame, other = made.table(), made.pandas(), made.polars()
    assert table.column_names == list(frame.columns) == other.columns
    assert table.schema.field("severity_value").metadata == {b"unit": b"fen"}
    assert table.schema.field("suppressed").type == pa.bool_()
    assert table["severity_value"].to_pylist() == [12345.5, None]
    assert frame["severity_value"].isna().tolist() == [False, True]
    assert frame.attrs["units"]["severity_value"] == "fen"
    assert other["severity_value"].to_list() == [12345.5, None]
    empty = release(groups=[])
    assert (
        len(empty.table()) == len(empty.pandas()) == len(empty.polars()) == len(empty.rows()) == 0
    )


@pytest.mark.parametrize("name", ["pyarrow", "pandas", "polars"])
def test_without_an_extra(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    call = {"pyarrow": "table"}.get(name, name)
    with pytest.raises(qx.MissingExtra, match=rf"qunxiang\[{name}\]"):
        getattr(release(), call)()
    assert release().rows()


def test_what_people_read() -> None:
    made = release(title={"en": "<b>Severity</b>", "zh": "费用"})
    assert "123.45  [100.00, 150.00]" in repr(made)  # money in yuan
    assert "suppressed" in repr(made)
    assert "RECEIPT NOT CHECKED" in repr(made)
    assert "&lt;b&gt;Severity" in made._repr_html_()
    assert "<b>Severity" not in made._repr_html_()
    assert qx.Release(made.raw, None, language="zh").title == "费用"
    with pytest.raises(qx.AnswerError, match="verify=False"):
        _ = made.receipt


def test_what_steers_a_terminal_is_shown_as_it_is() -> None:
    made = release(title={"en": "a\x1b[2Jb\u202ec\U000e0001", "zh": "费\u3000用"})
    assert "a\\u001b[2Jb\\u202ec\\udb40\\udc01" in repr(made)
    assert made.title.startswith("a\x1b")
    assert "费\u3000用" in repr(qx.Release(made.raw, None, language="zh"))


def test_files(tmp_path: Path) -> None:
    made = qx.Release(release_bytes(), None, fetch=lambda form: form.encode())
    assert made.save(tmp_path / "a.json").read_bytes() == release_bytes()
    assert made.save(tmp_path / "a.CSV").read_bytes() == b"csv"
    assert made.save(str(tmp_path / "a.xlsx")).read_bytes() == b"xlsx"
    for bad in ("a.txt", "a"):
        with pytest.raises(ValueError, match="the ending says the form"):
            made.save(tmp_path / bad)

    def fails(form: str) -> bytes:
        raise qx.AnswerError(form)

    with pytest.raises(qx.AnswerError):
        qx.Release(release_bytes(), None, fetch=fails).save(tmp_path / "b.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.CSV", "a.json", "a.xlsx"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"keys":[],"groups":[{}]}', b"\xff"])
def test_what_is_no_release(raw: bytes) -> None:
    with pytest.raises(qx.AnswerError):
        qx.Release(raw, None)
