"""One default from its freeze to its end, in a network of four validators whose one may fail at any of its steps."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from clearing.v1 import batch_pb2

from circuits.committee import decryption_share
from node.chains import certificates
from node.chains.certificates import ValidatorKey
from node.coordinator.actions import ACTION
from node.coordinator.coordinator import Coordinator, Surroundings
from node.coordinator.shares import SHARES
from node.ledger.batch import ShareSet, Sold
from node.ledger.effects import Effect, EventKind, LedgerEvent, Posting, SeizeAction
from node.ledger.epochs import Epochs
from node.ledger.errors import Reason, Refused
from node.ledger.opening import hidden_commitments
from node.ledger.state import Default, LedgerState, Seizure, Stage
from node.ledger.types import INSURANCE_ACCOUNT, MicroUsd, Status
from node.ledger.wire import decode_batch, encode_batch, share_set_to_proto
from node.sequencing.finality import BatchArchive
from node.sequencing.payloads import DISPUTE, PROPOSAL, ProposalPayload
from node.sequencing.sequencer import FinalNews, Sequencer, Settings, Timings, World
from node.sequencing.workers import rejected_claims
from node.store import Store
from tests.node.coordinator.default_vaults import VAULTS, AuctioningVault, Door
from tests.node.sequencing.world import FakeFeeds, FakeMesh, FakeView, Network, Node, Workers
from tests.support.ledger import BLOCK_SECONDS, CHAINS, USD, Setting, Trader, make_setting
from tests.support.scenes import Scene, on_margin

T = TypeVar("T")
FIRST, SECOND = CHAINS[1], CHAINS[2]
"""The chains on which the defaulter's collateral lies."""
TIMINGS = Timings(batch_interval=0.02, proposer_timeout=0.4, observation_timeout=0.2, commit_fallback=0.2)
RELAY_FALLBACK = 0.1
PRICE = 5_500
FINAL_BLOCKS = 2
_ENDS_OF_DEFAULT = frozenset(
    {
        EventKind.FROZEN,
        EventKind.OPENED,
        EventKind.PLANNED,
        EventKind.ON_AUCTION,
        EventKind.PORTFOLIO_SOLD,
        EventKind.SEIZED,
        EventKind.SOLD,
        EventKind.INSURANCE_PAID,
        EventKind.DEFAULT_CLOSED,
    }
)
_WHO_AND_WHEN = frozenset({"members"})
"""Attributes that may differ between two plays: which three members opened the account."""


class Step(StrEnum):
    """What is to happen next when the validator fails."""

    FREEZE = "freeze"
    OPEN = "open"
    SELL = "sell"
    SEIZE_FIRST = "seize-on-the-first-chain"
    SEIZE_SECOND = "seize-on-the-second-chain"
    COVER = "cover"


class Failure(StrEnum):
    """How a validator fails."""

    KILLED = "killed"
    CUT = "cut-off"
    SILENT = "silent"
    LYING = "lying"


_LIES = {
    Step.FREEZE: frozenset({PROPOSAL}),
    Step.OPEN: frozenset({SHARES, PROPOSAL}),
    Step.SELL: frozenset({PROPOSAL}),
    Step.SEIZE_FIRST: frozenset({ACTION}),
    Step.SEIZE_SECOND: frozenset({ACTION}),
    Step.COVER: frozenset({PROPOSAL}),
}
"""What the validator lies about at each step."""


class TrustingWorkers(Workers):
    """Takes every claim for proven, as the traders here prove nothing; the rest it leaves to real workers."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is not rejected_claims:
            return super().submit(fn, *args, **kwargs)
        done: Future[Any] = Future()
        done.set_result(())
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """The real workers outlive one play, for the sake of their table."""


@dataclass
class Validator(Node):
    """A node with its coordinator."""

    coordinator: Coordinator | None = None
    doors: dict[int, Door] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    noted: int = 0
    """The last batch whose effects are among them."""
    coordinating: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        super().start()
        assert self.coordinator is not None
        self.coordinating = asyncio.create_task(self.coordinator.run())

    async def stop(self) -> None:
        await super().stop()
        if self.coordinating is not None:
            self.coordinating.cancel()
            await asyncio.gather(self.coordinating, return_exceptions=True)

    async def note(self, news: FinalNews) -> None:
        self.effects.extend(news.executed.effects)
        self.noted = news.batch.number


@dataclass(frozen=True)
class Called:
    """A house whose debtor, with collateral on two chains, is one oracle round away from its freeze."""

    setting: Setting
    scene: Scene

    @property
    def debtor(self) -> Trader:
        return self.scene.debtor

    @property
    def state(self) -> LedgerState:
        """As a genesis: the nodes' stores begin with the batch after it."""
        return replace(self.scene.clearing.state, number=0, root=self.setting.house.deployment.digest)


