"""AccountService: accounts and their postings."""

import asyncio

from clearing.v1 import account_service_pb2 as pb
from clearing.v1 import account_service_pb2_grpc as pb_grpc

from node.api.backend import Backend
from node.api.convert import account_proto, batch_reference, credit_proto, posting_proto
from node.api.errors import Absent
from node.api.fields import account_field, address_field
from node.api.guard import Context, send
from node.api.limits import ApiLimits
from node.ledger.types import AccountId, account_id


class AccountService(pb_grpc.AccountServiceServicer):
    """Reads accounts from the state and postings from the store."""

    def __init__(self, backend: Backend, limits: ApiLimits) -> None:
        self._backend = backend
        self._limits = limits

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:  # noqa: N802
        """One account."""
        name = account_field(request.account)
        state = self._backend.ledger()
        if name not in state.accounts:
            raise Absent("account", name.hex())
        account = account_proto(self._backend.house, state, state.accounts[name])
        return pb.GetAccountResponse(account=account, as_of=batch_reference(state))

    async def FindAccount(self, request: pb.FindAccountRequest, context: Context) -> pb.FindAccountResponse:  # noqa: N802
        """The account of an owner and index, opened or not."""
        owner = address_field(request.owner, "owner")
        house, state = self._backend.house, self._backend.ledger()
        name = account_id(house.deployment, owner, request.index)
        account = state.accounts.get(name)
        return pb.FindAccountResponse(
            id=name,
            account=None if account is None else account_proto(house, state, account),
            unclaimed=[credit_proto(credit) for credit in state.unclaimed.get(name, ())],
            as_of=batch_reference(state),
        )

    async def StreamPostings(self, request: pb.StreamPostingsRequest, context: Context) -> None:  # noqa: N802
        """An account's postings, past and coming: always read from the store, so a slow reader costs no memory."""
        name = account_field(request.account)
        sequence = request.after_sequence
        with self._backend.batches.follow() as news:
            state = self._backend.ledger()
            while True:
                sequence = await self._send_postings(name, sequence, context)
                mark = pb.StreamPostingsResponse(complete_through=batch_reference(state))
                await send(context, mark, self._limits)
                state = (await anext(news)).state

    async def _send_postings(self, name: AccountId, sequence: int, context: Context) -> int:
        """Sends what the store holds after `sequence`; returns the last sequence number sent."""
        while True:
            page = await asyncio.to_thread(self._backend.store.postings, name, sequence, self._limits.page)
            for stored in page:
                await send(context, pb.StreamPostingsResponse(posting=posting_proto(stored)), self._limits)
                sequence = stored.sequence
            if len(page) < self._limits.page:
                return sequence
