"""The messages that owners sign, as frozen data with their EIP-712 digests; with the validators' orders
(`house_orders`) they are all that a batch takes.

Digests cover every field but proofs and signatures: a proof absorbs the digest, so whoever replaces it needs the
openings.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from circuits.auditor import AuditorKey, Handle
from circuits.pedersen import Commitment
from circuits.transcript import Deployment
from node.ledger.house_orders import BreakerOrder, HouseOrder, WriteOffOrder
from node.ledger.typed_data import message_digest
from node.ledger.types import CASH, AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd, account_id

SEALED_BOX_BYTES: Final = 96
"""A sealed opening: ephemeral key (32), value (16), blinding (32), tag (16). One length for every size, and no other:
what else a box carried would reach the batch, and whoever sees a length would learn from it."""
MAX_MESSAGE_BYTES: Final = 64 << 10
"""An encoded message: room for both proofs of a trade between two accounts of 500 positions each."""


@dataclass(frozen=True, slots=True)
class AccountReference:
    """The state of an account that a message builds on: its version, and how many inbox credits it merges."""

    account: AccountId
    version: int
    credits: int

    def fields(self) -> dict[str, Any]:
        """As EIP-712 values."""
        return {"account": self.account, "version": self.version, "credits": self.credits}


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Opens account (owner, index); `sealing_key` is the X25519 key to which counterparties seal openings, `home_chain`
    the chain on which the owner could force an exit of cash."""

    owner: Address
    index: int
    sealing_key: bytes
    home_chain: int
    nonce: bytes
    expiry: int
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        return message_digest(
            deployment,
            "OpenAccount",
            {
                "owner": "0x" + self.owner.hex(),
                "index": self.index,
                "sealingKey": self.sealing_key,
                "homeChain": self.home_chain,
                "nonce": self.nonce,
                "expiry": self.expiry,
            },
        )


@dataclass(frozen=True, slots=True)
class MarginProof:
    """Proves the account's initial margin in `round`."""

    reference: AccountReference
    round: int
    nonce: bytes
    expiry: int
    proof: bytes = b""
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = self.reference.fields() | {"round": self.round, "nonce": self.nonce, "expiry": self.expiry}
        return message_digest(deployment, "MarginProof", values)


@dataclass(frozen=True, slots=True)
class TradeTerms:
    """What both sides agree on. The taker's position grows by the committed signed size, the maker's shrinks by it;
    the taker pays price (micro-dollars per lot) times size, and `fee` to the insurance fund."""

    taker: AccountReference
    maker: AccountId
    instrument: InstrumentId
    price: MicroUsd
    fee: MicroUsd
    round: int
    commitment: Commitment
    box_digest: Digest
    nonce: bytes
    expiry: int
    taker_handle: Handle | None = None
    """The commitment's handle for the taker's auditor, if it has one."""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest: the trade's id."""
        return message_digest(
            deployment,
            "TradeTerms",
            {
                "taker": self.taker.account,
                "takerVersion": self.taker.version,
                "takerCredits": self.taker.credits,
                "maker": self.maker,
                "instrument": self.instrument,
                "price": self.price,
                "fee": self.fee,
                "round": self.round,
                "commitment": self.commitment.encode(),
                "boxDigest": self.box_digest,
                "nonce": self.nonce,
                "expiry": self.expiry,
                "takerHandle": _encoded(self.taker_handle),
            },
        )


@dataclass(frozen=True, slots=True)
class Trade:
    """Terms with the taker's opening proof, margin proof and signature, and the maker's acceptance.

    The maker names its own version only when it accepts: a market maker with twenty concurrent takers chains their
    trades on predicted versions, which the takers cannot know.
    """

    terms: TradeTerms
    sealed_box: bytes
    opening_proof: bytes
    taker_proof: bytes
    taker_signature: bytes
    maker: AccountReference
    maker_proof: bytes = b""
    maker_signature: bytes = b""
    maker_handle: Handle | None = None
    """The commitment's handle for the maker's auditor, if it has one, and the proof that it is."""
    maker_handle_proof: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """The trade's id: the digest of its terms."""
        return self.terms.digest(deployment)

    def acceptance_digest(self, deployment: Deployment) -> Digest:
        """What the maker signs: the terms, with the maker's own version."""
        return message_digest(
            deployment,
            "TradeAcceptance",
            {
                "terms": self.terms.digest(deployment),
                "makerVersion": self.maker.version,
                "makerCredits": self.maker.credits,
                "makerHandle": _encoded(self.maker_handle),
            },
        )


@dataclass(frozen=True, slots=True)
class TransferTerms:
    """What both owners of a private transfer agree on: the committed amount of `asset` leaves the sender's collateral
    and enters the receiver's."""

    sender: AccountReference
    receiver: AccountId
    asset: AssetId
    round: int
    commitment: Commitment
    box_digest: Digest
    nonce: bytes
    expiry: int
    sender_handle: Handle | None = None
    """The commitment's handle for the sender's auditor, if it has one."""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest: the transfer's id."""
        return message_digest(
            deployment,
            "TransferTerms",
            {
                "sender": self.sender.account,
                "senderVersion": self.sender.version,
                "senderCredits": self.sender.credits,
                "receiver": self.receiver,
                "asset": self.asset,
                "round": self.round,
                "commitment": self.commitment.encode(),
                "boxDigest": self.box_digest,
                "nonce": self.nonce,
                "expiry": self.expiry,
                "senderHandle": _encoded(self.sender_handle),
            },
        )