def called_debtor() -> Called:
    """Prices stand still, funding is free, and the auction stays at the mark, so that no figure depends on the hub
    block in which a step is taken."""
    made = make_setting(auction_discount_ppm=2, auction_blocks=1_000, insolvent_blocks=1_000)
    house = replace(
        made.house, market=replace(made.house.market, funding_rate_ppm=0, max_proof_age_seconds=30 * 86_400)
    )
    setting = replace(made, house=house)
    scene = on_margin(setting, collateral={(FIRST, "WETH"): 150_000, (SECOND, "WETH"): 150_000})
    clearing = scene.clearing
    clearing.deposit(INSURANCE_ACCOUNT, CHAINS[0], "USD", 1_000 * USD)
    scene.fall(PRICE)
    clearing.batch(blocks=8)
    clearing.batch(blocks=20)
    clearing.accept(scene.maker.margin_proof(clearing.state), blocks=0)
    assert scene.status is Status.CALLED
    return Called(setting, scene)


@dataclass(frozen=True)
class Record:
    """What a default moved: the same in every play, whoever failed."""

    postings: tuple[Posting, ...]
    told: tuple[LedgerEvent, ...]
    seizures: tuple[SeizeAction, ...]
    default: Default
    insurance: int
    shortfall: int
    cash: dict[bytes, bytes]
    """Every account's cash commitment at the end, encoded."""


@dataclass
class Outcome:
    """A play's record, and what is known about how it went."""

    record: Record
    blocks: int
    """Hub blocks from the freeze to the end."""
    orders: list[certificates.SeizeAction]
    opened_by: tuple[int, ...]
    signers: frozenset[bytes]
    """Whose signatures the vaults saw."""
    accused: frozenset[tuple[bytes, str]]
    """Validators, and the topic of what the others refused of theirs."""
    victim: bytes | None


