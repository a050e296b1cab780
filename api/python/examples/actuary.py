"""An actuary prices a product by what an admission costs, by age and hospital level.

Start ``qunxiang demo`` first; it writes the credentials that are read here.
"""

from __future__ import annotations

import sys
from typing import Any

import qunxiang as qx

QUESTION: dict[str, Any] = {
    "window": ("2017-01-01", "2017-12-31"),
    "coarse": True,
    "accuracy": "5% at 1000",
    "allow_empty": True,  # a demo has few people
}


def main() -> None:
    client = qx.connect("insurer")
    print(client.template("I3"), "\n")

    # The price, before anything is spent.
    print(client.estimate("I3", **QUESTION), "\n")

    # At a terminal you are asked; a script says how much it may cost, in rho.
    answer = client.ask("I3", max_cost=0.3, **QUESTION)
    print(answer, "\n")
    print(answer.receipt, "\n")

    # Pandas, if it is there: severity relativities, the mean claim of all as 1.
    try:
        frame = answer.pandas()
    except qx.MissingExtra as missing:
        print(missing)
        return
    shown = frame[~frame["suppressed"]].set_index(["age", "level"])
    severity, claims = shown["severity_value"] / 100, shown["claims_value"]  # fen to yuan
    mean = (severity * claims).sum() / claims.sum()
    print(f"Severity relativities, to a mean claim of {mean:,.2f} yuan:")
    print((severity / mean).round(3).to_string())


if __name__ == "__main__":
    try:
        main()
    except qx.QunxiangError as error:
        sys.exit(f"{error}")
