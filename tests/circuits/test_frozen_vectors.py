"""Frozen bytes of protocol version two: generators, transcript, proofs. `tests/vectors/README.md` tells the format.

python -m tests.circuits.test_frozen_vectors      writes the file anew, for a version whose bytes change on purpose
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import pytest

from circuits.auditor import AuditorClaim, AuditorHandle, AuditorSecret
from circuits.equation import require_all
from circuits.generators import g_vector, h_vector
from circuits.group import encode_point, encode_scalar, scalar
from circuits.handles import HandlesClaim, prove_handles
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Opening, generators_digest
from circuits.range_shape import range_shape
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
)
from circuits.transcript import PROTOCOL, Transcript
from tests.circuits.proofs import CONTEXT, KEY, Committed, prove, verify
from tests.support.vectors import load, store

FILE = "circuits-v2.json"
NONCE_BYTE = 0x5A
"""What every draw of a prover's randomness returns while the vectors are made; the rest of a nonce is its hedge."""
INDICES = (0, 1, 2, 1023)
WIDTHS = ((64,), (64,) * 2, (32, 40, 64), (8,) * 5)
SECRET = AuditorSecret(scalar(0xA0D17))
AUDITOR = SECRET.key(KEY)
HOUSE = b"a house"


def opening(value: int, number: int) -> Opening:
    """One with a known blinding."""
    return Opening(value, scalar(1_000_003 * number + 1))


@contextmanager
def known_randomness() -> Iterator[None]:
    """Provers draw the same nonces every time."""
    with mock.patch("circuits.nonces.secrets.token_bytes", lambda count: bytes([NONCE_BYTE]) * count):
        yield


def generators() -> dict[str, Any]:
    """G, B, some of the vectors, and the digest of all that a transcript absorbs."""
    return {
        "G": encode_point(VALUE_BASE).hex(),
        "B": encode_point(HANDLE_BASE).hex(),
        "G_i": {str(index): encode_point(g_vector(1024)[index]).hex() for index in INDICES},
        "H_i": {str(index + 1): encode_point(h_vector(262)[index]).hex() for index in (0, 1, 2, 261)},
        "digest": generators_digest().hex(),
    }


def transcript() -> list[dict[str, str]]:
    """The states and challenges of one transcript, step by step."""
    begun, steps = Transcript(b"vector", CONTEXT, KEY.words()), []

    def step(name: str, challenge: str = "") -> None:
        steps.append({"step": name, "challenge": challenge, "state": begun.state.hex()})

    step("Transcript('vector', context, key)")
    begun.absorb(b"label", b"data")
    step("absorb('label', 'data')")
    begun.absorb_integer(b"integer", -5)
    step("absorb_integer('integer', -5)")
    begun.absorb_point(b"point", VALUE_BASE)
    step("absorb_point('point', G)")
    step("challenge('alpha')", encode_scalar(begun.challenge(b"alpha")).hex())
    step("short_challenge('gamma')", encode_scalar(begun.short_challenge(b"gamma")).hex())
    return steps


def shapes() -> list[dict[str, Any]]:
    """Of rows of one width, by their number."""
    made = []
    for count, width in ((1, 64), (16, 64), (48, 64), (64, 64), (128, 64), (3, 40), (7, 32)):
        shape = range_shape((width,) * count)
        entry = {"rows": count, "bits": width, "base": shape.base, "digits": shape.digits, "N": shape.padded}
        entry |= {"rounds": shape.fold.rounds, "l": shape.fold.linear, "n": shape.fold.norm, "bytes": shape.proof_bytes}
        made.append(entry)
    return made


def ranges(widths: tuple[int, ...]) -> Committed:
    """Rows of these widths with the largest values and some between."""
    openings = [opening((1 << width) - 1 - 7 * place, place) for place, width in enumerate(widths)]
    points = tuple(KEY.point(made) for made in openings)
    values, blindings = tuple(o.value for o in openings), tuple(o.blinding for o in openings)
    return Committed(range_shape(widths), values, blindings, points)