class Play(Network):
    """The network of one play."""

    def __init__(self, called: Called, workers: Executor, table: Path) -> None:
        self._called, self._table = called, table
        self._trusting = TrustingWorkers(workers)
        self.vaults: dict[int, AuctioningVault] = {}
        super().__init__(called.setting, TIMINGS, BLOCK_SECONDS)
        self.workers = self._trusting
        self.fault: tuple[Step, Failure] | None = None
        self.victim: Validator | None = None
        self.disputed: set[bytes] = set()
        self.switch.drop = self._drops
        self.switch.forge = self._forged
        self._silent: set[bytes] = set()
        self._lies: dict[bytes, frozenset[str]] = {}

    def genesis(self) -> LedgerState:
        return self._called.state

    def node(self, key: ValidatorKey, store: Store, state: LedgerState | None = None) -> Validator:
        house, start = self.house, state or self.genesis()
        if not self.vaults:
            self.vaults = {c: AuctioningVault(chain, house.validators) for c, chain in self.chains.items()}
        mesh = FakeMesh(self.switch, key.address)
        views = {chain_id: FakeView(chain) for chain_id, chain in self.chains.items()}
        doors = {chain_id: Door(vault, key.address) for chain_id, vault in self.vaults.items()}
        around = Surroundings(mesh, store, self._trusting, views, VAULTS, doors, frozenset(), 3_600.0, self._table)
        share = self.setting.deal.shares[house.validators.index(key.address)]
        coordinator = Coordinator(house, key, share, start, around, RELAY_FALLBACK)
        world = World(
            mesh, views, self.hub, FakeFeeds(key, house), store, self._trusting, asyncio.get_event_loop().time
        )
        world.feeds.prices["BTC"] = PRICE
        sequencer = Sequencer(
            house, key, start, world, Settings(timings=TIMINGS), coordinator.openings, epochs=Epochs((house,))
        )
        mesh.archive = BatchArchive(store)
        made = Validator(key, mesh, views, world.feeds, store, sequencer, coordinator=coordinator, doors=doors)
        sequencer.subscribe(coordinator.on_final)
        sequencer.subscribe(made.note)
        return made

    # The failure.

    def _drops(self, sender: bytes, receiver: bytes, topic: str) -> bool:
        if topic == DISPUTE:
            self.disputed.add(receiver)
        return sender in self._silent

    def _forged(self, sender: bytes, topic: str, payload: bytes) -> bytes:
        if topic not in self._lies.get(sender, ()):
            return payload
        if topic == SHARES:
            return self._false_shares(sender, payload)
        if topic == PROPOSAL:
            return _false_proposal(payload)
        key = next(key for key in self.setting.keys if key.address == sender)
        return payload[:32] + key.sign_digest(b"\1" * 32)

    def _false_shares(self, sender: bytes, payload: bytes) -> bytes:
        """Genuine shares, for this default, of what another account holds."""
        proto = batch_pb2.AccountOpening.FromString(payload)
        state, deal = self.sound[0].sequencer.state, self.setting.deal
        other = hidden_commitments(state.accounts[self._called.scene.maker.id])
        context = b"zkclear/v1/default" + proto.default_id
        share = deal.shares[self.house.validators.index(sender)]
        wanted = len(proto.share_sets[0].shares)
        made = [decryption_share(deal.public, share, other[i % len(other)], context).encode() for i in range(wanted)]
        false = share_set_to_proto(ShareSet(share.index, tuple(made)))
        return batch_pb2.AccountOpening(default_id=proto.default_id, share_sets=[false]).SerializeToString()

    async def strike(self, step: Step, victim: Node) -> None:
        """The validator whose turn this step is fails, if this is where one is to fail."""
        if self.fault is None or self.fault[0] is not step:
            return
        assert isinstance(victim, Validator)
        self.victim, address = victim, victim.key.address
        match self.fault[1]:
            case Failure.KILLED:
                await victim.stop()
                victim.mesh._task.cancel()
                del self.switch.meshes[address]
            case Failure.CUT:
                self.switch.cut.add(address)
                _shut(victim, closed=True)
            case Failure.SILENT:
                self._silent.add(address)
                _shut(victim, closed=True)
            case Failure.LYING:
                self._lies[address] = _LIES[step]
                for door in victim.doors.values():
                    door.lying = ACTION in _LIES[step]

    def _first_relayer(self, chain: int) -> Node:
        address = self.house.validators[sorted(CHAINS).index(chain)]
        return next(node for node in self.nodes if node.key.address == address)

    def heal(self, *steps: Step) -> None:
        """A validator that was cut off at one of these steps comes back."""
        if self.victim is not None and self.fault in [(step, Failure.CUT) for step in steps]:
            self.switch.cut.clear()
            _shut(self.victim, closed=False)

    @property
    def sound(self) -> Sequence[Validator]:
        """All but the one that failed."""
        return [node for node in self.nodes if node is not self.victim and isinstance(node, Validator)]

    # The play.

    @property
    def state(self) -> LedgerState:
        """What every survivor has seen to be final: that of the one furthest behind."""
        return min((node.sequencer.state for node in self.sound), key=lambda state: state.number)

    @property
    def default(self) -> Default | None:
        return next((d for d in self.state.defaults.values() if d.account == self._called.debtor.id), None)

    async def past(self) -> None:
        """Mine what the house has behind it."""
        await self.mine(self.genesis().hub_height + FINAL_BLOCKS)

    def stage(self, *stages: Stage) -> Callable[[], bool]:
        return lambda: self.default is not None and self.default.stage in stages

    async def run(self) -> Outcome:
        """From the freeze to the end. Whoever is to fail at a step does so before it can have done anything for it."""
        await self.past()
        for node in self.nodes:
            node.start()
        await self.strike(Step.FREEZE, self.proposer(1))
        await self.mine(4)
        await self.until(lambda: bool(self.hub.committed))
        await self.strike(Step.OPEN, self.proposer(2))
        await self.reach(self.stage(Stage.OPENING))
        frozen_at = self.state.hub_height
        self.heal(Step.FREEZE)
        await self.reach(self.stage(Stage.AUCTION))
        self.heal(Step.OPEN)
        await self.strike(Step.SELL, self.proposer(self.state.number + 1))
        await self.strike(Step.SEIZE_FIRST, self._first_relayer(FIRST))
        await self.strike(Step.SEIZE_SECOND, self._first_relayer(SECOND))
        await self._bid()
        self.heal(Step.SELL)
        await self.reach(self._handed_over)
        self.heal(Step.SEIZE_FIRST, Step.SEIZE_SECOND)
        await self.strike(Step.COVER, self.proposer(self.state.number + 1))
        await self._sell()
        ended_at = self.state.hub_height
        self.heal(Step.COVER)
        await self._agree()
        return self._outcome(ended_at - frozen_at)

    async def _bid(self) -> None:
        """The bidder takes everything at the mark, says so to a survivor, and again with a newer proof if the rounds
        left its first behind."""
        while not self._bought():
            default, proven_at = self.default, self.state.market.round
            assert default is not None
            bid = self._called.scene.bidder.bid(self.state, default, PRICE * 100)
            try:
                await self.sound[-1].sequencer.submit(bid)
            except Refused as refusal:
                # The bid before this one may still be on its way, or just have been filled.
                if refusal.reason not in (Reason.BID_PENDING, Reason.VERSION_MISMATCH, Reason.AUCTION_UNKNOWN):
                    raise
            await self.reach(partial(self._bought_or_late, proven_at + 1))

    def _bought_or_late(self, last_round: int) -> bool:
        return self._bought() or self.state.market.round > last_round

    def _bought(self) -> bool:
        return self.default is not None and bool(self.default.buyers)

    def _handed_over(self) -> bool:
        default = self.default
        return default is not None and bool(default.seizures) and all(s.handed_over for s in default.seizures)

    async def _sell(self) -> None:
        """Somebody buys every lot at its floor, what is seized again for the rest included, until the default ends."""
        sold: set[bytes] = set()

        def waiting() -> list[Seizure]:
            seizures = () if self.default is None else self.default.seizures
            return [s for s in seizures if s.handed_over and s.action_id not in sold]

        closed = self.stage(Stage.CLOSED)
        while not closed():
            for seizure in waiting():
                vault = self.vaults[int(seizure.asset.split("@")[1])]
                await vault.chain.mine(vault.sold(vault.taken[seizure.action_id]))
                sold.add(seizure.action_id)
            await self.reach(lambda: closed() or bool(waiting()))

    async def _agree(self) -> None:
        """Whoever still runs, the one that came back included, comes to the same ledger."""
        running = list(self.sound)
        if self.victim is not None and self.fault is not None and self.fault[1] is not Failure.KILLED:
            running.append(self.victim)
        number = self.state.number
        await self.reach(lambda: all(node.height >= number for node in running) and self.sound[0].noted >= number)
        roots = {entry.root for node in running if (entry := node.store.batch(number)) is not None}
        assert len(roots) == 1, "the validators disagree"

    def _outcome(self, blocks: int) -> Outcome:
        vaults, default = self.vaults.values(), self.default
        assert default is not None
        accused = {(sender, SHARES if "member" in reason else ACTION) for sender, reason in self.switch.offences}
        accused |= {(proposer, PROPOSAL) for proposer in self.disputed}
        accused |= {(relayer, "order") for vault in vaults for relayer in vault.refused}
        return Outcome(
            self._record(),
            blocks,
            [order for vault in vaults for order in vault.taken.values()],
            default.opened_by,
            frozenset(signer for vault in vaults for signers in vault.signers.values() for signer in signers),
            frozenset(accused),
            None if self.victim is None else self.victim.key.address,
        )

    def _record(self) -> Record:
        state, default = self.state, self.default
        assert default is not None
        effects = self.sound[0].effects
        told = [e for e in effects if isinstance(e, LedgerEvent) and e.kind in _ENDS_OF_DEFAULT]
        return Record(
            _sorted(replace(e, message=None) for e in effects if isinstance(e, Posting)),
            _sorted(_figures(e) for e in told),
            _sorted(e for e in effects if isinstance(e, SeizeAction)),
            replace(default, opened_by=(), seizures=tuple(replace(s, due=0) for s in default.seizures)),
            state.insurance,
            state.shortfall,
            {name: account.cash.encode() for name, account in state.accounts.items()},
        )


