"""How things look in a terminal and in a notebook."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence

_STYLE = (
    "border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5em 0",
    "text-align:left;padding:.2em .8em .2em 0;border-bottom:1px solid #8888",
    "text-align:{};padding:.15em .8em .15em 0;vertical-align:top",
)


# What could steer a terminal or hide in a text: controls, marks of direction, and the like.
_UNSEEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))


def safe(text: str) -> str:
    """Show what nobody sees as the escape that JSON has for it; lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c in "\n\t" or unicodedata.category(c) not in _UNSEEN
        else "".join(f"\\u{u:04x}" for u in _units(c))
        for c in text
    )


def _units(c: str) -> list[int]:
    raw = c.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def number(x: float | int | None, digits: int = 6) -> str:
    """Write a number as people read it; None is a dash."""
    if x is None:
        return "–"
    if isinstance(x, bool):
        return "yes" if x else "no"
    if float(x).is_integer() and abs(x) < 1e15:
        return f"{int(x):,}"
    if abs(x) >= 1000:
        return f"{x:,.2f}"
    return f"{x:.{digits}g}"


def _cells(rows: Iterable[Sequence[object]]) -> list[list[str]]:
    return [
        [number(c) if isinstance(c, (int, float)) or c is None else safe(str(c)) for c in row]
        for row in rows
    ]


def text_table(head: Sequence[str], rows: Sequence[Sequence[object]], most: int = 60) -> str:
    """Write a table as plain text; more rows than ``most`` are counted."""
    cells = _cells(rows[:most])
    numeric = _numeric(rows, len(head))
    wide = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = []
    for row in [list(head), *cells]:
        padded = [
            c.rjust(w) if right else c.ljust(w)
            for c, w, right in zip(row, wide, numeric, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most:,} rows more")
    return "\n".join(lines)


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "", most: int = 200
) -> str:
    """Write a table as HTML; every text is escaped."""
    numeric = _numeric(rows, len(head))
    out = [f'<table style="{_STYLE[0]}">']
    if caption:
        out.append(f'<caption style="text-align:left">{html.escape(caption)}</caption>')
    heads = "".join(f'<th scope="col" style="{_STYLE[1]}">{html.escape(h)}</th>' for h in head)
    out.append(f"<thead><tr>{heads}</tr></thead><tbody>")
    for row in _cells(rows[:most]):
        tds = "".join(
            f'<td style="{_STYLE[2].format("right" if right else "left")}">{html.escape(c)}</td>'
            for c, right in zip(row, numeric, strict=True)
        )
        out.append(f"<tr>{tds}</tr>")
    out.append("</tbody></table>")
    if len(rows) > most:
        out.append(f"<p>... and {len(rows) - most:,} rows more</p>")
    return "".join(out)


def _numeric(rows: Sequence[Sequence[object]], columns: int) -> list[bool]:
    return [
        any(isinstance(r[i], (int, float)) for r in rows)
        and all(isinstance(r[i], (int, float)) or r[i] is None for r in rows)
        for i in range(columns)
    ]


def html_page(title: str, lines: Iterable[str], *blocks: str) -> str:
    """Put a title, lines of text and finished blocks under each other."""
    paragraphs = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return f"<div><strong>{html.escape(title)}</strong>{paragraphs}{''.join(blocks)}</div>"
