"""A bid for what a default has on auction: checked here, cleared with the batch's others at its end (`auctions`)."""

from dataclasses import replace

from node.ledger.account import Account
from node.ledger.auctions import asking_price, with_units
from node.ledger.checks import (
    Applied,
    accepted_grid,
    funding_of,
    named_account,
    proven_account,
    require_active,
    require_live,
)
from node.ledger.claims import Verifier
from node.ledger.errors import Reason, Refused
from node.ledger.messages import Bid
from node.ledger.prices import require_allowed
from node.ledger.state import Default, House, LedgerState, Offer, PendingBid
from node.ledger.types import MAX_AMOUNT, MAX_CASH_MOVE, MicroUsd
from node.liquidation.validity import Action
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.window import window_of


def apply_bid(house: House, state: LedgerState, message: Bid, verifier: Verifier) -> Applied:
    """The bidder's account with a fresh proof of its own behind it, and the bid among those of this batch.

    Both proofs are on one grid: of the account as it is, and after all units at the limit. What is filled at the
    asking price lies between the two and above, so no other proof is needed; the limbs are those of the first.
    """
    digest = message.digest(house.deployment)
    require_live(state, message.expiry)
    named = named_account(house, state, message.reference, message.signature, digest)
    require_active(named.account)
    default, offer = _on_offer(state, message)
    if named.account.owner == state.accounts[default.account].owner:
        raise Refused(Reason.SELF_BID, "the owner of a defaulted account cannot buy what is sold of it")
    require_allowed(house, state, Action.BID)
    _require_price(house, state, default, offer, message)
    grid = accepted_grid(state, message.round)
    before = proven_account(house, state, named.account, grid, digest, message.proof_before, "proof_before", verifier)
    filled = after_fill(named.account, offer, message.units, message.limit, grid)
    after = proven_account(house, state, filled, grid, digest, message.proof, "proof", verifier)
    window = window_of(grid, {*before.positions, *after.positions}, tuple(before.collateral))
    bidder = replace(before, window=window)
    bid = PendingBid(digest, bidder.id, default.id, message.units)
    return Applied(replace(state.with_account(bidder), bids=(*state.bids, bid)), named.postings)


def after_fill(account: Account, offer: Offer, units: int, limit: MicroUsd, grid: RiskGrid) -> Account:
    """`account` as it is proven: with all units, at the limit and at the funding of the grid's round."""
    try:
        funding = sum(funding_of(grid, lot.instrument) * lot.quantity for lot in offer.unit)
    except MarketError as error:
        raise Refused(Reason.INSTRUMENT_UNKNOWN, str(error)) from error
    return with_units(account, offer.unit, units, MicroUsd(units * (limit - funding)))


def _on_offer(state: LedgerState, message: Bid) -> tuple[Default, Offer]:
    default = state.defaults.get(message.auction)
    # What has settled meanwhile is no longer for sale: nobody may be paid for taking nothing.
    if default is None or default.offer is None or default.auctions != message.number:
        raise Refused(Reason.AUCTION_UNKNOWN, f"auction {message.number} of {message.auction.hex()} is not open")
    return default, default.offer


def _require_price(house: House, state: LedgerState, default: Default, offer: Offer, message: Bid) -> None:
    if not 0 < message.units <= offer.total or message.units >= MAX_AMOUNT:
        raise Refused(Reason.AMOUNT_INVALID, f"{message.units} units where {offer.total} were offered")
    if abs(message.limit) * message.units >= MAX_CASH_MOVE:
        raise Refused(Reason.AMOUNT_INVALID, "the limit is out of range")
    price = asking_price(house, state, default)
    if price is None:
        raise Refused(Reason.AUCTION_UNKNOWN, "what is on auction waits for its settlement")
    if message.limit < price:
        raise Refused(
            Reason.PRICE_TOO_LOW,
            f"{message.limit} micro-dollars bid for a unit, {price} asked",
            (("asking_price", str(price)),),
        )
