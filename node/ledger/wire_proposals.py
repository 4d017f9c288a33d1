"""Trades and transfers on the way to their counterparties: whole but for the part that accepts them."""

from clearing.v1 import messages_pb2, trade_service_pb2, transfer_service_pb2

from node.ledger.messages import Trade, Transfer
from node.ledger.wire_agreements import terms_to_proto, trade_from_proto, transfer_from_proto, transfer_terms_to_proto


def trade_proposal_to_proto(trade: Trade) -> trade_service_pb2.TradeProposal:
    """A trade without its maker's part."""
    return trade_service_pb2.TradeProposal(
        terms=terms_to_proto(trade.terms),
        sealed_box=trade.sealed_box,
        opening_proof=trade.opening_proof,
        taker_proof=trade.taker_proof,
        taker_signature=trade.taker_signature,
    )


def trade_proposal_from_proto(proto: trade_service_pb2.TradeProposal) -> Trade:
    """The trade that a proposal stands for; the maker's version is 0 and its proof and signature are empty.

    Raises:
        WireError: too large, or a field has the wrong length or does not decode.
    """
    trade = messages_pb2.Trade(
        terms=proto.terms,
        sealed_box=proto.sealed_box,
        opening_proof=proto.opening_proof,
        taker_proof=proto.taker_proof,
        taker_signature=proto.taker_signature,
        maker=messages_pb2.AccountReference(account=proto.terms.maker),
    )
    return trade_from_proto(trade)


def transfer_proposal_to_proto(transfer: Transfer) -> transfer_service_pb2.TransferProposal:
    """A transfer without its receiver's part."""
    return transfer_service_pb2.TransferProposal(
        terms=transfer_terms_to_proto(transfer.terms),
        sealed_box=transfer.sealed_box,
        opening_proof=transfer.opening_proof,
        sender_proof=transfer.sender_proof,
        sender_signature=transfer.sender_signature,
    )


def transfer_proposal_from_proto(proto: transfer_service_pb2.TransferProposal) -> Transfer:
    """The transfer that a proposal stands for; the receiver's version is 0 and its proof and signature are empty.

    Raises:
        WireError: too large, or a field has the wrong length or does not decode.
    """
    transfer = messages_pb2.Transfer(
        terms=proto.terms,
        sealed_box=proto.sealed_box,
        opening_proof=proto.opening_proof,
        sender_proof=proto.sender_proof,
        sender_signature=proto.sender_signature,
        receiver=messages_pb2.AccountReference(account=proto.terms.receiver),
    )
    return transfer_from_proto(transfer)
