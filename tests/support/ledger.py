"""A small house without network or chains: traders who prove and sign for real, batches that are executed twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coincurve import PrivateKey
from eth_hash.auto import keccak

from circuits.auditor import AuditorKey, AuditorSecret, Handle
from circuits.errors import Insolvent
from circuits.group import ZERO, encode_point, random_scalar
from circuits.handles import HANDLES_PROOF_BYTES, prove_handles
from circuits.opening import opening_bytes, prove_opening
from circuits.pedersen import VALUE_BASE, Commitment, Opening
from circuits.solvency import (
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    evaluate_solvency,
    prove_solvency,
    solvency_sizes,
)
from circuits.transcript import Deployment
from node.chains.certificates import ValidatorKey
from node.client.holdings import Holdings
from node.ledger import messages
from node.ledger.claims import message_context, proof_context
from node.ledger.effects import Effect, Posting, PostingKind
from node.ledger.messages import AccountReference
from node.ledger.parameters import HouseParameters
from node.ledger.state import Default, House, LedgerState
from node.ledger.transfers import kept_positive, receiver_proves
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd, account_id
from node.market.grid import RiskGrid
from node.market.listing import standard_asset, standard_registry
from node.market.rows import compile_terms
from tests.support.committee import CommitteeDeal, deal_committee

FEED = 10**8
USD = 10**6
START = 1_583_971_200
HUB_CHAIN = 31337
CHAINS = (31337, 31338, 31339, 31340)
BLOCK_SECONDS = 225
FAR = 1 << 40
RECIPIENT = Address(bytes([9] * 20))
CASH_OFFSET = 1 << 63


def token(chain_id: int, symbol: str) -> Address:
    """A distinct fake token address."""
    return Address(bytes(keccak(f"{symbol}@{chain_id}".encode()))[:20])


def address_of(key: PrivateKey) -> Address:
    """The Ethereum address of a key."""
    return Address(bytes(keccak(key.public_key.format(compressed=False)[1:]))[12:])


@dataclass(frozen=True)
class Setting:
    """What a deployment is made of, secrets included."""

    house: House
    keys: tuple[ValidatorKey, ...]
    deal: CommitteeDeal


def make_setting(backstop_owner: Address | None = None, salt: bytes = bytes(32), **rules: int) -> Setting:
    """Four validators, a committee of 3 of 4, four chains with USD, WETH and WBTC, prices 8,000 and 200."""
    keys = tuple(ValidatorKey.generate() for _ in range(4))
    deal = deal_committee(3, 4)
    assets = [standard_asset(c, token(c, s), s) for c in CHAINS for s in ("USD", "WETH", "WBTC")]
    listing = standard_registry(8_000 * FEED, 200 * FEED, START, assets)
    deployment = Deployment(HUB_CHAIN, bytes(range(20)), salt)
    backstop = account_id(deployment, backstop_owner or Address(bytes([7] * 20)), 0)
    base = HouseParameters(
        due_blocks=8,
        grace_blocks=24,
        hub_gap_blocks=40,
        auction_start_ppm=1_000_000,
        auction_fast_ppm=1_000_000,
        auction_fast_blocks=0,
        auction_blocks=16,
        insolvent_blocks=16,
        auction_discount_ppm=200_000,
        plan_slices=8,
        plan_discount_ppm=20_000,
        margin_buffer_ppm=0,
        full_below=MicroUsd(10**15),
        account_cap=MicroUsd(10**15),
        batch_cap=MicroUsd(10**15),
        reset_ppm=10**9,
        max_resets=3,
        jump_ppm=1_000_000_000,
        uncertain_ppm=50_000,
        volatile_ppm=1_000_000_000,
        tear_up_band_ppm=0,
        penalty_ppm=10_000,
        backstop=backstop,
        backstop_limit=MicroUsd(10**15),
        seizure_buffer_ppm=50_000,
        sale_floor_ppm=700_000,
        sale_seconds=3_600,
        chain_silent_blocks=1_000_000,
        seizure_blocks=1_000_000,
        sale_blocks=1_000_000,
        absent_blocks=1_000_000,
        max_hub_lag=64,
        max_messages=64,
        breaker_blocks=100,
        plans_per_batch=64,
        openings_per_batch=64,
    )
    house = House(
        deployment,
        tuple(Address(key.address) for key in keys),
        deal.public,
        listing.registry,
        listing.parameters,
        replace(base, **rules),  # type: ignore[arg-type]
    )
    return Setting(house, keys, deal)


def hollow_proof(setting: Setting, terms: SolvencyTerms, cash: int, auditor: AuditorKey | None = None) -> bytes:
    """What decodes as a proof of `terms` and proves nothing, with a genuine high limb of `cash` to open later."""
    opening = Opening(cash + CASH_OFFSET >> 32, random_scalar())
    limb = setting.house.committee.key.commit(opening).encode()
    limb += b"" if auditor is None else auditor.handle(opening.blinding).encode()
    audited = auditor is not None
    sizes = solvency_sizes(terms, audited=audited)
    points = encode_point(VALUE_BASE) * sizes.auxiliaries
    head = sizes.auxiliaries.to_bytes(2, "big") + limb + bytes(opening_bytes(audited=audited)) + points
    return head + bytes(sizes.proof - len(head))


@dataclass
class Trader:
    """An owner with one account and the openings of everything in it, kept from the ledger's postings alone.

    `hollow` traders check their solvency in plain integers and send hollow proofs, for ledgers that trust.
    """

    setting: Setting
    index: int = 0
    key: PrivateKey = field(default_factory=PrivateKey, repr=False)
    hollow: bool = False
    holdings: Holdings = field(default_factory=Holdings)
    sizes: dict[Digest, Opening] = field(default_factory=dict)
    opened_to: dict[bytes, int] = field(default_factory=dict)
    """The amount behind each commitment that was settled away, by its encoding."""
    auditor: AuditorKey | None = None
    """Whom the account's messages bring handles for."""

    @property
    def owner(self) -> Address:
        return address_of(self.key)

    @property
    def id(self) -> AccountId:
        return account_id(self.setting.house.deployment, self.owner, self.index)

    def sign(self, digest: bytes) -> bytes:
        signature = self.key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])

    def follow(self, effects: Iterable[Effect]) -> None:
        """Move the openings along the account's postings."""
        for posting in effects:
            if not isinstance(posting, Posting) or posting.account != self.id:
                continue
            if posting.kind is PostingKind.SETTLED and posting.instrument is not None:
                settled = self.holdings.position(posting.instrument)
                self.opened_to[self.commit(settled).encode()] = settled.value
            size = self.sizes.get(posting.message) if posting.message is not None else None
            self.holdings = self.holdings.apply(posting, size)

    def commit(self, opening: Opening) -> Commitment:
        return self.setting.house.committee.key.commit(opening)

    def merged(self) -> Holdings:
        """The holdings with every credit that has arrived."""
        return self.holdings.merged(len(self.holdings.waiting))

    def reference(self, state: LedgerState) -> AccountReference:
        """The current version, with every arrived credit merged."""
        return AccountReference(self.id, state.accounts[self.id].version, self.holdings.credits_arrived)

    def terms(self, grid: RiskGrid, held: Holdings, **extra: Any) -> SolvencyTerms:
        return compile_terms(grid, tuple(held.positions), tuple(held.collateral), **extra)

    def prove(
        self,
        grid: RiskGrid,
        digest: Digest,
        held: Holdings,
        trade: Opening | None = None,
        transfer: Opening | None = None,
        withdrawn: str | None = None,
        terms: SolvencyTerms | None = None,
        setting: Setting | None = None,
    ) -> bytes:
        """Solvency of `held`; `terms` other than the ledger's, or another `setting`, make a false proof."""
        house = (setting or self.setting).house
        moved = {"trade": trade is not None, "transfer": transfer is not None}
        terms = terms or self.terms(grid, held, withdrawn=withdrawn, **moved)
        exposures = (*held.positions.values(), *held.collateral.values())
        if self.hollow:
            quantities = [opening.value for opening in exposures]
            slack = evaluate_solvency(terms, held.cash.value, quantities)
            if slack < 0 or any(opening.value < 0 for opening in held.collateral.values()):
                raise Insolvent("the account does not survive its window", -slack)
            return hollow_proof(self.setting, terms, held.cash.value, self.auditor)
        inputs = SolvencyInputs(
            self.commit(held.cash),
            tuple(self.commit(opening) for opening in exposures),
            self.commit(trade) if trade is not None else None,
            self.commit(transfer) if transfer is not None else None,
        )
        witness = SolvencyWitness(held.cash, exposures, trade, transfer)
        context = proof_context(house, digest, grid)
        return prove_solvency(house.committee.key, terms, inputs, witness, context, self.auditor).encode()

    def handle(self, opening: Opening) -> Handle | None:
        """The handle of a commitment for this account's auditor, if it has one."""
        return None if self.auditor is None else self.auditor.handle(opening.blinding)

    def set_auditor(
        self, state: LedgerState, secret: AuditorSecret, openings: list[Opening] | None = None, **changes: Any
    ) -> messages.SetAuditor:
        """Names the holder of `secret`, and from then on brings handles for it; `openings` replace what is blinded."""
        house, held = self.setting.house, self.merged()
        key, self.auditor = house.committee.key, secret.key(house.committee.key)
        amounts = (held.cash, *held.positions.values(), *held.collateral.values())
        blinded = [opening for opening in amounts if opening.blinding != ZERO] if openings is None else openings
        grid = state.grids[-1] if state.accounts[self.id].needs_window else None
        message = messages.SetAuditor(
            self.reference(state),
            self.auditor,
            b"".join(self.auditor.handle(opening.blinding).encode() for opening in blinded),
            0 if grid is None else grid.round,
            bytes(32),
            FAR,
            auditor_proof=secret.prove(key, house.deployment.digest),
        )
        message = replace(message, **changes)
        digest = message.digest(house.deployment)
        proof = b"" if grid is None else self.prove(grid, digest, held)
        tied = bytes(HANDLES_PROOF_BYTES) if blinded else b""
        if blinded and not self.hollow:
            pairs, blindings = map(self.commit, blinded), [opening.blinding for opening in blinded]
            tied = prove_handles(key, self.auditor, tuple(pairs), blindings, message_context(house, digest))
        return replace(message, proof=proof, handles_proof=tied, signature=self.sign(digest))

    def remove_auditor(self, state: LedgerState, **changes: Any) -> messages.SetAuditor:
        """Takes the auditor's name back."""
        self.auditor = None
        message = messages.SetAuditor(self.reference(state), None, b"", 0, bytes(32), FAR)
        return resigned(message, self, **changes)

    def open_account(self, **changes: Any) -> messages.OpenAccount:
        message = replace(messages.OpenAccount(self.owner, self.index, bytes(32), CHAINS[0], bytes(32), FAR), **changes)
        return replace(message, signature=self.sign(message.digest(self.setting.house.deployment)))

    def margin_proof(
        self, state: LedgerState, grid: RiskGrid | None = None, setting: Setting | None = None, **changes: Any
    ) -> messages.MarginProof:
        """A proof on `grid` (the newest); `changes` are made before it is proven and signed."""
        grid = grid or state.grids[-1]
        message = messages.MarginProof(self.reference(state), grid.round, bytes(32), FAR)
        message = replace(message, **changes)
        digest = message.digest((setting or self.setting).house.deployment)
        proof = self.prove(grid, digest, self.merged(), setting=setting)
        return replace(message, proof=proof, signature=self.sign(digest))

    def withdraw(self, state: LedgerState, asset: str, amount: int, **changes: Any) -> messages.Withdraw:
        reference, grid = self.reference(state), state.grids[-1]
        message = messages.Withdraw(reference, AssetId(asset), amount, RECIPIENT, grid.round, bytes(32), FAR)
        message = replace(message, **changes)
        digest = message.digest(self.setting.house.deployment)
        if asset.startswith("USD"):
            held, withdrawn = self.merged().with_public_cash(-amount), None
        else:
            held, withdrawn = self.merged().with_collateral(AssetId(asset), -amount), asset
        proof = self.prove(grid, digest, held, withdrawn=withdrawn)
        return replace(message, proof=proof, signature=self.sign(digest))

    def contribute(self, state: LedgerState, amount: int, **changes: Any) -> messages.Contribute:
        """Into the default fund with a proof, or out of it (negative) without one."""
        reference, grid = self.reference(state), state.grids[-1]
        message = messages.Contribute(reference, MicroUsd(amount), grid.round if amount > 0 else 0, bytes(32), FAR)
        message = replace(message, **changes)
        digest = message.digest(self.setting.house.deployment)
        proof = self.prove(grid, digest, self.merged().with_public_cash(-amount)) if amount > 0 else b""
        return replace(message, proof=proof, signature=self.sign(digest))

    def bid(
        self, state: LedgerState, default: Default, limit: int, units: int | None = None, **changes: Any
    ) -> messages.Bid:
        """A bid for all or `units` of what is on offer, proven as if all were filled at the limit (of one unit)."""
        offer, grid = default.offer, state.grids[-1]
        if offer is None:
            raise ValueError("nothing is on offer")
        wanted = offer.units if units is None else units
        reference, number = self.reference(state), default.auctions
        message = messages.Bid(reference, default.id, number, wanted, MicroUsd(limit), grid.round, bytes(32), FAR)
        message = replace(message, **changes)
        digest = message.digest(self.setting.house.deployment)
        held = self.merged().with_public_cash(-limit * wanted)
        for lot in offer.unit:
            held = held.with_public_position(lot.instrument, wanted * lot.quantity)
            held = held.with_public_cash(grid.instrument(lot.instrument).funding * wanted * lot.quantity)
        before = self.prove(grid, digest, self.merged())
        proof = self.prove(grid, digest, held)
        return replace(message, proof_before=before, proof=proof, signature=self.sign(digest))