def _sorted(items: Iterable[T]) -> tuple[T, ...]:
    """Two chains' events may be booked in either order."""
    return tuple(sorted(items, key=repr))


def _shut(validator: Validator, *, closed: bool) -> None:
    for door in validator.doors.values():
        door.shut = closed


def _figures(told: LedgerEvent) -> LedgerEvent:
    return replace(told, attributes=tuple(entry for entry in told.attributes if entry[0] not in _WHO_AND_WHEN))


def _false_proposal(payload: bytes) -> bytes:
    """The proposal with one amount altered, or a step left out, and the root that it claimed."""
    proposal = ProposalPayload.decode(payload)
    batch = decode_batch(proposal.body)
    segments = [s for s in batch.segments if any(isinstance(e.event, Sold) for e in s.events)]
    if segments:
        richer = [
            replace(e, event=replace(e.event, proceeds=MicroUsd(e.event.proceeds + 1)))
            if isinstance(e.event, Sold)
            else e
            for e in segments[0].events
        ]
        changed = replace(segments[0], events=tuple(richer))
        batch = replace(batch, segments=tuple(changed if s is segments[0] else s for s in batch.segments))
    elif batch.openings:
        opening = batch.openings[0]
        values = (opening.values[0] + 1, *opening.values[1:])
        batch = replace(batch, openings=(replace(opening, values=values), *batch.openings[1:]))
    elif batch.messages:
        batch = replace(batch, messages=())
    else:
        batch = replace(batch, new_root=bytes(32))
    return replace(proposal, body=encode_batch(batch)).encode()
