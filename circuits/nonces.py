"""Nonces and blindings of a prover, hedged against a weak generator and against repeated statements.

Each is a 64-byte wide reduction of SHAKE-256(transcript state ‖ secret ‖ 64 fresh random bytes). The state
names the statement and the message; the secret keeps the output unpredictable if the system's generator
fails; the fresh bytes keep two proofs of one statement apart.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final

from circuits.group import Scalar, encode_scalar, wide_scalar
from circuits.transcript import Transcript

_WIDE_BYTES: Final = 64
_DOMAIN: Final = b"zkclear/v1/nonces"


def draw_nonces(transcript: Transcript, secret: Iterable[Scalar], count: int) -> list[Scalar]:
    """`count` scalars that depend on all that was absorbed, on `secret`, and on fresh randomness."""
    seed = _DOMAIN + transcript.state + b"".join(map(encode_scalar, secret)) + secrets.token_bytes(_WIDE_BYTES)
    stream = hashlib.shake_256(seed).digest(_WIDE_BYTES * count)
    return [wide_scalar(stream[start : start + _WIDE_BYTES]) for start in range(0, len(stream), _WIDE_BYTES)]
