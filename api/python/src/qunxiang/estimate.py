"""What an answer would cost, and how exact it would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _show


@dataclass(frozen=True)
class ScopeShare:
    """A privacy budget, in rho, and what a question would take of it."""

    scope: str
    cap: float
    spent: float
    held: float  # set aside for training
    share: float  # of the cap, that the question would take; 0 for none
    fits: bool

    @property
    def left(self) -> float:
        """What is left of the cap, in rho."""
        return max(0.0, self.cap - self.spent - self.held)

    @property
    def short(self) -> str:
        """The year of records that it is for, or life."""
        return self.scope.rpartition("/")[2]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> ScopeShare:
        """Read what the server says."""
        return cls(
            told["scope"], told["cap_rho"], told["spent_rho"], told.get("held_rho", 0.0),
            told.get("share", 0.0), told.get("fits", True),
        )  # fmt: skip


@dataclass(frozen=True)
class ExpectedError:
    """The predicted half-width of a number's 95 % interval."""

    name: str
    unit: str
    half_width: float
    at: int  # in a group of so many people; 0 where it is the same in all

    def __str__(self) -> str:
        width, unit = self.half_width, self.unit
        if unit == "fen":
            width, unit = width / 100, "yuan"
        group = f" in a group of {self.at:,} people" if self.at else ""
        return f"{self.name}: ± {_show.number(width, 4)} {unit}{group}"


@dataclass(frozen=True)
class Estimate:
    """A price and the errors to expect; nothing was charged, and no data was read."""

    template: str
    catalogue: str
    title: str
    purpose: str
    rho: float
    delta: float
    epsilon: float
    free: bool  # an answer that you have already is at least as exact
    fits: bool
    suspended: bool
    groups: int  # 0: found privately
    smallest_group: int
    k: int
    slot_seconds: float
    scopes: tuple[ScopeShare, ...]
    errors: tuple[ExpectedError, ...]
    told: Mapping[str, Any]

    @classmethod
    def of(cls, told: Mapping[str, Any], language: str = "en") -> Estimate:
        """Read what the server says."""
        names = ("template", "catalogue", "purpose", "rho", "delta", "epsilon", "free", "fits")
        more = ("suspended", "groups", "smallest_group", "k", "slot_seconds")
        return cls(
            **{n: told[n] for n in (*names, *more)},
            title=told["title"].get(language) or told["title"]["en"],
            scopes=tuple(ScopeShare.of(s) for s in told["scopes"]),
            errors=tuple(
                ExpectedError(m["name"], m["unit"], m["half_width"], m["at"])
                for m in told["measures"]
            ),
            told=told,
        )

    def price(self) -> str:
        """Say the price in one line."""
        if self.free:
            return "free: an answer that you have is as exact"
        parts = [f"{100 * s.share:.3g} % of {s.short}" for s in self.scopes]
        return f"rho {self.rho:.6g} (epsilon {self.epsilon:.3g}): {', '.join(parts)}"

    def lines(self) -> list[str]:
        """Say it all, in lines."""
        groups = f"{self.groups:,} groups" if self.groups else "groups are found privately"
        out = [f"Cost     {self.price()}"]
        for s in self.scopes:
            left = f"{100 * s.left / s.cap:.3g} % of the cap is left" if s.cap else "it has no cap"
            out.append(f"Budget   {s.short}: {left}" + ("" if s.fits else "; IT DOES NOT FIT"))
        if quota := self.told.get("quota"):
            left = max(0.0, quota["quota_rho"] - quota["spent_rho"] - quota["held_rho"])
            out.append(
                f"Quota    {quota['grant']}: rho {left:.6g} is left of {quota['quota_rho']:.6g}"
                + ("" if quota["fits"] else "; IT DOES NOT FIT")
            )
        out += [f"Error    {e} (95 %)" for e in self.errors]
        out.append(
            f"Groups   {groups}; those under about {self.smallest_group:,} people are not shown"
        )
        out.append(f"Answer   {self.slot_seconds:.0f} s after the charge")
        if self.suspended:
            out.append("SUSPENDED: it cannot be asked until the data steward has cleared it")
        return out

    def __repr__(self) -> str:
        head = f"{self.catalogue}  {self.title} ({self.template})"
        return _show.safe("\n".join([head, *self.lines()]))

    def _repr_html_(self) -> str:
        return _show.html_page(f"{self.catalogue}  {self.title} ({self.template})", self.lines())


class Budgets(tuple[ScopeShare, ...]):
    """What is left of every budget that was ever charged."""

    __slots__ = ()

    def _rows(self) -> list[list[object]]:
        out: list[list[object]] = []
        for s in self:
            part = f"{100 * s.left / s.cap:.4g} %" if s.cap else "–"
            out.append([s.short, s.cap, s.spent, s.held, s.left, part])
        return out

    _HEAD = ("records of", "cap (rho)", "spent", "set aside", "left", "of the cap")

    def __repr__(self) -> str:
        return _show.text_table(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return _show.html_table(self._HEAD, self._rows(), "Privacy budgets of the population")
