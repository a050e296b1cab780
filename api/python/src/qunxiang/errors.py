"""Everything that can go wrong, one class for each kind, and what to do next.

A server refuses with a problem document (RFC 9457); its ``type`` decides the class. The
name in the type is stable; titles and details may be reworded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ._show import safe

_TYPE = "urn:qunxiang:problem:"


class QunxiangError(Exception):
    """Whatever this package raises, but for :class:`Interrupted`."""


class CredentialsError(QunxiangError):
    """No credentials, or a file that cannot be used."""


class ReceiptError(QunxiangError):
    """A receipt that does not hold: do not rely on the answer, and tell the authority.

    ``code`` is stable, and the one that ``qunxiang audit receipt`` prints: its list is
    part of ``qunxiang audit codes``. Texts may be reworded.
    """

    def __init__(self, text: str, code: str = "receipt-key") -> None:
        super().__init__(text)
        self.code = code


class KeysChanged(ReceiptError):
    """The server's keys are not those that were pinned when it was first seen."""


class AnswerError(QunxiangError):
    """What came from the server is not what it should be."""


class MissingExtra(QunxiangError, ImportError):
    """A package that is needed for this form of the answer is not installed."""


class ConnectionLost(QunxiangError, ConnectionError):
    """The server could not be reached, or not in time.

    ``idempotency_key`` is that of the call, where it was one of ``ask``: with it the call
    can be repeated and is charged once. ``ticket_id`` is there once a ticket was had.
    """

    def __init__(self, text: str, *, idempotency_key: str = "", ticket_id: str = "") -> None:
        if ticket_id:
            text += f" The answer is kept: client.release({ticket_id!r}) fetches it when it is due."
        elif idempotency_key:
            text += (
                " It is not known whether it was charged. Ask the same again with"
                f" idempotency_key={idempotency_key!r}: it is then charged once at most."
            )
        super().__init__(text)
        self.idempotency_key = idempotency_key
        self.ticket_id = ticket_id


class NotConfirmed(QunxiangError):
    """Nobody agreed to the price: nothing was charged. ``estimate`` has it."""

    def __init__(self, text: str, estimate: Any) -> None:
        super().__init__(text)
        self.estimate = estimate


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while an answer was waited for. What was charged is kept; see the text."""

    def __init__(self, text: str, *, ticket_id: str = "", idempotency_key: str = "") -> None:
        super().__init__(text)
        self.ticket_id = ticket_id
        self.idempotency_key = idempotency_key


class Problem(QunxiangError):
    """A refusal or failure of the server.

    ``type``, ``title``, ``status`` and ``detail`` are the document's (RFC 9457), and so
    are ``rule``, ``scope``, ``rho_left``, ``due`` and ``errors`` where they apply.
    ``next_step`` says what to do. ``charged`` is False where nothing was charged, True
    where the cost is spent, and None where it cannot be told or does not matter.
    """

    name: ClassVar[str] = ""
    next_step: str = "If it stays, tell the authority that runs the server."
    charged: bool | None = False

    def __init__(self, document: Mapping[str, Any], *, asked: bool = False) -> None:
        self.type = str(document.get("type", "about:blank"))
        self.title = str(document.get("title", "The server refused"))
        self.detail = str(document.get("detail", ""))
        status = document.get("status", 0)
        self.status = status if isinstance(status, int) else 0
        self.rule = str(document.get("rule", ""))
        self.scope = str(document.get("scope", ""))
        left = document.get("rho_left")
        self.rho_left = float(left) if isinstance(left, (int, float)) else None
        self.due = str(document.get("due", ""))
        errors = document.get("errors")
        self.errors = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
        self.asked = asked  # it came of asking, which costs where it succeeds
        self.idempotency_key = ""
        self.retry_after = 0.0  # seconds
        super().__init__(self.title)

    def __str__(self) -> str:
        out = self.title + (f" ({self.rule})" if self.rule else "")
        out += f": {self.detail}" if self.detail else ""
        for error in self.errors:
            where = f"{error['location']}: " if error.get("location") else ""
            out += f"; {where}{error.get('message', '')}"
        if self.rho_left is not None:
            out += f"; rho {self.rho_left:.6g} is left of {self.scope}"
        out = out.rstrip(".") + "."
        if self.asked and self.charged is False and "othing was charged" not in out:
            out += " Nothing was charged."
        return safe(f"{out} {self.next_step}")

    @classmethod
    def of(cls, document: Mapping[str, Any], *, asked: bool = False) -> Problem:
        """Give the problem of a document, as its own class where there is one."""
        name = str(document.get("type", "")).removeprefix(_TYPE)
        return by_name().get(name, Problem)(document, asked=asked)


def by_name() -> dict[str, type[Problem]]:
    """Give the class of each kind of problem, by the stable part of its type."""
    from . import problems  # they are subclasses of what is defined here

    return dict(problems.ALL)
