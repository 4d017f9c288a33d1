"""What every source of prices offers."""

from dataclasses import dataclass
from typing import Protocol

from node.market.surface import Slice


@dataclass(frozen=True, slots=True)
class FeedReading:
    """Price in feed units (1e-8 USD per whole unit), confidence in ppm, when the source updated it, and the forwards
    and smiles that it quotes by expiry; none where it quotes prices only."""

    price: int
    confidence_ppm: int
    updated_at: int
    slices: tuple[Slice, ...] = ()


class Feed(Protocol):
    """One price, named by its underlying ("BTC")."""

    @property
    def name(self) -> str:
        """The underlying's symbol."""

    async def read(self, not_after: int) -> FeedReading:
        """The newest reading as of `not_after` (unix seconds), the same whenever it is asked for.

        Raises:
            FeedUnavailable: nothing to read for that time.
            FeedInvalid: an answer that is no price.
        """
