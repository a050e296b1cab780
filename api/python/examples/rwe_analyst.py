"""An analyst of real-world evidence asks how long new users stay on metformin.

Start ``qunxiang demo`` first; it writes the credentials that are read here.
"""

from __future__ import annotations

import sys

import qunxiang as qx


def main() -> None:
    client = qx.connect("pharma")
    answer = client.ask(
        "P5",
        codes="metformin",
        window=("2016-07-01", "2018-12-31"),
        gap=60,
        washout=180,
        coarse=True,
        accuracy="persistence=0.04",
        allow_empty=True,
        max_cost=0.05,
    )
    print(answer.title, "-", answer.meaning, "\n")

    # Months are an axis: each has a row of its own. Nothing but the standard library.
    for row in answer:
        if row["suppressed"]:
            print("suppressed:", row["reason"])
            continue
        share, low, high = (row[f"persistence_{end}"] for end in ("value", "low", "high"))
        if row["at"] is None or share is None:
            continue
        bar = "#" * round(40 * share)
        print(f"month {row['at']:>2}  {share:6.1%}  [{low:6.1%}, {high:6.1%}]  {bar}")

    print(f"\n{answer.receipt}")


if __name__ == "__main__":
    try:
        main()
    except qx.QunxiangError as error:
        sys.exit(f"{error}")
