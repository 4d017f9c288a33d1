"""One owner's message, or one order of the validators, against the state: every rule checked on a copy, then the new
state and its effects.

`apply_message` is total: it returns the step or raises `Refused`, and a refused message has changed nothing.
"""

from dataclasses import replace

from eth_hash.auto import keccak

from circuits.auditor import NO_HANDLE
from node.ledger.account import Account
from node.ledger.auditors import apply_auditor
from node.ledger.bids import apply_bid
from node.ledger.checks import (
    Applied,
    accepted_grid,
    check_claims,
    check_counterparty,
    funding_of,
    named_account,
    not_active,
    proven_account,
    require_active,
    require_box,
    require_counting,
    require_live,
    require_signed,
    unused_handle,
)
from node.ledger.claims import Verifier, opening_claim, proof_context, side_handle
from node.ledger.effects import Effect, EventKind, PayAction, Posting, PostingKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.fund import apply_contribution
from node.ledger.house_orders import BreakerOrder, WriteOffOrder
from node.ledger.messages import (
    Bid,
    Contribute,
    MarginProof,
    Message,
    OpenAccount,
    SetAuditor,
    Trade,
    Transfer,
    Withdraw,
)
from node.ledger.orders import apply_order
from node.ledger.prices import require_allowed
from node.ledger.reach import silent
from node.ledger.state import House, LedgerState, Payout
from node.ledger.transfers import apply_transfer
from node.ledger.types import (
    INSURANCE_ACCOUNT,
    MAX_AMOUNT,
    MAX_CASH_MOVE,
    Digest,
    MicroUsd,
    Status,
    account_id,
)
from node.liquidation.validity import Action
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.instruments import Instrument
from node.market.state import check_alive


def apply_message(house: House, state: LedgerState, message: Message, verifier: Verifier) -> Applied:
    """The step that `message` takes.

    Raises:
        Refused: with the reason; `state` is what it was.
    """
    match message:
        case OpenAccount():
            return _open_account(house, state, message)
        case MarginProof():
            return _margin_proof(house, state, message, verifier)
        case Trade():
            return _trade(house, state, message, verifier)
        case Transfer():
            return apply_transfer(house, state, message, verifier)
        case Withdraw():
            return _withdraw(house, state, message, verifier)
        case Bid():
            return apply_bid(house, state, message, verifier)
        case Contribute():
            return apply_contribution(house, state, message, verifier)
        case SetAuditor():
            return apply_auditor(house, state, message, verifier)
        case BreakerOrder() | WriteOffOrder():
            return apply_order(house, state, message)


def _open_account(house: House, state: LedgerState, message: OpenAccount) -> Applied:
    require_live(state, message.expiry)
    name = account_id(house.deployment, message.owner, message.index)
    require_signed(message.owner, message.signature, message.digest(house.deployment))
    if name in state.accounts or name == INSURANCE_ACCOUNT:
        raise Refused(Reason.ACCOUNT_EXISTS, f"account {name.hex()} is open")
    if message.home_chain not in state.cursors:
        raise Refused(Reason.CHAIN_UNKNOWN, f"chain {message.home_chain} is not one of the house's")
    waiting = state.unclaimed.get(name, ())
    account = Account(name, message.owner, message.index, message.sealing_key, message.home_chain, inbox=waiting)
    unclaimed = {owner: credits for owner, credits in state.unclaimed.items() if owner != name}
    after = replace(state.with_account(account), unclaimed=unclaimed)
    postings = tuple(Posting(PostingKind.CREDITED, name, credit.amount, asset=credit.asset) for credit in waiting)
    return Applied(after, (event(EventKind.ACCOUNT_OPENED, name, owner=message.owner), *postings))


def _margin_proof(house: House, state: LedgerState, message: MarginProof, verifier: Verifier) -> Applied:
    digest = message.digest(house.deployment)
    require_live(state, message.expiry)
    named = named_account(house, state, message.reference, message.signature, digest)
    if named.account.status not in (Status.ACTIVE, Status.DUE, Status.CALLED):
        raise not_active(named.account)
    grid = accepted_grid(state, message.round)
    proven = proven_account(house, state, named.account, grid, digest, message.proof, "proof", verifier)
    after = replace(proven, status=Status.ACTIVE, deadline=0, proposers_since_call=frozenset())
    told = event(EventKind.MARGIN_PROVEN, after.id, round=message.round, was=named.account.status.name)
    return Applied(state.with_account(after), (*named.postings, told))


def _trade(house: House, state: LedgerState, message: Trade, verifier: Verifier) -> Applied:
    terms = message.terms
    digest = terms.digest(house.deployment)
    acceptance = message.acceptance_digest(house.deployment)
    require_live(state, terms.expiry)
    if terms.taker.account == terms.maker or message.maker.account != terms.maker:
        raise Refused(Reason.SELF_TRADE, "taker and maker must be two accounts, the maker the one in the terms")
    taker = named_account(house, state, terms.taker, message.taker_signature, digest)
    maker = named_account(house, state, message.maker, message.maker_signature, acceptance)
    require_active(taker.account)
    require_active(maker.account)
    require_allowed(house, state, Action.TRADE)
    _require_tradable(house, state, message)
    handle = unused_handle(state, terms.commitment)
    grid = accepted_grid(state, terms.round)
    _check_commitment(house, message, taker.account, maker.account, grid, verifier)
    coefficient = MicroUsd(terms.price - funding_of(grid, terms.instrument))
    size, instrument = terms.commitment, terms.instrument
    bought = taker.account.traded(instrument, size, coefficient, terms.taker_handle or NO_HANDLE)
    bought = bought.with_cash_moved(MicroUsd(-terms.fee))
    sold = maker.account.traded(instrument, -size, coefficient, -(message.maker_handle or NO_HANDLE))
    bought = proven_account(
        house, state, bought, grid, digest, message.taker_proof, "taker_proof", verifier, trade=terms.commitment
    )
    sold = proven_account(house, state, sold, grid, acceptance, message.maker_proof, "maker_proof", verifier)

    log = Digest(bytes(keccak(state.trade_log + digest + handle)))
    after = replace(
        state.with_account(bought).with_account(sold),
        insurance=MicroUsd(state.insurance + terms.fee),
        used_handles=state.used_handles | {handle},
        trade_log=log,
        trades=state.trades + 1,
    )
    return Applied(after, (*taker.postings, *maker.postings, *_trade_effects(message, digest, coefficient)))


