"""One dealer's sharing of one polynomial: public commitments, a proof of possession, a box for each recipient.

    a new key    f, g random;  C_k = f_k·B + g_k·B';  recipient i gets f(i), g(i)            (Pedersen, CRYPTO '91)
    refresh      f(0) = 0;     A_k = f_k·B for k ≥ 1;  recipient i gets f(i)                 (Feldman, FOCS '87)
    resharing    f(0) = s_j;   A_k = f_k·B for k ≥ 1, and A_0 = X_j, the dealer's public share

A_0 of the last two is not sent: everybody knows it. The proof of possession covers ceremony, dealer and all that
the dealing says, so that no dealing can be taken over by another dealer, ceremony or deployment.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from eth_hash.auto import keccak

from circuits.ceremony import CeremonyKind, CeremonyTerms
from circuits.committee import KeyShare
from circuits.errors import DecodingError, ProofRejected, WitnessInvalid
from circuits.group import (
    IDENTITY,
    POINT_BYTES,
    SCALAR_BYTES,
    ZERO,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    hash_to_point,
    msm,
)
from circuits.pedersen import HANDLE_BASE
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.polynomials import SeededSource, evaluate, evaluate_points, random_polynomial
from circuits.share_boxes import BOX_KEY_BYTES, BOX_OVERHEAD_BYTES, box_public_key, open_share, seal_share

DEALING_BASE: Final = hash_to_point(b"dealing", b"zkclear/v1/B-dealing")
"""B': carries the blinding polynomial; its logarithm to any other base is unknown."""
POSSESSION: Final = b"dealing"


@dataclass(frozen=True, slots=True, repr=False)
class DealtShare:
    """What one box holds: f(i), and g(i) for a new key. Its repr shows neither."""

    value: Scalar
    blinding: Scalar

    def encode(self, kind: CeremonyKind) -> bytes:
        """64 bytes for a new key, else the 32 of the value."""
        both = encode_scalar(self.value) + encode_scalar(self.blinding)
        return both if kind is CeremonyKind.KEY else both[:SCALAR_BYTES]

    @classmethod
    def decode(cls, kind: CeremonyKind, data: bytes) -> "DealtShare":
        """From `encode`'s bytes.

        Raises:
            DecodingError: another length, or a scalar that is not canonical.
        """
        if len(data) != share_bytes(kind):
            raise DecodingError("dealt share", f"{len(data)} bytes where {share_bytes(kind)} belong")
        blinding = decode_scalar(data[SCALAR_BYTES:]) if kind is CeremonyKind.KEY else ZERO
        return cls(decode_scalar(data[:SCALAR_BYTES]), blinding)

    def __repr__(self) -> str:
        return "DealtShare(…)"


@dataclass(frozen=True, slots=True, repr=False)
class DealtPolynomial:
    """A dealer's secret: f, and g for a new key (else zeros)."""

    values: tuple[Scalar, ...]
    blindings: tuple[Scalar, ...]

    def share(self, recipient: int) -> DealtShare:
        """What `recipient` gets."""
        return DealtShare(evaluate(self.values, recipient), evaluate(self.blindings, recipient))

    def __repr__(self) -> str:
        return "DealtPolynomial(…)"


@dataclass(frozen=True, slots=True)
class Dealing:
    """The dealing as everybody holds it; `commitments` are t points, with A_0 filled in where it is known.

    `boxes` are by recipient; those who did not register have none.
    """

    dealer: int
    commitments: tuple[Point, ...]
    box_key: bytes
    boxes: dict[int, bytes]

    def check_share(self, recipient: int, share: DealtShare) -> None:
        """Compare a share with the commitments.

        Raises:
            ProofRejected: it is off the dealt polynomial.
        """
        image = msm([HANDLE_BASE, DEALING_BASE], [share.value, share.blinding])
        if image != evaluate_points(self.commitments, recipient):
            raise ProofRejected(f"the share of recipient {recipient} is off the polynomial of dealer {self.dealer}")

    def open(self, terms: CeremonyTerms, recipient: int, secret: bytes) -> DealtShare:
        """A recipient's share, with its secret box key for this dealer.

        Raises:
            DecodingError: the box does not open, or holds no share.
            ProofRejected: the share is off the polynomial.
        """
        context = _box_context(terms, self.dealer, recipient)
        share = DealtShare.decode(terms.kind, open_share(secret, self.box_key, self.boxes[recipient], context))
        self.check_share(recipient, share)
        return share


BoxKeys = tuple[bytes | None, ...]
"""For one dealer: the registered box key of recipients 1, 2, …; None where a recipient has none."""


def share_bytes(kind: CeremonyKind) -> int:
    """Length of a dealt share."""
    return SCALAR_BYTES * (2 if kind is CeremonyKind.KEY else 1)


def dealing_digest(body: bytes) -> bytes:
    """The 32 bytes by which the board names a dealing."""
    return bytes(keccak(body))


