"""The clearing committee: a threshold key H = s·B that opens a defaulter's commitments without the owner.

    sharing      f(x) = s + a_1·x + … + a_{t−1}·x^{t−1};  member i (1 … N) holds s_i = f(i)
    public       A_k = a_k·B (A_0 = H), X_i = s_i·B = Σ_k i^k·A_k (Feldman, 1987)
    origin       H = Σ_j Y_j with a proof that whoever contributed Y_j knew log_B Y_j
    decryption   member i answers D with S_i = s_i·D and a proof that log_D S_i = log_B X_i
    combining    s·D = Σ λ_i·S_i over any t verified answers (Lagrange at 0);  C − s·D = q·G

Nobody ever knows s: `dkg.py` makes the key among the members, `resharing.py` renews or hands on their shares.
t members that collude read every commitment, past and future; they can forge nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from circuits.dleq import EQUAL_LOGS_PROOF_BYTES, EqualLogs, prove_equal_logs, verify_equal_logs
from circuits.errors import CircuitError, DecodingError, ProofRejected, StatementUnsound
from circuits.group import (
    IDENTITY,
    POINT_BYTES,
    SCALAR_BYTES,
    Point,
    Scalar,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    msm,
)
from circuits.pedersen import HANDLE_BASE, Commitment, CommitmentKey
from circuits.polynomial_proofs import PolynomialStatement, Relation
from circuits.polynomials import evaluate_points, lagrange_at_zero

MAX_MEMBERS: Final = 64
"""As many as the hub contract takes signers."""
DECRYPTION_SHARE_BYTES: Final = 2 + POINT_BYTES + EQUAL_LOGS_PROOF_BYTES
KEY_SHARE_BYTES: Final = 1 + 2 + SCALAR_BYTES
CEREMONY_BYTES: Final = 32
CONTRIBUTION_PROOF_BYTES: Final = 2 * SCALAR_BYTES
CONTRIBUTION_BYTES: Final = 2 + POINT_BYTES + CONTRIBUTION_PROOF_BYTES
_KEY_SHARE_VERSION: Final = 1
_CONTRIBUTION: Final = b"key contribution"
_DECRYPTION: Final = b"decryption share"


@dataclass
class CombinationError(CircuitError):
    """Decryption shares that cannot be combined, with the number given and the number needed."""

    reason: str
    have: int
    need: int

    def __str__(self) -> str:
        return f"{self.reason} ({self.have} of {self.need} shares)"


@dataclass(frozen=True, slots=True)
class KeyContribution:
    """Dealer `dealer`'s part Y of H, with its 64-byte proof of knowledge of log_B Y."""

    dealer: int
    point: Point
    proof: bytes

    @classmethod
    def prove(cls, ceremony: bytes, dealer: int, secret: Scalar) -> Self:
        """The contribution secret·B, its proof bound to ceremony (32 bytes) and dealer."""
        point = HANDLE_BASE * secret
        return cls(dealer, point, _contribution(ceremony, dealer, point).prove([[secret]]))

    def verify(self, ceremony: bytes) -> None:
        """Check the proof.

        Raises:
            ProofRejected, DecodingError: it does not hold for this ceremony and dealer.
        """
        _contribution(ceremony, self.dealer, self.point).verify(self.proof)

    def encode(self) -> bytes:
        """114 bytes: dealer (2), point (48), proof (64)."""
        return self.dealer.to_bytes(2, "big") + encode_point(self.point) + self.proof

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `encode`'s bytes; `verify` it next.

        Raises:
            DecodingError: wrong length, dealer or point.
        """
        if len(data) != CONTRIBUTION_BYTES:
            raise DecodingError("key contribution", f"{len(data)} bytes where {CONTRIBUTION_BYTES} belong")
        dealer = _decode_index("key contribution", data[:2])
        return cls(dealer, decode_point(data[2 : 2 + POINT_BYTES]), data[2 + POINT_BYTES :])


@dataclass(frozen=True, slots=True)
class KeyOrigin:
    """Where H comes from: the digest of the ceremony that made it (32 bytes) and what each dealer contributed.

    It stays with the key when shares are renewed or handed on.
    """

    ceremony: bytes
    contributions: tuple[KeyContribution, ...]

    def encode(self) -> bytes:
        """ceremony (32) ‖ contributions (114 each)."""
        return self.ceremony + b"".join(item.encode() for item in self.contributions)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `encode`'s bytes.

        Raises:
            DecodingError: wrong length, dealer or point.
        """
        count, rest = divmod(len(data) - CEREMONY_BYTES, CONTRIBUTION_BYTES)
        if not 1 <= count <= MAX_MEMBERS or rest:
            raise DecodingError("key origin", f"{len(data)} bytes")
        places = range(CEREMONY_BYTES, len(data), CONTRIBUTION_BYTES)
        items = tuple(KeyContribution.decode(data[at : at + CONTRIBUTION_BYTES]) for at in places)
        return cls(data[:CEREMONY_BYTES], items)


