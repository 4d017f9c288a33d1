"""What two owners sign together, trades and transfers, as protobuf and back."""

from clearing.v1 import messages_pb2

from circuits.pedersen import Commitment
from node.ledger.messages import Trade, TradeTerms, Transfer, TransferTerms
from node.ledger.types import AccountId, AssetId, Digest, InstrumentId, MicroUsd
from node.ledger.wire_fields import (
    exact,
    handle_from_proto,
    handle_to_proto,
    name_field,
    parsed,
    reference_from_proto,
    reference_to_proto,
    require_bounded,
)


def terms_from_proto(proto: messages_pb2.TradeTerms) -> TradeTerms:
    """Trade terms.

    Raises:
        WireError: a field has the wrong length or does not decode.
    """
    return TradeTerms(
        taker=reference_from_proto("terms.taker", proto.taker),
        maker=AccountId(exact("terms.maker", proto.maker, 32)),
        instrument=InstrumentId(name_field("terms.instrument", proto.instrument)),
        price=MicroUsd(proto.price),
        fee=MicroUsd(proto.fee),
        round=proto.round,
        commitment=parsed("terms.commitment", Commitment.decode, proto.commitment),
        box_digest=Digest(exact("terms.box_digest", proto.box_digest, 32)),
        nonce=exact("terms.nonce", proto.nonce, 32),
        expiry=proto.expiry,
        taker_handle=handle_from_proto("terms.taker_handle", proto, "taker_handle"),
    )


def terms_to_proto(terms: TradeTerms) -> messages_pb2.TradeTerms:
    """The inverse of `terms_from_proto`."""
    return messages_pb2.TradeTerms(
        taker=reference_to_proto(terms.taker),
        maker=terms.maker,
        instrument=terms.instrument,
        price=terms.price,
        fee=terms.fee,
        round=terms.round,
        commitment=terms.commitment.encode(),
        box_digest=terms.box_digest,
        nonce=terms.nonce,
        expiry=terms.expiry,
        taker_handle=handle_to_proto(terms.taker_handle),
    )


def trade_from_proto(proto: messages_pb2.Trade) -> Trade:
    """A trade, whose maker part may still be empty (version 0, no proof, no signature) in a proposal.

    Raises:
        WireError: larger than `MAX_MESSAGE_BYTES`, or a field has the wrong length or does not decode.
    """
    require_bounded("trade", proto)
    return Trade(
        terms=terms_from_proto(proto.terms),
        sealed_box=proto.sealed_box,
        opening_proof=proto.opening_proof,
        taker_proof=proto.taker_proof,
        taker_signature=proto.taker_signature,
        maker=reference_from_proto("maker", proto.maker),
        maker_proof=proto.maker_proof,
        maker_signature=proto.maker_signature,
        maker_handle=handle_from_proto("maker_handle", proto, "maker_handle"),
        maker_handle_proof=proto.maker_handle_proof,
    )


def trade_to_proto(trade: Trade) -> messages_pb2.Trade:
    """The inverse of `trade_from_proto`."""
    return messages_pb2.Trade(
        terms=terms_to_proto(trade.terms),
        sealed_box=trade.sealed_box,
        opening_proof=trade.opening_proof,
        taker_proof=trade.taker_proof,
        taker_signature=trade.taker_signature,
        maker=reference_to_proto(trade.maker),
        maker_proof=trade.maker_proof,
        maker_signature=trade.maker_signature,
        maker_handle=handle_to_proto(trade.maker_handle),
        maker_handle_proof=trade.maker_handle_proof or None,
    )


def transfer_terms_from_proto(proto: messages_pb2.TransferTerms) -> TransferTerms:
    """Transfer terms.

    Raises:
        WireError: a field has the wrong length or does not decode.
    """
    return TransferTerms(
        sender=reference_from_proto("terms.sender", proto.sender),
        receiver=AccountId(exact("terms.receiver", proto.receiver, 32)),
        asset=AssetId(name_field("terms.asset", proto.asset)),
        round=proto.round,
        commitment=parsed("terms.commitment", Commitment.decode, proto.commitment),
        box_digest=Digest(exact("terms.box_digest", proto.box_digest, 32)),
        nonce=exact("terms.nonce", proto.nonce, 32),
        expiry=proto.expiry,
        sender_handle=handle_from_proto("terms.sender_handle", proto, "sender_handle"),
    )


def transfer_terms_to_proto(terms: TransferTerms) -> messages_pb2.TransferTerms:
    """The inverse of `transfer_terms_from_proto`."""
    return messages_pb2.TransferTerms(
        sender=reference_to_proto(terms.sender),
        receiver=terms.receiver,
        asset=terms.asset,
        round=terms.round,
        commitment=terms.commitment.encode(),
        box_digest=terms.box_digest,
        nonce=terms.nonce,
        expiry=terms.expiry,
        sender_handle=handle_to_proto(terms.sender_handle),
    )


def transfer_from_proto(proto: messages_pb2.Transfer) -> Transfer:
    """A transfer, whose receiver's part may still be empty (version 0, no proof, no signature) in a proposal.

    Raises:
        WireError: larger than `MAX_MESSAGE_BYTES`, or a field has the wrong length or does not decode.
    """
    require_bounded("transfer", proto)
    return Transfer(
        terms=transfer_terms_from_proto(proto.terms),
        sealed_box=proto.sealed_box,
        opening_proof=proto.opening_proof,
        sender_proof=proto.sender_proof,
        sender_signature=proto.sender_signature,
        receiver=reference_from_proto("receiver", proto.receiver),
        receiver_proof=proto.receiver_proof,
        receiver_signature=proto.receiver_signature,
        receiver_handle=handle_from_proto("receiver_handle", proto, "receiver_handle"),
        receiver_handle_proof=proto.receiver_handle_proof,
    )


def transfer_to_proto(transfer: Transfer) -> messages_pb2.Transfer:
    """The inverse of `transfer_from_proto`."""
    return messages_pb2.Transfer(
        terms=transfer_terms_to_proto(transfer.terms),
        sealed_box=transfer.sealed_box,
        opening_proof=transfer.opening_proof,
        sender_proof=transfer.sender_proof,
        sender_signature=transfer.sender_signature,
        receiver=reference_to_proto(transfer.receiver),
        receiver_proof=transfer.receiver_proof,
        receiver_signature=transfer.receiver_signature,
        receiver_handle=handle_to_proto(transfer.receiver_handle),
        receiver_handle_proof=transfer.receiver_handle_proof or None,
    )
