"""The default fund: public contributions of members, who answer with them, pro rata, for what insurance does not cover.

Nobody takes its part back while a loss is in sight, else the first to see it would leave it to the others: no account
may be called or in default, and no shortfall open.
"""

from dataclasses import replace

from node.ledger.account import Credit
from node.ledger.checks import (
    Applied,
    Named,
    accepted_grid,
    named_account,
    proven_account,
    require_active,
    require_live,
)
from node.ledger.claims import Verifier
from node.ledger.effects import EventKind, LedgerEvent, Posting, PostingKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.messages import Contribute
from node.ledger.prices import require_allowed
from node.ledger.state import House, LedgerState
from node.ledger.types import MAX_CASH_MOVE, AccountId, Digest, MicroUsd, Status
from node.liquidation.validity import Action

_IN_SIGHT = (Status.CALLED, Status.FROZEN, Status.LIQUIDATING)


def apply_contribution(house: House, state: LedgerState, message: Contribute, verifier: Verifier) -> Applied:
    """A member's contribution, larger or smaller.

    Raises:
        Refused: with the reason; `state` is what it was.
    """
    digest = message.digest(house.deployment)
    require_live(state, message.expiry)
    named = named_account(house, state, message.reference, message.signature, digest)
    require_active(named.account)
    require_allowed(house, state, Action.WITHDRAW)
    if not 0 < abs(message.amount) < MAX_CASH_MOVE:
        raise Refused(Reason.AMOUNT_INVALID, "an amount that is not zero is required")
    if state.shortfall:
        raise Refused(Reason.FUND_LOCKED, f"a shortfall of {state.shortfall} micro-dollars is open")
    if message.amount > 0:
        return _paid_in(house, state, named, message, digest, verifier)
    return _taken_out(state, named, message)


def _paid_in(
    house: House, state: LedgerState, named: Named, message: Contribute, digest: Digest, verifier: Verifier
) -> Applied:
    after = named.account.with_cash_moved(MicroUsd(-message.amount))
    grid = accepted_grid(state, message.round)
    proven = proven_account(house, state, after, grid, digest, message.proof, "proof", verifier)
    moved = state.with_account(proven).with_fund_moved(proven.id, message.amount)
    posting = Posting(PostingKind.CASH, proven.id, -message.amount)
    return Applied(moved, (*named.postings, posting, _told(moved, proven.id, message)))


def _taken_out(state: LedgerState, named: Named, message: Contribute) -> Applied:
    account, amount = named.account, -message.amount
    part = state.default_fund.get(account.id, 0)
    if amount > part:
        raise Refused(
            Reason.AMOUNT_INVALID, f"the account's part of the fund is {part} micro-dollars", (("part", str(part)),)
        )
    if any(other.status in _IN_SIGHT for other in state.accounts.values()):
        raise Refused(Reason.FUND_LOCKED, "an account is called or in default")
    if message.proof or message.round:
        raise Refused(Reason.PROOF_INVALID, "proof: what comes back needs none")
    credited = replace(account, version=account.version + 1).credited(Credit(None, amount))
    moved = state.with_account(credited).with_fund_moved(account.id, -amount)
    posting = Posting(PostingKind.CREDITED, account.id, amount)
    return Applied(moved, (*named.postings, posting, _told(moved, account.id, message)))


def _told(state: LedgerState, member: AccountId, message: Contribute) -> LedgerEvent:
    part = state.default_fund.get(member, 0)
    return event(EventKind.FUND_CHANGED, member, amount=message.amount, part=part)
