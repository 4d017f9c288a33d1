"""The ledger driven by hand, batch after batch, with the oracle rounds and chain events that a test asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from circuits.committee import decryption_share
from node.chains.certificates import ValidatorKey
from node.ledger.account import Account
from node.ledger.batch import (
    AccountOpening,
    Batch,
    ChainSegment,
    Deposited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    ShareSet,
    SignedObservation,
    VaultEvent,
)
from node.ledger.claims import InlineVerifier, Verifier
from node.ledger.effects import Effect, EventKind, LedgerEvent
from node.ledger.errors import BatchInvalid, Refused
from node.ledger.execution import Executed, Proposal, assemble, execute
from node.ledger.house_orders import BreakerOrder, WriteOffOrder
from node.ledger.messages import Message
from node.ledger.opening import commitments_to_open, default_context, hidden_commitments
from node.ledger.rounds import market_after
from node.ledger.state import ChainCursor, Default, House, LedgerState, genesis
from node.ledger.types import AccountId, AssetId
from node.ledger.wire import decode_batch, encode_batch
from node.liquidation.breaker import Level
from node.market.grid import RiskGrid, compute_grid
from node.market.oracle_rules import Observation, observation_digest
from node.market.state import genesis_state
from node.market.surface import Slice
from tests.support.ledger import BLOCK_SECONDS, CASH_OFFSET, CHAINS, FAR, FEED, START, Setting, Trader, token

Order = TypeVar("Order", BreakerOrder, WriteOffOrder)

FIRST_PRICES: Mapping[str, float] = {"BTC": 8_000, "ETH": 200}


@dataclass
class Clearing:
    """A house in its current state. Each batch is assembled, sent through the wire format and executed again.

    Every oracle round that falls due is made of `prices` as seen by the first `observers` validators.
    """

    setting: Setting
    state: LedgerState
    traders: list[Trader] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=lambda: dict(FIRST_PRICES))
    slices: dict[str, Callable[[int], tuple[Slice, ...]]] = field(default_factory=dict)
    """By feed, what the validator of each place quotes of forwards and smiles."""
    observers: int = 4
    liars: Mapping[int, float] = field(default_factory=dict)
    """What validators, by place, multiply every price by."""
    confidence_ppm: int = 500
    down: int | None = None
    """A validator, by place, that neither observes nor proposes."""
    running: tuple[int, ...] = ()
    """Chains that bring a block in every batch; the others do where something happened on them."""
    verifier: Verifier | None = None
    effects: list[Effect] = field(default_factory=list)
    refused: tuple[Refused, ...] = ()
    """Of the last batch."""
    body: bytes = b""
    proposer: int = 0

    @classmethod
    def start(cls, setting: Setting, *traders: Trader, verifier: Verifier | None = None) -> "Clearing":
        """A house after its first oracle round, with the traders' accounts open."""
        market = genesis_state(setting.house.registry, setting.house.market, 0, START)
        cursors = {chain: ChainCursor(0, bytes(32)) for chain in CHAINS}
        made = cls(setting, genesis(setting.house, market, 0, cursors), verifier=verifier)
        made.batch(blocks=4)
        made.open(*traders)
        return made

    @property
    def house(self) -> House:
        return self.setting.house

    @property
    def grid(self) -> RiskGrid:
        return self.state.grids[-1]

    def open(self, *traders: Trader) -> None:
        """Open the traders' accounts."""
        self.traders.extend(traders)
        if traders:
            self.batch(*(trader.open_account() for trader in traders), blocks=0)

    def account(self, trader: Trader) -> Account:
        return self.state.accounts[trader.id]

    def default_of(self, trader: Trader) -> Default:
        """The trader's latest default."""
        return max((d for d in self.state.defaults.values() if d.account == trader.id), key=lambda d: d.frozen_in)

    def told(self, kind: EventKind) -> list[LedgerEvent]:
        """Every event of a kind so far."""
        return [e for e in self.effects if isinstance(e, LedgerEvent) and e.kind is kind]

    def skip(self, blocks: int) -> None:
        """Let hub and market stand `blocks` (a multiple of the round spacing) later, as if batches had been empty."""
        market, seconds = self.state.market, blocks * BLOCK_SECONDS
        market = replace(market, height=market.height + blocks, time=market.time + seconds)
        height, time = self.state.hub_height + blocks, self.state.hub_time + seconds
        self.state = replace(self.state, hub_height=height, hub_time=time, market=market)

    def skip_to_expiry(self, instrument: str, rounds: int = 1) -> None:
        """Until the next round but `rounds` − 1 is the one that settles the instrument."""
        expiry = self.house.registry.instrument(instrument).expiry  # type: ignore[union-attr]
        left = -(-(expiry - self.state.market.time) // (4 * BLOCK_SECONDS))
        self.skip(4 * (left - rounds))

    def observations(self, number: int, time: int) -> tuple[SignedObservation, ...]:
        """The signed observations of a round."""
        seen = [
            (key, self._seen(key, place, number, feed, price, time))
            for place, key in enumerate(self.setting.keys[: self.observers])
            if place != self.down
            for feed, price in self.prices.items()
        ]
        deployment = self.house.deployment.digest
        return tuple(SignedObservation(o, key.sign_digest(observation_digest(deployment, o))) for key, o in seen)

    def _seen(self, key: ValidatorKey, place: int, number: int, feed: str, price: float, time: int) -> Observation:
        told = int(price * self.liars.get(place, 1.0) * FEED)
        return Observation(key.address, number, feed, told, self.confidence_ppm, time, self._quote(feed, place))

    def _quote(self, feed: str, place: int) -> tuple[Slice, ...]:
        quoted = self.slices.get(feed)
        return () if quoted is None else quoted(place)

    def rounds_until(self, height: int) -> tuple[OracleRound, ...]:
        """The rounds that a batch of hub block `height` must carry."""
        market, spacing = self.state.market, self.house.market.round_spacing
        due = range(market.height + spacing, height + 1, spacing)
        times = [(number, at, START + at * BLOCK_SECONDS) for number, at in enumerate(due, market.round + 1)]
        return tuple(OracleRound(number, at, time, self.observations(number, time)) for number, at, time in times)

    def segments(self, events: Mapping[int, Sequence[VaultEvent]]) -> tuple[ChainSegment, ...]:
        """One block of each named chain, and of each that runs."""
        made = []
        for chain in sorted({*events, *self.running}):
            happened = events.get(chain, ())
            block = self.state.cursors[chain].block + 1
            logged = tuple(LoggedEvent(block, index, event) for index, event in enumerate(happened))
            made.append(ChainSegment(chain, block, block, bytes(32), logged))
        return tuple(made)

    def propose(
        self,
        *sent: Message,
        events: Mapping[int, Sequence[VaultEvent]] | None = None,
        openings: tuple[AccountOpening, ...] = (),
        blocks: int = 1,
        valued: bool = True,
    ) -> Proposal:
        """A batch on top of the state, without taking it; without a grid if its rounds are not to be valued."""
        height = self.state.hub_height + blocks
        hub = HubHeader(height, bytes(32), START + height * BLOCK_SECONDS)
        rounds = self.rounds_until(height)
        market = market_after(self.house, self.state, rounds)
        due = rounds and market.priced and valued
        worthless = self.state.written_off
        grid = compute_grid(self.house.registry, self.house.market, market, worthless) if due else None
        up = [validator for place, validator in enumerate(self.house.validators) if place != self.down]
        proposer = up[self.proposer % len(up)]
        return assemble(
            self.house,
            self.state,
            proposer,
            hub,
            self.segments(events or {}),
            rounds,
            grid,
            openings,
            sent,
            self._verifier,
        )

    def batch(
        self,
        *sent: Message,
        prices: Mapping[str, float] | None = None,
        events: Mapping[int, Sequence[VaultEvent]] | None = None,
        openings: tuple[AccountOpening, ...] = (),
        blocks: int = 1,
    ) -> Executed:
        """One batch `blocks` hub blocks after the last, with every round that falls due, at `prices` from now on."""
        self.prices.update(prices or {})
        proposal = self.propose(*sent, events=events, openings=openings, blocks=blocks)
        self.body = encode_batch(proposal.batch)
        return self.take(decode_batch(self.body), proposal)

    def take(self, batch: Batch, proposal: Proposal) -> Executed:
        """Execute a batch and move on; the traders follow, and must know every commitment of theirs."""
        executed = execute(self.house, self.state, batch, self._verifier)
        assert executed == proposal.executed
        self.state = executed.state
        self.proposer += 1
        self.effects.extend(executed.effects)
        self.refused = tuple(left_out.refusal for left_out in proposal.refused)
        for trader in self.traders:
            trader.follow(executed.effects)
            self._require_known(trader)
        return executed

    @property
    def _verifier(self) -> Verifier:
        return self.verifier or InlineVerifier(self.house.committee.key)

    def _require_known(self, trader: Trader) -> None:
        account, held = self.state.accounts.get(trader.id), trader.holdings
        if account is None:
            return
        assert trader.commit(held.cash) == account.cash
        assert {n: trader.commit(o) for n, o in held.positions.items()} == account.positions
        assert {n: trader.commit(o) for n, o in held.collateral.items()} == account.collateral

    def accept(self, *sent: Message, blocks: int = 1) -> Executed:
        """A batch that refuses none of the messages."""
        executed = self.batch(*sent, blocks=blocks)
        assert self.refused == ()
        return executed

    def refusal(self, message: Message) -> str:
        """The reason for which `message` is refused: it changes nothing, and no batch may carry it."""
        proposal, empty = self.propose(message, blocks=0), self.propose(blocks=0)
        assert len(proposal.refused) == 1, "the message was accepted"
        assert proposal.batch == empty.batch
        assert proposal.executed == empty.executed
        forced = replace(proposal.batch, messages=(message,))
        with pytest.raises(BatchInvalid) as caught:
            execute(self.house, self.state, forced, self._verifier)
        assert caught.value.rule == "message"
        return proposal.refused[0].refusal.reason.value

    def deposit(self, account: AccountId, chain: int, symbol: str, amount: int, blocks: int = 0) -> Executed:
        """A deposit of `amount` ledger units."""
        return self.batch(events={chain: (Deposited(account, token(chain, symbol), amount),)}, blocks=blocks)

    def ordered(self, order: Order, signers: Sequence[int] = (0, 1, 2)) -> Order:
        """The order with the signatures of the validators at these places."""
        digest = order.digest(self.house.deployment)
        return replace(order, signatures=tuple(self.setting.keys[place].sign_digest(digest) for place in signers))

    def breaker(self, level: Level, blocks: int = 50, **changes: int) -> BreakerOrder:
        """The next order of three validators: the level, until so many hub blocks after the last batch."""
        order = BreakerOrder(self.house.epoch, self.state.orders, level, self.state.hub_height + blocks)
        return self.ordered(replace(order, **changes))

    def write_off(self, asset: str, *, reinstated: bool = False) -> WriteOffOrder:
        """The next order of three validators about a token."""
        name = AssetId(asset)
        return self.ordered(WriteOffOrder(self.house.epoch, self.state.orders, name, reinstated, FAR))

    def opening(self, default: Default, members: Sequence[int] = (1, 2, 3)) -> AccountOpening:
        """What a coordinator makes of the members' shares; the owner's knowledge stands in for the logarithms."""
        account = self.state.accounts[default.account]
        trader = next(trader for trader in self.traders if trader.id == default.account)
        held, limbs = trader.holdings, account.limbs
        values = [opening.value for opening in (*held.positions.values(), *held.collateral.values())]
        settled = [trader.opened_to[entry.position.encode()] for entry in limbs.settled]
        if limbs.high is not None:
            since = sum(entry.coefficient * q for entry, q in zip(limbs.settled, settled, strict=True))
            known = held.cash.value - limbs.public_since - since + CASH_OFFSET
            values += [known >> 32, known & 0xFFFFFFFF]
        values += settled
        assert len(values) == len(commitments_to_open(account))
        return AccountOpening(default.id, tuple(values), tuple(self.shares(default, member) for member in members))

    def shares(self, default: Default, member: int) -> ShareSet:
        """One committee member's decryption shares."""
        deal, context = self.setting.deal, default_context(default)
        hidden = hidden_commitments(self.state.accounts[default.account])
        made = (decryption_share(deal.public, deal.shares[member - 1], c, context).encode() for c in hidden)
        return ShareSet(member, tuple(made))
