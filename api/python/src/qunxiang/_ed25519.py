"""Ed25519 signatures, checked as RFC 8032 section 5.1.7 has it.

Only public values pass through here, so nothing needs to take constant time.
"""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
_Point = tuple[int, int, int, int]
_ZERO: _Point = (0, 1, 1, 0)

# y of the points of small order, under which one signature fits every message.
_EIGHTH = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL = frozenset((0, 1, _P - 1, _EIGHTH, _P - _EIGHTH))


def sound(key: bytes) -> bool:
    """Say whether bytes are a public key in its one spelling, and of full order."""
    if len(key) != 32:
        return False
    y = int.from_bytes(key, "little") & ((1 << 255) - 1)
    return y < _P and y not in _SMALL


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature of 64 bytes is the key's over the message."""
    if not sound(key) or len(signature) != 64:
        return False
    a = _decode(key)
    s = int.from_bytes(signature[32:], "little")
    if a is None or s >= _L:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(digest, "little") % _L
    minus_a = (_P - a[0], a[1], a[2], _P - a[3])
    return _encode(_add(_times(s, _BASE), _times(k, minus_a))) == signature[:32]


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    return _P - x if x & 1 != sign else x


def _decode(text: bytes) -> _Point | None:
    whole = int.from_bytes(text, "little")
    y, sign = whole & ((1 << 255) - 1), whole >> 255
    x = _x_of(y, sign) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(n: int, point: _Point) -> _Point:
    out = _ZERO
    while n:
        if n & 1:
            out = _add(out, point)
        point, n = _add(point, point), n >> 1
    return out


def _base() -> _Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0) or 0
    return (x, y, 1, x * y % _P)


_BASE = _base()
