"""A release as columns, as the server's CSV, Arrow and Parquet have it.

One row for each group, and below it one for each position of an axis, where measures
have one: ``at`` names the position. Measures whose axes have the same positions in a group
share rows. "people" comes first, the other measures by name. A release with a synthetic
population is its rows instead. A test holds this to what a server sends as Arrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ENDS = ("value", "low", "high")


@dataclass
class Column:
    """One column; ``values`` has None where there is nothing."""

    name: str
    kind: str  # "text", "flag" or "number"
    values: list[Any]
    unit: str = ""


def banded(release: Mapping[str, Any]) -> bool:
    """Say whether intervals carry the error of the sample too."""
    return any(
        "noise_low" in points[0]
        for group in release["groups"]
        for measure in group["measures"].values()
        if (points := measure.get("values"))
    )


def build(release: Mapping[str, Any]) -> list[Column]:
    """Turn a release into columns."""
    synthetic = release.get("synthetic")
    if synthetic:
        return [
            Column(name, "text", [row[i] for row in synthetic["rows"]])
            for i, name in enumerate(synthetic["columns"])
        ]
    return _Builder(release).columns()


class _Builder:
    def __init__(self, release: Mapping[str, Any]) -> None:
        self.keys: list[str] = release["keys"]
        units: dict[str, str] = {}
        self.axis = False
        for group in release["groups"]:
            for name, measure in group["measures"].items():
                units[name] = measure["unit"]
                self.axis = self.axis or "value" not in measure
        names = sorted(units, key=lambda n: (n != "people", n.encode()))
        self.numbers = {
            (n, end): Column(f"{n}_{end}", "number", [], units[n]) for n in names for end in _ENDS
        }
        self.groups: list[Mapping[str, Any]] = []  # of each row
        self.at: list[str | None] = []
        for group in release["groups"]:
            self._group(group)

    def _row(self, group: Mapping[str, Any], at: str | None) -> int:
        self.groups.append(group)
        self.at.append(at)
        for column in self.numbers.values():
            column.values.append(None)
        return len(self.at) - 1

    def _set(self, row: int, name: str, value: Mapping[str, Any]) -> None:
        ends = _ENDS if "low" in value and "high" in value else _ENDS[:1]
        for end in ends:
            self.numbers[name, end].values[row] = float(value[end])

    def _group(self, group: Mapping[str, Any]) -> None:
        first = self._row(group, None)
        axes: dict[tuple[str, ...], list[int]] = {}
        for name in sorted(group["measures"], key=str.encode):
            measure = group["measures"][name]
            if "value" in measure:
                self._set(first, name, measure)
                continue
            points = measure.get("values") or []
            positions = tuple(p["at"] for p in points)
            if positions not in axes:
                axes[positions] = [self._row(group, at) for at in positions]
            for row, point in zip(axes[positions], points, strict=True):
                self._set(row, name, point)

    def columns(self) -> list[Column]:
        rest = [Column("suppressed", "flag", [g["suppressed"] for g in self.groups])]
        if self.axis:
            rest.append(Column("at", "text", list(self.at)))
        rest += self.numbers.values()
        taken = {c.name for c in rest}
        out = []
        for key in self.keys:
            name = key if key not in taken else "key_" + key
            taken.add(name)
            out.append(Column(name, "text", [g["keys"].get(key, "") for g in self.groups]))
        return out + rest


def rows(columns: list[Column]) -> list[dict[str, Any]]:
    """Turn columns into dicts, one for each row."""
    names = [c.name for c in columns]
    return [
        dict(zip(names, r, strict=True)) for r in zip(*(c.values for c in columns), strict=True)
    ]


def for_people(columns: list[Column]) -> tuple[list[str], list[list[object]]]:
    """Give head and cells of a table to read: intervals beside values, money in yuan."""
    from ._show import number

    by_name = {c.name: c for c in columns}
    hidden: list[bool] = by_name["suppressed"].values if "suppressed" in by_name else []
    head: list[str] = []
    cells: list[list[object]] = []
    for c in columns:
        if c.name == "suppressed" or (c.kind == "number" and c.name.endswith(("_low", "_high"))):
            continue
        if c.kind != "number":
            head.append(c.name)
            cells.append(["" if v is None else v for v in c.values])
            continue
        name = c.name.removesuffix("_value")
        say = _yuan if c.unit == "fen" else number
        head.append(f"{name} ({'yuan' if c.unit == 'fen' else c.unit})")
        column: list[object] = []
        for i, value in enumerate(c.values):
            low, high = by_name[f"{name}_low"].values[i], by_name[f"{name}_high"].values[i]
            if value is None:
                column.append("suppressed" if hidden[i] else "")
            elif low is None:
                column.append(say(value))
            else:
                column.append(f"{say(value)}  [{say(low)}, {say(high)}]")
        cells.append(column)
    return head, [list(row) for row in zip(*cells, strict=True)]


def _yuan(fen: float) -> str:
    return f"{fen / 100:,.2f}"
