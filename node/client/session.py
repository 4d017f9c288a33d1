"""What all accounts of one client share: the connection, the house, the owner's key, the prover and the risk grids."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from clearing.v1 import account_service_pb2, margin_service_pb2

from circuits.auditor import AuditorKey
from circuits.handles import prove_handles
from circuits.pedersen import Commitment, Opening
from circuits.transcript import ProofContext
from node.client.connection import Connection
from node.client.errors import HouseUntrusted
from node.client.house import HouseTerms
from node.client.prover import MarginProver
from node.client.signing import OwnerKey
from node.ledger.types import AccountId
from node.market.errors import EncodingInvalid
from node.market.grid import RiskGrid

_KEPT: Final = 8


class GridSource:
    """The risk grids of the rounds that proofs may name, each fetched once."""

    def __init__(self, connection: Connection, house: HouseTerms) -> None:
        self._connection, self._house = connection, house
        self._grids: dict[int, RiskGrid] = {}

    async def latest(self) -> RiskGrid:
        """The grid of the latest round.

        Raises:
            HouseRefused: there is none yet.
            HouseUntrusted: the node's grid has not the digest that it names, or other parameters.
        """
        return await self._fetch(margin_service_pb2.GetGridRequest())

    async def of_round(self, number: int) -> RiskGrid:
        """The grid of one round. Raises as `latest`; HouseRefused too for a round no longer accepted."""
        if number in self._grids:
            return self._grids[number]
        return await self._fetch(margin_service_pb2.GetGridRequest(round=number))

    async def _fetch(self, request: margin_service_pb2.GetGridRequest) -> RiskGrid:
        response = await self._connection.call(self._connection.margin.GetGrid, request)
        if response.parameters_digest != self._house.parameters_digest:
            raise HouseUntrusted("grid", "is made with other parameters than the house's")
        try:
            grid = RiskGrid.decode(response.grid)
        except EncodingInvalid as error:
            raise HouseUntrusted("grid", str(error)) from error
        if grid.digest != response.grid_digest or grid.round != response.round:
            raise HouseUntrusted("grid", "is not the one that its digest and round name")
        self._grids[grid.round] = grid
        for old in sorted(self._grids)[:-_KEPT]:
            del self._grids[old]
        return grid


@dataclass(frozen=True, slots=True)
class Session:
    """One client at one house."""

    connection: Connection
    house: HouseTerms
    owner: OwnerKey
    prover: MarginProver
    grids: GridSource
    paying: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the owner's address sends transactions, whose nonces must follow one another."""

    def handle_proof(
        self, auditor: AuditorKey | None, commitment: Commitment, amount: Opening, context: ProofContext
    ) -> bytes | None:
        """The proof that an amount's handle for `auditor` is the commitment's; None without an auditor."""
        if auditor is None:
            return None
        return prove_handles(self.house.key, auditor, (commitment,), (amount.blinding,), context)

    async def sealing_key(self, account: AccountId) -> bytes:
        """The 32 bytes to which openings for an account are sealed, as the node tells them.

        Raises:
            HouseRefused: the account is not open.
        """
        request = account_service_pb2.GetAccountRequest(account=account)
        response = await self.connection.call(self.connection.accounts.GetAccount, request)
        return bytes(response.account.sealing_key)
