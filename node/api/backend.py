"""What the services need of the node. The daemon implements it; nothing here knows how."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from node.api.feeds import Feed
from node.ledger.effects import Effect
from node.ledger.errors import Refused
from node.ledger.messages import Message, Trade, Transfer
from node.ledger.state import House, LedgerState
from node.ledger.types import AccountId, Address, Digest
from node.store import Store


class MessageStage(Enum):
    """How far a message has come."""

    PENDING = "in this node's pool"
    CERTIFIED = "in a batch that a quorum signed"
    FINAL = "in a batch that is final on the hub"
    REFUSED = "dropped, because the state moved"


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message's stage; `batch` once it is in one, `refusal` if it was refused."""

    stage: MessageStage
    batch: int | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class FinalBatch:
    """News of a batch that became final: published after the store holds it and `ledger` returns its state."""

    number: int
    state: LedgerState
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class TradeProposal:
    """A trade that waits for its maker; the maker's part of `trade` is empty."""

    id: Digest
    trade: Trade

    @property
    def proposer(self) -> AccountId:
        """The taker."""
        return self.trade.terms.taker.account

    @property
    def counterparty(self) -> AccountId:
        """The maker."""
        return self.trade.terms.maker

    @property
    def expiry(self) -> int:
        """Last hub block."""
        return self.trade.terms.expiry


@dataclass(frozen=True, slots=True)
class OpenTransfer:
    """A transfer that waits for its receiver, whose part of `transfer` is empty."""

    id: Digest
    transfer: Transfer

    @property
    def proposer(self) -> AccountId:
        """The sender."""
        return self.transfer.terms.sender.account

    @property
    def counterparty(self) -> AccountId:
        """The receiver."""
        return self.transfer.terms.receiver

    @property
    def expiry(self) -> int:
        """Last hub block."""
        return self.transfer.terms.expiry


@dataclass(frozen=True, slots=True)
class ChainEndpoint:
    """The house's contracts on one chain; `auction` is that of seized collateral."""

    chain_id: int
    name: str
    is_hub: bool
    vault: Address
    auction: Address


@dataclass(frozen=True, slots=True)
class ChainView:
    """The last final block that this node's own connection to a chain has seen."""

    chain_id: int
    final_block: int


@dataclass(frozen=True, slots=True)
class PeerView:
    """Another validator."""

    validator: Address
    connected: bool


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node as its operator sees it; `attempt` is at the next batch, counted from 0."""

    validator: Address
    certified_height: int
    attempt: int
    pool_messages: int
    chains: tuple[ChainView, ...]
    peers: tuple[PeerView, ...]
    verify_ms_median: float | None = None
    verify_ms_p99: float | None = None


class Backend(Protocol):
    """The node behind the API. Coroutines may take their time; everything else returns at once."""

    @property
    def house(self) -> House:
        """The deployment."""

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        """The chains, by id."""

    @property
    def store(self) -> Store:
        """Blocking: called from worker threads."""

    @property
    def batches(self) -> Feed[FinalBatch]:
        """Batches as they become final, in order."""

    @property
    def new_proposals(self) -> Feed[TradeProposal]:
        """Trade proposals as they arrive, for any maker."""

    @property
    def new_transfers(self) -> Feed[OpenTransfer]:
        """Proposed transfers as they arrive, for any receiver."""

    def ledger(self) -> LedgerState:
        """The state after the last final batch."""

    async def submit(self, message: Message) -> Digest:
        """Checks a message against the present state, proofs included, pools and gossips it; returns its id.

        Raises:
            Refused: it breaks a rule.
            PoolFull, AccountQueueFull: it has to wait for a batch.
        """

    async def message_state(self, message_id: Digest) -> MessageState | None:
        """How far a message has come; None if this node does not know it."""

    async def propose_trade(self, trade: Trade) -> Digest:
        """Checks a trade that only its taker signed, keeps and gossips it; returns its id.

        Raises:
            Refused: it breaks a rule.
        """

    def proposals(self, maker: AccountId) -> tuple[TradeProposal, ...]:
        """The proposals that wait for a maker, oldest first."""

    def proposal(self, proposal_id: Digest) -> TradeProposal | None:
        """One waiting proposal."""

    async def propose_transfer(self, transfer: Transfer) -> Digest:
        """Checks a transfer that only its sender signed, keeps and gossips it; returns its id.

        Raises:
            Refused: it breaks a rule.
        """

    def transfers(self, receiver: AccountId) -> tuple[OpenTransfer, ...]:
        """The transfers that wait for a receiver, oldest first."""

    def transfer(self, proposal_id: Digest) -> OpenTransfer | None:
        """One waiting transfer."""

    def node_status(self) -> NodeStatus:
        """How the node itself is doing."""
