"""One owner's message against the state: every rule checked on a copy, then the new state and its effects.

`apply_message` is total: it returns the step or raises `Refused`, and a refused message has changed nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from circuits.batch import Claim
from circuits.errors import CircuitError, ClaimsRejected
from node.ledger.account import Account
from node.ledger.claims import Verifier, opening_claim, proof_context, solvency_claim
from node.ledger.defaults import accrued_funding, asking_price, sell_portfolio, with_lots
from node.ledger.effects import Effect, EventKind, PayAction, Posting, PostingKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.messages import (
    SEALED_BOX_BYTES,
    AccountReference,
    Bid,
    MarginProof,
    Message,
    OpenAccount,
    Trade,
    Withdraw,
)
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.state import House, LedgerState, Payout, Stage
from node.ledger.types import (
    INSURANCE_ACCOUNT,
    MAX_AMOUNT,
    MAX_CASH_MOVE,
    Address,
    Digest,
    MicroUsd,
    Status,
    account_id,
)
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.instruments import Instrument
from node.market.state import check_alive
from node.market.window import lapse, window_of


@dataclass(frozen=True, slots=True)
class Applied:
    """The state after a message, and what follows from it."""

    state: LedgerState
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    """An account that a message names, with the named credits merged, and the posting that says so."""

    account: Account
    postings: tuple[Posting, ...]


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
        case Withdraw():
            return _withdraw(house, state, message, verifier)
        case Bid():
            return _bid(house, state, message, verifier)


def _open_account(house: House, state: LedgerState, message: OpenAccount) -> Applied:
    _require_live(state, message.expiry)
    name = account_id(house.deployment, message.owner, message.index)
    _require_signed(message.owner, message.signature, message.digest(house.deployment))
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
    _require_live(state, message.expiry)
    named = _named(house, state, message.reference, message.signature, digest)
    if named.account.status not in (Status.ACTIVE, Status.DUE, Status.CALLED):
        raise _not_active(named.account)
    grid = _grid(state, message.round)
    proven = _proven(house, state, named.account, grid, digest, message.proof, "proof", verifier)
    after = replace(proven, status=Status.ACTIVE, deadline=0, proposers_since_call=frozenset())
    told = event(EventKind.MARGIN_PROVEN, after.id, round=message.round, was=named.account.status.name)
    return Applied(state.with_account(after), (*named.postings, told))


def _trade(house: House, state: LedgerState, message: Trade, verifier: Verifier) -> Applied:
    terms = message.terms
    digest = terms.digest(house.deployment)
    acceptance = message.acceptance_digest(house.deployment)
    _require_live(state, terms.expiry)
    if terms.taker.account == terms.maker or message.maker.account != terms.maker:
        raise Refused(Reason.SELF_TRADE, "taker and maker must be two accounts, the maker the one in the terms")
    taker = _named(house, state, terms.taker, message.taker_signature, digest)
    maker = _named(house, state, message.maker, message.maker_signature, acceptance)
    _require_active(taker.account)
    _require_active(maker.account)
    _require_fresh_prices(state)
    _require_tradable(house, state, message)
    handle = bytes(keccak(terms.commitment.encode()[48:]))
    if terms.commitment.is_identity() or handle in state.used_handles:
        raise Refused(Reason.COMMITMENT_REUSED, "this commitment was traded before")
    grid = _grid(state, terms.round)
    opening = opening_claim(terms.commitment, message.opening_proof, proof_context(house, digest, grid))
    _check(verifier, (opening,))

    coefficient = MicroUsd(terms.price - _funding(grid, terms.instrument))
    paid = terms.commitment.scaled(coefficient)
    bought = taker.account.with_position_moved(terms.instrument, terms.commitment)
    bought = replace(bought, cash=bought.cash - paid).with_cash_moved(MicroUsd(-terms.fee))
    sold = maker.account.with_position_moved(terms.instrument, -terms.commitment)
    sold = replace(sold, cash=sold.cash + paid)
    bought = _proven(
        house, state, bought, grid, digest, message.taker_proof, "taker_proof", verifier, trade=terms.commitment
    )
    sold = _proven(house, state, sold, grid, acceptance, message.maker_proof, "maker_proof", verifier)

    log = Digest(bytes(keccak(state.trade_log + digest + handle)))
    after = replace(
        state.with_account(bought).with_account(sold),
        insurance=MicroUsd(state.insurance + terms.fee),
        used_handles=state.used_handles | {handle},
        trade_log=log,
        trades=state.trades + 1,
    )
    return Applied(after, (*taker.postings, *maker.postings, *_trade_effects(message, digest, coefficient)))


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
    _require_live(state, message.expiry)
    named = _named(house, state, message.reference, message.signature, digest)
    _require_active(named.account)
    _require_fresh_prices(state)
    if state.shortfall:
        raise Refused(Reason.WITHDRAWALS_GATED, f"a shortfall of {state.shortfall} micro-dollars is open")
    try:
        asset = house.registry.asset(message.asset)
    except MarketError as error:
        raise Refused(Reason.ASSET_UNKNOWN, str(error)) from error
    limit = MAX_CASH_MOVE if asset.is_cash else MAX_AMOUNT
    if not 0 < message.amount < limit or message.recipient == bytes(20):
        raise Refused(Reason.AMOUNT_INVALID, "an amount above zero and a recipient are required")
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
    grid = _grid(state, message.round)
    after = _proven(house, state, after, grid, digest, message.proof, "proof", verifier, withdrawn=withdrawn)
    action_id = Digest(bytes(keccak(house.deployment.digest + digest)))
    payout = Payout(action_id, after.id, message.asset, message.amount, message.recipient)
    promised = replace(state.with_account(after), payouts={**state.payouts, action_id: payout})
    told = event(EventKind.WITHDRAWN, after.id, asset=message.asset, amount=message.amount, action_id=action_id)
    pay = PayAction(action_id, message.asset, message.recipient, message.amount)
    return Applied(promised.with_escrow_moved(message.asset, message.amount), (*named.postings, posting, told, pay))


def _bid(house: House, state: LedgerState, message: Bid, verifier: Verifier) -> Applied:
    digest = message.digest(house.deployment)
    _require_live(state, message.expiry)
    named = _named(house, state, message.reference, message.signature, digest)
    _require_active(named.account)
    default = state.defaults.get(message.auction)
    # A portfolio that has settled meanwhile is empty: nobody may be paid for taking nothing.
    for_sale = default is not None and default.stage is Stage.AUCTION and default.lots
    if default is None or not for_sale or default.account == named.account.id:
        raise Refused(Reason.AUCTION_UNKNOWN, f"no auction {message.auction.hex()} is open to this account")
    _require_fresh_prices(state)
    if abs(message.limit) >= MAX_CASH_MOVE:
        raise Refused(Reason.AMOUNT_INVALID, "the limit is out of range")
    price = asking_price(house, state, default)
    if message.limit < price:
        raise Refused(
            Reason.PRICE_TOO_LOW,
            f"{message.limit} micro-dollars bid, {price} asked",
            (("asking_price", str(price)),),
        )
    grid = _grid(state, message.round)
    proven_at = MicroUsd(message.limit - sum(_funding(grid, lot.instrument) * lot.quantity for lot in default.lots))
    at_limit = with_lots(named.account, default, proven_at)
    proven = _proven(house, state, at_limit, grid, digest, message.proof, "proof", verifier)
    sale = sell_portfolio(state, default, named.account, price)
    # The proof stood at the limit price and at its round's funding. What the buyer saves against the limit, and the
    # funding since (which the window tolerates), are public movements on top.
    paid = MicroUsd(price - accrued_funding(state, default))
    buyer = proven.with_cash_moved(MicroUsd(proven_at - paid))
    return Applied(sale.state.with_account(buyer), (*named.postings, *sale.effects))


def _named(house: House, state: LedgerState, reference: AccountReference, signature: bytes, digest: Digest) -> _Named:
    account = state.accounts.get(reference.account)
    if account is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, f"account {reference.account.hex()} is not open")
    _require_signed(account.owner, signature, digest)
    if account.version != reference.version:
        raise Refused(
            Reason.VERSION_MISMATCH,
            f"version {reference.version} named, {account.version} is current",
            (("account", account.id.hex()), ("version", str(account.version))),
        )
    merged = account.merged(reference.credits)
    count = merged.credits_merged - account.credits_merged
    postings = (Posting(PostingKind.MERGED, account.id, count),) if count else ()
    return _Named(merged, postings)


def _proven(
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
    _check(verifier, (claim,), field_name)
    return replace(account.with_limbs(claim.proof.high), window=window, version=account.version + 1)


def _check(verifier: Verifier, claims: Sequence[Claim], field_name: str = "opening_proof") -> None:
    try:
        verifier.check(claims)
    except (ClaimsRejected, CircuitError) as error:
        raise Refused(Reason.PROOF_INVALID, f"{field_name}: {error}") from error


def _grid(state: LedgerState, round_number: int) -> RiskGrid:
    grid = state.grid(round_number)
    if grid is None:
        known = ",".join(str(entry.round) for entry in state.grids)
        raise Refused(
            Reason.ROUND_UNKNOWN, f"round {round_number} is not among {known or 'none'}", (("rounds", known),)
        )
    return grid


def _funding(grid: RiskGrid, instrument: str) -> int:
    return grid.instrument(instrument).funding


def _require_signed(owner: Address, signature: bytes, digest: Digest) -> None:
    try:
        signer = recover_owner(signature, digest)
    except SignatureMalformed as error:
        raise Refused(Reason.SIGNATURE_INVALID, str(error)) from error
    if signer != owner:
        raise Refused(Reason.SIGNATURE_INVALID, "not signed by the account's owner")


def _require_live(state: LedgerState, expiry: int) -> None:
    if expiry < state.hub_height:
        raise Refused(Reason.EXPIRED, f"expired at hub block {expiry}, now {state.hub_height}")


def _require_active(account: Account) -> None:
    if account.status is not Status.ACTIVE:
        raise _not_active(account)


def _not_active(account: Account) -> Refused:
    return Refused(
        Reason.ACCOUNT_NOT_ACTIVE,
        f"account {account.id.hex()} is {account.status.name}",
        (("account", account.id.hex()), ("status", account.status.name)),
    )


def _require_fresh_prices(state: LedgerState) -> None:
    if state.market.stale:
        raise Refused(Reason.ORACLE_STALE, f"no valid price of {', '.join(state.market.stale)} in the last round")


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
    if len(message.sealed_box) != SEALED_BOX_BYTES:
        raise Refused(Reason.MALFORMED, f"a sealed box of {len(message.sealed_box)} bytes, not {SEALED_BOX_BYTES}")
    if bytes(keccak(message.sealed_box)) != terms.box_digest:
        raise Refused(Reason.MALFORMED, "the sealed box is not the one in the terms")