def draw_polynomial(terms: CeremonyTerms, dealer: int, seed: bytes, share: KeyShare | None) -> DealtPolynomial:
    """What this dealer deals: a function of its seed (32 secret bytes) and the ceremony.

    Raises:
        WitnessInvalid: resharing without the share of this dealer.
        ProofRejected: the share is not the dealer's.
    """
    source = SeededSource(seed, b"polynomial" + terms.digest)
    values = random_polynomial(terms.threshold, source)
    blindings = (ZERO,) * terms.threshold
    if terms.previous is None:
        return DealtPolynomial(values, random_polynomial(terms.threshold, source))
    if terms.kind is CeremonyKind.REFRESH:
        return DealtPolynomial((ZERO, *values[1:]), blindings)
    if share is None or share.index != dealer:
        raise WitnessInvalid("a share is handed on by its holder alone")
    share.check(terms.previous)
    return DealtPolynomial((share.secret, *values[1:]), blindings)


def make_dealing(terms: CeremonyTerms, dealer: int, polynomial: DealtPolynomial, keys: BoxKeys, seed: bytes) -> bytes:
    """The dealing's bytes: dealer (2) ‖ commitments ‖ box key (32) ‖ boxes in order of recipients ‖ proof."""
    commitments = tuple(
        msm([HANDLE_BASE, DEALING_BASE], [value, blinding])
        for value, blinding in zip(polynomial.values, polynomial.blindings, strict=True)
    )
    secret = SeededSource(seed, b"dealing box key" + terms.digest).token_bytes(BOX_KEY_BYTES)
    head = dealer.to_bytes(2, "big") + b"".join(map(encode_point, commitments[_first_sent(terms) :]))
    boxes = b"".join(
        seal_share(secret, key, polynomial.share(place).encode(terms.kind), _box_context(terms, dealer, place))
        for place, key in enumerate(keys, 1)
        if key is not None
    )
    said = head + box_public_key(secret) + boxes
    statement = _possession(terms, commitments, said)
    return said + statement.prove(_secrets(terms, polynomial))


@lru_cache(maxsize=256)
def check_dealing(terms: CeremonyTerms, dealer: int, keys: BoxKeys, body: bytes) -> Dealing:
    """The dealing in these bytes, its proof of possession checked. What the boxes hold only recipients see.

    Raises:
        DecodingError: another length or dealer, or points or scalars that are not canonical.
        ProofRejected: the proof of possession.
    """
    first, sealed = _first_sent(terms), share_bytes(terms.kind) + BOX_OVERHEAD_BYTES
    recipients = [place for place, key in enumerate(keys, 1) if key is not None]
    key_at = 2 + POINT_BYTES * (terms.threshold - first)
    boxes_at = key_at + BOX_KEY_BYTES
    proof_at = boxes_at + sealed * len(recipients)
    proof_bytes = SCALAR_BYTES * (3 if terms.kind is CeremonyKind.KEY else 2)
    if len(body) != proof_at + proof_bytes:
        raise DecodingError("dealing", f"{len(body)} bytes where {proof_at + proof_bytes} belong")
    if int.from_bytes(body[:2], "big") != dealer:
        raise DecodingError("dealing", f"not that of dealer {dealer}")
    sent = tuple(decode_point(body[at : at + POINT_BYTES]) for at in range(2, key_at, POINT_BYTES))
    commitments = _known(terms, dealer) + sent
    _possession(terms, commitments, body[:proof_at]).verify(body[proof_at:])
    boxes = {place: body[boxes_at + sealed * n :][:sealed] for n, place in enumerate(recipients)}
    return Dealing(dealer, commitments, body[key_at:boxes_at], boxes)


def _known(terms: CeremonyTerms, dealer: int) -> tuple[Point, ...]:
    if terms.previous is None:
        return ()
    return (IDENTITY,) if terms.kind is CeremonyKind.REFRESH else (terms.previous.public_share(dealer),)


def _first_sent(terms: CeremonyTerms) -> int:
    return 0 if terms.previous is None else 1


def _secrets(terms: CeremonyTerms, polynomial: DealtPolynomial) -> list[tuple[Scalar, ...]]:
    if terms.previous is None:
        return [polynomial.values, polynomial.blindings]
    return [polynomial.values]


def _possession(terms: CeremonyTerms, commitments: tuple[Point, ...], said: bytes) -> PolynomialStatement:
    bases = (HANDLE_BASE, DEALING_BASE) if terms.previous is None else (HANDLE_BASE,)
    return PolynomialStatement(POSSESSION, (Relation(bases, commitments),), terms.digest + said)


def _box_context(terms: CeremonyTerms, dealer: int, recipient: int) -> bytes:
    return terms.digest + dealer.to_bytes(2, "big") + recipient.to_bytes(2, "big")
