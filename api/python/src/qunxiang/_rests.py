"""What a statement says that its charge rested on: the server's word.

Mode, k, policy and approvals are in neither leaf of a receipt; only the whole log proves
or refutes them. Refused here is what cannot be true: what was not in the log at the charge;
approvals where nobody approves; supervision without two people for each of what needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TRAINING = "federated"  # the catalogue entry of charges for training


def check(p: Mapping[str, Any], charge: Mapping[str, Any] | None) -> None:
    """Look at a predicate; ``charge`` is the leaf, where it is shown. Else ValueError."""
    if not 0 <= p["policy_leaf"] < p["charge_leaf"]:
        raise ValueError("the statement rests on a policy that was not in the log at its charge")
    leaves = [a["leaf"] for a in p["approvals"]]
    if not all(0 < n < p["charge_leaf"] for n in leaves) or len(set(leaves)) < len(leaves):
        raise ValueError(
            "the statement rests on approvals that were not in the log at its charge, or on one"
            " twice"
        )
    people = _people(p)
    if p["mode"] == "evaluation" and not leaves:
        return
    if p["mode"] != "supervised":
        raise ValueError(f"the statement's mode is {p['mode']!r}, with {len(leaves)} approvals")
    for subject in _approvable(p, charge):
        if len(people.get(subject, ())) < 2:
            raise ValueError(
                "the statement says supervised, and names fewer than two people who approved"
                f" the {subject}"
            )


def _people(p: Mapping[str, Any]) -> dict[str, set[str]]:
    """Give who approved, by what they approved: each of these is one thing."""
    digests = {"template": p["template_digest"]}
    people: dict[str, set[str]] = {}
    for a in p["approvals"]:
        if digests.setdefault(a["subject"], a["digest"]) != a["digest"]:
            raise ValueError(f"the statement rests on approvals of another {a['subject']}")
        people.setdefault(a["subject"], set()).update([a["who"]] if a["who"] else [])
    return people


def _approvable(p: Mapping[str, Any], charge: Mapping[str, Any] | None) -> list[str]:
    job = p["catalogue"] == _TRAINING
    if charge is not None and "rules" not in charge:  # of before anybody approved a job
        job = False
    return ["grant", "template", "snapshot", *(["job"] if job else [])]
