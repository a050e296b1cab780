"""Requests under way, and those of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import _show


def moment(text: str) -> datetime:
    """Read a time as the server writes it (RFC 3339, UTC)."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@dataclass(frozen=True)
class Ticket:
    """What is held while an answer is waited for.

    ``state`` is running, released or abandoned. ``charged`` is False where a stored answer
    is handed out, which costs nothing.
    """

    id: str
    state: str
    due: datetime
    release: str  # id of the release that answers it
    charged: bool

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Ticket:
        """Read what the server says."""
        return cls(told["id"], told["state"], moment(told["due"]), told["release"], told["charged"])

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        return self.state != "running"


@dataclass(frozen=True)
class Asked:
    """A charged request of the past."""

    id: str
    asked: datetime
    due: datetime
    state: str
    principal: str
    organisation: str
    template: str
    catalogue: str
    title: str
    purpose: str
    rho: float
    scopes: tuple[str, ...]
    leaf: int  # of the charge
    training: bool

    @classmethod
    def of(cls, told: Mapping[str, Any], language: str = "en") -> Asked:
        """Read what the server says."""
        plain = ("id", "state", "principal", "organisation", "template", "catalogue", "purpose")
        return cls(
            **{n: told[n] for n in (*plain, "rho", "leaf", "training")},
            asked=moment(told["asked"]),
            due=moment(told["due"]),
            title=told["title"].get(language) or told["title"]["en"],
            scopes=tuple(told["scopes"]),
        )


class History(tuple[Asked, ...]):
    """Charged requests, newest first."""

    __slots__ = ()

    _HEAD: Sequence[str] = ("asked", "who", "", "title", "rho", "state", "id")

    def _rows(self) -> list[list[object]]:
        return [
            [
                f"{a.asked:%Y-%m-%d %H:%M}",
                a.organisation,
                a.catalogue,
                a.title,
                a.rho,
                a.state,
                a.id,
            ]
            for a in self
        ]

    def __repr__(self) -> str:
        return _show.text_table(self._HEAD, self._rows()) if self else "nothing was charged yet"

    def _repr_html_(self) -> str:
        return _show.html_table(self._HEAD, self._rows(), "Charged requests, newest first")
