"""SM3 digests (GB/T 32905-2016) and SM2 signatures (GB/T 32918.2-2016), checked only.

SM2 is taken with SM3 and the standard's user id 1234567812345678. Only public
values pass through here, so nothing needs to take constant time.
"""

from __future__ import annotations

_START = (
    0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600,
    0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E,
)  # fmt: skip
_WORD = 0xFFFFFFFF


def _turn(x: int, n: int) -> int:
    n %= 32
    return (x << n | x >> (32 - n)) & _WORD


def _block(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ _turn(w[j - 3], 15)
        w.append(x ^ _turn(x, 15) ^ _turn(x, 23) ^ _turn(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        turned = _turn(a, 12)
        ss1 = _turn((turned + e + _turn(0x79CC4519 if j < 16 else 0x7A879D8A, j)) & _WORD, 7)
        if j < 16:
            ff, gg = a ^ b ^ c, e ^ f ^ g
        else:
            ff, gg = a & b | a & c | b & c, e & f | ~e & g
        tt1 = (ff + d + (ss1 ^ turned) + (w[j] ^ w[j + 4])) & _WORD
        tt2 = (gg + h + ss1 + w[j]) & _WORD
        a, b, c, d = tt1, a, _turn(b, 9), c
        e, f, g, h = tt2 ^ _turn(tt2, 9) ^ _turn(tt2, 17), e, _turn(f, 19), g
    return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def sm3(message: bytes) -> bytes:
    """Give the digest of a message, 32 bytes."""
    text = message + b"\x80"
    text += b"\x00" * (-(len(text) + 8) % 64) + (8 * len(message)).to_bytes(8, "big")
    state: tuple[int, ...] = _START
    for i in range(0, len(text), 64):
        state = _block(state, text[i : i + 64])
    return b"".join(x.to_bytes(4, "big") for x in state)


_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
_GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
_USER = b"1234567812345678"

_Point = tuple[int, int, int]  # Jacobian: x = X/Z^2, y = Y/Z^3; Z = 0 is infinity


def on_curve(point: bytes) -> bool:
    """Say whether 65 bytes (4, x, y) are a point of SM2's curve."""
    if len(point) != 65 or point[0] != 4:
        return False
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    return x < _P and y < _P and (y * y - x * x * x - _A * x - _B) % _P == 0


def verify(point: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether r and s, 64 bytes, are the key's signature over the message."""
    if not on_curve(point) or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % _N
    if not 0 < r < _N or not 0 < s < _N or t == 0:
        return False
    curve = b"".join(n.to_bytes(32, "big") for n in (_A, _B, _GX, _GY))
    z = sm3((8 * len(_USER)).to_bytes(2, "big") + _USER + curve + point[1:])
    e = int.from_bytes(sm3(z + message), "big")
    key = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big"), 1)
    x = _affine_x(_add(_times(s, (_GX, _GY, 1)), _times(t, key)))
    return x is not None and (e + x) % _N == r


def _double(p: _Point) -> _Point:
    x, y, z = p
    if z == 0 or y == 0:
        return (1, 1, 0)
    delta, gamma = z * z % _P, y * y % _P
    beta, alpha = x * gamma % _P, 3 * (x - delta) * (x + delta) % _P
    x3 = (alpha * alpha - 8 * beta) % _P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % _P, 2 * y * z % _P


def _add(p: _Point, q: _Point) -> _Point:
    if p[2] == 0:
        return q
    if q[2] == 0:
        return p
    z1, z2 = p[2] * p[2] % _P, q[2] * q[2] % _P
    u1, u2 = p[0] * z2 % _P, q[0] * z1 % _P
    s1, s2 = p[1] * z2 * q[2] % _P, q[1] * z1 * p[2] % _P
    if u1 == u2:
        return _double(p) if s1 == s2 else (1, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % _P
    h3, v = h * h2 % _P, u1 * h2 % _P
    x = (r * r - h3 - 2 * v) % _P
    return x, (r * (v - x) - s1 * h3) % _P, h * p[2] * q[2] % _P


def _times(n: int, p: _Point) -> _Point:
    out: _Point = (1, 1, 0)
    for bit in bin(n)[2:]:
        out = _double(out)
        if bit == "1":
            out = _add(out, p)
    return out


def _affine_x(p: _Point) -> int | None:
    if p[2] == 0:
        return None
    return p[0] * pow(p[2] * p[2], -1, _P) % _P
