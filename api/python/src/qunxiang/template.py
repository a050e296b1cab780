"""Templates: what can be asked, with which parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from . import _show


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template: its type, its limits in words and its default."""

    name: str
    type: str
    description: str
    limits: str
    default: str = ""
    values: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return not self.default


@dataclass(frozen=True)
class Measure:
    """A number that an answer has for each group, or for each position of an axis."""

    name: str
    title: str
    unit: str
    kind: str
    bounds: str = ""


@dataclass(frozen=True)
class Template:
    """An approved question. ``told`` is all that the server says of it, in both languages."""

    id: str  # id@version
    catalogue: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    keys: Mapping[str, str]  # group key -> its values in words
    measures: tuple[Measure, ...]
    purposes: tuple[str, ...]
    audiences: tuple[str, ...]
    notes: tuple[str, ...]
    told: Mapping[str, Any]

    @classmethod
    def of(cls, told: Mapping[str, Any], language: str = "en") -> Template:
        """Read what the server says."""

        def words(text: Mapping[str, str] | None) -> str:
            return (text or {}).get(language) or (text or {}).get("en", "")

        return cls(
            id=told["template"],
            catalogue=told["catalogue"],
            title=words(told["title"]),
            description=words(told["description"]),
            parameters=tuple(
                Parameter(
                    p["name"], p["type"], words(p["description"]), p["limits"],
                    p.get("default", ""), tuple(p.get("values") or ()),
                )
                for p in told["parameters"]
            ),
            keys={k["name"]: k["domain"] for k in told["keys"]},
            measures=tuple(
                Measure(m["name"], words(m["title"]), m["unit"], m["kind"], m.get("bounds", ""))
                for m in told["measures"]
            ),
            purposes=tuple(told["purposes"]),
            audiences=tuple(told["audiences"]),
            notes=tuple(words(n) for n in told.get("notes") or ()),
            told=told,
        )  # fmt: skip

    def _head(self) -> str:
        return f"{self.catalogue}  {self.title} ({self.id})"

    def _parameter_rows(self) -> list[list[str]]:
        return [
            [
                p.name,
                "needed" if p.required else p.default,
                p.limits.split("; default ")[0],
                p.description,
            ]
            for p in self.parameters
        ]

    def __repr__(self) -> str:
        out = [self._head(), self.description, "", "Parameters:"]
        for name, default, limits, description in self._parameter_rows():
            out.append(f"  {name} ({default}): {limits}\n      {description}")
        if self.keys:
            out += ["", "One group for each:", *(f"  {k}: {v}" for k, v in self.keys.items())]
        out += ["", "Numbers:", *(f"  {m.name} [{m.unit}] {m.title}" for m in self.measures)]
        out += ["", "Good to know:", *(f"  {n}" for n in self.notes)] if self.notes else []
        return _show.safe("\n".join(out))

    def _repr_html_(self) -> str:
        keys: list[list[str]] = [[k, v] for k, v in self.keys.items()]
        measures = [[m.name, m.unit, m.title, m.bounds] for m in self.measures]
        blocks = [
            _show.html_table(
                ["parameter", "default", "limits", ""], self._parameter_rows(), "Parameters"
            )
        ]
        if keys:
            blocks.append(_show.html_table(["key", "values"], keys, "One group for each"))
        blocks.append(_show.html_table(["number", "unit", "", "bounds"], measures, "Numbers"))
        return _show.html_page(self._head(), [self.description, *self.notes], *blocks)


@dataclass(frozen=True)
class TemplateEntry:
    """A template in the catalogue."""

    id: str
    catalogue: str
    title: str
    audiences: tuple[str, ...]
    purposes: tuple[str, ...]


class Catalogue(Sequence[TemplateEntry]):
    """The approved templates, in the catalogue's order."""

    def __init__(self, entries: Sequence[TemplateEntry]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, index: int) -> TemplateEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TemplateEntry]: ...
    def __getitem__(self, index: int | slice) -> TemplateEntry | Sequence[TemplateEntry]:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TemplateEntry]:
        return iter(self._entries)

    def search(self, text: str) -> Catalogue:
        """Keep the templates that have a text in their id or title, in any case."""
        low = text.lower()
        found = [e for e in self if low in f"{e.catalogue} {e.id} {e.title}".lower()]
        return Catalogue(found)

    def _rows(self) -> list[list[str]]:
        return [[e.catalogue, e.title, e.id, ", ".join(e.audiences)] for e in self]

    def __repr__(self) -> str:
        return _show.text_table(["", "title", "template", "for"], self._rows())

    def _repr_html_(self) -> str:
        return _show.html_table(["", "title", "template", "for"], self._rows())
