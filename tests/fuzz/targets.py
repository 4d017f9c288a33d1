"""What reads bytes from strangers, each with bytes that it takes, and what has to hold for all others.

A decoder refuses with its own error or takes the one encoding of what it returns. A verifier refuses with its own error
whatever is not the very proof that was made. Anything else that happens is a finding: another exception, an acceptance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from circuits.auditor import AuditorClaim, AuditorHandle, AuditorKey, AuditorSecret, Handle, ProvenAuditor
from circuits.ceremony import CeremonyKind, Complaint, decode_complaints, encode_complaints
from circuits.committee import CommitteeKey, DecryptionShare, KeyShare, decryption_share, verify_share
from circuits.dealing import DealtShare, check_dealing, draw_polynomial, make_dealing
from circuits.equation import require_all
from circuits.errors import CircuitError
from circuits.group import (
    ORDER,
    decode_curve_point,
    decode_point,
    decode_scalar,
    encode_point,
    encode_scalar,
    hash_to_point,
)
from circuits.handles import HandlesClaim, prove_handles
from circuits.linear import LinearStatement, Row, bind_statement, linear_equation, prove_linear
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import Commitment, CommitmentKey, Opening
from circuits.share_boxes import box_public_key
from circuits.solvency import (
    Exposure,
    SolvencyClaim,
    SolvencyInputs,
    SolvencyProof,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
)
from circuits.transcript import Transcript
from node.chains.certificates import Certificate
from node.chains.errors import CertificateError
from node.ledger.errors import WireError
from node.ledger.messages import AccountReference, MarginProof, OpenAccount, Transfer, TransferTerms
from node.ledger.types import AccountId, Address, AssetId, Digest
from node.ledger.wire import decode_message, encode_message
from tests.circuits.ceremonies import key_terms, seed
from tests.circuits.proofs import CONTEXT, KEY, Committed, prove, verify
from tests.support.committee import deal_committee


@dataclass(frozen=True)
class Target:
    """`read` takes bytes; what it returns is what `write` makes the same bytes of, or None for a verifier."""

    read: Callable[[bytes], Any]
    refusal: type[Exception]
    samples: tuple[bytes, ...]
    write: Callable[[Any], bytes] | None = None

    def run(self, data: bytes) -> bool:
        """Whether `data` was taken. Raises AssertionError, or whatever `read` should not raise, on a finding."""
        try:
            taken = self.read(data)
        except self.refusal:
            assert data not in self.samples, "its own sample was refused"
            return False
        if self.write is None:
            assert data in self.samples, "something else than the proof was accepted"
        else:
            assert self.write(taken) == data, "the encoding was not the canonical one"
        return True


def _circuit(read: Callable[[bytes], Any], write: Callable[[Any], bytes], *samples: bytes) -> Target:
    return Target(read, CircuitError, samples, write)


def _encoded(kind: Any, *samples: Any) -> Target:
    return _circuit(kind.decode, lambda made: made.encode(), *(made.encode() for made in samples))


def _proof(check: Callable[[bytes], object], proof: bytes) -> Target:
    return Target(check, CircuitError, (proof,))


@cache
def targets() -> dict[str, Target]:
    """Every target by name. Made once: the samples hold real proofs."""
    return {**_primitives(), **_keys(), **_proofs(), **_ceremonies(), **_messages()}


def _primitives() -> dict[str, Target]:
    point = hash_to_point(b"fuzz", b"zkclear/test")
    return {
        "point": _circuit(lambda data: decode_point(data, allow_identity=True), encode_point, encode_point(point)),
        "curve point": _circuit(decode_curve_point, encode_point, encode_point(point), bytes([0x80]) + bytes(47)),
        "scalar": _circuit(decode_scalar, encode_scalar, bytes(32), (ORDER - 1).to_bytes(32, "big")),
        "commitment": _encoded(Commitment, KEY.commit(Opening.fresh(7)), Commitment.public(0)),
        "commitment key": _encoded(CommitmentKey, KEY),
        "handle": _encoded(Handle, Handle(point)),
        "auditor key": _encoded(AuditorKey, AuditorKey(point)),
    }


def _keys() -> dict[str, Target]:
    deal = deal_committee(2, 3)
    commitment = deal.public.key.commit(Opening.fresh(5))
    share = decryption_share(deal.public, deal.shares[0], commitment, b"fuzz")
    secret = AuditorSecret.generate()
    named = ProvenAuditor(secret.key(KEY), secret.prove(KEY, b"house"))

    def check_share(data: bytes) -> None:
        verify_share(deal.public, commitment, DecryptionShare.decode(data), b"fuzz")

    def check_auditor(data: bytes) -> None:
        proven = ProvenAuditor.decode(data)
        AuditorClaim(proven.key, proven.proof, b"house").verify(KEY)

    return {
        "committee key": _encoded(CommitteeKey, deal.public),
        "key share": _encoded(KeyShare, deal.shares[0]),
        "decryption share": _encoded(DecryptionShare, share),
        "a decryption share's proof": _proof(check_share, share.encode()),
        "auditor": _encoded(ProvenAuditor, named),
        "an auditor's proof": _proof(check_auditor, named.encode()),
    }


def _proofs() -> dict[str, Target]:
    opening = Opening.fresh(-5)
    commitment, secret = KEY.commit(opening), AuditorSecret.generate()
    auditor = secret.key(KEY)
    handle = auditor.handle(opening.blinding)
    tied = prove_handles(KEY, auditor, (commitment,), [opening.blinding], CONTEXT)
    audit = AuditorHandle(auditor, handle)
    rows = Committed.of((77, 5), (16, 8))
    return {
        "an opening proof": _proof(
            lambda data: OpeningClaim(commitment, data, CONTEXT).verify(KEY),
            prove_opening(KEY, opening, commitment, CONTEXT),
        ),
        "an audited opening proof": _proof(
            lambda data: OpeningClaim(commitment, data, CONTEXT, audit).verify(KEY),
            prove_opening(KEY, opening, commitment, CONTEXT, auditor),
        ),
        "a proof of handles": _proof(
            lambda data: HandlesClaim(auditor, (commitment,), (handle,), data, CONTEXT).verify(KEY), tied
        ),
        "a range proof": _proof(lambda data: verify(rows, data), prove(rows)),
        "a linear proof": _linear(),
        **_solvency(),
    }


def _linear() -> Target:
    statement = LinearStatement((1 << 16,) * 2, 0, (Row((0, 1), (3, -2), 7, 24), Row((1,), (1,), 0, 16)))
    openings = [Opening.fresh(900), Opening.fresh(5)]
    commitments = [KEY.commit(opening) for opening in openings]

    def transcript() -> Transcript:
        begun = Transcript(b"fuzz", CONTEXT, KEY.words())
        bind_statement(begun, statement, commitments, ())
        return begun

    def check(data: bytes) -> None:
        points = [pair.c for pair in commitments]
        require_all(KEY, [linear_equation(statement, points, data, transcript())])

    return _proof(check, prove_linear(KEY, statement, openings, transcript()))


def _solvency() -> dict[str, Target]:
    terms = SolvencyTerms((2,), (Exposure(0, (-9, 11), 1, 2, 0, 3, True),), True)
    witness = SolvencyWitness(Opening.fresh(1000), (Opening.fresh(4),), Opening.fresh(4))
    cash, position, trade = map(KEY.commit, witness.openings)
    inputs = SolvencyInputs(cash, (position,), trade)
    proof = prove_solvency(KEY, terms, inputs, witness, CONTEXT)

    def check(data: bytes) -> None:
        SolvencyClaim(terms, inputs, SolvencyProof.decode(data), CONTEXT).verify(KEY)

    return {"solvency proof": _encoded(SolvencyProof, proof), "a solvency proof": _proof(check, proof.encode())}


def _ceremonies() -> dict[str, Target]:
    terms, secrets = key_terms(3, 4), [bytes([place]) * 32 for place in (1, 2, 3, 4)]
    keys = tuple(box_public_key(secret) for secret in secrets)
    polynomial = draw_polynomial(terms, 2, seed(2), None)
    body = make_dealing(terms, 2, polynomial, keys, seed(2))
    complaints = [Complaint(1, bytes([7]) * 32), Complaint(3, None)]
    share = polynomial.share(1)
    return {
        "a dealing": _proof(lambda data: check_dealing(terms, 2, keys, data), body),
        "complaints": _circuit(decode_complaints, encode_complaints, encode_complaints(complaints), b""),
        "dealt share": _circuit(
            lambda data: DealtShare.decode(CeremonyKind.KEY, data),
            lambda made: made.encode(CeremonyKind.KEY),
            share.encode(CeremonyKind.KEY),
        ),
    }


def _messages() -> dict[str, Target]:
    """Protocol buffers have many encodings of one message: what is taken must come back the same, once written anew."""
    reference = AccountReference(AccountId(bytes([3]) * 32), 4, 1)
    digest, pair = Digest(bytes([9]) * 32), KEY.commit(Opening.fresh(8))
    terms = TransferTerms(reference, AccountId(bytes([4]) * 32), AssetId("CASH"), 2, pair, digest, bytes(32), 50)
    sent = (
        OpenAccount(Address(bytes([1]) * 20), 0, bytes([2]) * 32, 31337, bytes(32), 9, bytes(65)),
        MarginProof(reference, 2, bytes(32), 50, bytes(40), bytes(65)),
        Transfer(terms, bytes(96), bytes(160), bytes(300), bytes(65), reference),
    )

    def read(data: bytes) -> bytes:
        message = decode_message(data)
        assert decode_message(encode_message(message)) == message, "written anew, it is another message"
        return data

    quorum = Certificate(0b101, (bytes(64), bytes(64)))
    return {
        "owner's message": Target(read, WireError, tuple(map(encode_message, sent)), lambda data: data),
        "certificate": Target(Certificate.decode, CertificateError, (quorum.encode(),), lambda made: made.encode()),
    }
