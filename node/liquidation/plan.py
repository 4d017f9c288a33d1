"""Which collateral to seize on which chains for a deficit: deterministic, so that every node plans the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.liquidation.auction import PPM

_FEED_UNITS_PER_MICRO_USD = 100


@dataclass(frozen=True, slots=True)
class SeizableHolding:
    """Opened collateral: `amount` ledger units of `asset`, of which `unit_scale` make one token at `price` feed units
    (1e-8 dollars); `available` is what its vault can hand over; the haircut is the slippage of a forced sale; `unsold`
    tells that an earlier lot of the asset found no buyer in its time."""

    asset: str
    amount: int
    available: int
    price: int
    unit_scale: int
    haircut_ppm: int
    unsold: bool = False

    def mark_value(self, amount: int) -> int:
        """Micro-dollars of `amount` ledger units at mark, rounded down."""
        return amount * self.price // (self.unit_scale * _FEED_UNITS_PER_MICRO_USD)

    def forced_value(self, amount: int) -> int:
        """Micro-dollars of `amount` ledger units in a forced sale, rounded down."""
        return self.mark_value(amount) * (PPM - self.haircut_ppm) // PPM


@dataclass(frozen=True, slots=True)
class PlannedSeizure:
    """Seize `amount` ledger units of `asset` and sell them from `start_price` down to `floor_price` (micro-dollars)."""

    asset: str
    amount: int
    start_price: int
    floor_price: int


def plan_seizures(
    deficit: int, holdings: Sequence[SeizableHolding], buffer_ppm: int, sale_floor_ppm: int
) -> tuple[PlannedSeizure, ...]:
    """The holdings, cheapest expected slippage first and larger first among equals, until they cover the deficit; last
    come those of which a lot already waits for a buyer.

    `deficit` is in micro-dollars; `buffer_ppm` more than it is seized, against slippage. What the holdings or their
    vaults lack is left uncovered: the caller plans again when sales have come in, or goes on to the insurance fund.
    """
    remaining = deficit * (PPM + buffer_ppm) // PPM
    order = sorted(
        holdings, key=lambda h: (h.unsold, h.haircut_ppm, -h.forced_value(min(h.amount, h.available)), h.asset)
    )
    planned = []
    for holding in order:
        limit = min(holding.amount, holding.available)
        worth = holding.forced_value(limit)
        if remaining <= 0 or worth <= 0:
            continue
        amount = limit if worth <= remaining else -(-limit * remaining // worth)
        mark = holding.mark_value(amount)
        planned.append(PlannedSeizure(holding.asset, amount, mark, mark * sale_floor_ppm // PPM))
        remaining -= holding.forced_value(amount)
    return tuple(planned)
