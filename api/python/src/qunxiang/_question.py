"""Parameters as Python has them, turned into the texts that a server takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def text_of(value: object) -> str:
    """Write a parameter: a pair of dates is a window, other lists are joined by commas."""
    if isinstance(value, bool):
        raise TypeError("no parameter is true or false")
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, Decimal)):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a parameter is a finite number")
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, tuple) and len(value) == 2 and all(map(_day, value)):
        return "..".join(text_of(v) for v in value)
    if isinstance(value, Iterable):
        return ",".join(text_of(v) for v in value)
    raise TypeError(f"{type(value).__name__} is no parameter: give text, numbers, dates or lists")


def _day(value: object) -> bool:
    if isinstance(value, date):
        return True
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def body(
    template: str,
    *,
    parameters: Mapping[str, Any],
    coarse: bool,
    accuracy: str | Iterable[str] | None,
    cost: float | None,
    purpose: str | None,
    only: Mapping[str, Any] | None,
    public_people: int | None,
    allow_empty: bool,
) -> dict[str, Any]:
    """Give the body of a request. What is not given is left out."""
    out: dict[str, Any] = {"template": template}
    if coarse:
        out["coarse"] = True
    if parameters:
        out["parameters"] = {name: text_of(v) for name, v in parameters.items()}
    if purpose is not None:
        out["purpose"] = purpose
    if accuracy is not None:
        out["accuracy"] = [accuracy] if isinstance(accuracy, str) else list(accuracy)
    if cost is not None:
        if not math.isfinite(cost):
            raise ValueError("a cost is a finite number")
        out["cost"] = cost
    if only:
        out["only"] = {name: text_of(v) for name, v in only.items()}
    if public_people is not None:
        out["public_people"] = public_people
    if allow_empty:
        out["allow_empty"] = True
    return out
