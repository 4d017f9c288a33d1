"""The node as its API servers see it (`node.api.backend.Backend`)."""

from node.api.backend import (
    ChainEndpoint,
    ChainView,
    FinalBatch,
    MessageStage,
    MessageState,
    NodeStatus,
    OpenTransfer,
    PeerView,
    TradeProposal,
)
from node.api.feeds import Feed
from node.chains.errors import ChainError
from node.chains.watcher import ChainWatcher
from node.genesis import Genesis
from node.ledger.messages import Message, Trade, Transfer
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Address, Digest
from node.network import PeerMesh
from node.sequencing.sequencer import FinalNews, Sequencer
from node.store import Store
from node.trades import TradeBoard
from node.transfers import TransferBoard


class NodeBackend:
    """Answers from what the node's parts hold. Subscribe `on_final` to the sequencer."""

    def __init__(
        self,
        genesis: Genesis,
        sequencer: Sequencer,
        trades: TradeBoard,
        transfers: TransferBoard,
        store: Store,
        mesh: PeerMesh,
        watchers: dict[int, ChainWatcher],
    ) -> None:
        self._genesis = genesis
        self._sequencer = sequencer
        self._trades = trades
        self._transfers = transfers
        self._store = store
        self._mesh = mesh
        self._watchers = watchers
        self._batches: Feed[FinalBatch] = Feed()

    @property
    def house(self) -> House:
        """The deployment."""
        return self._genesis.house

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        """The chains, by id."""
        hub = self.house.deployment.hub_chain_id
        return tuple(
            ChainEndpoint(
                entry.chain_id, entry.name, entry.chain_id == hub, Address(entry.vault), Address(entry.auction)
            )
            for entry in sorted(self._genesis.chains, key=lambda entry: entry.chain_id)
        )

    @property
    def store(self) -> Store:
        """The node's own."""
        return self._store

    @property
    def batches(self) -> Feed[FinalBatch]:
        """Batches as they become final."""
        return self._batches

    @property
    def new_proposals(self) -> Feed[TradeProposal]:
        """Trade proposals as they arrive."""
        return self._trades.book.news

    @property
    def new_transfers(self) -> Feed[OpenTransfer]:
        """Proposed transfers as they arrive."""
        return self._transfers.book.news

    def ledger(self) -> LedgerState:
        """The state after the last final batch."""
        return self._sequencer.state

    async def on_final(self, news: FinalNews) -> None:
        """Publish a batch that became final."""
        state = news.executed.state
        deployment = self.house.deployment
        done = {m.digest(deployment) for m in news.batch.messages if isinstance(m, Trade | Transfer)}
        self._trades.book.on_final(state.hub_height, done)
        self._transfers.book.on_final(state.hub_height, done)
        self._batches.publish(FinalBatch(state.number, state, news.executed.effects))

    async def submit(self, message: Message) -> Digest:
        """See the protocol.

        Raises:
            Refused: it breaks a rule.
            PoolFull, AccountQueueFull: it has to wait for a batch.
        """
        return await self._sequencer.submit(message)

    async def message_state(self, message_id: Digest) -> MessageState | None:
        """How far a message has come; None if this node does not know it."""
        place = await self._sequencer.place_of(message_id)
        if place is not None:
            stage = MessageStage.FINAL if place.is_final else MessageStage.CERTIFIED
            return MessageState(stage, place.batch)
        if self._sequencer.admission.holds(message_id):
            return MessageState(MessageStage.PENDING)
        refusal = self._sequencer.admission.refusal(message_id)
        return None if refusal is None else MessageState(MessageStage.REFUSED, refusal=refusal)

    async def propose_trade(self, trade: Trade) -> Digest:
        """See the protocol. Raises Refused."""
        return await self._trades.propose(trade)

    def proposals(self, maker: AccountId) -> tuple[TradeProposal, ...]:
        """The proposals that wait for a maker, oldest first."""
        return self._trades.book.to(maker)

    def proposal(self, proposal_id: Digest) -> TradeProposal | None:
        """One waiting proposal."""
        return self._trades.book.find(proposal_id)

    async def propose_transfer(self, transfer: Transfer) -> Digest:
        """See the protocol. Raises Refused."""
        return await self._transfers.propose(transfer)

    def transfers(self, receiver: AccountId) -> tuple[OpenTransfer, ...]:
        """The transfers that wait for a receiver, oldest first."""
        return self._transfers.book.to(receiver)

    def transfer(self, proposal_id: Digest) -> OpenTransfer | None:
        """One waiting transfer."""
        return self._transfers.book.find(proposal_id)

    def node_status(self) -> NodeStatus:
        """How the node itself is doing."""
        consensus = self._sequencer.consensus
        certified = consensus.certified
        height = consensus.state.number if certified is None else certified.commitment.number
        peers = tuple(PeerView(Address(row.validator), row.connected) for row in self._mesh.status())
        verify = self._sequencer.latencies.verify
        return NodeStatus(
            validator=consensus.address,
            certified_height=height,
            attempt=self._sequencer.rotation.attempt,
            pool_messages=len(self._sequencer.admission),
            chains=tuple(self._view(chain_id) for chain_id in sorted(self._watchers)),
            peers=peers,
            verify_ms_median=verify.quantile(0.5),
            verify_ms_p99=verify.quantile(0.99),
        )

    def _view(self, chain_id: int) -> ChainView:
        try:
            return ChainView(chain_id, self._watchers[chain_id].final.number)
        except ChainError:
            # Nothing is final yet as far as this connection has seen, or the chain is given up.
            return ChainView(chain_id, 0)
