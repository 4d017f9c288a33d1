"""The house's rules in numbers. Blocks are hub blocks; fractions are parts per million."""

from dataclasses import dataclass, fields
from typing import Final

from eth_hash.auto import keccak

from node.ledger.errors import RulesInvalid
from node.ledger.types import AccountId, MicroUsd
from node.liquidation.auction import PPM

_POSITIVE: Final = (
    "due_blocks",
    "grace_blocks",
    "hub_gap_blocks",
    "auction_blocks",
    "sale_seconds",
    "max_hub_lag",
    "max_messages",
)
_FRACTIONS: Final = ("auction_discount_ppm", "penalty_ppm", "sale_floor_ppm")


@dataclass(frozen=True, slots=True)
class HouseParameters:
    """Deadlines, fees and limits of default management (design of the ladder in node/liquidation/README.md).

    Raises:
        RulesInvalid: a deadline that is not positive, or a fraction that is none.
    """

    due_blocks: int
    """From a lapsed window to the call (D)."""
    grace_blocks: int
    """From the call to the breach (G)."""
    hub_gap_blocks: int
    """A silence of the house longer than this restarts running deadlines: its own pause calls nobody."""
    auction_blocks: int
    """How long the price of a defaulted portfolio falls."""
    auction_discount_ppm: int
    """How far below mark, of gross notional, the price of an insolvent portfolio may fall."""
    penalty_ppm: int
    """Of gross notional, from the defaulter's remains to the insurance fund."""
    backstop: AccountId
    """The account that takes a portfolio nobody bid for; its book is public."""
    backstop_limit: MicroUsd
    """Gross notional that the backstop has funded."""
    seizure_buffer_ppm: int
    """How much more collateral than the deficit is seized, against slippage of the on-chain sale."""
    sale_floor_ppm: int
    """Lowest price of an on-chain sale, of the asset's mark."""
    sale_seconds: int
    """How long an on-chain sale's price falls to its floor."""
    max_hub_lag: int
    """A batch whose hub header is further behind the voter's view is refused."""
    max_messages: int
    """Messages in one batch."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise RulesInvalid(name, getattr(self, name))
        for name in _FRACTIONS:
            if not 0 <= getattr(self, name) <= PPM:
                raise RulesInvalid(name, getattr(self, name))
        for name in ("backstop_limit", "seizure_buffer_ppm"):
            if getattr(self, name) < 0:
                raise RulesInvalid(name, getattr(self, name))

    @property
    def digest(self) -> bytes:
        """keccak over name and value of every field, in order."""
        text = b""
        for item in fields(self):
            value = getattr(self, item.name)
            raw = value if isinstance(value, bytes) else value.to_bytes(32, "big", signed=True)
            text += item.name.encode() + b"\0" + raw
        return bytes(keccak(text))
