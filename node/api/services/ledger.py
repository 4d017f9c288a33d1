"""LedgerService: messages in; batches, events, proofs of state and invariants out."""

import asyncio

from clearing.v1 import ledger_service_pb2 as pb
from clearing.v1 import ledger_service_pb2_grpc as pb_grpc

from node.api.admission import Admission
from node.api.backend import Backend
from node.api.books import Books
from node.api.convert import (
    account_proto,
    batch_reference,
    breaker_proto,
    event_proto,
    refusal_proto,
    write_off_proto,
)
from node.api.errors import Absent
from node.api.fields import account_field, digest_field
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.reach import silent
from node.ledger.types import AccountId
from node.ledger.wire import message_from_proto


class LedgerService(pb_grpc.LedgerServiceServicer):
    """The ledger's front door."""

    def __init__(self, backend: Backend, limits: ApiLimits, admission: Admission, books: Books) -> None:
        self._backend = backend
        self._limits = limits
        self._admission = admission
        self._books = books

    async def SubmitMessage(self, request: pb.SubmitMessageRequest, context: Context) -> pb.SubmitMessageResponse:  # noqa: N802
        """Takes a message in."""
        message = message_from_proto(request.message)
        return pb.SubmitMessageResponse(message_id=await self._admission.submit(message))

    async def GetMessage(self, request: pb.GetMessageRequest, context: Context) -> pb.GetMessageResponse:  # noqa: N802
        """How far a message has come."""
        name = digest_field(request.message_id, "message_id")
        known = await self._backend.message_state(name)
        if known is None:
            raise Absent("message", name.hex())
        return pb.GetMessageResponse(
            status=f"MESSAGE_STATUS_{known.stage.name}",
            batch=known.batch,
            refusal=None if known.refusal is None else refusal_proto(known.refusal),
        )

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:  # noqa: N802
        """How far the ledger has come."""
        state = self._backend.ledger()
        return pb.GetStatusResponse(
            final=batch_reference(state),
            certified=self._backend.node_status().certified_height,
            chains=[
                pb.ChainStatus(chain_id=chain_id, booked_block=cursor.block)
                for chain_id, cursor in sorted(state.cursors.items())
            ],
            breaker=breaker_proto(state.breaker),
            written_off=[write_off_proto(entry) for entry in state.written_off.values()],
            orders=state.orders,
        )

    async def GetBatch(self, request: pb.GetBatchRequest, context: Context) -> pb.GetBatchResponse:  # noqa: N802
        """A final batch."""
        stored = await asyncio.to_thread(self._backend.store.batch, request.number)
        if stored is None:
            raise Absent("batch", str(request.number))
        return pb.GetBatchResponse(
            number=stored.number,
            body=stored.body,
            batch_hash=stored.batch_hash,
            root=stored.root,
            certificate=stored.certificate,
        )

    async def StreamEvents(self, request: pb.StreamEventsRequest, context: Context) -> None:  # noqa: N802
        """The public record, past and coming: always read from the store, so a slow reader costs no memory."""
        account = account_field(request.account) if request.account else None
        sequence = request.after_sequence
        with self._backend.batches.follow() as news:
            state = self._backend.ledger()
            while True:
                sequence = await self._send_events(account, sequence, context)
                mark = pb.StreamEventsResponse(complete_through=batch_reference(state))
                await send(context, mark, self._limits)
                state = (await anext(news)).state

    async def _send_events(self, account: AccountId | None, sequence: int, context: Context) -> int:
        """Sends what the store holds after `sequence`; returns the last sequence number sent."""
        limits = self._limits
        while True:
            page = await asyncio.to_thread(self._backend.store.events, sequence, limits.page, account)
            for stored in page:
                await send(context, pb.StreamEventsResponse(event=event_proto(stored)), limits)
                sequence = stored.sequence
            if len(page) < limits.page:
                return sequence

    async def GetLeafProof(self, request: pb.GetLeafProofRequest, context: Context) -> pb.GetLeafProofResponse:  # noqa: N802
        """An account's place under the root."""
        state = self._backend.ledger()
        name = account_field(request.account)
        proof = await self._books.leaf_proof(self._backend.house, state, name)
        account = account_proto(self._backend.house, state, state.accounts[name])
        return pb.GetLeafProofResponse(leaf=proof.leaf, path=proof.path, as_of=batch_reference(state), account=account)

    async def GetInvariants(self, request: pb.GetInvariantsRequest, context: Context) -> pb.GetInvariantsResponse:  # noqa: N802
        """Whether the books add up, and their public sums."""
        house, state = self._backend.house, self._backend.ledger()
        report = await self._books.invariants(house, state)
        return pb.GetInvariantsResponse(
            hold=not report.failing,
            broken=report.failing,
            assets=[
                pb.AssetBooks(
                    asset=name,
                    in_vault=held,
                    promised=state.escrow.get(name, 0),
                    written_off=name in state.written_off,
                    silent=silent(house, state, house.registry.asset(name).chain_id),
                )
                for name, held in sorted(state.inventory.items())
            ],
            insurance=state.insurance,
            default_fund=sum(state.default_fund.values()),
            shortfall=state.shortfall,
            accounts=len(state.accounts),
            trades=state.trades,
            as_of=batch_reference(state),
        )
