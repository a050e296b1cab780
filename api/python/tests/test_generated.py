"""A client made from the OpenAPI document by a generator does what the document says.

Part of the long run (QUNXIANG_LONG=1): it takes openapi-python-client besides.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qunxiang as qx

# The generator asks to be told that these are bytes.
CONFIG = """
post_hooks: []
package_name_override: made_client
content_type_overrides:
  application/vnd.apache.arrow.stream: application/octet-stream
  application/vnd.apache.parquet: application/octet-stream
  application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/octet-stream
"""


@pytest.mark.skipif(not os.environ.get("QUNXIANG_LONG"), reason="part of the long run")
def test_a_generated_client(
    live: Callable[..., qx.Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = live()
    server = mine._http.server
    with urllib.request.urlopen(server + "/openapi.json", timeout=30) as response:
        document = response.read()
    assert json.loads(document)["openapi"].startswith("3.1")
    (tmp_path / "openapi.json").write_bytes(document)
    made = tmp_path / "made"
    (tmp_path / "config.yaml").write_text(CONFIG)
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning",
        "--path", str(tmp_path / "openapi.json"), "--output-path", str(made),
        "--config", str(tmp_path / "config.yaml"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(made))

    def api(name: str) -> Any:
        return importlib.import_module(f"made_client.api.{name}")

    models: Any = importlib.import_module("made_client.models")
    client_type: Any = importlib.import_module("made_client").AuthenticatedClient
    assert mine.identity is not None
    client = client_type(base_url=server, token=mine.identity.token)

    listed = api("templates.list_templates").sync(client=client)
    assert len(listed.templates) == len(mine.templates())
    question = models.RequestBody(
        template="I2", coarse=True, cost=0.01, allow_empty=True,
        parameters=models.RequestBodyParameters.from_dict({"window": "2018-01-01..2018-12-31"}),
    )  # fmt: skip
    estimate = api("queries.estimate").sync(client=client, body=question)
    assert 0 < estimate.rho <= 0.01
    ticket = api("queries.ask").sync(client=client, body=question, idempotency_key="generated")
    mine.wait(ticket.id)
    again = api("queries.get_query").sync(ticket.id, client=client)
    assert (again.state, again.release) == ("released", ticket.release)
    answer = api("releases.get_release").sync(ticket.release, client=client)
    assert answer.id == ticket.release
    assert answer.groups[0].keys.to_dict()
    csv = api("releases.get_release_csv").sync(ticket.release, client=client)
    assert csv.startswith("age,")
    arrow = api("releases.get_release_arrow").sync(ticket.release, client=client)
    assert arrow.payload.read() == mine.fetch(ticket.release, "arrow")
    assert api("log.get_checkpoint").sync(client=client).count("\n") >= 5
    events = api("queries.query_events").sync(ticket.release, client=client)
    assert "event: state" in events
    listed = api("queries.list_queries").sync(client=client)
    assert listed.queries[0].id
    none = api("templates.get_template").sync("I99", client=client)
    assert none.type_ == "urn:qunxiang:problem:unknown-template"
