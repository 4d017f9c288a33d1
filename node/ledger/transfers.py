"""Private transfers: a hidden amount of cash, or of one chain's token, moves from one account to another.

Both owners sign, so nothing hidden enters an account that its owner did not see. The sender proves that the amount is
not negative (40 bits), that what is left of a token is not either, and its margin after it. The receiver's rows only
rise: it proves its margin where it needs a window, as the new collateral must stand in it, and always for cash, which
needs limbs that the committee can open; otherwise nothing. A receiver that is due or called is cured by that proof, as
by any other.
"""

from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from circuits.auditor import NO_HANDLE, Handle
from circuits.group import IDENTITY
from circuits.pedersen import Commitment
from node.ledger.account import Account
from node.ledger.checks import (
    Applied,
    Named,
    accepted_grid,
    check_claims,
    check_counterparty,
    named_account,
    not_active,
    proven_account,
    require_active,
    require_box,
    require_counting,
    require_live,
    unused_handle,
)
from node.ledger.claims import Verifier, opening_claim, proof_context, side_handle
from node.ledger.effects import Effect, EventKind, Posting, PostingKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.messages import Transfer, TransferTerms, kept_positive, receiver_proves
from node.ledger.prices import require_allowed
from node.ledger.state import House, LedgerState
from node.ledger.types import CASH, AssetId, Digest, Status
from node.liquidation.validity import Action
from node.market.errors import MarketError


@dataclass(frozen=True, slots=True)
class SenderSide:
    """The sender's half of a transfer: the account before it (credits merged) and after it, and the used handle."""

    named: Named
    after: Account
    handle: bytes


def sender_side(house: House, state: LedgerState, transfer: Transfer, verifier: Verifier) -> SenderSide:
    """Everything that the sender alone answers for, so that a proposal can be checked before its receiver sees it.

    Raises:
        Refused: the first rule that it breaks.
    """
    terms, digest = transfer.terms, transfer.digest(house.deployment)
    require_live(state, terms.expiry)
    if terms.sender.account == terms.receiver or transfer.receiver.account != terms.receiver:
        raise Refused(
            Reason.SELF_TRANSFER, "sender and receiver must be two accounts, the receiver the one in the terms"
        )
    named = named_account(house, state, terms.sender, transfer.sender_signature, digest)
    require_active(named.account)
    if terms.receiver not in state.accounts:
        raise Refused(Reason.ACCOUNT_UNKNOWN, f"account {terms.receiver.hex()} is not open")
    _require_receptive(state.accounts[terms.receiver])
    require_allowed(house, state, Action.TRADE)
    _require_transferable(house, state, named.account, terms)
    require_box(transfer.sealed_box, terms.box_digest)
    handle = unused_handle(state, terms.commitment)
    if terms.commitment.d == IDENTITY:
        raise Refused(Reason.AMOUNT_INVALID, "the amount is not blinded")
    grid = accepted_grid(state, terms.round)
    context = proof_context(house, digest, grid)
    audit = side_handle(named.account, terms.sender_handle)
    check_claims(verifier, (opening_claim(terms.commitment, transfer.opening_proof, context, audit),))
    left = -(terms.sender_handle or NO_HANDLE)
    sent = _moved(named.account, terms.asset, -terms.commitment, left)
    after = proven_account(
        house,
        state,
        sent,
        grid,
        digest,
        transfer.sender_proof,
        "sender_proof",
        verifier,
        transfer=terms.commitment,
        withdrawn=kept_positive(terms.asset),
    )
    return SenderSide(named, after, handle)


def apply_transfer(house: House, state: LedgerState, transfer: Transfer, verifier: Verifier) -> Applied:
    """The step that a transfer takes.

    Raises:
        Refused: with the reason; `state` is what it was.
    """
    terms, digest = transfer.terms, transfer.digest(house.deployment)
    sender = sender_side(house, state, transfer, verifier)
    acceptance = transfer.acceptance_digest(house.deployment)
    named = named_account(house, state, transfer.receiver, transfer.receiver_signature, acceptance)
    _require_receptive(named.account)
    grid = accepted_grid(state, terms.round)
    context, came = proof_context(house, acceptance, grid), transfer.receiver_handle
    check_counterparty(verifier, named.account, terms.commitment, came, transfer.receiver_handle_proof, context)
    received = _moved(named.account, terms.asset, terms.commitment, came or NO_HANDLE)
    if receiver_proves(terms.asset, needs_window=received.needs_window):
        proof = transfer.receiver_proof
        received = proven_account(house, state, received, grid, acceptance, proof, "receiver_proof", verifier)
        received = replace(received, status=Status.ACTIVE, deadline=0, proposers_since_call=frozenset())
    elif transfer.receiver_proof:
        raise Refused(Reason.PROOF_INVALID, "receiver_proof: the account needs none, and then there is none")
    else:
        received = replace(received, version=received.version + 1)
    after = replace(
        state.with_account(sender.after).with_account(received),
        used_handles=state.used_handles | {sender.handle},
        trade_log=Digest(bytes(keccak(state.trade_log + digest + sender.handle))),
    )
    sent = Posting(PostingKind.TRANSFER_SENT, sender.after.id, asset=terms.asset, message=digest)
    gained = Posting(PostingKind.TRANSFER_RECEIVED, received.id, asset=terms.asset, message=digest)
    told = event(EventKind.TRANSFERRED, sender.after.id, transfer=digest, receiver=terms.receiver, asset=terms.asset)
    effects: list[Effect] = [*sender.named.postings, *named.postings, sent, gained, told]
    if named.account.status is not received.status:
        effects.append(event(EventKind.MARGIN_PROVEN, received.id, round=terms.round, was=named.account.status.name))
    return Applied(after, tuple(effects))


def _moved(account: Account, asset: AssetId, change: Commitment, handle: Handle) -> Account:
    if asset == CASH:
        return account.with_cash_changed(change, handle)
    return account.with_collateral_changed(asset, change, handle)


def _require_receptive(receiver: Account) -> None:
    """ACCOUNT_NOT_ACTIVE for a receiver in default; one that is due or called may be helped."""
    if receiver.status not in (Status.ACTIVE, Status.DUE, Status.CALLED):
        raise not_active(receiver)


def _require_transferable(house: House, state: LedgerState, sender: Account, terms: TransferTerms) -> None:
    if terms.asset == CASH:
        return
    try:
        asset = house.registry.asset(terms.asset)
    except MarketError as error:
        raise Refused(Reason.ASSET_UNKNOWN, str(error)) from error
    if asset.is_cash:
        raise Refused(Reason.ASSET_UNKNOWN, f"transfers of dollars name {CASH}, wherever they came in")
    require_counting(state, terms.asset)
    if terms.asset not in sender.collateral:
        raise Refused(Reason.AMOUNT_INVALID, f"the account holds no {terms.asset}")
