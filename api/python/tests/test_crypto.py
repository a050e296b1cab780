"""Signatures, digests and trees against the standards' own examples."""

from __future__ import annotations

import hashlib

import pytest
from forge import Ed25519Signer, SM2Signer, proof, root

from qunxiang import _ed25519, _merkle, _sm

# RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
RFC8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC8032)
def test_ed25519_of_the_standard(key: str, message: str, signature: str) -> None:
    k, m, s = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert _ed25519.verify(k, m, s)
    assert not _ed25519.verify(k, m + b"x", s)
    for bit in (0, 200, 256, 400, 511):
        flipped = bytearray(s)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not _ed25519.verify(k, m, bytes(flipped))


def test_ed25519_takes_no_second_spelling() -> None:
    key, message, signature = (bytes.fromhex(x) for x in RFC8032[1])
    s = int.from_bytes(signature[32:], "little") + _ed25519._L
    assert not _ed25519.verify(key, message, signature[:32] + s.to_bytes(32, "little"))
    assert not _ed25519.verify(key, message, signature + b"\x00")


def test_ed25519_keys_of_small_order_sign_nothing() -> None:
    small = (1).to_bytes(32, "little")  # the neutral point: R = s*B fits every message
    forged = _ed25519._encode(_ed25519._BASE) + (1).to_bytes(32, "little")
    assert not _ed25519.sound(small)
    assert not _ed25519.verify(small, b"anything", forged)
    assert not _ed25519.sound((2**255 - 19).to_bytes(32, "little"))


def test_ed25519_agrees_with_a_library() -> None:
    library = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    for i in range(8):
        key = library.Ed25519PrivateKey.from_private_bytes(bytes([i + 1]) * 32)
        message = b"m" * (i * 37)
        ours = Ed25519Signer(i + 1)
        assert ours.public == key.public_key().public_bytes_raw()
        assert ours.sign(message) == key.sign(message)
        assert _ed25519.verify(ours.public, message, key.sign(message))


def test_sm3_of_the_standard() -> None:
    # GB/T 32905-2016, appendix A.
    assert _sm.sm3(b"abc").hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
    assert _sm.sm3(b"abcd" * 16).hex() == (
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


def test_sm3_agrees_with_a_library() -> None:
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("this Python's hashlib has no SM3")
    for n in (0, 1, 55, 56, 63, 64, 65, 119, 1000):
        message = bytes(i % 251 for i in range(n))
        assert _sm.sm3(message) == hashlib.new("sm3", message).digest()


def test_sm2_of_the_standard() -> None:
    # GB/T 32918.5-2017, appendix A.2.
    point = bytes.fromhex(
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    signature = bytes.fromhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )
    assert _sm.verify(point, b"message digest", signature)
    assert not _sm.verify(point, b"message digest.", signature)
    for bit in (0, 255, 256, 511):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not _sm.verify(point, b"message digest", bytes(flipped))


def test_sm2_takes_no_point_beside_the_curve_and_no_zero() -> None:
    signer = SM2Signer(9)
    signature = signer.sign(b"m")
    assert _sm.verify(signer.public, b"m", signature)
    beside = bytearray(signer.public)
    beside[40] ^= 1
    assert not _sm.on_curve(bytes(beside))
    assert not _sm.verify(bytes(beside), b"m", signature)
    assert not _sm.verify(signer.public, b"m", bytes(64))
    assert not _sm.verify(signer.public, b"m", signature[:32] + _sm._N.to_bytes(32, "big"))


@pytest.mark.parametrize("size", range(1, 18))
def test_every_inclusion_proof(size: int) -> None:
    hashes = [_merkle.leaf_hash(b"%d" % i) for i in range(size)]
    top = root(hashes)
    for index in range(size):
        path = proof(hashes, index)
        assert _merkle.root_of(path, size, index, hashes[index]) == top
        assert _merkle.root_of(path, size, index, _merkle.leaf_hash(b"x")) != top
        assert _merkle.root_of([*path, top], size, index, hashes[index]) is None
        if path:
            assert _merkle.root_of(path[:-1], size, index, hashes[index]) != top
        for other in range(size):
            if other != index:
                assert _merkle.root_of(path, size, other, hashes[index]) != top