@dataclass(frozen=True, slots=True, eq=False)
class CommitteeKey:
    """What everyone knows of a committee.

    `coefficients` are the Feldman commitments A_0 … A_{t−1} with A_0 = H; `public_shares` are X_1 … X_N.
    Compares and pickles by its encoding. Call `verify` on one from outside before use.
    """

    key: CommitmentKey
    threshold: int
    public_shares: tuple[Point, ...]
    coefficients: tuple[Point, ...]
    origin: KeyOrigin

    @classmethod
    def of(cls, coefficients: Sequence[Point], members: int, origin: KeyOrigin) -> Self:
        """The key of a sharing with these Feldman commitments, for members 1 … `members`."""
        shares = tuple(evaluate_points(coefficients, index) for index in range(1, members + 1))
        return cls(CommitmentKey(coefficients[0]), len(coefficients), shares, tuple(coefficients), origin)

    def public_share(self, index: int) -> Point:
        """X_index, for an index from 1.

        Raises:
            ProofRejected: no such member.
        """
        if not 1 <= index <= len(self.public_shares):
            raise ProofRejected(f"the committee has no member {index}")
        return self.public_shares[index - 1]

    def verify(self) -> None:
        """Check that one polynomial of degree t − 1 stands behind H and every X_i, and that its origin makes up H.

        A vanishing coefficient would let fewer than t members decrypt, so that none may be the identity. The
        contributions' proofs exclude an H that was put together from other generators, which would unbind
        commitments; that no t − 1 dealers know s is the ceremony's promise and cannot be read from the key.

        Raises:
            StatementUnsound: impossible numbers, an identity, public shares off the polynomial, or
                contributions out of order or of another sum.
            ProofRejected, DecodingError: a contribution's proof.
        """
        check_numbers(self.threshold, len(self.public_shares))
        if len(self.coefficients) != self.threshold or self.coefficients[0] != self.key.blinding_base:
            raise StatementUnsound("the coefficients do not belong to this key and threshold")
        if any(point == IDENTITY for point in self.coefficients + self.public_shares):
            raise StatementUnsound("the identity among the committee's points")
        if CommitteeKey.of(self.coefficients, len(self.public_shares), self.origin) != self:
            raise StatementUnsound("a public share is not on the shared polynomial")
        dealers = [item.dealer for item in self.origin.contributions]
        if dealers != sorted(set(dealers)):
            raise StatementUnsound("a dealer contributes twice, or out of order")
        if sum((item.point for item in self.origin.contributions), IDENTITY) != self.key.blinding_base:
            raise StatementUnsound("the contributions do not add up to the key")
        for item in self.origin.contributions:
            item.verify(self.origin.ceremony)

    def encode(self) -> bytes:
        """threshold (2) ‖ members (2) ‖ A_0 … A_{t−1} (48 each) ‖ origin."""
        numbers = len(self.coefficients).to_bytes(2, "big") + len(self.public_shares).to_bytes(2, "big")
        return numbers + b"".join(map(encode_point, self.coefficients)) + self.origin.encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `encode`'s bytes; the public shares are computed from the coefficients. Call `verify` next.

        Raises:
            DecodingError: wrong length, numbers or points.
        """
        threshold, members = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        if not 1 <= threshold <= members <= MAX_MEMBERS:
            raise DecodingError("committee key", f"a threshold of {threshold} of {members} members")
        end = 4 + threshold * POINT_BYTES
        coefficients = tuple(decode_point(data[at : at + POINT_BYTES]) for at in range(4, end, POINT_BYTES))
        return cls.of(coefficients, members, KeyOrigin.decode(data[end:]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CommitteeKey):
            return NotImplemented
        return self.encode() == other.encode() and self.public_shares == other.public_shares

    def __hash__(self) -> int:
        return hash(self.encode())

    def __reduce__(self) -> tuple[object, ...]:
        return (CommitteeKey.decode, (self.encode(),))


@dataclass(frozen=True, slots=True, repr=False)
class KeyShare:
    """Member `index`'s (from 1) part s_i of the committee's secret. Its repr hides the secret."""

    index: int
    secret: Scalar

    def check(self, committee: CommitteeKey) -> None:
        """Compare with the public share of this member.

        Raises:
            ProofRejected: no such member, or s_i·B ≠ X_i.
        """
        if HANDLE_BASE * self.secret != committee.public_share(self.index):
            raise ProofRejected(f"the share of member {self.index} does not match its public share")

    def encode(self) -> bytes:
        """35 bytes: version, index (2), secret (32). In the clear: encrypt before writing it anywhere."""
        return bytes([_KEY_SHARE_VERSION]) + self.index.to_bytes(2, "big") + encode_scalar(self.secret)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `encode`'s bytes; `check` it against the committee next.

        Raises:
            DecodingError: wrong length, version, index or scalar.
        """
        if len(data) != KEY_SHARE_BYTES:
            raise DecodingError("key share", f"{len(data)} bytes where {KEY_SHARE_BYTES} belong")
        if data[0] != _KEY_SHARE_VERSION:
            raise DecodingError("key share", f"version {data[0]} is unknown")
        return cls(_decode_index("key share", data[1:3]), decode_scalar(data[3:]))

    def __repr__(self) -> str:
        return f"KeyShare(index={self.index}, …)"