def make_trade(
    state: LedgerState,
    taker: Trader,
    maker: Trader,
    instrument: str,
    size: int,
    price: int,
    fee: int = 0,
    opening: Opening | None = None,
    taker_terms: SolvencyTerms | None = None,
    grid: RiskGrid | None = None,
    **changes: Any,
) -> messages.Trade:
    """A trade that both sides proved and signed; `changes` are made to the terms before that.

    `price` is in micro-dollars per lot, `size` in lots, positive where the taker buys. `taker_terms` replace the
    statement that the taker should prove.
    """
    house = taker.setting.house
    grid = grid or state.grids[-1]
    opening = opening or Opening(size, random_scalar())
    box = bytes(messages.SEALED_BOX_BYTES)
    terms = messages.TradeTerms(
        taker.reference(state),
        maker.id,
        InstrumentId(instrument),
        MicroUsd(price),
        MicroUsd(fee),
        grid.round,
        taker.commit(opening),
        Digest(bytes(keccak(box))),
        bytes(32),
        FAR,
        taker.handle(opening),
    )
    terms = replace(terms, **changes)
    digest = terms.digest(house.deployment)
    taker.sizes[digest] = maker.sizes[digest] = opening
    coefficient = MicroUsd(price - grid.instrument(instrument).funding)
    bought = taker.merged().traded(InstrumentId(instrument), opening, coefficient).with_public_cash(-fee)
    sold = maker.merged().traded(InstrumentId(instrument), -opening, coefficient)
    opening_proof = bytes(opening_bytes(audited=taker.auditor is not None))
    if not taker.hollow:
        opening_proof = prove_opening(
            house.committee.key, opening, terms.commitment, proof_context(house, digest, grid), taker.auditor
        )
    trade = messages.Trade(
        terms,
        box,
        opening_proof,
        taker.prove(grid, digest, bought, trade=opening, terms=taker_terms),
        taker.sign(digest),
        maker.reference(state),
        maker_handle=maker.handle(opening),
    )
    return _accepted(trade, maker, opening, sold, grid)


