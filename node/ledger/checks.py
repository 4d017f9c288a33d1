"""The rules that several kinds of message share: signature, version, credits, round, proof. Each raises `Refused`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from circuits.auditor import Handle
from circuits.batch import Claim
from circuits.errors import CircuitError, ClaimsRejected
from circuits.group import POINT_BYTES
from circuits.pedersen import Commitment
from circuits.transcript import ProofContext
from node.ledger.account import Account
from node.ledger.claims import (
    Verifier,
    counterparty_claim,
    handle_unexpected,
    proof_context,
    side_handle,
    solvency_claim,
)
from node.ledger.effects import Effect, Posting, PostingKind
from node.ledger.errors import Reason, Refused
from node.ledger.messages import SEALED_BOX_BYTES, AccountReference
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, AssetId, Digest, Status
from node.ledger.windows import counts_written_off
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.window import lapse, window_of


@dataclass(frozen=True, slots=True)
class Applied:
    """The state after a message, and what follows from it."""

    state: LedgerState
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """An account that a message names, with the named credits merged, and the posting that says so."""

    account: Account
    postings: tuple[Posting, ...]


def named_account(
    house: House, state: LedgerState, reference: AccountReference, signature: bytes, digest: Digest
) -> Named:
    """The account of a reference, which its owner signed for and which stands at the version that it names."""
    account = state.accounts.get(reference.account)
    if account is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, f"account {reference.account.hex()} is not open")
    require_signed(account.owner, signature, digest)
    if state.bidding(account.id):
        raise Refused(
            Reason.BID_PENDING,
            "the account has a bid in this batch, whose outcome comes at its end",
            (("account", account.id.hex()),),
        )
    if account.version != reference.version:
        raise Refused(
            Reason.VERSION_MISMATCH,
            f"version {reference.version} named, {account.version} is current",
            (("account", account.id.hex()), ("version", str(account.version))),
        )
    merged = account.merged(reference.credits)
    count = merged.credits_merged - account.credits_merged
    postings = (Posting(PostingKind.MERGED, account.id, count),) if count else ()
    return Named(merged, postings)


def proven_account(
    house: House,
    state: LedgerState,
    account: Account,
    grid: RiskGrid,
    digest: Digest,
    proof: bytes,
    field_name: str,
    verifier: Verifier,
    **extra: object,
) -> Account:
    """`account` with fresh limbs, the proof's window and the next version, once the claim is with the verifier."""
    positions, collateral = tuple(account.positions), tuple(account.collateral)
    context = proof_context(house, digest, grid)
    try:
        claim = solvency_claim(account, grid, proof, context, field_name=field_name, **extra)  # type: ignore[arg-type]
        window = window_of(grid, positions, collateral)
        reason = lapse(window, state.market, positions, collateral, house.registry, house.market)
    except MarketError as error:
        raise Refused(Reason.INSTRUMENT_UNKNOWN, str(error)) from error
    if reason is not None:
        raise Refused(Reason.WINDOW_LAPSED, f"round {grid.round} no longer covers the market: {reason}")
    if (counted := counts_written_off(state, window, account)) is not None:
        raise Refused(Reason.WINDOW_LAPSED, f"round {grid.round} counts {counted}, which is written off")
    check_claims(verifier, (claim,), field_name)
    return replace(
        account.with_limbs(claim.proof.high, claim.proof.high_handle), window=window, version=account.version + 1
    )


def check_claims(verifier: Verifier, claims: Sequence[Claim], field_name: str = "opening_proof") -> None:
    """Hand claims to the verifier; PROOF_INVALID, naming the field, if it rejects them."""
    try:
        verifier.check(claims)
    except (ClaimsRejected, CircuitError) as error:
        raise Refused(Reason.PROOF_INVALID, f"{field_name}: {error}") from error


def check_counterparty(
    verifier: Verifier,
    account: Account,
    commitment: Commitment,
    handle: Handle | None,
    proof: bytes,
    context: ProofContext,
) -> None:
    """That a maker's or receiver's handle is the commitment's; HANDLE_MISSING or HANDLE_UNEXPECTED as `side_handle`."""
    audit = side_handle(account, handle)
    if audit is not None:
        claim = counterparty_claim(audit, commitment, proof, context, "handle_proof")
        check_claims(verifier, (claim,), "handle_proof")
    elif proof:
        raise handle_unexpected(account)


def accepted_grid(state: LedgerState, round_number: int) -> RiskGrid:
    """The grid of a round that proofs may still name."""
    grid = state.grid(round_number)
    if grid is None:
        known = ",".join(str(entry.round) for entry in state.grids)
        raise Refused(
            Reason.ROUND_UNKNOWN, f"round {round_number} is not among {known or 'none'}", (("rounds", known),)
        )
    return grid


def funding_of(grid: RiskGrid, instrument: str) -> int:
    """The funding index of the grid's round, in micro-dollars per lot."""
    return grid.instrument(instrument).funding


def require_signed(owner: Address, signature: bytes, digest: Digest) -> None:
    """SIGNATURE_INVALID unless `owner` signed the digest."""
    try:
        signer = recover_owner(signature, digest)
    except SignatureMalformed as error:
        raise Refused(Reason.SIGNATURE_INVALID, str(error)) from error
    if signer != owner:
        raise Refused(Reason.SIGNATURE_INVALID, "not signed by the account's owner")


def require_live(state: LedgerState, expiry: int) -> None:
    """EXPIRED after the message's last hub block."""
    if expiry < state.hub_height:
        raise Refused(Reason.EXPIRED, f"expired at hub block {expiry}, now {state.hub_height}")


def require_counting(state: LedgerState, asset: AssetId) -> None:
    """ASSET_WRITTEN_OFF for a token that counts nothing."""
    if asset in state.written_off:
        raise Refused(Reason.ASSET_WRITTEN_OFF, f"{asset} is written off", (("asset", asset),))


def require_active(account: Account) -> None:
    """ACCOUNT_NOT_ACTIVE for an account that is due, called or in default."""
    if account.status is not Status.ACTIVE:
        raise not_active(account)


def not_active(account: Account) -> Refused:
    """The refusal of a message of an account whose status does not allow it."""
    return Refused(
        Reason.ACCOUNT_NOT_ACTIVE,
        f"account {account.id.hex()} is {account.status.name}",
        (("account", account.id.hex()), ("status", account.status.name)),
    )


def unused_handle(state: LedgerState, commitment: Commitment) -> bytes:
    """keccak of the commitment's D, which no message brought into the ledger before.

    A copied commitment and a wilful default would make the committee a decryption oracle.
    """
    handle = bytes(keccak(commitment.encode()[POINT_BYTES:]))
    if commitment.is_identity() or handle in state.used_handles:
        raise Refused(Reason.COMMITMENT_REUSED, "this commitment moved something before")
    return handle


def require_box(box: bytes, box_digest: Digest) -> None:
    """MALFORMED for a sealed box of another length, or another one than the terms name."""
    if len(box) != SEALED_BOX_BYTES:
        raise Refused(Reason.MALFORMED, f"a sealed box of {len(box)} bytes, not {SEALED_BOX_BYTES}")
    if bytes(keccak(box)) != box_digest:
        raise Refused(Reason.MALFORMED, "the sealed box is not the one in the terms")
