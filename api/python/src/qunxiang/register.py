"""The public register: what everybody may know of what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _show


@dataclass(frozen=True)
class Register:
    """A page of the register, newest first. ``told`` is all of it."""

    told: Mapping[str, Any]
    language: str = "en"

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """The charged requests of the page."""
        return list(self.told["entries"])

    @property
    def page(self) -> int:
        """Which page it is, from 1."""
        return int(self.told["page"])

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return int(self.told["pages"])

    _HEAD = ("day", "organisation", "question", "purpose", "part of the budgets", "state")

    def _rows(self) -> list[list[object]]:
        rows: list[list[object]] = []
        for e in self.entries:
            title = e["title"].get(self.language) or e["title"]["en"]
            costs = ", ".join(f"{c['scope']}: {100 * c['share']:.3g} %" for c in e["costs"])
            rows.append([e["day"], e["organisation"], title, e["purpose"], costs, e["state"]])
        return rows

    def __repr__(self) -> str:
        return _show.text_table(self._HEAD, self._rows()) if self.entries else "nothing was asked"

    def _repr_html_(self) -> str:
        return _show.html_table(self._HEAD, self._rows(), "Public register")
