"""Messages of one batch: composed for every participant on the state that the batch will find, and signed.

The proofs have the right size and prove nothing: the laboratory's verifier is told the openings instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from eth_hash.auto import keccak

from circuits.group import ONE, encode_point, scalar
from circuits.opening import opening_bytes
from circuits.pedersen import VALUE_BASE, Opening
from circuits.solvency import SolvencyTerms, evaluate_solvency, solvency_sizes
from circuits.transcript import Deployment
from devnet.stress.ledger import Deposit, Ledger
from devnet.stress.participants import Participant, Participants
from devnet.stress.plain_verifier import high_limb
from node.client.holdings import Holdings, WaitingCredit
from node.ledger.messages import SEALED_BOX_BYTES, AccountReference, Bid, MarginProof, Message, Trade, TradeTerms
from node.ledger.prices import allowed
from node.ledger.state import Default, LedgerState, Lot
from node.ledger.types import ROW_UNITS_PER_MICRO_USD, Digest, InstrumentId, MicroUsd, Status
from node.liquidation.validity import Action
from node.market.grid import RiskGrid
from node.market.rows import compile_terms

_FAR: Final = 1 << 40
_BOX: Final = bytes(SEALED_BOX_BYTES)
_POINT: Final = encode_point(VALUE_BASE)
_NO_PROOF: Final = bytes(opening_bytes(audited=False))


@dataclass(frozen=True, slots=True)
class _Statement:
    """What a margin statement of a round depends on."""

    positions: tuple[InstrumentId, ...]
    trade: bool


@dataclass(slots=True)
class Composer:
    """Collects a batch's deposits and messages; every participant's draft moves along."""

    ledger: Ledger
    state: LedgerState
    """As the messages find it (`Ledger.preview`)."""
    first_blinding: int
    """Of this batch's trades: each has another, since a commitment trades once."""
    messages: list[Message] = field(default_factory=list)
    deposits: list[Deposit] = field(default_factory=list)
    trades: int = 0
    _compiled: dict[_Statement, SolvencyTerms] = field(default_factory=dict)

    @classmethod
    def begin(cls, ledger: Ledger, participants: Participants, first_blinding: int) -> "Composer":
        """A batch on top of the ledger's rounds, with everybody's draft where the ledger is."""
        made = cls(ledger, ledger.preview(), first_blinding)
        for entry in participants.everybody:
            account = ledger.state.accounts[entry.id]
            entry.begin(account.version, active=account.status is Status.ACTIVE)
        return made

    @property
    def grid(self) -> RiskGrid:
        """What proofs of this batch name."""
        return self.state.grids[-1]

    def slack(self, held: Holdings) -> MicroUsd:
        """Micro-dollars by which holdings exceed initial margin, rounded down."""
        quantities = [opening.value for opening in held.positions.values()]
        return MicroUsd(evaluate_solvency(self._terms(held), held.cash.value, quantities) // ROW_UNITS_PER_MICRO_USD)

    def deposit(self, entry: Participant, amount: MicroUsd) -> None:
        """From the owner's reserve; it waits in the inbox until a message merges it."""
        self.deposits.append(Deposit(entry.id, amount))
        entry.reserve = MicroUsd(entry.reserve - amount)
        credit = WaitingCredit(None, amount)
        entry.draft = replace(entry.draft, waiting=(*entry.draft.waiting, credit))

    def prove(self, entry: Participant) -> bool:
        """Send a margin proof if the account has the margin; whether it has."""
        held = _merged(entry.draft)
        if self.slack(held) < 0:
            return False
        unsigned = MarginProof(self._reference(entry), self.grid.round, bytes(32), _FAR)
        proof = self._proof(held, self._terms(held))
        self.messages.append(replace(unsigned, proof=proof, signature=entry.sign(unsigned.digest(self._deployment))))
        self._advance(entry, held)
        return True

    def trade(
        self, taker: Participant, maker: Participant, instrument: InstrumentId, lots: int, price: MicroUsd
    ) -> bool:
        """Send a trade in which the taker buys `lots` (sells, if negative) at `price` micro-dollars a lot.

        False, and nothing sent, if either side lacks the margin after it or may not trade.
        """
        size = Opening(lots, scalar(self.first_blinding + self.trades))
        bought = _merged(taker.draft).traded(instrument, size, price)
        sold = _merged(maker.draft).traded(instrument, -size, price)
        if (
            not (self._allowed(Action.TRADE) and taker.active and maker.active)
            or min(self.slack(bought), self.slack(sold)) < 0
        ):
            return False
        commitment = self.ledger.laboratory.commit(size)
        terms = TradeTerms(
            self._reference(taker),
            maker.id,
            instrument,
            price,
            MicroUsd(0),
            self.grid.round,
            commitment,
            Digest(bytes(keccak(_BOX))),
            bytes(32),
            _FAR,
        )
        digest = terms.digest(self._deployment)
        taken = self._proof(bought, self._terms(bought, trade=True))
        trade = Trade(terms, _BOX, _NO_PROOF, taken, taker.sign(digest), self._reference(maker))
        acceptance = maker.sign(trade.acceptance_digest(self._deployment))
        proof = self._proof(sold, self._terms(sold))
        self.messages.append(replace(trade, maker_proof=proof, maker_signature=acceptance))
        self.ledger.verifier.tell((size,))
        taker.sizes[digest] = maker.sizes[digest] = size
        self.trades += 1
        self._advance(taker, bought)
        self._advance(maker, sold)
        return True

    def bid(self, entry: Participant, default: Default, limit: MicroUsd) -> int:
        """Bid `limit` micro-dollars a unit for as much of what is on offer as the account has the margin for.

        How many units; 0, and nothing sent, if it is none. It is the account's last message of the batch.
        """
        offer, before = default.offer, _merged(entry.draft)
        if offer is None or not (self._allowed(Action.BID) and entry.active) or self.slack(before) < 0:
            return 0
        units = _most(offer.units, lambda count: self.slack(_filled(before, offer.unit, count, limit)) >= 0)
        if not units:
            return 0
        reference = self._reference(entry)
        unsigned = Bid(reference, default.id, default.auctions, units, limit, self.grid.round, bytes(32), _FAR)
        after = _filled(before, offer.unit, units, limit)
        proofs = (self._proof(before, self._terms(before)), self._proof(after, self._terms(after)))
        signature = entry.sign(unsigned.digest(self._deployment))
        self.messages.append(replace(unsigned, proof_before=proofs[0], proof=proofs[1], signature=signature))
        entry.active = False
        return units

    def least_reduction(self, entry: Participant, instrument: InstrumentId, price: MicroUsd) -> int:
        """The fewest lots to trade (signed) at `price` after which the account has initial margin; 0 if none does."""
        held = _merged(entry.draft)
        lots = held.position(instrument).value
        sign = -1 if lots > 0 else 1

        def lacking(count: int) -> bool:
            return self.slack(held.traded(instrument, Opening.public(sign * count), price)) < 0

        enough = 1 + _most(abs(lots), lacking)
        return sign * enough if enough <= abs(lots) else 0

    def _allowed(self, action: Action) -> bool:
        return allowed(self.ledger.laboratory.house, self.state, action)

    @property
    def _deployment(self) -> Deployment:
        return self.ledger.laboratory.house.deployment

    def _reference(self, entry: Participant) -> AccountReference:
        return AccountReference(entry.id, entry.version, entry.draft.credits_arrived)

    def _terms(self, held: Holdings, *, trade: bool = False) -> SolvencyTerms:
        key = _Statement(tuple(held.positions), trade)
        if key not in self._compiled:
            self._compiled[key] = compile_terms(self.grid, key.positions, (), trade=trade)
        return self._compiled[key]

    def _proof(self, held: Holdings, terms: SolvencyTerms) -> bytes:
        """What decodes as a proof of `terms`, once the verifier knows the openings behind it."""
        high = Opening(high_limb(held.cash.value), ONE)
        self.ledger.verifier.tell((held.cash, *held.positions.values(), high))
        sizes = solvency_sizes(terms)
        head = sizes.auxiliaries.to_bytes(2, "big") + self.ledger.laboratory.commit(high).encode()
        head += _NO_PROOF + _POINT * sizes.auxiliaries
        return head + bytes(sizes.proof - len(head))

    @staticmethod
    def _advance(entry: Participant, held: Holdings) -> None:
        entry.draft, entry.version, entry.active = held, entry.version + 1, True


def _merged(held: Holdings) -> Holdings:
    return held.merged(len(held.waiting))


def _filled(held: Holdings, unit: Sequence[Lot], units: int, price: MicroUsd) -> Holdings:
    for lot in unit:
        held = held.with_public_position(lot.instrument, units * lot.quantity)
    return held.with_public_cash(-units * price)


def _most(limit: int, holds: Callable[[int], bool]) -> int:
    """The largest count up to `limit` up to which `holds`, which it does from 1 to some count and not beyond; or 0."""
    low, high = 0, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
