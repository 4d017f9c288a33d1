"""gRPC services for clients and operators: shape, signature and rate are checked here, everything else by the node."""

from node.api.backend import (
    Backend,
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
from node.api.errors import ApiError, status_of
from node.api.feeds import Feed
from node.api.limits import ApiLimits
from node.api.server import ClientServer, OperatorServer, server_credentials

__all__ = [
    "ApiError",
    "ApiLimits",
    "Backend",
    "ChainEndpoint",
    "ChainView",
    "ClientServer",
    "Feed",
    "FinalBatch",
    "MessageStage",
    "MessageState",
    "NodeStatus",
    "OpenTransfer",
    "OperatorServer",
    "PeerView",
    "TradeProposal",
    "server_credentials",
    "status_of",
]
