"""The client of one house: connect, open accounts, follow them until the end of the `async with`."""

from collections.abc import Awaitable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from clearing.v1 import account_service_pb2, ledger_service_pb2, market_service_pb2

from node.client.account import ClientAccount
from node.client.connection import Connection
from node.client.delivery import MESSAGE_BLOCKS, Sending, until_final
from node.client.derivation import fresh_nonce
from node.client.errors import HouseRefused, HouseUntrusted
from node.client.follower import as_of_proto
from node.client.house import HouseTerms
from node.client.keystore import WalletSecrets
from node.client.prover import MarginProver
from node.client.session import GridSource, Session
from node.client.signing import OwnerKey
from node.client.wallet import AccountWallet, SizeSearch
from node.ledger.errors import Reason
from node.ledger.messages import OpenAccount
from node.ledger.types import AccountId, account_id
from node.ledger.wire import message_to_proto


class ZkClear:
    """A client with one owner's secrets. Its repr shows the owner's address alone."""

    def __init__(self, session: Session, seed: bytes, search: SizeSearch) -> None:
        self._session, self._seed, self._search = session, seed, search
        self._accounts: dict[AccountId, ClientAccount] = {}

    def __repr__(self) -> str:
        return f"ZkClear({self._session.owner!r})"

    @classmethod
    async def connect(
        cls,
        target: str,
        wallet: WalletSecrets,
        *,
        ca: Path | None = None,
        house: bytes | None = None,
        executor: Executor | None = None,
        size_cache: Path | None = None,
    ) -> Self:
        """Connect to a node and read what its house is; use the result in an `async with`.

        Args:
            target: host:port of the node's client services.
            wallet: the owner's seed and key, for example of `open_keystore`.
            ca: PEM file of the node's certificate authority; None is an unencrypted channel, for a local node.
            house: the 32-byte digest that the house must have, from whoever runs it (its nodes' operators, `zkclear
                node status`, a devnet's `devnet.json`), and not from this node. None believes whatever it says.
            executor: where proofs are made; None is a thread. A ProcessPoolExecutor uses other cores.
            size_cache: file for the table that restores trade sizes, made once in a second or two.

        Raises:
            HouseUntrusted: another house, or one whose parts contradict each other.
            HouseRefused, HouseUnavailable: the node's answer.
        """
        connection = Connection(target, ca)
        try:
            response = await connection.call(connection.market.GetDeployment, market_service_pb2.GetDeploymentRequest())
            terms = HouseTerms.from_proto(response, house)
        except BaseException:
            await connection.close()
            raise
        prover = MarginProver(terms.deployment, terms.key, terms.parameters_digest, executor)
        session = Session(connection, terms, OwnerKey(wallet.owner_key), prover, GridSource(connection, terms))
        return cls(session, wallet.seed, SizeSearch(cache=size_cache))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for account in self._accounts.values():
            await account.close()
        await self._session.connection.close()

    @property
    def house(self) -> HouseTerms:
        """What the house is, and the converters from decimal figures."""
        return self._session.house

    async def open_account(self, index: int = 0, home_chain: int | None = None) -> ClientAccount:
        """The owner's account with this index: opened if it is not yet, restored from seed and history if it is.

        `home_chain` is the chain on which a new account's cash could be taken out by force, if the house stopped; None
        is the house's first.

        Raises:
            HouseUntrusted: the open account has another sealing key than this seed's, so another wallet opened it.
            WalletDiverged: the history does not lead to the ledger's commitments.
            MessageDropped, HouseRefused, HouseUnavailable: the opening's fate, or the node's answer.
        """
        session, deployment = self._session, self._session.house.deployment
        name = account_id(deployment, session.owner.address, index)
        if name in self._accounts:
            return self._accounts[name]
        wallet = AccountWallet(self._seed, deployment, name, session.house.key, self._search, session.owner.address)
        request = account_service_pb2.FindAccountRequest(owner=session.owner.address, index=index)
        found = await session.connection.call(session.connection.accounts.FindAccount, request)
        if found.id != name:
            raise HouseUntrusted("account", "its id is not that of owner and index")
        if not found.HasField("account"):
            home = min(session.house.vaults) if home_chain is None else home_chain
            await self._open(wallet, index, home, as_of_proto(found.as_of).hub_block + MESSAGE_BLOCKS)
        elif found.account.sealing_key != wallet.sealing_key:
            raise HouseUntrusted("account", "was opened with another wallet's sealing key")
        account = ClientAccount(session, wallet)
        try:
            await account.start()
        except BaseException:
            await account.close()
            raise
        self._accounts[name] = account
        return account

    async def _open(self, wallet: AccountWallet, index: int, home: int, expiry: int) -> None:
        session = self._session
        message = OpenAccount(session.owner.address, index, wallet.sealing_key, home, fresh_nonce(), expiry)
        digest = message.digest(session.house.deployment)
        signed = replace(message, signature=session.owner.sign(digest))
        request = ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(signed))

        def send() -> Awaitable[object]:
            return session.connection.call(session.connection.ledger.SubmitMessage, request)

        async def height() -> int:
            request = ledger_service_pb2.GetStatusRequest()
            status = await session.connection.call(session.connection.ledger.GetStatus, request)
            return int(status.final.hub_block)

        try:
            await send()
        except HouseRefused as refusal:
            # It may be this very message that opened it, and only the answer was lost.
            if refusal.reason != Reason.ACCOUNT_EXISTS:
                raise
        await until_final(session.connection, Sending(digest, expiry, send), height)
