"""Messages and batches as bytes and back: strict on the way in (lengths, ranges, one-of), plain protobuf out.

Agreement is on the hash of the bytes that were sent, so no canonical form is needed: everyone keeps what it received.
"""

from typing import Final

from clearing.v1 import batch_pb2, messages_pb2
from eth_hash.auto import keccak

from circuits.auditor import AuditorKey
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
from node.ledger.house_orders import BreakerOrder, WriteOffOrder
from node.ledger.messages import (
    Bid,
    Contribute,
    MarginProof,
    Message,
    OpenAccount,
    SetAuditor,
    Trade,
    Transfer,
    Withdraw,
)
from node.ledger.types import AccountId, Address, AssetId, Digest, MicroUsd
from node.ledger.wire_agreements import (
    trade_from_proto,
    trade_to_proto,
    transfer_from_proto,
    transfer_to_proto,
)
from node.ledger.wire_fields import exact, name_field, parsed, reference_from_proto, reference_to_proto, require_bounded
from node.ledger.wire_orders import breaker_order_from_proto, order_to_proto, write_off_order_from_proto
from node.market.grid import RiskGrid
from node.market.oracle_rules import Observation
from node.market.surface import MOST_SLICES, Slice

_FRAME_BYTES: Final = 6
"""A field's tag (1) and the longest length that a batch can hold (5)."""


def message_from_proto(proto: messages_pb2.ClientMessage) -> Message:
    """An owner's message, or an order of the validators.

    Raises:
        WireError: none is set, it is larger than `MAX_MESSAGE_BYTES`, or a field has the wrong length or does not
            decode.
    """
    require_bounded("message", proto)
    match proto.WhichOneof("message"):
        case "open_account":
            m = proto.open_account
            return OpenAccount(
                owner=Address(exact("owner", m.owner, 20)),
                index=m.index,
                sealing_key=exact("sealing_key", m.sealing_key, 32),
                home_chain=m.home_chain,
                nonce=exact("nonce", m.nonce, 32),
                expiry=m.expiry,
                signature=m.signature,
            )
        case "margin_proof":
            p = proto.margin_proof
            return MarginProof(
                reference=reference_from_proto("reference", p.reference),
                round=p.round,
                nonce=exact("nonce", p.nonce, 32),
                expiry=p.expiry,
                proof=p.proof,
                signature=p.signature,
            )
        case "trade":
            return trade_from_proto(proto.trade)
        case "transfer":
            return transfer_from_proto(proto.transfer)
        case "withdraw":
            return _withdraw(proto.withdraw)
        case "bid":
            return _bid(proto.bid)
        case "contribute":
            return _contribute(proto.contribute)
        case "set_auditor":
            return auditor_from_proto(proto.set_auditor)
        case "breaker_order":
            return breaker_order_from_proto(proto.breaker_order)
        case "write_off_order":
            return write_off_order_from_proto(proto.write_off_order)
    raise WireError("message", "none is set")


def _withdraw(proto: messages_pb2.Withdraw) -> Withdraw:
    return Withdraw(
        reference=reference_from_proto("reference", proto.reference),
        asset=AssetId(name_field("asset", proto.asset)),
        amount=proto.amount,
        recipient=Address(exact("recipient", proto.recipient, 20)),
        round=proto.round,
        nonce=exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        proof=proto.proof,
        signature=proto.signature,
    )


def _contribute(proto: messages_pb2.Contribute) -> Contribute:
    return Contribute(
        reference=reference_from_proto("reference", proto.reference),
        amount=MicroUsd(proto.amount),
        round=proto.round,
        nonce=exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        proof=proto.proof,
        signature=proto.signature,
    )


def _bid(proto: messages_pb2.Bid) -> Bid:
    return Bid(
        reference=reference_from_proto("reference", proto.reference),
        auction=Digest(exact("auction", proto.auction, 32)),
        number=proto.number,
        units=proto.units,
        limit=MicroUsd(proto.limit),
        round=proto.round,
        nonce=exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        proof_before=proto.proof_before,
        proof=proto.proof,
        signature=proto.signature,
    )


def auditor_from_proto(proto: messages_pb2.SetAuditor) -> SetAuditor:
    """A SetAuditor; its handles are decoded where their number is known.

    Raises:
        WireError: a field has the wrong length or does not decode.
    """
    named = proto.HasField("auditor")
    return SetAuditor(
        reference=reference_from_proto("reference", proto.reference),
        auditor=parsed("auditor", AuditorKey.decode, proto.auditor) if named else None,
        handles=proto.handles,
        round=proto.round,
        nonce=exact("nonce", proto.nonce, 32),
        expiry=proto.expiry,
        auditor_proof=proto.auditor_proof,
        handles_proof=proto.handles_proof,
        proof=proto.proof,
        signature=proto.signature,
    )


def _withdraw_to_proto(message: Withdraw) -> messages_pb2.Withdraw:
    return messages_pb2.Withdraw(
        reference=reference_to_proto(message.reference),
        asset=message.asset,
        amount=message.amount,
        recipient=message.recipient,
        round=message.round,
        nonce=message.nonce,
        expiry=message.expiry,
        proof=message.proof,
        signature=message.signature,
    )


