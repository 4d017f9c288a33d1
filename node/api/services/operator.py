"""OperatorService: the node itself, on the operators' port."""

import asyncio
from collections.abc import Sequence
from typing import Final

from clearing.v1 import operator_service_pb2 as pb
from clearing.v1 import operator_service_pb2_grpc as pb_grpc

from node.api.backend import Backend
from node.api.convert_market import endpoints_digest
from node.api.guard import Context

_TAIL: Final = 0.99


class OperatorService(pb_grpc.OperatorServiceServicer):
    """What an operator watches."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def GetNodeStatus(self, request: pb.GetNodeStatusRequest, context: Context) -> pb.GetNodeStatusResponse:  # noqa: N802
        """Identity, heights, latencies."""
        status, state = self._backend.node_status(), self._backend.ledger()
        samples = await asyncio.to_thread(self._backend.store.latencies)
        certified = [sample.certified_ms for sample in samples]
        final = [sample.final_ms for sample in samples]
        booked = {chain_id: cursor.block for chain_id, cursor in state.cursors.items()}
        return pb.GetNodeStatusResponse(
            validator=status.validator,
            deployment_digest=self._backend.house.deployment.digest,
            height=state.number,
            root=state.root,
            certified_height=status.certified_height,
            attempt=status.attempt,
            peers_connected=sum(peer.connected for peer in status.peers),
            pool_messages=status.pool_messages,
            chains=[
                pb.ChainView(
                    chain_id=view.chain_id,
                    final_block=view.final_block,
                    booked_block=booked.get(view.chain_id, 0),
                )
                for view in status.chains
            ],
            certified_ms_median=quantile(certified, 0.5),
            certified_ms_p99=quantile(certified, _TAIL),
            final_ms_median=quantile(final, 0.5),
            final_ms_p99=quantile(final, _TAIL),
            verify_ms_median=status.verify_ms_median,
            verify_ms_p99=status.verify_ms_p99,
            house_digest=endpoints_digest(self._backend.house, self._backend.endpoints),
            hub_block=state.hub_height,
            epoch=self._backend.house.epoch,
            orders=state.orders,
            breaker_level=int(state.breaker.level),
            breaker_until=state.breaker.until,
            written_off=sorted(state.written_off),
        )

    async def ListPeers(self, request: pb.ListPeersRequest, context: Context) -> pb.ListPeersResponse:  # noqa: N802
        """The other validators."""
        peers = self._backend.node_status().peers
        return pb.ListPeersResponse(
            peers=[pb.Peer(validator=peer.validator, connected=peer.connected) for peer in peers]
        )

    async def ListOutbox(self, request: pb.ListOutboxRequest, context: Context) -> pb.ListOutboxResponse:  # noqa: N802
        """What has to reach the chains."""
        store, include_closed = self._backend.store, request.include_closed
        entries = await asyncio.to_thread(lambda: store.pending(include_closed=include_closed))
        return pb.ListOutboxResponse(
            entries=[
                pb.OutboxEntry(
                    id=entry.id,
                    kind=f"OUTBOX_KIND_{entry.kind.name}",
                    chain_id=entry.chain_id,
                    batch=entry.batch,
                    transaction=entry.transaction,
                    attempts=entry.attempts,
                )
                for entry in entries
            ]
        )


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of them do not exceed; None without values."""
    if not values:
        return None
    rank = -(-len(values) * share // 1)
    return sorted(values)[max(int(rank), 1) - 1]