def _accepted(trade: messages.Trade, maker: Trader, opening: Opening, sold: Holdings, grid: RiskGrid) -> messages.Trade:
    """A trade with its maker's part; the maker holds `sold` after it."""
    house = maker.setting.house
    acceptance = trade.acceptance_digest(house.deployment)
    if maker.auditor is not None:
        context = proof_context(house, acceptance, grid)
        tied = bytes(HANDLES_PROOF_BYTES)
        if not maker.hollow:
            tied = prove_handles(
                house.committee.key, maker.auditor, (trade.terms.commitment,), (opening.blinding,), context
            )
        trade = replace(trade, maker_handle_proof=tied)
    return replace(trade, maker_proof=maker.prove(grid, acceptance, sold), maker_signature=maker.sign(acceptance))


def make_transfer(
    state: LedgerState,
    sender: Trader,
    receiver: Trader,
    asset: str,
    amount: int,
    opening: Opening | None = None,
    sender_terms: SolvencyTerms | None = None,
    proven: bool | None = None,
    **changes: Any,
) -> messages.Transfer:
    """A transfer that both sides signed and, where it has to, proved; `changes` are made to the terms before that.

    `amount` is in ledger units of `asset`; a `opening` of another value is committed to instead of it. `sender_terms`
    replace the statement that the sender should prove; `proven` says whether the receiver proves its margin.
    """
    house, grid, name = sender.setting.house, state.grids[-1], AssetId(asset)
    opening = opening or Opening(amount, random_scalar())
    box = bytes(messages.SEALED_BOX_BYTES)
    terms = messages.TransferTerms(
        sender.reference(state),
        receiver.id,
        name,
        grid.round,
        sender.commit(opening),
        Digest(bytes(keccak(box))),
        bytes(32),
        FAR,
        sender.handle(opening),
    )
    terms = replace(terms, **changes)
    digest = terms.digest(house.deployment)
    sender.sizes[digest] = receiver.sizes[digest] = opening
    left = sender.merged().transferred(name, -opening)
    opening_proof = bytes(opening_bytes(audited=sender.auditor is not None))
    if not sender.hollow:
        context = proof_context(house, digest, grid)
        opening_proof = prove_opening(house.committee.key, opening, terms.commitment, context, sender.auditor)
    sender_proof = sender.prove(grid, digest, left, transfer=opening, withdrawn=kept_positive(name), terms=sender_terms)
    reference = receiver.reference(state)
    transfer = messages.Transfer(
        terms,
        box,
        opening_proof,
        sender_proof,
        sender.sign(digest),
        reference,
        receiver_handle=receiver.handle(opening),
    )
    acceptance = transfer.acceptance_digest(house.deployment)
    if receiver.auditor is not None:
        context, tied = proof_context(house, acceptance, grid), bytes(HANDLES_PROOF_BYTES)
        if not receiver.hollow:
            blindings = (opening.blinding,)
            tied = prove_handles(house.committee.key, receiver.auditor, (terms.commitment,), blindings, context)
        transfer = replace(transfer, receiver_handle_proof=tied)
    proof = b""
    if receiver_proves(name, needs_window=state.accounts[receiver.id].needs_window) if proven is None else proven:
        proof = receiver.prove(grid, acceptance, receiver.merged().transferred(name, opening))
    return replace(transfer, receiver_proof=proof, receiver_signature=receiver.sign(acceptance))


