"""What tests share: a server of a demo, where one is named, and one that lies."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import qunxiang as qx
from qunxiang import _transport

LIVE = "QUNXIANG_TEST_CREDENTIALS"


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep tests away from the user's own files."""
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("QUNXIANG_CREDENTIALS", raising=False)
    return tmp_path


@pytest.fixture
def live() -> Callable[..., qx.Client]:
    """Connect to a demo's server; its credentials file is named by the environment."""
    path = os.environ.get(LIVE, "")
    if not path:
        if os.environ.get("QUNXIANG_NO_SKIP"):
            pytest.fail(f"no server: {LIVE} names no credentials file")
        pytest.skip(f"no server: {LIVE} names no credentials file")
    return lambda who="insurer", **more: qx.connect(who, credentials_file=path, **more)


Reply = tuple[int, dict[str, str], bytes]


class Stage:
    """A server that answers as a test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply | None] = []  # None hangs up
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                seen = {k.lower(): v for k, v in self.headers.items()}
                stage.seen.append((self.command, self.path, seen, self.rfile.read(size)))
                reply = stage.replies.pop(0) if stage.replies else (500, {}, b"{}")
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, body = reply
                if "Date" in headers:  # else it is the present
                    self.send_response_only(status)
                else:
                    self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            do_GET = do_POST = do_DELETE = _answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def will(self, *replies: dict[str, Any] | Reply | None) -> None:
        """Say how it answers; a dict is JSON, with the status of its member status."""
        for reply in replies:
            if isinstance(reply, dict):
                status = reply.get("status", 200)
                reply = (status if isinstance(status, int) else 200, {}, json.dumps(reply).encode())
            self.replies.append(reply)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def client(self, **more: Any) -> qx.Client:
        quick = _transport.Retries(tries=3, first_pause=0.001, longest_pause=0.002)
        return qx.Client(_transport.Transport(self.url, token="t", retries=quick, **more))


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


ESTIMATE = {
    "template": "claim-severity@1.1.0", "catalogue": "I3", "title": {"en": "Claim severity"},
    "coarse": False, "parameters": {"window": "2017-01-01..2017-12-31"}, "purpose": "p",
    "rho": 0.25, "delta": 1e-10, "epsilon": 4.5,
    "k": 20, "groups": 12, "smallest_group": 228, "fits": True, "free": False, "suspended": False,
    "slot_seconds": 2.0, "measures": [
        {"name": "severity", "unit": "fen", "half_width": 70000, "at": 1000}],
    "scopes": [{"scope": "people/2017", "cap_rho": 1.0, "spent_rho": 0.25, "held_rho": 0.0,
                "share": 0.25, "fits": True}],
}  # fmt: skip

TICKET = {
    "id": "q-1", "state": "running", "due": "2026-01-31T12:00:00Z", "release": "q-1",
    "charged": True,
}  # fmt: skip


def problem(name: str, status: int, **more: Any) -> dict[str, Any]:
    kind = f"urn:qunxiang:problem:{name}"
    return {"type": kind, "title": name.capitalize(), "status": status, **more}
