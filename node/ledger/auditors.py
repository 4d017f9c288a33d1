"""Naming an auditor, and taking the name back.

The owner brings a key that somebody can read with, and a handle for each amount that is hidden now; whatever it hides
later brings its handle along, or is refused. Without handles for what was there before, the auditor could not read a
single sum. Taking the name back stops the handles; what the auditor has read, it knows.
"""

from dataclasses import replace
from typing import Final

from circuits.auditor import AUDITOR_PROOF_BYTES, NO_HANDLE, AuditorClaim, AuditorKey, Handle
from circuits.errors import DecodingError
from circuits.group import IDENTITY, POINT_BYTES
from circuits.handles import HANDLES_PROOF_BYTES, HandlesClaim
from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.audit import Audit
from node.ledger.checks import (
    Applied,
    accepted_grid,
    check_claims,
    named_account,
    not_active,
    proven_account,
    require_live,
)
from node.ledger.claims import Verifier, message_context
from node.ledger.effects import EventKind, Posting, PostingKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.messages import SetAuditor
from node.ledger.state import House, LedgerState
from node.ledger.types import AssetId, Digest, InstrumentId, Status

_PROOFS: Final = ("auditor_proof", "handles_proof", "proof")


def apply_auditor(house: House, state: LedgerState, message: SetAuditor, verifier: Verifier) -> Applied:
    """The step that a SetAuditor takes.

    Raises:
        Refused: with the reason; `state` is what it was.
    """
    digest = message.digest(house.deployment)
    require_live(state, message.expiry)
    named = named_account(house, state, message.reference, message.signature, digest)
    if named.account.status not in (Status.ACTIVE, Status.DUE, Status.CALLED):
        raise not_active(named.account)
    if message.auditor is None:
        _require_bare(message)
        after = replace(named.account, audit=None, version=named.account.version + 1)
        told = [event(EventKind.AUDITOR_REMOVED, after.id)]
    else:
        audit = _audit(house, named.account, message, message.auditor, digest, verifier)
        after = _proven(house, state, replace(named.account, audit=audit), message, digest, verifier)
        told = [event(EventKind.AUDITOR_NAMED, after.id, auditor=message.auditor.encode())]
    if after.status is not named.account.status:
        was = named.account.status.name
        told.append(event(EventKind.MARGIN_PROVEN, after.id, round=message.round, was=was))
    posting = Posting(PostingKind.AUDITOR, after.id, message=digest)
    return Applied(state.with_account(after), (*named.postings, posting, *told))


def blinded_amounts(account: Account) -> tuple[Commitment, ...]:
    """What a SetAuditor brings handles for: cash, positions by id, collateral by id, as far as they have a blinding."""
    amounts = (account.cash, *account.positions.values(), *account.collateral.values())
    return tuple(amount for amount in amounts if amount.d != IDENTITY)


def _audit(
    house: House, account: Account, message: SetAuditor, auditor: AuditorKey, digest: Digest, verifier: Verifier
) -> Audit:
    """The auditor with its handles, once the claims are with the verifier. Lengths come before points."""
    if len(message.auditor_proof) != AUDITOR_PROOF_BYTES:
        length = len(message.auditor_proof)
        raise Refused(Reason.AUDITOR_INVALID, f"auditor_proof: {length} bytes where {AUDITOR_PROOF_BYTES} belong")
    known = AuditorClaim(auditor, message.auditor_proof, house.deployment.digest)
    check_claims(verifier, (known,), "auditor_proof")
    amounts = blinded_amounts(account)
    if len(message.handles) != POINT_BYTES * len(amounts):
        detail = f"{len(message.handles)} bytes of handles for {len(amounts)} amounts with a blinding"
        raise Refused(Reason.HANDLE_MISSING, detail, (("amounts", str(len(amounts))),))
    if len(message.handles_proof) != (HANDLES_PROOF_BYTES if amounts else 0):
        raise Refused(Reason.PROOF_INVALID, f"handles_proof: {len(message.handles_proof)} bytes")
    handles = _decoded(message.handles)
    if amounts:
        context = message_context(house, digest)
        claim = HandlesClaim(auditor, amounts, handles, message.handles_proof, context)
        check_claims(verifier, (claim,), "handles_proof")
    return _placed(account, auditor, handles)


def _decoded(handles: bytes) -> tuple[Handle, ...]:
    try:
        return tuple(Handle.decode(handles[at : at + POINT_BYTES]) for at in range(0, len(handles), POINT_BYTES))
    except DecodingError as error:
        raise Refused(Reason.MALFORMED, f"handles: {error}") from error


def _placed(account: Account, auditor: AuditorKey, handles: tuple[Handle, ...]) -> Audit:
    """The handles beside the amounts that they are for, in the order of `blinded_amounts`."""
    rest = iter(handles)
    cash = next(rest) if account.cash.d != IDENTITY else NO_HANDLE
    positions: dict[InstrumentId, Handle] = {
        name: next(rest) for name, held in account.positions.items() if held.d != IDENTITY
    }
    collateral: dict[AssetId, Handle] = {
        name: next(rest) for name, held in account.collateral.items() if held.d != IDENTITY
    }
    # An account that needs no window has settled public positions at most, whose handles are nothing.
    settled = (NO_HANDLE,) * len(account.limbs.settled)
    return Audit(auditor, cash, collateral, positions, settled=settled)


def _proven(
    house: House, state: LedgerState, account: Account, message: SetAuditor, digest: Digest, verifier: Verifier
) -> Account:
    if account.needs_window:
        grid = accepted_grid(state, message.round)
        proven = proven_account(house, state, account, grid, digest, message.proof, "proof", verifier)
        return replace(proven, status=Status.ACTIVE, deadline=0, proposers_since_call=frozenset())
    if message.proof or message.round:
        raise Refused(Reason.PROOF_INVALID, "proof: the account needs none, and then there is none")
    return replace(account, version=account.version + 1)


def _require_bare(message: SetAuditor) -> None:
    brought = [name for name in ("handles", *_PROOFS) if getattr(message, name)]
    if brought or message.round:
        raise Refused(Reason.MALFORMED, f"without an auditor there is no {', '.join(brought) or 'round'}")
