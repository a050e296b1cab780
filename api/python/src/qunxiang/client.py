"""The way in: :func:`connect` gives a :class:`Client`, which asks."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, overload
from urllib.parse import quote

from . import _asking, _pins, credentials
from ._question import body
from ._transport import Transport
from .errors import ConnectionLost, CredentialsError, Interrupted, ReceiptError
from .estimate import Budgets, Estimate, ScopeShare
from .problems import Abandoned
from .receipt import Keys, Receipt, verify
from .register import Register
from .release import FORMATS, Release
from .template import Catalogue, Template, TemplateEntry
from .ticket import Asked, History, Ticket

_ACCEPT = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def connect(
    identity: str | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    ca_file: str | Path | None = None,
    client_certificate: str | Path | None = None,
    client_key: str | Path | None = None,
    credentials_file: str | Path | None = None,
    keys: Keys | None = None,
    language: Literal["en", "zh"] = "en",
    timeout: float = 60.0,
) -> Client:
    """Make a client. Nothing is sent yet.

    Without ``server`` the credentials file says where to and who: the one named by
    ``credentials_file``, else by QUNXIANG_CREDENTIALS, else ``qunxiang/credentials.json``
    in the user's configuration folder, where ``qunxiang demo`` writes it. ``identity`` is
    one of its names or principals, such as "insurer", "pharma" or "regulator". A file
    that others can read is refused.

    With ``server`` the file is not read: give ``token``, or ``client_certificate`` and
    ``client_key`` (PEM files), and ``ca_file`` where the server's authority is not one of
    this machine's. ``keys`` check receipts; without them the server's own are pinned when
    it is first seen. ``timeout`` is for one request, in seconds.
    """
    if server is None:
        if token or client_certificate or client_key:
            raise CredentialsError("a token or certificate needs server=")
        file = credentials.read(credentials_file)
        who = file.identity(identity)
        transport = Transport(
            file.server,
            token=who.token,
            ca_file=str(ca_file or file.ca_file),
            client_certificate=who.client_certificate,
            client_key=who.client_key,
            timeout=timeout,
        )
        return Client(transport, keys=keys or file.keys, language=language, who=who)
    if identity or credentials_file:
        raise CredentialsError("server= is without a credentials file: leave identity= out")
    transport = Transport(
        server,
        token=token or "",
        ca_file=str(ca_file or ""),
        client_certificate=str(client_certificate or ""),
        client_key=str(client_key or ""),
        timeout=timeout,
    )
    return Client(transport, keys=keys, language=language)


class Client:
    """Asks one server as one identity. Make it with :func:`connect`."""

    def __init__(
        self,
        transport: Transport,
        *,
        keys: Keys | None = None,
        language: str = "en",
        who: credentials.Identity | None = None,
    ) -> None:
        self._http, self._keys, self._language = transport, keys, language
        self._trust = "given" if keys else ""
        self.identity = who
        self._asked: dict[str, Estimate] = {}  # what was asked, by the ids of its answer
        self.last_ticket: Ticket | None = None
        """The ticket of the newest ``ask``, also where its answer was not waited for."""

    def __repr__(self) -> str:
        who = f" as {self.identity.principal or self.identity.name}" if self.identity else ""
        return f"<qunxiang client of {self._http.server}{who}>"

    # What can be asked, and what it costs.

    def templates(self) -> Catalogue:
        """List the approved templates."""
        told = self._http.get("/v1/templates").object()["templates"]
        title = [t["title"].get(self._language) or t["title"]["en"] for t in told]
        return Catalogue([
            TemplateEntry(
                t["template"], t["catalogue"], name, tuple(t["audiences"]), tuple(t["purposes"])
            )
            for t, name in zip(told, title, strict=True)
        ])  # fmt: skip

    def template(self, ref: str) -> Template:
        """Tell what a template takes and gives: by catalogue id, id or id@version."""
        told = self._http.get("/v1/templates/" + quote(ref, safe="")).object()
        return Template.of(told, self._language)

    def estimate(
        self,
        template: str,
        *,
        coarse: bool = False,
        accuracy: str | Iterable[str] | None = None,
        cost: float | None = None,
        purpose: str | None = None,
        only: Mapping[str, Any] | None = None,
        public_people: int | None = None,
        allow_empty: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Estimate:
        """Price a question and predict its error. Nothing is charged, no data is read.

        Parameters of the template are given by name, as texts, numbers, dates, a pair of
        dates for a window, or lists; those whose name is taken here, in ``parameters``.
        ``accuracy`` is a wanted half-width of the 95 % interval, "5% at 1000" or
        "severity=700" (money in yuan), or several; ``cost`` is rho in its place.
        """
        return self._estimate(body(
            template, parameters={**(parameters or {}), **more}, coarse=coarse, accuracy=accuracy,
            cost=cost, purpose=purpose, only=only, public_people=public_people,
            allow_empty=allow_empty,
        ))  # fmt: skip

    def _estimate(self, question: dict[str, Any]) -> Estimate:
        return Estimate.of(self._http.post("/v1/estimates", question).object(), self._language)

    # Asking.

    @overload
    def ask(self, template: str, *, wait: Literal[True] = True, **question: Any) -> Release: ...
    @overload
    def ask(self, template: str, *, wait: Literal[False], **question: Any) -> Ticket: ...
    @overload
    def ask(self, template: str, *, wait: bool, **question: Any) -> Release | Ticket: ...
    def ask(
        self,
        template: str,
        *,
        wait: bool = True,
        coarse: bool = False,
        accuracy: str | Iterable[str] | None = None,
        cost: float | None = None,
        purpose: str | None = None,
        only: Mapping[str, Any] | None = None,
        public_people: int | None = None,
        allow_empty: bool = False,
        parameters: Mapping[str, Any] | None = None,
        max_cost: float | None = None,
        confirm: bool | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> Release | Ticket:
        """Ask, once the price is agreed to, and wait for the answer.

        The question is given as to :meth:`estimate`. Its price is shown first: at a
        terminal or in a notebook you are asked; a script gives ``max_cost`` (in rho) or
        ``confirm=True``, and else gets :class:`NotConfirmed`, which has the price. What an
        answer that you have covers is free, and not asked about. The server is held to what
        you agreed to: where the price is higher by the time it charges, it refuses
        (:class:`problems.PriceRefused`). An answer to another question than was asked is
        refused here (:class:`AnswerError`).

        A lost connection is tried again under one idempotency key, so that nothing is
        charged twice. ``wait=False`` gives a :class:`Ticket`, for :meth:`wait` or
        :meth:`release` later; so does Ctrl-C, which keeps what was charged.
        """
        question = body(
            template, parameters={**(parameters or {}), **more}, coarse=coarse, accuracy=accuracy,
            cost=cost, purpose=purpose, only=only, public_people=public_people,
            allow_empty=allow_empty,
        )  # fmt: skip
        estimate = self._estimate(question)
        _asking.priced(estimate, question)
        agreed = _asking.agree(estimate, max_cost=max_cost, confirm=confirm)
        # The version that was priced, and no other that comes in force meanwhile.
        question["template"] = estimate.template
        question["max_rho"] = agreed
        key = idempotency_key or uuid.uuid4().hex
        try:
            answer = self._http.post("/v1/queries", question, key=key, fresh=not idempotency_key)
        except KeyboardInterrupt:
            raise Interrupted(
                "Interrupted while asking: it is not known whether it was charged. Ask the same"
                f" again with idempotency_key={key!r}: it is then charged once at most.",
                idempotency_key=key,
            ) from None
        ticket = Ticket.of(answer.object())
        self.last_ticket = ticket
        self._asked[ticket.id] = self._asked[ticket.release] = estimate
        if estimate.free and ticket.charged:
            warnings.warn(
                f"What was free a moment ago was charged: {estimate.template} at about rho"
                f" {estimate.rho:.6g}. The stored answer is gone, as when data were loaded anew.",
                stacklevel=2,
            )
        return self.wait(ticket) if wait else ticket

    def wait(self, ticket: Ticket | str) -> Release:
        """Wait until an answer is due, and fetch it. Ctrl-C leaves it to be fetched later."""
        name = _name(ticket)
        try:
            now = self._until_over(self.status(ticket) if isinstance(ticket, str) else ticket)
            if now.state == "abandoned":
                raise Abandoned({
                    "type": "urn:qunxiang:problem:abandoned", "status": 410,
                    "title": "Charged and abandoned" if now.charged else "Abandoned",
                    "detail": f"{now.id} will never be answered",
                })  # fmt: skip
            if name in self._asked:  # which may be answered by one that is more exact
                self._asked[now.release] = self._asked[name]
            charged = ticket.charged if isinstance(ticket, Ticket) else now.charged
            return self.release(now.release, charged=charged)
        except KeyboardInterrupt:
            raise Interrupted(
                f"Interrupted. What was charged is kept: client.release({name!r}) fetches the"
                " answer when it is due.",
                ticket_id=name,
            ) from None
        except ConnectionLost as err:
            raise ConnectionLost(str(err), ticket_id=name) from err

    def _until_over(self, now: Ticket) -> Ticket:
        line = _asking.progress()
        pause = 0.2
        try:
            while not now.over:
                left = now.due.timestamp() - (time.time() + self._http.clock_ahead)
                line.show(now.due, left)
                if left > 1:  # nothing is to be known before
                    time.sleep(1.0)
                    continue
                time.sleep(max(left + 0.05, pause))
                pause = min(1.5 * pause, 5.0)
                now = self.status(now.id)
        finally:
            line.done()
        return now

    def status(self, ticket: Ticket | str) -> Ticket:
        """Tell where a request stands."""
        return Ticket.of(self._http.get(f"/v1/queries/{_id(ticket)}").object())

    def cancel(self, ticket: Ticket | str) -> Ticket:
        """End your interest in a request. Its charge stays spent."""
        return Ticket.of(self._http.delete(f"/v1/queries/{_id(ticket)}").object())

    # Answers.

    def release(self, id: str | Ticket, *, charged: bool = False, verify: bool = True) -> Release:
        """Fetch an answer by the id of its ticket or release, and verify its receipt.

        ``verify=False`` leaves the receipt out; the answer then says so.
        """
        name = _id(id)
        raw = self._http.get(f"/v1/releases/{name}.json").body
        receipt = self._receipt(name, raw) if verify else None
        out = Release(
            raw,
            receipt,
            charged=charged,
            fetch=lambda form: self.fetch(name, form),
            language=self._language,
        )
        if asked := self._asked.get(_name(id)):
            _asking.answers(asked, out.told)
        return out

    def fetch(self, id: str | Ticket, form: str) -> bytes:
        """Fetch an answer as a file: json, csv, arrow, parquet or xlsx."""
        if form not in FORMATS:
            raise ValueError(f"a form is one of {', '.join(FORMATS)}")
        return self._http.get(f"/v1/releases/{_id(id)}.{form}", accept=_ACCEPT[form]).body

    def receipt(self, id: str | Ticket) -> Receipt:
        """Fetch the receipt of an answer and verify it against the answer's bytes."""
        return self.release(id).receipt

    def _receipt(self, name: str, raw: bytes) -> Receipt:
        text = self._http.get(f"/v1/releases/{name}/receipt").body
        keys = self.keys()
        try:
            return verify(text, keys, raw, trust=self._trust, now=self._http.now())
        except ReceiptError as err:
            if self._trust == "given":
                raise
            raise _pins.changed(self._http.server, keys, self.stated_keys()) or err from err

    def keys(self) -> Keys:
        """Give the keys that check receipts: those given, else those pinned at first sight."""
        if self._keys is None:
            self._keys, self._trust = _pins.pinned(self._http.server, self.stated_keys)
        return self._keys

    def stated_keys(self) -> Keys:
        """Fetch the keys that the server states. They are not believed for that alone."""
        return Keys.of(self._http.get("/v1/keys").object())

    # What was asked and spent.

    def budgets(self) -> Budgets:
        """Tell what is left of every budget that was ever charged."""
        told = self._http.get("/v1/budgets").object()["budgets"]
        return Budgets(ScopeShare.of(s) for s in told)

    def history(self, pages: int = 1) -> History:
        """List what was asked and charged, newest first, 100 to a page.

        They are your own requests; for regulators and stewards those of everybody.
        """
        out: list[Asked] = []
        for page in range(1, pages + 1):
            told = self._http.get(f"/v1/queries?page={page}").object()
            out += [Asked.of(a, self._language) for a in told["queries"]]
            if page >= told["pages"]:
                break
        return History(out)

    def register(self, page: int = 1) -> Register:
        """Read a page of the public register."""
        told = self._http.get(f"/v1/register?page={int(page)}").object()
        return Register(told, self._language)


def _name(ticket: Ticket | str) -> str:
    return ticket.id if isinstance(ticket, Ticket) else ticket


def _id(ticket: Ticket | str) -> str:
    return quote(_name(ticket), safe="")
