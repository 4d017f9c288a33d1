"""Messages and batches as bytes and back: strict on the way in (lengths, ranges, one-of), plain protobuf out.

Agreement is on the hash of the bytes that were sent, so no canonical form is needed: everyone keeps what it received.
"""

from collections.abc import Callable
from typing import TypeVar

from clearing.v1 import batch_pb2, messages_pb2
from eth_hash.auto import keccak
from google.protobuf.message import DecodeError

from circuits.errors import DecodingError
from circuits.pedersen import Commitment
from node.ledger.batch import (
    AccountOpening,
    Batch,
    ChainSegment,
    Deposited,
    Exited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    Paid,
    PayFailed,
    Seized,
    ShareSet,
    SignedObservation,
    Sold,
    VaultEvent,
)
from node.ledger.errors import WireError
from node.ledger.messages import (
    MAX_MESSAGE_BYTES,
    AccountReference,
    Bid,
    MarginProof,
    Message,
    OpenAccount,
    Trade,
    TradeTerms,
    Withdraw,
)
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.market.errors import MarketError
from node.market.grid import RiskGrid
from node.market.oracle_rules import Observation

MAX_NAME: int = 64
_FRAME_BYTES: int = 6
"""A field's tag (1) and the longest length that a batch can hold (5)."""
_T = TypeVar("_T")


