"""A regulator looks who asked what, at what cost, and whether a receipt holds.

Start ``qunxiang demo`` first; it writes the credentials that are read here.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import qunxiang as qx


def main() -> None:
    client = qx.connect("regulator")
    history = client.history()
    print(history, "\n")
    print(client.budgets(), "\n")

    # Any release in full, and its receipt, which is checked when it arrives.
    newest = client.release(history[0].id)
    print(newest.receipt, "\n")

    # Kept, it is checked again whenever and wherever: no server is needed.
    with tempfile.TemporaryDirectory() as folder:
        receipt = newest.receipt.save(Path(folder) / "receipt.json")
        release = newest.save(Path(folder) / "release.json")
        qx.verify(receipt.read_bytes(), client.keys(), release.read_bytes())
        print("Checked again offline: it holds.")
        changed = release.read_bytes().replace(b"0", b"1", 1)
        try:
            qx.verify(receipt.read_bytes(), client.keys(), changed)
        except qx.ReceiptError as error:
            print(f"And with one digit changed: {error}")


if __name__ == "__main__":
    try:
        main()
    except qx.QunxiangError as error:
        sys.exit(f"{error}")