def resigned_transfer(
    transfer: messages.Transfer, sender: Trader, receiver: Trader, /, **changes: Any
) -> messages.Transfer:
    """A transfer with some of its terms changed and signed again by both; its proofs stay what they were."""
    changed, deployment = replace(transfer, terms=replace(transfer.terms, **changes)), sender.setting.house.deployment
    return replace(
        changed,
        sender_signature=sender.sign(changed.digest(deployment)),
        receiver_signature=receiver.sign(changed.acceptance_digest(deployment)),
    )


def resigned(message: Any, owner: Trader, **changes: Any) -> Any:
    """A message with some fields changed and signed again; its proof stays what it was."""
    changed = replace(message, **changes)
    return replace(changed, signature=owner.sign(changed.digest(owner.setting.house.deployment)))


def resigned_trade(trade: messages.Trade, taker: Trader, maker: Trader, **changes: Any) -> messages.Trade:
    """A trade with some of its terms changed and signed again by both; its proofs stay what they were."""
    changed, deployment = replace(trade, terms=replace(trade.terms, **changes)), taker.setting.house.deployment
    return replace(
        changed,
        taker_signature=taker.sign(changed.digest(deployment)),
        maker_signature=maker.sign(changed.acceptance_digest(deployment)),
    )


def amounts(holdings: Holdings) -> Mapping[str, int]:
    """Cash, collateral and positions in plain integers."""
    named = {**holdings.collateral, **holdings.positions}
    return {"cash": holdings.cash.value, **{name: opening.value for name, opening in named.items()}}
