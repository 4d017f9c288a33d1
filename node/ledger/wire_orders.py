"""The validators' orders as protobuf and back; strict on the way in."""

from clearing.v1 import messages_pb2

from node.ledger.errors import WireError
from node.ledger.house_orders import BreakerOrder, HouseOrder, WriteOffOrder
from node.ledger.types import AssetId
from node.ledger.wire_fields import exact, name_field
from node.liquidation.breaker import Level


def breaker_order_from_proto(proto: messages_pb2.BreakerOrder) -> BreakerOrder:
    """A breaker order. Raises WireError for a level that there is none of, or a signature of another length."""
    try:
        level = Level(proto.level)
    except ValueError as error:
        raise WireError("level", str(error)) from error
    return BreakerOrder(proto.epoch, proto.sequence, level, proto.until, _signatures(proto))


def write_off_order_from_proto(proto: messages_pb2.WriteOffOrder) -> WriteOffOrder:
    """A write-off order. Raises WireError for an asset that has no such name, or a signature of another length."""
    asset = AssetId(name_field("asset", proto.asset))
    return WriteOffOrder(proto.epoch, proto.sequence, asset, proto.reinstated, proto.expiry, _signatures(proto))


def _signatures(proto: messages_pb2.BreakerOrder | messages_pb2.WriteOffOrder) -> tuple[bytes, ...]:
    return tuple(exact("signatures", signature, 64) for signature in proto.signatures)


def order_to_proto(order: HouseOrder) -> messages_pb2.ClientMessage:
    """The inverse of both."""
    if isinstance(order, BreakerOrder):
        breaker = messages_pb2.BreakerOrder(
            epoch=order.epoch,
            sequence=order.sequence,
            level=int(order.level),
            until=order.until,
            signatures=order.signatures,
        )
        return messages_pb2.ClientMessage(breaker_order=breaker)
    write_off = messages_pb2.WriteOffOrder(
        epoch=order.epoch,
        sequence=order.sequence,
        asset=order.asset,
        reinstated=order.reinstated,
        expiry=order.expiry,
        signatures=order.signatures,
    )
    return messages_pb2.ClientMessage(write_off_order=write_off)