STATEMENT = LinearStatement((1 << 16,) * 2, 1, (Row((0, 1, 2), (3, -2, 1), 7, 24), Row((1, 2), (5, -1), 0, 20)))
LINEAR = (opening(900, 1), opening(50, 2), opening(200, 3))
TERMS = SolvencyTerms((2, 1), (Exposure(0, (-9, 11), 1, 2, 4, 3, True), Exposure(1, (8,), 1, 1, 0, 0, False)), True)
WITNESS = SolvencyWitness(opening(1000, 4), (opening(4, 5), opening(9, 6)), opening(-4, 7))
INPUTS = SolvencyInputs(
    KEY.commit(WITNESS.cash), tuple(map(KEY.commit, WITNESS.exposures)), *map(KEY.commit, WITNESS.openings[-1:])
)
PAIR = KEY.commit(opening(-12, 8))
HANDLE = AUDITOR.handle(opening(-12, 8).blinding)


def bound() -> Transcript:
    """The linear statement's transcript: two ledger variables and an auxiliary."""
    begun = Transcript(b"vector", CONTEXT, KEY.words())
    pairs = [KEY.commit(made) for made in LINEAR]
    bind_statement(begun, STATEMENT, pairs[:2], [pairs[2].c])
    return begun


def check_linear(proof: bytes) -> None:
    """As a verifier does."""
    points = [KEY.point(made) for made in LINEAR]
    require_all(KEY, [linear_equation(STATEMENT, points, proof, bound())])


def proofs() -> dict[str, tuple[Callable[[], bytes], Callable[[bytes], object]]]:
    """By name: how a proof is made and how it is checked."""
    rows = {f"range {'+'.join(map(str, widths))}": ranges(widths) for widths in WIDTHS}
    return {name: (partial(prove, entry), partial(verify, entry)) for name, entry in rows.items()} | {
        "linear": (lambda: prove_linear(KEY, STATEMENT, LINEAR, bound()), check_linear),
        "solvency": (
            lambda: prove_solvency(KEY, TERMS, INPUTS, WITNESS, CONTEXT).encode(),
            lambda proof: SolvencyClaim(TERMS, INPUTS, SolvencyProof.decode(proof), CONTEXT).verify(KEY),
        ),
        "opening": (
            lambda: prove_opening(KEY, opening(-12, 8), PAIR, CONTEXT),
            lambda proof: OpeningClaim(PAIR, proof, CONTEXT).verify(KEY),
        ),
        "audited opening": (
            lambda: prove_opening(KEY, opening(-12, 8), PAIR, CONTEXT, AUDITOR),
            lambda proof: OpeningClaim(PAIR, proof, CONTEXT, AuditorHandle(AUDITOR, HANDLE)).verify(KEY),
        ),
        "auditor": (
            lambda: SECRET.prove(KEY, HOUSE),
            lambda proof: AuditorClaim(AUDITOR, proof, HOUSE).verify(KEY),
        ),
        "handles": (
            lambda: prove_handles(KEY, AUDITOR, (PAIR,), [opening(-12, 8).blinding], CONTEXT),
            lambda proof: HandlesClaim(AUDITOR, (PAIR,), (HANDLE,), proof, CONTEXT).verify(KEY),
        ),
    }


def document() -> dict[str, Any]:
    """What the file holds, made anew."""
    with known_randomness():
        made = {name: make().hex() for name, (make, _) in proofs().items()}
    return {
        "format": "zkclear circuits vectors",
        "version": 2,
        "protocol": PROTOCOL.decode(),
        "generators": generators(),
        "key": KEY.encode().hex(),
        "transcript": transcript(),
        "shapes": shapes(),
        "statement": STATEMENT.digest.hex(),
        "commitment": PAIR.encode().hex(),
        "handle": HANDLE.encode().hex(),
        "proofs": made,
    }


def test_this_version_makes_the_frozen_bytes() -> None:
    """Any change here changes what is on the wire: it needs a new protocol version."""
    made, frozen = document(), load(FILE)
    for part in frozen:
        assert made[part] == frozen[part], part
    assert made.keys() == frozen.keys()


@pytest.mark.parametrize("name", list(proofs()))
def test_the_frozen_proofs_hold(name: str) -> None:
    proofs()[name][1](bytes.fromhex(load(FILE)["proofs"][name]))


def test_no_two_frozen_proofs_are_the_same() -> None:
    frozen = load(FILE)["proofs"]
    assert len(set(frozen.values())) == len(frozen)


if __name__ == "__main__":
    store(FILE, document())