def _check_commitment(
    house: House, trade: Trade, taker: Account, maker: Account, grid: RiskGrid, verifier: Verifier
) -> None:
    """That the taker knows what the commitment holds, and that the handles for both sides' auditors are its own."""
    terms = trade.terms
    context = proof_context(house, terms.digest(house.deployment), grid)
    audit = side_handle(taker, terms.taker_handle)
    check_claims(verifier, (opening_claim(terms.commitment, trade.opening_proof, context, audit),))
    acceptance = proof_context(house, trade.acceptance_digest(house.deployment), grid)
    check_counterparty(verifier, maker, terms.commitment, trade.maker_handle, trade.maker_handle_proof, acceptance)


def _trade_effects(message: Trade, digest: Digest, coefficient: MicroUsd) -> tuple[Effect, ...]:
    terms = message.terms
    taker, maker, instrument = terms.taker.account, terms.maker, terms.instrument
    return (
        Posting(PostingKind.TRADE_TAKEN, taker, coefficient, instrument=instrument, message=digest),
        Posting(PostingKind.CASH, taker, -terms.fee),
        Posting(PostingKind.TRADE_MADE, maker, coefficient, instrument=instrument, message=digest),
        event(
            EventKind.TRADED,
            terms.taker.account,
            trade=digest,
            maker=terms.maker,
            instrument=terms.instrument,
            price=terms.price,
            fee=terms.fee,
        ),
    )


def _withdraw(house: House, state: LedgerState, message: Withdraw, verifier: Verifier) -> Applied:
    digest = message.digest(house.deployment)
    require_live(state, message.expiry)
    named = named_account(house, state, message.reference, message.signature, digest)
    require_active(named.account)
    require_allowed(house, state, Action.WITHDRAW)
    if state.shortfall:
        raise Refused(Reason.WITHDRAWALS_GATED, f"a shortfall of {state.shortfall} micro-dollars is open")
    try:
        asset = house.registry.asset(message.asset)
    except MarketError as error:
        raise Refused(Reason.ASSET_UNKNOWN, str(error)) from error
    require_counting(state, message.asset)
    limit = MAX_CASH_MOVE if asset.is_cash else MAX_AMOUNT
    if not 0 < message.amount < limit or message.recipient == bytes(20):
        raise Refused(Reason.AMOUNT_INVALID, "an amount above zero and a recipient are required")
    if silent(house, state, asset.chain_id):
        raise Refused(Reason.CHAIN_SILENT, f"chain {asset.chain_id} has shown no new final block for too long")
    if message.amount > state.available(message.asset):
        raise Refused(
            Reason.VAULT_SHORT,
            f"the vault of {message.asset} can promise {state.available(message.asset)} units",
            (("available", str(state.available(message.asset))),),
        )
    after, withdrawn = named.account.with_cash_moved(MicroUsd(-message.amount)), None
    posting = Posting(PostingKind.CASH, after.id, -message.amount)
    if not asset.is_cash:
        if message.asset not in named.account.collateral:
            raise Refused(Reason.AMOUNT_INVALID, f"the account holds no {message.asset}")
        after, withdrawn = named.account.with_collateral_moved(message.asset, -message.amount), message.asset
        posting = Posting(PostingKind.COLLATERAL, after.id, -message.amount, asset=message.asset)
    grid = accepted_grid(state, message.round)
    after = proven_account(house, state, after, grid, digest, message.proof, "proof", verifier, withdrawn=withdrawn)
    action_id = Digest(bytes(keccak(house.deployment.digest + digest)))
    payout = Payout(action_id, after.id, message.asset, message.amount, message.recipient)
    promised = replace(state.with_account(after), payouts={**state.payouts, action_id: payout})
    told = event(EventKind.WITHDRAWN, after.id, asset=message.asset, amount=message.amount, action_id=action_id)
    pay = PayAction(action_id, message.asset, message.recipient, message.amount)
    return Applied(promised.with_escrow_moved(message.asset, message.amount), (*named.postings, posting, told, pay))


def require_on_tick(instrument: Instrument, price: MicroUsd) -> None:
    """Raises Refused for a price (µUSD per lot) that is no multiple of the instrument's tick."""
    if price % instrument.tick:
        raise Refused(Reason.AMOUNT_INVALID, f"price {price} is no multiple of the tick {instrument.tick}")


def _require_tradable(house: House, state: LedgerState, message: Trade) -> None:
    terms = message.terms
    try:
        instrument = house.registry.instrument(terms.instrument)
        check_alive(instrument, state.market.time)
    except MarketError as error:
        raise Refused(Reason.INSTRUMENT_UNKNOWN, str(error)) from error
    require_on_tick(instrument, terms.price)
    if terms.price >= MAX_AMOUNT or terms.fee >= MAX_AMOUNT:
        raise Refused(Reason.AMOUNT_INVALID, "price or fee is out of range")
    require_box(message.sealed_box, terms.box_digest)
