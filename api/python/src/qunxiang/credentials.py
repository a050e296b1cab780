"""Where the server is and who asks: the credentials file, and its refusals.

The file is JSON, for its owner alone. ``qunxiang demo`` writes one::

    {"version": 1, "server": "https://...", "default": "insurer",
     "identities": {"insurer": {"principal": "insurer-a", "token": "..."}},
     "ca_file": "authority.pem", "keys": {...}}

An identity has a token, or ``client_certificate`` and ``client_key`` (PEM files), or
both. ``ca_file`` has the authorities that vouch for the server. ``keys`` are those that
check receipts; without them the server's are pinned when it is first seen.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _strict
from .errors import CredentialsError, ReceiptError
from .receipt import Keys

VARIABLE = "QUNXIANG_CREDENTIALS"
"""The environment variable that names the file."""


@dataclass(frozen=True)
class Identity:
    """One principal and what shows it. Its repr does not show the token."""

    name: str
    principal: str = ""
    token: str = field(default="", repr=False)
    client_certificate: str = ""
    client_key: str = ""


@dataclass(frozen=True)
class Credentials:
    """A server, and whom somebody may be there."""

    server: str
    identities: Mapping[str, Identity]
    default: str = ""
    ca_file: str = ""
    keys: Keys | None = None
    path: Path | None = None

    def identity(self, name: str | None = None) -> Identity:
        """Give an identity by its name or principal; None is the default."""
        wanted = name or self.default
        for known in (*self.identities.values(),):
            if wanted in (known.name, known.principal):
                return known
        raise CredentialsError(
            f"nobody is called {wanted!r} in {self.path};"
            f" it has {', '.join(sorted(self.identities))}"
        )


def config_dir() -> Path:
    """Give the user's configuration folder of this program, by the platform's custom."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA", "")
        return Path(base or Path.home() / "AppData" / "Roaming") / "qunxiang"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "qunxiang"
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(base or Path.home() / ".config") / "qunxiang"


def default_path() -> Path:
    """Give the file that is read where none is named."""
    named = os.environ.get(VARIABLE, "")
    return Path(named) if named else config_dir() / "credentials.json"


def read_private(path: Path) -> bytes:
    """Read a file that nobody but its owner may be able to read, else CredentialsError."""
    try:
        with path.open("rb") as file:
            # Asked of the open file: what is under the name may change meanwhile.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CredentialsError(f"{path} is no file")
            if os.name == "posix":
                if status.st_mode & 0o077:
                    raise CredentialsError(
                        f"others can read {path}, which opens the server: chmod 600 {path},"
                        " and have the tokens in it revoked"
                    )
                if status.st_uid not in (os.geteuid(), 0):
                    raise CredentialsError(f"{path} belongs to somebody else")
            return file.read(1 << 20)
    except OSError as err:
        raise CredentialsError(
            f"no credentials: {path} cannot be read ({err.strerror}). Start qunxiang demo, name a"
            f" file with {VARIABLE}, or give connect(server=..., token=...)"
        ) from err


def read(path: str | Path | None = None) -> Credentials:
    """Read a credentials file; None is :func:`default_path`."""
    at = default_path() if path is None else Path(path).expanduser()
    raw = read_private(at)
    try:
        return _parse(_strict.load_object(raw), at)
    except ReceiptError as err:
        raise CredentialsError(f"{at}: {err}") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise CredentialsError(f"{at} is no credentials file: {err!r}") from err


def _parse(told: Mapping[str, Any], at: Path) -> Credentials:
    if told["version"] != 1:
        raise ValueError("it is of another version")
    people: dict[str, Identity] = {}
    for name, who in told["identities"].items():
        texts = {
            n: _text(who, n) for n in ("principal", "token", "client_certificate", "client_key")
        }
        for file in ("client_certificate", "client_key"):
            texts[file] = _beside(at, texts[file])
        people[name] = Identity(name=name, **texts)
    if not people:
        raise ValueError("it has no identities")
    keys = Keys.of(told["keys"]) if told.get("keys") is not None else None
    return Credentials(
        server=str(told["server"]),
        identities=people,
        default=_text(told, "default") or next(iter(people)),
        ca_file=_beside(at, _text(told, "ca_file")),
        keys=keys,
        path=at,
    )


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _beside(at: Path, name: str) -> str:
    """Take a file's name from where the credentials file is."""
    return str(at.parent / Path(name).expanduser()) if name else ""
