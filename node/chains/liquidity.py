"""Where a seized lot can be sold besides the auction's own buyers, and which way pays the vault more.

A source quotes; whoever keeps the lots moving (a keeper) compares its quote with the auction's price and calls
`CollateralAuction.route`, which reverts unless the price is paid. So a quote may be wrong, late or a lie: it costs its
asker some gas, and the house nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.chains.calls import read
from node.chains.errors import ChainError
from node.chains.rpc import Connection


class LiquiditySource(Protocol):
    """A plug-in: whatever quotes a lot, and has a contract (an ILiquiditySource) that sells it."""

    @property
    def address(self) -> bytes:
        """The contract's, 20 bytes."""

    async def quote(self, token: bytes, amount: int, usd: bytes) -> int:
        """Base units of `usd` that `amount` base units of `token` would fetch now; 0 for no market.

        Raises:
            ChainError: the chain, or the contract, does not answer.
        """


@dataclass(frozen=True, slots=True)
class ContractSource:
    """A source that is asked on chain, by its `quote`."""

    w3: Connection
    address: bytes

    async def quote(self, token: bytes, amount: int, usd: bytes) -> int:
        """As the protocol says."""
        types, values = ("address", "uint256", "address"), [token, amount, usd]
        return int(await read(self.w3, self.address, "quote", types, values, "uint256"))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source would pay, in base units of USD."""

    source: bytes
    pays: int


@dataclass(frozen=True, slots=True)
class Offers:
    """The best offer for a lot, None if nobody makes one, and why sources could not be asked."""

    best: Offer | None
    failures: tuple[ChainError, ...] = ()


async def best_offer(sources: Sequence[LiquiditySource], token: bytes, amount: int, usd: bytes) -> Offers:
    """Ask every source for the whole lot; among equals the first one counts. One that fails is passed over and told."""
    best: Offer | None = None
    failures: list[ChainError] = []
    for source in sources:
        try:
            pays = await source.quote(token, amount, usd)
        except ChainError as error:
            failures.append(error)
            continue
        if pays > (0 if best is None else best.pays):
            best = Offer(source.address, pays)
    return Offers(best, tuple(failures))
