"""The vector generators G_i and H_i: nothing up my sleeve, one RFC 9380 domain per family, index as message.

H_0 is not among them: it is the committee's key, under which the ledger commits
(`CommitmentKey.blinding_base`).
"""

from functools import lru_cache
from typing import Final

from circuits.endomorphism import image
from circuits.group import Point, hash_to_point

G_DOMAIN: Final = b"zkclear/v1/G-vector"
H_DOMAIN: Final = b"zkclear/v1/H-vector"


@lru_cache(maxsize=4096)
def _generator(domain: bytes, index: int) -> Point:
    return hash_to_point(index.to_bytes(4, "big"), domain)


@lru_cache(maxsize=4096)
def _image(domain: bytes, index: int) -> Point:
    return image(_generator(domain, index))


@lru_cache(maxsize=64)
def g_vector(count: int) -> tuple[Point, ...]:
    """G_0 … G_(count−1): they carry the digits and their reciprocals."""
    return tuple(_generator(G_DOMAIN, index) for index in range(count))


@lru_cache(maxsize=64)
def h_vector(count: int) -> tuple[Point, ...]:
    """H_1 … H_count: they carry the masks and the digit multiplicities."""
    return tuple(_generator(H_DOMAIN, index) for index in range(1, count + 1))


@lru_cache(maxsize=64)
def g_images(count: int) -> tuple[Point, ...]:
    """λ·G_0 … λ·G_(count−1)."""
    return tuple(_image(G_DOMAIN, index) for index in range(count))


@lru_cache(maxsize=64)
def h_images(count: int) -> tuple[Point, ...]:
    """λ·H_1 … λ·H_count."""
    return tuple(_image(H_DOMAIN, index) for index in range(1, count + 1))
