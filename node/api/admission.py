"""The first checks of a message: shape, signature, rate, in this order: nobody can spend another's allowance.

An order of the validators has a quorum's signatures instead of an owner's.
"""

import asyncio

from node.api.backend import Backend
from node.api.limits import ApiLimits, BucketTable, Clock
from node.ledger.errors import Reason, Refused
from node.ledger.house_orders import HouseOrder
from node.ledger.messages import Message, OpenAccount, Trade, Transfer, accounts_of
from node.ledger.orders import require_orderly
from node.ledger.signatures import SignatureMalformed, recover_owner
from node.ledger.types import AccountId, Address, Digest

_Signed = tuple[AccountId, bytes, Digest]


class Admission:
    """Lets in what its owners signed, as often as each account may."""

    def __init__(self, backend: Backend, limits: ApiLimits, clock: Clock) -> None:
        self._backend = backend
        self._buckets = BucketTable(
            limits.account_messages_per_second, limits.account_messages_burst, limits.buckets, clock
        )

    async def submit(self, message: Message) -> Digest:
        """Admits a message and hands it to the node; returns its id.

        Raises:
            Refused, RateLimited.
        """
        await self._admit(message, proposal=False)
        return await self._backend.submit(message)

    async def propose(self, trade: Trade) -> Digest:
        """Admits a trade that only its taker signed and hands it to the node; returns its id.

        Raises:
            Refused, RateLimited.
        """
        await self._admit(trade, proposal=True)
        return await self._backend.propose_trade(trade)

    async def propose_transfer(self, transfer: Transfer) -> Digest:
        """Admits a transfer that only its sender signed and hands it to the node; returns its id.

        Raises:
            Refused, RateLimited.
        """
        await self._admit(transfer, proposal=True)
        return await self._backend.propose_transfer(transfer)

    async def _admit(self, message: Message, *, proposal: bool) -> None:
        for account in await asyncio.to_thread(self._check_signatures, message, proposal):
            self._buckets.admit(account.hex())

    def _check_signatures(self, message: Message, proposal: bool) -> list[AccountId]:
        if isinstance(message, HouseOrder):
            # An order costs nobody's allowance: a quorum signed it, and it counts once.
            require_orderly(self._backend.house, self._backend.ledger(), message)
            return []
        accounts = []
        for account, signature, digest in self._signed(message, proposal):
            owner = self._owner(message, account)
            try:
                signer = recover_owner(signature, digest)
            except SignatureMalformed as error:
                raise Refused(Reason.SIGNATURE_INVALID, str(error), (("account", account.hex()),)) from error
            if signer != owner:
                metadata = (("account", account.hex()), ("signer", signer.hex()))
                raise Refused(Reason.SIGNATURE_INVALID, "not the owner's signature", metadata)
            accounts.append(account)
        return accounts

    def _signed(self, message: Message, proposal: bool) -> list[_Signed]:
        """Who has to have signed what."""
        deployment = self._backend.house.deployment
        accounts, digest = accounts_of(message, deployment), message.digest(deployment)
        match message:
            case Trade():
                signatures = (message.taker_signature, message.maker_signature)
            case Transfer():
                signatures = (message.sender_signature, message.receiver_signature)
            case _:
                return [(accounts[0], message.signature, digest)]
        first: _Signed = (accounts[0], signatures[0], digest)
        return [first] if proposal else [first, (accounts[1], signatures[1], message.acceptance_digest(deployment))]

    def _owner(self, message: Message, account: AccountId) -> Address:
        if isinstance(message, OpenAccount):
            return message.owner
        known = self._backend.ledger().accounts.get(account)
        if known is None:
            raise Refused(Reason.ACCOUNT_UNKNOWN, "never opened", (("account", account.hex()),))
        return known.owner
