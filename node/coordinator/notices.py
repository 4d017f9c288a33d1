"""Notices of deposits: a home node tells the others that collateral came in on its chain, as a commitment.

    chain id (8) ‖ block (8) ‖ account (32) ‖ commitment amount·G (96) ‖ asset, UTF-8

A notice is only a hint where to look. What counts is the event that each node's own connection to that chain shows; if
that shows another amount, or none, the notice was false and its sender is named in the log.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Self

import structlog

from circuits.errors import DecodingError
from circuits.group import IDENTITY
from circuits.pedersen import COMMITMENT_BYTES, Commitment
from node.ledger.batch import Batch, Deposited
from node.ledger.state import House
from node.ledger.types import AccountId, AssetId
from node.market.errors import MarketError
from node.network.errors import InvalidGossip
from node.sequencing.ports import Mesh

DEPOSIT: Final = "deposit"
_HEAD: Final = 8 + 8 + 32 + COMMITMENT_BYTES
_KEPT: Final = 1024
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CollateralNotice:
    """`asset` came in for `account` in final block `block` of its chain; the commitment is to the ledger units."""

    chain_id: int
    block: int
    account: AccountId
    asset: AssetId
    commitment: Commitment

    def encode(self) -> bytes:
        """See the module's formula."""
        places = self.chain_id.to_bytes(8, "big") + self.block.to_bytes(8, "big")
        return places + self.account + self.commitment.encode() + self.asset.encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Raises InvalidGossip."""
        try:
            commitment = Commitment.decode(data[48:_HEAD])
            asset = AssetId(data[_HEAD:].decode("ascii"))
        except (DecodingError, UnicodeDecodeError) as error:
            raise InvalidGossip(f"no collateral notice: {error}") from error
        if not 0 < len(asset) <= 64 or commitment.d != IDENTITY:
            raise InvalidGossip("a collateral notice names an asset and a public amount")
        chain_id, block = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big")
        return cls(chain_id, block, AccountId(data[16:48]), asset, commitment)


class Notices:
    """What peers say came in, against what came in. `home` are the chains that this node announces deposits of."""

    def __init__(self, house: House, mesh: Mesh, home: frozenset[int]) -> None:
        self._house = house
        self._mesh = mesh
        self._home = home
        self._told: OrderedDict[bytes, tuple[bytes, CollateralNotice]] = OrderedDict()
        self.confirmed = 0
        self.false = 0
        mesh.on(DEPOSIT, self._on_notice)

    async def announce(self, chain_id: int, block: int, deposit: Deposited) -> None:
        """Tell the others of a deposit in a final block of a home chain."""
        if chain_id not in self._home:
            return
        asset = AssetId(self._house.registry.asset_at(chain_id, deposit.token).id)
        notice = CollateralNotice(chain_id, block, deposit.account, asset, Commitment.public(deposit.amount))
        await self._mesh.broadcast(DEPOSIT, notice.encode())

    def expected(self) -> tuple[CollateralNotice, ...]:
        """Notices that no final batch has confirmed or refuted yet."""
        return tuple(notice for _, notice in self._told.values())

    def on_final(self, batch: Batch) -> None:
        """A batch booked deposits: strike them off, and name who announced what did not come."""
        for segment in batch.segments:
            seen = set()
            for logged in segment.events:
                if isinstance(logged.event, Deposited):
                    deposit = logged.event
                    asset = AssetId(self._house.registry.asset_at(segment.chain_id, deposit.token).id)
                    made = Commitment.public(deposit.amount)
                    seen.add(
                        CollateralNotice(segment.chain_id, logged.block_number, deposit.account, asset, made).encode()
                    )
            for key, (peer, notice) in list(self._told.items()):
                if notice.chain_id != segment.chain_id or notice.block > segment.to_block:
                    continue
                del self._told[key]
                if key in seen:
                    self.confirmed += 1
                else:
                    self.false += 1
                    log.warning("false_notice", peer=peer.hex(), chain_id=notice.chain_id, block=notice.block)

    async def _on_notice(self, sender: bytes, payload: bytes) -> None:
        notice = CollateralNotice.decode(payload)
        try:
            listed = self._house.registry.asset(notice.asset).chain_id == notice.chain_id
        except MarketError as error:
            raise InvalidGossip(str(error)) from error
        if not listed:
            raise InvalidGossip(f"{notice.asset} is not on chain {notice.chain_id}")
        self._told[payload] = (sender, notice)
        if len(self._told) > _KEPT:
            self._told.popitem(last=False)