def _exact(field: str, data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise WireError(field, f"{len(data)} bytes where {length} belong")
    return data


def _name(field: str, text: str) -> str:
    if not text or len(text) > MAX_NAME or not text.isascii():
        raise WireError(field, "1 to 64 ASCII characters are required")
    return text


def _parsed(field: str, parse: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return parse(data)
    except (DecodeError, DecodingError, MarketError, ValueError) as error:
        raise WireError(field, str(error)) from error


def _bounded(field: str, proto: messages_pb2.ClientMessage | messages_pb2.Trade) -> None:
    if proto.ByteSize() > MAX_MESSAGE_BYTES:
        raise WireError(field, f"{proto.ByteSize()} bytes, at most {MAX_MESSAGE_BYTES}")


def _reference(field: str, proto: messages_pb2.AccountReference) -> AccountReference:
    return AccountReference(AccountId(_exact(f"{field}.account", proto.account, 32)), proto.version, proto.credits)


def _reference_proto(reference: AccountReference) -> messages_pb2.AccountReference:
    return messages_pb2.AccountReference(
        account=reference.account, version=reference.version, credits=reference.credits
    )


def terms_from_proto(proto: messages_pb2.TradeTerms) -> TradeTerms:
    """Trade terms.

    Raises:
        WireError: a field has the wrong length or does not decode.
    """
    return TradeTerms(
        taker=_reference("terms.taker", proto.taker),
        maker=AccountId(_exact("terms.maker", proto.maker, 32)),
        instrument=InstrumentId(_name("terms.instrument", proto.instrument)),
        price=MicroUsd(proto.price),
        fee=MicroUsd(proto.fee),
        round=proto.round,
        commitment=_parsed("terms.commitment", Commitment.decode, proto.commitment),
        box_digest=Digest(_exact("terms.box_digest", proto.box_digest, 32)),
        nonce=_exact("terms.nonce", proto.nonce, 32),
        expiry=proto.expiry,
    )


def terms_to_proto(terms: TradeTerms) -> messages_pb2.TradeTerms:
    """The inverse of `terms_from_proto`."""
    return messages_pb2.TradeTerms(
        taker=_reference_proto(terms.taker),
        maker=terms.maker,
        instrument=terms.instrument,
        price=terms.price,
        fee=terms.fee,
        round=terms.round,
        commitment=terms.commitment.encode(),
        box_digest=terms.box_digest,
        nonce=terms.nonce,
        expiry=terms.expiry,
    )


def trade_from_proto(proto: messages_pb2.Trade) -> Trade:
    """A trade, whose maker part may still be empty (version 0, no proof, no signature) in a proposal.

    Raises:
        WireError: larger than `MAX_MESSAGE_BYTES`, or a field has the wrong length or does not decode.
    """
    _bounded("trade", proto)
    return Trade(
        terms=terms_from_proto(proto.terms),
        sealed_box=proto.sealed_box,
        opening_proof=proto.opening_proof,
        taker_proof=proto.taker_proof,
        taker_signature=proto.taker_signature,
        maker=_reference("maker", proto.maker),
        maker_proof=proto.maker_proof,
        maker_signature=proto.maker_signature,
    )


def trade_to_proto(trade: Trade) -> messages_pb2.Trade:
    """The inverse of `trade_from_proto`."""
    return messages_pb2.Trade(
        terms=terms_to_proto(trade.terms),
        sealed_box=trade.sealed_box,
        opening_proof=trade.opening_proof,
        taker_proof=trade.taker_proof,
        taker_signature=trade.taker_signature,
        maker=_reference_proto(trade.maker),
        maker_proof=trade.maker_proof,
        maker_signature=trade.maker_signature,
    )


def message_from_proto(proto: messages_pb2.ClientMessage) -> Message:
    """An owner's message.

    Raises:
        WireError: none is set, it is larger than `MAX_MESSAGE_BYTES`, or a field has the wrong length or does not
            decode.
    """
    _bounded("message", proto)
    match proto.WhichOneof("message"):
        case "open_account":
            m = proto.open_account
            return OpenAccount(
                owner=Address(_exact("owner", m.owner, 20)),
                index=m.index,
                sealing_key=_exact("sealing_key", m.sealing_key, 32),
                home_chain=m.home_chain,
                nonce=_exact("nonce", m.nonce, 32),
                expiry=m.expiry,
                signature=m.signature,
            )
        case "margin_proof":
            p = proto.margin_proof
            return MarginProof(
                reference=_reference("reference", p.reference),
                round=p.round,
                nonce=_exact("nonce", p.nonce, 32),
                expiry=p.expiry,
                proof=p.proof,
                signature=p.signature,
            )
        case "trade":
            return trade_from_proto(proto.trade)
        case "withdraw":
            return _withdraw(proto.withdraw)
        case "bid":
            return _bid(proto.bid)
    raise WireError("message", "none is set")


def _withdraw(proto: messages_pb2.Withdraw) -> Withdraw:
    return Withdraw(
        reference=_reference("reference", proto.reference),
        asset=AssetId(_name("asset", proto.asset)),
        amount=proto.amount,
        recipient=Address(_exact("recipient", proto.recipient, 20)),
        round=proto.round,
        nonce=_exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        proof=proto.proof,
        signature=proto.signature,
    )


def _bid(proto: messages_pb2.Bid) -> Bid:
    return Bid(
        reference=_reference("reference", proto.reference),
        auction=Digest(_exact("auction", proto.auction, 32)),
        limit=MicroUsd(proto.limit),
        round=proto.round,
        nonce=_exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        proof=proto.proof,
        signature=proto.signature,
    )


def message_to_proto(message: Message) -> messages_pb2.ClientMessage:
    """The inverse of `message_from_proto`."""
    match message:
        case OpenAccount():
            opened = messages_pb2.OpenAccount(
                owner=message.owner,
                index=message.index,
                sealing_key=message.sealing_key,
                home_chain=message.home_chain,
                nonce=message.nonce,
                expiry=message.expiry,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(open_account=opened)
        case MarginProof():
            proof = messages_pb2.MarginProof(
                reference=_reference_proto(message.reference),
                round=message.round,
                nonce=message.nonce,
                expiry=message.expiry,
                proof=message.proof,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(margin_proof=proof)
        case Trade():
            return messages_pb2.ClientMessage(trade=trade_to_proto(message))
        case Withdraw():
            withdraw = messages_pb2.Withdraw(
                reference=_reference_proto(message.reference),
                asset=message.asset,
                amount=message.amount,
                recipient=message.recipient,
                round=message.round,
                nonce=message.nonce,
                expiry=message.expiry,
                proof=message.proof,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(withdraw=withdraw)
        case Bid():
            bid = messages_pb2.Bid(
                reference=_reference_proto(message.reference),
                auction=message.auction,
                limit=message.limit,
                round=message.round,
                nonce=message.nonce,
                expiry=message.expiry,
                proof=message.proof,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(bid=bid)


def encode_message(message: Message) -> bytes:
    """A ClientMessage."""
    return message_to_proto(message).SerializeToString(deterministic=True)


def decode_message(data: bytes) -> Message:
    """The inverse of `encode_message`.

    Raises:
        WireError: not a ClientMessage, or one of its fields does not decode.
    """
    return message_from_proto(_parsed("message", messages_pb2.ClientMessage.FromString, data))


def batch_hash(body: bytes) -> Digest:
    """keccak of a batch's bytes: what the certificate and the hub name."""
    return Digest(bytes(keccak(body)))


def event_to_proto(logged: LoggedEvent) -> batch_pb2.ChainEvent:
    """A chain event."""
    proto = batch_pb2.ChainEvent(block_number=logged.block_number, log_index=logged.log_index)
    match logged.event:
        case Deposited(account, token, amount):
            proto.deposited.CopyFrom(batch_pb2.Deposited(account=account, token=token, amount=amount))
        case Paid(action_id):
            proto.paid.CopyFrom(batch_pb2.Paid(action_id=action_id))
        case PayFailed(action_id):
            proto.pay_failed.CopyFrom(batch_pb2.PayFailed(action_id=action_id))
        case Seized(action_id):
            proto.seized.CopyFrom(batch_pb2.Seized(action_id=action_id))
        case Sold(action_id, proceeds):
            proto.sold.CopyFrom(batch_pb2.Sold(action_id=action_id, proceeds=proceeds))
        case Exited(account, token, amount, version):
            proto.exited.CopyFrom(batch_pb2.Exited(account=account, token=token, amount=amount, version=version))
    return proto


def event_from_proto(proto: batch_pb2.ChainEvent) -> LoggedEvent:
    """The inverse of `event_to_proto`.

    Raises:
        WireError: no event is set, or an id has the wrong length.
    """
    return LoggedEvent(proto.block_number, proto.log_index, _vault_event(proto))


def _vault_event(proto: batch_pb2.ChainEvent) -> VaultEvent:
    match proto.WhichOneof("event"):
        case "deposited":
            d = proto.deposited
            account = AccountId(_exact("deposited.account", d.account, 32))
            return Deposited(account, Address(_exact("deposited.token", d.token, 20)), d.amount)
        case "paid":
            return Paid(Digest(_exact("paid.action_id", proto.paid.action_id, 32)))
        case "pay_failed":
            return PayFailed(Digest(_exact("pay_failed.action_id", proto.pay_failed.action_id, 32)))
        case "seized":
            return Seized(Digest(_exact("seized.action_id", proto.seized.action_id, 32)))
        case "sold":
            action_id = Digest(_exact("sold.action_id", proto.sold.action_id, 32))
            return Sold(action_id, MicroUsd(proto.sold.proceeds))
        case "exited":
            e = proto.exited
            account = AccountId(_exact("exited.account", e.account, 32))
            return Exited(account, Address(_exact("exited.token", e.token, 20)), e.amount, e.version)
    raise WireError("event", "none is set")


def observation_to_proto(signed: SignedObservation) -> batch_pb2.Observation:
    """A signed observation."""
    seen = signed.observation
    return batch_pb2.Observation(
        validator=seen.validator,
        round=seen.round,
        feed=seen.feed,
        price=seen.price,
        confidence_ppm=seen.confidence_ppm,
        observed_at=seen.observed_at,
        signature=signed.signature,
    )


def observation_from_proto(proto: batch_pb2.Observation) -> SignedObservation:
    """The inverse of `observation_to_proto`.

    Raises:
        WireError: a field has the wrong length.
    """
    seen = Observation(
        validator=_exact("observation.validator", proto.validator, 20),
        round=proto.round,
        feed=_name("observation.feed", proto.feed),
        price=proto.price,
        confidence_ppm=proto.confidence_ppm,
        observed_at=proto.observed_at,
    )
    return SignedObservation(seen, _exact("observation.signature", proto.signature, 64))


def share_set_to_proto(shares: ShareSet) -> batch_pb2.ShareSet:
    """One member's decryption shares."""
    return batch_pb2.ShareSet(member=shares.member, shares=shares.shares)


def share_set_from_proto(proto: batch_pb2.ShareSet) -> ShareSet:
    """The inverse of `share_set_to_proto`; the shares themselves are decoded where they are verified."""
    return ShareSet(proto.member, tuple(proto.shares))


def encode_batch(batch: Batch) -> bytes:
    """A batch's bytes."""
    proto = batch_pb2.Batch(
        number=batch.number,
        previous_root=batch.previous_root,
        proposer=batch.proposer,
        hub=batch_pb2.HubHeader(number=batch.hub.number, hash=batch.hub.hash, timestamp=batch.hub.timestamp),
        segments=[_segment_to_proto(segment) for segment in batch.segments],
        rounds=[
            batch_pb2.OracleRound(
                round=r.round,
                height=r.height,
                time=r.time,
                observations=[observation_to_proto(signed) for signed in r.observations],
            )
            for r in batch.rounds
        ],
        grid=batch.grid.encode() if batch.grid is not None else b"",
        openings=[_opening_to_proto(opening) for opening in batch.openings],
        messages=[message_to_proto(message) for message in batch.messages],
        new_root=batch.new_root,
    )
    return proto.SerializeToString(deterministic=True)


def size_in_batch(part: Message | AccountOpening) -> int:
    """The bytes that a message or an opening adds to a batch's body, at most: its own and those that frame it."""
    proto = _opening_to_proto(part) if isinstance(part, AccountOpening) else message_to_proto(part)
    return proto.ByteSize() + _FRAME_BYTES


def _opening_to_proto(opening: AccountOpening) -> batch_pb2.AccountOpening:
    return batch_pb2.AccountOpening(
        default_id=opening.default_id,
        values=opening.values,
        share_sets=[share_set_to_proto(shares) for shares in opening.share_sets],
    )


def _segment_to_proto(segment: ChainSegment) -> batch_pb2.ChainSegment:
    return batch_pb2.ChainSegment(
        chain_id=segment.chain_id,
        from_block=segment.from_block,
        to_block=segment.to_block,
        to_hash=segment.to_hash,
        events=[event_to_proto(logged) for logged in segment.events],
    )


def _segment_from_proto(proto: batch_pb2.ChainSegment) -> ChainSegment:
    return ChainSegment(
        chain_id=proto.chain_id,
        from_block=proto.from_block,
        to_block=proto.to_block,
        to_hash=_exact("segment.to_hash", proto.to_hash, 32),
        events=tuple(event_from_proto(logged) for logged in proto.events),
    )


def decode_batch(body: bytes) -> Batch:
    """The inverse of `encode_batch`.

    Raises:
        WireError: not a batch, or one of its fields does not decode.
    """
    proto = _parsed("batch", batch_pb2.Batch.FromString, body)
    hub = HubHeader(proto.hub.number, _exact("hub.hash", proto.hub.hash, 32), proto.hub.timestamp)
    rounds = tuple(
        OracleRound(r.round, r.height, r.time, tuple(observation_from_proto(o) for o in r.observations))
        for r in proto.rounds
    )
    openings = tuple(
        AccountOpening(
            Digest(_exact("opening.default_id", o.default_id, 32)),
            tuple(o.values),
            tuple(share_set_from_proto(shares) for shares in o.share_sets),
        )
        for o in proto.openings
    )
    return Batch(
        number=proto.number,
        previous_root=Digest(_exact("previous_root", proto.previous_root, 32)),
        proposer=Address(_exact("proposer", proto.proposer, 20)),
        hub=hub,
        segments=tuple(_segment_from_proto(segment) for segment in proto.segments),
        rounds=rounds,
        grid=_parsed("grid", RiskGrid.decode, proto.grid) if proto.grid else None,
        openings=openings,
        messages=tuple(message_from_proto(message) for message in proto.messages),
        new_root=Digest(_exact("new_root", proto.new_root, 32)),
    )
