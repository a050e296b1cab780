"""Keys that were seen first are those that are believed later.

They are kept by server in ``pins.json`` beside the credentials file's usual place.
Trusting a server's word the first time is weaker than keys that the authority hands over
by another way: see ``connect(keys=...)``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import _strict
from .credentials import config_dir
from .errors import CredentialsError, KeysChanged
from .receipt import Keys


def pins_path() -> Path:
    """Give the file with the pinned keys."""
    return config_dir() / "pins.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        return _strict.load_object(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise CredentialsError(f"the pinned keys in {path} cannot be read: {err}") from err


def _write(path: Path, pins: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(pins, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def pinned(server: str, stated: Callable[[], Keys]) -> tuple[Keys, str]:
    """Give the keys that are believed of a server, and where they are from.

    Where none are pinned yet, those that the server states are, and are kept.
    """
    path = pins_path()
    pins = _read(path)
    if server in pins:
        return Keys.of(pins[server]), f"pinned in {path}"
    keys = stated()
    _write(path, {**pins, server: keys.as_dict()})
    return keys, (
        f"the server's own, pinned now in {path}: compare them with what the authority"
        " hands over by another way"
    )


def changed(server: str, pinned_keys: Keys, stated: Keys) -> KeysChanged | None:
    """Say what it means that a server states other keys than the pinned ones."""
    if stated == pinned_keys:
        return None
    return KeysChanged(
        f"{server} states other keys than those pinned in {pins_path()}. Either the authority"
        " has changed a key, which it can show you by another way and its log tells, or this"
        f" is not the server you know. If it has, delete the entry of {server} in that file, or"
        " give connect(keys=...)"
    )
