"""The batch: what validators agree on, as frozen data. `wire` turns it into bytes and back."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from node.ledger.messages import Message
from node.ledger.types import AccountId, Address, Digest, MicroUsd
from node.market.grid import RiskGrid
from node.market.oracle_rules import Observation

MAX_BATCH_BYTES: Final = 4 << 20
"""What a proposer fills a batch to: half of what peers take from one another in one envelope, since the parts that
it cannot choose (rounds due, and a chain's next block) come on top."""


@dataclass(frozen=True, slots=True)
class HubHeader:
    """A finalized block of the hub chain: the batch's clock (`timestamp` in Unix seconds)."""

    number: int
    hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Deposited:
    """A vault took in `amount` ledger units of `token` for an account."""

    account: AccountId
    token: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A vault carried out a payout."""

    action_id: Digest


@dataclass(frozen=True, slots=True)
class PayFailed:
    """A token refused a payout's transfer: the amount returns to the account."""

    action_id: Digest


@dataclass(frozen=True, slots=True)
class Seized:
    """A vault handed collateral to its auction."""

    action_id: Digest


@dataclass(frozen=True, slots=True)
class Sold:
    """Seized collateral was sold for `proceeds` micro-dollars, now in the vault."""

    action_id: Digest
    proceeds: MicroUsd


@dataclass(frozen=True, slots=True)
class Exited:
    """A vault paid `amount` ledger units of `token` to an owner who proved them in the account's state of `version`."""

    account: AccountId
    token: Address
    amount: int
    version: int


VaultEvent: TypeAlias = Deposited | Paid | PayFailed | Seized | Sold | Exited


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A vault event with its place on the chain."""

    block_number: int
    log_index: int
    event: VaultEvent


@dataclass(frozen=True, slots=True)
class ChainSegment:
    """All events of one chain's final blocks from_block … to_block, both included, in order."""

    chain_id: int
    from_block: int
    to_block: int
    to_hash: bytes
    events: tuple[LoggedEvent, ...]


@dataclass(frozen=True, slots=True)
class SignedObservation:
    """A validator's observation with its compact signature over `observation_digest`."""

    observation: Observation
    signature: bytes


@dataclass(frozen=True, slots=True)
class OracleRound:
    """One oracle round: the observations made at hub block `height`, whose timestamp is `time`."""

    round: int
    height: int
    time: int
    observations: tuple[SignedObservation, ...]


@dataclass(frozen=True, slots=True)
class ShareSet:
    """One committee member's encoded decryption shares, in the order of `opening.hidden_commitments`."""

    member: int
    shares: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccountOpening:
    """The amounts of a defaulted account, in the order of `opening.commitments_to_open`, and what proves them."""

    default_id: Digest
    values: tuple[int, ...]
    share_sets: tuple[ShareSet, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One step of the ledger. Its parts apply in the order of the fields."""

    number: int
    previous_root: Digest
    proposer: Address
    hub: HubHeader
    segments: tuple[ChainSegment, ...]
    rounds: tuple[OracleRound, ...]
    grid: RiskGrid | None
    """The last round's grid; None without a round, and where its figures admit none."""
    openings: tuple[AccountOpening, ...]
    messages: tuple[Message, ...]
    new_root: Digest
