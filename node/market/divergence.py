"""Whether what a proof covers of a correlated pair still covers what maintenance asks for.

A proof answers for all pairs of prices within two ranges but those of which one lies below its near range while the
other lies above its own (see `bounds`). Maintenance asks for two boxes around the current prices: both down to the
maintenance range's lower end and up no further than the near range, and the mirror image.
"""

from dataclasses import dataclass

from node.market.widths import PriceRange


@dataclass(frozen=True, slots=True)
class Reach:
    """Of one underlying: the whole range, and the near one inside it."""

    full: PriceRange
    near: PriceRange


def reaches_apart(first: Reach, second: Reach, covered_first: PriceRange, covered_second: PriceRange) -> bool:
    """Whether maintenance's boxes of `first` and `second` reach a corner that the covered near ranges leave out."""
    return _corner(first, second, covered_first, covered_second) or _corner(
        second, first, covered_second, covered_first
    )


def _corner(low: Reach, high: Reach, covered_low: PriceRange, covered_high: PriceRange) -> bool:
    """Whether `low` lies below its covered near range, while `high` lies above its own, somewhere in a box."""
    downward = low.full.low < covered_low.low and high.near.high > covered_high.high
    upward = low.near.low < covered_low.low and high.full.high > covered_high.high
    return downward or upward
