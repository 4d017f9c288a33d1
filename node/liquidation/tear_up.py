"""The one price at which an instrument is settled for everyone, so that the defaulter's own lots pay for its loss.

Settling at S instead of the mark moves q·(S − mark) to the defaulter, whose q lots are opened, and takes it from the
other sides of the same instrument in proportion to what they hold. That is linear in hidden positions: it opens nobody,
where a pro-rata cut of hidden positions could not even be computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.liquidation.auction import PPM


@dataclass(frozen=True, slots=True)
class OpenedLot:
    """Signed lots of the defaulter in one instrument, with its mark (micro-dollars per lot)."""

    instrument: str
    quantity: int
    mark: int


@dataclass(frozen=True, slots=True)
class TearUpPrice:
    """Settle `instrument` at `price` (micro-dollars per lot), which brings the defaulter `gain` more than the mark."""

    instrument: str
    price: int
    gain: int


def tear_up_prices(loss: int, lots: Sequence[OpenedLot], band_ppm: int) -> tuple[TearUpPrice, ...]:
    """Prices that cover `loss` micro-dollars: instruments of the largest notional first, the others at mark.

    A price stays within `band_ppm` of its mark and is never negative; what the bands leave open is not covered. What is
    taken beyond the loss is less than one micro-dollar, the finest step of any price, for each lot of the last one.
    """
    prices = []
    for lot in sorted(lots, key=lambda lot: (-abs(lot.quantity) * lot.mark, lot.instrument)):
        size = abs(lot.quantity)
        step = min(-(-max(loss, 0) // size), lot.mark * band_ppm // PPM) if size else 0
        if lot.quantity < 0:
            step = min(step, lot.mark)
        price = lot.mark + (step if lot.quantity > 0 else -step)
        loss -= step * size
        prices.append(TearUpPrice(lot.instrument, price, step * size))
    return tuple(prices)
