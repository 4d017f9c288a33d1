"""The ledger as the laboratory drives it: rounds gathered, batches assembled by `node.ledger.execution`, books checked.

Every batch goes through `assemble`, which ends with both invariants; a batch may carry several rounds, so that nothing
happens in a quiet market but the market itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from devnet.stress.house import BLOCKS_PER_ROUND, CHAIN, Laboratory
from devnet.stress.plain_verifier import PlainVerifier
from devnet.stress.population import Population
from node.ledger.account import Account
from node.ledger.batch import (
    AccountOpening,
    ChainSegment,
    Deposited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    SignedObservation,
)
from node.ledger.execution import Proposal, assemble
from node.ledger.messages import Message
from node.ledger.prices import after_round
from node.ledger.rounds import next_market
from node.ledger.state import ChainCursor, LedgerState, genesis
from node.ledger.types import AccountId, MicroUsd
from node.market.grid import RiskGrid, compute_grid
from node.market.oracle_rules import Observation, observation_digest
from node.market.state import MarketState, genesis_state


@dataclass(frozen=True, slots=True)
class Deposit:
    """Dollars that an owner sends to its account."""

    account: AccountId
    amount: MicroUsd


class Composed(Protocol):
    """What goes into a batch beside rounds and openings."""

    @property
    def grid(self) -> RiskGrid:
        """Of the last round."""
        ...

    @property
    def deposits(self) -> Sequence[Deposit]:
        """They come before the messages."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """In the order in which they were drafted."""
        ...


@dataclass(slots=True)
class Ledger:
    """The state after the last batch, and the rounds since then."""

    laboratory: Laboratory
    verifier: PlainVerifier
    state: LedgerState
    ahead: LedgerState
    """The same with the market after the rounds."""
    rounds: list[OracleRound] = field(default_factory=list)
    batches: int = 0

    @classmethod
    def open(
        cls, laboratory: Laboratory, accounts: Mapping[AccountId, Account], population: Population, time: int
    ) -> "Ledger":
        """The ledger with the first book in it: public amounts, no windows yet.

        `time` is in Unix seconds, before the first round.
        """
        house = laboratory.house
        market = genesis_state(house.registry, house.market, 0, time)
        first = genesis(house, market, 0, {CHAIN: ChainCursor(0, bytes(32))})
        cash = sum(character.equity for character in population.characters)
        state = replace(
            first,
            accounts=accounts,
            inventory={laboratory.dollars: cash + population.insurance},
            insurance=population.insurance,
        )
        return cls(laboratory, PlainVerifier(laboratory.commit), state, state)

    @property
    def market(self) -> MarketState:
        """After the rounds."""
        return self.ahead.market

    def observe(self, prices: Mapping[str, int], time: int) -> None:
        """One more oracle round, signed by the validator; it is booked with the next batch."""
        house, key = self.laboratory.house, self.laboratory.validator
        number, height = self.market.round + 1, self.market.height + BLOCKS_PER_ROUND
        seen = [Observation(key.address, number, symbol, price, 0, time) for symbol, price in sorted(prices.items())]
        digest = house.deployment.digest
        signed = tuple(SignedObservation(o, key.sign_digest(observation_digest(digest, o))) for o in seen)
        entry = OracleRound(number, height, time, signed)
        self.ahead = after_round(house, self.ahead, next_market(house, self.ahead, entry).market)
        self.rounds.append(entry)

    def preview(self) -> LedgerState:
        """The state as messages of the next batch find it, deposits and openings aside."""
        if not self.rounds:
            return self.state
        market, grids = self.market, (*self.state.grids, self._grid())
        return replace(self.ahead, grids=grids, hub_height=market.height, hub_time=market.time)

    def _grid(self) -> RiskGrid:
        house = self.laboratory.house
        return compute_grid(house.registry, house.market, self.market)

    def commit(self, composed: "Composed", openings: Sequence[AccountOpening]) -> Proposal:
        """Book the gathered rounds and everything else in one batch.

        Raises:
            node.ledger.errors.InvariantBroken: the books do not add up afterwards.
            node.ledger.errors.BatchInvalid: rounds, deposits or openings that the ledger does not take.
        """
        hub = HubHeader(self.market.height, bytes(32), self.market.time)
        proposal = assemble(
            self.laboratory.house,
            self.state,
            self.laboratory.house.validators[0],
            hub,
            self._segments(composed.deposits),
            self.rounds,
            composed.grid if self.rounds else None,
            openings,
            composed.messages,
            self.verifier,
        )
        self.verifier.forget()
        self.state = self.ahead = proposal.executed.state
        self.rounds = []
        self.batches += 1
        return proposal

    def _segments(self, deposits: Sequence[Deposit]) -> tuple[ChainSegment, ...]:
        if not deposits:
            return ()
        block = self.state.cursors[CHAIN].block + 1
        events = (Deposited(deposit.account, self.laboratory.token, deposit.amount) for deposit in deposits)
        logged = tuple(LoggedEvent(block, place, event) for place, event in enumerate(events))
        return (ChainSegment(CHAIN, block, block, bytes(32), logged),)
