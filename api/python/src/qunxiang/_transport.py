"""HTTP to one server, by the standard library alone.

No redirect is followed: it would carry the token elsewhere. Plain HTTP is for this
machine only. Proxies are those of the environment, as urllib has them.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import http.client
import ipaddress
import json
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import _strict
from ._version import __version__
from .errors import AnswerError, ConnectionLost, CredentialsError, Problem

_MOST = 256 << 20  # bytes of an answer
_MOST_AHEAD = 86400.0  # seconds that the server's clock is believed to be ahead
_LOST = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
# What passes by itself: a broken line, a busy server, a proxy in front of one that restarts.
_PASSES = frozenset(("busy", "engine-busy", "duplicate", "too-many-requests", "unavailable"))


@dataclass(frozen=True)
class Answer:
    """A response that is a success."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def object(self) -> dict[str, Any]:
        """Give the JSON object that it is."""
        try:
            return _strict.load_object(self.body)
        except ValueError as err:
            raise AnswerError(f"the server's answer is no JSON object: {err}") from err


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass
class Retries:
    """How long a call is tried again after what passes by itself."""

    tries: int = 6
    first_pause: float = 0.3  # seconds; it doubles each time
    longest_pause: float = 10.0


class Transport:
    """Sends requests to one server, with one identity's credential."""

    def __init__(
        self,
        server: str,
        *,
        token: str = "",
        ca_file: str = "",
        client_certificate: str = "",
        client_key: str = "",
        timeout: float = 60.0,
        retries: Retries | None = None,
    ) -> None:
        parts = urlsplit(server)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query:
            raise CredentialsError("the server is an address like https://host:port")
        if parts.scheme == "http" and not _loopback(host):
            raise CredentialsError(
                f"plain http is for this machine only, and {host} is not: the token and the"
                " answers could be read on the way. Use https"
            )
        if bool(client_certificate) != bool(client_key):
            raise CredentialsError("client_certificate and client_key go together")
        if not token and not client_certificate:
            raise CredentialsError("a token or a client certificate is needed")
        if any(not "!" <= c <= "~" for c in token):
            raise CredentialsError("this is no token")
        self.server = server.rstrip("/")
        self.clock_ahead = 0.0  # how far the server's clock is ahead of this one, seconds
        self._token, self._timeout = token, timeout
        self._retries = retries or Retries()
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if parts.scheme == "https":
            context = _context(ca_file, client_certificate, client_key)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        if _loopback(host):  # a proxy is of no use there, and should not see the token
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def now(self) -> float:
        """Tell the time, in seconds since 1970, for holding receipts against it.

        Where the server's clock is ahead it counts: cosignatures are of its time, and a
        machine that slept is behind. By more than a day it is not believed; where it is
        behind, this machine's own clock counts.
        """
        return time.time() + min(max(self.clock_ahead, 0.0), _MOST_AHEAD)

    def get(self, path: str, accept: str = "application/json") -> Answer:
        """Fetch; what passes by itself is tried again."""
        return self._repeated("GET", path, accept=accept)

    def post(
        self, path: str, body: Mapping[str, Any], *, key: str = "", fresh: bool = True
    ) -> Answer:
        """Send a body. What passes by itself is tried again, under the same key.

        ``fresh`` says that the idempotency key was never sent before: only then does a
        refusal mean that nothing was charged under it.
        """
        return self._repeated("POST", path, unsure=not fresh, body=body, key=key, asked=True)

    def delete(self, path: str) -> Answer:
        """Cancel; it is sent once."""
        return self._once("DELETE", path)

    def _repeated(self, method: str, path: str, *, unsure: bool = False, **more: Any) -> Answer:
        pause = self._retries.first_pause
        for left in reversed(range(self._retries.tries)):
            wait = pause * random.uniform(0.7, 1.3)  # noqa: S311 - it only spreads clients
            try:
                return self._once(method, path, **more)
            except ConnectionLost:
                unsure = True
                if not left:
                    raise
            except Problem as problem:
                problem.idempotency_key = more.get("key", "")
                unsure = unsure or problem.charged is None
                if unsure and problem.charged is False:
                    problem.charged = None  # an earlier try may have been charged
                if not left or not _passes(problem):
                    raise
                wait = max(wait, min(problem.retry_after, self._retries.longest_pause))
            time.sleep(wait)
            pause = min(2 * pause, self._retries.longest_pause)
        raise AssertionError("unreachable")

    def _once(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        key: str = "",
        accept: str = "application/json",
        asked: bool = False,
    ) -> Answer:
        headers = {"Accept": accept, "User-Agent": f"qunxiang-python/{__version__}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if key:
            headers["Idempotency-Key"] = key
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.server + path, data=data, headers=headers, method=method
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return self._answer(response.status, response.headers, _read(response))
        except urllib.error.HTTPError as err:
            with err:
                raise _problem(err, asked) from None
        except _LOST as err:
            reason = getattr(err, "reason", err)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise CredentialsError(
                    f"the certificate of {self.server} is not vouched for: {reason.verify_message}."
                    " Give ca_file= with the authority's certificate"
                ) from err
            text = f"{self.server} cannot be reached ({reason or type(err).__name__})."
            raise ConnectionLost(text, idempotency_key=key) from err

    def _answer(self, status: int, headers: Any, body: bytes) -> Answer:
        if status not in (200, 202):
            raise AnswerError(f"the server answered {status}, which it should not")
        stated = headers.get("Repr-Digest", "")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if stated and stated != f"sha-256=:{digest}:":
            raise AnswerError("the answer does not have the digest that the server states")
        told = email.utils.parsedate_tz(headers.get("Date", ""))
        if told:
            self.clock_ahead = email.utils.mktime_tz(told) + 0.5 - time.time()
        return Answer(status, {k.lower(): v for k, v in headers.items()}, body)


def _read(response: http.client.HTTPResponse) -> bytes:
    body = response.read(_MOST + 1)
    if len(body) > _MOST:
        raise AnswerError("the answer is larger than 256 MiB")
    stated = response.headers.get("Content-Length")
    if stated is not None and stated.isdigit() and len(body) < int(stated):
        raise http.client.IncompleteRead(body)  # read(n) takes a short body for a whole one
    return body


def _problem(err: urllib.error.HTTPError, asked: bool) -> Problem:
    try:
        document = _strict.load_object(err.read(1 << 20))
    except (ValueError, *_LOST):
        document = {"title": f"The server answered {err.code} without saying why"}
    document.setdefault("status", err.code)
    problem = Problem.of(document, asked=asked)
    after = err.headers.get("Retry-After", "")
    problem.retry_after = float(after) if after.isdigit() else 0.0
    return problem


def _passes(problem: Problem) -> bool:
    return problem.name in _PASSES or (not problem.name and problem.status in (502, 503, 504))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(ca_file: str, certificate: str, key: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as err:
        raise CredentialsError(f"a certificate or its key cannot be read: {err}") from err
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