@dataclass(frozen=True, slots=True)
class DecryptionShare:
    """Member `index`'s claim S_i = s_i·D with its 64-byte proof, as it comes from the network."""

    index: int
    point: Point
    proof: bytes

    def encode(self) -> bytes:
        """114 bytes: index (2), point (48), proof (64)."""
        return self.index.to_bytes(2, "big") + encode_point(self.point) + self.proof

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From `encode`'s bytes; the proof is only checked by `verify_share`.

        Raises:
            DecodingError: wrong length, index or point.
        """
        if len(data) != DECRYPTION_SHARE_BYTES:
            reason = f"{len(data)} bytes where {DECRYPTION_SHARE_BYTES} belong"
            raise DecodingError("decryption share", reason)
        index = _decode_index("decryption share", data[:2])
        return cls(index, decode_point(data[2 : 2 + POINT_BYTES]), data[2 + POINT_BYTES :])


@dataclass(frozen=True, slots=True)
class VerifiedShare:
    """s_i·D of one commitment, proven; only `verify_share` makes one, and only these combine."""

    index: int
    commitment: Commitment
    point: Point


def decryption_share(
    committee: CommitteeKey, share: KeyShare, commitment: Commitment, context: bytes
) -> DecryptionShare:
    """This member's s_i·D with a proof bound to `context`.

    `context` names what is opened and why (deployment, batch, account, leaf): the caller answers for the
    commitment being one that may be opened, this function for D being harmless.

    Raises:
        ProofRejected: the share is not this committee's, or D is the identity or outside the subgroup, where
            a point of order 11 would reveal s_i modulo 11.
    """
    share.check(committee)
    _check_handle(commitment)
    point = commitment.d * share.secret
    statement = EqualLogs((HANDLE_BASE, commitment.d), (committee.public_share(share.index), point))
    purpose = _purpose(committee, commitment, share.index, context)
    proof = prove_equal_logs(_DECRYPTION, statement, share.secret, purpose)
    return DecryptionShare(share.index, point, proof)


def verify_share(
    committee: CommitteeKey, commitment: Commitment, share: DecryptionShare, context: bytes
) -> VerifiedShare:
    """The share in the form that combines.

    Raises:
        ProofRejected: no such member, a point that is the identity or outside the subgroup, or the proof.
        DecodingError: the proof is not two canonical scalars.
    """
    public_share = committee.public_share(share.index)
    _check_handle(commitment)
    if share.point == IDENTITY or not share.point.is_in_subgroup():
        raise ProofRejected(f"the point of member {share.index} is the identity or outside the subgroup")
    statement = EqualLogs((HANDLE_BASE, commitment.d), (public_share, share.point))
    purpose = _purpose(committee, commitment, share.index, context)
    verify_equal_logs(_DECRYPTION, statement, share.proof, purpose)
    return VerifiedShare(share.index, commitment, share.point)


def combine(committee: CommitteeKey, commitment: Commitment, shares: Sequence[VerifiedShare]) -> Point:
    """q·G = C − s·D, from the `threshold` shares of lowest index; further ones are not needed.

    Raises:
        CombinationError: a share of another commitment, two of one member, or fewer than the threshold.
        ProofRejected: D is the identity or outside the subgroup.
    """
    _check_handle(commitment)
    need = committee.threshold
    if any(share.commitment != commitment for share in shares):
        raise CombinationError("a share belongs to another commitment", len(shares), need)
    by_index = {share.index: share for share in shares}
    if len(by_index) != len(shares):
        raise CombinationError("two shares of one member", len(by_index), need)
    if len(shares) < need:
        raise CombinationError("too few shares", len(shares), need)
    indices = sorted(by_index)[:need]
    points = [by_index[index].point for index in indices]
    return commitment.c - msm(points, lagrange_at_zero(indices))


def _purpose(committee: CommitteeKey, commitment: Commitment, index: int, context: bytes) -> bytes:
    # Fixed widths first, so that the free-length context cannot run into them.
    return committee.key.encode() + commitment.encode() + index.to_bytes(2, "big") + context


def _check_handle(commitment: Commitment) -> None:
    if commitment.d == IDENTITY:
        raise ProofRejected("the handle is the identity: the amount is public already")
    if not commitment.d.is_in_subgroup() or not commitment.c.is_in_subgroup():
        raise ProofRejected("the commitment is outside the subgroup")


def check_numbers(threshold: int, members: int) -> None:
    """See that a committee may have these numbers.

    Raises:
        StatementUnsound: not 1 ≤ threshold ≤ members ≤ 64.
    """
    if not 1 <= threshold <= members <= MAX_MEMBERS:
        raise StatementUnsound(f"a threshold of {threshold} of {members} members (at most {MAX_MEMBERS})")


def _contribution(ceremony: bytes, dealer: int, point: Point) -> PolynomialStatement:
    context = ceremony + dealer.to_bytes(2, "big")
    return PolynomialStatement(_CONTRIBUTION, (Relation((HANDLE_BASE,), (point,)),), context)


def _decode_index(kind: str, data: bytes) -> int:
    index = int.from_bytes(data, "big")
    if not 1 <= index <= MAX_MEMBERS:
        raise DecodingError(kind, f"member {index}")
    return index
