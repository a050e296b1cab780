"""Asking people before spending, and showing that an answer is waited for."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, TextIO

from .errors import AnswerError, NotConfirmed
from .estimate import Estimate

ONLY_FREE = 0.5e-12
"""Below every charge: half of the ledger's smallest unit of rho."""


def in_notebook() -> bool:
    """Say whether this runs in a kernel that shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)() if ipython else None
    return getattr(shell, "kernel", None) is not None


def interactive() -> bool:
    """Say whether somebody is there who can answer."""
    return in_notebook() or (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty())


def agree(estimate: Estimate, *, max_cost: float | None, confirm: bool | None) -> float:
    """Give the rho that is agreed to; without any, NotConfirmed, and nothing is charged.

    The server is held to it: between this and the charge the price may change.
    """
    if estimate.free:
        if max_cost is not None and 0 < max_cost < math.inf:
            return max_cost
        return estimate.rho if confirm is True and max_cost is None else ONLY_FREE
    if max_cost is not None:
        if not estimate.rho <= max_cost:  # also where max_cost is no number
            raise NotConfirmed(
                f"The price is {estimate.price()}, above max_cost={max_cost}. Nothing was charged.",
                estimate,
            )
        return max_cost if max_cost < math.inf else estimate.rho
    if confirm is True:
        return estimate.rho
    if confirm is None and interactive():
        if _yes(estimate):
            return estimate.rho
        raise NotConfirmed("You said no. Nothing was charged.", estimate)
    raise NotConfirmed(
        f"The price is {estimate.price()}. Nothing was charged. To pay it, give"
        f" max_cost={estimate.rho:.6g} or confirm=True.",
        estimate,
    )


def priced(estimate: Estimate, question: Mapping[str, Any]) -> None:
    """Refuse a price that is of another question than was sent."""
    ref, told = question["template"], estimate.told
    known = (estimate.catalogue, estimate.template, estimate.template.partition("@")[0])
    if ref not in known or told["coarse"] is not question.get("coarse", False):
        raise AnswerError(f"the server priced {estimate.template}, and {ref} was asked for")
    if not question.get("parameters", {}).keys() <= told["parameters"].keys():
        raise AnswerError("the server priced other parameters than were given")


def answers(estimate: Estimate, told: Mapping[str, Any]) -> None:
    """Refuse an answer to another question than was priced.

    Two code lists with the same codes are one question: their names may differ.
    """
    asked, lists = estimate.told["parameters"], told.get("code_lists") or {}
    given = told["parameters"]
    same = asked.keys() == given.keys() and all(
        given[name] == value or all(one in lists for one in given[name].split(","))
        for name, value in asked.items()
    )
    if told["template"] != estimate.template or told["coarse"] is not estimate.told["coarse"]:
        same = False
    if not same:
        raise AnswerError(
            f"the server's answer {told['id']} is to another question than was asked:"
            " do not rely on it, and tell the authority"
        )


def _yes(estimate: Estimate) -> bool:
    print(estimate, file=sys.stderr)
    question = "Spend this? It is charged before any record is read, and never given back. [y/N] "
    if in_notebook():
        said = input(question)
    else:
        print(question, end="", file=sys.stderr, flush=True)
        said = sys.stdin.readline()
    return said.strip().lower() in ("y", "yes", "是")


class Progress(Protocol):
    """Shows when an answer is due. How far a run is cannot be known: it depends on data."""

    def show(self, due: datetime, left: float) -> None:
        """Say that ``left`` seconds remain."""

    def done(self) -> None:
        """Take the line away."""


class Silent:
    """Shows nothing."""

    def show(self, due: datetime, left: float) -> None:
        """Say nothing."""

    def done(self) -> None:
        """Do nothing."""


def line(due: datetime, left: float) -> str:
    """Say when the answer is due."""
    clock = due.astimezone().strftime("%H:%M:%S")
    if left <= 0:
        return f"the answer was due at {clock}; any moment now"
    wait = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
    return f"the answer is due at {clock}, in {wait}"


class Terminal:
    """A line on a terminal that counts down."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, due: datetime, left: float) -> None:
        """Write the line over itself."""
        self._out.write(f"\r\x1b[K{line(due, left)}")
        self._out.flush()

    def done(self) -> None:
        """Clear the line."""
        self._out.write("\r\x1b[K")
        self._out.flush()


class Notebook:
    """A line below the cell that changes every few seconds."""

    def __init__(self) -> None:
        self._handle: object | None = None
        self._last = 0.0

    def show(self, due: datetime, left: float) -> None:
        """Change the line."""
        if time.monotonic() - self._last < 1 and self._handle is not None:
            return
        self._last = time.monotonic()
        self._put(line(due, left))

    def _put(self, text: str) -> None:
        from IPython.display import HTML, display

        shown = HTML(f"<em>{text}</em>" if text else "")
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            getattr(self._handle, "update")(shown)  # noqa: B009 - IPython is not typed

    def done(self) -> None:
        """Empty the line."""
        if self._handle is not None:
            self._put("")


def progress() -> Progress:
    """Give what fits where this runs: a notebook, a terminal, or nothing."""
    if in_notebook():
        return Notebook()
    if sys.stderr is not None and sys.stderr.isatty():
        return Terminal(sys.stderr)
    return Silent()