def _bid_to_proto(message: Bid) -> messages_pb2.Bid:
    return messages_pb2.Bid(
        reference=reference_to_proto(message.reference),
        auction=message.auction,
        number=message.number,
        units=message.units,
        limit=message.limit,
        round=message.round,
        nonce=message.nonce,
        expiry=message.expiry,
        proof_before=message.proof_before,
        proof=message.proof,
        signature=message.signature,
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
                reference=reference_to_proto(message.reference),
                round=message.round,
                nonce=message.nonce,
                expiry=message.expiry,
                proof=message.proof,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(margin_proof=proof)
        case Trade():
            return messages_pb2.ClientMessage(trade=trade_to_proto(message))
        case Transfer():
            return messages_pb2.ClientMessage(transfer=transfer_to_proto(message))
        case Withdraw():
            return messages_pb2.ClientMessage(withdraw=_withdraw_to_proto(message))
        case Bid():
            return messages_pb2.ClientMessage(bid=_bid_to_proto(message))
        case Contribute():
            contribute = messages_pb2.Contribute(
                reference=reference_to_proto(message.reference),
                amount=message.amount,
                round=message.round,
                nonce=message.nonce,
                expiry=message.expiry,
                proof=message.proof,
                signature=message.signature,
            )
            return messages_pb2.ClientMessage(contribute=contribute)
        case SetAuditor():
            return messages_pb2.ClientMessage(set_auditor=_set_auditor_to_proto(message))
        case BreakerOrder() | WriteOffOrder():
            return order_to_proto(message)


def _set_auditor_to_proto(message: SetAuditor) -> messages_pb2.SetAuditor:
    return messages_pb2.SetAuditor(
        reference=reference_to_proto(message.reference),
        auditor=None if message.auditor is None else message.auditor.encode(),
        handles=message.handles,
        round=message.round,
        nonce=message.nonce,
        expiry=message.expiry,
        auditor_proof=message.auditor_proof,
        handles_proof=message.handles_proof,
        proof=message.proof,
        signature=message.signature,
    )


def encode_message(message: Message) -> bytes:
    """A ClientMessage."""
    return message_to_proto(message).SerializeToString(deterministic=True)


def decode_message(data: bytes) -> Message:
    """The inverse of `encode_message`.

    Raises:
        WireError: not a ClientMessage, or one of its fields does not decode.
    """
    return message_from_proto(parsed("message", messages_pb2.ClientMessage.FromString, data))


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
            account = AccountId(exact("deposited.account", d.account, 32))
            return Deposited(account, Address(exact("deposited.token", d.token, 20)), d.amount)
        case "paid":
            return Paid(Digest(exact("paid.action_id", proto.paid.action_id, 32)))
        case "pay_failed":
            return PayFailed(Digest(exact("pay_failed.action_id", proto.pay_failed.action_id, 32)))
        case "seized":
            return Seized(Digest(exact("seized.action_id", proto.seized.action_id, 32)))
        case "sold":
            action_id = Digest(exact("sold.action_id", proto.sold.action_id, 32))
            return Sold(action_id, MicroUsd(proto.sold.proceeds))
        case "exited":
            e = proto.exited
            account = AccountId(exact("exited.account", e.account, 32))
            return Exited(account, Address(exact("exited.token", e.token, 20)), e.amount, e.version)
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
        slices=[
            batch_pb2.SurfaceSlice(
                expiry=entry.expiry,
                basis_ppb=entry.basis_ppb,
                call_wing=entry.call_wing,
                put_wing=entry.put_wing,
                bend=entry.bend,
            )
            for entry in seen.slices
        ],
    )


def observation_from_proto(proto: batch_pb2.Observation) -> SignedObservation:
    """The inverse of `observation_to_proto`.

    Raises:
        WireError: a field has the wrong length, or there are too many slices.
    """
    if len(proto.slices) > MOST_SLICES:
        raise WireError("observation.slices", f"{len(proto.slices)}, at most {MOST_SLICES}")
    seen = Observation(
        validator=exact("observation.validator", proto.validator, 20),
        round=proto.round,
        feed=name_field("observation.feed", proto.feed),
        price=proto.price,
        confidence_ppm=proto.confidence_ppm,
        observed_at=proto.observed_at,
        slices=tuple(Slice(s.expiry, s.basis_ppb, s.call_wing, s.put_wing, s.bend) for s in proto.slices),
    )
    return SignedObservation(seen, exact("observation.signature", proto.signature, 64))


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
        to_hash=exact("segment.to_hash", proto.to_hash, 32),
        events=tuple(event_from_proto(logged) for logged in proto.events),
    )


def decode_batch(body: bytes) -> Batch:
    """The inverse of `encode_batch`.

    Raises:
        WireError: not a batch, or one of its fields does not decode.
    """
    proto = parsed("batch", batch_pb2.Batch.FromString, body)
    hub = HubHeader(proto.hub.number, exact("hub.hash", proto.hub.hash, 32), proto.hub.timestamp)
    rounds = tuple(
        OracleRound(r.round, r.height, r.time, tuple(observation_from_proto(o) for o in r.observations))
        for r in proto.rounds
    )
    openings = tuple(
        AccountOpening(
            Digest(exact("opening.default_id", o.default_id, 32)),
            tuple(o.values),
            tuple(share_set_from_proto(shares) for shares in o.share_sets),
        )
        for o in proto.openings
    )
    return Batch(
        number=proto.number,
        previous_root=Digest(exact("previous_root", proto.previous_root, 32)),
        proposer=Address(exact("proposer", proto.proposer, 20)),
        hub=hub,
        segments=tuple(_segment_from_proto(segment) for segment in proto.segments),
        rounds=rounds,
        grid=parsed("grid", RiskGrid.decode, proto.grid) if proto.grid else None,
        openings=openings,
        messages=tuple(message_from_proto(message) for message in proto.messages),
        new_root=Digest(exact("new_root", proto.new_root, 32)),
    )
