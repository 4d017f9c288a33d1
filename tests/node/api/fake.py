"""A node behind the API without network and chains: a ledger driven by hand, and lists of what was handed in."""

from dataclasses import dataclass, field

from node.api import (
    ChainEndpoint,
    ChainView,
    Feed,
    FinalBatch,
    MessageStage,
    MessageState,
    NodeStatus,
    OpenTransfer,
    PeerView,
    TradeProposal,
)
from node.ledger.batch import Batch
from node.ledger.claims import TrustingVerifier, Verifier
from node.ledger.execution import Executed, Proposal
from node.ledger.messages import Message, Trade, Transfer
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Address, Digest
from node.ledger.wire import batch_hash
from node.store import Store
from tests.support.clearing import Clearing
from tests.support.ledger import CHAINS, HUB_CHAIN, Setting, Trader

CERTIFICATE = bytes(8 + 3 * 64)


@dataclass
class KeptClearing(Clearing):
    """A ledger whose batches are final at once: stored, then published."""

    batches: Feed[FinalBatch] = field(default_factory=Feed)

    def __post_init__(self) -> None:
        self.store = Store("sqlite://", self.setting.house.deployment)

    def take(self, batch: Batch, proposal: Proposal) -> Executed:
        executed = super().take(batch, proposal)
        state, body = executed.state, self.body
        self.store.commit_batch(
            state.number, state.root, body, batch_hash(body), CERTIFICATE, executed, state.hub_height + 2
        )
        self.batches.publish(FinalBatch(state.number, state, executed.effects))
        return executed


class FakeNode:
    """Implements `node.api.Backend`. `refuse` is raised by whatever is handed in next.

    A node that `decides` makes each message a final batch of its own, or refuses it; others only keep it.
    """

    def __init__(
        self, setting: Setting, *traders: Trader, verifier: Verifier | None = None, decides: bool = False
    ) -> None:
        self.clearing = KeptClearing.start(setting, *traders, verifier=verifier or TrustingVerifier())
        self.decides = decides
        self.store = self.clearing.store
        self.batches = self.clearing.batches
        self.new_proposals: Feed[TradeProposal] = Feed()
        self.new_transfers: Feed[OpenTransfer] = Feed()
        self.endpoints = tuple(
            ChainEndpoint(c, f"chain {c}", c == HUB_CHAIN, Address(bytes([1] * 20)), Address(bytes([2] * 20)))
            for c in CHAINS
        )
        self.taken: list[Message] = []
        self.known: dict[Digest, MessageState] = {}
        self.waiting: dict[Digest, TradeProposal] = {}
        self.offered: dict[Digest, OpenTransfer] = {}
        self.refuse: Exception | None = None

    @property
    def house(self) -> House:
        return self.clearing.house

    def ledger(self) -> LedgerState:
        return self.clearing.state

    async def submit(self, message: Message) -> Digest:
        if self.refuse is not None:
            raise self.refuse
        self.taken.append(message)
        name = message.digest(self.house.deployment)
        self.known[name] = MessageState(MessageStage.PENDING)
        if self.decides:
            self._decide(message, name)
        return name

    def _decide(self, message: Message, name: Digest) -> None:
        self.clearing.batch(message)
        if self.clearing.refused:
            raise self.clearing.refused[0]
        self.known[name] = MessageState(MessageStage.FINAL, self.ledger().number)

    async def message_state(self, message_id: Digest) -> MessageState | None:
        return self.known.get(message_id)

    async def propose_trade(self, trade: Trade) -> Digest:
        if self.refuse is not None:
            raise self.refuse
        proposal = TradeProposal(trade.digest(self.house.deployment), trade)
        self.waiting[proposal.id] = proposal
        self.new_proposals.publish(proposal)
        return proposal.id

    def proposals(self, maker: AccountId) -> tuple[TradeProposal, ...]:
        return tuple(p for p in self.waiting.values() if p.trade.terms.maker == maker)

    def proposal(self, proposal_id: Digest) -> TradeProposal | None:
        return self.waiting.get(proposal_id)

    async def propose_transfer(self, transfer: Transfer) -> Digest:
        if self.refuse is not None:
            raise self.refuse
        offered = OpenTransfer(transfer.digest(self.house.deployment), transfer)
        self.offered[offered.id] = offered
        self.new_transfers.publish(offered)
        return offered.id

    def transfers(self, receiver: AccountId) -> tuple[OpenTransfer, ...]:
        return tuple(offered for offered in self.offered.values() if offered.counterparty == receiver)

    def transfer(self, proposal_id: Digest) -> OpenTransfer | None:
        return self.offered.get(proposal_id)

    def node_status(self) -> NodeStatus:
        validators = self.house.validators
        return NodeStatus(
            validator=validators[0],
            certified_height=self.clearing.state.number + 1,
            attempt=2,
            pool_messages=len(self.taken),
            chains=tuple(ChainView(chain, 500) for chain in CHAINS),
            peers=tuple(PeerView(v, i != 2) for i, v in enumerate(validators[1:], 1)),
        )
