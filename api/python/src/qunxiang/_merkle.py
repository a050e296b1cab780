"""Inclusion in a log's tree: RFC 6962 sections 2.1 and 2.1.1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """Give the hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(proof: Sequence[bytes], size: int, index: int, leaf: bytes) -> bytes | None:
    """Give the root that an inclusion proof leads to, or None for one of a wrong length.

    ``leaf`` is the hash of the leaf at ``index`` in a tree of ``size`` leaves. The
    steps are those of RFC 9162 section 2.1.3.2, which does the same for one proof.
    """
    if not 0 <= index < size:
        return None
    at, last, root = index, size - 1, leaf
    for other in proof:
        if last == 0 or len(other) != 32:
            return None
        if at & 1 or at == last:
            root = _node(other, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            root = _node(root, other)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None