@dataclass(frozen=True, slots=True)
class Transfer:
    """Terms with the sender's opening proof, margin proof and signature, and the receiver's acceptance.

    `receiver_proof` is empty for a receiver that needs no margin window: collateral that comes in only raises rows.
    """

    terms: TransferTerms
    sealed_box: bytes
    opening_proof: bytes
    sender_proof: bytes
    sender_signature: bytes
    receiver: AccountReference
    receiver_proof: bytes = b""
    receiver_signature: bytes = b""
    receiver_handle: Handle | None = None
    """The commitment's handle for the receiver's auditor, if it has one, and the proof that it is."""
    receiver_handle_proof: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """The transfer's id: the digest of its terms."""
        return self.terms.digest(deployment)

    def acceptance_digest(self, deployment: Deployment) -> Digest:
        """What the receiver signs: the terms, with the receiver's own version."""
        return message_digest(
            deployment,
            "TransferAcceptance",
            {
                "terms": self.terms.digest(deployment),
                "receiverVersion": self.receiver.version,
                "receiverCredits": self.receiver.credits,
                "receiverHandle": _encoded(self.receiver_handle),
            },
        )


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Pays `amount` ledger units of `asset` to `recipient` on the asset's chain."""

    reference: AccountReference
    asset: AssetId
    amount: int
    recipient: Address
    round: int
    nonce: bytes
    expiry: int
    proof: bytes = b""
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest, from which the payout's action id derives."""
        values = self.reference.fields() | {
            "asset": self.asset,
            "amount": self.amount,
            "recipient": "0x" + self.recipient.hex(),
            "round": self.round,
            "nonce": self.nonce,
            "expiry": self.expiry,
        }
        return message_digest(deployment, "Withdraw", values)


@dataclass(frozen=True, slots=True)
class Bid:
    """Offers to take up to `units` of what a default has on auction, for at most `limit` micro-dollars each.

    `proof` is of the account after all of them at the limit, `proof_before` of the account as it is, both in `round`:
    accounts with margin are a convex set, so the two stand for every smaller fill.
    """

    reference: AccountReference
    auction: Digest
    """The default's id."""
    number: int
    """Which of its auctions."""
    units: int
    limit: MicroUsd
    round: int
    nonce: bytes
    expiry: int
    proof_before: bytes = b""
    proof: bytes = b""
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = self.reference.fields() | {
            "auction": self.auction,
            "number": self.number,
            "units": self.units,
            "limit": self.limit,
            "round": self.round,
            "nonce": self.nonce,
            "expiry": self.expiry,
        }
        return message_digest(deployment, "Bid", values)


@dataclass(frozen=True, slots=True)
class Contribute:
    """Moves `amount` micro-dollars of cash into the default fund, or takes as much back (negative).

    What goes in is public and brings a proof of the account without it; what comes back waits in the inbox, and needs
    none (`round` 0).
    """

    reference: AccountReference
    amount: MicroUsd
    round: int
    nonce: bytes
    expiry: int
    proof: bytes = b""
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = self.reference.fields() | {
            "amount": self.amount,
            "round": self.round,
            "nonce": self.nonce,
            "expiry": self.expiry,
        }
        return message_digest(deployment, "Contribute", values)


@dataclass(frozen=True, slots=True)
class SetAuditor:
    """Names who may read the account from now on, or nobody (`auditor` None).

    `handles` are 48 bytes for each amount with a blinding that the account has after merging the named credits: cash,
    positions by id, collateral by id. An account that needs a margin window proves its margin anew (in `round`, which
    otherwise is 0), so that its limbs of cash get a handle too.
    """

    reference: AccountReference
    auditor: AuditorKey | None
    handles: bytes
    round: int
    nonce: bytes
    expiry: int
    auditor_proof: bytes = b""
    """That somebody knows the auditor's secret, for this deployment."""
    handles_proof: bytes = b""
    proof: bytes = b""
    signature: bytes = b""

    def digest(self, deployment: Deployment) -> Digest:
        """EIP-712 digest."""
        values = self.reference.fields() | {
            "auditor": _encoded(self.auditor),
            "handles": self.handles,
            "round": self.round,
            "nonce": self.nonce,
            "expiry": self.expiry,
        }
        return message_digest(deployment, "SetAuditor", values)


def _encoded(value: AuditorKey | Handle | None) -> bytes:
    """48 bytes, or none."""
    return b"" if value is None else value.encode()


def receiver_proves(asset: AssetId, *, needs_window: bool) -> bool:
    """Whether the receiver of `asset` has to prove its margin with it."""
    return needs_window or asset == CASH


def kept_positive(asset: AssetId) -> AssetId | None:
    """The asset of which the sender proves that what is left is not negative: none for cash, which margin covers."""
    return None if asset == CASH else asset


Message: TypeAlias = (
    OpenAccount | MarginProof | Trade | Transfer | Withdraw | Bid | Contribute | SetAuditor | HouseOrder
)


def accounts_of(message: Message, deployment: Deployment) -> tuple[AccountId, ...]:
    """The accounts whose owners a message needs, and which it changes: none for an order of the validators."""
    match message:
        case BreakerOrder() | WriteOffOrder():
            return ()
        case OpenAccount():
            return (account_id(deployment, message.owner, message.index),)
        case Trade():
            return (message.terms.taker.account, message.terms.maker)
        case Transfer():
            return (message.terms.sender.account, message.terms.receiver)
        case _:
            return (message.reference.account,)
