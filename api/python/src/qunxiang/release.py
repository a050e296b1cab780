"""Answers: their numbers with intervals, in the forms that analysts use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _columns, _show, _strict
from .errors import AnswerError, MissingExtra
from .receipt import Receipt

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

FORMATS = ("json", "csv", "arrow", "parquet", "xlsx")
"""The forms that :meth:`Release.save` knows; a server may not have all of them."""


class Release:
    """A released answer, made from the very bytes that its receipt is for.

    A number is null where its group is suppressed, where the row is not its own (numbers
    on an axis have rows of their own), or where it has no interval. Money is in fen.
    """

    def __init__(
        self,
        raw: bytes,
        receipt: Receipt | None,
        *,
        charged: bool = False,
        fetch: Callable[[str], bytes] | None = None,
        language: str = "en",
    ) -> None:
        try:
            self.told: Mapping[str, Any] = _strict.load_object(raw)
            self._columns = _columns.build(self.told)
        except (ValueError, KeyError, TypeError) as err:
            raise AnswerError(f"this is no release: {err!r}") from err
        self.raw = raw
        self.charged = charged
        self._receipt, self._fetch, self._language = receipt, fetch, language

    @property
    def id(self) -> str:
        """The id, by which it is fetched again."""
        return str(self.told["id"])

    @property
    def receipt(self) -> Receipt:
        """The receipt, which was verified when the answer arrived."""
        if self._receipt is None:
            raise AnswerError("the receipt was not asked for: verify=False")
        return self._receipt

    @property
    def title(self) -> str:
        """What was asked."""
        return self._words(self.told["title"])

    @property
    def notes(self) -> list[str]:
        """What to know when reading the numbers, such as what bounding leaves out."""
        return [self._words(n) for n in self.told.get("notes") or []]

    @property
    def units(self) -> dict[str, str]:
        """The unit of each column of numbers."""
        return {c.name: c.unit for c in self._columns if c.unit}

    @property
    def suppressed(self) -> int:
        """How many groups are not shown."""
        return sum(1 for g in self.told["groups"] if g["suppressed"])

    @property
    def reason(self) -> str:
        """Why groups are suppressed."""
        k = self.told["privacy"]["k"]
        return f"fewer than about k = {k} people, or too few to tell"

    @property
    def meaning(self) -> str:
        """What an interval says, and what it does not."""
        if _columns.banded(self.told):
            of = (
                "the noise that protects people and, on curves, the chance of the sample"
                " (Greenwood); the ends for the noise alone are in .told"
            )
        else:
            of = "the noise that protects people"
        return (
            f"[low, high] is the 95 % interval of {of}. It does not hold what bounding"
            " leaves out, which the notes say, nor errors of the records. A number without"
            f" an interval has an unknown error. Groups that are not shown have {self.reason}."
        )

    def _words(self, text: Mapping[str, str]) -> str:
        return text.get(self._language) or text["en"]

    def rows(self) -> list[dict[str, Any]]:
        """Give plain dicts, one for each row; ``reason`` says why numbers are None."""
        rows = _columns.rows(self._columns)
        if "suppressed" in {c.name for c in self._columns}:
            for row in rows:
                row["reason"] = self.reason if row["suppressed"] else None
        return rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self._columns[0].values) if self._columns else 0

    def table(self) -> pyarrow.Table:
        """Give a pyarrow table, with units and meaning in its metadata."""
        try:
            import pyarrow as pa
        except ImportError as err:
            raise _missing("pyarrow") from err
        kinds = {"text": pa.string(), "flag": pa.bool_(), "number": pa.float64()}
        fields = [
            pa.field(c.name, kinds[c.kind], metadata={"unit": c.unit} if c.unit else None)
            for c in self._columns
        ]
        arrays = [
            pa.array(c.values, type=f.type) for c, f in zip(self._columns, fields, strict=True)
        ]
        meta = {"release": self.id, "template": str(self.told["template"]), "meaning": self.meaning}
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=meta))

    def pandas(self) -> pandas.DataFrame:
        """Give a pandas frame; ``.attrs`` has units and meaning. Nulls are NaN."""
        try:
            import pandas as pd
        except ImportError as err:
            raise _missing("pandas") from err
        kinds = {"text": "object", "flag": "bool", "number": "float64"}
        frame = pd.DataFrame(
            {c.name: pd.Series(c.values, dtype=kinds[c.kind]) for c in self._columns}
        )
        frame.attrs.update(release=self.id, units=self.units, meaning=self.meaning)
        return frame

    def polars(self) -> polars.DataFrame:
        """Give a polars frame."""
        try:
            import polars as pl
        except ImportError as err:
            raise _missing("polars") from err
        kinds = {"text": pl.String, "flag": pl.Boolean, "number": pl.Float64}
        return pl.DataFrame(
            {c.name: c.values for c in self._columns},
            schema={c.name: kinds[c.kind] for c in self._columns},
        )

    def save(self, path: str | Path) -> Path:
        """Write a file; its ending says the form: csv, arrow, parquet, xlsx or json.

        JSON is the released bytes themselves, which the receipt is for. The others are
        made by the server from them. The file takes its place at once or not at all.
        """
        path = Path(path)
        form = path.suffix.removeprefix(".").lower()
        if form not in FORMATS:
            raise ValueError(f"{path.name}: the ending says the form, one of {', '.join(FORMATS)}")
        if form == "json":
            body = self.raw
        elif self._fetch is None:
            raise AnswerError("this release is not from a server: save it as json, or use table()")
        else:
            body = self._fetch(form)
        beside = path.with_name(f".{path.name}.new-{os.getpid()}")
        try:
            beside.write_bytes(body)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def _shown(self) -> tuple[list[str], list[list[object]]]:
        """Give a table for people: value and interval in one cell, money in yuan."""
        return _columns.for_people(self._columns)

    def _lines(self) -> list[str]:
        p = self.told["privacy"]
        shown = len(self.told["groups"]) - self.suppressed
        cost = (
            f"rho {p['rho']:.6g}" if self.charged else f"free this time (rho {p['rho']:.6g} once)"
        )
        lines = [
            f"{shown} groups shown, {self.suppressed} suppressed ({self.reason})"
            if self.suppressed else f"{shown} groups shown, none suppressed",
            f"Cost: {cost}; released {self.told['released']}, id {self.id}",
        ]  # fmt: skip
        if self.told.get("evaluation"):
            lines.append("EVALUATION DOMAIN: nobody approved anything")
        checked = "receipt verified" if self._receipt else "RECEIPT NOT CHECKED"
        return [*lines, f"{checked}. {self.meaning}"]

    def __repr__(self) -> str:
        head, rows = self._shown()
        name = f"{self.told['catalogue']}  {self.title} ({self.told['template']})"
        text = "\n".join([name, "", _show.text_table(head, rows), "", *self._lines()])
        return _show.safe(text)

    def _repr_html_(self) -> str:
        head, rows = self._shown()
        name = f"{self.told['catalogue']}  {self.title} ({self.told['template']})"
        return _show.html_page(name, [], _show.html_table(head, rows)) + _show.html_page(
            "", [*self._lines(), *self.notes]
        )


def _missing(package: str) -> MissingExtra:
    return MissingExtra(
        f"{package} is not installed: python -m pip install 'qunxiang[{package}]'."
        " rows() needs nothing besides"
    )
